"""A made-up export of any size, written row by row: run as a program it reads one, and says how much memory that took.

python -m tests.imports.usage.many_calls FILE       prints lines, calls that are new, and the peak in kilobytes
"""

import io
import resource
import sys
import zipfile
from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import islice
from pathlib import Path

from talktime.core.insight.importing.duplicates import SeenCalls, identity_of
from talktime.core.insight.importing.tallies import Known, KnownCall, Tallying
from talktime.imports.usage import read_usage_file
from tests.imports.usage.exports import OF_2025, PLAIN, row

BEGINS_AT = datetime(2025, 1, 1)  # noqa: DTZ001 -- an export's Z is written behind it
# Every so many rows one comes again.
REPEATED_EACH = 1_000
_ROWS_AT_ONCE = 10_000


def rows(count: int) -> Iterator[str]:
    """Yield the lines of an export with so many calls, each call another one but for a thousandth."""
    yield ",".join(OF_2025) + "\r\n"
    template = ",".join(row(UsageId="{id}", Call_ID="{id}", Start_Time="{start}Z", End_Time="", UPN="user{user}@c.com"))
    for number in range(count):
        distinct = number - 1 if number % REPEATED_EACH == REPEATED_EACH - 1 else number
        start = (BEGINS_AT + timedelta(seconds=distinct * 3)).isoformat()
        yield template.format(id=f"{distinct:x}", start=start, user=distinct % 5_000) + "\r\n"


def save(path: Path, count: int) -> Path:
    """Write an export of so many calls: a zip where the file is to be one."""
    lines = rows(count)
    if path.suffix != ".zip":
        with path.open("w", newline="") as plain:
            plain.writelines(lines)
        return path
    with (
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive,
        archive.open("PSTN.calls.2026-03-10.csv", "w", force_zip64=True) as packed,
        io.TextIOWrapper(packed, "utf-8", newline="") as text,
    ):
        while piece := list(islice(lines, _ROWS_AT_ONCE)):
            text.writelines(piece)
    return path


def main(path: Path) -> None:
    """Read a file as a dry run does, without a database."""
    tallying, seen = Tallying(), SeenCalls()
    for line in read_usage_file(path, PLAIN):
        if line.call is None:
            tallying.add_no_call(line)
        elif (first := seen.first_line(identity_of(line.call), line.line)) is not None:
            tallying.add_known(KnownCall(line.line, Known.IN_FILE, first))
        else:
            tallying.add_new(line.call)
    tally = tallying.tally()
    print(tally.lines_count, tally.new_count, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
