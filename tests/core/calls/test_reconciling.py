"""A switch's record beside our call: what counts as agreed, and what is asked of charging where it is not."""

from dataclasses import replace
from datetime import timedelta

import pytest

from talktime.core.calls.afterwards.parking import ParkedCall
from talktime.core.calls.afterwards.reconciling import Match, SwitchRecord, match_of, proposal
from talktime.core.calls.calls import Call, CallState
from talktime.core.calls.requests import (
    AnswerCall,
    ChargingTerms,
    CloseCall,
    CorrectCall,
    EndCall,
    StartCall,
)
from tests.core.calls.world import ADA, NOON, PARIS, TOKYO, World, key

TERMS = ChargingTerms()
RECORD = SwitchRecord(1, "c1", "", NOON, NOON, NOON + timedelta(seconds=60), 60, ADA, PARIS)
LATER = NOON + timedelta(hours=1)


def talked(used: int, *, granted_all: bool = False) -> Call:
    world = World()
    world.start()
    world.answer(at=0)
    world.end(used, at=used)
    return replace(world.call(), is_final=granted_all)


@pytest.mark.parametrize(
    ("here", "there", "match"),
    [
        (60, 60, Match.AGREED),
        (59, 60, Match.AGREED),
        (60, 59, Match.AGREED),
        (58, 60, Match.DIFFERS),
        (62, 60, Match.DIFFERS),
        (1, 0, Match.DIFFERS),
        (0, 1, Match.DIFFERS),
        (0, 0, Match.AGREED),
    ],
)
def test_a_rounded_second_is_no_difference_unless_it_is_all(here: int, there: int, match: Match) -> None:
    assert match_of(replace(RECORD, used_seconds=there), talked(here), TERMS, 1) is match


def test_seconds_that_a_switch_takes_to_cut_a_call_are_no_difference() -> None:
    call = talked(60, granted_all=True)

    assert match_of(replace(RECORD, used_seconds=62), call, TERMS, 1) is Match.AGREED
    assert match_of(replace(RECORD, used_seconds=63), call, TERMS, 1) is Match.DIFFERS
    assert match_of(replace(RECORD, used_seconds=58), call, TERMS, 1) is Match.DIFFERS


@pytest.mark.parametrize(
    ("record", "talked_seconds"),
    [
        (RECORD, 60),
        (replace(RECORD, used_seconds=None), 60),
        (replace(RECORD, used_seconds=None, ended_at=NOON + timedelta(seconds=3.2)), 4),
        (replace(RECORD, used_seconds=None, answered_at=None), 0),
        (replace(RECORD, used_seconds=None, ended_at=None), None),
        (replace(RECORD, used_seconds=None, started_at=None), None),
    ],
)
def test_a_record_tells_how_long_was_talked(record: SwitchRecord, talked_seconds: int | None) -> None:
    assert record.talked_seconds == talked_seconds


def test_calls_that_are_not_charged_yet_or_never() -> None:
    world = World()
    world.start()
    world.start(TOKYO, name="refused")
    open_, refused = world.call(), world.call("refused")
    unended = replace(RECORD, used_seconds=None, ended_at=None)

    assert match_of(RECORD, open_, TERMS, 1) is Match.ENDED_THERE
    assert match_of(unended, open_, TERMS, 1) is Match.RUNNING
    assert match_of(unended, talked(60), TERMS, 1) is Match.UNFINISHED
    assert match_of(unended, None, TERMS, 1) is Match.UNFINISHED
    assert match_of(RECORD, None, TERMS, 1) is Match.UNKNOWN
    assert match_of(RECORD, refused, TERMS, 1) is Match.REFUSED
    assert match_of(replace(RECORD, used_seconds=0), refused, TERMS, 1) is Match.AGREED
    assert match_of(replace(RECORD, used_seconds=0), None, TERMS, 1) is Match.AGREED


def test_what_differs_is_corrected_under_a_reference_of_its_record() -> None:
    (correction,) = proposal(key(), RECORD, Match.DIFFERS, LATER, TERMS)

    assert isinstance(correction, CorrectCall)
    assert (correction.used_seconds, correction.answered_at, correction.at) == (60, NOON, LATER)
    assert correction.reference == "record from 2026-06-10T12:00:00Z of 60 s"
    (without,) = proposal(
        key(), replace(RECORD, started_at=None, answered_at=None, ended_at=None), Match.DIFFERS, LATER, TERMS
    )
    assert isinstance(without, CorrectCall)
    assert without.reference == "record of 60 s"


def test_what_is_open_here_is_ended_as_of_its_answer() -> None:
    answer, end = proposal(key(), RECORD, Match.ENDED_THERE, LATER, TERMS)
    (unanswered,) = proposal(key(), replace(RECORD, used_seconds=0), Match.ENDED_THERE, LATER, TERMS)

    assert isinstance(answer, AnswerCall)
    assert answer.answered_at == NOON
    assert isinstance(end, EndCall)
    assert end.used_seconds == 60
    assert isinstance(unanswered, EndCall)
    assert unanswered.used_seconds == 0


def test_late_usage_is_charged_as_of_its_time() -> None:
    old = proposal(key(), RECORD, Match.UNKNOWN, LATER, TERMS)
    young = proposal(key(), replace(RECORD, answered_at=None), Match.UNKNOWN, NOON + timedelta(seconds=70), TERMS)

    assert [type(each) for each in old] == [StartCall, CloseCall, CorrectCall]
    assert old[0].at == NOON
    assert [type(each) for each in young] == [StartCall, AnswerCall, EndCall]
    assert proposal(key(), replace(RECORD, started_at=None), Match.UNKNOWN, LATER, TERMS) == ()


@pytest.mark.parametrize("match", [Match.AGREED, Match.MISSING, Match.REFUSED, Match.RUNNING, Match.UNFINISHED])
def test_nothing_is_proposed_where_nothing_can_be_done(match: Match) -> None:
    assert proposal(key(), RECORD, match, LATER, TERMS) == ()


@pytest.mark.parametrize(
    ("state", "charged", "says"),
    [
        ("", None, "--charge"),
        (CallState.DENIED.value, None, "mend the switch"),
        (CallState.OPEN.value, None, "still open"),
        (CallState.FINISHED.value, 60, "charged alike"),
        (CallState.FINISHED.value, 61, "charged alike"),
        (CallState.LAPSED.value, 0, "proposes a correction"),
        (CallState.FINISHED.value, 50, "proposes a correction"),
    ],
)
def test_a_parked_report_says_what_to_do(state: str, charged: int | None, says: str) -> None:
    parked = ParkedCall(key(), "a reason", 60, NOON, state=state, charged_seconds=charged)

    assert says in parked.remedy
