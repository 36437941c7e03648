"""Statements sent to PostgreSQL in one write and answered in one read, by the driver's own libpq.

The driver's pipeline does the same with a cursor, a generator and a dozen calls for each statement: 30 to 50 µs, some
twenty times a batch, while phones ring (docs/decisions/0018).
"""

import select
from collections.abc import Sequence
from itertools import count
from typing import Any

import psycopg
from psycopg.adapt import Transformer
from psycopg.pq import ExecStatus, TransactionStatus

from talktime.store.charging.rows import Row

# %s in the place of each parameter, and the parameters, as the server reads them in text.
Statement = tuple[str, Sequence[object]]
_Asked = tuple[str, Sequence[bytes]]
_BEGIN: _Asked = ("BEGIN", ())


class Pipeline:
    """Runs statements on a connection, each prepared when it is first seen."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        """Work on a connection for as long as it is open."""
        self._connection, self._libpq = connection, connection.pgconn
        self._rows = Transformer(connection)
        self._names: dict[str, bytes] = {}
        self._numbers = count()
        self._arrivals, self._any = select.poll(), select.poll()
        self._arrivals.register(self._libpq.socket, select.POLLIN)
        self._any.register(self._libpq.socket, select.POLLIN | select.POLLOUT)

    def run(self, statements: Sequence[Statement]) -> list[list[Row]]:
        """Return the rows of each statement, after one round trip; a transaction is begun where none is open.

        Raise the driver's error of the first statement that fails; those after it were not run.
        """
        asked = [(statement, _texts(parameters)) for statement, parameters in statements]
        if self._libpq.transaction_status == TransactionStatus.IDLE:
            return self._run([_BEGIN, *asked])[1:]
        return self._run(asked)

    def _run(self, asked: Sequence[_Asked]) -> list[list[Row]]:
        self._libpq.enter_pipeline_mode()
        try:
            unprepared = [self._send(statement, texts) for statement, texts in asked]
            self._libpq.pipeline_sync()
            self._flush()
            found, failure = self._receive(unprepared)
            self._libpq.exit_pipeline_mode()
        except BaseException:
            # Answers may be on their way that nobody will read: the next transaction takes another connection.
            self._connection.close()
            raise
        if failure is not None:
            raise failure
        return found

    def _send(self, statement: str, texts: Sequence[bytes]) -> str:
        """Send a statement; return it where it had to be prepared, else an empty string."""
        name, unprepared = self._names.get(statement), ""
        if name is None:
            name, unprepared = b"charging %d" % next(self._numbers), statement
            self._names[statement] = name
            self._libpq.send_prepare(name, _numbered(statement))
        self._libpq.send_query_prepared(name, texts)
        return unprepared

    def _flush(self) -> None:
        """Send what is to be sent, and read meanwhile: a server that cannot write its answers does not read on."""
        while self._libpq.flush():
            for _, events in self._any.poll():
                if events & select.POLLIN:
                    self._libpq.consume_input()

    def _receive(self, unprepared: Sequence[str]) -> tuple[list[list[Row]], psycopg.Error | None]:
        """Return the rows of each statement, and the first failure, when all answers are here."""
        found: list[list[Row]] = []
        failure: psycopg.Error | None = None
        for statement in unprepared:
            if statement:
                prepared = self._answer()
                if prepared.status != ExecStatus.COMMAND_OK:
                    del self._names[statement]
                    failure = failure or psycopg.errors.error_from_result(prepared)
            answer = self._answer()
            if answer.status == ExecStatus.TUPLES_OK:
                self._rows.set_pgresult(answer)
                found.append(self._rows.load_rows(0, answer.ntuples, tuple))
            elif answer.status == ExecStatus.COMMAND_OK:
                found.append([])
            else:
                failure = failure or psycopg.errors.error_from_result(answer)
        self._next()
        if isinstance(failure, psycopg.errors.InvalidSqlStatementName):
            # Somebody deallocated them all: prepare them anew.
            self._names.clear()
        return found, failure

    def _answer(self) -> Any:
        """Return the answer to one message, past the mark behind it."""
        answer = self._next()
        self._next()
        return answer

    def _next(self) -> Any:
        while self._libpq.is_busy():
            self._arrivals.poll()
            self._libpq.consume_input()
        return self._libpq.get_result()


def _texts(parameters: Sequence[object]) -> list[bytes]:
    """Write parameters as the server reads them; libpq would take a NUL for the end of a text, and say nothing."""
    texts = [str(each).encode() for each in parameters]
    if any(b"\0" in each for each in texts):
        message = "PostgreSQL keeps no NUL in a text"
        raise psycopg.DataError(message)
    return texts


def _numbered(statement: str) -> bytes:
    """Write placeholders as the server does."""
    first, *others = statement.split("%s")
    return (first + "".join(f"${place}{text}" for place, text in enumerate(others, start=1))).encode()
