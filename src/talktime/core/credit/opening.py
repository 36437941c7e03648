"""Opening balances of another system: one lot for each, with the expiry that it has there (money.md 66)."""

from collections.abc import Mapping
from datetime import date, datetime
from enum import Enum
from typing import NamedTuple
from zoneinfo import ZoneInfo

from talktime.core.credit import orders
from talktime.core.credit.lots import Credit, CreditLot, LotKind, expires_at
from talktime.core.organizations.organizations import Organization
from talktime.core.values.frozen import frozen
from talktime.core.values.money import AMOUNT_MAX_MICROS, format_micros
from talktime.core.values.periods import DAY, start_of_day


@frozen
class OpeningBalance:
    """A line of a file; a date is a local day of its organization: bought when it began, good until it ends."""

    line: int
    organization: str
    amount_micros: int
    currency: str
    purchased_at: date | datetime | None
    expires_at: date | datetime | None
    source: str
    reference: str
    kind: LotKind = LotKind.PURCHASED


class Mistake(NamedTuple):
    """What is wrong with a line, and in which column."""

    line: int
    column: str
    problem: str


class OpeningVerdict(Enum):
    """What becomes of a line."""

    NEW = "new"
    # It was imported before under its reference, the same in every part.
    KNOWN = "known"


def lot_of(row: OpeningBalance, lot_id: int, zone: ZoneInfo, at: datetime) -> CreditLot:
    """Return the lot that a line describes; without a day of purchase it is as old as the import."""
    purchased_at = _begin(row.purchased_at, zone) or at
    end = _end(row.expires_at, zone) or expires_at(purchased_at, zone)
    return CreditLot(lot_id, row.kind, row.amount_micros, purchased_at, end)


def judge(
    row: OpeningBalance, organization: Organization | None, credit: Credit, known: Mapping[str, int], at: datetime
) -> OpeningVerdict | Mistake:
    """Tell what becomes of a line, or what is wrong with it; `known` are the lots by their references."""
    if organization is None:
        return Mistake(row.line, "organization", f"there is no organization named {row.organization!r}")
    if row.currency != organization.currency:
        problem = f"{organization.name} pays in {organization.currency}, not in {row.currency}"
        return Mistake(row.line, "currency", problem)
    if not 0 < row.amount_micros <= AMOUNT_MAX_MICROS:
        return Mistake(row.line, "amount", f"write an amount above 0 and up to {format_micros(AMOUNT_MAX_MICROS)}")
    if orders.is_purchase_id(row.reference):
        return Mistake(row.line, "reference", f"{row.reference!r} names a purchase of Talktime's own: choose another")
    lot = lot_of(row, 0, organization.zone, at)
    if row.reference in known:
        return _repeated(row, credit.lot(known[row.reference]), lot)
    if lot.purchased_at > at:
        return Mistake(row.line, "purchased_at", "it lies in the future")
    if lot.expires_at <= max(at, lot.purchased_at):
        return Mistake(row.line, "expires_at", f"it expired at {lot.expires_at.isoformat()}: leave the line out")
    if credit.balance_micros + row.amount_micros > AMOUNT_MAX_MICROS:
        return Mistake(row.line, "amount", f"the balance would be beyond {format_micros(AMOUNT_MAX_MICROS)}")
    return OpeningVerdict.NEW


def _repeated(row: OpeningBalance, known: CreditLot, lot: CreditLot) -> OpeningVerdict | Mistake:
    is_same_age = row.purchased_at is None or known.purchased_at == lot.purchased_at
    same = (known.granted_micros, known.kind, known.expires_at) == (lot.granted_micros, lot.kind, lot.expires_at)
    if same and is_same_age:
        return OpeningVerdict.KNOWN
    problem = f"{row.reference!r} is lot {known.lot_id} already, of {format_micros(known.granted_micros)}"
    return Mistake(row.line, "reference", f"{problem} until {known.expires_at.isoformat()}: choose another reference")


def _begin(day: date | datetime | None, zone: ZoneInfo) -> datetime | None:
    if day is None or isinstance(day, datetime):
        return day
    return start_of_day(day, zone)


def _end(day: date | datetime | None, zone: ZoneInfo) -> datetime | None:
    if day is None or isinstance(day, datetime):
        return day
    return start_of_day(day + DAY, zone)
