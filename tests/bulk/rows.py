"""Calls as a batch, and what became of them, in the words of the scalar core."""

from collections.abc import Sequence

import pyarrow as pa

from talktime.bulk.columns import call_columns
from talktime.bulk.kernel import RatedColumns, rate_columns
from talktime.bulk.plans import REASONS, RatingPlan
from talktime.core.rates.rated_calls import NotRated, RatedCall, RecordedUse


def batch_of(calls: Sequence[RecordedUse]) -> pa.RecordBatch:
    return pa.RecordBatch.from_pydict(
        {
            "caller": pa.array([call.caller for call in calls], pa.string()),
            "called": pa.array([call.called for call in calls], pa.string()),
            "started_at": pa.array([call.started_at for call in calls], pa.timestamp("us", "UTC")),
            "answered_at": pa.array([call.answered_at for call in calls], pa.timestamp("us", "UTC")),
            "used_seconds": pa.array([call.used_seconds for call in calls], pa.int64()),
        }
    )


def rated_in_bulk(plan: RatingPlan, calls: Sequence[RecordedUse], *, threads: int = 1) -> list[RatedCall | NotRated]:
    return answers_of(plan, rate_columns(plan, call_columns(batch_of(calls)), threads=threads))


def answers_of(plan: RatingPlan, rated: RatedColumns) -> list[RatedCall | NotRated]:
    return [
        _answer(plan, *map(int, row))
        for row in zip(rated.reason, rated.rate, rated.billed_seconds, rated.cost_micros, strict=True)
    ]


def _answer(plan: RatingPlan, reason: int, number: int, billed_seconds: int, cost_micros: int) -> RatedCall | NotRated:
    if reason:
        assert (billed_seconds, cost_micros) == (0, 0)
        return REASONS[reason - 1]
    named = plan.rates[number]
    assert named is not None
    return RatedCall(*named, billed_seconds, cost_micros)
