"""Calls as the operator's trunks brought them: each attempt once, talked, unanswered or refused, without money."""

from datetime import datetime

from talktime.core.calls.calls import CallKey, CallKind, DenialReason
from talktime.core.values.frozen import frozen


@frozen
class Attempt:
    """A call that was refused, or that has ended; names are those of today.

    `answered_at` is None where nobody answered, `denial` where nobody refused it. `used_seconds` is what the switch
    reported, of all that paid.
    """

    organization_id: int
    key: CallKey
    kind: CallKind
    caller: str
    called: str
    started_at: datetime
    user_id: int | None
    answered_at: datetime | None
    ended_at: datetime | None
    used_seconds: int
    denial: DenialReason | None
    user_principal_name: str = ""
    display_name: str = ""
    usage_location: str = ""

    @property
    def is_successful(self) -> bool:
        """Tell whether somebody talked."""
        return self.denial is None and self.used_seconds > 0
