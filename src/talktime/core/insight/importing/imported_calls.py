"""A call that another system recorded, in our words: for reports and advice, never for money of ours."""

from datetime import datetime
from enum import Enum

from talktime.core.insight.reports.filters import Direction
from talktime.core.values.frozen import frozen


class UsageKind(Enum):
    """The call types of the usage exports (domain.md 7.2), by their names of today."""

    # By identity: an Enum hashes its name, in Python, at every look into a table.
    __hash__ = object.__hash__

    USER_IN = "user_in"
    USER_OUT = "user_out"
    USER_OUT_CONFERENCE = "user_out_conf"
    USER_OUT_TRANSFER = "user_out_transfer"
    USER_OUT_FORWARDING = "user_out_forwarding"
    UNASSIGNED_IN = "unassigned_in"
    EMERGENCY_IN = "emergency_in"
    EMERGENCY_OUT = "emergency_out"
    MOBILE_IN = "fmc_in"
    MOBILE_OUT = "fmc_out"
    CONFERENCE_IN = "conf_in"
    CONFERENCE_OUT = "conf_out"
    CALL_ME = "call_me"
    VOICE_APP_IN = "ucap_in"
    VOICE_APP_OUT = "ucap_out"
    VOICE_APP_OUT_CONFERENCE = "ucap_out_conf"
    DIRECT_IN = "dr_in"
    DIRECT_OUT = "dr_out"
    DIRECT_OUT_CONFERENCE = "dr_out_user_conf"
    DIRECT_OUT_FORWARDING = "dr_out_user_forwarding"
    DIRECT_OUT_TRANSFER = "dr_out_user_transfer"
    DIRECT_EMERGENCY_OUT = "dr_emergency_out"
    DIRECT_UNASSIGNED_IN = "dr_unassigned_in"
    DIRECT_BOT_IN = "dr_in_bot"
    DIRECT_BOT_OUT = "dr_out_bot"
    # Call types that came after this list: the name or the direction's column still tells which way they went.
    OTHER_IN = "other_in"
    OTHER_OUT = "other_out"


EMERGENCIES = frozenset({UsageKind.EMERGENCY_IN, UsageKind.EMERGENCY_OUT, UsageKind.DIRECT_EMERGENCY_OUT})
TO_SERVICE_NUMBERS = frozenset({UsageKind.CONFERENCE_IN, UsageKind.VOICE_APP_IN})
# Calls over a carrier of one's own: the vendor's credit never pays them (domain.md 1.1), a deck can say what it would.
DIRECT_ROUTING = frozenset(kind for kind in UsageKind if kind.value.startswith("dr_"))


@frozen
class ImportedCall:
    """A call as another system recorded it; empty text is what the file does not tell.

    `source_id` is the record's own id (UsageId), `call_id` the call's, which may stand in several records. Numbers are
    E.164 digits where they are numbers, `*` for each digit that the export hides, and names otherwise. `country` is
    where the other party is, `user_location` where the user is (ISO 3166). `charge_micros` includes the connection fee
    and is None where the file names no charge; then `rated_micros` is what a chosen deck says, or None with the reason
    in `not_rated`. Both are in `currency`. An `ended_at` that no file tells is start plus used seconds.
    """

    kind: UsageKind
    direction: Direction
    started_at: datetime
    ended_at: datetime
    used_seconds: int
    source_id: str = ""
    call_id: str = ""
    conference_id: str = ""
    user: str = ""
    user_id: str = ""
    user_name: str = ""
    department: str = ""
    user_location: str = ""
    caller: str = ""
    called: str = ""
    destination: str = ""
    country: str = ""
    number_type: str = ""
    is_domestic: bool | None = None
    connection_fee_micros: int | None = None
    charge_micros: int | None = None
    currency: str = ""
    capability: str = ""
    rated_micros: int | None = None
    not_rated: str = ""

    @property
    def cost_micros(self) -> int | None:
        """Return what the call cost: the file's charge, else the deck's; None where neither is known."""
        return self.rated_micros if self.charge_micros is None else self.charge_micros


@frozen
class Reject:
    """Why a record is none that we can read: the column by its name in the file, what stands there, and the reason."""

    column: str
    value: str
    reason: str


@frozen
class UsageLine:
    """A record of a file: the call in it, or why it is rejected or skipped; or a note about the file, told once.

    `line` is where the record begins, from 1, in the part of an archive that `part` names. `skipped` says why a record
    is no call of interest: not answered, a text message.
    """

    line: int
    call: ImportedCall | None = None
    reject: Reject | None = None
    skipped: str = ""
    note: str = ""
    part: str = ""


class RejectedCell(ValueError):  # noqa: N818 -- what it is, not that it is an error: the file goes on
    """A cell that cannot be read; `column` is the field in our words until the reader puts the file's own name."""

    def __init__(self, column: str, value: str, reason: str) -> None:
        """Keep the three parts of a reject."""
        super().__init__(f"{column}: {value!r} {reason}")
        self.column, self.value, self.reason = column, value, reason
