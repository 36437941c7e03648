"""References that any process can read, and one table for every refusal."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from talktime.core.calls.calls import CallKey, DenialReason, PaysFrom
from talktime.core.calls.requests import Denied, Granted
from talktime.core.values.errors import Unavailable
from talktime.interfaces.nchf import references, writing
from talktime.interfaces.nchf.references import Counting, Reference
from talktime.interfaces.nchf.writing import Asked

ASKED = Asked(number=1, wanting=(100,), named=(100,), patience_seconds=30)
NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)

words = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), max_size=20)
names = words.filter(lambda word: "|" not in word)


@given(switch=names, leg=names, call_id=words.filter(bool), counting=st.sampled_from(Counting))
def test_a_reference_is_read_as_it_was_written(switch: str, leg: str, call_id: str, counting: Counting) -> None:
    reference = Reference(CallKey(switch, call_id, leg), counting)

    word = references.written(reference)

    assert references.read(word) == reference
    assert word.replace("-", "").replace("_", "").isalnum()


@given(word=st.text(max_size=40))
def test_no_other_word_is_a_reference(word: str) -> None:
    reference = references.read(word)

    assert reference is None or references.written(reference) == word


@pytest.mark.parametrize("reason", DenialReason)
def test_every_refusal_has_its_code_and_its_cause(reason: DenialReason) -> None:
    refusal = writing.REFUSALS[reason]

    status, problem = writing.refused(reason)

    assert refusal.result_code in {
        "END_USER_SERVICE_DENIED",
        "END_USER_SERVICE_REJECTED",
        "QUOTA_LIMIT_REACHED",
        "RATING_FAILED",
    }
    assert status in {403, 404}
    assert problem["cause"] == refusal.cause
    assert str(problem["detail"]).endswith(".")


def test_only_a_lack_of_money_is_a_limit() -> None:
    limits = {reason for reason, refusal in writing.REFUSALS.items() if refusal.result_code == "QUOTA_LIMIT_REACHED"}

    assert limits == {
        DenialReason.CREDIT_NOT_SET_UP,
        DenialReason.OVERAGE_OFF,
        DenialReason.USER_CAP_REACHED,
        DenialReason.DEPARTMENT_CAP_REACHED,
        DenialReason.CREDIT_EXHAUSTED,
        DenialReason.OVERAGE_LIMIT_REACHED,
    }


def test_a_grant_counts_from_the_last_report() -> None:
    answer = Granted(110, is_final=False, recheck_after_seconds=100, pays_from=PaysFrom.CREDIT, reported_seconds=50)

    assert writing.units(ASKED, answer) == [
        {
            "ratingGroup": 100,
            "resultCode": "SUCCESS",
            "grantedUnit": {"time": 60},
            "validityTime": 90,
            "timeQuotaThreshold": 10,
        }
    ]


def test_a_grant_is_asked_for_again_before_it_ends_however_short_it_is() -> None:
    answer = Granted(51, is_final=False, recheck_after_seconds=41, pays_from=PaysFrom.CREDIT, reported_seconds=50)

    (unit,) = writing.units(ASKED, answer)

    assert (unit["grantedUnit"], unit["timeQuotaThreshold"]) == ({"time": 1}, 0)


@pytest.mark.parametrize("reported_seconds", [110, 112])
def test_nothing_left_is_a_limit_and_never_an_empty_success(reported_seconds: int) -> None:
    answer = Granted(110, True, 110, PaysFrom.CREDIT, reported_seconds)  # noqa: FBT003 -- is_final

    assert writing.units(ASKED, answer) == [{"ratingGroup": 100, "resultCode": "QUOTA_LIMIT_REACHED"}]


def test_units_that_nobody_asked_for_get_nothing() -> None:
    answer = Granted(60, is_final=False, recheck_after_seconds=50, pays_from=PaysFrom.CREDIT)
    asked = Asked(number=1, named=(100,))

    assert writing.units(asked, answer) == []
    assert "multipleUnitInformation" not in writing.response(asked, NOW, [])
    assert writing.units(asked, Denied(DenialReason.CALL_CUT)) == [
        {"ratingGroup": 100, "resultCode": "END_USER_SERVICE_DENIED"}
    ]


@pytest.mark.parametrize(
    ("failure", "status", "cause"),
    [(Unavailable("slow"), 503, "NF_CONGESTION"), (ValueError("a bug"), 500, "SYSTEM_FAILURE")],
)
def test_what_fails_is_a_problem_that_says_nothing_of_our_inside(failure: Exception, status: int, cause: str) -> None:
    told, problem = writing.failed(failure)

    assert (told, problem["status"], problem["cause"]) == (status, status, cause)
    assert "bug" not in str(problem)
