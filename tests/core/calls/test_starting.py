from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from talktime.core.calls.calls import EXPLANATIONS, SUBCODES, CallKind, CallState, DenialReason, PaysFrom
from talktime.core.calls.counting.meters import Meter, calls_meter
from talktime.core.calls.requests import ChargingFacts, Denied, Granted
from talktime.core.organizations.arrangements import Arrangements, Caps, Overage, Stops
from talktime.core.organizations.licenses import License
from talktime.core.organizations.organizations import BillingMode
from talktime.core.organizations.policies import POLICIES
from talktime.core.organizations.users import AccountKind, User
from talktime.core.rates.rate_decks import DeckPublication, Direction, Rate
from tests.core.calls.world import (
    ADA,
    BERLIN,
    BOB,
    BRITISH_PREMIUM,
    FREE_HOTLINE,
    LONDON,
    MONTREAL,
    NOON,
    ORGANIZATION,
    PARIS,
    SAN_JUAN,
    SATELLITE,
    TOKYO,
    TOLL,
    TOLL_FREE,
    USER,
    World,
    deck,
    facts,
    granted_seconds,
    lot,
)
from tests.core.rates.tariffs import price

FREE = Granted(86_400, is_final=True, recheck_after_seconds=86_400, pays_from=PaysFrom.FREE)
POOR = facts()
RICH = facts(lot(1, "10"))
SUSPENDED = facts(lot(1, "10"), organization=replace(ORGANIZATION, is_active=False))


def test_a_call_that_is_paid_for_is_granted_a_quantum_and_told_when_to_ask_again() -> None:
    world = World()

    answer = world.start(PARIS)

    assert answer == Granted(60, is_final=False, recheck_after_seconds=50, pays_from=PaysFrom.CREDIT)
    assert world.available() == 10_000_000 - 600_000
    assert world.journal == [], "a hold is a promise, and nothing is posted"


def test_a_grant_is_as_long_as_the_started_increments_of_the_quantum() -> None:
    world = World(terms=replace(World().terms, quantum_seconds=61))

    assert granted_seconds(world.start(BERLIN)) == 120


def test_what_credit_does_not_pay_in_full_is_granted_in_part_and_is_final() -> None:
    world = World(facts(lot(1, "0.25")))

    assert world.start(PARIS) == Granted(25, is_final=True, recheck_after_seconds=25, pays_from=PaysFrom.CREDIT)
    assert world.available() == 0


def test_a_call_on_credit_that_expires_at_this_instant_is_refused() -> None:
    world = World(facts(lot(1, "10", days=1)))

    assert world.start(at=86_399) == Granted(60, is_final=False, recheck_after_seconds=50, pays_from=PaysFrom.CREDIT)
    assert world.start(at=86_400, name="c2") == Denied(DenialReason.CREDIT_EXHAUSTED)


def test_credit_for_less_than_fee_and_first_increment_is_not_enough() -> None:
    assert World(facts(lot(1, "0.08"))).start(BERLIN) == Granted(
        60, is_final=False, recheck_after_seconds=50, pays_from=PaysFrom.CREDIT
    )
    assert World(facts(lot(1, "0.079999"))).start(BERLIN) == Denied(DenialReason.CREDIT_EXHAUSTED)


def test_a_destination_that_costs_nothing_needs_no_credit() -> None:
    assert granted_seconds(World(POOR).start(FREE_HOTLINE)) == 60


def test_a_toll_free_call_needs_a_positive_balance_even_where_it_costs_nothing() -> None:
    free = replace(
        POOR, decks={1: deck(1, (Rate(Direction.TOLL_FREE_INBOUND, "1800", "", "Free", (price(60, 60, "0"),)),))}
    )

    assert World(free).start(TOLL_FREE, caller=MONTREAL) == Denied(DenialReason.CREDIT_EXHAUSTED)


