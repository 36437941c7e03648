"""The chart of accounts and its signs: what accountants expect, for every account that the journal has."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from talktime.core.credit.ledger import Account
from talktime.core.insight.general_ledger import (
    CHART,
    CHARTED,
    EARLIER_EARNINGS,
    AccountKind,
    Moved,
    Side,
    added,
    balances_of,
    brought_forward,
    side_of,
    total_moved,
    trial_balance,
)
from talktime.core.insight.ledger_entries import Detail, LedgerEntry, LedgerPosting, in_one_line, summarized, words_of

NOON = datetime(2026, 3, 30, 12, tzinfo=UTC)
# Numbers of accounts begin with the digit that accountants expect of their kind.
FIRST_DIGITS = {
    AccountKind.ASSET: "1",
    AccountKind.LIABILITY: "2",
    AccountKind.EQUITY: "3",
    AccountKind.INCOME: "4",
    AccountKind.EXPENSE: "5",
}
MOVED = st.dictionaries(
    st.tuples(st.sampled_from(Account), st.sampled_from(Account)).filter(lambda pair: pair[0] is not pair[1]),
    st.integers(1, 10**15),
)


def test_every_account_of_the_journal_stands_in_the_chart_once() -> None:
    assert set(CHART) == set(Account)
    assert len({account.number for account in CHARTED}) == len({account.name for account in CHARTED}) == len(CHARTED)


@pytest.mark.parametrize("account", CHARTED, ids=lambda account: account.name)
def test_an_account_has_the_number_and_the_side_of_its_kind(account: object) -> None:
    charted = next(each for each in CHARTED if each is account)

    assert charted.number[0] == FIRST_DIGITS[charted.kind]
    assert charted.grows_by is (Side.DEBIT if charted.number[0] in "15" else Side.CREDIT)


def test_credit_that_is_bought_and_used_is_deferred_revenue_until_it_is_earned() -> None:
    moved: Moved = {(Account.CASH_CLEARING, Account.LOT): 100, (Account.LOT, Account.REVENUE): 30}

    balances = {account.name: micros for account, micros in balances_of(moved).items()}

    assert balances == {"Cash clearing": 100, "Deferred revenue": -70, "Call revenue": -30}
    assert [side_of(micros) for micros in (100, -70, 0)] == [Side.DEBIT, Side.CREDIT, None]


@given(MOVED)
def test_all_balances_add_up_to_nothing_and_so_do_those_brought_forward(moved: Moved) -> None:
    balances = balances_of(moved)
    opening = brought_forward(balances)

    assert sum(balances.values()) == 0
    assert sum(opening.values()) == 0
    assert {account.kind for account in opening} <= {AccountKind.ASSET, AccountKind.LIABILITY, AccountKind.EQUITY}
    assert opening.get(EARLIER_EARNINGS, 0) == sum(
        micros for account, micros in balances.items() if account.kind in {AccountKind.INCOME, AccountKind.EXPENSE}
    )


@given(MOVED, MOVED)
def test_a_trial_balance_closes_with_what_was_and_what_moved(before: Moved, moved: Moved) -> None:
    opening = brought_forward(balances_of(before))

    lines = trial_balance(opening, moved)

    closing = added(opening, balances_of(moved))
    assert {line.account: line.closing_micros for line in lines if line.closing_micros} == {
        account: micros for account, micros in closing.items() if micros
    }
    assert sum(line.debited_micros for line in lines) == sum(line.credited_micros for line in lines)
    assert [line.account.number for line in lines] == sorted(line.account.number for line in lines)
    assert balances_of(total_moved((before, moved))) == added(balances_of(before), balances_of(moved))


def test_an_entry_says_each_thing_once() -> None:
    paid = LedgerPosting(Account.LOT, Account.REVENUE, 7, 1, "France")
    owed = LedgerPosting(Account.RECEIVABLE, Account.REVENUE, 1, None, "France")

    entry = LedgerEntry("call:a:0", NOON.date(), NOON, (paid, paid._replace(lot_id=2), owed))

    assert entry.words == "Call paid from credit; Call that no credit covered, France"
    assert paid.words == "Call paid from credit, France"


def test_a_movement_that_nobody_foresaw_is_described_by_its_accounts() -> None:
    assert words_of(Account.ROUNDING, Account.FEE) == "Rounding differences from payment fees"


@pytest.mark.parametrize(
    ("text", "shown"),
    [("PO 7\r\n", "PO 7"), ("a\tb\x00c", "a b c"), ("a\u202eb", "a b"), ("=1+1", "=1+1"), ("北京 שלום", "北京 שלום")],
)
def test_text_of_people_comes_in_one_line(text: str, shown: str) -> None:
    assert in_one_line(text) == shown


def test_sums_of_days_say_of_how_many_postings_they_are() -> None:
    days = [date(2026, 3, 30), date(2026, 3, 30), date(2026, 3, 31), date(2026, 4, 1)]
    entries = [_call(number, day) for number, day in enumerate(days)]

    by_day, by_month = (list(summarized(entries, detail)) for detail in (Detail.DAY, Detail.MONTH))

    assert [(each.entry_id, each.words) for each in by_day] == [
        ("day:2026-03-30", "Call paid from credit (2)"),
        ("day:2026-03-31", "Call paid from credit"),
        ("day:2026-04-01", "Call paid from credit"),
    ]
    assert [(each.entry_id, each.booked_on, each.postings[0].amount_micros) for each in by_month] == [
        ("month:2026-03", date(2026, 3, 31), 6),
        ("month:2026-04", date(2026, 4, 1), 4),
    ]
    assert list(summarized(entries, Detail.ENTRY)) == entries


def _call(number: int, day: date) -> LedgerEntry:
    posting = LedgerPosting(Account.LOT, Account.REVENUE, number + 1, 1, "France")
    return LedgerEntry(f"call:{number}:0", day, NOON + timedelta(days=number), (posting,))
