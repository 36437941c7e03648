"""What an import comes to: new and known calls, sums by currency, why lines are no calls, and the first of them."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum

from talktime.core.insight.importing.imported_calls import ImportedCall, UsageKind, UsageLine
from talktime.core.values.frozen import frozen

# Whoever has more lines to mend than these corrects the cause, not the lines.
EXAMPLES_MAX = 20
NOTES_MAX = 100
# So many different reasons are told apart; a reason quotes no cell.
REASONS_MAX = 100


class Known(Enum):
    """Why a call is not new."""

    IN_FILE = "stands in the file before"
    IMPORTED = "was imported before"
    OWN = "was charged by Talktime itself"


@frozen
class KnownCall:
    """A line whose call is known, and where it was first in the file, if there."""

    line: int
    why: Known
    first_line: int | None
    part: str = ""


@frozen
class RejectCause:
    """Why lines of a column are rejected, how many, and the first of them."""

    column: str
    reason: str
    lines_count: int
    first: UsageLine


@frozen
class CurrencySum:
    """What the new calls of a currency come to; `rated` is what a deck says of those without a charge."""

    currency: str
    calls_count: int
    charged_micros: int
    rated_micros: int


@frozen
class ImportTally:
    """Counts of a file's lines: every one is new, known, rejected, skipped or a note."""

    lines_count: int
    new_count: int
    known: tuple[tuple[Known, int], ...]
    rejected_count: int
    causes: tuple[RejectCause, ...]
    skipped: tuple[tuple[str, int], ...]
    used_seconds: int
    kinds: tuple[tuple[UsageKind, int], ...]
    sums: tuple[CurrencySum, ...]
    without_cost_count: int
    not_rated: tuple[tuple[str, int], ...]
    first_started_at: datetime | None
    last_started_at: datetime | None
    rejects: tuple[UsageLine, ...]
    known_examples: tuple[KnownCall, ...]
    notes: tuple[str, ...]

    @property
    def known_count(self) -> int:
        """Return how many calls are not new."""
        return sum(count for _, count in self.known)


@dataclass(slots=True)
class Tallying:
    """An import's counts while its file is read; its size does not grow with the file."""

    lines_count: int = 0
    rejected_count: int = 0
    used_seconds: int = 0
    without_cost_count: int = 0
    first_started_at: datetime | None = None
    last_started_at: datetime | None = None
    known: Counter[Known] = field(default_factory=Counter)
    skipped: Counter[str] = field(default_factory=Counter)
    kinds: Counter[UsageKind] = field(default_factory=Counter)
    not_rated: Counter[str] = field(default_factory=Counter)
    calls: Counter[str] = field(default_factory=Counter)
    charged_micros: Counter[str] = field(default_factory=Counter)
    rated_micros: Counter[str] = field(default_factory=Counter)
    rejects: list[UsageLine] = field(default_factory=list)
    causes: Counter[tuple[str, str]] = field(default_factory=Counter)
    first_of_cause: dict[tuple[str, str], UsageLine] = field(default_factory=dict)
    known_examples: list[KnownCall] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def add_no_call(self, line: UsageLine) -> None:
        """Count a line that is no call."""
        if line.note:
            if len(self.notes) < NOTES_MAX:
                self.notes.append(f"{line.part}: {line.note}" if line.part else line.note)
            return
        self.lines_count += 1
        if line.reject is None:
            self.skipped[line.skipped if len(self.skipped) < REASONS_MAX else "…"] += 1
            return
        self.rejected_count += 1
        cause = (line.reject.column, line.reject.reason)
        if cause in self.first_of_cause or len(self.first_of_cause) < REASONS_MAX:
            self.causes[cause] += 1
            self.first_of_cause.setdefault(cause, line)
        if len(self.rejects) < EXAMPLES_MAX:
            self.rejects.append(line)

    def add_known(self, known: KnownCall) -> None:
        """Count a call that is not new."""
        self.lines_count += 1
        self.known[known.why] += 1
        if len(self.known_examples) < EXAMPLES_MAX:
            self.known_examples.append(known)

    def add_new(self, call: ImportedCall) -> None:
        """Count a new call."""
        self.lines_count += 1
        self.used_seconds += call.used_seconds
        self.kinds[call.kind] += 1
        start = call.started_at
        if self.first_started_at is None or start < self.first_started_at:
            self.first_started_at = start
        if self.last_started_at is None or start > self.last_started_at:
            self.last_started_at = start
        if call.not_rated:
            self.not_rated[call.not_rated] += 1
        if call.cost_micros is None:
            self.without_cost_count += 1
            return
        self.calls[call.currency] += 1
        if call.charge_micros is None:
            self.rated_micros[call.currency] += call.cost_micros
        else:
            self.charged_micros[call.currency] += call.charge_micros

    def tally(self) -> ImportTally:
        """Return the counts so far."""
        return ImportTally(
            self.lines_count,
            self.kinds.total(),
            tuple((why, self.known[why]) for why in Known if self.known[why]),
            self.rejected_count,
            tuple(RejectCause(*cause, count, self.first_of_cause[cause]) for cause, count in self.causes.most_common()),
            tuple(self.skipped.most_common()),
            self.used_seconds,
            tuple(self.kinds.most_common()),
            tuple(
                CurrencySum(currency, count, self.charged_micros[currency], self.rated_micros[currency])
                for currency, count in sorted(self.calls.items())
            ),
            self.without_cost_count,
            tuple(self.not_rated.most_common()),
            self.first_started_at,
            self.last_started_at,
            tuple(self.rejects),
            tuple(self.known_examples),
            tuple(self.notes),
        )
