"""A card gateway that counts money moved: as much of Stripe's API as recharging needs, on a real socket, with faults.

    with serving() as address:                     one server, any number of books
        books = open_books("seed-7")               money, cards, faults and a clock of its own
        gateway = books.adapter(address)           our own Stripe adapter, which only believes it talks to Stripe

Answers are kept by idempotency key and replayed, a failure (500) too, and forgotten after 24 hours of the books’ clock.
What a request is to suffer is decided by `books.fault`, once for each request that may move money or tell of it.
Webhooks are written down in `books.reports`; whether, when and how often they are delivered is the history's business.
"""

import hashlib
import hmac
import json
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import Enum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from talktime.core.credit.buying.payments import Card
from talktime.gateways.payments.stripe import SIGNATURE_HEADER, StripeAccess, StripeGateway

KEYS_KEPT_FOR = timedelta(hours=24)
WEBHOOK_SECRET = "whsec_counting"
KEY_PREFIX = "sk_test_"
MICROS_PER_CENT = 10_000


class Fault(Enum):
    """What goes wrong with a request."""

    NONE = "none"
    LOST_REQUEST = "lost_request"
    LOST_ANSWER = "lost_answer"
    # Fails before it does anything; nothing is kept.
    REFUSED_500 = "refused_500"
    TOO_MANY_429 = "too_many_429"
    # Fails with 500, keeps that answer for the key, and has not charged.
    STORED_500 = "stored_500"
    # The same, and has charged.
    STORED_500_MOVED = "stored_500_moved"


@dataclass(frozen=True, slots=True)
class Plan:
    """What a card makes of an attempt: `succeeds`, `declines` with a code, wants `action`, or is `processing`."""

    does: str = "succeeds"
    code: str = ""


@dataclass(frozen=True, slots=True)
class Moved:
    """Money that really moved, in cents: from a card to us, or back where less than 0."""

    intent_id: str
    cents: int
    metadata: dict[str, str]
    at: datetime


@dataclass(frozen=True, slots=True)
class Kept:
    """The answer that a key has for a day."""

    request: str
    status: int
    answer: dict[str, Any]
    at: datetime


class NoAnswer(Exception):  # noqa: N818 -- the connection is cut, which is no error of ours
    """The answer, or the request, is lost."""


