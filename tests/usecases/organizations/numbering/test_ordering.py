from dataclasses import replace
from datetime import timedelta

import pytest

from talktime.core.organizations.arrangements import Overage
from talktime.core.organizations.numbering.ordering import OrderStatus, Wanted
from talktime.core.organizations.numbering.phone_numbers import NumberState
from talktime.core.organizations.organizations import BillingMode
from talktime.core.organizations.users import NumberUse
from talktime.core.values.errors import Conflict, Invalid, NotFound
from talktime.store.transaction import Transaction
from talktime.usecases.organizations.numbering.order_numbers import (
    NumbersFound,
    ReserveNumbers,
    SearchNumbers,
    list_orders,
    reserve_numbers,
    search_numbers,
)
from tests.usecases.organizations.numbering.worlds import ACME, NumberWorld

TEN_MINUTES = timedelta(minutes=10)


def search(world: NumberWorld, use: NumberUse, *, area: str = "", country: str = "") -> NumbersFound:
    return world.app.read(search_numbers, SearchNumbers(Wanted("", use, country, area, 10), world.at))


def test_a_number_comes_from_the_inventory_by_reserving_ordering_and_activating(world: NumberWorld) -> None:
    world.offer(NumberUse.TOLL, 3, area="Denver")

    reserved = world.reserve(NumberUse.TOLL, 2, area="DENVER")
    placed = world.place(reserved.order.order_id)
    activated = world.activate(reserved.order.order_id)

    statuses = [each.order.status(world.at) for each in (reserved, placed, activated)]
    assert statuses == [OrderStatus.RESERVED, OrderStatus.SUCCESS, OrderStatus.COMPLETE]
    assert reserved.order.reserved_until == world.at + TEN_MINUTES
    assert [held.phone.state for held in world.held().values()] == [NumberState.ACTIVATED] * 2
    assert world.app.read(list_orders, "Acme")[1] == [activated.order]


def test_a_search_holds_nothing_and_says_where_there_is_more(world: NumberWorld) -> None:
    world.offer(NumberUse.TOLL, 12, area="Denver")
    world.offer(NumberUse.USER, 1, area="Seattle")

    found = search(world, NumberUse.TOLL)

    assert (len(found.numbers), found.count, found.areas) == (10, 12, (("US", "Denver", 12),))
    assert search(world, NumberUse.TOLL, area="Boston").count == 0
    assert search(world, NumberUse.TOLL, area="+1303").count == 12
    assert search(world, NumberUse.TOLL, country="gb").count == 0
    assert world.reserve(NumberUse.TOLL, 12).order.taken_count == 12
    assert search(world, NumberUse.TOLL).count == 0


def test_a_reservation_is_anothers_to_have_once_its_ten_minutes_are_over(world: NumberWorld) -> None:
    world.offer(NumberUse.TOLL, 1)
    first = world.reserve(NumberUse.TOLL)
    with pytest.raises(Conflict, match="no toll number available"):
        world.reserve(NumberUse.TOLL, organization="Fabrikam")
    world.tick(minutes=10)

    second = world.reserve(NumberUse.TOLL, organization="Fabrikam")

    assert second.numbers[0].listing == first.numbers[0].listing
    assert world.held() == {}
    assert world.app.read(list_orders, "Acme")[1][0].status(world.at) is OrderStatus.EXPIRED
    with pytest.raises(Conflict) as refusal:
        world.place(first.order.order_id)
    assert refusal.value.code == "order_expired"


def test_a_late_clock_places_no_order_whose_numbers_another_has(world: NumberWorld) -> None:
    world.offer(NumberUse.TOLL, 1)
    first = world.reserve(NumberUse.TOLL)
    world.tick(minutes=10)
    world.reserve(NumberUse.TOLL, organization="Fabrikam")
    world.tick(minutes=-1)

    with pytest.raises(Conflict) as refusal:
        world.place(first.order.order_id)

    assert refusal.value.code == "order_expired"


def test_ordering_and_activating_twice_is_once(world: NumberWorld) -> None:
    world.offer(NumberUse.TOLL, 1)
    order_id = world.reserve(NumberUse.TOLL).order.order_id

    placed = world.place(order_id)
    world.tick(hours=1)
    again = world.place(order_id)
    activated = world.activate(order_id)
    world.tick(hours=1)

    assert again.order == placed.order
    assert world.activate(order_id).order == activated.order


