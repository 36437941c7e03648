"""What the demo's story is made of: values, found in the month's books and mails."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import NamedTuple
from zoneinfo import ZoneInfo

from talktime.core.calls.explaining.explanations import Explanation
from talktime.core.calls.replaying import ReplayedCall
from talktime.core.credit.lots import Credit
from talktime.core.insight.pool_report import PoolLine
from talktime.core.insight.receipts import Receipt
from talktime.core.values.events import EventKind
from talktime.usecases.insight.show_pools import PoolsShown

ZONE = ZoneInfo("America/Los_Angeles")
CURRENCY = "USD"


@dataclass(frozen=True, slots=True)
class DestinationTotal:
    """What the calls to one destination come to."""

    name: str
    calls_count: int
    used_seconds: int
    charged_micros: int

    def with_call(self, used_seconds: int, charged_micros: int) -> "DestinationTotal":
        """Return the total with one more call."""
        return DestinationTotal(
            self.name, self.calls_count + 1, self.used_seconds + used_seconds, self.charged_micros + charged_micros
        )


class Happening(NamedTuple):
    """One thing that happened to credit or minutes, as an event told it."""

    at: datetime
    kind: EventKind
    balance_micros: int
    details: Mapping[str, str]


class Letter(NamedTuple):
    """A mail as it lies in the folder."""

    at: datetime
    subject: str
    language: str
    path: Path


class Amounts(NamedTuple):
    """The month's amounts, in whole units."""

    promotional: int
    last_years: int
    ordered: int
    trigger: int
    recharge: int


class Takeover(NamedTuple):
    """How many minutes a day the people of a plan called at home, included in it and paid otherwise."""

    plan: str
    included: Counter[date]
    paid: Counter[date]


@dataclass(frozen=True, slots=True)
class MinutesTold:
    """The month's included minutes; `straddling` is a call that they began and credit finished."""

    pools: PoolsShown
    takeover: Takeover
    straddling: Receipt | None

    @property
    def lines(self) -> tuple[PoolLine, ...]:
        """Return the pools, and whoever has minutes of his own, the conferences' pool last."""
        own = () if self.pools.report.own is None else self.pools.report.own.most_used
        shared = [line for line in self.pools.report.lines if line.pool.country]
        rest = [line for line in self.pools.report.lines if not line.pool.country]
        return (*shared, *own, *rest)

    @property
    def used_minutes(self) -> int:
        """Return how many minutes cost nothing, because a license included them."""
        own = self.pools.report.own
        return sum(line.used_minutes for line in self.pools.report.lines) + (0 if own is None else own.used_minutes)


@dataclass(frozen=True, slots=True)
class Told:
    """All that the story is made of."""

    replayed: Sequence[ReplayedCall]
    credit: Credit
    minutes: MinutesTold
    destinations: Sequence[DestinationTotal]
    happenings: Sequence[Happening]
    letters: Sequence[Letter]
    refused: Explanation | None

    def used_up_at(self, line: PoolLine) -> datetime | None:
        """Return when the last minute of a pool was gone, as an event told it; None where some are left."""
        pool = (line.pool.capability, line.pool.country, line.pool.counter)
        ends = (
            each.at
            for each in self.happenings
            if each.kind is EventKind.POOL_EXHAUSTED and pool_told(each.details) == pool
        )
        return next(ends, None)


def pool_told(details: Mapping[str, str]) -> tuple[str, str, str]:
    """Return which pool an event names: its capability, country and counter."""
    return details.get("plan", ""), details.get("country", ""), details.get("counter", "")
