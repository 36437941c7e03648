"""A user who is erased is nowhere, and the books are as before (money.md 74)."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, Text, and_, event, insert, select, update

from talktime.bootstrap import App
from talktime.core.calls.requests import EndCall
from talktime.core.insight.reports.filters import UsageFilter
from talktime.core.insight.reports.groups import GroupBy
from talktime.core.insight.usage import EARLIEST, LATEST
from talktime.core.values.errors import NotFound
from talktime.core.values.periods import Period
from talktime.store import schema
from talktime.store.insight.privacy.places import (
    CALL_TABLES,
    KEPT_TABLES,
    PERSON_TABLES,
    WITHOUT_PEOPLE,
    searched_tables,
)
from talktime.store.transaction import Transaction
from talktime.usecases.insight.audit_books import AuditBooks, audit_books
from talktime.usecases.insight.privacy.erase_user import EraseUser, erase_user, plan_erasure
from talktime.usecases.organizations.manage_users import list_users
from tests.real_books import ACME, ADA, BEGINS_AT, key

AFTERWARDS = BEGINS_AT + timedelta(days=41)
REQUEST = EraseUser("Acme", "Ada@acme.example")
EVER = UsageFilter(Period(EARLIEST, LATEST))
# What the person is known by, in any case.
KNOWN_BY = ("ada@acme.example", "ada byron", ADA)


@pytest.fixture
def mentioned_app(charged_app: App) -> App:
    """Books in which people and programs have written the person's name wherever there is room for words."""
    charged_app.run(_mention, AFTERWARDS)
    return charged_app


def test_nothing_in_the_database_knows_an_erased_user(mentioned_app: App) -> None:
    before = mentioned_app.read(_mentions, None)

    erased = erase_user(mentioned_app.run, mentioned_app.read, REQUEST, AFTERWARDS)

    assert {place.partition(".")[0] for place in before} >= {
        *("users", "identities", "calls", "usage_rows", "outbox", "deliveries", "notification_rules"),
        *("idempotent_requests", "parked_reports", "entry_reasons", "billing_parties", "imported_calls"),
    }
    assert mentioned_app.read(_mentions, None) == []
    assert erased.plan.kept == {}


def test_money_seconds_and_counts_are_what_they_were(mentioned_app: App) -> None:
    before = mentioned_app.read(_money, None)

    erase_user(mentioned_app.run, mentioned_app.read, REQUEST, AFTERWARDS)

    assert mentioned_app.read(_money, None) == before
    assert audit(mentioned_app) == []


def test_calls_are_still_his_under_the_name_of_nobody(mentioned_app: App) -> None:
    before = mentioned_app.read(_sums_by_user, None)

    erase_user(mentioned_app.run, mentioned_app.read, REQUEST, AFTERWARDS)

    rows = [one for one in mentioned_app.read(_usage, None) if one.row.user_id == 1]
    assert mentioned_app.read(_sums_by_user, None) == before
    assert {(one.user_principal_name, one.display_name) for one in rows} == {
        ("erased-1-1@erased.invalid", "Erased user 1")
    }
    assert {one.department for one in rows} == {"Analysis"}
    # What was dialed for help is no person's.
    assert {one.row.called for one in rows} >= {"3314*******", "999"}


def test_the_others_calls_keep_their_numbers_but_his(mentioned_app: App) -> None:
    erase_user(mentioned_app.run, mentioned_app.read, REQUEST, AFTERWARDS)

    others = [one.row for one in mentioned_app.read(_usage, None) if one.row.user_id != 1]
    assert "447700900123" in {row.caller for row in others}
    assert all(ADA not in (row.caller, row.called) for row in others)


def test_a_dry_run_tells_exactly_what_will_change_and_changes_nothing(mentioned_app: App) -> None:
    before = mentioned_app.read(_everything, None)

    planned = mentioned_app.read(plan_erasure, REQUEST)

    assert mentioned_app.read(_everything, None) == before
    erased = erase_user(mentioned_app.run, mentioned_app.read, REQUEST, AFTERWARDS)
    assert planned.counts == erased.counts == erased.plan.counts


