"""A call being charged (an RFC 8506 session): who, where to, what was promised, how it ended."""

from datetime import datetime
from enum import Enum, Flag, auto
from typing import NamedTuple

from talktime.core.credit.lots import Slice
from talktime.core.rates.rate_decks import Direction
from talktime.core.values.frozen import frozen

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
    """The usage report's call types that this house charges (domain.md 7.2), and the call to one's own mobile (S7)."""

    # By identity: an Enum hashes its name, in Python, at every look into a table.
    __hash__ = object.__hash__

    USER_OUT = "user_out"
    USER_OUT_CONFERENCE = "user_out_conf"
    USER_OUT_TRANSFER = "user_out_transfer"
    USER_OUT_FORWARDING = "user_out_forwarding"
    USER_IN = "user_in"
    CONFERENCE_OUT = "conf_out"
    CALL_ME = "call_me"
    CONFERENCE_IN = "conf_in"
    VOICE_APP_OUT = "ucap_out"
    VOICE_APP_IN = "ucap_in"
    EMERGENCY_OUT = "emergency_out"
    EMERGENCY_IN = "emergency_in"


FROM_CONFERENCE = frozenset({CallKind.CONFERENCE_OUT, CallKind.CALL_ME})
FROM_PHONE = frozenset(
    {
        CallKind.USER_OUT,
        CallKind.USER_OUT_CONFERENCE,
        CallKind.USER_OUT_TRANSFER,
        CallKind.USER_OUT_FORWARDING,
        CallKind.VOICE_APP_OUT,
    }
)
OUTBOUND = FROM_CONFERENCE | FROM_PHONE
TO_SERVICE = frozenset({CallKind.CONFERENCE_IN, CallKind.VOICE_APP_IN})
INBOUND = TO_SERVICE | {CallKind.USER_IN, CallKind.EMERGENCY_IN}
EMERGENCY = frozenset({CallKind.EMERGENCY_OUT, CallKind.EMERGENCY_IN})


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
    # Minutes of a pool, each counted.
    MINUTES = "minutes"
    # A license that includes such calls without counting them.
    INCLUDED = "included"
    # What an organization that pays after use will find on its bill (S41).
    OVERAGE = "overage"


# Nothing is counted or charged for these.
UNCOUNTED = frozenset({PaysFrom.FREE, PaysFrom.INCLUDED})


class DenialReason(Enum):
    """Why a call is refused, or not extended; each has a sentence for people in `EXPLANATIONS`."""

    CALLER_UNKNOWN = "caller_unknown"
    ORGANIZATION_SUSPENDED = "organization_suspended"
    NUMBER_NOT_E164 = "number_not_e164"
    USER_BLOCKED = "user_blocked"
    POLICY_FORBIDS_CALLS = "policy_forbids_calls"
    POLICY_FORBIDS_INTERNATIONAL = "policy_forbids_international"
    POLICY_FORBIDS_CONFERENCE_DIAL_OUT = "policy_forbids_conference_dial_out"
    POLICY_ALLOWS_OWN_COUNTRY_ONLY = "policy_allows_own_country_only"
    POLICY_ALLOWS_ZONE_A_ONLY = "policy_allows_zone_a_only"
    PHONE_SYSTEM_LICENSE_MISSING = "phone_system_license_missing"
    CALLING_PLAN_MISSING = "calling_plan_missing"
    AUDIO_CONFERENCING_LICENSE_MISSING = "audio_conferencing_license_missing"
    RESOURCE_ACCOUNT_LICENSE_MISSING = "resource_account_license_missing"
    TOLL_FREE_DISABLED = "toll_free_disabled"
    DESTINATION_BLOCKED = "destination_blocked"
    PREMIUM_NOT_SUPPORTED = "premium_not_supported"
    TOO_MANY_CALLS = "too_many_calls"
    CREDIT_NOT_SET_UP = "credit_not_set_up"
    OVERAGE_OFF = "overage_off"
    CREDITS_LICENSE_MISSING = "credits_license_missing"
    NO_RATE_DECK_IN_FORCE = "no_rate_deck_in_force"
    DESTINATION_NOT_RATED = "destination_not_rated"
    DECK_CURRENCY_DIFFERS = "deck_currency_differs"
    DESTINATION_TOO_EXPENSIVE = "destination_too_expensive"
    USER_CAP_REACHED = "user_cap_reached"
    DEPARTMENT_CAP_REACHED = "department_cap_reached"
    CREDIT_EXHAUSTED = "credit_exhausted"
    OVERAGE_LIMIT_REACHED = "overage_limit_reached"
    CALL_CUT = "call_cut"
    CALL_UNKNOWN = "call_unknown"
    CALL_ENDED = "call_ended"
    CALL_ID_TAKEN = "call_id_taken"


