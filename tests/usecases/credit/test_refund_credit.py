"""Give credit back on both databases, by sandbox cards: money.md 43 to 45."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest

from talktime.core.credit.billing.taxes import TaxedAt, TaxRule
from talktime.core.credit.buying.payments import (
    GatewayEvent,
    GatewayEventKind,
    Refunded,
    RefundOrder,
    RefundResult,
    Unknown,
)
from talktime.core.credit.lots import LotKind
from talktime.core.credit.recharging.settings import RechargeChange
from talktime.core.credit.refunds import MADE_OUTSIDE, Refund, RefundState
from talktime.core.values.errors import Conflict, Invalid, NotFound
from talktime.core.values.events import EventKind
from talktime.usecases.credit.add_credit import AddCredit, add_credit
from talktime.usecases.credit.note_gateway_event import EventNoted, NoteGatewayEvent, Noting, note_gateway_event
from talktime.usecases.credit.returning.pay_refunds import (
    RefundAt,
    RefundOutcome,
    conclude_refund,
    due_refunds,
    lease_refund,
    pay_refund,
)
from talktime.usecases.credit.returning.refund_credit import RefundCredit, refund_credit
from tests.recharge_world import NAME, NOON, ORGANIZATION_ID
from tests.usecases.credit.buyers import AGREEMENT, FORM, Buyers, units

ORDER_LOT = 2


class LosingAnswers:
    """The gateway, whose answers about refunds are lost so many times: it has done what was asked."""

    def __init__(self, world: Buyers, times: int) -> None:
        self._gateway, self._left = world.gateway, times
        self.keys: list[str] = []

    def refund(self, order: RefundOrder) -> RefundResult:
        result = self._gateway.refund(order)
        self.keys.append(order.idempotency_key)
        self._left -= 1
        return Unknown("the answer was lost") if self._left >= 0 else result


@pytest.fixture
def world(world: Buyers) -> Buyers:
    """Give Acme with a lot of 100 by hand and one of 200 bought with a card; its books are audited afterwards."""
    world.attach()
    world.buy()
    return world


def ask(world: Buyers, amount: int | None = None, *, lot_id: int = ORDER_LOT, reference: str = "R-1") -> Refund:
    amount_micros = None if amount is None else units(amount)
    return world.app.run(refund_credit, RefundCredit(NAME, lot_id, reference, "moved away", world.at, amount_micros))


def pay(world: Buyers, gateway: object = None) -> None:
    for organization_id, refund_id in world.app.read(due_refunds, world.at):
        gateways = {"sandbox": gateway or world.gateway}
        pay_refund(world.app.run, gateways, organization_id, refund_id, lambda: world.at)  # type: ignore[arg-type]


def refunds(world: Buyers) -> list[Refund]:
    return world.app.read(lambda tx, _: tx.lot_life.refunds_of(ORGANIZATION_ID), None)


def report(world: Buyers, kind: GatewayEventKind, amount: int, event_id: str) -> EventNoted:
    charge_id = world.purchase("order-1").charge_id
    event = GatewayEvent(
        "sandbox", event_id, kind, world.at, charge_id=charge_id, amount_micros=units(amount), currency="USD"
    )
    return world.app.run(note_gateway_event, NoteGatewayEvent(event, world.at))


# ── 43 and 44 ───────────────────────────────────────────────────────────────────────────────────────────────


def test_the_unused_part_of_a_lot_leaves_it_at_once_and_comes_back_to_the_card(world: Buyers) -> None:
    asked = ask(world)
    left_units = world.available_units
    pay(world)
    pay(world)

    assert (asked.state, asked.net_micros, left_units) == (RefundState.DUE, units(200), 100)
    assert [each.state for each in refunds(world)] == [RefundState.REFUNDED]
    assert world.moved_units == 0
    assert world.told().count(EventKind.CREDIT_REFUNDED) == 1


def test_what_is_spent_or_promised_of_a_lot_is_not_refundable(world: Buyers) -> None:
    ask(world, lot_id=1, reference="by hand")
    world.spend(60)
    world.start()

    with pytest.raises(Conflict, match=r"139\.00 of lot 2 is unused"):
        ask(world, 140)
    assert ask(world).net_micros == units(139)


def test_a_lot_without_anything_unused_is_refused(world: Buyers) -> None:
    world.tick(days=400)

    with pytest.raises(Conflict, match="nothing of lot 1"):
        ask(world, lot_id=1, reference="too late")


def test_a_gift_is_not_refunded_in_money(world: Buyers) -> None:
    world.app.run(add_credit, AddCredit(NAME, units(5), "gift", world.at, kind=LotKind.PROMOTIONAL))

    with pytest.raises(Conflict, match="promotional"):
        ask(world, lot_id=3)


def test_the_same_refund_asked_many_times_at_once_is_one(world: Buyers) -> None:
    with ThreadPoolExecutor(8) as pool:
        asked = list(pool.map(lambda _: ask(world, 50), range(16)))
    pay(world)

    assert {each.refund_id for each in asked} == {"order-1-refund-1"}
    assert world.moved_units == 150


@pytest.mark.parametrize(
    ("request_", "error"),
    [
        (RefundCredit(NAME, ORDER_LOT, "R", "why", NOON, 0), Invalid),
        (RefundCredit(NAME, ORDER_LOT, "R", "why", NOON, units(201)), Conflict),
        (RefundCredit(NAME, ORDER_LOT, "R", " ", NOON), Invalid),
        (RefundCredit(NAME, ORDER_LOT, " ", "why", NOON), Invalid),
        (RefundCredit(NAME, 99, "R", "why", NOON), NotFound),
        (RefundCredit("Nobody", ORDER_LOT, "R", "why", NOON), NotFound),
    ],
)
def test_what_cannot_be_refunded_changes_nothing(world: Buyers, request_: RefundCredit, error: type) -> None:
    with pytest.raises(error):
        world.app.run(refund_credit, request_)

    assert refunds(world) == []
    assert world.available_units == 300


def test_the_same_reference_for_another_refund_is_a_conflict(world: Buyers) -> None:
    ask(world, 50)

    with pytest.raises(Conflict, match="used before"):
        ask(world, 60)


def test_a_second_refund_of_a_purchase_waits_for_the_first(world: Buyers) -> None:
    ask(world, 50)

    with pytest.raises(Conflict, match="under way"):
        ask(world, 50, reference="R-2")

    pay(world)
    ask(world, 50, reference="R-2")
    pay(world)
    assert world.moved_units == 100


def test_the_tax_of_parts_adds_up_to_the_tax_that_was_charged(world: Buyers) -> None:
    rule = TaxRule("US", "Sales tax", 72_500, TaxedAt.PURCHASE, NOON.date())
    world.app.run(lambda tx, _: tx.documents.save_tax_rule(rule), None)
    world.buy("K-2")

    for index, amount in enumerate((33, 33, None)):
        ask(world, amount, lot_id=3, reference=f"R-{index}")
        pay(world)

    given_back = refunds(world)
    assert [each.tax_micros for each in given_back] == [2_390_000, 2_400_000, 9_710_000]
    assert sum(each.gross_micros for each in given_back) == units(200) + 14_500_000
    notes = world.app.read(
        lambda tx, _: tx.documents.credit_notes(tx.documents.invoice_of_purchase(ORGANIZATION_ID, "order-2")), None
    )
    assert [note.tax_micros for note in notes] == [2_390_000, 2_400_000, 9_710_000]


def test_a_refund_that_crosses_the_trigger_recharges_in_the_same_transaction(world: Buyers) -> None:
    world.set(
        RechargeChange(is_on=True, trigger_micros=units(150), amount_micros=units(200), method_id=world.add_card())
    )

    ask(world)

    assert world.watch.progress.open_purchase_id == "recharge-1"


def test_a_gateway_that_refuses_a_refund_opens_the_lot_again(world: Buyers) -> None:
    ask(world, 50)
    (key,) = world.app.read(due_refunds, world.at)
    leased = world.app.run(lease_refund, RefundAt(*key, world.at))
    assert leased is not None
    outcome = world.gateway.refund(replace(leased.order, charge_id="ch_nothing"))

    world.app.run(conclude_refund, RefundOutcome(*key, outcome, world.at))

    assert [each.state for each in refunds(world)] == [RefundState.FAILED]
    assert world.available_units == 300
    assert ask(world, 50, reference="again").refund_id == "order-1-refund-2"


def test_a_refund_whose_answer_was_lost_is_asked_again_with_the_same_key_and_paid_once(world: Buyers) -> None:
    gateway = LosingAnswers(world, times=2)
    ask(world, 50)

    for _ in range(3):
        pay(world, gateway)
        world.tick(hours=1)

    assert len(gateway.keys) == 3
    assert len(set(gateway.keys)) == 1
    assert [each.state for each in refunds(world)] == [RefundState.REFUNDED]
    assert world.moved_units == 150


def test_a_refund_cut_off_after_its_lease_is_taken_by_the_next_worker(world: Buyers) -> None:
    ask(world, 50)
    (key,) = world.app.read(due_refunds, world.at)
    world.app.run(lease_refund, RefundAt(*key, world.at))

    assert world.app.run(lease_refund, RefundAt(*key, world.at)) is None
    world.tick(minutes=3)
    pay(world)

    assert [each.state for each in refunds(world)] == [RefundState.REFUNDED]


def test_a_refund_that_nobody_answers_for_a_day_is_told_to_the_operator(world: Buyers) -> None:
    gateway = LosingAnswers(world, times=1_000)
    ask(world, 50)

    for _ in range(40):
        pay(world, gateway)
        world.tick(hours=1)

    (refund,) = refunds(world)
    assert (refund.state, refund.next_step_at) == (RefundState.UNKNOWN, None)
    assert world.told().count(EventKind.PAYMENT_UNEXPLAINED) == 1
    assert report(world, GatewayEventKind.REFUNDED, 50, "evt_1").noting is Noting.DONE
    assert [each.state for each in refunds(world)] == [RefundState.REFUNDED]


def test_credit_that_an_operator_added_is_paid_back_by_hand(world: Buyers) -> None:
    asked = ask(world, lot_id=1)

    assert (asked.state, asked.gateway_refund_id) == (RefundState.REFUNDED, "paid back by hand")
    assert world.available_units == 200
    assert world.moved_units == 200


def test_credit_under_an_agreement_goes_back_to_its_invoice(world: Buyers) -> None:
    method_id = world.agree()
    form = replace(FORM, method_id=method_id, at=world.at)
    world.buy("K-2", form)
    used_before = world.agreement(AGREEMENT).used_micros

    asked = ask(world, 50, lot_id=3)

    assert asked.state is RefundState.REFUNDED
    assert used_before - world.agreement(AGREEMENT).used_micros == units(50)
    assert world.details(EventKind.CREDIT_REFUNDED)[0]["credit_note"]


# ── 45 ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_report_of_the_sum_of_our_own_refunds_changes_nothing(world: Buyers) -> None:
    for number in (1, 2):
        ask(world, 50, reference=f"R-{number}")
        pay(world)

    report(world, GatewayEventKind.REFUNDED, 100, "evt_2")
    # Told late, and out of order.
    report(world, GatewayEventKind.REFUNDED, 50, "evt_1")
    report(world, GatewayEventKind.REFUNDED, 100, "evt_2")

    assert [each.net_micros for each in refunds(world)] == [units(50), units(50)]
    assert world.available_units == 200


def test_a_report_before_our_own_answer_concludes_the_refund_once(world: Buyers) -> None:
    ask(world, 50)
    (key,) = world.app.read(due_refunds, world.at)
    world.app.run(lease_refund, RefundAt(*key, world.at))

    report(world, GatewayEventKind.REFUNDED, 50, "evt_1")
    world.app.run(conclude_refund, RefundOutcome(*key, Refunded("re_1"), world.at))

    assert [each.state for each in refunds(world)] == [RefundState.REFUNDED]
    assert world.told().count(EventKind.CREDIT_REFUNDED) == 1


def test_a_refund_made_at_the_gateway_takes_what_is_unused_and_the_rest_is_owed(world: Buyers) -> None:
    ask(world, 50)
    pay(world)
    ask(world, lot_id=1, reference="by hand")
    world.spend(100)

    report(world, GatewayEventKind.REFUNDED, 150, "evt_9")

    outside = refunds(world)[-1]
    assert (outside.reason, outside.net_micros, outside.from_lot_micros) == (MADE_OUTSIDE, units(100), units(50))
    assert world.credit.receivable_micros == units(50)


def test_more_given_back_than_was_paid_is_parked_for_the_operator(world: Buyers) -> None:
    noted = report(world, GatewayEventKind.REFUNDED, 201, "evt_1")

    assert noted.noting is Noting.PARKED
    assert world.available_units == 300


def test_a_refund_that_fails_at_the_bank_days_later_is_undone(world: Buyers) -> None:
    ask(world, 50)
    pay(world)
    world.tick(days=3)

    report(world, GatewayEventKind.REFUND_FAILED, 50, "evt_1")
    report(world, GatewayEventKind.REFUND_FAILED, 50, "evt_2")

    assert [each.state for each in refunds(world)] == [RefundState.FAILED]
    assert world.available_units == 300


def test_a_credit_note_of_a_refund_that_failed_stands_for_the_next_one(world: Buyers) -> None:
    ask(world)
    pay(world)
    report(world, GatewayEventKind.REFUND_FAILED, 200, "evt_1")

    ask(world, reference="R-2")
    pay_by_other_key(world)

    assert [each.state for each in refunds(world)] == [RefundState.FAILED, RefundState.REFUNDED]
    assert len(world.details(EventKind.CREDIT_REFUNDED)) == 2


def test_a_failure_of_no_refund_of_ours_is_parked(world: Buyers) -> None:
    assert report(world, GatewayEventKind.REFUND_FAILED, 7, "evt_1").noting is Noting.PARKED


def test_nothing_is_due_before_anything_was_asked(world: Buyers) -> None:
    assert world.app.read(due_refunds, world.at + timedelta(days=9)) == []
    assert world.app.run(lease_refund, RefundAt(ORGANIZATION_ID, "order-1-refund-1", world.at)) is None


def pay_by_other_key(world: Buyers) -> None:
    """The sandbox has given this charge back already, as far as it knows: only our books are looked at."""
    (key,) = world.app.read(due_refunds, world.at)
    world.app.run(lease_refund, RefundAt(*key, world.at))
    world.app.run(conclude_refund, RefundOutcome(*key, Refunded("re_2"), world.at))
