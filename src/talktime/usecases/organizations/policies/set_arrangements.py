"""Set the stops that end abuse before it costs much, and the choices that charging leaves to an organization."""

from dataclasses import replace
from enum import Enum

from talktime.core.organizations.arrangements import Arrangements, Stops
from talktime.core.organizations.organizations import Organization
from talktime.core.values.errors import Invalid
from talktime.core.values.frozen import frozen
from talktime.store.transaction import Transaction
from talktime.usecases.organizations.manage_organizations import find_organization, lock_organization

CALLS_PER_HOUR_MAX = 1_000_000
# What no destination costs: more is a mistake.
NANOS_PER_MINUTE_MAX = 10**15


class Stop(Enum):
    """What can end a user's calls before they cost much."""

    CALLS_PER_HOUR = "calls-per-hour"
    HIGH_COST = "high-cost"


@frozen
class SetStops:
    """Stops to set, or to switch off; None stays as it is."""

    organization: str
    calls_per_hour: int | None = None
    highest_nanos_per_minute: int | None = None
    off: frozenset[Stop] = frozenset()


@frozen
class SetChoices:
    """What an organization chooses; None stays as it is."""

    organization: str
    is_calling_plan_required: bool | None = None
    is_plan_ended_by_either_counter: bool | None = None
    uses_plan_after_conference_minutes: bool | None = None


@frozen
class Arranged:
    """An organization and what it has arranged."""

    organization: Organization
    arrangements: Arrangements


def show_arrangements(tx: Transaction, organization: str) -> Arranged:
    """Return what an organization has arranged."""
    found = find_organization(tx, organization)
    return Arranged(found, tx.arrangements.of(found.organization_id))


def set_stops(tx: Transaction, request: SetStops) -> Arranged:
    """Set stops; raise Invalid for one that could stop nothing, or that is set and switched off at once."""
    _check(request)
    organization = lock_organization(tx, request.organization)
    before = tx.arrangements.of(organization.organization_id)
    stops = Stops(
        None if Stop.CALLS_PER_HOUR in request.off else _or(request.calls_per_hour, before.stops.calls_per_hour),
        None
        if Stop.HIGH_COST in request.off
        else _or(request.highest_nanos_per_minute, before.stops.highest_nanos_per_minute),
    )
    return _saved(tx, organization, replace(before, stops=stops))


def set_choices(tx: Transaction, request: SetChoices) -> Arranged:
    """Set choices."""
    organization = lock_organization(tx, request.organization)
    before = tx.arrangements.of(organization.organization_id)
    named = ("is_calling_plan_required", "is_plan_ended_by_either_counter", "uses_plan_after_conference_minutes")
    stated = {name: value for name in named if (value := getattr(request, name)) is not None}
    return _saved(tx, organization, replace(before, **stated))


def _saved(tx: Transaction, organization: Organization, after: Arrangements) -> Arranged:
    tx.arrangements.save_settings(organization.organization_id, after)
    return Arranged(organization, after)


def _check(request: SetStops) -> None:
    calls, nanos = request.calls_per_hour, request.highest_nanos_per_minute
    if calls is not None and not 1 <= calls <= CALLS_PER_HOUR_MAX:
        message = f"{calls} calls an hour are no stop: write 1 to {CALLS_PER_HOUR_MAX:,}, or block the user"
        raise Invalid(message, code="calls_per_hour")
    if nanos is not None and not 0 <= nanos <= NANOS_PER_MINUTE_MAX:
        raise Invalid("a highest price per minute is 0 or more, such as 1.50", code="high_cost")
    both = {Stop.CALLS_PER_HOUR: calls, Stop.HIGH_COST: nanos}
    twice = [stop.value for stop in request.off if both[stop] is not None]
    if twice:
        raise Invalid(f"{', '.join(sorted(twice))} is set and switched off at once: say one of the two", code="stops")


def _or(stated: int | None, known: int | None) -> int | None:
    return known if stated is None else stated
