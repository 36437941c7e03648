"""Telephone numbers: E.164 digits, and what kind of number they are."""

from enum import Enum
from functools import cache, lru_cache

import phonenumbers

from talktime.core.values import numbering

E164_DIGITS_MIN = 7
E164_DIGITS_MAX = 15
EMERGENCY_DIGITS_MIN = 2
# 112 and 911, but also 10111 in South Africa and 320221 in Micronesia.
EMERGENCY_DIGITS_MAX = 6
_DECORATION = str.maketrans("", "", " -().\t/")


class NumberClass(Enum):
    """What a number is, by its country's numbering plan."""

    # By identity: an Enum hashes its name, in Python, at every look into a table.
    __hash__ = object.__hash__

    GEOGRAPHIC = "geographic"
    MOBILE = "mobile"
    TOLL_FREE = "toll_free"
    SHARED_COST = "shared_cost"
    PREMIUM = "premium"
    OTHER = "other"


_CLASSES = {
    "fixed_line": NumberClass.GEOGRAPHIC,
    "mobile": NumberClass.MOBILE,
    "toll_free": NumberClass.TOLL_FREE,
    "shared_cost": NumberClass.SHARED_COST,
    "premium_rate": NumberClass.PREMIUM,
}


def normalize(raw: str) -> str:
    """Return the bare digits of a number as a switch writes it: `sip:+44 20…@host;user=phone` → `4420…`.

    What is no number is a name, in lower case: an extension, or a user principal name with what follows its @; a host
    follows the @ only where a scheme or a number goes before it.
    """
    if raw.isascii() and raw.isdigit() and not raw.startswith("00"):
        return raw
    address = raw.split(";", 1)[0].strip()
    scheme, colon, rest = address.partition(":")
    has_scheme = bool(colon) and scheme.lower() in {"sip", "sips", "tel"}
    user = (rest if has_scheme else address).split("@", 1)[0].split(":", 1)[0]
    digits = user.translate(_DECORATION).removeprefix("+")
    if not (digits.isascii() and digits.isdigit()):
        return (user if has_scheme else address).lower()
    # 00 is the international prefix of most of the world; no country code begins with 0.
    return digits[2:] if digits.startswith("00") and len(digits) > E164_DIGITS_MIN else digits


def is_e164(digits: str) -> bool:
    """Tell whether normalized digits can be an international number (ITU-T E.164 §6: at most 15, never from 0)."""
    return (
        E164_DIGITS_MIN <= len(digits) <= E164_DIGITS_MAX and digits[0] != "0" and digits.isascii() and digits.isdigit()
    )


def is_emergency(digits: str, countries: frozenset[str] = frozenset()) -> bool:
    """Tell whether the dialled digits reach an emergency service in one of the countries, or anywhere if none is named.

    A wrong yes costs the operator one short call; a wrong no may cost a life, so the default is the union of all.
    """
    if not EMERGENCY_DIGITS_MIN <= len(digits) <= EMERGENCY_DIGITS_MAX or not digits.isdigit():
        return False
    return _reaches_help(digits, countries)


# Two hundred countries are asked, so the answer is kept; bounded, because whoever dials chooses the digits.
@lru_cache(maxsize=16_384)
def _reaches_help(digits: str, countries: frozenset[str]) -> bool:
    regions = countries or phonenumbers.SUPPORTED_REGIONS
    return any(phonenumbers.is_emergency_number(digits, region) for region in regions)


@cache
def country_codes() -> dict[str, tuple[str, ...]]:
    """Return calling code → ISO 3166 countries that share it, the main one first."""
    shared = phonenumbers.COUNTRY_CODE_TO_REGION_CODE
    return {str(code): tuple(region for region in regions if region.isalpha()) for code, regions in shared.items()}


def described(digits: str) -> tuple[str, NumberClass]:
    """Return the country and the class of E.164 digits, as `country_of` and `class_of` do, by one look."""
    if not is_e164(digits):
        return "", NumberClass.OTHER
    country, found_type = numbering.described(digits)
    return country, _CLASSES.get(found_type, NumberClass.OTHER)


def country_of(digits: str) -> str:
    """Return the ISO 3166 country of E.164 digits, or an empty string where the number plan does not tell."""
    return described(digits)[0]


def class_of(digits: str) -> NumberClass:
    """Return the class of E.164 digits by the country's numbering plan."""
    return described(digits)[1]
