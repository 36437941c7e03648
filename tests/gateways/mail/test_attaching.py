"""Which files go along with the mail that tells of them, and that they arrive as they are."""

from dataclasses import replace
from email import policy
from email.parser import BytesParser
from pathlib import Path

import pytest

from talktime.core.organizations.deliveries import Mail
from talktime.core.values.events import EventKind
from talktime.gateways.mail.attaching import with_report
from talktime.gateways.mail.messages import message_of
from talktime.notices.writing import Writer
from tests.notices.writing import example, notice

CONTENT = "Name,Charge\r\nБорис,0.0135\r\n".encode()


def attached(folder: Path, kind: EventKind, *, name: str = "usage-1-3.csv", bytes_max: int = 5_000_000) -> Mail:
    event = example(kind)
    details = tuple((key, name if key == "file" else value) for key, value in event.details)
    write = with_report(Writer("talktime.example").mail, folder, bytes_max=bytes_max)
    return write(notice(replace(event, details=details)))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "usage-1-3.csv").write_bytes(CONTENT)
    return tmp_path


def test_a_report_goes_along_and_arrives_byte_for_byte(folder: Path) -> None:
    mail = attached(folder, EventKind.REPORT_READY)

    sent = message_of(mail, "Talktime <talktime@talktime.example>").as_bytes()

    read = BytesParser(policy=policy.default).parsebytes(sent)
    (part,) = read.iter_attachments()  # type: ignore[attr-defined]
    assert part.get_filename() == "usage-1-3.csv"
    assert part.get_content_type() == "text/csv"
    assert part.get_payload(decode=True) == CONTENT
    assert sent.isascii()
    # A repetition is the same mail.
    assert sent == message_of(mail, "Talktime <talktime@talktime.example>").as_bytes()


@pytest.mark.parametrize("name", ["usage-1-4.csv", "", "..", "../usage-1-3.txt"])
def test_what_is_not_there_does_not_go_along_and_the_mail_says_how_to_fetch_it(folder: Path, name: str) -> None:
    mail = attached(folder, EventKind.REPORT_READY, name=name)

    assert mail.attachments == ()
    assert "talktime exports fetch 3" in mail.text


def test_a_file_that_is_too_large_for_a_mail_is_named(folder: Path) -> None:
    small, large = (attached(folder, EventKind.REPORT_READY, bytes_max=len(CONTENT) - too_much) for too_much in (0, 1))

    assert len(small.attachments) == 1
    assert large.attachments == ()
    assert "usage-1-3.csv" in large.text


def test_other_mails_carry_nothing(folder: Path) -> None:
    assert attached(folder, EventKind.REPORT_FAILED).attachments == ()
