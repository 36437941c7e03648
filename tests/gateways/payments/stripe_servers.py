"""Servers that speak as Stripe does: localstripe, and one that answers what a test tells it to."""

import contextlib
import json
import queue
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs

import httpx2
import pytest

SECRET_KEY = "sk_test_talktime"
WEBHOOK_SECRET = "whsec_talktime"
CANNOT_IMPORT = 3
POLL_SECONDS = 0.01
SERVER = Path(__file__).with_name("localstripe_server.py")


class Localstripe:
    """A client of localstripe for what a browser, or a bank, does and our adapter does not."""

    def __init__(self, address: str) -> None:
        self.address = address
        self._client = httpx2.Client(base_url=address, auth=(SECRET_KEY, ""))

    def stored_card(self, number: str) -> str:
        """Do what Stripe's form does in a browser: store a card, and name it."""
        card = {"number": number, "exp_month": 12, "exp_year": 2027, "cvc": "123"}
        return str(self.post("/v1/payment_methods", {"type": "card", "card": card})["id"])

    def payments(self, customer: str) -> list[dict]:
        return self._client.get("/v1/payment_intents", params={"customer": customer}).json()["data"]

    def payments_customer(self, intent_id: str) -> str:
        return str(self._client.get(f"/v1/payment_intents/{intent_id}").json()["customer"])

    def authenticate(self, intent_id: str, *, succeeds: bool) -> None:
        """Do what the card's owner does at his bank."""
        secret = self._client.get(f"/v1/payment_intents/{intent_id}").json()["client_secret"]
        self.post(f"/v1/payment_intents/{intent_id}/_authenticate", {"client_secret": secret, "success": succeeds})

    def post(self, path: str, fields: dict) -> dict:
        response = self._client.post(path, json=fields)
        assert response.status_code == 200, response.text
        return response.json() if response.content else {}

    def close(self) -> None:
        self._client.close()


@contextlib.contextmanager
def localstripe() -> Iterator[Localstripe]:
    """Start localstripe; skip where it cannot be imported."""
    process = subprocess.Popen(
        [sys.executable, str(SERVER)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    with process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        port = process.stdout.readline().strip()
        if not port:
            reason = process.stderr.read()
            if process.wait() == CANNOT_IMPORT:
                pytest.skip(f"localstripe cannot be imported: {reason.strip()}")
            pytest.fail(f"localstripe did not start: {reason}")
        client = Localstripe(f"http://127.0.0.1:{port}")
        try:
            yield client
        finally:
            client.close()
            process.stdin.close()


@dataclass
class Scripted:
    """A server that gives one answer to everything, and keeps what it was asked; `None` hangs up without a word."""

    address: str = ""
    answer: tuple[int, object] | None = (200, {})
    asked: "queue.Queue[Asked]" = field(default_factory=queue.Queue)
    # An answer is held back until a test lets it go.
    may_answer: threading.Event = field(default_factory=threading.Event)


@dataclass(frozen=True)
class Asked:
    """A request as it arrived."""

    path: str
    headers: dict[str, str]
    fields: dict[str, str]


@contextlib.contextmanager
def scripted_server() -> Iterator[Scripted]:
    """Start a server on 127.0.0.1 that answers what the test tells it to."""
    script = Scripted()
    script.may_answer.set()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            fields = {name: values[0] for name, values in parse_qs(self.rfile.read(length).decode()).items()}
            script.asked.put(Asked(self.path, {name.lower(): value for name, value in self.headers.items()}, fields))
            script.may_answer.wait()
            if script.answer is None:
                self.close_connection = True
                return
            status, body = script.answer
            content = body.encode() if isinstance(body, str) else json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.send_header("Request-Id", "req_test")
            self.end_headers()
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                self.wfile.write(content)

        def do_GET(self) -> None:
            self.do_POST()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        script.address = f"http://127.0.0.1:{server.server_port}"
        serving = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": POLL_SECONDS})
        serving.start()
        try:
            yield script
        finally:
            script.may_answer.set()
            server.shutdown()
            serving.join()
