"""`POST /v1/calls/explain`: a start's fields in, the answer that start would get and the walk behind it out."""

import asyncio
from typing import Any

import pytest

from talktime.settings import Settings
from tests.interfaces.charging.asgi import HttpAnswer, Served
from tests.interfaces.charging.books import BLOCKED, CALLED, Facts, caller_of


def asked(url: str, *bodies: dict[str, object], **how: Any) -> list[HttpAnswer]:
    """Ask a server of its own to explain, all at once."""

    async def play() -> list[HttpAnswer]:
        async with Served(Settings(database=url)) as door:
            return await asyncio.gather(*(door.post("explain", body, **how) for body in bodies))

    return asyncio.run(play())


def test_what_start_would_answer_is_explained_and_not_recorded(url: str) -> None:
    call = {"from": caller_of(1), "to": CALLED}

    allowed, denied = asked(url, call, {**call, "to": BLOCKED})

    assert (allowed.status, allowed.fields["result"], allowed.fields["granted"]) == (200, "allow", 60)
    assert [step["result"] for step in allowed.fields["steps"]][-1] == "decided"
    assert allowed.fields["pays"][0]["prices"] == [{"per_minute": "0.06", "increment": 1, "time_profile": ""}]
    assert (denied.fields["reason"], denied.fields["sip_code"]) == ("destination_blocked", 403)
    assert [remedy["reason"] for remedy in denied.fields["remedies"]] == ["destination_blocked"]
    assert Facts(url).one("SELECT count(*) FROM calls") == 0


def test_the_fields_of_a_start_are_understood_and_a_call_id_is_not_needed(url: str) -> None:
    organizer = "user@1.example"
    (told,) = asked(url, {"call_id": "a", "to": CALLED, "kind": "conf_out", "organizer": organizer, "leg": "2"})

    assert (told.fields["kind"], told.fields["payer"]) == ("conf_out", organizer)


def test_another_instant_can_be_asked_for(url: str) -> None:
    (told,) = asked(url, {"from": caller_of(1), "to": CALLED, "at": "2010-01-01T00:00:00Z"})

    assert (told.fields["at"], told.fields["reason"]) == ("2010-01-01T00:00:00Z", "no_rate_deck_in_force")


def test_a_call_for_help_is_explained_and_not_recorded(url: str) -> None:
    (told,) = asked(url, {"to": "112"})

    assert (told.fields["result"], told.fields["pays_from"]) == ("allow", "free")
    assert Facts(url).one("SELECT count(*) FROM calls") == 0


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"from": "442000000099", "to": CALLED}, "caller_unknown"),
        ({"from": caller_of(1)}, "missing_field"),
        ({"from": caller_of(1), "to": "hello"}, "number"),
        ({"from": caller_of(1), "to": CALLED, "kind": "telepathy"}, "invalid_field"),
        ({"from": caller_of(1), "to": CALLED, "at": "yesterday"}, "invalid_field"),
    ],
)
def test_what_cannot_be_explained_is_an_error_with_a_code(url: str, body: dict[str, object], code: str) -> None:
    (told,) = asked(url, body)

    assert (told.status, told.fields["result"], told.fields["code"]) == (400, "error", code)


def test_a_switch_without_json_gets_a_line(url: str) -> None:
    (told,) = asked(url, {"from": caller_of(1), "to": CALLED}, text=True)

    assert told.line == "allow 60 0"
