"""The chores of exports: make the files that were asked for, and remove them when their time is over.

A file is written in a hidden folder of its attempt and takes its place in the transaction that records it, so that
nobody ever sees half of one, and no attempt that was thought dead can put its file over the newer one's.
"""

import hashlib
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

import structlog

from talktime.bootstrap import App
from talktime.core.insight.exporting.contents import UsageContents
from talktime.core.insight.exporting.exports import Export, ExportState, MadeFile
from talktime.core.insight.reports.groups import GroupBy, UsageSum
from talktime.core.insight.usage import ReportedUsage
from talktime.core.values.errors import Unavailable
from talktime.interfaces.worker.chores import Done, Purchases, Work
from talktime.store.insight.exports import ExportKey
from talktime.usecases.insight.exporting.manage_exports import (
    FailExport,
    FinishExport,
    Progress,
    TakeExport,
    due_exports,
    expire_export,
    exports_over,
    fail_export,
    finish_export,
    lay_down_export,
    note_progress,
    take_export,
)
from talktime.usecases.insight.exporting.read_contents import ReadContents, read_contents
from talktime.usecases.insight.exporting.send_reports import RunSchedule, due_schedules, run_schedule

log = structlog.get_logger()

# So often people are told how far it is, and it is looked whether to stop.
_NOTED_EVERY = timedelta(seconds=1)
_LOOKED_EVERY_ROWS = 1_000
# To add ten million rows up once takes a database a minute, and nothing is told meanwhile.
_LEASE_MIN = timedelta(minutes=5)
# Names and what they cost stand in the files.
_FOLDER_MODE, _FILE_MODE = 0o700, 0o600


@dataclass(frozen=True, slots=True)
class Workshop:
    """What making a file needs."""

    app: App
    clock: Callable[[], datetime]
    is_stopping: Callable[[], bool] = lambda: False

    @property
    def lease(self) -> timedelta:
        """Return how long a worker may say nothing before it is thought dead: before the first row, it adds all up."""
        return max(timedelta(seconds=self.app.settings.worker_lease_seconds), _LEASE_MIN)


class _StoppedError(Exception):
    """The worker is told to stop."""


class _OvertakenError(Exception):
    """Who makes it was thought dead, and another attempt has begun."""


def make_exports(work: Work, _: Purchases) -> list[Done]:
    """Make the files that wait, one after the other."""
    shop = Workshop(work.app, work.clock, work.is_stopping)
    done = []
    for key in work.app.read(due_exports, work.clock()):
        if work.is_stopping():
            break
        export = make_export(shop, key)
        if export is not None:
            done.append(_told(export))
    return done


def begin_reports(work: Work, _: Purchases) -> list[Done]:
    """Put the reports in the queue that schedules are due for; what was missed comes period by period."""
    done = []
    for key in work.app.read(due_schedules, work.clock()):
        if work.is_stopping():
            break
        export = work.app.run(run_schedule, RunSchedule(key, work.clock()))
        if export is not None:
            facts = {"organization": key.organization_id, "schedule": key.schedule_id, "export": export.export_id}
            done.append(Done("report_begun", facts))
    return done


def forget_exports(work: Work, _: Purchases) -> list[Done]:
    """Remove the files that are kept no longer."""
    over = work.app.read(exports_over, work.clock())
    for export in over:
        file_of(work.app, export).unlink(missing_ok=True)
        work.app.run(expire_export, export)
    return [Done("exports_expired", {"exports": len(over)})] if over else []


