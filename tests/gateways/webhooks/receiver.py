"""A real HTTP server on 127.0.0.1 that keeps what it is told, and answers what it is told to."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple

import standardwebhooks


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

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            receiver.told.append(Told(self.path, dict(self.headers), body))
            code = receiver.answer()
            if not code:
                receiver.may_answer.wait()
                return
            self.send_response(code)
            self.send_header("Location", "/elsewhere")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing: tests tell."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    receiver.url = f"http://127.0.0.1:{server.server_address[1]}/hook?of=talktime"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield receiver
    finally:
        receiver.may_answer.set()
        server.shutdown()
        thread.join()
        server.server_close()
