"""Exports in the background: every format, a worker that is killed, one that is overtaken, files that are over."""

import csv
import io
import json
import os
import signal
import stat
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from hashlib import sha256
from itertools import count
from pathlib import Path
from zipfile import ZipFile

import openpyxl
import pyarrow.compute as pc  # type: ignore[import-untyped]
import pyarrow.parquet as pq  # type: ignore[import-untyped]
import pytest
from sqlalchemy import Engine, event
from structlog.testing import capture_logs

from talktime.bootstrap import App
from talktime.core.calls.calls import PaysFrom
from talktime.core.insight.exporting.exports import (
    ATTEMPTS_MAX,
    Export,
    ExportFormat,
    ExportRequest,
    ExportState,
)
from talktime.core.insight.reports.filters import UsageFilter
from talktime.core.insight.usage import EARLIEST, LATEST, ORIGINAL
from talktime.core.values.errors import Conflict, Invalid
from talktime.core.values.periods import Period
from talktime.interfaces.worker.chores import PurchasesInPlace, Work
from talktime.interfaces.worker.exporting import Workshop, file_of, forget_exports, make_export
from talktime.store.insight.exports import ExportKey
from talktime.usecases.insight.exporting.manage_exports import (
    ShowExport,
    StartExport,
    TakeExport,
    due_exports,
    finished,
    show_export,
    start_export,
    take_export,
)
from talktime.usecases.insight.privacy.erase_user import EraseUser, erase_user
from tests.real_books import ACME

ALL_TIMES = UsageFilter(Period(EARLIEST, LATEST))
AT = datetime(2026, 5, 1, 12, tzinfo=UTC)
NAME = "ada@acme.example"
LEASE = timedelta(minutes=1)
EXPORTED = ExportRequest(ALL_TIMES, ExportFormat.CSV, ORIGINAL.name)


def asked(app: App, request: ExportRequest = EXPORTED, cause: str = "") -> ExportKey:
    export = app.run(start_export, StartExport(ACME, request, "ada", AT, cause))
    return ExportKey(ACME, export.export_id)


def made(app: App, request: ExportRequest = EXPORTED) -> tuple[Export, Path]:
    export = make_export(Workshop(app, lambda: AT), asked(app, request))
    assert export is not None
    assert export.state is ExportState.DONE
    return export, file_of(app, export)


def shown(app: App, key: ExportKey) -> Export:
    return app.read(show_export, ShowExport("Acme", key.export_id)).exports[0]


def charges(path: Path) -> list[Decimal]:
    with path.open(newline="", encoding="utf-8") as stream:
        return [Decimal(row["Charge"]) for row in csv.DictReader(stream)]


def test_an_export_is_queued_made_and_kept_with_its_hash(app: App) -> None:
    key = asked(app)

    waiting = app.read(due_exports, AT)
    export = make_export(Workshop(app, lambda: AT), key)

    assert waiting == [key]
    assert export == shown(app, key)
    assert export is not None
    file = finished(export, AT)
    content = file_of(app, export).read_bytes()
    assert (file.bytes_count, file.sha256) == (len(content), sha256(content).hexdigest())
    assert export.expires_at == AT + timedelta(days=30)
    assert (export.rows_done, export.rows_total) == (file.rows_count, file.rows_count)
    assert [path.name for path in app.settings.exports_folder.iterdir()] == [export.file_name]
    assert app.read(due_exports, AT) == []


def test_the_same_rows_make_the_same_bytes_in_every_format(app: App) -> None:
    for export_format in ExportFormat:
        request = replace(EXPORTED, format=export_format)

        once, again = (made(app, request)[0].made for _ in range(2))

        assert once is not None
        assert again is not None
        assert (once.sha256, once.snapshot) == (again.sha256, again.snapshot), export_format


