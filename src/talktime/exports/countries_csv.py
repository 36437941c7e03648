"""A country table as CSV, in the columns in which one is imported: change what differs, and bring it back."""

import csv
from enum import Enum
from typing import TextIO

from talktime.core.organizations.country_table import CountryTable
from talktime.core.organizations.country_versions import COLUMNS, Cell, cells_of


def write_countries(stream: TextIO, table: CountryTable) -> None:
    """Write the header and one row a country, by their codes."""
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(COLUMNS)
    for country in sorted(table.rules):
        cells = cells_of(table, country)
        writer.writerow([cell_text(cells[column]) for column in COLUMNS])


def cell_text(cell: Cell) -> str:
    """Write a cell as the reader of imports understands it."""
    if isinstance(cell, bool):
        return "yes" if cell else "no"
    return str(cell.value) if isinstance(cell, Enum) else str(cell)
