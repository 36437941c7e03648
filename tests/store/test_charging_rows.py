"""What charging writes of calls, meters and arrangements is what another process reads, on either database."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from talktime.bootstrap import open_statements
from talktime.core.calls import charging
from talktime.core.calls.calls import CallKey, PaysFrom, Share
from talktime.core.calls.meters import Meter
from talktime.core.calls.requests import ChargingFacts, ChargingTerms, EndCall, ExtendCall, Request, StartCall
from talktime.core.organizations.arrangements import Arrangements, Caps, Overage, Stops
from talktime.core.organizations.licenses import License
from talktime.core.organizations.policies import POLICIES
from talktime.store.charging.memory import Memory
from talktime.store.charging.transaction import ChargingTransaction
from talktime.store.engine import open_engine
from talktime.store.transaction import operator_transaction
from talktime.usecases.calls.charge_calls import charge
from tests.interfaces.charging.books import CALLED, Facts, caller_of, open_books, units

TERMS = ChargingTerms()
NOON = datetime.now(UTC).replace(hour=12, minute=0, second=0, microsecond=0)
MONTH = f"{NOON:%Y-%m}"
POOL, USERS, BILL = f"pool/MCOPSTN5/GB/domestic/{MONTH}", f"user/1/{MONTH}", f"overage/{MONTH}"
ARRANGED = Arrangements(
    policy=POLICIES["DialoutCPCDomesticPSTNDomestic" if False else "DialoutCPCandPSTNDomestic"],
    caps=Caps(units(50), {9: 3}, {"R&D/Löb": 4}),
    stops=Stops(60, 10**10),
    overage=Overage(is_on=True, limit_per_month_micros=units(40)),
    is_plan_ended_by_either_counter=False,
    uses_plan_after_conference_minutes=True,
)


@pytest.fixture
def url(migrated_database_url: str) -> str:
    """Give an organization with 90 cents and, on a bill, more; its user has the last two minutes of a plan."""
    open_books(migrated_database_url, organizations_count=2, granted_micros=90_000)
    books = Facts(migrated_database_url)
    licenses = (License.PHONE_SYSTEM | License.DOMESTIC_120).value
    books.change(f"UPDATE users SET licenses = {licenses} WHERE organization_id = 1")  # noqa: S608
    books.change("UPDATE organizations SET billing_mode = 'postpaid' WHERE organization_id = 1")
    books.change(f"INSERT INTO meters (organization_id, meter, used, held) VALUES (1, '{POOL}', 118, 0)")  # noqa: S608
    engine = open_engine(migrated_database_url)
    with operator_transaction(engine) as tx:
        tx.organizations.lock_id(1)
        tx.arrangements.save_settings(1, ARRANGED)
        tx.arrangements.set_purchased(1, License.DOMESTIC_120, 3)
        tx.arrangements.recount(1)
    engine.dispose()
    return migrated_database_url


def key(name: str = "c1") -> CallKey:
    return CallKey("proxy", name)


def start(name: str = "c1") -> StartCall:
    return StartCall(key(name), NOON, caller_of(1), CALLED)


def decided(url: str, *requests: Request) -> None:
    """Decide and save a batch, in a process that remembers nothing."""
    statements = open_statements(url)
    with statements.transaction():
        assert None not in charge(ChargingTransaction(statements, Memory()), requests, TERMS)
    statements.close()


def loaded(url: str, request: Request) -> ChargingFacts:
    """Return what a process that remembers nothing knows when it decides a request."""
    statements = open_statements(url)
    with statements.transaction():
        facts = ChargingTransaction(statements, Memory()).load([request], TERMS).facts
    statements.close()
    return facts


def extended(seconds: int) -> ExtendCall:
    return ExtendCall(key(), NOON + timedelta(seconds=seconds), seconds, seconds)


def test_a_call_that_minutes_credit_and_the_bill_pay_is_kept_with_all_it_holds(url: str) -> None:
    before = loaded(url, start())
    requests = [start(), *map(extended, (60, 120, 180))]
    expected = charging.decide(before, requests, TERMS)[-1].call

    for request in requests:
        decided(url, request)

    after = loaded(url, extended(240))
    assert expected is not None
    assert after.calls == {key(): expected}
    assert expected.hold.minutes == (Share(POOL, 2),)
    assert (expected.hold.amount_micros, expected.hold.overage_micros) == (90_000, 30_000)
    assert after.meters == {(1, POOL): Meter(118, 2), (1, USERS): Meter(0, 120_000), (1, BILL): Meter(0, 30_000)}


def test_its_end_settles_the_meters_and_writes_a_row_for_each_source(url: str) -> None:
    for request in [start(), *map(extended, (60, 120, 180))]:
        decided(url, request)

    decided(url, EndCall(key(), NOON + timedelta(seconds=240), 220))

    after = loaded(url, extended(240))
    assert after.meters == {(1, POOL): Meter(120, 0), (1, USERS): Meter(100_000, 0), (1, BILL): Meter(10_000, 0)}
    assert Facts(url).rows("SELECT paid_by, used_seconds, cost_micros, capability FROM usage_rows ORDER BY line") == [
        ("minutes", 120, 0, "MCOPSTN5"),
        ("credit", 90, 90_000, "MCOPSTNPP"),
        ("overage", 10, 10_000, "MCOPSTNPP"),
    ]
    assert after.calls[key()].setup.meters == (POOL, USERS, BILL)
    assert after.calls[key()].setup.pays_from is PaysFrom.MINUTES


def test_a_batch_on_one_pool_leaves_what_its_requests_leave_one_by_one(url: str, database_url: str) -> None:
    names = [f"c{number}" for number in range(6)]
    ends = [EndCall(key(name), NOON + timedelta(seconds=300), 61) for name in names[::2]]
    requests = [*map(start, names), *ends]
    expected = charging.decide(replace(loaded(url, start()), calls={}), requests, TERMS)

    decided(url, *requests)

    meters = dict(expected[0].meters)
    for outcome in expected:
        meters |= outcome.meters
    for name in names:
        known = loaded(url, ExtendCall(key(name), NOON, 60))
        assert (
            known.calls[key(name)]
            == [each.call for each in expected if each.call and each.call.setup.key == key(name)][-1]
        )
        assert {meter: known.meters[1, meter] for meter in meters} == meters


def test_charging_knows_what_an_operator_arranged_and_each_revision_anew(url: str) -> None:
    engine = open_engine(url)
    with operator_transaction(engine) as tx:
        written = tx.arrangements.of(1)
    assert written == replace(
        ARRANGED,
        revision=written.revision,
        purchased={License.DOMESTIC_120: 3},
        assigned={(License.PHONE_SYSTEM, "GB"): 1, (License.DOMESTIC_120, "GB"): 1},
    )
    statements, memory = open_statements(url), Memory()

    def known() -> Arrangements:
        with statements.transaction():
            return ChargingTransaction(statements, memory).load([start()], TERMS).facts.arranged(1)

    assert known() == written
    with operator_transaction(engine) as tx:
        tx.organizations.lock_id(1)
        tx.arrangements.set_purchased(1, License.DOMESTIC_120, 4)
    assert known() == replace(written, revision=written.revision + 1, purchased={License.DOMESTIC_120: 4})
    statements.close()
    engine.dispose()


def test_only_meters_that_may_decide_are_read(url: str) -> None:
    Facts(url).change("INSERT INTO meters (organization_id, meter, used, held) VALUES (2, 'user/1/2026-06', 1, 1)")

    assert set(loaded(url, start()).meters) == {(1, POOL)}
    assert loaded(url, StartCall(key(), NOON, caller_of(2), CALLED)).meters == {}
