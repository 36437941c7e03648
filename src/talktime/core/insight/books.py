"""What the books say and what an audit finds in them: values, so that a simulation is audited by the same rules."""

from collections.abc import Mapping
from datetime import datetime
from enum import Enum
from typing import NamedTuple

from talktime.core.calls.calls import Call
from talktime.core.calls.cdrs import UsageRow
from talktime.core.values.frozen import frozen


class Rule(Enum):
    """What is checked; each has its paragraph in docs/rules/audit.md."""

    ROW_READABLE = "row_readable"
    ORGANIZATION_KNOWN = "organization_known"
    CALL_KEY_MAPPED = "call_key_mapped"
    CALL_COMPLETE = "call_complete"
    HOLD_ADDS_UP = "hold_adds_up"
    USAGE_OF_CALL = "usage_of_call"
    USAGE_EQUALS_CALL = "usage_equals_call"
    USAGE_EQUALS_PRICE = "usage_equals_price"
    USAGE_EQUALS_JOURNAL = "usage_equals_journal"
    CREDIT_IN_TIME = "credit_in_time"
    LOT_KNOWN = "lot_known"
    LOT_FITS = "lot_fits"
    LOT_EQUALS_JOURNAL = "lot_equals_journal"
    LOT_HELD_BY_CALLS = "lot_held_by_calls"
    METER_EQUALS_USAGE = "meter_equals_usage"
    METER_HELD_BY_CALLS = "meter_held_by_calls"
    LICENSES_COUNTED = "licenses_counted"
    RECEIVABLE_EQUALS_JOURNAL = "receivable_equals_journal"
    TRIAL_BALANCE = "trial_balance"
    JOURNAL_INSERT_ONLY = "journal_insert_only"
    DECK_COMPLETE = "deck_complete"
    # Notes: nothing is wrong with the books, but somebody has something to do.
    EXPIRED_CREDIT_SWEPT = "expired_credit_swept"
    SILENT_CALL_CLOSED = "silent_call_closed"


NOTES = frozenset({Rule.EXPIRED_CREDIT_SWEPT, Rule.SILENT_CALL_CLOSED})


@frozen
class Finding:
    """One place where a rule does not hold: which row, what was expected of it, what stands there."""

    rule: Rule
    organization_id: int | None
    row: str
    expected: str
    found: str

    @property
    def is_note(self) -> bool:
        """Tell whether this is for information only."""
        return self.rule in NOTES


class Unreadable(NamedTuple):
    """A row that holds what we never write."""

    row: str
    problem: str


class PostedRow(NamedTuple):
    """A row of the journal as it stands, whatever stands there, with the dates of the lot that it names."""

    entry_id: str
    debit: str
    credit: str
    amount_micros: int
    occurred_at: datetime
    lot_id: int | None = None
    lot_purchased_at: datetime | None = None
    lot_expires_at: datetime | None = None


@frozen
class CallBooks:
    """All that the books say of one call of one organization."""

    organization_id: int
    call_key: str
    call: Call | None = None
    hold_micros: int = 0
    is_mapped: bool = False
    usage: tuple[UsageRow, ...] = ()
    postings: tuple[PostedRow, ...] = ()
    # Rows that are no values of ours any more, each with what is wrong.
    unreadable: tuple[Unreadable, ...] = ()


class LotColumns(NamedTuple):
    """A row of the lots as it stands."""

    granted_micros: int
    spent_micros: int
    held_micros: int
    expired_micros: int
    refunded_micros: int
    disputed_micros: int
    expires_at: datetime

    @property
    def available_micros(self) -> int:
        """Return what is left when all that is gone or promised is taken away."""
        gone = self.spent_micros + self.expired_micros + self.refunded_micros + self.disputed_micros
        return self.granted_micros - gone - self.held_micros


# What the journal moved, by debit and credit account.
Movements = Mapping[tuple[str, str], int]


class Pending(NamedTuple):
    """What of an organization's money is on its way: refunds that nobody answered yet, payments that are disputed."""

    refunding_micros: int = 0
    contested_micros: int = 0


NOTHING_PENDING = Pending()


@frozen
class LotBooks:
    """All that the books say of one lot; without a lot id, what the journal moved between the other accounts."""

    organization_id: int
    lot_id: int | None
    columns: LotColumns | None
    movements: Movements
    unreadable: Unreadable | None = None


class MeterBooks(NamedTuple):
    """A row of the meters as it stands: minutes, micros or calls, by its name."""

    organization_id: int
    name: str
    used: int = 0
    held: int = 0
    # What of `used` was there when the meter began in mid-month.
    used_before: int = 0
    unreadable: Unreadable | None = None


class LicenseBooks(NamedTuple):
    """How many users have a license in a country: as counted for the pools, and as the users say."""

    organization_id: int
    license: int
    country: str
    counted: int
    held: int


@frozen
class DeckBooks:
    """A deck version that is complete, or published, or both; and how many rates it has."""

    version_id: int
    deck: str
    number: int
    is_complete: bool
    is_published: bool
    rates_stated: int
    rates_count: int
