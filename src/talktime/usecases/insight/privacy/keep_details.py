"""Keep call details no longer than the countries of an organization's users want, or than it wants itself (7.6)."""

from datetime import datetime

from talktime.core.insight.privacy.retention import RETENTIONS, kept_since
from talktime.core.organizations.organizations import Organization
from talktime.core.values.errors import Invalid
from talktime.core.values.frozen import frozen
from talktime.store.insight.privacy.call_details import DETAIL_TABLES
from talktime.store.insight.privacy.imported_details import Cutoffs, Place
from talktime.store.transaction import Transaction
from talktime.usecases.organizations.manage_organizations import LookAt, find_organization, lock_organization
from talktime.usecases.ports import Transact

# In one transaction: while serving, none may take longer than 50 ms.
CALLS_MAX = 500
# So many imported calls are looked through by one statement that holds nothing.
SEARCHED_MAX = 5_000
# A loop needs an end; what is left is taken by the next turn.
ROUNDS_MAX = 100_000
DAYS_MAX = 36_500


@frozen
class SetRetention:
    """For how many days an organization keeps call details; None for those of its users' countries."""

    organization: str
    days: int | None


@frozen
class RetentionShown:
    """An organization's own days, if any, and since when calls of users in each country are kept; '' is all others.

    `direct_kept_since` is of imported calls over one's own carriers.
    """

    organization: Organization
    days: int | None
    kept_since: dict[str, datetime]
    direct_kept_since: dict[str, datetime]


@frozen
class _Outdated:
    organization: Organization
    table_name: str
    kept_since: dict[str, datetime]
    after: str


@frozen
class _Anonymized:
    organization_id: int
    keys: tuple[str, ...]


@frozen
class _OutdatedImported:
    shown: RetentionShown
    after: Place | None


@frozen
class _AnonymizedImported:
    organization_id: int
    identities: tuple[bytes, ...]


def show_retention(tx: Transaction, request: LookAt) -> RetentionShown:
    """Return for how long details are kept; raise NotFound."""
    return _shown(tx, find_organization(tx, request.name), request.at)


def set_retention(tx: Transaction, request: SetRetention) -> Organization:
    """Write an organization's own days; raise NotFound, or Invalid for no number of days."""
    if request.days is not None and not 0 < request.days <= DAYS_MAX:
        message = f"details are kept for 1 to {DAYS_MAX:,} days, not {request.days:,}"
        raise Invalid(message, code="days")
    organization = lock_organization(tx, request.organization)
    tx.insight.retentions.set_days(organization.organization_id, request.days)
    return organization


def anonymize_outdated(run: Transact, read: Transact, request: LookAt) -> int:
    """Take everybody out of calls of one organization that are too old, page by page; return how many rows changed."""
    shown = read(show_retention, request)
    changed = 0
    for table_name in DETAIL_TABLES:
        after = ""
        for _ in range(ROUNDS_MAX):
            keys = read(_outdated, _Outdated(shown.organization, table_name, shown.kept_since, after))
            if not keys:
                break
            changed += run(_anonymize, _Anonymized(shown.organization.organization_id, tuple(keys)))
            after = keys[-1]
    return changed + _anonymize_imported(run, read, shown)


def _anonymize_imported(run: Transact, read: Transact, shown: RetentionShown) -> int:
    """Search page by page, holding nothing, and change what was found: no call is looked at twice."""
    organization_id = shown.organization.organization_id
    changed, after = 0, None
    for _ in range(ROUNDS_MAX):
        identities, after = read(_outdated_imported, _OutdatedImported(shown, after))
        for first in range(0, len(identities), CALLS_MAX):
            some = tuple(identities[first : first + CALLS_MAX])
            changed += run(_anonymize_some, _AnonymizedImported(organization_id, some))
        if after is None:
            break
    return changed


def _shown(tx: Transaction, organization: Organization, at: datetime) -> RetentionShown:
    days = tx.insight.retentions.days(organization.organization_id)
    countries = ("", *RETENTIONS) if days is None else ("",)
    since = {country: kept_since(at, country, days) for country in countries}
    direct = {country: kept_since(at, country, days, is_direct=True) for country in countries}
    return RetentionShown(organization, days, since, direct)


def _outdated(tx: Transaction, request: _Outdated) -> list[str]:
    own = request.organization
    cutoffs = request.kept_since
    return tx.insight.call_details.outdated(
        request.table_name, own.organization_id, own.country, cutoffs, after=request.after, rows_max=CALLS_MAX
    )


def _anonymize(tx: Transaction, request: _Anonymized) -> int:
    tx.organizations.lock_id(request.organization_id)
    return tx.insight.call_details.anonymize(request.organization_id, request.keys)


def _outdated_imported(tx: Transaction, request: _OutdatedImported) -> tuple[list[bytes], Place | None]:
    own, details = request.shown.organization, tx.insight.imported_details
    cutoffs = Cutoffs(request.shown.kept_since, request.shown.direct_kept_since)
    stretch = details.stretch_after(own.organization_id, request.after, SEARCHED_MAX, before=cutoffs.newest)
    return details.outdated(own.organization_id, own.country, cutoffs, stretch), stretch.last


def _anonymize_some(tx: Transaction, request: _AnonymizedImported) -> int:
    tx.organizations.lock_id(request.organization_id)
    return tx.insight.imported_details.anonymize(request.organization_id, request.identities)
