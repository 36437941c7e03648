"""Recorded calls from CSV files and workbooks, our own layout and the nodobo study's: each line a call or a reason."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_CEILING, Decimal, InvalidOperation
from pathlib import Path
from zoneinfo import ZoneInfo

from talktime.core.calls.calls import CallKind
from talktime.core.calls.replaying import RecordedCall
from talktime.core.rates.rating import CALL_MAX_SECONDS
from talktime.core.values.errors import Invalid, NotFound
from talktime.core.values.numbers import normalize
from talktime.imports.cells import header_words, instant_in
from talktime.imports.spreadsheets import read_sheet

# What is replayed stands in memory, because a switch takes calls in order of time and files need not be in it.
LINES_MAX = 1_000_000
CALL_ID_CHARACTERS_MAX = 200
PARTY_CHARACTERS_MAX = 255


@dataclass(frozen=True, slots=True)
class CallLine:
    """One line of a call file: the call it holds, or why it holds none; `label` is its class in the file's words."""

    line: int
    label: str
    call: RecordedCall | None
    reason: str = ""


def read_call_file(path: Path, zone: ZoneInfo | None = None) -> Iterator[CallLine]:
    """Yield every line of a CSV file or of a workbook's first sheet; raise Invalid where it as a whole cannot be read.

    Instants must state their offset, unless a zone is given for those that do not. Calls that bear no id are named
    after the file and their line.
    """
    if not path.exists():
        message = f"there is no file {str(path)!r}"
        raise NotFound(message, code="file_not_found")
    yield from read_calls(read_sheet(path), name=path.stem, zone=zone)


def read_calls(rows: Iterable[tuple[int, Sequence[str]]], *, name: str, zone: ZoneInfo | None) -> Iterator[CallLine]:
    """Yield every row below the header, which is the first one; a row is its line and its cells."""
    numbered = iter(rows)
    _, header = next(numbered, (1, ()))
    layout = _layout(header, name, zone)
    seen: dict[str, int] = {}
    for count, (line, cells) in enumerate(numbered, start=1):
        if count > LINES_MAX:
            message = f"the file has more than {LINES_MAX:,} calls; split it"
            raise Invalid(message, code="call_file")
        yield _unrepeated(_call_line(layout, len(header), line, cells), seen)


# What a layout makes of a line's cells; it raises ValueError with the reason where they are no call.
_Read = Callable[[int, Mapping[str, str]], RecordedCall]


@dataclass(frozen=True, slots=True)
class _Layout:
    """A layout of columns: canonical name → place in the line."""

    places: Mapping[str, int]
    label_column: str
    read: _Read


# The column with which the nodobo study's masked log is recognized.
_NODOBO_COLUMNS = ("user", "peer_prefix_masked", "direction", "duration_seconds", "start_time")
_BLANK = "blank"

_REQUIRED = ("from", "to", "started_at", "duration_seconds")
_SYNONYMS: dict[str, tuple[str, ...]] = {
    "call_id": ("call_id", "callid", "sip_call_id", "uuid", "uniqueid", "unique_id", "id"),
    "from": ("from", "caller", "calling", "calling_number", "caller_id_number", "src", "source", "a_number", "user"),
    "to": ("to", "called", "callee", "called_number", "destination_number", "dst", "destination", "b_number", "dialed"),
    "kind": ("kind", "call_type", "type", "direction"),
    "started_at": ("started_at", "start_time", "start_stamp", "start", "setup_time", "callstart", "timestamp"),
    "ring_seconds": ("ring_seconds", "ring_time", "ringing", "ring"),
    "duration_seconds": ("duration_seconds", "billsec", "billseconds", "talk_seconds", "used_seconds", "duration"),
}
CALL_KINDS: dict[str, CallKind | None] = {
    "": None,
    # The number itself says whether it is an emergency.
    CallKind.EMERGENCY_OUT.value: None,
    **{kind.value: kind for kind in CallKind if kind is not CallKind.EMERGENCY_OUT},
    **dict.fromkeys(("out", "outgoing", "outbound"), CallKind.USER_OUT),
    **dict.fromkeys(("in", "incoming", "inbound"), CallKind.USER_IN),
}


def _layout(header: Sequence[str], name: str, zone: ZoneInfo | None) -> _Layout:
    words = header_words(header)
    if set(_NODOBO_COLUMNS) <= set(words):
        places = {column: words.index(column) for column in _NODOBO_COLUMNS}
        return _Layout(places, "direction", lambda line, cells: _nodobo_call(f"{name}:{line}", cells, zone))
    return _Layout(call_places(header), "kind", lambda line, cells: _call(f"{name}:{line}", cells, zone))


def call_places(header: Sequence[str]) -> dict[str, int]:
    """Return which column of a header is what of a call, by our own names; raise Invalid where one is missing."""
    words = header_words(header)
    places = {column: place for column in _SYNONYMS if (place := _place_of(column, words)) is not None}
    missing = [column for column in _REQUIRED if column not in places]
    if missing:
        known = ", ".join(_SYNONYMS)
        message = f"line 1 names no column for {', '.join(missing)}; a call file has the columns {known}"
        raise Invalid(message, code="call_file_header")
    return places