def make_export(shop: Workshop, key: ExportKey) -> Export | None:
    """Make one file; None where somebody else does, or where this worker is told to stop."""
    taken = shop.app.run(take_export, TakeExport(key, shop.clock(), shop.lease))
    if taken is None or taken.state is not ExportState.RUNNING:
        return taken
    path = file_of(shop.app, taken)
    _clear(path)
    unfinished = path.with_name(f".{path.name}.{taken.attempts_count}") / path.name
    try:
        _make_folders(unfinished)
        made = shop.app.read(read_contents, ReadContents(taken, shop.clock(), _Writing(shop, taken, unfinished).write))
        finish = FinishExport(key, taken.attempts_count, made, shop.clock(), lambda: unfinished.replace(path))
        return shop.app.run(finish_export, finish)
    except _StoppedError:
        shop.app.run(lay_down_export, taken)
        return None
    except _OvertakenError:
        return None
    except OSError as failure:
        # The disk is full, or the folder is not ours: trying again at once would not help.
        why = failure.strerror or type(failure).__name__
        return _failed(shop, taken, f"{path.parent} cannot be written: {why}", f"the server could not write it ({why})")
    except Unavailable:
        # The database is away: when the lease has ended, somebody tries again.
        raise
    except Exception as mistake:
        # A mistake of ours, which four more attempts would only make again.
        log.exception("export_mistake", organization=taken.organization_id, export=taken.export_id)
        return _failed(shop, taken, f"{type(mistake).__name__}: {mistake}", "a mistake of the server, which logged it")
    finally:
        shutil.rmtree(unfinished.parent, ignore_errors=True)


def file_of(app: App, export: Export) -> Path:
    """Return where the finished file of an export is."""
    return app.settings.exports_folder / export.file_name


def _failed(shop: Workshop, taken: Export, reason: str, told: str) -> Export | None:
    key = ExportKey(taken.organization_id, taken.export_id)
    return shop.app.run(fail_export, FailExport(key, taken.attempts_count, reason, told, shop.clock()))


class _Writing:
    """Writes one file, and tells how far it is."""

    def __init__(self, shop: Workshop, taken: Export, path: Path) -> None:
        self._shop = shop
        self._taken = taken
        self._path = path
        self._total = 0
        self._count = 0
        self._note_at = shop.clock() + _NOTED_EVERY

    def write(self, contents: UsageContents) -> MadeFile:
        # Here, because it brings the writers of all formats along, and most turns of a worker write nothing.
        from talktime.exports.usage.files import write_usage  # noqa: PLC0415

        self._total = contents.rows_count
        count = write_usage(self._path, self._taken.request.format, self._watched(contents))
        self._count = count
        self._note()
        self._path.chmod(_FILE_MODE)
        with self._path.open("rb+") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
            size = file.seek(0, os.SEEK_END)
            os.fsync(file.fileno())
        return MadeFile(count, size, digest, contents.snapshot, contents.watermark.complete_until)

    def _watched(self, contents: UsageContents) -> UsageContents:
        """Return the contents that tell how far they are read: a summary has sums only, each as long as a lease."""

        def sums(by: GroupBy) -> list[UsageSum]:
            self._look()
            return contents.sums(by)

        def people() -> Mapping[int, str]:
            self._look()
            return contents.people()

        return replace(contents, rows=lambda: self._counted(contents.rows()), sums=sums, people=people)

    def _counted(self, rows: Iterator[ReportedUsage]) -> Iterator[ReportedUsage]:
        for count, row in enumerate(rows):
            if count % _LOOKED_EVERY_ROWS == 0:
                self._count = count
                self._look()
            yield row

    def _look(self) -> None:
        if self._shop.is_stopping():
            raise _StoppedError
        if self._shop.clock() >= self._note_at:
            self._note()

    def _note(self) -> None:
        at = self._shop.clock()
        self._note_at = at + _NOTED_EVERY
        key = ExportKey(self._taken.organization_id, self._taken.export_id)
        progress = Progress(key, self._taken.attempts_count, self._count, self._total, at + self._shop.lease)
        if not self._shop.app.run(note_progress, progress):
            raise _OvertakenError


def _make_folders(unfinished: Path) -> None:
    """Make an attempt's folder, and those that exports are kept in: nobody else looks into them."""
    folder = unfinished.parent.parent
    for each in (folder.parent, folder):
        each.mkdir(parents=True, exist_ok=True, mode=_FOLDER_MODE)
    unfinished.parent.mkdir(mode=_FOLDER_MODE)


def _clear(path: Path) -> None:
    """Remove what earlier attempts left half done."""
    for left in path.parent.glob(f".{path.name}.*"):
        shutil.rmtree(left, ignore_errors=True)


def _told(export: Export) -> Done:
    facts: dict[str, object] = {
        "organization": export.organization_id,
        "export": export.export_id,
        "rows": export.rows_done,
        "file": export.file_name,
    }
    if export.reason:
        facts["reason"] = export.reason
    return Done(f"export_{export.state.value}", facts)
