"""An order of credit: the form, what it would do, and who may place it (S24 to S27, S36, S41 to S43)."""

import re
from dataclasses import replace
from datetime import datetime, timedelta
from enum import Enum

from talktime.core.credit import lots
from talktime.core.credit.billing import taxes
from talktime.core.credit.billing.taxes import TaxRule
from talktime.core.credit.buying import catalog
from talktime.core.credit.buying.agreements import AgreementTerms, Standing
from talktime.core.credit.buying.catalog import DEFAULT_TERMS, BuyingTerms
from talktime.core.credit.buying.payments import PaymentMethod
from talktime.core.credit.buying.purchases import HARD_DECLINES, Purchase, PurchaseCause
from talktime.core.credit.buying.refusals import RefusalReason, Refused, amount_refusal, refused
from talktime.core.credit.lots import Credit
from talktime.core.credit.recharging import recharge
from talktime.core.credit.recharging import settings as recharge_settings
from talktime.core.credit.recharging.recharge import Due, RechargePolicy
from talktime.core.credit.recharging.watching import CreditWatch
from talktime.core.organizations.licenses import License, services_of
from talktime.core.organizations.licensing.products import in_words
from talktime.core.organizations.organizations import BillingMode, Organization
from talktime.core.values.frozen import frozen
from talktime.core.values.money import AMOUNT_MAX_MICROS, format_micros

CARD_EXPIRES_SOON = timedelta(days=30)
# Named before the other licenses that let an organization buy.
_UNLOCKING = License.PHONE_SYSTEM | License.AUDIO_CONFERENCING
# As `purchase_id_of` and `recharge.purchase_id_of` make them.
_PURCHASE_ID = re.compile(r"(?:order|recharge)-\d+", re.ASCII)


@frozen
class RechargeWish:
    """The auto-recharge that is switched on with an order, once its credit has come (S25 to S27)."""

    trigger_micros: int
    amount_micros: int


@frozen
class OrderForm:
    """What an admin fills in.

    Without a way to pay it is the only one, or the recharge's; a currency, if stated, must be the organization's.
    """

    organization: str
    amount_micros: int
    at: datetime
    currency: str = ""
    method_id: int | None = None
    recharge: RechargeWish | None = None
    terms: BuyingTerms = DEFAULT_TERMS


@frozen
class Buyer:
    """Who orders: `licenses` are those that any of its users has, `usual_day_micros` what a day of use costs."""

    organization: Organization
    licenses: License
    credit: Credit
    watch: CreditWatch
    methods: tuple[PaymentMethod, ...]
    usual_day_micros: int = 0
    open_orders: tuple[str, ...] = ()
    tax_rule: TaxRule | None = None
    # As the country table says of the organization's country (S17, D22).
    has_credits: bool = True


class CautionKind(Enum):
    """What should not be overlooked before an order is placed."""

    LARGE_AMOUNT = "large_amount"
    CARD_EXPIRES_SOON = "card_expires_soon"
    RECHARGE = "recharge"
    CREDIT_COMES_LATER = "credit_comes_later"
    ORDER_OPEN = "order_open"


@frozen
class Caution:
    """A warning and its sentence."""

    kind: CautionKind
    message: str


@frozen
class RechargePreview:
    """What the auto-recharge would do after the order; `charges_now_micros` at once, tax included."""

    policy: RechargePolicy
    charges_now_micros: int


@frozen
class Review:
    """Exactly what an order would do, before it is placed (S36)."""

    organization: Organization
    amount_micros: int
    tax_micros: int
    method: PaymentMethod
    # None for a card.
    terms: AgreementTerms | None
    lot_expires_at: datetime
    balance_micros: int
    recharge: RechargePreview | None
    needs_confirmation: bool
    cautions: tuple[Caution, ...]

    @property
    def total_micros(self) -> int:
        """Return what is charged or invoiced."""
        return self.amount_micros + self.tax_micros

    @property
    def balance_after_micros(self) -> int:
        """Return the posted balance once the credit has come."""
        return self.balance_micros + self.amount_micros


