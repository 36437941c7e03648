"""Charged usage is rated anew by another deck: the difference is corrected, and the audit finds nothing."""

from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import text

from talktime.bootstrap import App, open_statements
from talktime.bulk.engines.local import LocalEngine
from talktime.core.insight.books import Finding, Rule
from talktime.core.rates.rate_decks import Rate
from talktime.core.rates.rating import Price, PriceStep
from talktime.core.values.errors import Conflict, Invalid
from talktime.store.transaction import Transaction
from talktime.usecases.calls.reconcile_calls import Books
from talktime.usecases.insight.audit_books import AuditBooks, audit_books
from talktime.usecases.insight.rerate_usage import Rerated, RerateUsage, prepare_rerating, rerate_usage
from talktime.usecases.rates.publish_rate_deck import PublishDeck, StageDeck, publish_deck, stage_deck
from tests.pooled_books import BEFORE_MIDNIGHT
from tests.real_books import BEGINS_AT
from tests.usecases.insight.corruptions import Corruption, corrupt

OLD, NEW = "az", "anew"
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
PERIOD = (date(2026, 1, 1), date(2026, 12, 31))

pytestmark = pytest.mark.usefixtures("database_engine")


@pytest.fixture(params=["charged", "pooled"])
def story(request: pytest.FixtureRequest) -> tuple[App, datetime]:
    """Give each of the two books with a second deck, and an instant after its last call."""
    app: App = request.getfixturevalue(f"{request.param}_app")
    at = (BEGINS_AT if request.param == "charged" else BEFORE_MIDNIGHT) + timedelta(days=41)
    with_dearer_deck(app, at)
    return app, at


def test_usage_rated_anew_costs_what_the_deck_says_and_the_books_agree(story: tuple[App, datetime]) -> None:
    app, at = story
    for name in organizations(app):
        foretold = rerated(app, at, name, NEW)

        done = rerated(app, at, name, NEW, applies=True)

        changed = [each for each in done if each.change_micros]
        assert [(each.key, each.change_micros) for each in changed] == [
            (each.key, each.change_micros) for each in foretold if each.change_micros
        ]
        assert all(each.is_applied for each in changed)
        assert findings(app, at) == []
        assert [each for each in rerated(app, at, name, NEW, applies=True) if each.change_micros] == []
        assert findings(app, at) == []


def test_a_dry_run_tells_what_changes_and_changes_nothing(charged_app: App) -> None:
    at = BEGINS_AT + timedelta(days=41)
    with_dearer_deck(charged_app, at)
    before = rows_of_usage(charged_app)

    told = rerated(charged_app, at, "Acme", NEW)

    assert sum(each.change_micros for each in told) > 0
    assert {each.is_applied for each in told} == {False}
    assert rows_of_usage(charged_app) == before


def test_usage_rated_anew_and_back_costs_what_it_cost(charged_app: App) -> None:
    at = BEGINS_AT + timedelta(days=41)
    with_dearer_deck(charged_app, at)
    before = costs(charged_app)

    there = rerated(charged_app, at, "Acme", NEW, applies=True)
    assert costs(charged_app) != before
    back = rerated(charged_app, at, "Acme", OLD, applies=True)

    assert findings(charged_app, at) == []
    assert costs(charged_app) == before
    assert sum(each.change_micros for each in there) == -sum(each.change_micros for each in back) != 0


def test_what_the_deck_has_no_price_for_stays_as_it_is(charged_app: App) -> None:
    at = BEGINS_AT + timedelta(days=41)
    with_dearer_deck(charged_app, at, prefixes=("44", "4420"))

    told = rerated(charged_app, at, "Acme", NEW, applies=True)

    assert {each.why_not for each in told if each.destination == "France"} == {"destination_not_rated"}
    assert findings(charged_app, at) == []


def test_a_period_without_calls_and_one_that_ends_before_it_begins(charged_app: App) -> None:
    at = BEGINS_AT + timedelta(days=41)
    early = (date(2025, 1, 1), date(2025, 12, 31))

    assert rerated(charged_app, at, "Acme", OLD, period=early) == []
    with pytest.raises(Invalid, match="before it begins"):
        rerated(charged_app, at, "Acme", OLD, period=(date(2026, 2, 1), date(2026, 1, 1)))


def test_a_deck_in_another_currency_rates_nothing_anew(charged_app: App) -> None:
    at = BEGINS_AT + timedelta(days=41)
    with_dearer_deck(charged_app, at, currency="USD")

    with pytest.raises(Conflict, match="USD"):
        rerated(charged_app, at, "Acme", NEW)