def test_all_formats_tell_the_same_rows_and_charges(app: App) -> None:
    paths = {each: made(app, replace(EXPORTED, format=each))[1] for each in ExportFormat}

    expected = charges(paths[ExportFormat.CSV])
    sheet = openpyxl.load_workbook(paths[ExportFormat.EXCEL])["Usage"]
    header, *rows = sheet.iter_rows(values_only=True)
    table = pq.read_table(paths[ExportFormat.PARQUET])
    with ZipFile(paths[ExportFormat.ZIP]) as archive:
        name = next(name for name in archive.namelist() if name.endswith(".csv"))
        zipped = list(csv.DictReader(io.StringIO(archive.read(name).decode(), newline="")))
    place = header.index("Charge")
    assert len(expected) > 20
    assert [Decimal(repr(row[place])) for row in rows] == expected
    assert table["Charge"].to_pylist() == expected
    assert [Decimal(row["Charge"]) for row in zipped] == expected
    assert [column.name for column in ORIGINAL.columns] == list(zipped[0]) == list(header[:25])


def test_a_pivot_of_the_table_is_the_sheet_of_totals(app: App) -> None:
    path = made(app, replace(EXPORTED, format=ExportFormat.EXCEL))[1]
    workbook = openpyxl.load_workbook(path)
    header, *rows = workbook["Usage"].iter_rows(values_only=True)

    pivot: dict[tuple[object, object], tuple[int, Decimal]] = {}
    for row in (dict(zip(header, cells, strict=True)) for cells in rows):
        seconds, charge = pivot.get((row["Currency"], row["Call Type"]), (0, Decimal(0)))
        pivot[row["Currency"], row["Call Type"]] = (
            seconds + int(str(row["Duration Seconds"])),
            charge + Decimal(repr(row["Charge"])),
        )

    _note, _blank, names, *totals = workbook["Totals"].iter_rows(values_only=True)
    told = [dict(zip(names, cells, strict=True)) for cells in totals]
    assert {
        (row["Currency"], row["Call Type"]): (row["Seconds"], Decimal(repr(row["Charge"]))) for row in told
    } == pivot


def test_a_pivot_of_the_parquet_file_is_the_same(app: App) -> None:
    table = pq.read_table(made(app, replace(EXPORTED, format=ExportFormat.PARQUET))[1])

    grouped = table.group_by("Capability").aggregate([("Charge", "sum")])

    assert pc.sum(grouped["Charge_sum"]).as_py() == sum(table["Charge"].to_pylist())
    assert set(grouped["Capability"].to_pylist()) >= {"MCOPSTNPP", "FREECALL"}


def test_the_zip_is_the_original_s_and_says_what_was_asked_for(app: App) -> None:
    only = replace(ALL_TIMES, paid_by=frozenset({PaysFrom.CREDIT}), cost_min_micros=0)

    export, path = made(app, ExportRequest(only, ExportFormat.ZIP, ORIGINAL.name, money_decimals=2))

    with ZipFile(path) as archive:
        names = archive.namelist()
        told = json.loads(archive.read("parameters.json"))
        text = archive.read(names[0]).decode()
    assert export.made is not None
    assert path.name == f"Export.callingplans.{ACME}-{export.export_id}.zip"
    # Complete until the call that has not ended yet began: on the day after forty days.
    assert names == [f"PSTN.calls.{export.made.complete_until:%Y-%m-%d}.csv", "parameters.json"]
    assert told["schemaVersion"] == 1
    assert told["filter"] == {"paidBy": ["credit"], "costMinMicros": 0}
    assert (told["startDateTime"], told["endDateTime"]) == (None, None)
    assert told["capabilities"] == ["FREECALL", "MCOPSTNPP"]
    assert told["rows"] == text.count("\r\n") - 1 == export.made.rows_count
    assert told["snapshot"] == export.made.snapshot
    amounts = [row["Charge"] for row in csv.DictReader(io.StringIO(text, newline=""))]
    assert all(len(amount.partition(".")[2]) == 2 for amount in amounts)


