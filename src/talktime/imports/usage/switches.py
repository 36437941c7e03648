"""Switches' own records as calls: Asterisk, FreeSWITCH, Kamailio's acc table, by the reader of reconciliation."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

from talktime.core.calls.afterwards.reconciling import SwitchRecord
from talktime.core.insight.importing import cells
from talktime.core.insight.importing.imported_calls import ImportedCall, Reject, RejectedCell, UsageKind, UsageLine
from talktime.core.insight.importing.reading import NOT_ANSWERED, ReadingTerms, check_start, direction_of
from talktime.core.values.errors import Invalid
from talktime.core.values.numbers import is_e164, is_emergency
from talktime.imports.switch_files import SwitchFile, SwitchFormat, SwitchLine

# A call that waits for the line of its end; more at once than the largest switch has mean that no ends are written.
OPEN_CALLS_MAX = 1_000_000
NO_END = "its end is not in the file"


def calls_of_switch(file: SwitchFile, terms: ReadingTerms) -> Iterator[UsageLine]:
    """Yield a line for each call: of Kamailio's table where its BYE stands, elsewhere for each line."""
    if file.format is SwitchFormat.KAMAILIO:
        yield from _paired(file.lines, terms)
        return
    for line in file.lines:
        yield _line(line, line.record, terms)


def _paired(lines: Iterator[SwitchLine], terms: ReadingTerms) -> Iterator[UsageLine]:
    """Join each INVITE with its BYE; which of the two was written first does not matter."""
    waiting: dict[str, SwitchLine] = {}
    for line in lines:
        record = line.record
        other = waiting.pop(line.token, None) if record is not None else None
        if record is None or record.talked_seconds == 0:
            yield _line(line, record, terms)
        elif other is not None and other.record is not None:
            begun, ended = (record, other.record) if record.started_at else (other.record, record)
            yield _line(line, replace(begun, ended_at=ended.ended_at), terms)
        elif len(waiting) >= OPEN_CALLS_MAX:
            message = f"more than {OPEN_CALLS_MAX:,} calls have no end: export the rows of BYE too"
            raise Invalid(message, code="usage_ends_missing")
        else:
            waiting[line.token] = line
    for line in waiting.values():
        yield UsageLine(line.line, reject=Reject("method", "", f"{NO_END}, or not its beginning"))


def _line(line: SwitchLine, record: SwitchRecord | None, terms: ReadingTerms) -> UsageLine:
    if record is None:
        # A message of another method than INVITE and BYE tells nothing of a call.
        return UsageLine(line.line, reject=Reject("", "", line.reason)) if line.reason else _of_no_call(line.line)
    if not record.talked_seconds:
        return UsageLine(line.line, skipped=NOT_ANSWERED)
    try:
        return UsageLine(line.line, _call(record, record.talked_seconds, terms))
    except RejectedCell as failure:
        return UsageLine(line.line, reject=Reject(failure.column, failure.value, failure.reason))


def _of_no_call(line: int) -> UsageLine:
    return UsageLine(line, skipped="no INVITE and no BYE")


def _call(record: SwitchRecord, used_seconds: int, terms: ReadingTerms) -> ImportedCall:
    started_at = record.started_at or record.answered_at
    if started_at is None:
        raise RejectedCell("start", "", "is empty; a call without its start belongs to no day")
    check_start("start", started_at, terms)
    caller, called = (_cell(number, terms) for number in (record.caller, record.called))
    kind = _kind(caller, called)
    # The extension is the user: nothing else in the record tells who he is.
    user = called if kind is UsageKind.USER_IN else caller
    return ImportedCall(
        kind,
        direction_of(kind),
        started_at,
        record.ended_at or started_at + timedelta(seconds=used_seconds),
        used_seconds,
        call_id=_cell(record.call_id),
        user=user or terms.user,
        caller=caller,
        called=called,
    )


def _cell(text: str, number_terms: ReadingTerms | None = None) -> str:
    """Return a text, or a number, as it is kept."""
    try:
        return cells.read_text(text) if number_terms is None else cells.read_number(text, number_terms.cells)
    except ValueError as failure:
        raise RejectedCell("", text, str(failure)) from None


def _kind(caller: str, called: str) -> UsageKind:
    """A switch does not say which way a call went: from outside, an extension is called by an international number."""
    if is_emergency(called):
        return UsageKind.EMERGENCY_OUT
    return UsageKind.USER_IN if is_e164(caller) and not is_e164(called) else UsageKind.USER_OUT
