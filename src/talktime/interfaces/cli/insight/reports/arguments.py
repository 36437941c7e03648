"""What can be said on every report: which usage, in which order, which columns, and where it is written."""

from dataclasses import dataclass
from datetime import date, datetime
from enum import Enum
from typing import Annotated

from cyclopts import Group, Parameter

from talktime.core.calls.calls import CallKind, PaysFrom
from talktime.core.insight.reports.filters import Direction
from talktime.core.insight.reports.paging import SortKey, UsageOrder
from talktime.core.values.errors import Invalid
from talktime.core.values.money import parse_micros
from talktime.interfaces.cli.terminal import Options
from talktime.usecases.insight.reports.asking import Conditions

_WHICH = Group("Which usage", sort_key=10)
_LAYOUT = Group("How it is shown", sort_key=20)


class CallDirection(Enum):
    """Which way calls went."""

    INBOUND = "inbound"
    OUTBOUND = "outbound"


@Parameter(name="*", group=_WHICH)
@dataclass(frozen=True, slots=True)
class Which:
    """The usage that a report is about: all of these hold."""

    organization: str = ""
    """Whose usage; may be left out where there is only one organization."""

    starts_on: Annotated[date | None, Parameter(name="--from")] = None
    """The first day, on the organization's clock. Without days: the last 28."""

    ends_on: Annotated[date | None, Parameter(name="--to")] = None
    """The last day, itself included."""

    user: Annotated[tuple[str, ...], Parameter(negative=())] = ()
    """Calls of this user, by principal name; repeat it for several."""

    department: Annotated[tuple[str, ...], Parameter(negative=())] = ()
    """Calls of people in this department; repeat it for several, "" for people in none."""

    kind: Annotated[tuple[str, ...], Parameter(negative=())] = ()
    """Call types as reports write them: user_out, conf_out, ucap_in, …"""

    direction: CallDirection | None = None
    """Only calls in, or only calls out."""

    destination: Annotated[tuple[str, ...], Parameter(negative=())] = ()
    """Destinations by the names that the deck gives them; `--search` finds parts of them."""

    capability: Annotated[tuple[str, ...], Parameter(negative=())] = ()
    """Licenses as reports write them: MCOPSTNPP is credit, MCOPSTN1 a domestic plan, …"""

    paid_by: Annotated[tuple[str, ...], Parameter(negative=())] = ()
    """What paid: credit, minutes, included, overage, free."""

    cost_min: str = ""
    """Rows that cost this much or more, such as 0.50."""

    cost_max: str = ""
    """Rows that cost this much or less."""

    search: str = ""
    """A part of a number, a name, a call id or a destination; hidden digits cannot be searched for. Upper or lower
    case makes no difference for a to z; letters with accents and other scripts are found as they are written."""


@Parameter(name="*", group=_LAYOUT)
@dataclass(frozen=True, slots=True)
class Layout:
    """Order, columns and file of a report."""

    sort: Annotated[str, Parameter(allow_leading_hyphen=True)] = ""
    """A column to sort by; a minus before it puts the largest first: -cost."""

    columns: str = ""
    """The columns to show, with commas between them; all of them: all."""

    csv: Annotated[str, Parameter(allow_leading_hyphen=True)] = ""
    """Write CSV to this file; - is standard output."""


EVERYTHING, AS_ALWAYS = Which(), Layout()


def conditions_of(which: Which, at: datetime) -> Conditions:
    """Return what a use case understands; raise Invalid for words that are none."""
    return Conditions(
        which.organization,
        at,
        which.starts_on,
        which.ends_on,
        users=which.user,
        departments=which.department,
        kinds=frozenset(CallKind(_known(name, [kind.value for kind in CallKind], "call type")) for name in which.kind),
        direction=None if which.direction is None else Direction[which.direction.name],
        destinations=which.destination,
        capabilities=which.capability,
        paid_by=frozenset(
            PaysFrom(_known(name, [each.value for each in PaysFrom], "source")) for name in which.paid_by
        ),
        cost_min_micros=_amount(which.cost_min, "--cost-min"),
        cost_max_micros=_amount(which.cost_max, "--cost-max"),
        text=which.search,
    )


def order_of(sort: str) -> UsageOrder:
    """Return the order of usage rows by one of five keys; raise Invalid."""
    name = sort.removeprefix("-").strip().lower()
    key = _known(name or SortKey.START.value, [each.value for each in SortKey], "order")
    return UsageOrder(SortKey(key), sort.startswith("-"))


def column_names(columns: str) -> tuple[str, ...]:
    """Return the names between commas."""
    return tuple(name.strip() for name in columns.split(",") if name.strip())


def check_outputs(layout: Layout, options: Options) -> None:
    """Raise Invalid where two outputs would be written into one."""
    if layout.csv.startswith("--"):
        message = f"--csv takes a path, or - for standard output, and not {layout.csv}"
        raise Invalid(message, code="nowhere")
    if layout.csv == "-" and options.as_json:
        message = "--csv - and --json would both write to standard output; choose one"
        raise Invalid(message, code="output_taken")


def month_of(month: str) -> date | None:
    """Return the first day of a month written 2026-10; None for an empty text. Raise Invalid."""
    if not month:
        return None
    try:
        return date.fromisoformat(f"{month.strip()}-01")
    except ValueError as failure:
        message = f"{month!r} is no month: write 2026-10"
        raise Invalid(message, code="month") from failure


def _known(name: str, known: list[str], what: str) -> str:
    written = name.strip().lower()
    if written in known:
        return written
    message = f"{name!r} is no {what}: there are {', '.join(known)}"
    raise Invalid(message, code=what.replace(" ", "_"))


def _amount(text: str, option: str) -> int | None:
    if not text:
        return None
    try:
        return parse_micros(text)
    except ValueError as failure:
        message = f"{option} is an amount such as 0.50, and not {text!r}"
        raise Invalid(message, code="amount") from failure
