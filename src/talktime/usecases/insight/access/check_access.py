"""Give an application a token, and tell by a token who reads."""

from datetime import datetime

from talktime.core.insight.access.applications import (
    TOKEN_LIFETIME,
    Access,
    AccessRefusal,
    AccessToken,
    Application,
    Scope,
    digest_of,
    names_tenant,
)
from talktime.core.values.frozen import frozen
from talktime.store.transaction import Transaction


@frozen
class IssueToken:
    """An application's proof, the organization that the address names, and a new token from the door's randomness."""

    tenant: str
    application_id: str
    secret: str
    token: str
    at: datetime


@frozen
class TokenIssued:
    """Until when a token is good, and what it may read."""

    expires_at: datetime
    scopes: Scope


@frozen
class CheckToken:
    """A token that somebody showed."""

    token: str
    at: datetime


def check_client(tx: Transaction, request: IssueToken) -> Application | AccessRefusal:
    """Return the application that proves itself, or why there is none; nothing is written."""
    application = tx.access.application(request.application_id)
    if application is None:
        return AccessRefusal.CLIENT_UNKNOWN
    if not application.proves(request.secret):
        return AccessRefusal.SECRET_WRONG
    if not application.is_valid(request.at):
        return AccessRefusal.CLIENT_ENDED
    organization_id = application.organization_id
    if not names_tenant(tx.organizations.with_ids([organization_id])[organization_id], request.tenant):
        return AccessRefusal.TENANT_DIFFERS
    return application


def issue_token(tx: Transaction, request: IssueToken) -> TokenIssued | AccessRefusal:
    """Keep a token for an application that proves itself, or return why not."""
    application = check_client(tx, request)
    if isinstance(application, AccessRefusal):
        return application
    ends_at = request.at + TOKEN_LIFETIME
    expires_at = ends_at if application.expires_at is None else min(ends_at, application.expires_at)
    token = AccessToken(
        digest_of(request.token), application.application_id, application.scopes, request.at, expires_at
    )
    tx.access.issue(token)
    return TokenIssued(expires_at, application.scopes)


def check_token(tx: Transaction, request: CheckToken) -> Access | AccessRefusal:
    """Return who reads by a token, or why nobody does."""
    found = tx.access.token(digest_of(request.token))
    if found is None:
        return AccessRefusal.TOKEN_UNKNOWN
    token, application = found
    if request.at >= token.expires_at or not application.is_valid(request.at):
        return AccessRefusal.TOKEN_EXPIRED
    organization_id = application.organization_id
    return Access(tx.organizations.with_ids([organization_id])[organization_id], application, token.scopes)
