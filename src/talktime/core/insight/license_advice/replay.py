"""The months again, on an assignment of calling plans: pools first, in the order of time, then money at its rate."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import NamedTuple

from talktime.core.calls.counting.pools import DOMESTIC, INTERNATIONAL, Pool, capacity_minutes, plan_pool
from talktime.core.insight.license_advice.past_calls import Replayable, Rules
from talktime.core.organizations.country_table import pool_country
from talktime.core.organizations.licenses import License
from talktime.core.values.frozen import frozen

# The plan of included minutes that each user has; None is calls paid by the minute.
Plans = Mapping[int, License | None]
# Pools of all months are alike; the number of the month tells them apart.
_ANY_MONTH = "9999-12"


class Spent(NamedTuple):
    """What money paid of a user's calls in a month, and what nothing could pay, in minutes."""

    user_id: int
    month: int


@frozen
class Replayed:
    """What calls cost, by user and month; `unpaid_minutes` would not have been talked at all."""

    spent_micros: Mapping[Spent, int]
    unpaid_minutes: int

    @property
    def total_micros(self) -> int:
        """Return all the money."""
        return sum(self.spent_micros.values())


def replayed(calls: Iterable[Replayable], plans: Plans, rules: Rules) -> Replayed:
    """Replay calls in the order of time; each draws whole minutes while its user's pool has any (D9, D11)."""
    pools, spent, unpaid = Pools(plans, rules), dict[Spent, int](), 0
    for call in calls:
        drawn = 0
        plan = plans.get(call.user_id)
        if plan is not None and call.may_draw:
            drawn = pools.draw(plan, call)
        if call.alone_micros is None:
            unpaid += call.minutes_wanted - drawn
            continue
        cost = call.cost_micros(drawn)
        if cost:
            key = Spent(call.user_id, call.month)
            spent[key] = spent.get(key, 0) + cost
    return Replayed(spent, unpaid)


class Pools:
    """The pools of an assignment, and what is left in each month of them."""

    def __init__(self, plans: Plans, rules: Rules) -> None:
        """Count the licenses that bring the minutes."""
        self._rules, self._users = rules, rules.users
        self._arrangements = replace(rules.arrangements, assigned=assigned_counts(plans, rules))
        self._pools: dict[tuple[License, str, str, int], Pool | None] = {}
        self._capacity: dict[Pool, int] = {}
        self._used: dict[tuple[Pool, int], int] = {}

    def draw(self, plan: License, call: Replayable) -> int:
        """Take as many minutes as a call wants and its pool has."""
        user = self._users[call.user_id]
        own = user.user_id if plan is License.DOMESTIC_120_NOT_POOLED else 0
        key = (plan, user.usage_location, call.destination, own)
        if key not in self._pools:
            self._pools[key] = plan_pool(
                plan, user.usage_location, call.destination, self._rules.table, _ANY_MONTH, user.user_id
            )
        pool = self._pools[key]
        if pool is None or self._is_ended(pool, call.month):
            return 0
        used = self._used.get((pool, call.month), 0)
        drawn = max(0, min(self.capacity(pool) - used, call.minutes_wanted))
        self._used[pool, call.month] = used + drawn
        return drawn

    def capacity(self, pool: Pool) -> int:
        """Return how many minutes a pool has each month."""
        found = self._capacity.get(pool)
        if found is None:
            country = self._rules.organization.country
            found = self._capacity[pool] = capacity_minutes(pool, self._arrangements, self._rules.table, country)
        return found

    def _is_ended(self, pool: Pool, month: int) -> bool:
        sibling = pool.sibling if self._arrangements.is_plan_ended_by_either_counter else None
        return sibling is not None and 0 < self.capacity(sibling) <= self._used.get((sibling, month), 0)


def assigned_counts(plans: Plans, rules: Rules) -> dict[tuple[License, str], int]:
    """Return how many users have each plan of an assignment where they are; nobody's bundle is counted twice."""
    counts: dict[tuple[License, str], int] = {}
    for user_id, plan in plans.items():
        if plan is not None:
            key = (plan, rules.users[user_id].usage_location)
            counts[key] = counts.get(key, 0) + 1
    return counts


def minutes_each(plan: License, home: str, rules: Rules) -> tuple[int, int]:
    """Return how many domestic and international minutes one license brings to its pool."""
    country = pool_country(home)
    one = replace(rules.arrangements, assigned={(plan, country): 1})

    def capacity(counter: str) -> int:
        pool = Pool(plan, country, counter, _ANY_MONTH)
        return capacity_minutes(pool, one, rules.table, rules.organization.country)

    has_international = plan is License.DOMESTIC_AND_INTERNATIONAL
    return capacity(DOMESTIC), capacity(INTERNATIONAL) if has_international else 0
