"""A line for each request, written by a thread, many at a time."""

import hashlib
import json
import os
import time
from datetime import UTC, datetime

import pytest

from talktime.core.calls.calls import CallKey, DenialReason, PaysFrom
from talktime.core.calls.requests import Denied, Finished, Granted, Parked, StartCall
from talktime.core.values.errors import Invalid, Unavailable
from talktime.group_commit import Answered
from talktime.telemetry import request_log
from talktime.telemetry.request_log import RequestLog, read_kept
from talktime.telemetry.requests import RequestCounts

AT = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
GRANTED = Granted(60, is_final=False, recheck_after_seconds=50, pays_from=PaysFrom.CREDIT)


def start(number: int) -> StartCall:
    return StartCall(CallKey("sbc1", f"call-{number}"), AT, caller="442079460001", called="442079460002")


def lines_of(capfd: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    return [json.loads(line) for line in capfd.readouterr().err.splitlines()]


def test_a_line_says_what_became_of_a_request_and_names_its_call_without_a_number(
    capfd: pytest.CaptureFixture[str],
) -> None:
    log = RequestLog(is_of_all=True)
    asked, other = start(1), start(2)
    log.start()

    log.charged((asked, other), (7, 8))
    RequestCounts(log).answered((asked,), (GRANTED,), time.monotonic())
    log.stop()

    (line,) = lines_of(capfd)
    assert line.pop("ms") is not None
    assert datetime.fromisoformat(str(line.pop("timestamp"))).tzinfo is not None
    assert line == {
        "level": "info",
        "event": "request",
        "operation": "start",
        "call": hashlib.blake2b(b"sbc1||call-1", digest_size=8).hexdigest(),
        "result": "allow",
        "switch": "sbc1",
        "organization": 7,
        "granted": 60,
        "batch": 2,
    }


def test_the_log_of_denied_requests_leaves_out_those_that_got_a_yes(capfd: pytest.CaptureFixture[str]) -> None:
    log = RequestLog(is_of_all=False)
    answers: list[Answered] = [
        GRANTED,
        Denied(DenialReason.CREDIT_EXHAUSTED),
        Finished(1, 2, "EUR"),
        Parked("no start was seen for this call"),
        Unavailable("too many requests are waiting to be charged", code="busy"),
        ValueError("442079460001"),
    ]
    log.start()

    RequestCounts(log).answered([start(number) for number in range(len(answers))], answers, time.monotonic())
    log.stop()

    told = [(line["result"], line.get("reason")) for line in lines_of(capfd)]
    assert told == [("deny", "credit_exhausted"), ("parked", None), ("error", "busy"), ("error", "internal")]


def test_lines_are_whole_whoever_else_writes_to_the_same_pipe(capfd: pytest.CaptureFixture[str]) -> None:
    log = RequestLog(is_of_all=True)
    requests = [start(number) for number in range(1_000)]
    log.start()

    RequestCounts(log).answered(requests, [GRANTED] * len(requests), time.monotonic())
    log.stop()

    assert len({line["call"] for line in lines_of(capfd)}) == len(requests)


def test_lines_that_nobody_takes_in_time_are_dropped_and_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(request_log, "NOTES_MAX", 10)
    monkeypatch.setattr(request_log, "_STANDARD_ERROR", os.open(os.devnull, os.O_WRONLY))
    log = RequestLog(is_of_all=True)

    RequestCounts(log).answered([start(n) for n in range(25)], [GRANTED] * 25, time.monotonic())

    assert log.dropped_count == 15
    log.start()
    log.stop()


def test_what_is_to_be_logged_is_one_of_three_words() -> None:
    assert [read_kept(word) for word in ("all", "denied", "none")] == ["all", "denied", "none"]
    with pytest.raises(Invalid, match="TALKTIME_LOG_REQUESTS is 'some': it must be one of all, denied, none"):
        read_kept("some")
