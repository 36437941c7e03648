"""An export: what was asked for, who is making the file, how far it is, and how long the file is kept.

A worker takes an export for the length of a lease and renews it as it goes on. One that was killed leaves a lease that
ends and nothing else that counts: the next worker begins anew, under a higher attempt, and only the newest attempt may
put its file in place.
"""

from dataclasses import replace
from datetime import datetime, timedelta
from enum import Enum

from talktime.core.insight.reports.filters import UsageFilter
from talktime.core.values.frozen import frozen

ATTEMPTS_MAX = 5
KEPT_FOR = timedelta(days=30)
GIVEN_UP = "given up after {attempts} attempts: a worker was stopped or killed each time before it was ready"


class ExportFormat(Enum):
    """What the file is for: programs, spreadsheets, people, data lakes, or whoever reads the original's archive."""

    CSV = "csv"
    EXCEL = "excel"
    SUMMARY = "summary"
    PARQUET = "parquet"
    ZIP = "zip"


ENDINGS = {
    ExportFormat.CSV: "csv",
    ExportFormat.EXCEL: "xlsx",
    ExportFormat.SUMMARY: "xlsx",
    ExportFormat.PARQUET: "parquet",
    ExportFormat.ZIP: "zip",
}


class ExportState(Enum):
    """How an export stands."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    EXPIRED = "expired"


@frozen
class ExportRequest:
    """Which rows, in which format and columns; `money_decimals` None is exact."""

    shown: UsageFilter
    format: ExportFormat
    layout: str
    money_decimals: int | None = None


@frozen
class MadeFile:
    """A file that is complete: its SHA-256, the name of the rows that it holds, and up to when these are complete."""

    rows_count: int
    bytes_count: int
    sha256: str
    snapshot: str
    complete_until: datetime


@frozen
class Export:
    """One export of an organization; `cause` is empty, or names the schedule and the period that it is for."""

    organization_id: int
    export_id: int
    request: ExportRequest
    requested_by: str
    requested_at: datetime
    cause: str = ""
    state: ExportState = ExportState.QUEUED
    attempts_count: int = 0
    lease_until: datetime | None = None
    rows_total: int = 0
    rows_done: int = 0
    finished_at: datetime | None = None
    expires_at: datetime | None = None
    made: MadeFile | None = None
    # Why it failed, for people.
    reason: str = ""

    @property
    def file_name(self) -> str:
        """Return the file's name; its id makes it one in the house."""
        number = f"{self.organization_id}-{self.export_id}"
        if self.request.format is ExportFormat.ZIP:
            return f"Export.callingplans.{number}.zip"
        kind = "usage-summary" if self.request.format is ExportFormat.SUMMARY else "usage"
        return f"{kind}-{number}.{ENDINGS[self.request.format]}"

    def is_due(self, at: datetime) -> bool:
        """Tell whether a worker may take it: it waits, or who took it is thought dead."""
        if self.state is ExportState.QUEUED:
            return True
        return self.state is ExportState.RUNNING and self.lease_until is not None and self.lease_until <= at

    def is_over(self, at: datetime) -> bool:
        """Tell whether its file is kept no longer, removed or about to be."""
        if self.state is ExportState.DONE:
            return self.expires_at is not None and self.expires_at <= at
        return self.state is ExportState.EXPIRED

    def is_in_hands_of(self, attempt: int) -> bool:
        """Tell whether an attempt is still the newest one."""
        return self.state is ExportState.RUNNING and self.attempts_count == attempt


def taken(export: Export, at: datetime, lease: timedelta) -> Export:
    """Return the export in the hands of a worker, or given up."""
    assert export.is_due(at), "who is at it is not disturbed"
    if export.attempts_count >= ATTEMPTS_MAX:
        return failed(export, GIVEN_UP.format(attempts=export.attempts_count), at)
    return replace(
        export,
        state=ExportState.RUNNING,
        attempts_count=export.attempts_count + 1,
        lease_until=at + lease,
        rows_done=0,
    )


def progressed(export: Export, rows_done: int, rows_total: int, lease_until: datetime) -> Export:
    """Return the export so far, its lease renewed."""
    return replace(export, rows_done=rows_done, rows_total=rows_total, lease_until=lease_until)


def laid_down(export: Export) -> Export:
    """Return the export as it was before a worker took it who is told to stop: that counts as no attempt."""
    return replace(
        export, state=ExportState.QUEUED, attempts_count=export.attempts_count - 1, lease_until=None, rows_done=0
    )


def done(export: Export, made: MadeFile, at: datetime, kept_for: timedelta = KEPT_FOR) -> Export:
    """Return the export with its file."""
    return replace(
        export,
        state=ExportState.DONE,
        lease_until=None,
        rows_total=made.rows_count,
        rows_done=made.rows_count,
        finished_at=at,
        expires_at=at + kept_for,
        made=made,
    )


def failed(export: Export, reason: str, at: datetime) -> Export:
    """Return the export that nobody tries again."""
    return replace(export, state=ExportState.FAILED, lease_until=None, finished_at=at, reason=reason)


def expired(export: Export) -> Export:
    """Return the export whose file is gone; what it was stays."""
    return replace(export, state=ExportState.EXPIRED)
