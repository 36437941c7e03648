"""What the outbox holds reaches people and programs, once for each crossing, whatever breaks on the way."""

import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeVar

import pytest

from talktime.bootstrap import App
from talktime.core.organizations.deliveries import LEASE, DeliveryState, Mail, Notice
from talktime.core.values.events import Event, EventKind
from talktime.gateways.mail.smtp import SmtpMailer, SmtpSecurity, SmtpServer
from talktime.settings import Settings
from talktime.store.transaction import Transaction
from talktime.usecases.organizations.deliver_events import (
    PLANNED_MAX,
    Channels,
    FanOut,
    TakeDue,
    deliver,
    fan_out,
    send,
    take_due,
)
from talktime.usecases.organizations.manage_notifications import (
    AddRules,
    AddWebhook,
    Resend,
    add_rules,
    add_webhook,
    remove_webhook,
    resend,
)
from tests.gateways.mail.post_office import PostOffice
from tests.gateways.webhooks.receiver import Receiver
from tests.usecases.organizations.telling import (
    ADA,
    BOB,
    NAME,
    NOON,
    SENDER,
    Telling,
    channels_of,
    folder_mailer,
    smtp_mailer,
    tell,
)

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
RequestT, AnswerT = TypeVar("RequestT"), TypeVar("AnswerT")


def readers(office: PostOffice) -> list[str]:
    return sorted(str(message["To"]) for message in office.received)


def test_every_admin_gets_one_mail_in_his_language(world: Telling, office: PostOffice) -> None:
    world.tell(EventKind.RECHARGE_FAILED)

    world.deliver()

    subjects = {str(message["To"]): str(message["Subject"]) for message in office.received}
    assert subjects == {
        ADA: "Автопополнение на 200,00\u00a0$ не удалось: кредиты на связь, Acme",
        BOB: "Recharge of $200.00 failed: Communications Credits, Acme",
    }


def test_what_was_delivered_is_not_delivered_again(world: Telling, office: PostOffice) -> None:
    world.tell(EventKind.BALANCE_EXHAUSTED)

    for _ in range(3):
        world.deliver()
        world.tick(DAY)

    assert readers(office) == [ADA, BOB]


def test_an_event_that_is_told_twice_is_one_mail(world: Telling, office: PostOffice) -> None:
    event = world.event(EventKind.LOT_EXPIRING)

    world.app.run(tell, [event])
    world.deliver()
    world.app.run(tell, [event])
    world.deliver()

    assert readers(office) == [ADA, BOB]


def test_nothing_is_mailed_of_a_transaction_that_was_rolled_back(world: Telling, office: PostOffice) -> None:
    def fails(tx: Transaction, event: Event) -> None:
        tx.notifications.tell([event])
        raise ArithmeticError

    with pytest.raises(ArithmeticError):
        world.app.run(fails, world.event(EventKind.RECHARGE_FAILED))
    world.deliver()

    assert office.received == []
    assert world.deliveries() == {}


def test_a_failed_recharge_is_told_though_the_mail_server_was_down_for_a_day(
    world: Telling, office: PostOffice
) -> None:
    working = world.channels
    with socket.create_server(("127.0.0.1", 0)) as listener:
        host, port = listener.getsockname()
    world.channels = channels_of(SmtpMailer(SmtpServer(host, port, security=SmtpSecurity.NONE), SENDER))
    world.tell(EventKind.RECHARGE_FAILED)
    for _ in range(24):
        world.deliver()
        world.tick(HOUR)

    waiting = world.deliveries()
    world.channels = working
    world.tick(6 * HOUR)
    world.deliver()

    assert {each.state for each in waiting.values()} == {DeliveryState.DUE}
    assert all(f"{host}:{port}" in each.answer for each in waiting.values())
    assert readers(office) == [ADA, BOB]
    assert {each.state for each in world.deliveries().values()} == {DeliveryState.SENT}


def test_a_mail_that_nobody_takes_for_three_days_is_given_up_and_stays_in_the_log(
    world: Telling, office: PostOffice
) -> None:
    office.refusals = {ADA: "451 not now", BOB: "451 not now"}
    world.tell(EventKind.CREDIT_PURCHASED)

    for _ in range(80):
        world.deliver()
        world.tick(HOUR)

    assert {each.state for each in world.deliveries().values()} == {DeliveryState.FAILED}
    assert all("451 not now" in each.answer for each in world.deliveries().values())


def test_that_somebody_cannot_be_told_of_a_failed_recharge_is_told_to_the_others(
    world: Telling, office: PostOffice
) -> None:
    office.refusals[ADA] = "550 no such mailbox"
    world.tell(EventKind.RECHARGE_FAILED)

    world.deliver()

    subjects = [str(message["Subject"]) for message in office.received]
    assert readers(office) == [BOB, BOB]
    assert "ada@acme.example could not be told: Communications Credits, Acme" in subjects
    ada = world.deliveries(EventKind.RECHARGE_FAILED)[ADA]
    assert (ada.state, ada.answer) == (DeliveryState.FAILED, "550 no such mailbox")


