"""Take a bank's dispute of a payment, and its end: each once, in whatever order they are reported (money.md 46)."""

from dataclasses import replace
from datetime import datetime

from talktime.core.credit import disputes, refunds, returning
from talktime.core.credit.billing import taxes
from talktime.core.credit.billing.invoices import credited
from talktime.core.credit.billing.taxes import Taxed
from talktime.core.credit.buying import purchases
from talktime.core.credit.buying.payments import GatewayEvent, GatewayEventKind
from talktime.core.credit.buying.purchases import Purchase, PurchaseState
from talktime.core.credit.disputes import Dispute, DisputeState
from talktime.core.credit.ledger import Account
from talktime.core.credit.recharging import concluding, recharge
from talktime.core.credit.recharging.concluding import Conclusion
from talktime.core.credit.recharging.recharge import PauseReason
from talktime.core.credit.recharging.watching import CreditWatch, Telling
from talktime.core.organizations.organizations import Organization
from talktime.core.values.events import EventKind
from talktime.core.values.frozen import frozen
from talktime.core.values.money import MICROS_PER_UNIT
from talktime.store.transaction import Transaction
from talktime.usecases.credit.billing.issue_invoice import CreditInvoice, credit_invoice
from talktime.usecases.credit.moving_credit import Movement, keep, move
from talktime.usecases.credit.paying.conclude_purchases import method_of
from talktime.usecases.organizations.manage_organizations import LookAt, find_organization

# What a gateway takes for a dispute that is lost, in the currency of the charge: a cost of whoever runs Talktime.
FEE_MICROS = 15 * MICROS_PER_UNIT

_STATES = {
    GatewayEventKind.DISPUTE_OPENED: DisputeState.OPEN,
    GatewayEventKind.DISPUTE_WON: DisputeState.WON,
    GatewayEventKind.DISPUTE_LOST: DisputeState.LOST,
}
_KINDS = {
    DisputeState.OPEN: EventKind.DISPUTE_OPENED,
    DisputeState.WON: EventKind.DISPUTE_WON,
    DisputeState.LOST: EventKind.DISPUTE_LOST,
}


@frozen
class _Case:
    """Whose payment is disputed, and when that was heard."""

    organization: Organization
    purchase: Purchase
    at: datetime


@frozen
class DisputesShown:
    """The disputes of an organization, the oldest first."""

    organization: Organization
    disputes: list[Dispute]


def list_disputes(tx: Transaction, request: LookAt) -> DisputesShown:
    """Return an organization's disputes; raise NotFound."""
    organization = find_organization(tx, request.name)
    return DisputesShown(organization, tx.lot_life.disputes_of(organization.organization_id))


def note_dispute(
    tx: Transaction,
    organization: Organization,
    purchase: Purchase,
    event: GatewayEvent,
    at: datetime,
    *,
    fee_micros: int = FEE_MICROS,
) -> str:
    """Bring a purchase's dispute into the state that a gateway reports; the organization is locked.

    Return why the report cannot be, empty where it can. One that comes again changes nothing; an end that comes before
    its opening opens and closes the dispute at once.
    """
    if purchase.lot_id is None:
        return f"{purchase.purchase_id} is not settled here: settle it, or cancel it, then look at the dispute"
    case, wanted = _Case(organization, purchase, at), _STATES[event.kind]
    dispute = tx.lot_life.dispute(organization.organization_id, purchase.purchase_id)
    if dispute is None:
        dispute = _open(tx, case, event, purchase.lot_id)
    if wanted in (DisputeState.OPEN, dispute.state):
        return ""
    if dispute.state is not DisputeState.OPEN:
        return f"the dispute of {purchase.purchase_id} was {dispute.state.value} before, and is {wanted.value} now"
    if wanted is DisputeState.WON:
        _win(tx, case, dispute)
    else:
        _lose(tx, case, dispute, fee_micros)
    return ""


