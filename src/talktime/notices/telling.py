"""What a letter is made of: sentences in the reader's language with the event's amounts and instants in them.

A sentence whose value the event does not give is empty, and is left out: `say("… %(amount)s …", amount="")` is "".
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import Enum
from typing import NamedTuple
from zoneinfo import ZoneInfo

from babel.core import Locale

from talktime.core.organizations.deliveries import Notice
from talktime.notices import formats
from talktime.notices.catalogs import locale_of, translations

UTC = ZoneInfo("UTC")
ARROW = "→"
WHOLE_NUMBER = re.compile("-?[0-9]{1,18}")


class Tone(Enum):
    """How a letter looks at first sight."""

    GOOD = "good"
    NEUTRAL = "neutral"
    WARNING = "warning"
    BAD = "bad"


class Button(NamedTuple):
    """Where one click leads."""

    label: str
    url: str


@dataclass(frozen=True, slots=True)
class Letter:
    """What happened, why, the amounts, and what to do next; what is empty is left out."""

    title: str
    tone: Tone
    paragraphs: tuple[str, ...]
    facts: tuple[tuple[str, str], ...] = ()
    steps: tuple[str, ...] = ()
    button: Button | None = None


class Telling:
    """One event, told to one reader."""

    def __init__(self, notice: Notice) -> None:
        """Speak the reader's language, on the organization's clock."""
        organization = notice.organization
        self.event = notice.event
        self.organization = organization.name if organization is not None else ""
        self._details = dict(notice.event.details)
        self._zone = organization.zone if organization is not None else UTC
        self._currency = self._details.get("currency") or (organization.currency if organization is not None else "")
        self.locale: Locale = locale_of(notice.delivery.language, organization.country if organization else "")
        self._translations = translations(notice.delivery.language)

    def say(self, sentence: str, **values: str) -> str:
        """Return a sentence with its values; "" where one of them is missing."""
        if "" in values.values():
            return ""
        return self._filled(self._translations.gettext(sentence), values)

    def count(self, one: str, many: str, number: int | None, **values: str) -> str:
        """Return a sentence about a number, `%(number)s`; "" where it or another value is missing."""
        if number is None or "" in values.values():
            return ""
        return self._filled(self._translations.ngettext(one, many, number), {"number": str(number), **values})

    def text(self, name: str) -> str:
        """Return a detail as it is, in one line."""
        return " ".join(self._details.get(name, "").split())

    def number(self, name: str) -> int | None:
        """Return a detail as a whole number."""
        text = self._details.get(name, "")
        return int(text) if WHOLE_NUMBER.fullmatch(text) else None

    def money(self, name: str) -> str:
        """Return a detail as an amount of money."""
        amount_micros = self.number(name)
        return "" if amount_micros is None else self.amount(amount_micros)

    def change(self, name: str) -> str:
        """Return a detail `before → after`; amounts as money, what is not limited or not known as a dash."""
        before, arrow, after = self.text(name).partition(f" {ARROW} ")
        if not arrow:
            return ""
        shown = [self._shown(name, each) for each in (before, after)]
        return f" {ARROW} ".join(shown)

    def became(self, name: str) -> str:
        """Return what a detail `before → after` says is now."""
        return self.text(name).rpartition(f"{ARROW} ")[2]

    def amount(self, amount_micros: int) -> str:
        """Return an amount of money in the event's currency; "" where none is known."""
        return formats.money(amount_micros, self._currency, self.locale) if self._currency else ""

    def moment(self, name: str) -> str:
        """Return a detail as an instant."""
        at = _instant_of(self._details.get(name, ""))
        return "" if at is None else formats.moment(at, self._zone, self.locale)

    def day(self, name: str) -> str:
        """Return a detail as a day."""
        try:
            return formats.day(date.fromisoformat(self._details.get(name, "")), self.locale)
        except ValueError:
            return ""

    def url(self) -> str:
        """Return where to go; only what a browser may open."""
        url = self._details.get("url", "")
        return url if url.startswith(("https://", "http://")) and url.isprintable() else ""

    def _shown(self, name: str, value: str) -> str:
        if not WHOLE_NUMBER.fullmatch(value):
            return "–"
        return (self.amount(int(value)) or value) if name.endswith("_micros") else value

    @staticmethod
    def _filled(sentence: str, values: Mapping[str, str]) -> str:
        return sentence % values if values else sentence.replace("%%", "%")


def given(*texts: str) -> tuple[str, ...]:
    """Return those that are not empty."""
    return tuple(filter(None, texts))


def rows(*facts: tuple[str, str]) -> tuple[tuple[str, str], ...]:
    """Return the facts that have a value."""
    return tuple((name, value) for name, value in facts if value)


def _instant_of(text: str) -> datetime | None:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return None
    return at if at.tzinfo is not None else None