def test_that_the_only_admin_cannot_be_told_is_in_the_log(empty_app: App, office: PostOffice) -> None:
    world = Telling(empty_app, smtp_mailer(office), has_admins=False)
    world.app.run(add_rules, AddRules(NAME, (EventKind.RECHARGE_FAILED,), "left@acme.example"))
    office.refusals["left@acme.example"] = "550 no such mailbox"
    world.tell(EventKind.RECHARGE_FAILED)

    world.deliver()

    assert world.deliveries()["left@acme.example"].state is DeliveryState.FAILED
    assert world.deliveries(EventKind.NOTICE_UNDELIVERED)[""].state is DeliveryState.UNDELIVERABLE


def test_an_organization_without_an_admin_is_told_in_the_log_what_to_do_and_then_by_mail(
    empty_app: App, office: PostOffice
) -> None:
    world = Telling(empty_app, smtp_mailer(office), has_admins=False)
    world.tell(EventKind.RECHARGE_FAILED)
    world.deliver()

    nobody = world.deliveries()[""]
    world.app.run(add_rules, AddRules(NAME, (None,), "ops@acme.example", "zh-CN"))
    world.app.run(resend, Resend(NAME, nobody.delivery_id, world.at))
    world.deliver()

    assert nobody.state is DeliveryState.UNDELIVERABLE
    assert "talktime users roles" in nobody.answer
    assert readers(office) == ["ops@acme.example"]
    assert "" not in world.deliveries()


def test_several_workers_at_once_send_every_mail_once(
    world: Telling, office: PostOffice, migrated_database_url: str
) -> None:
    world.tell(*[EventKind.BALANCE_LOW] * 12)

    def work(_: int) -> int:
        with App(Settings(database=migrated_database_url)) as app:
            return len(deliver(app.run, world.channels, lambda: world.at).attempts)

    with ThreadPoolExecutor(4) as pool:
        attempts = sum(pool.map(work, range(4)))

    ids = [message["Message-ID"] for message in office.received]
    assert attempts == len(ids) == len(set(ids)) == 24


@pytest.mark.postgresql
@pytest.mark.parametrize("database_engine", ["postgresql"])
def test_what_one_worker_plans_or_takes_another_neither_waits_for_nor_gets(
    world: Telling, migrated_database_url: str
) -> None:
    world.tell(*[EventKind.BALANCE_LOW] * 4)
    world.app.run(fan_out, FanOut(world.at))
    world.app.run(tell, [world.event(EventKind.POOL_LOW)])

    with App(Settings(database=migrated_database_url)) as other:

        def both(tx: Transaction, _: None) -> tuple[set[str], set[str], int, int]:
            mine = {taken.notice.delivery.delivery_id for taken in take_due(tx, TakeDue(world.at, 3))}
            planned = fan_out(tx, FanOut(world.at))
            theirs = {taken.notice.delivery.delivery_id for taken in other.run(take_due, TakeDue(world.at))}
            return mine, theirs, planned, other.run(fan_out, FanOut(world.at))

        mine, theirs, planned, planned_by_other = world.app.run(both, None)

    assert (len(mine), len(theirs), mine & theirs) == (3, 5, set())
    assert (planned, planned_by_other) == (1, 0)


def test_more_events_than_one_transaction_plans_are_all_delivered(world: Telling, office: PostOffice) -> None:
    world.app.run(tell, [world.event(EventKind.POOL_LOW, number) for number in range(PLANNED_MAX + 1)])
    world.app.run(add_rules, AddRules(NAME, (None,), "ops@acme.example"))

    delivered = world.deliver()

    assert delivered.events_count == PLANNED_MAX + 1
    assert len(office.received) == PLANNED_MAX + 1


class Crash(BaseException):
    """The process dies."""


class DyingApp:
    """Runs use cases until it dies, before or after the commit of its last one."""

    def __init__(self, app: App, lives: int, *, commits: bool) -> None:
        self._app, self._lives, self._commits = app, lives, commits

    def run(self, use_case: Callable[[Transaction, RequestT], AnswerT], request: RequestT, /) -> AnswerT:
        self._lives -= 1
        if self._lives < 0 and not self._commits:
            raise Crash
        answer = self._app.run(use_case, request)
        if self._lives < 0:
            raise Crash
        return answer


