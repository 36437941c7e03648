"""An organization with admins in two languages, a real post office, and a worker's turn at any instant.

world = Telling(app, office)
world.tell(EventKind.RECHARGE_FAILED)      an event, in a transaction of its own
world.deliver()                             what the worker does now
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from talktime.bootstrap import App
from talktime.core.organizations.deliveries import Delivery
from talktime.core.organizations.users import Role
from talktime.core.values.events import Event, EventKind
from talktime.gateways.mail.folder import FolderMailer
from talktime.gateways.mail.smtp import SmtpMailer, SmtpSecurity, SmtpServer
from talktime.gateways.webhooks.standard import StandardWebhookSender
from talktime.notices import envelope
from talktime.notices.samples import sample
from talktime.notices.writing import Writer
from talktime.store.transaction import Transaction
from talktime.usecases.organizations.deliver_events import Channels, Delivered, deliver
from talktime.usecases.organizations.manage_notifications import ShowLog, show_log
from talktime.usecases.organizations.manage_organizations import AddOrganization, add_organization
from talktime.usecases.organizations.manage_users import AddUsers, NewUser, SetRoles, add_users, set_roles
from talktime.usecases.ports import Mailer
from tests.gateways.mail.post_office import PostOffice

NOON = datetime(2026, 3, 2, 17, tzinfo=UTC)
NAME, ORGANIZATION_ID = "Acme", 1
ADA, BOB = "ada@acme.example", "bob@acme.example"
SENDER = "Talktime <talktime@talktime.example>"


def smtp_mailer(office: PostOffice) -> Mailer:
    host, port = office.address
    return SmtpMailer(SmtpServer(host, port, security=SmtpSecurity.NONE), SENDER)


def channels_of(mailer: Mailer, operator_address: str = "ops@talktime.example") -> Channels:
    writer, sender = Writer("talktime.example"), StandardWebhookSender(to_private_addresses=True)
    return Channels(mailer, sender, writer.mail, envelope.body_of, operator_address)


def add_admins(app: App) -> None:
    """Make Ada global admin, who reads Russian, and Bob billing admin."""
    app.run(add_users, AddUsers(NAME, (NewUser(1, ADA), NewUser(2, BOB)), NOON))
    app.run(set_roles, SetRoles(NAME, ADA, Role.GLOBAL_ADMIN, "ru"))
    app.run(set_roles, SetRoles(NAME, BOB, Role.BILLING_ADMIN))


class Telling:
    """Acme and those who are told; `at` is the clock, which only the test moves."""

    def __init__(self, app: App, mailer: Mailer, *, has_admins: bool = True) -> None:
        self.app = app
        self.at = NOON
        self.channels = channels_of(mailer)
        app.run(add_organization, AddOrganization(NAME, "US", "USD", "America/New_York", "standard", NOON))
        if has_admins:
            add_admins(app)

    def tick(self, span: timedelta) -> None:
        self.at += span

    def event(self, kind: EventKind, number: int = 1) -> Event:
        given = sample(kind, ORGANIZATION_ID, "USD", self.at)
        return Event(
            given.organization_id, f"{kind.value}:{number}", kind, self.at, given.balance_micros, given.details
        )

    def tell(self, *kinds: EventKind) -> None:
        events = [self.event(kind, number) for number, kind in enumerate(kinds, start=1)]
        self.app.run(tell, events)

    def deliver(self) -> Delivered:
        return deliver(self.app.run, self.channels, lambda: self.at)

    def deliveries(self, kind: EventKind | None = None) -> dict[str, Delivery]:
        """By recipient."""
        found = self.app.read(show_log, ShowLog(NAME, (), 1_000)).deliveries
        return {delivery.recipient: delivery for delivery, event in found if kind in (None, event.kind)}


def tell(tx: Transaction, events: Sequence[Event]) -> None:
    tx.notifications.tell(events)


def folder_mailer(folder: Path) -> Mailer:
    return FolderMailer(folder, SENDER)
