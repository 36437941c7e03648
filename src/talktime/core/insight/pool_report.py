"""The minute pools of a month: what licenses bring, what is used, what open calls hold (domain.md 7.7)."""

from collections.abc import Iterable, Iterator, Mapping

from talktime.core.calls.counting.meters import UNUSED, Meter
from talktime.core.calls.counting.pools import DOMESTIC, INTERNATIONAL, Pool, capacity_minutes, dial_out_rule, pool_of
from talktime.core.organizations.arrangements import Arrangements
from talktime.core.organizations.country_table import CountryTable, pool_country
from talktime.core.organizations.licenses import License, bringing
from talktime.core.organizations.licensing.products import product_of
from talktime.core.values.frozen import frozen

_PERCENT = 100
_POOLED = (
    License.DOMESTIC,
    License.DOMESTIC_AND_INTERNATIONAL,
    License.DOMESTIC_120,
    License.DOMESTIC_240,
)
_OWN = License.DOMESTIC_120_NOT_POOLED
_CONFERENCE = License.AUDIO_CONFERENCING
# How the original describes the conference minutes (domain.md 7.7).
_ZONE_A = "outbound calls to Zone A countries"


@frozen
class PoolLine:
    """A pool: what it has in its month by the licenses of now, what calls used, and what open ones hold, in minutes.

    `each_minutes` is what one license brings. A plan `is_ended` by its other counter where either ends it (D9).
    """

    pool: Pool
    each_minutes: int
    total_minutes: int
    used_minutes: int
    held_minutes: int
    is_ended: bool = False

    @property
    def available_minutes(self) -> int:
        """Return what a new call could be promised."""
        left = self.total_minutes - self.used_minutes - self.held_minutes
        return 0 if self.is_ended else max(0, left)

    @property
    def used_percent(self) -> int:
        """Return how much of the pool is used, rounded down; more than 100 where licenses were taken away since."""
        return self.used_minutes * _PERCENT // self.total_minutes if self.total_minutes else 0

    @property
    def plan_name(self) -> str:
        """Return the plan as it is sold."""
        return product_of(self.pool.plan).name

    @property
    def description(self) -> str:
        """Say what one license brings, as the original does."""
        if self.pool.plan is _CONFERENCE:
            return f"{_ZONE_A} ({self.each_minutes} minutes)"
        counter = INTERNATIONAL if self.pool.counter == INTERNATIONAL else DOMESTIC
        return f"{self.each_minutes:,} {counter} minutes"


@frozen
class OwnMinutes:
    """A plan whose minutes are each user's own: all of them together, and who used most, the most first."""

    each_minutes: int
    users_count: int
    used_minutes: int
    held_minutes: int
    exhausted_count: int
    most_used: tuple[PoolLine, ...]

    @property
    def total_minutes(self) -> int:
        """Return what all users have; nobody can use what is left to another."""
        return self.each_minutes * self.users_count

    @property
    def plan_name(self) -> str:
        """Return the plan as it is sold."""
        return product_of(_OWN).name


@frozen
class PoolReport:
    """The pools of a month; `own` is None where no user has minutes of his own."""

    month: str
    lines: tuple[PoolLine, ...]
    own: OwnMinutes | None


@frozen
class PoolFacts:
    """What decides how many minutes there are, and what the meters have counted, by their names."""

    arrangements: Arrangements
    table: CountryTable
    organization_country: str
    meters: Mapping[str, Meter]

    def line(self, pool: Pool) -> PoolLine:
        """Return a pool as it stands."""
        counted = self.meters.get(pool.name, UNUSED)
        sibling = pool.sibling if self.arrangements.is_plan_ended_by_either_counter else None
        is_ended = sibling is not None and self.meters.get(sibling.name, UNUSED).left(self._capacity(sibling)) == 0
        return PoolLine(pool, self.each_minutes(pool), self._capacity(pool), counted.used, counted.held, is_ended)

    def each_minutes(self, pool: Pool) -> int:
        """Return what one license brings to a pool."""
        if pool.plan is _CONFERENCE:
            return dial_out_rule(pool.month, self.organization_country).minutes
        one = Arrangements(assigned={(pool.plan, pool.country): 1})
        return capacity_minutes(pool, one, self.table, self.organization_country)

    def _capacity(self, pool: Pool) -> int:
        return capacity_minutes(pool, self.arrangements, self.table, self.organization_country)


def pool_report(month: str, facts: PoolFacts, shown_users_max: int) -> PoolReport:
    """Report every pool that licenses bring or that calls have drawn from; plans, then countries, then counters."""
    counted = [pool_of(name) for name, meter in facts.meters.items() if meter.used or meter.held]
    pools = dict.fromkeys((*_licensed(month, facts), *(pool for pool in counted if pool.plan is not _OWN)))
    lines = sorted(map(facts.line, pools), key=_order)
    own = _own(facts, [pool for pool in counted if pool.plan is _OWN], shown_users_max)
    return PoolReport(month, tuple(lines), own)


def _licensed(month: str, facts: PoolFacts) -> Iterator[Pool]:
    for plan in _POOLED:
        counters = (DOMESTIC, INTERNATIONAL) if plan is License.DOMESTIC_AND_INTERNATIONAL else (DOMESTIC,)
        for country in dict.fromkeys(map(pool_country, _locations(facts.arrangements, plan))):
            for counter in counters:
                yield Pool(plan, country, counter, month)
    conference = Pool(_CONFERENCE, "", "", month)
    if facts.line(conference).total_minutes:
        yield conference


def _locations(arrangements: Arrangements, plan: License) -> Iterator[str]:
    for (license_, location), users_count in arrangements.assigned.items():
        if users_count and license_ in bringing(plan):
            yield location


def _order(line: PoolLine) -> tuple[bool, int, str, str]:
    pool = line.pool
    return pool.plan is _CONFERENCE, pool.plan.value, pool.country, pool.counter


def _own(facts: PoolFacts, used: Iterable[Pool], shown_users_max: int) -> OwnMinutes | None:
    assigned = facts.arrangements.assigned
    users_count = sum(count for (license_, _), count in assigned.items() if license_ in bringing(_OWN))
    lines = sorted(map(facts.line, used), key=lambda line: (-line.used_minutes, int(line.pool.counter)))
    if not users_count and not lines:
        return None
    return OwnMinutes(
        facts.each_minutes(Pool(_OWN, "", "", "")),
        users_count,
        sum(line.used_minutes for line in lines),
        sum(line.held_minutes for line in lines),
        sum(line.used_minutes >= line.total_minutes for line in lines),
        tuple(lines[:shown_users_max]),
    )
