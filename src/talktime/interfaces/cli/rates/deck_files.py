"""A rate deck in a file: what is stated about it on the command line, and how it is read."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Group, Parameter

from talktime.core.rates.rate_decks import Direction, Rate
from talktime.core.rates.rate_sheets import RateSheet, SheetOptions, read_rate_sheet
from talktime.core.rates.rating import Price, TimeProfile
from talktime.core.rates.time_profiles import parse_profile
from talktime.core.values.errors import Invalid
from talktime.core.values.money import Rounding, format_nanos
from talktime.core.values.places import read_currency, read_zone
from talktime.imports.spreadsheets import read_sheet
from talktime.interfaces.cli.terminal import progress

_STATED = Group("About the file, where it does not say so itself", sort_key=50)
_INCREMENTS_PARTS = 2


@Parameter(name="*", group=_STATED)
@dataclass(frozen=True, slots=True)
class SheetArguments:
    """What can be stated about a price list."""

    currency: str = ""
    """ISO 4217, such as USD."""

    time_zone: str = ""
    """IANA, such as Europe/Rome: the clock of its dates and of its peak hours."""

    direction: Direction | None = None
    """Outbound, unless a column of number types says otherwise."""

    profile: tuple[str, ...] = ()
    """The hours of a time profile: "peak=Mon-Fri 08:00-18:00"; repeatable."""

    increments: str = "60/60"
    """First and following increment in seconds."""

    price_unit: Literal["unit", "cents"] = "unit"
    """What its prices are stated in."""

    charge_decimals: int = 4
    """A call's cost is rounded once, to so many decimals."""

    rounding: Rounding = Rounding.HALF_UP
    """How it is rounded."""

    ignore_effective_dates: Annotated[bool, Parameter(negative=())] = False
    """Take every row, whatever date it is effective from."""


AS_THE_FILE_SAYS = SheetArguments()


def read_deck_file(path: Path, stated: SheetArguments) -> RateSheet:
    """Read a CSV or a workbook; raise Invalid where it as a whole cannot be used."""
    options, lines = _options(stated), read_sheet(path)
    with progress(f"reading {path.name}", lines.rows_estimate) as advance:
        done = 0

        def count(rows_read: int) -> None:
            nonlocal done
            advance(rows_read - done)
            done = rows_read

        return read_rate_sheet(lines, options, count)


def price_text(rate: Rate | None) -> str:
    """Write the prices of a rate on one line: `0.0135/min 60/60 + 0.05`."""
    if rate is None:
        return ""
    return "blocked" if rate.blocked else "; ".join(map(_one_price, rate.prices))


def _one_price(price: Price) -> str:
    first, *following = price.steps
    next_seconds = following[0].increment_seconds if following else first.increment_seconds
    first_seconds = following[0].from_second if following else first.increment_seconds
    prices = "→".join(dict.fromkeys(format_nanos(step.nanos_per_minute) for step in price.steps))
    fee = f" + {format_nanos(price.connection_fee_nanos)}" if price.connection_fee_nanos else ""
    name = f"{price.profile.name} " if price.profile.name else ""
    return f"{name}{prices}/min {first_seconds}/{next_seconds}{fee}"


def _options(stated: SheetArguments) -> SheetOptions:
    return SheetOptions(
        currency=read_currency(stated.currency) if stated.currency else None,
        zone=read_zone(stated.time_zone) if stated.time_zone else None,
        direction=stated.direction,
        charge_decimals=stated.charge_decimals,
        rounding=stated.rounding,
        increments=_increments(stated.increments),
        profiles=_profiles(stated.profile),
        price_unit=stated.price_unit,
        ignore_effective_dates=stated.ignore_effective_dates,
    )


def _increments(text: str) -> tuple[int, int]:
    parts = text.split("/")
    if len(parts) != _INCREMENTS_PARTS or not all(part.isascii() and part.isdigit() for part in parts):
        message = f"{text!r} states no increments: write the first and the following one in seconds, such as 60/60"
        raise Invalid(message, code="increments")
    return int(parts[0]), int(parts[1])


def _profiles(stated: tuple[str, ...]) -> Mapping[str, TimeProfile]:
    profiles = [parse_profile(text) for text in stated]
    return {profile.name: profile for profile in profiles}
