"""The final record of a call: one usage row for each source that paid, complete when written, never rewritten."""

from datetime import datetime

from talktime.core.calls.calls import CallKey, CallKind, Ending, Flags, PaysFrom, text_of
from talktime.core.credit.ledger import Posting
from talktime.core.values.frozen import frozen

# How the reference of a correction begins that gives a call another rate, and changes nothing else of it.
RERATED = "rerated:"


@frozen
class UsageRow:
    """One funding source's part of a call (S60 to S62); money in micros, durations in seconds, instants aware UTC."""

    organization_id: int
    key: CallKey
    line: int
    kind: CallKind
    user_id: int | None
    conference_id: str
    caller: str
    called: str
    destination: str
    prefix: str
    deck_version_id: int | None
    started_at: datetime
    answered_at: datetime | None
    ended_at: datetime
    used_seconds: int
    billed_seconds: int
    connection_fee_micros: int
    cost_micros: int
    uncovered_micros: int
    currency: str
    paid_by: PaysFrom
    ending: Ending
    flags: Flags
    # The license by which the source pays, as usage reports name it (domain.md 7.3).
    capability: str = ""
    # Of a row that corrects those before it, what it adds to them or takes back: under which reference, and why.
    correction_reference: str = ""
    correction_reason: str = ""


@frozen
class Charged:
    """All that was written of one call: its usage rows in the order of their lines, and the postings of their entries.

    Rows and postings are never rewritten: a corrected call has more of them, and counts with their sums.
    """

    rows: tuple[UsageRow, ...] = ()
    postings: tuple[Posting, ...] = ()


NOTHING_CHARGED = Charged()


def entry_id_of(key: CallKey, line: int) -> str:
    """Return the id of the journal entry that charges a usage row: the same row can be charged once only."""
    return f"call:{text_of(key)}:{line}"