@pytest.mark.parametrize("commits", [False, True])
def test_a_crash_anywhere_leaves_one_file_for_each_reader(empty_app: App, tmp_path: Path, *, commits: bool) -> None:
    world = Telling(empty_app, folder_mailer(tmp_path / "mails"))
    crashes = 0

    for lives in range(20):
        world.tell(*[EventKind.RECHARGE_FAILED] * (lives + 1))
        before = len(list((tmp_path / "mails").glob("*")))
        try:
            deliver(DyingApp(world.app, lives, commits=commits).run, world.channels, lambda: world.at)
        except Crash:
            crashes += 1
        world.tick(LEASE + MINUTE)
        world.deliver()

        assert len(list((tmp_path / "mails").iterdir())) == before + 2
        assert {each.state for each in world.deliveries().values()} == {DeliveryState.SENT}

    assert crashes >= 5


def test_a_mail_that_was_sent_but_not_recorded_is_sent_again_as_the_same_mail(
    world: Telling, office: PostOffice
) -> None:
    world.tell(EventKind.RECHARGE_SUCCEEDED)
    world.app.run(fan_out, FanOut(world.at))
    for taken in world.app.run(take_due, TakeDue(world.at)):
        send(world.channels, taken, world.at)

    at_once = world.deliver()
    world.tick(LEASE)
    world.deliver()

    assert at_once.attempts == ()
    assert readers(office) == [ADA, ADA, BOB, BOB]
    assert len({message["Message-ID"] for message in office.received}) == 2


def test_one_letter_that_cannot_be_written_does_not_keep_the_others(world: Telling, office: PostOffice) -> None:
    def write(notice: Notice) -> Mail:
        if notice.event.kind is EventKind.POOL_LOW:
            raise ZeroDivisionError
        return world.channels.write_mail(notice)

    clumsy = Channels(world.channels.mailer, world.channels.sender, write, world.channels.write_body)
    world.tell(EventKind.POOL_LOW, EventKind.RECHARGE_FAILED)

    with pytest.raises(ExceptionGroup) as raised:
        deliver(world.app.run, clumsy, lambda: world.at)

    assert {type(each) for each in raised.value.exceptions} == {ZeroDivisionError}
    assert readers(office) == [ADA, BOB]
    assert "a mistake of ours" in world.deliveries(EventKind.POOL_LOW)[ADA].answer


def test_a_server_that_is_down_is_asked_once_in_a_turn(world: Telling, receiver: Receiver, office: PostOffice) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/"
    world.app.run(add_webhook, AddWebhook(NAME, url, (None,), SECRET, NOON))
    world.tell(EventKind.POOL_LOW, EventKind.POOL_LOW)

    world.deliver()

    assert len(office.received) == 4
    assert "no answer" in world.deliveries()["1"].answer


def test_a_webhook_is_tried_again_under_one_id_until_it_is_taken_and_sent_again_under_the_same(
    world: Telling, receiver: Receiver
) -> None:
    # The library of the receiver judges by the real clock.
    world.at = datetime.now(UTC)
    world.app.run(add_webhook, AddWebhook(NAME, receiver.url, (EventKind.RECHARGE_FAILED,), SECRET, world.at))
    receiver.answers = [500, 503, 204]
    world.tell(EventKind.RECHARGE_FAILED, EventKind.BALANCE_LOW)
    for wait in (MINUTE, 5 * MINUTE, timedelta()):
        world.deliver()
        world.tick(wait)

    told = world.deliveries()["1"]
    world.tick(-6 * MINUTE)
    world.app.run(resend, Resend(NAME, told.delivery_id, world.at))
    world.deliver()

    assert (told.state, told.answer, told.attempts_count) == (DeliveryState.SENT, "204 No Content", 3)
    assert [each.headers["webhook-id"] for each in receiver.told] == [f"msg_{told.delivery_id}"] * 4
    assert len({each.body for each in receiver.told}) == 1
    assert receiver.told[3].verified(SECRET) is not None


def test_what_is_on_its_way_to_a_webhook_that_was_removed_fails(world: Telling, receiver: Receiver) -> None:
    world.app.run(add_webhook, AddWebhook(NAME, receiver.url, (None,), SECRET, NOON))
    world.tell(EventKind.CREDIT_PURCHASED)
    world.app.run(fan_out, FanOut(world.at))
    world.app.run(remove_webhook, (NAME, 1))

    world.deliver()

    removed = world.deliveries()["1"]
    assert (removed.state, removed.answer) == (DeliveryState.FAILED, "the webhook was removed")
    assert receiver.told == []


def test_what_concerns_no_organization_of_ours_is_told_to_the_operator(world: Telling, office: PostOffice) -> None:
    stray = Event(999, "unexplained:1", EventKind.PAYMENT_UNEXPLAINED, NOON, 0, (("reason", "whose?"),))
    world.app.run(tell, [stray, world.event(EventKind.PAYMENT_UNEXPLAINED)])

    world.deliver()

    assert readers(office) == ["ops@talktime.example"] * 2
