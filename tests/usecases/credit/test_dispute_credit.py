"""Disputes of payments on both databases, as gateways report them: money.md 46, complaint 24."""

from dataclasses import replace

import pytest

from talktime.core.credit.billing.taxes import TaxedAt, TaxRule
from talktime.core.credit.buying.payments import GatewayEvent, GatewayEventKind
from talktime.core.credit.buying.purchases import PurchaseState
from talktime.core.credit.disputes import DisputeState
from talktime.core.credit.ledger import Account
from talktime.core.credit.recharging.recharge import PauseReason
from talktime.core.credit.recharging.settings import RechargeChange
from talktime.core.values.errors import Conflict
from talktime.core.values.events import EventKind
from talktime.usecases.credit.note_gateway_event import EventNoted, NoteGatewayEvent, Noting, note_gateway_event
from talktime.usecases.credit.recharging.set_recharge import PauseRecharge, pause_recharge
from talktime.usecases.credit.returning.dispute_credit import list_disputes
from talktime.usecases.credit.returning.refund_credit import RefundCredit, refund_credit
from talktime.usecases.organizations.manage_organizations import LookAt
from tests.recharge_world import NAME, NOON, ORGANIZATION_ID, OTHER_GOOD_CARD
from tests.usecases.credit.buyers import FORM, LOST_ANSWER_CARD, Buyers, units

OPENED, WON, LOST = (
    GatewayEventKind.DISPUTE_OPENED,
    GatewayEventKind.DISPUTE_WON,
    GatewayEventKind.DISPUTE_LOST,
)
LOT = 2


@pytest.fixture
def world(world: Buyers) -> Buyers:
    """Give Acme with a lot of 100 by hand, which is spent first, and one of 200 bought with a card."""
    world.attach()
    world.tick(days=1)
    world.buy()
    return world


def report(world: Buyers, kind: GatewayEventKind, *, units_: int = 0, event_id: str = "") -> EventNoted:
    charge_id = world.purchase("order-1").charge_id
    event = GatewayEvent(
        "sandbox",
        event_id or f"evt_{kind.value}",
        kind,
        world.at,
        charge_id=charge_id,
        amount_micros=units(units_),
        currency="USD",
        code="fraudulent",
    )
    return world.app.run(note_gateway_event, NoteGatewayEvent(event, world.at))


def account(world: Buyers, name: Account) -> int:
    """Return the balance of an account, as the journal has it."""
    moved = world.app.read(lambda tx, _: tx.lot_life.moved(ORGANIZATION_ID, world.at), None)
    came = sum(amount for (_, _, to), amount in moved.items() if to is name)
    return came - sum(amount for (_, debit, _), amount in moved.items() if debit is name)


def recharging(world: Buyers, *, trigger: int, method_id: int) -> None:
    change = RechargeChange(is_on=True, trigger_micros=units(trigger), amount_micros=units(200), method_id=method_id)
    world.set(change)


def test_a_dispute_takes_back_what_is_unused_of_its_lot_and_touches_no_other(world: Buyers) -> None:
    world.spend(150)
    cash_before = account(world, Account.CASH_CLEARING)

    report(world, OPENED, units_=200)

    assert world.credit.lot(LOT).disputed_micros == units(150)
    assert world.credit.receivable_micros == 0
    assert world.available_units == 0
    assert account(world, Account.DISPUTED) == -units(50)
    # Cash is money that we have: the debit side, below zero here.
    assert account(world, Account.CASH_CLEARING) - cash_before == units(200)


def test_credit_of_other_lots_can_be_spent_while_a_dispute_is_open(world: Buyers) -> None:
    report(world, OPENED, units_=200)

    assert world.available_units == 100
    world.spend(100)
    assert world.credit.lot(1).spent_micros == units(100)


def test_a_dispute_that_is_opened_twice_is_one(world: Buyers) -> None:
    report(world, OPENED, units_=200)
    again = report(world, OPENED, units_=200, event_id="evt_again")

    assert again.noting is Noting.DONE
    assert len(world.app.read(list_disputes, LookAt(NAME, NOON)).disputes) == 1
    assert world.told().count(EventKind.DISPUTE_OPENED) == 1


