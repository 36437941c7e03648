"""`python -m benchmarks [WORD]`: one JSON object a line; what is measured runs beside its baseline."""

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from benchmarks import baseline, books, http, inprocess
from talktime.core.rates import rating
from talktime.core.rates.rate_decks import DeckTerms, Direction, RateDeck
from talktime.store.engine import create_schema, open_engine
from talktime.store.transaction import operator_transaction
from tests import postgresql_cluster

SECONDS = 10
DECK_PREFIXES_COUNT = 36_000
Result = dict[str, object]


def main() -> int:
    """Run the benchmarks whose name contains the word."""
    parser = argparse.ArgumentParser(prog="benchmarks", description=__doc__)
    parser.add_argument("only", nargs="?", default="", help="a part of the names to run")
    parser.add_argument("--seconds", type=int, default=SECONDS, help="how long each measurement lasts")
    options = parser.parse_args()
    wanted = {name: run for name, run in BENCHMARKS.items() if options.only in name}
    if not wanted:
        print(f"no benchmark is named like {options.only!r}; there are: {', '.join(BENCHMARKS)}", file=sys.stderr)
        return 2
    for name, run in wanted.items():
        print(f"measuring {name} …", file=sys.stderr)
        for result in run(options.seconds):
            print(json.dumps({"name": name, **result}), flush=True)
    return 0


def _charging_sqlite(measure: Callable[[str, int], Result]) -> Callable[[int], Iterator[Result]]:
    def run(seconds: int) -> Iterator[Result]:
        with _sqlite() as url, _postgresql() as cluster:
            books.prepare(url)
            before = baseline.measure(cluster.url, _pgbench(cluster), seconds)
            yield _against(measure(url, seconds), before, "SQLite WAL, synchronous=FULL")

    return run


def _charging_postgresql(measure: Callable[[str, int], Result]) -> Callable[[int], Iterator[Result]]:
    def run(seconds: int) -> Iterator[Result]:
        with _postgresql() as cluster:
            books.prepare(cluster.url)
            before = baseline.measure(cluster.url, _pgbench(cluster), seconds)
            yield _against(measure(cluster.url, seconds), before, "PostgreSQL, fsync and synchronous_commit on")

    return run


def _in_process(url: str, seconds: int) -> Result:
    latencies = sorted(inprocess.measure(url, seconds))
    return {
        "value": round(len(latencies) / seconds),
        "p50_ms": round(latencies[len(latencies) // 2] * 1e3, 2),
        "p99_ms": round(latencies[len(latencies) * 99 // 100] * 1e3, 2),
        "note": f"{inprocess.CALLERS_COUNT} closed-loop callers, start+extend+end over 10,000 organizations",
    }


def _over_http(url: str, seconds: int) -> Result:
    served = http.measure(url, seconds)
    return {
        "value": round(served.requests_a_second),
        "p50_ms": served.p50_ms,
        "p99_ms": served.p99_ms,
        "note": f"wrk, {http.CONNECTIONS_COUNT} connections on the same cores; {served.errors} errors",
    }


def _against(result: Result, before: baseline.Baseline, durable: str) -> Result:
    value = result["value"]
    assert isinstance(value, int)
    return {
        **result,
        "unit": "operations/s",
        "baseline": {
            "name": "pgbench naive, SELECT FOR UPDATE + INSERT + UPDATE in five round trips, 32 clients",
            "value": round(before.five_round_trips),
            "one_function": round(before.one_function),
        },
        "ratio": round(value / before.five_round_trips, 2),
        "durable": durable,
        "load_average": os.getloadavg()[0],
    }


def _quote(seconds: int) -> Iterator[Result]:
    deck = RateDeck(
        version_id=1, terms=DeckTerms("USD", ZoneInfo("UTC")), rates=books.random_rates(DECK_PREFIXES_COUNT)
    )
    at = datetime(2026, 1, 1, tzinfo=UTC)
    numbers = [str(10**10 + 7_919 * index * 104_729 % (9 * 10**10)) for index in range(10_000)]
    ends, count, samples = time.perf_counter() + seconds, 0, []
    while (began := time.perf_counter()) < ends:
        for number in numbers:
            matched = deck.match(Direction.OUTBOUND, number, "442079460000")
            assert matched is not None
            rating.cost_micros(matched.tariff, at, 61)
        samples.append((time.perf_counter() - began) / len(numbers))
        count += len(numbers)
    yield {
        "value": round(count / sum(samples) / len(numbers)),
        "unit": "quotes/s",
        "p50_ms": round(statistics.median(samples) * 1e3, 5),
        "p99_ms": round(sorted(samples)[len(samples) * 99 // 100] * 1e3, 5),
        "baseline": {"name": "the field's Go engine, measured elsewhere on 2 cores", "value": 66_000},
        "ratio": round(count / sum(samples) / len(numbers) / 66_000, 2),
        "durable": "nothing to keep",
        "note": f"longest prefix of {DECK_PREFIXES_COUNT:,} and cost, one core",
    }


def _deck_load(_seconds: int) -> Iterator[Result]:
    rates = books.random_rates(DECK_PREFIXES_COUNT)
    with _sqlite() as url:
        create_schema(url)
        engine = open_engine(url)
        with operator_transaction(engine) as tx:
            version = tx.rates.stage("standard", "generated", DeckTerms("USD", ZoneInfo("UTC")), books.OPENED_AT)
            tx.rates.add_rates(version.version_id, rates)
        samples = []
        for _ in range(5):
            with operator_transaction(engine) as tx:
                began = time.perf_counter()
                tx.rates.deck(version.version_id)
                samples.append((time.perf_counter() - began) * 1e3)
        engine.dispose()
    yield {
        "value": round(statistics.median(samples)),
        "unit": "ms",
        "p50_ms": round(statistics.median(samples), 1),
        "p99_ms": round(max(samples), 1),
        "baseline": None,
        "ratio": None,
        "durable": "read only",
        "note": f"{DECK_PREFIXES_COUNT:,} rates from SQLite into memory, five times",
    }


@contextmanager
def _sqlite() -> Iterator[str]:
    with tempfile.TemporaryDirectory() as folder:
        yield f"sqlite:///{Path(folder) / 'bench.db'}"


@contextmanager
def _postgresql() -> Iterator[postgresql_cluster.Cluster]:
    with postgresql_cluster.running() as cluster:
        yield cluster


def _pgbench(cluster: postgresql_cluster.Cluster) -> str:
    return str(Path(cluster.binaries) / "pgbench")


BENCHMARKS: dict[str, Callable[[int], Iterator[Result]]] = {
    "charging.inprocess.sqlite": _charging_sqlite(_in_process),
    "charging.inprocess.postgresql": _charging_postgresql(_in_process),
    "charging.http.sqlite": _charging_sqlite(_over_http),
    "charging.http.postgresql": _charging_postgresql(_over_http),
    "quote.inprocess": _quote,
    "deck.load": _deck_load,
}

if __name__ == "__main__":
    sys.exit(main())
