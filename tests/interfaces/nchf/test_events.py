"""One-time events: a call that is charged at once, whole or not at all, and once however often it is sent."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from talktime.core.rates.rating import PriceStep
from talktime.settings import Settings
from tests.interfaces.charging.books import UNRATED, Facts, audit, open_books
from tests.interfaces.nchf.served import Fields, NchfAnswer, Served, message

TWO_MINUTES_MICROS = 120_000


@pytest.fixture
def url(migrated_database_url: str) -> str:
    open_books(migrated_database_url, granted_micros=TWO_MINUTES_MICROS)
    return migrated_database_url


def before(call_id: str, seconds: int, **more: Any) -> Fields:
    return message(call_id, wanted=seconds, oneTimeEvent=True, oneTimeEventType="IEC", **more)


def after(call_id: str, seconds: int, **more: Any) -> Fields:
    return message(call_id, used=seconds, oneTimeEvent=True, oneTimeEventType="PEC", **more)


def created(url: str, *asked: Fields) -> list[NchfAnswer]:
    async def play() -> list[NchfAnswer]:
        async with Served(Settings(database=url)) as chf:
            return [await chf.create(each) for each in asked]

    return asyncio.run(play())


@pytest.mark.parametrize("event", [before, after])
@pytest.mark.parametrize("seconds", [45, 110])
def test_an_event_is_charged_once_however_often_it_is_sent(
    url: str, event: Callable[[str, int], Fields], seconds: int
) -> None:
    first, again = created(url, event("a", seconds), event("a", seconds))

    assert (first.status, again.status) == (201, 201)
    assert first.unit == again.unit == {"ratingGroup": 100, "resultCode": "SUCCESS", "grantedUnit": {"time": seconds}}
    rows = Facts(url).rows("SELECT used_seconds, cost_micros FROM usage_rows")
    assert rows == [(seconds, seconds * 1_000)]
    assert Facts(url).one("SELECT sum(held_micros) FROM credit_lots") == 0
    assert audit(url).is_clean


def test_what_is_not_paid_whole_is_not_charged_before(url: str) -> None:
    answers = created(url, *[before(call_id, seconds) for call_id, seconds in (("a", 121), ("a", 121), ("b", 600))])

    assert [answer.unit["resultCode"] for answer in answers] == ["QUOTA_LIMIT_REACHED"] * 3
    assert Facts(url).one("SELECT sum(spent_micros) + sum(held_micros) FROM credit_lots WHERE organization_id = 1") == 0
    assert audit(url).is_clean


def test_an_event_is_paid_whole_however_long_the_blocks_of_its_price(migrated_database_url: str) -> None:
    open_books(migrated_database_url, steps=(PriceStep(0, 90, 60_000_000), PriceStep(90, 60, 60_000_000)))

    first, again = created(migrated_database_url, before("a", 200), before("a", 200))

    assert first.unit == again.unit == {"ratingGroup": 100, "resultCode": "SUCCESS", "grantedUnit": {"time": 200}}
    assert Facts(migrated_database_url).rows("SELECT used_seconds, cost_micros FROM usage_rows") == [(200, 210_000)]
    assert audit(migrated_database_url).is_clean


def test_what_was_used_is_charged_afterwards_and_what_nothing_covers_is_told(url: str) -> None:
    (answer,) = created(url, after("a", 200))

    assert answer.unit["resultCode"] == "SUCCESS"
    assert Facts(url).rows("SELECT used_seconds, cost_micros, uncovered_micros FROM usage_rows") == [
        (200, 200_000, 80_000)
    ]
    assert audit(url).is_clean


def test_a_refused_event_says_why(url: str) -> None:
    answers = created(url, before("a", 45, called=UNRATED), after("b", 45, called=UNRATED))

    assert [answer.unit for answer in answers] == [{"ratingGroup": 100, "resultCode": "RATING_FAILED"}] * 2
    assert Facts(url).one("SELECT count(*) FROM usage_rows") == 0


def test_an_event_takes_some_time_and_belongs_to_somebody(url: str) -> None:
    odd = [before("a", 0), after("a", 0), before("a", 900_000), after("a", 900_000)]

    *answers, unknown = created(url, *odd, before("a", 45, organization_id=99))

    assert [(answer.status, answer.cause) for answer in answers] == [(400, "OPTIONAL_IE_INCORRECT")] * 4
    assert (unknown.status, unknown.cause) == (404, "USER_UNKNOWN")
