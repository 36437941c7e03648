"""Measure charging: a server as an operator starts it, a load beside it, the naive way, and the books afterwards."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace

from talktime.interfaces.cli.bench.measuring import lines, processes
from talktime.interfaces.cli.bench.measuring.lines import Line
from talktime.interfaces.cli.bench.measuring.loading import run_load
from talktime.interfaces.cli.bench.measuring.places import Place
from talktime.interfaces.cli.bench.measuring.processes import Processes
from talktime.interfaces.cli.bench.measuring.reconciling import Books, reconcile, sums_of
from talktime.interfaces.cli.bench.measuring.reports import LoadOrder, LoadReport, report_of
from talktime.interfaces.cli.bench.measuring.servers import serving
from talktime.store.bench import databases

OPEN_SHARE = 0.7
BASELINE_NAME = "pgbench, naive: SELECT FOR UPDATE, INSERT, UPDATE in five round trips, 32 clients"
HOT_BASELINE_NAME = f"{BASELINE_NAME}, one row"


@dataclass(frozen=True, slots=True)
class Way:
    """How a measurement charges: on which engine, through what, by how many."""

    engine: str
    through: str = "http"
    server_processes: int = 1
    connections: int = 256
    calls_each: int = 16
    is_batch: bool = False
    is_hot: bool = False
    is_open: bool = False
    # One client, which nothing is compared with.
    is_alone: bool = False


@dataclass(frozen=True, slots=True)
class Duration:
    """How long a load runs before it is measured, until what is often needed is in memory, and how long it is then."""

    seconds: float = 10.0
    warm_up_seconds: float = 5.0


@dataclass(frozen=True, slots=True)
class Watched:
    """All processes when the measured time began, and when it ended."""

    before: Processes
    after: Processes
    report: LoadReport


class ChargingBench:
    """The measurements of charging of one run; each leaves its books reconciled, or says so."""

    def __init__(self, places: dict[str, Place], duration: Duration, say: Callable[[str], None]) -> None:
        """Measure for so long each."""
        self._places, self._seconds, self._say = places, duration.seconds, say
        self._warm_up_seconds = duration.warm_up_seconds
        self._closed_rate = 0
        self._count = 0

    def measure(self, name: str, way: Way) -> Line:
        """Return the line of a measurement."""
        place = self._places[way.engine]
        database_url = place.filled_url
        if way.is_open and not self._closed_rate:
            self._say(f"{name}: measuring the closed loop first, for its rate")
            self.measure(name, replace(way, is_open=False))
        baseline = self._baseline(way)
        before = sums_of(database_url)
        switch = self._next_switch()
        self._say(f"{name}: {self._seconds:g} s")
        with self._serving(database_url, way) as (url, server_id):
            watched = self._load(self._order(url, switch, way), way.through)
        self._say(f"{name}: reconciling the books")
        books = reconcile(database_url, before, switch, watched.report.acknowledged)
        return self._line(name, way, watched, server_id, baseline, books)

    def lone(self, name: str) -> Line:
        """Return the line of one client that asks alone, on each engine: its value is the worse of the medians."""
        found = {
            engine: self.measure(f"{name} ({engine})", Way(engine, connections=1, calls_each=1, is_alone=True))
            for engine in self._places
        }
        slowest = max(found.values(), key=lambda line: line["p50_ms"])
        problems = [problem for line in found.values() for problem in line["books"].get("problems", [])]
        is_reconciled = all(line["books"]["reconciled"] for line in found.values())
        return {
            **slowest,
            "name": name,
            "value": slowest["p50_ms"],
            "unit": "ms",
            "durable": {engine: line["durable"] for engine, line in found.items()},
            "median_ms": {engine: line["p50_ms"] for engine, line in found.items()},
            "books": {
                "reconciled": is_reconciled,
                **{engine: line["books"] for engine, line in found.items()},
                "problems": problems,
            },
        }

    def _order(self, url: str, switch: str, way: Way) -> LoadOrder:
        return LoadOrder(
            url=url,
            switch=switch,
            seconds=self._seconds,
            warm_up_seconds=self._warm_up_seconds,
            organizations=self._places[way.engine].shape.organizations,
            connections=way.connections,
            calls_each=way.calls_each,
            rate=self._closed_rate * OPEN_SHARE if way.is_open else 0.0,
            is_batch=way.is_batch,
            is_hot=way.is_hot,
        )

    def _next_switch(self) -> str:
        """Return a name that no call of this database has had: measurements share one."""
        self._count += 1
        return f"bench{self._count}"

    @contextmanager
    def _serving(self, database_url: str, way: Way) -> Iterator[tuple[str, int | None]]:
        if way.through == "inprocess":
            yield database_url, None
            return
        is_diameter = way.through == "diameter"
        with serving(database_url, processes=way.server_processes, by_diameter=is_diameter) as served:
            yield served.diameter_url if is_diameter else served.url, served.process_id

    def _load(self, order: LoadOrder, through: str) -> Watched:
        seen: dict[str, Processes] = {}
        told = run_load(through, asdict(order), lambda moment: seen.update({moment: processes.processes()}))
        return Watched(seen["begin"], seen["end"], report_of(told))

    def _baseline(self, way: Way) -> Line | None:
        """Measure the naive way just before; the one-function form beside it."""
        place = self._places.get("postgresql")
        naive = None if place is None or way.is_alone else place.naive(min(self._seconds, 5))
        if naive is None:
            return None
        self._say("measuring pgbench's naive transaction")
        form, name = ("one_hot_row", HOT_BASELINE_NAME) if way.is_hot else ("five_round_trips", BASELINE_NAME)
        value, one_function = naive.transactions_a_second(form), naive.transactions_a_second("one_function")
        return {"name": name, "value": value, "unit": "transactions/s", "one_function": one_function}

    def _line(
        self, name: str, way: Way, watched: Watched, server_id: int | None, baseline: Line | None, books: Books
    ) -> Line:
        place, report = self._places[way.engine], watched.report
        rate = lines.rate_of(report)
        if way == Way("postgresql"):
            self._closed_rate = rate
        problems = (
            [] if not report.unexpected else [f"{report.unexpected} answers that nobody expected: {report.samples}"]
        )
        told = books.document if not problems else {**books.document, "reconciled": False, "answers": problems}
        return {
            "name": name,
            "value": rate,
            "unit": "operations/s",
            **lines.latencies_ms(report.latencies),
            **lines.against(rate, baseline),
            "durable": databases.durability(place.url),
            "cpu_us": self._cpu(watched, server_id, place.server_id),
            "load_average": lines.load_average(),
            "also_ran_cores": self._also_ran(watched, place.server_id),
            "server_processes": way.server_processes,
            "connections": way.connections,
            "calls_open": way.connections * way.calls_each,
            "loop": "open" if way.is_open else "closed",
            "seconds": round(report.seconds, 2),
            "warm_up_seconds": self._warm_up_seconds,
            "operations": report.operations,
            "repeated": report.repeated,
            "load": asdict(place.shape),
            "books": told,
        }

    def _cpu(self, watched: Watched, server_id: int | None, database_id: int | None) -> Line:
        def took(root: int | None) -> float | None:
            if root is None:
                return None
            seconds = processes.seconds_between(watched.before, watched.after, root)
            return lines.cpu_us(seconds, watched.report.operations)

        load = lines.cpu_us(watched.report.cpu_seconds, watched.report.operations)
        if server_id is None:
            return {"server": load, "database": took(database_id), "load": None}
        return {"server": took(server_id), "database": took(database_id), "load": load}

    def _also_ran(self, watched: Watched, database_id: int | None) -> dict[str, float]:
        ours = [os.getpid(), *([] if database_id is None else [database_id])]
        return processes.foreign(watched.before, watched.after, ours, watched.report.seconds)
