"""Rows of what organizations have arranged: settings as JSON, license counts as tables."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, delete, func, insert, select, update

from talktime.core.organizations.arrangements import Arrangements, Caps, Overage, Stops
from talktime.core.organizations.licensing.licenses import License
from talktime.core.organizations.policies import ANYWHERE, POLICIES
from talktime.store.charging.rows import Row
from talktime.store.schema import arrangements, license_counts, license_purchases, organizations, users


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
        POLICIES.get(told.get("policy", ""), ANYWHERE),
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


class ArrangementRows:
    """What organizations have bought, assigned and ruled; every change is a new revision of the organization."""

    def __init__(self, connection: Connection) -> None:
        """Work on an open transaction, in which the organization's row is held before anything is changed."""
        self._connection = connection

    def of(self, organization_id: int) -> Arrangements:
        """Return an organization's arrangements."""
        revision = self._connection.scalar(
            select(organizations.c.arrangements_revision).where(organizations.c.organization_id == organization_id)
        )
        settings = self._connection.scalar(
            select(arrangements.c.settings).where(arrangements.c.organization_id == organization_id)
        )
        purchased = self._connection.execute(
            select(license_purchases.c.license, license_purchases.c.quantity).where(
                license_purchases.c.organization_id == organization_id
            )
        )
        assigned = self._connection.execute(
            select(license_counts.c.license, license_counts.c.country, license_counts.c.users_count).where(
                license_counts.c.organization_id == organization_id
            )
        )
        return arrangements_of(revision or 0, settings, list(map(tuple, purchased)), list(map(tuple, assigned)))

    def save_settings(self, organization_id: int, state: Arrangements) -> None:
        """Write the policy, caps, stops, overage and choices; counts have their own verbs."""
        self._connection.execute(delete(arrangements).where(arrangements.c.organization_id == organization_id))
        self._connection.execute(
            insert(arrangements), {"organization_id": organization_id, "settings": settings_of(state)}
        )
        self._revise(organization_id)

    def set_purchased(self, organization_id: int, license_: License, quantity: int) -> None:
        """Write how many of a license were bought; 0 where none are."""
        self._connection.execute(
            delete(license_purchases).where(
                license_purchases.c.organization_id == organization_id, license_purchases.c.license == license_.value
            )
        )
        if quantity:
            row = {"organization_id": organization_id, "license": license_.value, "quantity": quantity}
            self._connection.execute(insert(license_purchases), row)
        self._revise(organization_id)

    def recount(self, organization_id: int) -> None:
        """Count the licenses of all users anew, by usage location: after users or their licenses have changed."""
        alike = self._connection.execute(
            select(users.c.licenses, users.c.usage_location, func.count())
            .where(users.c.organization_id == organization_id)
            .group_by(users.c.licenses, users.c.usage_location)
        )
        counted: dict[tuple[int, str], int] = {}
        for held, country, users_count in alike:
            for license_ in License(held):
                key = (license_.value, country)
                counted[key] = counted.get(key, 0) + users_count
        self._connection.execute(delete(license_counts).where(license_counts.c.organization_id == organization_id))
        if counted:
            self._connection.execute(
                insert(license_counts),
                [
                    {
                        "organization_id": organization_id,
                        "license": license_,
                        "country": country,
                        "users_count": users_count,
                    }
                    for (license_, country), users_count in counted.items()
                ],
            )
        self._revise(organization_id)

    def _revise(self, organization_id: int) -> None:
        statement = update(organizations).where(organizations.c.organization_id == organization_id)
        self._connection.execute(statement.values(arrangements_revision=organizations.c.arrangements_revision + 1))
