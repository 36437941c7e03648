import csv
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from statistics import mean, median
from zoneinfo import ZoneInfo

import pytest

from talktime.core.calls.calls import CallKind
from talktime.samples import rate_deck
from talktime.samples.calls import DURATION_MAX_SECONDS, SampleCall, sample_calls
from talktime.samples.people import TOLL_FREE_NUMBER, sample_users

SEATTLE = ZoneInfo("America/Los_Angeles")
# A month with a clock change: the 8th has 23 hours.
MONTH_STARTS_AT = datetime(2026, 3, 1, tzinfo=SEATTLE)
USERS = tuple(user.number for user in sample_users())
SATURDAY = 5


@pytest.fixture(scope="module")
def calls() -> list[SampleCall]:
    return _calls()


def test_one_seed_gives_one_month(calls: list[SampleCall]) -> None:
    assert _calls() == calls
    assert _calls(seed=2) != calls


def test_the_order_of_the_callers_does_not_matter_to_who_they_are() -> None:
    forwards, backwards = _calls(callers=USERS), _calls(callers=USERS[::-1])

    assert forwards == backwards


def test_as_many_calls_as_asked_for(calls: list[SampleCall]) -> None:
    assert len(calls) == 6_000
    assert _calls(calls_count=0) == []
    assert len(_calls(calls_count=1, callers=USERS[:1])) == 1


def test_calls_come_in_order_within_the_days(calls: list[SampleCall]) -> None:
    assert all(call.started_at <= following.started_at for call, following in pairwise(calls))
    assert calls[0].started_at >= MONTH_STARTS_AT
    assert calls[-1].started_at < MONTH_STARTS_AT + timedelta(days=30)
    assert {call.started_at.tzinfo for call in calls} == {UTC}


def test_call_ids_are_unique(calls: list[SampleCall]) -> None:
    assert len({call.call_id for call in calls}) == len(calls)


def test_a_month_without_a_time_zone_is_refused() -> None:
    with pytest.raises(AssertionError):
        _calls(month_starts_at=datetime(2026, 3, 1))  # noqa: DTZ001 - the point of the test


def test_weekends_are_quiet(calls: list[SampleCall]) -> None:
    by_weekday = Counter(_local(call).weekday() for call in calls)

    weekend = _share(calls, lambda call: _local(call).weekday() >= SATURDAY)

    assert min(by_weekday[day] for day in range(5)) > max(by_weekday[day] for day in (5, 6))
    # The first thirty days of March 2026 hold nine weekend days.
    assert 0.10 < weekend < 0.20


def test_a_day_has_two_office_peaks(calls: list[SampleCall]) -> None:
    by_hour = Counter(_local(call).hour for call in calls)

    assert by_hour[10] > by_hour[12] < by_hour[14]
    assert by_hour[10] > by_hour[8]
    assert by_hour[14] > by_hour[17]
    assert sum(by_hour[hour] for hour in (*range(6), 22, 23)) < len(calls) / 50


def test_durations_have_a_long_tail(calls: list[SampleCall]) -> None:
    seconds = [call.duration_seconds for call in calls if call.duration_seconds]

    assert 60 <= median(seconds) <= 90
    assert mean(seconds) > 2 * median(seconds)
    assert sum(each > 3_600 for each in seconds) >= 5
    assert min(seconds) >= 1
    assert max(seconds) <= DURATION_MAX_SECONDS


def test_one_call_in_eight_is_not_answered(calls: list[SampleCall]) -> None:
    assert 0.10 < _share(calls, lambda call: call.duration_seconds == 0) < 0.15
    assert all(0 <= call.ring_seconds <= 45 for call in calls)


def test_most_calls_go_out_and_some_come_in(calls: list[SampleCall]) -> None:
    assert 0.79 < _share(calls, lambda call: call.kind == "user_out") < 0.85
    assert 0.08 < _share(calls, lambda call: call.kind == "user_in") < 0.12
    assert 0.06 < _share(calls, lambda call: call.kind == "conf_in") < 0.10
    assert {CallKind(call.kind) for call in calls} == {
        CallKind.USER_OUT,
        CallKind.USER_IN,
        CallKind.CONFERENCE_IN,
    }


