"""Imported calls for tests."""

from datetime import UTC, datetime, timedelta
from typing import Any

from talktime.core.insight.importing.imported_calls import ImportedCall, UsageKind
from talktime.core.insight.importing.reading import direction_of

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


def a_call(kind: UsageKind = UsageKind.USER_OUT, **more: Any) -> ImportedCall:
    stated = {"started_at": NOON, "used_seconds": 60, "called": "442079460000"} | more
    stated.setdefault("ended_at", stated["started_at"] + timedelta(seconds=stated["used_seconds"]))
    return ImportedCall(kind, direction_of(kind), **stated)
