"""The sentences of mails in the languages that people read, from the `.po` files beside this module."""

import gettext
import io
from functools import cache
from pathlib import Path

from babel.core import Locale
from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

FOLDER = Path(__file__).parent / "catalogs"
ENGLISH = Locale("en")
# What people call a language, and what Babel does. English is what stands in the code.
LOCALES = {
    "en": ENGLISH,
    "zh-CN": Locale("zh", "CN", script="Hans"),
    "zh-TW": Locale("zh", "TW", script="Hant"),
    "ru": Locale("ru", "RU"),
}


def marked(sentence: str) -> str:
    """Mark a sentence that is translated where it is used."""
    return sentence


def locale_of(language: str, country: str) -> Locale:
    """Return the formats of a language; English as it is written in the country, where that is known."""
    locale = LOCALES.get(language, ENGLISH)
    if locale != ENGLISH:
        return locale
    return Locale.parse(f"en_{country}") if f"en_{country}" in _known_locales() else Locale("en", "US")


@cache
def translations(language: str) -> gettext.NullTranslations:
    """Return the sentences of a language; English for one that we do not write in."""
    if LOCALES.get(language, ENGLISH) == ENGLISH:
        return gettext.NullTranslations()
    compiled = io.BytesIO()
    write_mo(compiled, catalog(language))
    compiled.seek(0)
    return gettext.GNUTranslations(compiled)


def catalog(language: str) -> Catalog:
    """Read the file of a language."""
    locale = LOCALES[language]
    with (FOLDER / f"{language}.po").open("rb") as file:
        return read_po(file, locale=locale, abort_invalid=True)


@cache
def _known_locales() -> frozenset[str]:
    from babel.localedata import locale_identifiers  # noqa: PLC0415 -- lists a folder: only where it is asked

    return frozenset(locale_identifiers())
