from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import openpyxl
import pytest

from talktime.core.calls.calls import CallKind
from talktime.core.calls.replaying import RecordedCall
from talktime.core.values.errors import Invalid, NotFound
from talktime.imports import call_files
from talktime.imports.call_files import CallLine, read_call_file, read_calls

HEADER = "call_id,from,to,kind,started_at,ring_seconds,duration_seconds"
NODOBO_HEADER = "user,peer,peer_class,peer_prefix_masked,direction,duration_seconds,start_time"
HALF_PAST_NINE = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)


def read(*lines: str, zone: ZoneInfo | None = None) -> list[CallLine]:
    rows = ((number, line.split(",") if line else []) for number, line in enumerate(lines, start=1))
    return list(read_calls(rows, name="march", zone=zone))


def reason(line: str, *, header: str = HEADER) -> str:
    (found,) = read(header, line)
    assert found.call is None
    assert found.line == 2
    return found.reason


def test_a_line_of_our_own_layout_is_a_call() -> None:
    found = read(HEADER, "A1,ada@acme.example,+44 20 7946 0000,user_out,2026-03-02T09:30:00Z,7,95")

    call = RecordedCall("A1", "ada@acme.example", "442079460000", CallKind.USER_OUT, HALF_PAST_NINE, 7, 95)
    assert found == [CallLine(2, "user_out", call)]


@pytest.mark.parametrize(
    "header",
    [
        "uuid,caller_id_number,destination_number,direction,start_stamp,ring_time,billsec",
        "Call-ID,Source,Destination,Call type,Start time,Ring,Duration",
        "UniqueID,src,dst,type,setup_time,ringing,talk seconds",
    ],
)
def test_other_switches_names_of_the_columns_are_understood(header: str) -> None:
    (found,) = read(header, "A1,ada@acme.example,442079460000,outgoing,2026-03-02T10:30:00+01:00,7,95")

    assert found.call == RecordedCall(
        "A1", "ada@acme.example", "442079460000", CallKind.USER_OUT, HALF_PAST_NINE, 7, 95
    )


def test_columns_may_be_missing_that_a_call_can_do_without() -> None:
    (found,) = read("from,to,started_at,duration_seconds", "Ada,442079460000,2026-03-02T09:30:00Z,95")

    assert found == CallLine(2, "blank", RecordedCall("march:2", "ada", "442079460000", None, HALF_PAST_NINE, 0, 95))


@pytest.mark.parametrize(
    ("stated", "caller"),
    [
        ("Ada@Acme.example", "ada@acme.example"),
        ("sip:Ada@pbx.acme.example;user=phone", "ada"),
        ("sip:+12065550100@10.0.0.1", "12065550100"),
        ("+1 (206) 555-0100", "12065550100"),
        ("12065550100@10.0.0.1", "12065550100"),
        ("User17", "user17"),
    ],
)
def test_callers_are_numbers_or_names_as_identities_are_written(stated: str, caller: str) -> None:
    (found,) = read(HEADER, f"A1,{stated},442079460000,user_out,2026-03-02T09:30:00Z,0,1")

    assert found.call is not None
    assert found.call.caller == caller


@pytest.mark.parametrize(
    ("stated", "kind"),
    [
        ("", None),
        ("emergency_out", None),
        ("Inbound", CallKind.USER_IN),
        ("conf_in", CallKind.CONFERENCE_IN),
        ("conf_out", CallKind.CONFERENCE_OUT),
    ],
)
def test_the_kind_is_read_or_left_to_charging(stated: str, kind: CallKind | None) -> None:
    (found,) = read(HEADER, f"A1,1,2,{stated},2026-03-02T09:30:00Z,0,0")

    assert found.call is not None
    assert found.call.kind is kind


@pytest.mark.parametrize(("stated", "seconds"), [("0", 0), ("12", 12), ("12.0", 12), ("12.001", 13), (" 7 ", 7)])
def test_a_started_second_counts(stated: str, seconds: int) -> None:
    (found,) = read(HEADER, f"A1,ada,442079460000,user_out,2026-03-02T09:30:00Z,0,{stated}")

    assert found.call is not None
    assert found.call.duration_seconds == seconds


