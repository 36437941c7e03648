"""Books in which every call is corrected, this way and that: the audit finds nothing, each reference counts once."""

import random
from collections.abc import Iterable
from contextlib import closing
from datetime import datetime, timedelta

import pytest
from sqlalchemy import text

from talktime.bootstrap import App
from talktime.core.calls.calls import CallKey, key_of, text_of
from talktime.core.calls.requests import Answer, CorrectCall, Finished, Parked
from talktime.core.insight.books import Finding, Rule
from talktime.core.insight.receipts import Receipt
from talktime.store.transaction import Transaction
from talktime.usecases.insight.audit_books import AuditBooks, audit_books
from talktime.usecases.insight.show_receipt import ShowReceipt, show_receipt
from tests.pooled_books import BEFORE_MIDNIGHT
from tests.real_books import BEGINS_AT
from tests.usecases.insight.corruptions import Corruption, corrupt

SEED = 5

pytestmark = pytest.mark.usefixtures("database_engine")


@pytest.fixture(params=["charged", "pooled"])
def story(request: pytest.FixtureRequest) -> tuple[App, datetime]:
    """Give each of the two books, and an instant after its last call."""
    app: App = request.getfixturevalue(f"{request.param}_app")
    return app, (BEGINS_AT if request.param == "charged" else BEFORE_MIDNIGHT) + timedelta(days=41)


def test_the_books_of_corrected_calls_agree_to_the_micro_unit(story: tuple[App, datetime]) -> None:
    app, at = story
    keys, generator = _ended(app), random.Random(SEED)
    assert len(keys) >= 10

    for round_ in range(3):
        at += timedelta(hours=1)
        wanted = [(key, generator.choice([0, 1, 59, 60, 61, 200, 600]), f"round {round_}") for key in keys]
        answers = _correct(app, at, wanted)
        assert [answer.used_seconds for answer in answers if isinstance(answer, Finished)] == [w[1] for w in wanted]
        assert _findings(app, at) == []
    repeated = [(key, 1, "round 0") for key in keys]
    assert _correct(app, at, repeated) == answers


def test_a_call_corrected_and_back_costs_what_it_cost(story: tuple[App, datetime]) -> None:
    app, at = story
    before = _balances(app)
    charged = {key: _receipt(app, key).facts.call.result for key in _ended(app)}

    _correct(app, at, [(key, 0, "nothing") for key in charged])
    assert _findings(app, at) == []
    back = [(key, result.used_seconds, "as it was") for key, result in charged.items() if result is not None]
    _correct(app, at, back)

    assert _findings(app, at) == []
    assert _balances(app) == before


def test_two_corrections_of_a_call_may_share_a_commit(story: tuple[App, datetime]) -> None:
    app, at = story
    keys = _ended(app)

    _correct(app, at, [(key, seconds, f"to {seconds}") for key in keys for seconds in (100, 0, 33)])

    assert _findings(app, at) == []
    assert {_receipt(app, key).facts.call.result.used_seconds for key in keys} == {33}  # type: ignore[union-attr]


def test_a_correction_of_a_call_that_nobody_knows_is_kept_once_for_an_operator(charged_app: App) -> None:
    at = BEGINS_AT + timedelta(days=41)
    unknown = CallKey("sbc1", "nobody's")

    first = _correct(charged_app, at, [(unknown, 7, "one"), (unknown, 7, "two")])

    assert first == [Parked("no start was seen for this call", 7)] * 2
    assert [parked.used_seconds for parked in charged_app.read(_parked, unknown)] == [7]


def _correct(app: App, at: datetime, wanted: Iterable[tuple[CallKey, int, str]]) -> list[Answer | None]:
    requests = [
        CorrectCall(key, at, seconds, "a test", f"{reference} {text_of(key)}") for key, seconds, reference in wanted
    ]
    with closing(app.open_charging()) as charging:
        return charging.charge(requests)


def _ended(app: App) -> list[CallKey]:
    return app.read(_keys, None)


def _keys(tx: Transaction, _: None) -> list[CallKey]:
    found = tx.credit._connection.scalars(
        text("SELECT call_key FROM calls WHERE state IN ('finished', 'lapsed') ORDER BY call_key")
    )
    return [key_of(each) for each in found]


def _parked(tx: Transaction, key: CallKey) -> tuple[object, ...]:
    return tx.insight.parked(text_of(key))


def _balances(app: App) -> list[tuple[int, int, int]]:
    return app.read(_credits, None)


def _credits(tx: Transaction, _: None) -> list[tuple[int, int, int]]:
    statement = "SELECT organization_id, lot_id, spent_micros + expired_micros FROM credit_lots ORDER BY 1, 2"
    owed = "SELECT organization_id, 0, receivable_micros FROM organizations ORDER BY 1"
    return [tuple(row) for each in (statement, owed) for row in tx.credit._connection.execute(text(each))]


def _receipt(app: App, key: CallKey) -> Receipt:
    shown = app.read(show_receipt, ShowReceipt(text_of(key)))
    assert isinstance(shown, Receipt)
    return shown


def _findings(app: App, at: datetime) -> list[Finding]:
    return list(app.read(audit_books, AuditBooks(at)).violations)


CORRUPTIONS = [
    Corruption(
        "a correction gives back more than it says",
        Rule.USAGE_EQUALS_JOURNAL,
        ["UPDATE postings SET amount_micros = amount_micros + 1 WHERE entry_id = 'call:sbc1||ordinary-02:1'"],
    ),
    Corruption(
        "a correction's row is forged with the call",
        Rule.USAGE_EQUALS_PRICE,
        [
            "UPDATE usage_rows SET cost_micros = cost_micros - 5 WHERE {call} AND line = 1",
            "UPDATE calls SET cost_micros = cost_micros - 5 WHERE {call}",
        ],
    ),
    Corruption(
        "a row takes back without being a correction",
        Rule.USAGE_EQUALS_CALL,
        ["UPDATE usage_rows SET correction_reference = '' WHERE {call} AND line = 1"],
        ["ALTER TABLE usage_rows DROP CONSTRAINT ck_usage_rows_uncovered_within_cost"],
    ),
    Corruption(
        "a correction disappears",
        Rule.USAGE_OF_CALL,
        ["DELETE FROM usage_rows WHERE {call} AND line = 1"],
    ),
    Corruption(
        "what came back to a lot is taken away",
        Rule.LOT_EQUALS_JOURNAL,
        ["UPDATE credit_lots SET spent_micros = spent_micros + 5 WHERE organization_id = 1 AND lot_id = 2"],
    ),
]


@pytest.mark.parametrize("corruption", CORRUPTIONS, ids=lambda corruption: corruption.what)
def test_a_correction_that_somebody_changes_is_found(charged_app: App, corruption: Corruption) -> None:
    at = BEGINS_AT + timedelta(days=41)
    _correct(charged_app, at, [(CallKey("sbc1", "ordinary-02"), 20, "once")])

    corrupt(charged_app.settings.database_url, corruption)

    assert corruption.rule in {finding.rule for finding in _findings(charged_app, at)}
