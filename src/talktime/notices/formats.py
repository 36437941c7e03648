"""Money, instants and days as the reader's language writes them, on the organization's clock."""

from datetime import date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from babel.core import Locale
from babel.dates import format_date, format_time
from babel.numbers import format_currency, get_currency_precision

from talktime.core.values.money import MICRO_DECIMALS, MICROS_PER_UNIT, Rounding, divide


def money(amount_micros: int, currency: str, locale: Locale) -> str:
    """Write an amount to be read: `$200.00`, `200,00 $`, and exactly where it is less than a unit: `$0.0135`.

    The books and the exports have every amount exactly; a letter that says `$27.98784` is read twice.
    """
    step = 10 ** (MICRO_DECIMALS - get_currency_precision(currency))
    if abs(amount_micros) >= MICROS_PER_UNIT:
        amount_micros = divide(abs(amount_micros), step, Rounding.HALF_UP) * step * (1 if amount_micros > 0 else -1)
    amount = Decimal(amount_micros).scaleb(-MICRO_DECIMALS)
    is_whole = amount_micros % step == 0
    written: str = format_currency(amount, currency, locale=locale, decimal_quantization=is_whole)
    return written


def moment(at: datetime, zone: ZoneInfo, locale: Locale) -> str:
    """Write an instant on the clock of a zone: `March 1, 2026, 9:30 AM (UTC-5)`, as the language has it."""
    local = at.astimezone(zone)
    joined = str(locale.datetime_formats["long"])
    time = format_time(local, "short", tzinfo=zone, locale=locale)
    written = joined.replace("'", "").replace("{1}", day(local, locale)).replace("{0}", time)
    return f"{written} ({_offset(local)})"


def day(on: date, locale: Locale) -> str:
    """Write a day: `March 1, 2026`."""
    written: str = format_date(on, "long", locale=locale)
    return written


def _offset(local: datetime) -> str:
    offset = local.utcoffset() or timedelta()
    sign = "-" if offset < timedelta() else "+"
    hours, minutes = divmod(abs(offset) // timedelta(minutes=1), 60)
    if not (hours or minutes):
        return "UTC"
    return f"UTC{sign}{hours}:{minutes:02}" if minutes else f"UTC{sign}{hours}"
