"""Every message of ours keeps to what 3GPP publishes, and to a smaller picture of it that is always here."""

import asyncio
import json
import shutil
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from talktime.interfaces.nchf.door import BODY_MAX_BYTES, COLLECTION
from talktime.settings import Settings
from tests.interfaces.charging.books import UNRATED, open_books
from tests.interfaces.nchf.published import Published
from tests.interfaces.nchf.served import Fields, NchfAnswer, Served, message, with_ims

CREATE, UPDATE, RELEASE = (
    f"/chargingdata{rest}" for rest in ("", "/{ChargingDataRef}/update", "/{ChargingDataRef}/release")
)
NINETY_SECONDS_MICROS = 90_000
Exchange = tuple[str, NchfAnswer]

UINT = {"type": "integer", "minimum": 0}
UNIT = {
    "type": "object",
    "properties": {
        "ratingGroup": UINT,
        "resultCode": {
            "enum": [
                "SUCCESS",
                "END_USER_SERVICE_DENIED",
                "QUOTA_MANAGEMENT_NOT_APPLICABLE",
                "QUOTA_LIMIT_REACHED",
                "END_USER_SERVICE_REJECTED",
                "RATING_FAILED",
            ]
        },
        "grantedUnit": {
            "type": "object",
            "properties": {"time": {"type": "integer", "minimum": 1}},
            "required": ["time"],
            "additionalProperties": False,
        },
        "validityTime": UINT,
        "timeQuotaThreshold": UINT,
        "finalUnitIndication": {"const": {"finalUnitAction": "TERMINATE"}},
    },
    "required": ["ratingGroup", "resultCode"],
    "additionalProperties": False,
}
OUR_RESPONSE = {
    "type": "object",
    "properties": {
        "invocationTimeStamp": {"type": "string", "format": "date-time"},
        "invocationSequenceNumber": UINT,
        "invocationResult": {"const": {"failureHandling": "RETRY_AND_TERMINATE"}},
        "sessionFailover": {"const": "FAILOVER_SUPPORTED"},
        "multipleUnitInformation": {"type": "array", "items": UNIT, "minItems": 1},
    },
    "required": ["invocationTimeStamp", "invocationSequenceNumber", "invocationResult", "sessionFailover"],
    "additionalProperties": False,
}
OUR_PROBLEM = {
    "type": "object",
    "properties": {
        "status": {"type": "integer", "minimum": 400, "maximum": 599},
        "cause": {"type": "string", "pattern": "^[A-Z_]+$"},
        "detail": {"type": "string"},
        "invalidParams": {"type": "array", "minItems": 1},
    },
    "required": ["status", "cause", "detail"],
    "additionalProperties": False,
}


@pytest.fixture
def exchanges(sqlite_template: Path, tmp_path: Path) -> list[Exchange]:
    """Provoke every kind of answer."""
    url = f"sqlite:///{shutil.copyfile(sqlite_template, tmp_path / 'talktime.db')}"
    open_books(url, granted_micros=NINETY_SECONDS_MICROS)

    async def play() -> list[Exchange]:
        async with Served(Settings(database=url)) as chf:
            served = [*await _sessions(chf), *await _refusals(chf)]
        async with Served(Settings(database=url, queue_max=0)) as chf:
            return [*served, (CREATE, await chf.create(message("z", wanted=0)))]

    return asyncio.run(play())


async def _sessions(chf: Served) -> list[Exchange]:
    created = await chf.create(message("a", wanted=0))
    more = await chf.update(created.reference, message("a", 1, used=50, wanted=0))
    over = await chf.update(created.reference, message("a", 2, used=40, wanted=0))
    report = await chf.update(created.reference, message("a", 3, used=0))
    released = await chf.release(created.reference, message("a", 4, used=0))
    event = {"oneTimeEvent": True, "oneTimeEventType": "IEC"}
    return [
        (CREATE, created),
        *[(UPDATE, each) for each in (more, over, report)],
        (RELEASE, released),
        (CREATE, await chf.create(message("b", organization_id=2, wanted=30, **event))),
        (CREATE, await chf.create(message("c", called="112", wanted=0))),
        (CREATE, await chf.create(message("d", organization_id=2))),
    ]


