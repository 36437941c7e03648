"""Mails as a real SMTP server receives them, in four languages; what it refuses is told apart from what may come."""

import socket
from dataclasses import replace
from email.utils import parsedate_to_datetime

import pytest

from talktime.core.organizations.deliveries import Mail, NotSent, Refused, Sent
from talktime.core.values.events import EventKind
from talktime.gateways.mail.messages import message_of
from talktime.gateways.mail.smtp import SmtpMailer, SmtpSecurity, SmtpServer
from tests.gateways.mail.post_office import PostOffice
from tests.notices.writing import AT, example, mail

SENDER = "Talktime <talktime@talktime.example>"
SPACE, NARROW_SPACE = "\u00a0", "\u202f"
ADA = "ada@northwind.example"


def mailer(office: PostOffice) -> SmtpMailer:
    host, port = office.address
    return SmtpMailer(SmtpServer(host, port, security=SmtpSecurity.NONE), SENDER)


def written(language: str = "en", kind: EventKind = EventKind.RECHARGE_FAILED) -> Mail:
    return mail(example(kind), language)


@pytest.mark.parametrize(
    ("language", "subject", "amount", "moment"),
    [
        (
            "en",
            "Recharge of $200.00 failed: Communications Credits, Northwind",
            "Amount: $200.00",
            f"March 1, 2026, 10:30{NARROW_SPACE}AM (UTC-5)",
        ),
        ("zh-CN", "US$200.00 自动充值失败：通信额度，Northwind", "金额: US$200.00", "2026年3月1日 10:30 (UTC-5)"),
        ("zh-TW", "US$200.00 自動加值失敗：通訊點數，Northwind", "金額: US$200.00", "2026年3月1日 上午10:30 (UTC-5)"),
        (
            "ru",
            f"Автопополнение на 200,00{SPACE}$ не удалось: кредиты на связь, Northwind",
            f"Сумма: 200,00{SPACE}$",
            f"1 марта 2026{NARROW_SPACE}г., 10:30 (UTC-5)",
        ),
    ],
)
def test_a_mail_arrives_in_the_readers_language(
    office: PostOffice, language: str, subject: str, amount: str, moment: str
) -> None:
    result = mailer(office).send(written(language))

    assert isinstance(result, Sent)
    (message,) = office.received
    text, html = message.get_body(("plain",)), message.get_body(("html",))
    assert text is not None
    assert html is not None
    assert message["Subject"] == subject
    assert message["Content-Language"] == language
    assert text.get_content_charset() == html.get_content_charset() == "utf-8"
    assert amount in text.get_content()
    assert moment in text.get_content()
    assert moment in html.get_content()


def test_a_mail_says_that_a_program_wrote_it_when_it_happened_and_who_it_is(office: PostOffice) -> None:
    sent = written()

    mailer(office).send(sent)

    (message,) = office.received
    assert message["Auto-Submitted"] == "auto-generated"
    assert parsedate_to_datetime(message["Date"]) == AT
    assert message["Message-ID"] == f"<{sent.message_id}>"
    assert message["From"] == SENDER
    assert message["To"] == ADA


def test_a_mail_that_is_sent_twice_is_the_same_mail(office: PostOffice) -> None:
    mailer(office).send(written())
    mailer(office).send(written())

    first, second = office.received
    assert first.as_bytes() == second.as_bytes()


def test_a_mailbox_that_does_not_exist_is_refused_for_good(office: PostOffice) -> None:
    office.refusals[ADA] = "550 5.1.1 no such mailbox"

    assert mailer(office).send(written()) == Refused("550 5.1.1 no such mailbox")
    assert office.received == []


def test_a_mailbox_that_is_busy_is_tried_again(office: PostOffice) -> None:
    office.refusals[ADA] = "451 4.7.1 greylisted, come back later"

    assert mailer(office).send(written()) == NotSent("451 4.7.1 greylisted, come back later")


@pytest.mark.parametrize(
    ("answer", "result"),
    [
        ("554 5.7.1 content refused", Refused("554 5.7.1 content refused")),
        ("452 4.3.1 disk full", NotSent("452 4.3.1 disk full")),
    ],
)
def test_what_the_server_says_after_the_mail_decides_too(
    office: PostOffice, answer: str, result: Refused | NotSent
) -> None:
    office.after_data = answer

    assert mailer(office).send(written()) == result


def test_a_server_that_hangs_up_after_it_took_the_mail_is_asked_again_with_the_same_id(office: PostOffice) -> None:
    office.drops_after_data = True
    lost = mailer(office).send(written())
    office.drops_after_data = False

    again = mailer(office).send(written())

    assert isinstance(lost, NotSent)
    assert isinstance(again, Sent)
    assert len({message["Message-ID"] for message in office.received}) == 1


def test_a_server_that_is_gone_is_down_for_every_mail() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        host, port = listener.getsockname()
    gone = SmtpMailer(SmtpServer(host, port, security=SmtpSecurity.NONE), SENDER)

    result = gone.send(written())

    assert isinstance(result, NotSent)
    assert result.is_down
    assert f"{host}:{port}" in result.why


def test_an_address_in_another_alphabet_gets_its_mail_where_the_server_can(office: PostOffice) -> None:
    abroad = replace(written("ru"), to="отдел@пример.example")

    taken = mailer(office).send(abroad)
    office.takes_every_letter = False
    refused = mailer(office).send(abroad)

    assert isinstance(taken, Sent)
    assert office.received[0]["To"] == "отдел@xn--e1afmkfd.example"
    assert isinstance(refused, Refused)


def test_a_mail_passes_servers_that_know_seven_bits_only(office: PostOffice) -> None:
    for language in ("en", "zh-CN", "zh-TW", "ru"):
        assert message_of(written(language), SENDER).as_bytes().isascii()


def test_a_server_without_tls_gets_nothing_where_tls_was_asked_for(office: PostOffice) -> None:
    host, port = office.address

    result = SmtpMailer(SmtpServer(host, port), SENDER).send(written())

    assert isinstance(result, NotSent | Refused)
    assert office.received == []


def test_a_password_that_the_server_does_not_ask_for_is_our_mistake_and_not_the_recipients(office: PostOffice) -> None:
    host, port = office.address
    server = SmtpServer(host, port, "user", "secret", SmtpSecurity.NONE)

    result = SmtpMailer(server, SENDER).send(written())

    assert isinstance(result, NotSent)
    assert result.is_down