def test_a_dispute_that_is_won_reverses_exactly_what_it_booked(world: Buyers) -> None:
    world.spend(150)
    before, cash_before = world.credit, account(world, Account.CASH_CLEARING)

    report(world, OPENED, units_=200)
    report(world, WON, units_=200)
    report(world, WON, units_=200, event_id="evt_again")

    assert world.credit == before
    assert account(world, Account.CASH_CLEARING) == cash_before
    assert account(world, Account.DISPUTED) == 0
    assert world.told().count(EventKind.DISPUTE_WON) == 1


def test_a_dispute_that_is_lost_makes_what_was_spent_owed_and_costs_a_fee(world: Buyers) -> None:
    world.spend(150)
    report(world, OPENED, units_=200)

    report(world, LOST, units_=200)

    assert world.credit.receivable_micros == units(50)
    assert account(world, Account.DISPUTED) == 0
    assert account(world, Account.FEE) == -units(15)
    (dispute,) = world.app.read(list_disputes, LookAt(NAME, NOON)).disputes
    assert (dispute.state, dispute.fee_micros) == (DisputeState.LOST, units(15))


def test_a_gateway_that_takes_no_fee_books_none(world: Buyers) -> None:
    charge_id = world.purchase("order-1").charge_id
    event = GatewayEvent(
        "sandbox", "evt_1", LOST, world.at, charge_id=charge_id, amount_micros=units(200), currency="USD"
    )

    world.app.run(note_gateway_event, NoteGatewayEvent(event, world.at, dispute_fee_micros=0))

    assert account(world, Account.FEE) == 0


def test_a_dispute_of_a_payment_that_is_not_settled_here_is_for_the_operator(world: Buyers) -> None:
    other = world.attach(LOST_ANSWER_CARD).method.method_id
    world.buy("K-2", replace(FORM, method_id=other))
    assert world.purchase("order-2").lot_id is None
    event = GatewayEvent(
        "sandbox",
        "evt_1",
        OPENED,
        world.at,
        purchase=world.purchase("order-2").gateway_key,
        charge_id="ch_unheard_of",
        amount_micros=units(200),
        currency="USD",
    )

    disputed = world.app.run(note_gateway_event, NoteGatewayEvent(event, world.at))
    refunded = replace(event, event_id="evt_2", kind=GatewayEventKind.REFUNDED)

    assert (disputed.noting, "not settled here" in disputed.reason) == (Noting.PARKED, True)
    assert world.app.run(note_gateway_event, NoteGatewayEvent(refunded, world.at)).noting is Noting.PARKED
    assert world.credit.balance_micros == units(300)
    assert world.credit.receivable_micros == 0


def test_an_admin_s_own_pause_is_not_ended_by_a_dispute_that_is_won(world: Buyers) -> None:
    recharging(world, trigger=150, method_id=1)
    world.app.run(pause_recharge, PauseRecharge(NAME, "ada", world.at))

    report(world, OPENED, units_=200)
    report(world, WON, units_=200)

    assert world.watch.progress.paused is PauseReason.BY_ADMIN


def test_a_recharge_that_waits_for_another_card_goes_on(world: Buyers) -> None:
    recharging(world, trigger=150, method_id=world.add_card(OTHER_GOOD_CARD))
    world.spend(151)

    report(world, OPENED, units_=200)

    assert world.purchase("recharge-1").state is PurchaseState.DUE


def test_the_tax_of_what_was_taken_back_is_not_owed_once_the_dispute_is_lost(world: Buyers) -> None:
    rule = TaxRule("US", "Sales tax", 100_000, TaxedAt.PURCHASE, NOON.date())
    world.app.run(lambda tx, _: tx.documents.save_tax_rule(rule), None)
    world.buy("K-2")
    world.spend(360)
    charge_id = world.purchase("order-2").charge_id
    for kind in (OPENED, LOST):
        event = GatewayEvent(
            "sandbox", kind.value, kind, world.at, charge_id=charge_id, amount_micros=units(220), currency="USD"
        )
        world.app.run(note_gateway_event, NoteGatewayEvent(event, world.at))

    (dispute,) = world.app.read(list_disputes, LookAt(NAME, NOON)).disputes
    # 140 of 200 were unused: they and their tax of 14 are taken back; 60 and their tax of 6 are owed.
    assert (dispute.taken_back_micros, dispute.tax_micros) == (units(140), units(14))
    assert world.credit.receivable_micros == units(66)


