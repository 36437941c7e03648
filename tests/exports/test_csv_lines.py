"""Lines of several columns are written fast; they are the bytes that Python's own writer writes."""

import csv
import io
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from talktime.core.insight.tables import Column, ColumnKind
from talktime.exports.csv import harmless, write_csv

NAME, CALLED = Column("Name", ColumnKind.TEXT), Column("Called", ColumnKind.TEXT)
SECONDS = Column("Seconds", ColumnKind.WHOLE)
LOCAL = Column("Start Time Local", ColumnKind.LOCAL)
texts = st.text(st.sampled_from("ab,\"\r\n\t=+-@ 0123456789*'＝"), max_size=6) | st.none()


@given(rows=st.lists(st.tuples(texts, texts, st.integers(-5, 5) | st.none()), max_size=12))
def test_any_rows_are_written_as_python_s_writer_writes_them(
    rows: list[tuple[str | None, str | None, int | None]],
) -> None:
    ours, theirs = io.StringIO(newline=""), io.StringIO(newline="")
    writer = csv.writer(theirs, lineterminator="\r\n")

    write_csv(ours, (NAME, CALLED, SECONDS), rows)

    writer.writerow(["Name", "Called", "Seconds"])
    writer.writerows(
        [None if name is None else harmless(name), None if called is None else harmless(called), seconds]
        for name, called, seconds in rows
    )
    assert ours.getvalue() == theirs.getvalue()


@pytest.mark.parametrize("there", ["\n", "", ",", '"', "=1", "+44\nx"])
def test_one_cell_among_a_thousand_is_not_overlooked(there: str) -> None:
    rows = [["+442079460000", "x"] for _ in range(1_200)]
    rows[700][0] = there
    stream = io.StringIO(newline="")

    write_csv(stream, (NAME, CALLED), rows)

    read = list(csv.reader(io.StringIO(stream.getvalue(), newline="")))[1:]
    assert [row[0] for row in read] == [harmless(name) for name, _ in rows]


def test_a_local_time_says_how_far_it_is_from_utc() -> None:
    stream = io.StringIO(newline="")
    there = datetime(2026, 7, 21, 8, tzinfo=UTC).astimezone(ZoneInfo("America/New_York"))

    write_csv(stream, (LOCAL, SECONDS), [[there, 1]])

    assert stream.getvalue().splitlines()[1] == "2026-07-21T04:00:00-04:00,1"
