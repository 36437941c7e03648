"""Cursors, local clocks, and the details' columns."""

import base64
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from talktime.core.calls.calls import CallKind
from talktime.core.insight.reports.local_clock import offsets
from talktime.core.insight.reports.paging import SortKey, UsageOrder, UsagePlace, cursor_of, place_of
from talktime.core.insight.reports.usage_details import DETAILS
from talktime.core.insight.usage import ReportedUsage
from talktime.core.values.errors import Invalid
from talktime.core.values.periods import Period
from tests.usage_of import usage_row

TEXTS = {SortKey.DESTINATION, SortKey.USER}
WHOLE = st.integers(-(2**62), 2**62)


@given(st.sampled_from(SortKey), st.booleans(), WHOLE, st.text(), WHOLE, st.text(), st.integers(0, 9))
def test_a_cursor_that_is_written_is_the_place_that_is_read(
    key: SortKey,
    is_descending: bool,  # noqa: FBT001 -- hypothesis names it
    whole: int,
    text: str,
    started: int,
    call_key: str,
    line: int,
) -> None:
    order = UsageOrder(key, is_descending)
    place = UsagePlace(text if key in TEXTS else whole, started, call_key, line)

    cursor = cursor_of(place, order)

    assert place_of(cursor, order) == place
    assert cursor.replace("-", "").replace("_", "").isalnum()


@pytest.mark.parametrize(
    "cursor", ["", "x", "?", "é", "bnVsbA", "WzFd", "W10", "WyJzdGFydCIsZmFsc2UsImEiLDEsImIiLDBd", "AAAA", "e30"]
)
def test_what_no_page_gave_is_refused(cursor: str) -> None:
    with pytest.raises(Invalid, match="cursor"):
        place_of(cursor, UsageOrder())


@pytest.mark.parametrize(
    "written",
    [
        "[" * 100_000,
        '["start",false,1,1,"\\ud800",0]',
        '["start",false,1,1,"call",true]',
        '["start",false,1,true,"call",0]',
        '["start",false,false,1,"call",0]',
    ],
    ids=["nested", "half a character", "a line that is true", "an instant that is true", "a value that is false"],
)
def test_what_no_database_understands_is_no_cursor(written: str) -> None:
    with pytest.raises(Invalid, match="cursor"):
        place_of(base64.urlsafe_b64encode(written.encode()).decode(), UsageOrder())


@pytest.mark.parametrize("order", [UsageOrder(SortKey.COST), UsageOrder(SortKey.START, is_descending=True)])
def test_the_cursor_of_another_order_is_refused(order: UsageOrder) -> None:
    cursor = cursor_of(UsagePlace(1, 2, "proxy||call", 0), UsageOrder())

    with pytest.raises(Invalid, match="belongs to another order"):
        place_of(cursor, order)


@pytest.mark.parametrize(
    "zone",
    ["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "Africa/Casablanca"],
)
@given(st.integers(0, 15 * 365 * 24 * 3_600), st.integers(1, 900), st.integers(0, 1_000_000))
def test_offsets_tell_what_the_zones_clock_shows(zone: str, later: int, days: int, part: int) -> None:
    clock = ZoneInfo(zone)
    starts_at = datetime(2015, 1, 1, tzinfo=UTC) + timedelta(seconds=later)
    period = Period(starts_at, starts_at + timedelta(days=days))
    at = period.starts_at + (period.ends_at - period.starts_at) * part // 1_000_000

    found = offsets(clock, period)

    shown = [offset.seconds for offset in found if offset.starts_at <= at][-1]
    assert at.astimezone(clock).utcoffset() == timedelta(seconds=shown)
    assert all(before.seconds != after.seconds for before, after in pairwise(found))


def test_the_details_have_the_originals_columns_and_ours() -> None:
    assert [column.name for column in DETAILS.columns] == [
        *("Start Time", "Display Name", "Username", "Phone Number", "Caller ID", "Operator", "Call Type", "Called To"),
        *("Destination Dialed", "Cost", "Currency", "Duration", "Source of Call Duration", "Domestic/International"),
        *("Call ID", "Number Type", "User's Location", "Conference ID", "Capability", "Department", "Paid By"),
        "Uncovered",
    ]


@pytest.mark.parametrize(
    ("kind", "own", "called"),
    [
        (CallKind.USER_OUT, "+493012345678", "+442071838***"),
        (CallKind.USER_IN, "+442071838750", "+442071838750"),
    ],
)
def test_the_details_show_the_users_own_number_whichever_way_a_call_went(kind: CallKind, own: str, called: str) -> None:
    names = [column.name for column in DETAILS.columns]

    cells = dict(zip(names, DETAILS.cells(ReportedUsage(usage_row(kind=kind), department="Lab"), "DE"), strict=True))

    assert (cells["Phone Number"], cells["Called To"]) == (own, called)
    assert (cells["Department"], cells["Paid By"], cells["Cost"]) == ("Lab", "credit", 112_300)
