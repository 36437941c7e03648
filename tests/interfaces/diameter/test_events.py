"""One-time events over Ro: debited once, given back once, looked at without a trace.

What the wire says does not depend on the database; what is charged at once by many is tested on both.
"""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest
from diameter.message import Avp
from diameter.message import constants as c

from talktime.core.rates.rating import PriceStep
from tests.engines import on_sqlite
from tests.interfaces.charging.books import BLOCKED, CALLED, UNRATED, Facts, audit, caller_of, open_books
from tests.interfaces.diameter.kamailio import EVENT, INITIAL, TERMINATION, Answer, credit_control, new
from tests.interfaces.diameter.rig import connected, listening

DEBIT, REFUND, CHECK, PRICE = 0, 1, 2, 3
HELD = "SELECT sum(held_micros) FROM credit_lots"
BALANCE = "SELECT granted_micros - spent_micros FROM credit_lots WHERE organization_id = 1"
USED = "SELECT used_seconds, cost_micros FROM usage_rows ORDER BY line"


def event(
    action: int, seconds: int | None = 30, *, session: str = "event;1", more: Sequence[Avp] = (), **who: Any
) -> bytes:
    fields = {"caller": caller_of(1), "called": CALLED, **who}
    asked = [new(c.AVP_REQUESTED_ACTION, action), *more]
    return credit_control(EVENT, 0, session=session, wanted=seconds, more=asked, **fields)


def answers_to(url: str, *asked: bytes, **settings: Any) -> list[Answer]:
    async def ask() -> list[Answer]:
        described = {"quantum_seconds": 10, **settings}
        async with listening(url, **described) as server, connected(server.port) as client:
            return [Answer(await client.ask(each)) for each in asked]

    return asyncio.run(ask())


@on_sqlite
@pytest.mark.parametrize("seconds", [7, 30, 3_600])
def test_a_debit_is_charged_in_full_and_once(url: str, seconds: int) -> None:
    open_books(url)

    answers = answers_to(url, event(DEBIT, seconds), event(DEBIT, seconds))

    assert [(answer.result, answer.granted) for answer in answers] == [(2001, seconds)] * 2
    assert answers[0].encoded == answers[1].encoded
    assert Facts(url).rows(USED) == [(seconds, seconds * 1_000)]
    assert Facts(url).one(HELD) == 0
    assert audit(url).is_clean


@on_sqlite
def test_a_debit_that_is_not_paid_in_full_is_not_charged_at_all(url: str) -> None:
    open_books(url, granted_micros=20_000)

    answers = answers_to(url, event(DEBIT, 30), event(DEBIT, 30), event(DEBIT, 20, session="event;2"))

    assert [answer.result for answer in answers] == [4012, 4012, 2001]
    assert Facts(url).one(BALANCE) == 0
    assert Facts(url).one(HELD) == 0
    assert audit(url).is_clean


@on_sqlite
@pytest.mark.parametrize(
    "steps",
    [(PriceStep(0, 90, 60_000_000), PriceStep(90, 60, 60_000_000)), (PriceStep(0, 7, 60_000_000),)],
    ids=["90/60", "7/7"],
)
def test_a_debit_is_granted_whole_however_long_the_blocks_of_its_price(url: str, steps: Sequence[PriceStep]) -> None:
    open_books(url, steps=steps)

    answers = answers_to(url, event(DEBIT, 200), event(DEBIT, 200), quantum_seconds=60)

    assert [(answer.result, answer.granted) for answer in answers] == [(2001, 200)] * 2
    assert Facts(url).one("SELECT used_seconds FROM usage_rows") == 200
    assert Facts(url).one(HELD) == 0
    assert audit(url).is_clean


def test_debits_of_one_session_at_once_are_charged_once(url: str) -> None:
    open_books(url)

    async def ask() -> list[Answer]:
        async with listening(url, quantum_seconds=10) as server, connected(server.port) as client:
            return [Answer(each) for each in await client.ask_all([event(DEBIT, 30)] * 20)]

    answers = asyncio.run(ask())

    assert [(answer.result, answer.granted) for answer in answers] == [(2001, 30)] * 20
    assert Facts(url).rows(USED) == [(30, 30_000)]
    assert audit(url).is_clean


