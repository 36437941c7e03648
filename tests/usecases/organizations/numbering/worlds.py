"""Acme and Fabrikam, their licenses, people and services, and an inventory: real use cases on a real store."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from talktime.bootstrap import App
from talktime.core.organizations.licenses import License
from talktime.core.organizations.numbering.inventory import ListedNumber
from talktime.core.organizations.numbering.ordering import Wanted
from talktime.core.organizations.numbering.phone_numbers import HeldNumber
from talktime.core.organizations.organizations import Organization
from talktime.core.organizations.users import AccountKind, NumberUse, User
from talktime.core.values.places import read_zone
from talktime.store.transaction import Transaction
from talktime.usecases.organizations.manage_organizations import LookAt
from talktime.usecases.organizations.numbering.assign_numbers import (
    AssignNumber,
    TakeNumber,
    assign_number,
    release_number,
    unassign_number,
)
from talktime.usecases.organizations.numbering.import_inventory import (
    ImportInventory,
    InventoryImported,
    import_inventory,
)
from talktime.usecases.organizations.numbering.order_numbers import (
    OrderedNumbers,
    OrderStep,
    ReserveNumbers,
    activate_order,
    place_order,
    reserve_numbers,
)
from talktime.usecases.organizations.numbering.show_numbers import Quota, list_numbers, show_quotas

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
ACME, FABRIKAM = 1, 2
ADA, BOB, QUEUE, ATTENDANT = "ada@acme.example", "bob@acme.example", "support@acme.example", "reception@acme.example"
WORDS = {NumberUse.USER: "user", NumberUse.TOLL: "toll", NumberUse.TOLL_FREE: "toll-free"}
# Assigned for fiction: 555-01xx in every area, and toll-free.
PREFIXES = {NumberUse.USER: "+1206555", NumberUse.TOLL: "+1303555", NumberUse.TOLL_FREE: "+1800555"}


class NumberWorld:
    """Two organizations; `at` is the clock, which only the test moves."""

    def __init__(self, app: App) -> None:
        self.app = app
        self.at = NOON
        app.run(_set_up, NOON)

    def tick(self, **span: float) -> None:
        self.at += timedelta(**span)

    def offer(self, use: NumberUse, count: int, *, area: str = "") -> InventoryImported:
        """Import so many numbers."""
        return self.import_(
            ListedNumber(line, f"{PREFIXES[use]}{line:04}", WORDS[use], "US", area) for line in range(2, count + 2)
        )

    def import_(self, rows: Iterable[ListedNumber], *, dry_run: bool = False) -> InventoryImported:
        return self.app.run(import_inventory, ImportInventory(tuple(rows), dry_run))

    def reserve(
        self, use: NumberUse, quantity: int = 1, *, organization: str = "Acme", area: str = ""
    ) -> OrderedNumbers:
        wanted = Wanted("", use, "US", area, quantity)
        return self.app.run(reserve_numbers, ReserveNumbers(organization, wanted, self.at))

    def place(self, order_id: int, *, organization: str = "Acme") -> OrderedNumbers:
        return self.app.run(place_order, OrderStep(organization, order_id, self.at))

    def activate(self, order_id: int, *, organization: str = "Acme") -> OrderedNumbers:
        return self.app.run(activate_order, OrderStep(organization, order_id, self.at))

    def have(self, use: NumberUse, quantity: int = 1) -> list[str]:
        """Offer, order and activate numbers for Acme; return them."""
        self.offer(use, quantity)
        order_id = self.reserve(use, quantity).order.order_id
        self.place(order_id)
        return [phone.listing.number for phone in self.activate(order_id).numbers]

    def assign(self, number: str, to: str) -> HeldNumber:
        return self.app.run(assign_number, AssignNumber("Acme", number, to))

    def unassign(self, number: str) -> HeldNumber:
        return self.app.run(unassign_number, TakeNumber("Acme", number, self.at))

    def release(self, number: str) -> HeldNumber:
        return self.app.run(release_number, TakeNumber("Acme", number, self.at))

    def held(self, organization: str = "Acme") -> dict[str, HeldNumber]:
        """Return the numbers of an organization."""
        found = self.app.read(list_numbers, LookAt(organization, self.at))[1]
        return {held.phone.listing.number: held for held in found}

    def quota(self, use: NumberUse) -> Quota:
        found = self.app.read(show_quotas, LookAt("Acme", self.at))
        return next(each for each in found.quotas if each.use is use)

    def set_up_credit(self) -> None:
        self.app.run(lambda tx, organization_id: tx.organizations.set_up_credit(organization_id), ACME)


def _set_up(tx: Transaction, at: datetime) -> None:
    for organization_id, name in ((ACME, "Acme"), (FABRIKAM, "Fabrikam")):
        owner = Organization(organization_id, name, "US", "USD", read_zone("America/New_York"), "standard")
        tx.organizations.add(owner, at)
        for license_, quantity in ((License.DOMESTIC, 50), (License.PHONE_SYSTEM, 51)):
            tx.arrangements.set_purchased(organization_id, license_, quantity)
    people = (
        User(ACME, 1, ADA, "Ada", "US", License.PHONE_SYSTEM),
        User(ACME, 2, BOB, "Bob", "US"),
        User(ACME, 3, QUEUE, "Support", "US", License.RESOURCE_ACCOUNT, account=AccountKind.CALL_QUEUE),
        User(ACME, 4, ATTENDANT, "Reception", "US", account=AccountKind.AUTO_ATTENDANT),
    )
    tx.organizations.add_users(people, [()] * len(people))
    tx.arrangements.recount(ACME)
