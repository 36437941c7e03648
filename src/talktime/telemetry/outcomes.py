"""What a request is called and what became of it, in the words of metrics and logs."""

from talktime.core.calls.requests import (
    AnswerCall,
    CloseCall,
    CorrectCall,
    CutCall,
    Denied,
    EndCall,
    EndLeg,
    EndSession,
    ExtendCall,
    Finished,
    Granted,
    Noted,
    Parked,
    Request,
    StartCall,
    UpdateSession,
)
from talktime.core.values.errors import TalktimeError
from talktime.group_commit import Answered

OPERATIONS: dict[type[Request], str] = {
    StartCall: "start",
    AnswerCall: "answer",
    ExtendCall: "extend",
    UpdateSession: "update_session",
    EndCall: "end",
    EndSession: "end_session",
    EndLeg: "end_leg",
    CloseCall: "close",
    CutCall: "cut",
    CorrectCall: "correct",
}

# A result and its reason; the reason of what is parked is a sentence, and stands in the database.
Outcome = tuple[str, str]
ORDINARY: dict[type, Outcome] = {
    Granted: ("allow", ""),
    Finished: ("finished", ""),
    Noted: ("noted", ""),
    Parked: ("parked", ""),
}


def outcome_of(answer: Answered) -> Outcome:
    """Return the result and its reason, as they are counted and logged."""
    ordinary = ORDINARY.get(answer.__class__)
    if ordinary is not None:
        return ordinary
    if isinstance(answer, Denied):
        return "deny", answer.reason.value
    return "error", answer.code if isinstance(answer, TalktimeError) else "internal"
