"""Many writers of one balance: every change counts, on either database."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from talktime.core.organizations.organizations import Organization
from talktime.core.values.errors import Conflict
from talktime.store.engine import open_engine
from talktime.store.transaction import operator_transaction

NOON = datetime(2026, 6, 10, 12, tzinfo=UTC)
EXAMPLE = Organization(1, "Example", "GB", "EUR", ZoneInfo("Europe/London"), "standard")
THREADS, TIMES = 8, 25


def test_no_update_is_lost_between_threads(migrated_database_url: str) -> None:
    engine = open_engine(migrated_database_url)
    with operator_transaction(engine) as tx:
        tx.organizations.add(EXAMPLE, NOON)

    def add_up(_: int) -> None:
        for _ in range(TIMES):
            with operator_transaction(engine) as tx:
                locked = tx.organizations.lock("Example")
                before = tx.credit.credit(locked.organization_id)
                after = replace(before, receivable_micros=before.receivable_micros + 1)
                tx.credit.save(locked.organization_id, before, after)

    with ThreadPoolExecutor(THREADS) as threads:
        list(threads.map(add_up, range(THREADS)))

    with operator_transaction(engine) as tx:
        assert tx.credit.credit(1).receivable_micros == THREADS * TIMES
    engine.dispose()


def test_of_many_who_do_the_same_money_request_one_does_it(migrated_database_url: str) -> None:
    engine = open_engine(migrated_database_url)
    with operator_transaction(engine) as tx:
        tx.organizations.add(EXAMPLE, NOON)

    def ask(thread: int) -> str:
        with operator_transaction(engine) as tx:
            tx.organizations.lock("Example")
            known = tx.credit.answer_of(1, "key", "hash")
            if known is None:
                tx.credit.keep_answer(1, "key", input_hash="hash", answer=f"by {thread}", at=NOON)
                return "done"
            return known

    with ThreadPoolExecutor(THREADS) as threads:
        answers = list(threads.map(ask, range(16)))

    assert answers.count("done") == 1
    assert len(set(answers) - {"done"}) == 1
    with operator_transaction(engine) as tx, pytest.raises(Conflict, match="other input"):
        tx.credit.answer_of(1, "key", "another hash")
    engine.dispose()


def test_a_transaction_that_fails_changes_nothing(migrated_database_url: str) -> None:
    engine = open_engine(migrated_database_url)

    def add_twice() -> None:
        with operator_transaction(engine) as tx:
            tx.organizations.add(EXAMPLE, NOON)
            tx.organizations.add(EXAMPLE, NOON)

    with pytest.raises(Conflict):
        add_twice()

    with operator_transaction(engine) as tx:
        assert tx.organizations.all() == []
    engine.dispose()
