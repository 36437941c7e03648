"""The token endpoint (RFC 6749 §4.4, client credentials): `POST /{tenant}/oauth2/v2.0/token`.

The secret comes in the form, or in `Authorization: Basic` (§2.3.1). Tokens are opaque words that live an hour.
"""

import base64
import binascii
import secrets
import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, unquote, unquote_plus

import msgspec
import structlog

from talktime.bootstrap import App
from talktime.core.insight.access.applications import ACCESS_EXPLANATIONS, AccessRefusal, scope_names
from talktime.interfaces.graph.allowances import Allowances
from talktime.interfaces.graph.paths import TOKEN_SUFFIX
from talktime.usecases.insight.access.check_access import IssueToken, check_client, issue_token

BODY_MAX_BYTES = 16_384
TOKEN_BYTES = 32
CLIENT_ID_CHARACTERS_MAX = 100
# So that whoever finds one in a file or a log knows what it is, and the door what cannot be one.
TOKEN_PREFIX = "tta_"  # noqa: S105 -- what every token begins with
SCOPE_SUFFIX = "/.default"
# A program needs one an hour; and whoever fails does so again.
REQUESTS_MAX, REQUESTS_PER_SECOND = 20, 0.2
FORM = "application/x-www-form-urlencoded"

log = structlog.get_logger()


class TokenAnswer(NamedTuple):
    """Status, headers and fields, as RFC 6749 §5 has them."""

    status: int
    fields: Mapping[str, object]
    headers: Mapping[str, str]


class TokenRequest(NamedTuple):
    """A POST to the token endpoint."""

    path: str
    content_type: str
    authorization: str
    body: bytes
    # Where it came from; "" where a socket does not say.
    address: str = ""


class _Misread(Exception):  # noqa: N818 -- what is answered
    """A request without what it needs: RFC 6749's error, and a sentence."""

    def __init__(self, error: str, description: str) -> None:
        super().__init__(description)
        self.error, self.description = error, description


class TokenEndpoint:
    """Hands tokens out."""

    def __init__(self, app: App) -> None:
        """Keep where applications are known."""
        self._app = app
        # Apart, because a client id is no secret: who only knows that must not use up what its application needs.
        self._proven = Allowances(REQUESTS_MAX, REQUESTS_PER_SECOND)
        self._failed = Allowances(REQUESTS_MAX, REQUESTS_PER_SECOND)

    def answered(self, request: TokenRequest, at: datetime) -> TokenAnswer:
        """Answer one request, in a thread of its own; raise TalktimeError where the database does not answer."""
        try:
            client_id, secret = _client_of(request)
        except _Misread as failure:
            return _refused(400, failure.error, failure.description, at)
        if not client_id.isprintable() or len(client_id) > CLIENT_ID_CHARACTERS_MAX:
            # Nothing that a database should be asked for.
            return _denied(AccessRefusal.CLIENT_UNKNOWN, request, at)
        tenant = unquote(request.path.removesuffix(TOKEN_SUFFIX).removeprefix("/"))
        token = TOKEN_PREFIX + secrets.token_urlsafe(TOKEN_BYTES)
        asked = IssueToken(tenant, client_id, secret, token, at)
        # By reading alone: whoever proves nothing never waits for the database's writer, nor lets anybody wait.
        known = self._app.read(check_client, asked)
        if isinstance(known, AccessRefusal):
            return self._failure(known, client_id, request, at)
        wait = self._proven.wait_seconds(client_id)
        if wait:
            description = "Too many tokens were asked for: each is good for an hour; keep it and use it again."
            return _too_many(description, wait, at)
        issued = self._app.run(issue_token, asked)
        if isinstance(issued, AccessRefusal):
            return self._failure(issued, client_id, request, at)
        lifetime_seconds = int((issued.expires_at - at).total_seconds())
        fields: dict[str, Any] = {
            "token_type": "Bearer",
            "expires_in": lifetime_seconds,
            "ext_expires_in": lifetime_seconds,
            "access_token": token,
            "scope": " ".join(scope_names(issued.scopes)),
        }
        return TokenAnswer(200, fields, {})

    def _failure(self, reason: AccessRefusal, client_id: str, request: TokenRequest, at: datetime) -> TokenAnswer:
        """Say why, as often as an address may fail by a client id: not for ever, and not for ever in the log."""
        wait = self._failed.wait_seconds(f"{request.address} {client_id}")
        if wait:
            return _too_many("Too many requests failed: mend the client id, the secret or the tenant.", wait, at)
        log.warning("token_refused", client_id=_loggable(client_id), reason=reason.value)
        return _denied(reason, request, at)