def test_the_workbook_has_utc_and_local_times(app: App) -> None:
    path = made(app, replace(EXPORTED, format=ExportFormat.EXCEL))[1]

    header, *rows = openpyxl.load_workbook(path)["Usage"].iter_rows(values_only=True)

    first, last = (dict(zip(header, row, strict=True)) for row in (rows[0], rows[-1]))
    # London: no difference in March; the last call began forty days later, in summer.
    assert first["Start Time Local"] == first["Start Time"]
    assert last["Start Time"].month == 4 or last["Start Time Local"] == last["Start Time"]


def test_the_summary_has_a_sheet_and_a_chart_for_each_question(app: App) -> None:
    path = made(app, replace(EXPORTED, format=ExportFormat.SUMMARY))[1]

    workbook = openpyxl.load_workbook(path)

    assert workbook.sheetnames == ["Overview", "By day", "By kind", "By destination", "By user", "What paid"]
    assert len(workbook["Overview"]._charts) == 5
    expected = sum(charges(made(app)[1]))
    for title in workbook.sheetnames[1:]:
        header, *rows = workbook[title].iter_rows(min_row=3, values_only=True)
        assert header[1:] == ("Currency", "Calls", "Usage Rows", "Minutes", "Charge", "Uncovered")
        assert sum(Decimal(repr(row[5])) for row in rows) == expected, title


def test_columns_that_a_format_does_not_have_are_refused(app: App) -> None:
    with pytest.raises(Invalid, match="original's columns"):
        asked(app, ExportRequest(ALL_TIMES, ExportFormat.ZIP, "talktime"))
    with pytest.raises(Invalid, match="0 to 6 decimals"):
        asked(app, replace(EXPORTED, money_decimals=7))


def test_a_cause_has_one_export_however_often_it_asks(app: App) -> None:
    assert asked(app, cause="schedule:1:2026-04-01") == asked(app, cause="schedule:1:2026-04-01")
    assert asked(app, cause="schedule:1:2026-05-01").export_id == 2


KILLED = """
import os, signal, sys
from datetime import datetime, timedelta
from pathlib import Path
from talktime.bootstrap import App
from talktime.interfaces.worker.exporting import Workshop, make_export
from talktime.settings import Settings
from talktime.store.insight.exports import ExportKey

def killed():
    os.kill(os.getpid(), signal.SIGKILL)

app = App(Settings(database=sys.argv[1], data_folder=Path(sys.argv[2])))
at = datetime.fromisoformat(sys.argv[3])
make_export(Workshop(app, lambda: at, killed), ExportKey(1, int(sys.argv[4])))
"""


def test_a_worker_that_is_killed_leaves_no_half_file_and_the_next_one_begins_anew(app: App) -> None:
    key = asked(app)
    settings = app.settings

    killed = subprocess.run(
        [sys.executable, "-c", KILLED, settings.database_url, settings.data_folder, AT.isoformat(), str(key.export_id)],
        check=False,
    )

    left = shown(app, key)
    assert killed.returncode == -signal.SIGKILL
    assert left.state is ExportState.RUNNING
    assert not file_of(app, left).exists()
    with pytest.raises(Conflict, match="not ready yet"):
        finished(left, AT)
    # While its lease lasts nobody takes it from him, and then it is begun anew.
    assert make_export(Workshop(app, lambda: AT), key) is None
    later = AT + Workshop(app, lambda: AT).lease
    assert app.read(due_exports, later) == [key]
    export = make_export(Workshop(app, lambda: later), key)
    assert export is not None
    assert (export.state, export.attempts_count) == (ExportState.DONE, 2)
    assert len(charges(file_of(app, export))) == export.rows_done
    assert [path.name for path in settings.exports_folder.iterdir()] == [export.file_name]


