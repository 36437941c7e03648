from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from talktime.core.values.numbers import country_of
from talktime.samples.calls import SampleCall
from talktime.samples.conferences import sample_conferences
from talktime.samples.people import sample_users

SEATTLE = ZoneInfo("America/Los_Angeles")
MONTH_STARTS_AT = datetime(2026, 3, 1, tzinfo=SEATTLE)
ORGANIZERS = tuple(user.number for user in sample_users()[:5])
SATURDAY = 5


def _legs(*, legs_count: int = 200, seed: int = 1) -> list[SampleCall]:
    return list(
        sample_conferences(
            organizers=ORGANIZERS, month_starts_at=MONTH_STARTS_AT, days=31, legs_count=legs_count, seed=seed
        )
    )


@pytest.fixture(scope="module")
def legs() -> list[SampleCall]:
    return _legs()


def test_one_seed_gives_one_month_of_conferences(legs: list[SampleCall]) -> None:
    assert _legs() == legs
    assert _legs(seed=2) != legs


@pytest.mark.parametrize("legs_count", [0, 1, 2, 33])
def test_as_many_legs_as_asked_for(legs_count: int) -> None:
    assert len(_legs(legs_count=legs_count)) == legs_count


def test_legs_come_in_order_and_their_ids_are_unique(legs: list[SampleCall]) -> None:
    assert all(leg.started_at <= following.started_at for leg, following in pairwise(legs))
    assert {leg.started_at.tzinfo for leg in legs} == {UTC}
    assert len({leg.call_id for leg in legs}) == len(legs)


def test_organizers_dial_partners_from_their_conferences(legs: list[SampleCall]) -> None:
    assert {leg.kind for leg in legs} == {"conf_out"}
    assert {leg.caller for leg in legs} == set(ORGANIZERS)
    assert {country_of(leg.called.removeprefix("+")) for leg in legs} == {"GB", "KR", "MY", "TW", "US"}


def test_conferences_lie_on_working_days_and_within_office_hours(legs: list[SampleCall]) -> None:
    local = [leg.started_at.astimezone(SEATTLE) for leg in legs]

    assert all(at.weekday() < SATURDAY for at in local)
    assert all(8 <= at.hour < 17 for at in local)
    # Twenty-two working days of March 2026.
    assert len({at.date() for at in local}) == 22


def test_a_conference_dials_several_at_once_and_they_stay_to_about_its_end() -> None:
    # So few that no day has two conferences.
    legs = _legs(legs_count=30)
    together = [
        (leg, following)
        for leg, following in pairwise(legs)
        if leg.caller == following.caller and following.started_at - leg.started_at < timedelta(minutes=2)
    ]

    assert len(together) >= len(legs) // 3
    assert all(leg.called != following.called for leg, following in together)
    assert all(abs(_ends_at(leg) - _ends_at(following)) <= timedelta(minutes=6) for leg, following in together)


def _ends_at(leg: SampleCall) -> datetime:
    return leg.started_at + timedelta(seconds=leg.ring_seconds + leg.duration_seconds)
