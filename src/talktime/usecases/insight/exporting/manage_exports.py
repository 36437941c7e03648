"""Ask for an export, see how it stands, take it, and record what became of it."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import NamedTuple

from talktime.core.insight.exporting import exports
from talktime.core.insight.exporting.exports import Export, ExportFormat, ExportRequest, ExportState, MadeFile
from talktime.core.insight.usage import LAYOUTS, ORIGINAL
from talktime.core.organizations.organizations import Organization
from talktime.core.values.errors import Conflict, Invalid, NotFound
from talktime.core.values.frozen import frozen
from talktime.core.values.money import MICRO_DECIMALS
from talktime.store.insight.exports import ExportKey
from talktime.store.transaction import Transaction
from talktime.usecases.insight.exporting.tell_recipients import tell_recipients
from talktime.usecases.organizations.manage_organizations import find_organization

LISTED_MAX = 100
# So many are taken in one turn of a worker, one after the other.
DUE_MAX = 20


@frozen
class StartExport:
    """Whose usage by which filter becomes which file; `cause` names the period of a schedule, once for each."""

    organization_id: int
    request: ExportRequest
    requested_by: str
    at: datetime
    cause: str = ""


class ShowExport(NamedTuple):
    """One export of an organization; 0 is its newest."""

    organization: str
    export_id: int = 0


class Exports(NamedTuple):
    """An organization's exports, the newest first."""

    organization: Organization
    exports: tuple[Export, ...]


class TakeExport(NamedTuple):
    """Take an export for the length of a lease."""

    key: ExportKey
    at: datetime
    lease: timedelta


class Progress(NamedTuple):
    """How far an attempt is."""

    key: ExportKey
    attempt: int
    rows_done: int
    rows_total: int
    lease_until: datetime


@frozen
class FinishExport:
    """The file of an attempt is complete; `publish` puts it in its place, while nobody else can."""

    key: ExportKey
    attempt: int
    made: MadeFile
    at: datetime
    publish: Callable[[], object]


class FailExport(NamedTuple):
    """An attempt cannot be brought to an end, and another one neither.

    `reason` is for whoever runs the server, `told` for whom a schedule sends to: nothing of the server is in it.
    """

    key: ExportKey
    attempt: int
    reason: str
    told: str
    at: datetime


def start_export(tx: Transaction, request: StartExport) -> Export:
    """Put an export in the queue, or return the one that the same cause asked for; raise Invalid."""
    checked(request.request)
    tx.exports.lock()
    if request.cause:
        there = tx.exports.of_cause(request.organization_id, request.cause)
        if there is not None:
            return there
    number = tx.exports.next_id(request.organization_id)
    export = Export(request.organization_id, number, request.request, request.requested_by, request.at, request.cause)
    tx.exports.add(export)
    return export


def checked(request: ExportRequest) -> ExportRequest:
    """Return the request; raise Invalid for columns that a format does not have."""
    if request.layout not in LAYOUTS:
        message = f"there are no columns {request.layout!r}: choose {', '.join(LAYOUTS)}"
        raise Invalid(message, code="layout")
    if request.format is ExportFormat.ZIP and request.layout != ORIGINAL.name:
        message = f"the zip has the original's columns: leave the layout away, or say {ORIGINAL.name}"
        raise Invalid(message, code="layout")
    if request.money_decimals is not None and not 0 <= request.money_decimals <= MICRO_DECIMALS:
        message = f"money has 0 to {MICRO_DECIMALS} decimals, not {request.money_decimals}"
        raise Invalid(message, code="money_decimals")
    return request


def list_exports(tx: Transaction, organization: str) -> Exports:
    """Return an organization's newest exports."""
    owner = find_organization(tx, organization)
    return Exports(owner, tuple(tx.exports.newest(owner.organization_id, LISTED_MAX)))


