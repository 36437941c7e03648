"""Programs that read an organization's calls and credit: what each may read, and how it proves itself.

An application has a secret of its own, shown once; with it, it fetches access tokens that live an hour. Of both only
digests are kept: they are 256 random bits, so that nothing slower than SHA-256 is needed to keep them.
"""

import hmac
from collections.abc import Iterable
from datetime import datetime, timedelta
from enum import Enum, Flag
from hashlib import sha256

from talktime.core.organizations.organizations import Organization
from talktime.core.values.errors import Invalid
from talktime.core.values.frozen import frozen

TOKEN_LIFETIME = timedelta(hours=1)
NAME_CHARACTERS_MAX = 100


class Scope(Flag):
    """What an application may read; stored as a number, so the values stay."""

    CALL_RECORDS = 1
    PSTN_CALLS = 2
    CREDITS = 4


NO_SCOPE = Scope(0)
# As permissions are called where the API comes from (domain.md 7.10), and in the same style what it lacks.
SCOPE_NAMES = {
    Scope.CALL_RECORDS: "CallRecords.Read.All",
    Scope.PSTN_CALLS: "CallRecord-PstnCalls.Read.All",
    Scope.CREDITS: "Credits.Read.All",
}


@frozen
class Application:
    """A program of one organization; `expires_at` is None where its secret is good until it is revoked."""

    application_id: str
    organization_id: int
    name: str
    scopes: Scope
    secret_digest: str
    created_at: datetime
    expires_at: datetime | None = None
    revoked_at: datetime | None = None
    # When it was last given a token: to the hour, it is when it last read.
    last_used_at: datetime | None = None

    def is_valid(self, at: datetime) -> bool:
        """Tell whether it may be given tokens, and use them."""
        return self.revoked_at is None and (self.expires_at is None or at < self.expires_at)

    def proves(self, secret: str) -> bool:
        """Tell whether this is its secret, in a time that does not tell how much of it is right."""
        return hmac.compare_digest(self.secret_digest, digest_of(secret))


@frozen
class AccessToken:
    """A token by its digest: whose it is, what it may read, and until when."""

    digest: str
    application_id: str
    scopes: Scope
    issued_at: datetime
    expires_at: datetime


@frozen
class Access:
    """Who reads, what he may read, and of whom."""

    organization: Organization
    application: Application
    scopes: Scope


class AccessRefusal(Enum):
    """Why a program is not let in; each has a sentence in `ACCESS_EXPLANATIONS`."""

    CLIENT_UNKNOWN = "client_unknown"
    SECRET_WRONG = "secret_wrong"  # noqa: S105 -- the name of a reason
    CLIENT_ENDED = "client_ended"
    TENANT_DIFFERS = "tenant_differs"
    TOKEN_UNKNOWN = "token_unknown"  # noqa: S105 -- the name of a reason
    TOKEN_EXPIRED = "token_expired"  # noqa: S105 -- the name of a reason


ACCESS_EXPLANATIONS: dict[AccessRefusal, str] = {
    # One sentence for both: whoever guesses is not told how far he came.
    AccessRefusal.CLIENT_UNKNOWN: "No application has this client id and this secret; `talktime tokens create` makes"
    " one and shows its secret once.",
    AccessRefusal.SECRET_WRONG: "No application has this client id and this secret; `talktime tokens create` makes"
    " one and shows its secret once.",
    AccessRefusal.CLIENT_ENDED: "This application was revoked, or its secret has expired; `talktime tokens create`"
    " makes a new one.",
    AccessRefusal.TENANT_DIFFERS: "This application belongs to another organization than the address names; write"
    " the organization's number or its name there.",
    AccessRefusal.TOKEN_UNKNOWN: "This access token is not known, or was revoked; fetch a new one from the token"
    " endpoint.",
    AccessRefusal.TOKEN_EXPIRED: "This access token has expired; fetch a new one from the token endpoint.",
}


def digest_of(secret: str) -> str:
    """Return what is kept of a secret or of a token."""
    return sha256(secret.encode()).hexdigest()


def read_scopes(names: Iterable[str]) -> Scope:
    """Return the scopes of these names; raise Invalid for another one, and for none."""
    known = {name.lower(): scope for scope, name in SCOPE_NAMES.items()}
    scopes = NO_SCOPE
    for name in names:
        if name.lower() not in known:
            message = f"there is no scope {name!r}; there are {', '.join(SCOPE_NAMES.values())}"
            raise Invalid(message, code="scope")
        scopes |= known[name.lower()]
    if not scopes:
        message = f"say what the application may read: {', '.join(SCOPE_NAMES.values())}"
        raise Invalid(message, code="scope")
    return scopes


def scope_names(scopes: Scope) -> tuple[str, ...]:
    """Return the scopes by their names."""
    return tuple(name for scope, name in SCOPE_NAMES.items() if scope in scopes)


def checked_name(name: str) -> str:
    """Return the name by which people know an application; raise Invalid for none, and for what cannot be printed."""
    stripped = name.strip()
    if not stripped or len(stripped) > NAME_CHARACTERS_MAX or not stripped.isprintable():
        message = f"an application's name has 1 to {NAME_CHARACTERS_MAX} printable characters"
        raise Invalid(message, code="application_name")
    return stripped


def names_tenant(organization: Organization, tenant: str) -> bool:
    """Tell whether a word of an address names the organization: by its number, or by its name in any case."""
    return tenant == str(organization.organization_id) or tenant.casefold() == organization.name.casefold()
