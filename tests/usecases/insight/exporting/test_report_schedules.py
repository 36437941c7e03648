"""Reports that are sent by a schedule: each period once, to those who are named, in their language."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from pathlib import Path

import pytest

from talktime.bootstrap import App, open_channels
from talktime.core.insight.exporting import schedules
from talktime.core.insight.exporting.exports import ExportFormat, ExportRequest, ExportState
from talktime.core.insight.exporting.schedules import Cadence, ReportSchedule
from talktime.core.insight.reports.filters import UsageFilter
from talktime.core.insight.usage import EARLIEST, LATEST, ORIGINAL
from talktime.core.values.errors import Invalid, NotFound
from talktime.core.values.periods import Period
from talktime.interfaces.worker.chores import PurchasesInPlace, Work
from talktime.interfaces.worker.exporting import begin_reports, file_of, make_exports
from talktime.usecases.insight.exporting.manage_exports import list_exports
from talktime.usecases.insight.exporting.send_reports import (
    EndSchedule,
    add_schedule,
    end_schedule,
    list_schedules,
)
from talktime.usecases.insight.privacy.erase_user import EraseUser, erase_user
from talktime.usecases.organizations.deliver_events import deliver
from tests.real_books import ACME

# The books' calls are of March 2026.
ADDED_AT = datetime(2026, 3, 20, 12, tzinfo=UTC)
APRIL = datetime(2026, 4, 1, 6, tzinfo=UTC)  # 07:00 in London, in summer
MONTHLY = ReportSchedule(
    ACME,
    0,
    Cadence.MONTHLY,
    1,
    7,
    ExportRequest(UsageFilter(Period(EARLIEST, LATEST)), ExportFormat.CSV, ORIGINAL.name),
    ("finance@acme.example",),
    "",
    "ada",
    ADDED_AT,
    None,
)


def worked(app: App, at: datetime) -> None:
    """Do what a worker does about exports, twice, as two workers might."""
    work = Work(app, {}, open_channels(app.settings), lambda: at, lambda: False)
    for _ in range(2):
        begin_reports(work, PurchasesInPlace(work))
        make_exports(work, PurchasesInPlace(work))


def mails(app: App, at: datetime) -> list[EmailMessage]:
    """Deliver what waits, and return the mails to the recipients of reports."""
    deliver(app.run, open_channels(app.settings), lambda: at)
    paths: Sequence[Path] = sorted((app.settings.data_folder / "mails").glob("*.eml"))
    read = [BytesParser(policy=policy.default).parsebytes(path.read_bytes()) for path in paths]
    return [message for message in read if isinstance(message, EmailMessage) and "finance@" in str(message["To"])]


def test_a_month_is_reported_once_and_its_file_goes_along(app: App) -> None:
    added = app.run(add_schedule, MONTHLY)

    worked(app, APRIL - timedelta(seconds=1))
    before = app.read(list_exports, "Acme").exports
    worked(app, APRIL)
    worked(app, APRIL + timedelta(days=3))

    (export,) = app.read(list_exports, "Acme").exports
    (mail,) = mails(app, APRIL + timedelta(days=3))
    (attachment,) = mail.iter_attachments()
    assert (added.next_run_at, before) == (APRIL, ())
    assert export.cause == "schedule:1:2026-03-01"
    assert export.request.shown.period == Period(
        datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 3, 31, 23, tzinfo=UTC)
    )
    assert attachment.get_filename() == export.file_name
    assert attachment.get_payload(decode=True) == file_of(app, export).read_bytes()
    assert "March 1, 2026" in mail["Subject"] or "1 March 2026" in mail["Subject"]
    body = mail.get_body(("plain",))
    assert body is not None
    assert f"talktime exports fetch {export.export_id}" in body.get_content()
    # Nothing of March was open any more.
    assert "may still be missing" not in body.get_content()


@pytest.mark.parametrize(
    ("language", "word"), [("ru", "Использование"), ("zh-CN", "的使用情况"), ("zh-TW", "的使用情況")]
)
def test_a_report_is_told_of_in_the_language_of_its_readers(app: App, language: str, word: str) -> None:
    app.run(add_schedule, replace(MONTHLY, language=language))

    worked(app, APRIL)

    (mail,) = mails(app, APRIL)
    assert word in mail["Subject"]
    assert mail["Content-Language"] == language


def test_months_that_a_worker_was_away_for_are_made_one_after_the_other(app: App) -> None:
    app.run(add_schedule, MONTHLY)
    june = datetime(2026, 6, 15, tzinfo=UTC)

    for _ in range(3):
        worked(app, june)

    exports = app.read(list_exports, "Acme").exports
    assert [export.cause for export in exports] == [f"schedule:1:2026-{month}-01" for month in ("05", "04", "03")]
    assert app.read(list_schedules, "Acme").schedules[0].next_run_at == datetime(2026, 7, 1, 6, tzinfo=UTC)


def test_who_waits_for_a_report_that_cannot_be_made_is_told_why(app: App) -> None:
    app.run(add_schedule, MONTHLY)
    app.settings.data_folder.mkdir(parents=True, exist_ok=True)
    (app.settings.data_folder / "exports").write_text("a file where the folder should be")

    worked(app, APRIL)

    (export,) = app.read(list_exports, "Acme").exports
    (mail,) = mails(app, APRIL)
    assert export.state is ExportState.FAILED
    assert mail["Subject"].startswith("No usage report from")
    body = mail.get_body(("plain",))
    assert body is not None
    # Who reads it need not know where our files are; who runs the server must.
    assert str(app.settings.exports_folder) in export.reason
    assert str(app.settings.data_folder) not in body.get_content()
    assert "the server could not write it (File exists)" in " ".join(body.get_content().split())


def test_a_report_that_was_not_mailed_yet_stays_here_when_somebody_in_it_is_erased(app: App) -> None:
    app.run(add_schedule, MONTHLY)
    worked(app, APRIL)

    erase_user(app.run, app.read, EraseUser("Acme", "ada@acme.example"), APRIL)

    (export,) = app.read(list_exports, "Acme").exports
    (mail,) = mails(app, APRIL)
    assert file_of(app, export).exists()
    assert list(mail.iter_attachments()) == []


def test_addresses_are_kept_without_the_blanks_around_them(app: App) -> None:
    added = app.run(add_schedule, replace(MONTHLY, recipients=(" finance@acme.example ",)))

    assert added.recipients == ("finance@acme.example",)
    assert app.read(list_schedules, "Acme").schedules == (added,)


def test_an_ended_schedule_runs_no_more(app: App) -> None:
    app.run(add_schedule, MONTHLY)

    ended = app.run(end_schedule, EndSchedule("Acme", 1))
    worked(app, APRIL)

    assert ended.next_run_at is None
    assert app.read(list_exports, "Acme").exports == ()
    with pytest.raises(NotFound, match="no schedule 2"):
        app.run(end_schedule, EndSchedule("Acme", 2))


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"run_day": 29}, "run_day"),
        ({"cadence": Cadence.DAILY, "run_day": 2}, "run_day"),
        ({"run_hour": 24}, "run_hour"),
        ({"recipients": ()}, "recipients"),
        ({"recipients": ("role:billing_admin",)}, "recipients"),
        ({"recipients": ("no address",)}, "recipient"),
        ({"language": "tlh"}, "language"),
        ({"request": replace(MONTHLY.request, layout="none")}, "layout"),
    ],
)
def test_a_schedule_that_cannot_be_is_refused(app: App, changes: dict[str, object], code: str) -> None:
    with pytest.raises(Invalid) as refused:
        app.run(add_schedule, replace(MONTHLY, **changes))  # type: ignore[arg-type]

    assert refused.value.code == code
    assert app.read(list_schedules, "Acme").schedules == ()
    assert schedules.schedule_id_of("") is None
