"""A switch's records beside real books, on both databases: told first, settled when wanted, once."""

import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import datetime, timedelta

import psycopg
import pytest

from talktime.bootstrap import App, open_statements
from talktime.core.calls.afterwards.reconciling import Match, Reconciled, SwitchRecord
from talktime.core.calls.calls import Call, CallKey, Flags
from talktime.core.calls.requests import AnswerCall, EndCall, Request, StartCall
from talktime.core.values.errors import Conflict, Invalid, NotFound, Unavailable
from talktime.store.afterwards.switch_records import SwitchRecords
from talktime.store.transaction import Transaction
from talktime.usecases.calls import reconcile_calls as reconciling
from talktime.usecases.calls.list_parked import ListParked, ResolveParked, list_parked, resolve_parked
from talktime.usecases.calls.reconcile_calls import Books as Ways
from talktime.usecases.calls.reconcile_calls import ReconcileCalls, reconcile_calls
from talktime.usecases.insight.audit_books import AuditBooks, audit_books
from tests.real_books import ADA, BEGINS_AT, TOLL_FREE, key

NOW = BEGINS_AT + timedelta(days=41)
# No call of the books was made then.
DAY = BEGINS_AT + timedelta(days=30)
LATER = DAY + timedelta(hours=1)
PARIS = "33140205050"


@pytest.fixture
def app(charged_app: App) -> App:
    return charged_app


def recorded(app: App, *names: str) -> dict[str, SwitchRecord]:
    """Return the records of a switch that agrees with us about calls."""
    calls = app.read(_calls, names)
    return {call.setup.key.call_id: _record(call) for call in calls}


def _calls(tx: Transaction, names: tuple[str, ...]) -> list[Call]:
    return [call for call, _ in tx.switch_calls.of([key(name) for name in names]).values()]


def _record(call: Call) -> SwitchRecord:
    used = 0 if call.result is None else call.result.used_seconds
    answered_at = call.answered_at or call.setup.started_at
    ended_at = answered_at + timedelta(seconds=used)
    return SwitchRecord(1, call.setup.key.call_id, "", call.setup.started_at, answered_at, ended_at, used)


def reconcile(app: App, *records: SwitchRecord, switch: str = "sbc1", **wanted: bool) -> dict[str, Reconciled]:
    with SwitchRecords() as scratch, closing(open_statements(app.settings.database_url)) as statements:
        numbered = [replace(record, line=number) for number, record in enumerate(records, start=1)]
        scratch.add((f"{record.leg} {record.call_id}", record) for record in numbered)
        ways = Ways(app.read, app.run, statements, app.settings.charging_terms)
        found = reconcile_calls(ways, scratch, scratch.finish(), ReconcileCalls(switch, NOW, **wanted))
        return {each.key.call_id: each for each in found}


def orphan(name: str = "orphan", *, caller: str = ADA, at: datetime = BEGINS_AT, used: int = 90) -> SwitchRecord:
    answered_at = at + timedelta(seconds=4)
    ended_at = answered_at + timedelta(seconds=used)
    return SwitchRecord(1, name, "", at, answered_at, ended_at, used, caller, PARIS)


def call(
    app: App,
    name: CallKey,
    *,
    at: datetime = DAY,
    caller: str = ADA,
    called: str = PARIS,
    used: int | None = 90,
    switch_ref: str = "",
) -> None:
    """Charge a call of so many seconds, or leave it open; `orphan` writes the record that agrees with it."""
    answered_at = at + timedelta(seconds=4)
    requests: list[Request] = [StartCall(name, at, caller, called, switch_ref=switch_ref)]
    if used != 0:
        requests.append(AnswerCall(name, answered_at, answered_at))
    if used is not None:
        requests.append(EndCall(name, answered_at + timedelta(seconds=used), used))
    with closing(app.open_charging()) as charging:
        charging.charge(requests)


def test_what_agrees_is_told_and_nothing_is_written(app: App) -> None:
    records = recorded(app, "ordinary-00", "ordinary-01", "late", "silent", "inbound-toll-free")

    found = reconcile(app, *records.values(), applies=True)

    assert {found[name].match for name in records} == {Match.AGREED}
    assert not any(each.is_applied for each in found.values())


