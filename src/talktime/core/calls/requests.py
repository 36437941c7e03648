"""What charging is asked, what it knows, and what it answers: values only."""

from collections.abc import Mapping
from dataclasses import field
from datetime import datetime

from talktime.core.calls.calls import NO_NUMBER, Call, CallKey, CallKind, DenialReason, Ending, PaysFrom, RateReference
from talktime.core.calls.cdrs import Charged, UsageRow
from talktime.core.calls.counting.meters import UNUSED, Meter
from talktime.core.credit.buying.purchases import Purchase
from talktime.core.credit.ledger import JournalEntry
from talktime.core.credit.lots import Credit
from talktime.core.credit.recharging.watching import CreditWatch
from talktime.core.organizations.arrangements import NO_ARRANGEMENTS, Arrangements
from talktime.core.organizations.country_table import CountryTable
from talktime.core.organizations.organizations import Organization
from talktime.core.organizations.users import Identity
from talktime.core.rates.rate_decks import DeckPublication, Direction, RateDeck
from talktime.core.values.events import Event
from talktime.core.values.frozen import frozen


@frozen
class ChargingTerms:
    """The operator's choices, in seconds."""

    quantum_seconds: int = 60
    # How long before the grant ends the switch should ask again: room for a slow answer and one retry.
    recheck_margin_seconds: int = 10
    ring_timeout_seconds: int = 180
    silence_grace_seconds: int = 60
    overrun_grace_seconds: int = 2
    emergency_countries: frozenset[str] = frozenset()
    # A report of use that comes within this is paid by the lots of then, expired since or not (money.md 31).
    late_usage_grace_seconds: int = 259_200


@frozen
class StartCall:
    """May this call be made, and how long? Numbers are normalized digits.

    `organizer` names who pays a conference, `forwarded_by` who transferred or forwards the call, and pays it. By
    `switch_ref` the switch finds the call when it is told to cut it. Of a session, `number` is the first request's
    (RFC 8506 CC-Request-Number), and `wanted_seconds` how much it asks for at a time; never more than the quantum.
    """

    key: CallKey
    at: datetime
    caller: str
    called: str
    kind: CallKind | None = None
    conference_id: str = ""
    organizer: str = ""
    forwarded_by: str = ""
    switch_ref: str = ""
    wanted_seconds: int = 0
    number: int = NO_NUMBER
    # The client's own clock, where the protocol tells it (RFC 8506 Event-Timestamp).
    sent_at: datetime | None = None


@frozen
class AnswerCall:
    """The call was answered: its clock runs."""

    key: CallKey
    at: datetime
    answered_at: datetime


@frozen
class ExtendCall:
    """The switch holds a grant of so many seconds since the answer, and wants the next; asked again, answered alike."""

    key: CallKey
    at: datetime
    granted_seconds: int
    elapsed_seconds: int | None = None
    wanted_seconds: int = 0


@frozen
class UpdateSession:
    """A session has used so many seconds since its last report, and wants more; a number seen is answered alike.

    `sent_at` is the client's own clock (RFC 8506 Event-Timestamp).
    """

    key: CallKey
    at: datetime
    number: int
    used_seconds: int
    wanted_seconds: int
    sent_at: datetime


@frozen
class EndSession:
    """A session is over, having used so many seconds since its last report."""

    key: CallKey
    at: datetime
    number: int
    used_seconds: int
    sent_at: datetime
    ending: Ending = Ending.HANGUP


@frozen
class CutCall:
    """An administrator wants the call to end: what is granted stands, and nothing more is."""

    key: CallKey
    at: datetime


@frozen
class EndCall:
    """The call ended after so many seconds of talk; 0 where it was not answered.

    `misread` says why the report could not be read; then it is kept for an operator, and nothing else in it counts.
    """

    key: CallKey
    at: datetime
    used_seconds: int
    ending: Ending = Ending.HANGUP
    misread: str = ""


@frozen
class EndLeg:
    """The conference is over, and this leg of it: it lasted from its answer until now, by our clock."""

    key: CallKey
    at: datetime


