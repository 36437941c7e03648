"""Read usage rows, dial-outs, attempts and blocked users of one organization for a program, a page at a time."""

from collections.abc import Iterator
from datetime import datetime
from heapq import merge
from itertools import islice

from talktime.core.calls.calls import text_of
from talktime.core.insight.call_records.attempts import Attempt
from talktime.core.insight.call_records.dial_outs import CalledByMeetings, DialOutKey, DialOutLine, dial_outs
from talktime.core.insight.reports.filters import UsageFilter
from talktime.core.insight.reports.paging import UsagePage, UsagePlace
from talktime.core.insight.reports.watermarks import watermark_of
from talktime.core.organizations.organizations import Organization
from talktime.core.organizations.users import User
from talktime.core.values.frozen import frozen
from talktime.core.values.periods import Period
from talktime.store.instants import to_micros
from talktime.store.transaction import Transaction


@frozen
class ReadUsage:
    """Usage rows of calls that began in a period, in that order, behind a place."""

    organization: Organization
    period: Period
    rows_max: int
    at: datetime
    after: UsagePlace | None = None


@frozen
class UsageRead:
    """A page, and with the first one up to when the period is complete: who reads again later begins there."""

    page: UsagePage
    complete_until: datetime | None


@frozen
class ReadAttempts:
    """Attempts that began in a period, in that order, behind a start (microseconds since 1970) and a call key."""

    organization: Organization
    period: Period
    rows_max: int
    after: tuple[int, str] | None = None


@frozen
class AttemptsPage:
    """Attempts, and behind which place there are more; None where there are not."""

    attempts: tuple[Attempt, ...]
    last: tuple[int, str] | None


@frozen
class ReadDialOuts:
    """Lines of the dial-out usage of calls that began in a period, behind a line."""

    organization: Organization
    period: Period
    rows_max: int
    after: DialOutKey | None = None


@frozen
class DialOutsPage:
    """Lines, and behind which one there are more; None where there are not."""

    lines: tuple[DialOutLine, ...]
    last: DialOutKey | None


@frozen
class ReadBlocked:
    """Users who were blocked in a period and are blocked now, in the order of their numbers, behind a user's number."""

    organization: Organization
    period: Period
    rows_max: int
    after: int = 0


@frozen
class BlockedUser:
    """Who may not call out, since when, and a telephone number of his; empty where he has none."""

    user: User
    blocked_at: datetime
    telephone_number: str


@frozen
class BlockedPage:
    """Blocked users, and behind which user's number there are more; None where there are not."""

    blocked: tuple[BlockedUser, ...]
    last: int | None


def read_usage(tx: Transaction, request: ReadUsage) -> UsageRead:
    """Return a page of usage rows; nothing that was written before it is passed over or read twice."""
    organization_id = request.organization.organization_id
    complete_until = None
    if request.after is None:
        # Before the rows: what is pending now and written by then is read; the other way round it would be missed.
        pending = tx.insight.reporting.pending(organization_id)
        complete_until = watermark_of(pending, request.period, request.at).complete_until
    page = tx.insight.usage_pages.page(
        organization_id, UsageFilter(request.period), after=request.after, rows_max=request.rows_max
    )
    return UsageRead(page, complete_until)


def read_attempts(tx: Transaction, request: ReadAttempts) -> AttemptsPage:
    """Return a page of what came in on trunks: calls that have ended and calls that were refused."""
    organization_id, most = request.organization.organization_id, request.rows_max + 1
    found = (
        read(organization_id, request.period, request.after, most)
        for read in (tx.call_records.ended, tx.call_records.refused)
    )
    attempts = tuple(islice(merge(*found, key=_attempt_place), most))
    page = attempts[: request.rows_max]
    return AttemptsPage(page, _attempt_place(page[-1]) if len(attempts) > len(page) else None)


def read_dial_outs(tx: Transaction, request: ReadDialOuts) -> DialOutsPage:
    """Return a page of the dial-out usage; each page adds the whole period up, for lines are few."""
    organization = request.organization
    called: Iterator[CalledByMeetings] = tx.call_records.dial_outs(organization.organization_id, request.period)
    lines = [
        line for line in dial_outs(called, organization.country) if request.after is None or line.key > request.after
    ]
    page = tuple(lines[: request.rows_max])
    return DialOutsPage(page, page[-1].key if len(lines) > len(page) else None)


def read_blocked(tx: Transaction, request: ReadBlocked) -> BlockedPage:
    """Return a page of users who may not call out; of a block that was lifted nothing is kept."""
    organization_id = request.organization.organization_id
    found = sorted(
        (user.user_id, user, at)
        for user, at in tx.restrictions.blocked(organization_id)
        if at is not None and request.period.contains(at) and user.user_id > request.after
    )
    page = found[: request.rows_max]
    numbers = tx.call_records.telephone_numbers(organization_id, [user_id for user_id, _, _ in page])
    blocked = tuple(BlockedUser(user, at, numbers.get(user_id, "")) for user_id, user, at in page)
    return BlockedPage(blocked, page[-1][0] if len(found) > len(page) else None)


def _attempt_place(attempt: Attempt) -> tuple[int, str]:
    return to_micros(attempt.started_at), text_of(attempt.key)
