"""From the trigger to the lot, on both databases, by sandbox cards; and what admins may set meanwhile."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from talktime.bootstrap import App
from talktime.core.credit.buying.payments import Charged, Declined, GatewayEvent, GatewayEventKind, PurchaseKey
from talktime.core.credit.buying.purchases import PurchaseState
from talktime.core.credit.recharging.recharge import HoldBackReason, PauseReason
from talktime.core.credit.recharging.settings import RechargeChange
from talktime.core.credit.recharging.states import RechargeState
from talktime.core.values.errors import Conflict, Invalid, NotFound
from talktime.core.values.events import EventKind
from talktime.core.values.money import MICROS_PER_UNIT
from talktime.settings import Settings
from talktime.usecases.credit.note_gateway_event import NoteGatewayEvent, Noting, note_gateway_event
from talktime.usecases.credit.paying.charge_purchases import At, charge_purchase, lease
from talktime.usecases.credit.paying.conclude_purchases import Outcome, conclude
from talktime.usecases.credit.recharging.set_recharge import (
    ConfirmationNeeded,
    PauseRecharge,
    RechargeSet,
    ResumeRecharge,
    pause_recharge,
    resume_recharge,
)
from talktime.usecases.credit.recharging.show_recharge import SimulateRecharge, show_recharge, simulate_recharge
from talktime.usecases.credit.reconcile_payments import reconcile_payments
from talktime.usecases.insight.audit_books import AuditBooks, audit_books
from talktime.usecases.organizations.manage_organizations import LookAt
from tests.recharge_world import NAME, NOON, ORGANIZATION_ID, OTHER_GOOD_CARD, RechargeWorld

SOFT_DECLINE, HARD_DECLINE, AUTHENTICATION = "4000000000009995", "4000000000009987", "4000002500003155"
LOST_ANSWER, STORED_ERROR = "4000007700000018", "4000007700000034"


@pytest.fixture
def app(migrated_database_url: str) -> Iterator[App]:
    with App(Settings(database=migrated_database_url)) as opened:
        yield opened


@pytest.fixture
def world(app: App, tmp_path: Path) -> Iterator[RechargeWorld]:
    world = RechargeWorld(app, tmp_path)
    yield world
    assert app.read(audit_books, AuditBooks(world.at)).is_clean
    world.close()


def units(amount: int) -> int:
    return amount * MICROS_PER_UNIT


def test_a_call_that_crosses_the_trigger_makes_the_recharge_due_in_its_own_transaction(world: RechargeWorld) -> None:
    world.recharge_on(trigger=50, amount=200)

    world.spend(51)

    assert [(each.purchase_id, each.state) for each in world.purchases] == [("recharge-1", PurchaseState.DUE)]
    assert world.watch.progress.open_purchase_id == "recharge-1"


def test_a_recharge_becomes_one_lot_and_one_mail_and_arms_the_next(world: RechargeWorld) -> None:
    world.recharge_on(trigger=50, amount=200)
    world.spend(60)

    world.work()
    world.work()

    assert world.available_units == 240
    assert world.purchase("recharge-1").state is PurchaseState.SETTLED
    assert world.watch.progress.epoch == 2
    assert world.told() == [EventKind.RECHARGE_SET, EventKind.RECHARGE_SUCCEEDED]


def test_a_hold_alone_crosses_the_trigger(world: RechargeWorld) -> None:
    world.recharge_on(trigger=100, amount=20)

    world.start()

    assert world.available_units == 99
    assert len(world.purchases) == 1


def test_a_balance_that_lands_on_the_trigger_does_not_recharge(world: RechargeWorld) -> None:
    world.recharge_on(trigger=40, amount=200)

    world.spend(60)

    assert world.available_units == 40
    assert world.purchases == []


def test_a_balance_that_lands_on_an_inclusive_trigger_does(world: RechargeWorld) -> None:
    world.recharge_on(trigger=40, amount=200, is_inclusive=True)

    world.spend(60)

    assert len(world.purchases) == 1


def test_where_one_recharge_is_not_enough_the_next_follows_until_the_burst_guard_holds_it(world: RechargeWorld) -> None:
    world.recharge_on(trigger=99, amount=20, recharges_per_hour=2)
    world.spend(95)

    for _ in range(4):
        world.work()

    assert [each.state for each in world.purchases] == [PurchaseState.SETTLED] * 2
    held_back = world.watch.progress.held_back
    assert held_back is not None
    assert held_back.reason is HoldBackReason.BURST
    assert world.told().count(EventKind.RECHARGE_HELD_BACK) == 1


def test_enabling_below_the_trigger_tells_the_charge_and_waits_for_a_yes(world: RechargeWorld) -> None:
    change = RechargeChange(is_on=True, trigger_micros=units(150), amount_micros=units(200), method_id=world.add_card())

    asked = world.set(change)

    assert isinstance(asked, ConfirmationNeeded)
    assert (asked.charge_micros, asked.available_micros, asked.trigger_micros) == (units(200), units(100), units(150))
    assert not world.watch.policy.is_on
    assert world.purchases == []
    done = world.set(change, confirmed_micros=asked.charge_micros)
    assert done == RechargeSet(world.watch.policy, units(200))
    assert len(world.purchases) == 1


def test_a_yes_to_another_amount_is_asked_again(world: RechargeWorld) -> None:
    change = RechargeChange(is_on=True, trigger_micros=units(150), amount_micros=units(200), method_id=world.add_card())

    asked = world.set(change, confirmed_micros=units(20))

    assert isinstance(asked, ConfirmationNeeded)
    assert world.purchases == []


def test_what_is_under_way_keeps_its_amount_and_the_change_counts_from_the_next(world: RechargeWorld) -> None:
    world.recharge_on(trigger=50, amount=200)
    world.spend(60)
    leased = world.app.run(lease, At(PurchaseKey(ORGANIZATION_ID, "recharge-1"), world.at))
    assert leased is not None

    world.set(RechargeChange(amount_micros=units(75)))
    world.app.run(
        conclude,
        Outcome(leased.purchase.key, 1, leased.purchase.fence, world.gateway.charge(leased.order), world.at),
    )

    assert world.available_units == 240
    assert world.watch.policy.amount_micros == units(75)


def test_switching_off_while_a_charge_may_be_moving_lets_it_settle_and_stays_off(world: RechargeWorld) -> None:
    world.recharge_on(trigger=50, amount=200)
    world.spend(60)
    leased = world.app.run(lease, At(PurchaseKey(ORGANIZATION_ID, "recharge-1"), world.at))
    assert leased is not None

    world.set(RechargeChange(is_on=False))
    result = world.gateway.charge(leased.order)
    world.app.run(conclude, Outcome(leased.purchase.key, 1, leased.purchase.fence, result, world.at))
    world.spend(230)

    assert world.available_units == 10
    assert len(world.purchases) == 1


def test_switching_off_before_anything_was_asked_withdraws_it(world: RechargeWorld) -> None:
    world.recharge_on(trigger=50, amount=200)
    world.spend(60)

    world.set(RechargeChange(is_on=False))
    world.work()

    assert world.purchase("recharge-1").state is PurchaseState.CANCELED
    assert world.available_units == 40
    assert world.watch.progress.reserved.month_micros == 0


def test_a_soft_decline_is_told_once_and_tried_again_up_to_four_times(world: RechargeWorld) -> None:
    world.recharge_on(trigger=50, amount=200, number=SOFT_DECLINE)
    world.spend(60)

    for hours in (0, 1, 3, 7, 24):
        world.tick(hours=hours)
        world.work()

    assert world.purchase("recharge-1").attempt == 4
    assert world.purchase("recharge-1").state is PurchaseState.FAILED
    assert world.watch.progress.paused is PauseReason.CARD_DECLINED
    assert world.told() == [EventKind.RECHARGE_SET, EventKind.RECHARGE_FAILED, EventKind.RECHARGE_PAUSED]


def test_a_hard_decline_pauses_at_once_with_one_mail(world: RechargeWorld) -> None:
    world.recharge_on(trigger=50, amount=200, number=HARD_DECLINE)
    world.spend(60)

    world.work()

    assert world.watch.progress.paused is PauseReason.CARD_DECLINED
    assert world.told() == [EventKind.RECHARGE_SET, EventKind.RECHARGE_FAILED]
    assert world.app.read(show_recharge, LookAt(NAME, world.at)).status.state is RechargeState.PAUSED


def test_the_same_card_attached_again_does_not_resume_and_another_one_does(world: RechargeWorld) -> None:
    world.recharge_on(trigger=50, amount=200, number=HARD_DECLINE)
    world.spend(60)
    world.work()

    world.set(RechargeChange(method_id=world.add_card(HARD_DECLINE)))
    assert world.watch.progress.paused is PauseReason.CARD_DECLINED

    other = RechargeChange(method_id=world.add_card(OTHER_GOOD_CARD))
    asked = world.set(other)
    assert isinstance(asked, ConfirmationNeeded)
    world.set(other, confirmed_micros=asked.charge_micros)
    world.work()

    assert world.watch.progress.paused is None
    assert world.available_units == 240


def test_an_admin_may_try_the_same_card_again_on_his_own_word(world: RechargeWorld) -> None:
    world.recharge_on(trigger=50, amount=200, number=HARD_DECLINE)
    world.spend(60)
    world.work()

    asked = world.app.run(resume_recharge, ResumeRecharge(NAME, "ada", world.at))
    assert isinstance(asked, ConfirmationNeeded)
    world.app.run(resume_recharge, ResumeRecharge(NAME, "ada", world.at, asked.charge_micros))
    world.work()

    assert [each.purchase_id for each in world.purchases] == ["recharge-1", "recharge-2"]
    assert world.watch.progress.paused is PauseReason.CARD_DECLINED


def test_the_same_card_as_another_method_does_not_begin_the_attempts_anew(world: RechargeWorld) -> None:
    world.recharge_on(trigger=50, amount=200, number=SOFT_DECLINE)
    world.spend(60)
    world.work()

    world.set(RechargeChange(method_id=world.add_card(SOFT_DECLINE)))

    assert [(each.purchase_id, each.attempt) for each in world.purchases] == [("recharge-1", 2)]


def test_a_new_card_ends_the_wait_for_another_attempt(world: RechargeWorld) -> None:
    world.recharge_on(trigger=50, amount=200, number=SOFT_DECLINE)
    world.spend(60)
    world.work()

    change = RechargeChange(method_id=world.add_card(OTHER_GOOD_CARD))
    asked = world.set(change)
    assert isinstance(asked, ConfirmationNeeded)
    world.set(change, confirmed_micros=asked.charge_micros)
    world.work()

    assert [each.state for each in world.purchases] == [PurchaseState.CANCELED, PurchaseState.SETTLED]
    assert world.available_units == 240


def test_a_declined_card_gives_way_to_the_fallback(world: RechargeWorld) -> None:
    fallback = world.add_card(OTHER_GOOD_CARD)
    world.recharge_on(trigger=50, amount=200, number=HARD_DECLINE, fallback_method_id=fallback)
    world.spend(60)

    world.work()
    world.work()

    assert world.available_units == 240
    assert world.watch.policy.method_id == fallback
    assert world.told() == [EventKind.RECHARGE_SET, EventKind.RECHARGE_FAILED, EventKind.RECHARGE_SUCCEEDED]


def test_authentication_pauses_and_the_owner_who_authenticates_resumes(world: RechargeWorld) -> None:
    world.recharge_on(trigger=50, amount=200, number=AUTHENTICATION)
    world.spend(60)
    world.work()
    waiting = world.purchase("recharge-1")
    assert waiting.state is PurchaseState.NEEDS_ACTION
    assert world.watch.progress.paused is PauseReason.AUTHENTICATION_NEEDED
    assert world.told() == [EventKind.RECHARGE_SET, EventKind.AUTHENTICATION_NEEDED]

    world.gateway.authenticate(waiting.charge_id)
    world.tick(hours=1)
    world.work()

    assert world.available_units == 240
    assert world.watch.progress.paused is None


def test_an_owner_who_never_authenticates_ends_in_a_withdrawn_charge(world: RechargeWorld) -> None:
    world.recharge_on(trigger=50, amount=200, number=AUTHENTICATION)
    world.spend(60)
    world.work()

    world.tick(days=3)
    world.work()

    assert not world.purchase("recharge-1").is_open
    assert world.watch.progress.paused is PauseReason.AUTHENTICATION_NEEDED
    assert world.available_units == 40


def test_a_payment_by_hand_ends_a_decline_s_pause(world: RechargeWorld) -> None:
    world.recharge_on(trigger=50, amount=200, number=HARD_DECLINE)
    world.spend(60)
    world.work()
    failed = world.purchase("recharge-1")

    outcome = Outcome(failed.key, 1, None, Charged("ch_late", failed.charged_micros), world.at)
    world.app.run(conclude, outcome)

    # The card that had failed was charged after all: recorded, and the recharge goes on.
    assert world.purchase("recharge-1").state is PurchaseState.SETTLED
    assert world.available_units == 240
    assert world.watch.progress.paused is None


def test_pausing_stops_what_is_new_and_resuming_asks_for_what_it_charges(world: RechargeWorld) -> None:
    world.recharge_on(trigger=50, amount=200)
    world.app.run(pause_recharge, PauseRecharge(NAME, "ada", world.at))
    world.app.run(pause_recharge, PauseRecharge(NAME, "ada", world.at))

    world.spend(60)

    assert world.purchases == []
    assert world.told().count(EventKind.RECHARGE_PAUSED) == 1
    asked = world.app.run(resume_recharge, ResumeRecharge(NAME, "ada", world.at))
    assert isinstance(asked, ConfirmationNeeded)
    assert asked.charge_micros == units(200)


def test_what_is_not_paused_cannot_be_resumed(world: RechargeWorld) -> None:
    with pytest.raises(Conflict, match="not paused"):
        world.app.run(resume_recharge, ResumeRecharge(NAME, "ada", world.at))


def test_of_two_admins_the_slower_one_is_told_what_changed(world: RechargeWorld) -> None:
    world.recharge_on(trigger=50, amount=200)
    looked_at = world.watch.policy.version
    world.set(RechargeChange(amount_micros=units(300)), version=looked_at)

    with pytest.raises(Conflict, match=r"version 2 .*300\.00 USD are added") as refused:
        world.set(RechargeChange(amount_micros=units(100)), version=looked_at)

    assert refused.value.code == "version_changed"
    assert world.watch.policy.amount_micros == units(300)


def test_the_month_cap_holds_a_recharge_back_once_told_and_the_next_month_lets_it_go(world: RechargeWorld) -> None:
    world.recharge_on(trigger=50, amount=200, cap_per_month_micros=units(300))
    world.spend(60)
    world.work()
    world.spend(200)
    world.start()

    assert len(world.purchases) == 1
    held_back = world.watch.progress.held_back
    assert held_back is not None
    assert (held_back.reason, held_back.until) == (HoldBackReason.MONTH_CAP, datetime(2026, 4, 1, 4, tzinfo=UTC))
    assert world.told().count(EventKind.RECHARGE_HELD_BACK) == 1

    world.at = held_back.until
    world.spend(1)
    assert len(world.purchases) == 2


def test_a_cap_lowered_below_what_was_charged_counts_from_the_next_charge(world: RechargeWorld) -> None:
    world.recharge_on(trigger=50, amount=200)
    world.spend(60)
    world.work()

    world.set(RechargeChange(cap_per_month_micros=units(200)))
    world.spend(200)

    assert world.available_units == 40
    assert len(world.purchases) == 1


def test_too_many_recharges_in_a_day_stop_until_an_admin_says_so(world: RechargeWorld) -> None:
    world.recharge_on(trigger=50, amount=60, recharges_per_hour=9, recharges_per_day=2)
    for _ in range(3):
        world.spend(60)
        world.work()

    assert len(world.purchases) == 2
    assert world.watch.progress.paused is PauseReason.TOO_MANY


def test_a_lost_answer_is_asked_for_with_the_same_key_and_charged_once(world: RechargeWorld) -> None:
    world.recharge_on(trigger=50, amount=200, number=LOST_ANSWER)
    world.spend(60)
    world.work()
    assert world.purchase("recharge-1").state is PurchaseState.UNKNOWN
    world.spend(10)
    assert len(world.purchases) == 1

    world.tick(minutes=1)
    world.work()

    assert world.available_units == 230
    assert [each.state for each in world.purchases] == [PurchaseState.SETTLED]
    assert sum(event.amount_micros for event in world.gateway.charges_since(NOON)) == units(200)


def test_a_stored_error_is_proven_not_charged_before_another_intent_is_made(world: RechargeWorld) -> None:
    world.recharge_on(trigger=50, amount=200, number=STORED_ERROR)
    world.spend(60)

    for _ in range(12):
        world.work()
        world.tick(minutes=30)

    assert world.purchase("recharge-1").state is PurchaseState.CANCELED
    assert world.purchase("recharge-1").attempt == 1
    assert [each.purchase_id for each in world.purchases][:2] == ["recharge-1", "recharge-2"]
    assert list(world.gateway.charges_since(NOON)) == []


def charged_event(world: RechargeWorld, purchase_id: str = "recharge-1", event_id: str = "evt_1") -> GatewayEvent:
    return GatewayEvent(
        "sandbox",
        event_id,
        GatewayEventKind.CHARGED,
        world.at,
        world.purchase(purchase_id).gateway_key,
        1,
        "ch_1",
        units(200),
        "USD",
    )


def note(world: RechargeWorld, event: GatewayEvent) -> Noting:
    return world.app.run(note_gateway_event, NoteGatewayEvent(event, world.at)).noting


def test_a_worker_without_the_card_s_gateway_leaves_the_purchase_to_another(world: RechargeWorld) -> None:
    world.recharge_on(trigger=50, amount=200)
    world.spend(60)

    charge_purchase(world.app.run, {}, PurchaseKey(ORGANIZATION_ID, "recharge-1"), lambda: world.at)

    assert world.purchase("recharge-1").state is PurchaseState.DUE


def test_a_webhook_before_the_answer_and_again_makes_one_lot(world: RechargeWorld) -> None:
    world.recharge_on(trigger=50, amount=200)
    world.spend(60)
    leased = world.app.run(lease, At(PurchaseKey(ORGANIZATION_ID, "recharge-1"), world.at))
    assert leased is not None

    first = note(world, charged_event(world))
    again = note(world, charged_event(world))
    other = note(world, charged_event(world, event_id="evt_2"))
    world.app.run(
        conclude, Outcome(leased.purchase.key, 1, leased.purchase.fence, Charged("ch_1", units(200)), world.at)
    )

    assert (first, again, other) == (Noting.DONE, Noting.REPEATED, Noting.REPEATED)
    assert world.available_units == 240


def test_a_refusal_that_comes_after_the_money_changes_nothing(world: RechargeWorld) -> None:
    world.recharge_on(trigger=50, amount=200)
    world.spend(60)
    note(world, charged_event(world))

    late = replace(charged_event(world, event_id="evt_0"), kind=GatewayEventKind.DECLINED, code="lost_card")
    noting = note(world, late)

    assert noting is Noting.REPEATED
    assert world.purchase("recharge-1").state is PurchaseState.SETTLED
    assert world.watch.progress.paused is None


def test_a_refusal_that_names_neither_attempt_nor_charge_is_not_believed(world: RechargeWorld) -> None:
    world.recharge_on(trigger=50, amount=200)
    world.spend(60)
    world.app.run(lease, At(PurchaseKey(ORGANIZATION_ID, "recharge-1"), world.at))

    vague = replace(charged_event(world), kind=GatewayEventKind.DECLINED, code="lost_card", attempt=None)
    noting = note(world, vague)

    assert noting is Noting.PARKED
    assert world.purchase("recharge-1").state is PurchaseState.CHARGING


def test_a_late_refusal_of_a_worker_that_lost_its_lease_is_not_believed(world: RechargeWorld) -> None:
    world.recharge_on(trigger=50, amount=200)
    world.spend(60)
    key = PurchaseKey(ORGANIZATION_ID, "recharge-1")
    slow = world.app.run(lease, At(key, world.at))
    assert slow is not None
    world.tick(minutes=3)
    fast = world.app.run(lease, At(key, world.at))
    assert fast is not None

    world.app.run(conclude, Outcome(key, 1, slow.purchase.fence, Declined("lost_card"), world.at))
    assert world.purchase("recharge-1").state is PurchaseState.CHARGING

    world.app.run(conclude, Outcome(key, 1, fast.purchase.fence, world.gateway.charge(fast.order), world.at))
    assert world.available_units == 240


def test_a_webhook_for_an_unknown_purchase_is_kept_and_not_accepted(world: RechargeWorld) -> None:
    event = GatewayEvent(
        "sandbox",
        "evt_77",
        GatewayEventKind.CHARGED,
        world.at,
        PurchaseKey(ORGANIZATION_ID, "recharge-77@0"),
        1,
        "ch_77",
        units(200),
        "USD",
    )

    noting = note(world, event)
    again = note(world, event)

    assert (noting, again) == (Noting.PARKED, Noting.REPEATED)
    assert world.available_units == 100


def test_a_second_charge_of_a_settled_purchase_is_no_credit_and_the_operator_is_told(world: RechargeWorld) -> None:
    world.recharge_on(trigger=50, amount=200)
    world.spend(60)
    world.work()

    noting = note(world, replace(charged_event(world), charge_id="ch_second"))

    assert noting is Noting.PARKED
    assert world.available_units == 240
    assert EventKind.PAYMENT_UNEXPLAINED in world.told()


def test_a_charge_from_before_a_restored_backup_pays_no_purchase_of_today(world: RechargeWorld) -> None:
    world.recharge_on(trigger=50, amount=200)
    world.spend(60)
    before = charged_event(world)
    assert before.purchase is not None

    noting = note(world, replace(before, purchase=before.purchase._replace(purchase_id="recharge-1@1700000000")))

    assert noting is Noting.PARKED
    assert world.purchase("recharge-1").state is PurchaseState.DUE


def test_a_charge_of_another_amount_is_not_believed_and_asks_for_a_person(world: RechargeWorld) -> None:
    world.recharge_on(trigger=50, amount=200)
    world.spend(60)
    world.app.run(lease, At(PurchaseKey(ORGANIZATION_ID, "recharge-1"), world.at))

    note(world, replace(charged_event(world), amount_micros=units(2)))

    assert world.purchase("recharge-1").state is PurchaseState.UNKNOWN
    assert world.watch.progress.paused is PauseReason.CHARGE_AMBIGUOUS
    assert EventKind.PAYMENT_UNEXPLAINED in world.told()
    with pytest.raises(Conflict, match="not certain"):
        world.app.run(resume_recharge, ResumeRecharge(NAME, "ada", world.at))


def test_the_poller_finds_what_no_webhook_told(world: RechargeWorld) -> None:
    world.recharge_on(trigger=50, amount=200)
    world.spend(60)
    leased = world.app.run(lease, At(PurchaseKey(ORGANIZATION_ID, "recharge-1"), world.at))
    assert leased is not None
    world.gateway.charge(leased.order)

    found = reconcile_payments(world.app.run, world.gateway, NOON, world.at)
    again = reconcile_payments(world.app.run, world.gateway, NOON, world.at)

    assert (found.charges_count, found.settled_count, found.unexplained) == (1, 1, ())
    assert (again.charges_count, again.settled_count, again.unexplained) == (1, 0, ())
    assert world.available_units == 240


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (RechargeChange(amount_micros=units(19)), "amount_below_minimum"),
        (RechargeChange(amount_micros=20_005_000), "amount_too_many_decimals"),
        (RechargeChange(trigger_micros=-1), "amount"),
        (RechargeChange(amount_micros=units(10**10)), "amount"),
        (RechargeChange(cap_per_day_micros=units(199)), "cap_below_amount"),
        (RechargeChange(recharges_per_hour=0), "guards"),
        (RechargeChange(method_id=99), "method_not_found"),
    ],
)
def test_settings_that_cannot_work_are_refused_and_change_nothing(
    world: RechargeWorld, change: RechargeChange, code: str
) -> None:
    world.recharge_on(trigger=50, amount=200)
    before = world.watch

    with pytest.raises((Invalid, NotFound)) as refused:
        world.set(change)

    assert refused.value.code == code
    assert world.watch == before


def test_an_expired_card_cannot_be_set(world: RechargeWorld) -> None:
    expired = world.add_card(expires="03/26")
    world.tick(days=60)

    with pytest.raises(Invalid, match="expired on 2026-03-31"):
        world.set(RechargeChange(is_on=True, trigger_micros=0, amount_micros=units(20), method_id=expired))


def test_a_trigger_of_zero_recharges_when_a_call_is_refused_for_want_of_credit(world: RechargeWorld) -> None:
    world.recharge_on(trigger=0, amount=50)
    world.spend(100)
    assert world.purchases == []

    world.start()

    assert len(world.purchases) == 1


def test_the_simulation_says_what_last_month_s_usage_would_have_charged(world: RechargeWorld) -> None:
    for _ in range(9):
        world.spend(10)
        world.tick(days=1)
    world.at = NOON + timedelta(days=40)

    simulated = world.app.read(
        simulate_recharge,
        SimulateRecharge(
            NAME, world.at, RechargeChange(is_on=True, trigger_micros=units(5), amount_micros=units(30), method_id=1)
        ),
    )

    # 10.00 are left; 9 days of 10.00 fall below 5.00 at the first, and every third from then on.
    assert len(simulated.simulation.recharges) == 3
    assert simulated.simulation.charged_micros == units(90)
    assert simulated.simulation.ends_with_micros == units(10)
    assert world.purchases == []
