"""Rate charged usage anew by a deck: what differs is charged or given back, as any correction of a call.

Bulk rating finds the calls whose cost differs; charging then decides each of them, and is the one that says what
changes. Nothing is written unless that is asked for. What was rated anew costs what the deck says, so that a second run
finds nothing to do.
"""

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import date, datetime
from itertools import islice
from typing import Any, NamedTuple

import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.compute as pc  # type: ignore[import-untyped]

from talktime.core.calls import charging
from talktime.core.calls.calls import CallKey, RateReference, key_of, text_of
from talktime.core.calls.cdrs import RERATED
from talktime.core.calls.requests import Answer, CorrectCall, Finished, Parked
from talktime.core.insight.usage import period_of
from talktime.core.organizations.organizations import Organization
from talktime.core.rates import rating
from talktime.core.rates.rate_decks import Direction
from talktime.core.rates.rated_calls import RatesInForce
from talktime.core.values.errors import Conflict, Invalid, Unavailable
from talktime.core.values.frozen import frozen
from talktime.core.values.periods import Period
from talktime.store.charging.memory import Memory
from talktime.store.charging.transaction import ChargingTransaction
from talktime.store.insight.usage.rerating import ChargedCall, ChargedPage
from talktime.store.transaction import Transaction
from talktime.usecases.calls.charge_calls import charge
from talktime.usecases.calls.reconcile_calls import HELD_PAUSE_SECONDS, PAGE_CALLS, Books
from talktime.usecases.insight.rate_in_bulk import ChosenRates, DeckChoice, choose_rates
from talktime.usecases.organizations.manage_organizations import find_organization
from talktime.usecases.ports import BulkRater

_INSTANT = pa.timestamp("us", "UTC")
_SCHEMA = pa.schema(
    [
        pa.field("call_key", pa.string()),
        pa.field("caller", pa.string()),
        pa.field("called", pa.string()),
        pa.field("charged_destination", pa.string()),
        pa.field("started_at", _INSTANT),
        pa.field("answered_at", _INSTANT),
        pa.field("used_seconds", pa.int64()),
        pa.field("charged_micros", pa.int64()),
        pa.field("usage_rows_count", pa.int64()),
        pa.field("included_seconds", pa.int64()),
    ]
)


@frozen
class RerateUsage:
    """Whose calls that began from the first local day to the last; by which deck, and one of its versions if stated."""

    organization: str
    starts_on: date
    ends_on: date
    deck: str
    at: datetime
    number: int | None = None
    applies: bool = False


@frozen
class Rerated:
    """A call whose cost differs, and what it costs by the deck; or why it cannot be rated anew."""

    key: CallKey
    destination: str
    before_micros: int
    after_micros: int
    is_applied: bool = False
    why_not: str = ""

    @property
    def change_micros(self) -> int:
        """Return what is charged more, below zero where it is given back."""
        return self.after_micros - self.before_micros


@frozen
class RerateOrder:
    """What is to be rated anew: the organization, its period, and the rates of each direction that the deck has."""

    organization: Organization
    period: Period
    rates: tuple[ChosenRates, ...]
    at: datetime
    applies: bool


class ReratedPage(NamedTuple):
    """How many calls were compared, and what became of those that differ."""

    compared: int
    rerated: tuple[Rerated, ...]


def prepare_rerating(tx: Transaction, request: RerateUsage) -> RerateOrder:
    """Find what is named; raise NotFound, Invalid for an empty period, Conflict for a deck nothing is charged by."""
    organization = find_organization(tx, request.organization)
    if request.ends_on < request.starts_on:
        message = f"the period ends on {request.ends_on}, before it begins on {request.starts_on}"
        raise Invalid(message, code="period")
    first = choose_rates(tx, DeckChoice(request.deck, _directions(tx, request)[0], request.number))
    others = [DeckChoice(first.deck, each, request.number) for each in _directions(tx, request)[1:]]
    rates = (first, *(choose_rates(tx, choice) for choice in others))
    if first.currency != organization.currency:
        message = f"{first.deck} is in {first.currency}, and {organization.name} pays in {organization.currency}"
        raise Conflict(message, code="deck_currency_differs")
    if request.applies:
        _check_published(tx, rates)
    period = period_of(request.starts_on, request.ends_on, organization.zone)
    return RerateOrder(organization, period, rates, request.at, request.applies)


def _check_published(tx: Transaction, rates: Sequence[ChosenRates]) -> None:
    """Raise Conflict for a stated version that was never published: a draft may be compared with, not charged by."""
    for chosen in rates:
        direction = chosen.rates.direction
        published = {each.version_id for each in tx.rates.publications(chosen.deck, direction)}
        if not published.issuperset(each.version_id for each in chosen.rates.publications):
            message = (
                f"version {chosen.number} of {chosen.deck!r} was never published for"
                f" {direction.value.replace('_', ' ')} calls, and nobody is charged by it: publish it with `talktime"
                f" decks publish {chosen.deck} --version {chosen.number}`, or compare with `--dry-run`"
            )
            raise Conflict(message, code="deck_version_not_published")


def _directions(tx: Transaction, request: RerateUsage) -> list[Direction]:
    """Return the directions that the deck has prices for; outbound at least, which then says what is missing."""
    versions = [
        version
        for version in tx.rates.versions(request.deck or None)
        if request.number is None or version.number == request.number
    ]
    found = {direction for version in versions for direction in tx.rates.directions(version.version_id)}
    if request.number is None:
        found = {each for each in found if tx.rates.publications(request.deck, each)}
    return sorted(found, key=lambda direction: direction.value) or [Direction.OUTBOUND]


