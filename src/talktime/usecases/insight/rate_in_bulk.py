"""What millions of recorded calls cost by a deck, in all and by destination; and what they would cost by another."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa  # type: ignore[import-untyped]

from talktime.core.rates.rate_decks import DeckPublication, Direction
from talktime.core.rates.rated_calls import RatesInForce
from talktime.core.values.errors import Conflict, NotFound
from talktime.core.values.frozen import frozen
from talktime.store.transaction import Transaction
from talktime.usecases.ports import BulkRater
from talktime.usecases.rates.quote_call import find_deck

# Before the columns that another deck fills.
AGAINST = "against_"
_ALWAYS = datetime(1, 1, 1, tzinfo=UTC)
_SUMS = ("used_seconds", "billed_seconds", "cost_micros")


@frozen
class DeckChoice:
    """A deck by its name, "" for the only one there is; one version of it, or whichever was in force at each call."""

    deck: str
    direction: Direction
    number: int | None = None


@frozen
class ChosenRates:
    """The rates of a choice, and in which currency they are."""

    deck: str
    number: int | None
    currency: str
    rates: RatesInForce


def choose_rates(tx: Transaction, choice: DeckChoice) -> ChosenRates:
    """Load what a choice names; raise NotFound, Invalid where several decks could be meant, or Conflict."""
    name = find_deck(tx, choice.deck).deck
    versions = {version.version_id: version for version in tx.rates.versions(name)}
    if choice.number is None:
        publications = tx.rates.publications(name, choice.direction)
    else:
        publications = tuple(
            DeckPublication(each.version_id, _ALWAYS) for each in versions.values() if each.number == choice.number
        )
    if not publications:
        raise _nothing_to_rate_by(name, choice)
    used = {each.version_id: versions[each.version_id] for each in publications}
    unfinished = next((version.number for version in used.values() if not version.is_complete), None)
    if unfinished is not None:
        message = f"version {unfinished} of {name!r} is still being imported"
        raise Conflict(message, code="deck_version_incomplete")
    currencies = sorted({version.terms.currency for version in used.values()})
    if len(currencies) > 1:
        message = f"the versions of {name!r} are in {' and '.join(currencies)}: say one with --version"
        raise Conflict(message, code="deck_currency_differs")
    decks = {version_id: tx.rates.deck(version_id) for version_id in used}
    numbers = {version_id: version.number for version_id, version in used.items()}
    return ChosenRates(name, choice.number, currencies[0], RatesInForce(choice.direction, publications, decks, numbers))


def _nothing_to_rate_by(name: str, choice: DeckChoice) -> NotFound | Conflict:
    if choice.number is not None:
        return NotFound(f"there is no version {choice.number} of {name!r}", code="deck_version_not_found")
    return Conflict(
        f"no version of {name!r} was ever published for {choice.direction.value.replace('_', ' ')} calls: say one with"
        f" --version, or publish one with `talktime decks publish {name}`",
        code="no_rate_deck_in_force",
    )


@dataclass(slots=True)
class Sum:
    """What some calls add up to; `against` is what the other deck asks for them, where it prices them."""

    calls: int = 0
    used_seconds: int = 0
    billed_seconds: int = 0
    cost_micros: int = 0
    against_calls: int = 0
    against_micros: int = 0
    # The cost of those calls only that both decks price: what can be compared.
    compared_micros: int = 0

    @property
    def difference_micros(self) -> int:
        """Return what the calls that both decks price would cost more by the other one."""
        return self.against_micros - self.compared_micros


@dataclass(slots=True)
class RatedSums:
    """Sums over all batches that have gone by."""

    calls: int = 0
    not_rated: Counter[str] = field(default_factory=Counter)
    against_not_rated: Counter[str] = field(default_factory=Counter)
    by_destination: dict[str, Sum] = field(default_factory=dict)

    @property
    def total(self) -> Sum:
        """Return the sum over all destinations."""
        return _added(self.by_destination.values())

    def count(self, rated: pa.RecordBatch) -> None:
        """Add a batch."""
        self.calls += len(rated)
        table = pa.Table.from_batches([rated])
        self._count_reasons(table, "not_rated", self.not_rated)
        is_compared = AGAINST + "not_rated" in table.column_names
        if is_compared:
            self._count_reasons(table, AGAINST + "not_rated", self.against_not_rated)
        priced = table.filter(table["not_rated"].is_null())
        for row in _grouped(priced, _SUMS):
            found = self._of(row["destination"])
            found.calls += row["count_all"]
            found.used_seconds += row["used_seconds_sum"]
            found.billed_seconds += row["billed_seconds_sum"]
            found.cost_micros += row["cost_micros_sum"]
        if is_compared:
            both = priced.filter(priced[AGAINST + "not_rated"].is_null())
            for row in _grouped(both, ("cost_micros", AGAINST + "cost_micros")):
                found = self._of(row["destination"])
                found.against_calls += row["count_all"]
                found.compared_micros += row["cost_micros_sum"]
                found.against_micros += row[f"{AGAINST}cost_micros_sum"]

    def _of(self, destination: str) -> Sum:
        return self.by_destination.setdefault(destination, Sum())

    @staticmethod
    def _count_reasons(table: pa.Table, column: str, reasons: Counter[str]) -> None:
        for row in table.group_by(column).aggregate([([], "count_all")]).to_pylist():
            if row[column] is not None:
                reasons[row[column]] += row["count_all"]


def _grouped(table: pa.Table, columns: tuple[str, ...]) -> list[dict[str, Any]]:
    grouped = table.group_by("destination").aggregate([*((column, "sum") for column in columns), ([], "count_all")])
    rows: list[dict[str, Any]] = grouped.to_pylist()
    return rows


def _added(sums: Iterable[Sum]) -> Sum:
    total = Sum()
    for each in sums:
        for name in Sum.__slots__:
            setattr(total, name, getattr(total, name) + getattr(each, name))
    return total


def rate_in_bulk(
    rater: BulkRater,
    chosen: ChosenRates,
    against: ChosenRates | None,
    calls: Iterable[pa.RecordBatch],
    sums: RatedSums,
) -> Iterator[pa.RecordBatch]:
    """Yield batches of rated calls as they are made, and add them up; raise Conflict for decks of two currencies."""
    if against is not None and against.currency != chosen.currency:
        message = (
            f"{chosen.deck} is in {chosen.currency} and {against.deck} in {against.currency}: no sum compares them"
        )
        raise Conflict(message, code="deck_currency_differs")
    rated = rater.rate(chosen.rates, calls)
    if against is not None:
        rated = rater.rate(against.rates, rated, AGAINST)
    for batch in rated:
        sums.count(batch)
        yield batch
