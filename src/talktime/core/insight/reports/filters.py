"""Which usage rows a report, an export or a picture is about: every condition that a person can set (domain.md 7.1)."""

from collections.abc import Set as AbstractSet
from enum import Enum

from talktime.core.calls.calls import CallKind, PaysFrom
from talktime.core.values.frozen import frozen
from talktime.core.values.periods import Period


class Direction(Enum):
    """Which way a call went, in the words of the reports."""

    INBOUND = "Inbound"
    OUTBOUND = "Outbound"


@frozen
class UsageFilter:
    """Conditions that all must hold; an empty one holds always.

    The period is of calls' starts. `departments` holds names (the empty name: people without one), `destinations` the
    names of deck rows, `capabilities` license codes (`MCOPSTNPP`), `text` a part of a number, name, call id or
    destination. Costs are micros of the organization's currency, both ends included. `is_uncovered`: only rows that
    no credit covered completely.
    """

    period: Period
    user_ids: AbstractSet[int] = frozenset()
    departments: AbstractSet[str] = frozenset()
    kinds: AbstractSet[CallKind] = frozenset()
    direction: Direction | None = None
    destinations: AbstractSet[str] = frozenset()
    capabilities: AbstractSet[str] = frozenset()
    paid_by: AbstractSet[PaysFrom] = frozenset()
    cost_min_micros: int | None = None
    cost_max_micros: int | None = None
    text: str = ""
    is_uncovered: bool = False
