"""What Beancount makes of names, currencies, amounts and periods of any kind, by its own program."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from talktime.core.credit.ledger import Account
from talktime.core.insight.general_ledger import CHART, Moved, added, balances_of, brought_forward
from talktime.core.insight.ledger_entries import LedgerEntry, LedgerOf, LedgerPosting
from talktime.core.values.places import currencies
from talktime.exports.beancount import account_name, write_beancount
from tests.exports.bean_check import asserted, bean_check

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
AWKWARD_NAMES = (
    'Acme "Pty" Ltd',
    "back\\slash\\",
    "two\nlines",
    "; no comment",
    "株式会社アクメ",
    "חברת דוגמה בע״מ",
    "شركة المثال",
    "Ǆungla ǰ ß ŉ",
    "Ñandú & Söhne GmbH",
    "=HYPERLINK(1)",
    "42",
    "—",
    "* heading",
    "2026-03-02 open Assets:Cash",
    "👩‍💻 Studio",
    "Καφενείο·ΐ",
    "हिन्दी",
)


def test_names_of_any_script_and_with_any_sign_are_accepted(tmp_path: Path) -> None:
    ledgers = [_ledger(number, name) for number, name in enumerate(AWKWARD_NAMES, start=1)]

    written = _write(tmp_path, ledgers)

    assert bean_check(tmp_path / "books.beancount") == ""
    assert '* "Acme \\"Pty\\" Ltd" ' in written
    assert "Deferred-Revenue:000005-株式会社アクメ " in written
    assert "Deferred-Revenue:000001-Acme-Pty-Ltd " in written
    # What reads from right to left would turn the amount behind it around.
    assert "Deferred-Revenue:000006 " in written


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.text(st.characters(exclude_categories=("Cs",)), min_size=1), min_size=1, max_size=30))
def test_any_name_is_accepted(tmp_path: Path, names: list[str]) -> None:
    _write(tmp_path, [_ledger(number, name) for number, name in enumerate(names, start=1)])

    assert bean_check(tmp_path / "books.beancount") == ""


def test_every_currency_in_use_is_accepted_with_all_its_decimals(tmp_path: Path) -> None:
    every = sorted(currencies())
    ledgers = [replace(_ledger(number, code), currency=code) for number, code in enumerate(every, start=1)]

    written = _write(tmp_path, ledgers)

    assert bean_check(tmp_path / "books.beancount") == ""
    assert len(every) > 150
    assert all(f"1970-01-01 commodity {code}\n" in written for code in every)


def test_a_micro_too_much_in_an_assertion_is_found(tmp_path: Path) -> None:
    ledger = _ledger(1, "Acme")
    closing = added(ledger.closing, {CHART[Account.TAX]: 1})

    _write(tmp_path, [replace(ledger, closing=closing)])

    assert "(0.000001 too little)" in bean_check(tmp_path / "books.beancount")


def test_a_period_stands_by_itself_with_what_was_brought_forward(tmp_path: Path) -> None:
    earlier: Moved = {(Account.CASH_CLEARING, Account.LOT): 9_000_000, (Account.LOT, Account.REVENUE): 1}
    opening = brought_forward(balances_of(earlier))
    ledger = _ledger(1, "Acme")
    ledger = replace(ledger, opening=opening, closing=added(opening, ledger.closing), months=((NOON.date(), opening),))

    written = _write(tmp_path, [ledger])

    assert bean_check(tmp_path / "books.beancount") == ""
    assert '2026-03-01 * "Acme" "Balances brought forward"' in written
    assert asserted(written)["2026-03-02", "Equity:Earlier-Earnings:000001-Acme"] == "-0.000001"


def test_no_two_accounts_of_any_two_organizations_have_the_same_name() -> None:
    ledgers = [_ledger(number, name) for number in (1, 2) for name in ("Acme", "-")]

    names = {account_name(account, ledger) for ledger in ledgers for account in CHART.values()}

    assert len(names) == len(ledgers) * len(CHART)


def test_an_entry_carries_what_leads_back_to_it(tmp_path: Path) -> None:
    written = _write(tmp_path, [_ledger(7, "Acme")])

    assert written.endswith(
        """
2026-03-02 * "Acme" "Credit bought; Tax on credit bought, PO \\"7\\"" ^TT-000007-0001
  entry: "purchase:o-1"
  instant: "2026-03-02T12:00:00Z"
  organization: 7
  Assets:Cash-Clearing:000007-Acme                    20.000001 GBP
  Liabilities:Deferred-Revenue:000007-Acme           -20.000001 GBP
    lot: 3
  Assets:Cash-Clearing:000007-Acme                     3.800000 GBP
  Liabilities:Sales-Tax-Payable:000007-Acme           -3.800000 GBP

2026-03-03 balance Assets:Cash-Clearing:000007-Acme                    23.800001 ~ 0 GBP
2026-03-03 balance Liabilities:Deferred-Revenue:000007-Acme           -20.000001 ~ 0 GBP
2026-03-03 balance Liabilities:Sales-Tax-Payable:000007-Acme           -3.800000 ~ 0 GBP
"""
    )


def _ledger(organization_id: int, name: str) -> LedgerOf:
    postings = (
        LedgerPosting(Account.CASH_CLEARING, Account.LOT, 20_000_001, 3, 'PO "7"'),
        LedgerPosting(Account.CASH_CLEARING, Account.TAX, 3_800_000),
    )
    moved: Moved = {(posting.debit, posting.credit): posting.amount_micros for posting in postings}
    return LedgerOf(
        organization_id=organization_id,
        organization=name,
        currency="GBP",
        zone=ZoneInfo("Europe/London"),
        begins_on=NOON.date(),
        ends_on=date(2026, 3, 3),
        opening={},
        moved=moved,
        months=(),
        closing=balances_of(moved),
        entries=(LedgerEntry("purchase:o-1", NOON.date(), NOON, postings, f"TT-{organization_id:06}-0001"),),
    )


def _write(folder: Path, ledgers: Sequence[LedgerOf]) -> str:
    path = folder / "books.beancount"
    with path.open("w", encoding="utf-8", newline="") as stream:
        write_beancount(stream, ledgers, sorted({ledger.currency for ledger in ledgers}))
    return path.read_text("utf-8")
