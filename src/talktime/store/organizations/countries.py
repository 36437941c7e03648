"""Rows of the country table: versions that never change, each valid until the next one is."""

from datetime import datetime
from enum import Enum

from sqlalchemy import Connection, func, insert, select, text

from talktime.core.organizations.country_table import NO_COUNTRIES, CountryTable
from talktime.core.organizations.country_versions import CountryVersion, cells_of, check_beginning, version_in_force
from talktime.core.values.errors import NotFound
from talktime.store.charging.countries import RULE_COLUMNS, table_of
from talktime.store.engine import one_at_a_time
from talktime.store.instants import from_micros, to_micros
from talktime.store.schema import country_rules, country_versions

_RULES = text(f"SELECT {RULE_COLUMNS} FROM country_rules WHERE version_id = :version_id")


class CountryRows:
    """Versions of the country table; they belong to no organization."""

    def __init__(self, connection: Connection) -> None:
        """Work on an open transaction."""
        self._connection = connection

    def versions(self) -> list[CountryVersion]:
        """Return all versions in the order of their first instants."""
        found = self._connection.execute(select(country_versions).order_by(country_versions.c.valid_from))
        return [
            CountryVersion(row.version_id, row.source, from_micros(row.valid_from), from_micros(row.created_at))
            for row in found
        ]

    def table(self, version_id: int) -> CountryTable:
        """Return a version with all its rows; raise NotFound."""
        found = [tuple(row) for row in self._connection.execute(_RULES, {"version_id": version_id})]
        if not found:
            message = f"there is no version {version_id} of the country table: `talktime countries versions` lists them"
            raise NotFound(message, code="country_version_not_found")
        return table_of(version_id, found)

    def in_force(self, at: datetime) -> CountryTable:
        """Return the table that is valid at an instant, an empty one before the first."""
        version = version_in_force(self.versions(), at)
        return NO_COUNTRIES if version is None else self.table(version.version_id)

    def add(self, table: CountryTable, *, source: str, valid_from: datetime, at: datetime) -> CountryVersion:
        """Add a version with the rows of a table; raise Conflict where it may not begin then."""
        one_at_a_time(self._connection, "country_versions")
        check_beginning(self.versions(), valid_from, at)
        version_id = (self._connection.scalar(select(func.max(country_versions.c.version_id))) or 0) + 1
        version = CountryVersion(version_id, source, valid_from, at)
        self._connection.execute(
            insert(country_versions),
            {
                "version_id": version_id,
                "source": source,
                "valid_from": to_micros(valid_from),
                "created_at": to_micros(at),
            },
        )
        self._connection.execute(insert(country_rules), [_row(version_id, table, country) for country in table.rules])
        return version


def _row(version_id: int, table: CountryTable, country: str) -> dict[str, object]:
    cells = cells_of(table, country)
    return {
        "version_id": version_id,
        **{name: cell.value if isinstance(cell, Enum) else cell for name, cell in cells.items()},
    }
