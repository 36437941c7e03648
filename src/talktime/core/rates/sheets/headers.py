"""The header of a price list: which column says what, in the words of many vendors."""

import re
from collections.abc import Mapping, Sequence

from talktime.core.rates.sheets import price_cells
from talktime.core.rates.sheets.columns import DESCRIBING_FIELDS, MONEY_FIELDS, PLACE_FIELDS, SYNONYMS, Field
from talktime.core.values.errors import Invalid
from talktime.core.values.frozen import frozen

# Vendors write a title, their address and a date above the header; what begins further down is no rate sheet.
HEADER_ROWS_MAX = 10

SheetLine = tuple[int, tuple[str, ...]]


_PER_MINUTE = re.compile(r"(per|a|)(minute|min|m)$")
_WORD = re.compile(r"[^\W_]+|[€¢]")
# Currencies that headers write in lower case; other codes count in capitals only, for `all` and `top` are codes too.
_PLAIN_CURRENCIES = frozenset({"usd", "eur", "gbp", "chf", "cad", "aud", "nzd", "jpy", "sek", "nok", "dkk", "pln"})
_INBOUND_PRICE = "inboundvoiceprice"
_US_WORDS = frozenset({"npanxx", "lrn", "interstate", "intrastate", "inter", "intra", "indeterminate", "ij"})


def _key(text: str) -> str:
    return "".join(_WORD.findall(text)).lower()


_RANKED = {_key(name): (field, rank) for field, names in SYNONYMS.items() for rank, name in enumerate(names)}


@frozen
class Header:
    """Where each field stands, and what the header says about its prices."""

    line: int
    names: tuple[str, ...]
    positions: Mapping[Field, int]
    ignored: tuple[str, ...]
    currency: str | None
    in_cents: frozenset[Field]
    is_inbound: bool

    def name_of(self, field: Field) -> str:
        """Return the column's own name, or the field's where the sheet has no such column."""
        position = self.positions.get(field)
        return field.value if position is None else self.names[position]


@frozen
class _ColumnName:
    position: int
    field: Field
    rank: int
    currency: str | None
    is_cents: bool
    key: str


def find_header(lines: Sequence[SheetLine]) -> Header:
    """Return the first row that names a place and a price; raise Invalid, naming what is there and what is missing."""
    rows = [(line, cells, _read_names(cells)) for line, cells in lines[:HEADER_ROWS_MAX]]
    if not rows:
        raise Invalid("the sheet is empty")
    for line, cells, columns in rows:
        if not _missing({column.field for column in columns}):
            return _header(line, cells, columns)
    raise Invalid(_why_no_header(*max(rows, key=lambda row: (len(row[2]), sum(map(bool, row[1]))))))


def _read_names(cells: Sequence[str]) -> list[_ColumnName]:
    columns = (_read_name(position, name) for position, name in enumerate(cells))
    return [column for column in columns if column is not None]


def _read_name(position: int, name: str) -> _ColumnName | None:
    ranked = _RANKED.get(_key(name))
    if ranked is not None:
        return _ColumnName(position, *ranked, None, is_cents=False, key=_key(name))
    words = _WORD.findall(name)
    currencies = [code for code in map(_currency_of, words) if code]
    is_cents = any(word.lower() in price_cells.CENT_WORDS for word in words)
    kept = [word.lower() for word in words if not _currency_of(word) and word.lower() not in price_cells.CENT_WORDS]
    key = _PER_MINUTE.sub("", "".join(word for word in kept if word != "in"))
    field, rank = _RANKED.get(key, (Field.PRICE, 0) if currencies and not key else (None, 0))
    if field not in MONEY_FIELDS or len(set(currencies)) > 1:
        return None
    return _ColumnName(position, field, rank, currencies[0] if currencies else None, is_cents=is_cents, key=key)


def _currency_of(word: str) -> str | None:
    if word == "€":
        return "EUR"
    is_written_as_code = word.isupper() or word in _PLAIN_CURRENCIES
    return word.upper() if is_written_as_code and price_cells.is_currency(word.upper()) else None


