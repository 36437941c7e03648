"""Calls over Ro, request by request: what Kamailio sends, what it is answered, and what the books say.

The quirks are those of charging.md e1, measured on Kamailio 5.6.3. What the wire says does not depend on the database;
what is charged is tested on both.
"""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from diameter.message import Avp
from diameter.message import constants as c

from talktime.core.calls.calls import CallKey, Flags
from talktime.core.calls.requests import CutCall
from tests.engines import on_postgresql, on_sqlite
from tests.interfaces.charging.asgi import until
from tests.interfaces.charging.books import BLOCKED, CALLED, UNRATED, Facts, audit, caller_of, open_books
from tests.interfaces.diameter.kamailio import (
    CREDIT_CONTROL,
    HOST,
    INITIAL,
    SESSION,
    TERMINATION,
    UPDATE,
    Answer,
    credit_control,
    new,
    request,
    service_information,
)
from tests.interfaces.diameter.rig import connected, listening

OPEN_CALLS = "SELECT count(*) FROM calls WHERE state = 'open'"
HELD = "SELECT sum(held_micros) FROM credit_lots"
USED = "SELECT used_seconds, cost_micros, flags FROM usage_rows"


def initial(number: int = 0, **fields: Any) -> bytes:
    return credit_control(INITIAL, number, **{"caller": caller_of(1), "called": CALLED, "wanted": 10, **fields})


def update(number: int, used: int, **fields: Any) -> bytes:
    return credit_control(UPDATE, number, **{"wanted": 10, "used": used, **fields})


def end(number: int, used: int, **fields: Any) -> bytes:
    return credit_control(TERMINATION, number, wanted=None, used=used, **fields)


def answers_to(url: str, asked: Sequence[bytes], **settings: Any) -> list[Answer]:
    """Ask one after the other on one connection, ten seconds apart."""

    async def ask() -> list[Answer]:
        described = {"quantum_seconds": 10, **settings}
        answers: list[Answer] = []
        async with listening(url, **described) as server, connected(server.port) as client:
            for each in asked:
                if answers:
                    Facts(url).elapse(10)
                answers.append(Answer(await client.ask(each)))
        return answers

    return asyncio.run(ask())