def test_erasing_again_changes_nothing(mentioned_app: App) -> None:
    first = erase_user(mentioned_app.run, mentioned_app.read, REQUEST, AFTERWARDS)
    before = mentioned_app.read(_everything, None)

    again = EraseUser("Acme", first.plan.erasure.name_left)
    second = erase_user(mentioned_app.run, mentioned_app.read, again, AFTERWARDS)

    assert (second.counts, second.plan.counts) == ({}, {})
    assert mentioned_app.read(_everything, None) == before
    with pytest.raises(NotFound, match="of one that was erased nothing is left to find"):
        mentioned_app.read(plan_erasure, REQUEST)


def test_a_call_that_ends_after_its_user_was_erased_is_charged_to_nobodys_name(mentioned_app: App) -> None:
    erase_user(mentioned_app.run, mentioned_app.read, REQUEST, AFTERWARDS)

    charging = mentioned_app.open_charging()
    charging.charge([EndCall(key("open"), BEGINS_AT + timedelta(days=40, minutes=1), 30)])
    charging.close()

    ended = [one for one in mentioned_app.read(_usage, None) if one.row.key == key("open")]
    assert [(one.row.caller, one.row.called) for one in ended] == [("4420********", "3314*******")]
    assert ended[0].row.cost_micros > 0
    assert audit(mentioned_app) == []


def test_a_notice_that_waits_for_him_is_not_sent(mentioned_app: App) -> None:
    erase_user(mentioned_app.run, mentioned_app.read, REQUEST, AFTERWARDS)

    states = {row["recipient"]: row["state"] for row in mentioned_app.read(_everything, None)["deliveries"]}
    assert states == {"erased-1-1@erased.invalid": "undeliverable", "bob@acme.example": "due"}


def test_he_is_listed_under_the_name_that_is_left(mentioned_app: App) -> None:
    erase_user(mentioned_app.run, mentioned_app.read, REQUEST, AFTERWARDS)

    _, people = mentioned_app.read(list_users, "Acme")
    assert [(user.user_principal_name, numbers) for user, numbers in people] == [
        ("bob@acme.example", ("442071234568",)),
        ("erased-1-1@erased.invalid", ()),
    ]


def test_a_call_that_another_system_recorded_is_nobodys_too(mentioned_app: App) -> None:
    erase_user(mentioned_app.run, mentioned_app.read, REQUEST, AFTERWARDS)

    (call,) = mentioned_app.read(_everything, None)["imported_calls"]
    told = ("user_principal_name", "display_name", "caller", "called")
    assert [call[name] for name in told] == [
        "erased-1-1@erased.invalid",
        "Erased user 1",
        "4420********",
        "3314*******",
    ]


def test_calls_that_a_switch_recorded_by_his_extension_or_object_id_are_nobodys_too(mentioned_app: App) -> None:
    mentioned_app.run(_import_more_calls, AFTERWARDS)
    planned = mentioned_app.read(plan_erasure, REQUEST)

    erased = erase_user(mentioned_app.run, mentioned_app.read, REQUEST, AFTERWARDS)

    calls = {call["identity"]: call for call in mentioned_app.read(_everything, None)["imported_calls"]}
    told = ("user_principal_name", "user_object_id", "caller", "called")
    nobody = "erased-1-1@erased.invalid"
    assert {identity: tuple(call[name] for name in told) for identity, call in calls.items()} == {
        b"call": (nobody, "", "4420********", "3314*******"),
        b"by extension": (nobody, "", "****", "3314*******"),
        b"by object id": (nobody, "", "", "3314*******"),
        b"to extension": ("bob@acme.example", "object of bob", "442071234568", "****"),
    }
    assert erased.counts == planned.counts
    assert erased.counts["imported_calls"] == len(calls)