async def _refusals(chf: Served) -> list[Exchange]:
    return [
        (CREATE, await chf.create(message("e", called=UNRATED, wanted=0))),
        (CREATE, await chf.create(message("f", called=UNRATED))),
        (CREATE, await chf.create(message("g", organization_id=99, wanted=0))),
        (CREATE, await chf.create({})),
        (CREATE, await chf.ask(COLLECTION, b" " * (BODY_MAX_BYTES + 1))),
        (CREATE, await chf.ask(COLLECTION, b"", method="PUT")),
        (UPDATE, await chf.update("nonsense", message("a", wanted=0))),
        (RELEASE, await chf.release("nonsense", message("a", used=0))),
    ]


def test_every_kind_of_answer_is_provoked(exchanges: list[Exchange]) -> None:
    assert {answer.status for _, answer in exchanges} == {200, 201, 204, 400, 403, 404, 405, 413, 503}


def test_every_answer_keeps_to_what_is_published(exchanges: list[Exchange], shared_data: Path) -> None:
    published = Published(shared_data)

    for path, answer in exchanges:
        published.judge_response(path, answer.status, answer.message)


def test_every_answer_keeps_to_our_picture_of_it(exchanges: list[Exchange]) -> None:
    for _, answer in exchanges:
        if answer.status == 204:
            assert answer.message is None
            continue
        schema = OUR_RESPONSE if answer.status < 400 else OUR_PROBLEM
        kind = "application/json" if answer.status < 400 else "application/problem+json"
        assert answer.headers["content-type"] == kind
        assert answer.status < 400 or (answer.message or {})["status"] == answer.status
        jsonschema_rs.Draft202012Validator(schema, validate_formats=True).validate(answer.message)


def test_what_these_tests_send_keeps_to_what_is_published(shared_data: Path) -> None:
    published = Published(shared_data)
    service = {"supplementaryServiceType": "CDIV", "associatedPartyAddress": "tel:+442000000002"}
    sent: list[Fields] = [
        message("a", wanted=0),
        message("a", 1, used=50, wanted=20, notifyUri="http://nf.example/notify", chargingId=7),
        message("a", oneTimeEvent=True, oneTimeEventType="PEC", used=5),
        with_ims(message("a"), roleOfNode="TERMINATING", requestedPartyAddress=["tel:911"]),
        message("a", mMTelChargingInformation={"supplementaryServices": [service]}),
    ]

    for each in sent:
        published.judge_request(each)


def test_the_judge_finds_what_is_wrong(shared_data: Path) -> None:
    published = Published(shared_data)

    with pytest.raises(AssertionError, match="invocationSequenceNumber"):
        published.judge_response(CREATE, 201, {"invocationTimeStamp": "2026-03-02T09:00:00Z"})
    with pytest.raises(AssertionError, match="date-time"):
        published.judge_request({**message("a"), "invocationTimeStamp": "today"})


def test_nothing_that_we_say_refers_to_a_file_that_is_not_there(shared_data: Path) -> None:
    absent = Published(shared_data).absent

    # Of those, ProblemDetails names the first, for access tokens, which we never refuse.
    assert "TS29510_Nnrf_AccessToken.yaml" in absent
    assert not {"TS29571_CommonData.yaml", "TS32291_Nchf_ConvergedCharging.yaml"} & absent


def test_messages_of_others_are_read_up_to_what_makes_them_no_calls(
    sqlite_template: Path, tmp_path: Path, shared_data: Path
) -> None:
    url = f"sqlite:///{shutil.copyfile(sqlite_template, tmp_path / 'talktime.db')}"
    samples: list[Any] = [
        json.loads(path.read_text("utf-8")) for path in sorted((shared_data / "protocol/nchf_samples").glob("*.json"))
    ]

    async def play() -> list[NchfAnswer]:
        async with Served(Settings(database=url)) as chf:
            return [await chf.create(sample) for sample in samples]

    answers = asyncio.run(play())

    assert [(answer.status, answer.cause) for answer in answers] == [(400, "MANDATORY_IE_MISSING")] * 2
    assert {each["param"] for answer in answers for each in answer.invalid} == {
        "/iMSChargingInformation/calledPartyAddress"
    }
