"""Fund an organization: one lot per reference, however often it is asked; debts are repaid first."""

import hashlib
import json
from dataclasses import asdict
from datetime import datetime

from talktime.core.credit import lots, orders
from talktime.core.credit.ledger import Account, JournalEntry, Posting
from talktime.core.credit.lots import Credit, CreditLot, LotKind
from talktime.core.credit.recharging import watching
from talktime.core.organizations.organizations import Organization
from talktime.core.values.errors import Conflict, Invalid
from talktime.core.values.frozen import frozen
from talktime.core.values.money import AMOUNT_MAX_MICROS, format_micros
from talktime.store.transaction import Transaction
from talktime.usecases.organizations.manage_organizations import lock_organization

REFERENCE_CHARACTERS_MAX = 200


@frozen
class AddCredit:
    """A purchase. `reference` is what the purchaser calls it; a currency, if stated, must be the organization's.

    `purchased_at` begins the twelve months; None means `at`.
    """

    organization: str
    amount_micros: int
    reference: str
    at: datetime
    currency: str = ""
    purchased_at: datetime | None = None
    kind: LotKind = LotKind.PURCHASED


@frozen
class CreditAdded:
    """What the purchase became. `is_repeated` where it had been made before under its reference: nothing was added."""

    organization: str
    currency: str
    reference: str
    lot_id: int
    kind: LotKind
    granted_micros: int
    # What of it paid for an overrun of before.
    repaid_micros: int
    purchased_at: datetime
    expires_at: datetime
    balance_micros: int
    is_repeated: bool = False


def add_credit(tx: Transaction, request: AddCredit) -> CreditAdded:
    """Add a lot of credit; raise Invalid for what cannot be bought, Conflict for a reference that bought otherwise."""
    organization = lock_organization(tx, request.organization)
    _check(request, organization)
    organization_id, input_hash = organization.organization_id, _input_hash(request)
    known = tx.credit.answer_of(organization_id, request.reference, input_hash)
    if known is not None:
        return _answer_from(known)
    if request.reference in tx.credit.references(organization_id).values():
        message = f"a lot of {organization.name} is called {request.reference!r} already; choose another reference"
        raise Conflict(message, code="request_key_reused")
    before = tx.credit.credit(organization_id)
    _check_total(request, before, organization)
    lot = _lot(tx, request, organization)
    # Judged at the purchase, so that a purchase of long ago repays what was owed then.
    pays = Account.PROMOTION if lot.kind is LotKind.PROMOTIONAL else Account.CASH_CLEARING
    after, postings = lots.grant(before, lot, lot.purchased_at, pays=pays)
    answer = _answer(request, organization, lot, after, postings)
    tx.credit.add_lot(organization_id, after.lot(lot.lot_id), request.reference)
    tx.credit.save(organization_id, before, after)
    tx.credit.post(JournalEntry(organization_id, f"grant:{lot.lot_id}", lot.purchased_at, postings))
    tx.organizations.set_up_credit(organization_id)
    # An operator's own entry: what was told may be told again, but nothing is recharged by it (money.md 25).
    tx.purchases.save_watch(organization_id, watching.funded(tx.purchases.watch(organization_id), after))
    tx.credit.keep_answer(
        organization_id, request.reference, input_hash=input_hash, answer=_text_of(answer), at=request.at
    )
    return answer


def _check(request: AddCredit, organization: Organization) -> None:
    if request.amount_micros <= 0:
        message = f"credit of {format_micros(request.amount_micros)} cannot be added: the amount must be above 0"
        raise Invalid(message, code="amount")
    if request.amount_micros > AMOUNT_MAX_MICROS:
        message = f"{format_micros(request.amount_micros)} is beyond {format_micros(AMOUNT_MAX_MICROS)}: a slip?"
        raise Invalid(message, code="amount")
    if request.currency and request.currency.upper() != organization.currency:
        message = f"{organization.name} pays in {organization.currency}, not in {request.currency.upper()}"
        raise Invalid(message, code="currency_differs")
    if not request.reference.strip() or len(request.reference) > REFERENCE_CHARACTERS_MAX:
        message = f"a reference of 1 to {REFERENCE_CHARACTERS_MAX} characters is needed: it makes the purchase unique"
        raise Invalid(message, code="reference")
    if orders.is_purchase_id(request.reference):
        message = f"{request.reference!r} names a purchase of Talktime's own: choose another reference"
        raise Invalid(message, code="reference")
    if request.purchased_at is not None and request.purchased_at > request.at:
        raise Invalid("a purchase lies in the past: leave the instant away to buy now", code="purchased_at")


def _check_total(request: AddCredit, before: Credit, organization: Organization) -> None:
    if before.balance_micros + request.amount_micros > AMOUNT_MAX_MICROS:
        message = (
            f"{organization.name} holds {format_micros(before.balance_micros)} {organization.currency} already:"
            f" together that is beyond {format_micros(AMOUNT_MAX_MICROS)}"
        )
        raise Conflict(message, code="balance_too_large")


def _lot(tx: Transaction, request: AddCredit, organization: Organization) -> CreditLot:
    purchased_at = request.purchased_at or request.at
    return CreditLot(
        lot_id=tx.credit.next_lot_id(organization.organization_id),
        kind=request.kind,
        granted_micros=request.amount_micros,
        purchased_at=purchased_at,
        expires_at=lots.expires_at(purchased_at, organization.zone),
    )


def _answer(
    request: AddCredit, organization: Organization, lot: CreditLot, after: Credit, postings: tuple[Posting, ...]
) -> CreditAdded:
    repaid = sum(posting.amount_micros for posting in postings if posting.credit is Account.RECEIVABLE)
    return CreditAdded(
        organization=organization.name,
        currency=organization.currency,
        reference=request.reference,
        lot_id=lot.lot_id,
        kind=lot.kind,
        granted_micros=lot.granted_micros,
        repaid_micros=repaid,
        purchased_at=lot.purchased_at,
        expires_at=lot.expires_at,
        balance_micros=after.balance_micros,
    )


def _input_hash(request: AddCredit) -> str:
    """What makes two requests the same: not the clock of whoever asks again."""
    stated = ("add_credit", request.amount_micros, request.kind.value, _iso(request.purchased_at))
    return hashlib.sha256(json.dumps(stated).encode()).hexdigest()


def _iso(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat()


def _text_of(answer: CreditAdded) -> str:
    return json.dumps(asdict(answer), default=lambda at: at.isoformat())


def _answer_from(text: str) -> CreditAdded:
    kept = json.loads(text)
    instants = {name: datetime.fromisoformat(kept[name]) for name in ("purchased_at", "expires_at")}
    return CreditAdded(**{**kept, **instants, "kind": LotKind(kept["kind"]), "is_repeated": True})
