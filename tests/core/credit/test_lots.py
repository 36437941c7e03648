from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from talktime.core.credit import lots
from talktime.core.credit.ledger import Account, Posting
from talktime.core.credit.lots import Credit, CreditLot, LotKind, Slice

NOON = datetime(2026, 6, 10, 12, tzinfo=UTC)
DAY = timedelta(days=1)
EURO = 1_000_000
LOT, REVENUE, BREAKAGE, RECEIVABLE = Account.LOT, Account.REVENUE, Account.BREAKAGE, Account.RECEIVABLE


def lot(
    lot_id: int,
    granted_micros: int = 10 * EURO,
    *,
    days: int = 30,
    kind: LotKind = LotKind.PURCHASED,
    bought: datetime = NOON,
    spent: int = 0,
    held: int = 0,
) -> CreditLot:
    return CreditLot(lot_id, kind, granted_micros, bought, NOON + days * DAY, spent, held)


def credit(*parts: CreditLot, owed: int = 0) -> Credit:
    return Credit(tuple(sorted(parts, key=lots.spending_order)), owed)


def by_id(after: Credit) -> dict[int, CreditLot]:
    return {each.lot_id: each for each in after.lots}


def test_credit_that_expires_first_is_spent_first() -> None:
    after, slices = lots.hold(credit(lot(1, days=60), lot(2, days=30)), 12 * EURO, NOON)

    assert slices == (Slice(2, 10 * EURO), Slice(1, 2 * EURO))
    assert after.held_micros() == 12 * EURO


def test_promotional_credit_is_spent_before_bought_credit_that_expires_earlier() -> None:
    _, slices = lots.hold(credit(lot(1, days=30), lot(2, days=60, kind=LotKind.PROMOTIONAL)), EURO, NOON)

    assert slices == (Slice(2, EURO),)


def test_of_two_lots_that_expire_together_the_older_is_spent_first_and_then_the_one_with_the_lower_id() -> None:
    parts = [lot(1), lot(2, bought=NOON - DAY), lot(3, bought=NOON - DAY)]

    assert [each.lot_id for each in sorted(parts, key=lots.spending_order)] == [2, 3, 1]


def test_a_hold_spans_as_many_lots_as_it_needs_and_no_more() -> None:
    _, slices = lots.hold(credit(lot(1, EURO, days=1), lot(2, EURO, days=2), lot(3, EURO, days=3)), 2 * EURO, NOON)

    assert slices == (Slice(1, EURO), Slice(2, EURO))


def test_a_hold_leaves_out_what_is_spent_or_held_already() -> None:
    _, slices = lots.hold(credit(lot(1, spent=4 * EURO, held=6 * EURO), lot(2, held=EURO, days=60)), 9 * EURO, NOON)

    assert slices == (Slice(2, 9 * EURO),)


def test_a_hold_never_rests_on_expired_credit() -> None:
    funded = credit(lot(1, days=1), lot(2, days=2))
    last_instant, first_instant = NOON + DAY - timedelta(microseconds=1), NOON + DAY

    assert lots.hold(funded, EURO, last_instant)[1] == (Slice(1, EURO),)
    assert lots.hold(funded, EURO, first_instant)[1] == (Slice(2, EURO),)


def test_a_hold_of_nothing_is_no_hold() -> None:
    assert lots.hold(credit(), 0, NOON) == (credit(), ())


def test_more_than_is_available_cannot_be_held() -> None:
    with pytest.raises(AssertionError):
        lots.hold(credit(lot(1)), 10 * EURO + 1, NOON)


def test_available_is_what_remains_less_what_is_held_owed_or_expired() -> None:
    funded = credit(lot(1, spent=EURO, held=2 * EURO), lot(2, days=1), owed=3 * EURO)

    assert funded.available_micros(NOON) == 7 * EURO + 10 * EURO - 3 * EURO
    assert funded.available_micros(NOON + DAY) == 4 * EURO
    assert credit(owed=EURO).available_micros(NOON) == 0


def test_the_balance_counts_held_credit_and_debts() -> None:
    assert credit(lot(1, spent=EURO, held=2 * EURO), owed=3 * EURO).balance_micros == 6 * EURO
    assert credit(owed=EURO).balance_micros == -EURO


def test_a_call_within_its_hold_is_paid_from_it_and_the_rest_is_released() -> None:
    before, slices = lots.hold(credit(lot(1, EURO, days=1), lot(2, EURO, days=2)), 2 * EURO, NOON)

    after, postings, uncovered = lots.settle(before, slices, EURO + 1, NOON)

    assert by_id(after)[1].spent_micros == EURO
    assert (by_id(after)[2].spent_micros, by_id(after)[2].held_micros) == (1, 0)
    assert postings == (Posting(LOT, REVENUE, EURO, 1), Posting(LOT, REVENUE, 1, 2))
    assert (after.available_micros(NOON), uncovered) == (EURO - 1, 0)


def test_a_call_that_costs_nothing_releases_all_and_posts_nothing() -> None:
    before, slices = lots.hold(credit(lot(1)), EURO, NOON)

    assert lots.settle(before, slices, 0, NOON) == (credit(lot(1)), (), 0)


def test_a_hold_that_came_to_an_older_lot_later_is_still_paid_from_the_older_one_first() -> None:
    # The call was started while others held all of lot 1, and extended when they had released it.
    before = credit(lot(1, days=1, held=EURO), lot(2, days=2, held=EURO))

    after, postings, _ = lots.settle(before, (Slice(2, EURO), Slice(1, EURO)), EURO, NOON)

    assert postings == (Posting(LOT, REVENUE, EURO, 1),)
    assert (by_id(after)[2].spent_micros, by_id(after)[2].held_micros) == (0, 0)


