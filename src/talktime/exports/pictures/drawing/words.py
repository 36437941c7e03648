"""What pictures say in the reader's language: sentences from the `.po` files; amounts, hours and days as it writes."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

from babel.dates import format_skeleton, get_day_names
from babel.numbers import format_compact_decimal, format_decimal

from talktime.core.insight.pictures.rhythms import Measure
from talktime.core.values.money import MICRO_DECIMALS, MICROS_PER_UNIT, Rounding, divide
from talktime.core.values.periods import Period
from talktime.core.values.places import currency_decimals
from talktime.exports.documents.wording import ENGLISH, MINUS, SECONDS_PER_MINUTE, Wording

CATALOGS = Path(__file__).parent.parent / "catalogs"
_COMPACT_FROM = 1_000_000
_PERCENT = 100


class Words(Wording):
    """One language, on the clock of one zone, in one currency."""

    def __init__(self, language: str, zone: ZoneInfo, currency: str) -> None:
        """Speak a language; raise Invalid for one that we do not."""
        super().__init__(language, zone, currency, CATALOGS)
        self.zone = zone

    def paid(self, amount_micros: int) -> str:
        """Write an amount to be read: rounded to the currency's decimals, exactly where it is less than a unit."""
        step = int(10 ** (MICRO_DECIMALS - currency_decimals(self.currency)))
        if abs(amount_micros) < MICROS_PER_UNIT:
            return self.money(amount_micros, self.decimals(amount_micros))
        rounded = divide(abs(amount_micros), step, Rounding.HALF_UP) * step
        return self.money(rounded if amount_micros > 0 else -rounded, currency_decimals(self.currency))

    def measured(self, measure: Measure, amount: int) -> str:
        """Write micros, seconds (as minutes) or calls, with what they are."""
        if measure is Measure.COST:
            return self.paid(amount)
        if measure is Measure.MINUTES:
            return self.say("%(count)s min", count=self.minutes(amount))
        return self.count(amount)

    def brief(self, measure: Measure, amount: int) -> str:
        """Write the same, short where it is large: `2.5M USD`."""
        if measure is Measure.COST and amount >= _COMPACT_FROM * MICROS_PER_UNIT:
            return f"{self.ticks((amount,), MICRO_DECIMALS)[0]} {self.currency}"
        return self.measured(measure, amount)

    def minutes(self, seconds: int) -> str:
        """Write seconds as whole minutes, to the nearest."""
        return self.count(divide(seconds, SECONDS_PER_MINUTE, Rounding.HALF_UP))

    def percent(self, part: int, whole: int) -> str:
        """Write a share in whole percent: `39%`, `39 %`."""
        written: str = self.locale.percent_formats[None].apply(
            Decimal(divide(part * _PERCENT, whole, Rounding.HALF_UP)).scaleb(-2), self.locale
        )
        return written

    def ticks(self, amounts: Sequence[int], decimals: int) -> list[str]:
        """Write the numbers beside an axis, some digits of each a fraction: all alike, short where they are large."""
        units = [Decimal(amount).scaleb(-decimals) for amount in amounts]
        if max(map(abs, units), default=0) >= _COMPACT_FROM:
            return [
                _signed(format_compact_decimal(abs(each), locale=self.locale, fraction_digits=2), each)
                for each in units
            ]
        shown = max((_decimals_of(each) for each in units), default=0)
        pattern = f"#,##0.{'0' * shown}" if shown else "#,##0"
        return [_signed(format_decimal(abs(each), format=pattern, locale=self.locale), each) for each in units]

    def skeleton(self, pattern: str, at: date) -> str:
        """Write a date by the parts that it shall have: `MMMd`, `yMMM`, `y`."""
        moment = datetime(at.year, at.month, at.day)  # noqa: DTZ001 -- a day, wherever
        written: str = format_skeleton(pattern, moment, locale=self.locale)
        return written

    def clock_hour(self, hour: int) -> str:
        """Write an hour of the day: `9 AM`, `09`, `9时`."""
        pattern = "h" if self.language == ENGLISH else "H"
        written: str = format_skeleton(pattern, datetime(2026, 1, 1, hour), locale=self.locale)  # noqa: DTZ001
        return written

    def weekday(self, number: int, *, is_short: bool) -> str:
        """Write a day of the week, Monday is 0."""
        names = get_day_names("abbreviated" if is_short else "wide", "stand-alone", self.locale)
        return str(names[number])

    @property
    def first_weekday(self) -> int:
        """Return with which day a week begins, Monday is 0."""
        first: int = self.locale.first_week_day
        return first

    def span(self, period: Period) -> str:
        """Write the days of a period, the last one included: `Nov 1 – Nov 30, 2026`."""
        first = period.starts_at.astimezone(self.zone).date()
        last = (period.ends_at - timedelta(microseconds=1)).astimezone(self.zone).date()
        if first == last:
            return self.skeleton("yMMMd", first)
        begins = self.skeleton("MMMd" if first.year == last.year else "yMMMd", first)
        return f"{begins} – {self.skeleton('yMMMd', last)}"


def _decimals_of(units: Decimal) -> int:
    exponent = units.normalize().as_tuple().exponent
    assert isinstance(exponent, int)
    return max(0, -exponent)


def _signed(written: str, units: Decimal) -> str:
    return f"{MINUS}{written}" if units < 0 else written
