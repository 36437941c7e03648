"""When the credit ends: what a call is granted is funded, and nothing is owed for what a switch rounds (issue 5, 6)."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from talktime.core.calls.calls import CallState, DenialReason, Ending, Flags
from talktime.core.calls.requests import (
    Answer,
    ChargingTerms,
    CutCall,
    Denied,
    EndSession,
    Finished,
    Granted,
    Noted,
    StartCall,
    UpdateSession,
)
from talktime.core.credit.lots import CreditLot, LotKind
from talktime.core.rates import rating
from talktime.core.rates.rate_decks import DeckTerms, Direction, Rate, RateDeck
from talktime.core.rates.rating import Price, Tariff
from talktime.core.values.money import Rounding
from tests.core.calls.world import ADA, BERLIN, NOON, PARIS, World, deck, facts, key, lot
from tests.core.rates import tariffs
from tests.core.rates.tariffs import every_day, price

GRACE = ChargingTerms().overrun_grace_seconds
DECK = 2
NAMES = ("one", "two")

# ── worlds, and switches in them ─────────────────────────────────────────────────────────────────────────────────────

INCREMENTS = st.sampled_from([(30, 6), (60, 60), (1, 1), (60, 1), (6, 6)])
FEES = st.sampled_from(["0", "0.02", "0.2"])
PER_MINUTE = st.sampled_from(["0.0135", "0.06", "0.6", "1.234567"])
LIVES = st.sampled_from([timedelta(seconds=90), timedelta(days=1)])


def listed() -> st.SearchStrategy[Price]:
    """Draw what price lists mostly have."""
    return st.builds(lambda steps, each, fee: price(*steps, each, fee=fee), INCREMENTS, PER_MINUTE, FEES)


@dataclass(frozen=True)
class Funded:
    """A world whose calls to Paris have one price, and the price."""

    world: World
    tariff: Tariff

    def cost(self, seconds: int) -> int:
        return rating.cost_micros(self.tariff, NOON, seconds)


@st.composite
def funded(draw: st.DrawFn) -> Funded:
    """Draw a price, and credit in up to three lots that pays some increments of it, often to the micro."""
    drawn = draw(listed() | tariffs.prices())
    terms = DeckTerms("EUR", ZoneInfo("Europe/London"), draw(st.integers(0, 6)), draw(st.sampled_from(Rounding)))
    tariff = Tariff((drawn,), terms.charge_decimals, terms.rounding, terms.zone)
    exact = [rating.cost_micros(tariff, NOON, seconds) for seconds in (1, 30, 60, 61, 120, 180)]
    amounts = st.builds(int.__add__, st.sampled_from(exact), st.integers(-1, 1)) | st.integers(1, 10**7)
    lots = [
        # Some expire while people talk: what is held of them stays promised.
        CreditLot(number, LotKind.PURCHASED, max(1, amount), NOON, NOON + draw(LIVES))
        for number, amount in enumerate(draw(st.lists(amounts, min_size=1, max_size=3)), 1)
    ]
    world = World(facts(*lots))
    rates = [Rate(Direction.OUTBOUND, "33", "", "France", (drawn,))]
    world.publish(RateDeck(version_id=DECK, terms=terms, rates=rates), at=0)
    return Funded(world, tariff)


@dataclass(frozen=True)
class Switch:
    """What a switch does with a call: how early it asks for more each time, and how it ends."""

    begins_at: int
    asks_before_seconds: tuple[int, ...]
    # When people hang up; those who would talk on are cut at the end of the grant.
    talks_seconds: int
    # By how much it rounds up, or cuts late.
    late_seconds: int
    ending: Ending

    def ends_at(self, granted_seconds: int) -> int:
        """Return the seconds that it reports."""
        is_cut = self.talks_seconds > granted_seconds
        return granted_seconds + self.late_seconds if is_cut else self.talks_seconds


def switches(late_seconds: st.SearchStrategy[int]) -> st.SearchStrategy[Switch]:
    return st.builds(
        Switch,
        st.integers(0, 120),
        st.lists(st.integers(0, 60), max_size=6).map(tuple),
        st.integers(1, 400),
        late_seconds,
        # Kamailio says LOGOUT whatever ended a session (charging.md e1), Asterisk's dialplan may not tell either.
        st.sampled_from([Ending.HANGUP, Ending.CREDIT_EXHAUSTED]),
    )


WITHIN_GRACE = st.tuples(*[switches(st.integers(0, GRACE)) for _ in NAMES])
LATER = st.tuples(*[switches(st.integers(GRACE + 1, 40)) for _ in NAMES])

Steps = Iterator[int]
Life = Callable[[World, str, Switch], Steps]


def by_total(world: World, name: str, switch: Switch) -> Steps:
    """Live a call whose requests say how long it has lasted; yield when each next one comes."""
    yield switch.begins_at
    answer = world.start(PARIS, at=switch.begins_at, name=name)
    if not isinstance(answer, Granted):
        return
    world.answer(at=switch.begins_at, name=name)
    elapsed = 0
    for before in switch.asks_before_seconds:
        elapsed = max(elapsed, answer.granted_seconds - before)
        if answer.is_final or elapsed >= switch.talks_seconds:
            break
        yield switch.begins_at + elapsed
        answer = world.extend(at=switch.begins_at + elapsed, granted=answer.granted_seconds, name=name, elapsed=elapsed)
        assert isinstance(answer, Granted)
    used = switch.ends_at(answer.granted_seconds)
    yield switch.begins_at + used
    world.end(used, at=switch.begins_at + used, name=name, ending=switch.ending)


def by_reports(world: World, name: str, switch: Switch) -> Steps:
    """Live a call whose requests say what was used since the last one, as Diameter's do."""
    yield switch.begins_at
    began_at = NOON + timedelta(seconds=switch.begins_at)
    answer = world.ask(StartCall(key(name), began_at, ADA, PARIS, number=0))[0]
    if not isinstance(answer, Granted):
        return
    number, told = 0, 0
    for before in switch.asks_before_seconds:
        elapsed = max(told, answer.granted_seconds - before)
        if answer.is_final or elapsed >= switch.talks_seconds:
            break
        yield switch.begins_at + elapsed
        number, at = number + 1, began_at + timedelta(seconds=elapsed)
        answer = world.ask(UpdateSession(key(name), at, number, elapsed - told, 0, at))[0]
        assert isinstance(answer, Granted)
        told = elapsed
    used = switch.ends_at(answer.granted_seconds)
    yield switch.begins_at + used
    at = began_at + timedelta(seconds=used)
    world.ask(EndSession(key(name), at, number + 1, used - told, at))


