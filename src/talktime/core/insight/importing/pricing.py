"""What a deck says an imported call costs, where its file names no charge: the same rating as of our own calls."""

from dataclasses import replace

from talktime.core.insight.importing.imported_calls import (
    EMERGENCIES,
    TO_SERVICE_NUMBERS,
    ImportedCall,
    UsageKind,
)
from talktime.core.insight.reports.filters import Direction as Way
from talktime.core.rates import rating
from talktime.core.rates.rate_decks import Direction, RateDeck
from talktime.core.values.numbers import is_e164

# Pay-per-minute conferencing: calls to its toll numbers are paid too (domain.md 4.4).
_PAY_PER_MINUTE = "MCOMEETACPEA"
_TOLL_FREE = "tollfree"
NO_NUMBER = "no number was called"
NOT_INTERNATIONAL = "the called number is not international"
NOT_RATED = "the deck has no price for the number"
BLOCKED = "the deck blocks the destination"


def priced(call: ImportedCall, deck: RateDeck) -> ImportedCall:
    """Return the call with what the deck says of it; as it is where its file names a charge.

    Calls that cost nothing by their kind are rated 0: to emergency services, and to users (domain.md 1.1). Of a number
    whose end is hidden, the digits that are shown decide.
    """
    if call.charge_micros is not None:
        return call
    currency = deck.terms.currency
    direction = direction_of(call)
    if direction is None:
        return replace(call, rated_micros=0, currency=currency)
    called = call.called.rstrip("*")
    if not called:
        return replace(call, not_rated=NO_NUMBER)
    # Each hidden digit is a digit.
    if not is_e164(called + "0" * (len(call.called) - len(called))):
        return replace(call, not_rated=NOT_INTERNATIONAL)
    matched = deck.match(direction, called, call.caller.rstrip("*"))
    if matched is None:
        return replace(call, not_rated=NOT_RATED)
    if matched.rate.blocked:
        return replace(call, not_rated=BLOCKED)
    cost = rating.cost_micros(matched.tariff, call.started_at, call.used_seconds)
    destination = call.destination or matched.rate.destination
    return replace(call, rated_micros=cost, currency=currency, destination=destination)


def direction_of(call: ImportedCall) -> Direction | None:
    """Return which rates of a deck price a call; None where calls of its kind cost nothing."""
    if call.kind in EMERGENCIES:
        return None
    if call.direction is Way.OUTBOUND:
        return Direction.OUTBOUND
    if call.kind not in TO_SERVICE_NUMBERS:
        return None
    if call.number_type.replace(" ", "").replace("-", "").lower() == _TOLL_FREE:
        return Direction.TOLL_FREE_INBOUND
    is_paid = call.kind is UsageKind.CONFERENCE_IN and call.capability.startswith(_PAY_PER_MINUTE)
    return Direction.TOLL_INBOUND if is_paid else None
