"""Which caps a change leaves, and which meters begin with it."""

import pytest

from talktime.core.organizations.arrangements import Caps
from talktime.core.organizations.capping import (
    EACH_USER,
    Begun,
    CapKind,
    CapTarget,
    begins_to_count_department,
    begins_to_count_user,
    begun,
    cap_of,
    with_cap,
)
from talktime.core.values.errors import Invalid, NotFound
from talktime.core.values.money import AMOUNT_MAX_MICROS

ADA, SALES = CapTarget(CapKind.USER, user_id=1), CapTarget(CapKind.DEPARTMENT, department="Sales")


@pytest.mark.parametrize("target", [EACH_USER, ADA, SALES])
def test_a_cap_is_set_changed_and_removed(target: CapTarget) -> None:
    first = with_cap(Caps(), target, 5)
    second = with_cap(first, target, 7)

    assert [cap_of(caps, target) for caps in (Caps(), first, second)] == [None, 5, 7]
    assert with_cap(second, target, None) == Caps()


@pytest.mark.parametrize("target", [EACH_USER, ADA, SALES])
def test_one_that_is_not_there_cannot_be_removed(target: CapTarget) -> None:
    with pytest.raises(NotFound):
        with_cap(Caps(), target, None)


def test_each_cap_is_its_own() -> None:
    caps = Caps(9, {1: 5, 2: 6}, {"Sales": 7, "Research": 8})

    assert with_cap(caps, ADA, None) == Caps(9, {2: 6}, {"Sales": 7, "Research": 8})
    assert with_cap(caps, SALES, None) == Caps(9, {1: 5, 2: 6}, {"Research": 8})
    assert with_cap(caps, EACH_USER, None) == Caps(None, {1: 5, 2: 6}, {"Sales": 7, "Research": 8})


@pytest.mark.parametrize("micros", [-1, AMOUNT_MAX_MICROS + 1])
def test_an_amount_that_no_month_can_cost_is_refused(micros: int) -> None:
    with pytest.raises(Invalid):
        with_cap(Caps(), ADA, micros)


def test_a_users_meter_begins_with_the_first_cap_that_holds_for_him() -> None:
    own, common = Caps(by_user_micros={1: 5}), Caps(each_user_micros=9)

    assert begins_to_count_user(Caps(), own, 1)
    assert begins_to_count_user(Caps(), common, 1)
    assert not begins_to_count_user(common, Caps(9, {1: 5}), 1)
    assert not begins_to_count_user(own, Caps(9, {1: 5}), 1)
    assert begins_to_count_user(own, Caps(9, {1: 5}), 2)
    assert not begins_to_count_user(own, Caps(), 1)


def test_a_departments_meter_begins_with_its_cap() -> None:
    capped = Caps(by_department_micros={"Sales": 5})

    assert begins_to_count_department(Caps(), capped, "Sales")
    assert not begins_to_count_department(Caps(), capped, "Research")
    assert not begins_to_count_department(capped, Caps(by_department_micros={"Sales": 7}), "Sales")


def test_a_meter_begins_with_what_the_month_has_cost() -> None:
    assert begun(7, 0, 0) == Begun(7, 7)


def test_one_that_counted_before_takes_only_what_came_meanwhile() -> None:
    # 3 of its 5 were counted by calls that name it, 2 were there when it began.
    assert begun(9, 5, 2) == Begun(9, 6)


def test_a_meter_never_forgets_what_calls_that_name_it_have_used() -> None:
    # Whoever made them is in another department now.
    assert begun(1, 5, 2) == Begun(3, 0)
