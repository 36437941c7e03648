"""Take a gateway's word for refunds: what is new in a sum follows from our own rows, not from the sum (money.md 45)."""

from datetime import datetime

from talktime.core.credit import refunds, returning
from talktime.core.credit.billing.taxes import Taxed
from talktime.core.credit.buying.payments import GatewayEvent, GatewayEventKind, Refunded
from talktime.core.credit.buying.purchases import Purchase
from talktime.core.credit.ledger import Account, Posting
from talktime.core.credit.refunds import MADE_OUTSIDE, Refund, RefundState
from talktime.core.organizations.organizations import Organization
from talktime.core.values.money import format_micros
from talktime.store.transaction import Transaction
from talktime.usecases.credit.moving_credit import Movement, book, move
from talktime.usecases.credit.returning.pay_refunds import (
    book_payment,
    conclude,
    next_refund_id,
    paid_from,
    reopen,
    tax_back,
)


def note_refund(
    tx: Transaction, organization: Organization, purchase: Purchase, event: GatewayEvent, at: datetime
) -> str:
    """Apply a report about refunds of a purchase; return why it explains nothing of ours, empty where it does.

    `REFUNDED` tells the sum of all refunds of the charge so far, `REFUND_FAILED` the amount of one. The organization is
    locked.
    """
    if purchase.lot_id is None:
        return f"{purchase.purchase_id} is not settled here: settle it, or cancel it, then look at the refund"
    ours = tx.lot_life.refunds_of(organization.organization_id, purchase.purchase_id)
    if event.kind is GatewayEventKind.REFUND_FAILED:
        return _note_failure(tx, organization, ours, event, at)
    paid_micros = refunds.paid_micros(ours)
    under_way = [refund for refund in ours if refund.is_open]
    for refund in under_way:
        if event.amount_micros < paid_micros + refund.gross_micros:
            # An older sum, or one of somebody else's refund: our own answer is still to come.
            return ""
        paid_micros += refund.gross_micros
        conclude(tx, organization, refund, Refunded(event.event_id), at)
    if event.amount_micros <= paid_micros:
        return ""
    return _note_outside(tx, organization, purchase, event.amount_micros - paid_micros, at)


def _note_failure(
    tx: Transaction, organization: Organization, ours: list[Refund], event: GatewayEvent, at: datetime
) -> str:
    """A refund that had been accepted came back: undo exactly what was booked for it."""
    alike = [refund for refund in ours if refund.gross_micros == event.amount_micros]
    standing = [refund for refund in alike if refund.state is not RefundState.FAILED]
    if not standing:
        return "" if alike else "no refund of ours is of this amount"
    refund = standing[-1]
    if refund.from_lot_micros != refund.net_micros:
        return f"{refund.refund_id} was made at the payment provider and failed there: correct the books by hand"
    if refund.state is RefundState.REFUNDED:
        account = paid_from(tx, refund)
        credit = tx.credit.credit(organization.organization_id)
        postings = (Posting(account, Account.REFUND, refund.net_micros), *tax_back(refund, account, Account.TAX))
        book(tx, organization, Movement(credit, credit, f"refund:{refund.refund_id}:returned", postings), at)
    failed = refunds.failed(refund, event.code, at)
    tx.lot_life.save_refund(failed)
    reopen(tx, organization, failed, at)
    return ""


def _note_outside(
    tx: Transaction, organization: Organization, purchase: Purchase, gross_micros: int, at: datetime
) -> str:
    """Somebody refunded at the gateway itself: the unused part of the lot goes, what had been spent of it is owed."""
    organization_id = organization.organization_id
    ours = tx.lot_life.refunds_of(organization_id, purchase.purchase_id)
    charged = Taxed(purchase.amount_micros, purchase.tax_micros or 0)
    parts = refunds.split(charged, refunds.given_back(ours), gross_micros)
    if parts is None or parts.net_micros == 0:
        return f"{format_micros(gross_micros)} {purchase.currency} more was given back than we know to be paid"
    before = after = tx.credit.credit(organization_id)
    assert purchase.lot_id is not None, "what is not settled is told to the operator"
    from_lot_micros = min(parts.net_micros, returning.returnable_micros(before, purchase.lot_id, at))
    postings: returning.Postings = ()
    if from_lot_micros > 0:
        after, postings = returning.refund(after, purchase.lot_id, from_lot_micros, at)
    if parts.net_micros > from_lot_micros:
        after, owed = returning.owe(after, parts.net_micros - from_lot_micros, at, Account.REFUND)
        postings = (*postings, *owed)
    refund = Refund(
        organization_id,
        next_refund_id(tx, organization_id, purchase.purchase_id),
        purchase.purchase_id,
        purchase.lot_id,
        parts.net_micros,
        parts.tax_micros,
        purchase.currency,
        MADE_OUTSIDE,
        at,
        state=RefundState.REFUNDED,
        gateway_refund_id=MADE_OUTSIDE,
        closed_at=at,
        from_lot_micros=from_lot_micros,
    )
    tx.lot_life.add_refund(refund)
    move(tx, organization, Movement(before, after, f"refund:{refund.refund_id}", postings), at)
    book_payment(tx, organization, refund, at)
    return ""
