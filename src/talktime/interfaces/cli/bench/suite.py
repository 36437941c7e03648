"""What can be measured, by name, and a run of what was asked for."""

import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from types import MappingProxyType

from talktime.core.values.errors import Invalid
from talktime.interfaces.cli.bench import exporting, rating
from talktime.interfaces.cli.bench.charging import ChargingBench, Duration, Way
from talktime.interfaces.cli.bench.decks import deck_load, deck_swap
from talktime.interfaces.cli.bench.measuring.lines import Line
from talktime.interfaces.cli.bench.measuring.places import Place, places
from talktime.interfaces.cli.bench.measuring.reconciling import audited
from talktime.interfaces.cli.bench.quoting import quotes
from talktime.interfaces.cli.bench.world.filling import Shape
from talktime.interfaces.cli.terminal import progress
from talktime.store.bench import databases

WAYS = {
    "charging.inprocess.sqlite": Way("sqlite", "inprocess", connections=512, calls_each=1),
    "charging.inprocess.postgresql": Way("postgresql", "inprocess", connections=512, calls_each=1),
    "charging.http.sqlite": Way("sqlite"),
    "charging.http.postgresql": Way("postgresql"),
    "charging.http.postgresql.open": Way("postgresql", is_open=True),
    "charging.http.postgresql.hot": Way("postgresql", is_hot=True),
    "charging.http.postgresql.batch": Way("postgresql", connections=8, calls_each=500, is_batch=True),
    "charging.http.postgresql.two": Way("postgresql", server_processes=2, connections=512),
    "charging.diameter.postgresql": Way("postgresql", "diameter", connections=4, calls_each=128),
}
OTHERS = (
    *("charging.lone_request", "quote.inprocess", "deck.load", "deck.load.500k"),
    *("rating.bulk", "rating.bulk.profiles"),
    *("export.csv", "export.excel", "export.parquet"),
)
# A database URL becomes a line.
Measure = Callable[[str], Line]
NOTHING_FURTHER: Mapping[str, Measure] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Run:
    """What was asked for; at most one database of each engine."""

    databases: tuple[str, ...]
    shape: Shape
    duration: Duration
    only: str = ""
    keeps_filled: bool = False
    audits: bool = True
    large_prefixes: int = 500_000
    exported: exporting.Volume = exporting.AS_IT_SHOULD_BE


def run_suite(run: Run, further: Mapping[str, Measure] = NOTHING_FURTHER) -> Iterator[Line]:
    """Measure what has the word in its name, as far as its database is there; raise Invalid where nothing has.

    `further` are measurements by name that need an empty database, on PostgreSQL where there is one.
    """
    wanted = names_like(run.only, further)
    if not wanted:
        message = f"nothing is named like {run.only!r}; there are: {', '.join(names_like(''))}"
        raise Invalid(message, code="bench_unknown")
    with places(run.databases, run.shape, keeps_filled=run.keeps_filled) as there:
        suite = _suite(run, there, further)
        if not suite.keys() & set(wanted):
            message = f"{wanted[0]} needs PostgreSQL: say --database postgresql://user@host/name"
            raise Invalid(message, code="bench_needs_postgresql")
        for name in wanted:
            if name in suite:
                yield suite[name]()
        if run.audits:
            yield from (_audit(place) for place in there.values() if place.is_used)


def _suite(run: Run, there: dict[str, Place], further: Mapping[str, Measure]) -> dict[str, Callable[[], Line]]:
    """Return what can be measured with the databases that are there."""
    charging = ChargingBench(there, run.duration, say)
    database_url = next(reversed(there.values())).url
    return {
        **{name: partial(charging.measure, name, way) for name, way in WAYS.items() if way.engine in there},
        "charging.lone_request": partial(charging.lone, "charging.lone_request"),
        "quote.inprocess": partial(quotes, run.duration.seconds, run.shape.prefixes),
        "deck.load": partial(deck_load, run.shape.prefixes),
        "deck.load.500k": partial(deck_swap, database_url, run.large_prefixes),
        "export.csv": partial(exporting.export_csv, run.exported),
        "export.excel": partial(exporting.export_excel, run.exported),
        "export.parquet": partial(exporting.export_parquet, run.exported),
        "rating.bulk": partial(rating.simple, rating.Extent(run.shape.prefixes)),
        "rating.bulk.profiles": partial(rating.with_profiles, rating.Extent(run.shape.prefixes)),
        **{name: partial(_on_empty_database, name, measure, database_url) for name, measure in further.items()},
    }


def _on_empty_database(name: str, measure: Measure, database_url: str) -> Line:
    say(name)
    url = databases.beside(database_url, "further")
    databases.create(url)
    try:
        return {"name": name, **measure(url)}
    finally:
        databases.drop(url)


def names_like(word: str, further: Mapping[str, Measure] = NOTHING_FURTHER) -> list[str]:
    """Return what can be measured and has the word in its name; what is called so, alone."""
    known = (*WAYS, *OTHERS, *further)
    # The whole name of one is no part of the others' names.
    return [word] if word in known else [name for name in known if word in name]


def say(text: str) -> None:
    """Tell people, on standard error, what is being done."""
    print(text, file=sys.stderr, flush=True)


def _audit(place: Place) -> Line:
    say(f"auditing {place.engine}")
    books = audited(place.url, datetime.now(UTC), lambda calls: progress("Auditing", calls, "calls"))
    return {
        "name": f"audit.{place.engine}",
        "value": books.counts["violations"],
        "unit": "violations",
        "books": books.document,
    }
