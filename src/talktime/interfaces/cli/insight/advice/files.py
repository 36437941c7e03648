"""What a usage file spent, for advice: its charges, or a stated price where it names none."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from zoneinfo import ZoneInfo

from talktime.core.credit.recharging.simulating import Spent
from talktime.core.insight.advice import saying
from talktime.core.insight.advice.demand import ReadSpend, read_spend
from talktime.core.insight.importing.duplicates import identity_of
from talktime.core.insight.importing.imported_calls import EMERGENCIES, ImportedCall, Reject, UsageKind
from talktime.core.insight.reports.filters import Direction
from talktime.core.values.errors import Invalid
from talktime.imports.usage import HowToRead, count_lines, read_usage_file
from talktime.interfaces.cli.terminal import progress

SECONDS_PER_MINUTE = 60
_USUAL = "USD"


@dataclass(frozen=True, slots=True)
class Pricing:
    """Which currency is asked for, "" any, and what a begun minute costs where no charge is named."""

    currency: str = ""
    minute_micros: int | None = None


@dataclass(frozen=True, slots=True)
class FileSpend:
    """What a file holds for advice; `warnings` tell what of it was left out, and why."""

    name: str
    currency: str
    read: ReadSpend
    calls_count: int
    warnings: tuple[str, ...]


def read_file(path: Path, how: HowToRead, zone: ZoneInfo, pricing: Pricing) -> FileSpend:
    """Return the spend of a file; raise NotFound, or Invalid where nothing of it can be used, with what would help."""
    gathered = _Gathered(pricing)
    if how.terms.kind is None:
        # Which way a call went decides nothing here as long as it says what it cost.
        how = replace(how, terms=replace(how.terms, kind=UsageKind.USER_OUT))
    with progress(f"Reading {path.name}", count_lines(path), "lines") as advance:
        for call in _calls(path, how, gathered):
            gathered.add(call)
            advance(1)
    currency = gathered.currency(path.name)
    read = read_spend(gathered.spent[currency], zone, how.terms.at)
    return FileSpend(path.name, currency, read, len(gathered.spent[currency]), gathered.warnings(currency))


def _calls(path: Path, how: HowToRead, gathered: "_Gathered") -> Iterator[ImportedCall]:
    for line in read_usage_file(path, how):
        if line.reject is not None:
            gathered.rejected_count += 1
            gathered.first_reject = gathered.first_reject or (line.line, line.reject)
        if line.call is not None:
            yield line.call


class _Gathered:
    """The spend of each currency so far, and what could not be used."""

    def __init__(self, pricing: Pricing) -> None:
        self.spent: dict[str, list[Spent]] = {}
        self.rejected_count = self.repeated_count = self.without_count = 0
        self.first_reject: tuple[int, Reject] | None = None
        self._pricing = pricing
        self._seen: set[bytes] = set()

    def add(self, call: ImportedCall) -> None:
        """Take a call, unless the file had it before, or nothing says what it cost."""
        identity = identity_of(call)
        if identity in self._seen:
            self.repeated_count += 1
            return
        self._seen.add(identity)
        cost = self._cost_micros(call)
        if cost is None:
            self.without_count += 1
            return
        self.spent.setdefault(call.currency.upper(), []).append(Spent(call.started_at, cost))

    def currency(self, name: str) -> str:
        """Return the currency of the advice: the one asked for, else that of most calls; raise Invalid."""
        asked = self._pricing.currency
        unnamed = self.spent.pop("", None)
        if unnamed is not None:
            self.spent.setdefault(asked or max(self.spent, key=self._calls_count, default=_USUAL), []).extend(unnamed)
        if not self.spent:
            raise Invalid(self._why_nothing(name), code="no_spend")
        if asked and asked not in self.spent:
            message = f"{name} has no call in {asked}, but in {', '.join(sorted(self.spent))}"
            raise Invalid(message, code="currency")
        return asked or max(self.spent, key=self._calls_count)

    def warnings(self, currency: str) -> tuple[str, ...]:
        """Return what was left out."""
        said = [
            f"Left out: {saying.calls(len(calls))} in {other}; ask for them with --currency {other}."
            for other, calls in sorted(self.spent.items())
            if other != currency
        ]
        if self.without_count:
            said.append(
                f"Left out: {saying.calls(self.without_count)} without a charge; --price states what a minute costs."
            )
        if self.repeated_count:
            said.append(f"Counted once: {saying.calls(self.repeated_count)} that the file repeats.")
        if self.first_reject is not None:
            line, reject = self.first_reject
            said.append(f"Lines that cannot be read: {self.rejected_count:,}; the first is {line}: {_reason(reject)}.")
        return tuple(said)

    def _cost_micros(self, call: ImportedCall) -> int | None:
        if call.cost_micros is not None:
            return call.cost_micros
        if self._pricing.minute_micros is None:
            return None
        is_free = call.direction is Direction.INBOUND or call.kind in EMERGENCIES
        return 0 if is_free else -(-call.used_seconds // SECONDS_PER_MINUTE) * self._pricing.minute_micros

    def _calls_count(self, currency: str) -> tuple[int, int]:
        # Not by amounts: those of different currencies cannot be compared. They decide between as many calls each.
        return len(self.spent[currency]), sum(each.cost_micros for each in self.spent[currency])

    def _why_nothing(self, name: str) -> str:
        if self.without_count:
            return (
                f"no call in {name} names a charge ({saying.calls(self.without_count)}): state what a minute costs"
                " with --price, such as --price 0.02"
            )
        if self.first_reject is not None:
            line, reject = self.first_reject
            return f"no line of {name} holds a call that can be read; line {line}: {_reason(reject)}"
        return f"there is no call in {name}"


def _reason(reject: Reject) -> str:
    return f"{reject.column}: {reject.reason}" if reject.column else reject.reason
