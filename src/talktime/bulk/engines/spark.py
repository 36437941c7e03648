"""Rate on a Spark cluster: its executors run the same kernel, batch by batch, through `mapInArrow`."""

import os
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pyarrow as pa  # type: ignore[import-untyped]

from talktime.bulk.batches import BatchRater, batch_rater, rated_schema
from talktime.bulk.plans import RatingPlan
from talktime.core.rates.rated_calls import RatesInForce
from talktime.core.values.errors import Unavailable

_HOW_TO_INSTALL = (
    "rating on a Spark cluster needs PySpark and Java: `pip install 'talktime[cluster]'`, and a Java runtime of version"
    " 17 or newer, on this machine and on the executors"
)
try:
    from pyspark.errors import PySparkException  # type: ignore[import-not-found,unused-ignore]
    from pyspark.sql import DataFrame, SparkSession  # type: ignore[import-not-found,unused-ignore]
    from pyspark.sql.pandas.types import from_arrow_schema  # type: ignore[import-not-found,unused-ignore]
except ImportError as missing:
    raise Unavailable(_HOW_TO_INSTALL, code="spark_missing") from missing

# What is handed to the cluster at once by a program that streams; a cluster reads its own files by `rate_frame`.
ROWS_AT_ONCE = 2_000_000
_SETTINGS = {
    "spark.ui.enabled": "false",
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.execution.arrow.maxRecordsPerBatch": "131072",
    "spark.sql.execution.arrow.pyspark.enabled": "true",
}
# Masters that start their executors on this machine.
_HERE = "local"


@dataclass(frozen=True, slots=True)
class SparkEngine:
    """A cluster by its master: `spark://host:7077`, `yarn`, `local-cluster[2,1,1024]`."""

    master: str

    def rate(self, rates: RatesInForce, batches: Iterable[pa.RecordBatch], label: str = "") -> Iterator[pa.RecordBatch]:
        """Yield the batches' rows in their order, each with its calls' prices in further columns; raise Unavailable."""
        plan = batch_rater(rates, label).plan
        with spark_session(self.master) as spark:
            for table in _tables(batches):
                frame = rate_frame(spark, spark.createDataFrame(table), plan, table.schema, label)
                yield from frame.toArrow().cast(_plain(rated_schema(table.schema, label))).to_batches()


def rate_frame(
    spark: SparkSession, calls: DataFrame, plan: RatingPlan, schema: pa.Schema, label: str = ""
) -> DataFrame:
    """Return a frame of calls with their prices: nothing runs before the frame is written or read.

    The frame has the columns of `schema`, among them caller, called, started_at and used_seconds (bulk/batches.py).
    """
    sent = spark.sparkContext.broadcast(plan)
    made = from_arrow_schema(_plain(rated_schema(schema, label)))
    return calls.mapInArrow(_rater(sent, _plain(schema), label), made)


def _rater(sent: Any, schema: pa.Schema, label: str) -> Callable[[Iterator[pa.RecordBatch]], Iterator[pa.RecordBatch]]:
    """Return what an executor runs; the decks come with the broadcast, once for each of its processes."""

    def rate(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        rater = BatchRater(sent.value, label)
        for batch in batches:
            rated = rater.rate(pa.Table.from_batches([batch]).cast(schema).combine_chunks().to_batches()[0])
            yield from pa.Table.from_batches([rated]).cast(_plain(rated.schema)).to_batches()

    return rate


def _plain(schema: pa.Schema) -> pa.Schema:
    """Return a schema without dictionaries, which Spark does not know."""
    return pa.schema(
        [field.with_type(field.type.value_type) if pa.types.is_dictionary(field.type) else field for field in schema]
    )


def _tables(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.Table]:
    waiting: list[pa.RecordBatch] = []
    for batch in batches:
        waiting.append(batch)
        if sum(map(len, waiting)) >= ROWS_AT_ONCE:
            yield _table(waiting)
            waiting = []
    if any(map(len, waiting)):
        yield _table(waiting)


def _table(batches: list[pa.RecordBatch]) -> pa.Table:
    table = pa.Table.from_batches(batches)
    return table.cast(_plain(table.schema))


@contextmanager
def spark_session(master: str) -> Iterator[SparkSession]:
    """Open a session for as long as it is needed, or lend the one that is open; raise Unavailable if none starts."""
    running = SparkSession.getActiveSession()
    if running is not None:
        # Whoever opened it closes it: calls that are rated by two decks go through two engines at a time.
        yield running
        return
    # Executors that this machine starts must find what this program finds.
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    if master.startswith(_HERE):
        os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")
    builder = SparkSession.builder.master(master).appName("talktime rate")
    for name, value in _SETTINGS.items():
        builder = builder.config(name, value)
    try:
        spark = builder.getOrCreate()
    except (PySparkException, OSError) as failure:
        message = f"Spark at {master!r} does not start: {str(failure).splitlines()[0]}; {_HOW_TO_INSTALL}"
        raise Unavailable(message, code="spark_unavailable") from failure
    try:
        yield spark
    finally:
        spark.stop()
