import pytest

from talktime.core.calls.calls import CallKey
from talktime.core.calls.cutting import CallOnSwitch, HangUp, HangUpResult, SwitchState
from talktime.gateways.switches.asterisk import AsteriskSwitch
from tests.gateways.switches.ami_server import SECRET, USER, Channel, FakeAsterisk, open_asterisk

ADA = Channel("PJSIP/ada-0000002a", "1795283178.42", "1795283178.42")
BOB = Channel("PJSIP/bob-0000002b", "1795283179.44", "1795283179.43")
# As the dialplan in examples/asterisk names calls: by the linked and the unique id of the caller's channel.
ADAS = CallOnSwitch(CallKey("asterisk-1", ADA.linkedid, ADA.uniqueid), ADA.name)
BOBS = CallOnSwitch(CallKey("asterisk-1", BOB.linkedid, BOB.uniqueid), BOB.name)
# A test that waits for a timeout waits this long.
IMPATIENT_SECONDS = 0.3


def switch(asterisk: FakeAsterisk, *, secret: str = SECRET, timeout_seconds: float = 10) -> AsteriskSwitch:
    return AsteriskSwitch("127.0.0.1", USER, secret, asterisk.port, timeout_seconds)


def test_the_channel_of_a_call_is_hung_up() -> None:
    with open_asterisk(channels=[ADA, BOB]) as asterisk:
        (result,) = switch(asterisk).hang_up([ADAS])

    assert result == HangUpResult(HangUp.DONE, "PJSIP/ada-0000002a was hung up")
    assert asterisk.hung_up == [ADA.name]
    assert [action["Action"] for action in asterisk.heard][:3] == ["Login", "Status", "Hangup"]


def test_many_calls_need_one_login() -> None:
    with open_asterisk(channels=[ADA, BOB]) as asterisk:
        results = switch(asterisk).hang_up([ADAS, BOBS])

    assert [result.outcome for result in results] == [HangUp.DONE, HangUp.DONE]
    assert (asterisk.hung_up, asterisk.connections_count) == ([ADA.name, BOB.name], 1)


def test_a_call_without_a_name_of_the_switch_is_found_by_its_leg() -> None:
    with open_asterisk(channels=[ADA, BOB]) as asterisk:
        (result,) = switch(asterisk).hang_up([BOBS._replace(switch_ref="")])

    assert result.outcome is HangUp.DONE
    assert asterisk.hung_up == [BOB.name]


def test_a_channel_that_is_gone_is_told_and_the_next_call_is_hung_up() -> None:
    with open_asterisk(channels=[BOB]) as asterisk:
        results = switch(asterisk).hang_up([ADAS, BOBS])

    assert results[0] == HangUpResult(HangUp.NOT_THERE, "No such channel")
    assert results[1].outcome is HangUp.DONE


def test_a_channel_that_bears_an_old_name_in_another_call_is_left_alone() -> None:
    """Names begin anew when Asterisk is restarted."""
    another = Channel(ADA.name, "1795299999.1", "1795299999.1")

    with open_asterisk(channels=[another]) as asterisk:
        (result,) = switch(asterisk).hang_up([ADAS])

    assert result == HangUpResult(HangUp.NOT_THERE, "PJSIP/ada-0000002a is the channel of another call now")
    assert asterisk.hung_up == []


@pytest.mark.parametrize(
    "name",
    [
        "/.*/",
        "/^PJSIP/",
        "PJSIP/ada-1\r\nAction: Originate",
        "PJSIP/ada-1\nSecret: x",
        "PJSIP/ada-1\r\n\r\nAction: Logoff",
        "PJSIP ada",
        "PJSIP/ada\x00",
        "PJSIP/аda",
        "x" * 256,
    ],
)
def test_what_names_no_channel_is_never_sent(name: str) -> None:
    """Between slashes AMI takes a regular expression, and would hang up all that match it."""
    with open_asterisk(channels=[ADA]) as asterisk:
        (result,) = switch(asterisk).hang_up([ADAS._replace(switch_ref=name)])

    assert result.outcome is HangUp.REFUSED
    assert "names no channel" in result.said
    assert {action["Action"] for action in asterisk.heard} <= {"Login", "Logoff"}
    assert asterisk.hung_up == []


