"""Add usage up: what calls cost by destination and by user, and what conferences dialed out, by organizer."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from talktime.core.calls.calls import FROM_CONFERENCE
from talktime.core.insight.privacy.masking import hidden_digits
from talktime.core.insight.reports.filters import UsageFilter
from talktime.core.insight.reports.groups import GroupBy, UsageSum
from talktime.core.insight.reports.report_tables import ReportTable
from talktime.core.insight.reports.usage_sums import by_destination, by_organizer, by_user
from talktime.core.insight.reports.watermarks import snapshot_id
from talktime.core.insight.usage import BY_MONEY
from talktime.core.values.frozen import frozen
from talktime.core.values.places import read_country
from talktime.store.transaction import Transaction
from talktime.usecases.insight.reports.asking import Asked, Conditions, ask

# No user has this number: so that a condition that nobody fulfills is not taken for none.
_NOBODY = 0


@frozen
class Reported:
    """A report, one table after the other, how far it is complete, and the name of what it shows."""

    asked: Asked
    tables: tuple[ReportTable, ...]
    snapshot: str


@frozen
class ReportDialOut:
    """Conferences' calls out; of organizers in a country, or of all. With users named, also where they dialed."""

    conditions: Conditions
    country: str = ""


def report_destinations(tx: Transaction, conditions: Conditions) -> Reported:
    """Return what credit and the bill paid, by destination; another `paid_by` shows what else there was."""
    asked = ask(tx, conditions)
    return _reported(tx, asked, _paid(asked.shown), lambda sums: by_destination(sums(GroupBy.DESTINATION)))


def report_users(tx: Transaction, conditions: Conditions) -> Reported:
    """Return what credit and the bill paid, by user."""
    asked = ask(tx, conditions)

    def table(sums: Callable[[GroupBy], list[UsageSum]]) -> ReportTable:
        found = sums(GroupBy.USER)
        return by_user(found, tx.insight.reporting.people(asked.organization.organization_id, _users(found)))

    return _reported(tx, asked, _paid(asked.shown), table)


def report_dial_out(tx: Transaction, request: ReportDialOut) -> Reported:
    """Return what conferences dialed out by organizer (domain.md 7.8), and of named ones where to."""
    asked = ask(tx, request.conditions)
    owner = asked.organization.organization_id
    shown = replace(asked.shown, kinds=FROM_CONFERENCE)
    if request.country:
        there = tx.insight.reporting.users_in(owner, read_country(request.country))
        user_ids = frozenset(there & asked.shown.user_ids if asked.shown.user_ids else there)
        shown = replace(shown, user_ids=user_ids or frozenset({_NOBODY}))

    def organizers(sums: Callable[[GroupBy], list[UsageSum]]) -> ReportTable:
        found = sums(GroupBy.USER)
        paid = _sums(tx, asked, _paid(shown))(GroupBy.USER)
        return by_organizer(found, paid, tx.insight.reporting.people(owner, _users(found)))

    reported = _reported(tx, asked, shown, organizers)
    if not request.conditions.users:
        return reported
    drilled = by_destination(_sums(tx, asked, shown)(GroupBy.DESTINATION))
    return replace(reported, tables=(*reported.tables, drilled))


def _paid(shown: UsageFilter) -> UsageFilter:
    return shown if shown.paid_by else replace(shown, paid_by=BY_MONEY)


def _sums(tx: Transaction, asked: Asked, shown: UsageFilter) -> Callable[[GroupBy | None], list[UsageSum]]:
    organization = asked.organization
    hidden = hidden_digits(organization.country)

    def sums(by: GroupBy | None) -> list[UsageSum]:
        pages = tx.insight.usage_pages
        return pages.sums(organization.organization_id, shown, by, zone=organization.zone, hidden_digits=hidden)

    return sums


def _reported(
    tx: Transaction,
    asked: Asked,
    shown: UsageFilter,
    table: Callable[[Callable[[GroupBy], list[UsageSum]]], ReportTable],
) -> Reported:
    sums = _sums(tx, asked, shown)
    snapshot = snapshot_id(asked.organization.organization_id, shown, asked.watermark, sums(None))
    return Reported(replace(asked, shown=shown), (table(sums),), snapshot)


def _users(sums: Sequence[UsageSum]) -> list[int]:
    return [each.group for each in sums if isinstance(each.group, int)]
