"""Many calls at once on what is left of a pool, a cap or a bill: together they never get more than that."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import timedelta

import pytest

from talktime.bootstrap import App
from talktime.core.calls.calls import CallKey, DenialReason
from talktime.core.calls.counting.meters import Meter
from talktime.core.calls.requests import Answer, Denied, EndCall, Granted, Request, StartCall
from talktime.core.organizations.arrangements import Arrangements, Caps, Overage
from talktime.core.organizations.organizations import BillingMode
from talktime.core.values.errors import Unavailable
from talktime.settings import Settings
from talktime.usecases.insight.audit_books import AuditBooks, audit_books
from tests.conftest import REPOSITORY
from tests.interfaces.charging.books import Facts
from tests.planned_books import (
    BILL,
    CALLED,
    CALLER,
    CAPPED,
    POOL,
    SECOND_MICROS,
    START,
    Planned,
    meters_in,
    open_planned,
)

CALLS, CONNECTIONS, ATTEMPTS_MAX = 200, 8, 10_000
MINUTES = 60
HOUR_MICROS = MINUTES * 60 * SECOND_MICROS
RICH = 10**12
ON_BILL = Overage(is_on=True, limit_per_month_micros=HOUR_MICROS)
# What is left for sixty minutes of talk: of a plan, under a cap, on a bill; what counts it, and up to what.
LIMITS = {
    "pool": (Planned(minutes_left=MINUTES), POOL, 120, DenialReason.CREDIT_NOT_SET_UP),
    "cap": (
        Planned(RICH, arranged=Arrangements(caps=Caps(HOUR_MICROS)), has_credits_license=True),
        CAPPED,
        HOUR_MICROS,
        DenialReason.USER_CAP_REACHED,
    ),
    "bill": (
        Planned(arranged=Arrangements(overage=ON_BILL), mode=BillingMode.POSTPAID),
        BILL,
        HOUR_MICROS,
        DenialReason.OVERAGE_LIMIT_REACHED,
    ),
}


def charge(url: str, requests: list[Request]) -> list[Answer]:
    """Charge on a connection of one's own, and ask again while others hold the organization."""
    with App(Settings(database=url)) as app:
        charging = app.open_charging()
        answers: list[Answer] = []
        for request in requests:
            for _ in range(ATTEMPTS_MAX):
                try:
                    (answer,) = charging.charge([request])
                except Unavailable:
                    continue
                if answer is not None:
                    answers.append(answer)
                    break
        charging.close()
    return answers


def start(number: int) -> StartCall:
    return StartCall(CallKey("proxy", str(number)), START, CALLER, CALLED)


@pytest.mark.parametrize("limit", LIMITS)
def test_two_hundred_calls_at_once_get_sixty_minutes_and_no_more(migrated_database_url: str, limit: str) -> None:
    planned, meter, most, reason = LIMITS[limit]
    open_planned(migrated_database_url, planned)
    before = meters_in(migrated_database_url).get(meter, Meter())
    shares = [[start(number) for number in range(first, CALLS, CONNECTIONS)] for first in range(CONNECTIONS)]

    with ThreadPoolExecutor(CONNECTIONS) as threads:
        answered = [
            each
            for answers in threads.map(lambda share: charge(migrated_database_url, share), shares)
            for each in answers
        ]

    granted = [each for each in answered if isinstance(each, Granted)]
    assert len(answered) == CALLS
    assert sum(each.granted_seconds for each in granted) == MINUTES * 60
    assert {each.reason for each in answered if isinstance(each, Denied)} == {reason}
    assert meters_in(migrated_database_url)[meter] == Meter(before.used, most - before.used)
    ends: list[Request] = [EndCall(start(number).key, START + timedelta(minutes=2), 60) for number in range(CALLS)]
    charge(migrated_database_url, ends)
    assert meters_in(migrated_database_url)[meter] == Meter(most)
    assert_clean(migrated_database_url)


@pytest.mark.parametrize(
    ("limit", "processes"), [("pool", 2), *(pytest.param(limit, 4, marks=pytest.mark.proof) for limit in LIMITS)]
)
def test_the_calls_of_several_processes_never_use_or_promise_more(
    migrated_database_url: str, limit: str, processes: int
) -> None:
    planned, meter, most, _ = LIMITS[limit]
    open_planned(migrated_database_url, planned)

    run(migrated_database_url, processes=processes, calls=CALLS // processes)

    now = meters_in(migrated_database_url)[meter]
    assert 0 < now.used + now.held <= most
    close_all(migrated_database_url)
    after = meters_in(migrated_database_url)
    assert now.used <= after[meter].used <= most
    assert {name: each.held for name, each in after.items() if each.held} == {}
    assert_clean(migrated_database_url)


def run(url: str, *, processes: int, calls: int) -> None:
    """Let so many processes make so many calls each, all beginning at once."""
    with ExitStack() as stack:
        started = [
            stack.enter_context(
                subprocess.Popen(
                    [
                        *(sys.executable, "-m", "tests.proofs.pool_races", url),
                        *("--name", f"process{number}", "--calls", str(calls)),
                    ],
                    cwd=REPOSITORY,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE,
                    text=True,
                )
            )
            for number in range(processes)
        ]
        for process in started:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n", process.stderr
        for process in started:
            assert process.stdin is not None
            process.stdin.write("go\n")
            process.stdin.flush()
        for process in started:
            _, complaint = process.communicate(timeout=120)
            assert (process.returncode, complaint) == (0, "")


def close_all(url: str) -> None:
    """End what the processes left open, at the last second that was granted."""
    facts = Facts(url)
    open_calls = facts.rows("SELECT call_key, granted_seconds FROM calls WHERE state = 'open'")
    assert len(open_calls) > 0
    ends: list[Request] = [
        EndCall(CallKey("proxy", call_key.rpartition("|")[2]), START + timedelta(hours=3), granted)
        for call_key, granted in open_calls
    ]
    charge(url, ends)


def assert_clean(url: str) -> None:
    """Check every invariant of the books, and that nobody waited for whom."""
    with App(Settings(database=url)) as app:
        assert app.read(audit_books, AuditBooks(START + timedelta(hours=3))).violations == ()
    unsettled = "SELECT count(*) FROM calls WHERE state = 'open'"
    assert Facts(url).one(unsettled) == 0