def test_a_wrong_secret_is_told_as_asterisk_says_it() -> None:
    with open_asterisk(channels=[ADA]) as asterisk:
        results = switch(asterisk, secret="wrong").hang_up([ADAS, BOBS])
        state = switch(asterisk, secret="wrong").look()

    assert results == [HangUpResult(HangUp.REFUSED, "Authentication failed")] * 2
    assert state == SwitchState(is_reached=False, said="Authentication failed")
    assert asterisk.hung_up == []


def test_a_user_who_may_not_hang_up_is_told_so() -> None:
    refusal = b"Response: Error\r\nActionID: talktime-3\r\nMessage: Permission denied\r\n\r\n"

    with open_asterisk(channels=[ADA], says={"Hangup": refusal}) as asterisk:
        (result,) = switch(asterisk).hang_up([ADAS])

    assert result == HangUpResult(HangUp.REFUSED, "Permission denied")


@pytest.mark.parametrize(
    ("says", "said"),
    [
        ({"Login": b""}, "no answer within 0.3 s"),
        ({"Hangup": b""}, "no answer within 0.3 s"),
        # Half an answer, somebody else's, and an endless list.
        ({"Hangup": b"Response: Success\r\nActionID: talkt"}, "no answer within 0.3 s"),
        ({"Hangup": b"Response: Success\r\nActionID: another\r\nMessage: Channel Hungup\r\n\r\n"}, "no answer within"),
        ({"Status": b"Event: Status\r\nActionID: talktime-2\r\n\r\n" * 1_000}, "no answer within 0.3 s"),
        ({"Status": b"x" * 200_000}, "a line without an end"),
    ],
)
def test_an_asterisk_that_does_not_answer_is_not_waited_for(says: dict[str, bytes], said: str) -> None:
    with open_asterisk(channels=[ADA, BOB], says=says) as asterisk:
        results = switch(asterisk, timeout_seconds=IMPATIENT_SECONDS).hang_up([ADAS, BOBS])

    assert [result.outcome for result in results] == [HangUp.UNREACHED] * 2
    assert said in results[0].said


@pytest.mark.parametrize("action", ["Login", "Status"])
def test_an_asterisk_that_closes_the_connection_is_told(action: str) -> None:
    with open_asterisk(channels=[ADA], says={action: b"Response: Succ"}, hangs_up_after=action) as asterisk:
        (result,) = switch(asterisk).hang_up([ADAS])

    assert result == HangUpResult(HangUp.UNREACHED, "Asterisk closed the connection")


def test_what_is_no_asterisk_is_told_no_secret() -> None:
    with open_asterisk(banner=b"220 mail ESMTP\r\n") as asterisk:
        (result,) = switch(asterisk).hang_up([ADAS])

    assert result == HangUpResult(HangUp.UNREACHED, "this is no Asterisk: it says '220 mail ESMTP'")
    assert asterisk.heard == []


def test_nobody_at_the_address_is_told() -> None:
    with open_asterisk() as asterisk:
        port = asterisk.port

    (result,) = AsteriskSwitch("127.0.0.1", USER, SECRET, port).hang_up([ADAS])

    assert result.outcome is HangUp.UNREACHED
    assert "127.0.0.1" in result.said


def test_a_look_logs_in_and_changes_nothing() -> None:
    with open_asterisk(channels=[ADA]) as asterisk:
        state = switch(asterisk).look()

    assert state == SwitchState(is_reached=True, said="Asterisk Call Manager/9.0.0")
    assert asterisk.channels == [ADA]


def test_a_secret_is_in_no_representation() -> None:
    assert SECRET not in repr(AsteriskSwitch("127.0.0.1", USER, SECRET))
