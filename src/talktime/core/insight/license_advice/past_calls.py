"""Calls of past months, made ready to be replayed: which minutes could pay for each, and what it costs without."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from talktime.core.calls.calls import FROM_CONFERENCE, FROM_PHONE, CallKind
from talktime.core.calls.counting import meters
from talktime.core.calls.counting.pools import SECONDS_PER_MINUTE, capacity_minutes, conference_pool
from talktime.core.calls.entitlement.cases import SPECIAL
from talktime.core.organizations.arrangements import Arrangements
from talktime.core.organizations.country_table import NORTH_AMERICA, SHARED_COST_PREFIXES, CountryTable
from talktime.core.organizations.licenses import rights_of
from talktime.core.organizations.organizations import Organization
from talktime.core.organizations.users import User
from talktime.core.rates import rating
from talktime.core.rates.rating import Tariff
from talktime.core.values.frozen import frozen
from talktime.core.values.numbers import NumberClass, described
from talktime.core.values.periods import DAY


class PastCall(NamedTuple):
    """A call out that was talked, whoever reported it; numbers are normalized digits, `priced_from` its answer."""

    user_id: int
    kind: CallKind
    caller: str
    called: str
    started_at: datetime
    priced_from: datetime
    used_seconds: int


# The tariff of a call by the deck in force when it began; None where nothing was published for it.
TariffOf = Callable[[PastCall], Tariff | None]


@frozen
class Rules:
    """What decides about minutes: the organization with its licenses, settings and country table of now."""

    organization: Organization
    arrangements: Arrangements
    table: CountryTable
    users: Mapping[int, User]


class Replayable(NamedTuple):
    """A call that a calling plan or money must pay, after what conference minutes paid of it.

    `month` and `day` count from the beginning of the history. `alone_micros` is its cost where no plan pays; None where
    money cannot pay, so that what no minutes pay would not have been talked.
    """

    month: int
    day: int
    user_id: int
    destination: str
    may_draw: bool
    priced_from: datetime
    used_seconds: int
    minutes_before: int
    minutes_wanted: int
    alone_micros: int | None
    tariff: Tariff | None

    def cost_micros(self, drawn_minutes: int) -> int:
        """Return what money pays where the plan gave so many minutes; nothing where money cannot."""
        if drawn_minutes >= self.minutes_wanted or self.tariff is None or self.alone_micros is None:
            return 0
        if not drawn_minutes:
            return self.alone_micros
        included = (self.minutes_before + drawn_minutes) * SECONDS_PER_MINUTE
        return rating.cost_micros(self.tariff, self.priced_from, self.used_seconds, included)


def replayable(
    calls: Iterable[PastCall], months: Sequence[str], rules: Rules, tariff_of: TariffOf
) -> tuple[Replayable, ...]:
    """Return the calls of some months, in the order of time, that are not free by more than calling plans.

    Conference minutes are the whole organization's and hang on no calling plan, so they are drawn here, once.
    """
    ready = _Ready(months, rules, tariff_of)
    found = (ready.call(call) for call in calls if call.user_id in rules.users and call.used_seconds > 0)
    return tuple(call for call in found if call is not None)


class _Ready:
    """Draws conference minutes as the calls come by."""

    def __init__(self, months: Sequence[str], rules: Rules, tariff_of: TariffOf) -> None:
        self._months = {month: number for number, month in enumerate(months)}
        self._rules, self._tariff_of = rules, tariff_of
        self._left: dict[str, int] = {}
        self._first_day = None if not months else datetime.fromisoformat(f"{months[0]}-01").date()

    def call(self, call: PastCall) -> Replayable | None:
        zone = self._rules.organization.zone
        month = self._months.get(meters.month_of(call.started_at, zone))
        if month is None or self._first_day is None or call.kind not in FROM_PHONE | FROM_CONFERENCE:
            return None
        user = self._rules.users[call.user_id]
        destination, number_class = _described(call.called)
        is_conference, is_special = call.kind in FROM_CONFERENCE, number_class in SPECIAL
        is_drawn = is_conference and not is_special
        if is_drawn and rights_of(user.licenses).has_extended_dial_out and destination in NORTH_AMERICA:
            return None
        wanted = -(-call.used_seconds // SECONDS_PER_MINUTE)
        before = self._of_conference(user, destination, call.started_at, wanted) if is_drawn else 0
        if before >= wanted:
            return None
        tariff = self._tariff_of(call)
        alone = None
        if tariff is not None:
            alone = rating.cost_micros(tariff, call.priced_from, call.used_seconds, before * SECONDS_PER_MINUTE)
        return Replayable(
            month,
            (call.started_at.astimezone(zone).date() - self._first_day) // DAY,
            call.user_id,
            destination,
            not is_special and (not is_conference or self._rules.arrangements.uses_plan_after_conference_minutes),
            call.priced_from,
            call.used_seconds,
            before,
            wanted - before,
            alone,
            tariff,
        )

    def _of_conference(self, user: User, destination: str, at: datetime, wanted: int) -> int:
        rules = self._rules
        rights = rights_of(user.licenses)
        if not rights.is_conferencing_subscriber:
            return 0
        month = meters.month_of(at, rules.organization.zone)
        pool = conference_pool(rights, destination, rules.table, month)
        if pool is None:
            return 0
        if pool.name not in self._left:
            country = rules.organization.country
            self._left[pool.name] = capacity_minutes(pool, rules.arrangements, rules.table, country)
        drawn = min(self._left[pool.name], wanted)
        self._left[pool.name] -= drawn
        return drawn


def _described(called: str) -> tuple[str, NumberClass]:
    """Return country and class of a number; some premium numbers of Britain are shared-cost ones to us."""
    country, number_class = described(called)
    return country, NumberClass.SHARED_COST if called.startswith(SHARED_COST_PREFIXES) else number_class
