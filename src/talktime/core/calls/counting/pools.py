"""Included minutes: which pool a call draws from, and how many minutes a pool has (domain.md 2.2, 3; D5, D9, D11)."""

from functools import lru_cache

from talktime.core.calls.counting.meters import POOL
from talktime.core.organizations.arrangements import Arrangements
from talktime.core.organizations.country_table import (
    NORTH_AMERICA,
    CountryTable,
    is_domestic_for_minutes,
    pool_country,
    pooled_countries,
)
from talktime.core.organizations.licenses import License, Rights, bringing
from talktime.core.organizations.licensing.offers import MINUTES_OF_SMALL_PLANS
from talktime.core.values.frozen import frozen

SECONDS_PER_MINUTE = 60
# The report's capability of each plan (domain.md 2.1); the pool of conference dial-out is MCOMEETADD.
_CODES = {
    License.DOMESTIC: "MCOPSTN1",
    License.DOMESTIC_AND_INTERNATIONAL: "MCOPSTN2",
    License.DOMESTIC_120: "MCOPSTN5",
    License.DOMESTIC_240: "MCOPSTN6",
    License.DOMESTIC_120_NOT_POOLED: "MCOPSTN8",
    License.AUDIO_CONFERENCING: "MCOMEETADD",
}
CONFERENCE_CAPABILITY = _CODES[License.AUDIO_CONFERENCING]
_PLANS = {code: plan for plan, code in _CODES.items()}
# Some countries have plans of their own name.
_OWN_CAPABILITY = {("MCOPSTN1", "BR"), ("MCOPSTN1", "MX"), ("MCOPSTN2", "BR"), ("MCOPSTN2", "MX")}
DOMESTIC, INTERNATIONAL = "domestic", "international"


@frozen
class Pool:
    """Plan × country × calendar month; `counter` is domestic or international, or whose own minutes they are.

    The pool of conference dial-out is the whole organization's: it has neither country nor counter.
    """

    plan: License
    country: str
    counter: str
    month: str

    @property
    def name(self) -> str:
        """Return the name of its meter."""
        return f"{POOL}/{_CODES[self.plan]}/{self.country}/{self.counter}/{self.month}"

    @property
    def capability(self) -> str:
        """Return the license by which reports name its calls (domain.md 7.3)."""
        code = _CODES[self.plan]
        return code + self.country if (code, self.country) in _OWN_CAPABILITY else code

    @property
    def sibling(self) -> "Pool | None":
        """Return the other counter of an international plan."""
        if self.plan is not License.DOMESTIC_AND_INTERNATIONAL:
            return None
        other = DOMESTIC if self.counter == INTERNATIONAL else INTERNATIONAL
        return Pool(self.plan, self.country, other, self.month)


@lru_cache(maxsize=65_536)
def pool_of(name: str) -> Pool:
    """Return the pool whose meter has this name."""
    _, code, country, counter, month = name.split("/")
    return Pool(_PLANS[code], country, counter, month)


@frozen
class DialOutRule:
    """From this month on, each conferencing license brings so many minutes of dial-out to Zone A (S63)."""

    from_month: str
    minutes: int
    counts_purchased: bool


# The complimentary period, and what followed it; licenses count as purchased since 2020-10-22 (domain.md 3, D5).
DIAL_OUT_RULES = (
    DialOutRule("0000-01", 900, counts_purchased=False),
    DialOutRule("2019-12", 60, counts_purchased=False),
    DialOutRule("2020-11", 60, counts_purchased=True),
)
# Credits cannot be set up there, so the complimentary minutes never ended.
_STILL_COMPLIMENTARY = frozenset({"RU", "KR", "TW"})


def dial_out_rule(month: str, organization_country: str) -> DialOutRule:
    """Return the rule of conference dial-out minutes in a month."""
    current = max((rule for rule in DIAL_OUT_RULES if rule.from_month <= month), key=lambda rule: rule.from_month)
    if organization_country in _STILL_COMPLIMENTARY:
        return DialOutRule(current.from_month, DIAL_OUT_RULES[0].minutes, current.counts_purchased)
    return current


def plan_pool(plan: License, home: str, destination: str, table: CountryTable, month: str, user_id: int) -> Pool | None:
    """Return the pool of a user's calling plan that pays for a destination, or None where it does not (S8, S9)."""
    country = pool_country(home)
    if is_domestic_for_minutes(home, destination):
        counter = str(user_id) if plan is License.DOMESTIC_120_NOT_POOLED else DOMESTIC
        return Pool(plan, country, counter, month)
    if plan is License.DOMESTIC_AND_INTERNATIONAL and destination in table.international:
        return Pool(plan, country, INTERNATIONAL, month)
    return None


def conference_pool(rights: Rights, destination: str, table: CountryTable, month: str) -> Pool | None:
    """Return the pool of conference dial-out where the organizer's subscription reaches the destination."""
    is_reached = table.of(destination).is_zone_a if rights.reaches_zone_a else destination in NORTH_AMERICA
    return Pool(License.AUDIO_CONFERENCING, "", "", month) if is_reached else None


def capacity_minutes(pool: Pool, arrangements: Arrangements, table: CountryTable, organization_country: str) -> int:
    """Return how many minutes a pool has in its month, by the licenses of now."""
    if pool.plan is License.AUDIO_CONFERENCING:
        return _dial_out_minutes(pool.month, arrangements, organization_country)
    if pool.plan is License.DOMESTIC_120_NOT_POOLED:
        return MINUTES_OF_SMALL_PLANS[pool.plan]
    return _plan_minutes(pool, table) * _assigned(arrangements, pool.plan, pool.country)


def _dial_out_minutes(month: str, arrangements: Arrangements, organization_country: str) -> int:
    rule = dial_out_rule(month, organization_country)
    of_subscription = (
        sum(arrangements.purchased.get(license_, 0) for license_ in bringing(License.AUDIO_CONFERENCING))
        if rule.counts_purchased
        else _assigned(arrangements, License.AUDIO_CONFERENCING)
    )
    return rule.minutes * (of_subscription + _assigned(arrangements, License.SELECT_DIAL_OUT))


def _plan_minutes(pool: Pool, table: CountryTable) -> int:
    small = MINUTES_OF_SMALL_PLANS.get(pool.plan)
    if small is not None:
        return small
    rule = table.of(pool.country)
    return rule.international_minutes if pool.counter == INTERNATIONAL else rule.domestic_minutes


def _assigned(arrangements: Arrangements, service: License, country: str = "") -> int:
    """Count the users of a service, in a pool's country or everywhere; a user may have it by a bundle."""
    assigned, licenses = arrangements.assigned, bringing(service)
    if country:
        return sum([assigned.get((each, place), 0) for each in licenses for place in pooled_countries(country)])
    return sum([users_count for (each, _), users_count in assigned.items() if each in licenses])
