"""How instants, durations, amounts and numbers are written in files of usage; a ValueError says why a cell is none."""

import re
from datetime import UTC, datetime
from decimal import ROUND_CEILING, ROUND_HALF_UP, Decimal, InvalidOperation
from enum import Enum
from functools import lru_cache
from zoneinfo import ZoneInfo

from talktime.core.values import numbers
from talktime.core.values.frozen import frozen
from talktime.core.values.money import AMOUNT_MAX_MICROS, MICRO_DECIMALS

CELL_CHARACTERS_MAX = 1_000
# A call longer than a week is a stuck channel, and somebody's to look at.
SECONDS_MAX = 7 * 24 * 3_600
_CACHED = 65_536
_MICRO = Decimal(1).scaleb(-MICRO_DECIMALS)
# The row of a failed call has the year 1 where there is no instant.
_NO_INSTANT = "0001-01-01"
_CLOCK_PARTS_MAX = 3
_SECONDS_PER_PART = 60


class DateOrder(Enum):
    """In which order a local date is written: 01/02/2026 is February in most of the world."""

    DAY_FIRST = "day-first"
    MONTH_FIRST = "month-first"
    YEAR_FIRST = "year-first"


class DurationUnit(Enum):
    """What a bare number of a duration counts; hh:mm:ss is read in any case."""

    SECONDS = 1
    MINUTES = 60
    HOURS = 3_600


@frozen
class CellTerms:
    """What a file does not say of its cells.

    `zone` is the clock of instants without an offset, None where nobody knows it. `date_format` (strptime) wins over
    `date_order`; without both, dates that are not ISO 8601 are refused. `country_code` goes before numbers that begin
    with one 0.
    """

    zone: ZoneInfo | None = None
    date_order: DateOrder | None = None
    date_format: str = ""
    decimal_comma: bool = False
    duration_unit: DurationUnit = DurationUnit.SECONDS
    country_code: str = ""


def read_text(text: str) -> str:
    """Return a word as it was meant: `="0044"` unwrapped, our own export's apostrophe taken away; formulas refused."""
    if len(text) > CELL_CHARACTERS_MAX:
        raise ValueError(f"has {len(text):,} characters, more than {CELL_CHARACTERS_MAX:,}")
    if not text.isprintable():
        text = " ".join(text.split())
        if not text.isprintable():
            raise ValueError("holds characters that cannot be printed")
    first = text[:1]
    if first == "'" and text[1:2] in _FORMULA_BEGINS:
        return text[1:]
    if first not in _FORMULA_BEGINS or not first:
        return text
    wrapped = _WRAPPED.fullmatch(text)
    if wrapped is not None:
        return wrapped[1]
    if first in "=@" or _CALLS.search(text):
        raise ValueError("is a formula, and a file of calls holds none")
    return text


_FORMULA_BEGINS = "=+-@"
_WRAPPED = re.compile(r'="([^"]*)"')
_CALLS = re.compile(r"[|(!]")


def read_number(text: str, terms: CellTerms) -> str:
    """Return a number's E.164 digits, `*` for hidden ones; a name where it is none."""
    return _number(read_text(text), terms.country_code)


@lru_cache(maxsize=_CACHED)
def _number(text: str, country_code: str) -> str:
    shown = text.rstrip("*")
    digits = numbers.normalize(shown) if shown else ""
    if country_code and digits.isdigit() and digits.startswith("0") and not shown.startswith("+"):
        digits = country_code + digits[1:]
    return digits + "*" * (len(text) - len(shown))


def read_instant(text: str, terms: CellTerms) -> datetime | None:
    """Return an instant in UTC; None for the year 1, by which some exports say that there is none."""
    if text.startswith(_NO_INSTANT):
        return None
    read = _local(text, terms) if "/" in text or terms.date_format or text[2:3] == "." else _iso(text, terms)
    if read.tzinfo is None:
        if terms.zone is None:
            raise ValueError("does not say in which time zone; say it with --zone")
        read = read.replace(tzinfo=terms.zone)
    return read.astimezone(UTC)


def _iso(text: str, terms: CellTerms) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        pass
    # 2026-03-01 09:30:00 +00:00, as databases write it.
    head, _, offset = text.rpartition(" ")
    try:
        return datetime.fromisoformat(head + offset if offset[:1] in {"+", "-", "Z"} else text)
    except ValueError:
        return _local(text, terms)


