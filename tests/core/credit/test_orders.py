from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from talktime.core.credit import method_changes, orders
from talktime.core.credit.billing.taxes import TaxedAt, TaxRule
from talktime.core.credit.buying import catalog
from talktime.core.credit.buying.payments import Card, MethodKind, PaymentMethod
from talktime.core.credit.buying.purchases import Purchase, PurchaseCause, PurchaseState
from talktime.core.credit.buying.refusals import Refused
from talktime.core.credit.lots import Credit, CreditLot, LotKind
from talktime.core.credit.method_changes import Replacement
from talktime.core.credit.orders import Buyer, OrderForm, RechargeWish, remedy
from talktime.core.credit.recharging import recharge
from talktime.core.credit.recharging.recharge import RechargePolicy
from talktime.core.credit.recharging.watching import CreditWatch
from talktime.core.organizations.licenses import License
from talktime.core.organizations.organizations import Organization
from talktime.core.values.money import MICROS_PER_UNIT

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
ACME = Organization(1, "Acme", "US", "USD", ZoneInfo("America/New_York"), "deck")
CARD = Card("token", "print", "Visa", "4242", date(2030, 12, 31))
METHOD = PaymentMethod(1, 1, MethodKind.CARD, "sandbox", CARD)
OTHER = replace(METHOD, method_id=2, card=replace(CARD, token="other", fingerprint="other"))
SAME_AGAIN = replace(METHOD, method_id=2)
BUYER = Buyer(ACME, License.PHONE_SYSTEM, Credit(), CreditWatch(), (METHOD,))
FORM = OrderForm("Acme", 200 * MICROS_PER_UNIT, NOON)
UNITS = st.integers(20, 500_000)


def owning(available_micros: int) -> Buyer:
    if available_micros <= 0:
        return replace(BUYER, credit=Credit((), -available_micros))
    lot = CreditLot(1, LotKind.PURCHASED, available_micros, NOON, NOON + timedelta(days=365))
    return replace(BUYER, credit=Credit((lot,)))


@given(st.integers(-(10**12), 10**15), st.sampled_from(["USD", "JPY", "KWD", "EUR"]))
def test_an_amount_is_accepted_if_it_is_whole_and_between_minimum_and_maximum(amount: int, currency: str) -> None:
    is_between = catalog.minimum_micros(currency) <= amount <= catalog.maximum_micros(currency)

    refused = orders.amount_refusal(amount, currency)

    assert (refused is None) == (amount % MICROS_PER_UNIT == 0 and is_between)


@given(UNITS, st.integers(0, 300_000))
def test_what_is_reviewed_is_what_the_purchase_charges(units: int, rate_ppm: int) -> None:
    buyer = replace(BUYER, tax_rule=TaxRule("US", "Tax", rate_ppm, TaxedAt.PURCHASE, date(2026, 1, 1)))
    form = replace(FORM, amount_micros=units * MICROS_PER_UNIT)

    review = orders.review(form, buyer, METHOD, None)
    purchase = orders.placed(form, review, 7)

    assert purchase.charged_micros == review.total_micros
    assert (purchase.purchase_id, purchase.next_step_at) == ("order-7", NOON)
    assert catalog.fits_currency(review.total_micros, "USD")


@given(st.integers(-(10**9), 10**9), UNITS, st.integers(0, 10**12))
def test_the_preview_charges_at_once_exactly_where_the_order_leaves_less_than_the_trigger(
    available: int, recharge_units: int, trigger_micros: int
) -> None:
    wish = RechargeWish(trigger_micros, recharge_units * MICROS_PER_UNIT)

    review = orders.review(replace(FORM, recharge=wish), owning(available), METHOD, None)

    assert review.recharge is not None
    is_below = available + FORM.amount_micros < trigger_micros
    assert review.recharge.charges_now_micros == (wish.amount_micros if is_below else 0)


def test_without_a_wish_the_policy_that_is_on_is_shown() -> None:
    policy = RechargePolicy(is_on=True, trigger_micros=1, amount_micros=20 * MICROS_PER_UNIT, method_id=1)
    buyer = replace(BUYER, watch=CreditWatch(policy))

    review, off = orders.review(FORM, buyer, METHOD, None), orders.review(FORM, BUYER, METHOD, None)

    assert review.recharge is not None
    assert review.recharge.policy == policy
    assert off.recharge is None


