"""Rows of applications and of their tokens."""

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, insert, select, update

from talktime.core.insight.access.applications import AccessToken, Application, Scope
from talktime.store.instants import from_micros, from_micros_or_none, to_micros, to_micros_or_none
from talktime.store.schema import access_tokens, applications

_APPLICATION = tuple(
    applications.c[name]
    for name in (
        "application_id",
        "organization_id",
        "name",
        "scopes",
        "secret_digest",
        "created_at",
        "expires_at",
        "revoked_at",
        "last_used_at",
    )
)
_TOKEN = tuple(
    access_tokens.c[name] for name in ("token_digest", "application_id", "scopes", "issued_at", "expires_at")
)


class AccessRows:
    """Who may read from outside; an application is found by its id, whoever's it is."""

    def __init__(self, connection: Connection) -> None:
        """Work on an open transaction."""
        self._connection = connection

    def add(self, application: Application) -> None:
        """Insert an application."""
        row = {
            "application_id": application.application_id,
            "organization_id": application.organization_id,
            "name": application.name,
            "scopes": application.scopes.value,
            "secret_digest": application.secret_digest,
            "created_at": to_micros(application.created_at),
            "expires_at": to_micros_or_none(application.expires_at),
        }
        self._connection.execute(insert(applications), row)

    def application(self, application_id: str) -> Application | None:
        """Return an application, revoked or not."""
        found = self._connection.execute(select(*_APPLICATION).where(applications.c.application_id == application_id))
        row = found.one_or_none()
        return None if row is None else _application_of(tuple(row))

    def of(self, organization_id: int) -> list[Application]:
        """Return the applications of an organization, the oldest first."""
        statement = select(*_APPLICATION).where(applications.c.organization_id == organization_id)
        found = self._connection.execute(statement.order_by(applications.c.created_at, applications.c.application_id))
        return [_application_of(tuple(row)) for row in found]

    def revoke(self, application_id: str, at: datetime) -> None:
        """End an application, and forget its tokens."""
        own = applications.c.application_id == application_id
        self._connection.execute(update(applications).where(own).values(revoked_at=to_micros(at)))
        self._connection.execute(delete(access_tokens).where(access_tokens.c.application_id == application_id))

    def issue(self, token: AccessToken) -> None:
        """Insert a token, note that the application was used, and forget those of its tokens that are over."""
        issued_at = to_micros(token.issued_at)
        over = (access_tokens.c.application_id == token.application_id) & (access_tokens.c.expires_at <= issued_at)
        self._connection.execute(delete(access_tokens).where(over))
        row = {
            "token_digest": token.digest,
            "application_id": token.application_id,
            "scopes": token.scopes.value,
            "issued_at": issued_at,
            "expires_at": to_micros(token.expires_at),
        }
        self._connection.execute(insert(access_tokens), row)
        own = applications.c.application_id == token.application_id
        self._connection.execute(update(applications).where(own).values(last_used_at=issued_at))

    def token(self, digest: str) -> tuple[AccessToken, Application] | None:
        """Return a token by its digest, with the application that it was given to."""
        statement = select(*_TOKEN, *_APPLICATION).join(
            applications, applications.c.application_id == access_tokens.c.application_id
        )
        row = self._connection.execute(statement.where(access_tokens.c.token_digest == digest)).one_or_none()
        if row is None:
            return None
        values = tuple(row)
        token_digest, application_id, scopes, issued_at, expires_at = values[: len(_TOKEN)]
        token = AccessToken(
            token_digest, application_id, Scope(scopes), from_micros(issued_at), from_micros(expires_at)
        )
        return token, _application_of(values[len(_TOKEN) :])


def _application_of(row: tuple[Any, ...]) -> Application:
    application_id, organization_id, name, scopes, digest, created_at, expires_at, revoked_at, last_used_at = row
    return Application(
        application_id,
        organization_id,
        name,
        Scope(scopes),
        digest,
        from_micros(created_at),
        from_micros_or_none(expires_at),
        from_micros_or_none(revoked_at),
        from_micros_or_none(last_used_at),
    )
