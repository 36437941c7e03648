"""Refunds, disputes, corrections and late use on values; money.md 29 to 36 and 42 to 47 by their names."""

from datetime import UTC, datetime, timedelta

import pytest

from talktime.core.credit import lots, refunds, returning
from talktime.core.credit.billing.taxes import Taxed, refund_tax_micros
from talktime.core.credit.buying.payments import Refunded, RefundFailed, Unknown
from talktime.core.credit.buying.purchases import ASK_AGAIN_AFTER, LEASE
from talktime.core.credit.ledger import Account, Posting
from talktime.core.credit.lots import Credit, CreditLot, LotKind, Slice
from talktime.core.credit.refunds import Refund, RefundState

NOON = datetime(2026, 6, 10, 12, tzinfo=UTC)
DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
EURO = 1_000_000
LOT, REVENUE, BREAKAGE, RECEIVABLE = Account.LOT, Account.REVENUE, Account.BREAKAGE, Account.RECEIVABLE


def lot(lot_id: int, granted_micros: int = 10 * EURO, *, days: int = 30, spent: int = 0, held: int = 0) -> CreditLot:
    return CreditLot(lot_id, LotKind.PURCHASED, granted_micros, NOON, NOON + days * DAY, spent, held)


def credit(*parts: CreditLot, owed: int = 0) -> Credit:
    return Credit(tuple(sorted(parts, key=lots.spending_order)), owed)


def refund(**changes: object) -> Refund:
    known = {"organization_id": 7, "refund_id": "order-1-refund-1", "purchase_id": "order-1", "lot_id": 1}
    money = {"net_micros": 5 * EURO, "tax_micros": EURO, "currency": "EUR", "reason": "moved", "created_at": NOON}
    return Refund(**known | money | {"next_step_at": NOON, "from_lot_micros": 5 * EURO} | changes)  # type: ignore[arg-type]


# ── 29, 33, 36: who comes first, and what a call takes ──────────────────────────────────────────────────────


def test_a_lot_bought_while_calls_go_on_stands_behind_those_that_end_sooner() -> None:
    before, slices = lots.hold(credit(lot(1, days=5)), EURO, NOON)

    after, _ = lots.grant(before, lot(2, days=30), NOON)

    assert [each.lot_id for each in after.lots] == [1, 2]
    assert lots.hold(after, 10 * EURO, NOON)[1] == (Slice(1, 9 * EURO), Slice(2, EURO))
    assert after.lot(1).held_micros == slices[0].amount_micros


# ── 31: late use ────────────────────────────────────────────────────────────────────────────────────────────


def test_late_use_is_paid_by_the_lot_that_has_expired_and_was_swept_since() -> None:
    swept, _ = lots.expire(credit(lot(1, days=1), lot(2)), NOON + DAY)

    after, postings, uncovered = lots.settle(swept, (), 3 * EURO, NOON + 2 * DAY, used_at=NOON + 23 * HOUR)

    assert postings == (Posting(BREAKAGE, LOT, 3 * EURO, 1), Posting(LOT, REVENUE, 3 * EURO, 1))
    assert (after.lot(1).spent_micros, after.lot(1).expired_micros) == (3 * EURO, 7 * EURO)
    assert (after.lot(2), uncovered) == (lot(2), 0)


def test_late_use_is_paid_alike_whether_the_sweep_has_run_or_not() -> None:
    funded = credit(lot(1, 2 * EURO, days=1), lot(2))
    swept, _ = lots.expire(funded, NOON + DAY)

    early, _, _ = lots.settle(funded, (), 3 * EURO, NOON + 2 * DAY, used_at=NOON)
    late, _, _ = lots.settle(swept, (), 3 * EURO, NOON + 2 * DAY, used_at=NOON)

    assert early == late
    assert late.lot(2).spent_micros == EURO


def test_use_after_the_end_of_a_lot_is_never_paid_by_it_however_late_it_is_told() -> None:
    swept, _ = lots.expire(credit(lot(1, days=1), lot(2)), NOON + DAY)

    after, postings, _ = lots.settle(swept, (), EURO, NOON + 2 * DAY, used_at=NOON + DAY)

    assert postings == (Posting(LOT, REVENUE, EURO, 2),)
    assert after.lot(1) == swept.lot(1)