def ineligible(buyer: Buyer, terms: BuyingTerms) -> Refused | None:
    """Tell why an organization may not buy credit at all; None: it may (D20, S41, domain.md 1.10)."""
    organization = buyer.organization
    if not organization.is_active:
        return refused(RefusalReason.SUSPENDED, f"{organization.name} is suspended: the operator reactivates it first")
    if buyer.organization.mode is BillingMode.POSTPAID:
        return refused(
            RefusalReason.POSTPAID,
            f"{organization.name} pays after use and needs no credits: switch pay-as-you-go on for its calling"
            " subscription, or ask its partner to manage overage; usage then appears on the next invoice",
        )
    if not buyer.has_credits:
        return refused(RefusalReason.COUNTRY, f"Communications Credits are not sold in {organization.country}")
    if not services_of(buyer.licenses) & terms.unlocked_by:
        names = in_words(terms.unlocked_by & _UNLOCKING or terms.unlocked_by)
        message = (
            f"{organization.name} needs a user with {names}, or with a plan or bundle of that kind, first: assign one"
            " with `talktime licenses assign`"
        )
        return refused(RefusalReason.LICENSE, message)
    return None


def impossible(form: OrderForm, buyer: Buyer) -> Refused | None:
    """Tell why the amounts of a form cannot be, as far as anybody may buy; None: they can."""
    organization, currency = buyer.organization, buyer.organization.currency
    if form.currency and form.currency.upper() != currency:
        message = f"{organization.name} pays in {currency}, not in {form.currency.upper()}"
        return refused(RefusalReason.CURRENCY, message)
    refusal = amount_refusal(form.amount_micros, currency, form.terms)
    if refusal is not None:
        return refusal
    if buyer.credit.balance_micros + form.amount_micros > AMOUNT_MAX_MICROS:
        held, most = format_micros(buyer.credit.balance_micros), format_micros(AMOUNT_MAX_MICROS)
        return refused(
            RefusalReason.BALANCE_TOO_LARGE, f"{organization.name} holds {held} {currency} already, of {most}"
        )
    if form.recharge is None:
        return None
    if not 0 <= form.recharge.trigger_micros <= AMOUNT_MAX_MICROS:
        return refused(RefusalReason.TRIGGER, "the trigger must be 0 or above, and within what a balance can be")
    return amount_refusal(form.recharge.amount_micros, currency, form.terms)


def method_of(form: OrderForm, buyer: Buyer) -> PaymentMethod | Refused:
    """Return the way to pay that a form means, usable today as far as its card says."""
    listed = "`talktime payment-methods` lists them"
    wanted = form.method_id
    if wanted is None and not buyer.methods:
        message = f"{buyer.organization.name} has no way to pay yet: `talktime payment-methods add-card` adds one"
        return refused(RefusalReason.METHOD_MISSING, message)
    if wanted is None and len(buyer.methods) == 1:
        wanted = buyer.methods[0].method_id
    if wanted is None:
        wanted = buyer.watch.policy.method_id
    if wanted is None:
        return refused(
            RefusalReason.METHOD_NOT_CHOSEN, f"there are {len(buyer.methods)} ways to pay: say which; {listed}"
        )
    method = next((each for each in buyer.methods if each.method_id == wanted), None)
    if method is None:
        return refused(RefusalReason.METHOD_UNKNOWN, f"{buyer.organization.name} has no way to pay {wanted}; {listed}")
    today = form.at.astimezone(buyer.organization.zone).date()
    if method.card is not None and method.card.expires_on < today:
        message = f"{method.label} expired on {method.card.expires_on}: replace it, or choose another way to pay"
        return refused(RefusalReason.CARD_EXPIRED, message)
    return method


def tax_of(amount_micros: int, buyer: Buyer) -> int:
    """Return the tax on top of an amount."""
    return taxes.tax_micros(amount_micros, buyer.tax_rule, buyer.organization.currency)


