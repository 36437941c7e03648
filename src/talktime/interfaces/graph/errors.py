"""Refusals in the shape that Graph's clients read: `{"error": {"code", "message", "innerError"}}`."""

from collections.abc import Mapping
from datetime import datetime

import msgspec

from talktime.core.values.errors import Conflict, Forbidden, Invalid, NotFound, TalktimeError, Unavailable

RETRY_AFTER_SECONDS = 5

Fields = dict[str, object]

# By status: the codes that clients of the original know.
CODES = {
    400: "BadRequest",
    401: "InvalidAuthenticationToken",
    403: "Forbidden",
    404: "ResourceNotFound",
    405: "MethodNotAllowed",
    409: "Conflict",
    429: "TooManyRequests",
    500: "InternalServerError",
    503: "ServiceUnavailable",
}
_STATUS: tuple[tuple[type[TalktimeError], int], ...] = (
    (Invalid, 400),
    (Forbidden, 403),
    (NotFound, 404),
    (Conflict, 409),
    (Unavailable, 503),
)


class Refusal(Exception):  # noqa: N818 -- what is answered, not what went wrong
    """A request that is not answered with data: a status, a sentence that says what would change it, headers."""

    def __init__(self, status: int, message: str, headers: Mapping[str, str] | None = None) -> None:
        """Keep what is answered."""
        super().__init__(message)
        self.status, self.message, self.headers = status, message, headers or {}


def refusal_of(failure: TalktimeError) -> Refusal:
    """Return what a caller is told of an error of ours."""
    status = next((status for kind, status in _STATUS if isinstance(failure, kind)), 500)
    if status == 503:  # noqa: PLR2004 -- HTTP's own number
        # A driver's words are for the log.
        message = "The database does not answer just now; send the same request again."
        return Refusal(status, message, {"retry-after": str(RETRY_AFTER_SECONDS)})
    return Refusal(status, failure.message)


def body_of(status: int, message: str, *, request_id: str, client_request_id: str, at: datetime) -> bytes:
    """Return the error as it goes out."""
    inner: Fields = {
        "date": f"{at:%Y-%m-%dT%H:%M:%S}",
        "request-id": request_id,
        "client-request-id": client_request_id,
    }
    return msgspec.json.encode({"error": {"code": CODES[status], "message": message, "innerError": inner}})
