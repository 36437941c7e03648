import pytest

from talktime.core.calls.calls import CallKey
from talktime.core.calls.cutting import CallOnSwitch, HangUp
from talktime.gateways.switches.http import HttpSwitch
from tests.gateways.switches.json_server import open_json_server

CALL = CallOnSwitch(CallKey("freeswitch-1", "7f4de4bc", "a"), "sofia/internal/1000@host")


def test_a_program_is_posted_what_names_the_call() -> None:
    with open_json_server((200, b"")) as server:
        (told,) = HttpSwitch(server.url, token="t0ken").hang_up([CALL])

    assert told.outcome is HangUp.DONE
    assert server.asked[0].headers["Authorization"] == "Bearer t0ken"
    assert server.asked[0].document == {
        "switch": "freeswitch-1",
        "call_id": "7f4de4bc",
        "leg": "a",
        "switch_ref": "sofia/internal/1000@host",
    }


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (204, HangUp.DONE),
        (404, HangUp.NOT_THERE),
        (410, HangUp.NOT_THERE),
        (425, HangUp.RINGING),
        (302, HangUp.REFUSED),
        (401, HangUp.REFUSED),
        (500, HangUp.REFUSED),
    ],
)
def test_the_status_says_what_became_of_the_call(status: int, outcome: HangUp) -> None:
    with open_json_server((status, b"" if status == 204 else b"why \r\n it is")) as server:
        (told,) = HttpSwitch(server.url).hang_up([CALL])

    assert told.outcome is outcome
    assert told.said == (f"HTTP {status}" if status == 204 else f"HTTP {status} why it is")


def test_a_program_that_hangs_is_not_waited_for() -> None:
    with open_json_server((200, b""), (0, b"")) as server:
        told = HttpSwitch(server.url, timeout_seconds=0.3).hang_up([CALL] * 3)

    assert [each.outcome for each in told] == [HangUp.DONE, HangUp.UNREACHED, HangUp.UNREACHED]
    assert len(server.asked) == 2


def test_nothing_is_asked_by_a_look() -> None:
    with open_json_server((200, b"")) as server:
        state = HttpSwitch(server.url).look()

    assert state.is_reached
    assert server.asked == []