def review(form: OrderForm, buyer: Buyer, method: PaymentMethod, standing: Standing | None) -> Review:
    """Return what an order that nothing refuses would do; `standing` is its agreement's."""
    terms = None if standing is None else standing.agreement.terms
    policy = _policy(form, buyer.watch.policy, method)
    preview = None if policy is None else _preview(form, buyer, policy, terms)
    is_large = form.amount_micros > catalog.confirmed_above_micros(buyer.organization.currency, form.terms)
    return Review(
        buyer.organization,
        form.amount_micros,
        tax_of(form.amount_micros, buyer),
        method,
        terms,
        lots.expires_at(form.at, buyer.organization.zone),
        buyer.credit.balance_micros,
        preview,
        is_large,
        _cautions(form, buyer, method, terms, preview, is_large=is_large),
    )


def placed(form: OrderForm, reviewed: Review, number: int) -> Purchase:
    """Return the purchase that an order becomes: due at once, its tax fixed, so that nothing else can be charged."""
    organization = reviewed.organization
    return Purchase(
        organization.organization_id,
        purchase_id_of(number),
        PurchaseCause.ORDER,
        reviewed.amount_micros,
        organization.currency,
        reviewed.method.method_id,
        form.at,
        tax_micros=reviewed.tax_micros,
        next_step_at=form.at,
    )


def remedy(purchase: Purchase) -> str:
    """Say what may be done about an order that failed."""
    if purchase.decline_code in HARD_DECLINES:
        return "this card will not do: pay with another one"
    if purchase.decline_code:
        return "try again later, once the bank agrees, or pay with another card"
    return "nothing was taken: it may be ordered again"


def purchase_id_of(number: int) -> str:
    """Return the id of an organization's n-th order."""
    return f"order-{number}"


def is_purchase_id(reference: str) -> bool:
    """Tell whether a lot of this reference would take the place of a purchase's own (money.md, UNIQUE(intent id))."""
    return _PURCHASE_ID.fullmatch(reference.strip()) is not None


def _policy(form: OrderForm, known: RechargePolicy, method: PaymentMethod) -> RechargePolicy | None:
    """Return the policy that would hold after the order; None where nothing is recharged."""
    wish = form.recharge
    if wish is None:
        return known if known.is_on else None
    return replace(
        known,
        is_on=True,
        trigger_micros=wish.trigger_micros,
        amount_micros=wish.amount_micros,
        method_id=known.method_id or method.method_id,
    )


def _preview(form: OrderForm, buyer: Buyer, policy: RechargePolicy, terms: AgreementTerms | None) -> RechargePreview:
    comes_now = 0 if terms is AgreementTerms.ON_SETTLEMENT else form.amount_micros
    available = buyer.credit.spendable_micros(form.at) + comes_now
    verdict = recharge.evaluate(policy, buyer.watch.progress, available, form.at, buyer.organization.zone)
    now_micros = verdict.amount_micros if isinstance(verdict, Due) else 0
    tax = tax_of(now_micros, buyer) if now_micros else 0
    return RechargePreview(policy, now_micros + tax)


def _cautions(
    form: OrderForm,
    buyer: Buyer,
    method: PaymentMethod,
    terms: AgreementTerms | None,
    preview: RechargePreview | None,
    *,
    is_large: bool,
) -> tuple[Caution, ...]:
    found: list[Caution] = []
    currency = buyer.organization.currency
    if is_large:
        usual = format_micros(catalog.confirmed_above_micros(currency, form.terms))
        found.append(Caution(CautionKind.LARGE_AMOUNT, f"more than {usual} {currency} at once: it must be confirmed"))
    today = form.at.astimezone(buyer.organization.zone).date()
    if method.card is not None and method.card.expires_on - today <= CARD_EXPIRES_SOON:
        message = f"{method.label} expires on {method.card.expires_on}: recharges after that day fail; replace it"
        found.append(Caution(CautionKind.CARD_EXPIRES_SOON, message))
    if terms is AgreementTerms.ON_SETTLEMENT:
        message = "the credit comes when the invoice is paid, not now"
        found.append(Caution(CautionKind.CREDIT_COMES_LATER, message))
    if buyer.open_orders:
        message = f"not concluded yet: {', '.join(buyer.open_orders)}; do not buy the same again"
        found.append(Caution(CautionKind.ORDER_OPEN, message))
    if preview is not None:
        said = recharge_settings.warnings(preview.policy, buyer.usual_day_micros, currency)
        found += [Caution(CautionKind.RECHARGE, message) for message in said]
    return tuple(found)