def test_an_attempt_that_was_thought_dead_does_not_put_its_file_over_the_newer_one_s(app: App) -> None:
    key = asked(app)
    overtakes: list[Export | None] = []

    def overtaken() -> bool:
        # Between two rows of the first attempt its lease ends, and a second worker is faster.
        if not overtakes:
            overtakes.append(None)
            overtakes[0] = make_export(Workshop(app, lambda: AT + timedelta(hours=1)), key)
        return False

    first = make_export(Workshop(app, lambda: AT, overtaken), key)

    assert first is None
    export = shown(app, key)
    assert overtakes == [export]
    assert export.made is not None
    assert sha256(file_of(app, export).read_bytes()).hexdigest() == export.made.sha256


def test_a_worker_that_is_told_to_stop_lays_the_export_down(app: App) -> None:
    key = asked(app)

    assert make_export(Workshop(app, lambda: AT, lambda: True), key) is None

    left = shown(app, key)
    assert (left.state, left.attempts_count) == (ExportState.QUEUED, 0)
    assert list(app.settings.exports_folder.iterdir()) == []
    assert make_export(Workshop(app, lambda: AT), key) is not None


def test_an_export_that_kills_every_worker_is_given_up(app: App) -> None:
    key = asked(app)
    times = [AT + number * LEASE for number in range(ATTEMPTS_MAX + 1)]

    taken = [app.run(take_export, TakeExport(key, at, LEASE)) for at in times]

    assert [export.state for export in taken if export is not None][-2:] == [ExportState.RUNNING, ExportState.FAILED]
    with pytest.raises(Conflict, match="given up after 5 attempts"):
        finished(shown(app, key), AT)
    assert app.read(due_exports, times[-1] + LEASE) == []


def test_a_folder_that_cannot_be_written_fails_the_export_with_its_name(app: App) -> None:
    key = asked(app)
    app.settings.data_folder.mkdir(parents=True, exist_ok=True)
    (app.settings.data_folder / "exports").write_text("a file where the folder should be")

    export = make_export(Workshop(app, lambda: AT), key)

    assert export is not None
    assert export.state is ExportState.FAILED
    assert str(app.settings.exports_folder) in export.reason


# They put the file into its place when they have all; the others open it first.
@pytest.mark.parametrize("export_format", [ExportFormat.EXCEL, ExportFormat.SUMMARY])
def test_a_file_that_cannot_be_written_fails_the_export_at_once(app: App, export_format: ExportFormat) -> None:
    key = asked(app, replace(EXPORTED, format=export_format))
    name = shown(app, key).file_name

    def in_the_way() -> bool:
        (app.settings.exports_folder / f".{name}.1" / name).mkdir(exist_ok=True)
        return False

    export = make_export(Workshop(app, lambda: AT, in_the_way), key)

    assert export is not None
    assert export.state is ExportState.FAILED
    assert "Is a directory" in export.reason


def test_a_mistake_of_ours_fails_the_export_at_once_with_its_reason_and_is_logged(app: App) -> None:
    key = asked(app)

    def mistaken() -> bool:
        message = "an impossible row"
        raise ValueError(message)

    with capture_logs() as logs:
        export = make_export(Workshop(app, lambda: AT, mistaken), key)

    assert export == shown(app, key)
    assert export is not None
    assert (export.state, export.attempts_count) == (ExportState.FAILED, 1)
    assert export.reason == "ValueError: an impossible row"
    assert [(each["event"], each["export"]) for each in logs] == [("export_mistake", key.export_id)]
    assert list(app.settings.exports_folder.iterdir()) == []


def test_a_summary_stays_in_the_hands_of_its_worker_however_many_sums_it_takes(app: App) -> None:
    key = asked(app, replace(EXPORTED, format=ExportFormat.SUMMARY))
    at = AT
    others: list[Export | None] = []

    def slow_sum(_: object, __: object, statement: str, *___: object) -> None:
        nonlocal at
        if "sum(" in statement.lower() and "usage_rows" in statement:
            # As long as with ten million rows, and a second worker looks meanwhile.
            at += timedelta(minutes=4)
            others.append(app.run(take_export, TakeExport(key, at, LEASE)))

    event.listen(Engine, "before_cursor_execute", slow_sum)
    try:
        export = make_export(Workshop(app, lambda: at), key)
    finally:
        event.remove(Engine, "before_cursor_execute", slow_sum)

    assert len(others) > 5
    assert others == [None] * len(others)
    assert export is not None
    assert (export.state, export.attempts_count) == (ExportState.DONE, 1)