def rerate_usage(books: Books, rater: BulkRater, order: RerateOrder) -> Iterator[ReratedPage]:
    """Yield what became of the calls, some thousand at a time; what is applied is committed when it is yielded.

    Raise Unavailable where the organization is held for too long: then run it again.
    """
    tx = ChargingTransaction(books.statements, Memory())
    for chosen in order.rates:
        # The engine names versions by number for people: here it is the id that counts.
        rates = replace(chosen.rates, numbers={})
        pages = _pages(books, order, rates.direction)
        for rated in rater.rate(rates, (_batch_of(page) for page in pages)):
            differing = list(_differing(rated, rates, order))
            refused = tuple(each for each in differing if isinstance(each, Rerated))
            asked = [each for each in differing if isinstance(each, _Asked)]
            settled = [each for some in _by_pages(asked) for each in _settled(books, tx, some, applies=order.applies)]
            yield ReratedPage(len(rated), (*refused, *settled))


def _pages(books: Books, order: RerateOrder, direction: Direction) -> Iterator[list[ChargedCall]]:
    starts_at, ends_at = order.period
    page = ChargedPage(order.organization.organization_id, direction, starts_at, ends_at, after_at=starts_at)
    while calls := books.read(_page, page):
        yield calls
        page = page.following(calls[-1])


def _page(tx: Transaction, page: ChargedPage) -> list[ChargedCall]:
    return tx.charged_calls.page(page)


def _batch_of(calls: Sequence[ChargedCall]) -> pa.RecordBatch:
    columns: list[list[Any]] = [
        [text_of(call.key) for call in calls],
        [call.caller for call in calls],
        [call.called for call in calls],
        [call.destination for call in calls],
        [call.started_at for call in calls],
        [call.answered_at for call in calls],
        [call.used_seconds for call in calls],
        [call.cost_micros for call in calls],
        [call.usage_rows_count for call in calls],
        [call.included_seconds for call in calls],
    ]
    arrays = [pa.array(column, field.type) for column, field in zip(columns, _SCHEMA, strict=True)]
    return pa.RecordBatch.from_arrays(arrays, schema=_SCHEMA)


class _Asked(NamedTuple):
    request: CorrectCall
    destination: str
    before_micros: int


def _differing(rated: pa.RecordBatch, rates: RatesInForce, order: RerateOrder) -> Iterator[Rerated | _Asked]:
    """Yield what is to be asked of charging, and the calls that the deck has no price for."""
    for row in _worth_a_look(rated).to_pylist():
        key, destination, before = key_of(row["call_key"]), row["charged_destination"], row["charged_micros"]
        if row["not_rated"] is not None:
            yield Rerated(key, destination, before, before, why_not=row["not_rated"])
            continue
        rate = RateReference(row["deck_version"], rates.direction, row["prefix"], row["origin_prefix"])
        if _cost_micros(row, rates, rate) != before:
            reference = f"{RERATED}{rate.version_id}:{row['usage_rows_count']}"
            reason = f"rated anew by version {rate.version_id}"
            request = CorrectCall(key, order.at, row["used_seconds"], reason, reference, rate=rate)
            yield _Asked(request, destination, before)


def _worth_a_look(rated: pa.RecordBatch) -> pa.RecordBatch:
    """Leave out the calls that cost what they were charged: mostly nearly all."""
    differs = pc.not_equal(rated.column("cost_micros"), rated.column("charged_micros"))
    is_shared = pc.greater(rated.column("included_seconds"), 0)
    return rated.filter(pc.fill_null(pc.or_kleene(differs, is_shared), fill_value=True))


def _cost_micros(row: dict[str, Any], rates: RatesInForce, rate: RateReference) -> int:
    """Return what money pays: bulk rating knows the cost from the first second on, and here and there minutes paid."""
    if not row["included_seconds"]:
        cost: int = row["cost_micros"]
        return cost
    matched = rates.decks[rate.version_id].find(rate.direction, rate.prefix, rate.origin_prefix)
    assert matched is not None
    priced_from = row["answered_at"] or row["started_at"]
    return rating.cost_micros(matched.tariff, priced_from, row["used_seconds"], row["included_seconds"])


def _by_pages(asked: Iterable[_Asked]) -> Iterator[list[_Asked]]:
    remaining = iter(asked)
    while page := list(islice(remaining, PAGE_CALLS)):
        yield page


def _settled(books: Books, tx: ChargingTransaction, asked: Sequence[_Asked], *, applies: bool) -> Iterator[Rerated]:
    requests = [each.request for each in asked]
    if applies:
        answers = _charged(books, tx, requests)
    else:
        with books.statements.snapshot():
            facts = tx.look(requests, books.terms)
            answers = [outcome.answer for outcome in charging.decide(facts, requests, books.terms)]
    for each, answer in zip(asked, answers, strict=True):
        key, before = each.request.key, each.before_micros
        if isinstance(answer, Finished):
            yield Rerated(key, each.destination, before, answer.cost_micros, is_applied=applies)
        else:
            why_not = answer.reason if isinstance(answer, Parked) else "charging has no answer for it"
            yield Rerated(key, each.destination, before, before, why_not=why_not)


def _charged(books: Books, tx: ChargingTransaction, requests: Sequence[CorrectCall]) -> list[Answer]:
    """Correct in order, and ask again where another transaction holds the organization."""
    for _ in range(books.attempts_max):
        with books.statements.transaction():
            answers = charge(tx, requests, books.terms)
        # They are of one organization: it is held for all of them, or for none.
        told = [answer for answer in answers if answer is not None]
        if len(told) == len(requests):
            return told
        time.sleep(HELD_PAUSE_SECONDS)
    message = "another transaction holds the organization for too long; rate its usage anew again"
    raise Unavailable(message)
