"""Book what has expired, once, and tell what will expire: sweeping late or twice changes nothing (money.md 47, 48)."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from talktime.core.credit import expiring
from talktime.core.credit.expiring import AVERAGED, NOTICE_DAYS, ExpiryNotice, Loss
from talktime.core.credit.lots import Credit
from talktime.core.credit.recharging import watching
from talktime.core.credit.recharging.simulating import usual_day_micros
from talktime.core.credit.recharging.watching import Telling
from talktime.core.organizations.organizations import Organization
from talktime.core.values.events import EventKind
from talktime.core.values.frozen import frozen
from talktime.core.values.periods import DAY
from talktime.store.credit.lot_life import ENDED
from talktime.store.transaction import Transaction
from talktime.usecases.credit.moving_credit import Movement, book, keep

SWEPT_MAX = 100
# The end of a lot whose whole rest was held is told when that is released; later than this, nobody wants to know.
TOLD_FOR = timedelta(days=31)
# A day more than the first notice: its local day begins before sixty times 24 hours where clocks are put forward.
_LOOKED_AHEAD = (max(NOTICE_DAYS) + 1) * DAY


@frozen
class ExpireCredit:
    """Sweep one organization as of an instant."""

    organization_id: int
    at: datetime


@frozen
class Swept:
    """What was booked as breakage, by lot; and the ends that were told."""

    organization: Organization
    expired: tuple[Loss, ...]
    told: tuple[Loss, ...]


@frozen
class DueNotices:
    """Ask for organizations with credit that ends soon: those with ids beyond one, in the order of their ids."""

    at: datetime
    beyond: int = 0


@frozen
class Announced:
    """The notices that were told to an organization."""

    organization: Organization
    notices: tuple[ExpiryNotice, ...]


def due_expiries(tx: Transaction, at: datetime) -> Sequence[int]:
    """Return at most a hundred organizations with expired credit to sweep or to tell of."""
    return tx.lot_life.with_expired_credit(at, at - TOLD_FOR, most=SWEPT_MAX)


def expire_credit(tx: Transaction, request: ExpireCredit) -> Swept:
    """Book the available rest of every lot that has ended, and evaluate the trigger on what that leaves.

    One entry for each lot and portion, `expiry:LOT:N`: what a call releases later is booked by the call itself.
    """
    organization, at = tx.organizations.lock_id(request.organization_id), request.at
    organization_id = organization.organization_id
    before = after = tx.credit.credit(organization_id)
    expired = []
    for each in expiring.expiries(before, at):
        entry = f"expiry:{each.lot.lot_id}:"
        entry_id = f"{entry}{tx.lot_life.entries_count(organization_id, entry)}"
        book(tx, organization, Movement(each.before, each.after, entry_id, (each.posting,)), at)
        after = each.after
        expired.append(Loss(each.lot.lot_id, each.lot.expires_at, each.posting.amount_micros))
    told = _tell_ends(tx, organization, after, at)
    if expired:
        watch = tx.purchases.watch(organization_id)
        keep(tx, organization, watch, watching.after_movement(organization, watch, before, after, at))
    return Swept(organization, tuple(expired), told)


def due_notices(tx: Transaction, request: DueNotices) -> Sequence[int]:
    """Return at most a hundred organizations with available credit that ends within the time of the notices."""
    until = request.at + _LOOKED_AHEAD
    return tx.lot_life.with_ends_between(request.at, until, most=SWEPT_MAX, beyond=request.beyond)


def announce_expiry(tx: Transaction, request: ExpireCredit) -> Announced:
    """Tell what will be lost 60, 30, 7 and 1 days before, each once; nothing where it will be spent before."""
    organization, at = tx.organizations.lock_id(request.organization_id), request.at
    organization_id = organization.organization_id
    credit = tx.credit.credit(organization_id)
    daily_micros = usual_day_micros(tx.insight.spent_micros(organization_id, at - AVERAGED, at), AVERAGED)
    losses = expiring.forecast(credit, daily_micros, at)
    notices = expiring.due_notices(losses, tx.lot_life.notices(organization_id), at, organization.zone)
    if not notices:
        return Announced(organization, ())
    watch = tx.purchases.watch(organization_id)
    telling = Telling(organization, watch, credit.balance_micros, at)
    for notice in notices:
        tx.lot_life.note_told(organization_id, notice.loss, notice.days_before, at)
        telling.tell(EventKind.LOT_EXPIRING, *_about(notice.loss), ("days", str(notice.days)))
    keep(tx, organization, watch, telling.watched())
    return Announced(organization, tuple(notices))


def _tell_ends(tx: Transaction, organization: Organization, credit: Credit, at: datetime) -> tuple[Loss, ...]:
    """Tell the end of each lot once, with all that it had lost by then."""
    organization_id = organization.organization_id
    known = set(tx.lot_life.notices(organization_id))
    ended = tuple(
        Loss(lot.lot_id, lot.expires_at, lot.expired_micros)
        for lot in credit.lots
        if at - TOLD_FOR < lot.expires_at <= at and lot.expired_micros > 0 and (lot.lot_id, ENDED) not in known
    )
    if not ended:
        return ()
    watch = tx.purchases.watch(organization_id)
    telling = Telling(organization, watch, credit.balance_micros, at)
    for loss in ended:
        tx.lot_life.note_told(organization_id, loss, ENDED, at)
        telling.tell(EventKind.CREDIT_EXPIRED, *_about(loss))
    keep(tx, organization, watch, telling.watched())
    return ended


def _about(loss: Loss) -> tuple[tuple[str, str], ...]:
    return (
        ("lot", str(loss.lot_id)),
        ("amount_micros", str(loss.amount_micros)),
        ("expires_at", loss.expires_at.isoformat()),
    )
