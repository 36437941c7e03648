"""Published price lists: immutable versions, and the rate that a number falls under."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from enum import Enum
from statistics import median
from zoneinfo import ZoneInfo

from talktime.core.rates.rating import Price, Tariff
from talktime.core.values.frozen import frozen
from talktime.core.values.money import Rounding

# A price this many times the deck's own median is more often a slipped decimal point than a satellite.
OUTLIER_FACTOR = 200


class Direction(Enum):
    """Who is called from where: what a rate row prices (domain.md 8)."""

    # By identity: an Enum hashes its name, in Python, at every look into a table.
    __hash__ = object.__hash__

    OUTBOUND = "outbound"
    TOLL_FREE_INBOUND = "toll_free_inbound"
    TOLL_INBOUND = "toll_inbound"


@frozen
class Rate:
    """A row of a deck: the prices of calls to a prefix, or why there are none.

    For inbound directions `prefix` belongs to the organization's own number that is called. `origin_prefix` narrows the
    row to callers under it; empty means any.
    """

    direction: Direction
    prefix: str
    origin_prefix: str
    destination: str
    prices: tuple[Price, ...]
    blocked: bool = False


@frozen
class DeckTerms:
    """What holds for every rate of a deck version."""

    currency: str
    zone: ZoneInfo
    charge_decimals: int = 4
    rounding: Rounding = Rounding.HALF_UP


@frozen
class MatchedRate:
    """The rate of one call, ready to price it."""

    rate: Rate
    tariff: Tariff


class RateDeck:
    """One immutable version of a deck, indexed for longest-prefix match."""

    __slots__ = ("_by_direction", "_longest", "terms", "version_id")

    def __init__(self, *, version_id: int, terms: DeckTerms, rates: Iterable[Rate]) -> None:
        """Index the rates; the caller has checked that no two claim the same key."""
        self.version_id = version_id
        self.terms = terms
        # Nested, because hashing an enum member eleven times a match is most of the match.
        self._by_direction: dict[Direction, dict[str, tuple[MatchedRate, ...]]] = {each: {} for each in Direction}
        # One tariff for all rows of the same prices, of which a deck has a few thousand: a third of its memory.
        tariffs: dict[int, Tariff] = {}
        for rate in rates:
            assert rate.prices or rate.blocked
            by_prefix = self._by_direction[rate.direction]
            tariff = tariffs.get(id(rate.prices))
            if tariff is None:
                tariff = Tariff(rate.prices, terms.charge_decimals, terms.rounding, terms.zone)
                tariffs[id(rate.prices)] = tariff
            matched = MatchedRate(rate, tariff)
            siblings = by_prefix.get(rate.prefix)
            by_prefix[rate.prefix] = (matched,) if siblings is None else _narrowest_first((*siblings, matched))
        self._longest = {
            direction: max(map(len, by_prefix), default=0) for direction, by_prefix in self._by_direction.items()
        }

    def match(self, direction: Direction, called: str, caller: str) -> MatchedRate | None:
        """Return the rate of the longest prefix of `called` whose origin fits `caller` (E.164 digits), or None."""
        by_prefix = self._by_direction[direction]
        for length in range(min(self._longest[direction], len(called)), 0, -1):
            for matched in by_prefix.get(called[:length], ()):
                if caller.startswith(matched.rate.origin_prefix):
                    return matched
        return None

    def find(self, direction: Direction, prefix: str, origin_prefix: str) -> MatchedRate | None:
        """Return the rate of exactly this key, or None: how a call in progress finds its rate again."""
        for matched in self._by_direction[direction].get(prefix, ()):
            if matched.rate.origin_prefix == origin_prefix:
                return matched
        return None

    def rates(self) -> Iterator[Rate]:
        """Yield every rate of the version."""
        for by_prefix in self._by_direction.values():
            for siblings in by_prefix.values():
                for matched in siblings:
                    yield matched.rate


def _narrowest_first(siblings: tuple[MatchedRate, ...]) -> tuple[MatchedRate, ...]:
    return tuple(sorted(siblings, key=lambda sibling: -len(sibling.rate.origin_prefix)))


@frozen
class DeckPublication:
    """From this instant on, until the next publication, calls are rated by this version."""

    version_id: int
    published_from: datetime


def version_in_force(publications: Iterable[DeckPublication], at: datetime) -> int | None:
    """Return the version of the latest publication that is not after the instant; a later row wins a tie."""
    in_force: DeckPublication | None = None
    for publication in publications:
        if publication.published_from > at:
            continue
        if in_force is None or publication.published_from >= in_force.published_from:
            in_force = publication
    return None if in_force is None else in_force.version_id


class Change(Enum):
    """How a row of a new version differs from the one in force."""

    NEW = "new"
    UP = "up"
    DOWN = "down"
    BLOCKED = "blocked"
    REMOVED = "removed"
    OTHER = "other"


@frozen
class RateChange:
    """One line of a diff; a missing side is None."""

    change: Change
    before: Rate | None
    after: Rate | None


RateKey = tuple[Direction, str, str]


def key_of(rate: Rate) -> RateKey:
    """Return what makes a rate unique within a deck version."""
    return rate.direction, rate.prefix, rate.origin_prefix


def diff(before: Iterable[Rate], after: Iterable[Rate]) -> list[RateChange]:
    """Compare two versions by key; unchanged rows are left out, the rest stand in the order of their keys."""
    old = {key_of(rate): rate for rate in before}
    new = {key_of(rate): rate for rate in after}
    changes = [_change(old.get(key), new.get(key)) for key in sorted(old.keys() | new.keys(), key=_sortable)]
    return [change for change in changes if change is not None]


def outliers(rates: Iterable[Rate]) -> list[Rate]:
    """Return the rates that cost absurdly more than the deck's own median: a warning, not a refusal."""
    priced = [(rate, highest_nanos_per_minute(rate)) for rate in rates if not rate.blocked]
    charged = [nanos for _, nanos in priced if nanos > 0]
    if not charged:
        return []
    limit = median(charged) * OUTLIER_FACTOR
    return [rate for rate, nanos in priced if nanos > limit]


def highest_nanos_per_minute(rate: Rate) -> int:
    """Return the dearest minute that the rate can charge, in nanos; the fee is not counted."""
    return max((step.nanos_per_minute for price in rate.prices for step in price.steps), default=0)


def _sortable(key: RateKey) -> tuple[str, str, str]:
    return key[0].value, key[1], key[2]


def _change(before: Rate | None, after: Rate | None) -> RateChange | None:
    if before == after:
        return None
    if before is None:
        return RateChange(Change.NEW, None, after)
    if after is None:
        return RateChange(Change.REMOVED, before, None)
    if after.blocked and not before.blocked:
        return RateChange(Change.BLOCKED, before, after)
    was, will_be = highest_nanos_per_minute(before), highest_nanos_per_minute(after)
    if was == will_be:
        return RateChange(Change.OTHER, before, after)
    return RateChange(Change.UP if will_be > was else Change.DOWN, before, after)
