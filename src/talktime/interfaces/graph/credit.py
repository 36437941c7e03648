"""What Graph lacks, in its style: an organization's balance, lots, recharges and minute pools."""

from datetime import datetime

from talktime.core.credit.buying.purchases import Purchase
from talktime.core.credit.lots import CreditLot
from talktime.core.insight.pool_report import PoolLine
from talktime.core.insight.tables import format_instant
from talktime.interfaces.graph.errors import Fields
from talktime.interfaces.graph.rows import amount
from talktime.usecases.credit.show_credit import CreditShown
from talktime.usecases.insight.call_records.read_credit import Balance
from talktime.usecases.insight.show_pools import PoolsShown


def balance(read: Balance) -> Fields:
    """Return the balance: posted = available and held, what lapses and what is owed told apart; pending is to come."""
    shown, expiry = read.shown, read.shown.next_expiry
    return {
        "organization": shown.organization.name,
        "currency": shown.organization.currency,
        "asOfDateTime": format_instant(shown.at),
        "posted": amount(shown.credit.balance_micros),
        "held": amount(shown.credit.held_micros()),
        "available": amount(shown.available_micros),
        "receivable": amount(shown.credit.receivable_micros),
        "lapsed": amount(shown.lapsed_micros),
        "pending": amount(sum(purchase.amount_micros for purchase in read.pending)),
        "pendingPurchases": [_purchase(each) for each in read.pending],
        "nextExpiry": None
        if expiry is None
        else {"dateTime": format_instant(expiry.at), "amount": amount(expiry.amount_micros)},
    }


def lot(each: CreditLot, shown: CreditShown) -> Fields:
    """Return a lot: granted = spent + held + expired + refunded + disputed + what remains."""
    return {
        "id": str(each.lot_id),
        "reference": shown.references[each.lot_id],
        "kind": each.kind.name.lower(),
        "currency": shown.organization.currency,
        "granted": amount(each.granted_micros),
        "spent": amount(each.spent_micros),
        "held": amount(each.held_micros),
        "expired": amount(each.expired_micros),
        "refunded": amount(each.refunded_micros),
        "disputed": amount(each.disputed_micros),
        "available": amount(each.available_micros(shown.at)),
        "purchasedDateTime": format_instant(each.purchased_at),
        "expirationDateTime": format_instant(each.expires_at),
    }


def recharge(purchase: Purchase) -> Fields:
    """Return a recharge, whatever became of it."""
    return {
        **_purchase(purchase),
        "tax": None if purchase.tax_micros is None else amount(purchase.tax_micros),
        "attempts": purchase.attempt,
        "closedDateTime": _instant(purchase.closed_at),
        "declineCode": purchase.decline_code or None,
        "reason": purchase.reason or None,
        "lotId": None if purchase.lot_id is None else str(purchase.lot_id),
    }


def pools(shown: PoolsShown) -> list[Fields]:
    """Return the pools of a month, and as one more line each plan whose minutes are each user's own."""
    found = [_pool(line, shown) for line in shown.report.lines]
    own = shown.report.own
    if own is not None:
        found.append(
            {
                **_month(shown),
                "plan": own.plan_name,
                "description": f"{own.each_minutes:,} minutes of each of {own.users_count:,} users' own",
                "capability": None,
                "countryCode": None,
                "counter": "own",
                "totalMinutes": own.total_minutes,
                "usedMinutes": own.used_minutes,
                "heldMinutes": own.held_minutes,
                # What is left to one user is no other's: nothing of it is available to all.
                "availableMinutes": None,
            }
        )
    return found


def _pool(line: PoolLine, shown: PoolsShown) -> Fields:
    return {
        **_month(shown),
        "plan": line.plan_name,
        "description": line.description,
        "capability": line.pool.capability,
        "countryCode": line.pool.country or None,
        "counter": line.pool.counter or None,
        "totalMinutes": line.total_minutes,
        "usedMinutes": line.used_minutes,
        "heldMinutes": line.held_minutes,
        "availableMinutes": line.available_minutes,
    }


def _month(shown: PoolsShown) -> Fields:
    return {"month": shown.report.month, "renewsOn": shown.renews_on.isoformat()}


def _purchase(purchase: Purchase) -> Fields:
    return {
        "id": purchase.purchase_id,
        "cause": purchase.cause.value,
        "state": purchase.state.value,
        "amount": amount(purchase.amount_micros),
        "currency": purchase.currency,
        "createdDateTime": format_instant(purchase.created_at),
    }


def _instant(at: datetime | None) -> str | None:
    return None if at is None else format_instant(at)
