import sqlite3
import subprocess
import sys
from pathlib import Path

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


# Six processes open a new file at the same instant, forty times: without patience some of them are refused.
OPENERS = """
import multiprocessing, sys
from talktime.store.engine import open_sqlite

def open_it(url, together, told):
    together.wait()
    try:
        open_sqlite(url).close()
        told.put("opened")
    except Exception as failure:
        told.put(repr(failure))

fork = multiprocessing.get_context("fork")
for number in range(40):
    together, told = fork.Barrier(6), fork.Queue()
    url = f"sqlite:///{sys.argv[1]}/{number}.db"
    openers = [fork.Process(target=open_it, args=(url, together, told)) for _ in range(6)]
    for opener in openers:
        opener.start()
    for _ in openers:
        print(told.get())
    for opener in openers:
        opener.join()
"""


def test_processes_that_open_a_new_file_at_once_all_open_it(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", OPENERS, str(tmp_path)], capture_output=True, text=True, check=True)

    assert done.stdout.split("\n")[:-1] == ["opened"] * 240
