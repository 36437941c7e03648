"""Books of two organizations whose calls are paid by included minutes, credit and overage, as charging writes them.

    PooledBooks.charged(app)        licenses, funds and charges, into April; afterwards `books.at` is the last instant

Contoso pays before use: a pool of 120 minutes, one user's own 120, an international plan, conference minutes, caps.
Tailspin pays after use: 0.08 of credit are left, then 0.10 a month may go on the bill. Call ids are words.
"""

from datetime import datetime, timedelta

from talktime.bootstrap import App
from talktime.core.calls.calls import CallKind, Ending
from talktime.core.calls.requests import AnswerCall, CloseCall, EndCall, StartCall
from talktime.core.credit import lots
from talktime.core.credit.ledger import JournalEntry
from talktime.core.credit.lots import CreditLot, LotKind
from talktime.core.organizations.arrangements import Arrangements, Caps, Overage
from talktime.core.organizations.licenses import License
from talktime.core.organizations.organizations import BillingMode, Organization
from talktime.core.organizations.users import User
from talktime.core.rates.rate_decks import DeckTerms, Direction
from talktime.store.transaction import Transaction
from tests.real_books import LONDON, RATES, Books, key

BEGINS_AT = datetime.fromisoformat("2026-03-02T09:00:00+00:00")
# Half a minute before April in London, where the clocks have gone forward.
BEFORE_MIDNIGHT = datetime.fromisoformat("2026-03-31T22:59:30+00:00")
CONTOSO, TAILSPIN = 1, 2
ADA, BOB, CAROL, EVE = "442071234561", "442071234562", "442071234563", "442071234564"
MOBILE, LANDLINE, PARIS, BERLIN = "447400123456", "442079460000", "33140205050", "4930901820"
PLAN = License.PHONE_SYSTEM | License.COMMUNICATIONS_CREDITS


class PooledBooks(Books):
    """Charges one request after another; the clock is `at`."""

    @classmethod
    def charged(cls, app: App) -> "PooledBooks":
        """Write the whole story."""
        app.run(_set_up, BEGINS_AT)
        books = cls(app)
        books._shared_pool()
        books._own_minutes()
        books._other_pools()
        books._billed_after_use()
        books._month_end()
        books.close()
        return books

    def _shared_pool(self) -> None:
        """Of 120 minutes, 2 and 117 are used; the last one begins a call that credit ends."""
        self.call("pooled", MOBILE, 90, caller=ADA)
        self.call("long", MOBILE, 117 * 60, caller=ADA)
        self.call("straddling", LANDLINE, 150, caller=ADA)
        self.call("after-pool", LANDLINE, 60, caller=ADA)

    def _own_minutes(self) -> None:
        """Who has no credit is cut when his own minutes end, and a report that comes too late finds none."""
        self.call("own", MOBILE, 119 * 60, caller=BOB)
        self.one(StartCall(key("late"), self.at, BOB, MOBILE))
        self.at += timedelta(hours=1)
        self.one(CloseCall(key("late"), self.at))
        self.one(StartCall(key("cut"), self.at, BOB, MOBILE))
        self.one(AnswerCall(key("cut"), self.at, self.at))
        self.at += timedelta(seconds=61)
        self.one(EndCall(key("cut"), self.at, 61, Ending.CREDIT_EXHAUSTED))
        self.one(EndCall(key("late"), self.at, 75))
        self.one(StartCall(key("refused"), self.at, BOB, MOBILE))

    def _other_pools(self) -> None:
        self.call("abroad", PARIS, 200, caller=CAROL)
        self.call(
            "conference",
            BERLIN,
            130,
            caller=CAROL,
            kind=CallKind.CALL_ME,
            organizer="carol@contoso.example",
            conference_id="conf-1",
        )
        self.one(StartCall(key("unanswered"), self.at, CAROL, MOBILE))
        self.at += timedelta(seconds=20)
        self.one(EndCall(key("unanswered"), self.at, 0))

    def _billed_after_use(self) -> None:
        """0.08 of credit pay the first 30 seconds of 100; the bill pays the rest, and then all, up to its limit."""
        self.call("split", PARIS, 100, caller=EVE)
        self.call("billed", MOBILE, 90, caller=EVE)
        self.one(StartCall(key("open-billed"), self.at, EVE, LANDLINE))
        self.one(StartCall(key("beyond-limit"), self.at, EVE, PARIS))

    def _month_end(self) -> None:
        """A call belongs to the month in which it began; April has minutes again."""
        self.one(EndCall(key("open-billed"), self.at + timedelta(seconds=30), 30))
        self.at = BEFORE_MIDNIGHT
        self.call("across-midnight", MOBILE, 150, caller=CAROL)
        self.at += timedelta(days=1)
        self.call("april", MOBILE, 30, caller=ADA)
        self.one(StartCall(key("open"), self.at, ADA, MOBILE))
        self.one(StartCall(key("open-billed-again"), self.at, EVE, LANDLINE))

    def use_up_abroad(self) -> None:
        """Let Carol use all her international minutes of April at once."""
        self.at = BEFORE_MIDNIGHT + timedelta(days=2)
        self.call("all-abroad", PARIS, 600 * 60, caller=CAROL)