def live(drawn: Funded, life: Life, both: tuple[Switch, ...]) -> None:
    """Let two calls live on one balance, each step at its time; look at the world after every one."""
    calls = {name: life(drawn.world, name, switch) for name, switch in zip(NAMES, both, strict=True)}
    due = {name: next(steps) for name, steps in calls.items()}
    while due:
        name = min(due, key=lambda each: due[each])
        following = next(calls[name], None)
        if following is None:
            del due[name]
        else:
            due[name] = following
        assert_promises_are_kept(drawn)


def assert_promises_are_kept(drawn: Funded) -> None:
    """What open calls were granted is whole increments, paid for to the last second, fee and all."""
    for call in drawn.world.facts.calls.values():
        if call.state is CallState.OPEN:
            granted = call.granted_seconds
            assert granted > 0
            assert rating.billed_seconds(drawn.tariff, NOON, granted) == granted
            assert call.hold.amount_micros >= drawn.cost(granted)
    credit = drawn.world.credit
    assert credit.held_micros() == sum(call.hold.amount_micros for call in drawn.world.facts.calls.values())
    assert all(each.remaining_micros >= each.held_micros >= 0 for each in credit.lots)


# ── the bound ────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("life", [by_total, by_reports])
@given(drawn=funded(), both=WITHIN_GRACE)
def test_no_balance_falls_below_zero_by_what_a_switch_was_granted_or_rounds(
    drawn: Funded, both: tuple[Switch, ...], life: Life
) -> None:
    live(drawn, life, both)

    assert drawn.world.credit.receivable_micros == 0
    assert drawn.world.credit.held_micros() == 0
    for row in drawn.world.usage:
        assert row.uncovered_micros == 0
        assert row.cost_micros == drawn.cost(row.used_seconds)


