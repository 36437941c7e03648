"""One recorded call and what it costs: the oracle of bulk rating, by examples."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from talktime.core.rates.rate_decks import DeckPublication, DeckTerms, Direction, Rate, RateDeck
from talktime.core.rates.rated_calls import NotRated, RatedCall, RatesInForce, RecordedUse, rate_call
from talktime.core.values.errors import Invalid
from tests.core.rates.tariffs import every_day, price

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
DAY = every_day("day", (8 * 3_600, 18 * 3_600))
NIGHT = every_day("night", (0, 8 * 3_600), (18 * 3_600, 86_400))
RATES = (
    Rate(Direction.OUTBOUND, "44", "", "Britain", (price(60, 60, "0.10"),)),
    Rate(Direction.OUTBOUND, "88", "", "Satellite", (), blocked=True),
    Rate(
        Direction.OUTBOUND, "33", "", "France", (price(60, 60, "1", profile=DAY), price(60, 60, "0.5", profile=NIGHT))
    ),
    Rate(Direction.OUTBOUND, "99", "", "Absurdistan", (price(1, 1, "1000000000"),)),
)
DECK = RateDeck(version_id=7, terms=DeckTerms("EUR", ZoneInfo("UTC")), rates=RATES)
IN_FORCE = RatesInForce(Direction.OUTBOUND, (DeckPublication(7, NOON),), {7: DECK})


def call(called: str, used_seconds: int = 61, started_at: datetime = NOON, **others: datetime) -> RecordedUse:
    return RecordedUse("", called, started_at, used_seconds, **others)


def test_a_call_is_rated_by_the_version_in_force() -> None:
    assert rate_call(IN_FORCE, call("442079460000")) == RatedCall(7, RATES[0], 120, 200_000)


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        (call("112"), NotRated.NUMBER_NOT_E164),
        (call("442079460000", started_at=NOON - timedelta(seconds=1)), NotRated.NO_RATE_DECK_IN_FORCE),
        (call("12125550100"), NotRated.DESTINATION_NOT_RATED),
        (call("88123456789"), NotRated.DESTINATION_BLOCKED),
    ],
)
def test_a_call_without_a_price_has_a_reason(asked: RecordedUse, why: NotRated) -> None:
    assert rate_call(IN_FORCE, asked) is why


def test_the_price_is_that_of_the_answer() -> None:
    rung = call("33140205050", 60, datetime(2026, 3, 2, 17, 59, 30, tzinfo=UTC), answered_at=NOON.replace(hour=18))

    assert rate_call(IN_FORCE, rung) == RatedCall(7, RATES[2], 60, 500_000)


def test_a_cost_beyond_all_measure_is_a_mistake() -> None:
    with pytest.raises(Invalid, match="more than any amount"):
        rate_call(IN_FORCE, call("99123456789"))
