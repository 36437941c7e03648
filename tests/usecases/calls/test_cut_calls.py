"""Calls in progress are listed, and cut: nothing more is granted, and the switches are told outside any transaction."""

from collections.abc import Iterator
from contextlib import closing
from datetime import datetime, timedelta

import pytest

from talktime.bootstrap import App, open_statements
from talktime.core.calls.calls import CallState, DenialReason, Ending, text_of
from talktime.core.calls.cutting import HangUp, ends_within_seconds
from talktime.core.calls.requests import AnswerCall, Denied, EndCall, ExtendCall, Finished, StartCall
from talktime.core.insight.receipts import Receipt
from talktime.core.values.errors import Forbidden, Invalid, NotFound, Unavailable
from talktime.gateways.switches.http import HttpSwitch
from talktime.settings import Settings
from talktime.store.engine import open_engine
from talktime.store.transaction import Transaction, operator_transaction
from talktime.usecases.calls.cut_calls import ChooseCalls, ShowCut, choose_calls, hang_up, refuse_more, show_cut
from talktime.usecases.calls.list_live_calls import ListLiveCalls, LiveCalls, list_live_calls
from talktime.usecases.insight.show_receipt import ShowReceipt, show_receipt
from tests import real_books
from tests.gateways.webhooks.receiver import open_receiver
from tests.real_books import ACME, ADA, ALL_LICENSES, BOB, EVE, Books, key

LONDON, PARIS = "442071230000", "33140205050"


@pytest.fixture
def app(migrated_database_url: str) -> Iterator[App]:
    with App(Settings(database=migrated_database_url)) as opened:
        opened.run(_set_up, real_books.BEGINS_AT)
        yield opened


def _set_up(tx: Transaction, at: datetime) -> None:
    real_books._set_up(tx, at)
    tx.organizations.set_licenses(ACME, [2], ALL_LICENSES)
    tx.arrangements.recount(ACME)


@pytest.fixture
def books(app: App) -> Iterator[Books]:
    books = Books(app)
    yield books
    books.close()


def begin(books: Books, name: str, caller: str = ADA, called: str = PARIS, *, answers: bool = True) -> None:
    books.one(StartCall(key(name), books.at, caller, called, switch_ref=f"channel of {name}"))
    if answers:
        books.one(AnswerCall(key(name), books.at, books.at))


def live(app: App, books: Books, organization: str = "", user: str = "", most: int = 50) -> LiveCalls:
    return app.read(list_live_calls, ListLiveCalls(organization, user, books.at, most))


def refuse(app: App, books: Books, request: ChooseCalls, **bounds: int) -> ShowCut:
    """Choose calls and grant nothing more to them; no switch is told."""
    chosen = app.read(choose_calls, request)
    with closing(open_statements(app.settings.database_url)) as statements:
        refuse_more(statements, app.settings.charging_terms, chosen, books.at, **bounds)
    return ShowCut(chosen, {})


# ── listed ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_calls_in_progress_are_listed_with_who_pays_and_what_is_held(app: App, books: Books) -> None:
    begin(books, "adas")
    begin(books, "over")
    books.one(EndCall(key("over"), books.at, 0))

    found = live(app, books)

    (shown,) = found.calls
    assert (found.count, shown.user, shown.organization.name) == (1, "ada@acme.example", "Acme")
    assert (shown.call.setup.called, shown.call.granted_seconds) == (PARIS, 60)
    assert shown.call.hold.amount_micros == 81_000
    assert shown.call.setup.switch_ref == "channel of adas"


def test_they_are_those_of_an_organization_or_of_a_user(app: App, books: Books) -> None:
    begin(books, "adas")
    begin(books, "bobs", BOB)
    begin(books, "eves", EVE, LONDON)

    def names(organization: str = "", user: str = "") -> set[str]:
        return {each.call.setup.key.call_id for each in live(app, books, organization, user).calls}

    assert names() == {"adas", "bobs", "eves"}
    assert names("Acme") == {"adas", "bobs"}
    assert names("Fabrikam") == {"eves"}
    assert names("Acme", "bob@acme.example") == {"bobs"}


def test_of_many_some_are_listed_and_all_are_counted(app: App, books: Books) -> None:
    for number in range(5):
        begin(books, f"call-{number}")

    found = live(app, books, most=2)

    assert (len(found.calls), found.count) == (2, 5)


def test_who_is_unknown_has_no_calls_to_list(app: App, books: Books) -> None:
    with pytest.raises(NotFound):
        live(app, books, "Nobody")
    with pytest.raises(NotFound):
        live(app, books, "Acme", "nobody@acme.example")
    with pytest.raises(Invalid):
        live(app, books, most=0)


# ── cut ──────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_call_that_was_cut_is_not_extended_and_costs_what_its_switch_reports(app: App, books: Books) -> None:
    begin(books, "adas")
    began_at = books.at
    books.at += timedelta(seconds=20)

    shown = refuse(app, books, ChooseCalls(("adas",)))
    (now,) = app.read(show_cut, shown)
    extended = books.one(ExtendCall(key("adas"), began_at + timedelta(seconds=50), 60, 50))
    ended = books.one(EndCall(key("adas"), began_at + timedelta(seconds=25), 25))

    assert (now.live.call.cut_at, now.live.call.is_final) == (books.at, True)
    assert ends_within_seconds(now.live.call, books.at) == 40
    assert extended == Denied(DenialReason.CALL_CUT)
    assert ended == Finished(25, 65_500, "GBP")


