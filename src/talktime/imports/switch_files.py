"""Switches' own files of their calls, line by line: Asterisk, FreeSWITCH, Kamailio's acc table, or any named columns.

Each line is a record, or the reason why it is none. Lines are read one by one, however many there are.
"""

import csv
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from decimal import ROUND_CEILING, Decimal, InvalidOperation
from enum import Enum
from pathlib import Path
from zoneinfo import ZoneInfo

from talktime.core.calls.afterwards.reconciling import SwitchRecord
from talktime.core.calls.calls import KEY_SEPARATOR
from talktime.core.rates.rating import CALL_MAX_SECONDS
from talktime.core.values.errors import Invalid, NotFound
from talktime.core.values.frozen import frozen
from talktime.core.values.numbers import normalize
from talktime.imports.cells import header_words, instant_in

CELL_CHARACTERS_MAX = 1_000
# A call longer than that is a stuck channel, and somebody's to look at.
SECONDS_MAX = 7 * CALL_MAX_SECONDS
_DELIMITERS = ",;\t|"
_SNIFFED_CHARACTERS = 65_536


class SwitchFormat(Enum):
    """How a switch writes its file."""

    ASTERISK = "asterisk"
    FREESWITCH = "freeswitch"
    KAMAILIO = "kamailio"
    # Columns with our own names, or what others call them.
    PLAIN = "plain"


@frozen
class SwitchLine:
    """A line: what it records, and `token`, which the lines of one call share; or the reason why it records nothing."""

    line: int
    token: str = ""
    record: SwitchRecord | None = None
    reason: str = ""


@frozen
class SwitchFile:
    """A file that was recognized; `lines` may be read once."""

    format: SwitchFormat
    lines: Iterator[SwitchLine]


def open_switch_file(path: Path, wanted: SwitchFormat | None = None, zone: ZoneInfo | None = None) -> SwitchFile:
    """Open a file of calls, in the format that is wanted or the one that it shows; raise NotFound or Invalid.

    Instants that do not state their offset are on the clock of the zone; where there is none, their lines are refused.
    """
    if not path.is_file():
        message = f"there is no file {str(path)!r}"
        raise NotFound(message, code="file_not_found")
    with path.open("rb") as file:
        beginning = file.read(_SNIFFED_CHARACTERS)
    encoding = _encoding_of(beginning, path)
    delimiter = _delimiter_of(beginning.decode(encoding, errors="ignore"))
    rows = _rows(path, encoding, delimiter)
    first = next(rows, None)
    if first is None:
        message = f"{path.name} is empty"
        raise Invalid(message, code="switch_file")
    format_ = wanted or _format_of(first[1], path)
    layout = _LAYOUTS[format_](first[1], zone)
    return SwitchFile(format_, _lines(layout, rows if layout.has_header else _with_first(first, rows)))


_Row = tuple[int, list[str]]


@frozen
class _Layout:
    """What makes a record of a line's cells, by name; it raises ValueError with the reason where they are none."""

    names: Sequence[str]
    read: Callable[[int, Mapping[str, str]], tuple[str, SwitchRecord] | None]
    has_header: bool = False
    # A line may have fewer cells than there are names: those of columns that a switch writes only where told to.
    cells_min: int = 0


def _with_first(first: _Row, rows: Iterator[_Row]) -> Iterator[_Row]:
    yield first
    yield from rows


def _rows(path: Path, encoding: str, delimiter: str) -> Iterator[_Row]:
    with path.open(newline="", encoding=encoding, errors="replace") as file:
        reader = csv.reader(file, delimiter=delimiter)
        while True:
            line = reader.line_num + 1
            try:
                cells = next(reader)
            except StopIteration:
                return
            except csv.Error as failure:
                yield line, [f"\0{failure}"]
                continue
            if any(cell.strip() for cell in cells):
                yield line, cells