def _set_up(tx: Transaction, at: datetime) -> None:
    version = tx.rates.stage("az", "az.csv", DeckTerms("GBP", LONDON), at - timedelta(days=60))
    tx.rates.add_rates(version.version_id, RATES)
    tx.rates.complete(version.version_id, len(RATES))
    tx.rates.publish(version, (Direction.OUTBOUND,), start=at - timedelta(days=59), at=at - timedelta(days=60))
    contoso = Organization(CONTOSO, "Contoso", "GB", "GBP", LONDON, "az")
    tailspin = Organization(TAILSPIN, "Tailspin", "GB", "GBP", LONDON, "az", mode=BillingMode.POSTPAID)
    for organization in (contoso, tailspin):
        tx.organizations.add(organization, at)
    people = (
        User(CONTOSO, 1, "ada@contoso.example", "Ada", "GB", PLAN | License.DOMESTIC_120, "Sales"),
        User(CONTOSO, 2, "bob@contoso.example", "Bob", "GB", License.PHONE_SYSTEM | License.DOMESTIC_120_NOT_POOLED),
        User(
            CONTOSO,
            3,
            "carol@contoso.example",
            "Carol",
            "GB",
            PLAN | License.DOMESTIC_AND_INTERNATIONAL | License.AUDIO_CONFERENCING,
        ),
        User(TAILSPIN, 1, "eve@tailspin.example", "Eve", "GB", License.PHONE_SYSTEM),
    )
    tx.organizations.add_users(people, ((ADA,), (BOB,), (CAROL,), (EVE,)))
    for organization_id in (CONTOSO, TAILSPIN):
        tx.arrangements.recount(organization_id)
    tx.arrangements.set_purchased(CONTOSO, License.AUDIO_CONFERENCING, 1)
    caps = Caps(each_user_micros=5_000_000, by_department_micros={"Sales": 2_000_000})
    tx.arrangements.save_settings(CONTOSO, Arrangements(caps=caps))
    tx.arrangements.save_settings(TAILSPIN, Arrangements(overage=Overage(is_on=True, limit_per_month_micros=100_000)))
    _fund(tx, CONTOSO, 10_000_000, at)
    _fund(tx, TAILSPIN, 80_000, at)


def _fund(tx: Transaction, organization_id: int, amount_micros: int, at: datetime) -> None:
    before = tx.credit.credit(organization_id)
    lot = CreditLot(1, LotKind.PURCHASED, amount_micros, at, lots.expires_at(at, LONDON))
    after, postings = lots.grant(before, lot, at)
    tx.credit.add_lot(organization_id, lot, "order-1")
    tx.credit.post(JournalEntry(organization_id, "grant:1", at, postings))
    assert after.lots == (lot,)
    tx.organizations.set_up_credit(organization_id)
