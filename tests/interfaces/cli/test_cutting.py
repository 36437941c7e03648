from pathlib import Path

import pytest

from talktime.bootstrap import App
from talktime.core.calls.requests import AnswerCall, EndCall, StartCall
from talktime.settings import Settings
from tests import real_books
from tests.gateways.switches.ami_server import SECRET, USER, Channel, open_asterisk
from tests.interfaces.cli.conftest import Talktime
from tests.real_books import ADA, Books, key

CHANNEL = Channel("PJSIP/ada-0000002a", "1795283178.42", "1795283178.42")
ADAS = key(CHANNEL.linkedid, CHANNEL.uniqueid)


@pytest.fixture
def calls(talktime: Talktime, migrated_database_url: str) -> Talktime:
    """Give the command line on a database where Ada talks to Paris."""
    with App(Settings(database=migrated_database_url)) as app:
        app.run(real_books._set_up, real_books.BEGINS_AT)
        books = Books(app)
        books.one(StartCall(ADAS, books.at, ADA, "33140205050", switch_ref=CHANNEL.name))
        books.one(AnswerCall(ADAS, books.at, books.at))
        books.close()
    return talktime


@pytest.fixture
def switches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Name a file of switches that is still to be written."""
    file = tmp_path / "switches.toml"
    monkeypatch.setenv("TALKTIME_SWITCHES", str(file))
    return file


def asterisk(port: int, secret: str = SECRET) -> str:
    return f'[sbc1]\nkind = "asterisk"\nhost = "127.0.0.1"\nport = {port}\nuser = "{USER}"\nsecret = "{secret}"\n'


def test_calls_in_progress_are_shown_with_who_whom_granted_held_and_what_pays(calls: Talktime) -> None:
    shown = calls("calls", "live")
    (document,) = calls("calls", "live", "--organization", "Acme", "--json").document["calls"]

    assert shown.code == 0
    for words in ("1 call in progress", "ada@acme.example", "33140205050", "France", "1:00", "0.081 GBP", "credit"):
        assert words in shown.out
    assert "calls cut" in shown.err
    assert (document["key"], document["user"], document["held"]) == (
        "sbc1|1795283178.42|1795283178.42",
        "ada@acme.example",
        "0.081",
    )
    assert (document["granted_seconds"], document["cut_at"], document["pays_from"]) == (60, None, "credit")


def test_where_nobody_talks_it_is_said_so(calls: Talktime) -> None:
    shown = calls("calls", "live", "--organization", "Fabrikam")
    cut = calls("calls", "cut", "--all", "--organization", "Fabrikam")

    assert (shown.code, shown.out, cut.code, cut.out) == (0, "", 0, "")
    assert "No call is in progress" in shown.err
    assert "nothing to cut" in cut.err


def test_a_call_is_cut_and_its_switch_says_so(calls: Talktime, switches: Path) -> None:
    with open_asterisk(channels=[CHANNEL]) as server:
        switches.write_text(asterisk(server.port), "utf-8")
        ran = calls("calls", "cut", CHANNEL.linkedid)

    assert (ran.code, ran.err) == (0, "")
    assert "1 of 1 call ended" in ran.out
    assert "cut: PJSIP/ada-0000002a was hung up" in ran.out
    assert server.hung_up == [CHANNEL.name]
    assert calls("calls", "live", "--json").document["calls"][0]["cut_at"] is not None


def test_a_switch_that_nobody_set_up_lets_the_call_end_by_itself(
    calls: Talktime, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TALKTIME_DATA_FOLDER", str(tmp_path))

    ran = calls("calls", "cut", "--user", "ada@acme.example", "--organization", "Acme")

    assert ran.code == 3
    assert "ends by itself within 0:00" in ran.out
    assert "how sbc1 is told is not set up" in ran.out
    assert "talktime switches" in ran.err


def test_a_switch_that_does_not_let_us_in_is_told_and_its_secret_is_not(calls: Talktime, switches: Path) -> None:
    with open_asterisk(channels=[CHANNEL]) as server:
        switches.write_text(asterisk(server.port, "hunter2"), "utf-8")
        cut = calls("calls", "cut", "--all", "--organization", "Acme", "--json")
        look = calls("switches")

    (document,) = cut.document["calls"]
    assert (cut.code, document["outcome"], document["switch_was_told"]) == (3, "ends_by_itself", "refused")
    assert document["switch_said"] == "Authentication failed"
    assert (look.code, "not reached: Authentication failed" in look.out) == (3, True)
    assert "hunter2" not in cut.out + cut.err + look.out + look.err


def test_what_is_over_is_told_and_its_switch_is_left_alone(
    calls: Talktime, switches: Path, migrated_database_url: str
) -> None:
    with App(Settings(database=migrated_database_url)) as app:
        books = Books(app)
        books.one(EndCall(ADAS, books.at, 0))
        books.close()
    switches.write_text(asterisk(9), "utf-8")

    ran = calls("calls", "cut", CHANNEL.linkedid)

    assert ran.code == 0
    assert "was over already" in ran.out


def test_who_is_blocked_may_be_cut_off_with_it(calls: Talktime, switches: Path) -> None:
    blocking = ("users", "block", "ada@acme.example", "--organization", "Acme", "--reason", "stolen phone")

    with open_asterisk(channels=[CHANNEL]) as server:
        switches.write_text(asterisk(server.port), "utf-8")
        ran = calls(*blocking, "--cut")

    assert ran.code == 0
    assert "stolen phone" in ran.out
    assert "1 of 1 call ended" in ran.out
    assert server.hung_up == [CHANNEL.name]


def test_who_is_blocked_talks_on_unless_he_is_cut_off(calls: Talktime) -> None:
    ran = calls("users", "block", "ada@acme.example", "--organization", "Acme", "--reason", "stolen phone")

    assert "calls cut --user ada@acme.example" in ran.err
    assert calls("calls", "live", "--json").document["calls"][0]["cut_at"] is None


def test_which_switches_can_be_told_is_listed_with_their_answers(talktime: Talktime, switches: Path) -> None:
    with open_asterisk() as server:
        switches.write_text(asterisk(server.port), "utf-8")
        ran = talktime("switches")
        document = talktime("switches", "--json").document

    assert ran.code == 0
    assert "Asterisk Call Manager/9.0.0" in ran.out
    assert document["switches"][0] == {
        "switch": "sbc1",
        "kind": "asterisk",
        "address": f"127.0.0.1:{server.port}",
        "is_reached": True,
        "said": "Asterisk Call Manager/9.0.0",
    }


def test_where_no_switch_is_set_up_it_is_said_where_to(
    talktime: Talktime, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TALKTIME_DATA_FOLDER", str(tmp_path))

    ran = talktime("switches")

    assert (ran.code, ran.out) == (0, "")
    assert "switches.toml" in ran.err


def test_a_mistake_in_the_file_ends_nothing_and_is_said(calls: Talktime, switches: Path) -> None:
    switches.write_text('[sbc1]\nkind = "freeswitch"\n', "utf-8")

    ran = calls("calls", "cut", CHANNEL.linkedid)

    assert ran.code == 2
    assert "'sbc1'" in ran.err
    assert calls("calls", "live", "--json").document["calls"][0]["cut_at"] is None