def started_at(url: str) -> datetime:
    """Return when the only call began, in whole seconds as Event-Timestamp has it."""
    micros = Facts(url).one("SELECT started_at FROM calls")
    return datetime.fromtimestamp(micros // 1_000_000, UTC)


def results_of(answers: Sequence[Answer]) -> list[int]:
    return [answer.result for answer in answers]


def test_a_call_is_granted_extended_twice_and_charged_once(url: str) -> None:
    open_books(url)

    answers = answers_to(url, [initial(), update(1, 8), update(2, 8), end(3, 2)])

    assert results_of(answers) == [2001, 2001, 2001, 2001]
    assert [answer.granted for answer in answers] == [10, 10, 10, None]
    assert [answer.final_action for answer in answers] == [None] * 4
    assert Facts(url).rows(USED) == [(18, 18_000, 0)]
    assert Facts(url).one(HELD) == 0
    assert audit(url).is_clean


@on_sqlite
def test_an_answer_has_what_kamailio_reads_and_nothing_twice(url: str) -> None:
    open_books(url)

    (answer,) = answers_to(url, [initial(message_number=4711)])

    header = answer.message.header
    assert (header.command_code, header.application_id, header.command_flags) == (272, 4, 0x40)
    assert (header.hop_by_hop_identifier, header.end_to_end_identifier) == (4711, 4711)
    assert answer.one(c.AVP_SESSION_ID) == SESSION
    assert answer.one(c.AVP_ORIGIN_HOST) == "ocs.test"
    assert answer.one(c.AVP_ORIGIN_REALM) == "test"
    assert answer.one(c.AVP_AUTH_APPLICATION_ID) == 4
    assert (answer.one(c.AVP_CC_REQUEST_TYPE), answer.one(c.AVP_CC_REQUEST_NUMBER)) == (1, 0)
    service = c.AVP_MULTIPLE_SERVICES_CREDIT_CONTROL
    assert [answer.one(service, each) for each in (c.AVP_SERVICE_IDENTIFIER, c.AVP_RATING_GROUP)] == [1000, 100]
    assert answer.one(service, c.AVP_RESULT_CODE) == 2001


@on_sqlite
def test_quirk_1_a_grant_stays_valid_while_the_phone_rings(url: str) -> None:
    open_books(url)

    answers = answers_to(url, [initial(), update(1, 8)], ring_timeout_seconds=600)

    assert [answer.valid_seconds for answer in answers] == [610, 610]


@on_sqlite
def test_quirk_2_a_new_grant_takes_the_place_of_what_was_left(url: str) -> None:
    open_books(url)

    answers_to(url, [initial(), update(1, 8)])

    assert Facts(url).one(HELD) == 18_000
    assert audit(url).is_clean


def test_quirk_3_the_last_seconds_are_final_and_after_them_a_refusal_never_a_success_with_nothing(url: str) -> None:
    open_books(url, granted_micros=15_000)

    answers = answers_to(url, [initial(), update(1, 8), update(2, 7), end(3, 0)])

    assert results_of(answers) == [2001, 2001, 4012, 2001]
    assert [answer.granted for answer in answers] == [10, 7, None, None]
    assert [answer.final_action for answer in answers] == [None, 0, None, None]
    assert answers[2].all(c.AVP_MULTIPLE_SERVICES_CREDIT_CONTROL) == []
    assert Facts(url).rows(USED) == [(15, 15_000, 0)]
    assert audit(url).is_clean


@on_sqlite
def test_quirk_4_the_second_that_kamailio_rounds_up_is_not_charged(url: str) -> None:
    open_books(url, granted_micros=4_000)

    answers = answers_to(url, [initial(), end(1, 5)])

    assert (answers[0].granted, answers[0].final_action) == (4, 0)
    assert Facts(url).rows(USED) == [(4, 4_000, Flags.CLAMPED.value)]
    assert audit(url).is_clean


@on_sqlite
def test_quirk_5_the_end_of_a_refused_call_is_a_success_and_no_record(url: str) -> None:
    open_books(url, granted_micros=100, poor_count=0)

    answers = answers_to(url, [initial(), end(1, 0), end(0, 0, session="never;seen;1")])

    assert results_of(answers) == [4012, 2001, 2001]
    assert Facts(url).rows(USED) == []
    assert Facts(url).one("SELECT count(*) FROM parked_reports") == 0
    assert audit(url).is_clean


def test_quirk_6_what_a_lost_update_said_is_billed_by_the_clients_clock_and_flagged(url: str) -> None:
    open_books(url)

    answers_to(url, [initial(wanted=60)], quantum_seconds=60)
    # Fourteen seconds pass, in which a CCR-U of 7 seconds is lost on its way; and the server is another one.
    Facts(url).change("UPDATE calls SET started_at = started_at - 14000000")
    answers = answers_to(url, [end(2, 7, at=started_at(url) + timedelta(seconds=14))])

    assert results_of(answers) == [2001]
    assert Facts(url).rows(USED) == [(14, 14_000, Flags.GAP.value)]
    assert audit(url).is_clean


@on_sqlite
def test_quirk_6_a_gap_is_not_billed_beyond_what_was_granted(url: str) -> None:
    open_books(url)

    answers_to(url, [initial()])
    Facts(url).change("UPDATE calls SET started_at = started_at - 100000000")
    answers_to(url, [end(2, 3)])

    assert Facts(url).rows(USED) == [(10, 10_000, Flags.GAP.value)]
    assert audit(url).is_clean


@on_sqlite
def test_quirk_8_a_call_is_cut_by_refusing_its_next_update(url: str) -> None:
    open_books(url)

    async def call() -> list[Answer]:
        async with listening(url, quantum_seconds=10) as server, connected(server.port) as client:
            begun = Answer(await client.ask(initial()))
            await server.charge(CutCall(CallKey(HOST, SESSION), datetime.now(UTC)))
            Facts(url).elapse(10)
            return [begun, *[Answer(await client.ask(each)) for each in (update(1, 8), end(2, 2))]]

    answers = asyncio.run(call())

    assert results_of(answers) == [2001, 4010, 2001]
    assert Facts(url).rows("SELECT used_seconds, cost_micros FROM usage_rows") == [(10, 10_000)]
    assert audit(url).is_clean


@on_sqlite
def test_quirk_10_a_session_that_its_client_forgot_is_closed_at_its_last_funded_second(url: str) -> None:
    open_books(url)
    timers = {"quantum_seconds": 1, "ring_timeout_seconds": 0, "silence_grace_seconds": 0}

    async def call() -> list[Answer]:
        async with listening(url, **timers) as server, connected(server.port) as client:
            answers = [Answer(await client.ask(each)) for each in (initial(), update(1, 1))]
            await until(lambda: Facts(url).one(OPEN_CALLS) == 0)
            return [*answers, *[Answer(await client.ask(each)) for each in (update(2, 1), end(3, 2))]]

    answers = asyncio.run(call())

    # A late end that differs is kept for an operator; the client is told that it need not repeat it.
    assert results_of(answers) == [2001, 2001, 5002, 2001]
    assert Facts(url).rows(USED) == [(2, 2_000, Flags.RECONSTRUCTED.value)]
    assert audit(url).is_clean


def test_every_request_that_is_sent_again_is_answered_alike_byte_by_byte(url: str) -> None:
    open_books(url, granted_micros=15_000)
    sent = [initial, lambda **n: update(1, 8, **n), lambda **n: update(2, 7, **n), lambda **n: end(3, 0, **n)]

    answers = answers_to(url, [each(message_number=number) for each in sent for number in (1, 2)])

    assert results_of(answers) == [2001, 2001, 2001, 2001, 4012, 4012, 2001, 2001]
    for first, again in zip(answers[::2], answers[1::2], strict=True):
        # But for the numbers that name the message, hop by hop and end to end.
        assert first.encoded[:12] + first.encoded[20:] == again.encoded[:12] + again.encoded[20:]
    assert Facts(url).rows(USED) == [(15, 15_000, 0)]
    assert audit(url).is_clean


@on_sqlite
def test_an_initial_request_that_comes_again_after_its_updates_is_told_what_is_left(url: str) -> None:
    open_books(url)

    answers = answers_to(url, [initial(), update(1, 8), initial()])

    assert [answer.granted for answer in answers] == [10, 10, 10]
    assert Facts(url).one(HELD) == 18_000


@on_sqlite
def test_numbers_may_begin_at_one_as_well_as_at_zero(url: str) -> None:
    open_books(url)

    answers = answers_to(url, [initial(1), update(2, 8), end(3, 1)])

    assert results_of(answers) == [2001, 2001, 2001]
    assert Facts(url).rows(USED) == [(9, 9_000, 0)]


@pytest.mark.parametrize(
    ("fields", "result"),
    [
        ({"caller": "44209999999"}, 5030),
        ({"called": UNRATED}, 5031),
        ({"called": BLOCKED}, 4010),
        ({"called": "12"}, 5031),
        ({"called": ""}, 5031),
        ({"caller": caller_of(2)}, 4012),
    ],
    ids=["nobody knows the caller", "no price", "blocked", "no number", "nobody called", "no credit"],
)
@on_sqlite
def test_a_refusal_is_told_at_the_top_with_its_reason_in_words(url: str, fields: dict[str, str], result: int) -> None:
    open_books(url, granted_micros=10_000, poor_count=1)

    (answer,) = answers_to(url, [initial(**fields)])

    assert answer.result == result
    assert not answer.is_error
    assert answer.one(c.AVP_ERROR_MESSAGE)
    assert answer.all(c.AVP_MULTIPLE_SERVICES_CREDIT_CONTROL) == []


@on_sqlite
def test_updates_of_sessions_that_nobody_began_are_refused_and_reported_use_is_kept(url: str) -> None:
    open_books(url)

    answers = answers_to(url, [update(1, 8), end(2, 8)])

    assert results_of(answers) == [5002, 2001]
    assert Facts(url).one("SELECT count(*) FROM parked_reports") == 1


def picture(used: int) -> Avp:
    units = new(c.AVP_USED_SERVICE_UNIT, [new(c.AVP_CC_TIME, used)])
    return new(c.AVP_MULTIPLE_SERVICES_CREDIT_CONTROL, [units, new(c.AVP_RATING_GROUP, 200)])


@on_sqlite
def test_a_picture_that_reports_at_other_times_than_the_voice_makes_no_call_longer(url: str) -> None:
    open_books(url)

    answers_to(url, [initial(wanted=60)], quantum_seconds=60)
    # It rings for a minute, so that the clock alone would allow twice the call.
    Facts(url).change("UPDATE calls SET started_at = started_at - 120000000")
    answers = answers_to(
        url, [update(1, 50, wanted=60), end(2, 10, more=[picture(60)])], quantum_seconds=60, ring_timeout_seconds=600
    )

    assert results_of(answers) == [2001, 2001]
    assert Facts(url).rows(USED) == [(60, 60_000, 0)]
    assert audit(url).is_clean


@on_sqlite
@pytest.mark.parametrize("used", [71_582_788, 0xFFFF_FFFF])
def test_use_that_no_call_can_have_is_refused_and_the_end_is_kept_with_what_it_said(url: str, used: int) -> None:
    open_books(url)

    answers = answers_to(url, [initial(), update(1, used), update(1, 8), end(2, used)])

    assert results_of(answers) == [2001, 5004, 2001, 5004]
    ((reason,),) = Facts(url).rows("SELECT reason FROM parked_reports")
    assert f"{used} s used" in reason
    # What was reported before stays as it is, until the session is closed for its silence.
    assert Facts(url).one(OPEN_CALLS) == 1
    assert Facts(url).one(HELD) == 18_000
    assert audit(url).is_clean


@on_sqlite
def test_a_call_for_help_goes_on_although_nobody_knows_its_caller(url: str) -> None:
    open_books(url)
    unknown: dict[str, Any] = {"caller": "44209999999", "called": "112"}

    answers = answers_to(
        url,
        [initial(**unknown), update(1, 8, **unknown), end(2, 1), update(1, 8, session="other;1", called=CALLED)],
    )

    assert results_of(answers) == [2001, 2001, 2001, 5002]
    assert [answer.granted for answer in answers] == [86_400, 86_400, None, None]


@on_sqlite
def test_two_clients_may_use_one_session_id(url: str) -> None:
    open_books(url)

    async def call() -> list[Answer]:
        async with (
            listening(url, quantum_seconds=10) as server,
            connected(server.port) as client,
            connected(server.port, "pcscf.test") as other,
        ):
            begun = [
                Answer(await client.ask(initial())),
                Answer(await other.ask(initial(host="pcscf.test", caller=caller_of(2)))),
            ]
            Facts(url).elapse(5)
            return [
                *begun,
                Answer(await other.ask(end(1, 3, host="pcscf.test"))),
                Answer(await client.ask(end(1, 5))),
            ]

    answers = asyncio.run(call())

    assert results_of(answers) == [2001] * 4
    assert sorted(Facts(url).rows("SELECT organization_id, used_seconds FROM usage_rows")) == [(1, 5), (2, 3)]


def test_many_sessions_in_one_write_are_answered_each_and_the_books_agree(url: str) -> None:
    open_books(url)
    sessions = [f"scscf.test;1;{number}" for number in range(200)]

    async def call() -> list[list[Answer]]:
        async with listening(url, quantum_seconds=10) as server, connected(server.port) as client:
            rounds = [
                [initial(session=each, message_number=number) for number, each in enumerate(sessions)],
                [update(1, 8, session=each, message_number=number) for number, each in enumerate(sessions)],
                [end(2, 1, session=each, message_number=number) for number, each in enumerate(sessions)],
            ]
            answers = []
            for asked in rounds:
                answers.append([Answer(each) for each in await client.ask_all(asked)])
                Facts(url).elapse(9)
            return answers

    rounds = asyncio.run(call())

    for answers in rounds:
        assert {answer.result for answer in answers} == {2001}
        assert sorted(answer.message.header.hop_by_hop_identifier for answer in answers) == list(range(200))
    assert Facts(url).one("SELECT sum(cost_micros) FROM usage_rows") == 200 * 9_000
    assert Facts(url).one("SELECT count(*) FROM usage_rows") == 200
    assert Facts(url).one(HELD) == 0
    assert audit(url).is_clean


@on_postgresql
def test_any_of_several_listeners_answers_whatever_another_began(url: str) -> None:
    open_books(url)

    async def call() -> list[Answer]:
        async with (
            listening(url, quantum_seconds=10) as one,
            listening(url, quantum_seconds=10, diameter_host="ocs2.test") as other,
            connected(one.port) as first,
            connected(other.port) as second,
        ):
            begun = Answer(await first.ask(initial()))
            Facts(url).elapse(18)
            return [
                begun,
                Answer(await second.ask(update(1, 8))),
                Answer(await first.ask(update(1, 8))),
                Answer(await first.ask(update(2, 8))),
                Answer(await second.ask(end(3, 2))),
            ]

    answers = asyncio.run(call())

    assert results_of(answers) == [2001] * 5
    assert [answer.granted for answer in answers] == [10, 10, 10, 10, None]
    assert Facts(url).rows(USED) == [(18, 18_000, 0)]
    assert audit(url).is_clean


@on_sqlite
def test_without_services_units_are_granted_at_the_top(url: str) -> None:
    open_books(url)
    bare = [
        new(c.AVP_SESSION_ID, SESSION),
        new(c.AVP_ORIGIN_HOST, HOST.encode()),
        new(c.AVP_CC_REQUEST_TYPE, 1),
        new(c.AVP_CC_REQUEST_NUMBER, 0),
        new(c.AVP_REQUESTED_SERVICE_UNIT, [new(c.AVP_CC_TIME, 7)]),
        service_information(caller_of(1), CALLED),
    ]

    (answer,) = answers_to(url, [request(CREDIT_CONTROL, 4, bare)])

    assert answer.result == 2001
    assert answer.one(c.AVP_GRANTED_SERVICE_UNIT, c.AVP_CC_TIME) == 7
    assert answer.one(c.AVP_VALIDITY_TIME) == 307
