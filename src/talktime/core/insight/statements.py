"""The monthly statement: what an organization had, what came and went, what it has; a report and not a bill (D4)."""

from collections.abc import Mapping
from dataclasses import field
from datetime import date, datetime
from enum import Enum

from talktime.core.credit.billing.invoices import NO_TAX, NOBODY, Party, Tax
from talktime.core.credit.billing.taxes import TaxRule, included_tax_micros
from talktime.core.credit.ledger import Account
from talktime.core.values.frozen import frozen
from talktime.core.values.periods import Period, add_months


class MovementKind(Enum):
    """Why a balance changed, in the order in which a statement tells it."""

    # Booked after the month before was told, and dated in it or earlier.
    CORRECTED = "corrected"
    PURCHASED = "purchased"
    GRANTED = "granted"
    USED = "used"
    EXPIRED = "expired"
    REFUNDED = "refunded"
    ADJUSTED = "adjusted"
    DISPUTED = "disputed"
    TRANSFERRED = "transferred"
    OTHER = "other"


# A balance is what the lots hold less what is owed; credit that repays a debt leaves it as it was.
BALANCE_ACCOUNTS = frozenset({Account.LOT, Account.RECEIVABLE})
# What the account on the other side says of a movement.
KINDS = {
    Account.CASH_CLEARING: MovementKind.PURCHASED,
    Account.INVOICED: MovementKind.PURCHASED,
    Account.PROMOTION: MovementKind.GRANTED,
    Account.REVENUE: MovementKind.USED,
    Account.BREAKAGE: MovementKind.EXPIRED,
    Account.REFUND: MovementKind.REFUNDED,
    Account.ADJUSTMENT: MovementKind.ADJUSTED,
    Account.DISPUTED: MovementKind.DISPUTED,
    Account.FEE: MovementKind.OTHER,
    Account.TRANSFER: MovementKind.TRANSFERRED,
    Account.TAX: MovementKind.OTHER,
    Account.ROUNDING: MovementKind.OTHER,
    # What is billed after use is told beside the balance, and changes none (S41).
    Account.ACCRUED: MovementKind.OTHER,
}
# Told even where nothing of the kind happened.
ALWAYS_TOLD = frozenset(
    {MovementKind.PURCHASED, MovementKind.USED, MovementKind.EXPIRED, MovementKind.REFUNDED, MovementKind.ADJUSTED}
)

# What use contains of tax leaves revenue by these entries alone, one for each month.
TAX_ENTRIES = "tax:"

# What the journal moved, by debit and credit account.
Moved = Mapping[tuple[Account, Account], int]


@frozen
class Movement:
    """What came (above zero) or went (below) for one reason."""

    kind: MovementKind
    amount_micros: int


@frozen
class PurchasedCredit:
    """One purchase of the month: what it is called, its invoice if it has one, and when the credit ends."""

    purchased_at: datetime
    reference: str
    invoice_number: str
    amount_micros: int
    expires_at: datetime


@frozen
class UsedCredit:
    """What calls of one kind to one destination cost; late if they began before the month (money.md 31).

    Without kind and destination where no call explains the charge.
    """

    kind: str
    destination: str
    is_late: bool
    calls: int
    used_seconds: int
    cost_micros: int


@frozen
class StatementFacts:
    """What the books say of a month."""

    organization_id: int
    month: date
    period: Period
    currency: str
    time_zone: str
    at: datetime
    # By the journal, from its first day on.
    opening_micros: int
    closing_micros: int
    moved: Moved
    purchased: tuple[PurchasedCredit, ...] = ()
    used: tuple[UsedCredit, ...] = ()
    # What calls cost that credit did not pay because the organization pays after use.
    accrued: tuple[UsedCredit, ...] = ()
    # The closing balance that the month before was told with, if it was.
    told_micros: int | None = None
    rule: TaxRule | None = None
    # When the first of the calls began that are not charged yet.
    open_since: datetime | None = None
    seller: Party = NOBODY
    buyer: Party = NOBODY