def test_a_difference_is_priced_first_and_settled_when_wanted_once(app: App) -> None:
    record = recorded(app, "ordinary-03")["ordinary-03"]
    longer = replace(record, used_seconds=206)

    told = reconcile(app, longer)["ordinary-03"]
    assert (told.match, told.used_seconds, told.cost_micros, told.change_micros, told.currency, told.is_applied) == (
        *(Match.DIFFERS, 166, 140_000, 40_000, "GBP", False),
    )
    assert reconcile(app, longer, applies=True)["ordinary-03"] == replace(told, is_applied=True)

    again = reconcile(app, longer, applies=True)["ordinary-03"]
    assert (again.match, again.used_seconds, again.cost_micros) == (Match.AGREED, 206, 180_000)
    assert _violations(app) == 0


def test_a_record_that_an_operator_has_overruled_does_not_come_into_force_again(app: App) -> None:
    record = recorded(app, "ordinary-03")["ordinary-03"]
    reconcile(app, replace(record, used_seconds=206), applies=True)
    reconcile(app, replace(record, used_seconds=20), applies=True)

    found = reconcile(app, replace(record, used_seconds=206), applies=True)["ordinary-03"]

    assert (found.match, found.change_micros, found.used_seconds) == (Match.SETTLED_OTHERWISE, 0, 20)
    assert _violations(app) == 0


def test_a_call_that_is_open_here_is_ended(app: App) -> None:
    started_at = recorded(app, "open")["open"].started_at
    assert started_at is not None
    record = orphan("open", at=started_at, used=30)

    told, done, again = (reconcile(app, record, applies=applies)["open"] for applies in (False, True, True))

    assert (told.match, told.change_micros, told.is_applied) == (Match.ENDED_THERE, 65_500, False)
    assert (done.match, done.change_micros, done.is_applied) == (Match.ENDED_THERE, 65_500, True)
    assert (again.match, again.used_seconds) == (Match.AGREED, 30)
    assert _violations(app) == 0


def test_a_call_that_was_given_up_is_charged_as_of_its_answer(app: App) -> None:
    record = recorded(app, "lapsed")["lapsed"]
    answered_at = BEGINS_AT + timedelta(days=1)
    talked = replace(record, used_seconds=62, answered_at=max(answered_at, record.started_at or answered_at))

    assert reconcile(app, talked, applies=True)["lapsed"].change_micros == 40_000

    (call,) = app.read(_calls, ("lapsed",))
    assert call.result is not None
    assert call.result.flags & (Flags.LATE | Flags.CORRECTED) == Flags.LATE | Flags.CORRECTED
    assert _violations(app) == 0


def test_a_call_that_was_never_started_here_is_late_usage_where_that_is_wanted(app: App) -> None:
    told = reconcile(app, orphan(), applies=True)["orphan"]
    assert (told.match, told.change_micros, told.is_applied, told.why_not) == (Match.UNKNOWN, 96_500, False, "")
    assert app.read(_calls, ("orphan",)) == []

    known = recorded(app, "ordinary-00")["ordinary-00"]
    done = reconcile(app, known, orphan(), applies=True, charges_unknown=True)["orphan"]
    again = reconcile(app, orphan(), applies=True, charges_unknown=True)["orphan"]

    assert (done.is_applied, done.change_micros) == (True, 96_500)
    assert (again.match, again.cost_micros) == (Match.AGREED, 96_500)
    assert _violations(app) == 0


@pytest.mark.parametrize(
    ("record", "says"),
    [
        (orphan(caller="999999999"), "No user"),
        (replace(orphan(), started_at=None), "does not say when it began"),
        (orphan(at=NOW - timedelta(seconds=5), used=500), "longer than the time since"),
    ],
)
def test_late_usage_that_nobody_can_be_charged_for_says_why_and_leaves_no_trace(
    app: App, record: SwitchRecord, says: str
) -> None:
    known = recorded(app, "ordinary-00")["ordinary-00"]

    found = reconcile(app, known, record, applies=True, charges_unknown=True)["orphan"]

    assert (found.match, found.is_applied) == (Match.UNKNOWN, False)
    assert says in found.why_not
    assert app.read(_calls, ("orphan",)) == []
    assert app.read(list_parked, ListParked()).waiting_count == 1