def test_an_order_that_is_not_there_is_named(world: NumberWorld) -> None:
    world.offer(NumberUse.TOLL, 1)
    world.reserve(NumberUse.TOLL)

    with pytest.raises(NotFound, match="no order 1 of numbers"):
        world.place(1, organization="Fabrikam")


def test_reserved_and_ordered_numbers_count_in_the_quota_and_given_back_ones_do_not(world: NumberWorld) -> None:
    world.offer(NumberUse.TOLL, 25)
    world.reserve(NumberUse.TOLL, 20)
    with pytest.raises(Conflict, match="may have 20 toll numbers by its licenses and has 20"):
        world.reserve(NumberUse.TOLL)
    world.tick(minutes=10)

    numbers = world.reserve(NumberUse.TOLL, 20).numbers
    world.release(numbers[0].listing.number)

    assert world.quota(NumberUse.TOLL).left == 1
    assert world.reserve(NumberUse.TOLL).order.taken_count == 1


def test_fewer_numbers_than_asked_are_a_partial_success(world: NumberWorld) -> None:
    world.offer(NumberUse.TOLL, 3)

    order_id = world.reserve(NumberUse.TOLL, 5).order.order_id

    assert world.place(order_id).order.status(world.at) is OrderStatus.PARTIAL_SUCCESS


def test_toll_free_numbers_are_neither_reserved_nor_activated_before_credits_are_set_up(world: NumberWorld) -> None:
    world.offer(NumberUse.TOLL_FREE, 2)
    with pytest.raises(Conflict) as reserving:
        world.reserve(NumberUse.TOLL_FREE)
    world.set_up_credit()
    order_id = world.reserve(NumberUse.TOLL_FREE).order.order_id
    world.place(order_id)

    assert reserving.value.code == "toll_free_needs_credits"
    assert world.activate(order_id).numbers[0].state is NumberState.ACTIVATED


def test_who_pays_after_use_activates_toll_free_numbers_only_with_overage(world: NumberWorld) -> None:
    world.set_up_credit()
    world.offer(NumberUse.TOLL_FREE, 1)
    order_id = world.reserve(NumberUse.TOLL_FREE).order.order_id
    world.place(order_id)
    world.app.run(lambda tx, _: tx.organizations.set_billing_mode(ACME, BillingMode.POSTPAID), None)
    with pytest.raises(Conflict) as refusal:
        world.activate(order_id)

    world.app.run(_switch_overage_on, None)

    assert refusal.value.code == "toll_free_needs_overage"
    assert world.activate(order_id).order.status(world.at) is OrderStatus.COMPLETE


def test_a_country_without_toll_free_numbers_in_the_table_has_none_to_order(world: NumberWorld) -> None:
    world.set_up_credit()
    wanted = Wanted("", NumberUse.TOLL_FREE, "AL")

    with pytest.raises(Conflict, match="no toll-free numbers in AL by the country table"):
        world.app.run(reserve_numbers, ReserveNumbers("Acme", wanted, world.at))


@pytest.mark.parametrize("name", ["x" * 101, "a\x00b"])
def test_an_order_needs_a_name_that_can_be_read(world: NumberWorld, name: str) -> None:
    with pytest.raises(Invalid, match="cannot name an order"):
        world.app.run(reserve_numbers, ReserveNumbers("Acme", Wanted(name, NumberUse.TOLL, "US"), world.at))


def test_orders_are_counted_for_each_organization(world: NumberWorld) -> None:
    world.offer(NumberUse.TOLL, 3)

    ids = [world.reserve(NumberUse.TOLL, organization=name).order.order_id for name in ("Acme", "Acme", "Fabrikam")]

    assert ids == [1, 2, 1]
    assert (len(world.held()), len(world.held("Fabrikam"))) == (2, 1)


def _switch_overage_on(tx: Transaction, _: None) -> None:
    tx.arrangements.save_settings(ACME, replace(tx.arrangements.of(ACME), overage=Overage(is_on=True)))
