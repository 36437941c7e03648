"""Orders on both databases: who may buy what, exactly what is charged, and each order once."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from talktime.core.credit.billing.taxes import TaxedAt, TaxRule
from talktime.core.credit.buying.catalog import BuyingTerms
from talktime.core.credit.buying.payments import PurchaseKey
from talktime.core.credit.buying.purchases import PurchaseState
from talktime.core.credit.buying.refusals import Refused
from talktime.core.credit.orders import CautionKind, OrderForm, RechargeWish, Review
from talktime.core.organizations.licenses import NO_LICENSE, License
from talktime.core.organizations.organizations import BillingMode, Organization
from talktime.core.values.errors import Conflict, Invalid, NotFound
from talktime.core.values.events import EventKind
from talktime.core.values.money import AMOUNT_MAX_MICROS
from talktime.store.transaction import Transaction
from talktime.usecases.credit.add_credit import AddCredit, add_credit
from talktime.usecases.credit.buying.buy_credit import OrderPlaced, show_order
from talktime.usecases.organizations.set_billing_mode import SetBillingMode, set_billing_mode
from tests.recharge_world import NAME, NEW_YORK, NOON, ORGANIZATION_ID
from tests.usecases.credit.buyers import (
    FORM,
    LOST_ANSWER_CARD,
    LOST_CARD,
    NEEDS_ACTION_CARD,
    Buyers,
    units,
)


def reviewed(world: Buyers, form: OrderForm = FORM) -> Review:
    answer = world.review(form)
    assert isinstance(answer, Review), answer
    return answer


def tax(world: Buyers) -> None:
    rule = TaxRule("US", "Sales tax", 80_000, TaxedAt.PURCHASE, date(2026, 1, 1))
    world.app.run(lambda tx, rule: tx.documents.save_tax_rule(rule), rule)


def _license(tx: Transaction, licenses: License) -> None:
    tx.organizations.set_licenses(ORGANIZATION_ID, (1,), licenses)
    tx.arrangements.recount(ORGANIZATION_ID)


def license_users(world: Buyers, licenses: License) -> None:
    world.app.run(_license, licenses)


# ── the review ──────────────────────────────────────────────────────────────────────────────────────────────


def test_the_review_shows_exactly_what_the_order_charges(world: Buyers) -> None:
    tax(world)
    world.attach()

    review = reviewed(world)
    shown = world.buy()

    assert (review.amount_micros, review.tax_micros, review.total_micros) == (units(200), units(16), units(216))
    assert shown.purchase.charged_micros == review.total_micros
    assert world.moved_units == 216
    assert review.balance_after_micros == shown.balance_micros == units(300)
    assert shown.lot is not None
    assert review.lot_expires_at == shown.lot.expires_at == datetime(2027, 3, 3, 5, tzinfo=UTC)


def test_a_review_changes_nothing(world: Buyers) -> None:
    world.attach()

    reviewed(world)

    assert world.purchases == []
    assert world.told() == []


def test_enabling_the_recharge_with_an_order_shows_what_it_would_charge_at_once(world: Buyers) -> None:
    tax(world)
    world.attach()

    above = reviewed(world, replace(FORM, recharge=RechargeWish(units(300), units(50))))
    below = reviewed(world, replace(FORM, recharge=RechargeWish(units(301), units(50))))

    assert above.recharge is not None
    assert above.recharge.charges_now_micros == 0
    assert below.recharge is not None
    assert below.recharge.charges_now_micros == units(54)


def test_a_trigger_above_the_recharge_amount_is_warned_of_with_the_simulation(world: Buyers) -> None:
    world.attach()

    review = reviewed(world, replace(FORM, recharge=RechargeWish(units(100), units(20))))

    said = [caution.message for caution in review.cautions if caution.kind is CautionKind.RECHARGE]
    assert len(said) == 1
    assert "it takes 5 charges of 20.00 USD" in said[0]


def test_a_trigger_below_a_usual_day_is_warned_of(world: Buyers) -> None:
    world.attach()
    world.spend(90)

    review = reviewed(world, replace(FORM, recharge=RechargeWish(units(2), units(50))))

    assert [caution.kind for caution in review.cautions] == [CautionKind.RECHARGE]
    assert "usual day" in review.cautions[0].message


@pytest.mark.parametrize(("expires", "warned"), [("03/26", True), ("04/26", False)])
def test_a_card_that_expires_within_a_month_is_warned_of(world: Buyers, expires: str, *, warned: bool) -> None:
    world.attach(expires=expires)

    kinds = [caution.kind for caution in reviewed(world).cautions]

    assert kinds == [CautionKind.CARD_EXPIRES_SOON] * warned


def test_an_order_that_is_still_open_is_warned_of(world: Buyers) -> None:
    world.attach(LOST_ANSWER_CARD)
    world.buy()

    review = reviewed(world)

    assert [caution.kind for caution in review.cautions] == [CautionKind.ORDER_OPEN]
    assert "order-1" in review.cautions[0].message
    world.tick(minutes=2)
    world.work()


def test_of_several_ways_to_pay_the_recharge_s_is_meant_unless_another_is_chosen(world: Buyers) -> None:
    world.recharge_on(trigger=50, amount=20)
    other = world.attach(LOST_CARD).method.method_id

    assert reviewed(world).method.method_id == 1
    assert reviewed(world, replace(FORM, method_id=other)).method.method_id == other


# ── who may buy what ────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "licenses",
    [
        License.PHONE_SYSTEM,
        License.AUDIO_CONFERENCING,
        License.PAY_PER_MINUTE_CONFERENCING,
        License.DOMESTIC,
        License.DOMESTIC_AND_INTERNATIONAL,
        License.PAY_AS_YOU_GO_1,
        License.E5,
    ],
)
def test_either_license_of_any_user_lets_an_organization_buy(world: Buyers, licenses: License) -> None:
    world.attach()
    license_users(world, licenses)

    assert isinstance(world.review(), Review)


@pytest.mark.parametrize("licenses", [NO_LICENSE, License.COMMUNICATIONS_CREDITS, License.E3])
def test_without_such_a_license_the_refusal_says_which_is_needed(world: Buyers, licenses: License) -> None:
    world.attach()
    license_users(world, licenses)

    refused = world.review()

    assert isinstance(refused, Refused)
    assert refused.code == "license_missing"
    assert "Phone System or Audio Conferencing" in refused.message


def test_a_postpaid_organization_is_told_what_to_do_instead(world: Buyers) -> None:
    world.attach()
    world.app.run(set_billing_mode, SetBillingMode(NAME, BillingMode.POSTPAID))

    refused = world.review()

    assert isinstance(refused, Refused)
    assert refused.code == "organization_postpaid"
    assert "pay-as-you-go" in refused.message
    assert "overage" in refused.message


def test_an_organization_does_not_become_postpaid_while_it_recharges_by_itself(world: Buyers) -> None:
    world.recharge_on(trigger=50, amount=20)

    with pytest.raises(Conflict, match="switch that off first"):
        world.app.run(set_billing_mode, SetBillingMode(NAME, BillingMode.POSTPAID))


def test_credits_are_not_sold_where_they_do_not_exist(world: Buyers) -> None:
    taiwan = Organization(2, "Formosa", "TW", "TWD", NEW_YORK, "deck")
    world.app.run(lambda tx, _: tx.organizations.add(taiwan, NOON), None)

    refused = world.review(replace(FORM, organization="Formosa", amount_micros=units(600)))

    assert isinstance(refused, Refused)
    assert refused.code == "country_without_credits"


def test_a_suspended_organization_buys_nothing(world: Buyers) -> None:
    suspended = Organization(2, "Idle", "US", "USD", NEW_YORK, "deck", is_active=False)
    world.app.run(lambda tx, _: tx.organizations.add(suspended, NOON), None)

    refused = world.review(replace(FORM, organization="Idle"))

    assert isinstance(refused, Refused)
    assert refused.code == "organization_suspended"


@pytest.mark.parametrize(
    ("form", "code"),
    [
        (replace(FORM, amount_micros=0), "amount_not_positive"),
        (replace(FORM, amount_micros=-units(20)), "amount_not_positive"),
        (replace(FORM, amount_micros=units(20) + 5_000), "amount_too_many_decimals"),
        (replace(FORM, amount_micros=units(20) + 500_000), "amount_not_whole"),
        (replace(FORM, amount_micros=units(19)), "amount_below_minimum"),
        (replace(FORM, amount_micros=units(500_001)), "amount_above_maximum"),
        (replace(FORM, amount_micros=AMOUNT_MAX_MICROS), "amount_above_maximum"),
        (replace(FORM, currency="EUR"), "currency_differs"),
        (replace(FORM, method_id=99), "method_unknown"),
        (replace(FORM, recharge=RechargeWish(units(10), units(19))), "amount_below_minimum"),
        (replace(FORM, recharge=RechargeWish(-1, units(20))), "trigger_not_possible"),
        (replace(FORM, terms=BuyingTerms({"USD": 250})), "amount_below_minimum"),
    ],
)
def test_what_cannot_be_bought_is_refused_each_with_its_reason(world: Buyers, form: OrderForm, code: str) -> None:
    world.attach()

    assert world.refused(form) == code
    assert world.purchases == []


def test_without_a_way_to_pay_and_with_several_the_refusal_says_what_to_do(world: Buyers) -> None:
    assert world.refused(FORM) == "method_missing"

    world.attach()
    world.attach(LOST_CARD)

    assert world.refused(FORM) == "method_not_chosen"


def test_a_card_that_has_expired_by_the_local_day_is_refused(world: Buyers) -> None:
    world.attach(expires="03/26")
    # Still the last of March in New York, April in Greenwich.
    world.at = datetime(2026, 4, 1, 3, tzinfo=UTC)
    last_day = world.review()
    world.at = datetime(2026, 4, 1, 5, tzinfo=UTC)

    assert isinstance(last_day, Review)
    assert world.refused(FORM) == "card_expired"


def test_a_balance_stays_within_what_can_be_counted(world: Buyers) -> None:
    world.attach()
    beyond = BuyingTerms(most_minimums=AMOUNT_MAX_MICROS, confirmed_above_minimums=AMOUNT_MAX_MICROS)

    assert world.refused(replace(FORM, amount_micros=AMOUNT_MAX_MICROS, terms=beyond)) == "balance_too_large"


def test_an_unusually_large_order_is_placed_only_when_it_is_confirmed(world: Buyers) -> None:
    """money.md 53: bounds, and four eyes above a setting."""
    world.attach()
    large = replace(FORM, amount_micros=units(10_001))

    review = reviewed(world, large)
    unconfirmed = world.place("K-1", large)
    confirmed = world.place("K-1", large, is_confirmed=True)

    assert review.needs_confirmation
    assert [caution.kind for caution in review.cautions] == [CautionKind.LARGE_AMOUNT]
    assert isinstance(unconfirmed, Refused)
    assert unconfirmed.code == "order_not_confirmed"
    assert isinstance(confirmed, OrderPlaced)


# ── once ────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_same_order_again_is_answered_again_and_charged_once(world: Buyers) -> None:
    world.attach()
    first = world.place()
    world.buy()

    again = world.place()

    assert isinstance(first, OrderPlaced)
    assert again == replace(first, is_repeated=True)
    assert world.buy().purchase.state is PurchaseState.SETTLED
    assert world.moved_units == 200
    assert len(world.purchases) == 1


def test_the_same_key_with_another_form_is_a_conflict_and_buys_nothing(world: Buyers) -> None:
    """money.md 71: never execute what differs."""
    world.attach()
    world.place()

    with pytest.raises(Conflict, match="used before with other input") as raised:
        world.place("K-1", replace(FORM, amount_micros=units(201)))

    assert raised.value.code == "request_key_reused"
    assert len(world.purchases) == 1


def test_the_duplicate_of_a_refused_order_returns_the_refusal(world: Buyers) -> None:
    """money.md 71: even where it would pass by now; a new key asks anew."""
    refused = world.place("K-1")
    world.attach()

    again, anew = world.place("K-1"), world.place("K-2")

    assert isinstance(refused, Refused)
    assert again == refused
    assert isinstance(anew, OrderPlaced)


def test_parallel_orders_with_one_key_become_one_purchase(world: Buyers) -> None:
    world.attach()

    with ThreadPoolExecutor(8) as pool:
        shown = list(pool.map(lambda _: world.buy(), range(16)))

    assert {each.purchase.purchase_id for each in shown} == {"order-1"}
    assert len(world.purchases) == 1
    assert world.moved_units == 200
    assert world.available_units == 300


@pytest.mark.parametrize("key", ["", "  ", "k" * 201])
def test_an_order_needs_a_key(world: Buyers, key: str) -> None:
    world.attach()

    with pytest.raises(Invalid):
        world.place(key)


# ── what becomes of it ──────────────────────────────────────────────────────────────────────────────────────


def test_a_declined_order_is_over_and_says_why(world: Buyers) -> None:
    world.attach(LOST_CARD)

    shown = world.buy()

    assert shown.purchase.state is PurchaseState.FAILED
    assert shown.purchase.decline_code == "lost_card"
    assert world.moved_units == 0
    assert world.told() == [EventKind.PURCHASE_FAILED]


def test_an_order_whose_card_needs_its_owner_says_where(world: Buyers) -> None:
    world.attach(NEEDS_ACTION_CARD)

    shown = world.buy()
    world.gateway.authenticate(shown.purchase.charge_id)
    world.tick(hours=1)
    world.work()

    assert shown.purchase.state is PurchaseState.NEEDS_ACTION
    assert shown.purchase.action_url
    assert world.purchase("order-1").state is PurchaseState.SETTLED


def test_an_order_whose_answer_was_lost_is_unknown_and_found_by_the_same_key(world: Buyers) -> None:
    world.attach(LOST_ANSWER_CARD)

    shown = world.buy()
    world.tick(minutes=2)
    world.work()

    assert shown.purchase.state is PurchaseState.UNKNOWN
    assert world.purchase("order-1").state is PurchaseState.SETTLED
    assert world.moved_units == 200


def test_an_order_that_nobody_placed_is_not_found(world: Buyers) -> None:
    with pytest.raises(NotFound):
        world.app.read(show_order, PurchaseKey(ORGANIZATION_ID, "order-9"))


def test_no_reference_of_an_operator_can_take_the_place_of_an_order_s_lot(world: Buyers) -> None:
    world.attach()

    with pytest.raises(Invalid, match="order-1"):
        world.app.run(add_credit, AddCredit(NAME, units(20), "order-1", NOON))

    assert world.buy().purchase.state is PurchaseState.SETTLED


def test_a_card_that_expires_between_the_order_and_its_charge_is_declined_like_any_other(world: Buyers) -> None:
    """money.md 19."""
    world.attach(expires="03/26")
    world.at = datetime(2026, 3, 31, 17, tzinfo=UTC)
    world.place()
    world.tick(days=2)

    world.work()

    assert world.purchase("order-1").state is PurchaseState.FAILED
    assert world.purchase("order-1").decline_code == "expired_card"
