"""Up to when a report is complete, and the name of what it shows: the same name, the same rows (money.md 72)."""

from collections.abc import Iterable
from datetime import datetime
from hashlib import sha256

from talktime.core.calls.finishing import CLOCK_TOLERANCE
from talktime.core.insight.reports.filters import UsageFilter
from talktime.core.insight.reports.groups import UsageSum
from talktime.core.values.frozen import frozen
from talktime.core.values.periods import Period

_ID_CHARACTERS = 16


@frozen
class Pending:
    """What can still add usage rows: open calls, and parked reports, with the earliest start that each may have.

    A report is counted with its organization's; one of a call that nobody knows may be anybody's, and counts for all.
    """

    open_calls_count: int = 0
    oldest_open_at: datetime | None = None
    parked_count: int = 0
    oldest_parked_at: datetime | None = None


@frozen
class Watermark:
    """Every row of a call that began before `complete_until` is there, unless somebody corrects, replays or imports.

    It is never later than the period's end: `is_whole` tells that the period is complete.
    """

    complete_until: datetime
    is_whole: bool
    pending: Pending


def watermark_of(pending: Pending, period: Period, now: datetime) -> Watermark:
    """Return how far a period's report is complete, by what was pending at `now`."""
    # A switch's clock may be behind: what it started just now may not be known yet.
    bounds = [now - CLOCK_TOLERANCE, period.ends_at]
    bounds += [at for at in (pending.oldest_open_at, pending.oldest_parked_at) if at is not None]
    complete_until = max(min(bounds), period.starts_at)
    return Watermark(complete_until, complete_until >= period.ends_at, pending)


def snapshot_id(organization_id: int, shown: UsageFilter, watermark: Watermark, sums: Iterable[UsageSum]) -> str:
    """Return the name of what a report shows: of its conditions, its watermark, and what its rows come to.

    Rows are never rewritten, so that the same name stands for the same rows. Names of people are today's.
    """
    parts = [str(organization_id), *_conditions(shown), watermark.complete_until.isoformat()]
    parts += sorted("/".join(map(str, _figures(each))) for each in sums)
    return sha256("\n".join(parts).encode()).hexdigest()[:_ID_CHARACTERS]


def _figures(each: UsageSum) -> tuple[object, ...]:
    money = (each.currency, each.cost_micros, each.uncovered_micros)
    return (each.group, each.calls, each.rows, each.used_seconds, each.billed_seconds, *money)


def _conditions(shown: UsageFilter) -> list[str]:
    """Write the conditions so that equal filters are written alike."""
    return [
        *(instant.isoformat() for instant in shown.period),
        _listed(map(str, shown.user_ids)),
        _listed(shown.departments),
        _listed(kind.value for kind in shown.kinds),
        "" if shown.direction is None else shown.direction.value,
        _listed(shown.destinations),
        _listed(shown.capabilities),
        _listed(source.value for source in shown.paid_by),
        f"{shown.cost_min_micros}..{shown.cost_max_micros}",
        shown.text.strip(),
        str(shown.is_uncovered),
    ]


def _listed(values: Iterable[str]) -> str:
    return repr(sorted(values))