@frozen
class CloseCall:
    """The switch has been silent past what it was granted: end the call without it (RFC 8506 §5.1.2, Tcc)."""

    key: CallKey
    at: datetime


@frozen
class CorrectCall:
    """A call that has ended lasted otherwise than it was charged; the difference is charged or given back.

    The same `reference` corrects a call once, however often it comes. `answered_at` counts where nobody told of the
    answer before. A refund (RFC 8506 §8.41 REFUND_ACCOUNT) is a correction to 0 seconds. With a `rate` the call is
    priced by that from now on, and nothing else of it is other than it was.
    """

    key: CallKey
    at: datetime
    used_seconds: int
    reason: str
    reference: str
    answered_at: datetime | None = None
    rate: RateReference | None = None


Request = (
    StartCall
    | AnswerCall
    | ExtendCall
    | UpdateSession
    | EndSession
    | CutCall
    | EndCall
    | EndLeg
    | CloseCall
    | CorrectCall
)


@frozen
class Granted:
    """The call may last so many seconds since its answer; `recheck_after_seconds` is when to ask for more.

    Of a session, `reported_seconds` are those that it has used by its own reports.
    """

    granted_seconds: int
    is_final: bool
    recheck_after_seconds: int
    pays_from: PaysFrom
    reported_seconds: int = 0


@frozen
class Denied:
    """An expected no."""

    reason: DenialReason


@frozen
class Finished:
    """The call is over and charged, now or earlier."""

    used_seconds: int
    cost_micros: int
    currency: str


@frozen
class Noted:
    """The switch's word was taken; nothing was charged."""


@frozen
class Parked:
    """What the switch reports cannot be charged; it is kept for an operator, with the reason and the use reported."""

    reason: str
    used_seconds: int = 0


Answer = Granted | Denied | Finished | Noted | Parked


@frozen
class ChargingFacts:
    """What the requests of a batch are decided on; identities by normalized number or user principal name."""

    organizations: Mapping[int, Organization]
    credits: Mapping[int, Credit]
    calls: Mapping[CallKey, Call]
    identities: Mapping[str, Identity]
    publications: Mapping[tuple[str, Direction], tuple[DeckPublication, ...]]
    decks: Mapping[int, RateDeck]
    # What is watched of each organization that was ever funded.
    watches: Mapping[int, CreditWatch]
    # Of each organization that has arranged anything.
    arrangements: Mapping[int, Arrangements] = field(default_factory=dict)
    # By organization and name; one that is not there has counted nothing.
    meters: Mapping[tuple[int, str], Meter] = field(default_factory=dict)
    country_tables: tuple[tuple[datetime, CountryTable], ...] = ()
    # Starts that were looked at already, to know which meters may decide about them (entitlement/cases.py).
    cases: Mapping[CallKey, object] = field(default_factory=dict)
    # Of the calls that a correction names, and what each lot of their organizations has repaid of what was owed.
    charged: Mapping[CallKey, Charged] = field(default_factory=dict)
    repaid: Mapping[tuple[int, int], int] = field(default_factory=dict)

    def arranged(self, organization_id: int) -> Arrangements:
        """Return what an organization has arranged."""
        return self.arrangements.get(organization_id, NO_ARRANGEMENTS)

    def meter(self, organization_id: int, name: str) -> Meter:
        """Return what a meter has counted."""
        return self.meters.get((organization_id, name), UNUSED)


@frozen
class Outcome:
    """What one decision changes, and what is answered; None where nothing changes."""

    answer: Answer
    call: Call | None = None
    credit: Credit | None = None
    usage: tuple[UsageRow, ...] = ()
    entries: tuple[JournalEntry, ...] = ()
    events: tuple[Event, ...] = ()
    watch: CreditWatch | None = None
    # The recharge that this decision made due.
    purchase: Purchase | None = None
    # The meters of the call's organization that the decision moved, by name.
    meters: Mapping[str, Meter] = field(default_factory=dict)
