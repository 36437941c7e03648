"""Orders of numbers: what is wanted is reserved for ten minutes, then ordered, then activated (domain.md 4.3, S5)."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from enum import Enum

from talktime.core.organizations.arrangements import Arrangements
from talktime.core.organizations.country_table import CountryRule
from talktime.core.organizations.numbering import phone_numbers
from talktime.core.organizations.numbering.phone_numbers import NumberState, PhoneNumber
from talktime.core.organizations.numbering.quotas import quota
from talktime.core.organizations.organizations import BillingMode, Organization
from talktime.core.organizations.users import NumberUse
from talktime.core.values.errors import Conflict, Invalid
from talktime.core.values.frozen import frozen

RESERVATION = timedelta(minutes=10)
# What the largest row of the table of quotas allows at all.
ORDER_NUMBERS_MAX = 1_500
USE_WORDS: Mapping[NumberUse, str] = {
    NumberUse.USER: "user",
    NumberUse.TOLL: "toll",
    NumberUse.TOLL_FREE: "toll-free",
}


class OrderStatus(Enum):
    """How an order stands, in the words of the service; errors and callbacks of carriers cannot happen here."""

    RESERVED = "Reserved"
    EXPIRED = "Expired"
    SUCCESS = "Success"
    PARTIAL_SUCCESS = "PartialSuccess"
    COMPLETE = "Complete"


@frozen
class Wanted:
    """What an order asks for; an area is a city as the inventory calls it, or +digits that numbers begin with."""

    name: str
    use: NumberUse
    country: str
    area: str = ""
    quantity: int = 1


@frozen
class NumberOrder:
    """Numbers asked for together; `taken_count` of them were there, fewer than asked where the inventory is short."""

    organization_id: int
    order_id: int
    wanted: Wanted
    taken_count: int
    reserved_until: datetime
    placed_at: datetime | None = None
    activated_at: datetime | None = None

    def status(self, at: datetime) -> OrderStatus:
        """Tell how the order stands at an instant: an order that nobody placed in time has expired."""
        if self.placed_at is None:
            return OrderStatus.RESERVED if at < self.reserved_until else OrderStatus.EXPIRED
        if self.taken_count < self.wanted.quantity:
            return OrderStatus.PARTIAL_SUCCESS
        return OrderStatus.SUCCESS if self.activated_at is None else OrderStatus.COMPLETE


@frozen
class NumberFacts:
    """What decides about a reservation: `held_count` numbers of this use, not brought, are the organization's."""

    organization: Organization
    arrangements: Arrangements
    rule: CountryRule
    held_count: int


def check(facts: NumberFacts, wanted: Wanted) -> None:
    """Raise Invalid or Conflict where the order must not be, with what would change it."""
    if not 0 < wanted.quantity <= ORDER_NUMBERS_MAX:
        message = f"an order takes 1 to {ORDER_NUMBERS_MAX:,} numbers, not {wanted.quantity:,}"
        raise Invalid(message, code="number_quantity")
    if not _is_offered(facts.rule, wanted.use):
        message = (
            f"there are no {USE_WORDS[wanted.use]} numbers in {facts.rule.country} by the country table (domain.md"
            " 4.1): choose another country; `talktime countries` lists them"
        )
        raise Conflict(message, code="number_country")
    check_toll_free(wanted.use, facts.organization, facts.arrangements)
    allowed = quota(wanted.use, facts.arrangements)
    if facts.held_count + wanted.quantity > allowed:
        message = (
            f"{facts.organization.name} may have {allowed:,} {USE_WORDS[wanted.use]} numbers by its licenses and has"
            f" {facts.held_count:,}: {wanted.quantity:,} more are too many (domain.md 4.2). More licenses, or numbers"
            " given back, make room; `talktime numbers quota` shows the count"
        )
        raise Conflict(message, code="number_quota")


def check_toll_free(use: NumberUse, organization: Organization, arrangements: Arrangements) -> None:
    """Raise Conflict where calls to a toll-free number could not be paid: credit or overage comes first (S5, D19)."""
    if use is not NumberUse.TOLL_FREE:
        return
    if organization.mode is BillingMode.POSTPAID and not arrangements.overage.is_on:
        message = (
            f"{organization.name} pays after use and its overage is off, so nothing would pay for calls to toll-free"
            " numbers (D19): switch its overage on first"
        )
        raise Conflict(message, code="toll_free_needs_overage")
    if organization.mode is BillingMode.PREPAID and not organization.has_credit_set_up:
        message = (
            f"toll-free numbers need Communications Credits (S5), and {organization.name} has not set them up: add"
            " credit first, by `talktime credit buy` or `talktime credit add`"
        )
        raise Conflict(message, code="toll_free_needs_credits")


def reserve(
    order_id: int, facts: NumberFacts, wanted: Wanted, free: Sequence[PhoneNumber], at: datetime
) -> tuple[NumberOrder, tuple[PhoneNumber, ...]]:
    """Hold what is wanted of the free numbers, or all that there are; raise Conflict where it must not be."""
    check(facts, wanted)
    if not free:
        where = f"{facts.rule.country}, {wanted.area}" if wanted.area else facts.rule.country
        message = (
            f"the inventory has no {USE_WORDS[wanted.use]} number available in {where}: `talktime numbers search`"
            " shows what there is, `talktime numbers inventory import` brings more"
        )
        raise Conflict(message, code="number_not_available")
    until = at + RESERVATION
    organization_id = facts.organization.organization_id
    reserved = tuple(
        phone_numbers.reserve(
            phone_numbers.as_of(phone, at), organization_id=organization_id, order_id=order_id, until=until
        )
        for phone in free[: wanted.quantity]
    )
    return NumberOrder(organization_id, order_id, wanted, len(reserved), until), reserved


def place(
    order: NumberOrder, numbers: Sequence[PhoneNumber], at: datetime
) -> tuple[NumberOrder, tuple[PhoneNumber, ...]]:
    """Take the numbers that are still reserved for the order; raise Conflict where its ten minutes are over."""
    reserved = [number for number in numbers if phone_numbers.as_of(number, at).state is NumberState.RESERVED]
    if not reserved:
        message = (
            f"the numbers of order {order.order_id} were reserved until {order.reserved_until:%H:%M} UTC and have"
            " returned to the inventory: reserve anew with `talktime numbers reserve`"
        )
        raise Conflict(message, code="order_expired")
    placed = replace(order, placed_at=at, taken_count=len(reserved))
    return placed, tuple(phone_numbers.order(number) for number in reserved)


def activate(
    order: NumberOrder, numbers: Sequence[PhoneNumber], at: datetime
) -> tuple[NumberOrder, tuple[PhoneNumber, ...]]:
    """Make the ordered numbers usable; raise Conflict where the order was not placed."""
    if order.placed_at is None:
        message = f"order {order.order_id} is not placed: `talktime numbers order {order.order_id}` places it"
        raise Conflict(message, code="order_not_placed")
    ordered = [number for number in numbers if number.state is NumberState.ORDERED]
    return replace(order, activated_at=at), tuple(phone_numbers.activate(number, at) for number in ordered)


def _is_offered(rule: CountryRule, use: NumberUse) -> bool:
    if use is NumberUse.TOLL:
        return rule.has_toll_numbers
    return use is NumberUse.USER or rule.has_toll_free_numbers
