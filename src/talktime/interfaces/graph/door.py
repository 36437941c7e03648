"""The Graph-compatible door, a raw ASGI application; what it reads, it reads in threads, two at a time.

200  a page, or a resource; the token endpoint's token
400  what cannot be read, or is not offered; 401 no token, or none that is good; 403 the scope is missing
404  no such resource; 405 not a GET; 429 too often, with Retry-After
503  our database does not answer, or too many read at once: send it again
"""

import asyncio
import uuid
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from importlib import resources as packaged
from typing import NamedTuple, TypeVar

import msgspec
import structlog

from talktime.bootstrap import App
from talktime.core.insight.access.applications import ACCESS_EXPLANATIONS, Access, AccessRefusal
from talktime.core.values.errors import TalktimeError
from talktime.interfaces import asgi
from talktime.interfaces.asgi import Gone, Receive, Scope, Send
from talktime.interfaces.graph import errors, paths, resources, tokens
from talktime.interfaces.graph.allowances import Allowances
from talktime.interfaces.graph.errors import Refusal
from talktime.interfaces.graph.resources import Reading
from talktime.interfaces.graph.rows import SipAnswers
from talktime.interfaces.graph.tokens import TokenEndpoint, TokenRequest
from talktime.usecases.insight.access.check_access import CheckToken, check_token

# Phones come first: whatever is read here leaves most of the interpreter and of the database to them.
READERS_MAX = 2
WAITING_MAX = 64
FILE = "openapi.json"
AUTHORIZATION = "bearer "

T = TypeVar("T")

log = structlog.get_logger()


class Asked(NamedTuple):
    """A GET, as it came."""

    path: str
    query: str
    authorization: str
    root: str


class _Told(NamedTuple):
    """What goes out."""

    status: int
    body: bytes
    headers: Mapping[str, str] = {}


