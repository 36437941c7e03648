"""Many operations at once: each is answered in its place, and what fails among them fails alone."""

from typing import Any

from talktime.interfaces.charging import door as charging_door
from talktime.store.charging.rows import USAGE_COLUMNS
from tests.interfaces.charging.asgi import HttpAnswer, Served
from tests.interfaces.charging.books import BLOCKED, Facts, audit
from tests.interfaces.charging.test_door import of_call, played, start


def test_a_batch_is_answered_in_its_order_with_errors_in_their_places(url: str) -> None:
    operations = [
        {"operation": "start", **start("a")},
        {"operation": "start", **start("b", kind="pigeon")},
        {"operation": "start", **start("c", 2, BLOCKED)},
        {"operation": "dance", "call_id": "a"},
        {"operation": "end", "duration": 5},
        {"operation": "start", **start("d", 2)},
        {},
    ]

    async def scenario(door: Served) -> HttpAnswer:
        return await door.batch(operations)

    answer = played(url, scenario)

    assert answer.status == 200
    assert [item["result"] for item in answer.items] == ["allow", "error", "deny", "error", "parked", "allow", "error"]
    assert [item.get("status") for item in answer.items] == [None, 400, None, 400, None, None, 400]
    assert Facts(url).one("SELECT count(*) FROM calls WHERE state = 'open'") == 2


def test_a_whole_call_fits_into_a_batch(url: str) -> None:
    operations = [
        {"operation": "start", **start("a")},
        {"operation": "answer", **of_call("a")},
        {"operation": "extend", **of_call("a", granted_total=60, elapsed=60)},
        {"operation": "end", **of_call("a", duration=90)},
        {"operation": "end", **of_call("a", duration=90)},
    ]

    async def scenario(door: Served) -> list[dict[str, Any]]:
        return (await door.batch(operations)).items

    items = played(url, scenario)

    assert [item["result"] for item in items] == ["allow", "ok", "allow", "ok", "ok"]
    assert items[3] == items[4] == {"result": "ok", "charged": "0.09", "currency": "EUR", "used": 90}
    assert audit(url).is_clean


def test_a_batch_of_a_thousand_spans_commits_and_keeps_each_call_in_order(url: str) -> None:
    operations: list[dict[str, object]] = []
    for number in range(500):
        organization_id = 1 + number % 2
        operations.insert(number, {"operation": "start", **start(f"c{number}", organization_id)})
        operations.append({"operation": "end", **of_call(f"c{number}", duration=number % 60)})

    async def scenario(door: Served) -> list[dict[str, Any]]:
        assert (await door.batch([])).items == []
        return (await door.batch(operations)).items

    items = played(url, scenario)

    assert [item["result"] for item in items] == ["allow"] * 500 + ["ok"] * 500
    assert Facts(url).one("SELECT sum(cost_micros) FROM usage_rows") == 1_000 * sum(n % 60 for n in range(500))
    assert audit(url).is_clean


def test_a_batch_has_its_limits(url: str) -> None:
    async def scenario(door: Served) -> list[HttpAnswer]:
        return [
            await door.batch([{"operation": "end", "call_id": "a"}] * 1_001),
            await door.send("batch", b" " * (charging_door.BATCH_BODY_MAX_BYTES + 1)),
            await door.send("batch", b"{}"),
        ]

    answers = played(url, scenario)

    assert [(answer.status, answer.fields["code"]) for answer in answers] == [
        (400, "batch_too_large"),
        (413, "body_too_large"),
        (400, "malformed_body"),
    ]
    assert Facts(url).one("SELECT count(*) FROM parked_reports") == 0


def test_a_row_that_cannot_be_saved_fails_alone(url: str) -> None:
    copied = USAGE_COLUMNS.replace("call_key", "'sbc1||poisoned'")
    calls = ["b", "poisoned", "c", "d"]

    async def scenario(door: Served) -> list[dict[str, Any]]:
        await door.batch([{"operation": "start", **start(name)} for name in ["a", *calls]])
        await door.post("end", of_call("a", duration=10))
        # The key that the end will want for its own usage row.
        Facts(url).change(f"INSERT INTO usage_rows ({USAGE_COLUMNS}) SELECT {copied} FROM usage_rows")  # noqa: S608
        return (await door.batch([{"operation": "end", **of_call(name, duration=10)} for name in calls])).items

    items = played(url, scenario)

    assert [item["result"] for item in items] == ["ok", "error", "ok", "ok"]
    assert items[1] == {
        "result": "error",
        "code": "internal",
        "detail": "Talktime failed; its log says why.",
        "status": 500,
    }
    assert Facts(url).one("SELECT count(*) FROM calls WHERE state = 'finished'") == 4


def test_a_decision_that_raises_fails_alone(url: str) -> None:
    calls = ["a", "corrupt", "b", "c", "d"]

    async def scenario(door: Served) -> list[dict[str, Any]]:
        await door.batch([{"operation": "start", **start(name)} for name in calls])
        # A hold on a lot that is not there.
        Facts(url).change("UPDATE calls SET hold_slices = '99:60000' WHERE call_key = 'sbc1||corrupt'")
        return (await door.batch([{"operation": "end", **of_call(name, duration=10)} for name in calls])).items

    items = played(url, scenario)

    assert [item["result"] for item in items] == ["ok", "error", "ok", "ok", "ok"]
    assert Facts(url).one("SELECT sum(spent_micros) FROM credit_lots") == 40_000


def test_a_row_that_cannot_be_read_fails_alone(url: str) -> None:
    async def scenario(door: Served) -> list[dict[str, Any]]:
        Facts(url).change("UPDATE organizations SET time_zone = 'Middle-earth' WHERE organization_id = 1")
        return (await door.batch([{"operation": "start", **start(f"c{n}", 1 + n % 2)} for n in range(6)])).items

    items = played(url, scenario)

    assert [item["result"] for item in items] == ["error", "allow"] * 3


def test_a_call_for_help_is_allowed_in_a_batch_however_it_is_spelled(url: str) -> None:
    helped = [
        {"operation": "start", "to": "112"},
        {"operation": "start", "call_id": "a", "to": "sip:+112@host", "kind": "pigeon"},
    ]

    async def scenario(door: Served) -> HttpAnswer:
        return await door.post("batch", [*helped, {"operation": "start", "to": "33140205050"}])

    answers = played(url, scenario).items

    assert [answer["result"] for answer in answers] == ["allow", "allow", "error"]
