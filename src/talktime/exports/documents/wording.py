"""What documents say in the reader's language: sentences from the `.po` files, days and amounts as it writes them.

As the mails do (`talktime.notices`): gettext catalogs beside the module, English is what stands in the code.
"""

import gettext
import io
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import cache
from pathlib import Path
from zoneinfo import ZoneInfo

from babel.core import Locale
from babel.dates import format_date, format_skeleton, format_time
from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.numbers import format_decimal

from talktime.core.values.errors import Invalid
from talktime.core.values.money import MICRO_DECIMALS
from talktime.core.values.places import currency_decimals

CATALOGS = Path(__file__).parent / "catalogs"
# What people call a language, and what Babel does.
LOCALES = {
    "en": Locale("en", "US"),
    "zh-CN": Locale("zh", "CN", script="Hans"),
    "zh-TW": Locale("zh", "TW", script="Hant"),
    "ru": Locale("ru", "RU"),
}
ENGLISH = "en"
SECONDS_PER_MINUTE, MINUTES_PER_HOUR = 60, 60
# A hyphen is too short before an amount.
MINUS = "−"
# What keeps a number and its currency on one line.
NO_BREAK = "\N{NO-BREAK SPACE}"


def marked(sentence: str) -> str:
    """Mark a sentence that is translated where it is used."""
    return sentence


class Wording:
    """One language, on the clock of one zone, in one currency; amounts with so many decimals that all stand aligned."""

    def __init__(self, language: str, zone: ZoneInfo, currency: str, catalogs: Path = CATALOGS) -> None:
        """Speak a language by its catalog; raise Invalid for one that we do not."""
        if language not in LOCALES:
            message = f"documents are not written in {language!r}: choose one of {', '.join(LOCALES)}"
            raise Invalid(message, code="language")
        self.language = language
        self.locale = LOCALES[language]
        self._zone = zone
        self.currency = currency
        self._translations = translations(language, catalogs)

    def say(self, sentence: str, **values: str) -> str:
        """Return a sentence in the language, with its values put in."""
        said = self._translations.gettext(sentence)
        return said % values if values else said

    def amount(self, amount_micros: int, decimals: int) -> str:
        """Write an amount without its currency: `1,190.00`, `−0.0135`."""
        pattern = f"#,##0.{'0' * decimals}" if decimals else "#,##0"
        written: str = format_decimal(_units(abs(amount_micros)), format=pattern, locale=self.locale)
        return f"{MINUS}{written}" if amount_micros < 0 else written

    def money(self, amount_micros: int, decimals: int) -> str:
        """Write an amount with its currency's code, which no country shares with another: `1,190.00 EUR`."""
        return f"{self.amount(amount_micros, decimals)}{NO_BREAK}{self.currency}"

    def decimals(self, *amounts_micros: int) -> int:
        """Return how many decimals write all of these amounts exactly, at least those of the currency."""
        needed = max((_decimals_of(amount) for amount in amounts_micros), default=0)
        return max(needed, currency_decimals(self.currency))

    def rate(self, rate_ppm: int) -> str:
        """Write parts per million as percent, as the language does: `19%`, `7,7 %`."""
        written: str = self.locale.percent_formats[None].apply(
            Decimal(rate_ppm).scaleb(-6), self.locale, decimal_quantization=False
        )
        return written

    def day(self, at: datetime) -> str:
        """Write the day of an instant: `November 20, 2026`."""
        return self.whole_day(at.astimezone(self._zone).date())

    def last_day(self, ends_at: datetime) -> str:
        """Write the last day before an end that is itself excluded."""
        return self.day(ends_at - timedelta(microseconds=1))

    def whole_day(self, day: date) -> str:
        """Write a day at length."""
        written: str = format_date(day, "long", locale=self.locale)
        return written

    def short_day(self, at: datetime) -> str:
        """Write the day of an instant as tables do: `Nov 20, 2026`."""
        written: str = format_date(at.astimezone(self._zone).date(), "medium", locale=self.locale)
        return written

    def short_day_before(self, ends_at: datetime) -> str:
        """Write the last day before an end that is itself excluded, as tables do."""
        return self.short_day(ends_at - timedelta(microseconds=1))

    def month(self, month: date) -> str:
        """Write a month: `October 2026`."""
        written: str = format_skeleton("yMMMM", datetime(month.year, month.month, 1), locale=self.locale)  # noqa: DTZ001
        return written

    def moment(self, at: datetime) -> str:
        """Write an instant on the zone's clock, with the zone's name: `November 1, 2026, 12:00 AM Europe/Berlin`."""
        local = at.astimezone(self._zone)
        time = format_time(local, "short", tzinfo=self._zone, locale=self.locale)
        return f"{self.whole_day(local.date())}, {time}{NO_BREAK}({self._zone.key})"

    def duration(self, seconds: int) -> str:
        """Write seconds as hours, minutes and seconds: `12:07:30`."""
        minutes, rest = divmod(seconds, SECONDS_PER_MINUTE)
        hours, minutes = divmod(minutes, MINUTES_PER_HOUR)
        return f"{hours}:{minutes:02}:{rest:02}"

    def count(self, number: int) -> str:
        """Write a whole number."""
        written: str = format_decimal(number, locale=self.locale)
        return written

    def country(self, code: str) -> str:
        """Return a country's name in the language."""
        return str(self.locale.territories.get(code, code))


@cache
def translations(language: str, catalogs: Path = CATALOGS) -> gettext.NullTranslations:
    """Return the sentences of a language."""
    if language == ENGLISH:
        return gettext.NullTranslations()
    compiled = io.BytesIO()
    write_mo(compiled, catalog(language, catalogs))
    compiled.seek(0)
    return gettext.GNUTranslations(compiled)


def catalog(language: str, catalogs: Path = CATALOGS) -> Catalog:
    """Read the file of a language."""
    with (catalogs / f"{language}.po").open("rb") as file:
        return read_po(file, locale=LOCALES[language], abort_invalid=True)


def _units(amount_micros: int) -> Decimal:
    return Decimal(amount_micros).scaleb(-MICRO_DECIMALS)


def _decimals_of(amount_micros: int) -> int:
    digits = f"{abs(amount_micros) % 10**MICRO_DECIMALS:0{MICRO_DECIMALS}d}"
    return len(digits.rstrip("0"))
