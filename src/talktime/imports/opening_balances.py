"""Read opening balances of another system from CSV: one lot for each line, each mistake with its line and column."""

import csv
import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

from talktime.core.credit.lots import LotKind
from talktime.core.credit.opening import Mistake, OpeningBalance
from talktime.core.values.errors import Invalid
from talktime.core.values.money import parse_micros

COLUMNS = ("organization", "amount", "currency", "purchased_at", "expires_at", "source", "reference")
OPTIONAL = ("kind",)
ROWS_MAX = 100_000
_DATE_CHARACTERS = len("2010-01-01")


@dataclass(frozen=True, slots=True)
class OpeningFile:
    """What a file says, and the hash of its bytes."""

    name: str
    file_hash: str
    rows: tuple[OpeningBalance, ...]
    mistakes: tuple[Mistake, ...]


def read_opening_balances(path: Path) -> OpeningFile:
    """Read a file; raise Invalid where it is no such table at all."""
    try:
        content = path.read_bytes()
        text = content.decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as failure:
        message = f"{path.name} cannot be read as UTF-8 text: {failure}"
        raise Invalid(message, code="file") from failure
    reader = csv.DictReader(text.splitlines(), strict=True)
    _check_header(path.name, reader.fieldnames or ())
    rows: list[OpeningBalance] = []
    mistakes: list[Mistake] = []
    for line, cells in _lines(path.name, reader):
        found = list(_read(line, cells))
        rows += [each for each in found if isinstance(each, OpeningBalance)]
        mistakes += [each for each in found if isinstance(each, Mistake)]
    return OpeningFile(path.name, hashlib.sha256(content).hexdigest(), tuple(rows), tuple(mistakes))


def _check_header(name: str, header: object) -> None:
    named = {str(column).strip().lower() for column in header} if isinstance(header, list | tuple) else set()
    missing = [column for column in COLUMNS if column not in named]
    unknown = sorted(named - {*COLUMNS, *OPTIONAL})
    if missing or unknown:
        said = f"lacks {', '.join(missing)}" if missing else f"has {', '.join(unknown)}, which nobody reads"
        message = f"the first line of {name} {said}; write {','.join(COLUMNS)} and, if you like, kind"
        raise Invalid(message, code="header")


def _lines(name: str, reader: "csv.DictReader[str]") -> Iterator[tuple[int, Mapping[str, str]]]:
    try:
        for count, row in enumerate(reader, start=1):
            if count > ROWS_MAX:
                message = f"{name} has more than {ROWS_MAX:,} lines: split it"
                raise Invalid(message, code="too_many_lines")
            yield reader.line_num, {str(key).strip().lower(): str(cell or "").strip() for key, cell in row.items()}
    except csv.Error as failure:
        message = f"{name} line {reader.line_num}: {failure}"
        raise Invalid(message, code="file") from failure


def _read(line: int, cells: Mapping[str, str]) -> Iterator[OpeningBalance | Mistake]:
    mistakes = list(_mistakes(line, cells))
    if mistakes:
        yield from mistakes
        return
    yield OpeningBalance(
        line,
        cells["organization"],
        parse_micros(cells["amount"]),
        cells["currency"].upper(),
        _instant(cells["purchased_at"]),
        _instant(cells["expires_at"]),
        cells["source"],
        cells["reference"],
        LotKind[cells.get("kind", "").upper() or "PURCHASED"],
    )


def _mistakes(line: int, cells: Mapping[str, str]) -> Iterator[Mistake]:
    for column in ("organization", "currency", "source", "reference"):
        if not cells[column]:
            yield Mistake(line, column, "nothing is written here")
    try:
        parse_micros(cells["amount"])
    except ValueError as failure:
        yield Mistake(line, "amount", f"{failure}: write it as 200 or 0.0135")
    for column in ("purchased_at", "expires_at"):
        try:
            _instant(cells[column])
        except ValueError:
            yield Mistake(line, column, f"{cells[column]!r} is no date: write 2026-03-01, or 2026-03-01T09:30:00Z")
    if not cells["purchased_at"] and not cells["expires_at"]:
        yield Mistake(line, "expires_at", "say when it was bought, or when it expires")
    kind = cells.get("kind", "").upper()
    if kind and kind not in LotKind.__members__:
        yield Mistake(line, "kind", f"{cells['kind']!r} is no kind: write purchased or promotional")


def _instant(text: str) -> date | datetime | None:
    """Read a date, or an instant with its offset; raise ValueError."""
    if not text:
        return None
    if len(text) == _DATE_CHARACTERS:
        return date.fromisoformat(text)
    read = datetime.fromisoformat(text)
    if read.tzinfo is None:
        raise ValueError(text)
    return read.astimezone(UTC)
