"""What charging answers becomes fields and lines that a switch can act on."""

from datetime import UTC, datetime

import pytest

from talktime.core.calls.calls import CallKey, DenialReason, PaysFrom
from talktime.core.calls.requests import (
    Answer,
    Denied,
    EndCall,
    ExtendCall,
    Finished,
    Granted,
    Noted,
    Parked,
    StartCall,
)
from talktime.core.values.errors import Conflict, Forbidden, Invalid, NotFound, Unavailable
from talktime.interfaces.charging import writing

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
KEY = CallKey("sbc1", "a")
START = StartCall(KEY, NOW, "442079460000", "33140205050")
END = EndCall(KEY, NOW, 12)
GRANTED = Granted(120, is_final=False, recheck_after_seconds=110, pays_from=PaysFrom.CREDIT)


def test_a_grant_counts_from_the_answer() -> None:
    assert writing.flat(START, GRANTED) == {
        "result": "allow",
        "granted": 120,
        "granted_total": 120,
        "left": 120,
        "final": 0,
        "recheck_after": 110,
        "pays_from": "credit",
    }


@pytest.mark.parametrize(("elapsed", "left"), [(None, 120), (0, 120), (50, 70), (120, 0), (130, 0)])
def test_an_extension_says_what_is_left(elapsed: int | None, left: int) -> None:
    fields = writing.flat(ExtendCall(KEY, NOW, 60, elapsed), GRANTED)

    assert (fields["granted_total"], fields["left"]) == (120, left)


@pytest.mark.parametrize("reason", DenialReason)
def test_every_denial_has_its_codes_and_its_sentence(reason: DenialReason) -> None:
    fields = writing.flat(START, Denied(reason))

    assert fields["result"] == "deny"
    assert fields["reason"] == reason.value
    assert fields["sip_code"] in {402, 403, 481, 484}
    assert 1 <= int(str(fields["hangup_cause"])) <= 127
    assert str(fields["sip_reason"]).isprintable()
    assert str(fields["detail"]).endswith(".")


def test_only_a_lack_of_money_asks_for_payment() -> None:
    asked = {reason for reason, refusal in writing.REFUSALS.items() if refusal.sip_code == 402}

    assert asked == {
        DenialReason.CREDIT_NOT_SET_UP,
        DenialReason.OVERAGE_OFF,
        DenialReason.USER_CAP_REACHED,
        DenialReason.DEPARTMENT_CAP_REACHED,
        DenialReason.CREDIT_EXHAUSTED,
        DenialReason.OVERAGE_LIMIT_REACHED,
    }


def test_a_charge_is_an_exact_decimal_string() -> None:
    assert writing.flat(END, Finished(12, 13_500, "EUR")) == {
        "result": "ok",
        "charged": "0.0135",
        "currency": "EUR",
        "used": 12,
    }


@pytest.mark.parametrize(
    ("answer", "line"),
    [
        (GRANTED, "allow 120 0"),
        (Granted(4, is_final=True, recheck_after_seconds=4, pays_from=PaysFrom.CREDIT), "allow 4 1"),
        (Denied(DenialReason.CREDIT_EXHAUSTED), "deny 402 21 credit_exhausted"),
        (Finished(12, 13_500, "EUR"), "ok 0.0135"),
        (Noted(), "ok"),
        (Parked("no start was seen for this call"), "parked no start was seen for this call"),
    ],
)
def test_every_answer_is_a_line_of_text(answer: Answer, line: str) -> None:
    assert writing.text_line(writing.flat(START, answer)) == line


@pytest.mark.parametrize(
    ("failure", "status", "line"),
    [
        (Invalid("to: is missing", code="missing_field"), 400, "error missing_field"),
        (Invalid("too large", code="body_too_large"), 413, "error body_too_large"),
        (NotFound("no such thing"), 400, "error not_found"),
        (Conflict("it differs"), 400, "error conflict"),
        (Forbidden("not you"), 400, "error forbidden"),
        (Unavailable("too late", code="deadline"), 503, "error deadline"),
        (ZeroDivisionError("a bug"), 500, "error internal"),
    ],
)
def test_every_error_has_its_status(failure: Exception, status: int, line: str) -> None:
    answered, fields = writing.flat_error(failure)

    assert answered == status
    assert writing.text_line(fields) == line


def test_a_bug_is_not_told_to_whoever_met_it() -> None:
    _, fields = writing.flat_error(ZeroDivisionError("secret"))

    assert "secret" not in str(fields)
