"""Pay refunds: lease one, ask the gateway outside every transaction, record what became of it (money.md 44).

As with purchases, the three parts may be cut apart by a crash anywhere: a lease ends, the next worker asks with the
same key.
"""

from collections.abc import Callable, Mapping
from datetime import datetime

from talktime.core.credit import refunds, returning
from talktime.core.credit.billing.invoices import Invoice, credited
from talktime.core.credit.buying.payments import MethodKind, PaymentMethod, PurchaseKey, RefundOrder, RefundResult
from talktime.core.credit.buying.purchases import Purchase
from talktime.core.credit.ledger import Account, Posting
from talktime.core.credit.recharging.watching import Telling
from talktime.core.credit.refunds import Refund, RefundState
from talktime.core.organizations.organizations import Organization
from talktime.core.values.errors import NotFound
from talktime.core.values.events import EventKind
from talktime.core.values.frozen import frozen
from talktime.store.transaction import Transaction
from talktime.usecases.credit.billing.issue_invoice import CreditInvoice, credit_invoice
from talktime.usecases.credit.moving_credit import Movement, book, keep, move
from talktime.usecases.credit.paying.pay_by_agreement import reserve, standing_of
from talktime.usecases.organizations.manage_organizations import LookAt, find_organization
from talktime.usecases.ports import PaymentGateway, Transact

DUE_MAX = 100


@frozen
class RefundAt:
    """A refund, looked at at an instant."""

    organization_id: int
    refund_id: str
    at: datetime


@frozen
class LeasedRefund:
    """A refund in our hands: what to ask of which gateway."""

    refund: Refund
    gateway: str
    order: RefundOrder


@frozen
class RefundOutcome:
    """What a gateway said of a refund."""

    organization_id: int
    refund_id: str
    result: RefundResult
    at: datetime


@frozen
class RefundsShown:
    """The refunds of an organization, the oldest first."""

    organization: Organization
    refunds: list[Refund]


def list_refunds(tx: Transaction, request: LookAt) -> RefundsShown:
    """Return an organization's refunds; raise NotFound."""
    organization = find_organization(tx, request.name)
    return RefundsShown(organization, tx.lot_life.refunds_of(organization.organization_id))


def due_refunds(tx: Transaction, at: datetime) -> list[tuple[int, str]]:
    """Return (organization, refund) of those about which a gateway must be asked now, at most a hundred."""
    return tx.lot_life.due_refunds(at, most=DUE_MAX)


def pay_refund(
    run: Transact,
    gateways: Mapping[str, PaymentGateway],
    organization_id: int,
    refund_id: str,
    clock: Callable[[], datetime],
) -> Refund | None:
    """Ask the gateway for a refund that is due; calling it twice, at once or after a crash, is harmless."""
    leased = run(lease_refund, RefundAt(organization_id, refund_id, clock()))
    if leased is None:
        return None
    result = gateways[leased.gateway].refund(leased.order)
    return run(conclude_refund, RefundOutcome(organization_id, refund_id, result, clock()))


def lease_refund(tx: Transaction, request: RefundAt) -> LeasedRefund | None:
    """Take a refund whose time has come, for one worker; None where there is nothing to do."""
    organization_id = tx.organizations.lock_id(request.organization_id).organization_id
    refund = tx.lot_life.refund(organization_id, request.refund_id)
    if refund is None or not refunds.is_due(refund, request.at):
        return None
    purchase, method = _paid_by(tx, organization_id, refund.purchase_id)
    taken = refunds.leased(refund, request.at)
    tx.lot_life.save_refund(taken)
    order = RefundOrder(purchase.charge_id, refund.idempotency_key, refund.gross_micros, refund.currency)
    return LeasedRefund(taken, method.gateway, order)


def conclude_refund(tx: Transaction, outcome: RefundOutcome) -> Refund:
    """Record what a gateway said; a refund that was decided before stays as it is."""
    organization = tx.organizations.lock_id(outcome.organization_id)
    refund = stored(tx, outcome.organization_id, outcome.refund_id)
    return conclude(tx, organization, refund, outcome.result, outcome.at)


def conclude(tx: Transaction, organization: Organization, before: Refund, result: RefundResult, at: datetime) -> Refund:
    """Record an answer under the organization's lock: book the payment, or open the lot again."""
    after = refunds.concluded(before, result, at)
    if after == before:
        return before
    tx.lot_life.save_refund(after)
    if after.state is RefundState.REFUNDED:
        book_payment(tx, organization, after, at)
    elif after.state is RefundState.FAILED:
        reopen(tx, organization, after, at)
    elif after.next_step_at is None:
        _tell(tx, organization, EventKind.PAYMENT_UNEXPLAINED, after, at, ("reason", "the refund was never answered"))
    return after


def book_payment(tx: Transaction, organization: Organization, refund: Refund, at: datetime) -> None:
    """The money went back: out of the refunds, and with it the tax."""
    account = paid_from(tx, refund)
    credit = tx.credit.credit(organization.organization_id)
    postings = (Posting(Account.REFUND, account, refund.net_micros), *tax_back(refund, Account.TAX, account))
    book(tx, organization, Movement(credit, credit, f"refund:{refund.refund_id}:paid", postings), at)
    note = _credit_note(tx, organization, refund, at)
    _release_agreement(tx, organization, refund, at)
    _tell(tx, organization, EventKind.CREDIT_REFUNDED, refund, at, *note)


