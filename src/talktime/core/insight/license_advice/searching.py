"""Find an assignment that would have cost less: by estimate for many users, by replay for few, and proved by replay."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import product
from typing import NamedTuple

from talktime.core.insight.license_advice.choices import Choice
from talktime.core.insight.license_advice.past_calls import Replayable, Rules
from talktime.core.insight.license_advice.replay import Replayed, minutes_each, replayed
from talktime.core.organizations.country_table import is_domestic_for_minutes, pool_country
from talktime.core.organizations.licenses import License

# So many assignments are tried one by one, where each has few calls.
EXACT_MAX, EXACT_CALLS_MAX = 2_000, 200_000
SWEEPS_MAX = 8
# What a change must save a month, so that nobody is moved for pennies.
LEAST_MICROS = 500_000

Assignment = dict[int, Choice]


class Total(NamedTuple):
    """What an assignment comes to: money in micros, and the minutes that nothing would have paid."""

    cost_micros: int
    unpaid_minutes: int

    def is_better_than(self, other: "Total") -> bool:
        """Tell whether it costs less and lets people talk as much."""
        return self.cost_micros < other.cost_micros and self.unpaid_minutes <= other.unpaid_minutes


@dataclass(frozen=True, slots=True)
class Group:
    """The users of one pool country: no pool is shared beyond it. `choices` begin with what each has today.

    Of who began in the midst of the months, those before `first_months` are not counted, neither plan nor calls.
    """

    choices: Mapping[int, tuple[Choice, ...]]
    calls: tuple[Replayable, ...]
    months_count: int
    rules: Rules
    first_months: Mapping[int, int] = field(default_factory=dict)

    def months_of(self, user: int) -> range:
        """Return the months that a user had whole."""
        return range(self.first_months.get(user, 0), self.months_count)

    def spent(self, assignment: Mapping[int, Choice]) -> dict[int, int]:
        """Return what the calls of each user's own months would have cost, by replay."""
        return self._by_user(self._replayed(assignment))

    def total(self, assignment: Mapping[int, Choice]) -> Total:
        """Return what everybody's own months would have cost, by replay."""
        found = self._replayed(assignment)
        prices = sum(choice.price_micros * len(self.months_of(user)) for user, choice in assignment.items())
        return Total(sum(self._by_user(found).values()) + prices, found.unpaid_minutes)

    def _replayed(self, assignment: Mapping[int, Choice]) -> Replayed:
        return replayed(self.calls, {user: choice.plan for user, choice in assignment.items()}, self.rules)

    def _by_user(self, found: Replayed) -> dict[int, int]:
        spent: dict[int, int] = {}
        for (user, month), amount in found.spent_micros.items():
            if month >= self.first_months.get(user, 0):
                spent[user] = spent.get(user, 0) + amount
        return spent

    @property
    def today(self) -> Assignment:
        """Return what everybody has."""
        return {user: choices[0] for user, choices in self.choices.items()}


def groups(
    choices: Mapping[int, tuple[Choice, ...]],
    calls: Iterable[Replayable],
    months_count: int,
    rules: Rules,
    first_months: Mapping[int, int] | None = None,
) -> list[Group]:
    """Part the users by the countries whose pools they share; each part can be decided for itself."""
    users: dict[str, dict[int, tuple[Choice, ...]]] = {}
    of_users: dict[str, list[Replayable]] = {}
    for user_id in sorted(choices):
        country = pool_country(rules.users[user_id].usage_location)
        users.setdefault(country, {})[user_id] = choices[user_id]
        of_users.setdefault(country, [])
    for call in calls:
        of_users[pool_country(rules.users[call.user_id].usage_location)].append(call)
    firsts = first_months or {}
    return [Group(users[country], tuple(of_users[country]), months_count, rules, firsts) for country in sorted(users)]


def better(group: Group) -> Assignment:
    """Return an assignment that costs less on replay than today's, or today's; no change in it is a trifle."""
    combinations = 1
    for choices in group.choices.values():
        combinations = min(EXACT_MAX + 1, combinations * len(choices))
    if combinations <= EXACT_MAX and combinations * len(group.calls) <= EXACT_CALLS_MAX:
        return _without_trifles(group, _best_of_all(group))
    found = group.today
    for tried in _estimated(group):
        if group.total(tried).is_better_than(group.total(found)):
            found = tried
    return found


def _best_of_all(group: Group) -> Assignment:
    users, best = list(group.choices), group.today
    least, fewest = group.total(best), 0
    for chosen in product(*group.choices.values()):
        tried = dict(zip(users, chosen, strict=True))
        moved = sum(choice is not group.choices[user][0] for user, choice in tried.items())
        total = group.total(tried)
        # Of equals the one that changes least.
        if total.is_better_than(least) or (total == least and moved < fewest):
            best, least, fewest = tried, total, moved
    return best


def _without_trifles(group: Group, found: Assignment) -> Assignment:
    """Take changes back that save less than they are worth."""
    today, total = group.today, group.total(found)
    for user in [user for user in found if found[user] != today[user]]:
        kept = {**found, user: today[user]}
        kept_total = group.total(kept)
        is_little = kept_total.cost_micros - total.cost_micros < LEAST_MICROS * len(group.months_of(user))
        if kept_total.unpaid_minutes <= total.unpaid_minutes and is_little:
            found, total = kept, kept_total
    return found if total.is_better_than(group.total(today)) else today


# ── by estimate ─────────────────────────────────────────────────────────────────────────────────────────────


class _Use(NamedTuple):
    """What a user's calls of a month could draw at home and abroad, in minutes, and what they cost without; micros."""

    domestic: int = 0
    international: int = 0
    domestic_micros: int = 0
    international_micros: int = 0


_NO_USE = _Use()