@pytest.mark.parametrize("export_format", ExportFormat)
def test_nobody_else_on_the_machine_reads_a_file(app: App, export_format: ExportFormat) -> None:
    previous = os.umask(0o022)
    try:
        path = made(app, replace(EXPORTED, format=export_format))[1]
    finally:
        os.umask(previous)

    modes = [stat.S_IMODE(each.stat().st_mode) for each in (path, path.parent, path.parent.parent)]
    assert modes == [0o600, 0o700, 0o700]


def test_progress_is_told_while_it_is_made(app: App) -> None:
    key = asked(app)
    clock = iter(AT + timedelta(seconds=2 * number) for number in range(100))
    seen: list[tuple[int, int]] = []

    def look() -> bool:
        seen.append((shown(app, key).rows_total, shown(app, key).rows_done))
        return False

    export = make_export(Workshop(app, lambda: next(clock), look), key)

    assert seen == [(0, 0)]
    assert export is not None
    assert export.lease_until is None
    assert export.rows_total == export.rows_done > 0


def test_a_file_is_removed_when_its_time_is_over_and_what_it_was_stays(app: App) -> None:
    export, path = made(app)
    assert export.expires_at is not None
    expires_at = export.expires_at

    def forgotten(at: datetime) -> list[object]:
        work = Work(app, {}, None, lambda: at, lambda: False)  # type: ignore[arg-type] -- this chore tells nobody
        return list(forget_exports(work, PurchasesInPlace(work)))

    assert forgotten(expires_at - timedelta(seconds=1)) == []
    assert finished(export, expires_at - timedelta(seconds=1)) == export.made
    assert path.exists()
    # Until the worker comes to remove it, it is handed out no more.
    with pytest.raises(Conflict, match="kept no longer"):
        finished(export, expires_at)
    assert len(forgotten(expires_at)) == 1
    over = shown(app, ExportKey(ACME, export.export_id))
    assert not path.exists()
    assert over == replace(export, state=ExportState.EXPIRED)
    with pytest.raises(Conflict, match="kept no longer"):
        finished(over, expires_at)
    assert list(app.settings.exports_folder.iterdir()) == []


def test_of_a_person_who_is_erased_no_file_is_kept_and_none_is_made_with_his_name(app: App) -> None:
    named, path = made(app)
    key = asked(app)
    erased: list[bool] = []

    def erase_meanwhile() -> bool:
        if not erased:
            erased.append(True)
            erase_user(app.run, app.read, EraseUser("Acme", NAME), AT)
        return False

    assert NAME in path.read_text("utf-8")
    finished(named, AT)
    overtaken = make_export(Workshop(app, _clock(AT), erase_meanwhile), key)
    with pytest.raises(Conflict, match="kept no longer"):
        finished(shown(app, ExportKey(ACME, named.export_id)), AT)
    work = Work(app, {}, None, lambda: AT, lambda: False)  # type: ignore[arg-type] -- this chore tells nobody
    forget_exports(work, PurchasesInPlace(work))
    anew = make_export(Workshop(app, lambda: AT), key)

    assert overtaken is None
    assert not path.exists()
    assert anew is not None
    assert anew.state is ExportState.DONE
    assert NAME not in file_of(app, anew).read_text("utf-8")


def _clock(at: datetime) -> Callable[[], datetime]:
    """Return a clock on which two seconds pass between one look and the next."""
    ticks = count()
    return lambda: at + timedelta(seconds=2 * next(ticks))