def licensed(licenses: License) -> World:
    return World(facts(lot(1, "10"), user=replace(USER, licenses=licenses)))


def never_published() -> World:
    return World(replace(RICH, publications={}))


def published_later() -> World:
    later = (DeckPublication(1, NOON + timedelta(microseconds=1)),)
    return World(replace(RICH, publications={("standard", Direction.OUTBOUND): later}))


def dollar_deck() -> World:
    return World(replace(RICH, decks={1: deck(1, currency="USD")}))


def without_credit_set_up() -> World:
    return World(facts(lot(1, "10"), organization=replace(ORGANIZATION, has_credit_set_up=False)))


def postpaid(overage: Overage, *, units: str = "0") -> World:
    after_use = replace(ORGANIZATION, mode=BillingMode.POSTPAID)
    credit = [] if units == "0" else [lot(1, units)]
    return World(facts(*credit, organization=after_use, arrangements=Arrangements(1, overage=overage)))


def with_policy(name: str) -> World:
    return World(facts(lot(1, "10"), user=replace(USER, dialout_policy=name)))


def arranged(arrangements: Arrangements, user: User = USER) -> World:
    return World(facts(lot(1, "10"), user=user, arrangements=arrangements))


def after_five_calls_this_hour() -> World:
    world = arranged(Arrangements(1, stops=Stops(calls_per_hour=5)))
    world.facts = replace(world.facts, meters={(7, calls_meter(1, NOON)): Meter(5)})
    return world


