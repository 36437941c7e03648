"""Caps on what calls cost in a month: they hold at once, and what is new in its month counts what it has cost."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from talktime.bootstrap import App
from talktime.core.calls.counting.meters import Meter, department_meter, user_meter
from talktime.core.calls.requests import Granted
from talktime.core.organizations.capping import CapKind
from talktime.core.values.errors import Invalid, NotFound
from talktime.usecases.organizations.manage_organizations import LookAt
from talktime.usecases.organizations.policies.set_caps import CapSet, CapsShown, SetCap, set_cap, show_caps
from tests.ruling_world import ADA, BOB, CYD, LOBBY, NAME, RulingWorld, ruling_world, units

MARCH = "2026-03"
ADAS, BOBS = user_meter(1, MARCH), user_meter(2, MARCH)
SALES = department_meter("Sales", MARCH)


@pytest.fixture
def world(empty_app: App) -> Iterator[RulingWorld]:
    with ruling_world(empty_app) as opened:
        yield opened


def cap(world: RulingWorld, amount: int | None, *, user: str = "", department: str = "") -> CapSet:
    micros = None if amount is None else units(amount)
    return world.app.run(set_cap, SetCap(NAME, micros, world.at, user, department))


def shown(world: RulingWorld) -> CapsShown:
    return world.app.read(show_caps, LookAt(NAME, world.at))


def test_a_cap_set_in_mid_month_counts_what_the_months_calls_have_cost(world: RulingWorld) -> None:
    world.call(7)
    world.call(2, by=BOB)

    changed = cap(world, 10, user=ADA)

    assert changed.row is not None
    assert (changed.row.meter, changed.row.left_micros) == (Meter(units(7)), units(3))
    world.call(3)
    assert world.refusal() == "user_cap_reached"
    assert world.refusal(by=BOB) == ""
    assert world.meter(ADAS) == Meter(units(10))
    assert world.is_clean()


def test_a_call_of_the_month_before_is_not_counted(world: RulingWorld) -> None:
    world.call(7)
    world.tick(days=30)

    changed = cap(world, 10, user=ADA)

    assert changed.row is not None
    assert (changed.month, changed.row.meter) == ("2026-04", Meter())


def test_a_department_begins_with_the_calls_of_those_who_are_in_it(world: RulingWorld) -> None:
    world.call(4)
    world.call(5, by=BOB)
    world.call(6, by=CYD)

    changed = cap(world, 10, department="Sales")

    assert changed.row is not None
    assert (changed.row.meter, changed.people_count) == (Meter(units(9)), 2)
    world.call(1, by=BOB)
    assert world.refusal() == world.refusal(by=BOB) == "department_cap_reached"
    assert world.refusal(by=CYD) == ""
    assert world.is_clean()


def test_a_cap_for_each_user_counts_for_all_who_have_none_of_their_own(world: RulingWorld) -> None:
    world.call(4)
    cap(world, 50, user=BOB)
    world.call(5, by=BOB)

    cap(world, 4)

    assert world.refusal() == "user_cap_reached"
    assert world.refusal(by=BOB) == ""
    found = shown(world)
    assert [(row.name, row.meter.used) for row in found.own] == [(BOB, units(5))]
    assert [(row.name, row.left_micros) for row in found.common] == [(ADA, 0)]
    assert world.is_clean()


def test_a_new_amount_counts_nothing_twice(world: RulingWorld) -> None:
    cap(world, 10, user=ADA)
    world.call(7)

    changed = cap(world, 20, user=ADA)
    lowered = cap(world, 5, user=ADA)

    assert changed.row is not None
    assert lowered.row is not None
    assert changed.row.left_micros == units(13)
    assert (lowered.row.meter, lowered.row.left_micros) == (Meter(units(7)), 0)
    assert world.is_clean()


def test_a_cap_that_was_given_up_counts_what_came_meanwhile_when_it_is_set_again(world: RulingWorld) -> None:
    world.call(1)
    cap(world, 10, user=ADA)
    world.call(2)
    cap(world, None, user=ADA)
    world.call(3)

    changed = cap(world, 10, user=ADA)

    assert changed.row is not None
    assert changed.row.meter == Meter(units(6))
    world.call(4)
    assert world.refusal() == "user_cap_reached"
    assert world.is_clean()


def test_a_removed_cap_holds_no_more(world: RulingWorld) -> None:
    cap(world, 0, user=ADA)
    refused = world.refusal()

    removed = cap(world, None, user=ADA)

    assert removed.row is None
    assert (refused, world.refusal()) == ("user_cap_reached", "")


def test_a_call_in_progress_obeys_a_cap_that_is_lowered_and_not_one_that_is_new(world: RulingWorld) -> None:
    cap(world, 50, user=ADA)
    capped, _ = world.start()
    free, _ = world.start(by=BOB)

    cap(world, 1, user=ADA)
    cap(world, 1, user=BOB)
    stopped, goes_on = world.extend(capped, granted=60), world.extend(free, granted=60)

    assert isinstance(stopped, Granted)
    assert isinstance(goes_on, Granted)
    assert (stopped.granted_seconds, stopped.is_final) == (60, True)
    assert goes_on.granted_seconds > 60
    world.tick(minutes=1)
    world.end(capped, 60)
    world.end(free, 60)
    assert (world.meter(ADAS), world.meter(BOBS)) == (Meter(units(1)), Meter())
    assert world.is_clean()


def test_caps_that_come_and_go_while_calls_are_charged_lose_and_double_nothing(world: RulingWorld) -> None:
    """Where a cap begins, every call is either on its meter by name, or in what it begins with."""

    def call_often() -> None:
        for number in range(30):
            world.call(1, by=(ADA, BOB)[number % 2])

    with ThreadPoolExecutor(1) as threads:
        calling = threads.submit(call_often)
        while not calling.done():
            cap(world, 90, department="Sales")
            cap(world, 60)
            cap(world, None, department="Sales")
            cap(world, None)
        calling.result()
    department, everybody = cap(world, 90, department="Sales"), cap(world, 60)

    assert department.row is not None
    assert everybody.row is not None
    assert department.row.meter == Meter(units(30))
    assert (world.meter(ADAS), world.meter(BOBS)) == (Meter(units(15)), Meter(units(15)))
    assert world.is_clean()


def test_a_department_of_nobody_is_set_and_told(world: RulingWorld) -> None:
    changed = cap(world, 5, department=" Seles ")

    assert (changed.name, changed.people_count, changed.departments) == ("Seles", 0, ("Front desk", "Sales"))
    assert [row.target.kind for row in shown(world).own] == [CapKind.DEPARTMENT]
    assert world.meter(SALES) == Meter()


def test_what_is_no_cap_is_refused_and_changes_nothing(world: RulingWorld) -> None:
    cap(world, 5, user=ADA)

    with pytest.raises(NotFound, match="has no user"):
        cap(world, 5, user="nobody@acme.example")
    with pytest.raises(Invalid, match="no person"):
        cap(world, 5, user=LOBBY)
    with pytest.raises(Invalid, match="is no cap"):
        cap(world, -5, user=ADA)
    with pytest.raises(NotFound, match="no such cap"):
        cap(world, None, department="Sales")

    assert [(row.name, row.micros) for row in shown(world).own] == [(ADA, units(5))]


def test_without_caps_nothing_is_shown(world: RulingWorld) -> None:
    world.call(3)

    found = shown(world)

    assert (found.own, found.common, found.caps.each_user_micros) == ((), (), None)
