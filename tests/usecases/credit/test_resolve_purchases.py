"""An operator decides what became of an uncertain charge, on both databases (money.md 11)."""

import pytest

from talktime.core.credit.buying.agreements import AgreementTerms
from talktime.core.credit.buying.payments import Ambiguous, PurchaseKey
from talktime.core.credit.buying.purchases import PurchaseState
from talktime.core.credit.recharging.recharge import PauseReason
from talktime.core.values.errors import Conflict
from talktime.usecases.credit.paying.charge_purchases import At, lease
from talktime.usecases.credit.paying.conclude_purchases import Outcome, conclude
from talktime.usecases.credit.paying.resolve_purchases import ResolvePurchase, resolve_purchase
from talktime.usecases.credit.recharging.set_recharge import RechargeSet, ResumeRecharge, resume_recharge
from tests.recharge_world import NAME, ORGANIZATION_ID
from tests.usecases.credit.buyers import Buyers, units

KEY = PurchaseKey(ORGANIZATION_ID, "recharge-1")


def make_uncertain(world: Buyers) -> None:
    """Let the gateway answer a recharge with what does not fit it."""
    world.recharge_on(trigger=50, amount=200)
    world.spend(60)
    leased = world.app.run(lease, At(KEY, world.at))
    assert leased is not None
    outcome = Outcome(KEY, leased.purchase.attempt, leased.purchase.fence, Ambiguous("two charges"), world.at)
    world.app.run(conclude, outcome)
    assert world.watch.progress.paused is PauseReason.CHARGE_AMBIGUOUS


def test_settling_an_uncertain_recharge_grants_its_credit_and_ends_the_pause(world: Buyers) -> None:
    make_uncertain(world)

    settled = world.app.run(resolve_purchase, ResolvePurchase(NAME, KEY.purchase_id, world.at, charge_id="ch_1"))

    assert settled.state is PurchaseState.SETTLED
    assert world.available_units == 240
    assert world.watch.progress.paused is None


def test_canceling_an_uncertain_recharge_leaves_it_paused_until_an_admin_resumes_it(world: Buyers) -> None:
    make_uncertain(world)

    request = ResolvePurchase(NAME, KEY.purchase_id, world.at, not_charged_because="the provider has none")
    canceled = world.app.run(resolve_purchase, request)

    assert canceled.state is PurchaseState.CANCELED
    assert world.watch.progress.paused is PauseReason.CHARGE_AMBIGUOUS
    assert world.watch.progress.reserved.day_micros == 0
    resumed = world.app.run(resume_recharge, ResumeRecharge(NAME, "ada", world.at, confirmed_micros=units(200)))
    assert isinstance(resumed, RechargeSet)
    assert world.watch.progress.open_purchase_id == "recharge-2"


def test_a_purchase_that_waits_for_its_invoice_is_not_resolved_and_says_what_settles_it(world: Buyers) -> None:
    world.agree(AgreementTerms.ON_SETTLEMENT)
    world.buy()

    with pytest.raises(Conflict, match="`talktime agreements settle` records its payment") as refused:
        world.app.run(resolve_purchase, ResolvePurchase(NAME, "order-1", world.at, charge_id="ch_1"))

    assert refused.value.code == "purchase_invoiced"
    assert world.purchase("order-1").state is PurchaseState.INVOICED
