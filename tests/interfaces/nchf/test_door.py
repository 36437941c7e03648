"""The Nchf door on both databases: what an IMS asks, and what the books say afterwards."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from talktime.core.calls.calls import CallKey, Flags, text_of
from talktime.interfaces.nchf import references
from talktime.interfaces.nchf.door import BODY_MAX_BYTES, COLLECTION
from talktime.interfaces.nchf.references import Counting, Reference
from talktime.settings import Settings
from tests.interfaces.charging.asgi import Message, until
from tests.interfaces.charging.books import BLOCKED, UNRATED, Facts, audit, caller_of, open_books
from tests.interfaces.charging.outages import database_gone
from tests.interfaces.nchf.served import CONSUMER, Fields, NchfAnswer, Served, message, with_ims

Scenario = Callable[[Served], Awaitable[Any]]
# A minute costs 0.06: so much pays for ninety seconds.
NINETY_SECONDS_MICROS = 90_000


@pytest.fixture
def url(migrated_database_url: str) -> str:
    open_books(migrated_database_url)
    return migrated_database_url


def played(url: str, scenario: Scenario, **settings: Any) -> Any:
    """Play a scenario against doors of its own, and return what it returns."""

    async def play() -> Any:
        async with Served(Settings(database=url, **settings)) as chf:
            return await scenario(chf)

    return asyncio.run(play())


async def talked(chf: Served, *reports: int, call_id: str = "a") -> list[NchfAnswer]:
    """Make a call of so many seconds between its reports, and release it."""
    answers = [await chf.create(message(call_id, wanted=0))]
    reference = answers[0].reference
    for number, used in enumerate(reports[:-1], start=1):
        answers.append(await chf.update(reference, message(call_id, number, used=used, wanted=0)))
    answers.append(await chf.release(reference, message(call_id, len(reports), used=reports[-1])))
    return answers


def test_a_session_is_granted_extended_and_charged(url: str) -> None:
    created, updated, released = played(url, lambda chf: talked(chf, 50, 15))

    assert (created.status, updated.status, released.status) == (201, 200, 204)
    assert created.unit == {
        "ratingGroup": 100,
        "resultCode": "SUCCESS",
        "grantedUnit": {"time": 60},
        "validityTime": 240,
        "timeQuotaThreshold": 10,
    }
    assert updated.unit["grantedUnit"] == {"time": 60}
    assert created.message is not None
    assert updated.message is not None
    assert updated.message["invocationSequenceNumber"] == 1
    assert released.message is None
    assert Facts(url).rows("SELECT used_seconds, cost_micros FROM usage_rows") == [(65, 65_000)]
    assert Facts(url).one("SELECT sum(held_micros) FROM credit_lots") == 0
    assert audit(url).is_clean


def test_a_call_is_known_by_its_consumer_and_its_call_id(url: str) -> None:
    async def scenario(chf: Served) -> None:
        await chf.create(message("a", wanted=0, notifyUri="http://nf.example/notify", chargingId=7))

    played(url, scenario)

    assert Facts(url).rows("SELECT call_key, switch_ref FROM calls") == [
        (text_of(CallKey(CONSUMER, "a", "7")), "nchf:http://nf.example/notify")
    ]


def test_a_consumer_that_asks_for_less_is_granted_less(url: str) -> None:
    async def scenario(chf: Served) -> NchfAnswer:
        return await chf.create(message("a", wanted=20))

    assert played(url, scenario).unit["grantedUnit"] == {"time": 20}


def test_what_is_sent_again_is_answered_alike_and_done_once(url: str) -> None:
    async def scenario(chf: Served) -> list[tuple[NchfAnswer, NchfAnswer]]:
        asked = message("a", wanted=0)
        created = await chf.create(asked)
        again = await chf.create({**asked, "retransmissionIndicator": True})
        report = message("a", 1, used=50, wanted=0)
        updates = (await chf.update(created.reference, report), await chf.update(created.reference, report))
        end = message("a", 2, used=40)
        return [
            (created, again),
            updates,
            (await chf.release(created.reference, end), await chf.release(created.reference, end)),
        ]

    (created, again), (updated, repeated), (released, released_again) = played(url, scenario)

    assert again.reference == created.reference
    assert (again.status, again.unit) == (created.status, created.unit)
    assert repeated.unit == updated.unit
    assert (released.status, released_again.status) == (204, 204)
    assert Facts(url).rows("SELECT used_seconds FROM usage_rows") == [(90,)]
    assert audit(url).is_clean


def test_a_create_without_any_id_is_known_again_by_what_it_says(url: str) -> None:
    async def scenario(chf: Served) -> list[NchfAnswer]:
        asked = with_ims(message("a", wanted=0), userSessionID=None)
        later = {**asked, "invocationTimeStamp": "2026-03-02T09:00:01Z"}
        return [await chf.create(asked), await chf.create(asked), await chf.create(later)]

    first, again, another = played(url, scenario)

    assert first.reference == again.reference != another.reference
    assert Facts(url).one("SELECT count(*) FROM calls") == 2


def test_a_report_that_was_lost_is_flagged(url: str) -> None:
    async def scenario(chf: Served) -> None:
        created = await chf.create(message("a", wanted=0))
        # Number 1 was lost on its way.
        await chf.release(created.reference, message("a", 2, used=20))

    played(url, scenario)

    assert Facts(url).rows("SELECT used_seconds, flags FROM usage_rows") == [(20, Flags.GAP.value)]


def test_a_refusal_is_told_in_the_units_that_were_asked_for(url: str) -> None:
    async def scenario(chf: Served) -> list[tuple[NchfAnswer, NchfAnswer]]:
        answers = []
        for called in (BLOCKED, UNRATED, "12"):
            created = await chf.create(message(called, called=called, wanted=0))
            answers.append((created, await chf.release(created.reference, message(called, 1, used=0))))
        return answers

    answers = played(url, scenario)

    assert [(created.status, released.status) for created, released in answers] == [(201, 204)] * 3
    assert [created.unit for created, _ in answers] == [
        {"ratingGroup": 100, "resultCode": code}
        for code in ("END_USER_SERVICE_DENIED", "RATING_FAILED", "END_USER_SERVICE_REJECTED")
    ]
    assert Facts(url).one("SELECT count(*) FROM usage_rows") == 0


def test_a_refusal_without_units_is_a_problem(url: str) -> None:
    async def scenario(chf: Served) -> NchfAnswer:
        return await chf.create(message("a", called=UNRATED))

    refused = played(url, scenario)

    assert (refused.status, refused.cause) == (403, "CHARGING_FAILED")
    assert refused.headers["content-type"] == "application/problem+json"
    assert "location" not in refused.headers


def test_a_caller_whom_nobody_knows_is_a_problem_even_with_units(url: str) -> None:
    async def scenario(chf: Served) -> NchfAnswer:
        return await chf.create(message("a", organization_id=99, wanted=0))

    refused = played(url, scenario)

    assert (refused.status, refused.cause) == (404, "USER_UNKNOWN")


def test_the_last_quota_says_so_and_then_there_is_none(migrated_database_url: str) -> None:
    url = migrated_database_url
    open_books(url, granted_micros=NINETY_SECONDS_MICROS)

    async def scenario(chf: Served) -> list[NchfAnswer]:
        created = await chf.create(message("a", wanted=0))
        last = await chf.update(created.reference, message("a", 1, used=50, wanted=0))
        over = await chf.update(created.reference, message("a", 2, used=40, wanted=0))
        end = message(
            "a", 3, used=1, triggers=[{"triggerType": "QUOTA_EXHAUSTED", "triggerCategory": "IMMEDIATE_REPORT"}]
        )
        return [last, over, await chf.release(created.reference, end)]

    last, over, released = played(url, scenario)

    assert last.unit["grantedUnit"] == {"time": 40}
    assert last.unit["finalUnitIndication"] == {"finalUnitAction": "TERMINATE"}
    assert over.unit == {"ratingGroup": 100, "resultCode": "QUOTA_LIMIT_REACHED"}
    assert released.status == 204
    assert Facts(url).rows("SELECT used_seconds, cost_micros FROM usage_rows") == [(90, NINETY_SECONDS_MICROS)]
    assert audit(url).is_clean


def test_only_what_used_quota_is_charged(url: str) -> None:
    async def scenario(chf: Served) -> None:
        created = await chf.create(message("a", wanted=0))
        end = message("a", 1, used=30)
        (unit,) = end["multipleUnitUsage"]
        unit["usedUnitContainer"] += [
            {"localSequenceNumber": 2, "time": 500, "quotaManagementIndicator": "OFFLINE_CHARGING"},
            {"localSequenceNumber": 3, "time": 12},
        ]
        await chf.release(created.reference, end)

    played(url, scenario)

    assert Facts(url).one("SELECT used_seconds FROM usage_rows") == 42


def test_rating_groups_run_beside_each_other(url: str) -> None:
    async def scenario(chf: Served) -> NchfAnswer:
        asked = message("a", wanted=0)
        asked["multipleUnitUsage"].append({"ratingGroup": 200, "requestedUnit": {"time": 5}})
        created = await chf.create(asked)
        end = message("a", 1, used=30)
        end["multipleUnitUsage"].append(
            {"ratingGroup": 200, "usedUnitContainer": [{"localSequenceNumber": 1, "time": 10}]}
        )
        await chf.release(created.reference, end)
        return created

    created = played(url, scenario)

    assert created.message is not None
    granted = [(unit["ratingGroup"], unit["grantedUnit"]) for unit in created.message["multipleUnitInformation"]]
    assert granted == [(100, {"time": 5}), (200, {"time": 5})]
    assert Facts(url).one("SELECT used_seconds FROM usage_rows") == 30


def units_of(**used: int | None) -> list[Fields]:
    """Return what each rating group reports, `rg100=50`, and that it wants more; None asks only."""
    return [
        {
            "ratingGroup": int(group.removeprefix("rg")),
            "requestedUnit": {},
            **({} if seconds is None else {"usedUnitContainer": [{"localSequenceNumber": 1, "time": seconds}]}),
        }
        for group, seconds in used.items()
    ]


@pytest.mark.parametrize(
    ("reports", "seconds"),
    [
        ([{"rg100": 50}, {"rg200": 52}, {"rg100": 10, "rg200": 8}], 60),
        ([{"rg100": 50, "rg200": None}, {"rg100": None, "rg200": 52}, {"rg100": 10, "rg200": 8}], 60),
        ([{"rg100": 50}, {"rg100": 10, "rg200": 60}], 60),
        ([{"rg50": 30, "rg100": 50}, {"rg100": 10, "rg50": 30}], 60),
    ],
    ids=["at different times", "one asks, one reports", "a picture that joins and reports later", "a lower one"],
)
def test_rating_groups_that_report_at_different_times_are_one_call(
    url: str, reports: list[dict[str, int | None]], seconds: int
) -> None:
    async def scenario(chf: Served) -> None:
        created = await chf.create(message("a", multipleUnitUsage=units_of(rg100=None, rg200=None)))
        # It rings for two minutes, so that the clock alone would allow thrice the call.
        Facts(url).elapse(180)
        *updates, end = [
            message("a", number, multipleUnitUsage=units_of(**used)) for number, used in enumerate(reports, start=1)
        ]
        for update in updates:
            await chf.update(created.reference, update)
        await chf.release(created.reference, end)

    played(url, scenario, ring_timeout_seconds=600)

    assert Facts(url).rows("SELECT used_seconds, flags FROM usage_rows") == [(seconds, 0)]
    assert audit(url).is_clean


def test_a_session_whose_create_names_no_rating_group_counts_what_is_longest(url: str) -> None:
    async def scenario(chf: Served) -> None:
        created = await chf.create(message("a"))
        await chf.update(created.reference, message("a", 1, multipleUnitUsage=units_of(rg100=30, rg200=20)))
        await chf.release(created.reference, message("a", 2, multipleUnitUsage=units_of(rg300=10)))

    played(url, scenario)

    assert Facts(url).rows("SELECT used_seconds, flags FROM usage_rows") == [(40, 0)]


def test_nobody_uses_more_than_a_day_between_two_reports(url: str) -> None:
    async def scenario(chf: Served) -> list[NchfAnswer]:
        created = await chf.create(message("a", wanted=0))
        return [
            await chf.update(created.reference, message("a", 1, used=90_001, wanted=0)),
            await chf.release(created.reference, message("a", 1, used=90_001)),
        ]

    answers = played(url, scenario)

    assert [(answer.status, answer.cause) for answer in answers] == [(400, "OPTIONAL_IE_INCORRECT")] * 2
    ((reason,),) = Facts(url).rows("SELECT reason FROM parked_reports")
    assert "90001 s" in reason


def test_the_called_side_of_a_call_costs_its_caller_nothing_more(url: str) -> None:
    async def scenario(chf: Served) -> list[NchfAnswer]:
        theirs = with_ims(message("a", wanted=0), roleOfNode="TERMINATING")
        ours = with_ims(message("b", called="442000000002", wanted=0), roleOfNode="TERMINATING")
        created = await chf.create(ours)
        end = message("b", 1, used=30, indicator="OFFLINE_CHARGING")
        return [await chf.create(theirs), created, await chf.release(created.reference, end)]

    theirs, ours, released = played(url, scenario)

    assert (theirs.status, theirs.cause) == (404, "USER_UNKNOWN")
    assert ours.unit == {"ratingGroup": 100, "resultCode": "QUOTA_MANAGEMENT_NOT_APPLICABLE"}
    assert released.status == 204
    assert Facts(url).rows("SELECT used_seconds, cost_micros FROM usage_rows") == [(30, 0)]


def test_a_reference_that_we_did_not_give_is_not_found(url: str) -> None:
    async def scenario(chf: Served) -> list[NchfAnswer]:
        created = await chf.create(message("a", wanted=0))
        await chf.release(created.reference, message("a", 1, used=5))
        return [
            await chf.update("nonsense", message("a", 1, wanted=0)),
            await chf.release("cXx8", message("a", 1, used=5)),
            await chf.update(created.reference, message("a", 2, used=5, wanted=0)),
        ]

    answers = played(url, scenario)

    assert [(answer.status, answer.cause) for answer in answers] == [(404, "CONTEXT_NOT_FOUND")] * 3


def test_a_session_that_the_store_does_not_know_is_not_found(url: str) -> None:
    async def scenario(chf: Served) -> list[NchfAnswer]:
        created = await chf.create(message("a", wanted=0))
        Facts(url).change("UPDATE calls SET call_key = 'lost'")
        Facts(url).change("UPDATE call_keys SET call_key = 'lost'")
        return [
            await chf.update(created.reference, message("a", 1, used=5, wanted=0)),
            await chf.release(created.reference, message("a", 2, used=0)),
            await chf.release(created.reference, message("a", 2, used=5)),
        ]

    update, empty, used = played(url, scenario)

    assert (update.status, empty.status, used.status) == (404, 404, 204)
    assert Facts(url).one("SELECT count(*) FROM parked_reports") == 1


MALFORMED: list[tuple[Fields | bytes, str, str]] = [
    (b"{", "INVALID_MSG_FORMAT", ""),
    (b"[]", "INVALID_MSG_FORMAT", ""),
    ({"invocationSequenceNumber": None}, "MANDATORY_IE_INCORRECT", "/invocationSequenceNumber"),
    (
        {"nfConsumerIdentification": {}},
        "MANDATORY_IE_MISSING",
        "/nfConsumerIdentification/nodeFunctionality",
    ),
    ({"invocationTimeStamp": "yesterday"}, "MANDATORY_IE_INCORRECT", "/invocationTimeStamp"),
    (
        {"invocationTimeStamp": "0001-01-01T00:00:00+10:00"},
        "MANDATORY_IE_INCORRECT",
        "/invocationTimeStamp",
    ),
    (
        {"multipleUnitUsage": [{"ratingGroup": -1}]},
        "OPTIONAL_IE_INCORRECT",
        "/multipleUnitUsage/0/ratingGroup",
    ),
    (
        {"iMSChargingInformation": {}},
        "MANDATORY_IE_MISSING",
        "/iMSChargingInformation/calledPartyAddress",
    ),
    ({"notifyUri": "file:///etc/passwd"}, "OPTIONAL_IE_INCORRECT", "/notifyUri"),
    ({"oneTimeEvent": True, "oneTimeEventType": "SOON"}, "OPTIONAL_IE_INCORRECT", "/oneTimeEventType"),
    (
        {"nfConsumerIdentification": {"nodeFunctionality": "a\nb"}},
        "MANDATORY_IE_INCORRECT",
        "/nfConsumerIdentification/nodeFunctionality",
    ),
    (
        {"iMSChargingInformation": {"userSessionID": "é" * 200, "calledPartyAddress": "tel:+442079460000"}},
        "OPTIONAL_IE_INCORRECT",
        "/iMSChargingInformation/userSessionID",
    ),
]


def test_what_cannot_be_read_is_told_with_its_place(url: str) -> None:
    async def scenario(chf: Served) -> list[NchfAnswer]:
        bare = with_ims(message("a", wanted=0), userSessionID=None)
        bodies = [
            each if isinstance(each, bytes) else json.dumps({**bare, **each}).encode() for each, _, _ in MALFORMED
        ]
        return [await chf.ask(COLLECTION, body) for body in bodies]

    answers = played(url, scenario)

    told = [(answer.cause, [each["param"] for each in answer.invalid]) for answer in answers]
    assert told == [(cause, [param] if param else []) for _, cause, param in MALFORMED]
    assert {answer.status for answer in answers} == {400}
    assert Facts(url).one("SELECT count(*) FROM calls") == 0


def test_a_release_that_cannot_be_read_is_kept_for_an_operator(url: str) -> None:
    async def scenario(chf: Served) -> list[NchfAnswer]:
        created = await chf.create(message("a", wanted=0))
        endless = message("a", 1, used=4_000_000_000)
        return [
            await chf.ask(f"{COLLECTION}/{created.reference}/release", b"{"),
            await chf.release(created.reference, endless),
        ]

    answers = played(url, scenario)

    assert [answer.status for answer in answers] == [400, 400]
    assert Facts(url).one("SELECT count(*) FROM parked_reports") > 0
    assert Facts(url).one("SELECT count(*) FROM usage_rows") == 0


def test_a_message_may_not_be_endless(url: str) -> None:
    async def scenario(chf: Served) -> NchfAnswer:
        return await chf.ask(COLLECTION, b"x" * (BODY_MAX_BYTES + 1))

    assert played(url, scenario).status == 413


def test_what_takes_too_long_is_congestion_and_never_a_free_call(url: str) -> None:
    reference = references.written(Reference(CallKey(CONSUMER, "a", "ORIGINATING"), Counting.GRANT))
    event = {"oneTimeEvent": True, "oneTimeEventType": "IEC"}

    async def scenario(chf: Served) -> list[NchfAnswer]:
        return [
            await chf.create(message("a", wanted=0)),
            await chf.create(message("b", wanted=30, **event)),
            await chf.create(message("c", used=30, **{**event, "oneTimeEventType": "PEC"})),
            await chf.update(reference, message("a", 1, used=5, wanted=0)),
            await chf.release(reference, message("a", 2, used=5)),
        ]

    answers = played(url, scenario, deadline_milliseconds=0)

    assert [(answer.status, answer.cause) for answer in answers] == [(503, "NF_CONGESTION")] * 5
    assert {answer.headers["retry-after"] for answer in answers} == {"1"}


def test_half_a_create_of_a_consumer_that_hung_up_is_no_call(url: str) -> None:
    async def scenario(chf: Served) -> object:
        body = json.dumps(message("a", wanted=0)).encode()
        messages: list[Message] = [
            {"type": "http.request", "body": body[:-1], "more_body": True},
            {"type": "http.disconnect"},
        ]
        return await chf.exchange(COLLECTION, messages)

    assert played(url, scenario) is None
    assert Facts(url).one("SELECT count(*) FROM calls") == 0


def test_other_paths_and_methods_are_told_apart(url: str) -> None:
    async def scenario(chf: Served) -> list[NchfAnswer]:
        return [
            await chf.ask(f"{COLLECTION}/a/renew", b"{}"),
            await chf.ask(f"{COLLECTION}/", b"{}"),
            await chf.ask("/nchf-convergedcharging/v3/", b"{}"),
            await chf.ask(COLLECTION, b"", method="GET"),
        ]

    *unknown, wrong_method = played(url, scenario)

    assert [answer.status for answer in unknown] == [404, 404, 404]
    assert (wrong_method.status, wrong_method.headers["allow"]) == (405, "POST")


def test_two_consumers_may_use_one_call_id(url: str) -> None:
    async def scenario(chf: Served) -> list[NchfAnswer]:
        other = {"nFFqdn": "as2.ims.example", "nodeFunctionality": "IMS_Node"}
        return [
            await chf.create(message("a", wanted=0)),
            await chf.create(message("a", wanted=0, nfConsumerIdentification=other)),
        ]

    one, two = played(url, scenario)

    assert one.reference != two.reference
    assert Facts(url).one("SELECT count(*) FROM calls WHERE state = 'open'") == 2


def test_who_pays_is_who_forwards_or_transfers_and_a_conference_is_named(url: str) -> None:
    by_another = {"associatedPartyAddress": "tel:+442000000002"}
    subscriber = {"subscriberIdentifier": f"msisdn-{caller_of(2)}"}
    calls = [
        message("a", wanted=0, **telephony(supplementaryServiceType="CDIV", **by_another)),
        message("b", wanted=0, **telephony(supplementaryServiceType="ECT", **by_another)),
        message("c", wanted=0, **telephony(supplementaryServiceType="CONF", conferenceId="weekly")),
        with_ims(message("d", wanted=0, **subscriber), roleOfNode="FORWARDING"),
        with_ims(message("e", wanted=0, **subscriber), callingPartyAddresses=None),
    ]

    async def scenario(chf: Served) -> None:
        for asked in calls:
            await chf.create(asked)

    played(url, scenario)

    rows = Facts(url).rows("SELECT kind, organization_id, conference_id FROM calls ORDER BY kind, organization_id")
    assert rows == [
        ("user_out", 1, "weekly"),
        ("user_out", 2, ""),
        ("user_out_forwarding", 2, ""),
        ("user_out_forwarding", 2, ""),
        ("user_out_transfer", 2, ""),
    ]


def telephony(**service: str) -> Fields:
    return {"mMTelChargingInformation": {"supplementaryServices": [service]}}


HELP: list[Fields] = [
    with_ims(message("a", organization_id=99, called="112", wanted=0)),
    with_ims(message("a", wanted=0), calledPartyAddress="urn:service:sos.fire"),
    with_ims(message("a", wanted=0), calledPartyAddress=None, requestedPartyAddress=["tel:911"]),
    {"iMSChargingInformation": {"calledPartyAddress": "tel:112"}},
    message("a", called="112", wanted=5, oneTimeEvent=True, oneTimeEventType="IEC"),
]


def test_a_call_for_help_goes_through_although_the_queue_is_full(url: str) -> None:
    async def scenario(chf: Served) -> tuple[NchfAnswer, list[NchfAnswer], list[NchfAnswer]]:
        others = await chf.create(message("b", wanted=0))
        created = [await chf.create(asked) for asked in HELP]
        return others, created, [await chf.update(answer.reference, {}) for answer in created]

    others, created, updated = played(url, scenario, queue_max=0)

    assert (others.status, others.cause, others.headers["retry-after"]) == (503, "NF_CONGESTION", "1")
    assert {answer.status for answer in created} == {201}
    assert {answer.status for answer in updated} == {200}
    codes = [unit["resultCode"] for answer in created for unit in answer.units]
    assert codes == ["QUOTA_MANAGEMENT_NOT_APPLICABLE"] * 4


def test_a_call_for_help_is_recorded_and_ends(url: str) -> None:
    async def scenario(chf: Served) -> NchfAnswer:
        created = await chf.create(with_ims(message("a", wanted=0), calledPartyAddress="urn:service:sos"))
        await until(lambda: Facts(url).one("SELECT count(*) FROM calls"))
        return await chf.release(created.reference, message("a", 1, used=40))

    assert played(url, scenario).status == 204
    assert Facts(url).rows("SELECT kind, cost_micros, used_seconds FROM usage_rows") == [("emergency_out", 0, 40)]


def test_the_end_of_a_call_for_help_never_comes_before_its_start(url: str) -> None:
    """A consumer repeats a release that is refused for now: it may be the first that the database hears of the call."""

    async def scenario(chf: Served) -> list[NchfAnswer]:
        folder = Settings(database=url).emergencies_folder
        # As long as the call may have lasted: nobody can shift the clock of one that is not on record.
        end = json.dumps(message("a", 1, used=2)).encode()
        with database_gone(url):
            created = await chf.create(message("a", called="112", wanted=0))
            await until(lambda: folder.is_dir() and list(folder.glob("*.json")))
            released = f"{COLLECTION}/{created.reference}/release"
            refused = await chf.ask(released, end)
        return [created, refused, await chf.ask(released, end)]

    answers = played(url, scenario, deadline_milliseconds=300)

    assert [answer.status for answer in answers] == [201, 503, 204]
    assert Facts(url).rows("SELECT kind, cost_micros, used_seconds FROM usage_rows") == [("emergency_out", 0, 2)]
    assert Facts(url).one("SELECT count(*) FROM parked_reports") == 0
