"""What switches send becomes requests, or an error that names the place."""

from datetime import UTC, datetime, timedelta

import pytest

from talktime.core.calls.calls import CallKey, CallKind, Ending
from talktime.core.calls.requests import AnswerCall, EndCall, ExtendCall, StartCall
from talktime.core.values.errors import Invalid
from talktime.interfaces.charging import reading
from tests.interfaces.charging.asgi import FORM, JSON

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
# The longest key of an index entry that PostgreSQL takes.
INDEX_BYTES_MAX = 2_700


def test_a_start_is_read_with_its_numbers_normalized() -> None:
    fields = {
        "call_id": "a@host",
        "switch": "sbc1",
        "leg": "b2",
        "from": "sip:+44 20 7946 0000@host;user=phone",
        "to": "+33 1 40 20 50 50",
        "kind": "conf_out",
        "conference_id": "room 7",
        "organizer": "Ada@Example.com",
    }

    request = reading.read_request("start", fields, NOW)

    assert request == StartCall(
        CallKey("sbc1", "a@host", "b2"),
        NOW,
        caller="442079460000",
        called="33140205050",
        kind=CallKind.CONFERENCE_OUT,
        conference_id="room 7",
        organizer=reading.normalize("Ada@Example.com"),
    )


def test_a_form_says_the_same_as_json() -> None:
    from_json = reading.read_body(b'{"call_id": "a", "to": "+4420 7946", "duration": 12}', JSON)
    from_form = reading.read_body(b"call_id=a&to=%2B4420+7946&duration=12", f"{FORM}; charset=utf-8")

    assert reading.read_request("start", from_json, NOW) == reading.read_request("start", from_form, NOW)
    assert reading.read_request("end", from_json, NOW) == reading.read_request("end", from_form, NOW)


def test_a_number_may_come_as_a_json_number() -> None:
    request = reading.read_request("start", {"call_id": 7, "from": 442079460000, "to": 33140205050}, NOW)

    assert isinstance(request, StartCall)
    assert (request.key.call_id, request.caller, request.called) == ("7", "442079460000", "33140205050")


def test_an_answer_without_an_instant_is_now() -> None:
    assert reading.read_request("answer", {"call_id": "a"}, NOW) == AnswerCall(CallKey("", "a"), NOW, NOW)


@pytest.mark.parametrize("written", ["1772442000", 1772442000, "1772442000.0", "2026-03-02T10:00:00+01:00"])
def test_an_instant_is_seconds_since_1970_or_iso_8601(written: object) -> None:
    request = reading.read_request("answer", {"call_id": "a", "answered_at": written}, NOW)

    assert request == AnswerCall(CallKey("", "a"), NOW, NOW)


def test_an_extension_says_what_the_switch_holds_and_may_say_how_long_the_call_has_run() -> None:
    silent = reading.read_request("extend", {"call_id": "a", "granted_total": 60, "elapsed": ""}, NOW)
    stated = reading.read_request("extend", {"call_id": "a", "granted_total": "60", "elapsed": "50.2"}, NOW)

    assert silent == ExtendCall(CallKey("", "a"), NOW, 60)
    assert stated == ExtendCall(CallKey("", "a"), NOW, 60, 51)


@pytest.mark.parametrize(
    ("written", "seconds"),
    [(0, 0), (0.001, 1), (59.0, 59), (59.0001, 60), ("12.5", 13), ("1e2", 100), (864_000, 864_000)],
)
def test_a_started_second_counts(written: object, seconds: int) -> None:
    request = reading.read_request("end", {"call_id": "a", "duration": written}, NOW)

    assert request == EndCall(CallKey("", "a"), NOW, seconds)