def _missing(fields: set[Field]) -> list[Field]:
    """Return what a sheet with these columns lacks."""
    has_place = any(field in fields for field in PLACE_FIELDS)
    has_price = Field.PRICE in fields or Field.PRICE_NEXT in fields
    return [*([] if has_place else [Field.PREFIX]), *([] if has_price else [Field.PRICE])]


def _header(line: int, cells: tuple[str, ...], columns: Sequence[_ColumnName]) -> Header:
    chosen: dict[Field, _ColumnName] = {}
    for column in sorted(columns, key=lambda column: (column.rank, column.position)):
        other = chosen.setdefault(column.field, column)
        if other is not column and column.field not in DESCRIBING_FIELDS:
            raise Invalid(
                f"line {line}: the columns {cells[other.position]!r} and {cells[column.position]!r} both say the "
                f"{column.field.value}: leave one out"
            )
    _settle_prices(line, chosen)
    _settle_places(line, chosen)
    used = {column.position for column in chosen.values()}
    return Header(
        line=line,
        names=tuple(name.strip() for name in cells),
        positions={field: column.position for field, column in chosen.items()},
        ignored=tuple(name.strip() for index, name in enumerate(cells) if index not in used and name.strip()),
        currency=_stated_currency(line, chosen),
        in_cents=frozenset(field for field, column in chosen.items() if column.is_cents),
        is_inbound=Field.PRICE in chosen and chosen[Field.PRICE].key == _INBOUND_PRICE,
    )


def _settle_prices(line: int, chosen: dict[Field, _ColumnName]) -> None:
    """Where there is only one price it is the price; where there are two, the first and the next are known."""
    if {Field.PRICE, Field.PRICE_NEXT} <= chosen.keys():
        raise Invalid(f"line {line}: both a price and a price of the following increments: leave one out")
    if Field.PRICE_FIRST in chosen and Field.PRICE in chosen:
        chosen[Field.PRICE_NEXT] = chosen.pop(Field.PRICE)
    if Field.PRICE_FIRST not in chosen and Field.PRICE_NEXT in chosen:
        chosen[Field.PRICE] = chosen.pop(Field.PRICE_NEXT)


def _settle_places(line: int, chosen: dict[Field, _ColumnName]) -> None:
    """Area codes follow a country code; alone they are prefixes."""
    if Field.AREA_CODES not in chosen:
        return
    if Field.PREFIX in chosen:
        raise Invalid(f"line {line}: both prefixes and area codes: leave one out, or call the first 'country code'")
    if Field.CALLING_CODE not in chosen:
        chosen[Field.PREFIX] = chosen.pop(Field.AREA_CODES)


def _stated_currency(line: int, chosen: Mapping[Field, _ColumnName]) -> str | None:
    stated = {column.currency for column in chosen.values() if column.currency}
    if len(stated) > 1:
        raise Invalid(f"line {line}: the header names several currencies: {', '.join(sorted(stated))}")
    return next(iter(stated), None)


def _why_no_header(line: int, cells: Sequence[str], columns: Sequence[_ColumnName]) -> str:
    found = ", ".join(repr(name.strip()) for name in cells if name.strip()) or "nothing"
    missing = " and ".join(map(_wish, _missing({column.field for column in columns})))
    is_us_deck = not _US_WORDS.isdisjoint(map(_key, cells))
    hint = "; a US deck by state (NPANXX, inter, intra) is not read" if is_us_deck else ""
    return f"the first {HEADER_ROWS_MAX} lines have no header: line {line} has {found}; missing: {missing}{hint}"


def _wish(field: Field) -> str:
    if field is Field.PREFIX:
        return (
            f"the prefix ({_names(Field.PREFIX)}; or a country: {_names(Field.CALLING_CODE, Field.COUNTRY, Field.ISO)})"
        )
    return f"the price per minute ({_names(Field.PRICE, Field.PRICE_FIRST)})"


def _names(*fields: Field) -> str:
    return ", ".join(name for field in fields for name in SYNONYMS[field])
