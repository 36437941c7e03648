"""An organization of issue 4's world in a database, and all that stands in it, read past our own store.

    open_world(app, World(zone, before_month_end))
    Reader(url).read()                      everything that the histories compare, as plain values

Licenses, plans, caps, overage and modes are changed later, by the use cases. The country table is ours as it is
published, but that plans of the United Kingdom and the USA have a few minutes only; a later version has others.
"""

import json
import sqlite3
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import psycopg

from talktime.bootstrap import App
from talktime.core.organizations.country_table import CountryTable
from talktime.core.organizations.licenses import License
from talktime.core.organizations.organizations import Organization
from talktime.core.organizations.users import AccountKind, NumberUse, User
from talktime.core.rates.rate_decks import DeckTerms, Direction, Rate
from talktime.core.rates.rating import Price, PriceStep
from talktime.store.transaction import Transaction

NAME, ORGANIZATION_ID, COUNTRY, CURRENCY = "Contoso", 1, "GB", "EUR"
BEFORE = datetime(2026, 1, 1, tzinfo=UTC)
TOLL, TOLL_FREE = "442079990000", "448001112222"
SALES, SUPPORT = "Sales", "Support"
# Minutes of each plan license: of country, counter; from the first table on, and from the second.
MINUTES = ({"GB": (4, 3), "US": (3, 2)}, {"GB": (7, 2), "US": (1, 5)})
CONFERENCE_MINUTES = 60


class Person(NamedTuple):
    """Who calls, where he is, and the number by which he does."""

    user_id: int
    name: str
    location: str
    department: str
    number: str
    account: AccountKind = AccountKind.PERSON


PEOPLE = (
    Person(1, "ada@contoso.example", "GB", SALES, "442071234561"),
    Person(2, "bob@contoso.example", "US", SALES, "12125550101"),
    Person(3, "cyd@contoso.example", "GB", SUPPORT, "442071234563"),
    Person(4, "desk@contoso.example", "GB", "", "442071234564", AccountKind.AUTO_ATTENDANT),
)


class Tariff(NamedTuple):
    """What a call costs: micros at its beginning, micros for each started increment, and the increment's seconds."""

    fee: int
    micros: int
    increment: int

    @property
    def nanos_per_minute(self) -> int:
        return self.micros * 1_000 * 60 // self.increment


class Destination(NamedTuple):
    """A number, the country and class that its digits mean, and its tariff: none where the deck has no price."""

    number: str
    country: str
    number_class: str
    tariff: Tariff | None
    is_blocked: bool = False


HOME, AMERICA, FRANCE = Tariff(0, 60_000, 60), Tariff(20_000, 1_000, 1), Tariff(50_000, 15_000, 30)
DEAR, PREMIUM, SHARED = Tariff(10_000, 500_000, 60), Tariff(0, 900_000, 60), Tariff(5_000, 100_000, 60)
DESTINATIONS = (
    Destination("441212345678", "GB", "ordinary", HOME),
    Destination("12015550123", "US", "ordinary", AMERICA),
    Destination("15062345678", "CA", "ordinary", AMERICA),
    Destination("33123456789", "FR", "ordinary", FRANCE),
    Destination("254202012345", "KE", "ordinary", DEAR),
    Destination("5371234567", "CU", "ordinary", DEAR),
    Destination("33891123456", "FR", "premium", PREMIUM),
    Destination("449012345678", "GB", "premium", HOME),
    Destination("448431234567", "GB", "shared_cost", SHARED),
    Destination("4930123456", "DE", "ordinary", None),
    Destination("37163123456", "LV", "ordinary", None, is_blocked=True),
)
INBOUND = {"toll": Tariff(0, 30_000, 60), "toll_free": Tariff(0, 80_000, 60)}
_RATES = {"44": HOME, "1": AMERICA, "33": FRANCE, "254": DEAR, "53": DEAR, "33891": PREMIUM, "44843": SHARED}
_DIRECTIONS = (Direction.OUTBOUND, Direction.TOLL_INBOUND, Direction.TOLL_FREE_INBOUND)


@dataclass(frozen=True)
class World:
    """When and where a history begins, and when the second country table does."""

    zone: ZoneInfo
    starts_at: datetime
    second_table_at: datetime


def open_world(app: App, world: World) -> None:
    """Fill a migrated database: people without licenses, a deck, two country tables; no credit."""
    app.run(_open, world)