PHONE, CONFERENCES, CREDITS = License.PHONE_SYSTEM, License.AUDIO_CONFERENCING, License.COMMUNICATIONS_CREDITS
ORGANIZED = {"organizer": "ada@example.com"}
DIALED_IN = {"caller": PARIS, "called": TOLL_FREE}
QUEUE = replace(USER, account=AccountKind.CALL_QUEUE, licenses=CREDITS)
STARTS_DENIED = [
    (World(RICH), {"caller": "442079469999"}, DenialReason.CALLER_UNKNOWN),
    (World(RICH), {"organizer": "nobody@example.com"}, DenialReason.CALLER_UNKNOWN),
    (World(RICH), {"kind": CallKind.CONFERENCE_IN}, DenialReason.CALLER_UNKNOWN),
    (World(SUSPENDED), {}, DenialReason.ORGANIZATION_SUSPENDED),
    (World(SUSPENDED), {"caller": PARIS, "called": BOB}, DenialReason.ORGANIZATION_SUSPENDED),
    (World(RICH), {"called": "1234"}, DenialReason.NUMBER_NOT_E164),
    (World(RICH), {"called": "alice"}, DenialReason.NUMBER_NOT_E164),
    (World(facts(lot(1, "10"), user=replace(USER, block_reason="fraud"))), {}, DenialReason.USER_BLOCKED),
    (with_policy("DialoutCPCandPSTNDisabled"), {}, DenialReason.POLICY_FORBIDS_CALLS),
    (with_policy("DialoutCPCandPSTNDomestic"), {}, DenialReason.POLICY_FORBIDS_INTERNATIONAL),
    (with_policy("DialoutCPCandPSTNDisabled"), ORGANIZED, DenialReason.POLICY_FORBIDS_CONFERENCE_DIAL_OUT),
    (with_policy("DialoutCPCandPSTNDomestic"), ORGANIZED, DenialReason.POLICY_ALLOWS_OWN_COUNTRY_ONLY),
    (with_policy("DialoutCPCZoneAPSTNDomestic"), ORGANIZED, DenialReason.POLICY_ALLOWS_ZONE_A_ONLY),
    (
        arranged(Arrangements(1, policy=POLICIES["DialoutCPCandPSTNDisabled"])),
        {},
        DenialReason.POLICY_FORBIDS_CALLS,
    ),
    (licensed(CONFERENCES | CREDITS), {}, DenialReason.PHONE_SYSTEM_LICENSE_MISSING),
    (World(RICH), {"caller": TOLL_FREE, "called": PARIS}, DenialReason.PHONE_SYSTEM_LICENSE_MISSING),
    (arranged(Arrangements(1, is_calling_plan_required=True)), {}, DenialReason.CALLING_PLAN_MISSING),
    (licensed(PHONE | CREDITS), {"organizer": "Ada@Example.com"}, DenialReason.AUDIO_CONFERENCING_LICENSE_MISSING),
    (licensed(PHONE), ORGANIZED | DIALED_IN, DenialReason.AUDIO_CONFERENCING_LICENSE_MISSING),
    (licensed(PHONE), ORGANIZED | {"called": TOLL}, DenialReason.AUDIO_CONFERENCING_LICENSE_MISSING),
    (World(facts(lot(1, "10"), user=QUEUE)), {}, DenialReason.RESOURCE_ACCOUNT_LICENSE_MISSING),
    (
        World(facts(lot(1, "10"), user=replace(USER, is_toll_free_dial_in_allowed=False))),
        ORGANIZED | DIALED_IN,
        DenialReason.TOLL_FREE_DISABLED,
    ),
    (World(RICH), {"called": SATELLITE}, DenialReason.DESTINATION_BLOCKED),
    (World(RICH), {"called": BRITISH_PREMIUM}, DenialReason.PREMIUM_NOT_SUPPORTED),
    (after_five_calls_this_hour(), {}, DenialReason.TOO_MANY_CALLS),
    (after_five_calls_this_hour(), ORGANIZED, DenialReason.TOO_MANY_CALLS),
    (without_credit_set_up(), {}, DenialReason.CREDIT_NOT_SET_UP),
    (without_credit_set_up(), DIALED_IN, DenialReason.CREDIT_NOT_SET_UP),
    (postpaid(Overage()), {}, DenialReason.OVERAGE_OFF),
    (postpaid(Overage()), DIALED_IN, DenialReason.OVERAGE_OFF),
    (licensed(PHONE | CONFERENCES), {}, DenialReason.CREDITS_LICENSE_MISSING),
    (licensed(CONFERENCES), ORGANIZED, DenialReason.CREDITS_LICENSE_MISSING),
    (never_published(), {}, DenialReason.NO_RATE_DECK_IN_FORCE),
    (published_later(), {}, DenialReason.NO_RATE_DECK_IN_FORCE),
    (World(RICH), {"called": TOKYO}, DenialReason.DESTINATION_NOT_RATED),
    (dollar_deck(), {}, DenialReason.DECK_CURRENCY_DIFFERS),
    (
        arranged(Arrangements(1, stops=Stops(highest_nanos_per_minute=599_999_999))),
        {},
        DenialReason.DESTINATION_TOO_EXPENSIVE,
    ),
    (arranged(Arrangements(1, caps=Caps(each_user_micros=9_999))), {}, DenialReason.USER_CAP_REACHED),
    (arranged(Arrangements(1, caps=Caps(by_user_micros={1: 9_999}))), {}, DenialReason.USER_CAP_REACHED),
    (
        arranged(Arrangements(1, caps=Caps(by_department_micros={"Sales": 9_999})), replace(USER, department="Sales")),
        {},
        DenialReason.DEPARTMENT_CAP_REACHED,
    ),
    (World(POOR), {}, DenialReason.CREDIT_EXHAUSTED),
    (World(POOR), DIALED_IN, DenialReason.CREDIT_EXHAUSTED),
    (postpaid(Overage(), units="0.000001"), {}, DenialReason.OVERAGE_OFF),
    (postpaid(Overage(is_on=True, limit_per_month_micros=9_999)), {}, DenialReason.OVERAGE_LIMIT_REACHED),
]


