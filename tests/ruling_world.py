"""An organization whose rules are set: three people who call for 1.00 a minute, a toll-free number, a clock of its own.

world = RulingWorld(app)             Acme, 100.00 USD, in New York; ada and bob sell, cyd stands at the front desk
world.call(10)                        a call of ada's that costs 10.00
world.start(by=BOB), world.extend(key, granted), world.end(key, seconds)
world.audit()                         the books agree
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from talktime.bootstrap import App
from talktime.core.calls.calls import CallKey
from talktime.core.calls.counting.meters import UNUSED, Meter
from talktime.core.calls.requests import Answer, AnswerCall, Denied, EndCall, ExtendCall, Granted, Request, StartCall
from talktime.core.organizations.licenses import License
from talktime.core.organizations.organizations import BillingMode, Organization
from talktime.core.organizations.users import AccountKind, NumberUse, User
from talktime.core.rates.rate_decks import DeckTerms, Direction, Rate
from talktime.core.rates.rating import ANY_TIME, Price, PriceStep
from talktime.core.values.money import MICROS_PER_UNIT
from talktime.store.transaction import Transaction
from talktime.usecases.credit.add_credit import AddCredit, add_credit
from talktime.usecases.insight.audit_books import AuditBooks, audit_books
from talktime.usecases.organizations.set_billing_mode import SetBillingMode, set_billing_mode
from talktime.usecases.organizations.set_overage import SetOverage, set_overage

NEW_YORK = ZoneInfo("America/New_York")
NOON = datetime(2026, 3, 12, 16, tzinfo=UTC)
NAME, ORGANIZATION_ID = "Acme", 1
ADA, BOB, CYD, LOBBY = "ada@acme.example", "bob@acme.example", "cyd@acme.example", "lobby@acme.example"
PARIS, TOLL_FREE, CALLER = "33140205050", "18005550100", "12125550199"
LICENSES = License.PHONE_SYSTEM | License.AUDIO_CONFERENCING | License.COMMUNICATIONS_CREDITS
NANOS_PER_UNIT = 1_000_000_000


def units(amount: int) -> int:
    return amount * MICROS_PER_UNIT


class RulingWorld:
    """One organization; `at` is the clock, which only the test moves."""

    def __init__(self, app: App, *, funded: int = 100, currency: str = "USD", country: str = "US") -> None:
        self.app = app
        self.at = NOON
        self._charging = app.open_charging()
        self._calls_count = 0
        app.run(_set_up, (currency, country))
        if funded:
            app.run(add_credit, AddCredit(NAME, units(funded), "OPENING", NOON))

    def close(self) -> None:
        self._charging.close()

    def tick(self, **span: float) -> None:
        self.at += timedelta(**span)

    def ask(self, request: Request) -> Answer:
        """Ask until whoever holds the organization lets go of it."""
        while True:
            answer = self._charging.charge([request])[0]
            if answer is not None:
                return answer

    def start(self, *, by: str = ADA, called: str = PARIS, caller: str = "") -> tuple[CallKey, Answer]:
        self._calls_count += 1
        key = CallKey("proxy", f"call-{self._calls_count}")
        return key, self.ask(StartCall(key, self.at, caller or by, called))

    def extend(self, key: CallKey, *, granted: int) -> Answer:
        return self.ask(ExtendCall(key, self.at, granted))

    def end(self, key: CallKey, used_seconds: int) -> None:
        self.ask(EndCall(key, self.at, used_seconds))

    def call(self, minutes: int, *, by: str = ADA) -> None:
        """Make a call of so many minutes, one unit each."""
        key, answer = self.start(by=by)
        assert isinstance(answer, Granted), answer
        self.ask(AnswerCall(key, self.at, self.at))
        granted = answer.granted_seconds
        while granted < minutes * 60:
            more = self.extend(key, granted=granted)
            assert isinstance(more, Granted)
            assert more.granted_seconds > granted, "nothing pays for a call of this length"
            granted = more.granted_seconds
        self.tick(minutes=minutes)
        self.end(key, minutes * 60)

    def refusal(self, *, by: str = ADA, called: str = PARIS, caller: str = "") -> str:
        """Return why a call is refused; one that is allowed ends at once, and has the empty reason."""
        key, answer = self.start(by=by, called=called, caller=caller)
        if isinstance(answer, Denied):
            return answer.reason.value
        self.end(key, 0)
        return ""

    def pay_after_use(self, *, limit: int | None = None) -> None:
        """Become postpaid, with overage on."""
        self.app.run(set_billing_mode, SetBillingMode(NAME, BillingMode.POSTPAID))
        micros = None if limit is None else units(limit)
        self.app.run(set_overage, SetOverage(NAME, self.at, is_on=True, limit_per_month_micros=micros))

    def meter(self, name: str) -> Meter:
        return self.app.read(lambda tx, _: tx.meters.of(ORGANIZATION_ID, [name]).get(name, UNUSED), None)

    def is_clean(self) -> bool:
        report = self.app.read(audit_books, AuditBooks(self.at))
        assert report.violations == ()
        return report.is_clean

    @property
    def available_micros(self) -> int:
        return self.app.read(lambda tx, _: tx.credit.credit(ORGANIZATION_ID).available_micros(self.at), None)


@contextmanager
def ruling_world(app: App, **terms: str | int) -> Iterator[RulingWorld]:
    """Open a world, and close its charging."""
    world = RulingWorld(app, **terms)  # type: ignore[arg-type]
    try:
        yield world
    finally:
        world.close()


def _set_up(tx: Transaction, terms: tuple[str, str]) -> None:
    currency, country = terms
    version = tx.rates.stage("deck", "deck.csv", DeckTerms(currency, NEW_YORK), NOON - timedelta(days=61))
    price = Price(0, (PriceStep(0, 60, NANOS_PER_UNIT),), ANY_TIME)
    rates = [
        Rate(Direction.OUTBOUND, "33", "", "France", (price,)),
        Rate(Direction.TOLL_FREE_INBOUND, "1800", "", "Toll-free", (price,)),
    ]
    tx.rates.add_rates(version.version_id, rates)
    tx.rates.complete(version.version_id, len(rates))
    directions = (Direction.OUTBOUND, Direction.TOLL_FREE_INBOUND)
    tx.rates.publish(version, directions, start=NOON - timedelta(days=60), at=NOON - timedelta(days=61))
    tx.organizations.add(Organization(ORGANIZATION_ID, NAME, country, currency, NEW_YORK, "deck"), NOON)
    people = (
        User(ORGANIZATION_ID, 1, ADA, "Ada", country, LICENSES, "Sales"),
        User(ORGANIZATION_ID, 2, BOB, "Bob", country, LICENSES, "Sales"),
        User(ORGANIZATION_ID, 3, CYD, "Cyd", country, LICENSES, "Front desk"),
        User(ORGANIZATION_ID, 4, LOBBY, "Lobby", country, LICENSES, account=AccountKind.AUTO_ATTENDANT),
    )
    tx.organizations.add_users(people, ((), (), (), ()))
    tx.organizations.add_service_number(ORGANIZATION_ID, TOLL_FREE, NumberUse.TOLL_FREE)
    tx.arrangements.recount(ORGANIZATION_ID)
