"""One row of a price list, read whole or refused with the column and the reason."""

from collections.abc import Mapping
from datetime import datetime
from functools import partial
from html import unescape
from zoneinfo import ZoneInfo

from talktime.core.rates import time_profiles
from talktime.core.rates.rate_decks import RateKey
from talktime.core.rates.rating import Price, TimeProfile
from talktime.core.rates.sheets import price_cells, row_places
from talktime.core.rates.sheets.columns import Field
from talktime.core.rates.sheets.headers import Header
from talktime.core.rates.sheets.price_cells import Standing
from talktime.core.rates.sheets.row_places import CellError, RowDirection, Texts, read_cell
from talktime.core.values.frozen import frozen

_OFFER_FIELDS = (
    Field.PRICE,
    Field.PRICE_FIRST,
    Field.PRICE_NEXT,
    Field.CONNECTION_FEE,
    Field.INTERVAL_FIRST,
    Field.INTERVAL_NEXT,
    Field.INCREMENTS,
    Field.INCLUDED_SECONDS,
    Field.EFFECTIVE_DATE,
    Field.END_DATE,
    Field.STATUS,
    Field.FORBIDDEN,
    Field.CHANGE,
    Field.TIME_PROFILE,
    Field.CURRENCY,
    Field.EXACT_MATCH,
)


@frozen
class Offer:
    """What a row charges and when: one price, or none where calls are blocked."""

    profile: TimeProfile
    prices: tuple[Price, ...]

    @property
    def is_blocked(self) -> bool:
        """Tell whether it refuses calls."""
        return not self.prices

    @property
    def is_free(self) -> bool:
        """Tell whether it sells calls and charges nothing for them."""
        amounts = [(price.connection_fee_nanos, *_step_nanos(price)) for price in self.prices]
        return bool(amounts) and not any(map(any, amounts))


@frozen
class SheetRow:
    """One row, read: the keys that it prices, and how."""

    line: int
    keys: tuple[RateKey, ...]
    destination: str
    offer: Offer
    effective_at: datetime | None


@frozen
class RowTerms:
    """What the sheet's options say about every row."""

    currency: str
    zone: ZoneInfo | None
    direction: RowDirection
    increments: tuple[int, int]
    profiles: Mapping[str, TimeProfile]
    is_in_cents: bool
    ignores_dates: bool
    is_astpp: bool


class RowReader:
    """Reads the rows under one header; remembers offers, since few of them fill a large sheet."""

    __slots__ = ("_header", "_offer_positions", "_offers", "_terms")

    def __init__(self, header: Header, terms: RowTerms) -> None:
        """Read under this header on these terms."""
        self._header = header
        self._terms = terms
        self._offer_positions = [header.positions[field] for field in _OFFER_FIELDS if field in header.positions]
        self._offers: dict[tuple[str, ...], tuple[Offer, datetime | None]] = {}

    def read(self, line: int, cells: tuple[str, ...]) -> SheetRow | None:
        """Return the row, or None if it is no longer sold; raise CellError if any of it cannot be taken."""
        width = len(self._header.names)
        if any(cells[width:]):
            raise CellError(None, f"has {len(cells)} cells under a header of {width}: is a text with a comma unquoted?")
        cells += ("",) * (width - len(cells))
        texts = {field: cells[position] for field, position in self._header.positions.items()}
        if _standing(texts, self._terms) is Standing.DISCONTINUED:
            return None
        keys = row_places.read_keys(texts, self._terms.direction)
        offer, effective_at = self._offer(texts, tuple(cells[position] for position in self._offer_positions))
        return SheetRow(line, keys, _destination(texts), offer, effective_at)

    def _offer(self, texts: Texts, offer_cells: tuple[str, ...]) -> tuple[Offer, datetime | None]:
        known = self._offers.get(offer_cells)
        if known is None:
            known = _read_offer(texts, self._header, self._terms)
            self._offers[offer_cells] = known
        return known


def _step_nanos(price: Price) -> list[int]:
    return [step.nanos_per_minute for step in price.steps]


def _standing(texts: Texts, terms: RowTerms) -> Standing:
    change = price_cells.read_change(texts.get(Field.CHANGE, ""))
    if change is not Standing.OFFERED:
        return change
    standing = read_cell(texts, Field.STATUS, partial(price_cells.read_status, is_astpp=terms.is_astpp))
    if standing is not Standing.OFFERED:
        return standing
    return Standing.BLOCKED if read_cell(texts, Field.FORBIDDEN, price_cells.read_yes) else Standing.OFFERED