def test_a_refund_gives_back_what_a_call_cost_and_a_second_one_nothing(url: str) -> None:
    open_books(url)
    before = Facts(url).one(BALANCE)

    answers = answers_to(
        url,
        event(DEBIT, 30),
        event(REFUND, None),
        event(REFUND, None),
    )

    assert [answer.result for answer in answers] == [2001, 2001, 2001]
    assert Facts(url).one(BALANCE) == before
    assert Facts(url).one("SELECT sum(cost_micros) FROM usage_rows") == 0
    assert audit(url).is_clean


@on_sqlite
def test_a_refund_may_name_another_session(url: str) -> None:
    open_books(url)
    correlated = new(c.AVP_CC_CORRELATION_ID, b"scscf.test;1")
    before = Facts(url).one(BALANCE)

    answers = answers_to(
        url,
        credit_control(INITIAL, 0, session="scscf.test;1", caller=caller_of(1), called=CALLED),
        credit_control(TERMINATION, 1, session="scscf.test;1", wanted=None, used=9),
        event(REFUND, None, session="refund;1", more=[correlated]),
    )

    assert [answer.result for answer in answers] == [2001, 2001, 2001]
    assert Facts(url).one(BALANCE) == before
    assert audit(url).is_clean


@on_sqlite
def test_a_refund_that_cannot_be_is_refused_with_its_reason(url: str) -> None:
    open_books(url)

    answers = answers_to(
        url,
        event(REFUND, None, session="never;seen"),
        credit_control(INITIAL, 0, session="open", caller=caller_of(1), called=CALLED),
        event(REFUND, None, session="open"),
        event(REFUND, 5),
    )

    assert [answer.result for answer in answers] == [5012, 2001, 5012, 5004]
    assert answers[2].one(c.AVP_ERROR_MESSAGE).startswith("the call is open still")
    assert audit(url).is_clean


@on_sqlite
def test_a_balance_is_checked_without_a_trace(url: str) -> None:
    open_books(url, granted_micros=20_000)

    answers = answers_to(url, event(CHECK, 20), event(CHECK, 21), event(CHECK, None), event(CHECK, 1, called=BLOCKED))

    assert [answer.all(c.AVP_CHECK_BALANCE_RESULT) for answer in answers] == [[0], [1], [0], []]
    assert [answer.result for answer in answers] == [2001, 2001, 2001, 4010]
    assert Facts(url).one("SELECT count(*) FROM calls") == 0


@on_sqlite
def test_a_price_is_told_whether_or_not_it_can_be_paid(url: str) -> None:
    open_books(url, granted_micros=20_000, poor_count=1)

    answers = answers_to(url, event(PRICE, 90), event(PRICE, 90, caller=caller_of(2)), event(PRICE, 90, called="112"))

    digits = [each.one(c.AVP_COST_INFORMATION, c.AVP_UNIT_VALUE, c.AVP_VALUE_DIGITS) for each in answers[:2]]
    exponents = [each.one(c.AVP_COST_INFORMATION, c.AVP_UNIT_VALUE, c.AVP_EXPONENT) for each in answers[:2]]
    currencies = [each.one(c.AVP_COST_INFORMATION, c.AVP_CURRENCY_CODE) for each in answers[:2]]
    assert (digits, exponents, currencies) == ([90_000, 90_000], [-6, -6], [978, 978])
    assert [answer.result for answer in answers] == [2001] * 3
    assert Facts(url).one("SELECT count(*) FROM calls") == 0


@on_sqlite
@pytest.mark.parametrize("action", [DEBIT, CHECK, PRICE])
@pytest.mark.parametrize(
    ("who", "result"),
    [({"caller": "44209999999"}, 5030), ({"called": UNRATED}, 5031), ({"called": "anna"}, 5031)],
    ids=["nobody", "no price", "no number"],
)
def test_an_event_is_refused_like_a_call(url: str, action: int, who: dict[str, str], result: int) -> None:
    open_books(url)

    (answer,) = answers_to(url, event(action, 10, **who))

    assert answer.result == result
    assert answer.one(c.AVP_ERROR_MESSAGE)


@on_sqlite
def test_an_event_that_does_not_say_what_it_is_about_is_refused(url: str) -> None:
    open_books(url)

    answers = answers_to(
        url,
        event(DEBIT, None),
        event(DEBIT, 0),
        event(PRICE, None),
        event(9, 10),
        credit_control(EVENT, 0, caller=caller_of(1), called=CALLED),
    )

    assert [answer.result for answer in answers] == [5005, 5031, 5005, 5004, 5005]
    assert Facts(url).one("SELECT count(*) FROM calls") == 0
