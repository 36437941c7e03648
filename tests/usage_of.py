"""One usage row to begin with, for tests that change what they are about."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from talktime.core.calls.calls import CallKey, CallKind, Ending, Flags, PaysFrom
from talktime.core.calls.cdrs import UsageRow

STARTED_AT = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
_ROW = UsageRow(
    organization_id=1,
    key=CallKey("proxy", "call-1"),
    line=0,
    kind=CallKind.USER_OUT,
    user_id=5,
    conference_id="",
    caller="493012345678",
    called="442071838750",
    destination="United Kingdom",
    prefix="44",
    deck_version_id=None,
    started_at=STARTED_AT,
    answered_at=STARTED_AT,
    ended_at=STARTED_AT + timedelta(seconds=61),
    used_seconds=61,
    billed_seconds=120,
    connection_fee_micros=0,
    cost_micros=112_300,
    uncovered_micros=0,
    currency="EUR",
    paid_by=PaysFrom.CREDIT,
    ending=Ending.HANGUP,
    flags=Flags.NONE,
)


def usage_row(**changed: object) -> UsageRow:
    """Return a call of a minute and a second from Berlin to London, on credit, with what the test changes."""
    return replace(_ROW, **changed)  # type: ignore[arg-type]