class GraphDoor:
    """Answers programs that read, from `App.read` alone; only the token endpoint writes, one row an hour."""

    def __init__(
        self, app: App, sip_answers: SipAnswers, api_root: str = "", allowances: Allowances | None = None
    ) -> None:
        """Read from an app; tell how switches answer refused callers; begin addresses with the root, if one is set."""
        self._app, self._sip_answers, self._api_root = app, sip_answers, api_root.rstrip("/")
        self._allowances = allowances or Allowances()
        self._token_endpoint = TokenEndpoint(app)
        self._description = packaged.files(__package__).joinpath(FILE).read_bytes()
        self._readers = asyncio.Semaphore(READERS_MAX)
        self._waiting_count = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one HTTP request."""
        request_id, client_request_id = str(uuid.uuid4()), asgi.header(scope, b"client-request-id")[:100]
        ids = {"request-id": request_id, **({"client-request-id": client_request_id} if client_request_id else {})}
        at = datetime.now(UTC)
        try:
            told = await self._told(scope, receive, at)
        except Gone:
            return
        except Refusal as refusal:
            body = errors.body_of(
                refusal.status,
                refusal.message,
                request_id=request_id,
                client_request_id=client_request_id or request_id,
                at=at,
            )
            told = _Told(refusal.status, body, refusal.headers)
        more = [(name.encode(), value.encode("latin-1", "replace")) for name, value in {**ids, **told.headers}.items()]
        await asgi.respond(send, told.status, told.body, more=[*more, (b"cache-control", b"no-store")])

    async def _told(self, scope: Scope, receive: Receive, at: datetime) -> _Told:
        path, method = str(scope["path"]), scope["method"]
        is_token = path.endswith(paths.TOKEN_SUFFIX)
        if method != ("POST" if is_token else "GET"):
            wanted = "POST" if is_token else "GET"
            raise Refusal(405, f"{wanted} this address", {"allow": wanted})
        if is_token:
            return await self._token(scope, await asgi.read_body(receive, tokens.BODY_MAX_BYTES), at)
        if path == paths.DESCRIPTION_PATH:
            return _Told(200, self._description)
        if path.endswith(paths.DISCOVERY_SUFFIX):
            tenant = path.removesuffix(paths.DISCOVERY_SUFFIX).removeprefix("/")
            return _Told(200, tokens.discovery(self._root(scope), tenant))
        asked = Asked(
            path, scope["query_string"].decode("latin-1"), asgi.header(scope, b"authorization"), self._root(scope)
        )
        return _Told(200, await self._in_a_thread(lambda: self._read(asked, at)))

    async def _token(self, scope: Scope, body: bytes, at: datetime) -> _Told:
        if len(body) > tokens.BODY_MAX_BYTES:
            raise Refusal(400, f"a form has at most {tokens.BODY_MAX_BYTES} bytes")
        request = TokenRequest(
            str(scope["path"]),
            asgi.header(scope, b"content-type"),
            asgi.header(scope, b"authorization"),
            body,
            asgi.client_address(scope),
        )
        answer = await self._in_a_thread(lambda: self._token_endpoint.answered(request, at))
        return _Told(answer.status, msgspec.json.encode(answer.fields), answer.headers)

    async def _in_a_thread(self, work: Callable[[], T]) -> T:
        """Do it beside the loop, when it is its turn; raise Refusal for whatever goes wrong."""
        if self._waiting_count >= WAITING_MAX:
            wait = {"retry-after": str(errors.RETRY_AFTER_SECONDS)}
            raise Refusal(503, "Too many programs read at once; send the same request again.", wait)
        self._waiting_count += 1
        try:
            async with self._readers:
                return await asyncio.to_thread(work)
        except TalktimeError as failure:
            refusal = errors.refusal_of(failure)
            if refusal.status >= 500:  # noqa: PLR2004 -- HTTP's own number
                log.warning("graph_unavailable", code=failure.code, why=failure.message)
            raise refusal from failure
        except Refusal:
            raise
        except Exception as failure:
            log.exception("graph_failed")
            raise Refusal(500, "Talktime failed here; its log says why.") from failure
        finally:
            self._waiting_count -= 1

    def _read(self, asked: Asked, at: datetime) -> bytes:
        access = self._access(asked, at)
        wait = self._allowances.wait_seconds(access.application.application_id)
        if wait:
            message = f"This application asks too often; send the same request again in {wait} s."
            raise Refusal(429, message, {"retry-after": str(wait)})
        target, query = paths.read_target(asked.path), paths.read_query(asked.query)
        return resources.answered(Reading(self._app, access, target, query, at, asked.root, self._sip_answers))

    def _access(self, asked: Asked, at: datetime) -> Access:
        """Return who reads; raise Refusal."""
        if not asked.authorization:
            raise _unauthorized("Send Authorization: Bearer with an access token of the token endpoint.", asked.root)
        token = asked.authorization[len(AUTHORIZATION) :].strip()
        is_bearer = asked.authorization[: len(AUTHORIZATION)].lower() == AUTHORIZATION
        # What cannot be a token costs the database nothing.
        if not is_bearer or not token.startswith(tokens.TOKEN_PREFIX):
            raise _unauthorized(ACCESS_EXPLANATIONS[AccessRefusal.TOKEN_UNKNOWN], asked.root, "invalid_token")
        access = self._app.read(check_token, CheckToken(token, at))
        if isinstance(access, AccessRefusal):
            raise _unauthorized(ACCESS_EXPLANATIONS[access], asked.root, "invalid_token")
        return access

    def _root(self, scope: Scope) -> str:
        """Return how addresses begin: as it is set, else as this request was addressed."""
        return self._api_root or f"{scope.get('scheme', 'http')}://{asgi.header(scope, b'host')}"


def _unauthorized(message: str, root: str, error: str = "") -> Refusal:
    challenge = f'Bearer realm="talktime", authorization_uri="{root}/TENANT{paths.TOKEN_SUFFIX}"'
    return Refusal(401, message, {"www-authenticate": challenge + (f', error="{error}"' if error else "")})