def test_a_dispute_of_a_part_takes_no_more_than_that(world: Buyers) -> None:
    report(world, OPENED, units_=30)

    assert world.credit.lot(LOT).disputed_micros == units(30)
    assert world.available_units == 270


@pytest.mark.parametrize("kind", [WON, LOST])
def test_an_end_that_is_told_before_the_opening_opens_and_closes_the_dispute(
    world: Buyers, kind: GatewayEventKind
) -> None:
    report(world, kind, units_=200)
    state = world.app.read(list_disputes, LookAt(NAME, NOON)).disputes[0].state
    report(world, OPENED, units_=200)

    assert state.value == kind.value.removeprefix("dispute_")
    assert world.app.read(list_disputes, LookAt(NAME, NOON)).disputes[0].state is state
    assert account(world, Account.DISPUTED) == 0


def test_a_dispute_that_ends_twice_and_otherwise_is_parked(world: Buyers) -> None:
    report(world, OPENED, units_=200)
    report(world, LOST, units_=200)

    assert report(world, WON, units_=200).noting is Noting.PARKED


def test_no_recharge_is_made_with_a_card_whose_payment_is_disputed(world: Buyers) -> None:
    recharging(world, trigger=150, method_id=1)

    report(world, OPENED, units_=200)

    assert world.watch.progress.paused is PauseReason.CARD_DISPUTED
    assert [each.purchase_id for each in world.purchases] == ["order-1"]
    assert world.told().count(EventKind.RECHARGE_PAUSED) == 1


def test_a_recharge_that_waits_for_the_disputed_card_is_withdrawn(world: Buyers) -> None:
    recharging(world, trigger=150, method_id=1)
    world.spend(151)
    assert world.purchase("recharge-1").state is PurchaseState.DUE

    report(world, OPENED, units_=200)

    assert world.purchase("recharge-1").state is PurchaseState.CANCELED
    assert world.watch.progress.open_purchase_id is None


def test_another_card_goes_on_recharging(world: Buyers) -> None:
    recharging(world, trigger=150, method_id=world.add_card(OTHER_GOOD_CARD))

    report(world, OPENED, units_=200)

    assert world.watch.progress.paused is None
    assert world.watch.progress.open_purchase_id == "recharge-1"


def test_a_card_whose_dispute_is_won_recharges_again(world: Buyers) -> None:
    recharging(world, trigger=150, method_id=1)
    report(world, OPENED, units_=200)

    report(world, WON, units_=200)

    assert world.watch.progress.paused is None
    assert EventKind.RECHARGE_RESUMED in world.told()


def test_a_disputed_card_is_no_fallback_any_more(world: Buyers) -> None:
    change = RechargeChange(
        is_on=True,
        trigger_micros=units(50),
        amount_micros=units(200),
        method_id=world.add_card(OTHER_GOOD_CARD),
        fallback_method_id=1,
    )
    world.set(change)

    report(world, OPENED, units_=200)

    assert world.watch.policy.fallback_method_id is None


def test_a_disputed_payment_is_not_refunded_as_well(world: Buyers) -> None:
    report(world, OPENED, units_=30)

    with pytest.raises(Conflict, match="disputed"):
        world.app.run(refund_credit, RefundCredit(NAME, LOT, "R-1", "moved", world.at))


def test_credit_that_calls_hold_stays_theirs_when_its_payment_is_disputed(world: Buyers) -> None:
    world.spend(100)
    world.start()

    report(world, OPENED, units_=200)

    assert world.credit.lot(LOT).held_micros == units(1)
    assert world.credit.lot(LOT).disputed_micros == units(199)
