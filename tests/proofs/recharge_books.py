"""One organization that calls, pays by cards and recharges: what the proofs of the recharge begin with.

A minute to CALLED costs 6.00, second by second; all instants are the test's own.
"""

from datetime import UTC, datetime
from typing import NamedTuple
from zoneinfo import ZoneInfo

from talktime.bootstrap import App
from talktime.core.credit import lots
from talktime.core.credit.buying import purchases
from talktime.core.credit.buying.payments import Card, MethodKind, PaymentMethod
from talktime.core.credit.buying.purchases import Purchase, PurchaseCause
from talktime.core.credit.lots import Credit
from talktime.core.credit.recharging.watching import CreditWatch
from talktime.core.organizations.licenses import License
from talktime.core.organizations.organizations import Organization
from talktime.core.organizations.users import Role, User
from talktime.core.rates.rate_decks import DeckTerms, Direction, Rate
from talktime.core.rates.rating import Price, PriceStep
from talktime.core.values.money import MICROS_PER_UNIT
from talktime.store.transaction import Transaction
from talktime.usecases.credit.moving_credit import Movement, move

START = datetime(2026, 3, 2, 12, tzinfo=UTC)
BEFORE = datetime(2026, 1, 1, tzinfo=UTC)
ORGANIZATION = "Example"
ORGANIZATION_ID = 1
CALLER, CALLED = "442000000001", "442079460000"
MINUTE_MICROS = 6 * MICROS_PER_UNIT
PURCHASES_MAX = 10_000

_LICENSES = License.PHONE_SYSTEM | License.AUDIO_CONFERENCING | License.COMMUNICATIONS_CREDITS
_NANOS = 1_000


def units(amount: int) -> int:
    """Return an amount of the currency's units in micros."""
    return amount * MICROS_PER_UNIT


class Standing(NamedTuple):
    """How the organization stands: what is watched, all purchases in the order of their making, and the credit."""

    watch: CreditWatch
    purchases: list[Purchase]
    credit: Credit


class NewCard(NamedTuple):
    """A card to be kept, at an instant, by the gateway of a name."""

    card: Card
    at: datetime
    gateway: str = "stripe"


class NewOrder(NamedTuple):
    """An order of credit by card."""

    purchase_id: str
    amount_micros: int
    method_id: int
    at: datetime


def open_organization(app: App, zone: ZoneInfo = ZoneInfo("UTC")) -> None:  # noqa: B008 -- a constant
    """Publish the deck, and add the organization with a user who may call."""
    app.run(_open, zone)


def add_card(tx: Transaction, new: NewCard) -> int:
    """Keep a card; return its number."""
    tx.organizations.lock_id(ORGANIZATION_ID)
    method_id = tx.payments.next_method_id(ORGANIZATION_ID)
    method = PaymentMethod(ORGANIZATION_ID, method_id, MethodKind.CARD, new.gateway, new.card)
    tx.payments.add_method(method, new.at)
    return method_id


def place_order(tx: Transaction, new: NewOrder) -> Purchase:
    """Make an order due."""
    tx.organizations.lock_id(ORGANIZATION_ID)
    purchase = Purchase(
        ORGANIZATION_ID,
        new.purchase_id,
        PurchaseCause.ORDER,
        new.amount_micros,
        "USD",
        new.method_id,
        new.at,
        next_step_at=new.at,
    )
    tx.purchases.add(purchase)
    return purchase


def cancel_order(tx: Transaction, asked: tuple[str, datetime]) -> None:
    """Withdraw an order that is open, as far as that is certain."""
    purchase_id, at = asked
    tx.organizations.lock_id(ORGANIZATION_ID)
    purchase = next(each for each in standing(tx, at).purchases if each.purchase_id == purchase_id)
    if purchase.is_open and not purchase.is_withdrawn:
        tx.purchases.save(purchases.withdrawn(purchase, "nobody wants it any more", at))


def sweep(tx: Transaction, at: datetime) -> None:
    """Expire what has expired."""
    organization = tx.organizations.lock_id(ORGANIZATION_ID)
    before = tx.credit.credit(ORGANIZATION_ID)
    after, postings = lots.expire(before, at)
    if after != before:
        move(tx, organization, Movement(before, after, f"expire:{at.timestamp():.0f}", postings), at)


def standing(tx: Transaction, _: datetime) -> Standing:
    """Return how the organization stands."""
    found = tx.purchases.all(ORGANIZATION_ID, most=PURCHASES_MAX)
    return Standing(tx.purchases.watch(ORGANIZATION_ID), found[::-1], tx.credit.credit(ORGANIZATION_ID))


def _open(tx: Transaction, zone: ZoneInfo) -> None:
    rate = Rate(Direction.OUTBOUND, "44", "", "United Kingdom", (Price(0, (PriceStep(0, 1, MINUTE_MICROS * _NANOS),)),))
    version = tx.rates.stage("standard", "test", DeckTerms("USD", zone), BEFORE)
    tx.rates.add_rates(version.version_id, [rate])
    tx.rates.complete(version.version_id, 1)
    tx.rates.publish(version, [Direction.OUTBOUND], start=BEFORE, at=BEFORE)
    organization = Organization(ORGANIZATION_ID, ORGANIZATION, "US", "USD", zone, "standard")
    tx.organizations.add(organization, BEFORE)
    user = User(ORGANIZATION_ID, 1, "ada@example.com", "Ada", "US", _LICENSES, roles=Role.BILLING_ADMIN)
    tx.organizations.add_users([user], [(CALLER,)])
    tx.arrangements.recount(ORGANIZATION_ID)