@pytest.mark.parametrize(
    ("reference", "is_ours"),
    [("order-1", True), ("recharge-12", True), (" order-1 ", True), ("order-", False), ("PO-1", False)],
)
def test_the_names_of_purchases_are_known(reference: str, *, is_ours: bool) -> None:
    assert orders.is_purchase_id(reference) is is_ours
    assert orders.is_purchase_id(orders.purchase_id_of(3))
    assert orders.is_purchase_id(recharge.purchase_id_of(3))


@pytest.mark.parametrize(
    ("code", "said"),
    [("lost_card", "another one"), ("insufficient_funds", "try again later"), ("", "nothing was taken")],
)
def test_a_failed_order_says_what_may_be_done(code: str, said: str) -> None:
    failed = Purchase(1, "order-1", PurchaseCause.ORDER, 1, "USD", 1, NOON, decline_code=code)

    assert said in remedy(failed)


def test_a_way_to_pay_that_is_named_must_be_there() -> None:
    chosen = orders.method_of(replace(FORM, method_id=2), replace(BUYER, methods=(METHOD, OTHER)))

    assert chosen == OTHER
    assert isinstance(orders.method_of(replace(FORM, method_id=3), BUYER), Refused)


# ── ways to pay that are replaced ───────────────────────────────────────────────────────────────────────────


@given(st.sampled_from([None, 1, 3]), st.sampled_from([None, 1, 3]))
def test_a_policy_follows_what_replaces_its_way_to_pay(method_id: int | None, fallback_id: int | None) -> None:
    policy = RechargePolicy(method_id=method_id, fallback_method_id=fallback_id, version=4)

    after = method_changes.follows(policy, Replacement(METHOD, OTHER))

    def swapped(known: int | None) -> int | None:
        return 2 if known == 1 else known

    assert (after.method_id, after.fallback_method_id) == (swapped(method_id), swapped(fallback_id))
    assert after.version == 4 + (1 in (method_id, fallback_id))


@given(st.sampled_from([None, 1, 3]), st.sampled_from([None, 1, 3]))
def test_a_policy_forgets_what_was_removed(method_id: int | None, fallback_id: int | None) -> None:
    policy = RechargePolicy(method_id=method_id, fallback_method_id=fallback_id, version=4)

    after = method_changes.forgets(policy, 1)

    assert 1 not in (after.method_id, after.fallback_method_id)
    assert (after == policy) == (1 not in (method_id, fallback_id))
    assert not method_changes.is_named(policy, 1)
    assert method_changes.is_named(replace(policy, is_on=True), 1) == (1 in (method_id, fallback_id))


def test_only_another_card_gives_up_what_waits_for_the_old_one() -> None:
    policy = RechargePolicy(is_on=True, method_id=1)
    waiting = Purchase(1, "recharge-1", PurchaseCause.RECHARGE, 1, "USD", 1, NOON, epoch=1)
    charging = replace(waiting, state=PurchaseState.CHARGING)

    given_up = method_changes.gives_up(waiting, policy, Replacement(METHOD, OTHER), NOON)

    assert given_up is not None
    assert given_up.state is PurchaseState.CANCELED
    assert method_changes.gives_up(waiting, policy, Replacement(METHOD, SAME_AGAIN), NOON) is None
    assert method_changes.gives_up(charging, policy, Replacement(METHOD, OTHER), NOON) is None
    assert method_changes.gives_up(None, policy, Replacement(METHOD, OTHER), NOON) is None
    assert method_changes.gives_up(replace(waiting, method_id=9), policy, Replacement(METHOD, OTHER), NOON) is None


@given(st.integers(-10, 60), st.sampled_from([None, 30, 7]))
def test_each_notice_of_an_expiring_card_is_told_once_and_the_later_one_wins(
    days_left: int, told_days: int | None
) -> None:
    today = date(2026, 3, 2)
    assume(told_days is None or days_left <= told_days)

    due = method_changes.notice_due(today + timedelta(days=days_left), today, told_days)

    if days_left < 0 or days_left > 30:
        assert due is None
    elif days_left <= 7:
        assert due == (None if told_days == 7 else 7)
    else:
        assert due == (None if told_days == 30 else 30)
