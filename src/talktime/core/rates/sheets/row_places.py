"""Which calls a row of a price list prices: its direction, its prefixes and the callers' prefixes."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import TypeVar

from talktime.core.rates import countries
from talktime.core.rates.countries import NORTH_AMERICA
from talktime.core.rates.rate_decks import Direction, RateKey
from talktime.core.rates.sheets import prefix_cells
from talktime.core.rates.sheets.columns import Field
from talktime.core.values.frozen import frozen

# A row of all mobile prefixes × all origins of Europe has some 25,000; far more is a file read the wrong way.
KEYS_PER_ROW_MAX = 100_000

Texts = Mapping[Field, str]
_Read = TypeVar("_Read")
_ANY_ORIGIN = ("",)
_NORTH_AMERICAN_CODE_DIGITS = 4
_COUNTRY_COLUMNS = (Field.ISO, Field.COUNTRY)

_DIRECTIONS = {
    **dict.fromkeys(("tollfree", "freephone", "freecall"), Direction.TOLL_FREE_INBOUND),
    **dict.fromkeys(
        ("local", "national", "mobile", "fixed", "landline", "geographic", "toll", "did"), Direction.TOLL_INBOUND
    ),
}
_WORDS = {
    Direction.OUTBOUND: "outbound",
    Direction.TOLL_FREE_INBOUND: "toll-free inbound",
    Direction.TOLL_INBOUND: "toll inbound",
}


class CellError(ValueError):
    """What refuses a row: the column, None where the whole row is meant, and the reason."""

    def __init__(self, column: Field | None, reason: str) -> None:
        """Keep both; the caller knows the line."""
        super().__init__(reason)
        self.column = column
        self.reason = reason


@frozen
class RowDirection:
    """The direction of every row; `is_stated` if the user said so, else a number type may say another one."""

    direction: Direction
    is_stated: bool


def read_cell(texts: Texts, column: Field, reader: Callable[[str], _Read]) -> _Read:
    """Read a cell, empty where there is no such column; a ValueError becomes the reason to refuse the row."""
    try:
        return reader(texts.get(column, ""))
    except ValueError as refusal:
        raise CellError(column, str(refusal)) from refusal


def read_keys(texts: Texts, wanted: RowDirection) -> tuple[RateKey, ...]:
    """Return the keys that the row prices, each once; raise CellError where one of them cannot be read."""
    direction = wanted.direction
    if Field.NUMBER_TYPE in texts:
        direction = read_cell(texts, Field.NUMBER_TYPE, partial(_direction, wanted=wanted))
    origins = read_cell(texts, Field.ORIGIN, _origins) if Field.ORIGIN in texts else _ANY_ORIGIN
    if direction is Direction.TOLL_FREE_INBOUND and origins == _ANY_ORIGIN:
        return tuple(dict.fromkeys((direction, *place) for place in _toll_free_places(texts)))
    prefixes = _outbound_prefixes(texts) if direction is Direction.OUTBOUND else _inbound_prefixes(texts)
    if len(prefixes) * len(origins) > KEYS_PER_ROW_MAX:
        raise CellError(Field.ORIGIN, f"more than {KEYS_PER_ROW_MAX} pairs of prefix and origin in one row")
    return tuple([(direction, prefix, origin) for prefix in prefixes for origin in origins])


def _direction(number_type: str, *, wanted: RowDirection) -> Direction:
    if not number_type.strip():
        raise ValueError("no number type")
    found = _DIRECTIONS.get("".join(letter for letter in number_type.lower() if letter.isalnum()))
    if found is None:
        message = f"the number type {number_type.strip()!r} is not known: write toll free, local, national or mobile"
        raise ValueError(message)
    if wanted.is_stated and found is not wanted.direction:
        message = f"is {_WORDS[found]}, and only {_WORDS[wanted.direction]} is imported"
        raise ValueError(message)
    return found


def _origins(text: str) -> tuple[str, ...]:
    return prefix_cells.read_prefixes(text) if text.strip() else _ANY_ORIGIN


def _outbound_prefixes(texts: Texts) -> tuple[str, ...]:
    if Field.AREA_CODES in texts:
        code = read_cell(texts, Field.CALLING_CODE, _one_prefix)
        return read_cell(texts, Field.AREA_CODES, partial(prefix_cells.read_prefixes, country_code=code))
    if Field.PREFIX in texts:
        prefixes = read_cell(texts, Field.PREFIX, prefix_cells.read_prefixes)
        if Field.CALLING_CODE in texts:
            read_cell(texts, Field.CALLING_CODE, partial(_check_code, prefixes=prefixes))
        return prefixes
    return _calling_codes(texts) or _own_prefixes(texts)


def _inbound_prefixes(texts: Texts) -> tuple[str, ...]:
    """Return the prefixes of the numbers that are called: by calling code, else by prefix, else by country."""
    codes = _calling_codes(texts)
    if codes == (NORTH_AMERICA,) and _has_country(texts):
        prefixes = _own_prefixes(texts)
        if not prefixes[0].startswith(NORTH_AMERICA):
            raise CellError(Field.CALLING_CODE, f"the country's calling code is {prefixes[0]}, not {NORTH_AMERICA}")
        return prefixes
    if codes:
        return codes
    if texts.get(Field.PREFIX, "").strip():
        return read_cell(texts, Field.PREFIX, prefix_cells.read_prefixes)
    return _own_prefixes(texts)


def _toll_free_places(texts: Texts) -> list[tuple[str, str]]:
    """Return prefix and origin: in North America a toll-free call is priced by the country that it comes from."""
    is_by_prefix = not texts.get(Field.CALLING_CODE, "").strip() and bool(texts.get(Field.PREFIX, "").strip())
    prefixes = _inbound_prefixes(texts)
    if is_by_prefix or (prefixes == (NORTH_AMERICA,) and not _has_country(texts)):
        return [(prefix, "") for prefix in prefixes]
    return [_toll_free_place(prefix) for prefix in prefixes]


def _toll_free_place(prefix: str) -> tuple[str, str]:
    """Place a country's price; that of the United States is for any caller whom no other country's row names.

    A caller who withholds his number must not be refused for that, and a toll-free number is called from within.
    """
    is_north_american = prefix.startswith(NORTH_AMERICA) and len(prefix) <= _NORTH_AMERICAN_CODE_DIGITS
    if not is_north_american or prefix == NORTH_AMERICA:
        return prefix, ""
    return NORTH_AMERICA, prefix


def _calling_codes(texts: Texts) -> tuple[str, ...]:
    """Return the calling codes that the row states itself; none where the column is empty or holds letters."""
    return read_cell(texts, Field.CALLING_CODE, _stated_codes)


def _stated_codes(text: str) -> tuple[str, ...]:
    # Some vendors call `GB` a country code.
    return () if not text.strip() or text.strip().isalpha() else prefix_cells.read_prefixes(text)


def _one_prefix(text: str) -> str:
    prefixes = prefix_cells.read_prefixes(text) if text.strip() else ()
    if len(prefixes) != 1:
        raise ValueError("area codes need one country code")
    return prefixes[0]


def _check_code(text: str, *, prefixes: tuple[str, ...]) -> None:
    codes = _stated_codes(text)
    for prefix in prefixes:
        if codes and not prefix.startswith(codes):
            message = (
                f"the prefix {prefix} does not begin with the country code {codes[0]}: "
                "call the column of prefixes 'area codes' if the country code belongs before them"
            )
            raise ValueError(message)


def _has_country(texts: Texts) -> bool:
    return any(texts.get(column, "").strip() for column in _COUNTRY_COLUMNS)


def _own_prefixes(texts: Texts) -> tuple[str, ...]:
    columns = [column for column in (*_COUNTRY_COLUMNS, Field.CALLING_CODE) if texts.get(column, "").strip()]
    if not columns:
        raise CellError(Field.PREFIX if Field.PREFIX in texts else Field.COUNTRY, "no prefix and no country")
    for column in columns:
        country = countries.find_country(texts[column])
        if country is not None:
            return read_cell(texts, column, partial(_prefixes_of, country=country))
    raise CellError(columns[0], f"{texts[columns[0]].strip()!r} is no country that is known: state its prefixes")


def _prefixes_of(text: str, *, country: str) -> tuple[str, ...]:
    try:
        return countries.own_prefixes(country)
    except ValueError as refusal:
        message = f"{text.strip()!r} {refusal}"
        raise ValueError(message) from refusal
