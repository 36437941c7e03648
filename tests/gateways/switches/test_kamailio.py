"""What Kamailio may answer, from a server that says it; the real one: tests/interfaces/switches/test_cut.py."""

from typing import Any

import pytest

from talktime.core.calls.calls import CallKey
from talktime.core.calls.cutting import CallOnSwitch, HangUp, HangUpResult, SwitchState
from talktime.gateways.switches.kamailio import KamailioSwitch
from tests.gateways.switches.json_server import error, open_json_server, result

CALL = CallOnSwitch(CallKey("kamailio-1", "a84b4c76e66710@pc33", "1928301774-1"))
OTHER = CallOnSwitch(CallKey("kamailio-1", "another@pc33", "99-1"))
NO_DIALOG = result({})
ENDED = result({})


def dialog(state: int = 4, *, leg: str = "1928301774-1", to_tag: str | None = "a6c85cf") -> dict[str, Any]:
    """Make a dialog as Kamailio 5.6.3 shows it, less what nobody reads."""
    return {
        "h_entry": 1125,
        "h_id": 3508,
        "call-id": CALL.key.call_id,
        "state": state,
        "caller": {"tag": "1928301774", "cseq": "1"},
        "callee": {"tag": to_tag, "cseq": "0"},
        "profiles": [],
        "variables": [{"granted": "60"}, {"leg": leg}, {"queue": "report"}],
    }


def test_the_dialog_of_the_call_id_is_ended_by_its_tags() -> None:
    with open_json_server(result(dialog()), ENDED) as server:
        (told,) = KamailioSwitch(server.url).hang_up([CALL])

    assert told == HangUpResult(HangUp.DONE, "BYE to both sides")
    assert [(asked.document["method"], asked.document["params"]) for asked in server.asked] == [
        ("dlg.dlg_list", [CALL.key.call_id]),
        ("dlg.terminate_dlg", [CALL.key.call_id, "1928301774", "a6c85cf"]),
    ]


def test_where_several_dialogs_bear_the_call_id_that_of_the_leg_is_asked_for_by_its_from_tag() -> None:
    with open_json_server(result(dialog(leg="another-1")), result(dialog(to_tag="second")), ENDED) as server:
        (told,) = KamailioSwitch(server.url).hang_up([CALL])

    assert told.outcome is HangUp.DONE
    assert [asked.document["params"] for asked in server.asked] == [
        [CALL.key.call_id],
        [CALL.key.call_id, "1928301774"],
        [CALL.key.call_id, "1928301774", "second"],
    ]


@pytest.mark.parametrize("found", [{}, [], dialog(leg="another-1"), dialog(5), {"state": 4}, {"state": "4"}])
def test_a_call_that_kamailio_does_not_know_is_told_and_nothing_is_ended(found: object) -> None:
    with open_json_server(result(found)) as server:
        (told,) = KamailioSwitch(server.url).hang_up([CALL])

    assert told.outcome is HangUp.NOT_THERE
    assert {asked.document["method"] for asked in server.asked} == {"dlg.dlg_list"}


@pytest.mark.parametrize("state", [1, 2, 3])
def test_a_call_that_rings_is_not_ended_because_kamailio_would_only_forget_it(state: int) -> None:
    with open_json_server(result(dialog(state, to_tag=None)), ENDED) as server:
        (told,) = KamailioSwitch(server.url).hang_up([CALL])

    assert told.outcome is HangUp.RINGING
    assert [asked.document["method"] for asked in server.asked] == ["dlg.dlg_list"]


def test_a_call_that_ends_between_the_two_questions_is_told() -> None:
    with open_json_server(result(dialog()), error("Couldnt find callid in dialog")) as server:
        (told,) = KamailioSwitch(server.url).hang_up([CALL])

    assert told == HangUpResult(HangUp.NOT_THERE, "the dialog has ended meanwhile")


def test_an_error_is_told_as_kamailio_says_it_and_the_next_call_is_ended() -> None:
    with open_json_server(error("Method Not Found"), result(dialog(leg="")), ENDED) as server:
        first, second = KamailioSwitch(server.url).hang_up([OTHER, CALL])

    assert first == HangUpResult(HangUp.REFUSED, "Method Not Found")
    assert second.outcome is HangUp.DONE


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ((0, b""), "no answer within 0.3 s"),
        ((200, b""), "HTTP 200, and no JSON object"),
        ((200, b"[1, 2]"), "HTTP 200, and no JSON object"),
        ((502, b"<html>Bad Gateway</html>"), "HTTP 502, and no JSON object"),
        ((200, b'{"jsonrpc": "2.0", "id": 1}'), "neither result nor error"),
        ((200, b'{"result": "' + b"x" * 1_100_000 + b'"}'), "more than 1,000,000 bytes"),
        ((302, b""), "HTTP 302, and no JSON object"),
    ],
)
def test_what_cannot_be_read_counts_as_no_answer_and_is_not_asked_for_again(
    answer: tuple[int, bytes], said: str
) -> None:
    with open_json_server(answer) as server:
        told = KamailioSwitch(server.url, timeout_seconds=0.3).hang_up([CALL, OTHER])

    assert [each.outcome for each in told] == [HangUp.UNREACHED] * 2
    assert said in told[0].said
    assert len(server.asked) == 1


@pytest.mark.parametrize("status", [401, 403])
def test_who_is_not_let_in_is_told_so(status: int) -> None:
    with open_json_server((status, b"")) as server:
        (told,) = KamailioSwitch(server.url).hang_up([CALL])

    assert told.outcome is HangUp.REFUSED
    assert f"HTTP {status}" in told.said


def test_a_token_is_sent_and_shown_to_nobody() -> None:
    with open_json_server(NO_DIALOG) as server:
        switch = KamailioSwitch(server.url, token="t0ken")
        switch.hang_up([CALL])

    assert server.asked[0].headers["Authorization"] == "Bearer t0ken"
    assert "t0ken" not in repr(switch)


def test_nobody_at_the_address_is_told() -> None:
    with open_json_server(NO_DIALOG) as server:
        url = server.url

    (told,) = KamailioSwitch(url).hang_up([CALL])

    assert told.outcome is HangUp.UNREACHED


def test_a_look_tells_how_many_dialogs_there_are() -> None:
    with open_json_server(result({"starting": 0, "ongoing": 3, "all": 4})) as server:
        state = KamailioSwitch(server.url).look()

    assert state == SwitchState(is_reached=True, said="4 dialogs")


@pytest.mark.parametrize("answer", [error("Method Not Found"), (403, b""), (200, b"?")])
def test_a_look_tells_what_is_wrong(answer: tuple[int, bytes]) -> None:
    with open_json_server(answer) as server:
        state = KamailioSwitch(server.url).look()

    assert not state.is_reached
    assert state.said
