"""Versions of the country table: when one may begin, and what it changes."""

from collections.abc import Sequence
from dataclasses import fields
from datetime import datetime
from enum import Enum

from talktime.core.organizations.country_table import CountryRule, CountryTable
from talktime.core.values.errors import Conflict
from talktime.core.values.frozen import frozen

_RULE_COLUMNS = tuple(field.name for field in fields(CountryRule))
# What a file says of a country; all of it, because a version replaces the one before it completely.
COLUMNS = (*_RULE_COLUMNS, "is_international_destination")

Cell = str | int | bool | Enum


@frozen
class CountryVersion:
    """A version of the table, valid until the next one is; it never changes, because calls were charged by it."""

    version_id: int
    source: str
    valid_from: datetime
    created_at: datetime


class CountryChangeKind(Enum):
    """What becomes of a country's row."""

    NEW = "new"
    CHANGED = "changed"
    REMOVED = "removed"


@frozen
class CellChange:
    """What another version says in one column."""

    column: str
    before: Cell
    after: Cell


@frozen
class CountryChange:
    """What another version says of a country; a removed one offers nothing but credits from then on."""

    country: str
    kind: CountryChangeKind
    cells: tuple[CellChange, ...]


def version_in_force(versions: Sequence[CountryVersion], at: datetime) -> CountryVersion | None:
    """Return the latest version that is valid at the instant."""
    begun = [version for version in versions if version.valid_from <= at]
    return max(begun, key=lambda version: version.valid_from, default=None)


def check_beginning(versions: Sequence[CountryVersion], valid_from: datetime, at: datetime) -> None:
    """Raise Conflict where another version may not begin then: history stays, and no two hold at once.

    Only the very first may begin in the past.
    """
    if not versions:
        return
    if valid_from < at:
        message = (
            f"{valid_from:%Y-%m-%d %H:%M} UTC is past: calls were charged by the table of then; let the new one begin"
            f" after {at:%Y-%m-%d %H:%M} UTC"
        )
        raise Conflict(message, code="country_version_past")
    latest = max(versions, key=lambda version: version.valid_from)
    if valid_from <= latest.valid_from:
        message = (
            f"version {latest.version_id} begins at {latest.valid_from:%Y-%m-%d %H:%M} UTC: one version holds until the"
            " next one does, so let the new one begin later than that"
        )
        raise Conflict(message, code="country_version_order")


def cells_of(table: CountryTable, country: str) -> dict[str, Cell]:
    """Return a country's row by the names of its columns."""
    rule = table.of(country)
    row: dict[str, Cell] = {name: getattr(rule, name) for name in _RULE_COLUMNS}
    return {**row, "is_international_destination": country in table.international}


def compare(before: CountryTable, after: CountryTable) -> tuple[CountryChange, ...]:
    """Return the countries of which the later table says something else, in the order of their codes."""
    changes = (_change(before, after, country) for country in sorted(before.rules.keys() | after.rules.keys()))
    return tuple(change for change in changes if change is not None)


def _change(before: CountryTable, after: CountryTable, country: str) -> CountryChange | None:
    old, new = cells_of(before, country), cells_of(after, country)
    cells = tuple(CellChange(column, old[column], new[column]) for column in COLUMNS if old[column] != new[column])
    if country not in before.rules:
        return CountryChange(country, CountryChangeKind.NEW, cells)
    if country not in after.rules:
        return CountryChange(country, CountryChangeKind.REMOVED, cells)
    return CountryChange(country, CountryChangeKind.CHANGED, cells) if cells else None
