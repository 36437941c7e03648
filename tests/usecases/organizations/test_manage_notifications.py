"""Who is told of what is set rule by rule, shown as it is, tried out, and never silenced where calls stop."""

from datetime import timedelta

import pytest

from talktime.core.organizations.deliveries import Refused, Sent
from talktime.core.values.errors import Conflict, Invalid, NotFound
from talktime.core.values.events import EventKind
from talktime.usecases.organizations.manage_notifications import (
    PREVIOUS_SECRET_FOR,
    AddRules,
    AddWebhook,
    NotificationsShown,
    ReplaceSecret,
    Resend,
    add_rules,
    add_webhook,
    remove_rule,
    remove_webhook,
    replace_secret,
    resend,
    show_notifications,
    try_out,
)
from talktime.usecases.organizations.manage_organizations import LookAt
from tests.gateways.mail.post_office import PostOffice
from tests.gateways.webhooks.receiver import Receiver
from tests.usecases.organizations.telling import ADA, BOB, NAME, NOON, Telling

SECRET, OTHER_SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"
HOOK = "https://hooks.example/talktime"


def shown(world: Telling) -> NotificationsShown:
    return world.app.read(show_notifications, LookAt(NAME, NOON))


def told(world: Telling, kind: EventKind) -> list[str]:
    return [each.recipient for each in shown(world).chosen[kind].addressees]


def test_without_rules_the_admins_are_told_of_everything(world: Telling) -> None:
    assert {tuple(told(world, kind)) for kind in shown(world).chosen} == {(ADA, BOB)}


def test_a_rule_holds_for_its_events_until_it_is_removed(world: Telling) -> None:
    kinds = (EventKind.CARD_EXPIRING, EventKind.INVOICE_OVERDUE)

    added = world.app.run(add_rules, AddRules(NAME, kinds, "finance@acme.example", "ZH-tw"))
    card = told(world, EventKind.CARD_EXPIRING)
    world.app.run(remove_rule, (NAME, added.rules[0].rule_id))

    assert [rule.language for rule in added.rules] == ["zh-TW", "zh-TW"]
    assert card == ["finance@acme.example"]
    assert told(world, EventKind.CARD_EXPIRING) == [ADA, BOB]
    assert told(world, EventKind.INVOICE_OVERDUE) == ["finance@acme.example"]


def test_the_same_rule_twice_is_a_conflict(world: Telling) -> None:
    world.app.run(add_rules, AddRules(NAME, (None,), "ops@acme.example"))

    with pytest.raises(Conflict, match="rule 1"):
        world.app.run(add_rules, AddRules(NAME, (None,), "ops@acme.example", "ru"))


def test_what_stops_calls_cannot_be_silenced_and_silence_about_everything_spares_it(world: Telling) -> None:
    with pytest.raises(Invalid, match="recharge_failed"):
        world.app.run(add_rules, AddRules(NAME, (EventKind.RECHARGE_FAILED,), "nobody"))

    world.app.run(add_rules, AddRules(NAME, (None,), "nobody"))

    assert told(world, EventKind.RECHARGE_SET) == []
    assert told(world, EventKind.RECHARGE_FAILED) == [ADA, BOB]


@pytest.mark.parametrize(
    "url", ["", "hooks.example", "ftp://hooks.example", "https://user:pw@hooks.example", "https://h/#x", "https://h:0/"]
)
def test_what_no_program_can_be_told_at_is_refused(world: Telling, url: str) -> None:
    with pytest.raises(Invalid, match="https://host/path"):
        world.app.run(add_webhook, AddWebhook(NAME, url, (None,), SECRET, NOON))


def test_a_webhook_is_told_beside_the_mails_and_its_number_is_not_given_again(world: Telling) -> None:
    world.app.run(add_webhook, AddWebhook(NAME, HOOK, (EventKind.RECHARGE_FAILED,), SECRET, NOON))
    failed, low = told(world, EventKind.RECHARGE_FAILED), told(world, EventKind.BALANCE_LOW)
    world.tell(EventKind.RECHARGE_FAILED)
    world.deliver()
    world.app.run(remove_webhook, (NAME, 1))

    again = world.app.run(add_webhook, AddWebhook(NAME, HOOK, (None,), SECRET, NOON))

    assert (failed, low) == ([ADA, BOB, "1"], [ADA, BOB])
    assert again.endpoint.endpoint_id == 2
    assert [rule.recipient for rule in shown(world).rules] == ["webhook:2"]


def test_a_secret_that_was_replaced_signs_for_a_day_more(world: Telling) -> None:
    world.app.run(add_webhook, AddWebhook(NAME, HOOK, (None,), SECRET, NOON))

    world.app.run(replace_secret, ReplaceSecret(NAME, 1, OTHER_SECRET, NOON))

    (endpoint,) = shown(world).endpoints
    until = NOON + PREVIOUS_SECRET_FOR
    assert endpoint.secrets(until - timedelta(microseconds=1)) == (OTHER_SECRET, SECRET)
    assert endpoint.secrets(until) == (OTHER_SECRET,)


def test_a_test_goes_to_one_address_at_once_and_says_what_the_server_said(world: Telling, office: PostOffice) -> None:
    event = world.event(EventKind.RECHARGE_FAILED)
    office.refusals["left@acme.example"] = "550 no such mailbox"

    _, taken = try_out(world.channels, shown(world), event, "new@acme.example", "zh-CN")
    _, refused = try_out(world.channels, shown(world), event, "left@acme.example", "")

    assert isinstance(taken, Sent)
    assert refused == Refused("550 no such mailbox")
    assert [str(message["Subject"]) for message in office.received] == ["US$200.00 自动充值失败：通信额度，Acme"]
    assert world.deliveries() == {}


def test_a_test_goes_to_a_webhook_too(world: Telling, receiver: Receiver) -> None:
    world.app.run(add_webhook, AddWebhook(NAME, receiver.url, (None,), SECRET, NOON))

    _, taken = try_out(world.channels, shown(world), world.event(EventKind.BALANCE_LOW), "webhook:1", "")

    assert isinstance(taken, Sent)
    assert len(receiver.told) == 1
    with pytest.raises(NotFound, match="no webhook 7"):
        try_out(world.channels, shown(world), world.event(EventKind.BALANCE_LOW), "webhook:7", "")
    with pytest.raises(Invalid, match="one address"):
        try_out(world.channels, shown(world), world.event(EventKind.BALANCE_LOW), "role:billing_admin", "")


def test_what_is_not_there_is_named(world: Telling) -> None:
    with pytest.raises(NotFound, match="no rule 3"):
        world.app.run(remove_rule, (NAME, 3))
    with pytest.raises(NotFound, match="no webhook 3"):
        world.app.run(remove_webhook, (NAME, 3))
    with pytest.raises(NotFound, match="no delivery 'x'"):
        world.app.run(resend, Resend(NAME, "x", NOON))
