"""How far a saving is to be trusted: in how many months it was one, and in how many that weeks were drawn for."""

from collections.abc import Mapping, Sequence

from talktime.core.insight.advice.draws import Draws
from talktime.core.insight.license_advice.choices import Choice
from talktime.core.insight.license_advice.past_calls import Replayable
from talktime.core.insight.license_advice.replay import Spent, replayed
from talktime.core.insight.license_advice.searching import Group
from talktime.core.values.frozen import frozen

_DAYS_PER_WEEK = 7
# A month of four weeks and two days more, each week taken whole from the history.
_WEEKS_DRAWN, _DAYS_OVER = 4, 2
# Bounded by the calls that are replayed for it; fewer than the least say little.
_REPLAYED_MAX, _SAMPLES_MIN, _SAMPLES_MAX = 1_500_000, 20, 100
_SEED = 20_261_121
_PERCENT = 100


@frozen
class Confidence:
    """Of how many of a user's own months, and how many redrawn of their weeks, a change made his costs smaller."""

    months_saved: int
    months_count: int
    drawn_saved: int
    drawn_count: int

    @property
    def percent(self) -> int:
        """Return the share of the redrawn months in which it saved, rounded down."""
        return self.drawn_saved * _PERCENT // max(1, self.drawn_count)


def confidences(group: Group, advised: Mapping[int, Choice]) -> dict[int, Confidence]:
    """Return the confidence of each user whose plan changes: his own costs, plan and calls, on both assignments."""
    today = group.today
    changed = [user for user in advised if advised[user] != today[user]]
    if not changed:
        return {}
    real = _savings(group, advised, group.calls, range(group.months_count))
    # Weeks before somebody began say nothing of him: who began in one month is judged by the weeks since.
    began = {group.months_of(user).start for user in changed}
    most = _REPLAYED_MAX * group.months_count // (2 * len(group.calls) * len(began) + 1)
    samples = max(_SAMPLES_MIN, min(_SAMPLES_MAX, most))
    drawn = dict.fromkeys(changed, 0)
    for first_month in sorted(began):
        weeks, draws = _weeks(group.calls, first_month), Draws(_SEED)
        together = [user for user in changed if group.months_of(user).start == first_month]
        for _ in range(samples):
            savings = _savings(group, advised, _month(weeks, draws), (0,))
            for user in together:
                drawn[user] += savings[user, 0] > 0
    return {
        user: Confidence(
            sum(real[user, month] > 0 for month in group.months_of(user)),
            len(group.months_of(user)),
            drawn[user],
            samples,
        )
        for user in changed
    }


def _savings(
    group: Group, advised: Mapping[int, Choice], calls: Sequence[Replayable], months: Sequence[int]
) -> dict[tuple[int, int], int]:
    today = group.today
    before = replayed(calls, {user: choice.plan for user, choice in today.items()}, group.rules).spent_micros
    after = replayed(calls, {user: choice.plan for user, choice in advised.items()}, group.rules).spent_micros
    return {
        (user, month): today[user].price_micros
        + before.get(Spent(user, month), 0)
        - advised[user].price_micros
        - after.get(Spent(user, month), 0)
        for user in advised
        for month in months
    }


def _weeks(calls: Sequence[Replayable], first_month: int) -> list[list[Replayable]]:
    """Return the calls of each whole week of the history from a month on, in their order, days counted from there."""
    # The calls of a month tell nearly when it began; whatever its first day is, weeks stay whole.
    first_day = next((call.day for call in calls if call.month >= first_month), 0) if first_month else 0
    since = [call._replace(day=call.day - first_day) for call in calls if call.day >= first_day]
    count = max(1, (since[-1].day + 1) // _DAYS_PER_WEEK) if since else 1
    weeks: list[list[Replayable]] = [[] for _ in range(count)]
    for call in since:
        if call.day < count * _DAYS_PER_WEEK:
            weeks[call.day // _DAYS_PER_WEEK].append(call)
    return weeks


def _month(weeks: Sequence[Sequence[Replayable]], draws: Draws) -> list[Replayable]:
    month = [call._replace(month=0) for _ in range(_WEEKS_DRAWN) for call in weeks[draws.below(len(weeks))]]
    rest = weeks[draws.below(len(weeks))]
    return month + [call._replace(month=0) for call in rest if call.day % _DAYS_PER_WEEK < _DAYS_OVER]
