import sqlite3

import psycopg
import pytest

from talktime.core.values.errors import Unavailable
from talktime.store.engine import unavailable_if_locked


@pytest.mark.parametrize("failure", [psycopg.OperationalError("gone"), sqlite3.OperationalError("database is locked")])
def test_a_database_that_does_not_answer_is_unavailable(failure: Exception) -> None:
    with pytest.raises(Unavailable), unavailable_if_locked():
        raise failure


def test_a_row_that_no_index_can_hold_is_no_outage() -> None:
    with pytest.raises(psycopg.errors.ProgramLimitExceeded), unavailable_if_locked():
        raise psycopg.errors.ProgramLimitExceeded
