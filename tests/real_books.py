"""Books of two organizations, as charging writes them: a few dozen calls of every kind and with every end.

    Books.charged(app)        funds, charges, expires; afterwards `books.at` is the instant of the last request

Acme has credit and every kind of call; Fabrikam runs out of credit, is cut, overruns and owes. Call ids are words.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from talktime.bootstrap import App
from talktime.core.calls.calls import CallKey, CallKind, Ending
from talktime.core.calls.requests import Answer, AnswerCall, CloseCall, EndCall, ExtendCall, Request, StartCall
from talktime.core.credit import lots
from talktime.core.credit.ledger import JournalEntry
from talktime.core.credit.lots import CreditLot, LotKind
from talktime.core.organizations.licenses import License
from talktime.core.organizations.organizations import Organization
from talktime.core.organizations.users import NumberUse, User
from talktime.core.rates.rate_decks import DeckTerms, Direction, Rate
from talktime.core.rates.rating import ANY_TIME, Price, PriceStep, TimeProfile, Window
from talktime.store.transaction import Transaction

LONDON = ZoneInfo("Europe/London")
BEGINS_AT = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
ACME, FABRIKAM = 1, 2
ADA, BOB = "442071234567", "442071234568"
EVE = "12125550100"
TOLL_FREE, TOLL = "448001112222", "442079990000"
ALL_LICENSES = License.PHONE_SYSTEM | License.AUDIO_CONFERENCING | License.COMMUNICATIONS_CREDITS
PEAK = TimeProfile("peak", tuple(Window(day, 8 * 3_600, 18 * 3_600) for day in range(5)))
OFFPEAK = TimeProfile(
    "offpeak",
    tuple(
        window
        for day in range(7)
        for window in (
            (Window(day, 0, 8 * 3_600), Window(day, 18 * 3_600, 86_400)) if day < 5 else (Window(day, 0, 86_400),)
        )
    ),
)


def price(nanos: int, *, fee_nanos: int = 0, increment: int = 60, profile: TimeProfile = ANY_TIME) -> Price:
    return Price(fee_nanos, (PriceStep(0, increment, nanos),), profile)


def outbound(prefix: str, destination: str, *prices: Price, blocked: bool = False) -> Rate:
    return Rate(Direction.OUTBOUND, prefix, "", destination, prices, blocked)


RATES = (
    outbound("44", "United Kingdom", price(20_000_000)),
    outbound("4420", "United Kingdom London", price(13_333_333, increment=1)),
    outbound("33", "France", price(31_000_000, fee_nanos=50_000_000, increment=30)),
    outbound(
        "49",
        "Germany",
        price(40_000_000, fee_nanos=20_000_000, profile=PEAK),
        price(10_000_000, fee_nanos=5_000_000, profile=OFFPEAK),
    ),
    outbound("353", "Ireland", price(0)),
    outbound("88", "Satellite", blocked=True),
    Rate(Direction.TOLL_FREE_INBOUND, "44800", "", "United Kingdom toll-free", (price(60_000_000),)),
)


class Books:
    """Charges one request after another; the clock is `at`."""

    def __init__(self, app: App) -> None:
        self.at = BEGINS_AT
        self._charging = app.open_charging()

    @classmethod
    def charged(cls, app: App) -> "Books":
        """Write the whole story."""
        app.run(_set_up, BEGINS_AT)
        books = cls(app)
        books._ordinary_calls()
        books._special_calls()
        books._ends_without_switch()
        books._out_of_credit()
        books.at = BEGINS_AT + timedelta(days=40)
        app.run(_expire, books.at)
        books.one(StartCall(key("open"), books.at, ADA, "33140205050"))
        books.close()
        return books

    def close(self) -> None:
        self._charging.close()

    def charge(self, requests: Sequence[Request]) -> list[Answer | None]:
        return self._charging.charge(requests)

    def one(self, request: Request) -> Answer | None:
        return self.charge([request])[0]

    def call(
        self,
        name: str,
        called: str,
        used_seconds: int,
        *,
        caller: str = ADA,
        kind: CallKind | None = None,
        organizer: str = "",
        conference_id: str = "",
    ) -> None:
        """Start, answer, extend as often as needed, and end."""
        self.one(StartCall(key(name), self.at, caller, called, kind, conference_id, organizer))
        answered_at = self.at + timedelta(seconds=4)
        self.one(AnswerCall(key(name), answered_at, answered_at))
        for elapsed in range(50, used_seconds, 60):
            at = answered_at + timedelta(seconds=elapsed)
            self.one(ExtendCall(key(name), at, elapsed + 10, elapsed))
        self.at = answered_at + timedelta(seconds=used_seconds)
        self.one(EndCall(key(name), self.at, used_seconds))

    def _ordinary_calls(self) -> None:
        for number in range(24):
            called = ("442079460000", "447700900123", "33140205050", "4930901820")[number % 4]
            self.call(f"ordinary-{number:02}", called, (7 + 53 * number) % 400)
            self.at += timedelta(minutes=37)

    def _special_calls(self) -> None:
        self.call("free-ireland", "353123456789", 61)
        self.call("emergency", "999", 30)
        self.call("inbound-user", ADA, 200, caller="33140205050")
        self.call("inbound-toll", TOLL, 90, caller="33140205050", conference_id="conf-1")
        self.call("inbound-toll-free", TOLL_FREE, 90, caller="447700900123")
        self.call(
            "conference-out", "4930901820", 130, caller=TOLL, organizer="ada@acme.example", conference_id="conf-1"
        )
        self.call("denied-license", "442079460000", 0, caller=BOB)
        self.call("denied-blocked", "881612345678", 0)
        self.call("denied-unrated", "8613800138000", 0)
        self.one(EndCall(key("never-started"), self.at, 33))
        self.one(StartCall(key("two-legs", "a"), self.at, ADA, "447700900123"))
        self.one(StartCall(key("two-legs", "b"), self.at, ADA, "442079460000"))
        self.at += timedelta(seconds=20)
        self.one(EndCall(key("two-legs", "a"), self.at, 15))
        self.one(EndCall(key("two-legs", "b"), self.at, 0))

    def _ends_without_switch(self) -> None:
        """A call that lapses and is ended late, one that lapses for good, and one that the server closes."""
        for name in ("late", "lapsed", "silent"):
            self.one(StartCall(key(name), self.at, ADA, "447700900123"))
        self.one(AnswerCall(key("silent"), self.at, self.at))
        self.at += timedelta(hours=1)
        self.charge([CloseCall(key(name), self.at) for name in ("late", "lapsed", "silent")])
        self.one(EndCall(key("late"), self.at, 75))

    def _out_of_credit(self) -> None:
        """Fabrikam has 0.028: a call that is cut by its final grant, one that overruns, and one that is refused."""
        self.at += timedelta(minutes=1)
        self.one(StartCall(key("cut"), self.at, EVE, "442079460000"))
        self.one(AnswerCall(key("cut"), self.at, self.at))
        self.one(ExtendCall(key("cut"), self.at + timedelta(seconds=50), 60, 50))
        self.one(ExtendCall(key("cut"), self.at + timedelta(seconds=110), 120, 110))
        self.at += timedelta(seconds=121)
        self.one(EndCall(key("cut"), self.at, 121, Ending.CREDIT_EXHAUSTED))
        self.one(StartCall(key("overrun"), self.at, EVE, "442079460000"))
        self.at += timedelta(seconds=500)
        self.one(EndCall(key("overrun"), self.at, 490))
        self.one(StartCall(key("exhausted"), self.at, EVE, "442079460000"))


def key(name: str, leg: str = "") -> CallKey:
    return CallKey("sbc1", name, leg)


def _set_up(tx: Transaction, at: datetime) -> None:
    terms = DeckTerms("GBP", LONDON)
    version = tx.rates.stage("az", "az.csv", terms, at - timedelta(days=60))
    tx.rates.add_rates(version.version_id, RATES)
    tx.rates.complete(version.version_id, len(RATES))
    directions = (Direction.OUTBOUND, Direction.TOLL_FREE_INBOUND)
    tx.rates.publish(version, directions, start=at - timedelta(days=59), at=at - timedelta(days=60))
    for organization_id, name in ((ACME, "Acme"), (FABRIKAM, "Fabrikam")):
        tx.organizations.add(Organization(organization_id, name, "GB", "GBP", LONDON, "az"), at)
    people = (
        User(ACME, 1, "ada@acme.example", "Ada Byron", "GB", ALL_LICENSES, "Analysis"),
        User(ACME, 2, "bob@acme.example", "=Bob", "GB", License.PHONE_SYSTEM),
        User(FABRIKAM, 1, "eve@fabrikam.example", "Eve", "US", ALL_LICENSES),
    )
    tx.organizations.add_users(people, ((ADA,), (BOB,), (EVE,)))
    for organization_id in {user.organization_id for user in people}:
        tx.arrangements.recount(organization_id)
    tx.organizations.add_service_number(ACME, TOLL_FREE, NumberUse.TOLL_FREE)
    tx.organizations.add_service_number(ACME, TOLL, NumberUse.TOLL)
    _fund(tx, ACME, 2_000_000, at, LotKind.PROMOTIONAL, at + timedelta(hours=5))
    _fund(tx, ACME, 50_000_000, at)
    _fund(tx, FABRIKAM, 28_000, at)


def _fund(
    tx: Transaction,
    organization_id: int,
    amount_micros: int,
    at: datetime,
    kind: LotKind = LotKind.PURCHASED,
    expires_at: datetime | None = None,
) -> None:
    before = tx.credit.credit(organization_id)
    lot_id = tx.credit.next_lot_id(organization_id)
    lot = CreditLot(lot_id, kind, amount_micros, at, expires_at or lots.expires_at(at, LONDON))
    after, postings = lots.grant(before, lot, at)
    tx.credit.add_lot(organization_id, next(each for each in after.lots if each.lot_id == lot_id), f"order-{lot_id}")
    tx.credit.save(organization_id, before, after)
    tx.credit.post(JournalEntry(organization_id, f"grant:{lot_id}", at, postings))
    tx.organizations.set_up_credit(organization_id)


def _expire(tx: Transaction, at: datetime) -> None:
    before = tx.credit.credit(ACME)
    after, postings = lots.expire(before, at)
    tx.credit.save(ACME, before, after)
    tx.credit.post(JournalEntry(ACME, f"expiry:{at:%Y%m%d}", at, postings))
