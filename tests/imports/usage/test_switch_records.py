"""Switches' own files as calls, by the reader that reconciles them."""

import csv
from datetime import UTC, datetime
from pathlib import Path

import pytest

from talktime.core.insight.importing.imported_calls import UsageKind
from talktime.core.insight.importing.reading import NOT_ANSWERED, ReadingTerms
from talktime.core.values.errors import Invalid
from talktime.imports.usage import HowToRead, UsageFormat
from talktime.imports.usage.mappings import mapping_of
from tests.imports.usage.exports import NOW, calls, lines, on_clock, saved

BERLIN = on_clock("Europe/Berlin")
ASTERISK = (
    '"acme","1001","0033140205050","out","""Ada"" <1001>","PJSIP/ada-1","PJSIP/t-2","Dial","x","2026-03-02 13:00:00",'
    '"2026-03-02 13:00:04","2026-03-02 13:01:34",94,90,"ANSWERED","DOCUMENTATION","1772452800.7"'
)
FREESWITCH = (
    '"Ada","+442071234567","1001","default","2026-03-02 13:00:00","2026-03-02 13:00:04","2026-03-02 13:01:34",'
    '"94","90","NORMAL_CLEARING","c60a1f09-ce61-47d3-a806-82bd2c9a4b6a","","acme","PCMA","PCMA"'
)
ACC = "id,method,from_tag,to_tag,callid,sip_code,sip_reason,time,cseq,src_user,dst_user"
INVITE = "1,INVITE,f1,t1,call-1,200,OK,2026-03-02 13:00:00,1,1001,33140205050"
BYE = "2,BYE,t1,f1,call-1,200,OK,2026-03-02 13:01:30,2,,"


def test_asterisk_writes_one_line_for_each_call(tmp_path: Path) -> None:
    path = saved(tmp_path, f"{ASTERISK}\n{ASTERISK.replace('ANSWERED', 'BUSY')}\n", "Master.csv")

    call, busy = lines(path, BERLIN)

    assert call.call is not None
    assert call.call.kind is UsageKind.USER_OUT
    assert call.call.started_at == datetime(2026, 3, 2, 12, tzinfo=UTC)
    assert (call.call.user, call.call.called, call.call.used_seconds) == ("1001", "33140205050", 90)
    assert busy.skipped == NOT_ANSWERED


def test_a_real_asterisk_file_is_read(shared_data: Path) -> None:
    path = shared_data / "calls" / "asterisk_master_csv" / "Master.csv"
    with path.open(newline="") as file:
        billed = [int(cells[12]) for cells in csv.reader(file) if cells[13] == "ANSWERED"]

    found = lines(path, on_clock("UTC"))

    assert [line.call.used_seconds for line in found if line.call] == billed
    assert {line.call.caller for line in found if line.call} == {"client1", "client2"}
    assert len([line for line in found if line.skipped == NOT_ANSWERED]) == len(found) - len(billed)


def test_a_call_from_outside_to_an_extension_came_in(tmp_path: Path) -> None:
    (call,) = calls(saved(tmp_path, FREESWITCH + "\n", "cdr.csv"), BERLIN)

    assert (call.kind, call.user, call.caller) == (UsageKind.USER_IN, "1001", "442071234567")


def test_a_call_for_help_is_one(tmp_path: Path) -> None:
    (call,) = calls(saved(tmp_path, FREESWITCH.replace('"1001"', '"112"') + "\n", "cdr.csv"), BERLIN)

    assert call.kind is UsageKind.EMERGENCY_OUT


def test_a_clock_must_be_told_for_switches_write_none(tmp_path: Path) -> None:
    (line,) = lines(saved(tmp_path, ASTERISK + "\n", "Master.csv"))

    assert line.reject is not None
    assert "does not say in which time zone" in line.reject.reason


@pytest.mark.parametrize("rows", [(INVITE, BYE), (BYE, INVITE)])
def test_kamailios_two_rows_are_one_call(rows: tuple[str, str], tmp_path: Path) -> None:
    (call,) = calls(saved(tmp_path, "\n".join((ACC, *rows)) + "\n", "acc.csv"), BERLIN)

    assert (call.call_id, call.used_seconds, call.called) == ("call-1", 90, "33140205050")
    assert call.ended_at == datetime(2026, 3, 2, 12, 1, 30, tzinfo=UTC)


def test_kamailios_rows_without_their_other_half_are_rejected(tmp_path: Path) -> None:
    failed = INVITE.replace("200,OK", "486,Busy").replace("call-1", "call-2")
    cancel = INVITE.replace("INVITE", "CANCEL")
    path = saved(tmp_path, f"{ACC}\n{INVITE}\n{failed}\n{cancel}\n", "acc.csv")

    busy, other, alone = lines(path, BERLIN)

    assert busy.skipped == NOT_ANSWERED
    assert other.skipped == "no INVITE and no BYE"
    assert alone.reject is not None
    assert (alone.line, alone.reject.reason) == (2, "its end is not in the file, or not its beginning")


def test_the_format_can_be_told_and_a_mapping_tells_clock_and_country(tmp_path: Path) -> None:
    mapping = mapping_of({"zone": "Europe/Berlin", "country_code": "49", "user": "desk"})
    path = saved(tmp_path, ASTERISK.replace("0033140205050", "030123456").replace('"1001"', '""') + "\n", "Master.csv")

    (call,) = calls(path, HowToRead(ReadingTerms(NOW), UsageFormat.ASTERISK, mapping))

    assert (call.called, call.user) == ("4930123456", "desk")


def test_a_switchs_clock_that_was_never_set_is_rejected(tmp_path: Path) -> None:
    (line,) = lines(saved(tmp_path, ASTERISK.replace("2026-03-02", "1970-01-01") + "\n", "Master.csv"), BERLIN)

    assert line.reject is not None
    assert "before 2000" in line.reject.reason


@pytest.mark.parametrize(
    ("good", "bad"), [("1001", "10\x0701"), ("1772452800.7", "1772452800\x07"), ("1001", "=cmd|x")]
)
def test_a_switchs_cell_that_is_no_text_is_rejected(good: str, bad: str, tmp_path: Path) -> None:
    (line,) = lines(saved(tmp_path, ASTERISK.replace(f'"{good}"', f'"{bad}"') + "\n", "Master.csv"), BERLIN)

    assert line.reject is not None
    assert "cannot be printed" in line.reject.reason or "is a formula" in line.reject.reason


def test_a_file_that_is_said_to_be_a_switchs_and_is_not_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match="holds no uniqueid"):
        lines(saved(tmp_path, "a,b\n", "x.csv"), HowToRead(ReadingTerms(NOW), UsageFormat.ASTERISK))