def _open(tx: Transaction, case: _Case, event: GatewayEvent, lot_id: int) -> Dispute:
    """Take back what of the lot is unused, before anybody can spend it; the trigger sees what that leaves."""
    organization_id, purchase = case.organization.organization_id, case.purchase
    amount_micros = event.amount_micros or purchase.charged_micros
    before = tx.credit.credit(organization_id)
    after, postings = returning.claw_back(before, lot_id, _net_micros(purchase, amount_micros), case.at)
    dispute = Dispute(
        organization_id,
        purchase.purchase_id,
        event.charge_id or purchase.charge_id,
        lot_id,
        amount_micros,
        sum(posting.amount_micros for posting in postings),
        purchase.currency,
        event.code,
        case.at,
    )
    tx.lot_life.add_dispute(dispute)
    _freeze(tx, case)
    _move(tx, case, Movement(before, after, _entry_id(dispute), (*postings, *disputes.opening(dispute))))
    _tell(
        tx,
        case,
        dispute,
        ("taken_back_micros", str(dispute.taken_back_micros)),
        ("contested_micros", str(dispute.shortfall_micros)),
    )
    return dispute


def _win(tx: Transaction, case: _Case, dispute: Dispute) -> None:
    """Reverse exactly what opening it booked; the card that was frozen for it recharges again."""
    won = replace(dispute, state=DisputeState.WON, closed_at=case.at)
    before = after = tx.credit.credit(case.organization.organization_id)
    postings = disputes.winning(won)
    if won.taken_back_micros > 0:
        after, restored = returning.restore(before, won.lot_id, won.taken_back_micros, case.at)
        postings = (*postings, *restored)
    tx.lot_life.save_dispute(won)
    _thaw(tx, case)
    _move(tx, case, Movement(before, after, _entry_id(won), postings))
    _tell(tx, case, won)


def _lose(tx: Transaction, case: _Case, dispute: Dispute, fee_micros: int) -> None:
    """The bank keeps the money: what had been spent is owed now, and what was taken back of the lot stays gone."""
    tax_micros = _tax_taken_back_micros(tx, case, dispute)
    lost = replace(dispute, state=DisputeState.LOST, closed_at=case.at, tax_micros=tax_micros, fee_micros=fee_micros)
    before = after = tx.credit.credit(case.organization.organization_id)
    postings = disputes.losing(lost)
    if lost.shortfall_micros > 0:
        after, owed = returning.owe(before, lost.shortfall_micros, case.at, Account.DISPUTED)
        postings = (*postings, *owed)
    tx.lot_life.save_dispute(lost)
    if postings:
        _move(tx, case, Movement(before, after, _entry_id(lost), postings))
    _tell(tx, case, lost, ("shortfall_micros", str(lost.shortfall_micros)))


def _net_micros(purchase: Purchase, amount_micros: int) -> int:
    """Return the credit that a disputed amount had bought, its tax set aside."""
    charged = Taxed(purchase.amount_micros, purchase.tax_micros or 0)
    parts = refunds.split(charged, Taxed(0, 0), amount_micros)
    return purchase.amount_micros if parts is None else parts.net_micros


def _tax_taken_back_micros(tx: Transaction, case: _Case, dispute: Dispute) -> int:
    """Credit the invoice with what was taken back of its lot, and return the tax of that: nobody owes it any more."""
    purchase, taken_micros = case.purchase, dispute.taken_back_micros
    if taken_micros == 0 or not purchase.tax_micros:
        return 0
    invoice = tx.documents.invoice_of_purchase(purchase.organization_id, purchase.purchase_id)
    if invoice is None:
        charged = Taxed(purchase.amount_micros, purchase.tax_micros)
        tax_micros = taxes.refund_tax_micros(charged, Taxed(0, 0), taken_micros, purchase.currency)
    else:
        left_micros = invoice.net_micros - credited(tx.documents.credit_notes(invoice)).net_micros
        if left_micros <= 0:
            return 0
        reference = f"dispute:{purchase.purchase_id}"
        asked = CreditInvoice(
            purchase.purchase_id, min(taken_micros, left_micros), reference, "the payment was charged back"
        )
        tax_micros = credit_invoice(tx, case.organization, asked, case.at).tax_micros
    return min(tax_micros, dispute.amount_micros - taken_micros)


