"""Order numbers: look what there is, reserve for ten minutes, order, activate (domain.md 4.3)."""

from dataclasses import replace
from datetime import datetime

from talktime.core.organizations.numbering import ordering
from talktime.core.organizations.numbering.ordering import NumberFacts, NumberOrder, Wanted
from talktime.core.organizations.numbering.phone_numbers import PhoneNumber
from talktime.core.organizations.organizations import Organization
from talktime.core.values.errors import Invalid
from talktime.core.values.frozen import frozen
from talktime.core.values.places import read_country
from talktime.store.transaction import Transaction
from talktime.usecases.organizations.manage_organizations import find_organization, lock_organization

NAME_CHARACTERS_MAX = 100
SEARCH_NUMBERS_MAX = 1_000


@frozen
class SearchNumbers:
    """What is looked for; an empty country is everywhere. Nothing is held."""

    wanted: Wanted
    at: datetime


@frozen
class NumbersFound:
    """Some of the numbers that can be reserved, how many there are, and how many of this use in each area."""

    numbers: tuple[PhoneNumber, ...]
    count: int
    areas: tuple[tuple[str, str, int], ...]


@frozen
class ReserveNumbers:
    """Whose order it is to be, and what it asks for; an empty country is the organization's."""

    organization: str
    wanted: Wanted
    at: datetime


@frozen
class OrderStep:
    """Which order goes on, and when."""

    organization: str
    order_id: int
    at: datetime


@frozen
class OrderedNumbers:
    """An order and the numbers that are its."""

    organization: Organization
    order: NumberOrder
    numbers: tuple[PhoneNumber, ...]


def search_numbers(tx: Transaction, request: SearchNumbers) -> NumbersFound:
    """Return what can be reserved now; raise Invalid."""
    wanted = request.wanted
    if wanted.country:
        wanted = replace(wanted, country=read_country(wanted.country))
    if not 0 < wanted.quantity <= SEARCH_NUMBERS_MAX:
        message = f"a search shows 1 to {SEARCH_NUMBERS_MAX:,} numbers, not {wanted.quantity:,}"
        raise Invalid(message, code="number_quantity")
    numbers, count = tx.numbering.offered_sample(wanted, request.at)
    areas = tx.numbering.offered_by_area(wanted.use, wanted.country, request.at)
    return NumbersFound(tuple(numbers), count, tuple(areas))


def reserve_numbers(tx: Transaction, request: ReserveNumbers) -> OrderedNumbers:
    """Hold numbers for ten minutes under a new order; raise Invalid, or Conflict where a rule says no."""
    organization = lock_organization(tx, request.organization)
    wanted = _read(request.wanted, organization)
    facts = _facts(tx, organization, wanted, request.at)
    # Before the inventory is taken: who may not order should keep nobody waiting.
    ordering.check(facts, wanted)
    tx.numbering.take_inventory()
    free = tx.numbering.offered(wanted, request.at)
    order_id = tx.numbering.next_order_id(organization.organization_id)
    order, numbers = ordering.reserve(order_id, facts, wanted, free, request.at)
    tx.numbering.add_order(order)
    tx.numbering.save(numbers)
    return OrderedNumbers(organization, order, numbers)


def place_order(tx: Transaction, request: OrderStep) -> OrderedNumbers:
    """Order what is reserved, once; raise NotFound, or Conflict where the ten minutes are over."""
    organization = lock_organization(tx, request.organization)
    order, numbers = tx.numbering.order(organization.organization_id, request.order_id)
    if order.placed_at is not None:
        return OrderedNumbers(organization, order, tuple(numbers))
    placed, ordered = ordering.place(order, numbers, request.at)
    tx.numbering.save_order(placed)
    tx.numbering.save(ordered)
    return OrderedNumbers(organization, placed, ordered)


def activate_order(tx: Transaction, request: OrderStep) -> OrderedNumbers:
    """Make ordered numbers usable, once; raise NotFound, or Conflict, for toll-free ones without credits too (S5)."""
    organization = lock_organization(tx, request.organization)
    order, numbers = tx.numbering.order(organization.organization_id, request.order_id)
    if order.activated_at is not None:
        return OrderedNumbers(organization, order, tuple(numbers))
    arrangements = tx.arrangements.of(organization.organization_id)
    ordering.check_toll_free(order.wanted.use, organization, arrangements)
    activated, active = ordering.activate(order, numbers, request.at)
    tx.numbering.save_order(activated)
    tx.numbering.save(active)
    return OrderedNumbers(organization, activated, active)


def list_orders(tx: Transaction, organization: str) -> tuple[Organization, list[NumberOrder]]:
    """Return the orders of an organization, the latest first."""
    found = find_organization(tx, organization)
    return found, tx.numbering.orders(found.organization_id)


def _facts(tx: Transaction, organization: Organization, wanted: Wanted, at: datetime) -> NumberFacts:
    return NumberFacts(
        organization,
        tx.arrangements.of(organization.organization_id),
        tx.countries.in_force(at).of(wanted.country),
        tx.numbering.counts(organization.organization_id, at).get(wanted.use, 0),
    )


def _read(wanted: Wanted, organization: Organization) -> Wanted:
    country = read_country(wanted.country or organization.country)
    name = " ".join(wanted.name.split()) or f"{ordering.USE_WORDS[wanted.use]} numbers in {country}"
    if len(name) > NAME_CHARACTERS_MAX or not name.isprintable():
        message = f"{wanted.name!r} cannot name an order: write at most {NAME_CHARACTERS_MAX} printable characters"
        raise Invalid(message, code="name")
    return replace(wanted, name=name, country=country, area=" ".join(wanted.area.split()))
