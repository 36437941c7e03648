"""Webhooks over real sockets: from localstripe, and from the sandbox, to our door, to an event that we can read."""

import contextlib
import queue
import socket
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path

import httpx2
import pytest
import uvicorn

from talktime.core.credit.buying.payments import Charged, GatewayEvent, GatewayEventKind
from talktime.core.values.errors import NotFound
from talktime.gateways.payments.sandbox import SandboxGateway
from talktime.gateways.payments.stripe import StripeAccess, StripeGateway
from talktime.interfaces.payments.door import Kept, PaymentsDoor, Received
from talktime.usecases.ports import PaymentGateway
from tests.gateways.payments.orders import AT, order
from tests.gateways.payments.stripe_servers import SECRET_KEY, WEBHOOK_SECRET, Localstripe, localstripe

PATIENCE_SECONDS = 30


class Receiver:
    """What stands behind the door: reads an event, keeps it once, and remembers how it was sent."""

    def __init__(self, gateways: Mapping[str, PaymentGateway]) -> None:
        self._gateways = gateways
        self._known: set[str] = set()
        self.events: queue.Queue[GatewayEvent] = queue.Queue()
        self.sent: tuple[bytes, Mapping[str, str]] = (b"", {})
        self.url = ""

    def receive(self, name: str, body: bytes, headers: Mapping[str, str]) -> Received:
        if name not in self._gateways:
            raise NotFound(f"there is no gateway {name}")
        event = self._gateways[name].read_event(body, headers)
        if event.event_id in self._known:
            return Received(Kept.KNOWN, event.event_id)
        self._known.add(event.event_id)
        self.sent = body, headers
        self.events.put(event)
        if event.purchase is None:
            return Received(Kept.PARKED, event.event_id, "it names no purchase")
        return Received(Kept.NOTED, event.event_id)

    def post(self, name: str, body: bytes, headers: Mapping[str, str]) -> int:
        return httpx2.post(f"{self.url}/v1/gateways/{name}/events", content=body, headers=dict(headers)).status_code


@contextlib.contextmanager
def served(gateways: Mapping[str, PaymentGateway]) -> Iterator[Receiver]:
    receiver = Receiver(gateways)
    config = uvicorn.Config(PaymentsDoor(receiver.receive), lifespan="off", ws="none", log_level="error")
    server = uvicorn.Server(config)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        receiver.url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        running = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        running.start()
        try:
            yield receiver
        finally:
            server.should_exit = True
            running.join()


@pytest.fixture(scope="module")
def stripe_server() -> Iterator[Localstripe]:
    with localstripe() as server:
        yield server


@pytest.fixture(scope="module")
def stripe_gateway(stripe_server: Localstripe) -> StripeGateway:
    return StripeGateway(StripeAccess(SECRET_KEY, webhook_secret=WEBHOOK_SECRET, address=stripe_server.address))


@pytest.fixture(scope="module")
def receiver(stripe_server: Localstripe, stripe_gateway: StripeGateway) -> Iterator[Receiver]:
    with served({"stripe": stripe_gateway}) as running:
        hook = {
            "url": f"{running.url}/v1/gateways/stripe/events",
            "secret": WEBHOOK_SECRET,
            "events": ["payment_intent.succeeded", "payment_intent.payment_failed"],
        }
        stripe_server.post("/_config/webhooks/talktime", hook)
        yield running


def test_stripes_webhook_arrives_verified_and_a_replay_of_it_is_known(
    stripe_server: Localstripe, stripe_gateway: StripeGateway, receiver: Receiver
) -> None:
    wanted = order(stripe_gateway.add_card(stripe_server.stored_card("4242424242424242")).token, "webhook")
    charged = stripe_gateway.charge(wanted)
    assert isinstance(charged, Charged)

    event = receiver.events.get(timeout=PATIENCE_SECONDS)

    assert (event.kind, event.purchase, event.attempt) == (GatewayEventKind.CHARGED, wanted.purchase, 1)
    assert (event.charge_id, event.amount_micros) == (charged.charge_id, charged.amount_micros)
    body, headers = receiver.sent
    assert receiver.post("stripe", body, headers) == 200
    assert receiver.events.empty()


def test_stripes_webhook_of_a_decline_tells_what_became_of_the_attempt(
    stripe_server: Localstripe, stripe_gateway: StripeGateway, receiver: Receiver
) -> None:
    wanted = order(stripe_gateway.add_card(stripe_server.stored_card("4000000000000341")).token, "webhook-declined")
    stripe_gateway.charge(wanted)

    event = receiver.events.get(timeout=PATIENCE_SECONDS)

    assert (event.kind, event.code, event.purchase) == (
        GatewayEventKind.DECLINED,
        "generic_decline",
        wanted.purchase,
    )


def test_stripes_webhook_with_a_bad_or_stale_signature_is_refused(receiver: Receiver) -> None:
    body = b'{"id": "evt_bad"}'

    assert receiver.post("stripe", body, {}) == 401
    assert receiver.post("stripe", body, {"stripe-signature": "t=1,v1=00"}) == 401
    assert receiver.post("nobody", body, {}) == 404


def test_the_sandboxs_webhooks_arrive_late_twice_and_out_of_order_and_each_is_kept_once(tmp_path: Path) -> None:
    gateway = SandboxGateway(tmp_path, clock=lambda: AT)
    for purchase in ("r-1", "r-2", "r-3"):
        gateway.charge(order(gateway.add_card("4000000000000259 12/27").token, purchase))
    events = gateway.events_since(AT)

    with served({"sandbox": gateway}) as receiver:
        statuses = [receiver.post("sandbox", event.body, event.headers) for event in [*reversed(events), *events]]

    kept = [receiver.events.get_nowait() for _ in range(receiver.events.qsize())]
    assert statuses == [200] * 12
    assert [event.kind.value for event in kept] == ["dispute_opened", "charged"] * 3
    assert len({event.event_id for event in kept}) == 6
