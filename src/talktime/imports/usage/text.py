"""Text of unknown origin as rows of cells, one at a time: whatever its encoding, never more of it than a row."""

import codecs
import csv
import io
from collections.abc import Iterator, Sequence
from itertools import chain
from typing import IO, TextIO

from talktime.core.values.errors import Invalid
from talktime.core.values.frozen import frozen
from talktime.imports.cells import DELIMITERS, delimiter_of

LINE_CHARACTERS_MAX = 1_000_000
# Of a row, whose quoted cells may hold line breaks: what csv.reader keeps in memory before it gives anything.
ROW_LINES_MAX, ROW_CHARACTERS_MAX = 1_000, 1_000_000
SNIFFED_BYTES = 1_000_000
SNIFFED_LINES = 50
_BYTE_ORDER_MARKS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
_LEGACY = "cp1252"
_LEGACY_ERRORS = "talktime.legacy"


@frozen
class TextRow:
    """A row with the line that it begins in, from 1; or why there is none."""

    line: int
    cells: Sequence[str]
    problem: str = ""


@frozen
class OpenText:
    """Text that was recognized, its first character that is no blank, and what a person should know of it."""

    stream: TextIO
    begins_with: str
    note: str = ""


def open_text(stream: IO[bytes], name: str) -> OpenText:
    """Decode a stream: UTF-8, UTF-16 with its mark, else Windows-1252; raise Invalid for what is empty or no text."""
    buffered = io.BufferedReader(_Raw(stream), SNIFFED_BYTES)
    beginning = buffered.peek(SNIFFED_BYTES)[:SNIFFED_BYTES]
    if not _without_mark(beginning).strip():
        message = f"{name} is empty"
        raise Invalid(message, code="usage_file_empty")
    marked = next((encoding for mark, encoding in _BYTE_ORDER_MARKS if beginning.startswith(mark)), "")
    if not marked and b"\0" in beginning:
        message = f"{name} is no text: save it as CSV in UTF-8"
        raise Invalid(message, code="usage_file_type")
    if marked == "utf-16":
        first = beginning.decode("utf-16", errors="replace").strip()[:1]
        return OpenText(io.TextIOWrapper(buffered, "utf-16", errors="replace", newline=""), first, "read as UTF-16")
    note = "" if _is_utf8(beginning) else "not UTF-8: read as Windows-1252"
    first = _without_mark(beginning).strip()[:1].decode(_LEGACY)
    return OpenText(io.TextIOWrapper(buffered, "utf-8-sig", errors=_LEGACY_ERRORS, newline=""), first, note)


def _without_mark(beginning: bytes) -> bytes:
    return next((beginning[len(mark) :] for mark, _ in _BYTE_ORDER_MARKS if beginning.startswith(mark)), beginning)


def rows_of(text: TextIO, name: str) -> Iterator[TextRow]:
    """Yield the rows that are not blank, the header first; raise Invalid where a line or a row has no end."""
    lines = _lines(text, name)
    sample = _sample(lines)
    first_line = 1
    if sample and sample[0].strip().lower().removeprefix("sep=") in DELIMITERS and sample[0].lower().startswith("sep"):
        delimiter, first_line = sample.pop(0).strip()[-1], 2
    else:
        delimiter = delimiter_of(sample)
    row = _RowLines(chain(sample, lines), name)
    reader = csv.reader(row, delimiter=delimiter)
    while True:
        line = reader.line_num + first_line
        row.begins(line)
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as failure:
            yield TextRow(line, (), f"no CSV: {failure}")
            continue
        if any(cells) and any(cell.strip() for cell in cells):
            yield TextRow(line, cells)


def _sample(lines: Iterator[str]) -> list[str]:
    sample: list[str] = []
    while len(sample) < SNIFFED_LINES and sum(map(len, sample)) < ROW_CHARACTERS_MAX and (line := next(lines, "")):
        sample.append(line)
    return sample


class _RowLines:
    """Lines as csv.reader takes them, counted from where its row begins; raises Invalid where a row has no end."""

    def __init__(self, lines: Iterator[str], name: str) -> None:
        self._lines, self._name = lines, name
        self.begins(1)

    def begins(self, line: int) -> None:
        self._line, self._lines_count, self._characters_count = line, 0, 0

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = next(self._lines)
        self._lines_count += 1
        self._characters_count += len(line)
        if self._lines_count > ROW_LINES_MAX or self._characters_count > ROW_CHARACTERS_MAX:
            message = (
                f"{self._name}, line {self._line}: the row that begins here has more than {ROW_LINES_MAX:,} lines or"
                f" {ROW_CHARACTERS_MAX:,} characters; close the quotes of its cells"
            )
            raise Invalid(message, code="usage_row_too_long")
        return line


def _lines(text: TextIO, name: str) -> Iterator[str]:
    # Not by iteration: a file without line breaks would be taken into memory whole.
    number = 0
    while line := text.readline(LINE_CHARACTERS_MAX):
        number += 1
        if len(line) == LINE_CHARACTERS_MAX and not line.endswith(("\n", "\r")):
            message = (
                f"{name}, line {number}: is longer than {LINE_CHARACTERS_MAX:,} characters; that is no file of calls"
            )
            raise Invalid(message, code="usage_line_too_long")
        yield line


def _is_utf8(beginning: bytes) -> bool:
    try:
        # Not final: the last character of what was sniffed may be cut in two.
        codecs.getincrementaldecoder("utf-8")().decode(beginning, final=False)
    except UnicodeDecodeError:
        return False
    return True


def _as_legacy(failure: UnicodeError) -> tuple[str, int]:
    """Read the bytes that are no UTF-8 as Windows wrote them for decades: a name with ü in an old export."""
    assert isinstance(failure, UnicodeDecodeError)
    wrong = failure.object[failure.start : failure.end]
    return wrong.decode(_LEGACY, errors="replace"), failure.end


codecs.register_error(_LEGACY_ERRORS, _as_legacy)


class _Raw(io.RawIOBase):
    """A stream, also one inside an archive, that a buffer can look ahead in."""

    def __init__(self, stream: IO[bytes]) -> None:
        super().__init__()
        self._stream = stream

    def readable(self) -> bool:
        return True

    def readinto(self, target: bytearray | memoryview) -> int:  # type: ignore[override]
        data = self._stream.read(len(target))
        target[: len(data)] = data
        return len(data)

    def close(self) -> None:
        if not self.closed:
            self._stream.close()
        super().close()