def test_a_local_time_is_read_in_the_zone_that_was_given() -> None:
    line = "A1,ada,442079460000,user_out,2026-07-02 10:30:00,0,5"

    (found,) = read(HEADER, line, zone=ZoneInfo("Europe/London"))

    assert found.call is not None
    assert found.call.started_at == datetime(2026, 7, 2, 9, 30, tzinfo=UTC)
    assert "time zone" in reason(line)


@pytest.mark.parametrize(
    ("line", "named"),
    [
        ("A1,ada,442079460000,user_out,2026-03-02T09:30:00Z,0,-1", "duration_seconds '-1'"),
        ("A1,ada,442079460000,user_out,2026-03-02T09:30:00Z,-5,1", "ring_seconds '-5'"),
        ("A1,ada,442079460000,user_out,2026-03-02T09:30:00Z,0,", "duration_seconds is missing"),
        ("A1,ada,442079460000,user_out,2026-03-02T09:30:00Z,0,one", "duration_seconds 'one'"),
        ("A1,ada,442079460000,user_out,2026-03-02T09:30:00Z,0,nan", "duration_seconds 'nan'"),
        ("A1,ada,442079460000,user_out,2026-03-02T09:30:00Z,0,Infinity", "duration_seconds 'Infinity'"),
        ("A1,ada,442079460000,user_out,2026-03-02T09:30:00Z,0,90000", "longer than a day"),
        ("A1,ada,442079460000,user_out,,0,1", "start is missing"),
        ("A1,ada,442079460000,user_out,yesterday,0,1", "start 'yesterday'"),
        ("A1,ada,,user_out,2026-03-02T09:30:00Z,0,1", "to is missing"),
        ("A1,ada,442079460000,telex,2026-03-02T09:30:00Z,0,1", "kind 'telex'"),
        ("A1,ada,442079460000,user_out,2026-03-02T09:30:00Z,0", "6 cells"),
        ("A1,ada,442079460000,user_out,2026-03-02T09:30:00Z,0,1,2", "8 cells"),
        (",,,,,,", "the line is empty"),
        ("", "the line is empty"),
        (f"A1,{'a' * 256},442079460000,user_out,2026-03-02T09:30:00Z,0,1", "from is longer than 255"),
        ("A1,ada\x07,442079460000,user_out,2026-03-02T09:30:00Z,0,1", "not printable"),
        (f"{'A' * 201},ada,442079460000,user_out,2026-03-02T09:30:00Z,0,1", "longer than 200"),
    ],
)
def test_a_line_that_is_no_call_is_named_with_its_reason(line: str, named: str) -> None:
    assert named in reason(line)


def test_what_is_wrong_with_a_line_hides_no_other() -> None:
    good = "ada,442079460000,user_out,2026-03-02T09:30:00Z,0,1"

    found = read(HEADER, f"A1,{good}", ",,,,,,", f"A2,{good}")

    assert [(line.line, line.call is not None) for line in found] == [(2, True), (3, False), (4, True)]


def test_a_call_id_that_comes_twice_is_read_once_and_named_the_second_time() -> None:
    line = "A1,ada,442079460000,user_out,2026-03-02T09:30:00Z,0,1"

    found = read(HEADER, line, line)

    assert found[0].call is not None
    assert found[1].reason == "call_id 'A1' stands in line 2 already"


@pytest.mark.parametrize(
    ("header", "named"),
    [
        ("call_id,from,to,kind,started_at,ring_seconds", "duration_seconds"),
        ("", "from, to, started_at, duration_seconds"),
        ("id,from,to,start,duration,billsec", "'billsec' and 'duration'|'duration' and 'billsec'"),
    ],
)
def test_a_header_that_does_not_say_what_is_needed_is_refused(header: str, named: str) -> None:
    with pytest.raises(Invalid, match=named):
        read(header, "x")


def test_a_quote_that_never_ends_is_refused_instead_of_swallowing_the_rest(tmp_path: Path) -> None:
    path = tmp_path / "march.csv"
    line = "A1,ada,442079460000,user_out,2026-03-02T09:30:00Z,0,1"
    path.write_text(f'{HEADER}\n{line}\nA2,"{line}\n{line}\n')

    with pytest.raises(Invalid, match="line 3"):
        list(read_call_file(path))


