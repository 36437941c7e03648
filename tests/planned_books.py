"""An organization with one caller, whose calls a plan's minutes, credit and a bill pay, in a database.

    open_planned(url, Planned(credit_micros=90_000, arranged=Arrangements(...), minutes_left=2))
    meters_in(url)                   what stands in the table, by name

The plan has 120 minutes; a minute costs 6.00, second by second; all instants are the test's own.
"""

from dataclasses import dataclass, field
from datetime import timedelta

from sqlalchemy import insert, update

from talktime.bootstrap import App
from talktime.core.calls.meters import Meter
from talktime.core.calls.pools import Pool
from talktime.core.credit import lots
from talktime.core.credit.ledger import JournalEntry
from talktime.core.credit.lots import Credit, CreditLot, LotKind
from talktime.core.organizations.arrangements import Arrangements
from talktime.core.organizations.licenses import License
from talktime.core.organizations.organizations import BillingMode
from talktime.settings import Settings
from talktime.store import schema
from talktime.store.transaction import Transaction
from tests.interfaces.charging.books import Facts
from tests.proofs.recharge_books import BEFORE, ORGANIZATION_ID, START, open_organization

PLAN, PLAN_MINUTES = License.DOMESTIC_120, 120
SECOND_MICROS = 100_000
MONTH = f"{START:%Y-%m}"
POOL = Pool(PLAN, "GB", "domestic", MONTH).name
CAPPED, BILL = f"user/1/{MONTH}", f"overage/{MONTH}"
HOUR = f"calls/1/{START:%Y-%m-%dT%H}"


@dataclass(frozen=True, slots=True)
class Planned:
    """What the organization has: money, arrangements, minutes that are left, and its caller's licenses."""

    credit_micros: int = 0
    arranged: Arrangements = field(default_factory=Arrangements)
    minutes_left: int = 0
    mode: BillingMode = BillingMode.PREPAID
    licenses: License = License.PHONE_SYSTEM | PLAN


def open_planned(url: str, planned: Planned) -> None:
    """Fill a migrated database."""
    with App(Settings(database=url)) as app:
        open_organization(app)
        app.run(_open, planned)


def meters_in(url: str) -> dict[str, Meter]:
    """Return the meters as they stand in the database."""
    return {name: Meter(used, held) for name, used, held in Facts(url).rows("SELECT meter, used, held FROM meters")}


def _open(tx: Transaction, planned: Planned) -> None:
    tx.organizations.lock_id(ORGANIZATION_ID)
    tx.organizations.set_licenses(ORGANIZATION_ID, [1], planned.licenses)
    tx.organizations.set_billing_mode(ORGANIZATION_ID, planned.mode)
    tx.arrangements.save_settings(ORGANIZATION_ID, planned.arranged)
    tx.arrangements.recount(ORGANIZATION_ID)
    used = PLAN_MINUTES - planned.minutes_left
    row = {"organization_id": ORGANIZATION_ID, "meter": POOL, "used": used, "held": 0}
    tx.connection.execute(insert(schema.meters), row)
    if planned.credit_micros:
        lot = CreditLot(1, LotKind.PURCHASED, planned.credit_micros, BEFORE, START + timedelta(days=300))
        _, postings = lots.grant(Credit(), lot, BEFORE)
        tx.credit.add_lot(ORGANIZATION_ID, lot, "first")
        tx.credit.post(JournalEntry(ORGANIZATION_ID, "grant:1", BEFORE, postings))
