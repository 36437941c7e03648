"""Where a scenario happens: in the core alone, on facts in memory, or in the whole product, on a database.

A scenario says what is there (`Stage`) and what happens; both worlds do the same with it, so the answers must agree.
"""

import io
from collections import Counter
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Protocol
from zoneinfo import ZoneInfo

from sqlalchemy import delete, insert, update

from talktime.bootstrap import App
from talktime.core.calls.calls import CallKey
from talktime.core.calls.cdrs import UsageRow
from talktime.core.calls.charging import decide_one
from talktime.core.calls.counting.meters import Meter
from talktime.core.calls.explaining.explanations import Explanation, explain
from talktime.core.calls.requests import Answer, ChargingFacts, ChargingTerms, Request, StartCall
from talktime.core.credit import lots
from talktime.core.credit.ledger import JournalEntry
from talktime.core.credit.lots import Credit, CreditLot
from talktime.core.credit.recharging import watching
from talktime.core.credit.recharging.watching import CreditWatch
from talktime.core.organizations.arrangements import Arrangements
from talktime.core.organizations.country_table import CountryTable
from talktime.core.organizations.licenses import License
from talktime.core.organizations.organizations import Organization
from talktime.core.organizations.users import Identity, NumberUse, User
from talktime.core.rates.rate_decks import DeckPublication, DeckTerms, Direction, Rate, RateDeck
from talktime.imports.country_files import read_country_file
from talktime.interfaces.cli.main import main
from talktime.settings import Settings
from talktime.store.engine import open_engine
from talktime.store.schema import meters, organizations, users
from talktime.store.transaction import Transaction
from talktime.usecases.credit.expire_credit import ExpireCredit, expire_credit

ORGANIZATION_ID = 7
DECK = "standard"
ANCIENT = datetime(2001, 1, 1, tzinfo=UTC)
COUNTRIES = Path(__file__).parents[2] / "src/talktime/imports/reference/countries_2025.csv"
TERMS = ChargingTerms()


@dataclass
class Stage:
    """What a scenario says is there: an organization, its people, numbers and arrangements, and prices."""

    organization: Organization = field(
        default_factory=lambda: Organization(
            ORGANIZATION_ID, "Example", "GB", "EUR", ZoneInfo("Europe/London"), DECK, has_credit_set_up=True
        )
    )
    people: dict[str, tuple[User, tuple[str, ...]]] = field(default_factory=dict)
    numbers: dict[str, NumberUse] = field(default_factory=dict)
    arrangements: Arrangements = field(default_factory=Arrangements)
    rates: dict[tuple[Direction, str, str], Rate] = field(default_factory=dict)

    def assigned(self) -> dict[tuple[License, str], int]:
        """Count the licenses of all people, as the product does."""
        counts = Counter((one, user.usage_location) for user, _ in self.people.values() for one in user.licenses)
        return dict(counts)

    def terms(self) -> DeckTerms:
        """Return what holds for every rate."""
        return DeckTerms(self.organization.currency, self.organization.zone)


class World(Protocol):
    """What a scenario does, and what it looks at."""

    def prepare(self, stage: Stage, at: datetime, *, is_priced_anew: bool) -> None:
        """Make everything as the stage says from this instant on."""

    def ask(self, request: Request) -> Answer:
        """Let charging answer."""

    def explain(self, request: StartCall) -> Explanation:
        """Let charging explain itself."""

    def fund(self, lot: CreditLot) -> None:
        """Add credit."""

    def expire(self, at: datetime) -> int:
        """Sweep what has ended; return how much that was."""

    def credit(self) -> Credit:
        """Return the credit as it stands."""

    def meter(self, name: str) -> Meter:
        """Return what a meter has counted."""

    def use(self, name: str, amount: int) -> None:
        """Let a meter have counted so much."""

    def usage(self, key: CallKey) -> tuple[UsageRow, ...]:
        """Return the usage rows of a call."""

    def events(self) -> list[str]:
        """Return what was told so far."""

    def command(self, words: list[str]) -> str:
        """Run `talktime` with --json; return what it prints, a refusal too."""


@cache
def country_table() -> CountryTable:
    """Return the countries as they are shipped."""
    return read_country_file(COUNTRIES).table


