import hashlib
import hmac
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from talktime.core.credit.buying.payments import Charged, GatewayEvent, GatewayEventKind, NeedsAction, PurchaseKey
from talktime.core.values.errors import Forbidden, Invalid, Unavailable
from talktime.gateways.payments.sandbox import SIGNATURE_HEADER, SandboxGateway
from tests.gateways.payments.orders import AT, TWO_HUNDRED, order, refund_order


@pytest.fixture
def gateway(tmp_path: Path) -> SandboxGateway:
    return SandboxGateway(tmp_path, clock=lambda: AT)


@pytest.fixture
def reported(gateway: SandboxGateway) -> Callable[[], list[GatewayEvent]]:
    return lambda: [gateway.read_event(event.body, event.headers) for event in gateway.events_since(AT)]


def test_a_charge_is_reported_with_what_names_the_purchase(
    gateway: SandboxGateway, reported: Callable[[], list[GatewayEvent]]
) -> None:
    charged = gateway.charge(order(gateway.add_card("4242424242424242 12/27").token))
    assert isinstance(charged, Charged)

    (event,) = reported()

    assert (event.gateway, event.kind, event.purchase) == ("sandbox", GatewayEventKind.CHARGED, PurchaseKey(7, "r-1"))
    assert (event.charge_id, event.attempt, event.amount_micros, event.currency) == (
        charged.charge_id,
        1,
        TWO_HUNDRED,
        "USD",
    )


@pytest.mark.parametrize(
    ("number", "kinds"),
    [
        ("4000000000009995", ["declined"]),
        ("4000002500003155", ["needs_action"]),
        ("4000000000000259", ["charged", "dispute_opened"]),
        ("4000007700000018", ["charged"]),
        ("4000007700000026", []),
        ("4000007700000034", []),
        ("4000007700000042", []),
    ],
)
def test_each_card_reports_what_became_of_it(
    gateway: SandboxGateway, reported: Callable[[], list[GatewayEvent]], number: str, kinds: list[str]
) -> None:
    gateway.charge(order(gateway.add_card(f"{number} 12/27").token))

    assert [event.kind.value for event in reported()] == kinds


def test_each_event_keeps_its_id_however_often_it_is_sent(
    gateway: SandboxGateway, reported: Callable[[], list[GatewayEvent]]
) -> None:
    waiting = gateway.charge(order(gateway.add_card("4000002500003155 12/27").token))
    assert isinstance(waiting, NeedsAction)
    first = reported()
    gateway.authenticate(waiting.charge_id)

    again = reported()

    assert again[:1] == first
    assert len({event.event_id for event in again}) == 2
    assert first[0].url == waiting.url


def test_case_45_refunds_are_reported_in_all_so_far(
    gateway: SandboxGateway, reported: Callable[[], list[GatewayEvent]]
) -> None:
    charged = gateway.charge(order(gateway.add_card("4242424242424242 12/27").token))
    assert isinstance(charged, Charged)

    gateway.refund(refund_order(charged.charge_id, "a", amount_micros=50_000_000))
    gateway.refund(refund_order(charged.charge_id, "b", amount_micros=20_000_000))

    amounts = [event.amount_micros for event in reported() if event.kind is GatewayEventKind.REFUNDED]
    assert amounts == [50_000_000, 70_000_000]


def test_a_refund_that_fails_later_and_a_lost_dispute_are_reported(
    gateway: SandboxGateway, reported: Callable[[], list[GatewayEvent]]
) -> None:
    refunded = gateway.charge(order(gateway.add_card("4000000000005126 12/27").token, "r-1"))
    disputed = gateway.charge(order(gateway.add_card("4000000000000259 12/27").token, "r-2"))
    assert isinstance(refunded, Charged)
    assert isinstance(disputed, Charged)

    gateway.refund(refund_order(refunded.charge_id))
    gateway.close_dispute(disputed.charge_id, is_won=False)

    told = {(event.kind.value, event.code) for event in reported()}
    assert told >= {("refund_failed", "expired_or_canceled_card"), ("dispute_lost", "fraudulent")}


