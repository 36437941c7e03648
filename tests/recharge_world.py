"""An organization that calls, pays by sandbox cards and recharges: real charging, a real store, a clock of its own.

world = RechargeWorld(app, folder)      Acme, 100.00 USD, calls at 1.00 a minute, no card yet
world.add_card("4242424242424242")      → the number of the payment method
world.recharge_on(trigger=50, amount=200)
world.spend(60)                          a call that costs 60.00
world.work()                             what a worker does now: charge whatever is due
"""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from talktime.bootstrap import App
from talktime.core.calls.calls import CallKey
from talktime.core.calls.requests import Answer, AnswerCall, EndCall, StartCall
from talktime.core.credit.buying.payments import MethodKind, PaymentMethod, PurchaseKey
from talktime.core.credit.buying.purchases import Purchase
from talktime.core.credit.lots import Credit
from talktime.core.credit.recharging.settings import RechargeChange
from talktime.core.credit.recharging.watching import CreditWatch
from talktime.core.organizations.licenses import License
from talktime.core.organizations.organizations import Organization
from talktime.core.organizations.users import User
from talktime.core.rates.rate_decks import DeckTerms, Direction, Rate
from talktime.core.rates.rating import ANY_TIME, Price, PriceStep
from talktime.core.values.events import EventKind
from talktime.core.values.money import MICROS_PER_UNIT
from talktime.gateways.payments.sandbox import SandboxGateway
from talktime.store.transaction import Transaction
from talktime.usecases.credit.add_credit import AddCredit, add_credit
from talktime.usecases.credit.paying.charge_purchases import charge_purchase, due_purchases
from talktime.usecases.credit.recharging.set_recharge import ConfirmationNeeded, RechargeSet, SetRecharge, set_recharge

NEW_YORK = ZoneInfo("America/New_York")
NOON = datetime(2026, 3, 2, 17, tzinfo=UTC)
NAME, ORGANIZATION_ID = "Acme", 1
CALLER, CALLED = "12125550100", "33140205050"
ALL_LICENSES = License.PHONE_SYSTEM | License.AUDIO_CONFERENCING | License.COMMUNICATIONS_CREDITS
GOOD_CARD, OTHER_GOOD_CARD = "4242424242424242", "5555555555554444"
NANOS_PER_UNIT = 1_000_000_000


class RechargeWorld:
    """One organization, one gateway; `at` is the clock, which only the test moves."""

    def __init__(self, app: App, folder: Path, *, funded: int = 100) -> None:
        self.app = app
        self.at = NOON
        self.gateway = SandboxGateway(folder / "sandbox", clock=lambda: self.at)
        self._charging = app.open_charging()
        self._calls_count = 0
        app.run(_set_up, NOON)
        if funded:
            app.run(add_credit, AddCredit(NAME, funded * MICROS_PER_UNIT, "OPENING", NOON))

    def close(self) -> None:
        self._charging.close()

    def tick(self, **span: float) -> None:
        self.at += timedelta(**span)

    def add_card(self, number: str = GOOD_CARD, expires: str = "12/30") -> int:
        card = self.gateway.add_card(f"{number} {expires}")

        def add(tx: Transaction, _: None) -> int:
            method_id = tx.payments.next_method_id(ORGANIZATION_ID)
            method = PaymentMethod(ORGANIZATION_ID, method_id, MethodKind.CARD, "sandbox", card)
            tx.payments.add_method(method, self.at)
            return method_id

        return self.app.run(add, None)

    def recharge_on(self, *, trigger: int, amount: int, number: str = GOOD_CARD, **others: int | bool) -> None:
        """Switch it on with a card of its own, agreeing to whatever it charges at once."""
        change = RechargeChange(
            is_on=True,
            trigger_micros=trigger * MICROS_PER_UNIT,
            amount_micros=amount * MICROS_PER_UNIT,
            method_id=self.add_card(number),
            **others,  # type: ignore[arg-type]
        )
        answer = self.set(change)
        if isinstance(answer, ConfirmationNeeded):
            answer = self.set(change, confirmed_micros=answer.charge_micros)
        assert isinstance(answer, RechargeSet)

    def set(
        self, change: RechargeChange, *, confirmed_micros: int | None = None, version: int | None = None
    ) -> RechargeSet | ConfirmationNeeded:
        request = SetRecharge(NAME, "ada", self.at, change, version=version, confirmed_micros=confirmed_micros)
        return self.app.run(set_recharge, request)

    def start(self, name: str = "") -> tuple[CallKey, Answer | None]:
        self._calls_count += 1
        key = CallKey("proxy", name or f"call-{self._calls_count}")
        return key, self._charging.charge([StartCall(key, self.at, CALLER, CALLED)])[0]

    def spend(self, units: int) -> None:
        """Make a call of so many minutes, one unit each."""
        key, _ = self.start()
        answered_at = self.at
        self.tick(minutes=units)
        self._charging.charge(
            [AnswerCall(key, answered_at, answered_at), EndCall(key, self.at, used_seconds=units * 60)]
        )

    def work(self) -> None:
        """Do whatever is due now, as a worker does."""
        for due in self.app.read(due_purchases, self.at):
            charge_purchase(self.app.run, {"sandbox": self.gateway}, due.key, lambda: self.at)

    @property
    def credit(self) -> Credit:
        return self.app.read(lambda tx, _: tx.credit.credit(ORGANIZATION_ID), None)

    @property
    def available_units(self) -> int:
        return self.credit.spendable_micros(self.at) // MICROS_PER_UNIT

    @property
    def watch(self) -> CreditWatch:
        return self.app.read(lambda tx, _: tx.purchases.watch(ORGANIZATION_ID), None)

    @property
    def purchases(self) -> list[Purchase]:
        """All purchases, the oldest first."""
        return self.app.read(lambda tx, _: tx.purchases.all(ORGANIZATION_ID, most=1_000), None)[::-1]

    def purchase(self, purchase_id: str) -> Purchase:
        found = self.app.read(lambda tx, _: tx.purchases.purchase(PurchaseKey(ORGANIZATION_ID, purchase_id)), None)
        assert found is not None
        return found

    def told(self) -> list[EventKind]:
        """Return the kinds of events in the outbox, in the order in which they happened."""
        return [event.kind for event in self.app.read(lambda tx, _: tx.notifications.events_waiting(1_000), None)]


def _set_up(tx: Transaction, at: datetime) -> None:
    version = tx.rates.stage("deck", "deck.csv", DeckTerms("USD", NEW_YORK), at - timedelta(days=1))
    price = Price(0, (PriceStep(0, 60, NANOS_PER_UNIT),), ANY_TIME)
    tx.rates.add_rates(version.version_id, [Rate(Direction.OUTBOUND, "33", "", "France", (price,))])
    tx.rates.complete(version.version_id, 1)
    tx.rates.publish(version, (Direction.OUTBOUND,), start=at - timedelta(hours=23), at=at - timedelta(days=1))
    tx.organizations.add(Organization(ORGANIZATION_ID, NAME, "US", "USD", NEW_YORK, "deck"), at)
    user = User(ORGANIZATION_ID, 1, "ada@acme.example", "Ada Byron", "US", ALL_LICENSES)
    tx.organizations.add_users((user,), ((CALLER,),))
    tx.arrangements.recount(ORGANIZATION_ID)