def test_a_call_that_was_refused_here_says_why(app: App) -> None:
    found = reconcile(app, orphan("denied-blocked"), applies=True)["denied-blocked"]

    assert (found.match, found.is_applied) == (Match.REFUSED, False)
    assert "blocks this destination" in found.why_not


def test_talked_calls_of_the_files_period_that_it_lacks_are_told(app: App) -> None:
    first = recorded(app, "ordinary-00")["ordinary-00"]
    last = recorded(app, "ordinary-06")["ordinary-06"]

    found = reconcile(app, first, last)

    missing = {name for name, each in found.items() if each.match is Match.MISSING}
    assert missing == {f"ordinary-0{number}" for number in range(1, 6)}
    assert found["ordinary-03"].cost_micros == 140_000
    assert reconcile(app) == {}


def test_records_of_one_call_are_merged_at_constant_memory(app: App) -> None:
    record = recorded(app, "ordinary-03")["ordinary-03"]
    invite = replace(record, used_seconds=None, ended_at=None)
    bye = SwitchRecord(1, "ordinary-03", ended_at=record.ended_at)

    found = reconcile(app, bye, invite)["ordinary-03"]

    assert found.match is Match.AGREED


def test_what_waited_for_an_operator_is_settled_with_the_call(app: App) -> None:
    assert [each.key for each in app.read(list_parked, ListParked()).parked] == [key("never-started")]

    known = recorded(app, "ordinary-00")["ordinary-00"]

    reconcile(app, known, orphan("never-started", used=33), applies=True, charges_unknown=True)

    assert app.read(list_parked, ListParked()).waiting_count == 0
    (settled,) = app.read(list_parked, ListParked(with_resolved=True)).parked
    assert (settled.resolved_by, settled.resolved_at) == (reconciling.RESOLVED_BY, NOW)


def test_a_record_by_another_name_of_a_call_is_about_that_call(app: App) -> None:
    call(app, CallKey("sbc1", "host;1;2", "role"), switch_ref="sip-id@ua")
    call(app, CallKey("sbc1", "nchf-id", "role"), at=LATER)
    by_ref, by_id = orphan("sip-id@ua", at=DAY), orphan("nchf-id", at=LATER)

    found = reconcile(app, by_ref, replace(by_id, used_seconds=30), applies=True, charges_unknown=True)

    assert {name: (each.match, each.is_applied, each.change_micros) for name, each in found.items()} == {
        "host;1;2": (Match.AGREED, False, 0),
        "nchf-id": (Match.DIFFERS, True, -31_000),
    }
    assert found["nchf-id"].key == CallKey("sbc1", "nchf-id", "role")
    assert reconcile(app, replace(by_id, used_seconds=30), applies=True)["nchf-id"].match is Match.AGREED
    assert _violations(app) == 0


def test_an_open_call_is_ended_by_a_record_of_its_other_name(app: App) -> None:
    call(app, CallKey("sbc1", "host;1;2"), switch_ref="sip-id@ua", used=None)

    found = reconcile(app, orphan("sip-id@ua", at=DAY), applies=True, charges_unknown=True)

    assert (found["host;1;2"].match, found["host;1;2"].is_applied) == (Match.ENDED_THERE, True)
    assert len(found) == 1


def test_of_several_records_of_an_id_the_longest_is_about_the_call(app: App) -> None:
    call(app, CallKey("sbc1", "host;1;2"), switch_ref="sip-id@ua")
    attempt = replace(orphan("sip-id@ua", at=DAY, used=0), leg="first")
    talked = replace(orphan("sip-id@ua", at=DAY), leg="second")

    found = reconcile(app, attempt, talked, applies=True, charges_unknown=True)

    assert {name: each.match for name, each in found.items()} == {
        "sip-id@ua": Match.AGREED,
        "host;1;2": Match.AGREED,
    }
    assert found["host;1;2"].record == replace(talked, line=2)


def test_of_several_calls_of_an_id_none_is_mended(app: App) -> None:
    call(app, CallKey("sbc1", "host;1;2"), switch_ref="sip-id@ua")
    call(app, CallKey("sbc1", "host;1;3"), switch_ref="sip-id@ua", used=40)
    call(app, CallKey("sbc1", "host;1;4"), switch_ref="sip-id@ua", used=0)

    found = reconcile(app, orphan("sip-id@ua", at=DAY), applies=True, charges_unknown=True)

    assert {name: each.match for name, each in found.items()} == {
        "host;1;2": Match.AGREED,
        "host;1;3": Match.PERHAPS,
    }
    assert "2 calls here have this id" in found["host;1;3"].why_not
    assert not found["host;1;3"].is_applied


