"""How numbers and orders of them are shown, as tables and as JSON."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from rich.table import Table
from rich.text import Text

from talktime.core.organizations.numbering.ordering import USE_WORDS, NumberOrder
from talktime.core.organizations.numbering.phone_numbers import HeldNumber, NumberState, PhoneNumber
from talktime.core.values.money import format_micros
from talktime.interfaces.cli.terminal import instant, iso, money, table

NUMBERS_SHOWN_MAX = 50
BRIDGE = "conference bridge"
NOTHING = Text("–", "dim")


def listing_document(phone: PhoneNumber) -> dict[str, Any]:
    """Return what the inventory says of a number."""
    listing = phone.listing
    return {
        "number": listing.number,
        "use": listing.use,
        "country": listing.country,
        "area": listing.area,
        "carrier": listing.carrier,
        "price": None if listing.price_micros is None else format_micros(listing.price_micros),
        "currency": listing.currency,
    }


def held_document(held: HeldNumber) -> dict[str, Any]:
    """Return a number of an organization, and who answers it."""
    is_assigned = held.phone.state is NumberState.ASSIGNED
    user = held.user.user_principal_name if held.user else None
    return {
        **listing_document(held.phone),
        "state": held.phone.state,
        "is_ported": held.phone.is_ported,
        "order": held.phone.order_id,
        "assigned_to": (user or BRIDGE) if is_assigned else None,
        "account": held.user.account if held.user else None,
    }


def order_document(order: NumberOrder, at: datetime) -> dict[str, Any]:
    """Return an order."""
    return {
        "order": order.order_id,
        "name": order.wanted.name,
        "status": order.status(at),
        "use": order.wanted.use,
        "country": order.wanted.country,
        "area": order.wanted.area,
        "quantity": order.wanted.quantity,
        "taken": order.taken_count,
        "reserved_until": iso(order.reserved_until),
        "placed_at": iso(order.placed_at),
        "activated_at": iso(order.activated_at),
    }


def offered_table(numbers: Sequence[PhoneNumber]) -> Table:
    """Draw numbers as the inventory offers them."""
    made = table("Number", "Use", "Country", "Area", "Carrier", "Per month", numbers=("Per month",))
    for phone in numbers[:NUMBERS_SHOWN_MAX]:
        made.add_row(*_listing_cells(phone))
    return made


def held_table(found: Iterable[HeldNumber]) -> Table:
    """Draw the numbers of an organization."""
    made = table("Number", "Use", "Country", "Area", "State", "Answered by", "Order")
    for held in found:
        phone, listing = held.phone, held.phone.listing
        made.add_row(
            f"+{listing.number}",
            USE_WORDS[listing.use],
            listing.country or NOTHING,
            listing.area or NOTHING,
            phone.state.value,
            answered_by(held) or NOTHING,
            "brought" if phone.is_ported else str(phone.order_id or ""),
        )
    return made


def orders_table(orders: Iterable[NumberOrder], at: datetime) -> Table:
    """Draw orders."""
    made = table("Order", "Name", "Use", "Country", "Area", "Numbers", "Status", "", numbers=("Order", "Numbers"))
    for order in orders:
        wanted, status = order.wanted, order.status(at)
        made.add_row(
            str(order.order_id),
            wanted.name,
            USE_WORDS[wanted.use],
            wanted.country,
            wanted.area or NOTHING,
            f"{order.taken_count:,} of {wanted.quantity:,}",
            status.value,
            _remark(order),
        )
    return made


def answered_by(held: HeldNumber) -> str:
    """Name who answers a number; empty where nobody does."""
    if held.phone.state is not NumberState.ASSIGNED:
        return ""
    if held.user is None:
        return BRIDGE
    return held.user.user_principal_name


def _listing_cells(phone: PhoneNumber) -> tuple[Any, ...]:
    listing = phone.listing
    return (
        f"+{listing.number}",
        USE_WORDS[listing.use],
        listing.country,
        listing.area or NOTHING,
        listing.carrier or NOTHING,
        NOTHING if listing.price_micros is None else money(listing.price_micros, listing.currency),
    )


def _remark(order: NumberOrder) -> str:
    if order.placed_at is None:
        return f"until {instant(order.reserved_until)}"
    return "" if order.activated_at else "not active yet"