class CoreWorld:
    """Facts in memory and pure decisions on them."""

    def __init__(self) -> None:
        """Start with nothing but the countries."""
        self._facts = ChargingFacts(
            organizations={},
            credits={ORGANIZATION_ID: Credit()},
            calls={},
            identities={},
            publications={},
            decks={},
            watches={ORGANIZATION_ID: CreditWatch()},
            country_tables=((ANCIENT, country_table()),),
        )
        self._usage: list[UsageRow] = []
        self._events: list[str] = []

    def prepare(self, stage: Stage, at: datetime, *, is_priced_anew: bool) -> None:
        """Replace what is known of the organization."""
        identities = {number: Identity(ORGANIZATION_ID, use, None) for number, use in stage.numbers.items()}
        for user, own in stage.people.values():
            for name in (user.user_principal_name.lower(), *own):
                identities[name] = Identity(ORGANIZATION_ID, NumberUse.USER, user)
        self._facts = replace(
            self._facts,
            organizations={ORGANIZATION_ID: stage.organization},
            identities=identities,
            arrangements={ORGANIZATION_ID: replace(stage.arrangements, assigned=stage.assigned())},
        )
        if is_priced_anew:
            self._publish(stage, at)

    def ask(self, request: Request) -> Answer:
        """Decide, and keep what follows."""
        outcome = decide_one(self._facts, request, TERMS)
        known = self._facts
        meters = {**known.meters, **{(ORGANIZATION_ID, name): meter for name, meter in outcome.meters.items()}}
        self._facts = replace(
            known,
            calls=known.calls if outcome.call is None else {**known.calls, outcome.call.setup.key: outcome.call},
            credits=known.credits if outcome.credit is None else {ORGANIZATION_ID: outcome.credit},
            watches=known.watches if outcome.watch is None else {ORGANIZATION_ID: outcome.watch},
            meters=meters,
        )
        self._usage += outcome.usage
        self._events += [event.kind.value for event in outcome.events]
        return outcome.answer

    def explain(self, request: StartCall) -> Explanation:
        """Explain on the same facts."""
        return explain(self._facts, request, TERMS)

    def fund(self, lot: CreditLot) -> None:
        """Grant the lot."""
        after, _ = lots.grant(self.credit(), lot, lot.purchased_at)
        watch = watching.funded(self._facts.watches[ORGANIZATION_ID], after)
        self._facts = replace(self._facts, credits={ORGANIZATION_ID: after}, watches={ORGANIZATION_ID: watch})

    def expire(self, at: datetime) -> int:
        """Let the core sweep."""
        after, postings = lots.expire(self.credit(), at)
        self._facts = replace(self._facts, credits={ORGANIZATION_ID: after})
        return sum(posting.amount_micros for posting in postings)

    def credit(self) -> Credit:
        """Return the credit of the facts."""
        return self._facts.credits[ORGANIZATION_ID]

    def meter(self, name: str) -> Meter:
        """Return a meter of the facts."""
        return self._facts.meter(ORGANIZATION_ID, name)

    def use(self, name: str, amount: int) -> None:
        """Set a meter of the facts."""
        self._facts = replace(self._facts, meters={**self._facts.meters, (ORGANIZATION_ID, name): Meter(amount)})

    def usage(self, key: CallKey) -> tuple[UsageRow, ...]:
        """Return what the outcomes wrote."""
        return tuple(row for row in self._usage if row.key == key)

    def events(self) -> list[str]:
        """Return what the outcomes told."""
        return self._events

    def command(self, words: list[str]) -> str:
        """Refuse: there is no database to ask."""
        message = f"talktime {' '.join(words)} needs a database"
        raise ValueError(message)

    def _publish(self, stage: Stage, at: datetime) -> None:
        version_id = len(self._facts.decks) + 1
        deck = RateDeck(version_id=version_id, terms=stage.terms(), rates=list(stage.rates.values()))
        publication = DeckPublication(version_id, ANCIENT if version_id == 1 else at)
        publications = {
            (DECK, direction): (*self._facts.publications.get((DECK, direction), ()), publication)
            for direction in Direction
        }
        self._facts = replace(self._facts, decks={**self._facts.decks, version_id: deck}, publications=publications)


