"""`talktime bench`: how fast this machine charges, how durably, next to PostgreSQL's own benchmark."""

import json
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from talktime.interfaces.cli.bench.measuring.lines import Line
from talktime.interfaces.cli.terminal import out

app = App(name="bench")
EXIT_UNRECONCILED = 1


@Parameter(name="*")
@dataclass(frozen=True, slots=True)
class Extent:
    """How long it takes, and how much stands in the database before."""

    seconds: Annotated[float, Parameter(help="How long each measurement lasts.")] = 10.0
    warm_up: Annotated[float, Parameter(help="How many seconds a load runs before it is measured.")] = 5.0
    finished_calls: Annotated[int, Parameter(help="How many calls have been charged before.")] = 1_000_000
    organizations: Annotated[int, Parameter(help="How many organizations call.")] = 10_000
    exported_rows: Annotated[int, Parameter(help="How many usage rows an export has.")] = 1_000_000
    baseline_rows: Annotated[int, Parameter(help="How many of them XlsxWriter writes, to compare with.")] = 100_000


AS_IT_SHOULD_BE = Extent()


@app.default
def bench(
    only: Annotated[str, Parameter(help="Measure what has this in its name; without it, everything that can be.")] = "",
    *,
    database: Annotated[
        str,
        Parameter(
            help="postgresql://user@host/name or sqlite:///path: a database that does not exist or is empty; it is"
            " made, filled and dropped. Without it, a SQLite file in a temporary folder."
        ),
    ] = "",
    extent: Extent = AS_IT_SHOULD_BE,
    keep: Annotated[bool, Parameter(help="Keep the filled database beside it for the next run.", negative=())] = False,
    audit: Annotated[bool, Parameter(help="Audit every row at the end.")] = True,
    table: Annotated[
        bool, Parameter(help="A table for people, at the end, in place of JSON lines.", negative=())
    ] = False,
) -> int:
    """Measure charging, quotes and decks on this machine; one JSON object a line.

    The load is real: 10,000 organizations with licenses, minutes, three lots and a recharge, a deck of 36,206 prefixes,
    and a million calls charged before. After each measurement the books are reconciled: where they do not agree, the
    exit code is 1. Progress goes to standard error.
    """
    from talktime.interfaces.cli.bench.charging import Duration
    from talktime.interfaces.cli.bench.exporting import Volume
    from talktime.interfaces.cli.bench.suite import Run, run_suite
    from talktime.interfaces.cli.bench.view import view
    from talktime.interfaces.cli.bench.world.filling import Shape

    with _database(database) as url:
        duration = Duration(extent.seconds, extent.warm_up)
        shape = Shape(extent.organizations, extent.finished_calls)
        exported = Volume(extent.exported_rows, extent.baseline_rows)
        run = Run((url,), shape, duration, only, keeps_filled=keep, audits=audit, exported=exported)
        found = []
        for line in run_suite(run):
            found.append(line)
            if not table:
                print(json.dumps(line, ensure_ascii=False), flush=True)
    if table:
        out().print(view(found))
    return 0 if is_reconciled(found) else EXIT_UNRECONCILED


def is_reconciled(lines: Sequence[Line]) -> bool:
    """Tell whether no line says that its books do not agree."""
    return all(books["reconciled"] for line in lines if (books := line.get("books")) is not None)


@contextmanager
def _database(stated: str) -> Iterator[str]:
    if stated:
        yield stated
        return
    with tempfile.TemporaryDirectory() as folder:
        yield f"sqlite:///{Path(folder) / 'bench.db'}"
