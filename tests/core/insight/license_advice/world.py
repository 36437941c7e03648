"""Two people in Britain with small pools, their calls one after another, and what charging itself makes of them."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from hypothesis import strategies as st

from talktime.core.calls.calls import CallKind
from talktime.core.calls.replaying import RecordedCall, VirtualSwitch
from talktime.core.insight.license_advice.past_calls import PastCall, Replayable, Rules, replayable
from talktime.core.organizations.arrangements import Arrangements
from talktime.core.organizations.licenses import License
from talktime.core.organizations.users import Identity, NumberUse, User
from talktime.core.rates.rate_decks import Direction
from talktime.core.rates.rating import Tariff
from tests.core.calls.world import (
    ADA,
    BERLIN,
    BOB,
    COUNTRIES,
    FREE_HOTLINE,
    LONDON,
    MONTREAL,
    NOON,
    ORGANIZATION,
    ORGANIZATION_ID,
    PARIS,
    World,
    deck,
    facts,
    lot,
)

MONTHS = ("2026-06", "2026-07")
NUMBERS = {1: ADA, 2: BOB, **{number: f"44207946{number:04}" for number in range(3, 41)}}
PHONE = License.PHONE_SYSTEM | License.COMMUNICATIONS_CREDITS
BOTH = License.DOMESTIC_AND_INTERNATIONAL
PLANS = (
    License(0),
    License.DOMESTIC,
    License.DOMESTIC_120,
    License.DOMESTIC_240,
    License.DOMESTIC_120_NOT_POOLED,
    BOTH,
)
DECK = deck(1)


def user(user_id: int, licenses: License, home: str = "GB") -> User:
    return User(ORGANIZATION_ID, user_id, f"user{user_id}@example.com", f"User {user_id}", home, licenses)


def rules(people: Sequence[User], **arranged: bool) -> Rules:
    assigned: dict[tuple[License, str], int] = {}
    for each in people:
        for license_ in each.licenses:
            key = (license_, each.usage_location)
            assigned[key] = assigned.get(key, 0) + 1
    arrangements = Arrangements(1, assigned=assigned, purchased={License.AUDIO_CONFERENCING: 1}, **arranged)  # type: ignore[arg-type]
    return Rules(ORGANIZATION, arrangements, COUNTRIES, {each.user_id: each for each in people})


def tariff_of(call: PastCall) -> Tariff | None:
    matched = DECK.match(Direction.OUTBOUND, call.called, call.caller)
    return None if matched is None or matched.rate.blocked else matched.tariff


def past(user_id: int, called: str, seconds: int, at: datetime, kind: CallKind = CallKind.USER_OUT) -> PastCall:
    return PastCall(user_id, kind, NUMBERS[user_id], called, at, at, seconds)


def ready(calls: Sequence[PastCall], known: Rules, months: Sequence[str] = MONTHS) -> tuple[Replayable, ...]:
    return replayable(calls, months, known, tariff_of)


def charged(calls: Sequence[PastCall], known: Rules) -> dict[int, int]:
    """Return what each user's calls cost when charging decides them, request by request, with credit in plenty."""
    world = World(facts(lot(1, "100000"), arrangements=known.arrangements, countries=known.table))
    identities = {
        name: Identity(ORGANIZATION_ID, NumberUse.USER, each)
        for user_id, each in known.users.items()
        for name in (NUMBERS[user_id], each.user_principal_name)
    }
    world.facts = replace(world.facts, identities={**world.facts.identities, **identities})
    recorded = [
        RecordedCall(str(number), NUMBERS[call.user_id], call.called, None, call.started_at, 0, call.used_seconds)
        for number, call in enumerate(calls)
    ]
    switch = VirtualSwitch.of("proxy", recorded)
    while requests := switch.next_requests(1):
        switch.take_answers(requests, world.ask(*requests))
    costs: dict[int, int] = {}
    for row in world.usage:
        assert row.user_id is not None
        costs[row.user_id] = costs.get(row.user_id, 0) + row.cost_micros
    return {user_id: cost for user_id, cost in costs.items() if cost}


@st.composite
def calls_of(draw: st.DrawFn, users_count: int = 2, calls_max: int = 16) -> list[PastCall]:
    """Draw calls that follow each other, over two months."""
    at, found = NOON, list[PastCall]()
    for _ in range(draw(st.integers(0, calls_max))):
        at += timedelta(hours=draw(st.integers(1, 90)))
        called = draw(st.sampled_from((LONDON, BERLIN, PARIS, MONTREAL, FREE_HOTLINE)))
        seconds = draw(st.integers(1, 400))
        found.append(past(draw(st.integers(1, users_count)), called, seconds, at))
        at += timedelta(seconds=seconds)
    return found
