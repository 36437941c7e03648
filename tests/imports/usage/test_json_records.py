"""JSON as calls: pages of the Graph API, lists, FreeSWITCH's records, and what is no JSON at all."""

import io
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from talktime.core.insight.importing.duplicates import identity_of
from talktime.core.insight.importing.imported_calls import UsageKind
from talktime.core.insight.importing.reading import NOT_ANSWERED
from talktime.core.values.errors import Invalid
from talktime.imports.usage.json_records import RECORD_CHARACTERS_MAX, JsonRecords
from tests.imports.usage.exports import calls, lines, notes, row, saved, text_of

ROW: dict[str, Any] = {
    "id": "9c4984c7",
    "callId": "c1",
    "userPrincipalName": "ada@contoso.com",
    "startDateTime": "2026-03-02T12:00:00.2589935Z",
    "endDateTime": "2026-03-02T12:03:39.2589935Z",
    "duration": 219,
    "charge": 0.1,
    "connectionCharge": 0.0,
    "callType": "user_out",
    "currency": "USD",
    "calleeNumber": "+442079460000",
    "callerNumber": "+12065550100",
    "destinationContext": None,
    "administrativeUnitInfos": [{"id": "x"}],
}
FREESWITCH: dict[str, Any] = {
    "core-uuid": "x",
    "channel_data": {},
    "variables": {
        "uuid": "c60a1f09-ce61-47d3-a806-82bd2c9a4b6a",
        "user_name": "1001",
        "start_epoch": "1772452800",
        "answer_epoch": "1772452804",
        "end_epoch": "1772452894",
        "billsec": "90",
    },
    "callflow": [{"caller_profile": {"caller_id_number": "1001", "destination_number": "%2B442079460000"}}],
}


def records(text: str) -> list[dict[str, Any]]:
    return [record.members for record in JsonRecords(io.StringIO(text), "calls.json")]


def test_the_samples_of_the_api_are_read(shared_data: Path) -> None:
    folder = shared_data / "teams" / "graph_samples"

    (pstn,) = calls(folder / "getPstnCalls_docs.json")
    (direct,) = calls(folder / "getDirectRoutingCalls_docs.json")

    assert (pstn.source_id, pstn.used_seconds, pstn.capability) == (
        "9c4984c7-6c3c-427d-a30c-bd0b2eacee90",
        219,
        "MCOPSTNU",
    )
    assert (direct.kind, direct.called, direct.charge_micros) == (UsageKind.DIRECT_IN, "01234567***", None)
    assert calls(folder / "cli_microsoft365_pstncalls.json") == [pstn]
    assert calls(folder / "cli_microsoft365_directroutingcalls.json") == [direct]


def test_money_of_a_page_is_exact(tmp_path: Path) -> None:
    (call,) = calls(saved(tmp_path, json.dumps({"value": [ROW | {"charge": 0.1 + 0.2}]}), "page.json"))

    assert call.charge_micros == 300_000
    assert (call.caller, call.called, call.is_domestic) == ("12065550100", "442079460000", None)


def test_an_export_and_the_api_name_a_call_by_the_same_id(tmp_path: Path) -> None:
    (exported,) = calls(saved(tmp_path, text_of([row(UsageId="9C4984C7", Call_ID="")])))
    (answered,) = calls(saved(tmp_path, json.dumps({"value": [ROW]}), "page.json"))

    assert identity_of(exported) == identity_of(answered)


def test_pages_may_follow_each_other_and_the_last_tells_whether_it_is(tmp_path: Path) -> None:
    first = json.dumps({"@odata.nextLink": "https://…?$skip=1", "value": [ROW]})
    last = json.dumps({"value": [ROW | {"id": "2"}, ROW | {"id": "3"}]}, indent=2)

    found = lines(saved(tmp_path, first + "\n" + last, "pages.json"))

    assert [line.line for line in found if line.call] == [1, 2, 3]
    assert notes(saved(tmp_path, first + last, "pages.json")) == []
    assert notes(saved(tmp_path, last + first, "pages.json"))[0].startswith("the last page is not here")


def test_members_that_nobody_reads_are_named_once(tmp_path: Path) -> None:
    path = saved(tmp_path, json.dumps([ROW | {"mood": 1}, ROW | {"mood": 2}, ROW | {"mood": 3, "hue": 1}]), "c.json")

    assert notes(path) == ["members that nobody reads: mood", "members that nobody reads: hue"]


def test_freeswitch_records_are_calls_where_they_were_answered(tmp_path: Path) -> None:
    missed = FREESWITCH | {"variables": FREESWITCH["variables"] | {"answer_epoch": "0"}}
    old = FREESWITCH | {"callflow": {"caller_profile": None}}
    path = saved(tmp_path, "\n".join(map(json.dumps, (FREESWITCH, missed, old))), "cdr.json")

    call, skipped, without_profile = lines(path)

    assert call.call is not None
    assert (call.call.call_id, call.call.user) == ("c60a1f09-ce61-47d3-a806-82bd2c9a4b6a", "1001")
    assert (call.call.caller, call.call.called, call.call.used_seconds) == ("1001", "442079460000", 90)
    assert call.call.started_at == datetime(2026, 3, 2, 12, tzinfo=UTC)
    assert skipped.skipped == NOT_ANSWERED
    assert without_profile.call is not None
    assert without_profile.call.called == ""


def test_a_record_that_is_no_call_is_rejected_by_its_number(tmp_path: Path) -> None:
    path = saved(tmp_path, json.dumps([ROW, ROW | {"duration": -1}, ROW | {"userPrincipalName": "\ud800"}]), "c.json")

    _, negative, surrogate = lines(path)

    assert negative.reject is not None
    assert (negative.line, negative.reject.column) == (2, "duration")
    assert surrogate.reject is not None
    assert "cannot be printed" in surrogate.reject.reason


def test_values_are_found_wherever_they_are_cut() -> None:
    text = json.dumps([{"a": 12345, "b": "x" * 70_000, "c": [1, {"d": None}]}, {"e": 1.50}] * 3, indent=1)

    found = records(text)

    assert len(found) == 6
    assert found[0]["a"] == "12345"
    assert found[5] == {"e": "1.5"}
    assert records(" {} ") == [{}]
    assert records("[]") == []


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ('[{"a": 1}', "breaks off or has '' where ']'"),
        ('{"value": [{"a": 1}, {"b"', "breaks off"),
        ('[{"a": 1} {"b": 2}]', "has '{' where ']'"),
        ("[1, 2]", "no objects"),
        ('{"a" 1}', "where ':'"),
        ('{"a": NaN}', "holds NaN"),
        ("hello", "neither an object nor a list"),
        ('[{"a": ' + "[" * 100_000, "nested too deeply"),
        ('[{"a": "' + "x" * (RECORD_CHARACTERS_MAX + 200_000) + '"}]', "more than 2,000,000 characters"),
    ],
)
def test_what_is_no_json_is_refused(text: str, sentence: str) -> None:
    with pytest.raises(Invalid) as refused:
        records(text)

    assert refused.value.code == "usage_json"
    assert sentence in refused.value.message


def test_records_of_every_shape_are_no_list_of_calls(tmp_path: Path) -> None:
    path = saved(tmp_path, json.dumps([ROW | {f"m{number}": 1} for number in range(65)]), "c.json")

    with pytest.raises(Invalid, match="64 different shapes"):
        lines(path)


def test_an_answer_that_is_an_error_names_what_it_lacks(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match="no column says started_at"):
        lines(saved(tmp_path, '{"error": {"code": "Forbidden"}}', "error.json"))
