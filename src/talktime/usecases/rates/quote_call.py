"""What a call would cost: by a published deck, or by one that was only read from a file."""

from datetime import datetime

from talktime.core.calls.calls import DenialReason
from talktime.core.rates import rating
from talktime.core.rates.rate_decks import Direction, RateDeck, version_in_force
from talktime.core.rates.rating import CALL_MAX_SECONDS, Block
from talktime.core.values.errors import Conflict, Invalid, NotFound
from talktime.core.values.frozen import frozen
from talktime.core.values.numbers import is_e164, is_emergency, normalize
from talktime.store.rates import DeckVersion
from talktime.store.transaction import Transaction


@frozen
class QuoteCall:
    """A call as it might be: answered at an instant, so many seconds long."""

    called: str
    used_seconds: int
    answered_at: datetime
    caller: str = ""
    direction: Direction = Direction.OUTBOUND


@frozen
class Quote:
    """What the call costs and why; `deck_version` is None where the deck was read from a file."""

    called: str
    direction: Direction
    answered_at: datetime
    used_seconds: int
    cost_micros: int
    currency: str
    prefix: str
    origin_prefix: str
    destination: str
    deck: str
    deck_version: int | None
    billed_seconds: int
    connection_fee_nanos: int
    blocks: tuple[Block, ...]


@frozen
class NoPrice:
    """An expected no: the deck has no price for the call, or blocks it."""

    called: str
    deck: str
    deck_version: int | None
    reason: DenialReason


def quote_call(tx: Transaction, request: tuple[QuoteCall, str]) -> Quote | NoPrice:
    """Quote by the version of a deck that is in force when the call is answered; "" means the only deck there is."""
    call, deck = request
    checked = check_call(call)
    version = _version(tx, deck, call)
    rates = tx.rates.deck_for(version.version_id, checked.called)
    return quote(rates, checked, deck=version.deck, deck_version=version.number)


def check_call(call: QuoteCall) -> QuoteCall:
    """Return the call with its numbers normalized; raise Invalid for one that cannot be."""
    called, caller = normalize(call.called), normalize(call.caller)
    if is_emergency(called):
        message = f"{called} is an emergency number: calls to it are always allowed, and free"
        raise Invalid(message, code="emergency_number")
    if not is_e164(called):
        message = f"{call.called!r} is no international number: write + and the country code first"
        raise Invalid(message, code="number")
    if caller and not is_e164(caller):
        message = f"{call.caller!r} is no international number: write + and the country code first"
        raise Invalid(message, code="number")
    if not 0 <= call.used_seconds <= CALL_MAX_SECONDS:
        message = f"a call of {call.used_seconds} seconds cannot be quoted: from 0 to {CALL_MAX_SECONDS} can"
        raise Invalid(message, code="seconds")
    return QuoteCall(called, call.used_seconds, call.answered_at, caller, call.direction)


def quote(rates: RateDeck, call: QuoteCall, *, deck: str, deck_version: int | None) -> Quote | NoPrice:
    """Price a checked call by the rates of a deck."""
    matched = rates.match(call.direction, call.called, call.caller)
    if matched is None:
        return NoPrice(call.called, deck, deck_version, DenialReason.DESTINATION_NOT_RATED)
    if matched.rate.blocked:
        return NoPrice(call.called, deck, deck_version, DenialReason.DESTINATION_BLOCKED)
    tariff = matched.tariff
    return Quote(
        called=call.called,
        direction=call.direction,
        answered_at=call.answered_at,
        used_seconds=call.used_seconds,
        cost_micros=rating.cost_micros(tariff, call.answered_at, call.used_seconds),
        currency=rates.terms.currency,
        prefix=matched.rate.prefix,
        origin_prefix=matched.rate.origin_prefix,
        destination=matched.rate.destination,
        deck=deck,
        deck_version=deck_version,
        billed_seconds=rating.billed_seconds(tariff, call.answered_at, call.used_seconds),
        connection_fee_nanos=rating.connection_fee_nanos(tariff, call.answered_at),
        blocks=rating.blocks(tariff, call.answered_at, call.used_seconds),
    )


def find_deck(tx: Transaction, deck: str) -> DeckVersion:
    """Return the newest version of the deck of that name, or of the only one there is; raise NotFound or Invalid."""
    versions = tx.rates.versions(deck or None)
    decks = sorted({version.deck for version in versions})
    if not decks:
        named = f"no rate deck named {deck!r}, and no such file" if deck else "no rate deck yet"
        message = f"there is {named}: import one with `talktime decks import FILE`"
        raise NotFound(message, code="deck_not_found")
    if len(decks) > 1:
        message = f"there are several rate decks: say which with --deck ({', '.join(decks)})"
        raise Invalid(message, code="deck_not_named")
    return versions[-1]


def _version(tx: Transaction, deck: str, call: QuoteCall) -> DeckVersion:
    name = find_deck(tx, deck).deck
    version_id = version_in_force(tx.rates.publications(name, call.direction), call.answered_at)
    if version_id is None:
        message = (
            f"no version of {name!r} with {call.direction.value.replace('_', ' ')} rates is in force at"
            f" {call.answered_at:%Y-%m-%d %H:%M} UTC: publish one with `talktime decks publish {name}`"
        )
        raise Conflict(message, code="no_rate_deck_in_force")
    return next(version for version in tx.rates.versions(name) if version.version_id == version_id)
