"""The advice: who should have which calling plan, what it saves, how sure that is, and which licenses nobody uses."""

from collections.abc import Mapping, Sequence
from datetime import date

from talktime.core.insight.license_advice.choices import Choice, Prices, choices, today
from talktime.core.insight.license_advice.confidence import Confidence, confidences
from talktime.core.insight.license_advice.past_calls import Replayable, Rules
from talktime.core.insight.license_advice.searching import Group, better, groups
from talktime.core.organizations.licenses import CALLING_PLANS, CONFERENCING_SUBSCRIPTIONS, License
from talktime.core.organizations.licensing.assigning import assigned_counts
from talktime.core.organizations.licensing.products import CATALOG, Product
from talktime.core.organizations.users import User
from talktime.core.values.frozen import frozen
from talktime.core.values.periods import add_months

MONTHS_MIN = 2
# Whoever began in the first days of a month has a whole month.
_WHOLE_FROM_DAY = 7


@frozen
class Beginnings:
    """What is known of people beside these calls: the day of each one's first call ever, and who led conferences.

    Who never called has no first day: for how long he has had a license is not known.
    """

    first_days: Mapping[int, date]
    conference_users: frozenset[int] = frozenset()


@frozen
class Advised:
    """A change for a user: what he has and what he should have, plan and calls a month of his on average; micros."""

    user: User
    today: Choice
    advised: Choice
    today_micros: int
    advised_micros: int
    minutes_per_month: int
    confidence: Confidence

    @property
    def saving_micros(self) -> int:
        """Return what his own plan and calls cost less a month; below zero where his plan serves others' calls."""
        return self.today_micros - self.advised_micros


@frozen
class Unused:
    """Licenses that nothing was done with: bought and not assigned, or assigned to people who never used them.

    `price_micros` is of one a month, None where no price is known.
    """

    product: Product
    is_assigned: bool
    count: int
    price_micros: int | None


