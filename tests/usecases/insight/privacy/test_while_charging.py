"""Who is forgotten or erased while calls go on, or before a switch's file is compared, is neither told nor charged."""

from contextlib import closing
from datetime import timedelta

import pytest
from sqlalchemy import text

from talktime.bootstrap import App
from talktime.core.calls.afterwards.reconciling import Match
from talktime.core.calls.calls import CallKey
from talktime.core.calls.requests import EndCall, StartCall
from talktime.store.transaction import Transaction
from talktime.usecases.insight.privacy.erase_user import EraseUser, erase_user
from talktime.usecases.insight.privacy.keep_details import SetRetention, anonymize_outdated, set_retention
from talktime.usecases.organizations.manage_organizations import LookAt
from tests.real_books import ADA, BEGINS_AT
from tests.usecases.calls.test_reconcile_calls import DAY, NOW, call, orphan, reconcile

PARIS = "33140205050"
ADA_LEAVES = EraseUser("Acme", "ada@acme.example")


def test_a_call_that_was_open_at_the_erasure_ends_without_its_numbers(charged_app: App) -> None:
    at, key = BEGINS_AT + timedelta(days=41), CallKey("sbc1", "open")
    with closing(charged_app.open_charging()) as charging:
        charging.charge([StartCall(key, at, ADA, PARIS)])
        erase_user(charged_app.run, charged_app.read, ADA_LEAVES, at)

        charging.charge([EndCall(key, at + timedelta(seconds=30), 30)])

    assert charged_app.read(_numbers_of, "open") == [("4420********", "3314*******")]


@pytest.mark.parametrize("switch_ref", ["", "theirs"])
def test_a_record_of_a_call_whose_people_were_forgotten_is_not_charged_again(charged_app: App, switch_ref: str) -> None:
    recent = NOW - timedelta(days=2)
    call(charged_app, CallKey("sbc1", "ours"), switch_ref=switch_ref)
    call(charged_app, CallKey("sbc1", "recent"), at=recent)
    charged_app.run(set_retention, SetRetention("Acme", 7))
    anonymize_outdated(charged_app.run, charged_app.read, LookAt("Acme", NOW))

    records = orphan("theirs", at=DAY), orphan("recent", at=recent)
    found = reconcile(charged_app, *records, applies=True, charges_unknown=True)

    assert (found["theirs"].match, found["theirs"].is_applied) == (Match.PERHAPS, False)


def test_a_record_of_somebody_who_was_erased_is_not_charged_to_whoever_has_the_number_now(charged_app: App) -> None:
    recent = NOW - timedelta(days=2)
    call(charged_app, CallKey("sbc1", "ours"))
    call(charged_app, CallKey("sbc1", "recent"), at=recent)
    erase_user(charged_app.run, charged_app.read, ADA_LEAVES, NOW)
    charged_app.run(_give_number, ADA)

    records = orphan("theirs", at=DAY), orphan("recent", at=recent)
    found = reconcile(charged_app, *records, applies=True, charges_unknown=True)

    assert (found["theirs"].match, found["theirs"].is_applied) == (Match.PERHAPS, False)


def _numbers_of(tx: Transaction, call_id: str) -> list[tuple[str, str]]:
    statement = text("SELECT caller, called FROM usage_rows WHERE call_key LIKE :key")
    return [tuple(row) for row in tx.credit._connection.execute(statement, {"key": f"%{call_id}"})]


def _give_number(tx: Transaction, number: str) -> None:
    statement = text(
        'INSERT INTO identities (identity, organization_id, "use", user_id)'
        ' SELECT :number, organization_id, "use", user_id FROM identities WHERE user_id = 1 AND organization_id = 1'
    )
    tx.credit._connection.execute(statement, {"number": number})
