"""`talktime bench` in the small: what it measures, what it refuses, and that it finds books that do not agree.

Times are whatever they are here; nothing asserts one.
"""

import asyncio
import json
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import pytest

from benchmarks.__main__ import _parser
from talktime.core.values.errors import Conflict, Invalid
from talktime.interfaces.cli.bench.bench import Extent, bench, is_reconciled
from talktime.interfaces.cli.bench.charging import Duration
from talktime.interfaces.cli.bench.loads.http import Load
from talktime.interfaces.cli.bench.measuring import lines, processes
from talktime.interfaces.cli.bench.measuring.pgbench import find_pgbench
from talktime.interfaces.cli.bench.measuring.reconciling import audited, reconcile
from talktime.interfaces.cli.bench.measuring.reports import LoadOrder, percentile_ms, rounded
from talktime.interfaces.cli.bench.suite import Run, names_like, run_suite
from talktime.interfaces.cli.bench.view import view
from talktime.interfaces.cli.bench.world.deck import PREFIXES_COUNT, generated_rates
from talktime.interfaces.cli.bench.world.filling import PAST_SWITCH, Shape, fill
from talktime.interfaces.cli.terminal import out
from talktime.store.bench import databases
from talktime.store.bench.sums import Sums, charged_calls
from talktime.store.engine import open_engine

SHAPE = Shape(organizations=5, finished_calls=40, prefixes=300)
BRIEFLY = Duration(seconds=0.3, warm_up_seconds=0.3)
NOTHING = Sums(*[0] * len(Sums._fields))
LINE_FIELDS = {"value", "unit", "p50_ms", "p99_ms", "p999_ms", "baseline", "ratio", "durable", "cpu_us", "books"}


@pytest.fixture
def fresh_url(database_engine: str, tmp_path: Path, request: pytest.FixtureRequest) -> str:
    """Name a database that is not there yet."""
    if database_engine == "sqlite":
        return f"sqlite:///{tmp_path / 'bench.db'}"
    return _beside(request.getfixturevalue("database_url"))


def test_the_filled_database_is_sound_and_a_charge_without_a_word_or_a_word_without_a_charge_is_found(
    fresh_url: str,
) -> None:
    databases.create(fresh_url)
    fill(fresh_url, SHAPE, datetime.now(UTC), lambda _: None)
    charged = {call_id: cost for call_id, (_, cost) in _past_calls(fresh_url).items()}
    heard = dict(list(charged.items())[1:])

    audit = audited(fresh_url, datetime.now(UTC))
    agrees = reconcile(fresh_url, NOTHING, PAST_SWITCH, charged)
    unheard = reconcile(fresh_url, NOTHING, PAST_SWITCH, heard)
    invented = reconcile(fresh_url, NOTHING, PAST_SWITCH, {**charged, "another": 1})

    databases.drop(fresh_url)
    assert audit.problems == ()
    assert [audit.counts[name] for name in ("organizations", "credit_lots", "calls", "usage_rows")] == [5, 15, 40, 40]
    assert agrees.problems == ()
    assert "1 calls have a CDR whose end was never acknowledged" in unheard.problems
    assert any(problem.startswith("another was answered with 0.000001") for problem in invented.problems)
    assert any("usage rows grew by" in problem for problem in invented.problems)


@pytest.mark.parametrize("name", ["charging.http.sqlite", "charging.inprocess.sqlite"])
def test_sqlite_is_measured_and_its_books_agree(tmp_path: Path, name: str) -> None:
    run = Run((f"sqlite:///{tmp_path / 'bench.db'}",), SHAPE, BRIEFLY, name)

    line, audit = run_suite(run)

    assert line.keys() >= LINE_FIELDS
    assert line["name"] == name
    assert line["operations"] > 0
    assert line["durable"]["synchronous"] == "FULL"
    assert line["cpu_us"]["server"] > 0
    assert line["books"]["ends_acknowledged"] == line["books"]["cdrs"] > 0
    assert is_reconciled([line, audit])
    assert list(tmp_path.iterdir()) == []


