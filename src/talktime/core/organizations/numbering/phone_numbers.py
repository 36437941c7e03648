"""The life of a phone number: available, reserved, ordered, activated, assigned, and released again (domain.md 4.3)."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from enum import Enum
from typing import Any

from talktime.core.organizations.users import NumberUse, User
from talktime.core.values.errors import Conflict
from talktime.core.values.frozen import frozen


class NumberState(Enum):
    """How far a number has come; released is available again."""

    AVAILABLE = "available"
    RESERVED = "reserved"
    ORDERED = "ordered"
    ACTIVATED = "activated"
    ASSIGNED = "assigned"


ARROWS: Mapping[NumberState, frozenset[NumberState]] = {
    NumberState.AVAILABLE: frozenset({NumberState.RESERVED}),
    NumberState.RESERVED: frozenset({NumberState.ORDERED, NumberState.AVAILABLE}),
    NumberState.ORDERED: frozenset({NumberState.ACTIVATED, NumberState.AVAILABLE}),
    NumberState.ACTIVATED: frozenset({NumberState.ASSIGNED, NumberState.AVAILABLE}),
    NumberState.ASSIGNED: frozenset({NumberState.ACTIVATED}),
}
_WAYS_ON: Mapping[NumberState, str] = {
    NumberState.AVAILABLE: "`talktime numbers reserve` holds one for its order",
    NumberState.RESERVED: "`talktime numbers order` orders it",
    NumberState.ORDERED: "`talktime numbers activate` activates its order",
    NumberState.ACTIVATED: "`talktime numbers assign` assigns it, `talktime numbers release` gives it back",
    NumberState.ASSIGNED: "`talktime numbers unassign` takes it back first",
}


@frozen
class Listing:
    """What the inventory says of a number, E.164 digits; a price is for a month, and told only, never charged."""

    number: str
    use: NumberUse
    # ISO 3166; empty where the number plan does not tell, as for a number that its owner brought.
    country: str
    # City or area, as the carrier calls it.
    area: str = ""
    carrier: str = ""
    price_micros: int | None = None
    currency: str = ""


@frozen
class PhoneNumber:
    """A number of the inventory, or one that its organization brought (`is_ported`: it counts in no quota)."""

    listing: Listing
    state: NumberState = NumberState.AVAILABLE
    organization_id: int | None = None
    order_id: int | None = None
    reserved_until: datetime | None = None
    activated_at: datetime | None = None
    is_ported: bool = False

    def __post_init__(self) -> None:
        """State what must hold."""
        assert (self.state is NumberState.AVAILABLE) == (self.organization_id is None)
        assert (self.state is NumberState.RESERVED) == (self.reserved_until is not None)


@frozen
class HeldNumber:
    """A number and who answers it: a person, a resource account, or None: once assigned, the conference bridge."""

    phone: PhoneNumber
    user: User | None = None


def as_of(phone: PhoneNumber, at: datetime) -> PhoneNumber:
    """Return the number as it stands at an instant: a reservation that is over has returned to the inventory."""
    if phone.reserved_until is not None and phone.reserved_until <= at:
        return release(phone)
    return phone


def reserve(phone: PhoneNumber, *, organization_id: int, order_id: int, until: datetime) -> PhoneNumber:
    """Hold a number for an order until an instant; raise Conflict unless it is available."""
    changes = {"organization_id": organization_id, "order_id": order_id, "reserved_until": until}
    return _moved(phone, NumberState.RESERVED, changes)


def order(phone: PhoneNumber) -> PhoneNumber:
    """Make a reserved number the organization's own; raise Conflict."""
    return _moved(phone, NumberState.ORDERED, {"reserved_until": None})


def activate(phone: PhoneNumber, at: datetime) -> PhoneNumber:
    """Make an ordered number usable; raise Conflict."""
    if phone.state is NumberState.ASSIGNED:
        raise _conflict(phone, "activated")
    return _moved(phone, NumberState.ACTIVATED, {"activated_at": at})


def assign(phone: PhoneNumber) -> PhoneNumber:
    """Note that somebody answers the number; raise Conflict unless it is active and free: it belongs to one."""
    return _moved(phone, NumberState.ASSIGNED, {})


def unassign(phone: PhoneNumber) -> PhoneNumber:
    """Note that nobody answers the number any more; raise Conflict unless somebody does."""
    if phone.state is not NumberState.ASSIGNED:
        raise _conflict(phone, "unassigned")
    return _moved(phone, NumberState.ACTIVATED, {})


def release(phone: PhoneNumber) -> PhoneNumber:
    """Give a number back to the inventory; raise Conflict while it is assigned."""
    changes = {"organization_id": None, "order_id": None, "reserved_until": None, "activated_at": None}
    return _moved(phone, NumberState.AVAILABLE, changes)


def _moved(phone: PhoneNumber, to: NumberState, changes: Mapping[str, Any]) -> PhoneNumber:
    if to not in ARROWS[phone.state]:
        raise _conflict(phone, "released" if to is NumberState.AVAILABLE else to.value)
    return replace(phone, state=to, **changes)


def _conflict(phone: PhoneNumber, wanted: str) -> Conflict:
    state = phone.state.value
    said = f"is {state} already" if state == wanted else f"is {state}, so it cannot be {wanted}"
    return Conflict(f"+{phone.listing.number} {said}: {_WAYS_ON[phone.state]}", code="number_state")
