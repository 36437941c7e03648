"""Close an account: its calls end first, its credit is given back or forfeited, its books stay (money.md 64)."""

from dataclasses import replace
from datetime import datetime
from enum import Enum

from talktime.core.credit import returning
from talktime.core.credit.buying import purchases
from talktime.core.credit.buying.purchases import Purchase
from talktime.core.credit.lots import LotKind
from talktime.core.credit.recharging import concluding, recharge
from talktime.core.credit.recharging.concluding import Conclusion
from talktime.core.credit.recharging.recharge import PauseReason
from talktime.core.credit.refunds import Refund
from talktime.core.organizations.organizations import Organization
from talktime.core.values.errors import Conflict
from talktime.core.values.frozen import frozen
from talktime.store.transaction import Transaction
from talktime.usecases.credit.money_requests import check_reference
from talktime.usecases.credit.moving_credit import Movement, book, keep
from talktime.usecases.credit.paying.conclude_purchases import method_of
from talktime.usecases.credit.returning.refund_credit import RefundCredit, refund_credit
from talktime.usecases.organizations.manage_organizations import lock_organization

# An organization's purchases that may still be open are among its newest.
LOOKED_AT_MAX = 1_000


class Remainder(Enum):
    """What becomes of the credit that is left, as its contract says."""

    REFUND = "refund"
    FORFEIT = "forfeit"


@frozen
class CloseAccount:
    """Close an account, for good; the reason and who did it stand in the books."""

    organization: str
    remainder: Remainder
    reason: str
    at: datetime
    by: str = ""


@frozen
class AccountClosed:
    """What was given back, what was forfeited, what is still owed, and purchases whose money may still move."""

    organization: Organization
    refunds: tuple[Refund, ...]
    forfeited_micros: int
    receivable_micros: int
    still_open: tuple[str, ...]


def close_account(tx: Transaction, request: CloseAccount) -> AccountClosed:
    """Close an account; raise Conflict while calls are in progress, or where it is closed already.

    Bought credit is refunded lot by lot, if so wished; what cannot be (gifts, disputed purchases) lapses now.
    """
    organization = lock_organization(tx, request.organization)
    organization_id = organization.organization_id
    check_reference(f"closing:{organization_id}", request.reason)
    _refuse(tx, organization)
    # First of all: nothing that follows may recharge.
    _stop_recharge(tx, organization, request.at)
    still_open = _withdraw_purchases(tx, organization, request.at)
    refunds = _refund_lots(tx, organization, request) if request.remainder is Remainder.REFUND else ()
    before = tx.credit.credit(organization_id)
    after, postings = returning.forfeit(before)
    entry_id = f"closing:{organization_id}"
    if postings:
        book(tx, organization, Movement(before, after, entry_id, postings), request.at)
    tx.lot_life.add_reason(organization_id, entry_id, request.reason, request.by)
    tx.lot_life.deactivate(organization_id)
    return AccountClosed(
        replace(organization, is_active=False),
        refunds,
        sum(posting.amount_micros for posting in postings),
        after.receivable_micros,
        still_open,
    )


def _refuse(tx: Transaction, organization: Organization) -> None:
    if not organization.is_active:
        raise Conflict(f"{organization.name} is closed or suspended already", code="organization_closed")
    open_calls = tx.lot_life.open_calls_count(organization.organization_id)
    if open_calls:
        calls = "a call is" if open_calls == 1 else f"{open_calls} calls are"
        message = f"{calls} in progress: close {organization.name} when they have ended; their credit is promised"
        raise Conflict(message, code="calls_in_progress")


def _stop_recharge(tx: Transaction, organization: Organization, at: datetime) -> None:
    watch = tx.purchases.watch(organization.organization_id)
    # What paused it before says nothing any more: nobody can resume what is closed.
    progress = recharge.paused(replace(watch.progress, paused=None), PauseReason.ORGANIZATION_CLOSED, "", at)
    policy = replace(watch.policy, is_on=False, version=watch.policy.version + 1)
    tx.purchases.save_watch(organization.organization_id, replace(watch, policy=policy, progress=progress))


def _withdraw_purchases(tx: Transaction, organization: Organization, at: datetime) -> tuple[str, ...]:
    """Withdraw what is open; return what a gateway must answer first."""
    waiting = [each for each in tx.purchases.all(organization.organization_id, most=LOOKED_AT_MAX) if each.is_open]
    return tuple(each.purchase_id for each in waiting if _withdrawn(tx, organization, each, at).is_open)


def _withdrawn(tx: Transaction, organization: Organization, purchase: Purchase, at: datetime) -> Purchase:
    after = purchases.withdrawn(purchase, "the organization was closed", at)
    tx.purchases.save(after)
    organization_id = organization.organization_id
    watch, credit = tx.purchases.watch(organization_id), tx.credit.credit(organization_id)
    it = Conclusion(purchase, after, method_of(tx, purchase), at)
    keep(tx, organization, watch, concluding.after_withdrawal(organization, watch, it, credit))
    return after


def _refund_lots(tx: Transaction, organization: Organization, request: CloseAccount) -> tuple[Refund, ...]:
    given_back = []
    for lot in tx.credit.credit(organization.organization_id).lots:
        credit = tx.credit.credit(organization.organization_id)
        if lot.kind is LotKind.PROMOTIONAL or returning.returnable_micros(credit, lot.lot_id, request.at) == 0:
            continue
        asked = RefundCredit(
            organization.name, lot.lot_id, f"closing:{lot.lot_id}", f"account closed: {request.reason}", request.at
        )
        given_back.append(refund_credit(tx, asked))
    return tuple(given_back)