def test_use_outside_the_grace_is_paid_by_the_lots_of_now() -> None:
    swept, _ = lots.expire(credit(lot(1, days=1), lot(2)), NOON + DAY)

    _, postings, _ = lots.settle(swept, (), EURO, NOON + 5 * DAY)

    assert postings == (Posting(LOT, REVENUE, EURO, 2),)


def test_late_use_is_paid_by_what_was_bought_since_where_the_lots_of_then_do_not_suffice() -> None:
    bought_since = CreditLot(2, LotKind.PURCHASED, 10 * EURO, NOON + DAY, NOON + 30 * DAY)

    after, _, uncovered = lots.settle(credit(lot(1, EURO), bought_since), (), 3 * EURO, NOON + 2 * DAY, used_at=NOON)

    assert (after.lot(1).spent_micros, after.lot(2).spent_micros, uncovered) == (EURO, 2 * EURO, 0)


# ── 43, 44: refunds ─────────────────────────────────────────────────────────────────────────────────────────


def test_what_is_spent_or_held_or_expired_of_a_lot_cannot_be_given_back() -> None:
    funded = credit(lot(1, spent=4 * EURO, held=EURO), lot(2, days=0))

    assert returning.returnable_micros(funded, 1, NOON) == 5 * EURO
    assert returning.returnable_micros(funded, 2, NOON) == 0
    with pytest.raises(AssertionError):
        returning.refund(funded, 1, 5 * EURO + 1, NOON)


def test_what_is_given_back_leaves_its_lot_at_once_so_that_nobody_spends_it() -> None:
    after, postings = returning.refund(credit(lot(1)), 1, 4 * EURO, NOON)

    assert postings == (Posting(LOT, Account.REFUND, 4 * EURO, 1),)
    assert (after.available_micros(NOON), after.lot(1).refunded_micros) == (6 * EURO, 4 * EURO)


def test_a_refund_that_failed_opens_the_lot_again() -> None:
    before = credit(lot(1))
    after, _ = returning.refund(before, 1, 4 * EURO, NOON)

    assert returning.reopen(after, 1, 4 * EURO, NOON)[0] == before


def test_what_comes_back_repays_what_was_overrun_meanwhile() -> None:
    taken, _ = returning.refund(credit(lot(1)), 1, 10 * EURO, NOON)
    overrun, _, _ = lots.settle(taken, (), 3 * EURO, NOON)

    after, postings = returning.reopen(overrun, 1, 10 * EURO, NOON)

    assert postings[1] == Posting(LOT, RECEIVABLE, 3 * EURO, 1)
    assert (after.receivable_micros, after.available_micros(NOON)) == (0, 7 * EURO)


def test_tax_goes_back_pro_rata_and_the_last_part_brings_the_rest() -> None:
    charged = Taxed(3 * EURO, 570_000)
    given = Taxed(0, 0)
    for _ in range(3):
        part = refund_tax_micros(charged, given, EURO, "EUR")
        given = Taxed(given.net_micros + EURO, given.tax_micros + part)

    assert given == charged


def test_a_refund_without_an_answer_is_asked_again_with_the_same_key() -> None:
    asked = refunds.leased(refund(), NOON)

    unknown = refunds.concluded(asked, Unknown("no answer"), NOON)

    assert asked.next_step_at == NOON + LEASE
    assert (unknown.state, unknown.next_step_at) == (RefundState.UNKNOWN, NOON + ASK_AGAIN_AFTER[0])
    assert refunds.is_due(unknown, NOON + ASK_AGAIN_AFTER[0])
    assert refunds.leased(unknown, NOON + HOUR).idempotency_key == asked.idempotency_key


def test_a_refund_is_not_asked_for_again_once_the_gateway_may_have_forgotten_its_key() -> None:
    asked = refunds.leased(refund(first_asked_at=NOON - DAY, asked_count=9), NOON)

    unknown = refunds.concluded(asked, Unknown("no answer"), NOON)

    assert (unknown.is_open, unknown.next_step_at) == (True, None)
    assert not refunds.is_due(unknown, NOON + 30 * DAY)


@pytest.mark.parametrize("later", [Refunded("re_2"), RefundFailed("late"), Unknown("lost")])
def test_a_refund_that_was_decided_stays_as_it_is(later: Refunded | RefundFailed | Unknown) -> None:
    done = refunds.concluded(refund(), Refunded("re_1"), NOON)

    assert refunds.concluded(done, later, NOON + HOUR) == done


