"""Export the books: the general ledger of one organization or of all, streamed, with balances to check it against."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import Enum
from zoneinfo import ZoneInfo

from talktime.core.credit.ledger import Account
from talktime.core.insight.general_ledger import (
    Balances,
    ChartedAccount,
    Moved,
    TrialLine,
    added,
    balances_of,
    brought_forward,
    total_moved,
    trial_balance,
)
from talktime.core.insight.ledger_entries import Detail, LedgerEntry, LedgerOf, summarized
from talktime.core.organizations.organizations import Organization
from talktime.core.values.errors import Invalid
from talktime.core.values.periods import DAY, Period, add_months, start_of_day
from talktime.store.transaction import Transaction

UTC = ZoneInfo("UTC")
# Days outside are a slip of the pen, and no zone can bring them outside what a date can be.
FIRST_YEAR, LAST_YEAR = 1970, 9998


class Clock(Enum):
    """Whose days date the books."""

    ORGANIZATION = "organization"
    UTC = "utc"


@dataclass(frozen=True, slots=True)
class Scope:
    """Which books: of one organization, or of all where none is named; from a first day to a last, both included."""

    organization: str = ""
    starts_on: date | None = None
    ends_on: date | None = None
    clock: Clock = Clock.ORGANIZATION


@dataclass(frozen=True, slots=True)
class ExportLedger:
    """What to export; each writer gets the currencies, and the ledger of each organization to read once."""

    scope: Scope
    detail: Detail = Detail.ENTRY
    writers: tuple[Callable[["OpenLedger"], object], ...] = field(default_factory=tuple)


@dataclass(frozen=True, slots=True)
class Difference:
    """An account whose entries come to something else than the tables: the books are damaged."""

    organization: str
    currency: str
    account: ChartedAccount
    entries_micros: int
    tables_micros: int


@dataclass(frozen=True, slots=True)
class TrialBalance:
    """The accounts of all organizations that share a currency, over the period."""

    currency: str
    organizations_count: int
    lines: tuple[TrialLine, ...]


@dataclass(frozen=True, slots=True)
class LedgerExported:
    """What was exported, and what did not agree."""

    scope: Scope
    begins_on: date | None
    ends_on: date | None
    entries_count: int
    trial_balances: tuple[TrialBalance, ...]
    differences: tuple[Difference, ...]


class OpenLedger:
    """Books that can be read while their transaction is open, one organization after the other.

    What goes by is added up, and compared with the tables when an organization's last entry has gone by.
    """

    def __init__(self, tx: Transaction, organizations: Iterable[Organization], scope: Scope, detail: Detail) -> None:
        """Read nothing before `ledgers`."""
        self.scope = scope
        self.detail = detail
        self.organizations = sorted(organizations, key=lambda each: each.organization_id)
        self.currencies = tuple(sorted({each.currency for each in self.organizations}))
        self._tx = tx
        self._moved: dict[str, Mapping[tuple[Account, Account], int]] = {}
        self._openings: dict[str, Balances] = {}
        self._counts: dict[str, int] = {}
        self._entries_count = 0
        self._days: tuple[date, date] | None = None
        self._differences: list[Difference] = []

    def ledgers(self) -> Iterator[LedgerOf]:
        """Yield the ledger of each organization that has books; its entries must be read before the next is asked."""
        for organization in self.organizations:
            ledger = _ledger_of(self._tx, organization, self.scope)
            if ledger is None:
                continue
            streamed: dict[tuple[Account, Account], int] = {}
            yield _with_entries(ledger, summarized(self._counted(ledger.entries, streamed), self.detail))
            self._add(ledger, streamed)

    def exported(self) -> LedgerExported:
        """Return what went by."""
        begins_on, ends_on = (None, None) if self._days is None else self._days
        return LedgerExported(
            self.scope,
            begins_on,
            ends_on,
            self._entries_count,
            tuple(
                TrialBalance(
                    currency, self._counts[currency], trial_balance(self._openings[currency], self._moved[currency])
                )
                for currency in sorted(self._counts)
            ),
            tuple(self._differences),
        )
