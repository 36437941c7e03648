"""Rate on this machine: on all cores of one process, or in a pool of processes."""

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context

import pyarrow as pa  # type: ignore[import-untyped]

from talktime.bulk.batches import CALL_FIELDS, batch_rater
from talktime.bulk.columns import ANSWERED_AT, call_columns
from talktime.bulk.kernel import RatedColumns, rate_columns
from talktime.bulk.plans import RatingPlan
from talktime.core.rates.rated_calls import RatesInForce

# Batches that wait for a core, for each: enough that none is idle, and few enough that memory stays bounded.
WAITING_FOR_EACH = 2
_NEEDED = {ANSWERED_AT, *(field.name for field in CALL_FIELDS)}
_Rate = Callable[[pa.RecordBatch], RatedColumns]


@dataclass(frozen=True, slots=True)
class LocalEngine:
    """One process, whose threads rate while numpy lets go of the interpreter; or so many processes."""

    processes: int = 1

    def rate(self, rates: RatesInForce, batches: Iterable[pa.RecordBatch], label: str = "") -> Iterator[pa.RecordBatch]:
        """Yield the batches in their order, each with its calls' prices in further columns."""
        rater = batch_rater(rates, label)
        if self.processes == 1:
            workers = os.cpu_count() or 1
            pool: Executor = ThreadPoolExecutor(workers)
            rate: _Rate = partial(_rate_by, rater.plan)
        else:
            # Not forked: a thread of Arrow's may hold a lock at that moment.
            workers, fresh = self.processes, get_context("spawn")
            pool = ProcessPoolExecutor(workers, mp_context=fresh, initializer=_prepare, initargs=(rater.plan,))
            rate = _rate
        with pool:
            for batch, rated in _in_order(pool, workers, rate, batches):
                yield rater.beside(batch, rated)


def _in_order(
    pool: Executor, workers: int, rate: _Rate, batches: Iterable[pa.RecordBatch]
) -> Iterator[tuple[pa.RecordBatch, RatedColumns]]:
    """Keep the workers busy, and yield what they made in the order of the batches."""
    waiting: deque[tuple[pa.RecordBatch, Future[RatedColumns]]] = deque()
    for batch in batches:
        waiting.append((batch, pool.submit(rate, _needed(batch))))
        if len(waiting) > workers * WAITING_FOR_EACH:
            first, made = waiting.popleft()
            yield first, made.result()
    for last, made in waiting:
        yield last, made.result()


def _needed(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Return what rating needs of a batch; to another process nothing else is sent."""
    return batch.select([name for name in batch.schema.names if name in _NEEDED])


# What a process of the pool was given when it began: a deck is sent once, and not with every batch.
_given: list[RatingPlan] = []


def _prepare(plan: RatingPlan) -> None:
    _given.append(plan)


def _rate(batch: pa.RecordBatch) -> RatedColumns:
    return _rate_by(_given[0], batch)


def _rate_by(plan: RatingPlan, batch: pa.RecordBatch) -> RatedColumns:
    return rate_columns(plan, call_columns(batch))