@dataclass
class Books:
    """Everything that one gateway account holds."""

    name: str
    now: Callable[[], datetime]
    plan: Callable[[str], Plan] = lambda _: Plan()
    fault: Callable[[str], Fault] = lambda _: Fault.NONE
    search_lag: timedelta = timedelta(0)
    intents: dict[str, dict[str, Any]] = field(default_factory=dict)
    moved: list[Moved] = field(default_factory=list)
    reports: list[dict[str, Any]] = field(default_factory=list)
    kept: dict[str, Kept] = field(default_factory=dict)
    refunds: dict[str, dict[str, Any]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def adapter(self, address: str, *, listed_max: int = 1_000) -> StripeGateway:
        """Return our Stripe adapter, pointed at these books; with `listed_max` 0 it has to trust the search index."""
        return StripeGateway(
            StripeAccess(
                KEY_PREFIX + self.name,
                WEBHOOK_SECRET,
                address,
                "https://pay.example/authenticate",
                listed_max=listed_max,
            )
        )

    # ── what a request does ─────────────────────────────────────────────────────────────────────────────────

    def answer(self, method: str, path: str, fields: dict[str, str], key: str) -> tuple[int, dict[str, Any]]:
        """Answer a request, or raise NoAnswer."""
        self.asked.append(f"{method} {path}")
        fault = self.fault(f"{method} {path}")
        if fault is Fault.LOST_REQUEST:
            raise NoAnswer
        if fault is Fault.TOO_MANY_429:
            return 429, _error("rate_limit_error", "too many requests")
        if fault is Fault.REFUSED_500:
            return 500, _error("api_error", "an error occurred")
        answered = self._once(method, path, fields, key, fault)
        if fault is Fault.LOST_ANSWER:
            raise NoAnswer
        return answered

    def _once(
        self, method: str, path: str, fields: dict[str, str], key: str, fault: Fault
    ) -> tuple[int, dict[str, Any]]:
        """Do what has a key once in a day, and answer alike; the rest every time."""
        request = json.dumps([path, sorted(fields.items())])
        known = self.kept.get(key) if key else None
        if known is not None and self.now() - known.at < KEYS_KEPT_FOR:
            if known.request != request:
                return 400, _error("idempotency_error", "this key was used with other parameters")
            return known.status, known.answer
        status, answer = self._done(method, path, fields, fault)
        if key:
            self.kept[key] = Kept(request, status, answer, self.now())
        return status, answer

    def _done(self, method: str, path: str, fields: dict[str, str], fault: Fault) -> tuple[int, dict[str, Any]]:
        parts = path.split("/")[2:]
        match method, parts:
            case "POST", ["payment_intents"]:
                return self._create(fields, fault)
            case "POST", ["payment_intents", intent_id, "cancel"]:
                return self._cancel(self.intents[intent_id])
            case "POST", ["refunds"]:
                return self._refund(fields)
            case "GET", ["payment_intents"]:
                return 200, self._listed(fields)
            case "GET", ["payment_intents", "search"]:
                return 200, self._searched(fields["query"])
        return 404, _error("invalid_request_error", f"{method} {path} is not played here")

    def _create(self, fields: dict[str, str], fault: Fault) -> tuple[int, dict[str, Any]]:
        if fault is Fault.STORED_500:
            return 500, _error("api_error", "an error occurred")
        intent = self._new_intent(fields)
        plan = self.plan(fields["payment_method"])
        match plan.does:
            case "declines":
                self._fail(intent, plan.code)
            case "action":
                self._fail(intent, "authentication_required")
            case "processing":
                intent["status"] = "processing"
            case _:
                self._succeed(intent)
        if fault is Fault.STORED_500_MOVED:
            return 500, _error("api_error", "an error occurred")
        if intent["status"] == "requires_payment_method":
            return 402, {"error": {**intent["last_payment_error"], "payment_intent": dict(intent)}}
        return 200, dict(intent)

    def _new_intent(self, fields: dict[str, str]) -> dict[str, Any]:
        metadata = {
            found[1]: value for name, value in fields.items() if (found := re.fullmatch(r"metadata\[(.+)\]", name))
        }
        intent = {
            "id": f"pi_{self.name}_{len(self.intents) + 1}".replace("-", ""),
            "object": "payment_intent",
            "amount": int(fields["amount"]),
            "amount_received": 0,
            "currency": fields["currency"],
            "customer": fields["customer"],
            "payment_method": fields["payment_method"],
            "status": "requires_confirmation",
            "metadata": metadata,
            "last_payment_error": None,
            "created": int(self.now().timestamp()),
        }
        self.intents[intent["id"]] = intent
        return intent

    def _succeed(self, intent: dict[str, Any]) -> None:
        intent.update(status="succeeded", amount_received=intent["amount"], last_payment_error=None)
        self.moved.append(Moved(intent["id"], intent["amount"], intent["metadata"], self.now()))
        self._report("payment_intent.succeeded", intent)

    def _fail(self, intent: dict[str, Any], code: str) -> None:
        is_authentication = code == "payment_intent_authentication_failure"
        error = {"type": "card_error", "code": code, "message": f"declined: {code}"}
        if not is_authentication:
            error |= {"code": "card_declined", "decline_code": code}
        intent.update(status="requires_payment_method", last_payment_error=error)
        self._report("payment_intent.payment_failed", intent)

    def _cancel(self, intent: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        if intent["status"] in {"succeeded", "processing", "canceled"}:
            return 400, _error("invalid_request_error", f"a payment that is {intent['status']} cannot be canceled")
        intent["status"] = "canceled"
        self._report("payment_intent.canceled", intent)
        return 200, dict(intent)

    def _refund(self, fields: dict[str, str]) -> tuple[int, dict[str, Any]]:
        intent, cents = self.intents[fields["payment_intent"]], int(fields["amount"])
        back = sum(refund["amount"] for refund in self.refunds.values() if refund["payment_intent"] == intent["id"])
        if intent["status"] != "succeeded" or back + cents > intent["amount"]:
            return 400, _error("invalid_request_error", "no more can be given back than was charged")
        refund_id = f"re_{self.name}_{len(self.refunds) + 1}"
        refund = {"id": refund_id, "object": "refund", "status": "succeeded", "amount": cents}
        self.refunds[refund_id] = {**refund, "payment_intent": intent["id"], "currency": intent["currency"]}
        self.moved.append(Moved(intent["id"], -cents, intent["metadata"], self.now()))
        return 200, self.refunds[refund_id]

    def _listed(self, fields: dict[str, str]) -> dict[str, Any]:
        since, customer = int(fields.get("created[gte]", "0")), fields.get("customer")
        found = [
            intent
            for intent in reversed(self.intents.values())
            if intent["created"] >= since and customer in (None, intent["customer"])
        ]
        if "starting_after" in fields:
            position = next(number for number, each in enumerate(found) if each["id"] == fields["starting_after"])
            found = found[position + 1 :]
        most = int(fields.get("limit", "10"))
        return _list("/v1/payment_intents", found[:most], has_more=len(found) > most)

    def _searched(self, query: str) -> dict[str, Any]:
        """Find by metadata what the index knows by now."""
        wanted = dict(re.findall(r'metadata\["(.+?)"\]:"(.*?)"', query))
        indexed = int((self.now() - self.search_lag).timestamp())
        found = [
            intent
            for intent in reversed(self.intents.values())
            if intent["created"] <= indexed and wanted.items() <= intent["metadata"].items()
        ]
        return _list("/v1/payment_intents/search", found, has_more=False)

    # ── what happens at the gateway by itself ───────────────────────────────────────────────────────────────

    def waiting(self, status: str) -> list[str]:
        """Return the payments in a status; those that wait for their owner are in `requires_payment_method`."""
        return [intent_id for intent_id, intent in self.intents.items() if intent["status"] == status]

    def complete(self, intent_id: str, *, succeeds: bool = True, code: str = "insufficient_funds") -> None:
        """Let a payment that is processed or waits come to its end."""
        intent = self.intents[intent_id]
        if succeeds:
            self._succeed(intent)
        else:
            self._fail(intent, code)

    def cents_of(self, purchase_id: str) -> list[int]:
        """Return the movements for one purchase, in order."""
        return [each.cents for each in self.moved if each.metadata["talktime_purchase_id"] == purchase_id]

    def _report(self, name: str, intent: dict[str, Any]) -> None:
        self.reports.append(
            {
                "id": f"evt_{self.name}_{len(self.reports) + 1}",
                "object": "event",
                "type": name,
                "created": int(self.now().timestamp()),
                "data": {"object": json.loads(json.dumps(intent))},
            }
        )


def card(token: str = "cus_1/pm_1", expires_on: datetime = datetime(2036, 1, 31, tzinfo=UTC)) -> Card:  # noqa: S107
    """Return a card as our adapter would have kept it."""
    last4 = f"{int(hashlib.sha256(token.encode()).hexdigest(), 16) % 10_000:04d}"
    return Card(token, f"fingerprint-of-{token}", "Visa", last4, expires_on.date())


def signed(report: dict[str, Any]) -> tuple[bytes, dict[str, str]]:
    """Return a webhook's body and headers as they are sent; the SDK compares the signature with the real clock."""
    body = json.dumps(report).encode()
    stamp = int(time.time())
    digest = hmac.new(WEBHOOK_SECRET.encode(), b"%d." % stamp + body, hashlib.sha256).hexdigest()
    return body, {SIGNATURE_HEADER: f"t={stamp},v1={digest}"}


# ── the socket ──────────────────────────────────────────────────────────────────────────────────────────────


class CountingServer(ThreadingHTTPServer):
    """Finds the books that a request's secret key names."""

    daemon_threads = True

    def __init__(self) -> None:
        """Listen on a free port of the loopback interface."""
        super().__init__(("127.0.0.1", 0), _Handler)
        self.accounts: dict[str, Books] = {}
        self.lock = threading.Lock()

    @property
    def address(self) -> str:
        """Return where it listens."""
        return f"http://127.0.0.1:{self.server_address[1]}"

    def open_books(self, name: str, now: Callable[[], datetime]) -> Books:
        """Open an account; one of the same name before is forgotten."""
        self.accounts[name] = Books(name, now)
        return self.accounts[name]


@contextmanager
def serving() -> Iterator[CountingServer]:
    """Serve on a free port until the end of the block."""
    server = CountingServer()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Headers and body go out together: two small packets wait for each other's receipt.
    wbufsize = -1
    disable_nagle_algorithm = True
    server: CountingServer

    def do_GET(self) -> None:
        """Answer a question."""
        self._handle("GET", dict(parse_qsl(urlsplit(self.path).query)))

    def do_POST(self) -> None:
        """Answer an order."""
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        self._handle("POST", dict(parse_qsl(body)))

    def _handle(self, method: str, fields: dict[str, str]) -> None:
        name = (self.headers.get("Authorization") or "").removeprefix("Bearer ").removeprefix(KEY_PREFIX)
        try:
            with self.server.lock:
                books = self.server.accounts[name]
                status, answer = books.answer(
                    method, urlsplit(self.path).path, fields, self.headers.get("Idempotency-Key") or ""
                )
        except NoAnswer:
            self.close_connection = True
            return
        body = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()

    def log_message(self, *_: object) -> None:
        """Say nothing: the history tells what happened."""


def _error(kind: str, message: str) -> dict[str, Any]:
    return {"error": {"type": kind, "message": message}}


def _list(url: str, found: list[dict[str, Any]], *, has_more: bool) -> dict[str, Any]:
    kind = "search_result" if url.endswith("search") else "list"
    return {"object": kind, "url": url, "has_more": has_more, "data": [dict(each) for each in found]}
