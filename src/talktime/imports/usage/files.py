"""A file of usage, whatever it is: told by its first bytes and its header, read as a stream of lines."""

from collections.abc import Iterator
from dataclasses import replace
from enum import Enum
from itertools import chain, islice
from pathlib import Path
from typing import IO

from talktime.core.insight.importing.columns import places_in
from talktime.core.insight.importing.imported_calls import UsageLine
from talktime.core.insight.importing.reading import ReadingTerms
from talktime.core.values.errors import Invalid, NotFound
from talktime.core.values.frozen import frozen
from talktime.imports.spreadsheets import read_sheet
from talktime.imports.switch_files import SwitchFormat, open_switch_file
from talktime.imports.usage.archives import is_workbook, named_damage, parts_of
from talktime.imports.usage.mappings import UsageMapping
from talktime.imports.usage.records import calls_of_json
from talktime.imports.usage.switches import calls_of_switch
from talktime.imports.usage.tables import calls_of
from talktime.imports.usage.text import TextRow, open_text, rows_of

_ZIP = b"PK"
_KNOWN_WRONG = {
    bytes.fromhex("d0cf11e0a1b11ae1"): "is an old .xls file, or protected by a password: save it as .xlsx without one",
    b"\x1f\x8b": "is packed with gzip: unpack it first",
    b"%PDF": "is a PDF: ask for the same as CSV",
    b"PAR1": "is a Parquet file: export the calls as CSV",
}
_MAGIC_BYTES = 8


class UsageFormat(Enum):
    """How a file of usage is written; archives and workbooks are known by themselves."""

    # The vendor's exports of all years, our own, and with a mapping any file whose columns have names.
    CSV = "csv"
    JSON = "json"
    ASTERISK = "asterisk"
    FREESWITCH = "freeswitch"
    KAMAILIO = "kamailio"


@frozen
class HowToRead:
    """What is said of a file beside its name; `format` None: told by the file itself."""

    terms: ReadingTerms
    format: UsageFormat | None = None
    mapping: UsageMapping | None = None


def read_usage_file(path: Path, how: HowToRead) -> Iterator[UsageLine]:
    """Yield every line of a file of usage, one at a time; raise NotFound, or Invalid where it is none at all.

    Raises also in the midst, where the rest of the file is damaged: who keeps what he read must be able to drop it.
    """
    if not path.is_file():
        message = f"there is no file {str(path)!r}"
        raise NotFound(message, code="file_not_found")
    beginning = _beginning(path)
    if not beginning.startswith(_ZIP):
        yield from _read_plain(path, how)
    elif is_workbook(path):
        yield from calls_of(_sheet_rows(path, how.mapping), how.terms, how.mapping)
    else:
        yield from _read_archive(path, how)


def count_lines(path: Path) -> int | None:
    """Return how many lines a text file has; None where that cannot be told before it is read."""
    if not path.is_file() or not _beginning(path) or path.suffix.lower() == ".json":
        return None
    with path.open("rb") as stream:
        if stream.read(len(_ZIP)) == _ZIP:
            return None
        return sum(piece.count(b"\n") for piece in iter(lambda: stream.read(_PIECE_BYTES), b""))


_PIECE_BYTES = 1 << 20


def _beginning(path: Path) -> bytes:
    with path.open("rb") as stream:
        beginning = stream.read(_MAGIC_BYTES)
    wrong = next((what for magic, what in _KNOWN_WRONG.items() if beginning.startswith(magic)), "")
    if wrong:
        message = f"{path.name} {wrong}"
        raise Invalid(message, code="usage_file_type")
    return beginning


def _sheet_rows(path: Path, mapping: UsageMapping | None) -> Iterator[TextRow]:
    """Yield the rows of a workbook's first sheet, from the header on: a title may stand above it, a total below."""
    rows = (TextRow(line, cells) for line, cells in read_sheet(path) if any(cells))
    above = list(islice(rows, _TITLE_ROWS_MAX))
    header = next((place for place, row in enumerate(above) if _is_header(row, mapping)), 0)
    yield from (row for row in chain(above[header:], rows) if row.cells[0] not in _TOTALS)


_TITLE_ROWS_MAX = 10
_TOTALS = frozenset({"Total", "Totals"})


def _is_header(row: TextRow, mapping: UsageMapping | None) -> bool:
    try:
        places_in(row.cells, mapping.columns if mapping else None)
    except Invalid:
        return False
    return True


def _read_archive(path: Path, how: HowToRead) -> Iterator[UsageLine]:
    with named_damage(path):
        for part in parts_of(path):
            if part.stream is None:
                yield UsageLine(0, note=part.note, part=part.name)
                continue
            for line in _read_stream(part.stream, part.name, how):
                yield replace(line, part=part.name)


def _read_plain(path: Path, how: HowToRead) -> Iterator[UsageLine]:
    switch = SwitchFormat(how.format.value) if how.format in _SWITCHES else None
    if switch is None and how.format is None and how.mapping is None:
        switch = _switch_format(path)
    if switch is None:
        with path.open("rb") as stream:
            yield from _read_stream(stream, path.name, how)
        return
    terms = how.terms if how.mapping is None else how.mapping.terms(how.terms)
    yield from calls_of_switch(open_switch_file(path, switch, terms.cells.zone), terms)


_SWITCHES = (UsageFormat.ASTERISK, UsageFormat.FREESWITCH, UsageFormat.KAMAILIO)


def _switch_format(path: Path) -> SwitchFormat | None:
    """Tell whether a file is a switch's own: its columns have no names that we know, and its cells are as they are."""
    with path.open("rb") as stream:
        opened = open_text(stream, path.name)
        first = next(rows_of(opened.stream, path.name), None)
    if first is None or first.cells[0].lstrip().startswith(("{", "[")):
        return None
    try:
        format_ = open_switch_file(path).format
    except Invalid:
        return None
    if format_ is SwitchFormat.KAMAILIO:
        return format_
    return None if format_ is SwitchFormat.PLAIN or _is_header(first, None) else format_


def _read_stream(stream: IO[bytes], name: str, how: HowToRead) -> Iterator[UsageLine]:
    opened = open_text(stream, name)
    if opened.note:
        yield UsageLine(0, note=opened.note)
    if how.format is UsageFormat.JSON or (how.format is None and opened.begins_with in _JSON):
        yield from calls_of_json(opened.stream, name, how.terms, how.mapping)
    else:
        yield from calls_of(rows_of(opened.stream, name), how.terms, how.mapping)


_JSON = frozenset("{[")
