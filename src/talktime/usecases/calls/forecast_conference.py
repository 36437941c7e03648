"""Forecast how long a conference can go on with all of its open legs; nothing is saved."""

from collections.abc import Sequence
from datetime import datetime

from talktime.core.calls import conferences
from talktime.core.calls.calls import CallState
from talktime.core.calls.conferences import ConferenceForecast
from talktime.core.calls.requests import ChargingTerms, EndLeg
from talktime.store.charging.transaction import ChargingTransaction


def forecast_conference(
    tx: ChargingTransaction, legs: Sequence[EndLeg], terms: ChargingTerms, at: datetime
) -> ConferenceForecast:
    """Forecast over the legs that are still open."""
    facts = tx.look(legs, terms)
    calls = [facts.calls[leg.key] for leg in legs if leg.key in facts.calls]
    return conferences.forecast(facts, [call for call in calls if call.state is CallState.OPEN], at)
