from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from talktime.core.calls.calls import CallKind, PaysFrom
from talktime.core.insight.exporting.filter_texts import document_of, filter_text, read_filter
from talktime.core.insight.reports.filters import Direction, UsageFilter
from talktime.core.insight.usage import EARLIEST, LATEST
from talktime.core.values.periods import Period

names = st.frozensets(st.text(max_size=5), max_size=3)
filters = st.builds(
    UsageFilter,
    st.sampled_from([Period(EARLIEST, LATEST), Period(datetime(2026, 3, 1, tzinfo=UTC), LATEST)]),
    user_ids=st.frozensets(st.integers(1, 9), max_size=3),
    departments=names,
    kinds=st.frozensets(st.sampled_from(CallKind), max_size=3),
    direction=st.none() | st.sampled_from(Direction),
    destinations=names,
    capabilities=names,
    paid_by=st.frozensets(st.sampled_from(PaysFrom), max_size=3),
    cost_min_micros=st.none() | st.integers(0, 10**12),
    cost_max_micros=st.none() | st.integers(0, 10**12),
    text=st.text(max_size=8),
    is_uncovered=st.booleans(),
)


@given(shown=filters)
def test_a_filter_is_read_as_it_was_written(shown: UsageFilter) -> None:
    assert read_filter(filter_text(shown)) == shown


def test_what_holds_always_is_not_told() -> None:
    assert document_of(UsageFilter(Period(EARLIEST, LATEST))) == {}