def test_large_tables_are_searched_while_nothing_is_held(mentioned_app: App) -> None:
    statements: list[str] = []

    def run(use_case: Any, request: Any) -> Any:
        def watched(tx: Transaction, asked: Any) -> Any:
            event.listen(_connection(tx), "before_cursor_execute", lambda *given: statements.append(given[2]))
            return use_case(tx, asked)

        return mentioned_app.run(watched, request)

    erase_user(run, mentioned_app.read, REQUEST, AFTERWARDS)

    # Whoever holds the organization looks at rows that he knows by their keys.
    for key_of_table in ("imported_calls.identity", "outbox.event_id", "deliveries.delivery_id"):
        name = key_of_table.partition(".")[0]
        found = [each for each in statements if each.startswith("SELECT") and f"FROM {name}" in each]
        assert found
        assert all(f"{key_of_table} =" in each or f"{key_of_table} IN" in each for each in found)


def test_every_table_is_searched_or_is_known_to_hold_no_person() -> None:
    """A table that is new is searched by itself, unless all its words are keys: then somebody must say what it is."""
    known = CALL_TABLES | PERSON_TABLES | KEPT_TABLES | WITHOUT_PEOPLE | {table.name for table in searched_tables()}
    with_words = {
        table.name
        for table in schema.metadata.tables.values()
        if any(isinstance(column.type, Text) for column in table.columns)
    }

    assert with_words - known == set()
    assert set(schema.metadata.tables) >= (CALL_TABLES | PERSON_TABLES | KEPT_TABLES | WITHOUT_PEOPLE)


def audit(app: App) -> list[Any]:
    return list(app.read(audit_books, AuditBooks(AFTERWARDS)).violations)


def _mention(tx: Transaction, at: datetime) -> None:
    connection = _connection(tx)
    micros = int(at.timestamp()) * 1_000_000
    event = {
        "organization_id": ACME,
        "event_id": "told",
        "kind": "balance_low",
        "occurred_at": micros,
        "balance_micros": 0,
        "details": f'{{"by":"Ada Byron <ADA@acme.example>, +{ADA}"}}',
    }
    connection.execute(insert(schema.outbox), event)
    for recipient in ("ada@acme.example", "bob@acme.example"):
        rule = {"organization_id": ACME, "rule_id": len(recipient), "kind": "*", "channel": "mail", "language": ""}
        if recipient.startswith("ada"):
            connection.execute(insert(schema.notification_rules), {**rule, "recipient": recipient})
        delivery = {
            "organization_id": ACME,
            "delivery_id": f"to {recipient.partition('@')[0][0]}",
            "event_id": "told",
            "channel": "mail",
            "recipient": recipient,
            "language": "en",
            "because": recipient,
            "state": "due",
            "due_since_at": micros,
            "next_attempt_at": micros,
            "attempts_count": 0,
            "fence": 0,
            "answer": "",
        }
        connection.execute(insert(schema.deliveries), delivery)
    connection.execute(
        insert(schema.idempotent_requests),
        {
            "organization_id": ACME,
            "request_key": "k",
            "input_hash": "h",
            "answer": '{"made_by": "Ada Byron"}',
            **_others(schema.idempotent_requests, {"organization_id", "request_key", "input_hash", "answer"}, micros),
        },
    )
    connection.execute(update(schema.parked_reports).values(resolved_by="ada@acme.example", resolved_at=micros))
    connection.execute(
        insert(schema.entry_reasons),
        {"organization_id": ACME, "entry_id": "e", "reason": "Ada Byron asked", "made_by": "ada@acme.example"},
    )
    connection.execute(
        insert(schema.billing_parties),
        {"contact": "Ada Byron", **_others(schema.billing_parties, {"contact"}, micros), "organization_id": ACME},
    )
    his = schema.users.c.user_principal_name == "ada@acme.example"
    connection.execute(update(schema.users).where(his).values(block_reason="Ada Byron left", blocked_at=micros))
    _import_call(connection, micros)
    his_calls = and_(schema.calls.c.organization_id == ACME, schema.calls.c.user_id == 1)
    connection.execute(update(schema.calls).where(his_calls).values(switch_ref=f"SIP/{ADA}-0001"))