def test_a_file_with_too_many_calls_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(call_files, "LINES_MAX", 1)

    with pytest.raises(Invalid, match="split it"):
        read(HEADER, ",,,,,,", ",,,,,,")


def test_the_log_of_a_phone_is_read_from_its_users_side() -> None:
    found = read(
        NODOBO_HEADER,
        "user17,peer1,mobile,+447434000000,Outgoing,31,2010-09-15T19:17:44+01:00",
        "user17,peer1,mobile,+447434000000,Incoming,12,2010-09-15T20:17:44+01:00",
        "user17,peer1,mobile,+447434000000,Missed,0,2010-09-15T21:17:44+01:00",
    )

    started = [datetime(2010, 9, 15, hour, 17, 44, tzinfo=UTC) for hour in (18, 19, 20)]
    assert [line.label for line in found] == ["outgoing", "incoming", "missed"]
    assert [line.call for line in found] == [
        RecordedCall("march:2", "user17", "447434000000", CallKind.USER_OUT, started[0], 0, 31),
        RecordedCall("march:3", "447434000000", "user17", CallKind.USER_IN, started[1], 0, 12),
        RecordedCall("march:4", "447434000000", "user17", CallKind.USER_IN, started[2], 0, 0),
    ]


@pytest.mark.parametrize(
    ("line", "label", "named"),
    [
        ("user01,peer6,withheld,,,,", "blank", "direction is missing"),
        ("user06,peer11,mobile,+447066000000,,,2010-09-10T18:14:22+01:00", "blank", "direction is missing"),
        ("user17,peer1,mobile,+447434000000,Incoming,,2010-09-15T19:17:44+01:00", "incoming", "duration_seconds"),
        ("user17,peer1,mobile,+447434000000,Missed,3,2010-09-15T19:17:44+01:00", "missed", "cannot last 3 s"),
        ("user17,peer1,mobile,,Outgoing,3,2010-09-15T19:17:44+01:00", "outgoing", "peer_prefix_masked is missing"),
        (",peer1,mobile,+447434000000,Outgoing,3,2010-09-15T19:17:44+01:00", "outgoing", "user is missing"),
        ("user17,peer1,mobile,+447434000000,Sideways,3,2010-09-15T19:17:44+01:00", "sideways", "'sideways'"),
    ],
)
def test_a_line_of_a_phones_log_that_is_no_call_is_named_with_its_reason(line: str, label: str, named: str) -> None:
    (found,) = read(NODOBO_HEADER, line)

    assert (found.line, found.label, found.call) == (2, label, None)
    assert named in found.reason


def test_a_call_from_nobody_is_still_a_call() -> None:
    (found,) = read(NODOBO_HEADER, "user17,peer1,withheld,,Incoming,3,2010-09-15T19:17:44+01:00")

    assert found.call is not None
    assert found.call.caller == ""


def test_a_file_may_be_separated_and_encoded_as_spreadsheets_do(tmp_path: Path) -> None:
    path = tmp_path / "april.csv"
    path.write_text("from;to;started_at;duration_seconds\nada;442079460000;2026-03-02T09:30:00Z;1\n", "utf-8-sig")

    (found,) = read_call_file(path)

    assert found.line == 2
    assert found.call is not None
    assert found.call.call_id == "april:2"


def test_a_workbook_is_read_with_its_clock_as_given(tmp_path: Path) -> None:
    workbook = openpyxl.Workbook()
    workbook.active.append(["from", "to", "started_at", "duration_seconds"])
    workbook.active.append(["ada", 442079460000, datetime(2026, 3, 2, 10, 30), 61.5])  # noqa: DTZ001 -- as Excel has it
    workbook.save(tmp_path / "april.xlsx")

    (found,) = read_call_file(tmp_path / "april.xlsx", ZoneInfo("Europe/Paris"))

    assert found.call == RecordedCall("april:2", "ada", "442079460000", None, HALF_PAST_NINE, 0, 62)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match=r"nowhere\.csv"):
        list(read_call_file(tmp_path / "nowhere.csv"))