def test_credit_held_before_its_lot_expired_may_still_be_spent() -> None:
    before, slices = lots.hold(credit(lot(1, days=1)), 2 * EURO, NOON)
    swept, _ = lots.expire(before, NOON + DAY)

    after, postings, uncovered = lots.settle(swept, slices, 2 * EURO, NOON + 2 * DAY)

    assert postings == (Posting(LOT, REVENUE, 2 * EURO, 1),)
    assert (by_id(after)[1].spent_micros, by_id(after)[1].expired_micros, uncovered) == (2 * EURO, 8 * EURO, 0)


def test_what_is_released_to_an_expired_lot_is_breakage_and_not_available() -> None:
    before, slices = lots.hold(credit(lot(1, 2 * EURO, days=1)), 2 * EURO, NOON)

    after, postings, _ = lots.settle(before, slices, EURO, NOON + DAY)

    assert postings == (Posting(LOT, REVENUE, EURO, 1), Posting(LOT, BREAKAGE, EURO, 1))
    assert after.available_micros(NOON) == 0
    assert by_id(after)[1].remaining_micros == 0


def test_an_overrun_takes_what_is_available_and_the_rest_is_owed() -> None:
    before, slices = lots.hold(credit(lot(1, 2 * EURO)), EURO, NOON)

    after, postings, uncovered = lots.settle(before, slices, 5 * EURO, NOON)

    assert uncovered == 3 * EURO
    assert postings == (
        Posting(LOT, REVENUE, EURO, 1),
        Posting(LOT, REVENUE, EURO, 1),
        Posting(RECEIVABLE, REVENUE, 3 * EURO),
    )
    assert (after.receivable_micros, after.balance_micros) == (3 * EURO, -3 * EURO)


def test_an_overrun_never_takes_what_another_call_was_promised_or_what_has_expired() -> None:
    before = credit(lot(1, 2 * EURO, held=2 * EURO), lot(2, days=0))

    after, postings, uncovered = lots.settle(before, (Slice(1, EURO),), 3 * EURO, NOON)

    assert postings == (Posting(LOT, REVENUE, EURO, 1), Posting(RECEIVABLE, REVENUE, 2 * EURO))
    assert (by_id(after)[1].held_micros, uncovered) == (EURO, 2 * EURO)


def test_the_next_lot_repays_what_is_owed_first() -> None:
    after, postings = lots.grant(credit(owed=3 * EURO), lot(1), NOON)

    assert postings == (
        Posting(Account.CASH_CLEARING, LOT, 10 * EURO, 1),
        Posting(LOT, RECEIVABLE, 3 * EURO, 1),
    )
    assert (after.receivable_micros, after.available_micros(NOON)) == (0, 7 * EURO)


def test_a_lot_smaller_than_the_debt_repays_a_part_and_leaves_nothing_to_spend() -> None:
    after, _ = lots.grant(credit(owed=3 * EURO), lot(1, EURO), NOON)

    assert (after.receivable_micros, after.available_micros(NOON), after.balance_micros) == (2 * EURO, 0, -2 * EURO)


def test_what_a_call_releases_repays_the_debt_of_another() -> None:
    before = credit(lot(1, 2 * EURO, held=2 * EURO), owed=EURO)

    after, postings, _ = lots.settle(before, (Slice(1, 2 * EURO),), EURO // 2, NOON)

    assert postings == (Posting(LOT, REVENUE, EURO // 2, 1), Posting(LOT, RECEIVABLE, EURO, 1))
    assert (after.receivable_micros, after.available_micros(NOON)) == (0, EURO // 2)


def test_a_lot_is_granted_into_its_place_in_the_order() -> None:
    after, _ = lots.grant(credit(lot(1, days=10), lot(2, days=30)), lot(3, days=20), NOON)

    assert [each.lot_id for each in after.lots] == [1, 3, 2]


def test_expiry_takes_what_is_available_once_and_leaves_what_is_held() -> None:
    before = credit(lot(1, days=1, held=EURO), lot(2, days=2))

    after, postings = lots.expire(before, NOON + DAY)

    assert postings == (Posting(LOT, BREAKAGE, 9 * EURO, 1),)
    assert (by_id(after)[1].remaining_micros, by_id(after)[2].expired_micros) == (EURO, 0)
    assert lots.expire(after, NOON + DAY) == (after, ())


def test_expiry_waits_for_its_instant() -> None:
    before = credit(lot(1, days=1))

    assert lots.expire(before, NOON + DAY - timedelta(microseconds=1)) == (before, ())


def test_a_purchase_expires_at_the_end_of_the_day_twelve_months_later() -> None:
    # Bought on 10 June 2026 in London: usable through 10 June 2027, and midnight there is 23:00 in Greenwich.
    assert lots.expires_at(NOON, ZoneInfo("Europe/London")) == datetime(2027, 6, 10, 23, tzinfo=UTC)


@pytest.mark.parametrize(("spent", "held"), [(11 * EURO, 0), (0, 11 * EURO), (6 * EURO, 5 * EURO), (-1, 0), (0, -1)])
def test_a_lot_that_gives_more_than_it_was_granted_cannot_be(spent: int, held: int) -> None:
    with pytest.raises(AssertionError):
        lot(1, spent=spent, held=held)


@pytest.mark.parametrize(
    ("debit", "to", "amount", "lot_id"),
    [(LOT, REVENUE, 0, 1), (LOT, REVENUE, -1, 1), (LOT, REVENUE, 1, None), (RECEIVABLE, REVENUE, 1, 1)],
)
def test_a_posting_moves_something_and_names_its_lot(
    debit: Account, to: Account, amount: int, lot_id: int | None
) -> None:
    with pytest.raises(AssertionError):
        Posting(debit, to, amount, lot_id)
