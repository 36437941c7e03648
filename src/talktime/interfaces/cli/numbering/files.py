"""Inventories of numbers as CSV or workbook: columns by their names, whatever their order."""

import re
from pathlib import Path

from talktime.core.organizations.numbering.inventory import ListedNumber
from talktime.core.values.errors import Invalid
from talktime.imports.spreadsheets import read_sheet

NUMBERS_MAX = 100_000
_COLUMNS: dict[str, tuple[str, ...]] = {
    "number": ("number", "phonenumber", "telephonenumber", "telephone", "phone", "did", "e164"),
    "use": ("use", "type", "numbertype", "inventorytype"),
    "country": ("country", "countrycode", "iso", "iso2"),
    "area": ("area", "city", "location", "cityarea", "region"),
    "carrier": ("carrier", "operator", "provider"),
    "price": ("price", "monthlyprice", "pricepermonth"),
    "currency": ("currency",),
}
_REQUIRED = ("number", "use")


def read_inventory(path: Path) -> tuple[ListedNumber, ...]:
    """Return the numbers of a file, each as it stands there; raise Invalid for a file that is no inventory."""
    lines = [(line, cells) for line, cells in read_sheet(path) if any(cell.strip() for cell in cells)]
    if not lines:
        message = f"{path.name} is empty"
        raise Invalid(message, code="inventory_empty")
    (_, names), *rest = lines
    places = _places(names)
    missing = [column for column in _REQUIRED if column not in places]
    if missing:
        message = (
            f"{path.name} has no column {' and none '.join(missing)}: an inventory has number, use (user, toll or"
            " toll-free) and, if you like, country, area, carrier, price, currency"
        )
        raise Invalid(message, code="inventory_header")
    if not rest or len(rest) > NUMBERS_MAX:
        said = f"more than {NUMBERS_MAX:,} numbers: split it" if rest else "a header and no number below it"
        message = f"{path.name} has {said}"
        raise Invalid(message, code="inventory_size")
    return tuple(
        ListedNumber(
            line=line,
            **{column: cells[place].strip() if place < len(cells) else "" for column, place in places.items()},
        )
        for line, cells in rest
    )


def _places(names: tuple[str, ...]) -> dict[str, int]:
    keys = [re.sub(r"[^a-z0-9]", "", name.lower()) for name in names]
    return {
        column: keys.index(synonym)
        for column, synonyms in _COLUMNS.items()
        for synonym in reversed(synonyms)
        if synonym in keys
    }