@pytest.mark.postgresql
@pytest.mark.parametrize(
    "name",
    [
        "charging.http.postgresql.batch",
        "charging.diameter.postgresql",
    ],
)
def test_postgresql_is_measured_beside_pgbench_and_its_books_agree(
    postgresql_server: Any, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with postgresql_server.fresh_database() as url:
        run = Run((_beside(url),), SHAPE, BRIEFLY, name, audits=False)

        (line,) = run_suite(run)

    assert line.keys() >= LINE_FIELDS
    assert line["operations"] > 0
    assert {line["durable"][setting] for setting in ("fsync", "synchronous_commit", "full_page_writes")} == {"on"}
    assert (line["baseline"] is None) == (find_pgbench() is None)
    assert line["books"]["ends_acknowledged"] == line["books"]["cdrs"] > 0
    assert is_reconciled([line])
    assert "reconciling the books" in capsys.readouterr().err


def test_the_command_prints_json_lines_or_a_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    database = f"sqlite:///{tmp_path / 'bench.db'}"
    small = Extent(seconds=0.3, finished_calls=0, organizations=2)

    told = bench("quote.inprocess", database=database, extent=small)
    (line,) = map(json.loads, capsys.readouterr().out.splitlines())
    drawn = bench("quote.inprocess", database=database, table=True, extent=small)

    assert (told, drawn) == (0, 0)
    assert line["name"] == "quote.inprocess"
    assert "quotes/s" in capsys.readouterr().out


def test_books_that_do_not_agree_are_shouted(capsys: pytest.CaptureFixture[str]) -> None:
    line = {"name": "charging", "value": 1, "unit": "operations/s", "books": {"reconciled": False}}

    out().print(view([line]))

    assert not is_reconciled([line])
    assert "DO NOT AGREE" in capsys.readouterr().out


def test_a_database_that_holds_data_is_refused(migrated_database_url: str) -> None:
    run = Run((migrated_database_url,), SHAPE, BRIEFLY, "charging.inprocess")

    with pytest.raises(Conflict, match="holds data"):
        list(run_suite(run))


def test_a_name_that_nothing_has_is_refused_with_those_that_there_are() -> None:
    with pytest.raises(Invalid, match=r"charging\.http\.sqlite"):
        list(run_suite(Run(("sqlite://",), SHAPE, BRIEFLY, "warp drive")))


def test_a_whole_name_is_that_one_and_a_part_is_all_that_have_it() -> None:
    assert names_like("charging.http.postgresql") == ["charging.http.postgresql"]
    assert len(names_like("http.postgresql")) > 3


def test_in_an_open_loop_a_stalled_server_is_charged_for_everybody_who_waits() -> None:
    latencies = asyncio.run(_open_loop_against_a_server_that_answers_one_in_twenty_milliseconds())

    # 500 a second come, 50 are answered: the last one has waited for all before it, and says so.
    assert latencies.total() > 30
    assert max(latencies) > 5 * min(latencies)


def test_the_generated_deck_has_the_shape_of_the_real_one() -> None:
    rates = generated_rates()

    lengths = Counter(len(rate.prefix) for rate in rates)
    assert len({rate.prefix for rate in rates}) == PREFIXES_COUNT
    assert (lengths[1], lengths[2], lengths[7], lengths[9], lengths[11]) == (1, 46, 11_594, 7_117, 16)
    assert {step.increment_seconds for rate in rates for price in rate.prices for step in price.steps} == {6}


def test_latencies_are_counted_to_three_digits() -> None:
    counted = Counter({rounded(latency): 1 for latency in (1, 999, 12_345, 123_456)})

    assert sorted(counted) == [1, 999, 12_300, 123_000]
    assert percentile_ms(counted, 0.5) == 0.999
    assert percentile_ms(counted, 0.99) == 123.0
    assert lines.latencies_ms(Counter())["p50_ms"] == 0.0


def test_what_else_ran_is_named_and_what_is_ours_is_not() -> None:
    before = {1: _process(0, "init", 1.0), 2: _process(1, "ours", 1.0), 3: _process(1, "theirs", 1.0)}
    after = {**before, 2: _process(1, "ours", 2.0), 3: _process(1, "theirs", 3.0), 4: _process(2, "child", 1.0)}

    assert processes.foreign(before, after, [2], 2.0) == {"theirs": 1.0}
    assert processes.seconds_between(before, after, 2) == 2.0
    assert processes.seconds_between(before, after, 9) is None


async def _open_loop_against_a_server_that_answers_one_in_twenty_milliseconds() -> Counter[int]:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        body = b'{"result":"allow","charged":"0.01"}'
        while not reader.at_eof():
            # A request is one segment on this machine.
            if await reader.read(4_096):
                await asyncio.sleep(0.02)
                writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%b" % (len(body), body))
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    order = LoadOrder(f"http://127.0.0.1:{port}", "open", 0.3, 0.0, 1, connections=1, calls_each=1, rate=500)
    async with server:
        report = await Load(order).run()
    return report.latencies


def _past_calls(database_url: str) -> dict[str, tuple[int, int]]:
    engine = open_engine(database_url)
    charged = charged_calls(engine, PAST_SWITCH)
    engine.dispose()
    return {key.rpartition("|")[2]: found for key, found in charged.items()}


def _process(parent: int, name: str, seconds: float) -> processes.Process:
    return processes.Process(parent, name, seconds, 0.0)


def _beside(database_url: str) -> str:
    parts = urlsplit(database_url)
    return urlunsplit(parts._replace(path=f"{parts.path}_bench"))


def test_make_bench_measures_the_whole_load_unless_told_otherwise() -> None:
    options = _parser().parse_args([])

    assert Shape(options.organizations, options.finished_calls) == Shape(10_000, 1_000_000, 36_206)