def test_what_failed_was_not_given_back() -> None:
    done = refunds.concluded(refund(), Refunded("re_1"), NOON)
    failed = refunds.concluded(refund(), RefundFailed("expired_card"), NOON)

    assert refunds.given_back([done, failed, refund()]) == Taxed(10 * EURO, 2 * EURO)
    assert refunds.paid_micros([done, failed, refund()]) == 6 * EURO


# ── 45: what a gateway reports is told apart by our own rows ────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("before", "gross_micros", "expected"),
    [
        (Taxed(0, 0), 119 * EURO, Taxed(100 * EURO, 19 * EURO)),
        (Taxed(0, 0), 0, Taxed(0, 0)),
        (Taxed(0, 0), 11_900_000, Taxed(10 * EURO, 1_900_000)),
        (Taxed(90 * EURO, 17_100_000), 11_900_000, Taxed(10 * EURO, 1_900_000)),
        (Taxed(0, 0), 119 * EURO + 1, None),
        (Taxed(100 * EURO, 19 * EURO), 1, None),
    ],
)
def test_what_was_given_back_elsewhere_is_told_apart_as_it_was_charged(
    before: Taxed, gross_micros: int, expected: Taxed | None
) -> None:
    assert refunds.split(Taxed(100 * EURO, 19 * EURO), before, gross_micros) == expected


# ── 46: disputes ────────────────────────────────────────────────────────────────────────────────────────────


def test_a_dispute_takes_the_unused_part_of_its_own_lot_and_touches_no_other() -> None:
    before = credit(lot(1, spent=7 * EURO, held=EURO), lot(2))

    after, postings = returning.claw_back(before, 1, 10 * EURO, NOON)

    assert postings == (Posting(LOT, Account.DISPUTED, 2 * EURO, 1),)
    assert after.lot(2) == before.lot(2)
    assert (after.lot(1).disputed_micros, after.lot(1).held_micros) == (2 * EURO, EURO)


def test_a_dispute_of_a_lot_that_is_used_up_takes_nothing() -> None:
    before = credit(lot(1, spent=10 * EURO), lot(2))

    assert returning.claw_back(before, 1, 10 * EURO, NOON) == (before, ())


def test_a_dispute_that_is_won_leaves_everything_as_it_was() -> None:
    before = credit(lot(1, spent=7 * EURO), lot(2))
    after, _ = returning.claw_back(before, 1, 10 * EURO, NOON)

    assert returning.restore(after, 1, 3 * EURO, NOON)[0] == before


def test_what_had_been_spent_is_owed_once_the_dispute_is_lost() -> None:
    after, postings = returning.owe(credit(lot(1, 2 * EURO)), 5 * EURO, NOON, Account.DISPUTED)

    assert postings == (Posting(RECEIVABLE, Account.DISPUTED, 5 * EURO), Posting(LOT, RECEIVABLE, 2 * EURO, 1))
    assert (after.receivable_micros, after.balance_micros) == (3 * EURO, -3 * EURO)


# ── 25, 64, 65: corrections, closing, transfers ─────────────────────────────────────────────────────────────


def test_what_is_taken_away_comes_from_the_lots_in_spending_order() -> None:
    after, postings = returning.withdraw(credit(lot(1, days=2), lot(2, days=1)), 12 * EURO, NOON, Account.ADJUSTMENT)

    assert [(each.lot_id, each.amount_micros) for each in postings] == [(2, 10 * EURO), (1, 2 * EURO)]
    assert after.available_micros(NOON) == 8 * EURO


def test_what_calls_were_promised_cannot_be_taken_away() -> None:
    with pytest.raises(AssertionError):
        returning.withdraw(credit(lot(1, held=EURO)), 10 * EURO, NOON, Account.TRANSFER)


def test_an_account_that_closes_forfeits_what_is_not_promised() -> None:
    after, postings = returning.forfeit(credit(lot(1, held=EURO), lot(2, spent=10 * EURO)))

    assert postings == (Posting(LOT, BREAKAGE, 9 * EURO, 1),)
    assert after.lot(1).remaining_micros == EURO