def show_export(tx: Transaction, request: ShowExport) -> Exports:
    """Return one export; raise NotFound."""
    owner = find_organization(tx, request.organization)
    if request.export_id == 0:
        found = tx.exports.newest(owner.organization_id, 1)
        if not found:
            message = f"{owner.name} has no exports yet: `talktime exports start` begins one"
            raise NotFound(message, code="export_not_found")
        return Exports(owner, tuple(found))
    export = tx.exports.get(ExportKey(owner.organization_id, request.export_id))
    if export is None:
        message = f"{owner.name} has no export {request.export_id}: `talktime exports list` shows those there are"
        raise NotFound(message, code="export_not_found")
    return Exports(owner, (export,))


def finished(export: Export, at: datetime) -> MadeFile:
    """Return the file of an export that is there to be fetched at `at`; raise Conflict, saying how it stands."""
    state = ExportState.EXPIRED if export.is_over(at) else export.state
    match state:
        case ExportState.DONE:
            assert export.made is not None
            return export.made
        case ExportState.QUEUED | ExportState.RUNNING:
            why = "is not ready yet: a worker makes it (`talktime worker`), and `talktime exports show` tells how far"
        case ExportState.FAILED:
            why = f"failed: {export.reason}; start another one"
        case ExportState.EXPIRED:
            why = "is kept no longer: start another one"
    raise Conflict(f"export {export.export_id} {why}", code=f"export_{state.value}")


def due_exports(tx: Transaction, at: datetime) -> list[ExportKey]:
    """Return exports that wait for a worker."""
    return tx.exports.due(at, DUE_MAX)


def take_export(tx: Transaction, request: TakeExport) -> Export | None:
    """Take an export, or give it up; None where somebody else was faster."""
    tx.exports.lock()
    export = tx.exports.get(request.key)
    if export is None or not export.is_due(request.at):
        return None
    taken = exports.taken(export, request.at, request.lease)
    tx.exports.save(taken)
    if taken.state is ExportState.FAILED:
        tell_recipients(tx, taken, reason=taken.reason)
    return taken


def note_progress(tx: Transaction, request: Progress) -> bool:
    """Record how far an attempt is and renew its lease; False where it is not the newest any more."""
    tx.exports.lock()
    export = tx.exports.get(request.key)
    if export is None or not export.is_in_hands_of(request.attempt):
        return False
    tx.exports.save(exports.progressed(export, request.rows_done, request.rows_total, request.lease_until))
    return True


def finish_export(tx: Transaction, request: FinishExport) -> Export | None:
    """Put the file in its place and record it; None, and no file, where another attempt has begun since."""
    tx.exports.lock()
    export = tx.exports.get(request.key)
    if export is None or not export.is_in_hands_of(request.attempt):
        return None
    done = exports.done(export, request.made, request.at)
    tx.exports.save(done)
    tell_recipients(tx, done)
    request.publish()
    return done


def fail_export(tx: Transaction, request: FailExport) -> Export | None:
    """Record that an export failed for good."""
    tx.exports.lock()
    export = tx.exports.get(request.key)
    if export is None or not export.is_in_hands_of(request.attempt):
        return None
    failed = exports.failed(export, request.reason, request.at)
    tx.exports.save(failed)
    tell_recipients(tx, failed, reason=request.told)
    return failed


def lay_down_export(tx: Transaction, taken: Export) -> None:
    """Leave an export to another worker, because this one is told to stop."""
    tx.exports.lock()
    key = ExportKey(taken.organization_id, taken.export_id)
    export = tx.exports.get(key)
    if export is not None and export.is_in_hands_of(taken.attempts_count):
        tx.exports.save(exports.laid_down(export))


def exports_over(tx: Transaction, at: datetime) -> list[Export]:
    """Return finished exports that are kept no longer."""
    found = (tx.exports.get(key) for key in tx.exports.over(at, LISTED_MAX))
    return [export for export in found if export is not None]


def expire_export(tx: Transaction, export: Export) -> None:
    """Record that the file of an export is gone."""
    tx.exports.lock()
    tx.exports.save(exports.expired(export))
