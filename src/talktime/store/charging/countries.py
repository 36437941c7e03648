"""Versions of the country table in memory: immutable, so that a version once loaded is good for ever."""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from operator import itemgetter
from threading import Lock

from talktime.core.organizations.country_table import ConferencingSale, CountryRule, CountryTable, PremiumSupport
from talktime.store.charging.rows import Row
from talktime.store.instants import from_micros

RULE_COLUMNS = (
    "country, conferencing, is_zone_a, domestic_minutes, international_minutes, pay_as_you_go_zone, plan_partner,"
    " premium, has_toll_numbers, has_toll_free_numbers, has_credits, toll_city, is_international_destination"
)
VERSIONS = "SELECT version_id, valid_from FROM country_versions ORDER BY valid_from"
RULES_ON_SQLITE = f"SELECT {RULE_COLUMNS} FROM country_rules WHERE version_id = ?"
RULES_ON_POSTGRESQL = f"SELECT {RULE_COLUMNS} FROM country_rules WHERE version_id = %s"

RulesLoader = Callable[[int], Iterable[Row]]
DatedTables = tuple[tuple[datetime, CountryTable], ...]


class CountryCache:
    """The versions that charging has needed; shared by the threads of a process."""

    def __init__(self) -> None:
        """Start empty."""
        self._loaded: dict[int, CountryTable] = {}
        self._lock = Lock()
        # One attribute, so that rows and tables are always read as a pair.
        self._last: tuple[Sequence[Row], DatedTables] = ((), ())

    def tables(self, version_rows: Sequence[Row], load: RulesLoader) -> DatedTables:
        """Translate rows (version, valid from), which hardly ever differ from the last ones, by their first instants.

        `load` returns a version's rows in the order of `RULE_COLUMNS`; it is asked once for each version.
        """
        last_rows, tables = self._last
        if version_rows == last_rows:
            return tables
        with self._lock:
            for version_id, _ in version_rows:
                if version_id not in self._loaded:
                    self._loaded[version_id] = table_of(version_id, load(version_id))
        by_instant = sorted(version_rows, key=itemgetter(1))
        tables = tuple((from_micros(valid_from), self._loaded[version_id]) for version_id, valid_from in by_instant)
        self._last = (version_rows, tables)
        return tables


def table_of(version_id: int, rule_rows: Iterable[Row]) -> CountryTable:
    """Build a version of its rows, in the order of `RULE_COLUMNS`."""
    rows = list(rule_rows)
    rules = {row[0]: rule_of(row) for row in rows}
    return CountryTable(version_id, rules, frozenset(row[0] for row in rows if row[-1]))


def rule_of(row: Row) -> CountryRule:
    """Translate a row; SQLite knows truth as 0 and 1."""
    country, conferencing, is_zone_a, domestic, international, zone, partner, premium, toll, toll_free, *rest = row
    has_credits, toll_city, _ = rest
    return CountryRule(
        country,
        ConferencingSale(conferencing),
        bool(is_zone_a),
        domestic,
        international,
        zone,
        partner,
        PremiumSupport(premium),
        bool(toll),
        bool(toll_free),
        bool(has_credits),
        toll_city,
    )