def _estimated(group: Group) -> Iterable[Assignment]:
    """Yield assignments worth a replay: climbed to from today's, and from everybody on the same plan."""
    use = _use_of(group)
    starts = [group.today]
    plans = {choice.calling_plan for choices in group.choices.values() for choice in choices}
    starts += [
        {
            user: next((choice for choice in choices if choice.calling_plan == plan), choices[0])
            for user, choices in group.choices.items()
        }
        for plan in sorted(plans, key=lambda each: each.value)
    ]
    for start in starts:
        yield _Climb(group, start, use).climbed()


def _use_of(group: Group) -> dict[int, dict[int, _Use]]:
    found: dict[int, dict[int, _Use]] = {}
    for call in group.calls:
        if not call.may_draw:
            continue
        home = group.rules.users[call.user_id].usage_location
        minutes, cost = call.minutes_wanted, call.alone_micros or 0
        is_domestic = is_domestic_for_minutes(home, call.destination)
        if not is_domestic and call.destination not in group.rules.table.international:
            continue
        of_user = found.setdefault(call.user_id, {})
        before = of_user.get(call.month, _NO_USE)
        added = _Use(minutes, 0, cost, 0) if is_domestic else _Use(0, minutes, 0, cost)
        of_user[call.month] = _Use(*(one + more for one, more in zip(before, added, strict=True)))
    return found


class _Climb:
    """Moves one user after another to what is estimated to be cheapest, until nobody is moved any more."""

    def __init__(self, group: Group, start: Assignment, use: Mapping[int, Mapping[int, _Use]]) -> None:
        self._group, self._use = group, use
        self._assignment = dict(start)
        self._sums: dict[License, list[list[int]]] = {}
        self._counts: dict[License, int] = {}
        self._each: dict[License, tuple[int, int]] = {}
        for user, choice in start.items():
            self._count(user, choice, 1)

    def climbed(self) -> Assignment:
        """Return what cannot be made cheaper by moving one user."""
        for _ in range(SWEEPS_MAX):  # pragma: no branch -- hardly anybody needs so many
            moved = sum(self._moves(user) for user, choices in self._group.choices.items() if len(choices) > 1)
            if not moved:
                break
        return self._assignment

    def _moves(self, user: int) -> bool:
        current = self._assignment[user]
        self._count(user, current, -1)
        costs = {choice: self._cost_with(user, choice) for choice in self._group.choices[user]}
        today, best = self._group.choices[user][0], min(costs, key=lambda choice: (costs[choice], choice != current))
        if costs[today] - costs[best] < LEAST_MICROS * len(self._group.months_of(user)):
            best = today
        self._count(user, best, 1)
        self._assignment[user] = best
        return best != current

    def _cost_with(self, user: int, choice: Choice) -> int:
        """Return what a choice adds: its price, what its user's calls cost, and what others' do because of it."""
        price = choice.price_micros * len(self._group.months_of(user))
        if choice.plan is None:
            return price + sum(each.domestic_micros + each.international_micros for each in self._use_of(user))
        before = self._overflow(choice.plan)
        self._count(user, choice, 1)
        after = self._overflow(choice.plan)
        self._count(user, choice, -1)
        abroad = 0
        if choice.plan is not License.DOMESTIC_AND_INTERNATIONAL:
            abroad = sum(each.international_micros for each in self._use_of(user))
        if choice.plan is License.DOMESTIC_120_NOT_POOLED:
            return price + abroad + self._own_overflow(user, choice.plan)
        return price + after - before + abroad

    def _use_of(self, user: int) -> Iterable[_Use]:
        months = self._group.months_of(user)
        return [use for month, use in self._use.get(user, {}).items() if month in months]

    def _count(self, user: int, choice: Choice, sign: int) -> None:
        plan = choice.plan
        if plan is None or plan is License.DOMESTIC_120_NOT_POOLED:
            return
        sums = self._sums.setdefault(plan, [[0, 0, 0, 0] for _ in range(self._group.months_count)])
        self._counts[plan] = self._counts.get(plan, 0) + sign
        for month, use in self._use.get(user, {}).items():
            for index, amount in enumerate(use):
                sums[month][index] += sign * amount

    def _minutes(self, plan: License) -> tuple[int, int]:
        if plan not in self._each:
            home = self._group.rules.users[next(iter(self._group.choices))].usage_location
            self._each[plan] = minutes_each(plan, home, self._group.rules)
        return self._each[plan]

    def _own_overflow(self, user: int, plan: License) -> int:
        limit = self._minutes(plan)[0]
        return sum(_left_over(use.domestic, limit, use.domestic_micros) for use in self._use_of(user))

    def _overflow(self, plan: License) -> int:
        """Estimate what money pays of a pool's calls: as if each of its minutes cost alike, evenly over the month."""
        count = self._counts.get(plan, 0)
        domestic_limit, international_limit = (each * count for each in self._minutes(plan))
        has_both = plan is License.DOMESTIC_AND_INTERNATIONAL
        is_ended_by_either = has_both and self._group.rules.arrangements.is_plan_ended_by_either_counter
        total = 0
        for domestic, international, domestic_micros, international_micros in self._sums.get(plan, ()):
            if not has_both:
                total += _left_over(domestic, domestic_limit, domestic_micros)
                continue
            at_home = _left_over(domestic, domestic_limit, domestic_micros)
            abroad = _left_over(international, international_limit, international_micros)
            if is_ended_by_either and international > international_limit:
                # The plan ends when the share of the month is over for which its minutes abroad are enough.
                ended = domestic_micros * (international - international_limit) // international
                at_home = max(at_home, ended)
            total += at_home + abroad
        return total


def _left_over(wanted: int, limit: int, micros: int) -> int:
    return micros * (wanted - limit) // wanted if wanted > limit else 0
