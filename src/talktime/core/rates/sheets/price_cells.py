"""What a price list's cells say about money, increments, standing and dates."""

import re
from datetime import UTC, datetime
from enum import Enum
from functools import cache
from zoneinfo import ZoneInfo

from babel.numbers import get_currency_symbol, list_currencies

from talktime.core.rates.rating import Price, PriceStep, TimeProfile
from talktime.core.values import money, periods
from talktime.core.values.errors import Invalid
from talktime.core.values.money import NANOS_PER_UNIT

PRICE_MAX_NANOS = 1_000 * NANOS_PER_UNIT
INCREMENT_MAX_SECONDS = 3_600
CENTS_PER_UNIT = 100
CENT_WORDS = frozenset({"cent", "cents", "ct", "cts", "¢"})

# Years outside are typing errors, or the zero of somebody's calendar.
_YEARS = range(1980, 2200)
_BLOCKED_WORDS = frozenset({"blocked", "forbidden", "barred"})
_ABSENT_WORDS = frozenset({"n/a", "na", "#n/a", "none", "-", "–", "--", "not available", "not offered"})
_YES = {"yes": True, "y": True, "true": True, "1": True, "no": False, "n": False, "false": False, "0": False}
_AMOUNT = re.compile(
    r"(?P<before>[^\d.,()+-]*)(?P<sign>[(+-]?)(?P<between>[^\d.,()+-]*)(?P<digits>[\d.,]+)(?P<after>[^\d.,()+]*)\)?",
    re.ASCII,
)
_SEVERAL_AMOUNTS = re.compile(r"\d\s*(?:-|–|to|/|\.\.)\s*[^\d\s]{0,3}\s*\d", re.ASCII | re.IGNORECASE)
_EXPONENT = re.compile(r"[\d.,]+E[+-]?\d+", re.ASCII | re.IGNORECASE)
_INCREMENTS = re.compile(r"(\d+)\s*s?(?:\s*/\s*(\d+)\s*s?)?", re.ASCII | re.IGNORECASE)
_THREE_PARTS = re.compile(r"\d+\s*/\s*\d+\s*/\s*\d+", re.ASCII)
_GROUPED = re.compile(r"[1-9]\d{0,2}(?:(?P<mark>[.,])\d{3})+(?P<fraction>[.,]\d+)?", re.ASCII)
_ONE_MARK = re.compile(r"\d*[.,]?\d+|\d+[.,]", re.ASCII)
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_INSTANT = re.compile(r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:?\d{2})?", re.ASCII)


class Standing(Enum):
    """What the sheet says about selling a row."""

    OFFERED = "offered"
    BLOCKED = "blocked"
    DISCONTINUED = "discontinued"


_STATUS_WORDS = {
    **dict.fromkeys(("", "active", "enabled", "open", "allowed", "current"), Standing.OFFERED),
    **dict.fromkeys(("blocked", "forbidden", "barred", "closed"), Standing.BLOCKED),
    **dict.fromkeys(("discontinued", "stashed", "inactive", "deleted", "removed"), Standing.DISCONTINUED),
}
# In ASTPP's routes table 0 is in use and 1 is not; in other people's tables it is the other way round.
_ASTPP_STATUS_WORDS = {**_STATUS_WORDS, "0": Standing.OFFERED, "1": Standing.DISCONTINUED}


def read_price(text: str, *, currency: str, cents: bool) -> int | None:
    """Return nanos of the currency's unit, or None for a blocked destination; raise ValueError with the reason."""
    cell = text.replace("\xa0", " ").strip()
    word = cell.lower()
    if word in _BLOCKED_WORDS:
        return None
    if not cell:
        raise ValueError("no price")
    if word in _ABSENT_WORDS:
        message = f"not offered: the price is {cell!r}"
        raise ValueError(message)
    nanos = _amount_nanos(cell, currency=currency, cents=cents)
    if nanos > PRICE_MAX_NANOS:
        message = f"{cell!r} is more than {PRICE_MAX_NANOS // NANOS_PER_UNIT} {currency}: no call costs that"
        raise ValueError(message)
    return nanos


def read_increments(text: str) -> tuple[int, int]:
    """Read `30/6` as (30, 6) and a lone `6` as (6, 6); raise ValueError with the reason."""
    cell = text.strip()
    if _THREE_PARTS.fullmatch(cell):
        message = f"{cell!r} has three parts, whose order vendors do not agree on: ask the vendor, write first/next"
        raise ValueError(message)
    if _DATE.match(cell):
        message = f"{cell!r}: a spreadsheet has turned these increments into a date"
        raise ValueError(message)
    match = _INCREMENTS.fullmatch(cell)
    if match is None:
        message = f"{cell!r} are no increments: write first/next seconds, such as 60/60 or 30/6"
        raise ValueError(message)
    first_seconds, next_seconds = int(match[1]), int(match[2] or match[1])
    if not (0 < first_seconds <= INCREMENT_MAX_SECONDS and 0 < next_seconds <= INCREMENT_MAX_SECONDS):
        message = f"{cell!r}: an increment has 1 to {INCREMENT_MAX_SECONDS} seconds"
        raise ValueError(message)
    return first_seconds, next_seconds


def price_of(
    *, first_nanos: int, next_nanos: int, fee_nanos: int, increments: tuple[int, int], profile: TimeProfile
) -> Price:
    """Build a price: one step where the first increment is like the following ones, else two."""
    first_seconds, next_seconds = increments
    step = PriceStep(0, first_seconds, first_nanos)
    following = PriceStep(first_seconds, next_seconds, next_nanos)
    is_one_step = first_seconds == next_seconds and first_nanos == next_nanos
    return Price(fee_nanos, (step,) if is_one_step else (step, following), profile)


