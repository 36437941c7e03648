"""How reports write instants."""

from datetime import UTC, datetime, timedelta, timezone

from hypothesis import given
from hypothesis import strategies as st

from talktime.core.insight.tables import format_instant


@given(
    instant=st.datetimes(
        datetime(1, 1, 2),  # noqa: DTZ001 -- the zones follow
        datetime(9999, 12, 30),  # noqa: DTZ001
        timezones=st.integers(-14, 14).map(lambda hours: timezone(timedelta(hours=hours))),
    )
)
def test_an_instant_is_written_in_utc_and_reads_back(instant: datetime) -> None:
    text = format_instant(instant)

    assert datetime.fromisoformat(text) == instant
    assert text == instant.astimezone(UTC).replace(tzinfo=None).isoformat() + "Z"
