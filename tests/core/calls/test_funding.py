"""Whatever pays, and whatever calls do: no more is promised than there is, and each promise is used or given back."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from talktime.core.calls import funding
from talktime.core.calls.calls import NO_HOLD, CallState, PaysFrom, Share
from talktime.core.calls.cdrs import UsageRow
from talktime.core.calls.charging import decide
from talktime.core.calls.counting.meters import Meter, month_of, overage_meter, user_meter
from talktime.core.calls.counting.pools import capacity_minutes, pool_of
from talktime.core.calls.funding import Funds
from talktime.core.calls.requests import (
    AnswerCall,
    ChargingFacts,
    ChargingTerms,
    CloseCall,
    EndCall,
    ExtendCall,
    Outcome,
    Request,
    StartCall,
)
from talktime.core.credit.lots import Credit
from talktime.core.organizations.arrangements import Arrangements, Caps, Overage
from talktime.core.organizations.licenses import License
from talktime.core.organizations.organizations import BillingMode
from talktime.core.rates import rating
from tests.core.calls.world import (
    ADA,
    BERLIN,
    BOB,
    COUNTRIES,
    LONDON,
    NOON,
    ORGANIZATION,
    ORGANIZATION_ID,
    PARIS,
    USER,
    facts,
    key,
    lot,
)
from tests.core.rates import tariffs

TERMS = ChargingTerms()
MONTH = month_of(NOON, ORGANIZATION.zone)
AMOUNTS = st.one_of(st.integers(0, 10**6), st.integers(0, 10**11))

# ── one growth ───────────────────────────────────────────────────────────────────────────────────────────────────────

SHARES = st.lists(st.integers(0, 5), max_size=2).map(
    lambda left: tuple(Share(f"pool/{number}", minutes) for number, minutes in enumerate(left))
)


@st.composite
def funds(draw: st.DrawFn) -> Funds:
    """Draw what could pay."""
    tariff = draw(st.none() | tariffs.untimed() | tariffs.timed())
    credit = Credit((lot(1, "0.000001"), replace(lot(2, "1"), granted_micros=draw(AMOUNTS) + 1)))
    cap = draw(st.just(funding.UNLIMITED_MICROS) | AMOUNTS)
    return Funds(draw(SHARES), tariff, credit, draw(st.just(0) | AMOUNTS), cap)


@given(funds(), st.lists(st.integers(1, 900), min_size=1, max_size=4), st.data())
def test_what_is_granted_is_affordable_and_a_second_more_is_not(
    could_pay: Funds, wanted: list[int], data: st.DataObject
) -> None:
    answered_at = NOON if could_pay.tariff is None else data.draw(tariffs.instants(could_pay.tariff) | st.just(NOON))
    at, hold, granted = NOON, NO_HOLD, 0
    for seconds in sorted(wanted):
        before, had_money = could_pay, bool(hold.money_micros)
        held = dict(hold.minutes)
        funded = funding.grow(hold, could_pay, answered_at, seconds, at, granted_seconds=granted)
        taken = {pool: minutes - held.get(pool, 0) for pool, minutes in funded.hold.minutes}
        pools = tuple(Share(pool, left - taken.get(pool, 0)) for pool, left in before.pools)
        money = funded.hold.money_micros - hold.money_micros

        assert all(left >= 0 for _, left in pools), "no pool promises more minutes than it has"
        assert all(minutes >= 0 for minutes in taken.values()), "no hold shrinks"
        assert 0 <= money <= min(before.paid_from_micros(at), before.cap_left_micros)
        assert funded.hold.overage_micros - hold.overage_micros <= before.overage_left_micros
        included = funded.hold.included_minutes * 60
        assert not (had_money and any(taken.values())), "once money pays, money alone does"
        if could_pay.tariff is None:
            assert (funded.seconds, money) == (included, 0)
        else:
            cost = rating.cost_micros(could_pay.tariff, answered_at, funded.seconds, included)
            assert cost <= funded.hold.money_micros
        if funded.seconds < seconds:
            assert had_money or not any(left for _, left in pools), "no call is cut that minutes could pay"
            if could_pay.tariff is not None:
                more = rating.cost_micros(could_pay.tariff, answered_at, funded.seconds + 1, included)
                assert more > hold.money_micros + min(before.paid_from_micros(at), before.cap_left_micros), (
                    "nor one that money could"
                )
        could_pay = before._replace(
            pools=pools,
            credit=funded.credit,
            overage_left_micros=before.overage_left_micros - funded.hold.overage_micros + hold.overage_micros,
            cap_left_micros=before.cap_left_micros - money,
        )
        hold, granted = funded.hold, max(granted, funded.seconds)


# ── any interleaving of calls ────────────────────────────────────────────────────────────────────────────────────────

NAMES = ("one", "two", "three", "four")
KEYS = st.sampled_from(NAMES).map(key)
DOMESTIC, CONFERENCES = License.DOMESTIC, License.AUDIO_CONFERENCING
LICENSES = License.PHONE_SYSTEM | DOMESTIC | CONFERENCES
CALLED = st.sampled_from([LONDON, BERLIN, PARIS, BOB, "112"])
INSTANTS = st.integers(0, 900).map(lambda seconds: NOON + timedelta(seconds=seconds))
SECONDS = st.sampled_from([0, 1, 59, 60, 61, 120, 180, 240, 300])
STARTS = st.builds(
    lambda name, at, called, organizer: StartCall(name, at, ADA, called, organizer=organizer),
    KEYS,
    INSTANTS,
    CALLED,
    st.sampled_from(["", "", "ada@example.com"]),
)
OTHERS = st.one_of(
    st.builds(AnswerCall, KEYS, INSTANTS, INSTANTS),
    st.builds(ExtendCall, KEYS, INSTANTS, SECONDS, st.none() | SECONDS),
    st.builds(EndCall, KEYS, INSTANTS, SECONDS),
    st.builds(CloseCall, KEYS, INSTANTS),
)
REQUESTS = st.lists(STARTS | OTHERS, max_size=25)


@st.composite
def worlds(draw: st.DrawFn) -> ChargingFacts:
    """Draw an organization with a few minutes of a plan and of conferences, some money, a cap, perhaps a bill."""
    has_credits = draw(st.booleans())
    is_after_use = draw(st.booleans())
    arrangements = Arrangements(
        1,
        purchased={CONFERENCES: 1},
        assigned={(DOMESTIC, "GB"): 1, (CONFERENCES, "GB"): 1},
        caps=Caps(draw(st.none() | AMOUNTS)),
        overage=Overage(draw(st.booleans()), draw(st.none() | AMOUNTS)),
        uses_plan_after_conference_minutes=draw(st.booleans()),
    )
    known = facts(
        *(
            lot(number, amount)
            for number, amount in enumerate(draw(st.lists(st.sampled_from(["0.09", "2"]), max_size=2)))
        ),
        organization=replace(ORGANIZATION, mode=BillingMode.POSTPAID if is_after_use else BillingMode.PREPAID),
        user=replace(USER, licenses=LICENSES | (License.COMMUNICATIONS_CREDITS if has_credits else License(0))),
        arrangements=arrangements,
    )
    return replace(known, meters={(ORGANIZATION_ID, DIAL_OUT): Meter(draw(st.integers(56, 60)))})


DIAL_OUT = f"pool/MCOMEETADD///{MONTH}"


def lived(known: ChargingFacts, requests: list[Request]) -> tuple[ChargingFacts, list[Outcome]]:
    """Decide the requests, then whatever is still open is closed long afterwards."""
    later = NOON + timedelta(days=3)
    closing: list[Request] = [CloseCall(key(name), later) for name in NAMES]
    outcomes = decide(known, [*requests, *closing], TERMS)
    calls, meters, credit = {}, dict(known.meters), known.credits[ORGANIZATION_ID]
    for outcome in outcomes:
        assert_within_limits(known, meters)
        if outcome.call is not None:
            calls[outcome.call.setup.key] = outcome.call
            meters |= {(ORGANIZATION_ID, name): meter for name, meter in outcome.meters.items()}
            credit = outcome.credit or credit
    return replace(known, calls=calls, meters=meters, credits={ORGANIZATION_ID: credit}), outcomes


def assert_within_limits(known: ChargingFacts, meters: Mapping[tuple[int, str], Meter]) -> None:
    """No pool has promised or used more than it has, and nothing is promised twice."""
    for (_, name), meter in meters.items():
        assert meter.held >= 0, name
        if name.startswith("pool/"):
            capacity = capacity_minutes(pool_of(name), known.arranged(ORGANIZATION_ID), COUNTRIES, "GB")
            assert meter.used + meter.held <= capacity, name


@given(worlds(), REQUESTS)
def test_when_all_calls_have_ended_nothing_is_held_and_what_was_used_stands_in_rows(
    known: ChargingFacts, requests: list[Request]
) -> None:
    after, outcomes = lived(known, requests)

    usage = [row for outcome in outcomes for row in outcome.usage]
    assert all(call.state is not CallState.OPEN for call in after.calls.values())
    assert {name: meter.held for (_, name), meter in after.meters.items() if meter.held} == {}
    assert after.credits[ORGANIZATION_ID].held_micros() == 0
    assert {name: after.meter(ORGANIZATION_ID, name).used for name in METERS} == {
        DIAL_OUT: known.meter(ORGANIZATION_ID, DIAL_OUT).used + minutes(usage, "MCOMEETADD"),
        BRITISH: minutes(usage, "MCOPSTN1"),
        user_meter(1, MONTH): sum(row.cost_micros for row in usage) if has_cap(known) else 0,
        overage_meter(MONTH): sum(row.cost_micros for row in usage if row.paid_by is PaysFrom.OVERAGE),
    }


BRITISH = f"pool/MCOPSTN1/GB/domestic/{MONTH}"
METERS = (DIAL_OUT, BRITISH, user_meter(1, MONTH), overage_meter(MONTH))


def has_cap(known: ChargingFacts) -> bool:
    return known.arranged(ORGANIZATION_ID).caps.each_user_micros is not None


def minutes(usage: list[UsageRow], capability: str) -> int:
    return sum(row.billed_seconds // 60 for row in usage if row.capability == capability)


@given(worlds(), REQUESTS)
def test_the_parts_of_a_call_are_its_seconds_and_its_cost(known: ChargingFacts, requests: list[Request]) -> None:
    _, outcomes = lived(known, requests)

    for outcome in outcomes:
        if not outcome.usage:
            continue
        call, usage = outcome.call, outcome.usage
        assert call is not None
        assert call.result is not None
        assert sum(row.used_seconds for row in usage) == call.result.used_seconds
        assert sum(row.cost_micros for row in usage) == call.result.cost_micros
        assert sum(row.uncovered_micros for row in usage) == call.result.uncovered_micros
        assert [row.line for row in usage] == list(range(call.usage_rows_count - len(usage), call.usage_rows_count))
        included = sum(row.billed_seconds for row in usage if row.paid_by is PaysFrom.MINUTES)
        paid = [row for row in usage if row.paid_by in {PaysFrom.CREDIT, PaysFrom.OVERAGE}]
        if call.setup.rate is None:
            assert not any(row.cost_micros for row in usage)
            continue
        tariff = known.decks[1].find(call.setup.rate.direction, call.setup.rate.prefix, "").tariff  # type: ignore[union-attr]
        answered_at, used = call.answered_at or call.setup.started_at, call.result.used_seconds
        assert call.result.cost_micros == rating.cost_micros(tariff, answered_at, used, min(used, included))
        assert sum(row.billed_seconds for row in paid) == max(
            0, rating.billed_seconds(tariff, answered_at, used, min(used, included)) - min(used, included)
        )
        fee = rating.connection_fee_micros(tariff, answered_at) if call.result.cost_micros and not included else 0
        assert sum(row.connection_fee_micros for row in usage) == fee, "one fee, and none after included minutes"
        assert all(row.connection_fee_micros <= row.cost_micros for row in usage)


@given(worlds(), REQUESTS)
def test_calls_that_keep_to_their_grants_never_exceed_a_cap_or_the_bill(
    known: ChargingFacts, requests: list[Request]
) -> None:
    """An overrun may: it has happened. A grant may not."""
    within = [request for request in requests if not isinstance(request, EndCall) or request.used_seconds <= 1]

    after, _ = lived(known, within)

    arrangements = known.arranged(ORGANIZATION_ID)
    limits = {user_meter(1, MONTH): arrangements.caps.each_user_micros}
    limits[overage_meter(MONTH)] = arrangements.overage.limit_per_month_micros
    for name, limit in limits.items():
        assert limit is None or after.meter(ORGANIZATION_ID, name).used <= limit
