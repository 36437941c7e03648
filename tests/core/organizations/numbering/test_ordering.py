from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from talktime.core.organizations.arrangements import Overage
from talktime.core.organizations.country_table import CountryRule
from talktime.core.organizations.numbering import ordering
from talktime.core.organizations.numbering.ordering import ORDER_NUMBERS_MAX, RESERVATION, OrderStatus
from talktime.core.organizations.numbering.phone_numbers import NumberState
from talktime.core.organizations.numbering.quotas import quota
from talktime.core.organizations.organizations import BillingMode
from talktime.core.organizations.users import NumberUse
from talktime.core.values.errors import Conflict, Invalid
from tests.core.organizations.numbering.numbers import ACME, LICENSES, NOON, facts, phones, wanted

POSTPAID = replace(ACME, mode=BillingMode.POSTPAID, has_credit_set_up=False)
MOMENT = timedelta(microseconds=1)


def test_an_order_goes_from_reserved_over_success_to_complete() -> None:
    order, reserved = ordering.reserve(1, facts(), wanted(2), phones(3), NOON)
    placed, ordered = ordering.place(order, reserved, NOON)
    done, active = ordering.activate(placed, ordered, NOON)

    assert [each.status(NOON) for each in (order, placed, done)] == [
        OrderStatus.RESERVED,
        OrderStatus.SUCCESS,
        OrderStatus.COMPLETE,
    ]
    assert [number.state for number in active] == [NumberState.ACTIVATED] * 2


def test_fewer_numbers_than_asked_are_a_partial_success() -> None:
    order, reserved = ordering.reserve(1, facts(), wanted(5), phones(3), NOON)
    placed, ordered = ordering.place(order, reserved, NOON)
    done, _ = ordering.activate(placed, ordered, NOON)

    assert order.taken_count == 3
    assert order.status(NOON) is OrderStatus.RESERVED
    assert placed.status(NOON) is done.status(NOON) is OrderStatus.PARTIAL_SUCCESS


def test_an_order_can_be_placed_until_its_ten_minutes_are_over_and_not_after() -> None:
    order, reserved = ordering.reserve(1, facts(), wanted(), phones(1), NOON)
    end = NOON + RESERVATION

    placed, _ = ordering.place(order, reserved, end - MOMENT)

    assert placed.placed_at == end - MOMENT
    assert order.status(end) is OrderStatus.EXPIRED
    with pytest.raises(Conflict, match="reserved until 12:10 UTC"):
        ordering.place(order, reserved, end)


def test_numbers_that_somebody_else_took_meanwhile_are_missing_from_the_order() -> None:
    order, reserved = ordering.reserve(1, facts(), wanted(3), phones(3), NOON)

    placed, ordered = ordering.place(order, reserved[:1], NOON)

    assert (placed.taken_count, len(ordered), placed.status(NOON)) == (1, 1, OrderStatus.PARTIAL_SUCCESS)


def test_an_order_that_is_not_placed_cannot_be_activated() -> None:
    order, reserved = ordering.reserve(1, facts(), wanted(), phones(1), NOON)

    with pytest.raises(Conflict, match="`talktime numbers order 1` places it"):
        ordering.activate(order, reserved, NOON)


def test_a_reservation_that_is_over_can_be_reserved_by_another() -> None:
    _, reserved = ordering.reserve(1, facts(), wanted(), phones(1), NOON)

    order, again = ordering.reserve(2, facts(), wanted(), reserved, NOON + RESERVATION)

    assert [number.order_id for number in again] == [order.order_id] == [2]


def test_where_nothing_is_available_nothing_is_ordered() -> None:
    with pytest.raises(Conflict, match="no toll number available in US, Boston") as refusal:
        ordering.reserve(1, facts(), replace(wanted(), area="Boston"), [], NOON)
    assert refusal.value.code == "number_not_available"
    with pytest.raises(Conflict, match="no toll number available in US:"):
        ordering.reserve(1, facts(), wanted(), [], NOON)


@pytest.mark.parametrize("quantity", [-1, 0, ORDER_NUMBERS_MAX + 1])
def test_an_order_of_none_or_too_many_is_refused(quantity: int) -> None:
    with pytest.raises(Invalid, match="1 to 1,500 numbers"):
        ordering.check(facts(), wanted(quantity))


def test_toll_numbers_exist_only_where_the_country_table_says() -> None:
    nowhere = facts(rule=CountryRule("AQ"))

    ordering.check(nowhere, wanted(use=NumberUse.USER))
    with pytest.raises(Conflict, match="no toll numbers in AQ by the country table"):
        ordering.check(nowhere, wanted(use=NumberUse.TOLL))


def test_toll_free_numbers_exist_only_where_the_country_table_says() -> None:
    with pytest.raises(Conflict, match="no toll-free numbers in DZ"):
        ordering.check(facts(rule=CountryRule("DZ", has_toll_numbers=True)), wanted(use=NumberUse.TOLL_FREE))


def test_toll_free_numbers_come_only_once_credits_are_set_up() -> None:
    without = facts(organization=replace(ACME, has_credit_set_up=False))

    ordering.check(without, wanted(use=NumberUse.TOLL))
    ordering.check(facts(), wanted(use=NumberUse.TOLL_FREE))
    with pytest.raises(Conflict, match="`talktime credit buy`") as refusal:
        ordering.check(without, wanted(use=NumberUse.TOLL_FREE))
    assert refusal.value.code == "toll_free_needs_credits"


def test_who_pays_after_use_has_toll_free_numbers_while_overage_is_on() -> None:
    with_overage = replace(LICENSES, overage=Overage(is_on=True))

    ordering.check(facts(organization=POSTPAID, arrangements=with_overage), wanted(use=NumberUse.TOLL_FREE))
    with pytest.raises(Conflict) as refusal:
        ordering.check(facts(organization=POSTPAID), wanted(use=NumberUse.TOLL_FREE))
    assert refusal.value.code == "toll_free_needs_overage"


def test_the_last_number_of_the_quota_can_be_had_and_not_one_more() -> None:
    ordering.check(facts(held_count=15), wanted(5))

    with pytest.raises(Conflict, match="may have 20 toll numbers by its licenses and has 15: 6 more") as refusal:
        ordering.check(facts(held_count=15), wanted(6))
    assert refusal.value.code == "number_quota"


@given(st.sampled_from(list(NumberUse)), st.lists(st.integers(1, 30), max_size=30))
def test_whatever_is_asked_for_an_organization_never_has_more_than_its_quota(
    use: NumberUse, quantities: list[int]
) -> None:
    held_count = 0

    for order_id, quantity in enumerate(quantities):
        try:
            _, reserved = ordering.reserve(order_id, facts(held_count), wanted(quantity, use), phones(25, use), NOON)
        except Conflict:
            continue
        held_count += len(reserved)

    assert held_count <= quota(use, LICENSES)
