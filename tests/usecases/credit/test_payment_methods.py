"""Ways to pay on both databases: added, replaced, removed; what recharges make of it; notices before cards expire."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from talktime.core.credit.buying.payments import PurchaseKey
from talktime.core.credit.buying.purchases import PurchaseState
from talktime.core.credit.recharging.recharge import PauseReason
from talktime.core.credit.recharging.settings import RechargeChange
from talktime.core.values.errors import Conflict, Invalid, NotFound
from talktime.core.values.events import EventKind
from talktime.usecases.credit.buying.manage_payment_methods import (
    ChangePurchaseOrder,
    MethodKept,
    MethodsShown,
    RemoveMethod,
    UseAgreement,
    change_purchase_order,
    list_methods,
    remove_method,
    use_agreement,
)
from talktime.usecases.credit.buying.warn_of_expiring_cards import CARDS_MAX, warn_of_expiring_cards
from talktime.usecases.credit.paying.charge_purchases import At, lease
from talktime.usecases.organizations.manage_organizations import LookAt
from tests.recharge_world import GOOD_CARD, NAME, OTHER_GOOD_CARD
from tests.usecases.credit.buyers import (
    AGREEMENT,
    FORM,
    LOST_CARD,
    NEEDS_ACTION_CARD,
    SOFT_DECLINE_CARD,
    Buyers,
    units,
)


def listed(world: Buyers) -> MethodsShown:
    return world.app.read(list_methods, LookAt(NAME, world.at))


def labels(world: Buyers) -> list[str]:
    return [shown.method.label for shown in listed(world).methods]


def change_order(world: Buyers, method_id: int, order: str) -> MethodKept:
    return world.app.run(change_purchase_order, ChangePurchaseOrder(NAME, method_id, order, world.at))


def remove(world: Buyers, method_id: int, instead: int | None = None) -> MethodKept:
    return world.app.run(remove_method, RemoveMethod(NAME, method_id, world.at, instead))


def fail_the_recharge(world: Buyers, number: str) -> None:
    world.recharge_on(trigger=50, amount=200, number=number)
    world.spend(60)
    world.work()


# ── adding, changing, removing ──────────────────────────────────────────────────────────────────────────────


def test_cards_and_several_agreements_stand_beside_each_other(world: Buyers) -> None:
    world.attach()
    world.agree(number="EA-1", purchase_order="PO 7")
    world.agree(number="EA-2")

    assert labels(world) == ["Visa •••• 4242", "Agreement EA-1, PO PO 7", "Agreement EA-2"]


def test_an_agreement_that_nobody_registered_cannot_pay(world: Buyers) -> None:
    with pytest.raises(NotFound, match="the operator registers it"):
        world.app.run(use_agreement, UseAgreement(NAME, "EA-404", world.at))


def test_an_agreement_with_the_same_purchase_order_is_there_once(world: Buyers) -> None:
    world.agree(purchase_order="77")

    with pytest.raises(Conflict, match="already"):
        world.app.run(use_agreement, UseAgreement(NAME, AGREEMENT, world.at, " 77 "))


def test_the_purchase_order_of_future_recharges_can_be_changed_and_the_policy_follows(world: Buyers) -> None:
    method_id = world.agree(purchase_order="OLD")
    world.set(RechargeChange(is_on=True, trigger_micros=units(50), amount_micros=units(200), method_id=method_id))
    version = world.watch.policy.version

    kept = change_order(world, method_id, "NEW")
    world.spend(60)
    world.work()

    invoice = world.app.read(lambda tx, _: tx.documents.invoice_of_purchase(1, "recharge-1"), None)
    assert invoice is not None
    assert invoice.purchase_order == "NEW"
    assert world.watch.policy.method_id == kept.method.method_id != method_id
    assert world.watch.policy.version == version + 1
    assert labels(world) == ["Agreement EA-1001, PO NEW"]


def test_what_was_ordered_keeps_the_purchase_order_it_was_ordered_with(world: Buyers) -> None:
    method_id = world.agree(purchase_order="OLD")
    world.buy()

    change_order(world, method_id, "NEW")

    purchase = world.purchase("order-1")
    kept = world.app.read(lambda tx, _: tx.payments.method(1, purchase.method_id), None)
    assert kept is not None
    assert kept.purchase_order == "OLD"


def test_a_card_has_no_purchase_order(world: Buyers) -> None:
    method_id = world.attach().method.method_id

    with pytest.raises(Invalid, match="is a card"):
        change_order(world, method_id, "NEW")


def test_what_pays_recharges_is_not_removed_unless_another_is_named(world: Buyers) -> None:
    world.recharge_on(trigger=50, amount=200)
    other = world.attach(OTHER_GOOD_CARD).method.method_id

    with pytest.raises(Conflict, match="name what pays instead"):
        remove(world, 1)
    remove(world, 1, instead=other)

    assert labels(world) == ["Mastercard •••• 4444"]
    assert world.watch.policy.method_id == other


def test_what_pays_nothing_is_removed_and_a_policy_that_is_off_forgets_it(world: Buyers) -> None:
    world.recharge_on(trigger=50, amount=200)
    world.set(RechargeChange(is_on=False))

    remove(world, 1)

    assert labels(world) == []
    assert world.watch.policy.method_id is None
    with pytest.raises(NotFound):
        remove(world, 1)


# ── a paused recharge ───────────────────────────────────────────────────────────────────────────────────────


def test_a_new_card_in_the_place_of_a_declined_one_resumes_the_recharge(world: Buyers) -> None:
    """money.md 18."""
    fail_the_recharge(world, LOST_CARD)

    kept = world.attach(GOOD_CARD, replaces=1)
    world.work()

    assert kept.is_resumed
    assert world.purchase("recharge-2").state is PurchaseState.SETTLED
    assert world.available_units == 240
    assert world.details(EventKind.RECHARGE_RESUMED) == [
        {"currency": "USD", "reason": "method_replaced", "method": "Visa •••• 4242"}
    ]


def test_the_same_card_attached_again_does_not_resume_the_recharge(world: Buyers) -> None:
    """money.md 18."""
    fail_the_recharge(world, LOST_CARD)

    kept = world.attach(LOST_CARD, replaces=1)
    world.work()

    assert not kept.is_resumed
    assert world.watch.progress.paused is PauseReason.CARD_DECLINED
    assert world.watch.policy.method_id == kept.method.method_id
    assert [purchase.purchase_id for purchase in world.purchases] == ["recharge-1"]


def test_a_pause_by_an_admin_is_not_ended_by_a_new_card(world: Buyers) -> None:
    fail_the_recharge(world, LOST_CARD)
    watch = world.watch
    by_admin = replace(watch, progress=replace(watch.progress, paused=PauseReason.BY_ADMIN))
    world.app.run(lambda tx, watch: tx.purchases.save_watch(1, watch), by_admin)

    assert not world.attach(GOOD_CARD, replaces=1).is_resumed
    assert world.watch.progress.paused is PauseReason.BY_ADMIN


def test_a_new_card_ends_the_wait_of_a_softly_declined_recharge(world: Buyers) -> None:
    fail_the_recharge(world, SOFT_DECLINE_CARD)

    world.attach(GOOD_CARD, replaces=1)
    world.work()

    assert world.purchase("recharge-1").state is PurchaseState.CANCELED
    assert world.purchase("recharge-2").state is PurchaseState.SETTLED


def test_the_same_card_again_leaves_a_declined_recharge_waiting(world: Buyers) -> None:
    fail_the_recharge(world, SOFT_DECLINE_CARD)
    waiting = world.purchase("recharge-1")

    world.attach(SOFT_DECLINE_CARD, replaces=1)
    world.work()

    assert world.purchase("recharge-1") == waiting
    assert waiting.attempt == 2


def test_a_new_card_withdraws_a_recharge_that_waits_for_the_old_card_s_owner(world: Buyers) -> None:
    fail_the_recharge(world, NEEDS_ACTION_CARD)

    kept = world.attach(GOOD_CARD, replaces=1)
    for _ in range(3):
        world.work()
        world.tick(hours=1)

    assert kept.is_resumed
    assert not world.purchase("recharge-1").is_open
    assert world.purchase("recharge-2").state is PurchaseState.SETTLED
    assert world.moved_units == 200


def test_a_recharge_that_may_be_moving_money_keeps_the_card_it_named(world: Buyers) -> None:
    """money.md 8."""
    world.recharge_on(trigger=50, amount=200)
    world.spend(60)
    # A worker took it, and died before it told the outcome.
    world.app.run(lease, At(PurchaseKey(1, "recharge-1"), world.at))

    world.attach(OTHER_GOOD_CARD, replaces=1)
    world.tick(minutes=3)
    world.work()

    assert world.purchase("recharge-1").method_id == 1
    assert world.purchase("recharge-1").state is PurchaseState.SETTLED
    assert world.moved_units == 200


# ── cards that expire ───────────────────────────────────────────────────────────────────────────────────────


def test_a_card_is_told_30_and_7_days_before_it_expires_each_once(world: Buyers) -> None:
    """money.md 16."""
    world.attach(expires="04/26")
    told = []

    # 30 April in New York: each day at noon, and again.
    for day in range(60):
        at = datetime(2026, 3, 10, 17, tzinfo=UTC) + timedelta(days=day)
        told += [at.date().isoformat()] * world.app.run(warn_of_expiring_cards, at)
        assert world.app.run(warn_of_expiring_cards, at) == 0

    assert told == ["2026-03-31", "2026-04-23"]
    assert world.details(EventKind.CARD_EXPIRING) == [
        {"currency": "USD", "method": "Visa •••• 4242", "expires_on": "2026-04-30", "days": "30"},
        {"currency": "USD", "method": "Visa •••• 4242", "expires_on": "2026-04-30", "days": "7"},
    ]


def test_a_worker_that_was_away_tells_only_the_notice_that_is_due(world: Buyers) -> None:
    world.attach(expires="04/26")

    assert world.app.run(warn_of_expiring_cards, datetime(2026, 4, 28, 17, tzinfo=UTC)) == 1
    assert world.app.run(warn_of_expiring_cards, datetime(2026, 4, 29, 17, tzinfo=UTC)) == 0
    assert [details["days"] for details in world.details(EventKind.CARD_EXPIRING)] == ["2"]


def test_the_calendar_of_the_organization_says_which_day_it_is(world: Buyers) -> None:
    world.attach(expires="04/26")

    before = world.app.run(warn_of_expiring_cards, datetime(2026, 3, 31, 3, 59, tzinfo=UTC))
    after = world.app.run(warn_of_expiring_cards, datetime(2026, 3, 31, 4, 0, tzinfo=UTC))

    assert (before, after) == (0, 1)


def test_removed_and_expired_cards_and_agreements_are_not_told(world: Buyers) -> None:
    world.attach(expires="04/26")
    world.attach(expires="03/26")
    world.agree()
    remove(world, 1)

    assert world.app.run(warn_of_expiring_cards, datetime(2026, 4, 20, 17, tzinfo=UTC)) == 0


def test_more_cards_than_are_told_at_a_time_are_all_told(world: Buyers) -> None:
    for _ in range(CARDS_MAX + 5):
        world.attach(expires="04/26")
    at = datetime(2026, 4, 20, 17, tzinfo=UTC)

    assert [world.app.run(warn_of_expiring_cards, at) for _ in range(3)] == [CARDS_MAX, 5, 0]


def test_an_order_by_a_card_that_was_replaced_is_refused(world: Buyers) -> None:
    world.attach()
    world.attach(OTHER_GOOD_CARD, replaces=1)

    assert world.refused(replace(FORM, method_id=1)) == "method_unknown"
