"""Say which programs may read an organization's calls and credit, and end that."""

from dataclasses import replace
from datetime import datetime

from talktime.core.insight.access.applications import Application, Scope, checked_name, digest_of
from talktime.core.organizations.organizations import Organization
from talktime.core.values.errors import Conflict, Invalid, NotFound
from talktime.core.values.frozen import frozen
from talktime.store.transaction import Transaction
from talktime.usecases.organizations.manage_organizations import find_organization, lock_organization

APPLICATIONS_MAX = 50


@frozen
class CreateApplication:
    """A program that may read; its id and its secret come from the door, which has the randomness."""

    organization: str
    name: str
    scopes: Scope
    application_id: str
    secret: str
    at: datetime
    expires_at: datetime | None = None


@frozen
class RevokeApplication:
    """A program that may read no more, by its id or, among those not revoked, by its name."""

    organization: str
    application: str
    at: datetime


@frozen
class ApplicationsShown:
    """The applications of an organization at an instant, the oldest first."""

    organization: Organization
    applications: tuple[Application, ...]
    at: datetime


def create_application(tx: Transaction, request: CreateApplication) -> ApplicationsShown:
    """Add an application and return it alone; raise NotFound, Conflict for its name, Invalid for what cannot be."""
    organization = lock_organization(tx, request.organization)
    name = checked_name(request.name)
    if request.expires_at is not None and request.expires_at <= request.at:
        message = "the last day is over already: name one to come, or none"
        raise Invalid(message, code="expires_at")
    standing = [each for each in tx.access.of(organization.organization_id) if each.revoked_at is None]
    if any(each.name == name for each in standing):
        message = f"{organization.name} has an application {name!r} already: revoke it first, or choose another name"
        raise Conflict(message, code="application_exists")
    if len(standing) >= APPLICATIONS_MAX:
        message = f"{organization.name} has {APPLICATIONS_MAX} applications already: revoke one that is not used"
        raise Conflict(message, code="applications_max")
    application = Application(
        request.application_id,
        organization.organization_id,
        name,
        request.scopes,
        digest_of(request.secret),
        request.at,
        request.expires_at,
    )
    tx.access.add(application)
    return ApplicationsShown(organization, (application,), request.at)


def list_applications(tx: Transaction, request: tuple[str, datetime]) -> ApplicationsShown:
    """Return all applications of an organization by its name, revoked ones too; raise NotFound."""
    name, at = request
    organization = find_organization(tx, name)
    return ApplicationsShown(organization, tuple(tx.access.of(organization.organization_id)), at)


def revoke_application(tx: Transaction, request: RevokeApplication) -> ApplicationsShown:
    """End an application and its tokens at once, and return it alone; raise NotFound, Conflict where it has ended."""
    organization = lock_organization(tx, request.organization)
    own = tx.access.of(organization.organization_id)
    named = [each for each in own if each.application_id == request.application]
    named = named or [each for each in own if each.name == request.application and each.revoked_at is None]
    if not named:
        message = f"{organization.name} has no application {request.application!r}: `talktime tokens list` shows them"
        raise NotFound(message, code="application_not_found")
    (application,) = named
    if application.revoked_at is not None:
        message = f"{application.name} was revoked already"
        raise Conflict(message, code="application_revoked")
    tx.access.revoke(application.application_id, request.at)
    return ApplicationsShown(organization, (replace(application, revoked_at=request.at),), request.at)