@frozen
class LicenseAdvice:
    """What would have cost less in the months that were replayed; all amounts are a month's, in micros.

    Others' costs change where a pool grows or shrinks: their difference is `others_micros`, above zero what they save.
    """

    months: tuple[str, ...]
    calls_count: int
    users_count: int
    today_micros: int
    advised_micros: int
    rows: tuple[Advised, ...]
    unused: tuple[Unused, ...]
    # Plans that somebody has and of which no price is known: their users stay as they are.
    unpriced: tuple[Product, ...]
    # Minutes for which no rate is published: their calls are not counted in money.
    unrated_minutes: int
    # Users who could have another plan, and have had fewer than MONTHS_MIN whole months since their first call.
    new_users_count: int = 0

    @property
    def saving_micros(self) -> int:
        """Return what all changes save together."""
        return self.today_micros - self.advised_micros

    @property
    def others_micros(self) -> int:
        """Return what users who keep their licenses save because of the changes."""
        # Who began later saved in fewer of the months.
        own = sum(row.saving_micros * row.confidence.months_count // len(self.months) for row in self.rows)
        return self.saving_micros - own


@frozen
class NotEnough:
    """There are fewer whole months than advice can stand on."""

    months: tuple[str, ...]
    months_min: int = MONTHS_MIN


def advise(
    calls: Sequence[Replayable],
    months: Sequence[str],
    rules: Rules,
    prices: Prices,
    beginnings: Beginnings,
) -> LicenseAdvice | NotEnough:
    """Look for a cheaper assignment on the calls of whole months, for who has had enough of them himself."""
    if len(months) < MONTHS_MIN:
        return NotEnough(tuple(months))
    possible = {user_id: choices(user, rules, prices) for user_id, user in rules.users.items()}
    firsts = _first_months(months, rules, beginnings)
    new = [user_id for user_id, found in possible.items() if len(found) > 1 and user_id not in firsts]
    # Who is not judged keeps what he has, and counts in the pools.
    possible |= {user_id: (today(rules.users[user_id], prices),) for user_id in new}
    minutes = _minutes(calls, firsts)
    rows, today_micros, advised_micros, unrated = list[Advised](), 0, 0, 0
    for group in groups(possible, calls, len(months), rules, firsts):
        advised = better(group)
        today_micros += group.total(group.today).cost_micros
        total = group.total(advised)
        advised_micros += total.cost_micros
        unrated += total.unpaid_minutes
        rows += _rows(group, advised, minutes)
    rows.sort(key=lambda row: (-row.saving_micros, row.user.user_principal_name))
    count = len(months)
    return LicenseAdvice(
        months=tuple(months),
        calls_count=len(calls),
        users_count=len(rules.users),
        today_micros=today_micros // count,
        advised_micros=advised_micros // count,
        rows=tuple(rows),
        unused=tuple(_unused(rules, prices, beginnings.conference_users)),
        unpriced=_unpriced(rules, prices),
        unrated_minutes=unrated,
        new_users_count=len(new),
    )


def first_whole_month(day: date) -> date:
    """Return the first day of the first month that is whole for who began on a day."""
    first = day.replace(day=1)
    return first if day.day <= _WHOLE_FROM_DAY else add_months(first, 1)


def _first_months(months: Sequence[str], rules: Rules, beginnings: Beginnings) -> dict[int, int]:
    """Return the number of each user's first whole month among these; who has too few of them is left out."""
    begin = [date.fromisoformat(f"{month}-01") for month in months]
    first = {
        user_id: sum(each < first_whole_month(day) for each in begin)
        for user_id, day in beginnings.first_days.items()
        if user_id in rules.users
    }
    return {user_id: number for user_id, number in first.items() if len(months) - number >= MONTHS_MIN}


def _rows(group: Group, advised: Mapping[int, Choice], minutes: Mapping[int, int]) -> list[Advised]:
    held = group.today
    sure = confidences(group, advised)
    before, after = (group.spent(assignment) for assignment in (held, advised))
    return [
        Advised(
            user=group.rules.users[user],
            today=held[user],
            advised=advised[user],
            today_micros=held[user].price_micros + before.get(user, 0) // confidence.months_count,
            advised_micros=advised[user].price_micros + after.get(user, 0) // confidence.months_count,
            minutes_per_month=minutes.get(user, 0) // confidence.months_count,
            confidence=confidence,
        )
        for user, confidence in sure.items()
    ]


def _minutes(calls: Sequence[Replayable], firsts: Mapping[int, int]) -> dict[int, int]:
    """Return what each user talked in his own months."""
    minutes: dict[int, int] = {}
    for call in calls:
        if call.month >= firsts.get(call.user_id, 0):
            minutes[call.user_id] = minutes.get(call.user_id, 0) + call.minutes_wanted
    return minutes


def _unused(rules: Rules, prices: Prices, conference_users: frozenset[int]) -> list[Unused]:
    assigned = assigned_counts(rules.arrangements)
    found = []
    for product in CATALOG:
        if product.is_unlimited or product.is_allotted:
            continue
        free = rules.arrangements.purchased.get(product.license, 0) - assigned[product.license]
        if free > 0:
            found.append(Unused(product, is_assigned=False, count=free, price_micros=prices.get(product.license)))
        if product.license & CONFERENCING_SUBSCRIPTIONS:
            idle = sum(
                product.license in user.licenses and user.user_id not in conference_users
                for user in rules.users.values()
            )
            if idle:
                found.append(Unused(product, is_assigned=True, count=idle, price_micros=prices.get(product.license)))
    return found


def _unpriced(rules: Rules, prices: Prices) -> tuple[Product, ...]:
    held = License(0)
    for user in rules.users.values():
        held |= user.licenses & CALLING_PLANS
    return tuple(product for product in CATALOG if product.license & held and product.license not in prices)
