"""Mails of minutes that calls really used: at four fifths of a pool and at its end, once each, in every language."""

from email.message import EmailMessage

import pytest

from talktime.bootstrap import App
from talktime.core.organizations.users import Role
from talktime.usecases.organizations.deliver_events import deliver
from talktime.usecases.organizations.manage_users import SetRoles, set_roles
from tests.gateways.mail.post_office import PostOffice
from tests.pooled_books import PooledBooks
from tests.usecases.organizations.telling import channels_of, smtp_mailer

READERS = {"ada@contoso.example": "en", "bob@contoso.example": "ru", "carol@contoso.example": "zh-TW"}


@pytest.fixture
def books(empty_app: App) -> PooledBooks:
    charged = PooledBooks.charged(empty_app)
    for name, language in READERS.items():
        empty_app.run(set_roles, SetRoles("Contoso", name, Role.BILLING_ADMIN, language))
    return charged


def mails(office: PostOffice, reader: str) -> list[EmailMessage]:
    return [message for message in office.received if message["To"] == reader]


def text_of(message: EmailMessage) -> str:
    body = message.get_body(("plain",))
    assert body is not None
    text: str = body.get_content()
    return text


def test_each_pool_is_told_at_four_fifths_and_at_its_end_once(
    empty_app: App, books: PooledBooks, office: PostOffice
) -> None:
    for _ in range(2):
        deliver(empty_app.run, channels_of(smtp_mailer(office)), lambda: books.at)

    received = mails(office, "ada@contoso.example")
    pools = sorted(
        (str(message["Subject"]).partition(":")[0], "not pooled" in text_of(message))
        for message in received
        if "included minutes" in str(message["Subject"])
    )
    assert pools == [
        ("80% of the included minutes are used", False),
        ("80% of the included minutes are used", True),
        ("The included minutes are used up", False),
        ("The included minutes are used up", True),
    ]


@pytest.mark.parametrize(
    ("reader", "subject", "day", "parts"),
    [
        (
            "ada@contoso.example",
            "The included minutes are used up: Communications Credits, Contoso",
            "1 April 2026",
            ("Plan: Domestic Calling Plan 120", "Country: United Kingdom", "Minutes for: calls within the country"),
        ),
        (
            "bob@contoso.example",
            "Включённые минуты закончились: кредиты на связь, Contoso",
            "1 апреля 2026",
            ("План: Domestic Calling Plan 120", "Страна: Великобритания", "Минуты для: звонков внутри страны"),
        ),
        (
            "carol@contoso.example",
            "方案內的分鐘數已用盡：通訊點數，Contoso",
            "2026年4月1日",
            ("方案: Domestic Calling Plan 120", "國家/地區: 英國", "分鐘數用於: 國內通話"),
        ),
    ],
)
def test_the_mail_names_the_plan_as_it_is_sold_and_when_it_is_renewed(
    empty_app: App, books: PooledBooks, office: PostOffice, reader: str, subject: str, day: str, parts: tuple[str, ...]
) -> None:
    deliver(empty_app.run, channels_of(smtp_mailer(office)), lambda: books.at)

    (text,) = (
        text_of(message)
        for message in mails(office, reader)
        if message["Subject"] == subject and "not pooled" not in text_of(message)
    )
    assert set(parts) <= {line.strip() for line in text.splitlines()}
    assert day in text
