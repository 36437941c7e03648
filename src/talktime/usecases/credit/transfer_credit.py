"""Move credit to another organization: each part keeps its expiry and its age (money.md 65)."""

import json
from dataclasses import asdict
from datetime import datetime

from talktime.core.credit import lots, returning
from talktime.core.credit.ledger import Account, Posting
from talktime.core.credit.lots import CreditLot
from talktime.core.credit.recharging import watching
from talktime.core.organizations.organizations import Organization
from talktime.core.values.errors import Conflict, Invalid
from talktime.core.values.frozen import frozen
from talktime.core.values.money import format_micros
from talktime.store.transaction import Transaction
from talktime.usecases.credit.money_requests import check_reference, hash_of
from talktime.usecases.credit.moving_credit import Movement, book
from talktime.usecases.organizations.manage_organizations import find_organization


@frozen
class TransferCredit:
    """Move an amount, None for all that is available, from one organization to another; `reference` makes it unique."""

    source: str
    target: str
    reason: str
    reference: str
    at: datetime
    amount_micros: int | None = None
    by: str = ""


@frozen
class CreditTransferred:
    """What arrived; `lot_ids` are the target's new lots. `is_repeated`: it had been done before."""

    source: str
    target: str
    currency: str
    amount_micros: int
    lot_ids: tuple[int, ...]
    source_balance_micros: int
    target_balance_micros: int
    is_repeated: bool = False


def transfer_credit(tx: Transaction, request: TransferCredit) -> CreditTransferred:
    """Transfer once; raise Invalid for one organization, Conflict across currencies or for more than is available.

    Neither side's trigger is evaluated: an operator's entry charges no card (money.md 25).
    """
    check_reference(request.reference, request.reason)
    source, target = _locked(tx, request)
    input_hash = hash_of("transfer", target.organization_id, request.amount_micros)
    known = tx.credit.answer_of(source.organization_id, request.reference, input_hash)
    if known is not None:
        kept = json.loads(known)
        return CreditTransferred(**kept | {"lot_ids": tuple(kept["lot_ids"]), "is_repeated": True})
    before = tx.credit.credit(source.organization_id)
    amount_micros = _amount_micros(source, before.available_micros(request.at), request)
    after, postings = returning.withdraw(before, amount_micros, request.at, Account.TRANSFER)
    entry_id = f"transfer:{request.reference}"
    book(tx, source, Movement(before, after, entry_id, postings), request.at)
    tx.lot_life.add_reason(source.organization_id, entry_id, f"to {target.name}: {request.reason}", request.by)
    parts = [_part(before.lot(each.lot_id), each) for each in postings if each.lot_id is not None]
    lot_ids = tuple(_receive(tx, source, target, request, part) for part in parts)
    answer = CreditTransferred(
        source.name,
        target.name,
        source.currency,
        amount_micros,
        lot_ids,
        after.balance_micros,
        tx.credit.credit(target.organization_id).balance_micros,
    )
    answered = json.dumps(asdict(answer))
    tx.credit.keep_answer(
        source.organization_id, request.reference, input_hash=input_hash, answer=answered, at=request.at
    )
    return answer


def _locked(tx: Transaction, request: TransferCredit) -> tuple[Organization, Organization]:
    """Lock both in the order of their ids, as everybody does."""
    found = [find_organization(tx, name) for name in (request.source, request.target)]
    source_id, target_id = (organization.organization_id for organization in found)
    if source_id == target_id:
        raise Invalid("credit is moved from one organization to another: name two", code="same_organization")
    locked = {each: tx.organizations.lock_id(each) for each in sorted((source_id, target_id))}
    source, target = locked[source_id], locked[target_id]
    if source.currency != target.currency:
        message = (
            f"{source.name} pays in {source.currency}, {target.name} in {target.currency}: refund there"
            f" (`talktime credit refund`) and buy here, at the rate that your bank gives you"
        )
        raise Conflict(message, code="currency_differs")
    return source, target


def _amount_micros(source: Organization, available_micros: int, request: TransferCredit) -> int:
    wanted_micros = available_micros if request.amount_micros is None else request.amount_micros
    if request.amount_micros is not None and wanted_micros <= 0:
        raise Invalid("what is moved is more than 0: leave the amount away for all of it", code="amount")
    if not 0 < wanted_micros <= available_micros:
        message = (
            f"{source.name} has {format_micros(available_micros)} {source.currency} available: no more can be moved;"
            " what calls in progress were promised stays there"
        )
        raise Conflict(message, code="transfer_too_large")
    return wanted_micros


def _part(lot: CreditLot, posting: Posting) -> CreditLot:
    """Return what leaves a lot, as a lot of its own, not dated anew."""
    return CreditLot(lot.lot_id, lot.kind, posting.amount_micros, lot.purchased_at, lot.expires_at)


def _receive(
    tx: Transaction, source: Organization, target: Organization, request: TransferCredit, part: CreditLot
) -> int:
    organization_id = target.organization_id
    before = tx.credit.credit(organization_id)
    lot_id = tx.credit.next_lot_id(organization_id)
    lot = CreditLot(lot_id, part.kind, part.granted_micros, part.purchased_at, part.expires_at)
    after, postings = lots.grant(before, lot, request.at, pays=Account.TRANSFER)
    # Another organization may have chosen the same reference.
    name = f"transfer:{source.organization_id}:{request.reference}:{part.lot_id}"
    tx.credit.add_lot(organization_id, after.lot(lot_id), name)
    tx.organizations.set_up_credit(organization_id)
    book(tx, target, Movement(before, after, name, postings), request.at)
    tx.lot_life.add_reason(organization_id, name, f"from {source.name}: {request.reason}", request.by)
    tx.purchases.save_watch(organization_id, watching.funded(tx.purchases.watch(organization_id), after))
    return lot_id
