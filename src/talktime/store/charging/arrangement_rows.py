"""Rows of arrangements and the core's values: settings as JSON, license counts as rows."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from talktime.core.organizations.arrangements import Arrangements, Caps, Overage, Stops
from talktime.core.organizations.licenses import License
from talktime.core.organizations.policies import ANYWHERE, policy_named
from talktime.store.charging.rows import Row


def arrangements_of(
    revision: int, settings: str | None, purchased: Sequence[Row], assigned: Sequence[Row]
) -> Arrangements:
    """Translate settings (JSON), rows (license, quantity) and rows (license, country, users)."""
    told: Mapping[str, Any] = json.loads(settings) if settings else {}
    caps = told.get("caps", {})
    return Arrangements(
        revision,
        {License(license_): quantity for license_, quantity in purchased},
        {(License(license_), country): users_count for license_, country, users_count in assigned},
        policy_named(told["policy"]) if "policy" in told else ANYWHERE,
        Caps(
            caps.get("each_user_micros"),
            {int(user_id): micros for user_id, micros in caps.get("by_user_micros", {}).items()},
            caps.get("by_department_micros", {}),
        ),
        Stops(**told.get("stops", {})),
        Overage(**told.get("overage", {})),
        **told.get("choices", {}),
    )


def settings_of(state: Arrangements) -> str:
    """Return the settings as JSON, less the counts, which are tables."""
    caps, overage, stops = state.caps, state.overage, state.stops
    return json.dumps(
        {
            "policy": state.policy.name,
            "caps": {
                "each_user_micros": caps.each_user_micros,
                "by_user_micros": {str(user_id): micros for user_id, micros in caps.by_user_micros.items()},
                "by_department_micros": dict(caps.by_department_micros),
            },
            "stops": {
                "calls_per_hour": stops.calls_per_hour,
                "highest_nanos_per_minute": stops.highest_nanos_per_minute,
            },
            "overage": {"is_on": overage.is_on, "limit_per_month_micros": overage.limit_per_month_micros},
            "choices": {
                "is_calling_plan_required": state.is_calling_plan_required,
                "is_plan_ended_by_either_counter": state.is_plan_ended_by_either_counter,
                "uses_plan_after_conference_minutes": state.uses_plan_after_conference_minutes,
            },
        },
        ensure_ascii=False,
        separators=(",", ":"),
    )
