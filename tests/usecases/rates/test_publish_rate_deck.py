from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from talktime.bootstrap import App
from talktime.core.rates.rate_decks import DeckTerms, Direction, Rate
from talktime.core.rates.rating import Price, PriceStep
from talktime.settings import Settings
from talktime.store.rates import DeckVersion
from talktime.usecases.rates.publish_rate_deck import (
    CHUNK_RATES,
    CompareDeck,
    PublishDeck,
    RollBackDeck,
    StageDeck,
    compare_deck,
    list_versions,
    publish_deck,
    roll_back_deck,
    stage_deck,
)
from talktime.usecases.rates.quote_call import Quote, QuoteCall, quote_call

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
TERMS = DeckTerms("USD", ZoneInfo("UTC"))
LONDON = "442079460958"


@pytest.fixture
def app(migrated_database_url: str) -> Iterator[App]:
    with App(Settings(database=migrated_database_url)) as opened:
        yield opened


def rate(prefix: str, nanos: int = 60_000_000, direction: Direction = Direction.OUTBOUND, origin: str = "") -> Rate:
    return Rate(direction, prefix, origin, f"to {prefix}", (Price(0, (PriceStep(0, 60, nanos),)),))


def stage(app: App, *rates: Rate, after_chunk: Callable[[int], None] = lambda _: None) -> DeckVersion:
    return stage_deck(app.run, StageDeck("standard", "by hand", TERMS, rates, NOON), after_chunk)


def publish(app: App, number: int, start: datetime) -> None:
    app.run(publish_deck, PublishDeck("standard", number, start, NOON))


def cost_at(app: App, at: datetime, caller: str = "") -> int:
    quoted = app.read(quote_call, (QuoteCall(LONDON, 60, at, caller), "standard"))
    assert isinstance(quoted, Quote)
    return quoted.cost_micros


def test_a_large_deck_is_staged_in_small_transactions(app: App) -> None:
    chunks: list[int] = []

    version = stage(app, *(rate(f"44{number}") for number in range(1_201)), after_chunk=chunks.append)

    assert chunks == [CHUNK_RATES, CHUNK_RATES, 201]
    assert (version.rates_count, version.is_complete) == (1_201, True)


def test_a_version_that_is_being_staged_is_incomplete_until_the_last_chunk(app: App) -> None:
    seen: list[bool] = []

    def look(_: int) -> None:
        [listed] = app.read(list_versions, ("standard", NOON))
        seen.append(listed.version.is_complete)

    stage(app, *(rate(f"44{number}") for number in range(600)), after_chunk=look)

    assert seen == [False, False]


def test_calls_are_priced_by_the_version_in_force_when_they_are_answered(app: App) -> None:
    stage(app, rate("44", 60_000_000))
    stage(app, rate("44", 120_000_000))
    publish(app, 1, NOON)
    publish(app, 2, NOON + HOUR)

    assert cost_at(app, NOON) == 60_000
    assert cost_at(app, NOON + HOUR) == 120_000


def test_the_longest_prefix_and_the_narrowest_origin_price_a_quote(app: App) -> None:
    stage(app, rate("4", 1_000_000_000), rate("4420", 60_000_000), rate("4420", 30_000_000, origin="33"))
    publish(app, 1, NOON)

    assert cost_at(app, NOON) == 60_000
    assert cost_at(app, NOON, caller="33612345678") == 30_000


def test_a_rollback_puts_the_version_before_in_force_for_its_directions_alone(app: App) -> None:
    inbound = rate("1800", direction=Direction.TOLL_FREE_INBOUND)
    stage(app, rate("44", 60_000_000), inbound)
    stage(app, rate("44", 120_000_000))
    publish(app, 1, NOON - 2 * HOUR)
    publish(app, 2, NOON - HOUR)

    rolled_back = app.run(roll_back_deck, RollBackDeck("standard", NOON))

    assert (rolled_back.version.number, rolled_back.directions) == (1, (Direction.OUTBOUND,))
    assert cost_at(app, NOON - timedelta(seconds=1)) == 120_000
    assert cost_at(app, NOON) == 60_000


def test_a_publication_says_which_version_it_replaces(app: App) -> None:
    stage(app, rate("44"))
    stage(app, rate("44"))

    first = app.run(publish_deck, PublishDeck("standard", 1, None, NOON))
    second = app.run(publish_deck, PublishDeck("standard", None, NOON + HOUR, NOON))

    assert first.before is None
    assert first.published_from == NOON
    assert second.before is not None
    assert (second.version.number, second.before.number) == (2, 1)


def test_a_staged_version_is_compared_with_the_one_in_force(app: App) -> None:
    stage(app, rate("44"))
    stage(app, rate("33"))
    stage(app, rate("34"))
    publish(app, 1, NOON)

    compared = app.read(compare_deck, CompareDeck("standard", None, None, NOON))

    assert compared.before is not None
    assert (compared.before.number, compared.after.number) == (1, 3)


def test_the_version_in_force_is_compared_with_the_one_staged_before_it(app: App) -> None:
    stage(app, rate("44"))
    stage(app, rate("33"))
    publish(app, 2, NOON)

    compared = app.read(compare_deck, CompareDeck("standard", None, None, NOON))

    assert compared.before is not None
    assert (compared.before.number, compared.after.number) == (1, 2)
