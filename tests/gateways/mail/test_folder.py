"""Mails as files: one for each mail, whole, however often it is sent."""

import email
import email.policy
from dataclasses import replace
from pathlib import Path

from talktime.core.organizations.deliveries import NotSent, Refused, Sent
from talktime.core.values.events import EventKind
from talktime.gateways.mail.folder import FolderMailer
from tests.notices.writing import example, mail

SENDER = "Talktime <talktime@talktime.example>"
MAIL = mail(example(EventKind.RECHARGE_FAILED), "ru")


def test_sending_twice_leaves_one_file_named_by_the_mails_id(tmp_path: Path) -> None:
    mailer = FolderMailer(tmp_path / "mails", SENDER)

    first, second = mailer.send(MAIL), mailer.send(MAIL)

    assert isinstance(first, Sent)
    assert first == second
    assert [path.name for path in (tmp_path / "mails").iterdir()] == [f"{MAIL.message_id}.eml"]


def test_any_mail_program_can_read_the_file(tmp_path: Path) -> None:
    FolderMailer(tmp_path, SENDER).send(MAIL)

    (path,) = tmp_path.iterdir()
    message = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
    assert message["Subject"] == MAIL.subject
    assert message["Message-ID"] == f"<{MAIL.message_id}>"


def test_a_folder_that_cannot_be_written_to_is_down(tmp_path: Path) -> None:
    (tmp_path / "mails").write_text("a file where the folder should be")

    result = FolderMailer(tmp_path / "mails", SENDER).send(MAIL)

    assert isinstance(result, NotSent)
    assert result.is_down


def test_a_recipient_that_no_header_can_carry_is_refused(tmp_path: Path) -> None:
    result = FolderMailer(tmp_path, SENDER).send(replace(MAIL, to="ada@acme.example\r\nBcc: eve@acme.example"))

    assert isinstance(result, Refused)
    assert list(tmp_path.iterdir()) == []