def discovery(root: str, tenant: str) -> bytes:
    """Return where tokens come from, as OpenID Connect clients look it up before they ask for one."""
    address = f"{root}/{tenant}"
    return msgspec.json.encode(
        {
            "issuer": f"{address}/v2.0",
            "authorization_endpoint": f"{address}/oauth2/v2.0/authorize",
            "token_endpoint": address + TOKEN_SUFFIX,
            "token_endpoint_auth_methods_supported": ["client_secret_post", "client_secret_basic"],
            "grant_types_supported": ["client_credentials"],
            "response_types_supported": ["token"],
        }
    )


def _loggable(client_id: str) -> str:
    """Whoever confuses id and secret must not find the secret in the log."""
    try:
        return str(uuid.UUID(client_id))
    except ValueError:
        return "no client id"


def _client_of(request: TokenRequest) -> tuple[str, str]:
    """Read who asks, and how he proves it; raise _Misread."""
    if request.content_type.partition(";")[0].strip().lower() != FORM:
        raise _Misread("invalid_request", f"post a form: Content-Type {FORM}")
    try:
        pairs = parse_qsl(request.body.decode(), keep_blank_values=True, strict_parsing=True, max_num_fields=50)
    except ValueError as failure:
        raise _Misread("invalid_request", "the form cannot be read: name=value, joined by &") from failure
    form = dict(pairs)
    if len(form) < len(pairs):
        raise _Misread("invalid_request", "a field stands twice in the form: write it once")
    grant_type = form.get("grant_type", "")
    if not grant_type:
        raise _Misread("invalid_request", "grant_type is missing: grant_type=client_credentials")
    if grant_type != "client_credentials":
        raise _Misread("unsupported_grant_type", "programs read for themselves: grant_type=client_credentials")
    scope = form.get("scope", "")
    if " " in scope or not scope.endswith(SCOPE_SUFFIX):
        raise _Misread("invalid_scope", f"scope is one word that ends in {SCOPE_SUFFIX}: all that was permitted")
    if request.authorization[:6].lower() == "basic ":
        return _basic(request.authorization[6:])
    if "client_id" not in form or "client_secret" not in form:
        raise _Misread("invalid_request", "client_id and client_secret are needed; `talktime tokens create` shows them")
    return form["client_id"], form["client_secret"]


def _basic(encoded: str) -> tuple[str, str]:
    try:
        client_id, colon, secret = base64.b64decode(encoded.strip(), validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError) as failure:
        raise _Misread("invalid_request", "Authorization: Basic cannot be read") from failure
    if not colon:
        raise _Misread("invalid_request", "Authorization: Basic holds client_id:client_secret")
    return unquote_plus(client_id), unquote_plus(secret)


def _denied(reason: AccessRefusal, request: TokenRequest, at: datetime) -> TokenAnswer:
    if reason is AccessRefusal.TENANT_DIFFERS:
        return _refused(400, "unauthorized_client", ACCESS_EXPLANATIONS[reason], at)
    # RFC 6749 §5.2: with the scheme that was tried.
    challenge = {"www-authenticate": 'Basic realm="talktime"'} if request.authorization else {}
    return _refused(401, "invalid_client", ACCESS_EXPLANATIONS[reason], at, challenge)


def _too_many(description: str, wait_seconds: int, at: datetime) -> TokenAnswer:
    return _refused(429, "temporarily_unavailable", description, at, {"retry-after": str(wait_seconds)})


def _refused(
    status: int, error: str, description: str, at: datetime, headers: Mapping[str, str] | None = None
) -> TokenAnswer:
    fields = {"error": error, "error_description": description, "timestamp": f"{at:%Y-%m-%d %H:%M:%SZ}"}
    return TokenAnswer(status, fields, headers or {})
