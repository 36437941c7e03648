from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from talktime.core.calls import charging
from talktime.core.calls.calls import Call, CallKey, CallKind, DenialReason, Ending, PaysFrom
from talktime.core.calls.replaying import RecordedCall, ReplayedCall, ReplaySummary, VirtualSwitch, summary_of
from talktime.core.calls.requests import (
    Answer,
    AnswerCall,
    ChargingFacts,
    ChargingTerms,
    Denied,
    EndCall,
    ExtendCall,
    Finished,
    Granted,
    Noted,
    Parked,
    Request,
    StartCall,
)
from talktime.core.credit.lots import Credit, CreditLot, LotKind
from talktime.core.organizations.licenses import License
from talktime.core.organizations.organizations import Organization
from talktime.core.organizations.users import Identity, NumberUse, User
from talktime.core.rates.rate_decks import DeckPublication, DeckTerms, Direction, Rate, RateDeck
from talktime.core.rates.rating import CALL_MAX_SECONDS, Price, PriceStep

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
PARIS, LONDON, UNRATED = "33199000001", "442079460000", "99912345678"
# 60/60 at 0.06 a minute, and 1/1 at 0.012: a scarce balance cuts the one in minutes, the other in seconds.
PER_MINUTE_NANOS, PER_SECOND_NANOS = 60_000_000, 12_000_000


def call(
    call_id: str = "A",
    *,
    at: int = 0,
    ring: int = 5,
    talk: int = 30,
    called: str = PARIS,
    caller: str = "ada@acme.example",
    kind: CallKind | None = CallKind.USER_OUT,
) -> RecordedCall:
    return RecordedCall(call_id, caller, called, kind, NOON + timedelta(seconds=at), ring, talk)


def second_of(request: Request) -> float:
    return (request.at - NOON).total_seconds()


def granted(seconds: int, *, is_final: bool = False, recheck: int | None = None) -> Granted:
    return Granted(seconds, is_final, seconds if recheck is None else recheck, PaysFrom.CREDIT)


def told(request: Request) -> str:
    """Write a request as a line: what, which call, at which second."""
    what = f"{type(request).__name__.removesuffix('Call').lower()} {request.key.call_id} @{second_of(request):g}"
    match request:
        case ExtendCall():
            return f"{what} has {request.granted_seconds} elapsed {request.elapsed_seconds}"
        case EndCall():
            return f"{what} used {request.used_seconds} {request.ending.value}"
        case _:
            return what


def finished(request: Request) -> Finished:
    assert isinstance(request, EndCall)
    return Finished(request.used_seconds, request.used_seconds, "USD")


def converse(switch: VirtualSwitch, answers: dict[str, Answer]) -> tuple[list[str], list[ReplayedCall]]:
    """Answer `start`, `extend` as told, ends with a micro a second; return what was asked, and what became of it."""
    asked, over = [], []
    while requests := switch.next_requests(1):
        asked += map(told, requests)
        word = type(requests[0]).__name__.removesuffix("Call").lower()
        answer = Noted() if isinstance(requests[0], AnswerCall) else answers.get(word) or finished(requests[0])
        over += switch.take_answers(requests, [answer])
    return asked, over


def test_an_answered_call_starts_is_answered_and_ends() -> None:
    switch = VirtualSwitch.of("replay", [call(ring=5, talk=30)])

    asked, over = converse(switch, {"start": granted(60, recheck=50)})

    assert asked == ["start A @0", "answer A @5", "end A @35 used 30 hangup"]
    assert over == [ReplayedCall(call(), used_seconds=30, charged_micros=30)]


def test_an_unanswered_call_ends_when_it_stops_ringing() -> None:
    switch = VirtualSwitch.of("replay", [call(ring=20, talk=0)])

    asked, over = converse(switch, {"start": granted(60)})

    assert asked == ["start A @0", "end A @20 used 0 not_answered"]
    assert not over[0].was_cut


def test_a_denied_call_asks_nothing_more() -> None:
    switch = VirtualSwitch.of("replay", [call()])

    asked, over = converse(switch, {"start": Denied(DenialReason.CREDIT_EXHAUSTED)})

    assert asked == ["start A @0"]
    assert over == [ReplayedCall(call(), denial=DenialReason.CREDIT_EXHAUSTED)]


def test_a_call_that_goes_on_asks_for_more_when_it_was_told_to() -> None:
    switch = VirtualSwitch.of("replay", [call(ring=0, talk=100)])

    asked, _ = converse(switch, {"start": granted(60, recheck=50), "extend": granted(110, recheck=100)})

    assert asked == [
        "start A @0",
        "answer A @0",
        "extend A @50 has 60 elapsed 50",
        "end A @100 used 100 hangup",
    ]


def test_a_call_is_cut_where_its_final_grant_ends() -> None:
    switch = VirtualSwitch.of("replay", [call(ring=0, talk=100)])

    asked, over = converse(switch, {"start": granted(60, recheck=50), "extend": granted(75, is_final=True, recheck=75)})

    assert asked[2:] == ["extend A @50 has 60 elapsed 50", "end A @75 used 75 credit_exhausted"]
    assert over[0].was_cut
    assert over[0].used_seconds == 75