def _open(tx: Transaction, world: World) -> None:
    version = tx.rates.stage("deck", "deck.csv", DeckTerms(CURRENCY, ZoneInfo("UTC")), BEFORE)
    rates = [Rate(Direction.OUTBOUND, prefix, "", "Somewhere", (_price(each),)) for prefix, each in _RATES.items()]
    rates.append(Rate(Direction.OUTBOUND, "371", "", "Latvia", (), blocked=True))
    rates.append(Rate(Direction.TOLL_INBOUND, "44", "", "Toll", (_price(INBOUND["toll"]),)))
    rates.append(Rate(Direction.TOLL_FREE_INBOUND, "44", "", "Toll-free", (_price(INBOUND["toll_free"]),)))
    tx.rates.add_rates(version.version_id, rates)
    tx.rates.complete(version.version_id, len(rates))
    tx.rates.publish(version, _DIRECTIONS, start=BEFORE, at=BEFORE)
    published = tx.countries.in_force(BEFORE)
    for minutes, valid_from in zip(MINUTES, (BEFORE + timedelta(days=1), world.second_table_at), strict=True):
        tx.countries.add(_with_minutes(published, minutes), source="ours", valid_from=valid_from, at=BEFORE)
    tx.organizations.add(Organization(ORGANIZATION_ID, NAME, COUNTRY, CURRENCY, world.zone, "deck"), BEFORE)
    people = [
        User(ORGANIZATION_ID, each.user_id, each.name, each.name, each.location, License(0), each.department)
        for each in PEOPLE
    ]
    accounts = [replace(user, account=each.account) for user, each in zip(people, PEOPLE, strict=True)]
    tx.organizations.add_users(accounts, [(each.number,) for each in PEOPLE])
    tx.organizations.add_service_number(ORGANIZATION_ID, TOLL, NumberUse.TOLL)
    tx.organizations.add_service_number(ORGANIZATION_ID, TOLL_FREE, NumberUse.TOLL_FREE)
    tx.arrangements.recount(ORGANIZATION_ID)


def _price(tariff: Tariff) -> Price:
    return Price(tariff.fee * 1_000, (PriceStep(0, tariff.increment, tariff.nanos_per_minute),))


def _with_minutes(table: CountryTable, minutes: dict[str, tuple[int, int]]) -> CountryTable:
    changed = {
        country: replace(table.of(country), domestic_minutes=domestic, international_minutes=international)
        for country, (domestic, international) in minutes.items()
    }
    return replace(table, rules={**table.rules, **changed})


# ── what stands in the database ─────────────────────────────────────────────────────────────────────────────────────

_LOTS = (
    "SELECT lot_id, granted_micros, spent_micros, held_micros, expired_micros, refunded_micros, disputed_micros,"
    " purchased_at, expires_at, kind FROM credit_lots"
)
_CALLS = (
    "SELECT call_key, state, pays_from, user_id, conference_id, called, started_at, version_id, granted_seconds,"
    " is_final, valid_until, hold_slices, hold_minutes, hold_overage_micros, answered_at, used_seconds, cost_micros,"
    " uncovered_micros, flags, usage_rows_count, meters, denial, ending, caller FROM calls"
)
_USAGE = (
    "SELECT call_key, line, paid_by, capability, used_seconds, billed_seconds, cost_micros, user_id, started_at"
    " FROM usage_rows"
)


class Lot(NamedTuple):
    """A row of `credit_lots`."""

    lot_id: int
    granted: int
    spent: int
    held: int
    expired: int
    refunded: int
    disputed: int
    purchased_at: int
    expires_at: int
    kind: int


class CallRow(NamedTuple):
    """A row of `calls`; instants are microseconds."""

    key: str
    state: str
    pays_from: str
    user_id: int | None
    conference_id: str
    called: str
    started_at: int
    version_id: int | None
    granted: int
    is_final: bool
    valid_until: int | None
    hold_slices: str
    hold_minutes: str
    overage: int
    answered_at: int | None
    used: int | None
    cost: int | None
    uncovered: int | None
    flags: int | None
    rows_count: int
    meters: str
    denial: str | None
    ending: str | None
    caller: str

    @property
    def meter_names(self) -> tuple[str, ...]:
        return tuple(self.meters.splitlines())

    @property
    def slices(self) -> dict[int, int]:
        return {int(lot): int(micros) for lot, micros in (pair.split(":") for pair in self.hold_slices.split())}

    @property
    def minutes(self) -> dict[str, int]:
        return {pool: int(count) for count, pool in (line.split(" ", 1) for line in self.hold_minutes.splitlines())}

    @property
    def money(self) -> int:
        """Return the credit and the overage that it holds."""
        return sum(self.slices.values()) + self.overage


