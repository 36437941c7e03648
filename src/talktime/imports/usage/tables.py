"""Rows under a header, of text or of a sheet, as calls."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from zoneinfo import ZoneInfo

from talktime.core.insight.importing.columns import (
    ColumnPlaces,
    Field,
    is_direct_routing,
    is_pstn,
    places_in,
    squeezed,
)
from talktime.core.insight.importing.imported_calls import ImportedCall, Reject, RejectedCell, UsageKind, UsageLine
from talktime.core.insight.importing.reading import ReadingTerms, RowReader
from talktime.core.values.errors import Invalid
from talktime.imports.usage.mappings import UsageMapping
from talktime.imports.usage.text import TextRow

# A word that is no call type is told once, and a file has a handful of them.
_WORDS_TOLD_MAX = 20
_OTHER = frozenset({UsageKind.OTHER_IN, UsageKind.OTHER_OUT})


def calls_of(rows: Iterable[TextRow], terms: ReadingTerms, mapping: UsageMapping | None) -> Iterator[UsageLine]:
    """Yield a line for each row below the header, and notes on what of it nobody reads; raise Invalid for no header."""
    numbered = iter(rows)
    header = next(numbered, None)
    if header is None:
        message = "there is no line in the file"
        raise Invalid(message, code="usage_file_empty")
    if header.problem:
        message = f"line {header.line}: {header.problem}"
        raise Invalid(message, code="usage_columns")
    table = Table(header.cells, terms, mapping)
    if table.columns.unknown:
        yield UsageLine(header.line, note=f"columns that nobody reads: {', '.join(table.columns.unknown)}")
    for row in numbered:
        yield from table.read(row)


class Table:
    """A header, and how the rows under it are read."""

    def __init__(self, header: Sequence[str], terms: ReadingTerms, mapping: UsageMapping | None) -> None:
        """Find the columns; raise Invalid where what makes a call has none."""
        self.columns = places_in(header, mapping.columns if mapping else None)
        self._reader = RowReader(self.columns, _terms_of(self.columns, terms, mapping))
        self._told: set[str] = set()

    def read(self, row: TextRow) -> Iterator[UsageLine]:
        """Yield the row's line, and before it a note on a word in it that is met for the first time."""
        line = _line(self._reader, len(self.columns.header), row)
        if line.call is not None and line.call.kind in _OTHER and Field.KIND in self.columns.places:
            word = row.cells[self.columns.places[Field.KIND]].strip()
            if word not in self._told and len(self._told) < _WORDS_TOLD_MAX:
                self._told.add(word)
                way = line.call.direction.value.lower()
                yield UsageLine(row.line, note=f"call type {word!r} is not known, read as any {way} call")
        yield line


def _terms_of(columns: ColumnPlaces, terms: ReadingTerms, mapping: UsageMapping | None) -> ReadingTerms:
    if mapping is not None:
        wanted = tuple((_place_of(name, columns.header), words) for name, words in mapping.wanted.items())
        terms = replace(mapping.terms(terms), wanted=wanted)
    is_export = is_pstn(columns.header) or is_direct_routing(columns.header)
    if is_export and terms.cells.zone is None:
        # What the exports are documented to be in (domain.md 7.4).
        return replace(terms, cells=replace(terms.cells, zone=ZoneInfo("UTC")))
    return terms


def _place_of(name: str, header: Sequence[str]) -> int:
    words = [squeezed(each) for each in header]
    if squeezed(name) not in words:
        message = f"the mapping wants only some rows by {name!r}, and the file has no such column"
        raise Invalid(message, code="usage_columns")
    return words.index(squeezed(name))


def _line(reader: RowReader, width: int, row: TextRow) -> UsageLine:
    if row.problem:
        return UsageLine(row.line, reject=Reject("", "", row.problem))
    # Some programs write a comma after the last cell.
    cells = row.cells[:width] if len(row.cells) == width + 1 and not row.cells[width] else row.cells
    try:
        read = reader.read(cells)
    except RejectedCell as failure:
        return UsageLine(row.line, reject=Reject(failure.column, failure.value, failure.reason))
    return UsageLine(row.line, read) if isinstance(read, ImportedCall) else UsageLine(row.line, skipped=read)
