"""Calls that pools pay for: whole minutes are promised, drawn and given back; money pays what follows."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from talktime.core.calls.calls import CallState, DenialReason, Ending, Flags, Hold, PaysFrom
from talktime.core.calls.counting.meters import UNUSED, Meter
from talktime.core.calls.entitlement.cases import NOTHING_WANTED, meters_wanted
from talktime.core.calls.requests import CloseCall, Denied, EndCall, ExtendCall, Finished, Granted, Noted, StartCall
from talktime.core.credit.lots import CreditLot
from talktime.core.organizations.arrangements import Arrangements
from talktime.core.organizations.country_table import CountryRule, CountryTable, PremiumSupport
from talktime.core.organizations.licenses import License
from talktime.core.organizations.organizations import Organization
from talktime.core.organizations.users import User
from talktime.core.rates.rate_decks import Direction, Rate
from talktime.core.values.events import EventKind
from tests.core.calls.world import (
    ADA,
    BERLIN,
    LONDON,
    MONTREAL,
    NEW_YORK,
    NOON,
    ORGANIZATION,
    PARIS,
    SAN_JUAN,
    TOLL_FREE,
    USER,
    World,
    deck,
    facts,
    key,
    lot,
)
from tests.core.rates.tariffs import price

PHONE, CREDITS = License.PHONE_SYSTEM, License.COMMUNICATIONS_CREDITS
DOMESTIC, BOTH, CONFERENCES = License.DOMESTIC, License.DOMESTIC_AND_INTERNATIONAL, License.AUDIO_CONFERENCING
BRITISH, GERMAN, AMERICAN = (f"pool/MCOPSTN1/{home}/domestic/2026-06" for home in ("GB", "DE", "US"))
DIAL_OUT = "pool/MCOMEETADD///2026-06"
ORGANIZER = "ada@example.com"
CREDIT, MINUTES = PaysFrom.CREDIT, PaysFrom.MINUTES


def planned(
    *parts: CreditLot,
    licenses: License = PHONE | DOMESTIC | CREDITS,
    home: str = "GB",
    organization: Organization = ORGANIZATION,
    **arranged: object,
) -> World:
    """Make a world in which Ada alone has a plan: 3 domestic minutes in Britain, 2 in Germany, 5 in the USA."""
    user = replace(USER, licenses=licenses, usage_location=home)
    plans = {(plan, home): 1 for plan in licenses & (DOMESTIC | BOTH | License.DOMESTIC_120)}
    arrangements = Arrangements(1, assigned=plans, **arranged)  # type: ignore[arg-type]
    return World(facts(*parts, user=user, organization=organization, arrangements=arrangements))


def rows(world: World) -> list[tuple[PaysFrom, int, int, int]]:
    """Return who paid, seconds, billed seconds and micros of each row."""
    return [(row.paid_by, row.used_seconds, row.billed_seconds, row.cost_micros) for row in world.usage]


def test_a_call_holds_whole_minutes_and_gives_back_what_it_did_not_begin() -> None:
    world = planned()

    assert world.start(LONDON) == Granted(60, is_final=False, recheck_after_seconds=50, pays_from=MINUTES)
    assert world.meter(BRITISH) == Meter(0, 1)
    world.extend(at=50, granted=60)
    assert world.meter(BRITISH) == Meter(0, 2)
    world.end(59, at=70)

    assert world.meter(BRITISH) == Meter(1, 0)
    assert rows(world) == [(MINUTES, 59, 60, 0)]
    assert (world.usage[0].capability, world.usage[0].prefix, world.usage[0].deck_version_id) == ("MCOPSTN1", "", None)
    assert world.journal == []


def test_without_money_a_call_is_cut_when_the_pool_is_empty() -> None:
    """S18."""
    world = planned(licenses=PHONE | DOMESTIC)
    world.start(LONDON)
    world.extend(at=50, granted=60)

    last = world.extend(at=110, granted=120)
    again = world.extend(at=170, granted=180)

    assert last == Granted(180, is_final=False, recheck_after_seconds=170, pays_from=MINUTES)
    assert again == Granted(180, is_final=True, recheck_after_seconds=180, pays_from=MINUTES)
    world.end(180, at=181, ending=Ending.CREDIT_EXHAUSTED)
    assert world.meter(BRITISH) == Meter(3, 0)
    assert world.start(LONDON, at=200, name="c2") == Denied(DenialReason.CREDITS_LICENSE_MISSING)


def test_money_pays_on_where_the_minutes_end_and_takes_no_fee_again() -> None:
    """S10, domain.md 8: one row for each source, the same call."""
    world = planned(lot(1, "10"), licenses=PHONE | DOMESTIC | CREDITS, home="DE")
    world.start(BERLIN)
    world.extend(at=50, granted=60)

    answer = world.extend(at=110, granted=120)
    assert answer == Granted(180, is_final=False, recheck_after_seconds=170, pays_from=CREDIT)
    assert world.call().hold.amount_micros == 60_000
    world.end(121, at=130)

    assert rows(world) == [(MINUTES, 120, 120, 0), (CREDIT, 1, 60, 60_000)]
    assert [row.connection_fee_micros for row in world.usage] == [0, 0]
    assert [row.capability for row in world.usage] == ["MCOPSTN1", "MCOPSTNPP"]
    assert [row.line for row in world.usage] == [0, 1]
    assert len({row.key for row in world.usage}) == 1
    assert (world.meter(GERMAN), world.credit.held_micros()) == (Meter(2, 0), 0)


def test_money_that_was_held_and_not_needed_is_given_back() -> None:
    world = planned(lot(1, "10"), home="DE")
    world.start(BERLIN)
    world.extend(at=50, granted=60)
    world.extend(at=110, granted=120)

    world.end(120, at=125)

    assert rows(world) == [(MINUTES, 120, 120, 0)]
    assert (world.available(125), world.credit.held_micros(), world.journal) == (10_000_000, 0, [])


def test_credit_that_expired_under_such_a_hold_is_forfeited_in_a_row_of_its_own() -> None:
    """money.md 30."""
    world = planned(replace(lot(1, "1"), expires_at=NOON + timedelta(seconds=115)), home="DE")
    world.start(BERLIN)
    world.extend(at=50, granted=60)
    world.extend(at=110, granted=120)

    world.end(120, at=125)

    assert rows(world) == [(MINUTES, 120, 120, 0), (CREDIT, 0, 0, 0)]
    assert [posting.amount_micros for posting in world.journal] == [60_000]


def test_once_money_pays_minutes_that_come_free_are_not_taken() -> None:
    world = planned(lot(1, "10"))
    for name in ("c1", "c2", "c3"):
        world.start(LONDON, name=name)
    world.start(LONDON, name="c4")
    assert world.call("c4").setup.pays_from is CREDIT

    world.end(0, at=10, name="c1")
    world.extend(at=50, granted=60, name="c4")

    assert (world.call("c4").hold.minutes, world.meter(BRITISH)) == ((), Meter(0, 2))


def test_an_overrun_of_a_call_that_money_pays_takes_no_minute_either() -> None:
    world = planned(lot(1, "10"))
    for name in ("c1", "c2", "c3", "c4"):
        world.start(LONDON, name=name)
    world.end(0, at=10, name="c1")

    world.end(110, at=115, name="c4")

    assert rows(world)[-1] == (CREDIT, 110, 120, 20_000)
    assert world.meter(BRITISH) == Meter(0, 2)


def test_a_call_that_only_pools_pay_takes_minutes_that_came_free() -> None:
    world = planned(licenses=PHONE | DOMESTIC)
    for name in ("c1", "c2", "c3"):
        world.start(LONDON, name=name)
    world.end(0, at=10, name="c1")

    answer = world.extend(at=50, granted=60, name="c2")

    assert answer == Granted(120, is_final=False, recheck_after_seconds=110, pays_from=MINUTES)
    assert world.meter(BRITISH) == Meter(0, 3)


def test_a_destination_that_costs_nothing_goes_on_without_money_when_its_minutes_are_used() -> None:
    world = planned(home="DE")
    free = deck(1, (Rate(Direction.OUTBOUND, "49", "", "Germany", (price(60, 60, "0"),)),))
    world.facts = replace(world.facts, decks={1: free})
    world.start(BERLIN)
    for elapsed in (60, 120):
        world.extend(at=elapsed, granted=elapsed)

    world.end(150, at=151)

    assert rows(world) == [(MINUTES, 120, 120, 0), (CREDIT, 30, 60, 0)]
    assert (world.meter(GERMAN), world.journal) == (Meter(2), [])


# ── late, silent, repeated, overrun ──────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("licenses", [PHONE | DOMESTIC, PHONE | DOMESTIC | CREDITS])
def test_a_call_that_was_not_answered_gives_its_minutes_back_and_is_on_record_as_the_plan_s(licenses: License) -> None:
    world = planned(lot(1, "10"), licenses=licenses)
    world.start(LONDON)

    assert world.end(0, at=20) == Finished(0, 0, "EUR")

    assert world.meter(BRITISH) == UNUSED
    assert rows(world) == [(MINUTES, 0, 0, 0)]
    assert world.usage[0].capability == "MCOPSTN1"


def test_a_refused_call_holds_and_uses_no_minutes() -> None:
    world = planned(licenses=PHONE | DOMESTIC)

    world.start(PARIS)
    world.end(0, at=10)

    assert (world.facts.meters, world.usage) == ({}, [])


def test_a_repeated_end_uses_no_minute_again() -> None:
    world = planned(lot(1, "10"), home="DE")
    world.start(BERLIN)
    first = world.end(150, at=155)

    assert [world.end(later, at=160) for later in (150, 0, 999)] == [first] * 3
    assert (world.meter(GERMAN), len(world.usage)) == (Meter(2, 0), 2)


def test_an_overrun_draws_what_is_left_of_the_pool_and_then_money() -> None:
    world = planned(lot(1, "10"), home="DE")
    world.start(BERLIN)

    world.end(150, at=155)

    assert rows(world) == [(MINUTES, 120, 120, 0), (CREDIT, 30, 60, 60_000)]
    assert Flags.OVERRUN in world.usage[0].flags


def test_an_overrun_beyond_the_pool_is_on_record_and_draws_no_minute_that_is_not_there() -> None:
    world = planned(licenses=PHONE | DOMESTIC)
    world.start(LONDON)

    world.end(500, at=505)

    assert rows(world) == [(MINUTES, 500, 180, 0)]
    assert world.meter(BRITISH) == Meter(3, 0)


def test_a_call_cut_at_its_last_minute_is_not_billed_for_the_second_that_the_switch_took() -> None:
    world = planned(licenses=PHONE | License.DOMESTIC_120)
    world.arrange(Arrangements(1, assigned={(License.DOMESTIC_120, "GB"): 1}))
    pool = "pool/MCOPSTN5/GB/domestic/2026-06"
    world.facts = replace(world.facts, meters={(7, pool): Meter(119)})
    world.start(LONDON)
    assert world.extend(at=50, granted=60) == Granted(60, is_final=True, recheck_after_seconds=60, pays_from=MINUTES)

    world.end(62, at=63)

    assert world.meter(pool) == Meter(120)
    assert (rows(world), world.usage[0].flags) == ([(MINUTES, 60, 60, 0)], Flags.CLAMPED)


def test_a_silent_call_is_charged_its_granted_minutes() -> None:
    world = planned(lot(1, "10"))
    world.start(LONDON)
    world.answer(at=5)
    world.extend(at=50, granted=60)

    world.close(at=5 + 120 + 60)

    assert (rows(world), world.meter(BRITISH)) == ([(MINUTES, 120, 120, 0)], Meter(2, 0))


def test_a_silent_call_that_was_never_answered_gives_its_minutes_back_and_its_late_end_uses_them() -> None:
    world = planned(lot(1, "10"), home="DE")
    world.start(BERLIN)
    world.close(at=600)
    assert (world.meter(GERMAN), world.call().state) == (UNUSED, CallState.LAPSED)

    world.end(150, at=700)

    assert rows(world) == [(MINUTES, 0, 0, 0), (MINUTES, 120, 120, 0), (CREDIT, 30, 60, 60_000)]
    assert [row.line for row in world.usage] == [0, 1, 2]
    assert world.meter(GERMAN) == Meter(2, 0)
    assert world.usage[-1].flags & Flags.LATE


def test_a_late_end_whose_minutes_are_gone_uses_none_and_is_on_record() -> None:
    world = planned(licenses=PHONE | DOMESTIC)
    world.start(LONDON)
    world.close(at=600)
    world.facts = replace(world.facts, meters={(7, BRITISH): Meter(3)})

    world.end(100, at=700)

    assert rows(world)[1:] == [(MINUTES, 100, 0, 0)]
    assert (world.meter(BRITISH), world.usage[-1].capability) == (Meter(3), "MCOPSTN1")


# ── licenses, countries and months that change or share ──────────────────────────────────────────────────────────────


def test_a_call_whose_license_is_removed_goes_on_to_its_end_and_the_next_is_blocked() -> None:
    """money.md 61."""
    world = planned()
    world.start(LONDON)
    world.facts = replace(world.facts, identities=facts(user=replace(USER, licenses=License(0))).identities)

    assert world.extend(at=50, granted=60) == Granted(120, is_final=False, recheck_after_seconds=110, pays_from=MINUTES)
    world.end(90, at=95)

    assert (rows(world), world.meter(BRITISH)) == ([(MINUTES, 90, 120, 0)], Meter(2, 0))
    assert world.start(LONDON, at=100, name="c2") == Denied(DenialReason.PHONE_SYSTEM_LICENSE_MISSING)


def test_a_pool_that_shrinks_below_what_is_promised_keeps_the_promise_and_makes_no_other() -> None:
    world = planned()
    world.start(LONDON)
    world.extend(at=50, granted=60)

    world.arrange(Arrangements(2))

    assert world.extend(at=110, granted=120) == Granted(
        120, is_final=True, recheck_after_seconds=120, pays_from=MINUTES
    )
    world.end(120, at=121)
    assert (rows(world), world.meter(BRITISH)) == ([(MINUTES, 120, 120, 0)], Meter(2, 0))
    assert world.start(LONDON, at=130, name="c2") == Denied(DenialReason.CREDIT_EXHAUSTED)


@pytest.mark.parametrize(("zone", "month"), [("Europe/London", "2026-06"), ("Pacific/Auckland", "2026-07")])
def test_a_call_over_the_end_of_a_month_belongs_to_the_month_of_its_start_in_the_organization_s_zone(
    zone: str, month: str
) -> None:
    """money.md 69: at 22:59 of June 30 in London it is July in New Zealand since twelve hours."""
    start = datetime(2026, 6, 30, 21, 59, 30, tzinfo=UTC)
    world = planned(organization=replace(ORGANIZATION, zone=ZoneInfo(zone)))
    pool = f"pool/MCOPSTN1/GB/domestic/{month}"

    world.ask(StartCall(key(), start, ADA, LONDON))
    world.ask(EndCall(key(), start + timedelta(hours=2), 3_900))

    assert world.meter(pool) == Meter(3)
    assert {name for _, name in world.facts.meters} == {pool}


def test_minutes_do_not_roll_over_and_a_new_month_has_its_own() -> None:
    world = planned(licenses=PHONE | DOMESTIC)
    world.facts = replace(world.facts, meters={(7, BRITISH): Meter(3)})
    june_ends = datetime(2026, 6, 30, 23, tzinfo=UTC)

    late, early = (
        world.ask(StartCall(key(name), at, ADA, LONDON))[0]
        for name, at in (("c1", june_ends - timedelta(microseconds=1)), ("c2", june_ends))
    )

    assert late == Denied(DenialReason.CREDITS_LICENSE_MISSING)
    assert isinstance(early, Granted)
    assert world.meter("pool/MCOPSTN1/GB/domestic/2026-07") == Meter(0, 1)


@pytest.mark.parametrize("home", ["US", "PR"])
@pytest.mark.parametrize("called", [NEW_YORK, SAN_JUAN, MONTREAL])
def test_the_usa_and_puerto_rico_share_a_pool_in_which_canada_is_domestic(home: str, called: str) -> None:
    """D11, domain.md 2.3."""
    world = planned(home=home)

    world.start(called)

    assert world.meter(AMERICAN) == Meter(0, 1)


def test_who_is_limited_to_his_own_country_may_not_call_canada_though_it_is_domestic_for_minutes() -> None:
    world = planned(home="US")
    limited = replace(
        USER, licenses=PHONE | DOMESTIC, usage_location="US", dialout_policy="DialoutCPCInternationalPSTNDomestic"
    )
    world.facts = replace(world.facts, identities=facts(user=limited).identities)

    assert world.start(MONTREAL) == Denied(DenialReason.POLICY_FORBIDS_INTERNATIONAL)
    assert isinstance(world.start(SAN_JUAN, name="c2"), Granted)


def test_a_canadian_calls_the_usa_on_canadian_minutes() -> None:
    world = planned(home="CA")

    world.start(NEW_YORK)

    assert world.meter("pool/MCOPSTN1/CA/domestic/2026-06") == Meter(0, 1)


@pytest.mark.parametrize(
    ("is_either", "domestic", "international"),
    [(True, CREDIT, CREDIT), (False, CREDIT, MINUTES)],
)
def test_an_international_plan_ends_when_either_counter_does_unless_they_are_independent(
    *, is_either: bool, domestic: PaysFrom, international: PaysFrom
) -> None:
    """D9."""
    world = planned(lot(1, "10"), licenses=PHONE | BOTH | CREDITS, is_plan_ended_by_either_counter=is_either)
    world.facts = replace(world.facts, meters={(7, "pool/MCOPSTN2/GB/domestic/2026-06"): Meter(3)})

    answers = [world.start(called, name=called) for called in (LONDON, PARIS)]

    assert [answer.pays_from for answer in answers if isinstance(answer, Granted)] == [domestic, international]


def test_what_an_open_call_holds_of_one_counter_does_not_end_the_other() -> None:
    """D9: a call abroad that is never answered must not send the calls at home to the credit."""
    world = planned(lot(1, "10"), licenses=PHONE | BOTH | CREDITS)
    capacity = Meter(0, 600)
    world.facts = replace(world.facts, meters={(7, "pool/MCOPSTN2/GB/international/2026-06"): capacity})

    answer = world.start(LONDON)

    assert isinstance(answer, Granted)
    assert answer.pays_from is MINUTES


def test_a_counter_that_has_no_minutes_ends_nothing() -> None:
    world = planned(lot(1, "10"), licenses=PHONE | BOTH | CREDITS)
    ((since, table),) = world.facts.country_tables
    rules = {**table.rules, "GB": replace(table.rules["GB"], international_minutes=0)}
    world.facts = replace(world.facts, country_tables=((since, replace(table, rules=rules)),))

    answers = [world.start(called, name=called) for called in (LONDON, PARIS)]

    assert [answer.pays_from for answer in answers if isinstance(answer, Granted)] == [MINUTES, CREDIT]


def test_a_call_of_an_international_plan_needs_both_counters_from_its_start_to_its_end() -> None:
    """What the store reads before it is decided: without the other counter a call would go on past it."""
    world = planned(licenses=PHONE | BOTH)
    pools = {f"pool/MCOPSTN2/GB/{counter}/2026-06" for counter in ("domestic", "international")}
    asked = StartCall(key(), NOON, ADA, PARIS)
    at_start = meters_wanted(world.facts, asked, world.terms)
    world.ask(asked)

    during = meters_wanted(world.facts, ExtendCall(key(), NOON, 60), world.terms)

    assert [(each.organization_id, set(each.names)) for each in (at_start, during)] == [(7, pools)] * 2


def test_the_country_table_of_the_call_s_start_decides_how_many_minutes_there_are() -> None:
    """D10: a later table holds for calls that start under it, also while others go on."""
    world = planned(licenses=PHONE | DOMESTIC)
    later = CountryTable(2, {"GB": CountryRule("GB", domestic_minutes=1)}, frozenset())
    world.facts = replace(
        world.facts, country_tables=(*world.facts.country_tables, (NOON + timedelta(seconds=30), later))
    )
    world.start(LONDON)

    answers = [world.start(LONDON, at=30, name="c2"), world.extend(at=50, granted=60)]

    assert answers[0] == Denied(DenialReason.CREDITS_LICENSE_MISSING)
    assert isinstance(answers[1], Granted)
    assert answers[1].granted_seconds == 120


def test_no_meter_is_wanted_for_a_call_of_nobody() -> None:
    world = planned()

    assert meters_wanted(world.facts, StartCall(key(), NOON, "anonymous", LONDON), world.terms) == NOTHING_WANTED
    assert meters_wanted(world.facts, ExtendCall(key("unknown"), NOON, 60), world.terms) == NOTHING_WANTED


def test_a_plan_that_is_not_pooled_leaves_other_people_s_minutes_alone() -> None:
    user = replace(USER, licenses=PHONE | License.DOMESTIC_120_NOT_POOLED)
    arrangements = Arrangements(1, assigned={(License.DOMESTIC_120_NOT_POOLED, "GB"): 2})
    world = World(facts(user=user, arrangements=arrangements))
    world.facts = replace(world.facts, meters={(7, "pool/MCOPSTN8/GB/2/2026-06"): Meter(120)})

    assert isinstance(world.start(LONDON), Granted)
    assert world.meter("pool/MCOPSTN8/GB/1/2026-06") == Meter(0, 1)


def test_every_call_of_a_pay_as_you_go_plan_is_paid() -> None:
    """S11."""
    world = planned(lot(1, "10"), licenses=PHONE | CREDITS | License.PAY_AS_YOU_GO_1)

    answer = world.start(LONDON)

    assert isinstance(answer, Granted)
    assert (answer.pays_from, world.facts.meters) == (CREDIT, {})


# ── conferences ──────────────────────────────────────────────────────────────────────────────────────────────────────


def conferring(*parts: CreditLot, purchased: int = 1, licenses: License = CONFERENCES, **arranged: object) -> World:
    assigned = {(CONFERENCES, "GB"): 1, **arranged.pop("assigned", {})}  # type: ignore[dict-item]
    arrangements = Arrangements(1, purchased={CONFERENCES: purchased}, assigned=assigned, **arranged)  # type: ignore[arg-type]
    return World(facts(*parts, user=replace(USER, licenses=licenses), arrangements=arrangements))


def test_conferences_share_sixty_minutes_a_license_for_zone_a() -> None:
    world = conferring(licenses=CONFERENCES | CREDITS)

    world.start(BERLIN, organizer=ORGANIZER)
    world.start(PARIS, organizer=ORGANIZER, name="c2")

    assert world.meter(DIAL_OUT) == Meter(0, 1)
    assert world.call("c2").denial is DenialReason.CREDIT_EXHAUSTED


def test_after_the_conferencing_minutes_the_calling_plan_pays_where_that_was_chosen() -> None:
    """D12: conferencing minutes, then the plan's, then money, in one call."""
    world = conferring(
        lot(1, "10"),
        licenses=CONFERENCES | PHONE | DOMESTIC | CREDITS,
        uses_plan_after_conference_minutes=True,
        assigned={(DOMESTIC, "GB"): 1},
    )
    world.facts = replace(world.facts, meters={(7, DIAL_OUT): Meter(59)})
    world.start(LONDON, organizer=ORGANIZER)
    for elapsed in range(60, 300, 60):
        world.extend(at=elapsed, granted=elapsed)

    world.end(290, at=291)

    assert rows(world) == [(MINUTES, 60, 60, 0), (MINUTES, 180, 180, 0), (CREDIT, 50, 60, 10_000)]
    assert [row.capability for row in world.usage] == ["MCOMEETADD", "MCOPSTN1", "MCOPSTNPP"]
    assert (world.meter(DIAL_OUT), world.meter(BRITISH)) == (Meter(60), Meter(3))


