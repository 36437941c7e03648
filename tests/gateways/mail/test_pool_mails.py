"""Mails about included minutes as a real SMTP server receives them: the plan's name, whose minutes, when renewed."""

from dataclasses import replace

import pytest

from talktime.core.organizations.deliveries import Sent
from talktime.core.values.events import Event, EventKind
from talktime.gateways.mail.smtp import SmtpMailer, SmtpSecurity, SmtpServer
from tests.gateways.mail.post_office import PostOffice
from tests.notices.writing import example, mail

SENDER = "Talktime <talktime@talktime.example>"


def received(office: PostOffice, event: Event, language: str) -> tuple[str, str]:
    """Send, and return the subject and the text that arrived."""
    host, port = office.address
    mailer = SmtpMailer(SmtpServer(host, port, security=SmtpSecurity.NONE), SENDER)
    assert isinstance(mailer.send(mail(event, language)), Sent)
    (message,) = office.received
    body = message.get_body(("plain",))
    assert body is not None
    # A subject that is too long for the line of its name begins on the next one.
    return str(message["Subject"]).strip(), body.get_content()


def told(kind: EventKind = EventKind.POOL_LOW, **changed: str) -> Event:
    event = example(kind)
    return replace(event, details=tuple((dict(event.details) | changed).items()))


@pytest.mark.parametrize(
    ("language", "subject", "parts"),
    [
        (
            "en",
            "80% of the included minutes are used: Communications Credits, Northwind",
            ("Plan: Domestic Calling Plan", "Minutes for: calls within the country", "Renewed: March 10, 2026"),
        ),
        (
            "zh-CN",
            "套餐内的分钟数已使用 80%：通信额度，Northwind",
            ("套餐: Domestic Calling Plan", "分钟数用于: 国内通话", "重置日期: 2026年3月10日"),
        ),
        (
            "zh-TW",
            "方案內的分鐘數已使用 80%：通訊點數，Northwind",
            ("方案: Domestic Calling Plan", "分鐘數用於: 國內通話", "重置日期: 2026年3月10日"),
        ),
        (
            "ru",
            "Использовано 80% включённых минут: кредиты на связь, Northwind",
            ("План: Domestic Calling Plan", "Минуты для: звонков внутри страны", "Обновление: 10 марта 2026"),
        ),
    ],
)
def test_a_pool_that_runs_low_arrives_in_the_readers_language(
    office: PostOffice, language: str, subject: str, parts: tuple[str, ...]
) -> None:
    shown, text = received(office, told(), language)

    assert shown == subject
    for part in parts:
        assert part in text


@pytest.mark.parametrize(
    ("changed", "plan", "minutes_for"),
    [
        ({"plan": "MCOPSTN1MX"}, "Domestic Calling Plan", "calls within the country"),
        (
            {"plan": "MCOPSTN2", "counter": "international"},
            "Domestic and International Calling Plan",
            "calls to other countries",
        ),
        ({"plan": "MCOPSTN8", "counter": "5"}, "Domestic Calling Plan 120 not pooled", "calls of user 5 alone"),
        ({"plan": "A plan of tomorrow"}, "A plan of tomorrow", "calls within the country"),
    ],
)
def test_a_plan_is_named_as_it_is_sold_and_says_for_which_calls_its_minutes_are(
    office: PostOffice, changed: dict[str, str], plan: str, minutes_for: str
) -> None:
    _, text = received(office, told(EventKind.POOL_EXHAUSTED, **changed), "en")

    assert {f"Plan: {plan}", f"Minutes for: {minutes_for}"} <= {line.strip() for line in text.splitlines()}


def test_the_conference_pool_has_neither_country_nor_counter(office: PostOffice) -> None:
    _, text = received(office, told(plan="MCOMEETADD", country="", counter=""), "en")

    assert "Plan: Audio Conferencing" in text
    assert "Country:" not in text
    assert "Minutes for:" not in text
