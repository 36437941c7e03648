"""An organization with one caller, whose calls a plan's minutes, credit and a bill pay, in a database.

    open_planned(url, Planned(credit_micros=90_000, minutes_left=2, arranged=Arrangements(…)))
    meters_in(url)                   what stands in the table, by name

The plan has 120 minutes, of which one call has used what is not left; a minute of money costs 6.00, second by second.
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from talktime.bootstrap import App
from talktime.core.calls.calls import CallKey
from talktime.core.calls.counting.meters import Meter
from talktime.core.calls.counting.pools import Pool
from talktime.core.calls.requests import EndCall, Finished, Granted, StartCall
from talktime.core.credit import lots
from talktime.core.credit.ledger import JournalEntry
from talktime.core.credit.lots import Credit, CreditLot, LotKind
from talktime.core.organizations.arrangements import Arrangements
from talktime.core.organizations.licenses import License
from talktime.core.organizations.organizations import BillingMode, Organization
from talktime.core.organizations.users import User
from talktime.core.rates.rate_decks import DeckTerms, Direction, Rate
from talktime.core.rates.rating import Price, PriceStep
from talktime.settings import Settings
from talktime.store.transaction import Transaction
from tests.interfaces.charging.books import Facts

START = datetime(2026, 3, 2, 12, tzinfo=UTC)
BEFORE = datetime(2026, 1, 1, tzinfo=UTC)
ORGANIZATION_ID = 1
CALLER, CALLED = "442079460000", "442079469999"
PLAN, PLAN_MINUTES = License.DOMESTIC_120, 120
SECOND_MICROS, NANOS_PER_MINUTE = 100_000, 6_000_000_000
POOL = Pool(PLAN, "GB", "domestic", "2026-03").name
CAPPED, BILL, HOUR = "user/1/2026-03", "overage/2026-03", "calls/1/2026-03-02T12"
_UTC = ZoneInfo("UTC")


@dataclass(frozen=True, slots=True)
class Planned:
    """What the organization has: money, minutes that are left, arrangements, and what its caller is licensed for."""

    credit_micros: int = 0
    minutes_left: int = 0
    arranged: Arrangements = field(default_factory=Arrangements)
    mode: BillingMode = BillingMode.PREPAID
    has_credits_license: bool = False


def open_planned(url: str, planned: Planned) -> None:
    """Fill a migrated database."""
    settings = Settings(database=url)
    with App(settings) as app:
        app.run(_open, planned)
        used_minutes = PLAN_MINUTES - planned.minutes_left
        if not used_minutes:
            return
        key, began_at = CallKey("proxy", "before"), START - timedelta(hours=3)
        charging = app.open_charging()
        ended = EndCall(key, START - timedelta(hours=1), used_minutes * 60)
        answers = charging.charge([StartCall(key, began_at, CALLER, CALLED), ended])
        charging.close()
    assert list(map(type, answers)) == [Granted, Finished]


def meters_in(url: str) -> dict[str, Meter]:
    """Return the meters as they stand in the database."""
    return {name: Meter(used, held) for name, used, held in Facts(url).rows("SELECT meter, used, held FROM meters")}


def _open(tx: Transaction, planned: Planned) -> None:
    price = Price(0, (PriceStep(0, 1, NANOS_PER_MINUTE),))
    version = tx.rates.stage("standard", "test", DeckTerms("EUR", _UTC), BEFORE)
    tx.rates.add_rates(version.version_id, [Rate(Direction.OUTBOUND, "44", "", "United Kingdom", (price,))])
    tx.rates.complete(version.version_id, 1)
    tx.rates.publish(version, [Direction.OUTBOUND], start=BEFORE, at=BEFORE)
    organization = Organization(ORGANIZATION_ID, "Example", "GB", "EUR", _UTC, "standard", mode=planned.mode)
    tx.organizations.add(organization, BEFORE)
    credits_ = License.COMMUNICATIONS_CREDITS if planned.has_credits_license else License(0)
    user = User(ORGANIZATION_ID, 1, "ada@example.com", "Ada", "GB", License.PHONE_SYSTEM | PLAN | credits_)
    tx.organizations.add_users([user], [(CALLER,)])
    tx.arrangements.save_settings(ORGANIZATION_ID, planned.arranged)
    tx.arrangements.recount(ORGANIZATION_ID)
    if planned.credit_micros:
        lot = CreditLot(1, LotKind.PURCHASED, planned.credit_micros, BEFORE, START + timedelta(days=300))
        _, postings = lots.grant(Credit(), lot, BEFORE)
        tx.credit.add_lot(ORGANIZATION_ID, lot, "first")
        tx.credit.post(JournalEntry(ORGANIZATION_ID, "grant:1", BEFORE, postings))
        tx.organizations.set_up_credit(ORGANIZATION_ID)