@pytest.mark.parametrize("called", [NEW_YORK, MONTREAL])
def test_the_extended_add_on_touches_neither_minutes_nor_money(called: str) -> None:
    """domain.md 3."""
    world = conferring(licenses=CONFERENCES | License.EXTENDED_DIAL_OUT)

    world.start(called, organizer=ORGANIZER)
    world.end(4_000, at=4_001)

    assert rows(world) == [(PaysFrom.INCLUDED, 4_000, 4_000, 0)]
    assert (world.facts.meters, world.usage[0].capability) == ({}, "MCOMEETADD_DIALOUT_US")


def test_the_extended_add_on_does_not_include_premium_numbers() -> None:
    """domain.md 3: where a table allows them at all, money pays."""
    american = CountryRule("US", premium=PremiumSupport.ALL)
    user = replace(USER, licenses=CONFERENCES | CREDITS | License.EXTENDED_DIAL_OUT)
    world = World(facts(lot(1, "10"), user=user, countries=CountryTable(1, {"US": american}, frozenset())))

    answers = [world.start(called, organizer=ORGANIZER, name=called) for called in (NEW_YORK, "19002345678")]

    assert [answer.pays_from for answer in answers if isinstance(answer, Granted)] == [PaysFrom.INCLUDED, CREDIT]


