"""A real HTTP server on 127.0.0.1 that keeps what it is asked, and answers what it is told to."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from tests.gateways.answering import PostHandler, serving


class Asked(NamedTuple):
    """One request."""

    headers: dict[str, str]
    document: dict[str, Any]


@dataclass
class JsonServer:
    """`answers` are given in turn, the last one for ever: a status and a body; a status of 0 is no answer at all."""

    answers: list[tuple[int, bytes]]
    asked: list[Asked] = field(default_factory=list)
    url: str = ""
    may_answer: threading.Event = field(default_factory=threading.Event)

    def next_answer(self) -> tuple[int, bytes]:
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


def result(value: object) -> tuple[int, bytes]:
    """Make the answer of JSON-RPC to what went well."""
    return 200, json.dumps({"jsonrpc": "2.0", "result": value, "id": 1}).encode()


def error(message: str) -> tuple[int, bytes]:
    """Make the answer of Kamailio's JSON-RPC to what went wrong: HTTP 500, whatever it was."""
    return 500, json.dumps({"jsonrpc": "2.0", "error": {"code": 500, "message": message}, "id": 1}).encode()


@contextmanager
def open_json_server(*answers: tuple[int, bytes]) -> Iterator[JsonServer]:
    """Serve until the end; the port is whichever was free."""
    served = JsonServer(list(answers))

    class Handler(PostHandler):
        protocol_version = "HTTP/1.1"

        def take(self, body: bytes) -> None:
            served.asked.append(Asked(dict(self.headers), json.loads(body)))
            status, answer = served.next_answer()
            if not status:
                served.may_answer.wait()
                self.close_connection = True
                return
            self.send_response(status)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

    with serving(Handler, served.may_answer) as address:
        served.url = f"{address}/RPC"
        yield served
