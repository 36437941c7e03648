"""The vendor's exports of all years, and our own, as calls."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest

from talktime.core.insight.importing.imported_calls import UsageKind
from talktime.core.insight.importing.reading import NOT_ANSWERED
from talktime.core.insight.reports.filters import Direction
from tests.imports.usage.exports import (
    DIRECT,
    OF_2020,
    OF_2023,
    OF_2025,
    calls,
    lines,
    notes,
    row,
    saved,
    text_of,
)


@pytest.mark.parametrize(("header", "width"), [(OF_2020, 20), (OF_2023, 22), (OF_2025, 25)])
def test_the_exports_of_all_years_tell_the_same(header: Sequence[str], width: int, tmp_path: Path) -> None:
    path = saved(tmp_path, text_of([row(header)], header))

    (call,) = calls(path)

    assert len(header) == width
    assert (call.source_id, call.call_id) == ("9c4984c7-6c3c-427d-a30c-bd0b2eacee90", "call-1")
    assert (call.user, call.user_id) == ("ada@contoso.com", "db03c14b-06eb-4189-939b-7cbf3a20ba27")
    assert call.started_at == datetime(2026, 3, 2, 12, 0, 0, 123456, tzinfo=UTC)
    assert (call.used_seconds, call.charge_micros, call.currency) == (65, 50_000, "EUR")
    assert (call.called, call.country) == ("442079460000", "" if header is OF_2020 else "GB")
    assert notes(path) == []


def test_the_columns_are_those_of_the_documentation(shared_data: Path) -> None:
    folder = shared_data / "teams" / "export_columns"
    documented = {
        name: [line.split(",")[1] for line in (folder / name).read_text().splitlines()[1:]]
        for name in ("pstn_usage_columns.csv", "direct_routing_columns.csv")
    }

    assert documented["pstn_usage_columns.csv"] == list(OF_2020)
    squeezed = {name.replace(" ", "").lower() for name in DIRECT} | {"aadobjectid", "duration(seconds)"}
    assert {name.replace(" ", "").lower() for name in documented["direct_routing_columns.csv"]} <= squeezed


def test_columns_that_nobody_reads_are_named_once(tmp_path: Path) -> None:
    header = (*OF_2025, "Emotion Score", "Carbon")
    path = saved(tmp_path, text_of([[*row(), "0.4", "1g"], [*row(), "0.5", "2g"]], header))

    assert notes(path) == ["columns that nobody reads: Emotion Score, Carbon"]
    assert len(calls(path)) == 2


def test_direct_routing_has_no_money_and_hides_numbers(tmp_path: Path) -> None:
    path = saved(tmp_path, text_of([row(DIRECT), row(DIRECT, Success="No")], DIRECT))

    call, failed = lines(path)

    assert call.call is not None
    assert call.call.kind is UsageKind.DIRECT_OUT
    assert (call.call.caller, call.call.called) == ("493012345***", "442079460000")
    assert (call.call.charge_micros, call.call.user_location) == (None, "DE")
    assert failed.skipped == NOT_ANSWERED


def test_an_unknown_call_type_goes_the_way_of_its_direction_and_is_named_once(tmp_path: Path) -> None:
    rows = [row(Call_Type="oc_hologram", Call_Direction="Inbound", UsageId=str(number)) for number in range(2)]
    path = saved(tmp_path, text_of(rows))

    assert [(call.kind, call.direction) for call in calls(path)] == [(UsageKind.OTHER_IN, Direction.INBOUND)] * 2
    assert notes(path) == ["call type 'oc_hologram' is not known, read as any inbound call"]


def test_lines_are_numbered_as_an_editor_does(tmp_path: Path) -> None:
    name = '"Ada\nLovelace"'
    path = saved(tmp_path, text_of([row(User_Display_Name=name), row(Charge="x"), row()]))

    found = lines(path)

    assert [line.line for line in found] == [2, 4, 5]
    assert found[0].call is not None
    assert found[0].call.user_name == "Ada Lovelace"
    assert found[1].reject is not None


def test_an_export_without_offsets_is_in_utc(tmp_path: Path) -> None:
    path = saved(tmp_path, text_of([row(Start_Time="2026-03-02 12:00:00", End_Time="")]))

    assert calls(path)[0].started_at == datetime(2026, 3, 2, 12, tzinfo=UTC)
