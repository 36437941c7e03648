"""An import that stops in the midst until it is killed: run as a program it says when it has come so far.

python -m tests.usecases.insight.killed_import DATABASE-URL
"""

import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from talktime.bootstrap import App
from talktime.core.insight.importing.imported_calls import ImportedCall, UsageKind, UsageLine
from talktime.core.insight.importing.reading import direction_of
from talktime.settings import Settings
from talktime.usecases.insight.import_usage import CHUNK_LINES, ImportUsage, import_usage

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
REQUEST = ImportUsage("Contoso", "usage.csv", NOW, "ada")
CHUNKS = 3


def a_call(number: int, **more: Any) -> ImportedCall:
    """Return a call of a minute, the number its second and its id."""
    kind = more.pop("kind", UsageKind.USER_OUT)
    start = NOW - timedelta(days=2) + timedelta(seconds=number)
    stated = {"source_id": f"id-{number}", "charge_micros": 10_000, "currency": "EUR", "called": "442079460000"} | more
    return ImportedCall(kind, direction_of(kind), start, start + timedelta(seconds=60), 60, **stated)


def lines(count: int, first: int = 0) -> list[UsageLine]:
    """Return lines of a file with such calls; the header is line 1."""
    return [UsageLine(number + 2, a_call(number)) for number in range(first, first + count)]


def main(database: str) -> None:
    """Stage some chunks, say so, and wait for the end."""

    def until_killed() -> Iterator[UsageLine]:
        yield from lines(CHUNK_LINES * CHUNKS)
        print("staged", flush=True)
        sys.stdin.read()

    with App(Settings(database=database)) as app:
        import_usage(app.run, REQUEST, until_killed(), lambda _: None)


if __name__ == "__main__":
    main(sys.argv[1])