@pytest.mark.parametrize("life", [by_total, by_reports])
@given(drawn=funded(), both=WITHIN_GRACE)
def test_a_final_grant_that_was_overrun_within_the_grace_costs_the_grant(
    drawn: Funded, both: tuple[Switch, ...], life: Life
) -> None:
    live(drawn, life, both)

    for row in drawn.world.usage:
        call = drawn.world.facts.calls[row.key]
        if call.is_final:
            assert row.used_seconds <= call.granted_seconds
            assert Flags.OVERRUN not in row.flags


@pytest.mark.parametrize("life", [by_total, by_reports])
@given(drawn=funded(), both=LATER)
def test_what_is_owed_is_at_most_what_was_used_beyond_the_grants(
    drawn: Funded, both: tuple[Switch, ...], life: Life
) -> None:
    live(drawn, life, both)

    beyond = 0
    for row in drawn.world.usage:
        granted = drawn.world.facts.calls[row.key].granted_seconds
        overrun = drawn.cost(row.used_seconds) - drawn.cost(min(row.used_seconds, granted))
        assert row.uncovered_micros <= overrun
        assert row.uncovered_micros == 0 or Flags.OVERRUN in row.flags
        beyond += row.uncovered_micros
    # What the other call gives back repays some of it.
    assert drawn.world.credit.receivable_micros <= beyond


@pytest.mark.parametrize(
    ("used", "charged", "flags"), [(60, 60, Flags.NONE), (61, 60, Flags.CLAMPED), (62, 60, Flags.CLAMPED)]
)
def test_a_second_that_a_switch_rounds_up_is_not_owed_where_the_last_credit_paid_a_whole_quantum(
    used: int, charged: int, flags: Flags
) -> None:
    """Such a grant is not final: nobody has asked for more yet. Who is cut at it all the same must owe nothing."""
    world = World(facts(lot(1, "0.60")))
    granted = world.start()
    assert granted == Granted(60, is_final=False, recheck_after_seconds=50, pays_from=world.call().setup.pays_from)

    ended = world.end(used, at=70)

    assert ended == Finished(charged, charged * 10_000, "EUR")
    assert world.usage[-1].flags is flags
    assert (world.credit.balance_micros, world.credit.receivable_micros) == (0, 0)


def test_three_seconds_beyond_such_a_grant_are_owed() -> None:
    world = World(facts(lot(1, "0.60")))
    world.start()

    world.end(63, at=70)

    assert (world.usage[-1].used_seconds, world.usage[-1].flags) == (63, Flags.OVERRUN)
    assert world.credit.receivable_micros == 30_000


def test_the_connection_fee_is_held_before_the_first_second() -> None:
    """0.02 and 0.06 a started minute: 0.07 would pay the minute, and not the fee."""
    poor, just_enough = World(facts(lot(1, "0.07"))), World(facts(lot(1, "0.08")))

    assert poor.start(BERLIN) == Denied(DenialReason.CREDIT_EXHAUSTED)
    assert isinstance(just_enough.start(BERLIN), Granted)
    assert just_enough.call().hold.amount_micros == 80_000