@pytest.mark.parametrize(
    ("record", "used"),
    [
        (orphan("other", at=BEGINS_AT + timedelta(days=30)), 90),
        (orphan("other", at=BEGINS_AT + timedelta(days=30)), None),
        (orphan("other", at=BEGINS_AT + timedelta(days=30), used=3_600), 90),
        (orphan("other", at=BEGINS_AT + timedelta(days=30, seconds=200)), 90),
        (orphan("other", at=BEGINS_AT + timedelta(days=30, seconds=-200)), 90),
        (orphan("other", at=BEGINS_AT + timedelta(days=30), caller="ada@acme.example"), 90),
    ],
)
@pytest.mark.parametrize("switch", ["sbc1", "sbc2"])
def test_a_record_of_the_numbers_and_the_time_of_a_call_is_never_charged(
    app: App, record: SwitchRecord, used: int | None, switch: str
) -> None:
    call(app, CallKey(switch, "ours"), used=used)
    before = _written(app)

    found = reconcile(app, record, applies=True, charges_all=True)

    assert found["other"].match is Match.PERHAPS
    assert found["other"].why_not == f"perhaps the same call as {switch} · ours"
    assert not any(each.is_applied for each in found.values())
    assert set(found) == {"other"}
    assert _written(app) == before


def test_a_record_that_does_not_say_who_called_is_perhaps_about_any_call_to_its_number(app: App) -> None:
    call(app, CallKey("sbc1", "ours"), caller="447700900123", called=TOLL_FREE)

    found = reconcile(app, replace(orphan("other", at=DAY, caller=""), called=TOLL_FREE), applies=True)

    assert found["other"].match is Match.PERHAPS


@pytest.mark.parametrize(
    "record",
    [
        orphan("other", at=BEGINS_AT + timedelta(days=30, seconds=300)),
        orphan("other", at=BEGINS_AT + timedelta(days=30, seconds=-300)),
        replace(orphan("other", at=BEGINS_AT + timedelta(days=30)), called="447700900123"),
    ],
)
def test_a_call_at_another_time_or_to_another_number_is_late_usage(app: App, record: SwitchRecord) -> None:
    call(app, CallKey("sbc1", "ours"))

    found = reconcile(app, record, applies=True, charges_all=True)

    assert (found["other"].match, found["other"].is_applied) == (Match.UNKNOWN, True)


def test_whoever_dialed_again_made_two_calls_where_the_file_has_both(app: App) -> None:
    call(app, CallKey("sbc1", "ours"))
    ours, again = orphan("ours", at=DAY), orphan("again", at=DAY + timedelta(seconds=100))

    found = reconcile(app, ours, again, applies=True, charges_unknown=True)

    assert (found["ours"].match, found["again"].match) == (Match.AGREED, Match.UNKNOWN)
    assert found["again"].is_applied
    assert _violations(app) == 0


def test_two_records_of_the_same_numbers_at_the_same_time_are_charged_once(app: App) -> None:
    one, other = orphan("one", at=DAY), orphan("other", at=DAY + timedelta(seconds=5))

    told, done, again = (
        reconcile(app, one, other, applies=applies, charges_all=True) for applies in (False, True, True)
    )

    assert (told["one"].match, told["other"].match) == (Match.UNKNOWN, Match.PERHAPS)
    assert (done["one"].is_applied, done["other"].match, done["other"].is_applied) == (True, Match.PERHAPS, False)
    assert (again["one"].match, again["other"].match) == (Match.AGREED, Match.PERHAPS)


def test_a_file_of_which_no_call_is_known_is_charged_only_by_that_name(app: App) -> None:
    records = [orphan(f"orphan-{number}", at=DAY + timedelta(hours=number)) for number in range(3)]
    before = _written(app)

    with pytest.raises(Invalid, match="no call of the file is known here") as refused:
        reconcile(app, *records, applies=True, charges_unknown=True)

    assert refused.value.code == "unknown_file"
    assert "--charge-all-unknown" in refused.value.message
    assert _written(app) == before
    assert {each.match for each in reconcile(app, *records).values()} == {Match.UNKNOWN}
    assert {each.is_applied for each in reconcile(app, *records, applies=True, charges_all=True).values()} == {True}