@pytest.mark.parametrize(
    ("world", "asked", "reason"), STARTS_DENIED, ids=lambda part: part.value if isinstance(part, DenialReason) else ""
)
def test_a_refusal_has_its_reason_and_holds_nothing(
    world: World, asked: dict[str, object], reason: DenialReason
) -> None:
    before = world.available()

    assert world.start(**asked) == Denied(reason)  # type: ignore[arg-type]

    assert world.available() == before
    assert world.journal == []


def test_a_deck_in_another_currency_is_refused_and_nothing_is_converted() -> None:
    world = dollar_deck()
    credit = world.credit

    assert world.start() == Denied(DenialReason.DECK_CURRENCY_DIFFERS)

    assert (world.credit, world.journal) == (credit, [])


@pytest.mark.parametrize(("caller", "called"), [(ADA, TOKYO), (BOB, PARIS)])
def test_a_call_id_that_was_used_buys_no_other_call(caller: str, called: str) -> None:
    """A phone chooses its call ids: help called first, or a cheap number, must not carry a dear one."""
    world = World()
    world.start(PARIS)

    other, same = world.start(called, caller=caller), world.start(PARIS)

    assert other == Denied(DenialReason.CALL_ID_TAKEN)
    assert isinstance(same, Granted)


def test_every_reason_is_reached_and_explained() -> None:
    reached = {reason for _, _, reason in STARTS_DENIED} | {
        DenialReason.CALL_CUT,
        DenialReason.CALL_UNKNOWN,
        DenialReason.CALL_ENDED,
        DenialReason.CALL_ID_TAKEN,
    }

    assert reached == set(DenialReason)
    assert set(EXPLANATIONS) == set(DenialReason)
    assert all(sentence.endswith(".") and len(sentence) > 20 for sentence in EXPLANATIONS.values())


def test_every_reason_that_the_service_has_a_code_for_is_told_with_it() -> None:
    """domain.md 1.7: balance not found, nothing enabled for the tenant, nothing enabled for the user."""
    assert {reason.value: code for reason, code in SUBCODES.items()} == {
        "credit_not_set_up": 580_406,
        "overage_off": 580_462,
        "credits_license_missing": 580_464,
    }


Repair = Callable[[ChargingFacts], ChargingFacts]


def reasons_in_turn(world: World, repairs: list[tuple[str, Repair]], **asked: str) -> list[DenialReason]:
    """Ask for the number, put right what was reported, and ask again."""
    found = []
    for attempt, (number, repair) in enumerate(repairs):
        answer = world.start(number, name=f"attempt {attempt}", **asked)  # type: ignore[arg-type]
        assert isinstance(answer, Denied), (attempt, answer)
        found.append(answer.reason)
        world.facts = repair(world.facts)
    return found


def all_wrong() -> World:
    """Nobody is known, and whatever can be wrong is wrong with whom they will be."""
    nothing = replace(ORGANIZATION, is_active=False, has_credit_set_up=False)
    world = World(facts(organization=nothing, arrangements=STRICT))
    world.facts = replace(world.facts, identities={}, decks={1: deck(1, currency="USD")})
    world.facts = replace(world.facts, meters={(7, calls_meter(1, NOON)): Meter(1)})
    return world


STRICT = Arrangements(
    1,
    caps=Caps(1, {}, {"Sales": 1}),
    stops=Stops(calls_per_hour=1, highest_nanos_per_minute=1),
    is_calling_plan_required=True,
)
BLOCKED = replace(USER, licenses=License(0), block_reason="fraud", dialout_policy="DialoutCPCandPSTNDisabled")


def known(user: User) -> Repair:
    sold = replace(user, department="Sales")
    return lambda before: replace(before, identities=facts(user=sold).identities)


def ruled(arrangements: Arrangements) -> Repair:
    return lambda before: replace(before, arrangements={7: arrangements})