def _lines(layout: _Layout, rows: Iterable[_Row]) -> Iterator[SwitchLine]:
    for line, cells in rows:
        try:
            named = _named(layout, cells)
            read = layout.read(line, named)
        except ValueError as failure:
            yield SwitchLine(line, reason=str(failure))
            continue
        yield SwitchLine(line) if read is None else SwitchLine(line, *read)


def _named(layout: _Layout, cells: list[str]) -> dict[str, str]:
    if cells[0].startswith("\0"):
        raise ValueError(cells[0][1:])
    if not (layout.cells_min or len(layout.names)) <= len(cells) <= len(layout.names):
        raise ValueError(f"the line has {len(cells)} cells, expected {len(layout.names)}")
    too_long = next((cell for cell in cells if len(cell) > CELL_CHARACTERS_MAX), None)
    if too_long is not None:
        raise ValueError(f"a cell is longer than {CELL_CHARACTERS_MAX} characters")
    return dict(zip(layout.names, (cell.strip() for cell in cells), strict=False))


# ── Asterisk: cdr_csv's Master.csv, without a header ─────────────────────────────────────────────────────────────────

_ASTERISK = (
    *("accountcode", "src", "dst", "dcontext", "clid", "channel", "dstchannel", "lastapp", "lastdata"),
    *("start", "answer", "end", "duration", "billsec", "disposition", "amaflags"),
)
_ASTERISK_ID, _ASTERISK_USER, _ASTERISK_NEW = ("uniqueid",), ("userfield",), ("peeraccount", "linkedid", "sequence")
# By how many columns follow: loguniqueid, loguserfield and newcdrcolumns in cdr.conf each add theirs.
_ASTERISK_MORE = {
    1: _ASTERISK_ID,
    2: (*_ASTERISK_ID, *_ASTERISK_USER),
    4: (*_ASTERISK_ID, *_ASTERISK_NEW),
    5: (*_ASTERISK_ID, *_ASTERISK_USER, *_ASTERISK_NEW),
}
# The order of cdr_custom's sample in the documentation, where each cell is written by hand: recognized by its length.
_ASTERISK_CUSTOM = (
    *_ASTERISK[4:5],
    *_ASTERISK[1:4],
    *_ASTERISK[5:],
    "accountcode",
    "uniqueid",
    "userfield",
    "sequence",
)
_DISPOSITIONS = frozenset({"ANSWERED", "NO ANSWER", "BUSY", "FAILED", "CONGESTION"})


def _asterisk(first: Sequence[str], zone: ZoneInfo | None) -> _Layout:
    more = _ASTERISK_MORE.get(len(first) - len(_ASTERISK))
    names = _ASTERISK_CUSTOM if len(first) == len(_ASTERISK_CUSTOM) else (*_ASTERISK, *(more or ()))
    if names == _ASTERISK:
        message = (
            f"a line of {len(first)} columns holds no uniqueid: set loguniqueid=yes, and newcdrcolumns=yes for the"
            " linkedid, in cdr.conf"
        )
        raise Invalid(message, code="switch_file")

    def read(line: int, cells: Mapping[str, str]) -> tuple[str, SwitchRecord]:
        unique_id = _stated(cells, "uniqueid")
        linked_id = cells.get("linkedid") or unique_id
        is_answered = cells["disposition"] == "ANSWERED"
        record = SwitchRecord(
            line,
            linked_id,
            unique_id,
            instant_in(_stated(cells, "start"), zone),
            _instant_or_none(cells["answer"], zone) if is_answered else None,
            _instant_or_none(cells["end"], zone),
            _seconds("billsec", cells["billsec"]) if is_answered else 0,
            normalize(cells["src"]),
            normalize(cells["dst"]),
        )
        return _token(record), record

    return _Layout(names, read)


# ── FreeSWITCH: mod_cdr_csv's template "example", without a header ───────────────────────────────────────────────────

_FREESWITCH = (
    *("caller_id_name", "caller_id_number", "destination_number", "context", "start_stamp", "answer_stamp"),
    *("end_stamp", "duration", "billsec", "hangup_cause", "uuid", "bleg_uuid", "accountcode"),
    *("read_codec", "write_codec"),
)
_UUID_PLACE = _FREESWITCH.index("uuid")
_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


