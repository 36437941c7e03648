"""Mails of credit that really moved: recharged (S47), not recharged (S48), used up and overdrawn (S49, D1)."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from talktime.bootstrap import App
from talktime.core.organizations.users import Role
from talktime.usecases.organizations.deliver_events import deliver
from talktime.usecases.organizations.manage_users import SetRoles, set_roles
from tests.gateways.mail.post_office import PostOffice
from tests.recharge_world import GOOD_CARD, NAME, RechargeWorld
from tests.usecases.organizations.telling import channels_of, smtp_mailer

EXPIRED_CARD = "4000000000000069"


@pytest.fixture
def acme(empty_app: App, tmp_path: Path) -> Iterator[RechargeWorld]:
    world = RechargeWorld(empty_app, tmp_path)
    empty_app.run(set_roles, SetRoles(NAME, "ada@acme.example", Role.BILLING_ADMIN))
    yield world
    world.close()


def mailed(world: RechargeWorld, office: PostOffice) -> list[str]:
    """Let the worker charge and tell; return the new subjects."""
    before = len(office.received)
    world.work()
    deliver(world.app.run, channels_of(smtp_mailer(office)), lambda: world.at)
    return [str(message["Subject"]).partition(":")[0] for message in office.received[before:]]


def text_of(office: PostOffice) -> str:
    body = office.received[-1].get_body(("plain",))
    assert body is not None
    text: str = body.get_content()
    return text


def test_a_recharge_that_succeeded_is_mailed_once_with_what_was_paid(acme: RechargeWorld, office: PostOffice) -> None:
    acme.recharge_on(trigger=50, amount=200, number=GOOD_CARD)
    mailed(acme, office)

    acme.spend(60)
    first, again = mailed(acme, office), mailed(acme, office)

    assert first == ["Recharge of $200.00 succeeded"]
    assert again == []
    assert "Balance: $240.00" in text_of(office)
    assert "4242" in text_of(office)


def test_a_recharge_with_an_expired_card_is_mailed_once_with_why_and_what_to_do(
    acme: RechargeWorld, office: PostOffice
) -> None:
    acme.recharge_on(trigger=50, amount=200, number=EXPIRED_CARD)
    mailed(acme, office)

    acme.spend(60)
    first, again = mailed(acme, office), mailed(acme, office)

    assert first == ["Recharge of $200.00 failed"]
    assert again == []
    assert "The card has expired." in text_of(office)
    assert "Automatic recharge is paused" in text_of(office)
    assert "talktime payment-methods add" in text_of(office)


def test_a_balance_that_is_used_up_is_mailed_once(acme: RechargeWorld, office: PostOffice) -> None:
    acme.spend(100)
    first = mailed(acme, office)
    acme.start()
    acme.tick(hours=30)

    assert first == ["The credit is used up"]
    assert mailed(acme, office) == []
    assert "Balance: $0.00" in text_of(office)


def test_a_balance_that_fell_below_zero_is_another_mail(acme: RechargeWorld, office: PostOffice) -> None:
    acme.spend(103)

    assert sorted(mailed(acme, office)) == ["The balance is $3.00 below zero", "The credit is used up"]