def _freeze(tx: Transaction, case: _Case) -> None:
    """Stop recharging with the card: its open recharge is withdrawn, as a fallback it is dropped."""
    organization_id = case.organization.organization_id
    card = method_of(tx, case.purchase)
    _withdraw_recharge(tx, case, card.fingerprint)
    before = tx.purchases.watch(organization_id)
    policy = before.policy
    fingerprints = {method.method_id: method.fingerprint for method in tx.payments.methods(organization_id)}
    if policy.fallback_method_id is not None and fingerprints.get(policy.fallback_method_id) == card.fingerprint:
        policy = replace(policy, fallback_method_id=None, version=policy.version + 1)
    watch = replace(before, policy=policy)
    telling = _telling(tx, case, watch)
    pays = None if policy.method_id is None else fingerprints.get(policy.method_id)
    if pays in (None, card.fingerprint) and watch.progress.paused is None:
        if policy.is_on:
            telling.pause(PauseReason.CARD_DISPUTED, card.fingerprint)
        else:
            progress = recharge.paused(watch.progress, PauseReason.CARD_DISPUTED, card.fingerprint, case.at)
            telling.watch = replace(watch, progress=progress)
    keep(tx, case.organization, before, telling.watched())


def _withdraw_recharge(tx: Transaction, case: _Case, fingerprint: str) -> None:
    organization_id = case.organization.organization_id
    purchase = tx.purchases.open_recharge(organization_id)
    if purchase is None or purchase.state is not PurchaseState.DUE:
        return
    method = method_of(tx, purchase)
    if method.fingerprint != fingerprint:
        return
    canceled = purchases.withdrawn(purchase, "the card's owner disputes a payment", case.at)
    tx.purchases.save(canceled)
    watch, credit = tx.purchases.watch(organization_id), tx.credit.credit(organization_id)
    it = Conclusion(purchase, canceled, method, case.at)
    keep(tx, case.organization, watch, concluding.after_withdrawal(case.organization, watch, it, credit))


def _thaw(tx: Transaction, case: _Case) -> None:
    organization_id = case.organization.organization_id
    before = tx.purchases.watch(organization_id)
    progress = before.progress
    is_frozen = progress.paused is PauseReason.CARD_DISPUTED
    if not is_frozen or progress.paused_fingerprint != method_of(tx, case.purchase).fingerprint:
        return
    telling = _telling(tx, case, replace(before, progress=recharge.resumed(progress)))
    if before.policy.is_on:
        telling.tell(EventKind.RECHARGE_RESUMED, ("reason", "dispute_won"))
    keep(tx, case.organization, before, telling.watched())


def _move(tx: Transaction, case: _Case, movement: Movement) -> None:
    move(tx, case.organization, movement, case.at)


def _tell(tx: Transaction, case: _Case, dispute: Dispute, *more: tuple[str, str]) -> None:
    before = tx.purchases.watch(case.organization.organization_id)
    telling = _telling(tx, case, before)
    details = [
        ("amount_micros", str(dispute.amount_micros)),
        ("method", method_of(tx, case.purchase).label),
        ("purchase", dispute.purchase_id),
        ("lot", str(dispute.lot_id)),
    ]
    telling.tell(_KINDS[dispute.state], *details, *more)
    keep(tx, case.organization, before, telling.watched())


def _telling(tx: Transaction, case: _Case, watch: CreditWatch) -> Telling:
    balance_micros = tx.credit.credit(case.organization.organization_id).balance_micros
    return Telling(case.organization, watch, balance_micros, case.at)


def _entry_id(dispute: Dispute) -> str:
    return disputes.entry_id(dispute.purchase_id, dispute.state)