def test_a_call_that_ends_with_its_final_grant_is_not_cut() -> None:
    switch = VirtualSwitch.of("replay", [call(ring=0, talk=40)])

    asked, over = converse(switch, {"start": granted(40, is_final=True)})

    assert asked[-1] == "end A @40 used 40 hangup"
    assert not over[0].was_cut


@pytest.mark.parametrize("answer", [Denied(DenialReason.CALL_ENDED), granted(60, recheck=50)])
def test_what_is_not_extended_ends_with_what_it_has(answer: Answer) -> None:
    switch = VirtualSwitch.of("replay", [call(ring=0, talk=100)])

    asked, over = converse(switch, {"start": granted(60, recheck=50), "extend": answer})

    assert asked[2:] == ["extend A @50 has 60 elapsed 50", "end A @60 used 60 credit_exhausted"]
    assert over[0].was_cut


def test_a_switch_that_is_told_to_ask_too_early_still_comes_to_an_end() -> None:
    switch = VirtualSwitch.of("replay", [call(ring=0, talk=5)])

    asked, _ = converse(switch, {"start": granted(2, recheck=1), "extend": granted(5, recheck=1)})

    assert asked[2:] == ["extend A @1 has 2 elapsed 1", "extend A @2 has 5 elapsed 2", "end A @5 used 5 hangup"]


def test_a_call_longer_than_any_grant_is_ended_by_the_limit_and_not_by_its_credit() -> None:
    switch = VirtualSwitch.of("replay", [call(ring=0, talk=CALL_MAX_SECONDS + 1)])

    asked, over = converse(switch, {"start": granted(CALL_MAX_SECONDS, is_final=True)})

    assert asked[-1] == f"end A @{CALL_MAX_SECONDS} used {CALL_MAX_SECONDS} {Ending.HANGUP.value}"
    assert over[0].was_cut


def test_an_end_that_is_set_aside_is_told_with_its_reason() -> None:
    switch = VirtualSwitch.of("replay", [call(called="112")])

    _, over = converse(switch, {"start": granted(60), "end": Parked("no start was seen for this call")})

    assert over == [ReplayedCall(call(called="112"), 30, parked="no start was seen for this call")]


def test_requests_of_a_call_bear_the_name_of_the_switch() -> None:
    switch = VirtualSwitch.of("replay", [call("A")])

    (start,) = switch.next_requests(512)

    assert start == StartCall(CallKey("replay", "A"), NOON, "ada@acme.example", PARIS, CallKind.USER_OUT)


def test_calls_share_a_batch_while_no_answer_can_bring_an_earlier_request() -> None:
    calls = [call("A", at=0, ring=10), call("B", at=3, ring=10), call("C", at=9, ring=10), call("D", at=10, ring=9)]
    switch = VirtualSwitch.of("replay", calls)

    batch = switch.next_requests(512)

    # D starts when A may be answered: A was there first.
    assert [told(request) for request in batch] == ["start A @0", "start B @3", "start C @9"]


def test_a_batch_is_no_longer_than_it_may_be() -> None:
    switch = VirtualSwitch.of("replay", [call(str(number)) for number in range(10)])

    assert len(switch.next_requests(4)) == 4


def test_what_happens_at_once_goes_by_the_order_of_the_starts_whatever_the_file_says() -> None:
    calls = [call("C"), call("A"), call("B")]

    batches = [VirtualSwitch.of("replay", order).next_requests(512) for order in (calls, calls[::-1])]

    assert batches[0] == batches[1]
    assert [request.key.call_id for request in batches[0]] == ["A", "B", "C"]


def test_what_a_call_frees_is_free_for_one_that_starts_at_the_same_instant() -> None:
    switch = VirtualSwitch.of("replay", [call("B", at=0, ring=0, talk=10), call("A", at=10)])

    asked, _ = converse(switch, {"start": granted(60)})

    assert asked[2:4] == ["end B @10 used 10 hangup", "start A @10"]


def test_a_summary_counts_and_adds_up() -> None:
    replayed = [
        ReplayedCall(call("A"), used_seconds=30, charged_micros=1_000),
        ReplayedCall(call("B"), used_seconds=12, charged_micros=500, was_cut=True),
        ReplayedCall(call("C"), denial=DenialReason.CREDIT_EXHAUSTED),
        ReplayedCall(call("D"), denial=DenialReason.NUMBER_NOT_E164),
        ReplayedCall(call("E"), denial=DenialReason.CREDIT_EXHAUSTED),
        ReplayedCall(call("F"), parked="the duration is negative"),
    ]

    summary = summary_of(iter(replayed))

    assert summary == ReplaySummary(
        calls_count=6,
        answered_count=2,
        used_seconds=42,
        charged_micros=1_500,
        cut_count=1,
        denials={DenialReason.CREDIT_EXHAUSTED: 2, DenialReason.NUMBER_NOT_E164: 1},
        parked=(replayed[-1],),
    )
    assert summary.denied_count == 3


