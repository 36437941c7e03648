"""An Arrow batch of calls becomes a batch of rated calls: the same for every engine."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pyarrow as pa  # type: ignore[import-untyped]
from numpy.typing import NDArray

from talktime.bulk.columns import Int32, Int64, call_columns
from talktime.bulk.kernel import RatedColumns, rate_columns
from talktime.bulk.plans import NO_RATE, RATED, REASONS, RatingPlan, rating_plan
from talktime.core.rates.rated_calls import RatesInForce

# What a batch of calls must have; what else it has stays as it is.
CALL_FIELDS = (
    pa.field("caller", pa.string()),
    pa.field("called", pa.string()),
    pa.field("started_at", pa.timestamp("us", "UTC")),
    pa.field("used_seconds", pa.int64()),
)
_WORDS = pa.dictionary(pa.int32(), pa.string())
# What is added, under these names with the label before them.
RATED_FIELDS = (
    pa.field("deck_version", pa.int64()),
    pa.field("prefix", _WORDS),
    pa.field("origin_prefix", _WORDS),
    pa.field("destination", _WORDS),
    pa.field("billed_seconds", pa.int64()),
    pa.field("cost_micros", pa.int64()),
    pa.field("not_rated", _WORDS),
)


@dataclass(frozen=True)
class BatchRater:
    """Decks made ready, and the names of their rates as Arrow's dictionaries."""

    plan: RatingPlan
    label: str = ""

    def rate(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Return the batch with its calls' prices beside them; where there is none, `not_rated` says why."""
        return self.beside(batch, rate_columns(self.plan, call_columns(batch)))

    def beside(self, batch: pa.RecordBatch, rated: RatedColumns) -> pa.RecordBatch:
        """Return the batch with what became of its calls in further columns."""
        has_none = rated.rate == NO_RATE
        is_unrated = rated.reason != RATED
        columns = (
            pa.array(self._versions.take(rated.rate), mask=has_none),
            *(words.of(rated.rate, has_none) for words in self._words),
            pa.array(rated.billed_seconds, mask=is_unrated),
            pa.array(rated.cost_micros, mask=is_unrated),
            pa.DictionaryArray.from_arrays(
                pa.array(rated.reason.astype(np.int32) - 1, mask=~is_unrated), self._reasons
            ),
        )
        return pa.RecordBatch.from_arrays([*batch.columns, *columns], schema=rated_schema(batch.schema, self.label))

    @cached_property
    def _versions(self) -> Int64:
        numbers = self.plan.in_force.numbers
        named = [0 if rate is None else numbers.get(rate[0], rate[0]) for rate in self.plan.rates]
        return np.array(named, dtype=np.int64)

    @cached_property
    def _words(self) -> "tuple[_Words, _Words, _Words]":
        rates = [None if each is None else each[1] for each in self.plan.rates]
        return (
            _words_of(["" if rate is None else rate.prefix for rate in rates]),
            _words_of(["" if rate is None else rate.origin_prefix for rate in rates]),
            _words_of(["" if rate is None else rate.destination for rate in rates]),
        )

    @cached_property
    def _reasons(self) -> pa.Array:
        return pa.array([reason.value for reason in REASONS])


@dataclass(frozen=True, slots=True)
class _Words:
    """What each rate of a plan is called: a word stands once, however many rates it names."""

    number: Int32
    words: pa.Array

    def of(self, rates: Int32, has_none: NDArray[np.bool_]) -> pa.DictionaryArray:
        return pa.DictionaryArray.from_arrays(pa.array(self.number.take(rates), mask=has_none), self.words)


def _words_of(names: Sequence[str]) -> _Words:
    numbers: dict[str, int] = {}
    number = np.array([numbers.setdefault(name, len(numbers)) for name in names], dtype=np.int32)
    return _Words(number, pa.array(numbers, pa.string()))


def batch_rater(rates: RatesInForce, label: str = "") -> BatchRater:
    """Make decks ready to rate batches; raise Invalid for one that bulk rating cannot hold."""
    return BatchRater(rating_plan(rates), label)


def rated_schema(schema: pa.Schema, label: str = "") -> pa.Schema:
    """Return what a batch of such a schema becomes."""
    return pa.schema([*schema, *(field.with_name(label + field.name) for field in RATED_FIELDS)])
