"""A real HTTP server on 127.0.0.1 that keeps what it is told, and answers what it is told to."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

import standardwebhooks

from tests.gateways.answering import PostHandler, serving


class Told(NamedTuple):
    """One request."""

    path: str
    headers: dict[str, str]
    body: bytes

    def verified(self, secret: str) -> object:
        """Read the body as a receiver does who trusts nobody: by the library."""
        return standardwebhooks.Webhook(secret).verify(self.body, self.headers)


class Receiver:
    """`answers` are given in turn, the last one for ever; a 3xx leads to /elsewhere, 0 is no answer at all."""

    def __init__(self) -> None:
        self.told: list[Told] = []
        self.answers = [204]
        self.url = ""
        self.may_answer = threading.Event()

    def answer(self) -> int:
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


@contextmanager
def open_receiver() -> Iterator[Receiver]:
    """Serve until the end; the port is whichever was free."""
    receiver = Receiver()

    class Handler(PostHandler):
        def take(self, body: bytes) -> None:
            receiver.told.append(Told(self.path, dict(self.headers), body))
            code = receiver.answer()
            if not code:
                receiver.may_answer.wait()
                return
            self.send_response(code)
            self.send_header("Location", "/elsewhere")
            self.send_header("Content-Length", "0")
            self.end_headers()

    with serving(Handler, receiver.may_answer) as address:
        receiver.url = f"{address}/hook?of=talktime"
        yield receiver
