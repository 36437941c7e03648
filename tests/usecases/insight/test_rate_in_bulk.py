"""Which rates a choice names, and what is refused before a call is rated."""

from collections.abc import Iterator
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from talktime.bootstrap import App
from talktime.bulk.engines.local import LocalEngine
from talktime.core.rates.rate_decks import DeckTerms, Direction, Rate
from talktime.core.rates.rated_calls import RecordedUse
from talktime.core.rates.rating import Price, PriceStep
from talktime.core.values.errors import Conflict, NotFound
from talktime.settings import Settings
from talktime.store.rates import DeckVersion
from talktime.store.transaction import Transaction
from talktime.usecases.insight.rate_in_bulk import ChosenRates, DeckChoice, RatedSums, choose_rates, rate_in_bulk
from tests.bulk.rows import batch_of

AT = datetime(2026, 3, 1, tzinfo=UTC)
OUT = Direction.OUTBOUND


@pytest.fixture
def app(migrated_database_url: str) -> Iterator[App]:
    with App(Settings(database=migrated_database_url)) as made:
        yield made


def staged(
    app: App,
    deck: str,
    nanos: int,
    *,
    currency: str = "EUR",
    published_from: datetime | None = AT,
    is_whole: bool = True,
) -> None:
    """Write a version of a deck with one rate; published, unless no instant is given."""

    def write(tx: Transaction, _: None) -> DeckVersion:
        version = tx.rates.stage(deck, "a test", DeckTerms(currency, ZoneInfo("UTC")), AT)
        price = Price(0, (PriceStep(0, 60, nanos),))
        tx.rates.add_rates(version.version_id, [Rate(OUT, "44", "", "Britain", (price,))])
        if is_whole:
            tx.rates.complete(version.version_id, 1)
        if published_from is not None:
            tx.rates.publish(version, [OUT], start=published_from, at=AT)
        return version

    app.run(write, None)


def chosen(app: App, deck: str = "", number: int | None = None, direction: Direction = OUT) -> ChosenRates:
    return app.read(choose_rates, DeckChoice(deck, direction, number))


def rated(chosen_rates: ChosenRates, against: ChosenRates | None = None) -> RatedSums:
    sums = RatedSums()
    calls = [RecordedUse("", "442079460000", AT.replace(day=day), 61) for day in (1, 15)]
    assert len(list(rate_in_bulk(LocalEngine(), chosen_rates, against, [batch_of(calls)], sums))) == 1
    return sums


def test_each_version_rates_the_calls_of_its_time_and_a_stated_one_all(app: App) -> None:
    staged(app, "az", 1_000_000_000)
    staged(app, "az", 2_000_000_000, published_from=AT.replace(day=10))

    assert rated(chosen(app)).total.cost_micros == 2_000_000 + 4_000_000
    assert rated(chosen(app, number=1)).total.cost_micros == 2 * 2_000_000
    sums = rated(chosen(app), chosen(app, number=1))
    assert sums.total.difference_micros == -2_000_000
    assert sums.by_destination["Britain"].against_calls == 2


def test_what_cannot_rate_says_why(app: App) -> None:
    with pytest.raises(NotFound, match="no rate deck yet"):
        chosen(app)
    staged(app, "az", 10**9, published_from=None)
    with pytest.raises(Conflict, match="was ever published for outbound calls"):
        chosen(app)
    with pytest.raises(NotFound, match="no version 2"):
        chosen(app, number=2)
    assert rated(chosen(app, number=1)).calls == 2

    staged(app, "az", 10**9, published_from=None, is_whole=False)
    with pytest.raises(Conflict, match="still being imported"):
        chosen(app, number=2)


def test_two_currencies_make_no_sum(app: App) -> None:
    staged(app, "az", 10**9)
    staged(app, "other", 10**9, currency="USD")

    with pytest.raises(Conflict, match="no sum compares them"):
        rated(chosen(app, "az"), chosen(app, "other"))

    staged(app, "az", 10**9, currency="USD")
    with pytest.raises(Conflict, match="in EUR and USD"):
        chosen(app, "az")
    assert chosen(app, "az", 1).currency == "EUR"
