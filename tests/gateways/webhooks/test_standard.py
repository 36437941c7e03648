"""Webhooks as a real server receives them: signed so that the library agrees, to no other address than was meant."""

import json
import socket
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from standardwebhooks import WebhookVerificationError

from talktime.core.organizations.deliveries import NotSent, Refused, Sent, WebhookMessage
from talktime.core.values.events import EventKind
from talktime.gateways.webhooks.standard import StandardWebhookSender
from talktime.notices import envelope
from tests.gateways.webhooks.receiver import Receiver, open_receiver
from tests.notices.writing import example, notice

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
OTHER_SECRET = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"
BODY = envelope.body_of(notice(example(EventKind.RECHARGE_FAILED)))
HERE = StandardWebhookSender(to_private_addresses=True)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with open_receiver() as receiver:
        yield receiver


def message(url: str, *secrets: str) -> WebhookMessage:
    # The library refuses what is older than five minutes by the real clock, so this is the time.
    return WebhookMessage("msg_1", url, BODY, secrets or (SECRET,), datetime.now(UTC))


def test_the_library_of_the_receiver_verifies_the_signature(receiver: Receiver) -> None:
    result = HERE.send(message(receiver.url))

    (told,) = receiver.told
    assert result == Sent("204 No Content")
    assert told.verified(SECRET) == json.loads(BODY)
    assert told.path == "/hook?of=talktime"
    assert told.headers["Content-Type"] == "application/cloudevents+json; charset=utf-8"
    assert told.headers["webhook-id"] == "msg_1"


def test_a_body_that_was_changed_on_the_way_is_not_verified(receiver: Receiver) -> None:
    HERE.send(message(receiver.url))

    (told,) = receiver.told
    with pytest.raises(WebhookVerificationError):
        told._replace(body=BODY.replace(b"200.00", b"900.00")).verified(SECRET)


def test_a_message_that_is_replayed_later_is_not_verified(receiver: Receiver) -> None:
    HERE.send(replace(message(receiver.url), at=datetime.now(UTC) - timedelta(minutes=6)))

    with pytest.raises(WebhookVerificationError, match="old"):
        receiver.told[0].verified(SECRET)


def test_while_a_secret_is_being_replaced_either_one_verifies(receiver: Receiver) -> None:
    HERE.send(message(receiver.url, SECRET, OTHER_SECRET))

    (told,) = receiver.told
    assert told.verified(SECRET) == told.verified(OTHER_SECRET)


@pytest.mark.parametrize("code", [400, 401, 404, 429, 500, 503])
def test_any_answer_but_success_is_tried_again(receiver: Receiver, code: int) -> None:
    receiver.answers = [code]

    result = HERE.send(message(receiver.url))

    assert isinstance(result, NotSent)
    assert result.why.startswith(str(code))
    assert not result.is_down


def test_a_receiver_that_is_gone_for_good_is_not_asked_again(receiver: Receiver) -> None:
    receiver.answers = [410]

    assert isinstance(HERE.send(message(receiver.url)), Refused)


@pytest.mark.parametrize("code", [301, 302, 307, 308])
def test_a_redirection_is_not_followed(receiver: Receiver, code: int) -> None:
    receiver.answers = [code, 200]

    result = HERE.send(message(receiver.url))

    assert isinstance(result, NotSent)
    assert [told.path for told in receiver.told] == ["/hook?of=talktime"]


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "10.1.2.3", "192.168.0.1", "169.254.169.254", "0.0.0.0"],  # noqa: S104
)
def test_private_addresses_are_refused_unless_allowed(receiver: Receiver, host: str) -> None:
    url = receiver.url.replace("127.0.0.1", host)

    result = StandardWebhookSender().send(message(url))

    assert isinstance(result, Refused)
    assert "TALKTIME_WEBHOOKS_TO_PRIVATE_ADDRESSES" in result.why
    assert receiver.told == []


def test_nothing_goes_over_the_open_internet_without_tls() -> None:
    result = HERE.send(message("http://8.8.8.8/hook"))

    assert isinstance(result, Refused)
    assert "https://" in result.why


@pytest.mark.parametrize("url", ["ftp://127.0.0.1/hook", "http://127.0.0.1:99999/hook", "nonsense", "http://"])
def test_what_is_no_address_of_the_web_is_refused_and_raises_nothing(url: str) -> None:
    assert isinstance(HERE.send(message(url)), Refused | NotSent)


def test_a_receiver_that_cannot_be_reached_is_down() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]

    result = HERE.send(message(f"http://127.0.0.1:{port}/"))

    assert isinstance(result, NotSent)
    assert result.is_down


def test_a_receiver_that_never_answers_is_left_after_the_timeout(receiver: Receiver) -> None:
    receiver.answers = [0]

    result = StandardWebhookSender(to_private_addresses=True, timeout_seconds=1).send(message(receiver.url))

    assert isinstance(result, NotSent)
    assert result.is_down
