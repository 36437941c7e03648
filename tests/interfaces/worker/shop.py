"""Organizations with a card and an admin each, and orders that are due: what workers find to do.

shop = Shop(url, folder)
shop.open(organizations_count=10)
shop.order(5)                        five orders of each organization, due now
shop.settled_count                   what became of them, by SQL of the test's own
"""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import psycopg

from talktime.bootstrap import App
from talktime.core.credit.buying.payments import MethodKind, PaymentMethod
from talktime.core.credit.buying.purchases import Purchase, PurchaseCause
from talktime.core.organizations.organizations import Organization
from talktime.core.organizations.users import Role, User
from talktime.core.values.money import MICROS_PER_UNIT
from talktime.gateways.payments.sandbox import SandboxGateway
from talktime.settings import Settings
from talktime.store.transaction import Transaction
from tests.interfaces.charging.books import Facts

AMOUNT_MICROS = 20 * MICROS_PER_UNIT
GOOD_CARD = "4242 4242 4242 4242 12/40"
METHOD_ID = 1
MICROSECONDS_PER_SECOND = 1_000_000


class Shop:
    """What is sold, and what was charged for it."""

    def __init__(self, url: str, folder: Path) -> None:
        self.url = url
        self.data_folder = folder / "data"
        self.facts = Facts(url)
        self._ordered_count = 0
        self._organization_ids: range = range(0)

    @property
    def settings(self) -> Settings:
        """What a worker of this shop is started with."""
        return Settings(database=self.url, data_folder=self.data_folder)

    def open(self, *, organizations_count: int = 1, card: str = GOOD_CARD) -> None:
        """Add organizations in UTC, each with an admin and a card."""
        self._organization_ids = range(1, organizations_count + 1)
        with App(self.settings) as app:
            for organization_id in self._organization_ids:
                app.run(_add_organization, (organization_id, card, self.data_folder))

    def order(self, count: int = 1, *, due_since: timedelta = timedelta(0)) -> None:
        """Place orders of every organization, due for some time already."""
        at = datetime.now(UTC) - due_since
        numbers = range(self._ordered_count, self._ordered_count + count)
        self._ordered_count += count
        due = [_order(owner, f"order-{number}", at) for owner in self._organization_ids for number in numbers]
        with App(self.settings) as app:
            app.run(_add_purchases, due)

    def count(self, state: str) -> int:
        """Count the purchases in a state."""
        count: int = self.facts.one(f"SELECT count(*) FROM purchases WHERE state = '{state}'")  # noqa: S608
        return count

    def books(self) -> tuple[int, int, int, int]:
        """Return charges at the gateway, lots, invoices, mails."""
        charges = len(list((self.data_folder / "sandbox" / "charges").glob("*.json")))
        lots = self.facts.one("SELECT count(*) FROM credit_lots")
        invoices = self.facts.one("SELECT count(*) FROM invoices")
        return charges, lots, invoices, len(list((self.data_folder / "mails").glob("*.eml")))

    def moved_micros(self) -> int:
        """Count the money that moved at the gateway."""
        return SandboxGateway(self.data_folder / "sandbox").moved_micros().get("EUR", 0)

    def granted_micros(self) -> int:
        """Count the credit that is recorded for it."""
        granted: int = self.facts.one("SELECT coalesce(sum(granted_micros), 0) FROM credit_lots")
        return granted

    @contextmanager
    def gateway_silent(self) -> Iterator[None]:
        """Let the gateway answer nobody meanwhile: whoever asks, waits."""
        folder = self.data_folder / "sandbox"
        (folder / "charges").mkdir(parents=True, exist_ok=True)
        with (folder / "lock").open("wb") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def hold_organization(self) -> "psycopg.Connection[Any]":
        """Hold the first organization's row as another transaction would, until the connection is closed."""
        connection = psycopg.connect(self.url)
        connection.execute("SELECT 1 FROM organizations WHERE organization_id = 1 FOR UPDATE")
        return connection

    def let_leases_end(self) -> None:
        """Let the minutes pass that a purchase is left to whoever leased it."""
        seconds = 3_600
        self.facts.change(
            f"UPDATE purchases SET next_step_at = next_step_at - {seconds * MICROSECONDS_PER_SECOND}"  # noqa: S608
            " WHERE state = 'charging'"
        )


def _add_organization(tx: Transaction, request: tuple[int, str, Path]) -> None:
    organization_id, card, data_folder = request
    at = datetime.now(UTC)
    name = f"Organization {organization_id}"
    tx.organizations.add(Organization(organization_id, name, "GB", "EUR", ZoneInfo("UTC"), "standard"), at)
    admin = User(organization_id, 1, f"ada@{organization_id}.example", "Ada", "GB", roles=Role.BILLING_ADMIN)
    tx.organizations.add_users([admin], [()])
    kept = SandboxGateway(data_folder / "sandbox").add_card(card)
    tx.payments.add_method(PaymentMethod(organization_id, METHOD_ID, MethodKind.CARD, "sandbox", kept), at)


def _add_purchases(tx: Transaction, due: list[Purchase]) -> None:
    for each in due:
        tx.purchases.add(each)


def _order(organization_id: int, purchase_id: str, at: datetime) -> Purchase:
    return Purchase(
        organization_id, purchase_id, PurchaseCause.ORDER, AMOUNT_MICROS, "EUR", METHOD_ID, at, next_step_at=at
    )