def _read_offer(texts: Texts, header: Header, terms: RowTerms) -> tuple[Offer, datetime | None]:
    read_cell(texts, Field.EXACT_MATCH, _refuse_exact_match)
    read_cell(texts, Field.INCLUDED_SECONDS, price_cells.read_no_included_seconds)
    read_cell(texts, Field.CURRENCY, partial(_check_currency, expected=terms.currency))
    effective_at = None
    if not terms.ignores_dates:
        read_cell(texts, Field.END_DATE, _refuse_end_date)
        effective_at = read_cell(texts, Field.EFFECTIVE_DATE, partial(price_cells.read_effective_at, zone=terms.zone))
    profile = read_cell(texts, Field.TIME_PROFILE, partial(_profile, terms=terms))
    if _standing(texts, terms) is Standing.BLOCKED:
        return Offer(profile, ()), effective_at
    price = _price(texts, header, terms, profile)
    return Offer(profile, () if price is None else (price,)), effective_at


def _profile(text: str, *, terms: RowTerms) -> TimeProfile:
    profile = terms.profiles.get(time_profiles.profile_key(text))
    if profile is None:
        raise ValueError("no time profile")
    return profile


def _price(texts: Texts, header: Header, terms: RowTerms, profile: TimeProfile) -> Price | None:
    def amount(column: Field) -> int | None:
        cents = terms.is_in_cents or column in header.in_cents
        return read_cell(texts, column, partial(price_cells.read_price, currency=terms.currency, cents=cents))

    first_nanos, next_nanos = amount(_first_price(texts)), amount(_next_price(texts))
    if first_nanos is None and next_nanos is None:
        return None
    if first_nanos is None or next_nanos is None:
        both = f"{texts[Field.PRICE_FIRST]!r} and then {texts[Field.PRICE_NEXT]!r}"
        raise CellError(_next_price(texts), f"contradicts itself: {both}; a destination is blocked or has a price")
    fee_nanos = amount(Field.CONNECTION_FEE) if texts.get(Field.CONNECTION_FEE, "").strip() else 0
    if fee_nanos is None:
        raise CellError(
            Field.CONNECTION_FEE, "a connection fee is an amount; block a destination in its price or status"
        )
    return price_cells.price_of(
        first_nanos=first_nanos,
        next_nanos=next_nanos,
        fee_nanos=fee_nanos,
        increments=_increments(texts, terms.increments),
        profile=profile,
    )


def _first_price(texts: Texts) -> Field:
    return Field.PRICE_FIRST if Field.PRICE_FIRST in texts else Field.PRICE


def _next_price(texts: Texts) -> Field:
    return Field.PRICE_NEXT if Field.PRICE_NEXT in texts else Field.PRICE


def _increments(texts: Texts, unstated: tuple[int, int]) -> tuple[int, int]:
    columns = (Field.INCREMENTS, Field.INTERVAL_NEXT, Field.INTERVAL_FIRST)
    said = {column: read_cell(texts, column, _increments_or_none) for column in columns}
    together, following, first = said.values()
    if first is not None and following is not None:
        following = _joined_increments(first, following)
    elif first is not None and together is None:
        raise CellError(Field.INTERVAL_FIRST, "the next increment is missing: state both")
    if together is not None and following is not None and together != following:
        raise CellError(Field.INCREMENTS, "the columns of the increments contradict each other")
    return together or following or unstated


def _increments_or_none(text: str) -> tuple[int, int] | None:
    return price_cells.read_increments(text) if text.strip() else None


def _joined_increments(first: tuple[int, int], following: tuple[int, int]) -> tuple[int, int]:
    if first[0] != first[1] or following[0] != following[1]:
        raise CellError(Field.INTERVAL_NEXT, "the columns of the first and the next increment hold one number each")
    return first[0], following[0]


def _destination(texts: Texts) -> str:
    columns = (Field.DESTINATION, Field.COUNTRY, Field.ISO)
    named = next((texts[column] for column in columns if texts.get(column, "").strip()), "")
    # Lists lifted from web pages keep `&amp;`; databases refuse some control characters.
    words = " ".join(unescape(named).split())
    return words if words.isprintable() else "".join(character for character in words if character.isprintable())


def _check_currency(text: str, *, expected: str) -> None:
    stated = text.strip().upper()
    if stated and stated != expected:
        message = f"the row is in {stated}, the deck in {expected}"
        raise ValueError(message)


def _refuse_exact_match(text: str) -> None:
    if price_cells.read_yes(text):
        raise ValueError("prices one number only, and a deck holds prefixes")


def _refuse_end_date(text: str) -> None:
    if text.strip():
        message = f"ends at {text.strip()!r}; a price holds until the next version: leave it out or ignore the dates"
        raise ValueError(message)