EXPLANATIONS: dict[DenialReason, str] = {
    DenialReason.CALLER_UNKNOWN: "No user, organizer or service number matches the call; add the number to a user.",
    DenialReason.ORGANIZATION_SUSPENDED: "The organization is suspended; an operator can activate it again.",
    DenialReason.NUMBER_NOT_E164: "The dialed number is no international number; the switch must send E.164.",
    DenialReason.USER_BLOCKED: "The caller is blocked from calling out; an administrator can unblock the account.",
    DenialReason.POLICY_FORBIDS_CALLS: "The caller's dial-out policy forbids calls to telephones; grant another one.",
    DenialReason.POLICY_FORBIDS_INTERNATIONAL: "The caller's dial-out policy allows one country only; grant another.",
    DenialReason.POLICY_FORBIDS_CONFERENCE_DIAL_OUT: "The organizer's policy forbids conferences to dial out; grant"
    " another one.",
    DenialReason.POLICY_ALLOWS_OWN_COUNTRY_ONLY: "The organizer's policy lets conferences dial his own country only;"
    " grant another one.",
    DenialReason.POLICY_ALLOWS_ZONE_A_ONLY: "The organizer's policy lets conferences dial Zone A only; grant another.",
    DenialReason.PHONE_SYSTEM_LICENSE_MISSING: "The caller has no Phone System license; assign one.",
    DenialReason.CALLING_PLAN_MISSING: "The caller has no calling plan, which this organization requires; assign one.",
    DenialReason.AUDIO_CONFERENCING_LICENSE_MISSING: "The organizer has no Audio Conferencing license; assign one.",
    DenialReason.RESOURCE_ACCOUNT_LICENSE_MISSING: "The account has no Resource Account license; assign one.",
    DenialReason.TOLL_FREE_DISABLED: "The organizer's conferences cannot be reached by toll-free numbers; allow it for"
    " him, or dial the toll number.",
    DenialReason.DESTINATION_BLOCKED: "The rate deck blocks this destination; publish a price for it to allow calls.",
    DenialReason.PREMIUM_NOT_SUPPORTED: "Premium-rate numbers of this country cannot be called.",
    DenialReason.TOO_MANY_CALLS: "The caller has begun more calls in this hour than the stop allows; wait for"
    " the next hour, or raise the stop.",
    DenialReason.CREDIT_NOT_SET_UP: "Communications Credits were never set up; fund the organization.",
    DenialReason.OVERAGE_OFF: "The organization pays after use and its overage is off; switch it on.",
    DenialReason.CREDITS_LICENSE_MISSING: "The user has no Communications Credits license; assign one, it is free.",
    DenialReason.NO_RATE_DECK_IN_FORCE: "No rate deck was in force when the call began; publish one.",
    DenialReason.DESTINATION_NOT_RATED: "The rate deck has no price for this number; add its prefix.",
    DenialReason.DECK_CURRENCY_DIFFERS: "The rate deck is in another currency than the balance; assign a fitting deck.",
    DenialReason.DESTINATION_TOO_EXPENSIVE: "A minute costs more than the organization's high-cost stop allows; raise"
    " the stop.",
    DenialReason.USER_CAP_REACHED: "The caller's monthly cap does not pay another block; raise it.",
    DenialReason.DEPARTMENT_CAP_REACHED: "The department's monthly cap does not pay another block; raise it.",
    DenialReason.CREDIT_EXHAUSTED: "The available credit does not pay connection fee and first block; add funds.",
    DenialReason.OVERAGE_LIMIT_REACHED: "The month's overage limit does not pay another block; raise it.",
    DenialReason.CALL_CUT: "An administrator has cut the call; it ends with what was granted before.",
    DenialReason.CALL_UNKNOWN: "No such call is open; the switch must ask for a start first.",
    DenialReason.CALL_ENDED: "The call has ended already; a new call needs a new call id.",
    DenialReason.CALL_ID_TAKEN: "Another call has this call id; a new call needs a new one.",
}