def _place_of(column: str, words: Sequence[str]) -> int | None:
    """Return where a column stands; two that could be it are one too many, unless one bears our own name."""
    if words.count(column) == 1:
        return words.index(column)
    found = [place for place, word in enumerate(words) if word in _SYNONYMS[column]]
    if len(found) > 1:
        names = " and ".join(repr(words[place]) for place in found)
        message = f"line 1: {names} could both be {column}; rename the one that is"
        raise Invalid(message, code="call_file_header")
    return found[0] if found else None


def _call_line(layout: _Layout, width: int, line: int, cells: Sequence[str]) -> CallLine:
    if not any(cell.strip() for cell in cells):
        return CallLine(line, _BLANK, None, "the line is empty")
    if len(cells) != width:
        return CallLine(line, _BLANK, None, f"the line has {len(cells)} cells, the header has {width}")
    named = {column: cells[place].strip() for column, place in layout.places.items()}
    label = named.get(layout.label_column, "").lower() or _BLANK
    try:
        return CallLine(line, label, layout.read(line, named))
    except ValueError as failure:
        return CallLine(line, label, None, str(failure))


def _unrepeated(found: CallLine, seen: dict[str, int]) -> CallLine:
    """A call id that comes twice would be charged once: the second is named, not swallowed."""
    if found.call is None:
        return found
    first = seen.setdefault(found.call.call_id, found.line)
    if first == found.line:
        return found
    return CallLine(found.line, found.label, None, f"call_id {found.call.call_id!r} stands in line {first} already")


def _call(default_id: str, cells: Mapping[str, str], zone: ZoneInfo | None) -> RecordedCall:
    stated = cells.get("kind", "").lower()
    if stated not in CALL_KINDS:
        raise ValueError(f"kind {stated!r} is none of {', '.join(kind.value for kind in CallKind)}")
    call_id = cells.get("call_id") or default_id
    if len(call_id) > CALL_ID_CHARACTERS_MAX or not call_id.isprintable():
        raise ValueError(f"call_id is longer than {CALL_ID_CHARACTERS_MAX} characters, or not printable")
    return RecordedCall(
        call_id=call_id,
        caller=_party("from", cells),
        called=_stated_party("to", cells),
        kind=CALL_KINDS[stated],
        started_at=read_instant(cells["started_at"], zone),
        ring_seconds=read_seconds("ring_seconds", cells.get("ring_seconds") or "0"),
        duration_seconds=read_seconds("duration_seconds", cells["duration_seconds"]),
    )


def _nodobo_call(call_id: str, cells: Mapping[str, str], zone: ZoneInfo | None) -> RecordedCall:
    """A phone's own log: the user at one end, the peer at the other; how long it rang was not recorded."""
    direction = cells["direction"].lower()
    if direction not in {"outgoing", "incoming", "missed"}:
        raise ValueError("the direction is missing" if not direction else f"direction {direction!r} is unknown")
    started_at = read_instant(cells["start_time"], zone)
    duration_seconds = read_seconds("duration_seconds", cells["duration_seconds"])
    if direction == "missed" and duration_seconds > 0:
        raise ValueError(f"a missed call cannot last {duration_seconds} s")
    user, peer = _stated_party("user", cells), "peer_prefix_masked"
    if direction == "outgoing":
        called = _stated_party(peer, cells)
        return RecordedCall(call_id, user, called, CallKind.USER_OUT, started_at, 0, duration_seconds)
    return RecordedCall(call_id, _party(peer, cells), user, CallKind.USER_IN, started_at, 0, duration_seconds)


def _party(column: str, cells: Mapping[str, str]) -> str:
    """Return digits, or a name in lower case, as identities are written; empty for somebody who is withheld."""
    text = cells[column]
    if len(text) > PARTY_CHARACTERS_MAX or not text.isprintable():
        raise ValueError(f"{column} is longer than {PARTY_CHARACTERS_MAX} characters, or not printable")
    return normalize(text)


def _stated_party(column: str, cells: Mapping[str, str]) -> str:
    party = _party(column, cells)
    if not party:
        raise ValueError(f"{column} is missing")
    return party


def read_instant(text: str, zone: ZoneInfo | None) -> datetime:
    """Read ISO 8601; without an offset it is read on the zone's clock. Raise ValueError with the reason."""
    if not text:
        raise ValueError("the start is missing")
    try:
        return instant_in(text, zone)
    except ValueError as failure:
        raise ValueError(f"start {failure}") from None


def read_seconds(column: str, text: str) -> int:
    """Read whole or decimal seconds; a started second counts. Raise ValueError with the reason."""
    if not text:
        raise ValueError(f"{column} is missing")
    try:
        exact = Decimal(text)
    except InvalidOperation:
        raise ValueError(f"{column} {text!r} is no number of seconds") from None
    if not exact.is_finite() or exact < 0:
        raise ValueError(f"{column} {text!r} is no number of seconds from 0 up")
    if exact > CALL_MAX_SECONDS:
        raise ValueError(f"{column} {text!r} is longer than a day: no call is granted that")
    return int(exact.to_integral_value(ROUND_CEILING))
