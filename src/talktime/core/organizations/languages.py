"""The languages in which people are written to, as BCP 47 tags."""

from talktime.core.values.errors import Invalid

ENGLISH = "en"
LANGUAGES = (ENGLISH, "zh-CN", "zh-TW", "ru")
# Elsewhere people are written to in English until they choose.
_OF_COUNTRIES = {
    "CN": "zh-CN",
    "TW": "zh-TW",
    "HK": "zh-TW",
    "MO": "zh-TW",
    "RU": "ru",
    "BY": "ru",
    "KZ": "ru",
    "KG": "ru",
}


def read_language(text: str) -> str:
    """Return the tag of a language that we write in, `""` for none chosen; raise Invalid."""
    wanted = text.strip().replace("_", "-").lower()
    found = [tag for tag in ("", *LANGUAGES) if tag.lower() == wanted]
    if not found:
        message = f"{text!r} is no language that we write in: choose {', '.join(LANGUAGES)}"
        raise Invalid(message, code="language")
    return found[0]


def language_of(country: str) -> str:
    """Return the language in which an organization of that country is written to by default."""
    return _OF_COUNTRIES.get(country, ENGLISH)
