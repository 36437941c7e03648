"""What charging writes of calls, meters and arrangements is what another process reads, on either database."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest

from talktime.bootstrap import open_statements
from talktime.core.calls import charging
from talktime.core.calls.calls import Call, CallKey, PaysFrom, Share
from talktime.core.calls.counting.meters import Meter
from talktime.core.calls.requests import ChargingFacts, ChargingTerms, EndCall, ExtendCall, Request, StartCall
from talktime.core.organizations.arrangements import Arrangements, Caps, Overage, Stops
from talktime.core.organizations.licenses import License
from talktime.core.organizations.organizations import BillingMode
from talktime.core.organizations.policies import POLICIES
from talktime.store.charging.memory import Memory
from talktime.store.charging.transaction import ChargingTransaction
from talktime.store.engine import open_engine
from talktime.store.transaction import operator_transaction
from talktime.usecases.calls.charge_calls import charge
from talktime.usecases.insight.audit_books import AuditBooks, audit_books
from tests.interfaces.charging.books import Facts
from tests.planned_books import (
    BILL,
    CALLED,
    CALLER,
    CAPPED,
    HOUR,
    ORGANIZATION_ID,
    PLAN,
    POOL,
    SECOND_MICROS,
    START,
    Planned,
    meters_in,
    open_planned,
)

TERMS = ChargingTerms()
ARRANGED = Arrangements(
    policy=POLICIES["DialoutCPCandPSTNDomestic"],
    caps=Caps(500 * SECOND_MICROS, {9: 3}, {"R&D/Löb": 4}),
    stops=Stops(60, 10**10),
    overage=Overage(is_on=True, limit_per_month_micros=400 * SECOND_MICROS),
    is_plan_ended_by_either_counter=False,
    uses_plan_after_conference_minutes=True,
)


@pytest.fixture
def url(migrated_database_url: str) -> str:
    """Give the last two minutes of a plan, 90 seconds of credit, and the rest on a bill."""
    planned = Planned(90 * SECOND_MICROS, 2, ARRANGED, BillingMode.POSTPAID)
    open_planned(migrated_database_url, planned)
    return migrated_database_url


def key(name: str = "c1") -> CallKey:
    return CallKey("proxy", name)


def start(name: str = "c1") -> StartCall:
    return StartCall(key(name), START, CALLER, CALLED)


def extend(seconds: int) -> ExtendCall:
    return ExtendCall(key(), START + timedelta(seconds=seconds), seconds, seconds)


def decide(url: str, *requests: Request) -> None:
    """Decide and save a batch, in a process that remembers nothing."""
    statements = open_statements(url)
    with statements.transaction():
        assert None not in charge(ChargingTransaction(statements, Memory()), requests, TERMS)
    statements.close()


def known(url: str, *requests: Request) -> ChargingFacts:
    """Return what a process that remembers nothing knows when it decides requests."""
    statements = open_statements(url)
    with statements.transaction():
        facts = ChargingTransaction(statements, Memory()).load(requests, TERMS).facts
    statements.close()
    return facts


def left_by(facts: ChargingFacts, requests: Sequence[Request]) -> tuple[dict[CallKey, Call], dict[str, Meter]]:
    """Return the calls and meters that requests leave, decided one by one in memory."""
    calls: dict[CallKey, Call] = {}
    meters = {name: meter for (_, name), meter in facts.meters.items()}
    for outcome in charging.decide(facts, requests, TERMS):
        assert outcome.call is not None
        calls[outcome.call.setup.key] = outcome.call
        meters |= outcome.meters
    return calls, meters


def test_a_call_that_minutes_credit_and_the_bill_pay_is_kept_with_all_it_holds(url: str) -> None:
    requests = [start(), *map(extend, (60, 120, 180))]
    calls, _ = left_by(known(url, *requests), requests)

    for request in requests:
        decide(url, request)

    hold = calls[key()].hold
    assert hold.minutes == (Share(POOL, 2),)
    assert (hold.amount_micros, hold.overage_micros) == (90 * SECOND_MICROS, 30 * SECOND_MICROS)
    assert known(url, extend(240)).calls == calls
    assert meters_in(url) == {
        POOL: Meter(118, 2),
        CAPPED: Meter(0, 120 * SECOND_MICROS),
        BILL: Meter(0, 30 * SECOND_MICROS),
        HOUR: Meter(1),
        "calls/1/2026-03-02T09": Meter(1),
    }


def test_its_end_settles_the_meters_and_writes_a_row_for_each_source(url: str) -> None:
    decide(url, start(), *map(extend, (60, 120, 180)))

    decide(url, EndCall(key(), START + timedelta(seconds=240), 220))

    meters = meters_in(url)
    assert [meters[name] for name in (POOL, CAPPED, BILL)] == [
        Meter(120),
        Meter(100 * SECOND_MICROS),
        Meter(10 * SECOND_MICROS),
    ]
    usage = Facts(url).rows(
        "SELECT paid_by, used_seconds, cost_micros, capability FROM usage_rows"
        " WHERE call_key LIKE '%c1' ORDER BY organization_id, line"
    )
    assert usage == [
        ("minutes", 120, 0, "MCOPSTN5"),
        ("credit", 90, 90 * SECOND_MICROS, "MCOPSTNPP"),
        ("overage", 10, 10 * SECOND_MICROS, "MCOPSTNPP"),
    ]
    setup = known(url, extend(240)).calls[key()].setup
    assert (setup.meters, setup.pays_from) == ((POOL, CAPPED, BILL), PaysFrom.MINUTES)


def test_a_batch_on_one_pool_leaves_what_its_requests_leave_one_by_one(url: str) -> None:
    names = [f"c{number}" for number in range(6)]
    ends = [EndCall(key(name), START + timedelta(seconds=300), 61) for name in names[::2]]
    requests = [*map(start, names), *ends]
    calls, meters = left_by(known(url, *requests), requests)

    decide(url, *requests)

    assert known(url, *requests).calls == calls
    assert meters_in(url) == {"calls/1/2026-03-02T09": Meter(1), **meters}


def test_charging_knows_what_an_operator_arranged_and_each_revision_anew(url: str) -> None:
    engine = open_engine(url)
    with operator_transaction(engine) as tx:
        tx.organizations.lock_id(ORGANIZATION_ID)
        tx.arrangements.set_purchased(ORGANIZATION_ID, PLAN, 3)
        written = tx.arrangements.of(ORGANIZATION_ID)
    statements, memory = open_statements(url), Memory()

    def arranged() -> Arrangements:
        with statements.transaction():
            loaded = ChargingTransaction(statements, memory).load([start()], TERMS)
            return loaded.facts.arranged(ORGANIZATION_ID)

    first = arranged()
    with operator_transaction(engine) as tx:
        tx.organizations.lock_id(ORGANIZATION_ID)
        tx.arrangements.set_purchased(ORGANIZATION_ID, PLAN, 4)
    second = arranged()

    assigned = {(License.PHONE_SYSTEM, "GB"): 1, (PLAN, "GB"): 1}
    assert first == written == replace(ARRANGED, revision=written.revision, purchased={PLAN: 3}, assigned=assigned)
    assert second == replace(written, revision=written.revision + 1, purchased={PLAN: 4})
    statements.close()
    engine.dispose()


def test_only_meters_that_may_decide_are_read(url: str) -> None:
    Facts(url).change("INSERT INTO meters (organization_id, meter, used, held) VALUES (1, 'user/2/2026-03', 1, 1)")

    assert set(known(url, start()).meters) == {(ORGANIZATION_ID, POOL)}


def test_the_books_are_clean_after_it(url: str) -> None:
    decide(url, start(), *map(extend, (60, 120, 180)), start("c2"))
    decide(url, EndCall(key(), START + timedelta(seconds=240), 220))

    engine = open_engine(url)
    with operator_transaction(engine) as tx:
        report = audit_books(tx, AuditBooks(START + timedelta(seconds=240)))

    assert report.violations == ()
    engine.dispose()