def test_a_pay_per_minute_conference_pays_without_minutes_and_without_a_credits_license() -> None:
    """D6, domain.md 1.1 no. 9."""
    world = conferring(lot(1, "10"), licenses=License.PAY_PER_MINUTE_CONFERENCING)

    world.start(BERLIN, organizer=ORGANIZER)
    world.start(TOLL_FREE, caller=PARIS, organizer=ORGANIZER, name="c2")
    world.end(60, at=61)
    world.end(60, at=61, name="c2")

    assert rows(world) == [(CREDIT, 60, 60, 80_000), (CREDIT, 60, 60, 20_000)]
    assert {row.capability for row in world.usage} == {"MCOMEETACPEA"}


def test_a_closed_call_of_a_conference_leg_leaves_the_others_alone() -> None:
    world = conferring()
    world.start(BERLIN, organizer=ORGANIZER)
    world.start(LONDON, organizer=ORGANIZER, name="c2")

    answers = world.ask(CloseCall(key(), NOON), EndCall(key("c2"), NOON + timedelta(seconds=30), 20))

    assert answers == [Noted(), Finished(20, 0, "EUR")]
    assert world.meter(DIAL_OUT) == Meter(1, 1)


# ── voice apps ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_resource_account_falls_back_on_the_organization_s_credit_without_a_license_for_it() -> None:
    """domain.md 1.1 no. 11."""
    queue = User(7, 1, "ada@example.com", "Queue", "GB", License.RESOURCE_ACCOUNT | DOMESTIC)
    world = World(facts(lot(1, "10"), user=queue, arrangements=Arrangements(1, assigned={(DOMESTIC, "GB"): 1})))
    queue = replace(queue, account=type(queue.account).CALL_QUEUE)
    world.facts = replace(world.facts, identities=facts(user=queue).identities)
    world.start(LONDON)
    for elapsed in (60, 120, 180):
        world.extend(at=elapsed, granted=elapsed)

    world.end(200, at=201)

    assert rows(world) == [(MINUTES, 180, 180, 0), (CREDIT, 20, 60, 10_000)]


