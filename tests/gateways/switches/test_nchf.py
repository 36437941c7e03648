from pathlib import Path

import pytest

from talktime.bootstrap import open_switches
from talktime.core.calls.calls import CallKey
from talktime.core.calls.cutting import CallOnSwitch, HangUp
from talktime.gateways.switches.nchf import NOTIFICATION, NchfSwitch
from talktime.settings import Settings
from tests.gateways.switches.json_server import open_json_server
from tests.interfaces.nchf.published import Published

KEY = CallKey("b9b4b8a2-1c1a-4c6c-9d0e-3a1f0b7c5d11", "a")


def test_a_consumer_is_told_to_abort_at_the_address_that_it_named() -> None:
    with open_json_server((204, b"")) as server:
        control = NchfSwitch(server.url.removesuffix("RPC"), token="t0ken")
        (told,) = control.hang_up([CallOnSwitch(KEY, f"nchf:{server.url}")])

    assert told.outcome is HangUp.DONE
    (asked,) = server.asked
    assert asked.document == {"notificationType": "ABORT_CHARGING"}
    assert asked.headers["Authorization"] == "Bearer t0ken"


def test_what_is_told_keeps_to_what_is_published(shared_data: Path) -> None:
    Published(shared_data).judge_notification(NOTIFICATION)


@pytest.mark.parametrize(
    "ref", ["", "http://127.0.0.1/", "nchf:http://127.0.0.1/elsewhere", "nchf:http://127.0.0.1:1@evil.example/"]
)
def test_nobody_else_is_asked_whatever_a_session_names(ref: str) -> None:
    with open_json_server((204, b"")) as server:
        (told,) = NchfSwitch(f"{server.url}/").hang_up([CallOnSwitch(KEY, ref)])

    assert told.outcome is HangUp.REFUSED
    assert server.asked == []


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (200, HangUp.DONE),
        (404, HangUp.NOT_THERE),
        (410, HangUp.NOT_THERE),
        (307, HangUp.REFUSED),
        (500, HangUp.REFUSED),
    ],
)
def test_the_status_says_what_became_of_the_session(status: int, outcome: HangUp) -> None:
    with open_json_server((status, b"")) as server:
        (told,) = NchfSwitch(server.url).hang_up([CallOnSwitch(KEY, f"nchf:{server.url}")])

    assert told.outcome is outcome


def test_a_consumer_that_hangs_is_not_waited_for() -> None:
    with open_json_server((0, b"")) as server:
        call = CallOnSwitch(KEY, f"nchf:{server.url}")
        told = NchfSwitch(server.url, timeout_seconds=0.3).hang_up([call, call])

    assert [each.outcome for each in told] == [HangUp.UNREACHED, HangUp.UNREACHED]
    assert len(server.asked) == 1


def test_a_consumer_is_named_in_the_file_with_the_beginning_of_its_addresses(tmp_path: Path) -> None:
    text = f'[{KEY.switch}]\nkind = "nchf"\nurl = "http://ims.example:7777"\n'
    (tmp_path / "switches.toml").write_text(text, "utf-8")

    (known,) = open_switches(Settings(data_folder=tmp_path)).values()

    assert (known.name, known.kind, known.address) == (KEY.switch, "nchf", "http://ims.example:7777/")
    assert known.control == NchfSwitch("http://ims.example:7777/")
