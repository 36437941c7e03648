"""Conferences at the door: how long all legs can go on, and the end of every one at once."""

import asyncio
from typing import Any

import pytest

from talktime.settings import Settings
from tests.interfaces.charging.asgi import Served
from tests.interfaces.charging.books import CALLED, Facts, audit, caller_of

BRIDGE = {"switch": "sbc1", "conference_id": "standup"}


def leg(call_id: str, **more: object) -> dict[str, object]:
    asked = {"call_id": call_id, "kind": "conf_out", "organizer": caller_of(1), "to": CALLED, **BRIDGE}
    return {**asked, **more}


async def _asked(url: str, *asked: tuple[str, dict[str, object]]) -> list[dict[str, Any]]:
    async with Served(Settings(database=url)) as door:
        return [(await door.post(operation, fields)).fields for operation, fields in asked]


def asked(url: str, *asked_: tuple[str, dict[str, object]]) -> list[dict[str, Any]]:
    """Ask a server of its own one after another."""
    return asyncio.run(_asked(url, *asked_))


def test_the_end_of_a_conference_ends_its_open_legs_and_no_other_call(url: str) -> None:
    *_, ended, again = asked(
        url,
        ("start", leg("a")),
        ("answer", {"call_id": "a", "switch": "sbc1"}),
        ("start", leg("b")),
        ("start", leg("c", conference_id="other")),
        ("start", leg("d", switch="sbc2")),
        ("end_conference", BRIDGE),
        ("end_conference", BRIDGE),
    )

    assert [(each["call_id"], each["result"]) for each in ended["legs"]] == [("a", "ok"), ("b", "ok")]
    assert again == {"result": "ok", "legs": []}
    assert Facts(url).rows("SELECT call_key, state FROM calls ORDER BY call_key") == [
        ("sbc1||a", "finished"),
        # Nobody told that it was answered: its own end, if one comes, is charged.
        ("sbc1||b", "lapsed"),
        ("sbc1||c", "open"),
        ("sbc2||d", "open"),
    ]
    assert audit(url).is_clean


def test_a_forecast_counts_every_open_leg_and_saves_nothing(url: str) -> None:
    *_, alone, _, both = asked(
        url, ("start", leg("a")), ("conference", BRIDGE), ("start", leg("b")), ("conference", BRIDGE)
    )

    assert (alone["legs"], both["legs"]) == (1, 2)
    assert both["left"] <= alone["left"]
    assert Facts(url).one("SELECT count(*) FROM calls") == 2


def test_a_conference_that_nobody_is_in_is_no_error(url: str) -> None:
    assert asked(url, ("end_conference", BRIDGE), ("conference", BRIDGE)) == [
        {"result": "ok", "legs": []},
        {"result": "ok", "legs": 0, "left": 86_400},
    ]


@pytest.mark.parametrize("operation", ["conference", "end_conference"])
def test_a_conference_without_its_id_is_refused_by_the_name_of_the_field(url: str, operation: str) -> None:
    (answer,) = asked(url, (operation, {"switch": "sbc1"}))

    assert (answer["result"], answer["code"]) == ("error", "missing_field")


def test_a_forwarded_call_is_the_one_of_whoever_forwards_it(url: str) -> None:
    (answer,) = asked(
        url,
        (
            "start",
            {"call_id": "f", "switch": "sbc1", "from": "33140205050", "to": CALLED, "forwarded_by": caller_of(1)},
        ),
    )

    assert answer["result"] == "allow"
    assert Facts(url).rows("SELECT kind, user_id FROM calls") == [("user_out_forwarding", 1)]
