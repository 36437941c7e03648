"""What somebody does to the books behind our back, past all constraints and triggers."""

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass

import psycopg

from talktime.core.insight.books import Rule

# Rows of tests/real_books.py and of tests/pooled_books.py, as statements name them.
ROWS = {
    "call": "call_key = 'sbc1||ordinary-02'",
    "entry": "entry_id = 'call:sbc1||ordinary-02:0'",
    "straddling": "call_key = 'sbc1||straddling'",
    "split": "call_key = 'sbc1||split'",
    "pool": "meter = 'pool/MCOPSTN5/GB/domestic/2026-03'",
}


@dataclass(frozen=True)
class Corruption:
    """What somebody does to the books, which rule says so, and which constraints PostgreSQL must lose first."""

    what: str
    rule: Rule
    statements: Sequence[str]
    unchecked: Sequence[str] = ()


def corrupt(url: str, corruption: Corruption) -> None:
    """Change rows past all constraints and triggers."""
    statements = [statement.format(**ROWS) for statement in corruption.statements]
    if url.startswith("sqlite:///"):
        with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as connection:
            connection.execute("PRAGMA ignore_check_constraints = ON")
            connection.execute("DROP TRIGGER postings_no_update")
            connection.execute("DROP TRIGGER postings_no_delete")
            changed = [connection.execute(statement).rowcount for statement in statements]
            connection.commit()
    else:
        with psycopg.connect(url) as connection:
            connection.execute("DROP TRIGGER postings_insert_only ON postings")
            for statement in corruption.unchecked:
                connection.execute(statement)
            changed = [connection.execute(statement).rowcount for statement in statements]
    assert 0 not in changed, "a corruption that changes nothing proves nothing"
