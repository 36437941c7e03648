import asyncio
import json
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest
from structlog.testing import capture_logs

from talktime.core.values.errors import Conflict, Forbidden, Invalid, NotFound, TalktimeError, Unavailable
from talktime.interfaces.payments.door import BODY_MAX_BYTES, Kept, PaymentsDoor, Received, ReceiveEvent

PATH = "/v1/gateways/sandbox/events"


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[bytes, bytes]
    fields: dict[str, Any]


@dataclass
class Book:
    """What a receiver was handed, and in which thread."""

    answer: Received | TalktimeError = field(default_factory=lambda: Received(Kept.NOTED, "event-1"))
    handed: list[tuple[str, bytes, Mapping[str, str]]] = field(default_factory=list)
    thread: threading.Thread | None = None

    def receive(self, name: str, body: bytes, headers: Mapping[str, str]) -> Received:
        self.handed.append((name, body, headers))
        self.thread = threading.current_thread()
        if isinstance(self.answer, TalktimeError):
            raise self.answer
        return self.answer


def post(
    receive_event: ReceiveEvent, body: bytes = b"{}", *, path: str = PATH, method: str = "POST", hangs_up: bool = False
) -> Answer | None:
    """Hand a request to the door in two pieces, as a network would."""
    messages = [
        {"type": "http.request", "body": body[:1], "more_body": True},
        {"type": "http.disconnect"} if hangs_up else {"type": "http.request", "body": body[1:], "more_body": False},
    ]
    incoming, sent = iter(messages), []

    async def receive() -> dict[str, Any]:
        return next(incoming)

    async def send(message: Any) -> None:
        sent.append(message)

    headers = [(b"Stripe-Signature", b"t=1,v1=00"), (b"content-type", b"application/json")]
    scope = {"type": "http", "method": method, "path": path, "query_string": b"", "headers": headers}
    asyncio.run(PaymentsDoor(receive_event)(scope, receive, send))
    if not sent:
        return None
    start, end = sent
    return Answer(start["status"], dict(start["headers"]), json.loads(end["body"]))


def test_an_event_is_handed_over_whole_in_a_thread_of_its_own_and_answered_when_it_is_noted() -> None:
    book = Book()

    answer = post(book.receive, b'{"id": "event-1"}')

    assert answer is not None
    assert (answer.status, answer.fields) == (200, {"result": "noted"})
    assert book.handed == [
        ("sandbox", b'{"id": "event-1"}', {"stripe-signature": "t=1,v1=00", "content-type": "application/json"})
    ]
    assert book.thread is not threading.current_thread()


def test_case_13_an_event_that_is_known_already_is_not_asked_for_again() -> None:
    answer = post(Book(Received(Kept.KNOWN)).receive)

    assert answer is not None
    assert (answer.status, answer.fields) == (200, {"result": "known"})


def test_case_14_an_event_for_no_purchase_of_ours_is_parked_with_its_reason_and_never_in_silence() -> None:
    book = Book(Received(Kept.PARKED, "event-1", "it names purchase r-9, which is not here"))

    with capture_logs() as logs:
        answer = post(book.receive)

    assert answer is not None
    assert (answer.status, answer.fields["result"]) == (202, "parked")
    assert answer.fields["detail"] == "it names purchase r-9, which is not here"
    (line,) = logs
    assert (line["event"], line["event_id"], line["log_level"]) == ("gateway_event_parked", "event-1", "warning")
    assert line["why"] == "it names purchase r-9, which is not here"


@pytest.mark.parametrize(
    ("failure", "status"),
    [
        (Invalid("the body is no event"), 400),
        (Forbidden("the signature does not fit"), 401),
        (NotFound("there is no gateway sandbox"), 404),
        (Conflict("it contradicts what is there"), 409),
        (Unavailable("the database is locked"), 503),
    ],
)
def test_what_is_refused_is_told_and_logged(failure: TalktimeError, status: int) -> None:
    with capture_logs() as logs:
        answer = post(Book(failure).receive, b'{"card": "4242"}')

    assert answer is not None
    assert answer.status == status
    assert answer.fields == {"result": "error", "code": failure.code, "detail": failure.message}
    assert [line["status"] for line in logs] == [status]
    assert "4242" not in repr(logs)
    assert (b"retry-after" in answer.headers) == (status == 503)


@pytest.mark.parametrize(
    "path",
    ["/", "/v1/gateways", "/v1/gateways//events", "/v1/gateways/a/b/events", "/v1/gateways/a", "/v1/calls/start"],
)
def test_nothing_else_is_behind_this_door(path: str) -> None:
    book = Book()

    answer = post(book.receive, path=path)

    assert answer is not None
    assert answer.status == 404
    assert book.handed == []


def test_an_event_is_posted() -> None:
    answer = post(Book().receive, method="GET")

    assert answer is not None
    assert (answer.status, answer.headers[b"allow"]) == (405, b"POST")


def test_a_body_larger_than_any_event_is_refused_unread() -> None:
    book = Book()

    largest = post(book.receive, b"x" * BODY_MAX_BYTES)
    too_large = post(book.receive, b"x" * (BODY_MAX_BYTES + 1))

    assert largest is not None
    assert too_large is not None
    assert (largest.status, too_large.status) == (200, 413)
    assert len(book.handed) == 1


def test_half_an_event_is_no_event() -> None:
    book = Book()

    assert post(book.receive, hangs_up=True) is None
    assert book.handed == []


def test_a_mistake_of_ours_is_not_taken_for_an_answer() -> None:
    def broken(name: str, body: bytes, headers: Mapping[str, str]) -> Received:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        post(broken)
