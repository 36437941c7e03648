from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from talktime.core.calls.calls import EXPLANATIONS, CallKind, CallState, DenialReason, PaysFrom
from talktime.core.calls.requests import ChargingFacts, Denied, Granted
from talktime.core.organizations.licenses import License
from talktime.core.rates.rate_decks import DeckPublication, Direction, Rate
from tests.core.calls.world import (
    ADA,
    BERLIN,
    BOB,
    FREE_HOTLINE,
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


PHONE, CONFERENCES, CREDITS = License.PHONE_SYSTEM, License.AUDIO_CONFERENCING, License.COMMUNICATIONS_CREDITS
STARTS_DENIED = [
    (World(RICH), {"caller": "442079469999"}, DenialReason.CALLER_UNKNOWN),
    (World(RICH), {"organizer": "nobody@example.com"}, DenialReason.CALLER_UNKNOWN),
    (World(RICH), {"kind": CallKind.CONFERENCE_IN}, DenialReason.CALLER_UNKNOWN),
    (World(SUSPENDED), {}, DenialReason.ORGANIZATION_SUSPENDED),
    (World(RICH), {"called": "1234"}, DenialReason.NUMBER_NOT_E164),
    (World(RICH), {"called": "alice"}, DenialReason.NUMBER_NOT_E164),
    (licensed(CONFERENCES | CREDITS), {}, DenialReason.PHONE_SYSTEM_LICENSE_MISSING),
    (licensed(PHONE | CREDITS), {"organizer": "Ada@Example.com"}, DenialReason.AUDIO_CONFERENCING_LICENSE_MISSING),
    (licensed(PHONE | CONFERENCES), {}, DenialReason.CREDITS_LICENSE_MISSING),
    (licensed(CONFERENCES), {"organizer": "ada@example.com"}, DenialReason.CREDITS_LICENSE_MISSING),
    (World(RICH), {"caller": TOLL_FREE, "called": PARIS}, DenialReason.PHONE_SYSTEM_LICENSE_MISSING),
    (never_published(), {}, DenialReason.NO_RATE_DECK_IN_FORCE),
    (published_later(), {}, DenialReason.NO_RATE_DECK_IN_FORCE),
    (World(RICH), {"called": TOKYO}, DenialReason.DESTINATION_NOT_RATED),
    (World(RICH), {"called": SATELLITE}, DenialReason.DESTINATION_BLOCKED),
    (dollar_deck(), {}, DenialReason.DECK_CURRENCY_DIFFERS),
    (without_credit_set_up(), {}, DenialReason.CREDIT_NOT_SET_UP),
    (without_credit_set_up(), {"caller": PARIS, "called": TOLL_FREE}, DenialReason.CREDIT_NOT_SET_UP),
    (World(POOR), {}, DenialReason.CREDIT_EXHAUSTED),
    (World(POOR), {"caller": PARIS, "called": TOLL_FREE}, DenialReason.CREDIT_EXHAUSTED),
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


def test_every_reason_is_reached_and_explained() -> None:
    reached = {reason for _, _, reason in STARTS_DENIED} | {DenialReason.CALL_UNKNOWN, DenialReason.CALL_ENDED}

    assert reached == set(DenialReason)
    assert set(EXPLANATIONS) == set(DenialReason)
    assert all(sentence.endswith(".") and len(sentence) > 20 for sentence in EXPLANATIONS.values())


def test_reasons_are_given_in_the_order_in_which_a_person_would_ask() -> None:
    """Everything is wrong at first; what is reported is put right, and the next reason stands behind it."""
    world = World(facts(organization=replace(ORGANIZATION, is_active=False, has_credit_set_up=False)))
    nobody = replace(USER, licenses=License(0))
    world.facts = replace(world.facts, publications={}, decks={1: deck(1, currency="USD")}, identities={})
    found = []
    repairs: list[Callable[[ChargingFacts], ChargingFacts]] = [
        lambda known: replace(known, identities=facts(user=nobody).identities),
        lambda known: replace(known, organizations={7: replace(ORGANIZATION, has_credit_set_up=False)}),
        lambda known: known,
        lambda known: replace(known, identities=facts(user=replace(nobody, licenses=PHONE)).identities),
        lambda known: replace(known, identities=facts().identities),
        lambda known: replace(known, publications=facts().publications),
        lambda known: known,
        lambda known: known,
        lambda known: replace(known, decks={1: deck(1)}),
        lambda known: replace(known, organizations={7: ORGANIZATION}),
        lambda known: known,
    ]
    called = ["alice"] * 3 + [TOKYO] * 4 + [SATELLITE] + [PARIS] * 3

    for attempt, (number, repair) in enumerate(zip(called, repairs, strict=True)):
        answer = world.start(number, name=f"attempt {attempt}")
        assert isinstance(answer, Denied)
        found.append(answer.reason)
        world.facts = repair(world.facts)

    assert found == [
        DenialReason.CALLER_UNKNOWN,
        DenialReason.ORGANIZATION_SUSPENDED,
        DenialReason.NUMBER_NOT_E164,
        DenialReason.PHONE_SYSTEM_LICENSE_MISSING,
        DenialReason.CREDITS_LICENSE_MISSING,
        DenialReason.NO_RATE_DECK_IN_FORCE,
        DenialReason.DESTINATION_NOT_RATED,
        DenialReason.DESTINATION_BLOCKED,
        DenialReason.DECK_CURRENCY_DIFFERS,
        DenialReason.CREDIT_NOT_SET_UP,
        DenialReason.CREDIT_EXHAUSTED,
    ]


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