@pytest.mark.parametrize("switch", ["sbc", "SBC1", "sbc1|", "s_c1", "sbc%"])
def test_a_switch_that_nobody_knows_is_refused_with_those_that_are_known(app: App, switch: str) -> None:
    call(app, CallKey("pbx", "ours"))
    record = recorded(app, "ordinary-03")["ordinary-03"]

    with pytest.raises(Invalid, match="calls here are of pbx, sbc1") as refused:
        reconcile(app, record, switch=switch)

    assert refused.value.code == "unknown_switch"


def test_a_switch_without_a_call_in_the_files_time_is_known_all_the_same(app: App) -> None:
    assert reconcile(app, orphan(at=DAY))["orphan"].match is Match.UNKNOWN


def test_an_operator_settles_a_report_once_and_by_name(app: App) -> None:
    request = ResolveParked("never-started", "Ada", "billed by hand", NOW)

    assert app.run(resolve_parked, request) == (key("never-started"), 1)

    with pytest.raises(NotFound, match="waits"):
        app.run(resolve_parked, request)
    with pytest.raises(Invalid, match="who settles it"):
        app.run(resolve_parked, replace(request, resolution=" "))
    with pytest.raises(Invalid, match="longer than"):
        app.run(resolve_parked, replace(request, resolution="x" * 500))


def test_a_settled_report_waits_again_when_it_comes_with_another_duration(app: App) -> None:
    app.run(resolve_parked, ResolveParked("never-started", "Ada", "billed by hand", NOW))

    with closing(app.open_charging()) as charging:
        charging.charge([ended(33), ended(33)])
        assert app.read(list_parked, ListParked()).waiting_count == 0
        charging.charge([ended(34), ended(34)])

    (waiting,) = app.read(list_parked, ListParked()).parked
    assert (waiting.used_seconds, waiting.resolution) == (34, "")


def test_reports_of_several_legs_are_settled_one_by_one(app: App) -> None:
    with closing(app.open_charging()) as charging:
        charging.charge([ended(33, leg="b")])

    with pytest.raises(Conflict, match=r"switch\|leg\|id"):
        app.run(resolve_parked, ResolveParked("never-started", "Ada", "billed", NOW))
    assert app.run(resolve_parked, ResolveParked("sbc1|b|never-started", "Ada", "billed", NOW))[1] == 1


def test_a_held_organization_is_waited_for_and_then_told(app: App) -> None:
    record = replace(recorded(app, "ordinary-03")["ordinary-03"], used_seconds=206)
    request = ReconcileCalls("sbc1", NOW, applies=True)
    with (
        SwitchRecords() as scratch,
        closing(open_statements(app.settings.database_url)) as statements,
        closing(_hold(app.settings.database_url)),
    ):
        scratch.add([("one", record)])
        ways = Ways(app.read, app.run, statements, app.settings.charging_terms, attempts_max=3)

        with pytest.raises(Unavailable):
            list(reconcile_calls(ways, scratch, scratch.finish(), request))

    assert reconcile(app, record, applies=True)["ordinary-03"].is_applied


def _hold(database_url: str) -> "sqlite3.Connection | psycopg.Connection[tuple[object, ...]]":
    """Hold what charging has to write, until the connection is closed."""
    if database_url.startswith("sqlite"):
        connection = sqlite3.connect(database_url.removeprefix("sqlite:///"), isolation_level=None)
        connection.execute("BEGIN IMMEDIATE")
        return connection
    held = psycopg.connect(database_url)
    held.execute("SELECT 1 FROM organizations FOR UPDATE")
    return held


def ended(used: int, leg: str = "") -> EndCall:
    return EndCall(key("never-started", leg), NOW, used)


def _violations(app: App) -> int:
    return app.read(audit_books, AuditBooks(NOW)).violations_count


def _written(app: App) -> dict[str, int]:
    return dict(app.read(audit_books, AuditBooks(NOW)).counts)
