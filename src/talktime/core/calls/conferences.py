"""How long a conference can go on: its open legs share the organizer's pools and the organization's money (S6, S7)."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from talktime.core.calls import finishing, funding
from talktime.core.calls.calls import UNCOUNTED, Call
from talktime.core.calls.requests import ChargingFacts
from talktime.core.rates.rating import CALL_MAX_SECONDS
from talktime.core.values.frozen import frozen

SECOND = timedelta(seconds=1)


@frozen
class ConferenceForecast:
    """How many legs are open, and for how many seconds from now all of them can go on together.

    `seconds` is at most the longest time that a call may take. Other calls may use up what it counts on.
    """

    legs_count: int
    seconds: int


def forecast(facts: ChargingFacts, legs: Sequence[Call], at: datetime) -> ConferenceForecast:
    """Forecast over all open legs: the largest time for which what is held and what is left pays for every one."""
    paid = [leg for leg in legs if leg.setup.pays_from not in UNCOUNTED]
    affordable, unaffordable = 0, CALL_MAX_SECONDS + 1
    while unaffordable - affordable > 1:
        middle = (affordable + unaffordable) // 2
        if _can_all_go_on(facts, paid, at, middle):
            affordable = middle
        else:
            unaffordable = middle
    return ConferenceForecast(len(legs), affordable)


def _can_all_go_on(facts: ChargingFacts, legs: Sequence[Call], at: datetime, seconds: int) -> bool:
    """Let one leg after another hold what it would need, each on what the ones before have left."""
    for leg in legs:
        setup = leg.setup
        began_at = leg.answered_at or at
        wanted = -(-(at - began_at) // SECOND) + seconds
        tariff = None if setup.rate is None else finishing.matched_rate(facts, setup.rate).tariff
        funds = funding.funds_of(facts, setup.meters, tariff, setup.organization_id, setup.started_at)
        funded = funding.grow(leg.hold, funds, began_at, wanted, at)
        if funded.seconds < wanted:
            return False
        moved = funding.moved_meters(facts, leg, leg.hold, funded.hold)
        facts = replace(
            facts,
            credits={**facts.credits, setup.organization_id: funded.credit},
            meters={**facts.meters, **{(setup.organization_id, name): meter for name, meter in moved.items()}},
        )
    return True
