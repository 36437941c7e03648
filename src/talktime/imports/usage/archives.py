"""The zip in which exports are downloaded (domain.md 7.4): its files of calls, read without unpacking them to disk."""

import json
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from talktime.core.values.errors import Invalid
from talktime.core.values.frozen import frozen

FILES_MAX = 1_000
# Ten million rows are 4 GB; who has more has several exports.
UNPACKED_MAX_BYTES = 32 * 1024**3
# Rows of calls shrink to a tenth. What shrinks to less than a hundredth and is large unpacked is a zip bomb.
RATIO_MAX = 100
RATIO_FREE_BYTES = 64 * 1024**2
PARAMETERS = "parameters.json"
_PARAMETERS_MAX_BYTES = 1_000_000
_SUFFIXES = (".csv", ".txt", ".tsv", ".json")
_WORKBOOK = "xl/workbook.xml"
_DAMAGE = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, OSError)


@frozen
class ArchivePart:
    """A file in an archive; `note` says what there is beside the calls."""

    name: str
    stream: IO[bytes] | None
    note: str = ""


def is_workbook(path: Path) -> bool:
    """Tell whether a zip is an XLSX workbook; raise Invalid for one that is cut off or damaged."""
    with named_damage(path), zipfile.ZipFile(path) as archive:
        return any(entry.filename == _WORKBOOK for entry in archive.infolist())


def parts_of(path: Path) -> Iterator[ArchivePart]:
    """Yield the files of calls in a zip, each to be read before the next; read all of it under `named_damage`."""
    with zipfile.ZipFile(path) as archive:
        entries = [entry for entry in archive.infolist() if not entry.is_dir()]
        _check(path, entries)
        with_calls = sorted((entry for entry in entries if _has_calls(entry)), key=lambda entry: entry.filename)
        if not with_calls:
            names = ", ".join(entry.filename for entry in entries[:5]) or "nothing"
            message = f"{path.name} holds no CSV and no JSON of calls, but {names}"
            raise Invalid(message, code="usage_zip")
        for entry in entries:
            if entry.filename.rsplit("/", 1)[-1].lower() == PARAMETERS:
                yield ArchivePart(entry.filename, None, _parameters(archive, entry))
            elif entry not in with_calls:
                yield ArchivePart(entry.filename, None, "no file of calls: left aside")
        for entry in with_calls:
            with archive.open(entry) as stream:
                yield ArchivePart(entry.filename, stream)


@contextmanager
def named_damage(path: Path) -> Iterator[None]:
    """Turn what goes wrong while a zip is opened or read into Invalid."""
    try:
        yield
    except _DAMAGE as failure:
        message = f"{path.name} is cut off, damaged or protected by a password: {failure}; download it again"
        raise Invalid(message, code="usage_zip") from failure


def _has_calls(entry: zipfile.ZipInfo) -> bool:
    name = entry.filename.lower()
    return name.endswith(_SUFFIXES) and not name.endswith(PARAMETERS)


def _check(path: Path, entries: list[zipfile.ZipInfo]) -> None:
    unpacked_bytes = sum(entry.file_size for entry in entries)
    packed_bytes = sum(entry.compress_size for entry in entries)
    if len(entries) > FILES_MAX:
        message = f"{path.name} holds {len(entries):,} files; an export has at most {FILES_MAX:,}"
    elif unpacked_bytes > UNPACKED_MAX_BYTES:
        message = f"{path.name} unpacks to {unpacked_bytes // 1024**3:,} GB; split it"
    elif unpacked_bytes > RATIO_FREE_BYTES and unpacked_bytes > RATIO_MAX * packed_bytes:
        message = f"{path.name} unpacks to {unpacked_bytes // max(packed_bytes, 1):,} times itself: that is no export"
    else:
        return
    raise Invalid(message, code="usage_zip_too_large")


def _parameters(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> str:
    """Tell what was asked for when the export was made, in the file's own words."""
    with archive.open(entry) as stream:
        content = stream.read(_PARAMETERS_MAX_BYTES)
    try:
        stated = json.loads(content.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        return "no JSON: left aside"
    if not isinstance(stated, dict):
        return "left aside"
    words = [f"{name} {value}" for name, value in stated.items() if isinstance(value, str | int | bool)]
    return "asked for: " + ", ".join(words) if words else "left aside"
