"""What an audit finds in the meters: each has counted what the calls that name it used, and holds what they hold."""

from collections import Counter
from collections.abc import Iterator, Sequence

from talktime.core.calls.calls import Call, Hold, PaysFrom
from talktime.core.calls.cdrs import UsageRow
from talktime.core.calls.counting import meters
from talktime.core.calls.counting.pools import SECONDS_PER_MINUTE, pool_of
from talktime.core.insight.books import Finding, MeterBooks, Rule
from talktime.core.values.money import format_micros

_OURS = "a row that Talktime writes"


class MeterSums:
    """What calls use and hold of each meter that they name, by organization and name; two numbers for each meter.

    A cap that began in mid-month counts the calls from then on: they name its meter. What those of before have cost
    stands apart in its row.
    """

    def __init__(self) -> None:
        """Start at nothing."""
        self._used: Counter[tuple[int, str]] = Counter()
        self._held: Counter[tuple[int, str]] = Counter()

    def count(self, call: Call, usage: Sequence[UsageRow]) -> None:
        """Add what a call has used, and what it holds."""
        for name in call.setup.meters:
            key = call.setup.organization_id, name
            self._used[key] += _used(name, usage)
            self._held[key] += _held(name, call.hold)

    def findings(self, books: MeterBooks) -> Iterator[Finding]:
        """Check a meter against the calls that were counted, and take it for checked."""
        organization_id, name = books.organization_id, books.name
        row = f"meters {name}"
        used, held = self._used.pop((organization_id, name), 0), self._held.pop((organization_id, name), 0)
        if books.unreadable is not None:
            yield Finding(Rule.ROW_READABLE, organization_id, row, _OURS, books.unreadable.problem)
            return
        # How many calls began in an hour is no money, and no call says that it was counted there.
        used += books.used_before
        if books.used != used and meters.kind_of(name) != meters.CALLS:
            expected, found = f"used {_amount(name, used)} (calls that name it)", _amount(name, books.used)
            yield Finding(Rule.METER_EQUALS_USAGE, organization_id, row, expected, found)
        if books.held != held:
            expected, found = f"held {_amount(name, held)} (open calls)", _amount(name, books.held)
            yield Finding(Rule.METER_HELD_BY_CALLS, organization_id, row, expected, found)

    def left(self) -> Iterator[Finding]:
        """After all meters: what is used or held of meters that are not there."""
        for rule, sums in ((Rule.METER_EQUALS_USAGE, self._used), (Rule.METER_HELD_BY_CALLS, self._held)):
            for (organization_id, name), amount in sorted(sums.items()):
                if amount:
                    expected = f"a meter for the {_amount(name, amount)} of its calls"
                    yield Finding(rule, organization_id, f"meters {name}", expected, "none")


def _used(name: str, usage: Sequence[UsageRow]) -> int:
    match meters.kind_of(name):
        case meters.POOL:
            capability = pool_of(name).capability
            drawn = (row for row in usage if row.paid_by is PaysFrom.MINUTES and row.capability == capability)
            return sum(row.billed_seconds // SECONDS_PER_MINUTE for row in drawn)
        case meters.OVERAGE:
            return sum(row.cost_micros for row in usage if row.paid_by is PaysFrom.OVERAGE)
        case _:
            return sum(row.cost_micros for row in usage)


def _held(name: str, hold: Hold) -> int:
    match meters.kind_of(name):
        case meters.POOL:
            return sum(minutes for pool, minutes in hold.minutes if pool == name)
        case meters.OVERAGE:
            return hold.overage_micros
        case _:
            return hold.money_micros


def _amount(name: str, amount: int) -> str:
    match meters.kind_of(name):
        case meters.POOL:
            return f"{amount} minutes"
        case meters.CALLS:
            return f"{amount} calls"
        case _:
            return format_micros(amount)
