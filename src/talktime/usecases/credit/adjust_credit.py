"""An operator corrects a balance: more credit, or less, with a reason that the books keep (money.md 25)."""

import json
from dataclasses import asdict
from datetime import datetime

from talktime.core.credit import lots, returning
from talktime.core.credit.ledger import Account
from talktime.core.credit.lots import Credit, CreditLot, LotKind
from talktime.core.credit.recharging import watching
from talktime.core.credit.recharging.watching import Telling
from talktime.core.organizations.organizations import Organization
from talktime.core.values.errors import Conflict, Invalid
from talktime.core.values.events import EventKind
from talktime.core.values.frozen import frozen
from talktime.core.values.money import AMOUNT_MAX_MICROS, format_micros
from talktime.store.transaction import Transaction
from talktime.usecases.credit.money_requests import check_reference, hash_of
from talktime.usecases.credit.moving_credit import Movement, book, evaluate_again, keep
from talktime.usecases.organizations.manage_organizations import lock_organization

# What an operator gives away costs us as a promotion; a correction of what was bought is a correction.
_PAYS = {LotKind.PROMOTIONAL: Account.PROMOTION, LotKind.PURCHASED: Account.ADJUSTMENT}


@frozen
class AdjustCredit:
    """Add (above 0) or take away (below 0); `reference` makes it unique, `by` names who did it.

    Triggers and alerts are evaluated only on request: a correction must not charge a card.
    """

    organization: str
    amount_micros: int
    reason: str
    reference: str
    at: datetime
    by: str = ""
    kind: LotKind = LotKind.PROMOTIONAL
    evaluates: bool = False


@frozen
class CreditAdjusted:
    """What was corrected; `lot_id` is the new lot's where credit was added. `is_repeated`: it had been done before."""

    organization: str
    currency: str
    reference: str
    amount_micros: int
    balance_micros: int
    lot_id: int | None
    is_repeated: bool = False


def adjust_credit(tx: Transaction, request: AdjustCredit) -> CreditAdjusted:
    """Correct a balance once; raise Invalid for no amount or reason, Conflict for more than is available."""
    _check(request)
    organization = lock_organization(tx, request.organization)
    organization_id = organization.organization_id
    input_hash = hash_of("adjust", request.amount_micros, request.kind.value)
    known = tx.credit.answer_of(organization_id, request.reference, input_hash)
    if known is not None:
        return CreditAdjusted(**{**json.loads(known), "is_repeated": True})
    before = tx.credit.credit(organization_id)
    is_more = request.amount_micros > 0
    lot_id = tx.credit.next_lot_id(organization_id) if is_more else None
    movement = _more(tx, organization, request, before) if is_more else _less(organization, request, before)
    book(tx, organization, movement, request.at)
    tx.lot_life.add_reason(organization_id, movement.entry_id, request.reason, request.by)
    _tell(tx, organization, request, movement.after, lot_id)
    if request.evaluates:
        evaluate_again(tx, organization, request.at)
    answer = CreditAdjusted(
        organization.name,
        organization.currency,
        request.reference,
        request.amount_micros,
        movement.after.balance_micros,
        lot_id,
    )
    tx.credit.keep_answer(
        organization_id, request.reference, input_hash=input_hash, answer=json.dumps(asdict(answer)), at=request.at
    )
    return answer


def _check(request: AdjustCredit) -> None:
    check_reference(request.reference, request.reason)
    if request.amount_micros == 0 or abs(request.amount_micros) > AMOUNT_MAX_MICROS:
        message = f"a correction is above or below 0, and at most {format_micros(AMOUNT_MAX_MICROS)}"
        raise Invalid(message, code="amount")


def _more(tx: Transaction, organization: Organization, request: AdjustCredit, before: Credit) -> Movement:
    organization_id, at = organization.organization_id, request.at
    if before.balance_micros + request.amount_micros > AMOUNT_MAX_MICROS:
        message = f"the balance would be beyond {format_micros(AMOUNT_MAX_MICROS)}: a slip?"
        raise Conflict(message, code="balance_too_large")
    if request.reference in tx.credit.references(organization_id).values():
        message = f"a lot of {organization.name} is called {request.reference!r} already; choose another reference"
        raise Conflict(message, code="request_key_reused")
    lot = CreditLot(
        tx.credit.next_lot_id(organization_id),
        request.kind,
        request.amount_micros,
        at,
        lots.expires_at(at, organization.zone),
    )
    after, postings = lots.grant(before, lot, at, pays=_PAYS[request.kind])
    tx.credit.add_lot(organization_id, after.lot(lot.lot_id), request.reference)
    tx.organizations.set_up_credit(organization_id)
    tx.purchases.save_watch(organization_id, watching.funded(tx.purchases.watch(organization_id), after))
    return Movement(before, after, f"adjustment:{request.reference}", postings)


def _less(organization: Organization, request: AdjustCredit, before: Credit) -> Movement:
    amount_micros, available_micros = -request.amount_micros, before.available_micros(request.at)
    if amount_micros > available_micros:
        message = (
            f"{organization.name} has {format_micros(available_micros)} {organization.currency} available: no more can"
            " be taken away; what calls in progress were promised stays theirs"
        )
        raise Conflict(message, code="adjustment_too_large")
    after, postings = returning.withdraw(before, amount_micros, request.at, Account.ADJUSTMENT)
    return Movement(before, after, f"adjustment:{request.reference}", postings)


def _tell(
    tx: Transaction, organization: Organization, request: AdjustCredit, credit: Credit, lot_id: int | None
) -> None:
    watch = tx.purchases.watch(organization.organization_id)
    telling = Telling(organization, watch, credit.balance_micros, request.at)
    details = [("amount_micros", str(request.amount_micros)), ("reason", request.reason)]
    if request.by:
        details.append(("by", request.by))
    if lot_id is not None:
        details.append(("lot", str(lot_id)))
    telling.tell(EventKind.CREDIT_ADJUSTED, *details)
    keep(tx, organization, watch, telling.watched())
