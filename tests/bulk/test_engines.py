"""Engines rate alike: on threads of one process, in a pool of processes, and on a Spark cluster."""

import json
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from random import Random

import pyarrow as pa
import pytest

from talktime.bulk.batches import batch_rater
from talktime.bulk.engines.local import LocalEngine
from talktime.core.rates.rated_calls import NotRated, RatedCall, RatesInForce, rate_call
from talktime.core.values.errors import Unavailable
from tests.bulk.random_rates import random_calls, random_rates_in_force
from tests.bulk.rows import batch_of

SEED = 11


def rates_and_batches() -> tuple[RatesInForce, list[pa.RecordBatch]]:
    dice = Random(SEED)
    rates = random_rates_in_force(dice, absurd=0)
    return rates, [batch_of(list(random_calls(dice, rates, 300))) for _ in range(7)]


def test_a_rated_batch_says_what_the_scalar_core_says() -> None:
    dice = Random(SEED)
    rates = random_rates_in_force(dice, absurd=0)
    calls = list(random_calls(dice, rates, 500))

    rated = batch_rater(rates, "x_").rate(batch_of(calls)).to_pylist()

    for row, call in zip(rated, calls, strict=True):
        answer = rate_call(rates, call)
        told = tuple(row[f"x_{name}"] for name in ("not_rated", "deck_version", "prefix", "origin_prefix"))
        sums = (row["x_billed_seconds"], row["x_cost_micros"])
        if isinstance(answer, RatedCall):
            assert told == (None, answer.version_id, answer.rate.prefix, answer.rate.origin_prefix)
            assert sums == (answer.billed_seconds, answer.cost_micros)
            assert row["x_destination"] == answer.rate.destination
        else:
            assert isinstance(answer, NotRated)
            assert (told[0], sums) == (answer.value, (None, None))


def test_processes_rate_as_threads_do_and_in_the_same_order() -> None:
    rates, batches = rates_and_batches()

    threads = pa.Table.from_batches(LocalEngine().rate(rates, batches))
    processes = pa.Table.from_batches(LocalEngine(2).rate(rates, batches))

    assert len(threads) == 2_100
    assert processes.equals(threads)


def test_no_batch_gives_no_batch() -> None:
    rates, _ = rates_and_batches()

    assert list(LocalEngine().rate(rates, [])) == []


@pytest.mark.skipif(find_spec("pyspark") is not None, reason="PySpark is installed")
def test_without_pyspark_somebody_says_how_to_install_it() -> None:
    with pytest.raises(Unavailable, match=r"talktime\[cluster\]"):
        import talktime.bulk.engines.spark  # noqa: F401, PLC0415 -- it says so when it is imported


@pytest.mark.skipif(find_spec("pyspark") is None, reason="PySpark is not installed: the extra `cluster`")
@pytest.mark.skipif(shutil.which("java") is None, reason="Java is not installed, and Spark runs on it")
def test_a_spark_cluster_of_two_executors_rates_as_this_machine_does(repository: Path) -> None:
    program = [sys.executable, str(Path(__file__).with_name("on_spark.py")), "local-cluster[2,1,1024]", str(SEED)]

    # A process of its own: Java and its threads outlive a session.
    done = subprocess.run(program, cwd=repository, capture_output=True, text=True, timeout=280, check=False)

    assert done.returncode == 0, done.stderr[-2_000:]
    assert json.loads(done.stdout.splitlines()[-1]) == {"calls": 2_100, "equal": True}
