"""Advice for an organization: from its own and imported usage, monthly, and told only when it says something new."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from talktime.bootstrap import App
from talktime.core.insight.advice.drift import Drift
from talktime.core.insight.advice.funding_advice import Basis
from talktime.core.insight.importing.imported_calls import ImportedCall, UsageKind, UsageLine
from talktime.core.insight.importing.reading import direction_of
from talktime.core.organizations.organizations import BillingMode
from talktime.core.values.errors import NotFound
from talktime.core.values.events import EventKind
from talktime.settings import Settings
from talktime.store.transaction import Transaction
from talktime.usecases.insight.advise_funding import (
    MONTHLY,
    AdviceReviewed,
    AdviseFunding,
    DueReviews,
    FundingAdvised,
    ReviewAdvice,
    advise_funding,
    due_reviews,
    review_advice,
)
from talktime.usecases.insight.import_usage import ImportUsage, import_usage
from talktime.usecases.organizations.manage_organizations import AddOrganization, add_organization
from tests.recharge_world import RechargeWorld

MONDAY = datetime(2026, 1, 5, tzinfo=UTC)
UNIT = 1_000_000
NAME = "Contoso"


@pytest.fixture
def app(migrated_database_url: str) -> Iterator[App]:
    with App(Settings(database=migrated_database_url)) as app:
        app.run(add_organization, AddOrganization(NAME, "DE", "EUR", "Europe/Berlin", "retail", MONDAY))
        yield app


def spends(
    app: App, weeks: range, units_a_day: int, currency: str = "EUR", *, name: str = NAME, monday: datetime = MONDAY
) -> datetime:
    """Import weeks with one call on each workday; return the Monday after them."""
    calls = [
        ImportedCall(
            UsageKind.USER_OUT,
            direction_of(UsageKind.USER_OUT),
            began := monday + timedelta(weeks=week, days=day, hours=10),
            began + timedelta(minutes=5),
            300,
            source_id=f"{currency}-{week}-{day}",
            charge_micros=units_a_day * UNIT,
            currency=currency,
        )
        for week in weeks
        for day in range(5)
    ]
    after = monday + timedelta(weeks=weeks.stop)
    lines = [UsageLine(number + 2, call) for number, call in enumerate(calls)]
    import_usage(app.run, ImportUsage(name, "usage.csv", after, "ada"), lines, lambda _: None)
    return after


def advised(app: App, at: datetime) -> FundingAdvised:
    return app.read(advise_funding, AdviseFunding(NAME, at))


def reviewed(app: App, at: datetime) -> AdviceReviewed | None:
    return review_advice(app.read, app.run, ReviewAdvice(_only(app), at))


def told(app: App) -> list[dict[str, str]]:
    events = app.read(lambda tx, _: tx.notifications.events_waiting(100), None)
    return [dict(event.details) for event in events if event.kind is EventKind.FUNDING_ADVISED]


def _only(app: App) -> int:
    return app.read(_first, None)


def _first(tx: Transaction, _: None) -> int:
    return tx.organizations.named(NAME).organization_id


def test_advice_comes_from_imported_usage_in_the_organizations_currency(app: App) -> None:
    at = spends(app, range(12), 200)
    spends(app, range(12), 9_000, "USD")

    found = advised(app, at)

    assert found.report.advice.weeks_count == 11
    assert found.report.advice.currency == "EUR"
    assert 4_000 * UNIT < found.report.advice.month_micros < 4_600 * UNIT
    assert found.report.backtest is not None
    assert (found.policy_risk, found.drifts) == (None, ())


def test_an_organization_without_usage_is_told_to_start_small(app: App) -> None:
    found = advised(app, MONDAY)

    assert found.report.advice.basis is Basis.START_SMALL
    assert found.report.sentences[0].startswith("Start small: let a recharge of 20.00 EUR")
    assert found.report.backtest is None


def test_nobody_is_advised_who_does_not_exist(app: App) -> None:
    with pytest.raises(NotFound):
        app.read(advise_funding, AdviseFunding("Nobody", MONDAY))


def test_advice_is_told_once_and_a_month_later_only_if_it_changed(app: App) -> None:
    at = spends(app, range(12), 200)

    first = reviewed(app, at)
    spends(app, range(12, 18), 205)

    assert first is not None
    assert first.reason == MONTHLY
    assert reviewed(app, at) is None
    assert reviewed(app, at + timedelta(weeks=5)) is None
    assert len(told(app)) == 1


def test_what_creeps_away_is_compared_with_what_was_told(app: App) -> None:
    at = spends(app, range(8), 200)
    assert reviewed(app, at) is not None

    heard = []
    for month in range(1, 7):
        at = spends(app, range(4 + 4 * month, 8 + 4 * month), 200 + 15 * month)
        heard.append(reviewed(app, at + timedelta(days=5)))

    assert any(each is not None for each in heard)
    assert heard[0] is None


def test_two_weeks_outside_the_cone_are_told_at_once(app: App) -> None:
    at = spends(app, range(12), 200)
    assert reviewed(app, at) is not None

    at = spends(app, range(12, 15), 900)
    found = reviewed(app, at)

    assert found is not None
    assert found.reason == Drift.SPEND_ABOVE.value
    assert [each["reason"] for each in told(app)] == [MONTHLY, Drift.SPEND_ABOVE.value]
    assert reviewed(app, at + timedelta(days=1)) is None


def test_less_than_four_weeks_are_not_worth_a_mail(app: App) -> None:
    at = spends(app, range(3), 200)

    assert reviewed(app, at) is None
    assert told(app) == []


def test_who_pays_after_use_or_has_no_usage_is_not_reviewed(app: App) -> None:
    assert app.read(due_reviews, DueReviews()) == []

    spends(app, range(5), 200)
    assert app.read(due_reviews, DueReviews()) == [_only(app)]
    assert app.read(due_reviews, DueReviews(_only(app))) == []

    app.run(_bill_afterwards, None)
    assert app.read(due_reviews, DueReviews()) == []


def test_the_second_of_two_workers_tells_nothing(app: App) -> None:
    at = spends(app, range(12), 200)

    def read_while_another_writes(use_case: object, request: ReviewAdvice) -> object:
        review = app.read(use_case, request)  # type: ignore[arg-type]
        assert review_advice(app.read, app.run, request) is not None
        return review

    assert review_advice(read_while_another_writes, app.run, ReviewAdvice(_only(app), at)) is None  # type: ignore[arg-type]
    assert len(told(app)) == 1


def test_what_was_advised_is_remembered(app: App) -> None:
    at = spends(app, range(12), 200)
    reviewed(app, at)
    reviewed(app, at + timedelta(weeks=6))

    last = app.read(lambda tx, _: tx.advice.last(_first(tx, None)), None)

    assert last is not None
    assert last.funding.trigger_micros > 600 * UNIT
    assert 0 < last.week_low_micros < 1_000 * UNIT < last.week_high_micros


def _bill_afterwards(tx: Transaction, _: None) -> None:
    tx.organizations.set_billing_mode(_first(tx, None), BillingMode.POSTPAID)


@pytest.fixture
def world(migrated_database_url: str, tmp_path: Path) -> Iterator[RechargeWorld]:
    with App(Settings(database=migrated_database_url)) as app:
        world = RechargeWorld(app, tmp_path, funded=1_000)
        yield world
        world.close()


def calls_of(world: RechargeWorld, weeks: int) -> None:
    """Let a call of ten units be made on each workday of the next weeks."""
    for day in range(7 * weeks):
        if day % 7 < 5:
            world.spend(10)
        world.tick(days=1)


def test_what_is_set_is_shown_with_its_risk_beside_advice_from_our_own_calls(world: RechargeWorld) -> None:
    calls_of(world, 6)
    world.recharge_on(trigger=5, amount=900)

    found = world.app.read(advise_funding, AdviseFunding("Acme", world.at))

    assert found.report.advice.weeks_count == 6
    assert 25 * UNIT <= found.report.advice.funding.trigger_micros <= 60 * UNIT
    assert found.policy_risk is not None
    assert found.policy_risk > 0.5
    assert found.drifts == (Drift.TRIGGER_TOO_LOW, Drift.AMOUNT_TOO_HIGH)
    assert found.available_micros == 700 * UNIT


def test_settings_far_from_the_advice_are_told_again_each_month(world: RechargeWorld) -> None:
    calls_of(world, 6)
    world.recharge_on(trigger=5, amount=900)
    first = review_advice(world.app.read, world.app.run, ReviewAdvice(1, world.at))
    calls_of(world, 5)

    second = review_advice(world.app.read, world.app.run, ReviewAdvice(1, world.at))

    assert first is not None
    assert second is not None
    assert second.reason == Drift.TRIGGER_TOO_LOW.value


def test_calls_that_credit_would_have_let_through_are_counted_beside_the_advice(world: RechargeWorld) -> None:
    world.spend(1_000)
    world.start("refused-1")
    world.start("refused-2")
    world.tick(days=1)

    assert world.app.read(advise_funding, AdviseFunding("Acme", world.at)).lost_count == 2


def test_a_few_calls_of_our_own_do_not_make_imported_usage_complete(world: RechargeWorld) -> None:
    begins_at = world.at
    world.at = spends(world.app, range(12), 200, "USD", name="Acme", monday=begins_at)
    first = review_advice(world.app.read, world.app.run, ReviewAdvice(1, world.at))
    world.spend(1)
    world.tick(weeks=3)

    found = world.app.read(advise_funding, AdviseFunding("Acme", world.at))

    assert first is not None
    assert review_advice(world.app.read, world.app.run, ReviewAdvice(1, world.at)) is None
    assert found.report.advice.weeks_count == 11
    assert any("Left out: our own calls after" in each for each in found.report.warnings)


def test_silence_of_our_own_is_told_once_and_then_only_what_is_advised_anew(world: RechargeWorld) -> None:
    calls_of(world, 12)
    reasons = []
    for _ in range(30):
        found = review_advice(world.app.read, world.app.run, ReviewAdvice(1, world.at))
        reasons += [found.reason] if found else []
        world.tick(weeks=1)

    assert reasons.count(Drift.SPEND_BELOW.value) == 1
    assert len(reasons) <= 4


def test_silence_after_our_own_calls_is_usage_too(world: RechargeWorld) -> None:
    calls_of(world, 6)
    busy = world.app.read(advise_funding, AdviseFunding("Acme", world.at))
    world.tick(weeks=6)

    silent = world.app.read(advise_funding, AdviseFunding("Acme", world.at))

    assert silent.report.advice.weeks_count == 12
    assert silent.report.advice.month_micros < busy.report.advice.month_micros