def test_a_version_that_was_never_published_is_compared_with_and_charges_nobody(charged_app: App) -> None:
    at = BEGINS_AT + timedelta(days=41)
    with_dearer_deck(charged_app, at, is_published=False)
    before = costs(charged_app)

    told = rerated(charged_app, at, "Acme", NEW, number=1)
    with pytest.raises(Conflict, match="talktime decks publish anew --version 1") as refusal:
        rerated(charged_app, at, "Acme", NEW, number=1, applies=True)

    assert refusal.value.code == "deck_version_not_published"
    assert sum(each.change_micros for each in told) > 0
    assert costs(charged_app) == before


def test_a_version_that_was_published_is_charged_by_for_all_calls(charged_app: App) -> None:
    at = BEGINS_AT + timedelta(days=41)
    with_dearer_deck(charged_app, at)

    done = rerated(charged_app, at, "Acme", NEW, number=1, applies=True)

    assert all(each.is_applied for each in done if each.change_micros)
    assert sum(each.change_micros for each in done) > 0
    assert findings(charged_app, at) == []


CORRUPTIONS = [
    Corruption(
        "the row that rates anew names the old version",
        Rule.USAGE_EQUALS_PRICE,
        ["UPDATE usage_rows SET version_id = 1 WHERE {call} AND line = 1"],
    ),
    Corruption(
        "the rate changes without a row that rates anew",
        Rule.USAGE_EQUALS_PRICE,
        ["UPDATE usage_rows SET correction_reference = 'a switch said so' WHERE {call} AND line = 1"],
    ),
]


@pytest.mark.parametrize("corruption", CORRUPTIONS, ids=lambda corruption: corruption.what)
def test_a_rate_that_somebody_changes_is_found(charged_app: App, corruption: Corruption) -> None:
    at = BEGINS_AT + timedelta(days=41)
    with_dearer_deck(charged_app, at)
    rerated(charged_app, at, "Acme", NEW, applies=True)
    assert findings(charged_app, at) == []

    corrupt(charged_app.settings.database_url, corruption)

    assert corruption.rule in {finding.rule for finding in findings(charged_app, at)}


def with_dearer_deck(
    app: App, at: datetime, *, prefixes: Sequence[str] = (), currency: str = "", is_published: bool = True
) -> None:
    """Publish a deck of the same rates, some dearer and some cheaper than those that the calls were charged by."""
    deck = app.read(lambda tx, _: tx.rates.deck(1), None)
    rates = tuple(
        replace(rate, prices=tuple(other_price(rate, each) for each in rate.prices))
        for rate in deck.rates()
        if not prefixes or rate.prefix in prefixes
    )
    terms = replace(deck.terms, currency=currency or deck.terms.currency)
    stage_deck(app.run, StageDeck(NEW, "a test", terms, rates, at), lambda _: None)
    if is_published:
        app.run(publish_deck, PublishDeck(NEW, None, LONG_AGO, LONG_AGO))


def other_price(rate: Rate, price: Price) -> Price:
    factor = 3 if rate.prefix.startswith(("44", "3")) else 0
    steps = tuple(
        PriceStep(step.from_second, step.increment_seconds, step.nanos_per_minute * factor // 2) for step in price.steps
    )
    return replace(price, steps=steps)


def rerated(
    app: App,
    at: datetime,
    name: str,
    deck: str,
    *,
    applies: bool = False,
    period: tuple[date, date] = PERIOD,
    number: int | None = None,
) -> list[Rerated]:
    order = app.read(prepare_rerating, RerateUsage(name, *period, deck, at, number, applies=applies))
    with closing(open_statements(app.settings.database_url)) as statements:
        books = Books(app.read, app.run, statements, app.settings.charging_terms)
        return [each for page in rerate_usage(books, LocalEngine(), order) for each in page.rerated]


def organizations(app: App) -> list[str]:
    return app.read(lambda tx, _: _all(tx, "SELECT name FROM organizations ORDER BY 1"), None)


def costs(app: App) -> list[object]:
    return app.read(lambda tx, _: _all(tx, "SELECT cost_micros FROM calls ORDER BY call_key"), None)


def rows_of_usage(app: App) -> list[object]:
    return app.read(lambda tx, _: _all(tx, "SELECT count(*) FROM usage_rows UNION SELECT count(*) FROM postings"), None)


def _all(tx: Transaction, statement: str) -> list:
    return list(tx.credit._connection.scalars(text(statement)))


def findings(app: App, at: datetime) -> list[Finding]:
    return list(app.read(audit_books, AuditBooks(at)).violations)