@pytest.mark.parametrize(
    ("cause", "ending"),
    [
        ("bye", Ending.HANGUP),
        ("quota", Ending.CREDIT_EXHAUSTED),
        ("Failed", Ending.FAILED),
        ("noanswer", Ending.NOT_ANSWERED),
        ("cancel", Ending.NOT_ANSWERED),
        ("sunspots", Ending.HANGUP),
        (None, Ending.HANGUP),
    ],
)
def test_a_cause_that_is_not_known_is_a_hang_up(cause: object, ending: Ending) -> None:
    request = reading.read_request("end", {"call_id": "a", "duration": 1, "cause": cause}, NOW)

    assert isinstance(request, EndCall)
    assert request.ending is ending


@pytest.mark.parametrize(
    ("operation", "fields", "place"),
    [
        ("start", {"to": "4420"}, "call_id"),
        ("start", {"call_id": "", "to": "4420"}, "call_id"),
        ("start", {"call_id": "a"}, "to"),
        ("start", {"call_id": "a\n", "to": "4420"}, "call_id"),
        ("start", {"call_id": "a" * 256, "to": "4420"}, "call_id"),
        ("start", {"call_id": "é" * 128, "to": "4420"}, "call_id"),
        ("start", {"call_id": {"nested": 1}, "to": "4420"}, "call_id"),
        ("start", {"call_id": "a", "to": 44.5}, "to"),
        ("start", {"call_id": "a", "to": True}, "to"),
        ("start", {"call_id": "a", "to": "4420", "from": ["44"]}, "from"),
        ("start", {"call_id": "a", "to": "4420", "switch": "a|b"}, "switch"),
        ("start", {"call_id": "a", "to": "4420", "leg": "|"}, "leg"),
        ("start", {"call_id": "a", "to": "4420", "kind": "emergency_out"}, "kind"),
        ("start", {"call_id": "a", "to": "4420", "organizer": 1.5}, "organizer"),
        ("start", {"call_id": "a", "to": "4420", "organizer": {}}, "organizer"),
        ("start", {"call_id": "a", "to": "4420", "forwarded_by": []}, "forwarded_by"),
        ("start", {"call_id": "a", "to": "4420", "forwarded_by": False}, "forwarded_by"),
        ("answer", {"call_id": "a", "answered_at": "2026-03-02T10:00:00"}, "answered_at"),
        ("answer", {"call_id": "a", "answered_at": "yesterday"}, "answered_at"),
        ("answer", {"call_id": "a", "answered_at": {}}, "answered_at"),
        ("answer", {"call_id": "a", "answered_at": True}, "answered_at"),
        ("answer", {"call_id": "a", "answered_at": -1}, "answered_at"),
        ("answer", {"call_id": "a", "answered_at": "9001-01-01T00:00:00Z"}, "answered_at"),
        ("answer", {"call_id": "a", "answered_at": 1e300}, "answered_at"),
        ("answer", {"call_id": "a", "answered_at": 10**400}, "answered_at"),
        ("answer", {"call_id": "a", "answered_at": "0001-01-01T00:00:00+14:00"}, "answered_at"),
        ("answer", {"call_id": "a", "answered_at": "9999-12-31T23:59:59-14:00"}, "answered_at"),
        ("extend", {"call_id": "a"}, "granted_total"),
        ("extend", {"call_id": "a", "granted_total": -1}, "granted_total"),
        ("extend", {"call_id": "a", "granted_total": 864_001}, "granted_total"),
        ("extend", {"call_id": "a", "granted_total": 60, "elapsed": "soon"}, "elapsed"),
        ("extend", {"call_id": "a", "granted_total": 60, "elapsed": []}, "elapsed"),
        ("extend", {"call_id": "a", "granted_total": 60, "elapsed": 10**400}, "elapsed"),
        ("hold", {"call_id": "a"}, "operation"),
    ],
)
def test_a_field_that_cannot_be_read_is_named(operation: str, fields: dict[str, object], place: str) -> None:
    with pytest.raises(Invalid, match=rf"(^|, |\b){place}\b.*:"):
        reading.read_request(operation, fields, NOW)