def test_reasons_are_given_in_the_order_in_which_a_person_would_ask() -> None:
    """Everything is wrong at first; what is reported is put right, and the next reason stands behind it."""
    abroad = replace(BLOCKED, block_reason="", dialout_policy="DialoutCPCandPSTNDomestic")
    nobody = replace(USER, licenses=License(0))
    planned = License.PHONE_SYSTEM | License.PAY_AS_YOU_GO_1
    without_stop = replace(STRICT, stops=Stops(highest_nanos_per_minute=1))
    without_stops = replace(STRICT, stops=Stops())

    found = reasons_in_turn(
        all_wrong(),
        [
            ("alice", known(BLOCKED)),
            (
                "alice",
                lambda before: replace(before, organizations={7: replace(ORGANIZATION, has_credit_set_up=False)}),
            ),
            ("alice", lambda before: before),
            (SATELLITE, known(replace(BLOCKED, block_reason=""))),
            (SATELLITE, known(abroad)),
            (SATELLITE, known(nobody)),
            (SATELLITE, known(replace(USER, licenses=PHONE))),
            (SATELLITE, known(replace(USER, licenses=planned))),
            (SATELLITE, lambda before: before),
            (BRITISH_PREMIUM, lambda before: before),
            (TOKYO, ruled(without_stop)),
            (TOKYO, lambda before: replace(before, organizations={7: ORGANIZATION})),
            (TOKYO, known(replace(USER, licenses=planned | CREDITS))),
            (TOKYO, lambda before: before),
            (PARIS, lambda before: replace(before, decks={1: deck(1)})),
            (PARIS, ruled(without_stops)),
            (PARIS, ruled(replace(without_stops, caps=Caps(by_department_micros={"Sales": 1})))),
            (PARIS, ruled(Arrangements(1))),
            (PARIS, lambda before: before),
        ],
    )

    assert found == [
        DenialReason.CALLER_UNKNOWN,
        DenialReason.ORGANIZATION_SUSPENDED,
        DenialReason.NUMBER_NOT_E164,
        DenialReason.USER_BLOCKED,
        DenialReason.POLICY_FORBIDS_CALLS,
        DenialReason.POLICY_FORBIDS_INTERNATIONAL,
        DenialReason.PHONE_SYSTEM_LICENSE_MISSING,
        DenialReason.CALLING_PLAN_MISSING,
        DenialReason.DESTINATION_BLOCKED,
        DenialReason.PREMIUM_NOT_SUPPORTED,
        DenialReason.TOO_MANY_CALLS,
        DenialReason.CREDIT_NOT_SET_UP,
        DenialReason.CREDITS_LICENSE_MISSING,
        DenialReason.DESTINATION_NOT_RATED,
        DenialReason.DECK_CURRENCY_DIFFERS,
        DenialReason.DESTINATION_TOO_EXPENSIVE,
        DenialReason.USER_CAP_REACHED,
        DenialReason.DEPARTMENT_CAP_REACHED,
        DenialReason.CREDIT_EXHAUSTED,
    ]


def test_an_included_call_is_allowed_whatever_money_is_missing() -> None:
    """Minutes keep working without credit (domain.md 1.7); not even a price is asked for."""
    world = all_wrong()
    plan = replace(STRICT, stops=Stops(), assigned={(License.DOMESTIC, "GB"): 1})
    world.facts = known(replace(USER, licenses=PHONE | License.DOMESTIC))(ruled(plan)(world.facts))
    world.facts = replace(
        world.facts, publications={}, organizations={7: replace(ORGANIZATION, has_credit_set_up=False)}
    )

    assert world.start(LONDON) == Granted(60, is_final=False, recheck_after_seconds=50, pays_from=PaysFrom.MINUTES)


@pytest.mark.parametrize("world", [World(POOR), World(SUSPENDED), licensed(License(0)), never_published()])
def test_an_emergency_call_is_always_allowed_and_free(world: World) -> None:
    assert world.start("112") == FREE
    world.end(300, at=400)

    assert (world.call().setup.kind, world.usage[-1].cost_micros) == (CallKind.EMERGENCY_OUT, 0)
    assert world.journal == []