def _freeswitch(_: Sequence[str], zone: ZoneInfo | None) -> _Layout:
    def read(line: int, cells: Mapping[str, str]) -> tuple[str, SwitchRecord]:
        record = SwitchRecord(
            line,
            _stated(cells, "uuid"),
            "",
            instant_in(_stated(cells, "start_stamp"), zone),
            _instant_or_none(cells["answer_stamp"], zone),
            _instant_or_none(cells["end_stamp"], zone),
            _seconds("billsec", cells["billsec"]),
            normalize(cells["caller_id_number"]),
            normalize(cells["destination_number"]),
        )
        return _token(record), record

    return _Layout(_FREESWITCH, read, cells_min=_UUID_PLACE + 1)


# ── Kamailio: rows of the acc table, with a header; a call has one for its INVITE and one for its BYE ────────────────

_KAMAILIO_REQUIRED = ("method", "from_tag", "to_tag", "callid", "sip_code", "time")
_SIP_ANSWERED = "2"


def _kamailio(first: Sequence[str], zone: ZoneInfo | None) -> _Layout:
    names = header_words(first)
    missing = [name for name in (*_KAMAILIO_REQUIRED, "cseq") if name not in names]
    if missing:
        message = (
            f"line 1 names no column {', '.join(missing)}; export the acc table with its names, and with"
            " db_extra=cseq=$cs;src_user=$fU;dst_user=$rU, because From tag and CSeq name the leg"
        )
        raise Invalid(message, code="switch_file")

    def read(line: int, cells: Mapping[str, str]) -> tuple[str, SwitchRecord] | None:
        method, at = cells["method"].upper(), instant_in(_stated(cells, "time"), zone)
        call_id, from_tag, to_tag = _stated(cells, "callid"), cells["from_tag"], cells["to_tag"]
        # Whichever side hangs up, the two tags are those of the call.
        token = "\n".join((call_id, *sorted((from_tag, to_tag))))
        if method == "BYE":
            return token, SwitchRecord(line, call_id, ended_at=at)
        if method != "INVITE":
            return None
        is_answered = cells["sip_code"].startswith(_SIP_ANSWERED)
        leg = f"{from_tag}-{cells['cseq'].split()[0]}" if cells["cseq"] else from_tag
        caller, called = normalize(cells.get("src_user", "")), normalize(cells.get("dst_user", ""))
        if is_answered:
            return token, SwitchRecord(line, call_id, leg, at, at, caller=caller, called=called)
        failed = SwitchRecord(line, call_id, leg, at, None, at, 0, caller, called)
        return _token(failed), failed

    return _Layout(names, read, has_header=True)


# ── any file with a header ───────────────────────────────────────────────────────────────────────────────────────────

_SYNONYMS: dict[str, tuple[str, ...]] = {
    "call_id": ("call_id", "callid", "sip_call_id", "session_id", "linkedid", "uuid", "uniqueid", "origin_id"),
    "leg": ("leg", "leg_id", "from_tag_cseq"),
    "started_at": ("started_at", "start_time", "start_stamp", "start", "setup_time", "callstart"),
    "answered_at": ("answered_at", "answer_time", "answer_stamp", "answer"),
    "ended_at": ("ended_at", "end_time", "end_stamp", "end"),
    "used_seconds": ("used_seconds", "used_s", "billsec", "billseconds", "talk_seconds", "duration_seconds"),
    "from": ("from", "caller", "calling", "src", "caller_id_number", "src_user"),
    "to": ("to", "called", "called_e164", "dst", "destination_number", "dst_user"),
}