def _release_agreement(tx: Transaction, organization: Organization, refund: Refund, at: datetime) -> None:
    """Let what was given back be bought again under the agreement that was invoiced."""
    method = method_of(tx, refund.organization_id, refund.purchase_id)
    if method is None or method.kind is not MethodKind.AGREEMENT:
        return
    standing = standing_of(tx, organization, method, at)
    if standing is not None:
        reserve(tx, standing, -refund.gross_micros)


def reopen(tx: Transaction, organization: Organization, refund: Refund, at: datetime) -> None:
    """The gateway gave nothing back: the lot has it again."""
    before = tx.credit.credit(organization.organization_id)
    after, postings = returning.reopen(before, refund.lot_id, refund.from_lot_micros, at)
    move(tx, organization, Movement(before, after, f"refund:{refund.refund_id}:failed", postings), at)
    reason = f"the refund {refund.refund_id} failed ({refund.code}): its credit is back"
    _tell(tx, organization, EventKind.CREDIT_ADJUSTED, refund, at, ("reason", reason))


def stored(tx: Transaction, organization_id: int, refund_id: str) -> Refund:
    """Return a refund; raise NotFound."""
    refund = tx.lot_life.refund(organization_id, refund_id)
    if refund is None:
        raise NotFound(f"there is no refund {refund_id}", code="refund_not_found")
    return refund


def method_of(tx: Transaction, organization_id: int, purchase_id: str) -> PaymentMethod | None:
    """Return what paid a purchase; None for credit that no purchase of ours paid for."""
    return _paid_by(tx, organization_id, purchase_id)[1] if purchase_id else None


def next_refund_id(tx: Transaction, organization_id: int, of: str) -> str:
    """Return an id that no refund of the organization has, telling of what it is."""
    count = len(tx.lot_life.refunds_of(organization_id))
    return f"{of}-refund-{count + 1}"


def paid_from(tx: Transaction, refund: Refund) -> Account:
    """Return where the money comes from: an invoice that is not paid yet is owed less, all else is cash."""
    method = method_of(tx, refund.organization_id, refund.purchase_id)
    if method is None or method.kind is MethodKind.CARD:
        return Account.CASH_CLEARING
    invoice = _invoice(tx, refund)
    return Account.CASH_CLEARING if invoice is not None and invoice.paid_at is not None else Account.INVOICED


def tax_back(refund: Refund, debit: Account, credit: Account) -> tuple[Posting, ...]:
    """Return the posting of a refund's tax, if it has any."""
    return (Posting(debit, credit, refund.tax_micros),) if refund.tax_micros else ()


def _credit_note(
    tx: Transaction, organization: Organization, refund: Refund, at: datetime
) -> tuple[tuple[str, str], ...]:
    """Write the credit note over what none covers yet: one of a refund that failed later stands for the next."""
    invoice = _invoice(tx, refund)
    if invoice is None:
        return ()
    given_back = refunds.given_back(tx.lot_life.refunds_of(refund.organization_id, refund.purchase_id))
    missing_micros = given_back.net_micros - credited(tx.documents.credit_notes(invoice)).net_micros
    if missing_micros <= 0:
        return (("invoice", invoice.number),)
    asked = CreditInvoice(refund.purchase_id, missing_micros, refund.refund_id, refund.reason)
    note = credit_invoice(tx, organization, asked, at)
    return ("invoice", invoice.number), ("credit_note", note.number)


def _invoice(tx: Transaction, refund: Refund) -> Invoice | None:
    if not refund.purchase_id:
        return None
    return tx.documents.invoice_of_purchase(refund.organization_id, refund.purchase_id)


def _tell(
    tx: Transaction, organization: Organization, kind: EventKind, refund: Refund, at: datetime, *more: tuple[str, str]
) -> None:
    organization_id = organization.organization_id
    watch, credit = tx.purchases.watch(organization_id), tx.credit.credit(organization_id)
    method = method_of(tx, organization_id, refund.purchase_id)
    telling = Telling(organization, watch, credit.balance_micros, at)
    details = [("amount_micros", str(refund.net_micros)), ("tax_micros", str(refund.tax_micros))]
    if method is not None:
        details.append(("method", method.label))
    telling.tell(kind, *details, ("lot", str(refund.lot_id)), ("refund", refund.refund_id), *more)
    keep(tx, organization, watch, telling.watched())


def _paid_by(tx: Transaction, organization_id: int, purchase_id: str) -> tuple[Purchase, PaymentMethod]:
    purchase = tx.purchases.purchase(PurchaseKey(organization_id, purchase_id))
    assert purchase is not None, "a refund names a purchase that is there, and none is ever deleted"
    method = tx.payments.method(organization_id, purchase.method_id)
    assert method is not None, "a purchase names a way to pay that was there, and none is ever deleted"
    return purchase, method