def test_a_price_that_rises_between_start_and_answer_is_held_only_when_the_call_is_extended() -> None:
    """The known exception: of one quantum the rise may be owed. 0.60 pays the minute that begins cheap."""
    six_pm, day = 18 * 3_600, 24 * 3_600
    cheap = price(60, 60, "0.60", profile=every_day("cheap", (six_pm, day)))
    dear = price(60, 60, "1.20", profile=every_day("dear", (0, six_pm)))
    world = World(facts(lot(1, "0.60")))
    world.publish(deck(DECK, [Rate(Direction.OUTBOUND, "33", "", "France", (cheap, dear))]), at=0)
    # Midnight in London is 23:00 in Greenwich.
    midnight = 11 * 3_600

    world.start(at=midnight - 5)
    world.answer(at=midnight + 5)
    world.end(30, at=midnight + 35)

    assert world.credit.receivable_micros == 600_000


def test_a_call_that_was_given_up_and_is_reported_after_all_is_owed_where_others_have_used_the_credit() -> None:
    """The other known exception: nobody told of its answer, and for minutes nothing was heard of it."""
    world = World(facts(lot(1, "0.60")))
    world.start(name="silent")
    world.close(at=300, name="silent")
    world.start(name="other", at=301)
    world.end(60, at=361, name="other")

    world.end(60, at=362, name="silent")

    assert Flags.LATE in world.usage[-1].flags
    assert world.credit.receivable_micros == 600_000


# ── cut by an administrator ──────────────────────────────────────────────────────────────────────────────────────────


def cut(world: World, *, at: int, name: str = "c1") -> Answer:
    return world.ask(CutCall(key(name), NOON + timedelta(seconds=at)))[0]


def test_a_call_that_was_cut_gets_no_more_and_costs_what_was_talked() -> None:
    world = World()
    world.start()
    world.answer(at=0)

    assert cut(world, at=20) == Noted()
    refused = world.extend(at=50, granted=60)
    ended = world.end(25, at=25)

    assert refused == Denied(DenialReason.CALL_CUT)
    assert ended == Finished(25, 250_000, "EUR")
    assert world.available() == 10_000_000 - 250_000


def test_a_call_whose_switch_could_not_be_told_ends_with_its_grant() -> None:
    world = World()
    world.start()
    world.answer(at=0)
    cut(world, at=20)

    ended = world.end(61, at=61)

    assert ended == Finished(60, 600_000, "EUR")
    assert world.usage[-1].flags is Flags.CLAMPED


def test_a_call_that_was_cut_while_it_rang_is_cut_when_it_is_answered() -> None:
    world = World()
    world.start()
    cut(world, at=5)

    world.answer(at=10)

    assert world.call().cut_at == NOON + timedelta(seconds=5)
    assert world.extend(at=60, granted=60) == Denied(DenialReason.CALL_CUT)


def test_a_request_that_was_answered_before_the_cut_is_answered_alike() -> None:
    world = World()
    world.start()
    world.extend(at=50, granted=60)
    cut(world, at=55)

    again = world.extend(at=56, granted=60)

    assert isinstance(again, Granted)
    assert (again.granted_seconds, again.is_final) == (120, True)


def test_a_call_is_cut_once() -> None:
    world = World()
    world.start()
    cut(world, at=20)

    assert cut(world, at=30) == Noted()

    assert world.call().cut_at == NOON + timedelta(seconds=20)


def test_what_is_over_or_unknown_cannot_be_cut() -> None:
    world = World()
    world.start()
    world.end(10, at=10)
    before = world.call()

    assert cut(world, at=20) == Noted()
    assert cut(world, at=20, name="nobody's") == Noted()

    assert world.call() == before


def test_a_call_for_help_is_never_cut() -> None:
    world = World()
    world.start("112")

    cut(world, at=5)

    assert world.call().cut_at is None


def test_a_call_that_was_cut_and_never_heard_of_again_is_closed_with_its_grant() -> None:
    world = World()
    world.start()
    world.answer(at=0)
    cut(world, at=20)

    assert world.close(at=60 + ChargingTerms().silence_grace_seconds) == Finished(60, 600_000, "EUR")
