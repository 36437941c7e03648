"""The caller's mistakes and the world's failures; an expected "no" is a value (`Denied`), not one of these.

TalktimeError
├── CallerError          the caller's mistake: tell him, do not retry
│   ├── NotFound         what he names does not exist
│   ├── Conflict         it exists already, or differs from what it says
│   ├── Invalid          the request cannot be read or must not be
│   └── Forbidden        he may not
└── Unavailable          the world fails: lock, database, gateway; try again
"""


class TalktimeError(Exception):
    """What every error of ours is; `code` is stable, the message says what would change it."""

    code = "error"

    def __init__(self, message: str, *, code: str | None = None) -> None:
        """Keep the message for people and the code for programs."""
        super().__init__(message)
        self.message = message
        if code is not None:
            self.code = code


class CallerError(TalktimeError):
    """The caller's mistake; repeating the request changes nothing."""


class NotFound(CallerError):  # noqa: N818 -- the words of the house, see docs/architecture.md
    """What the caller names does not exist."""

    code = "not_found"


class Conflict(CallerError):  # noqa: N818
    """What the caller asks contradicts what is there."""

    code = "conflict"


class Invalid(CallerError):  # noqa: N818
    """The request cannot be read, or breaks a rule that the message names."""

    code = "invalid"


class Forbidden(CallerError):  # noqa: N818
    """The caller may not do that."""

    code = "forbidden"


class Unavailable(TalktimeError):  # noqa: N818
    """A lock, a database or a gateway did not answer in time; the same request may be sent again."""

    code = "unavailable"
