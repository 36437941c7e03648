"""What stands of a call's charge when all its usage rows are added up: source by source, and what has come back."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from talktime.core.calls.calls import CallSetup, PaysFrom
from talktime.core.calls.cdrs import Charged, UsageRow
from talktime.core.calls.counting import meters
from talktime.core.calls.counting.pools import SECONDS_PER_MINUTE, pool_of
from talktime.core.calls.funding import Part
from talktime.core.credit import unwinding
from talktime.core.credit.unwinding import Spent


class Source(NamedTuple):
    """What pays for a part of a call; of minutes, the meter of their pool."""

    paid_by: PaysFrom
    pool: str = ""


class Share(NamedTuple):
    """What a source pays of a call: seconds and micros."""

    used_seconds: int = 0
    billed_seconds: int = 0
    fee_micros: int = 0
    cost_micros: int = 0
    uncovered_micros: int = 0

    def plus(self, other: "Share") -> "Share":
        """Return the sum."""
        return Share(*(mine + its for mine, its in zip(self, other, strict=True)))

    def less(self, other: "Share") -> "Share":
        """Return the difference."""
        return Share(*(mine - its for mine, its in zip(self, other, strict=True)))


NO_SHARE = Share()


@dataclass(frozen=True, slots=True)
class Standing:
    """The sums of a call's rows by source, in the order in which they began to pay, and what corrections gave back."""

    shares: Mapping[Source, Share]
    spent: Spent
    # Minutes by pool, and micros of the bill.
    returned_minutes: Mapping[str, int]
    returned_overage_micros: int
    # Once money, or the bill, has paid for a second of the call, it pays for those after it.
    has_money_begun: bool
    has_bill_begun: bool

    def share(self, source: Source) -> Share:
        """Return what a source pays."""
        return self.shares.get(source, NO_SHARE)

    @property
    def credit(self) -> Share:
        """Return what credit pays, and what nothing covered."""
        return self.share(Source(PaysFrom.CREDIT))

    @property
    def bill(self) -> Share:
        """Return what is on the bill."""
        return self.share(Source(PaysFrom.OVERAGE))


def standing_of(setup: CallSetup, charged: Charged) -> Standing:
    """Add up the rows of a call."""
    pools = {pool_of(name).capability: name for name in setup.meters if meters.kind_of(name) == meters.POOL}
    shares = dict[Source, Share]()
    returned = dict[Source, int]()
    money = [row for row in charged.rows if row.paid_by in (PaysFrom.CREDIT, PaysFrom.OVERAGE)]
    for row in charged.rows:
        source = Source(row.paid_by, pools[row.capability] if row.paid_by is PaysFrom.MINUTES else "")
        shares[source] = shares.get(source, NO_SHARE).plus(_share_of(row))
        amount = row.billed_seconds // SECONDS_PER_MINUTE if source.pool else row.cost_micros
        returned[source] = max(0, returned.get(source, 0) - amount)
    return Standing(
        shares,
        unwinding.spent(charged.postings),
        {source.pool: minutes for source, minutes in returned.items() if source.pool},
        returned.get(Source(PaysFrom.OVERAGE), 0),
        any(row.used_seconds > 0 or row.cost_micros > 0 for row in money),
        any(row.paid_by is PaysFrom.OVERAGE and row.cost_micros > 0 for row in money),
    )


def source_of(part: Part) -> Source:
    """Return which source a part names."""
    return Source(part.paid_by, part.pool)


def share_of(part: Part) -> Share:
    """Return what a part says that its source pays."""
    return Share(part.used_seconds, part.billed_seconds, part.fee_micros, part.cost_micros, part.uncovered_micros)


def _share_of(row: UsageRow) -> Share:
    return Share(row.used_seconds, row.billed_seconds, row.connection_fee_micros, row.cost_micros, row.uncovered_micros)