_LOCAL = re.compile(
    r"(\d{1,4})[/.-](\d{1,2})[/.-](\d{1,4})(?:,?[ T]+(\d{1,2}):(\d{2})(?::(\d{2})(?:\.\d+)?)? ?([AaPp][Mm])?)?"
)
_YEAR_DIGITS = 4
_NOON = 12
_CENTURY = 2000


def _local(text: str, terms: CellTerms) -> datetime:
    if terms.date_format:
        try:
            return datetime.strptime(text, terms.date_format)  # noqa: DTZ007 -- the zone is set by who calls
        except ValueError:
            raise ValueError(f"is not written as {terms.date_format}") from None
    found = _LOCAL.fullmatch(text)
    if found is None:
        raise ValueError("is no instant such as 2026-03-01T09:30:00Z")
    order = DateOrder.YEAR_FIRST if len(found[1]) == _YEAR_DIGITS else terms.date_order
    if order is None:
        raise ValueError("could be read in two ways; say --dates day-first or month-first")
    year, month, day = (int(found[place]) for place in _PLACES[order])
    hour = int(found[4] or 0)
    if found[7]:
        hour = hour % _NOON + (_NOON if found[7] in "PMpm" else 0)
    year += _CENTURY if year < 100 else 0  # noqa: PLR2004 -- two digits
    try:
        return datetime(year, month, day, hour, int(found[5] or 0), int(found[6] or 0))  # noqa: DTZ001 -- as above
    except ValueError:
        raise ValueError(f"is no date, read {order.value}") from None


_PLACES = {DateOrder.DAY_FIRST: (3, 2, 1), DateOrder.MONTH_FIRST: (3, 1, 2), DateOrder.YEAR_FIRST: (1, 2, 3)}


def read_seconds(text: str, terms: CellTerms) -> int:
    """Return whole seconds from a number or a clock (1:05:09, 05:09); a started second counts."""
    if text.isascii() and text.isdigit() and len(text) < 7 and terms.duration_unit is DurationUnit.SECONDS:  # noqa: PLR2004
        seconds = int(text)
    else:
        seconds = _clock(text) if ":" in text else _unit_seconds(text, terms)
    if seconds > SECONDS_MAX:
        raise ValueError("is longer than a week")
    return seconds


_CLOCK = re.compile(r"\d{1,5}(?::\d{1,2}){1,2}")


def _clock(text: str) -> int:
    if _CLOCK.fullmatch(text) is None:
        raise ValueError("is no duration such as 1:05:09 or 309")
    seconds = 0
    for part in text.split(":"):
        seconds = seconds * _SECONDS_PER_PART + int(part)
    return seconds


def _unit_seconds(text: str, terms: CellTerms) -> int:
    exact = _decimal(text, terms)
    if exact < 0:
        raise ValueError("is negative; a call lasts 0 seconds or more")
    if exact > SECONDS_MAX:
        raise ValueError("is longer than a week")
    return int((exact * terms.duration_unit.value).to_integral_value(ROUND_CEILING))


def read_micros(text: str, terms: CellTerms) -> int:
    """Return an amount in micros, half-up where the file is finer than that."""
    exact = _decimal(text, terms)
    if exact < 0:
        raise ValueError("is negative; import what was charged, not what was given back")
    if exact * 10**MICRO_DECIMALS > AMOUNT_MAX_MICROS:
        raise ValueError("is more than any call can cost")
    return int(exact.quantize(_MICRO, ROUND_HALF_UP).scaleb(MICRO_DECIMALS))


_DIGITS = re.compile(r"[+-]?(?=[\d.]*\d)\d{0,30}\.?\d{0,30}(?:[eE][+-]?\d{1,2})?", re.ASCII)


@lru_cache(maxsize=_CACHED)
def _decimal(text: str, terms: CellTerms) -> Decimal:
    written = text.replace(" ", "")
    if terms.decimal_comma:
        written = written.replace(".", "").replace(",", ".")
    elif "," in written:
        raise ValueError("has a comma; say --decimal-comma where it stands before decimals")
    if _DIGITS.fullmatch(written) is None:
        raise ValueError("is no number")
    try:
        return Decimal(written)
    except InvalidOperation:  # pragma: no cover -- what the pattern lets through is a number
        raise ValueError("is no number") from None
