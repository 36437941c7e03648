"""The inventory: what a file says of numbers becomes listings, or problems; the same file twice changes nothing."""

from collections.abc import Callable
from enum import Enum
from typing import TypeVar

from talktime.core.organizations.numbering.phone_numbers import Listing, NumberState, PhoneNumber
from talktime.core.organizations.users import NumberUse
from talktime.core.values.errors import Invalid
from talktime.core.values.frozen import frozen
from talktime.core.values.money import parse_micros
from talktime.core.values.numbers import NumberClass, class_of, country_of, is_e164, normalize
from talktime.core.values.places import read_country, read_currency

AREA_CHARACTERS_MAX = 100
# The calling code of universal freephone numbers, which belong to no country (domain.md 4.4).
_UNIVERSAL_FREEPHONE = "800"

_Read = TypeVar("_Read")


@frozen
class ListedNumber:
    """A number as a file names it; `line` says where. The country may be left out where the number tells it."""

    line: int
    number: str
    use: str
    country: str = ""
    area: str = ""
    carrier: str = ""
    price: str = ""
    currency: str = ""


class Outcome(Enum):
    """What becomes of a line of the file."""

    NEW = "new"
    CHANGED = "changed"
    UNCHANGED = "unchanged"
    REFUSED = "refused"


def read_use(text: str) -> NumberUse:
    """Return what a number is for; raise Invalid."""
    word = text.strip().lower().replace("-", "_").replace(" ", "_")
    try:
        return NumberUse({"tollfree": "toll_free", "subscriber": "user"}.get(word, word))
    except ValueError:
        message = f"{text!r} is no use of a number: write user, toll or toll-free"
        raise Invalid(message, code="number_use") from None


def read_listing(row: ListedNumber) -> tuple[Listing | None, tuple[str, ...]]:
    """Return what a row lists, or None and all that is wrong with it."""
    number, problems = normalize(row.number), list[str]()
    if not is_e164(number):
        return None, (f"{row.number!r} is no international number: write + and the country code first",)
    if number.startswith(_UNIVERSAL_FREEPHONE):
        return None, ("universal freephone numbers (+800) are not supported (domain.md 4.4)",)
    use = _read(lambda: read_use(row.use), problems)
    country = _country(number, row.country, problems)
    if use is not None:
        problems += _misfits(number, use)
    price_micros, currency = _price(row, problems)
    for name, text in (("area", row.area), ("carrier", row.carrier)):
        if len(text) > AREA_CHARACTERS_MAX or not text.isprintable():
            problems.append(f"the {name} is longer than {AREA_CHARACTERS_MAX} characters, or not printable")
    if problems or use is None:
        return None, tuple(problems)
    area, carrier = " ".join(row.area.split()), " ".join(row.carrier.split())
    return Listing(number, use, country, area, carrier, price_micros, currency), ()


def compare(listing: Listing, known: PhoneNumber | None) -> tuple[Outcome, str]:
    """Tell what a listing changes, and why it may not: what an organization holds keeps its use and country."""
    if known is None:
        return Outcome.NEW, ""
    if known.listing == listing:
        return Outcome.UNCHANGED, ""
    is_same_kind = (known.listing.use, known.listing.country) == (listing.use, listing.country)
    if known.state is not NumberState.AVAILABLE and not is_same_kind:
        return Outcome.REFUSED, f"it is {known.state.value}, so its use and country stay: release it first"
    return Outcome.CHANGED, ""


def _country(number: str, stated: str, problems: list[str]) -> str:
    derived = country_of(number)
    if not stated.strip():
        if not derived:
            problems.append("the number does not tell its country: write it down")
        return derived
    country = _read(lambda: read_country(stated), problems) or ""
    # Toll-free numbers of a shared calling code belong to each of its countries.
    if country and derived and country != derived and class_of(number) is not NumberClass.TOLL_FREE:
        problems.append(f"it is a number of {derived}, not of {country}")
    return country


def _misfits(number: str, use: NumberUse) -> list[str]:
    found = class_of(number)
    if use is NumberUse.TOLL_FREE and found not in {NumberClass.TOLL_FREE, NumberClass.OTHER}:
        return [f"it is a {found.value} number by its country's plan, and not toll-free"]
    if use is not NumberUse.TOLL_FREE and found is NumberClass.TOLL_FREE:
        return ["it is toll-free by its country's plan: its use is toll-free"]
    if found in {NumberClass.PREMIUM, NumberClass.SHARED_COST}:
        return [f"it is a {found.value} number: nobody can be given one"]
    return []


def _price(row: ListedNumber, problems: list[str]) -> tuple[int | None, str]:
    if not row.price.strip():
        return None, ""
    currency = _read(lambda: read_currency(row.currency), problems) or ""
    try:
        price_micros = parse_micros(row.price)
    except ValueError as failure:
        problems.append(f"price: {failure}")
        return None, ""
    if price_micros < 0:
        problems.append("the price is below 0")
    return price_micros, currency


def _read(read: Callable[[], _Read], problems: list[str]) -> _Read | None:
    try:
        return read()
    except Invalid as refusal:
        problems.append(refusal.message)
        return None
