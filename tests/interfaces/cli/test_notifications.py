"""`talktime notifications` as a person uses it: see who is told, change it, try it, look at what was sent."""

import email
import email.policy
import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from talktime.bootstrap import App, open_channels
from talktime.core.values.events import Event, EventKind
from talktime.notices.samples import sample
from talktime.settings import settings_from
from talktime.store.transaction import Transaction
from talktime.usecases.organizations.deliver_events import deliver
from tests.interfaces.cli.conftest import Talktime

NOON = datetime(2026, 3, 2, 17, tzinfo=UTC)


@pytest.fixture(autouse=True)
def mails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where mails become files."""
    monkeypatch.setenv("TALKTIME_DATA_FOLDER", str(tmp_path))
    return tmp_path / "mails"


@pytest.fixture
def told(acme: Talktime) -> Talktime:
    """Give the command line on an organization whose admin, who reads Russian, is told."""
    acme("users", "add", "ada@acme.example")
    acme("users", "roles", "ada@acme.example", "--role", "billing_admin", "--language", "ru")
    return acme


def work(kind: EventKind) -> None:
    """Let something happen, and a worker deliver it."""

    def tell(tx: Transaction, event: Event) -> None:
        tx.notifications.tell([event])

    settings = settings_from(os.environ)
    with App(settings) as app:
        app.run(tell, sample(kind, 1, "USD", NOON))
        deliver(app.run, open_channels(settings), lambda: NOON)


def test_without_an_admin_it_is_said_that_nobody_is_told_and_what_to_do(acme: Talktime) -> None:
    ran = acme("notifications")

    assert ran.code == 0
    assert "nobody" in ran.out
    assert "talktime users roles" in ran.err


def test_roles_and_language_are_set_shown_and_taken_away(told: Talktime) -> None:
    listed = told("users", "--json").document["users"][0]
    kept = told("users", "roles", "ada@acme.example", "--json").document
    none = told("users", "roles", "ADA@acme.example", "--role", "none", "--language", "", "--json").document

    assert (listed["roles"], listed["language"]) == (["billing_admin"], "ru")
    assert kept == {"user": "ada@acme.example", "roles": ["billing_admin"], "language": "ru"}
    assert none == {"user": "ada@acme.example", "roles": [], "language": ""}


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("ada@acme.example", "--role", "king"), "role"),
        (("ada@acme.example", "--language", "de"), "language"),
        (("eve@acme.example", "--role", "user_admin"), "user_not_found"),
    ],
)
def test_roles_that_are_none_are_refused_with_those_that_are(
    told: Talktime, arguments: tuple[str, ...], code: str
) -> None:
    ran = told("users", "roles", *arguments, "--json")

    assert (ran.code, ran.document["error"]) == (2, code)


def test_the_matrix_shows_events_people_languages_and_webhooks(told: Talktime) -> None:
    told("notifications", "add", "--to", "ops@acme.example", "--event", "recharge_failed", "--language", "zh-TW")
    told("notifications", "webhooks", "add", "https://hooks.example/x", "--event", "recharge_failed")

    ran = told("notifications")
    events = told("notifications", "--json").document["events"]

    assert "ada@acme.example (ru)" in ran.out
    assert "ops@acme.example (zh-TW)" in ran.out
    assert "https://hooks.example/x" in ran.out
    assert [each["recipient"] for each in events["recharge_failed"]["told"]] == ["ops@acme.example", "1"]
    assert [each["recipient"] for each in events["balance_low"]["told"]] == ["ada@acme.example"]


def test_a_rule_is_removed_by_its_number(told: Talktime) -> None:
    told("notifications", "add", "--to", "role:report reader")

    removed = told("notifications", "remove", "1")

    assert "Rule 1 removed" in removed.out
    assert told("notifications", "--json").document["rules"] == []


def test_a_test_writes_a_mail_in_the_language_asked_for(told: Talktime, mails: Path) -> None:
    ran = told("notifications", "test", "recharge_succeeded", "--to", "new@acme.example", "--language", "zh-CN")

    (path,) = mails.iterdir()
    message = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
    assert ran.code == 0
    assert str(path) in ran.err
    assert message["Subject"] == "US$200.00 自动充值成功：通信额度，Acme"


def test_a_test_that_fails_says_why_and_fails(told: Talktime) -> None:
    told("notifications", "webhooks", "add", "http://127.0.0.1:1/hook")

    ran = told("notifications", "test", "balance_low", "--to", "webhook:1")

    assert ran.code == 2
    assert "TALKTIME_WEBHOOKS_TO_PRIVATE_ADDRESSES" in ran.err


def test_the_log_shows_what_was_sent_and_it_can_be_sent_again(told: Talktime, mails: Path) -> None:
    work(EventKind.RECHARGE_FAILED)

    (sent,) = told("notifications", "log", "--json").document["deliveries"]
    again = told("notifications", "resend", sent["delivery"])

    assert (sent["recipient"], sent["state"], sent["attempts"]) == ("ada@acme.example", "sent", 1)
    assert "is sent again" in again.out
    assert told("notifications", "log", "--state", "due", "--json").document["deliveries"][0]["event"] == sent["event"]
    assert len(list(mails.iterdir())) == 1


def test_the_log_shows_what_nobody_was_told(acme: Talktime) -> None:
    work(EventKind.RECHARGE_FAILED)

    ran = acme("notifications", "log")

    assert "undeliverable" in ran.out
    assert "talktime users roles" in ran.out


def test_an_empty_log_says_how_to_try(told: Talktime) -> None:
    assert "talktime notifications test" in told("notifications", "log").err


def test_a_webhook_shows_its_secret_when_it_is_added_or_replaced_and_never_else(told: Talktime) -> None:
    added = told("notifications", "webhooks", "add", "https://hooks.example/x", "--json").document
    replaced = told("notifications", "webhooks", "secret", "1", "--json").document
    listed = told("notifications", "webhooks")
    removed = told("notifications", "webhooks", "remove", "1")

    assert added["secret"].startswith("whsec_")
    assert replaced["secret"].startswith("whsec_")
    assert replaced["secret"] != added["secret"]
    assert "whsec_" not in listed.out
    assert "every event" in listed.out
    assert "removed" in removed.out
    assert "webhooks add" in told("notifications", "webhooks").err


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("add", "--to", "somebody"), "recipient"),
        (("add", "--to", "a@b.example", "--event", "lottery"), "event"),
        (("add", "--to", "nobody", "--event", "recharge_failed"), "cannot_be_silenced"),
        (("remove", "9"), "rule_not_found"),
        (("resend", "x"), "delivery_not_found"),
        (("webhooks", "add", "hooks.example"), "url"),
        (("webhooks", "secret", "9"), "webhook_not_found"),
        (("test", "lottery", "--to", "a@b.example"), "event"),
    ],
)
def test_what_cannot_be_is_refused_with_a_code(told: Talktime, arguments: tuple[str, ...], code: str) -> None:
    ran = told("notifications", *arguments, "--json")

    assert (ran.code, ran.document["error"]) == (2, code)
