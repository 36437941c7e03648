"""Switches' own files of their calls: each line a record, or the reason why it is none."""

from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from talktime.core.calls.afterwards.reconciling import SwitchRecord
from talktime.core.values.errors import Invalid, NotFound
from talktime.imports.switch_files import SwitchFormat, SwitchLine, open_switch_file

BERLIN = ZoneInfo("Europe/Berlin")
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
UUID = "c60a1f09-ce61-47d3-a806-82bd2c9a4b6a"
ASTERISK = (
    '"acme","442071234567","0033140205050","out",""Ada"" <442071234567>,"PJSIP/ada-1","PJSIP/t-2","Dial","x",'
    '"2026-03-02 13:00:00","2026-03-02 13:00:04","2026-03-02 13:01:34",94,90,"ANSWERED","DOCUMENTATION"'
)
FREESWITCH = (
    '"Ada","+442071234567","33140205050","default","2026-03-02 13:00:00","2026-03-02 13:00:04","2026-03-02 13:01:34",'
    f'"94","90","NORMAL_CLEARING","{UUID}","","acme","PCMA","PCMA"'
)
ACC = "id,method,from_tag,to_tag,callid,sip_code,sip_reason,time,cseq,src_user,dst_user"


def read(
    tmp_path: Path, *lines: str, wanted: SwitchFormat | None = None, zone: ZoneInfo | None = BERLIN
) -> tuple[SwitchFormat, list[SwitchLine]]:
    path = tmp_path / "calls.csv"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    file = open_switch_file(path, wanted, zone)
    return file.format, list(file.lines)


def at(second: int, minute: int = 0) -> datetime:
    return NOON.replace(minute=minute, second=second)


def test_asterisk_names_a_call_by_linkedid_and_uniqueid(tmp_path: Path) -> None:
    format_, (line, busy) = read(
        tmp_path,
        f'{ASTERISK},"1709380800.7","","1709380800.5",3',
        f'{ASTERISK},"1709380800.8","","1709380800.6",3'.replace("ANSWERED", "BUSY"),
    )

    assert format_ is SwitchFormat.ASTERISK
    assert line.record == SwitchRecord(
        1, "1709380800.5", "1709380800.7", at(0), at(4), at(34, 1), 90, "442071234567", "33140205050"
    )
    assert busy.record is not None
    assert (busy.record.talked_seconds, busy.record.answered_at) == (0, None)


def test_asterisk_in_the_order_of_cdr_custom_is_known_by_its_length(tmp_path: Path) -> None:
    format_, (line,) = read(
        tmp_path,
        '""Ada" <1001>","442071234567","33140205050","out","PJSIP/ada-1","PJSIP/t-2","Dial","x","2026-03-02 13:00:00",'
        '"2026-03-02 13:00:04","2026-03-02 13:01:34","94","90","ANSWERED","DOCUMENTATION","","1709380800.7","",3',
    )

    assert format_ is SwitchFormat.ASTERISK
    assert line.record == SwitchRecord(
        1, "1709380800.7", "1709380800.7", at(0), at(4), at(34, 1), 90, "442071234567", "33140205050"
    )


@pytest.mark.parametrize("more", ['"1709380800.7"', '"1709380800.7","mine"'])
def test_asterisk_without_linkedid_has_one_leg(tmp_path: Path, more: str) -> None:
    _, (line,) = read(tmp_path, f"{ASTERISK},{more}")

    assert line.record is not None
    assert (line.record.call_id, line.record.leg) == ("1709380800.7", "1709380800.7")


def test_asterisk_without_uniqueid_says_what_to_set(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match="loguniqueid=yes"):
        read(tmp_path, ASTERISK)


def test_freeswitch_is_known_by_its_uuid(tmp_path: Path) -> None:
    format_, (line,) = read(tmp_path, FREESWITCH)

    assert format_ is SwitchFormat.FREESWITCH
    assert line.record == SwitchRecord(1, UUID, "", at(0), at(4), at(34, 1), 90, "442071234567", "33140205050")


