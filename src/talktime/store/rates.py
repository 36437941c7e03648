"""Rows of rate decks: immutable versions staged in chunks, and their publications."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlalchemy import Connection, func, insert, select, text, update

from talktime.core.rates.rate_decks import DeckPublication, DeckTerms, Direction, Rate, RateDeck
from talktime.core.values.errors import NotFound
from talktime.core.values.frozen import frozen
from talktime.store.charging import rows
from talktime.store.charging.decks import deck_of, terms_of
from talktime.store.engine import one_at_a_time
from talktime.store.instants import from_micros, to_micros
from talktime.store.schema import deck_publications, deck_versions, rates

_RATE_NAMES = [name.strip() for name in rows.RATE_COLUMNS.split(",")]
_TERMS = [deck_versions.c[name] for name in ("currency", "time_zone", "charge_decimals", "rounding")]
_RATES = text(f"SELECT {rows.RATE_COLUMNS} FROM rates WHERE version_id = :version_id")


@frozen
class DeckVersion:
    """A staged or published version: what people call it, where it came from, and its terms."""

    version_id: int
    deck: str
    number: int
    source: str
    terms: DeckTerms
    rates_count: int
    is_complete: bool
    staged_at: datetime


class RateRows:
    """Deck versions and publications; versions never change once they are complete."""

    def __init__(self, connection: Connection) -> None:
        """Work on an open transaction."""
        self._connection = connection

    def stage(self, deck: str, source: str, terms: DeckTerms, at: datetime) -> DeckVersion:
        """Begin a new version of a deck; it cannot be published before `complete`."""
        one_at_a_time(self._connection, "deck_versions")
        version_id = (self._connection.scalar(select(func.max(deck_versions.c.version_id))) or 0) + 1
        last = select(func.max(deck_versions.c.number)).where(deck_versions.c.deck == deck)
        number = (self._connection.scalar(last) or 0) + 1
        row = {
            "version_id": version_id,
            "deck": deck,
            "number": number,
            "source": source,
            "currency": terms.currency,
            "time_zone": terms.zone.key,
            "charge_decimals": terms.charge_decimals,
            "rounding": terms.rounding.value,
            "rates_count": 0,
            "is_complete": False,
            "staged_at": to_micros(at),
        }
        self._connection.execute(insert(deck_versions), row)
        return DeckVersion(version_id, deck, number, source, terms, 0, is_complete=False, staged_at=at)

    def add_rates(self, version_id: int, chunk: Sequence[Rate]) -> None:
        """Add a chunk of rates to a version that is being staged."""
        if chunk:
            named = [dict(zip(_RATE_NAMES, rows.rate_row(rate), strict=True)) for rate in chunk]
            self._connection.execute(insert(rates), [{"version_id": version_id, **row} for row in named])

    def complete(self, version_id: int, rates_count: int) -> None:
        """Declare that all rates of the version are there."""
        statement = update(deck_versions).where(deck_versions.c.version_id == version_id)
        self._connection.execute(statement.values(is_complete=True, rates_count=rates_count))

    def versions(self, deck: str | None = None) -> list[DeckVersion]:
        """Return versions by deck and number, newest last."""
        statement = select(deck_versions).order_by(deck_versions.c.deck, deck_versions.c.number)
        if deck is not None:
            statement = statement.where(deck_versions.c.deck == deck)
        return [
            DeckVersion(
                row.version_id,
                row.deck,
                row.number,
                row.source,
                terms_of((row.currency, row.time_zone, row.charge_decimals, row.rounding)),
                row.rates_count,
                is_complete=bool(row.is_complete),
                staged_at=from_micros(row.staged_at),
            )
            for row in self._connection.execute(statement)
        ]

    def deck(self, version_id: int) -> RateDeck:
        """Return a version with all its rates; raise NotFound."""
        statement = select(*_TERMS).where(deck_versions.c.version_id == version_id)
        terms_row = self._connection.execute(statement).one_or_none()
        if terms_row is None:
            message = f"there is no deck version {version_id}"
            raise NotFound(message, code="deck_version_not_found")
        found = self._connection.execute(_RATES, {"version_id": version_id})
        return deck_of(version_id, tuple(terms_row), [tuple(row) for row in found])

    def deck_for(self, version_id: int, number: str) -> RateDeck:
        """Return a version with only those rates that can price calls to a number: a quote needs no others."""
        statement = select(*_TERMS).where(deck_versions.c.version_id == version_id)
        terms_row = self._connection.execute(statement).one()
        prefixes = [number[:length] for length in range(1, len(number) + 1)]
        wanted = select(*(rates.c[name] for name in _RATE_NAMES)).where(
            rates.c.version_id == version_id,
            rates.c.direction.in_([direction.value for direction in Direction]),
            rates.c.prefix.in_(prefixes),
        )
        return deck_of(version_id, tuple(terms_row), [tuple(row) for row in self._connection.execute(wanted)])

    def directions(self, version_id: int) -> list[Direction]:
        """Return the directions that a version has rates for."""
        statement = select(rates.c.direction).where(rates.c.version_id == version_id).distinct()
        return sorted(map(Direction, self._connection.scalars(statement)), key=lambda direction: direction.value)

    def publish(self, version: DeckVersion, directions: Iterable[Direction], *, start: datetime, at: datetime) -> None:
        """Let the version be in force from an instant on, for the directions that it prices."""
        one_at_a_time(self._connection, "deck_publications")
        next_id = (self._connection.scalar(select(func.max(deck_publications.c.publication_id))) or 0) + 1
        for offset, direction in enumerate(directions):
            row = {
                "publication_id": next_id + offset,
                "deck": version.deck,
                "direction": direction.value,
                "version_id": version.version_id,
                "published_from": to_micros(start),
                "created_at": to_micros(at),
            }
            self._connection.execute(insert(deck_publications), row)

    def publications(self, deck: str, direction: Direction) -> tuple[DeckPublication, ...]:
        """Return the publications of a deck for a direction, in the order in which they were made."""
        statement = (
            select(deck_publications.c.version_id, deck_publications.c.published_from)
            .where(deck_publications.c.deck == deck, deck_publications.c.direction == direction.value)
            .order_by(deck_publications.c.publication_id)
        )
        return tuple(DeckPublication(row[0], from_micros(row[1])) for row in self._connection.execute(statement))