def _import_call(connection: Connection, micros: int) -> None:
    """A call that another system recorded: under a name of one word, with his number and another's."""
    imported = {"organization_id": ACME, "import_id": 1}
    made = {**imported, "state": "complete", "imported_by": "ada@acme.example"}
    connection.execute(insert(schema.usage_imports), made | _others(schema.usage_imports, set(made), micros))
    call = {
        **imported,
        "identity": b"call",
        "user_principal_name": "ADA@acme.example",
        "display_name": "Ada",
        "caller": ADA,
        "called": "33140205050",
        "used_seconds": 1,
    }
    connection.execute(insert(schema.imported_calls), call | _others(schema.imported_calls, set(call), micros))


def _import_more_calls(tx: Transaction, at: datetime) -> None:
    """Calls by his extension, and by an object id alone that another call has beside his name; one of another."""
    connection = _connection(tx)
    extension = {"identity": "1001", "organization_id": ACME, "use": "user", "user_id": 1}
    connection.execute(insert(schema.identities), extension)
    connection.execute(update(schema.imported_calls).values(user_object_id="object of ada"))
    bob = {"user_principal_name": "bob@acme.example", "user_object_id": "object of bob", "caller": "442071234568"}
    calls: list[dict[str, object]] = [
        {"identity": b"by extension", "user_principal_name": "1001", "caller": "1001", "called": "33140205050"},
        {"identity": b"by object id", "user_object_id": "object of ada", "called": "33140205050"},
        {"identity": b"to extension", **bob, "called": "1001"},
    ]
    for told in calls:
        call = {"organization_id": ACME, "import_id": 1, "used_seconds": 1, **told}
        micros = int(at.timestamp()) * 1_000_000
        connection.execute(insert(schema.imported_calls), call | _others(schema.imported_calls, set(call), micros))


def _others(table: Any, given: set[str], micros: int) -> dict[str, object]:
    wanted = [column for column in table.columns if column.name not in given and not column.nullable]
    return {column.name: "" if isinstance(column.type, Text) else micros for column in wanted}


def _connection(tx: Transaction) -> Connection:
    return tx.insight._connection


def _everything(tx: Transaction, _: object) -> dict[str, list[dict[str, Any]]]:
    found = {}
    for name, table in schema.metadata.tables.items():
        rows = _connection(tx).execute(select(table).order_by(*table.primary_key.columns))
        found[name] = [dict(row) for row in rows.mappings()]
    return found


def _mentions(tx: Transaction, _: object) -> list[str]:
    return sorted(
        {
            f"{name}.{column}"
            for name, rows in _everything(tx, None).items()
            for row in rows
            for column, value in row.items()
            if isinstance(value, str) and any(word in value.lower() for word in KNOWN_BY)
        }
    )


def _money(tx: Transaction, _: object) -> dict[str, list[dict[str, Any]]]:
    """Return every number of calls and all of the books; of calls, what is no name and no telephone number."""
    found = _everything(tx, None)
    numbers = {
        name: [{column: value for column, value in row.items() if not isinstance(value, str)} for row in found[name]]
        for name in ("calls", "usage_rows")
    }
    return numbers | {name: found[name] for name in ("postings", "credit_lots", "meters", "organizations")}


def _sums_by_user(tx: Transaction, _: object) -> list[Any]:
    return sorted(tx.insight.usage_pages.sums(ACME, EVER, GroupBy.USER), key=str)


def _usage(tx: Transaction, _: object) -> list[Any]:
    return list(tx.insight.usage_pages.stream(ACME, EVER))
