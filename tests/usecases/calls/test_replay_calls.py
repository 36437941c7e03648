from collections.abc import Iterator, Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import psycopg
import pytest

from talktime.bootstrap import App, open_statements
from talktime.core.calls.calls import CallKind, DenialReason
from talktime.core.calls.replaying import RecordedCall, ReplaySummary, summary_of
from talktime.core.organizations.licenses import CREDIT_LICENSES
from talktime.core.rates.rate_decks import DeckTerms, Direction, Rate
from talktime.core.rates.rating import Price, PriceStep
from talktime.core.values.errors import Conflict, NotFound, Unavailable
from talktime.settings import Settings
from talktime.usecases.calls import replay_calls as replaying
from talktime.usecases.calls.replay_calls import (
    PrepareReplay,
    ReplayedPeriod,
    ReplayPrepared,
    prepare_replay,
    replay_calls,
    uncovered_micros,
)
from talktime.usecases.credit.add_credit import AddCredit, add_credit
from talktime.usecases.organizations.manage_organizations import AddOrganization, add_organization
from talktime.usecases.rates.publish_rate_deck import PublishDeck, StageDeck, publish_deck, stage_deck

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
# 60/60 at 0.06 a minute.
RATE = Rate(Direction.OUTBOUND, "44", "", "United Kingdom", (Price(0, (PriceStep(0, 60, 60_000_000),)),))
LONDON = "442079460000"


@pytest.fixture
def app(migrated_database_url: str) -> Iterator[App]:
    with App(Settings(database=migrated_database_url)) as opened:
        terms = DeckTerms("USD", ZoneInfo("UTC"))
        stage_deck(opened.run, StageDeck("standard", "by hand", terms, (RATE,), NOON), lambda _: None)
        opened.run(publish_deck, PublishDeck("standard", None, NOON, NOON))
        for name in ("Acme", "Fabrikam"):
            opened.run(add_organization, AddOrganization(name, "GB", "USD", "Europe/London", "standard", NOON))
        yield opened


def call(call_id: str, *, at: int = 0, talk: int = 30, caller: str = "ada") -> RecordedCall:
    return RecordedCall(call_id, caller, LONDON, CallKind.USER_OUT, NOON + timedelta(seconds=at), 5, talk)


def prepare(
    app: App, calls: Sequence[RecordedCall], *, whose: str = "Acme", creates_users: bool = True
) -> ReplayPrepared:
    return app.run(prepare_replay, PrepareReplay(whose, calls, NOON, creates_users=creates_users))


def replay(app: App, calls: Sequence[RecordedCall]) -> ReplaySummary:
    with closing(open_statements(app.settings.database_url)) as statements:
        return summary_of(replay_calls(statements, app.settings.charging_terms, calls))


def test_recorded_calls_are_charged_like_live_ones(app: App) -> None:
    calls = [call("A", talk=30), call("B", at=10, talk=130), call("C", at=20, talk=0)]
    app.run(add_credit, AddCredit("Acme", 1_000_000, "PO-1", NOON))
    prepare(app, calls)

    summary = replay(app, calls)

    assert (summary.calls_count, summary.answered_count, summary.used_seconds) == (3, 2, 160)
    # One started minute and three.
    assert summary.charged_micros == 4 * 60_000
    assert (summary.cut_count, summary.denied_count) == (0, 0)


def test_what_the_credit_does_not_pay_is_cut_or_denied_and_nothing_is_uncovered(app: App) -> None:
    calls = [call("A", talk=100), call("B", at=10), call("C", at=30)]
    app.run(add_credit, AddCredit("Acme", 120_000, "PO-1", NOON))
    prepare(app, calls)

    summary = replay(app, calls)

    period = ReplayedPeriod("Acme", NOON, NOON + timedelta(hours=1))
    assert summary.charged_micros == 120_000
    assert summary.cut_count == 1
    assert summary.denials == {DenialReason.CREDIT_EXHAUSTED: 1}
    assert app.read(uncovered_micros, period) == 0