# ── what is told ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_at_four_fifths_and_at_the_end_of_a_pool_people_are_told_once() -> None:
    """domain.md 1.6."""
    world = conferring()
    world.facts = replace(world.facts, meters={(7, DIAL_OUT): Meter(46)})

    for number, used in enumerate((60, 60, 600, 60, 60, 60)):
        world.start(BERLIN, organizer=ORGANIZER, name=str(number))
        world.end(used, at=used, name=str(number))

    told = [(event.kind, dict(event.details)["used_minutes"]) for event in world.events]
    assert told == [(EventKind.POOL_LOW, "48"), (EventKind.POOL_EXHAUSTED, "60")]
    assert len({event.event_id for event in world.events}) == 2
    assert dict(world.events[0].details) == {
        "plan": "MCOMEETADD",
        "country": "",
        "counter": "",
        "renews_on": "2026-07-01",
        "percent": "80",
        "used_minutes": "48",
        "total_minutes": "60",
    }


def test_what_others_are_promised_is_not_told_of_as_used() -> None:
    world = conferring()
    world.facts = replace(world.facts, meters={(7, DIAL_OUT): Meter(46)})
    world.start(BERLIN, organizer=ORGANIZER)
    world.start(BERLIN, organizer=ORGANIZER, name="c2")

    world.end(60, at=61)

    assert (world.meter(DIAL_OUT), world.events) == (Meter(47, 1), [])


def test_a_promise_is_not_told_of() -> None:
    world = conferring()
    world.facts = replace(world.facts, meters={(7, DIAL_OUT): Meter(47)})

    world.start(BERLIN, organizer=ORGANIZER)

    assert (world.events, world.call().hold) == ([], Hold((), ((DIAL_OUT, 1),), 0))  # type: ignore[arg-type]