def test_kamailios_rows_of_one_call_share_a_token_whoever_hangs_up(tmp_path: Path) -> None:
    format_, lines = read(
        tmp_path,
        ACC,
        "1,INVITE,ft,tt,abc@host,200,OK,2026-03-02 13:00:04,101 INVITE,442071234567,33140205050",
        "2,BYE,tt,ft,abc@host,200,OK,2026-03-02 13:01:34,7 BYE,,",
        "3,INVITE,ft,t3,def@host,486,Busy,2026-03-02 13:02:00,1 INVITE,442071234567,33140205050",
        "4,ACK,ft,t3,def@host,486,Busy,2026-03-02 13:02:00,1 ACK,442071234567,33140205050",
    )

    invite, bye, busy, ack = lines
    assert format_ is SwitchFormat.KAMAILIO
    assert invite.record == SwitchRecord(
        2, "abc@host", "ft-101", at(4), at(4), caller="442071234567", called="33140205050"
    )
    assert bye.record == SwitchRecord(3, "abc@host", ended_at=at(34, 1))
    assert invite.token == bye.token != busy.token
    assert busy.record is not None
    assert busy.record.talked_seconds == 0
    assert (ack.record, ack.reason) == (None, "")


def test_kamailio_without_cseq_says_what_to_set(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match=r"cseq=\$cs"):
        read(tmp_path, "method,from_tag,to_tag,callid,sip_code,time")


def test_named_columns_may_bear_our_names_or_others(tmp_path: Path) -> None:
    format_, (ours, open_) = read(
        tmp_path,
        "Call-ID;leg;setup_time;answer_time;end_time;billsec;duration;caller;called;ignored",
        "a;b;2026-03-02T12:00:00Z;2026-03-02T13:00:04+01:00;;89.2;99;+442071234567;33140205050;x",
        "c;;2026-03-02 13:00:00;;;;;;;",
    )

    assert format_ is SwitchFormat.PLAIN
    assert ours.record == SwitchRecord(2, "a", "b", at(0), at(4), None, 90, "442071234567", "33140205050")
    assert open_.record is not None
    assert open_.record.talked_seconds is None


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (",,2026-03-02 13:00:00,1", "call_id is missing"),
        ("a,,yesterday,1", "'yesterday' is no instant"),
        ("a,,2026-03-02 13:00:00,many", "'many' is no number of seconds"),
        ("a,,2026-03-02 13:00:00,-1", "'-1' is no number of seconds from 0 to"),
        ("a,,2026-03-02 13:00:00,NaN", "'NaN' is no number of seconds from 0 to"),
        ("a,b|c,2026-03-02 13:00:00,1", "a leg cannot hold '|'"),
        ("a,,2026-03-02 13:00:00", "the line has 3 cells, expected 4"),
        (f"{'a' * 1_001},,2026-03-02 13:00:00,1", "longer than 1000 characters"),
        (f"{'a' * 140_000},,2026-03-02 13:00:00,1", "field larger than field limit"),
    ],
)
def test_a_line_that_is_no_record_says_why_and_the_next_one_is_read(tmp_path: Path, line: str, reason: str) -> None:
    _, (bad, good) = read(tmp_path, "call_id,leg,started_at,used_seconds", line, "z,,2026-03-02 13:00:00,5")

    assert (bad.line, bad.record) == (2, None)
    assert reason in bad.reason
    assert good.record is not None


def test_an_instant_without_offset_wants_the_switchs_zone(tmp_path: Path) -> None:
    _, (line,) = read(tmp_path, FREESWITCH, zone=None)

    assert "--time-zone" in line.reason


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "is empty"),
        (b"\x00\x01", "is no text"),
        (b"a,b,c\n", "begins as no file that is known"),
    ],
)
def test_a_file_that_is_none_is_refused_as_a_whole(tmp_path: Path, content: bytes, says: str) -> None:
    path = tmp_path / "calls.csv"
    path.write_bytes(content)

    with pytest.raises(Invalid, match=says):
        open_switch_file(path)


def test_columns_that_are_needed_are_named(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match="line 1 must name call_id"):
        read(tmp_path, "call_id,from,to", wanted=SwitchFormat.PLAIN)


def test_a_file_that_is_not_there_is_not_found(tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        open_switch_file(tmp_path / "none.csv")


@pytest.mark.parametrize("content", [b"\xef\xbb\xbf", b"\xef\xbb\xbf\r\n", b",,\n,\n"])
def test_a_file_of_marks_and_blanks_is_empty(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "calls.csv"
    path.write_bytes(content)

    with pytest.raises(Invalid, match="is empty"):
        open_switch_file(path)