class StoreWorld:
    """The product on a migrated database: charging's own connection, use cases and commands."""

    def __init__(self, database_url: str) -> None:
        """Open the database."""
        self._url = database_url
        self._app = App(Settings(database=database_url))
        self._engine = open_engine(database_url)
        self._charging = self._app.open_charging()
        self._known: dict[str, User] = {}
        self._numbers: set[str] = set()
        self._versions = 0

    def close(self) -> None:
        """Close all connections."""
        self._charging.close()
        self._engine.dispose()
        self._app.__exit__(None, None, None)

    def prepare(self, stage: Stage, at: datetime, *, is_priced_anew: bool) -> None:
        """Write what differs."""
        self._app.run(self._write_stage, stage)
        self._write_rows(stage)
        if is_priced_anew:
            self._app.run(self._publish, (stage, at))

    def ask(self, request: Request) -> Answer:
        """Charge a batch of one."""
        (answer,) = self._charging.charge((request,))
        assert answer is not None
        return answer

    def explain(self, request: StartCall) -> Explanation:
        """Explain on a snapshot."""
        return self._app.explain(request)

    def fund(self, lot: CreditLot) -> None:
        """Book the lot as a purchase does."""
        self._app.run(_fund, lot)

    def expire(self, at: datetime) -> int:
        """Run the nightly sweep."""
        swept = self._app.run(expire_credit, ExpireCredit(ORGANIZATION_ID, at))
        return sum(loss.amount_micros for loss in swept.expired)

    def credit(self) -> Credit:
        """Read the lots."""
        return self._app.read(lambda tx, owner: tx.credit.credit(owner), ORGANIZATION_ID)

    def meter(self, name: str) -> Meter:
        """Read a meter."""
        return self._app.read(lambda tx, owner: tx.meters.of(owner, [name]), ORGANIZATION_ID).get(name, Meter())

    def use(self, name: str, amount: int) -> None:
        """Write a meter."""
        with self._engine.begin() as connection:
            connection.execute(delete(meters).where(meters.c.meter == name))
            row = {"organization_id": ORGANIZATION_ID, "meter": name, "used": amount, "held": 0}
            connection.execute(insert(meters), row)

    def usage(self, key: CallKey) -> tuple[UsageRow, ...]:
        """Read the usage rows of a call."""
        begins, ends = ANCIENT, datetime(2100, 1, 1, tzinfo=UTC)
        found = self._app.read(lambda tx, owner: list(tx.insight.usage(owner, begins, ends)), ORGANIZATION_ID)
        return tuple(each.row for each in found if each.row.key == key)

    def events(self) -> list[str]:
        """Read the outbox in the order in which it was written."""
        found = self._app.read(lambda tx, owner: tx.notifications.events_of(owner, 1_000), ORGANIZATION_ID)
        return [event.kind.value for event in sorted(found, key=lambda event: event.occurred_at)]

    def command(self, words: list[str]) -> str:
        """Run the command line in this process."""
        out, err = io.StringIO(), io.StringIO()
        with redirect_stdout(out), redirect_stderr(err):
            main([*words, "--json", "--database", self._url])
        return out.getvalue()

    def _write_stage(self, tx: Transaction, stage: Stage) -> None:
        if not self._known and not self._numbers:
            tx.organizations.add(stage.organization, ANCIENT)
        for number, use in stage.numbers.items():
            if number not in self._numbers:
                tx.organizations.add_service_number(ORGANIZATION_ID, number, use)
        self._numbers |= set(stage.numbers)
        new = {name: person for name, person in stage.people.items() if name not in self._known}
        tx.organizations.add_users([user for user, _ in new.values()], [own for _, own in new.values()])

    def _write_rows(self, stage: Stage) -> None:
        """Write what changed of an organization and of its people, past the rules for changing it."""
        owner, organization = ORGANIZATION_ID, stage.organization
        with self._engine.begin() as connection:
            tx = Transaction(connection)
            connection.execute(
                update(organizations).values(
                    is_active=organization.is_active,
                    has_credit_set_up=organization.has_credit_set_up,
                    billing_mode=organization.mode.value,
                    country=organization.country,
                    currency=organization.currency,
                    time_zone=organization.zone.key,
                )
            )
            for name, (user, _) in stage.people.items():
                if self._known.get(name) != user:
                    connection.execute(
                        update(users)
                        .where(users.c.user_id == user.user_id)
                        .values(
                            licenses=user.licenses.value,
                            account=user.account.value,
                            usage_location=user.usage_location,
                            department=user.department,
                            dialout_policy=user.dialout_policy,
                            block_reason=user.block_reason,
                            is_toll_free_dial_in_allowed=user.is_toll_free_dial_in_allowed,
                        )
                    )
            for license_ in License:
                tx.arrangements.set_purchased(owner, license_, stage.arrangements.purchased.get(license_, 0))
            tx.arrangements.save_settings(owner, stage.arrangements)
            tx.arrangements.recount(owner)
        self._known = {name: user for name, (user, _) in stage.people.items()}

    def _publish(self, tx: Transaction, request: tuple[Stage, datetime]) -> None:
        stage, at = request
        start = at if self._versions else ANCIENT
        version = tx.rates.stage(DECK, "scenario", stage.terms(), start)
        tx.rates.add_rates(version.version_id, list(stage.rates.values()))
        tx.rates.complete(version.version_id, len(stage.rates))
        tx.rates.publish(version, list(Direction), start=start, at=start)
        self._versions += 1


def _fund(tx: Transaction, lot: CreditLot) -> None:
    before = tx.credit.credit(ORGANIZATION_ID)
    after, postings = lots.grant(before, lot, lot.purchased_at)
    tx.credit.add_lot(ORGANIZATION_ID, after.lot(lot.lot_id), f"lot {lot.lot_id}")
    tx.credit.save(ORGANIZATION_ID, before, after)
    tx.credit.post(JournalEntry(ORGANIZATION_ID, f"grant:{lot.lot_id}", lot.purchased_at, postings))
    tx.purchases.save_watch(ORGANIZATION_ID, watching.funded(tx.purchases.watch(ORGANIZATION_ID), after))
