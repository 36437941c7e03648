"""The charging door on both databases, without a network: what a switch asks, and what the books say afterwards."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from talktime.interfaces.charging import door as charging_door
from talktime.settings import Settings
from tests.interfaces.charging.asgi import FORM, HttpAnswer, Served, until
from tests.interfaces.charging.books import BLOCKED, CALLED, UNRATED, Facts, audit, caller_of, open_books, units

Scenario = Callable[[Served], Awaitable[Any]]


def played(url: str, scenario: Scenario, **settings: Any) -> Any:
    """Play a scenario against a server of its own, and return what it returns."""

    async def play() -> Any:
        async with Served(Settings(database=url, **settings)) as door:
            return await scenario(door)

    return asyncio.run(play())


def start(call_id: str, organization_id: int = 1, called: str = CALLED, **more: object) -> dict[str, object]:
    return {"call_id": call_id, "switch": "sbc1", "from": caller_of(organization_id), "to": called, **more}


def of_call(call_id: str, **fields: object) -> dict[str, object]:
    return {"call_id": call_id, "switch": "sbc1", **fields}


def test_a_call_is_allowed_extended_and_charged(url: str) -> None:
    async def scenario(door: Served) -> list[dict[str, Any]]:
        answers = [
            await door.post("start", start("a")),
            await door.post("answer", of_call("a")),
            await door.post("extend", of_call("a", granted_total=60, elapsed=50)),
            await door.post("end", of_call("a", duration=65.2, cause="bye")),
        ]
        assert {answer.status for answer in answers} == {200}
        return [answer.fields for answer in answers]

    allowed, noted, extended, ended = played(url, scenario)

    assert (allowed["result"], allowed["granted_total"], allowed["final"]) == ("allow", 60, 0)
    assert noted == {"result": "ok"}
    assert (extended["granted_total"], extended["left"]) == (110, 60)
    assert ended == {"result": "ok", "charged": "0.066", "currency": "EUR", "used": 66}
    assert Facts(url).rows("SELECT used_seconds, cost_micros FROM usage_rows") == [(66, 66_000)]
    assert Facts(url).one("SELECT sum(held_micros) FROM credit_lots") == 0
    assert audit(url).is_clean


def test_what_is_sent_again_is_answered_alike_and_done_once(url: str) -> None:
    requests = [
        ("start", start("a")),
        ("answer", of_call("a")),
        ("extend", of_call("a", granted_total=60, elapsed=50)),
        ("end", of_call("a", duration=100)),
    ]

    async def scenario(door: Served) -> list[tuple[bytes, bytes]]:
        return [
            ((await door.post(operation, fields)).body, (await door.post(operation, fields)).body)
            for operation, fields in requests
        ]

    answers = played(url, scenario)

    assert [first for first, _ in answers] == [second for _, second in answers]
    assert Facts(url).one("SELECT count(*) FROM usage_rows") == 1
    assert Facts(url).one("SELECT sum(spent_micros) FROM credit_lots") == 100_000
    assert audit(url).is_clean


def test_a_form_and_a_line_of_text_do_for_a_switch_without_json(url: str) -> None:
    async def scenario(door: Served) -> list[HttpAnswer]:
        return [
            await door.post("start", start("a"), form=True, text=True),
            await door.send("start", b"call_id=b&to=1", content_type=FORM, query="format=text"),
            await door.post("end", of_call("a", duration="1.5"), form=True, text=True),
            await door.post("start", {}, form=True, text=True),
        ]

    answers = played(url, scenario)

    assert [answer.line for answer in answers] == [
        "allow 60 0",
        "deny 403 21 caller_unknown",
        "ok 0.002",
        "error missing_field",
    ]
    assert [answer.status for answer in answers] == [200, 200, 200, 400]
    assert {answer.headers["content-type"] for answer in answers} == {"text/plain; charset=utf-8"}


@pytest.mark.parametrize(
    ("called", "reason"),
    [(BLOCKED, "destination_blocked"), (UNRATED, "destination_not_rated"), ("12", "number_not_e164")],
)
def test_a_refusal_is_an_answer_and_its_end_costs_nothing(url: str, called: str, reason: str) -> None:
    async def scenario(door: Served) -> list[dict[str, Any]]:
        refused = await door.post("start", start("a", called=called))
        ended = await door.post("end", of_call("a", duration=0, cause="failed"))
        assert (refused.status, ended.status) == (200, 200)
        return [refused.fields, ended.fields]

    refused, ended = played(url, scenario)

    assert (refused["result"], refused["reason"]) == ("deny", reason)
    assert ended == {"result": "ok", "charged": "0.00", "currency": "EUR", "used": 0}
    assert audit(url).is_clean


def test_credit_that_is_used_up_refuses_with_402(migrated_database_url: str) -> None:
    open_books(migrated_database_url, granted_micros=5_000)

    async def scenario(door: Served) -> list[str]:
        return [
            (await door.post("start", start("a"), text=True)).line,
            (await door.post("start", start("b"), text=True)).line,
            (await door.post("end", of_call("a", duration=5), text=True)).line,
            (await door.post("start", start("c"), text=True)).line,
        ]

    lines = played(migrated_database_url, scenario)

    assert lines == ["allow 5 1", "deny 402 21 credit_exhausted", "ok 0.005", "deny 402 21 credit_exhausted"]


@pytest.mark.parametrize(
    "fields",
    [
        of_call("never-started", duration=12),
        of_call("refused", duration=12),
        of_call("open", duration=-1),
        of_call("open", duration="NaN"),
        of_call("open", duration=86_400),
        of_call("open", duration=10**300),
        of_call("open"),
        {"duration": 12},
        {},
    ],
    ids=str,
)
def test_an_end_that_cannot_be_charged_is_answered_200_and_kept(url: str, fields: dict[str, object]) -> None:
    async def scenario(door: Served) -> HttpAnswer:
        await door.post("start", start("open"))
        await door.post("start", start("refused", called=BLOCKED))
        return await door.post("end", fields)

    answer = played(url, scenario)

    assert (answer.status, answer.fields["result"]) == (200, "parked")
    assert Facts(url).rows("SELECT reason FROM parked_reports") == [(answer.fields["reason"],)]
    assert Facts(url).one("SELECT count(*) FROM usage_rows") == 0
    assert Facts(url).one("SELECT sum(held_micros) FROM credit_lots") == 60_000


@pytest.mark.parametrize("content_type", ["application/json", FORM, "", "text/plain"])
@pytest.mark.parametrize("body", [b"", b"\x00\xff|\\\"'", b'{"call_id": "open", "duration": 1', b"x" * 16_384])
def test_an_end_that_cannot_be_read_is_answered_200_and_kept(url: str, body: bytes, content_type: str) -> None:
    async def scenario(door: Served) -> HttpAnswer:
        await door.send("end", body, content_type=content_type)
        return await door.send("end", body, content_type=content_type)

    answer = played(url, scenario)

    assert (answer.status, answer.fields["result"]) == (200, "parked")
    assert Facts(url).rows("SELECT reason FROM parked_reports") == [(answer.fields["reason"],)]


def test_an_end_with_the_longest_names_and_the_longest_nonsense_is_kept_too(url: str) -> None:
    longest = {"call_id": "c" * 255, "switch": "s" * 255, "leg": "l" * 255}
    # Nothing that a database could compress into its index.
    nonsense = "".join(map(chr, random.Random(1).choices(range(0x4E00, 0x9FFF), k=4_000)))

    async def scenario(door: Served) -> list[HttpAnswer]:
        return [
            await door.post("start", start("a") | longest),
            await door.post("end", {**longest, "duration": nonsense}),
            await door.post("end", {"call_id": nonsense[:255], "switch": nonsense[255:510], "duration": 1}),
            await door.post("end", {**longest, "duration": 1}),
        ]

    answers = played(url, scenario)

    assert [answer.status for answer in answers] == [200] * 4
    assert [answer.fields["result"] for answer in answers] == ["allow", "parked", "parked", "ok"]


def test_extend_and_answer_of_an_unknown_call_are_refused(url: str) -> None:
    async def scenario(door: Served) -> list[str]:
        return [
            (await door.post("extend", of_call("x", granted_total=60), text=True)).line,
            (await door.post("answer", of_call("x"), text=True)).line,
        ]

    assert played(url, scenario) == ["deny 481 41 call_unknown"] * 2


def test_a_field_that_cannot_be_read_is_named_and_nothing_is_written(url: str) -> None:
    async def scenario(door: Served) -> list[HttpAnswer]:
        return [
            await door.post("start", start("a", kind="pigeon")),
            await door.post("start", start("a", leg="x|y")),
            await door.post("extend", of_call("a", granted_total=[60])),
            await door.send("start", b"{"),
        ]

    answers = played(url, scenario)

    assert [answer.status for answer in answers] == [400] * 4
    assert [answer.fields["detail"].split(":")[0] for answer in answers] == [
        "kind",
        "switch, leg",
        "granted_total",
        "the body is no JSON object",
    ]
    assert Facts(url).one("SELECT count(*) FROM calls") == 0


def test_fields_that_are_not_known_are_ignored_and_counted(url: str) -> None:
    async def scenario(door: Served) -> tuple[str, dict[str, Any]]:
        allowed = await door.post("start", start("a", colour="red", weather={"rain": 1}))
        await door.batch([{"operation": "answer", **of_call("a"), "colour": "red"}])
        health = await door.exchange("/health", [], method="GET")
        assert health is not None
        return allowed.fields["result"], health.fields

    result, health = played(url, scenario)

    assert result == "allow"
    assert health == {"status": "ok", "process": 1, "waiting": 0, "unknown_fields": 3}


@pytest.mark.parametrize("operation", ["start", "answer", "extend"])
def test_a_body_over_16_kilobytes_is_refused(url: str, operation: str) -> None:
    async def scenario(door: Served) -> HttpAnswer:
        return await door.send(operation, b" " * (charging_door.BODY_MAX_BYTES + 1))

    answer = played(url, scenario)

    assert (answer.status, answer.fields["code"]) == (413, "body_too_large")


def test_a_body_of_16_kilobytes_is_read(url: str) -> None:
    def padded(fields: str, size: int) -> bytes:
        return fields.encode() + b" " * (size - len(fields))

    async def scenario(door: Served) -> HttpAnswer:
        fields = f'{{"call_id": "a", "from": "{caller_of(1)}", "to": "{CALLED}"}}'
        return await door.send("start", padded(fields, charging_door.BODY_MAX_BYTES))

    assert played(url, scenario).fields["result"] == "allow"


def test_an_end_over_16_kilobytes_is_answered_200_and_kept(url: str) -> None:
    async def scenario(door: Served) -> HttpAnswer:
        return await door.send("end", b'{"call_id": "a", "duration": 1, "x": "' + b"x" * 100_000 + b'"}')

    answer = played(url, scenario)

    assert (answer.status, answer.fields["result"]) == (200, "parked")
    assert "the body is larger than 16384 bytes; it began with" in answer.fields["reason"]


@pytest.mark.parametrize("operation", ["begin", "", "start/a"])
def test_another_address_is_not_found(url: str, operation: str) -> None:
    async def scenario(door: Served) -> HttpAnswer:
        return await door.send(operation, b"{}")

    answer = played(url, scenario)

    assert (answer.status, answer.fields["code"]) == (404, "not_found")


@pytest.mark.parametrize(("method", "operation"), [("GET", "start"), ("PUT", "end"), ("GET", "batch")])
def test_another_method_is_told_the_right_one(url: str, method: str, operation: str) -> None:
    async def scenario(door: Served) -> HttpAnswer:
        return await door.send(operation, b"{}", method=method)

    answer = played(url, scenario)

    assert (answer.status, answer.fields["code"], answer.headers["allow"]) == (405, "method_not_allowed", "POST")


def test_half_an_end_of_a_client_that_hung_up_is_not_charged(url: str) -> None:
    async def scenario(door: Served) -> HttpAnswer | None:
        await door.post("start", start("a"))
        half = {"type": "http.request", "body": b"call_id=a&switch=sbc1&duration=1", "more_body": True}
        return await door.exchange("/v1/calls/end", [half, {"type": "http.disconnect"}], {"content-type": FORM})

    assert played(url, scenario) is None
    assert Facts(url).one("SELECT count(*) FROM usage_rows") == 0
    assert Facts(url).one("SELECT count(*) FROM parked_reports") == 0


def test_silent_calls_are_closed_by_the_server(url: str) -> None:
    async def scenario(door: Served) -> list[dict[str, Any]]:
        await door.post("start", start("answered"))
        await door.post("answer", of_call("answered"))
        await door.post("start", start("ringing"))
        await until(lambda: not Facts(url).one("SELECT count(*) FROM calls WHERE state = 'open'"))
        return [(await door.post("end", of_call(name, duration=4))).fields for name in ("answered", "ringing")]

    late = played(url, scenario, quantum_seconds=1, ring_timeout_seconds=0, silence_grace_seconds=0)

    assert late[0] == {"result": "parked", "reason": "the server closed the call before, with another duration"}
    assert late[1] == {"result": "ok", "charged": "0.004", "currency": "EUR", "used": 4}
    assert Facts(url).rows(
        "SELECT call_key, line, used_seconds, cost_micros FROM usage_rows ORDER BY call_key, line"
    ) == [("sbc1||answered", 0, 1, 1_000), ("sbc1||ringing", 0, 0, 0), ("sbc1||ringing", 1, 4, 4_000)]
    assert Facts(url).one("SELECT sum(granted_micros - spent_micros) FROM credit_lots") == 2 * units(100) - 5_000
    assert audit(url).is_clean


def test_silent_calls_are_closed_although_a_deck_cannot_be_loaded(url: str) -> None:
    columns = (
        "version_id, deck, number, source, currency, time_zone, charge_decimals, rounding, rates_count, is_complete"
    )
    corrupt = "SELECT 7, deck, 7, source, currency, 'Middle-earth', charge_decimals, rounding, rates_count, is_complete"

    async def scenario(door: Served) -> None:
        await door.post("start", start("ringing"))
        Facts(url).change(f"INSERT INTO deck_versions ({columns}, staged_at) {corrupt}, staged_at FROM deck_versions")
        for name in ("first", "second"):
            await door.post("start", start(name))
            await until(lambda: not Facts(url).one("SELECT count(*) FROM calls WHERE state = 'open'"))

    played(url, scenario, ring_timeout_seconds=-60, silence_grace_seconds=0)

    assert Facts(url).one("SELECT count(*) FROM calls WHERE state = 'lapsed'") == 3