def read_status(text: str, *, is_astpp: bool) -> Standing:
    """Read a status column; a word that nobody knows is refused, since it may mean that nothing is sold."""
    words = _ASTPP_STATUS_WORDS if is_astpp else _STATUS_WORDS
    standing = words.get(text.strip().lower())
    if standing is None:
        message = f"the status {text.strip()!r} is not known: write active, blocked or discontinued"
        raise ValueError(message)
    return standing


def read_change(text: str) -> Standing:
    """Read a change column, which only informs, unless it says that the row is gone or blocked."""
    return _STATUS_WORDS.get(text.strip().lower(), Standing.OFFERED)


def read_yes(text: str) -> bool:
    """Read yes or no, where empty is no; raise ValueError for another word."""
    word = text.strip().lower()
    if word and word not in _YES:
        message = f"{text.strip()!r} is neither yes nor no"
        raise ValueError(message)
    return _YES.get(word, False)


def read_no_included_seconds(text: str) -> None:
    """Accept 0; raise ValueError for seconds that a call would get for nothing."""
    if text.strip().strip("0.") not in {"", "-"}:
        message = f"{text.strip()!r} seconds would be free at the beginning of a call, which a deck cannot say"
        raise ValueError(message)


def read_effective_at(text: str, zone: ZoneInfo | None) -> datetime | None:
    """Return the instant of a date or date-time, None where it is empty; raise ValueError if it is another notation.

    A date is its first instant in the zone. Without a zone and without an offset the instant is unknown: Invalid.
    """
    cell = text.strip()
    if not cell:
        return None
    if not (_DATE.fullmatch(cell) or _INSTANT.fullmatch(cell)):
        message = f"{cell!r} may be read in more than one way: write 2027-01-31 or 2027-01-31T00:00:00Z"
        raise ValueError(message)
    stated = datetime.fromisoformat(cell)
    if stated.year not in _YEARS:
        message = f"{cell!r} is no date of a price"
        raise ValueError(message)
    if stated.tzinfo is not None:
        return stated.astimezone(UTC)
    if zone is None:
        raise Invalid(f"the sheet takes effect at {cell!r}, but where? state its time zone: --time-zone Europe/London")
    if _DATE.fullmatch(cell):
        return periods.start_of_day(stated.date(), zone)
    return stated.replace(tzinfo=zone).astimezone(UTC)


@cache
def is_currency(code: str) -> bool:
    """Tell whether the code is an ISO 4217 currency."""
    return code in list_currencies()


def _amount_nanos(cell: str, *, currency: str, cents: bool) -> int:
    match = _AMOUNT.fullmatch(cell)
    if match is None:
        raise ValueError(_why_no_amount(cell))
    in_cents = _is_cents(match, currency=currency, cents=cents)
    if match["sign"] in {"-", "("}:
        message = f"{cell!r} is negative"
        raise ValueError(message)
    nanos = money.parse_nanos(_with_decimal_point(match["digits"]))
    if not in_cents:
        return nanos
    if nanos % CENTS_PER_UNIT:
        message = f"{cell!r} has more than {money.NANO_DECIMALS - 2} decimals of a cent"
        raise ValueError(message)
    return nanos // CENTS_PER_UNIT


def _is_cents(match: re.Match[str], *, currency: str, cents: bool) -> bool:
    """Tell whether the amount is in cents, as it or its column says; raise ValueError if it is in something else."""
    markers = [marker.strip() for marker in match.group("before", "between", "after") if marker.strip()]
    units = [marker for marker in markers if marker.lower() not in CENT_WORDS]
    for unit in units:
        if unit.upper() not in _markers_of(currency):
            message = f"{match[0]!r} has {unit!r}, which does not mean {currency}"
            raise ValueError(message)
    if cents and units:
        message = f"{match[0]!r} is in {units[0]}, and its column in cents"
        raise ValueError(message)
    return cents or len(units) < len(markers)


@cache
def _markers_of(currency: str) -> frozenset[str]:
    symbol = get_currency_symbol(currency, "en").upper()
    dollar = {"$"} if symbol.endswith("$") else set()
    return frozenset({currency, symbol, *dollar, *({"US$"} if currency == "USD" else ())})


def _with_decimal_point(digits: str) -> str:
    """Write `0,2093`, `1.234,5` and `1,234.5` with a point; raise ValueError where the mark may be either."""
    grouped = _GROUPED.fullmatch(digits)
    if grouped is not None and grouped["fraction"] and grouped["fraction"][0] != grouped["mark"]:
        return digits.replace(grouped["mark"], "").replace(",", ".")
    if not _ONE_MARK.fullmatch(digits):
        message = f"{digits!r} is no amount"
        raise ValueError(message)
    if grouped is not None and grouped["mark"] == ",":
        message = f"{digits!r} may be {digits.replace(',', '.')} or {digits.replace(',', '')}: write a decimal point"
        raise ValueError(message)
    return digits.replace(",", ".")


def _why_no_amount(cell: str) -> str:
    if _EXPONENT.fullmatch(cell):
        return f"{cell!r}: a spreadsheet has rounded this price; write its digits"
    if _SEVERAL_AMOUNTS.search(cell):
        return f"{cell!r} is a range of prices: give one price"
    return f"{cell!r} is no price"
