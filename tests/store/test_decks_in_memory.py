from collections.abc import Iterable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from talktime.bootstrap import open_statements
from talktime.core.rates.rate_decks import DeckTerms, Direction, Rate
from talktime.core.rates.rating import Price, PriceStep
from talktime.store.charging.decks import DeckCache
from talktime.store.charging.rows import Row, rate_row
from talktime.store.engine import open_engine
from talktime.store.instants import to_micros
from talktime.store.transaction import operator_transaction

NEW_YEAR = datetime(2026, 1, 1, tzinfo=UTC)
FRANCE = Rate(Direction.OUTBOUND, "33", "", "France", (Price(0, (PriceStep(0, 60, 10_000_000),)),))


def stored(_version_id: int) -> tuple[Row, Iterable[Row]]:
    return ("EUR", "UTC", 4, "half_up"), [rate_row(FRANCE), (*rate_row(FRANCE)[:1], "49", *rate_row(FRANCE)[2:])]


def test_what_is_forgotten_stays_with_whoever_decides_by_it_and_is_loaded_again() -> None:
    cache = DeckCache()
    decided_by = cache.ensure([1, 2], stored)

    cache.forget_all_but({2, 3})

    assert decided_by.keys() == {1, 2}
    assert cache.loaded.keys() == {2}
    assert cache.ensure([1], stored).keys() == {1, 2}


def test_a_deck_is_loaded_once() -> None:
    cache, loads = DeckCache(), list[int]()

    def load(version_id: int) -> tuple[Row, Iterable[Row]]:
        loads.append(version_id)
        return stored(version_id)

    first, again = cache.ensure([1], load)[1], cache.ensure([1], load)[1]

    assert first is again
    assert loads == [1]


def test_rates_of_the_same_prices_share_a_tariff() -> None:
    deck = DeckCache().ensure([1], stored)[1]

    france, germany = deck.find(Direction.OUTBOUND, "33", ""), deck.find(Direction.OUTBOUND, "49", "")

    assert france is not None
    assert germany is not None
    assert france.tariff is germany.tariff


def test_only_versions_that_a_running_call_may_need_are_loaded_beforehand(migrated_database_url: str) -> None:
    engine = open_engine(migrated_database_url)
    with operator_transaction(engine) as tx:
        ids = []
        for month in range(4):
            at = NEW_YEAR + timedelta(days=30 * month)
            version = tx.rates.stage("standard", "test", DeckTerms("EUR", ZoneInfo("UTC")), at)
            tx.rates.add_rates(version.version_id, [FRANCE])
            tx.rates.complete(version.version_id, 1)
            ids.append(version.version_id)
            if month < 3:
                tx.rates.publish(version, [Direction.OUTBOUND], start=at, at=at)
    engine.dispose()

    with closing(open_statements(migrated_database_url)) as statements, statements.snapshot():
        in_february = statements.versions_to_load(to_micros(NEW_YEAR + timedelta(days=40)))
        in_april = statements.versions_to_load(to_micros(NEW_YEAR + timedelta(days=100)))

    assert {row[0] for row in in_february} == {ids[1], ids[2], ids[3]}
    assert {row[0] for row in in_april} == {ids[2], ids[3]}
