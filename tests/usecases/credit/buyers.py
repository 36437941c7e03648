"""An organization that buys: the recharge's world, with orders, agreements and ways to pay by their use cases."""

from dataclasses import replace
from pathlib import Path

from talktime.bootstrap import App
from talktime.core.credit.buying.agreements import Agreement, AgreementTerms
from talktime.core.credit.buying.refusals import Refused
from talktime.core.credit.orders import OrderForm, Review
from talktime.core.values.events import EventKind
from talktime.core.values.money import MICROS_PER_UNIT
from talktime.usecases.credit.buying.buy_credit import (
    OrderPlaced,
    OrderShown,
    PlaceOrder,
    charge_order,
    place_order,
    review_order,
)
from talktime.usecases.credit.buying.manage_agreements import AddAgreement, add_agreement
from talktime.usecases.credit.buying.manage_payment_methods import (
    AddCard,
    MethodKept,
    UseAgreement,
    add_card,
    use_agreement,
)
from talktime.usecases.insight.audit_books import AuditBooks, audit_books
from tests.recharge_world import GOOD_CARD, NAME, NOON, ORGANIZATION_ID, RechargeWorld

LOST_CARD, NEEDS_ACTION_CARD, LOST_ANSWER_CARD = "4000000000009987", "4000002500003155", "4000007700000018"
SOFT_DECLINE_CARD = "4000000000009995"
AGREEMENT = "EA-1001"


def units(amount: int) -> int:
    return amount * MICROS_PER_UNIT


FORM = OrderForm(NAME, units(200), NOON)


class Buyers(RechargeWorld):
    """Acme, as its admin and the operator see it."""

    def __init__(self, app: App, folder: Path, *, funded: int = 100) -> None:
        super().__init__(app, folder, funded=funded)
        self.gateways = {"sandbox": self.gateway}

    def attach(self, number: str = GOOD_CARD, expires: str = "12/30", *, replaces: int | None = None) -> MethodKept:
        card = self.gateway.add_card(f"{number} {expires}")
        return self.app.run(add_card, AddCard(NAME, "sandbox", card, self.at, replaces))

    def agree(
        self,
        terms: AgreementTerms = AgreementTerms.ON_CREDIT,
        *,
        number: str = AGREEMENT,
        country: str = "US",
        currency: str = "",
        limit: int | None = None,
        purchase_order: str = "",
    ) -> int:
        """Register an agreement and let it pay; return the number of the payment method."""
        limit_micros = None if limit is None else units(limit)
        self.app.run(add_agreement, AddAgreement(NAME, number, country, terms, currency, limit_micros))
        kept = self.app.run(use_agreement, UseAgreement(NAME, number, self.at, purchase_order))
        return kept.method.method_id

    def review(self, form: OrderForm = FORM) -> Review | Refused:
        return self.app.run(review_order, replace(form, at=self.at))

    def place(self, key: str = "K-1", form: OrderForm = FORM, *, is_confirmed: bool = False) -> OrderPlaced | Refused:
        return self.app.run(place_order, PlaceOrder(replace(form, at=self.at), key, is_confirmed))

    def buy(self, key: str = "K-1", form: OrderForm = FORM) -> OrderShown:
        placed = self.place(key, form)
        assert isinstance(placed, OrderPlaced), placed
        return charge_order(self.app.run, self.gateways, placed.key, lambda: self.at)

    def refused(self, form: OrderForm) -> str:
        """Return why a form is refused, which review and placing must agree about."""
        reviewed, placed = self.review(form), self.place(f"refused-{self._refusals()}", form)
        assert isinstance(reviewed, Refused)
        assert placed == reviewed
        return reviewed.code

    def agreement(self, number: str = AGREEMENT) -> Agreement:
        found = self.app.read(lambda tx, _: tx.agreements.agreement(ORGANIZATION_ID, number), None)
        assert found is not None
        return found

    def details(self, kind: EventKind) -> list[dict[str, str]]:
        """Return what was told of a kind of event, in the order in which it happened."""
        events = self.app.read(lambda tx, _: tx.notifications.events_waiting(1_000), None)
        return [dict(event.details) for event in events if event.kind is kind]

    @property
    def moved_units(self) -> int:
        """Return what the gateway has taken."""
        return self.gateway.moved_micros().get("USD", 0) // MICROS_PER_UNIT

    def is_clean(self) -> bool:
        return self.app.read(audit_books, AuditBooks(self.at)).is_clean

    def _refusals(self) -> int:
        self._calls_count += 1
        return self._calls_count
