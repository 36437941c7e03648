"""Organizations with a caller and credit each, and one published deck, for tests of the charging door.

    open_books(url, organizations_count=3, granted_micros=units(10))
    caller_of(1)                                     the number of the first organization's user
    Facts(url).one("SELECT count(*) FROM calls")     what stands in the database, by SQL of the test's own

A minute to 44… costs 0.06, second by second: a thousand micros a second.
"""

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import psycopg

from talktime.bootstrap import App
from talktime.core.credit import lots
from talktime.core.credit.ledger import JournalEntry
from talktime.core.credit.lots import Credit, CreditLot, LotKind
from talktime.core.organizations.licenses import License
from talktime.core.organizations.organizations import Organization
from talktime.core.organizations.users import User
from talktime.core.rates.rate_decks import DeckTerms, Direction, Rate
from talktime.core.rates.rating import Price, PriceStep
from talktime.core.values.money import MICROS_PER_UNIT
from talktime.settings import Settings
from talktime.store.transaction import Transaction
from talktime.usecases.insight.audit_books import AuditBooks, AuditReport, audit_books

UTC_ZONE = ZoneInfo("UTC")
ALL_LICENSES = License.PHONE_SYSTEM | License.AUDIO_CONFERENCING | License.COMMUNICATIONS_CREDITS
DECK = "standard"
CALLED = "442079460000"
MICROS_PER_SECOND = 1_000
BLOCKED = "881612345678"
UNRATED = "33140205050"


def units(amount: int) -> int:
    """Return an amount of the currency's units in micros."""
    return amount * MICROS_PER_UNIT


def caller_of(organization_id: int) -> str:
    """Return the number of the organization's user."""
    return f"4420{organization_id:08d}"


def open_books(
    url: str,
    *,
    organizations_count: int = 2,
    granted_micros: int = units(100),
    poor_count: int = 0,
    steps: Sequence[PriceStep] = (PriceStep(0, 1, 60_000_000),),
) -> None:
    """Fill a migrated database; the last organizations are poor: they have a hundredth of what the others have."""
    at = datetime.now(UTC) - timedelta(days=1)
    with App(Settings(database=url)) as app:
        app.run(_publish_deck, (tuple(steps), at))
        for organization_id in range(1, organizations_count + 1):
            is_poor = organization_id > organizations_count - poor_count
            app.run(_add_organization, (organization_id, granted_micros // (100 if is_poor else 1), at))


def audit(url: str) -> AuditReport:
    """Check every invariant of the books."""
    with App(Settings(database=url)) as app:
        return app.read(audit_books, AuditBooks(datetime.now(UTC)))


class Facts:
    """Reads the database past our own store; the statements are the same on both databases."""

    def __init__(self, url: str) -> None:
        self._url = url

    def rows(self, statement: str) -> list[tuple[Any, ...]]:
        """Return the rows of a statement without parameters."""
        if self._url.startswith("sqlite:"):
            with closing(sqlite3.connect(self._url.removeprefix("sqlite:///"), timeout=30)) as connection:
                return connection.execute(statement).fetchall()
        with psycopg.connect(self._url) as connection:
            return connection.execute(statement).fetchall()  # type: ignore[arg-type, unused-ignore]

    def one(self, statement: str) -> Any:
        """Return the only value of the only row; a sum of nothing is 0."""
        ((value,),) = self.rows(statement)
        return value if value is None or isinstance(value, str) else int(value)

    def elapse(self, seconds: int) -> None:
        """Let so much time pass on all calls, as if they had begun that much earlier: nobody talks longer than that."""
        instants = ("started_at", "answered_at", "valid_until")
        earlier = ", ".join(f"{each} = {each} - {seconds * 1_000_000}" for each in instants)
        self.change(f"UPDATE calls SET {earlier} WHERE state = 'open'")  # noqa: S608 -- our own words

    def change(self, statement: str) -> None:
        """Run a statement that changes something, as no code of ours would."""
        if self._url.startswith("sqlite:"):
            with closing(sqlite3.connect(self._url.removeprefix("sqlite:///"), timeout=30)) as connection, connection:
                connection.execute(statement)
            return
        with psycopg.connect(self._url) as connection:
            connection.execute(statement)  # type: ignore[arg-type, unused-ignore]


def _publish_deck(tx: Transaction, request: tuple[tuple[PriceStep, ...], datetime]) -> None:
    steps, at = request
    rates = [
        Rate(Direction.OUTBOUND, "44", "", "United Kingdom", (Price(0, steps),)),
        Rate(Direction.OUTBOUND, "88", "", "Satellite", (Price(0, (PriceStep(0, 60, 0),)),), blocked=True),
    ]
    version = tx.rates.stage(DECK, "test", DeckTerms("EUR", UTC_ZONE), at)
    tx.rates.add_rates(version.version_id, rates)
    tx.rates.complete(version.version_id, len(rates))
    tx.rates.publish(version, [Direction.OUTBOUND], start=at, at=at)


def _add_organization(tx: Transaction, request: tuple[int, int, datetime]) -> None:
    organization_id, granted_micros, at = request
    tx.organizations.add(
        Organization(organization_id, f"Organization {organization_id}", "GB", "EUR", UTC_ZONE, DECK), at
    )
    user = User(organization_id, 1, f"user@{organization_id}.example", "User", "GB", ALL_LICENSES)
    tx.organizations.add_users([user], [(caller_of(organization_id),)])
    tx.arrangements.recount(organization_id)
    tx.organizations.set_up_credit(organization_id)
    if granted_micros > 0:
        lot = CreditLot(1, LotKind.PURCHASED, granted_micros, at, lots.expires_at(at, UTC_ZONE))
        _, postings = lots.grant(Credit(), lot, at)
        tx.credit.add_lot(organization_id, lot, "first")
        tx.credit.post(JournalEntry(organization_id, "grant:1", at, postings))
