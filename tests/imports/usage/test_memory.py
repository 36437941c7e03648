"""A file may have any number of rows: what reading it takes of memory does not follow its size."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY
from tests.imports.usage.many_calls import REPEATED_EACH, save

ROWS = 200_000
FEW_ROWS = 2_000
# Two caches of 65,536 cells each, and 12 bytes a slot for what was seen.
GROWTH_MAX_KILOBYTES = 35_000


def read(path: Path) -> tuple[int, int, int]:
    """Read a file in a process of its own; return its lines, its new calls, and the peak in kilobytes."""
    command = [sys.executable, "-m", "tests.imports.usage.many_calls", str(path)]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=True)
    lines, new, peak = map(int, done.stdout.split())
    return lines, new, peak


@pytest.mark.parametrize("name", ["usage.csv", "Export.callingplans.1.zip"])
def test_a_file_of_two_hundred_thousand_rows_takes_little_more_memory_than_a_small_one(
    name: str, tmp_path: Path
) -> None:
    # A smaller zip, because what is unpacked is read the same way.
    expected = ROWS // 4 if name.endswith(".zip") else ROWS
    large = save(tmp_path / name, expected)
    small = save(tmp_path / f"small-{name}", FEW_ROWS)

    lines, new, peak = read(large)
    _, _, small_peak = read(small)

    assert (lines, new) == (expected, expected - expected // REPEATED_EACH)
    assert peak - small_peak < GROWTH_MAX_KILOBYTES
