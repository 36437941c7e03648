"""Money, instants and days as the reader's language writes them, on the organization's clock."""

from datetime import date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from babel.core import Locale
from babel.dates import format_date, format_time
from babel.numbers import format_currency, get_currency_precision

from talktime.core.values.money import MICRO_DECIMALS


def money(amount_micros: int, currency: str, locale: Locale) -> str:
    """Write an amount, exactly: `$200.00`, `200,00 $`, `$0.0135`; never a fraction rounded away."""
    amount = Decimal(amount_micros).scaleb(-MICRO_DECIMALS)
    is_whole = amount_micros % 10 ** (MICRO_DECIMALS - get_currency_precision(currency)) == 0
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
