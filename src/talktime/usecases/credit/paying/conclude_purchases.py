"""Record what became of a purchase: money that moved becomes a lot once, whoever says so first and however late."""

from dataclasses import replace
from datetime import datetime

from talktime.core.credit import lots
from talktime.core.credit.buying import purchases
from talktime.core.credit.buying.payments import Ambiguous, Charged, Declined, FoundResult, PaymentMethod, PurchaseKey
from talktime.core.credit.buying.purchases import Purchase, PurchaseCause, PurchaseState
from talktime.core.credit.ledger import Account, Posting
from talktime.core.credit.lots import CreditLot, LotKind
from talktime.core.credit.recharging import concluding
from talktime.core.credit.recharging.concluding import Conclusion
from talktime.core.credit.recharging.recharge import RechargePolicy
from talktime.core.organizations.organizations import Organization
from talktime.core.values.frozen import frozen
from talktime.core.values.money import format_micros
from talktime.store.transaction import Transaction
from talktime.usecases.credit.billing.issue_invoice import issue
from talktime.usecases.credit.moving_credit import Movement, evaluate_again, fund, keep

_ASKED = frozenset({PurchaseState.CHARGING, PurchaseState.UNKNOWN, PurchaseState.NEEDS_ACTION})


@frozen
class Outcome:
    """What a gateway said of one attempt of a purchase; `fence` is that of the lease, None where it told by itself."""

    key: PurchaseKey
    attempt: int
    fence: int | None
    result: FoundResult
    at: datetime


def conclude(tx: Transaction, outcome: Outcome) -> Purchase | None:
    """Record an outcome; return the purchase after it, or None where there is no such purchase."""
    organization = tx.organizations.lock_id(outcome.key.organization_id)
    purchase = tx.purchases.purchase(outcome.key)
    if purchase is None:
        return None
    result = _fitting(purchase, outcome.result)
    if isinstance(result, Charged):
        return settle(tx, organization, purchase, result, outcome.at)
    if not _is_current(purchase, outcome):
        return purchase
    watch = tx.purchases.watch(organization.organization_id)
    result = _final(watch.policy, purchase, result)
    after = purchases.concluded(purchase, result, outcome.at)
    tx.purchases.save(after)
    it = Conclusion(purchase, after, method_of(tx, purchase), outcome.at)
    credit = tx.credit.credit(organization.organization_id)
    keep(tx, organization, watch, concluding.after_outcome(organization, watch, it, result, credit))
    if not after.is_open:
        evaluate_again(tx, organization, outcome.at)
    return after


def settle(tx: Transaction, organization: Organization, before: Purchase, charged: Charged, at: datetime) -> Purchase:
    """Turn money that moved into a lot, an invoice and a mail, once; a purchase that was given up is settled too."""
    if before.state is PurchaseState.SETTLED:
        return before
    after = purchases.settled(before, charged, tx.credit.next_lot_id(organization.organization_id), at)
    tx.purchases.save(after)
    grant(tx, organization, Conclusion(before, after, method_of(tx, before), at), pays=Account.CASH_CLEARING)
    return after


def grant(tx: Transaction, organization: Organization, it: Conclusion, *, pays: Account) -> None:
    """Book a settled purchase as a lot, paid by an account; tell of it; and see whether it was enough."""
    organization_id, purchase = organization.organization_id, it.after
    assert purchase.lot_id is not None
    expires_at = lots.expires_at(it.at, organization.zone)
    lot = CreditLot(purchase.lot_id, LotKind.PURCHASED, purchase.amount_micros, it.at, expires_at)
    before = tx.credit.credit(organization_id)
    after, postings = lots.grant(before, lot, it.at, pays=pays)
    if purchase.tax_micros:
        postings = (*postings, Posting(pays, Account.TAX, purchase.tax_micros))
    # Keyed by its purchase: the same money cannot become two lots, whatever went wrong before.
    tx.credit.add_lot(organization_id, after.lot(lot.lot_id), purchase.purchase_id)
    tx.organizations.set_up_credit(organization_id)
    watch = tx.purchases.watch(organization_id)
    invoice = issue(tx, organization, purchase, it.method, it.at, credit_expires_at=expires_at)
    details = (
        ("invoice", invoice.number),
        ("expires_at", expires_at.isoformat()),
        ("lot", str(purchase.lot_id)),
    )
    keep(tx, organization, watch, concluding.after_settlement(organization, watch, it, after, *details))
    fund(tx, organization, Movement(before, after, f"purchase:{purchase.purchase_id}", postings), it.at)


def method_of(tx: Transaction, purchase: Purchase) -> PaymentMethod:
    """Return the way to pay that a purchase names; none is ever deleted."""
    method = tx.payments.method(purchase.organization_id, purchase.method_id)
    assert method is not None, "a purchase names a way to pay that was there, and none is ever deleted"
    return method


def _fitting(purchase: Purchase, result: FoundResult) -> FoundResult:
    """Do not believe a charge of another amount than was asked: a person must look at it."""
    if isinstance(result, Charged) and result.amount_micros != purchase.charged_micros:
        asked, moved = format_micros(purchase.charged_micros), format_micros(result.amount_micros)
        return Ambiguous(f"asked for {asked} {purchase.currency}, and {moved} moved (charge {result.charge_id})")
    return result


def _final(policy: RechargePolicy, purchase: Purchase, result: FoundResult) -> FoundResult:
    """Ask a card no more that was replaced, or for a recharge that was switched off, while it was being asked."""
    is_recharge = purchase.cause is PurchaseCause.RECHARGE
    if isinstance(result, Declined) and is_recharge and not (policy.is_on and policy.method_id == purchase.method_id):
        return replace(result, is_final=True)
    return result


def _is_current(purchase: Purchase, outcome: Outcome) -> bool:
    """Believe a refusal only of the attempt that is being asked, and from whoever holds its lease, or the gateway."""
    if purchase.state not in _ASKED or outcome.attempt != purchase.attempt:
        return False
    if outcome.fence is None:
        # Once it is being withdrawn, what was reported before proves nothing: the withdrawal will tell.
        return not (purchase.state is PurchaseState.NEEDS_ACTION and purchase.is_withdrawn)
    return outcome.fence == purchase.fence
