"""What recorded calls cost by the versions of a deck that were in force when they began: the words of bulk rating."""

from collections.abc import Mapping
from dataclasses import field
from datetime import datetime
from enum import Enum

from talktime.core.rates import rating
from talktime.core.rates.rate_decks import DeckPublication, Direction, Rate, RateDeck, version_in_force
from talktime.core.values.errors import Invalid
from talktime.core.values.frozen import frozen
from talktime.core.values.money import AMOUNT_MAX_MICROS
from talktime.core.values.numbers import is_e164


@frozen
class RatesInForce:
    """Which version of a deck rates the calls of a direction that began at an instant; each version by its id.

    `numbers` is what people call the versions.
    """

    direction: Direction
    publications: tuple[DeckPublication, ...]
    decks: Mapping[int, RateDeck]
    numbers: Mapping[int, int] = field(default_factory=dict)


@frozen
class RecordedUse:
    """A call as it was recorded; numbers are normalized."""

    caller: str
    called: str
    started_at: datetime
    used_seconds: int
    # Where it is known, and not when the call began.
    answered_at: datetime | None = None

    @property
    def priced_from(self) -> datetime:
        """Return when the clock of the price began."""
        return self.answered_at or self.started_at


class NotRated(Enum):
    """Why a call has no price, in the words in which charging refuses it (`DenialReason`)."""

    NUMBER_NOT_E164 = "number_not_e164"
    NO_RATE_DECK_IN_FORCE = "no_rate_deck_in_force"
    DESTINATION_NOT_RATED = "destination_not_rated"
    DESTINATION_BLOCKED = "destination_blocked"


@frozen
class RatedCall:
    """What a call costs, by which rate of which version."""

    version_id: int
    rate: Rate
    billed_seconds: int
    cost_micros: int


def rate_call(rates: RatesInForce, call: RecordedUse) -> RatedCall | NotRated:
    """Rate one call, by the version of its start and the price of its answer.

    Raise Invalid for a cost beyond all measure (money.md 53).
    """
    if not is_e164(call.called):
        return NotRated.NUMBER_NOT_E164
    version_id = version_in_force(rates.publications, call.started_at)
    if version_id is None:
        return NotRated.NO_RATE_DECK_IN_FORCE
    matched = rates.decks[version_id].match(rates.direction, call.called, call.caller)
    if matched is None:
        return NotRated.DESTINATION_NOT_RATED
    if matched.rate.blocked:
        return NotRated.DESTINATION_BLOCKED
    cost_micros = rating.cost_micros(matched.tariff, call.priced_from, call.used_seconds)
    if cost_micros > AMOUNT_MAX_MICROS:
        message = f"the call to {call.called} of {call.used_seconds} s would cost more than any amount that is kept"
        raise Invalid(message, code="amount_too_large")
    billed_seconds = rating.billed_seconds(matched.tariff, call.priced_from, call.used_seconds)
    return RatedCall(version_id, matched.rate, billed_seconds, cost_micros)