def test_all_calls_of_a_user_or_of_an_organization_are_chosen_but_none_for_help(app: App, books: Books) -> None:
    begin(books, "adas")
    begin(books, "bobs", BOB)
    begin(books, "adas-help", ADA, "999")
    begin(books, "eves", EVE, LONDON)

    def chosen(request: ChooseCalls) -> set[str]:
        return {each.call.setup.key.call_id for each in app.read(choose_calls, request)}

    assert chosen(ChooseCalls(organization="Acme", is_all=True)) == {"adas", "bobs"}
    assert chosen(ChooseCalls(organization="Acme", user="ada@acme.example")) == {"adas"}
    assert chosen(ChooseCalls(("eves", "sbc1||adas"))) == {"adas", "eves"}


def test_a_call_for_help_is_refused_by_name(app: App, books: Books) -> None:
    begin(books, "for-help", ADA, "999")

    with pytest.raises(Forbidden, match="never cut"):
        app.read(choose_calls, ChooseCalls(("for-help",)))


@pytest.mark.parametrize(
    "request_",
    [
        ChooseCalls(),
        ChooseCalls(("adas",), is_all=True),
        ChooseCalls(("adas",), user="ada@acme.example"),
        # Acme's or Fabrikam's?
        ChooseCalls(is_all=True),
    ],
)
def test_which_calls_are_meant_must_be_said_in_one_way(app: App, request_: ChooseCalls) -> None:
    with pytest.raises(Invalid):
        app.read(choose_calls, request_)


def test_a_call_that_nobody_knows_cannot_be_cut(app: App) -> None:
    with pytest.raises(NotFound, match="calls live"):
        app.read(choose_calls, ChooseCalls(("nobodys",)))


def test_a_call_that_is_over_is_told_and_no_switch_is(app: App, books: Books) -> None:
    begin(books, "over")
    books.one(EndCall(key("over"), books.at, 0))

    shown = refuse(app, books, ChooseCalls(("over",)))
    results = hang_up({}, shown.calls)
    (now,) = app.read(show_cut, ShowCut(shown.calls, results))

    assert (now.result, now.live.call.state, now.live.call.cut_at) == (None, CallState.FINISHED, None)


def test_more_calls_than_a_batch_are_cut(app: App, books: Books) -> None:
    for number in range(5):
        begin(books, f"call-{number}")

    shown = refuse(app, books, ChooseCalls(organization="Acme", is_all=True), batch_max=2)

    assert all(each.live.call.cut_at == books.at for each in app.read(show_cut, shown))


@pytest.mark.postgresql
@pytest.mark.parametrize("database_engine", ["postgresql"])
def test_an_organization_that_is_held_for_too_long_is_told(app: App, books: Books) -> None:
    begin(books, "adas")
    engine = open_engine(app.settings.database_url)

    with operator_transaction(engine) as tx:
        tx.organizations.lock("Acme")
        with pytest.raises(Unavailable, match="cut the calls again"):
            refuse(app, books, ChooseCalls(("adas",)), attempts_max=3)
    engine.dispose()


@pytest.mark.parametrize("ending", [Ending.HANGUP, Ending.CREDIT_EXHAUSTED])
def test_the_receipt_says_that_an_administrator_cut_the_call_and_not_that_credit_was_lacking(
    app: App, books: Books, ending: Ending
) -> None:
    begin(books, "adas")
    refuse(app, books, ChooseCalls(("adas",)))
    books.one(EndCall(key("adas"), books.at + timedelta(seconds=61), 61, ending))

    receipt = app.read(show_receipt, ShowReceipt("adas"))

    assert isinstance(receipt, Receipt)
    assert "An administrator cut the call: the grant of 60 s was its last." in receipt.reasons
    assert "credit did not pay" not in " ".join(receipt.reasons)


# ── told ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_each_switch_is_told_its_calls_and_one_that_nobody_set_up_is_named(app: App, books: Books) -> None:
    begin(books, "adas")
    begin(books, "bobs", BOB)
    other = key("elsewhere")._replace(switch="sbc2")
    books.one(StartCall(other, books.at, EVE, LONDON))
    chosen = app.read(choose_calls, ChooseCalls(("adas", "bobs", "elsewhere")))

    with open_receiver() as receiver:
        receiver.answers = [204, 404]
        results = hang_up({"sbc1": HttpSwitch(receiver.url)}, chosen)

    assert [results[key(name)].outcome for name in ("adas", "bobs")] == [HangUp.DONE, HangUp.NOT_THERE]
    assert results[other].outcome is HangUp.NOT_SET_UP
    assert "sbc2" in results[other].said
    assert b"channel of adas" in receiver.told[0].body


def test_a_call_that_has_ended_since_it_was_chosen_is_shown_as_it_stands(app: App, books: Books) -> None:
    begin(books, "adas")
    shown = refuse(app, books, ChooseCalls(("adas",)))
    books.one(EndCall(key("adas"), books.at + timedelta(seconds=5), 5))

    (now,) = app.read(show_cut, shown)

    assert now.live.call.state is CallState.FINISHED
    assert text_of(now.live.call.setup.key) == "sbc1||adas"


def test_cutting_twice_changes_nothing(app: App, books: Books) -> None:
    begin(books, "adas")
    first_at = books.at
    refuse(app, books, ChooseCalls(("adas",)))
    books.at += timedelta(seconds=9)

    shown = refuse(app, books, ChooseCalls(("adas",)))

    (now,) = app.read(show_cut, shown)
    assert now.live.call.cut_at == first_at


def test_a_call_that_rings_ends_after_its_answer(app: App, books: Books) -> None:
    begin(books, "rings", answers=False)

    (shown,) = live(app, books).calls

    assert ends_within_seconds(shown.call, books.at + timedelta(seconds=30)) == 60
