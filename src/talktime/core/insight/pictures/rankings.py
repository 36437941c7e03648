"""Who or what stands first: destinations and users, and the rest of them together."""

from collections.abc import Iterable
from enum import Enum
from typing import NamedTuple
from zoneinfo import ZoneInfo

from talktime.core.insight.pictures.rhythms import Measure
from talktime.core.insight.pictures.twins import TableTwin
from talktime.core.insight.tables import Column, ColumnKind
from talktime.core.values.frozen import frozen
from talktime.core.values.periods import Period

SHOWN_MAX = 10


class Subject(Enum):
    """Of what the bars are."""

    DESTINATIONS = "destinations"
    USERS = "users"


class Ranked(NamedTuple):
    """A destination or a user, by name, and what the calls came to; an empty name stands for nobody in particular."""

    name: str
    calls: int
    used_seconds: int
    cost_micros: int

    def amount(self, measure: Measure) -> int:
        """Return micros, seconds or calls."""
        if measure is Measure.COST:
            return self.cost_micros
        return self.used_seconds if measure is Measure.MINUTES else self.calls


@frozen
class RankedUsage:
    """All destinations or users of a period that had calls, in no order."""

    subject: Subject
    period: Period
    zone: ZoneInfo
    currency: str
    found: tuple[Ranked, ...]


@frozen
class Ranking:
    """The first by a measure, the largest first, and what all others come to together."""

    usage: RankedUsage
    measure: Measure
    first: tuple[Ranked, ...]
    others_count: int
    others: Ranked
    total: Ranked

    @property
    def charged(self) -> int:
        """Return what those came to who came to more than nothing: a share is one of this.

        The total is less by what was given back, and a share of it could be any number.
        """
        return sum(max(0, each.amount(self.measure)) for each in self.usage.found)

    @property
    def given_back(self) -> int:
        """Return how much less than nothing all others came to."""
        return self.charged - self.total.amount(self.measure)

    @property
    def is_empty(self) -> bool:
        """Tell whether no bar has any length."""
        return not self.first

    def twin(self) -> TableTwin:
        """Return the bars as a table, the others last."""
        columns = (
            Column("Destination" if self.usage.subject is Subject.DESTINATIONS else "User", ColumnKind.TEXT),
            Column("Calls", ColumnKind.WHOLE),
            Column("Seconds", ColumnKind.WHOLE),
            Column("Cost", ColumnKind.MONEY),
        )
        others = ((f"({self.others_count:,} others)", *self.others[1:]),) if self.others_count else ()
        return TableTwin(columns, (*(tuple(each) for each in self.first), *others))


def ranking(usage: RankedUsage, measure: Measure, shown_max: int = SHOWN_MAX) -> Ranking:
    """Rank by a measure, equals by name; who comes to nothing has no bar."""
    in_order = sorted(usage.found, key=lambda each: (-each.amount(measure), each.name))
    first = tuple(each for each in in_order[:shown_max] if each.amount(measure) > 0)
    others = in_order[len(first) :]
    return Ranking(usage, measure, first, len(others), _together(others), _together(in_order))


def _together(found: Iterable[Ranked]) -> Ranked:
    calls = seconds = cost = 0
    for each in found:
        calls, seconds, cost = calls + each.calls, seconds + each.used_seconds, cost + each.cost_micros
    return Ranked("", calls, seconds, cost)