def _plain(first: Sequence[str], zone: ZoneInfo | None) -> _Layout:
    words = header_words(first)
    names = [_canonical(word, words) for word in words]
    has_end = "used_seconds" in names or "ended_at" in names
    if "call_id" not in names or "started_at" not in names or not has_end:
        known = ", ".join(_SYNONYMS)
        message = (
            "line 1 must name call_id, started_at, and used_seconds or answered_at and ended_at; a file of calls has"
            f" the columns {known}"
        )
        raise Invalid(message, code="switch_file")

    def read(line: int, cells: Mapping[str, str]) -> tuple[str, SwitchRecord]:
        used = cells.get("used_seconds", "")
        record = SwitchRecord(
            line,
            _stated(cells, "call_id"),
            cells.get("leg", ""),
            instant_in(_stated(cells, "started_at"), zone),
            _instant_or_none(cells.get("answered_at", ""), zone),
            _instant_or_none(cells.get("ended_at", ""), zone),
            _seconds("used_seconds", used) if used else None,
            normalize(cells.get("from", "")),
            normalize(cells.get("to", "")),
        )
        return _token(record), record

    return _Layout(names, read, has_header=True)


def _canonical(word: str, words: Sequence[str]) -> str:
    """Name a column as we do; of two that could be the same, the one that bears our own name."""
    for name, synonyms in _SYNONYMS.items():
        chosen = next((synonym for synonym in synonyms if synonym in words), None)
        if word == chosen:
            return name
    return f"other {word}"


_LAYOUTS: dict[SwitchFormat, Callable[[Sequence[str], ZoneInfo | None], _Layout]] = {
    SwitchFormat.ASTERISK: _asterisk,
    SwitchFormat.FREESWITCH: _freeswitch,
    SwitchFormat.KAMAILIO: _kamailio,
    SwitchFormat.PLAIN: _plain,
}


# ── cells ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def _format_of(first: Sequence[str], path: Path) -> SwitchFormat:
    """Tell the format by the first line."""
    words = set(header_words(first))
    if {"method", "callid", "from_tag"} <= words:
        return SwitchFormat.KAMAILIO
    if words & set(_SYNONYMS["call_id"]) and words & set(_SYNONYMS["started_at"]):
        return SwitchFormat.PLAIN
    if len(first) > _UUID_PLACE and _UUID.fullmatch(first[_UUID_PLACE].strip()):
        return SwitchFormat.FREESWITCH
    names = _ASTERISK_CUSTOM if len(first) == len(_ASTERISK_CUSTOM) else _ASTERISK
    if len(first) >= len(names) and first[names.index("disposition")].strip() in _DISPOSITIONS:
        return SwitchFormat.ASTERISK
    known = ", ".join(each.value for each in SwitchFormat)
    message = f"{path.name} begins as no file that is known; name its format with --format: {known}"
    raise Invalid(message, code="switch_file")


def _token(record: SwitchRecord) -> str:
    """Say which lines are about the same call."""
    if KEY_SEPARATOR in record.leg:
        raise ValueError(f"a leg cannot hold {KEY_SEPARATOR!r}")
    return f"{record.leg}\n{record.call_id}"


def _stated(cells: Mapping[str, str], name: str) -> str:
    if not cells.get(name):
        raise ValueError(f"{name} is missing")
    return cells[name]


def _instant_or_none(text: str, zone: ZoneInfo | None) -> datetime | None:
    return instant_in(text, zone) if text else None


def _seconds(name: str, text: str) -> int:
    """Read whole or decimal seconds; a started second counts."""
    try:
        exact = Decimal(text or "0")
    except InvalidOperation:
        raise ValueError(f"{name} {text!r} is no number of seconds") from None
    if not exact.is_finite() or not 0 <= exact <= SECONDS_MAX:
        raise ValueError(f"{name} {text!r} is no number of seconds from 0 to {SECONDS_MAX:,}")
    return int(exact.to_integral_value(ROUND_CEILING))


def _encoding_of(beginning: bytes, path: Path) -> str:
    if b"\0" in beginning:
        message = f"{path.name} is no text; save it as CSV in UTF-8"
        raise Invalid(message, code="switch_file")
    return "utf-8-sig"


def _delimiter_of(beginning: str) -> str:
    line = next(iter(beginning.splitlines()), "")
    return max(_DELIMITERS, key=line.count)