class UsageRow(NamedTuple):
    """A row of `usage_rows`."""

    key: str
    line: int
    paid_by: str
    capability: str
    used: int
    billed: int
    cost: int
    user_id: int | None
    started_at: int


class UserRow(NamedTuple):
    """A row of `users`."""

    user_id: int
    location: str
    department: str
    licenses: int
    account: str
    policy: str
    block_reason: str
    is_toll_free_allowed: bool


class MeterRow(NamedTuple):
    """A row of `meters`."""

    used: int
    held: int
    before: int = 0


@dataclass(frozen=True)
class Seen:
    """Everything that the histories compare."""

    is_active: bool
    has_credit_set_up: bool
    receivable: int
    mode: str
    settings: dict[str, Any]
    purchased: dict[int, int]
    users: dict[int, UserRow]
    lots: tuple[Lot, ...]
    meters: dict[str, MeterRow]
    calls: dict[str, CallRow]
    usage: tuple[UsageRow, ...]
    # Of calls: entry id and line, with debit, credit, micros.
    postings: dict[tuple[str, int], tuple[str, str, int]] = field(default_factory=dict)

    def usage_of(self) -> dict[str, list[UsageRow]]:
        found: dict[str, list[UsageRow]] = {}
        for row in self.usage:
            found.setdefault(row.key, []).append(row)
        return found

    def balance(self) -> int:
        """Return what remains of all lots, less what is owed."""
        gone = sum(lot.spent + lot.expired + lot.refunded + lot.disputed for lot in self.lots)
        return sum(lot.granted for lot in self.lots) - gone - self.receivable

    def holders(self, license_: int) -> Counter[str]:
        """Count the users who have a license, by country."""
        return Counter(user.location for user in self.users.values() if user.licenses & license_)


class Reader:
    """Reads on a connection of its own."""

    def __init__(self, url: str) -> None:
        if url.startswith("sqlite:"):
            self._connection: Any = sqlite3.connect(url.removeprefix("sqlite:///"), timeout=30, isolation_level=None)
        else:
            self._connection = psycopg.connect(url, autocommit=True)

    def close(self) -> None:
        self._connection.close()

    def read(self) -> Seen:
        """Return everything, as one state of the database."""
        self._connection.execute("BEGIN")
        try:
            return self._seen()
        finally:
            self._connection.execute("COMMIT")

    def _seen(self) -> Seen:
        ((is_active, has_credit, receivable, mode),) = self._rows(
            "SELECT is_active, has_credit_set_up, receivable_micros, billing_mode FROM organizations"
        )
        settings = self._rows("SELECT settings FROM arrangements")
        users = self._rows(
            "SELECT user_id, usage_location, department, licenses, account, dialout_policy, block_reason,"
            " is_toll_free_dial_in_allowed FROM users"
        )
        meters = self._rows("SELECT meter, used, held, used_before FROM meters")
        postings = self._rows(
            "SELECT entry_id, line, debit, credit, amount_micros FROM postings WHERE entry_id LIKE 'call:%'"
        )
        return Seen(
            bool(is_active),
            bool(has_credit),
            receivable,
            mode,
            json.loads(settings[0][0]) if settings else {},
            dict(self._rows("SELECT license, quantity FROM license_purchases")),
            {row[0]: UserRow(*row[:-1], bool(row[-1])) for row in users},
            tuple(sorted(Lot(*row) for row in self._rows(_LOTS))),
            {row[0]: MeterRow(*row[1:]) for row in meters},
            {row[0]: CallRow(*row) for row in self._rows(_CALLS)},
            tuple(sorted(UsageRow(*row) for row in self._rows(_USAGE))),
            {(row[0], row[1]): (row[2], row[3], row[4]) for row in postings},
        )

    def _rows(self, statement: str) -> Sequence[tuple[Any, ...]]:
        rows: Sequence[tuple[Any, ...]] = self._connection.execute(statement).fetchall()
        return rows