def test_one_end_of_each_call_is_ours(calls: list[SampleCall]) -> None:
    for call in calls:
        ours, theirs = (call.caller, call.called) if call.kind == "user_out" else (call.called, call.caller)
        assert ours in ({TOLL_FREE_NUMBER} if call.kind == "conf_in" else USERS)
        assert theirs not in {TOLL_FREE_NUMBER, *USERS}


def test_destinations_are_mixed(calls: list[SampleCall]) -> None:
    deck = _Deck()
    found = Counter(deck.kind_of(call.called) for call in calls if call.kind == "user_out")
    shares = {kind: count / found.total() for kind, count in found.items()}

    assert 0.50 < shares["domestic"] < 0.60
    assert 0.30 < shares["international"] < 0.42
    assert 0.02 < shares["expensive"] < 0.06
    assert 0.01 < shares["blocked"] < 0.03
    assert 0.005 < shares["invalid"] < 0.03
    assert 0.003 < shares["short"] < 0.02


def test_somebody_calls_for_help(calls: list[SampleCall]) -> None:
    assert any(call.called == "911" for call in calls)


def test_few_callers_and_few_peers_have_most_of_the_calls(calls: list[SampleCall]) -> None:
    callers = Counter(call.caller for call in calls if call.kind == "user_out")
    peers = Counter(call.called for call in calls if call.kind == "user_out")

    assert callers.keys() == set(USERS)
    assert sum(count for _, count in callers.most_common(10)) > callers.total() * 2 / 5
    assert sum(count for _, count in peers.most_common(len(peers) // 5)) > peers.total() / 2
    assert peers.most_common(1)[0][1] < peers.total() / 10


def test_american_numbers_are_kept_for_fiction(calls: list[SampleCall]) -> None:
    numbers = {number for call in calls for number in (call.caller, call.called) if number.startswith("+1")}

    assert all(len(number) != 12 or number[5:10] == "55501" for number in numbers)


def test_people_seldom_talk_on_two_telephones(calls: list[SampleCall]) -> None:
    by_user = defaultdict(list)
    for call in calls:
        if call.kind != "conf_in":
            by_user[call.caller if call.kind == "user_out" else call.called].append(call)

    overlapping = [
        (call, following)
        for own in by_user.values()
        for call, following in pairwise(own)
        if _ends_at(call) > following.started_at
    ]

    assert len(overlapping) < len(calls) / 100


class _Deck:
    """The sample deck, as far as this test needs it."""

    def __init__(self) -> None:
        rows = list(csv.DictReader(rate_deck.sample_rate_deck_csv().splitlines()))
        self.blocked = {row["Prefix"] for row in rows if row["Status"] == "blocked"}
        self.prices = {row["Prefix"]: Decimal(row["Rate per minute"]) for row in rows}

    def kind_of(self, called: str) -> str:
        if len(called) == 3:
            return "short"
        digits = called.removeprefix("+")
        prefixes = [digits[:length] for length in range(len(digits), 0, -1) if digits[:length] in self.prices]
        if not prefixes or not 7 <= len(digits) <= 15:
            return "invalid"
        if prefixes[0] in self.blocked:
            return "blocked"
        if self.prices[prefixes[0]] > Decimal("0.4"):
            return "expensive"
        return "domestic" if prefixes[0] == "1" else "international"


def _calls(
    *,
    callers: tuple[str, ...] = USERS,
    month_starts_at: datetime = MONTH_STARTS_AT,
    calls_count: int = 6_000,
    seed: int = 1,
) -> list[SampleCall]:
    return list(
        sample_calls(
            callers=callers,
            toll_free_number=TOLL_FREE_NUMBER,
            month_starts_at=month_starts_at,
            days=30,
            calls_count=calls_count,
            seed=seed,
        )
    )


def _share(calls: Iterable[SampleCall], is_meant: Callable[[SampleCall], bool]) -> float:
    return mean(is_meant(call) for call in calls)


def _local(call: SampleCall) -> datetime:
    return call.started_at.astimezone(SEATTLE)


def _ends_at(call: SampleCall) -> datetime:
    return call.started_at + timedelta(seconds=call.ring_seconds + call.duration_seconds)
