"""Which way mails go follows from the settings: files unless a server is named."""

from dataclasses import replace
from pathlib import Path

import pytest

from talktime.bootstrap import open_channels
from talktime.core.organizations.deliveries import Sent
from talktime.core.values.errors import Invalid
from talktime.core.values.events import EventKind
from talktime.settings import Settings, settings_from
from tests.gateways.mail.post_office import PostOffice
from tests.notices.writing import example, notice

NOTICE = notice(example(EventKind.RECHARGE_FAILED))


def test_without_a_server_mails_are_files_in_the_data_folder(tmp_path: Path) -> None:
    channels = open_channels(Settings(data_folder=tmp_path))

    result = channels.mailer.send(channels.write_mail(NOTICE))

    assert isinstance(result, Sent)
    assert [path.suffix for path in (tmp_path / "mails").iterdir()] == [".eml"]


def test_a_server_that_is_named_gets_the_mails_and_their_ids_have_the_senders_domain(
    tmp_path: Path, office: PostOffice
) -> None:
    host, port = office.address
    settings = settings_from(
        {
            "TALKTIME_DATA_FOLDER": str(tmp_path),
            "TALKTIME_SMTP_HOST": host,
            "TALKTIME_SMTP_PORT": str(port),
            "TALKTIME_SMTP_SECURITY": "none",
            "TALKTIME_MAIL_FROM": "Calls <calls@northwind.example>",
            "TALKTIME_PORTAL_URL": "https://portal.northwind.example",
        }
    )
    channels = open_channels(settings)

    channels.mailer.send(channels.write_mail(NOTICE))

    (message,) = office.received
    assert message["From"] == "Calls <calls@northwind.example>"
    assert str(message["Message-ID"]).endswith("@northwind.example>")
    assert "https://portal.northwind.example" in str(message.get_body(("plain",)))
    assert list(tmp_path.iterdir()) == []


def test_a_security_that_there_is_not_is_refused_with_those_that_there_are() -> None:
    settings = replace(Settings(), smtp_host="post.example", smtp_security="ssl")

    with pytest.raises(Invalid, match="starttls"):
        open_channels(settings)
