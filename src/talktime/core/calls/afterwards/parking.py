"""Reports that could not be charged, and what an operator can do about each."""

from datetime import datetime

from talktime.core.calls.afterwards.reconciling import TOLERANCE_SECONDS
from talktime.core.calls.calls import CallKey, CallState
from talktime.core.values.frozen import frozen


@frozen
class ParkedCall:
    """What a switch reported and could not be charged, and how our call stands: `state` is empty where none does."""

    key: CallKey
    reason: str
    used_seconds: int
    received_at: datetime
    resolved_at: datetime | None = None
    resolved_by: str = ""
    resolution: str = ""
    state: str = ""
    charged_seconds: int | None = None
    organization: str = ""

    @property
    def remedy(self) -> str:
        """Say what to do about it."""
        if self.state == "":
            return "never started here: reconcile with the switch's records and --charge, or settle it as nobody's"
        if self.state == CallState.DENIED.value:
            return "refused here and talked there: mend the switch; bill it by `talktime credit adjust` if it must be"
        if self.state == CallState.OPEN.value:
            return "still open: it ends by its switch or by our timer; look again then"
        if self._is_charged_alike:
            return "charged alike since: settle it"
        return "charged otherwise: reconcile with the switch's records, which proposes a correction"

    @property
    def _is_charged_alike(self) -> bool:
        """Tell whether reconciling would find no difference: a rounded second is none, unless it is all."""
        charged, told = self.charged_seconds or 0, self.used_seconds
        return charged == told or (charged > 0 < told and abs(charged - told) <= TOLERANCE_SECONDS)
