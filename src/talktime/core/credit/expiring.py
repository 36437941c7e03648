"""What will be lost when, unless it is spent before, and when an admin is told so (S34, money.md 47 and 48)."""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from talktime.core.credit.ledger import Posting
from talktime.core.credit.lots import Credit, CreditLot, expire
from talktime.core.values.frozen import frozen
from talktime.core.values.periods import DAY, start_of_day

# So many local days before a lot's end, an admin is told what would be lost.
NOTICE_DAYS = (60, 30, 7, 1)
# The forecast is the average of so many days.
AVERAGED = timedelta(days=28)
_MICROSECOND = timedelta(microseconds=1)


@frozen
class Loss:
    """What of a lot is lost at its end."""

    lot_id: int
    expires_at: datetime
    amount_micros: int


@frozen
class ExpiryNotice:
    """A notice that is due: `days_before` is which of the notices, `days` how many days are really left."""

    loss: Loss
    days_before: int
    days: int


@frozen
class LotExpiry:
    """The expiry of one lot: the credit before and after it, and the one posting between."""

    lot: CreditLot
    before: Credit
    after: Credit
    posting: Posting


def expiries(credit: Credit, at: datetime) -> Iterator[LotExpiry]:
    """Yield the expiry of each lot that has ended with something left; what is held survives until its call ends."""
    lots = {lot.lot_id: lot for lot in credit.lots}
    _, postings = expire(credit, at)
    before = credit
    for posting in postings:
        assert posting.lot_id is not None
        lot = lots[posting.lot_id]
        after = Credit(
            tuple(each.moved(expired=posting.amount_micros) if each is lot else each for each in before.lots),
            before.receivable_micros,
        )
        yield LotExpiry(lot, before, after, posting)
        before = after


def expected(credit: Credit, at: datetime) -> Credit:
    """Return the credit at a later instant if nothing is bought or spent until then: less what expires."""
    return expire(credit, at)[0]


def forecast(credit: Credit, daily_spend_micros: int, at: datetime) -> list[Loss]:
    """Return what is lost of each lot if as much is spent every day as lately, the first to end first.

    What calls hold counts as spent; credit that is bought meanwhile is spent after what is there.
    """
    left = {lot.lot_id: lot.available_micros(at) for lot in credit.lots}
    losses: list[Loss] = []
    spent_micros = 0
    for ending in sorted((lot for lot in credit.lots if left[lot.lot_id] > 0), key=lambda lot: lot.expires_at):
        until_then = _spent_micros(daily_spend_micros, ending.expires_at - at)
        _spend(credit.lots, left, until_then - spent_micros, ending.expires_at - _MICROSECOND)
        spent_micros = until_then
        losses.append(Loss(ending.lot_id, ending.expires_at, left[ending.lot_id]))
    return losses


def due_notices(
    losses: Iterable[Loss], told: Iterable[tuple[int, int]], at: datetime, zone: ZoneInfo
) -> list[ExpiryNotice]:
    """Return the notices to be told now; `told` are (lot, days before) of those that were.

    Of several that are due for a lot only the latest is told; where nothing would be lost, none.
    """
    known = set(told)
    due = []
    for loss in losses:
        days_before = _reached(loss.expires_at, at, zone)
        if days_before is None or loss.amount_micros <= 0 or (loss.lot_id, days_before) in known:
            continue
        due.append(ExpiryNotice(loss, days_before, _days_left(loss.expires_at, at, zone)))
    return due


def _reached(expires_at: datetime, at: datetime, zone: ZoneInfo) -> int | None:
    """Return the latest notice whose local day has come; None before the first, and once the lot has ended."""
    if at >= expires_at:
        return None
    ends_on = expires_at.astimezone(zone).date()
    reached = [days for days in NOTICE_DAYS if at >= start_of_day(ends_on - days * DAY, zone)]
    return min(reached, default=None)


def _days_left(expires_at: datetime, at: datetime, zone: ZoneInfo) -> int:
    return (expires_at.astimezone(zone).date() - at.astimezone(zone).date()).days


def _spent_micros(daily_spend_micros: int, time: timedelta) -> int:
    return daily_spend_micros * (time // _MICROSECOND) // (DAY // _MICROSECOND)


def _spend(lots: Iterable[CreditLot], left: dict[int, int], amount_micros: int, at: datetime) -> None:
    """Take an amount from what is left, in spending order, of lots that have not ended before an instant."""
    missing = amount_micros
    for lot in lots:
        taken = min(missing, left[lot.lot_id]) if at < lot.expires_at else 0
        left[lot.lot_id] -= taken
        missing -= taken
