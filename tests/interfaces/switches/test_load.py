"""300 calls a second for half a minute: SIPp, Kamailio by HTTP and by Ro, `talktime serve`, PostgreSQL; then the books.

Where the machine is busy otherwise calls begin more slowly: the rate that was reached is printed, not asserted.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from talktime.core.calls.calls import CallState
from tests.conftest import PostgresqlServer
from tests.interfaces.charging.books import audit
from tests.interfaces.switches.books import BY_THE_SECOND, MINUTE_MICROS, SECOND_MICROS, Books
from tests.interfaces.switches.load import CALLS_PER_SECOND, SECONDS, call_at_rate
from tests.interfaces.switches.rig import ORIGIN_HOST, SWITCH, Kamailio, KamailioRo, Switch, eventually

pytestmark = pytest.mark.postgresql

CALLS = CALLS_PER_SECOND * SECONDS
ORGANIZATIONS = 20
FUNDED_MICROS = 1_000 * MINUTE_MICROS
# Half a second of talk, counted in started seconds by a clock that a busy machine reads late.
USED_SECONDS_MAX = 10
# Reports wait in the switch while the machine is busy.
REPORTED_WITHIN_SECONDS = 120.0

_STATES = "SELECT split_part(call_key, '|', 1), state, count(*) FROM calls GROUP BY 1, 2"
_CHARGED = (
    "SELECT split_part(call_key, '|', 1), count(*), count(DISTINCT call_key), min(used_seconds), max(used_seconds),"
    " sum(used_seconds), sum(cost_micros) FROM usage_rows GROUP BY 1"
)


@pytest.fixture(scope="module")
def terms() -> dict[str, str]:
    return {}


@pytest.fixture(scope="module")
def database_of_the_switch(postgresql_server: PostgresqlServer, postgresql_template: str) -> Iterator[str]:
    with postgresql_server.fresh_database(template=postgresql_template) as url:
        yield url


@pytest.fixture(scope="module")
def numbers(books: Books) -> list[str]:
    """Who calls in turn; their organizations pay."""
    return [books.payer_with(FUNDED_MICROS).number for _ in range(ORGANIZATIONS)]


def test_300_calls_a_second_by_http_are_charged_once_each(
    books: Books, numbers: list[str], kamailio: Kamailio, folder: Path
) -> None:
    _call_and_count(books, kamailio, folder, numbers, SWITCH)

    _assert_each_is_charged_once_and_the_books_agree(books, SWITCH)
    eventually(lambda: kamailio.dialogs_count() == 0, "the end of Kamailio's dialogs")


def test_300_calls_a_second_by_diameter_are_charged_once_each(
    books: Books, numbers: list[str], kamailio_ro: KamailioRo, folder: Path
) -> None:
    _call_and_count(books, kamailio_ro, folder, numbers, ORIGIN_HOST)

    _assert_each_is_charged_once_and_the_books_agree(books, ORIGIN_HOST)


def _call_and_count(books: Books, switch: Switch, folder: Path, numbers: list[str], name: str) -> None:
    """Let no call fail, and wait until the switch has reported the end of all."""
    counted = call_at_rate(switch, folder, numbers=numbers, to=BY_THE_SECOND, calls=CALLS)
    print(f"{counted.calls_per_second:.0f} calls/s of {CALLS_PER_SECOND} asked for: {counted}; {switch.last_words()}")
    assert (counted.succeeded, counted.failed) == (CALLS, 0)
    _await_all_ends(books, name)


def _await_all_ends(books: Books, switch: str) -> None:
    seen: list[tuple[str, int]] = []

    def are_all_over() -> bool:
        seen[:] = [row[1:] for row in books.facts.rows(_STATES) if row[0] == switch]
        return seen == [(CallState.FINISHED.value, CALLS)]

    try:
        eventually(are_all_over, f"the end of {CALLS} calls in the books", patience_seconds=REPORTED_WITHIN_SECONDS)
    finally:
        print(f"{switch}: {seen}")


def _assert_each_is_charged_once_and_the_books_agree(books: Books, switch: str) -> None:
    charged = [row[1:] for row in books.facts.rows(_CHARGED) if row[0] == switch]
    ((rows, calls, least_seconds, most_seconds, seconds, cost_micros),) = charged
    assert rows == calls == CALLS
    assert 1 <= least_seconds <= most_seconds <= USED_SECONDS_MAX
    assert cost_micros == seconds * SECOND_MICROS
    ((usage_micros, journal_micros, spent_micros, held_micros),) = books.facts.rows(
        "SELECT (SELECT sum(cost_micros) FROM usage_rows),"
        " (SELECT sum(amount_micros) FROM postings WHERE debit = 'lot' AND entry_id LIKE 'call:%'),"
        " (SELECT sum(spent_micros) FROM credit_lots), (SELECT sum(held_micros) FROM credit_lots)"
    )
    assert usage_micros == journal_micros == spent_micros
    assert held_micros == 0
    assert books.parked_count() == 0
    assert audit(books.url).violations == ()
