"""Measure decks: how soon a price list is in memory, and whether a phone that rings meanwhile notices."""

import statistics
import tempfile
import time
from contextlib import closing
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

from talktime.bootstrap import App, open_statements
from talktime.interfaces.cli.bench.loads import swapping
from talktime.interfaces.cli.bench.measuring import lines
from talktime.interfaces.cli.bench.measuring.lines import Line
from talktime.interfaces.cli.bench.measuring.loading import run_load
from talktime.interfaces.cli.bench.measuring.reconciling import reconcile, sums_of
from talktime.interfaces.cli.bench.world import deck
from talktime.interfaces.cli.bench.world.filling import DECK, Shape, fill
from talktime.settings import Settings
from talktime.store.bench import databases
from talktime.store.charging.memory import Memory
from talktime.usecases.rates.publish_rate_deck import StageDeck, stage_deck

LOADS_COUNT = 5
_SHAPE = Shape(organizations=50, finished_calls=0)


def deck_load(prefixes: int) -> Line:
    """Return the line of a deck that is read from SQLite into memory, again and again."""
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{Path(folder) / 'deck.db'}"
        fill(url, Shape(1, 0, prefixes), datetime.now(UTC), lambda _: None)
        with closing(open_statements(url)) as statements:
            samples = []
            for _ in range(LOADS_COUNT):
                began = time.perf_counter()
                Memory().decks.ensure([row[0] for row in statements.versions_to_load(0)], statements.deck_rows)
                samples.append(round((time.perf_counter() - began) * 1_000, 1))
    return {
        "name": "deck.load",
        "value": round(statistics.median(samples)),
        "unit": "ms",
        "p50_ms": statistics.median(samples),
        "max_ms": max(samples),
        "durable": "read only",
        "load_average": lines.load_average(),
        "load": {"prefixes": prefixes, "loads": LOADS_COUNT},
    }


def deck_swap(database_url: str, prefixes: int) -> Line:
    """Return the line of a large deck that is staged, loaded and published while a phone rings."""
    url = databases.beside(database_url, "decks")
    databases.create(url)
    try:
        fill(url, _SHAPE, datetime.now(UTC), lambda _: None)
        stage_seconds = _stage(url, prefixes)
        before = sums_of(url)
        told = run_load("swapping", {"url": url, "organizations": _SHAPE.organizations})
        books = reconcile(url, before, swapping.SWITCH, told["acknowledged"])
        durable = databases.durability(url)
    finally:
        databases.drop(url)
    seen = swapping.Swap(**told["seen"])
    return {
        "name": "deck.load.500k",
        "value": seen.load_seconds,
        "unit": "s",
        **asdict(seen),
        "stage_seconds": stage_seconds,
        "longest_pause_ms": max(seen.load_longest_ms, seen.swap_longest_ms),
        "durable": durable,
        "load_average": lines.load_average(),
        "load": {"prefixes": prefixes},
        "books": books.document,
    }


def _stage(database_url: str, prefixes: int) -> float:
    rates, began, app = deck.generated_rates(prefixes), time.perf_counter(), App(Settings(database=database_url))
    with app:
        stage_deck(app.run, StageDeck(DECK, "generated", deck.TERMS, rates, datetime.now(UTC)), lambda _: None)
    return round(time.perf_counter() - began, 2)
