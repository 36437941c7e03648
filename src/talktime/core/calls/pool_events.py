"""What is told when a pool's minutes run out: at 80 % and at 100 % of what it has (domain.md 1.6)."""

from collections.abc import Mapping
from datetime import datetime

from talktime.core.calls.calls import Call
from talktime.core.calls.counting import meters
from talktime.core.calls.counting.meters import Meter, first_day_after
from talktime.core.calls.counting.pools import Pool, capacity_minutes, pool_of
from talktime.core.calls.requests import ChargingFacts
from talktime.core.organizations.country_table import in_force
from talktime.core.values.events import Event, EventKind

_THRESHOLDS = ((80, EventKind.POOL_LOW), (100, EventKind.POOL_EXHAUSTED))


def pool_events(
    facts: ChargingFacts, call: Call, moved: Mapping[str, Meter], balance_micros: int, at: datetime
) -> tuple[Event, ...]:
    """Tell of every pool whose used minutes have crossed a threshold; use only grows, so each is told once."""
    events: list[Event] = []
    for name, meter in moved.items():
        if meters.kind_of(name) != meters.POOL:
            continue
        before = facts.meter(call.setup.organization_id, name)
        if before.used == meter.used:
            continue
        pool = pool_of(name)
        organization = facts.organizations[call.setup.organization_id]
        table = in_force(facts.country_tables, call.setup.started_at)
        arrangements = facts.arranged(organization.organization_id)
        capacity = capacity_minutes(pool, arrangements, table, organization.country)
        events += [
            Event(
                organization.organization_id,
                f"{name}:{percent}:{capacity}",
                kind,
                at,
                balance_micros,
                _details(pool, percent, meter.used, capacity),
            )
            for percent, kind in _THRESHOLDS
            if before.used * 100 < percent * capacity <= meter.used * 100
        ]
    return tuple(events)


def _details(pool: Pool, percent: int, used: int, capacity: int) -> tuple[tuple[str, str], ...]:
    return (
        ("plan", pool.capability),
        ("country", pool.country),
        ("counter", pool.counter),
        ("renews_on", first_day_after(pool.month).isoformat()),
        ("percent", str(percent)),
        ("used_minutes", str(used)),
        ("total_minutes", str(capacity)),
    )
