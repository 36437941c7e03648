"""What the log shows of numbers: their last digits, wherever in a text they stand."""

import json
import logging
import threading

import pytest
import structlog

from talktime.telemetry import configure_log
from talktime.telemetry.log import log_what_others_say, masked

CALLER = "442079460001"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (f"caller={CALLER!r}", "caller='…001'"),
        ("tel:+44 20 7946-0001", "tel:…001"),
        ("sip:+442079460001@host", "sip:…001@host"),
        ("sbc1||442079460001-17", "sbc1||…001-17"),
        ("Key (identity)=(442079460001) already exists.", "Key (identity)=(…001) already exists."),
        # What is no number.
        ("2026-03-02T09:00:00.123456Z on 192.168.100.200:5060", "2026-03-02T09:00:00.123456Z on 192.168.100.200:5060"),
        ("4f0c2e9a11234567b0", "4f0c2e9a11234567b0"),
        ("112 and 911 are called, 123456 too", "112 and 911 are called, 123456 too"),
    ],
)
def test_of_a_number_the_last_three_digits_are_shown(text: str, shown: str) -> None:
    assert masked(text) == shown


@pytest.mark.parametrize("for_people", [False, True])
def test_numbers_are_masked_in_values_however_deep_and_in_tracebacks(
    capfd: pytest.CaptureFixture[str], *, for_people: bool
) -> None:
    configure_log(for_people=for_people)
    failure = ValueError(f"{CALLER} calls")

    structlog.get_logger().error(
        "failed", calls=[{"from": CALLER}, (CALLER,)], request=failure, amount_micros=50_000_000, exc_info=failure
    )
    configure_log()

    said = capfd.readouterr().err.replace("\\u2026", "…")
    assert CALLER not in said
    assert said.count("…001") == 4
    assert "50000000" in said


def test_other_libraries_speak_in_our_log(capfd: pytest.CaptureFixture[str]) -> None:
    configure_log()
    root = logging.getLogger()
    before = root.handlers[:], root.level, threading.excepthook
    try:
        log_what_others_say()
        logging.getLogger("asyncio").error("the task of %s failed", CALLER)
        threading.excepthook(threading.ExceptHookArgs((ValueError, ValueError(CALLER), None, None)))
    finally:
        root.handlers[:], root.level, threading.excepthook = before

    library, thread = (json.loads(line) for line in capfd.readouterr().err.splitlines())
    assert (library["event"], library["logger"], library["level"]) == ("the task of …001 failed", "asyncio", "error")
    assert (thread["event"], thread["exception"]) == ("thread_failed", "ValueError: …001")