def test_calls_that_are_replayed_again_are_charged_once(app: App) -> None:
    calls = [call("A")]
    app.run(add_credit, AddCredit("Acme", 1_000_000, "PO-1", NOON))
    prepare(app, calls)
    replay(app, calls)

    again = replay(app, calls)

    assert again.charged_micros == 0
    assert again.denials == {DenialReason.CALL_ENDED: 1}


def test_names_that_nobody_bears_become_users_who_may_call(app: App) -> None:
    prepared = prepare(app, [call("A", caller="ada"), call("B", caller="12065550100")])

    people = app.read(lambda tx, organization_id: tx.organizations.users(organization_id), 1)
    assert prepared.created == ("ada",)
    assert prepared.unknown == ("12065550100",)
    assert [(user.user_principal_name, user.licenses) for user, _ in people] == [("ada", CREDIT_LICENSES)]
    assert prepare(app, [call("A")]).created == ()


def test_users_are_created_only_if_that_is_wanted(app: App) -> None:
    calls = [call("A")]

    prepared = prepare(app, calls, creates_users=False)

    assert (prepared.created, prepared.unknown) == ((), ("ada",))
    assert replay(app, calls).denials == {DenialReason.CALLER_UNKNOWN: 1}


def test_an_inbound_call_belongs_to_whom_it_reaches(app: App) -> None:
    inbound = RecordedCall("A", LONDON, "ada", CallKind.USER_IN, NOON, 0, 10)

    assert prepare(app, [inbound]).created == ("ada",)


def test_calls_of_another_organization_are_refused_before_it_pays_for_them(app: App) -> None:
    prepare(app, [call("A")])

    with pytest.raises(Conflict, match="ada belongs to Acme"):
        prepare(app, [call("A")], whose="Fabrikam")


def test_an_organization_that_is_not_there_is_named(app: App) -> None:
    with pytest.raises(NotFound, match="Nowhere"):
        prepare(app, [], whose="Nowhere")


@pytest.fixture
def holder(app: App, database_engine: str) -> "Iterator[psycopg.Connection[Any]]":
    """Give a connection that holds Acme, as an operator's transaction would."""
    if database_engine == "sqlite":
        pytest.skip("SQLite has one writer: who does not hold the file waits before he begins")
    with psycopg.connect(app.settings.database_url) as connection:
        yield connection


HOLD = "SELECT FROM organizations WHERE name = 'Acme' FOR UPDATE"


def test_a_replay_goes_on_where_it_was_when_its_organization_was_held(
    app: App, holder: "psycopg.Connection[Any]", monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = [call("A"), call("B", at=1)]
    app.run(add_credit, AddCredit("Acme", 1_000_000, "PO-1", NOON))
    prepare(app, calls)
    holder.execute(HOLD)
    paused: list[float] = []

    def release(seconds: float) -> None:
        paused.append(seconds)
        holder.rollback()

    monkeypatch.setattr(replaying.time, "sleep", release)

    summary = replay(app, calls)

    assert summary.charged_micros == 2 * 60_000
    assert paused == [replaying.HELD_PAUSE_SECONDS]


def test_an_organization_that_is_held_for_ever_is_reported(
    app: App, holder: "psycopg.Connection[Any]", monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = [call("A")]
    prepare(app, calls)
    holder.execute(HOLD)
    monkeypatch.setattr(replaying, "ATTEMPTS_MAX", 3)
    monkeypatch.setattr(replaying, "HELD_PAUSE_SECONDS", 0)

    with pytest.raises(Unavailable, match="holds the organization"):
        replay(app, calls)


def test_what_is_charged_does_not_depend_on_how_many_batches_share_a_commit(
    app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = [call(f"{number:02}", at=7 * number, talk=11 * number) for number in range(30)]
    app.run(add_credit, AddCredit("Acme", 1_500_000, "PO-1", NOON))
    prepare(app, calls)
    monkeypatch.setattr(replaying, "COMMIT_REQUESTS", 10)

    summary = replay(app, calls)

    spent = app.read(lambda tx, organization_id: tx.credit.credit(organization_id), 1).lots[0].spent_micros
    assert summary.charged_micros == spent
    assert summary.calls_count == 30
    assert summary.cut_count + summary.denied_count > 0