def test_case_15_what_no_webhook_told_is_listed_as_its_webhook_would_have_told_it(
    gateway: SandboxGateway, reported: Callable[[], list[GatewayEvent]]
) -> None:
    for number, purchase in (("4242424242424242", "r-1"), ("4000000000000002", "r-2"), ("4000007700000018", "r-3")):
        gateway.charge(order(gateway.add_card(f"{number} 12/27").token, purchase))

    listed = list(gateway.charges_since(AT))

    charged = [event for event in reported() if event.kind is GatewayEventKind.CHARGED]
    assert sorted(listed, key=lambda event: event.event_id) == charged
    assert len(charged) == 2
    assert list(gateway.charges_since(AT + timedelta(microseconds=1))) == []


def test_case_15_a_folder_that_cannot_be_read_is_no_empty_list(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(Unavailable):
        list(SandboxGateway(tmp_path / "file").charges_since(AT))


def test_what_was_reported_long_ago_is_not_sent_again(gateway: SandboxGateway) -> None:
    gateway.charge(order(gateway.add_card("4242424242424242 12/27").token))

    assert gateway.events_since(AT + timedelta(microseconds=1)) == []


def test_case_13_a_body_that_was_changed_is_refused(gateway: SandboxGateway) -> None:
    gateway.charge(order(gateway.add_card("4242424242424242 12/27").token))
    (event,) = gateway.events_since(AT)

    with pytest.raises(Forbidden) as refused:
        gateway.read_event(event.body.replace(b"200000000", b"900000000"), event.headers)

    assert refused.value.code == "signature_wrong"


@pytest.mark.parametrize("signature", ["", "t=", "t=1,v1=00", "t=x,v1=é", "v1=00"])
def test_case_13_a_signature_that_is_none_is_refused(gateway: SandboxGateway, signature: str) -> None:
    with pytest.raises(Forbidden):
        gateway.read_event(b"{}", {SIGNATURE_HEADER: signature})


def test_case_13_an_old_signature_is_refused_and_a_new_one_for_the_same_event_is_taken(tmp_path: Path) -> None:
    now = AT
    gateway = SandboxGateway(tmp_path, clock=lambda: now)
    gateway.charge(order(gateway.add_card("4242424242424242 12/27").token))
    (old,) = gateway.events_since(AT)
    now = AT + timedelta(minutes=6)

    with pytest.raises(Forbidden) as refused:
        gateway.read_event(old.body, old.headers)
    (new,) = gateway.events_since(AT)

    assert refused.value.code == "signature_stale"
    assert gateway.read_event(new.body, new.headers).kind is GatewayEventKind.CHARGED


def test_headers_are_read_whatever_their_case(gateway: SandboxGateway) -> None:
    gateway.charge(order(gateway.add_card("4242424242424242 12/27").token))
    (event,) = gateway.events_since(AT)
    shouted = {name.upper(): value for name, value in event.headers.items()}

    assert gateway.read_event(event.body, shouted).purchase == PurchaseKey(7, "r-1")


def test_a_sandbox_does_not_believe_another_ones_events(gateway: SandboxGateway, tmp_path: Path) -> None:
    gateway.charge(order(gateway.add_card("4242424242424242 12/27").token))
    (event,) = gateway.events_since(AT)
    other = SandboxGateway(tmp_path / "other", clock=lambda: AT)

    with pytest.raises(Forbidden):
        other.read_event(event.body, event.headers)


def test_a_body_that_is_signed_and_no_event_is_invalid(gateway: SandboxGateway, tmp_path: Path) -> None:
    assert gateway.events_since(AT) == []
    stamp = int(AT.timestamp())
    with pytest.raises(Forbidden):
        gateway.read_event(b"[]", {})
    secret = (tmp_path / "webhook.secret").read_bytes()
    digest = hmac.new(secret, b"%d.[]" % stamp, hashlib.sha256).hexdigest()

    with pytest.raises(Invalid):
        gateway.read_event(b"[]", {SIGNATURE_HEADER: f"t={stamp},v1={digest}"})