# Refusals that money would have prevented: reports count them as lost because of balance (money.md 62).
LOST_BECAUSE_OF_BALANCE = frozenset(
    {DenialReason.CREDIT_NOT_SET_UP, DenialReason.CREDIT_EXHAUSTED, DenialReason.OVERAGE_LIMIT_REACHED}
)
# The service that the sources describe answers SIP 404 with these (domain.md 1.7).
SUBCODES: dict[DenialReason, int] = {
    DenialReason.CREDIT_NOT_SET_UP: 580_406,
    DenialReason.OVERAGE_OFF: 580_462,
    DenialReason.CREDITS_LICENSE_MISSING: 580_464,
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
    # Used seconds within the grace of a grant were cut down to the grant (charging.md e1, quirk 4).
    CLAMPED = auto()
    # The switch used more than it was granted.
    OVERRUN = auto()
    # Charged after the server had given the call up.
    LATE = auto()
    # Closed by the server's timer: the duration is what was funded, not what the switch measured.
    RECONSTRUCTED = auto()
    # Reports of a session were lost, or were none of this call: made up for by its clock, up to what was granted
    # (charging.md e1, quirk 6).
    GAP = auto()
    # The duration was corrected after the call had been charged.
    CORRECTED = auto()


@frozen
class RateReference:
    """Which row of which deck version prices a call; a call in progress keeps it (money.md, case 55)."""

    version_id: int
    direction: Direction
    prefix: str
    origin_prefix: str


class Share(NamedTuple):
    """Minutes of a pool that a call holds or has used."""

    pool: str
    minutes: int


@frozen
class Hold:
    """What is promised to a call: minutes of pools, which pay first, slices over lots, and what goes on the bill."""

    slices: tuple[Slice, ...] = ()
    minutes: tuple[Share, ...] = ()
    overage_micros: int = 0

    @property
    def amount_micros(self) -> int:
        """Return the credit that is promised in all; mostly it rests on one lot."""
        slices = self.slices
        return slices[0].amount_micros if len(slices) == 1 else sum(part.amount_micros for part in slices)

    @property
    def money_micros(self) -> int:
        """Return the credit and the overage that are promised."""
        return self.amount_micros + self.overage_micros

    @property
    def included_minutes(self) -> int:
        """Return the pool minutes that are promised."""
        return sum(share.minutes for share in self.minutes) if self.minutes else 0

    def grown(self, more: tuple[Slice, ...], overage_micros: int = 0) -> "Hold":
        """Return the hold with further slices, one for each lot, and further overage."""
        if not self.slices:
            return Hold(more, self.minutes, self.overage_micros + overage_micros)
        if len(self.slices) == len(more) == 1 and self.slices[0].lot_id == more[0].lot_id:
            grown = Slice(more[0].lot_id, self.slices[0].amount_micros + more[0].amount_micros)
            return Hold((grown,), self.minutes, self.overage_micros + overage_micros)
        amounts = dict(self.slices)
        for lot_id, amount in more:
            amounts[lot_id] = amounts.get(lot_id, 0) + amount
        slices = tuple(Slice(lot_id, amount) for lot_id, amount in amounts.items())
        return Hold(slices, self.minutes, self.overage_micros + overage_micros)


NO_HOLD = Hold()

# Of a request whose protocol does not number requests.
NO_NUMBER = -1


class Session(NamedTuple):
    """What a client whose reports are relative to its last one has told: RFC 8506's sessions, TS 32.291's resources."""

    number: int = NO_NUMBER
    reported_seconds: int = 0
    # How many reports were lost, or were no report of a call like this.
    missed_count: int = 0
    # How far the client's clock was before ours when the session began.
    clock_ahead_seconds: int = 0


NO_SESSION = Session()


@frozen
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
    # None where money does not pay for the call: it is free, or included minutes alone do.
    rate: RateReference | None = None
    destination: str = ""
    # Names of the meters that count the call, pools in the order in which they pay.
    meters: tuple[str, ...] = ()
    # The license by which money pays for it, as usage reports name it.
    capability: str = ""
    # What the switch calls the call, for whoever has to cut it there.
    switch_ref: str = ""


@frozen
class CallResult:
    """How a call ended and what it cost."""

    ended_at: datetime
    ending: Ending
    used_seconds: int
    cost_micros: int = 0
    uncovered_micros: int = 0
    flags: Flags = Flags.NONE


@frozen
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
    session: Session = NO_SESSION
    # When an administrator cut it: nothing is granted any more.
    cut_at: datetime | None = None
