"""A filter as it is kept and told: a JSON document, in which a condition that holds always does not stand."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from talktime.core.calls.calls import CallKind, PaysFrom
from talktime.core.insight.reports.filters import Direction, UsageFilter
from talktime.core.values.periods import Period


def filter_text(shown: UsageFilter) -> str:
    """Write a filter, equal ones alike."""
    period = {"startsAt": shown.period.starts_at.isoformat(), "endsAt": shown.period.ends_at.isoformat()}
    return json.dumps({**period, **document_of(shown)}, ensure_ascii=False, sort_keys=True)


def read_filter(text: str) -> UsageFilter:
    """Read what `filter_text` wrote."""
    document: Mapping[str, Any] = json.loads(text)
    direction = document.get("direction")
    return UsageFilter(
        Period(*(datetime.fromisoformat(document[name]) for name in ("startsAt", "endsAt"))),
        user_ids=frozenset(document.get("userIds", ())),
        departments=frozenset(document.get("departments", ())),
        kinds=frozenset(map(CallKind, document.get("kinds", ()))),
        direction=None if direction is None else Direction(direction),
        destinations=frozenset(document.get("destinations", ())),
        capabilities=frozenset(document.get("capabilities", ())),
        paid_by=frozenset(map(PaysFrom, document.get("paidBy", ()))),
        cost_min_micros=document.get("costMinMicros"),
        cost_max_micros=document.get("costMaxMicros"),
        text=document.get("text", ""),
        is_uncovered=document.get("isUncovered", False),
    )


def document_of(shown: UsageFilter) -> dict[str, object]:
    """Return the conditions, without the period, as JSON has them."""
    conditions: dict[str, object] = {
        "userIds": sorted(shown.user_ids),
        "departments": sorted(shown.departments),
        "kinds": sorted(kind.value for kind in shown.kinds),
        "direction": None if shown.direction is None else shown.direction.value,
        "destinations": sorted(shown.destinations),
        "capabilities": sorted(shown.capabilities),
        "paidBy": sorted(source.value for source in shown.paid_by),
        "text": shown.text or None,
    }
    told = {name: condition for name, condition in conditions.items() if condition}
    if shown.is_uncovered:
        told["isUncovered"] = True
    # No cost at all is a condition, too.
    costs = {"costMinMicros": shown.cost_min_micros, "costMaxMicros": shown.cost_max_micros}
    return told | {name: micros for name, micros in costs.items() if micros is not None}
