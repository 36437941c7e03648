from collections.abc import Callable
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from talktime.core.organizations.numbering import phone_numbers
from talktime.core.organizations.numbering.phone_numbers import ARROWS, NumberState, PhoneNumber
from talktime.core.values.errors import Conflict
from tests.core.organizations.numbering.numbers import NOON, phones

LATER = NOON + timedelta(minutes=10)
VERBS: dict[str, Callable[[PhoneNumber], PhoneNumber]] = {
    "reserve": lambda phone: phone_numbers.reserve(phone, organization_id=1, order_id=7, until=LATER),
    "order": phone_numbers.order,
    "activate": lambda phone: phone_numbers.activate(phone, NOON),
    "assign": phone_numbers.assign,
    "unassign": phone_numbers.unassign,
    "release": phone_numbers.release,
    "wait": lambda phone: phone_numbers.as_of(phone, LATER),
}


def after(*verbs: str) -> PhoneNumber:
    [phone] = phones(1)
    for verb in verbs:
        phone = VERBS[verb](phone)
    return phone


@given(st.lists(st.sampled_from(sorted(VERBS)), max_size=40))
def test_a_number_only_ever_moves_along_the_arrows(verbs: list[str]) -> None:
    [phone] = phones(1)
    for verb in verbs:
        before = phone
        try:
            phone = VERBS[verb](phone)
        except Conflict:
            continue
        assert phone.state is before.state or phone.state in ARROWS[before.state]
        assert phone.listing == before.listing


def test_a_number_goes_from_the_inventory_to_somebody_and_back() -> None:
    there = after("reserve", "order", "activate", "assign")

    assert (there.state, there.organization_id, there.order_id) == (NumberState.ASSIGNED, 1, 7)
    assert after("reserve", "order", "activate", "assign", "unassign", "release") == phones(1)[0]


def test_a_reservation_ends_with_its_last_instant() -> None:
    reserved = after("reserve")

    assert phone_numbers.as_of(reserved, LATER - timedelta(microseconds=1)) == reserved
    assert phone_numbers.as_of(reserved, LATER) == phones(1)[0]


@pytest.mark.parametrize(
    ("verbs", "verb", "said"),
    [
        ((), "assign", "is available, so it cannot be assigned: `talktime numbers reserve`"),
        ((), "release", "is available, so it cannot be released"),
        (("reserve",), "reserve", "is reserved already: `talktime numbers order`"),
        (("reserve", "order"), "assign", "is ordered, so it cannot be assigned: `talktime numbers activate`"),
        (("reserve", "order", "activate"), "unassign", "is activated, so it cannot be unassigned"),
        (("reserve", "order", "activate", "assign"), "activate", "is assigned, so it cannot be activated"),
        (("reserve", "order", "activate", "assign"), "assign", "is assigned already: `talktime numbers unassign`"),
        (("reserve", "order", "activate", "assign"), "release", "`talktime numbers unassign` takes it back first"),
    ],
)
def test_what_cannot_be_says_what_would_change_it(verbs: tuple[str, ...], verb: str, said: str) -> None:
    phone = after(*verbs)

    with pytest.raises(Conflict, match=said) as refusal:
        VERBS[verb](phone)
    assert refusal.value.code == "number_state"
