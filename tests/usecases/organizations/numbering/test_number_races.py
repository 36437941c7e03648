"""Admins who reserve at once: nobody gets another's number, nobody more than his quota, on both databases."""

from concurrent.futures import ThreadPoolExecutor

from talktime.core.organizations.licenses import License
from talktime.core.organizations.numbering.ordering import Wanted
from talktime.core.organizations.organizations import Organization
from talktime.core.organizations.users import NumberUse
from talktime.core.values.errors import Conflict
from talktime.core.values.places import read_zone
from talktime.store.transaction import Transaction
from talktime.usecases.organizations.numbering.assign_numbers import AssignNumber, assign_number
from talktime.usecases.organizations.numbering.order_numbers import ReserveNumbers, reserve_numbers
from tests.usecases.organizations.numbering.worlds import NOON, QUEUE, NumberWorld

RIVALS = tuple(f"Rival {number}" for number in range(8))


def test_two_who_search_at_once_never_reserve_the_same_number(world: NumberWorld) -> None:
    world.offer(NumberUse.TOLL, 100)
    world.app.run(_add_rivals, None)

    with ThreadPoolExecutor(len(RIVALS)) as pool:
        won = list(pool.map(lambda name: _reserve(world, name, times=7, quantity=2), RIVALS))

    numbers = [number for each in won for number in each]
    assert len(numbers) == len(set(numbers)) == 100
    assert {len(world.held(name)) for name in RIVALS} == {len(each) for each in won}


def test_reservations_that_are_over_are_won_by_one(world: NumberWorld) -> None:
    world.offer(NumberUse.TOLL, 10)
    world.reserve(NumberUse.TOLL, 10)
    world.tick(minutes=10)
    world.app.run(_add_rivals, None)

    with ThreadPoolExecutor(len(RIVALS)) as pool:
        won = list(pool.map(lambda name: _reserve(world, name, times=3, quantity=1), RIVALS))

    numbers = [number for each in won for number in each]
    assert len(numbers) == len(set(numbers)) == 10
    assert world.held() == {}


def test_admins_of_one_organization_together_never_have_more_than_its_quota(world: NumberWorld) -> None:
    world.offer(NumberUse.TOLL, 60)

    with ThreadPoolExecutor(8) as pool:
        won = list(pool.map(lambda _: _reserve(world, "Acme", times=4, quantity=1), range(8)))

    assert sum(map(len, won)) == len(world.held()) == 20


def test_a_number_that_many_assign_at_once_goes_to_one(world: NumberWorld) -> None:
    [number] = world.have(NumberUse.TOLL)

    def assign(turn: int) -> str:
        to = QUEUE if turn % 2 else ""
        try:
            world.app.run(assign_number, AssignNumber("Acme", number, to))
        except Conflict:
            return "refused"
        return to

    with ThreadPoolExecutor(8) as pool:
        answers = set(pool.map(assign, range(16)))

    held = world.held()[number]
    assert answers == {"refused", held.user.user_principal_name if held.user else ""}


def _reserve(world: NumberWorld, organization: str, *, times: int, quantity: int) -> list[str]:
    won: list[str] = []
    for _ in range(times):
        request = ReserveNumbers(organization, Wanted("", NumberUse.TOLL, "US", "", quantity), world.at)
        try:
            won += [phone.listing.number for phone in world.app.run(reserve_numbers, request).numbers]
        except Conflict:
            # Nothing is left, or the quota is used up.
            continue
    return won


def _add_rivals(tx: Transaction, _: None) -> None:
    for number, name in enumerate(RIVALS):
        organization_id = 100 + number
        owner = Organization(organization_id, name, "US", "USD", read_zone("UTC"), "standard")
        tx.organizations.add(owner, NOON)
        tx.arrangements.set_purchased(organization_id, License.PHONE_SYSTEM, 51)