@frozen
class Statement:
    """A month of an organization's books; opening + movements = closing, to the micro.

    Every call that began before `is_complete_until` is on this statement or an earlier one.
    """

    organization_id: int
    month: date
    starts_at: datetime
    ends_at: datetime
    currency: str
    time_zone: str
    computed_at: datetime
    is_complete_until: datetime
    opening_micros: int
    movements: tuple[Movement, ...]
    closing_micros: int
    purchased: tuple[PurchasedCredit, ...]
    used: tuple[UsedCredit, ...]
    tax: Tax = NO_TAX
    # Contained in what was used, and booked from revenue to tax when the statement is issued.
    included_tax_micros: int = 0
    seller: Party = field(default=NOBODY)
    buyer: Party = field(default=NOBODY)
    # What is billed after use, beside the balance (S41).
    accrued: tuple[UsedCredit, ...] = ()

    def __post_init__(self) -> None:
        """Nothing came or went that is not told."""
        moved = sum(movement.amount_micros for movement in self.movements)
        assert self.opening_micros + moved == self.closing_micros, "opening + movements = closing"
        assert -self.amount_micros(MovementKind.USED) == sum(used.cost_micros for used in self.used)

    @property
    def is_preliminary(self) -> bool:
        """Tell whether the month was still running."""
        return self.computed_at < self.ends_at

    @property
    def late_micros(self) -> int:
        """Return what calls of earlier months cost that were charged in this one."""
        return sum(used.cost_micros for used in self.used if used.is_late)

    @property
    def accrued_micros(self) -> int:
        """Return what the month's calls cost that is billed after use."""
        return sum(used.cost_micros for used in self.accrued)

    def amount_micros(self, kind: MovementKind) -> int:
        """Return what came or went for one reason."""
        return sum(movement.amount_micros for movement in self.movements if movement.kind is kind)


def statement_of(facts: StatementFacts) -> Statement:
    """Compose the statement of a month from what the books say."""
    opening_micros = facts.opening_micros if facts.told_micros is None else facts.told_micros
    movements = _movements(facts, facts.opening_micros - opening_micros)
    used_micros = -sum(movement.amount_micros for movement in movements if movement.kind is MovementKind.USED)
    tax_micros = included_tax_micros(used_micros, facts.rule, facts.currency)
    taxed_by = facts.rule if tax_micros else None
    return Statement(
        organization_id=facts.organization_id,
        month=facts.month,
        starts_at=facts.period.starts_at,
        ends_at=facts.period.ends_at,
        currency=facts.currency,
        time_zone=facts.time_zone,
        computed_at=facts.at,
        is_complete_until=min(filter(None, (facts.at, facts.period.ends_at, facts.open_since))),
        opening_micros=opening_micros,
        movements=movements,
        closing_micros=facts.closing_micros,
        purchased=facts.purchased,
        used=facts.used,
        tax=NO_TAX if taxed_by is None else Tax(taxed_by.name, taxed_by.rate_ppm),
        included_tax_micros=tax_micros,
        seller=facts.seller,
        buyer=facts.buyer,
        accrued=facts.accrued,
    )


def balance_change(debit: Account, credit: Account) -> tuple[MovementKind, int] | None:
    """Return why and in which direction a posting changes a balance; None for one that does not."""
    if (debit in BALANCE_ACCOUNTS) == (credit in BALANCE_ACCOUNTS):
        return None
    return (KINDS[debit], 1) if credit in BALANCE_ACCOUNTS else (KINDS[credit], -1)


def month_before(month: date) -> date:
    """Return the first day of the month before."""
    return add_months(month, -1)


def tax_entry_id(month: date) -> str:
    """Return the id of the journal entry that books the tax contained in a month's use: once."""
    return f"{TAX_ENTRIES}{month:%Y-%m}"


def _movements(facts: StatementFacts, corrected_micros: int) -> tuple[Movement, ...]:
    amounts = dict.fromkeys(MovementKind, 0)
    amounts[MovementKind.CORRECTED] = corrected_micros
    for (debit, credit), amount_micros in facts.moved.items():
        change = balance_change(debit, credit)
        if change is not None:
            kind, sign = change
            amounts[kind] += sign * amount_micros
    return tuple(Movement(kind, amount) for kind, amount in amounts.items() if amount or kind in ALWAYS_TOLD)