@pytest.mark.parametrize(
    "body",
    [
        *(
            b"",
            b"{",
            b"[]",
            b"null",
            b'"call_id"',
            b'{"a": NaN}',
            b'{"a": 1e999}',
            b"\xff",
            b'{"a":' * 3_000,
            b"[" * 9_000,
        ),
        # Found by fuzzing: of bytes that are no UTF-8 msgspec complains in another way where they stand in a name.
        b'{"call\xa8\xd0_id": "a"}',
    ],
    ids=range(11),
)
def test_a_body_that_is_no_json_object_is_refused(body: bytes) -> None:
    with pytest.raises(Invalid, match="the body is no JSON object") as refused:
        reading.read_body(body, JSON)

    assert refused.value.code == "malformed_body"


@pytest.mark.parametrize("body", [b"call_id", b"\xff=1", b"&"])
def test_a_body_that_is_no_form_is_refused(body: bytes) -> None:
    with pytest.raises(Invalid, match="the form cannot be read"):
        reading.read_body(body, FORM)


@pytest.mark.parametrize("body", [b"{}", b"[1]", b'[{"a": 1}', b"[" * 9_000])
def test_a_batch_is_an_array_of_objects(body: bytes) -> None:
    with pytest.raises(Invalid, match="the body is no JSON array of objects"):
        reading.read_batch(body)


def test_a_field_of_a_form_that_stands_twice_counts_as_it_stands_last() -> None:
    assert reading.read_body(b"call_id=a&call_id=b&empty=", FORM) == {"call_id": "b", "empty": ""}


@pytest.mark.parametrize(
    "duration", [-1, "-0.5", "NaN", "inf", "", None, True, [], {}, "12 s", 864_001, 10**400, "9" * 400]
)
def test_an_end_whose_duration_cannot_be_read_is_kept_under_its_call(duration: object) -> None:
    request = reading.read_request("end", {"call_id": "a", "switch": "sbc1", "duration": duration}, NOW)

    assert isinstance(request, EndCall)
    assert request.key == CallKey("sbc1", "a")
    assert request.misread.startswith("duration: ")


def test_an_end_without_a_call_is_kept_with_what_it_said() -> None:
    request = reading.read_request("end", {"duration": 12, "switch": "sbc1"}, NOW)

    assert isinstance(request, EndCall)
    assert request.key == CallKey("", "")
    assert request.misread == 'call_id: is missing; it began with \'{"duration":12,"switch":"sbc1"}\''


@pytest.mark.parametrize(
    ("body", "content_type"),
    [(b"\x00" * 16_000, JSON), (b"x" * 16_000, FORM), ("é".encode() * 8_000, FORM), (b'{"a": "' + b"\xf0" * 500, JSON)],
)
def test_what_is_kept_of_a_body_that_cannot_be_read_fits_into_an_index(body: bytes, content_type: str) -> None:
    with pytest.raises(Invalid) as refused:
        reading.read_body(body, content_type)

    kept = reading.misread_end(body, refused.value.message, NOW)

    assert "\x00" not in kept.misread
    assert len(kept.misread.encode()) < INDEX_BYTES_MAX


def test_what_is_kept_of_a_duration_that_cannot_be_read_fits_into_an_index() -> None:
    longest = {"call_id": "é" * 127, "switch": "s" * 255, "leg": "l" * 255, "duration": "\U0001f4de" * 4_000}

    kept = reading.read_request("end", longest, NOW)

    assert isinstance(kept, EndCall)
    assert len("".join((*kept.key, kept.misread)).encode()) < INDEX_BYTES_MAX


def test_fields_that_are_not_known_are_counted() -> None:
    fields = {"call_id": "a", "to": "4420", "from": "44", "switch_ref": "x", "colour": "red", "duration": 1}

    assert reading.unknown_fields_count("start", fields) == 2
    assert reading.unknown_fields_count("end", fields) == 3


def test_a_duration_lies_within_ten_days() -> None:
    assert timedelta(seconds=reading.DURATION_MAX_SECONDS) == timedelta(days=10)
