"""The database is away: nobody calls for free, help is given and recorded later, and then all goes on."""

import asyncio
from pathlib import Path
from typing import Any

from tests.interfaces.charging.asgi import until
from tests.interfaces.charging.books import CALLED, Facts, audit, caller_of, open_books
from tests.interfaces.charging.outages import database_gone
from tests.interfaces.diameter.kamailio import INITIAL, TERMINATION, UPDATE, Answer, credit_control
from tests.interfaces.diameter.rig import connected, listening

TOO_BUSY = 3004
HELP = "SELECT count(*) FROM calls WHERE kind = 'emergency_out'"


def initial(session: str, called: str = CALLED) -> bytes:
    return credit_control(INITIAL, 0, session=session, caller=caller_of(1), called=called, wanted=10)


def test_without_a_database_calls_are_refused_as_busy_and_help_is_given_and_recorded_when_it_is_back(
    url: str, tmp_path: Path
) -> None:
    open_books(url)
    settings: dict[str, Any] = {"quantum_seconds": 10, "deadline_milliseconds": 300, "data_folder": tmp_path / "data"}

    async def call() -> tuple[list[Answer], list[Answer], list[Answer]]:
        async with listening(url, **settings) as server, connected(server.port) as client:

            async def ask(*messages: bytes) -> list[Answer]:
                return [Answer(await client.ask(each)) for each in messages]

            async def ask_until_served(message: bytes) -> Answer:
                answer = Answer(await client.ask(message))
                return answer if answer.result != TOO_BUSY else await ask_until_served(message)

            before = await ask(initial("a"))
            Facts(url).elapse(9)
            with database_gone(url):
                update = credit_control(UPDATE, 1, session="a", wanted=10, used=8)
                away = await ask(initial("b"), update, initial("help", "112"))
            # Its start is charged before its end, whether or not it was recorded meanwhile.
            ended = credit_control(TERMINATION, 1, session="help", wanted=None, used=0)
            last = credit_control(TERMINATION, 2, session="a", wanted=None, used=1)
            back = [await ask_until_served(each) for each in (ended, update, last)]
            await until(lambda: Facts(url).one(HELP) == 1)
            return before, away, back

    before, away, back = asyncio.run(call())

    assert [answer.result for answer in before] == [2001]
    assert [(answer.result, answer.is_error) for answer in away] == [(3004, True), (3004, True), (2001, False)]
    assert [answer.result for answer in back] == [2001, 2001, 2001]
    assert Facts(url).rows("SELECT used_seconds, cost_micros FROM usage_rows WHERE cost_micros > 0") == [(9, 9_000)]
    # What was refused at its deadline may be held for all that, until it lapses; nobody calls on it.
    assert Facts(url).one("SELECT count(*) FROM usage_rows WHERE call_key LIKE '%|b'") == 0
    assert Facts(url).one("SELECT count(*) FROM parked_reports") == 0
    assert audit(url).is_clean