# ── the virtual switch against charging itself, without a database ─────────────────────────────────────────


@dataclass
class Ledger:
    """Charging in memory: one organization, one lot, everything that was decided."""

    granted_micros: int
    terms: ChargingTerms = field(default_factory=ChargingTerms)
    calls: dict[CallKey, Call] = field(default_factory=dict)
    asked: list[Request] = field(default_factory=list)

    def __post_init__(self) -> None:
        lot = CreditLot(1, LotKind.PURCHASED, self.granted_micros, NOON, NOON + timedelta(days=365))
        self.credit = Credit((lot,))

    def charge(self, requests: Sequence[Request]) -> list[Answer]:
        self.asked += requests
        outcomes = charging.decide(self._facts(), requests, self.terms)
        for outcome in outcomes:
            if outcome.call is not None:
                self.calls[outcome.call.setup.key] = outcome.call
            if outcome.credit is not None:
                self.credit = outcome.credit
        return [outcome.answer for outcome in outcomes]

    def _facts(self) -> ChargingFacts:
        user = User(1, 1, "ada@acme.example", "Ada", "GB", ~License(0))
        zone = ZoneInfo("UTC")
        return ChargingFacts(
            organizations={1: Organization(1, "Acme", "GB", "USD", zone, "deck", has_credit_set_up=True)},
            credits={1: self.credit},
            calls=self.calls,
            identities={user.user_principal_name: Identity(1, NumberUse.USER, user)},
            publications={("deck", Direction.OUTBOUND): (DeckPublication(1, NOON),)},
            decks={1: RateDeck(version_id=1, terms=DeckTerms("USD", zone), rates=[rate("33", 60), rate("44", 1)])},
            watches={},
        )


def rate(prefix: str, increment_seconds: int) -> Rate:
    nanos = PER_MINUTE_NANOS if increment_seconds > 1 else PER_SECOND_NANOS
    price = Price(0, (PriceStep(0, increment_seconds, nanos),))
    return Rate(Direction.OUTBOUND, prefix, "", "somewhere", (price,))


def replay(calls: Sequence[RecordedCall], ledger: Ledger, *, most: int) -> list[ReplayedCall]:
    switch = VirtualSwitch.of("replay", calls)
    over: list[ReplayedCall] = []
    while requests := switch.next_requests(most):
        over += switch.take_answers(requests, ledger.charge(requests))
    return over


calls_drawn = st.lists(
    st.builds(
        lambda at, ring, talk, called: (at, ring, talk, called),
        st.integers(0, 600),
        st.integers(0, 30),
        st.one_of(st.just(0), st.integers(1, 400)),
        st.sampled_from([PARIS, LONDON, UNRATED, "112"]),
    ),
    max_size=25,
).map(
    lambda drawn: [
        call(f"{number:02}", at=at, ring=ring, talk=talk, called=called)
        for number, (at, ring, talk, called) in enumerate(drawn)
    ]
)
terms_drawn = st.builds(ChargingTerms, quantum_seconds=st.integers(1, 90), recheck_margin_seconds=st.integers(0, 30))


@given(calls_drawn, st.integers(0, 1_500_000), terms_drawn, st.integers(2, 30))
def test_what_is_decided_does_not_depend_on_how_many_share_a_batch(
    calls: list[RecordedCall], granted_micros: int, terms: ChargingTerms, most: int
) -> None:
    alone, together = Ledger(granted_micros, terms), Ledger(granted_micros, terms)

    over_alone = replay(calls, alone, most=1)
    over_together = replay(calls, together, most=most)

    assert together.asked == alone.asked
    assert over_together == over_alone
    assert (together.calls, together.credit) == (alone.calls, alone.credit)


@given(calls_drawn, st.integers(0, 1_500_000), terms_drawn)
def test_requests_come_in_order_of_time_and_every_call_comes_to_its_end(
    calls: list[RecordedCall], granted_micros: int, terms: ChargingTerms
) -> None:
    ledger = Ledger(granted_micros, terms)

    over = replay(calls, ledger, most=512)

    instants = [request.at for request in ledger.asked]
    assert instants == sorted(instants)
    assert sorted(each.call.call_id for each in over) == [each.call_id for each in calls]
    assert ledger.credit.held_micros() == 0
    assert sum(each.charged_micros for each in over) == sum(lot.spent_micros for lot in ledger.credit.lots)
    assert ledger.credit.receivable_micros == 0


def test_a_scarce_balance_cuts_the_call_that_asks_when_nothing_is_left() -> None:
    # Two minutes of Paris at 0.06: A holds one, B the other; A's extension finds nothing, and A is cut at a minute.
    ledger = Ledger(120_000)
    calls = [call("A", at=0, ring=0, talk=100), call("B", at=10, ring=0, talk=30)]

    over = replay(calls, ledger, most=512)

    assert [(each.call.call_id, each.used_seconds, each.was_cut) for each in over] == [
        ("B", 30, False),
        ("A", 60, True),
    ]
    assert ledger.credit.available_micros(NOON) == 0
