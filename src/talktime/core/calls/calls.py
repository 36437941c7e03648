"""A call being charged (an RFC 8506 session): who, where to, what was promised, how it ended."""

from dataclasses import dataclass
from datetime import datetime
from enum import Enum, Flag, auto
from typing import NamedTuple

from talktime.core.credit.lots import Slice
from talktime.core.rates.rate_decks import Direction

KEY_SEPARATOR = "|"


class CallKey(NamedTuple):
    """What makes a call unique: several switches may reuse a call id, and a forked call has several legs."""

    switch: str
    call_id: str
    leg: str = ""


def text_of(key: CallKey) -> str:
    """Return the key as one word; neither a switch nor a leg may hold the separator, a call id may."""
    return f"{key.switch}{KEY_SEPARATOR}{key.leg}{KEY_SEPARATOR}{key.call_id}"


def key_of(text: str) -> CallKey:
    """Return the key that `text_of` wrote."""
    switch, leg, call_id = text.split(KEY_SEPARATOR, 2)
    return CallKey(switch, call_id, leg)


class CallKind(Enum):
    """The usage report's call types that this house charges today (domain.md 7.2)."""

    USER_OUT = "user_out"
    USER_IN = "user_in"
    CONFERENCE_OUT = "conf_out"
    CONFERENCE_IN = "conf_in"
    VOICE_APP_IN = "ucap_in"
    EMERGENCY_OUT = "emergency_out"


class CallState(Enum):
    """How far a call has come."""

    OPEN = "open"
    FINISHED = "finished"
    DENIED = "denied"
    # Never answered as far as the switch told, its hold released; a late end is still charged once.
    LAPSED = "lapsed"


class PaysFrom(Enum):
    """What pays for a call."""

    CREDIT = "credit"
    FREE = "free"


class DenialReason(Enum):
    """Why a call is refused, or not extended; each has a sentence for people in `EXPLANATIONS`."""

    CALLER_UNKNOWN = "caller_unknown"
    ORGANIZATION_SUSPENDED = "organization_suspended"
    NUMBER_NOT_E164 = "number_not_e164"
    PHONE_SYSTEM_LICENSE_MISSING = "phone_system_license_missing"
    AUDIO_CONFERENCING_LICENSE_MISSING = "audio_conferencing_license_missing"
    CREDITS_LICENSE_MISSING = "credits_license_missing"
    NO_RATE_DECK_IN_FORCE = "no_rate_deck_in_force"
    DESTINATION_NOT_RATED = "destination_not_rated"
    DESTINATION_BLOCKED = "destination_blocked"
    DECK_CURRENCY_DIFFERS = "deck_currency_differs"
    CREDIT_NOT_SET_UP = "credit_not_set_up"
    CREDIT_EXHAUSTED = "credit_exhausted"
    CALL_UNKNOWN = "call_unknown"
    CALL_ENDED = "call_ended"


EXPLANATIONS: dict[DenialReason, str] = {
    DenialReason.CALLER_UNKNOWN: "No user, organizer or service number matches the call; add the number to a user.",
    DenialReason.ORGANIZATION_SUSPENDED: "The organization is suspended; an operator can activate it again.",
    DenialReason.NUMBER_NOT_E164: "The dialed number is no international number; the switch must send E.164.",
    DenialReason.PHONE_SYSTEM_LICENSE_MISSING: "The caller has no Phone System license; assign one.",
    DenialReason.AUDIO_CONFERENCING_LICENSE_MISSING: "The organizer has no Audio Conferencing license; assign one.",
    DenialReason.CREDITS_LICENSE_MISSING: "The user has no Communications Credits license; assign one, it is free.",
    DenialReason.NO_RATE_DECK_IN_FORCE: "No rate deck was in force when the call began; publish one.",
    DenialReason.DESTINATION_NOT_RATED: "The rate deck has no price for this number; add its prefix.",
    DenialReason.DESTINATION_BLOCKED: "The rate deck blocks this destination; publish a price for it to allow calls.",
    DenialReason.DECK_CURRENCY_DIFFERS: "The rate deck is in another currency than the balance; assign a fitting deck.",
    DenialReason.CREDIT_NOT_SET_UP: "Communications Credits were never set up; fund the organization.",
    DenialReason.CREDIT_EXHAUSTED: "The available credit does not pay connection fee and first block; add funds.",
    DenialReason.CALL_UNKNOWN: "No such call is open; the switch must ask for a start first.",
    DenialReason.CALL_ENDED: "The call has ended already; a new call needs a new call id.",
}


class Ending(Enum):
    """Why a call ended, as far as charging knows."""

    HANGUP = "hangup"
    CREDIT_EXHAUSTED = "credit_exhausted"
    NOT_ANSWERED = "not_answered"
    FAILED = "failed"
    # The switch fell silent: closed by the server's own timer.
    SILENT = "silent"


class Flags(Flag):
    """What a report should not hide about a charge."""

    NONE = 0
    # Used seconds within the grace of a final grant were cut down to the grant (charging.md e1, quirk 4).
    CLAMPED = auto()
    # The switch used more than it was granted.
    OVERRUN = auto()
    # Charged after the server had given the call up.
    LATE = auto()
    # Closed by the server's timer: the duration is what was funded, not what the switch measured.
    RECONSTRUCTED = auto()


@dataclass(frozen=True, slots=True)
class RateReference:
    """Which row of which deck version prices a call; a call in progress keeps it (money.md, case 55)."""

    version_id: int
    direction: Direction
    prefix: str
    origin_prefix: str


@dataclass(frozen=True, slots=True)
class Hold:
    """Credit promised to a call, as slices over lots."""

    slices: tuple[Slice, ...] = ()

    @property
    def amount_micros(self) -> int:
        """Return what is promised in all."""
        return sum(part.amount_micros for part in self.slices)

    def grown(self, more: tuple[Slice, ...]) -> "Hold":
        """Return the hold with further slices, one for each lot."""
        amounts = dict(self.slices)
        for lot_id, amount in more:
            amounts[lot_id] = amounts.get(lot_id, 0) + amount
        return Hold(tuple(Slice(lot_id, amount) for lot_id, amount in amounts.items()))


NO_HOLD = Hold()


@dataclass(frozen=True, slots=True)
class CallSetup:
    """What is known of a call when it starts, and never changes; numbers are normalized digits."""

    organization_id: int
    key: CallKey
    kind: CallKind
    caller: str
    called: str
    started_at: datetime
    pays_from: PaysFrom
    user_id: int | None = None
    conference_id: str = ""
    rate: RateReference | None = None
    destination: str = ""


@dataclass(frozen=True, slots=True)
class CallResult:
    """How a call ended and what it cost."""

    ended_at: datetime
    ending: Ending
    used_seconds: int
    cost_micros: int = 0
    uncovered_micros: int = 0
    flags: Flags = Flags.NONE


@dataclass(frozen=True, slots=True)
class Call:
    """One call being charged; granted seconds count from the answer and only grow."""

    setup: CallSetup
    state: CallState
    granted_seconds: int = 0
    is_final: bool = False
    # When the switch has been silent so long that the server closes the call itself.
    valid_until: datetime | None = None
    hold: Hold = NO_HOLD
    answered_at: datetime | None = None
    denial: DenialReason | None = None
    result: CallResult | None = None
    # How many usage rows were written: a late end adds one to those of a call that had lapsed.
    usage_rows_count: int = 0
