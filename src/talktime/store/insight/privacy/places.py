"""Every table, and how a person is taken out of it: a table that nobody thought of is searched like the others."""

from sqlalchemy import Table, Text

from talktime.store.schema import JOURNAL_TABLES, metadata

# Rewritten row by row, by rules of their own.
CALL_TABLES = frozenset({"calls", "usage_rows", "imported_calls"})
PERSON_TABLES = frozenset({"users", "identities"})
# Written once and kept as the law of trade wants it; they name organizations. A person who is named there is told of.
KEPT_TABLES = frozenset(JOURNAL_TABLES)
# Of prices, countries, departments, agreements, numbers that organizations own, counters by user number, and our own
# workings: of no person.
# A call's key is how the journal names it, and cannot change; switches should not write numbers into it.
WITHOUT_PEOPLE = frozenset(
    {
        "access_tokens",
        "call_keys",
        "chores",
        "country_rules",
        "country_versions",
        "department_budgets",
        "deck_publications",
        "deck_versions",
        "license_counts",
        "license_purchases",
        "meters",
        "phone_numbers",
        "purchase_orders",
        "rates",
        "worker_slots",
    }
)


def searched_tables() -> list[Table]:
    """Return the tables whose texts may mention a person, in the order of their names."""
    known = CALL_TABLES | PERSON_TABLES | KEPT_TABLES | WITHOUT_PEOPLE
    return [table for name, table in sorted(metadata.tables.items()) if name not in known and texts_of(table)]


def kept_tables() -> list[Table]:
    """Return the tables in which nothing may be rewritten, and that hold texts."""
    return [metadata.tables[name] for name in sorted(KEPT_TABLES) if texts_of(metadata.tables[name])]


def texts_of(table: Table) -> list[str]:
    """Return the columns of a table that people or programs fill with words; a key is no such column."""
    return [column.name for column in table.columns if isinstance(column.type, Text) and not column.primary_key]
