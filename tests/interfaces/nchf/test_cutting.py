"""A session that an administrator cuts: its consumer is told at its notifyUri, and nothing more is granted."""

import asyncio
from contextlib import closing
from datetime import UTC, datetime

from talktime.bootstrap import App, open_statements
from talktime.gateways.switches.nchf import NchfSwitch
from talktime.settings import Settings
from talktime.usecases.calls.cut_calls import ChooseCalls, choose_calls, hang_up, refuse_more
from tests.gateways.switches.json_server import open_json_server
from tests.interfaces.charging.books import Facts, open_books
from tests.interfaces.nchf.served import CONSUMER, NchfAnswer, Served, message


def test_a_session_that_is_cut_is_aborted_gets_nothing_more_and_is_charged(migrated_database_url: str) -> None:
    url = migrated_database_url
    open_books(url)

    def cut() -> None:
        settings = Settings(database=url)
        with App(settings) as app, closing(open_statements(url)) as statements:
            chosen = app.read(choose_calls, ChooseCalls(calls=("a",)))
            refuse_more(statements, settings.charging_terms, chosen, datetime.now(UTC))
            hang_up({CONSUMER: NchfSwitch(server.url)}, chosen)

    async def play() -> tuple[NchfAnswer, NchfAnswer]:
        async with Served(Settings(database=url)) as chf:
            created = await chf.create(message("a", wanted=0, notifyUri=server.url))
            await asyncio.to_thread(cut)
            more = await chf.update(created.reference, message("a", 1, used=20, wanted=0))
            return more, await chf.release(created.reference, message("a", 2, used=3))

    with open_json_server((204, b"")) as server:
        more, released = asyncio.run(play())

    assert [asked.document for asked in server.asked] == [{"notificationType": "ABORT_CHARGING"}]
    assert more.unit == {"ratingGroup": 100, "resultCode": "END_USER_SERVICE_DENIED"}
    assert released.status == 204
    assert Facts(url).rows("SELECT used_seconds, cost_micros FROM usage_rows") == [(23, 23_000)]
