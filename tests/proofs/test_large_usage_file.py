"""Ten million rows of usage: read, told apart, and never all in memory.

make prove ONLY=ten_million
"""

from pathlib import Path

import pytest

from tests.imports.usage.many_calls import REPEATED_EACH, save
from tests.imports.usage.test_memory import read

ROWS = 10_000_000
# 12 bytes for each of 16.8 million slots, half as much again while they are moved, and Python itself.
PEAK_MAX_KILOBYTES = 500_000


@pytest.mark.proof
def test_ten_million_rows_in_a_zip_are_read_in_bounded_memory(tmp_path: Path) -> None:
    path = save(tmp_path / "Export.callingplans.1.zip", ROWS)

    lines, new, peak = read(path)

    print(f"{lines:,} lines, {new:,} new, peak {peak / 1024:,.0f} MB, file {path.stat().st_size / 1024**2:,.0f} MB")
    assert (lines, new) == (ROWS, ROWS - ROWS // REPEATED_EACH)
    assert peak < PEAK_MAX_KILOBYTES
