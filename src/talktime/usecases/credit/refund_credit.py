"""Give the unused part of a lot back: it leaves the lot at once, the gateway is asked outside, the answer is recorded.

As with purchases, the three parts may be cut apart anywhere: a lease ends, the next worker asks with the same key
(money.md 43 to 45).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from talktime.core.credit import invoices, refunds, returning, taxes
from talktime.core.credit.disputes import DisputeState
from talktime.core.credit.invoices import Invoice
from talktime.core.credit.ledger import Account, Posting
from talktime.core.credit.lots import Credit, LotKind
from talktime.core.credit.payments import (
    GatewayEvent,
    GatewayEventKind,
    MethodKind,
    PaymentMethod,
    PurchaseKey,
    Refunded,
    RefundOrder,
    RefundResult,
)
from talktime.core.credit.purchases import Purchase
from talktime.core.credit.refunds import MADE_OUTSIDE, Refund, RefundState
from talktime.core.credit.taxes import Taxed
from talktime.core.credit.watching import Telling
from talktime.core.organizations.organizations import Organization
from talktime.core.values.errors import Conflict, Invalid, NotFound
from talktime.core.values.events import EventKind
from talktime.core.values.money import Rounding, divide, format_micros
from talktime.store.transaction import Transaction
from talktime.usecases.credit.charge_purchases import Run
from talktime.usecases.credit.issue_invoice import CreditInvoice, credit_invoice
from talktime.usecases.credit.money_requests import check_reference, hash_of
from talktime.usecases.credit.moving_credit import Movement, keep, move, whose
from talktime.usecases.organizations.manage_organizations import lock_organization
from talktime.usecases.ports import PaymentGateway

DUE_MAX = 100


@dataclass(frozen=True, slots=True)
class RefundCredit:
    """Give back of one lot; `amount_micros` before tax, None for all that is unused. `reference` makes it unique."""

    organization: str
    lot_id: int
    reference: str
    reason: str
    at: datetime
    amount_micros: int | None = None


@dataclass(frozen=True, slots=True)
class RefundAt:
    """A refund, looked at at an instant."""

    organization_id: int
    refund_id: str
    at: datetime


@dataclass(frozen=True, slots=True)
class LeasedRefund:
    """A refund in our hands: what to ask of which gateway."""

    refund: Refund
    gateway: str
    order: RefundOrder


@dataclass(frozen=True, slots=True)
class RefundOutcome:
    """What a gateway said of a refund."""

    organization_id: int
    refund_id: str
    result: RefundResult
    at: datetime


def refund_credit(tx: Transaction, request: RefundCredit) -> Refund:
    """Take what is given back from its lot, in the transaction that evaluates the trigger on what that leaves.

    Raise NotFound for a lot that is not there, Conflict for one of which nothing, or not so much, can be given back.
    What needs no gateway is concluded at once: an agreement's invoice is credited, other credit is paid back by hand.
    """
    organization = lock_organization(tx, request.organization)
    organization_id, reference = organization.organization_id, request.reference
    check_reference(reference, request.reason)
    input_hash = hash_of("refund", request.lot_id, request.amount_micros)
    known = tx.credit.answer_of(organization_id, reference, input_hash)
    if known is not None:
        return _stored(tx, organization_id, known)
    refund = _refund(tx, organization, request)
    tx.lot_life.add_refund(refund)
    tx.credit.keep_answer(organization_id, reference, input_hash=input_hash, answer=refund.refund_id, at=request.at)
    before = tx.credit.credit(organization_id)
    after, postings = returning.refund(before, request.lot_id, refund.net_micros, request.at)
    move(tx, organization, Movement(before, after, f"refund:{refund.refund_id}", postings), request.at)
    method = _method(tx, organization_id, refund.purchase_id)
    if method is not None and method.kind is MethodKind.CARD:
        return refund
    how = "paid back by hand" if method is None else f"credited under {method.label}"
    return _conclude(tx, organization, refund, Refunded(how), request.at)


def due_refunds(tx: Transaction, at: datetime) -> list[tuple[int, str]]:
    """Return (organization, refund) of those about which a gateway must be asked now, at most a hundred."""
    return tx.lot_life.due_refunds(at, most=DUE_MAX)


def pay_refund(
    run: Run, gateways: Mapping[str, PaymentGateway], organization_id: int, refund_id: str, clock: Callable[[], datetime]
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
    refund = _stored(tx, outcome.organization_id, outcome.refund_id)
    return _conclude(tx, organization, refund, outcome.result, outcome.at)


def note_refund(
    tx: Transaction, organization: Organization, purchase: Purchase, event: GatewayEvent, at: datetime
) -> str:
    """Take a gateway's word for refunds of a purchase; return why it explains nothing of ours, or nothing.

    `REFUNDED` tells the sum of all refunds so far: what is new in it follows from our own rows, never from the event
    alone (money.md 45). `REFUND_FAILED` tells one refund's amount. The organization is locked.
    """
    ours = tx.lot_life.refunds_of(organization.organization_id, purchase.purchase_id)
    if event.kind is GatewayEventKind.REFUND_FAILED:
        return _note_failure(tx, organization, ours, event, at)
    for refund in ours:
        if refund.is_open and event.amount_micros >= _paid_micros(ours) + refund.gross_micros:
            _conclude(tx, organization, refund, Refunded(refund.gateway_refund_id or event.event_id), at)
    ours = tx.lot_life.refunds_of(organization.organization_id, purchase.purchase_id)
    # What is open may be part of the sum without our having heard of it: only what is beyond both is news.
    unknown_micros = event.amount_micros - _paid_micros(ours)
    if unknown_micros <= 0 or any(refund.is_open for refund in ours):
        return ""
    return _note_outside(tx, organization, purchase, ours, unknown_micros, at)


def _refund(tx: Transaction, organization: Organization, request: RefundCredit) -> Refund:
    organization_id, at = organization.organization_id, request.at
    credit = tx.credit.credit(organization_id)
    lot = next((each for each in credit.lots if each.lot_id == request.lot_id), None)
    if lot is None:
        message = f"{organization.name} has no lot {request.lot_id}: `talktime credit lots` lists them"
        raise NotFound(message, code="lot_not_found")
    if lot.kind is LotKind.PROMOTIONAL:
        message = f"lot {lot.lot_id} is promotional: nobody paid for it; take it back with `talktime credit adjust`"
        raise Conflict(message, code="lot_promotional")
    purchase = tx.purchases.of_lot(organization_id, lot.lot_id)
    purchase_id = "" if purchase is None else purchase.purchase_id
    _refuse_meanwhile(tx, organization_id, purchase_id)
    net_micros = _amount_micros(organization, credit, request)
    return Refund(
        organization_id,
        _refund_id(tx, organization_id, purchase_id, lot.lot_id),
        purchase_id,
        lot.lot_id,
        net_micros,
        0 if purchase is None else _tax_micros(tx, purchase, net_micros),
        organization.currency,
        request.reason,
        at,
        next_step_at=at,
        from_lot_micros=net_micros,
    )


def _refund_id(tx: Transaction, organization_id: int, purchase_id: str, lot_id: int) -> str:
    count = len(tx.lot_life.refunds_of(organization_id))
    return f"{purchase_id or f'lot-{lot_id}'}-refund-{count + 1}"


def _amount_micros(organization: Organization, credit: Credit, request: RefundCredit) -> int:
    most = returning.returnable_micros(credit, request.lot_id, request.at)
    if most == 0:
        message = (
            f"nothing of lot {request.lot_id} can be given back: it is spent, promised to calls in progress, or expired"
        )
        raise Conflict(message, code="nothing_to_refund")
    if request.amount_micros is None:
        return most
    if request.amount_micros <= 0:
        raise Invalid("what is given back is more than 0: leave the amount away for all of it", code="amount")
    if request.amount_micros > most:
        message = (
            f"{format_micros(request.amount_micros)} {organization.currency} cannot be given back:"
            f" {format_micros(most)} of lot {request.lot_id} is unused, not promised and not expired"
        )
        raise Conflict(message, code="refund_too_large")
    return request.amount_micros


def _refuse_meanwhile(tx: Transaction, organization_id: int, purchase_id: str) -> None:
    if not purchase_id:
        return
    under_way = [each for each in tx.lot_life.refunds_of(organization_id, purchase_id) if each.is_open]
    if under_way:
        message = f"{under_way[0].refund_id} is still under way: once it is decided, more can be given back"
        raise Conflict(message, code="refund_open")
    dispute = tx.lot_life.dispute(organization_id, purchase_id)
    if dispute is not None and dispute.state is not DisputeState.WON:
        message = f"the payment of {purchase_id} is disputed: its money is at the card's bank, not here"
        raise Conflict(message, code="purchase_disputed")


def _tax_micros(tx: Transaction, purchase: Purchase, net_micros: int) -> int:
    """Return the tax to give back, pro rata over all parts: the last one brings them to what was charged."""
    invoice = tx.documents.invoice_of_purchase(purchase.organization_id, purchase.purchase_id)
    if invoice is not None:
        credited = invoices.credited(tx.documents.credit_notes(invoice))
        return taxes.refund_tax_micros(invoice.taxed, credited, net_micros, purchase.currency)
    given_back = refunds.given_back(tx.lot_life.refunds_of(purchase.organization_id, purchase.purchase_id))
    charged = Taxed(purchase.amount_micros, purchase.tax_micros or 0)
    return taxes.refund_tax_micros(charged, given_back, net_micros, purchase.currency)


def _conclude(
    tx: Transaction, organization: Organization, before: Refund, result: RefundResult, at: datetime
) -> Refund:
    after = refunds.concluded(before, result, at)
    if after == before:
        return before
    tx.lot_life.save_refund(after)
    if after.state is RefundState.REFUNDED:
        _book_payment(tx, organization, after, at)
    elif after.state is RefundState.FAILED:
        _reopen(tx, organization, after, at)
    elif after.next_step_at is None:
        _tell(tx, organization, EventKind.PAYMENT_UNEXPLAINED, after, at, ("reason", "the refund was never answered"))
    return after


def _book_payment(tx: Transaction, organization: Organization, refund: Refund, at: datetime) -> None:
    """The money went back: out of the refunds, and with it the tax."""
    paid_from = _paid_from(tx, refund)
    credit = tx.credit.credit(organization.organization_id)
    postings = (Posting(Account.REFUND, paid_from, refund.net_micros), *_tax_back(refund, Account.TAX, paid_from))
    move(tx, organization, Movement(credit, credit, f"refund:{refund.refund_id}:paid", postings), at)
    note = _credit_note(tx, organization, refund, at)
    _tell(tx, organization, EventKind.CREDIT_REFUNDED, refund, at, *note)


def _reopen(tx: Transaction, organization: Organization, refund: Refund, at: datetime) -> None:
    """The gateway gave nothing back: the lot has it again."""
    assert refund.lot_id is not None
    before = tx.credit.credit(organization.organization_id)
    after, postings = returning.reopen(before, refund.lot_id, refund.from_lot_micros, at)
    move(tx, organization, Movement(before, after, f"refund:{refund.refund_id}:failed", postings), at)
    reason = f"the refund {refund.refund_id} failed ({refund.code}): its credit is back"
    _tell(tx, organization, EventKind.CREDIT_ADJUSTED, refund, at, ("reason", reason))


def _note_failure(
    tx: Transaction, organization: Organization, ours: list[Refund], event: GatewayEvent, at: datetime
) -> str:
    """A refund that had been accepted came back: undo exactly what was booked for it."""
    candidates = [
        refund
        for refund in ours
        if refund.gross_micros == event.amount_micros and refund.state is not RefundState.FAILED
    ]
    if not candidates:
        is_known = any(refund.gross_micros == event.amount_micros for refund in ours)
        return "" if is_known else "no refund of ours is of this amount"
    refund = candidates[-1]
    if refund.state is RefundState.REFUNDED:
        paid_from = _paid_from(tx, refund)
        credit = tx.credit.credit(organization.organization_id)
        postings = (Posting(paid_from, Account.REFUND, refund.net_micros), *_tax_back(refund, paid_from, Account.TAX))
        move(tx, organization, Movement(credit, credit, f"refund:{refund.refund_id}:returned", postings), at)
    failed = refunds.failed(refund, event.code, at)
    tx.lot_life.save_refund(failed)
    if refund.from_lot_micros == refund.net_micros:
        _reopen(tx, organization, failed, at)
        return ""
    return "a refund made at the payment provider failed there: book it by hand"


def _note_outside(  # noqa: PLR0913 -- whose, of which purchase, what is known, how much, when
    tx: Transaction, organization: Organization, purchase: Purchase, ours: list[Refund], gross_micros: int, at: datetime
) -> str:
    """Somebody refunded at the gateway itself: the unused part of the lot goes, what had been spent of it is owed."""
    organization_id = organization.organization_id
    net_micros, tax_micros = _split(purchase, refunds.given_back(ours), gross_micros)
    if net_micros <= 0:
        return f"{format_micros(gross_micros)} {purchase.currency} more was given back than was ever paid"
    before = after = tx.credit.credit(organization_id)
    from_lot, postings = 0, ()
    if purchase.lot_id is not None:
        from_lot = min(net_micros, returning.returnable_micros(before, purchase.lot_id, at))
    if purchase.lot_id is not None and from_lot > 0:
        after, postings = returning.refund(after, purchase.lot_id, from_lot, at)
    if net_micros > from_lot:
        after, owed = returning.owe(after, net_micros - from_lot, at, Account.REFUND)
        postings = (*postings, *owed)
    refund = Refund(
        organization_id,
        _refund_id(tx, organization_id, purchase.purchase_id, purchase.lot_id or 0),
        purchase.purchase_id,
        purchase.lot_id,
        net_micros,
        tax_micros,
        purchase.currency,
        MADE_OUTSIDE,
        at,
        state=RefundState.REFUNDED,
        gateway_refund_id=MADE_OUTSIDE,
        closed_at=at,
        from_lot_micros=from_lot,
    )
    tx.lot_life.add_refund(refund)
    move(tx, organization, Movement(before, after, f"refund:{refund.refund_id}", postings), at)
    _book_payment(tx, organization, refund, at)
    return ""


def _split(purchase: Purchase, given_back: Taxed, gross_micros: int) -> Taxed:
    """Tell the amount from its tax in what was given back without us, as they stood in the charge."""
    left = Taxed(
        purchase.amount_micros - given_back.net_micros, (purchase.tax_micros or 0) - given_back.tax_micros
    )
    if gross_micros > left.net_micros + left.tax_micros:
        return Taxed(0, 0)
    if gross_micros == left.net_micros + left.tax_micros:
        return left
    net_micros = divide(gross_micros * purchase.amount_micros, purchase.charged_micros, Rounding.HALF_UP)
    net_micros = min(net_micros, left.net_micros)
    return Taxed(net_micros, gross_micros - net_micros)


def _paid_micros(ours: list[Refund]) -> int:
    return sum(refund.gross_micros for refund in ours if refund.state is RefundState.REFUNDED)


def _paid_from(tx: Transaction, refund: Refund) -> Account:
    """Return where the money comes from: an invoice that is not paid yet is owed less, all else is cash."""
    method = _method(tx, refund.organization_id, refund.purchase_id)
    if method is None or method.kind is MethodKind.CARD:
        return Account.CASH_CLEARING
    invoice = _invoice(tx, refund)
    return Account.CASH_CLEARING if invoice is not None and invoice.paid_at is not None else Account.INVOICED


def _tax_back(refund: Refund, debit: Account, credit: Account) -> tuple[Posting, ...]:
    return (Posting(debit, credit, refund.tax_micros),) if refund.tax_micros else ()


def _credit_note(
    tx: Transaction, organization: Organization, refund: Refund, at: datetime
) -> tuple[tuple[str, str], ...]:
    invoice = _invoice(tx, refund)
    if invoice is None:
        return ()
    asked = CreditInvoice(refund.purchase_id, refund.net_micros, refund.refund_id, refund.reason)
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
    method = _method(tx, organization_id, refund.purchase_id)
    telling = Telling(whose(organization), watch, credit.balance_micros, at)
    details = [("amount_micros", str(refund.net_micros)), ("tax_micros", str(refund.tax_micros))]
    if method is not None:
        details.append(("method", method.label))
    if refund.lot_id is not None:
        details.append(("lot", str(refund.lot_id)))
    telling.tell(kind, *details, ("refund", refund.refund_id), *more)
    keep(tx, organization, watch, telling.watched())


def _method(tx: Transaction, organization_id: int, purchase_id: str) -> PaymentMethod | None:
    return _paid_by(tx, organization_id, purchase_id)[1] if purchase_id else None


def _paid_by(tx: Transaction, organization_id: int, purchase_id: str) -> tuple[Purchase, PaymentMethod]:
    purchase = tx.purchases.purchase(PurchaseKey(organization_id, purchase_id))
    assert purchase is not None, "a refund names a purchase that is there, and none is ever deleted"
    method = tx.payments.method(organization_id, purchase.method_id)
    assert method is not None, "a purchase names a way to pay that was there, and none is ever deleted"
    return purchase, method


def _stored(tx: Transaction, organization_id: int, refund_id: str) -> Refund:
    refund = tx.lot_life.refund(organization_id, refund_id)
    if refund is None:
        raise NotFound(f"there is no refund {refund_id}", code="refund_not_found")
    return refund


__all__ = [
    "LeasedRefund",
    "RefundAt",
    "RefundCredit",
    "RefundOutcome",
    "conclude_refund",
    "due_refunds",
    "lease_refund",
    "note_refund",
    "pay_refund",
    "refund_credit",
]
_ = replace
