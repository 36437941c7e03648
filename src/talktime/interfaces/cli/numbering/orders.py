"""`talktime numbers search`, `reserve`, `order`, `activate`, `orders`: from what there is to what is ours."""

from datetime import datetime
from typing import Annotated, Any

from cyclopts import Parameter
from rich.console import Group
from rich.table import Table
from rich.text import Text

from talktime.core.organizations.numbering.inventory import read_use
from talktime.core.organizations.numbering.ordering import USE_WORDS, Wanted
from talktime.interfaces.cli.numbering.views import (
    NUMBERS_SHOWN_MAX,
    listing_document,
    offered_table,
    order_document,
    orders_table,
)
from talktime.interfaces.cli.terminal import (
    DEFAULTS,
    Options,
    Whose,
    heading,
    hint,
    instant,
    now,
    open_app,
    show,
    table,
    warn,
)
from talktime.usecases.organizations.numbering.order_numbers import (
    NumbersFound,
    OrderedNumbers,
    OrderStep,
    ReserveNumbers,
    SearchNumbers,
    activate_order,
    list_orders,
    place_order,
    reserve_numbers,
    search_numbers,
)

Use = Annotated[str, Parameter(help="user, toll or toll-free.")]
Country = Annotated[str, Parameter(help="ISO 3166, such as US.")]
Area = Annotated[str, Parameter(help="A city as the inventory calls it, or what numbers begin with: +1206.")]
OrderId = Annotated[int, Parameter(help="The order, as `talktime numbers orders` lists it.")]


def search(
    *,
    use: Use,
    country: Country = "",
    area: Area = "",
    quantity: Annotated[int, Parameter(help="How many numbers are shown.")] = 10,
    options: Options = DEFAULTS,
) -> None:
    """Show which numbers can be had, and where; nothing is held."""
    wanted = Wanted("", read_use(use), country, area, quantity)
    with open_app(options.database) as talktime:
        found = talktime.read(search_numbers, SearchNumbers(wanted, now()))
    document = {
        "available": found.count,
        "numbers": [listing_document(phone) for phone in found.numbers],
        "areas": [{"country": place, "area": name, "available": count} for place, name, count in found.areas],
    }
    if not found.count and not options.as_json:
        _say_what_else(found, wanted)
        return
    show(options, document, lambda: _found_view(found, wanted))
    if not options.as_json:
        hint(f"Hold some for ten minutes: `talktime numbers reserve --use {USE_WORDS[wanted.use]} --quantity 5`")


def reserve(
    *,
    use: Use,
    country: Annotated[str, Parameter(help="ISO 3166; by default the organization's.")] = "",
    area: Area = "",
    quantity: Annotated[int, Parameter(help="How many.")] = 1,
    name: Annotated[str, Parameter(help="What the order is called.")] = "",
    organization: Whose = "",
    options: Options = DEFAULTS,
) -> None:
    """Hold numbers for ten minutes under a new order; then they return to the inventory."""
    at = now()
    request = ReserveNumbers(organization, Wanted(name, read_use(use), country, area, quantity), at)
    with open_app(options.database) as talktime:
        reserved = talktime.run(reserve_numbers, request)
    show(options, _document(reserved, request.at), lambda: _ordered_view(reserved, request.at))
    if options.as_json:
        return
    order_ = reserved.order
    if order_.taken_count < order_.wanted.quantity:
        warn(f"The inventory has only {order_.taken_count:,} of the {order_.wanted.quantity:,} that you asked for.")
    until = instant(order_.reserved_until, reserved.organization.zone)
    hint(f"Order them before {until}: `talktime numbers order {order_.order_id}`")


def order(order_id: OrderId, *, organization: Whose = "", options: Options = DEFAULTS) -> None:
    """Order what is reserved; repeating it changes nothing."""
    request = OrderStep(organization, order_id, now())
    with open_app(options.database) as talktime:
        placed = talktime.run(place_order, request)
    show(options, _document(placed, request.at), lambda: _ordered_view(placed, request.at))
    if not options.as_json and placed.order.activated_at is None:
        hint(f"Make them usable: `talktime numbers activate {order_id}`")


def activate(order_id: OrderId, *, organization: Whose = "", options: Options = DEFAULTS) -> None:
    """Make the numbers of an order usable; repeating it changes nothing."""
    request = OrderStep(organization, order_id, now())
    with open_app(options.database) as talktime:
        activated = talktime.run(activate_order, request)
    show(options, _document(activated, request.at), lambda: _ordered_view(activated, request.at))
    if options.as_json or not activated.numbers:
        return
    number = activated.numbers[0].listing.number
    to = "--to ada@acme.example" if USE_WORDS[activated.order.wanted.use] == "user" else "--bridge"
    hint(f"Let somebody answer each: `talktime numbers assign +{number} {to}`")


def orders(*, organization: Whose = "", options: Options = DEFAULTS) -> None:
    """List the orders of an organization, the latest first."""
    at = now()
    with open_app(options.database) as talktime:
        owner, found = talktime.read(list_orders, organization)
    document = {"organization": owner.name, "orders": [order_document(each, at) for each in found]}
    if not found and not options.as_json:
        hint(f"{owner.name} has ordered no number yet: `talktime numbers search --use user` shows what there is")
        return
    show(options, document, lambda: orders_table(found, at))


def _document(ordered: OrderedNumbers, at: datetime) -> dict[str, Any]:
    return {
        "organization": ordered.organization.name,
        **order_document(ordered.order, at),
        "numbers": [{**listing_document(phone), "state": phone.state} for phone in ordered.numbers],
    }


def _ordered_view(ordered: OrderedNumbers, at: datetime) -> Group:
    order_ = ordered.order
    lines: list[Any] = [
        heading(
            f"Order {order_.order_id}: {order_.wanted.name}",
            order_.status(at).value,
            f"{order_.taken_count:,} of {order_.wanted.quantity:,}",
        ),
        "",
        offered_table(ordered.numbers),
    ]
    return Group(*lines, *_more(len(ordered.numbers)))


def _found_view(found: NumbersFound, wanted: Wanted) -> Group:
    lines: list[Any] = [
        offered_table(found.numbers),
        Text(""),
        heading(f"{found.count:,} {USE_WORDS[wanted.use]} numbers available"),
    ]
    if not wanted.area:
        lines += [Text(""), _areas(found)]
    return Group(*lines)


def _areas(found: NumbersFound) -> Table:
    made = table("Country", "Area", "Available", numbers=("Available",))
    for country, area, count in found.areas[:NUMBERS_SHOWN_MAX]:
        made.add_row(country, area or "–", f"{count:,}")
    return made


def _more(count: int) -> list[Text]:
    if count <= NUMBERS_SHOWN_MAX:
        return []
    return [Text(f"… and {count - NUMBERS_SHOWN_MAX:,} more; --json has them all", "dim")]


def _say_what_else(found: NumbersFound, wanted: Wanted) -> None:
    where = f" in {wanted.country.upper()}" if wanted.country else ""
    if found.areas:
        areas = ", ".join(dict.fromkeys(area or "no area" for _, area, _ in found.areas[:10]))
        hint(f"No {USE_WORDS[wanted.use]} number is available in {wanted.area}; there are some{where} in: {areas}")
        return
    hint(
        f"No {USE_WORDS[wanted.use]} number is available{where}. Import what the carrier offers:"
        " `talktime numbers inventory import FILE`"
    )