def test_an_emergency_call_of_an_unknown_caller_is_allowed_and_belongs_to_nobody() -> None:
    world = World()

    assert world.start("999", caller="anonymous") == FREE
    assert world.facts.calls == {}


def test_calls_to_a_user_are_free_even_without_credit() -> None:
    world = World(POOR)

    assert world.start(BOB, caller=PARIS) == FREE
    assert world.call().setup.kind is CallKind.USER_IN
    assert world.call().setup.user_id == 2


def test_calls_to_a_toll_number_are_free() -> None:
    world = World(POOR)

    assert world.start(TOLL, caller=PARIS) == FREE
    assert world.call().setup.kind is CallKind.CONFERENCE_IN


def test_a_toll_number_is_free_also_where_the_organizer_is_named() -> None:
    assert World(POOR).start(TOLL, caller=PARIS, organizer="ada@example.com", kind=CallKind.CONFERENCE_IN) == FREE


@pytest.mark.parametrize(("caller", "cost"), [(MONTREAL, 20_000), (SAN_JUAN, 100_000), ("anonymous", 20_000)], ids=str)
def test_a_toll_free_call_is_priced_by_where_it_comes_from(caller: str, cost: int) -> None:
    world = World()

    world.start(TOLL_FREE, caller=caller)
    world.end(30, at=60)

    assert world.usage[-1].cost_micros == cost


def test_the_switch_says_which_service_a_service_number_stands_for() -> None:
    world = World()

    world.start(TOLL_FREE, caller=PARIS, kind=CallKind.VOICE_APP_IN)
    world.start(TOLL_FREE, caller=PARIS, kind=CallKind.USER_IN, name="c2")
    world.start(BOB, caller=PARIS, kind=CallKind.VOICE_APP_IN, name="c3")

    kinds = [world.call(name).setup.kind for name in ("c1", "c2", "c3")]
    assert kinds == [CallKind.VOICE_APP_IN, CallKind.CONFERENCE_IN, CallKind.USER_IN]


def test_the_organizer_pays_what_a_conference_dials_out() -> None:
    world = World()

    assert granted_seconds(world.start(PARIS, caller=TOLL, organizer="ADA@example.com")) == 60
    assert (world.call().setup.kind, world.call().setup.user_id) == (CallKind.CONFERENCE_OUT, 1)


def test_a_call_between_users_that_the_switch_sends_outside_is_an_outbound_call() -> None:
    world = World()

    assert granted_seconds(world.start(BOB, caller=ADA, kind=CallKind.USER_OUT)) == 60
    assert world.call().setup.destination == "United Kingdom"


def test_a_repeated_start_has_the_same_answer_and_one_hold() -> None:
    world = World()

    answers = [world.start(at=second) for second in (0, 1, 30)]

    assert answers[0] == answers[1] == answers[2]
    assert world.available() == 10_000_000 - 600_000


def test_a_repeated_start_of_a_refused_call_is_refused_even_when_there_is_credit_now() -> None:
    world = World(POOR)
    first = world.start()
    world.fund(lot(1, "10"))

    assert world.start(at=1) == first == Denied(DenialReason.CREDIT_EXHAUSTED)
    assert world.call().state is CallState.DENIED


def test_a_call_id_is_good_for_one_call() -> None:
    world = World()
    world.start()
    world.end(10, at=20)

    assert world.start(at=30) == Denied(DenialReason.CALL_ENDED)


def test_a_policy_that_nobody_can_read_allows_nothing_but_calls_for_help() -> None:
    world = World(facts(lot(1, "10"), user=replace(USER, dialout_policy="DialoutEverything")))

    assert world.start(PARIS) == Denied(DenialReason.POLICY_FORBIDS_CALLS)
    assert world.start("112", name="c2") == FREE
