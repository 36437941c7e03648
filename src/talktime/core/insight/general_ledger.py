"""The general ledger: what kind of account each of the journal's is, its number and name, and how balances add up.

A balance is written as accountants read it: above zero is a debit, below zero a credit. All balances of an organization
add up to zero, because each posting moves one amount from one account to another (docs/decisions/0004).
"""

from collections.abc import Iterable, Mapping
from enum import Enum

from talktime.core.credit.ledger import Account
from talktime.core.values.frozen import frozen


class AccountKind(Enum):
    """The five kinds of accounts; the first three are carried from period to period, the others begin at zero."""

    ASSET = "asset"
    LIABILITY = "liability"
    EQUITY = "equity"
    INCOME = "income"
    EXPENSE = "expense"


class Side(Enum):
    """The side of the books on which a balance stands."""

    DEBIT = "debit"
    CREDIT = "credit"


CARRIED = frozenset({AccountKind.ASSET, AccountKind.LIABILITY, AccountKind.EQUITY})
GROWS_BY_DEBIT = frozenset({AccountKind.ASSET, AccountKind.EXPENSE})


@frozen
class ChartedAccount:
    """An account as it stands in the chart of accounts."""

    number: str
    name: str
    kind: AccountKind
    # What stands on it, in a sentence.
    meaning: str

    @property
    def grows_by(self) -> Side:
        """Return the side on which its balance ordinarily stands."""
        return Side.DEBIT if self.kind in GROWS_BY_DEBIT else Side.CREDIT


CHART: Mapping[Account, ChartedAccount] = {
    Account.CASH_CLEARING: ChartedAccount(
        "1100", "Cash clearing", AccountKind.ASSET, "Money that payers paid, until the bank statement confirms it"
    ),
    Account.INVOICED: ChartedAccount(
        "1200", "Trade receivables", AccountKind.ASSET, "Invoices under an agreement that are not paid yet"
    ),
    Account.RECEIVABLE: ChartedAccount(
        "1210", "Unbilled receivables", AccountKind.ASSET, "Use that no credit covered; the next credit repays it"
    ),
    Account.ACCRUED: ChartedAccount(
        "1220", "Accrued overage", AccountKind.ASSET, "Use of organizations that pay after use, before it is billed"
    ),
    Account.DISPUTED: ChartedAccount(
        "1300", "Disputed payments", AccountKind.ASSET, "Money that a bank took back, while that is disputed"
    ),
    Account.LOT: ChartedAccount(
        "2100", "Deferred revenue", AccountKind.LIABILITY, "Prepaid credit that is neither used nor expired"
    ),
    Account.TAX: ChartedAccount(
        "2200", "Sales tax payable", AccountKind.LIABILITY, "Tax on credit bought, or contained in use"
    ),
    Account.REFUND: ChartedAccount(
        "2300", "Refunds payable", AccountKind.LIABILITY, "Credit taken back whose money is on its way to the payer"
    ),
    Account.TRANSFER: ChartedAccount(
        "3100", "Transfers", AccountKind.EQUITY, "Credit that came from another organization or system, or went there"
    ),
    Account.REVENUE: ChartedAccount("4100", "Call revenue", AccountKind.INCOME, "What calls cost, less the tax in it"),
    Account.BREAKAGE: ChartedAccount(
        "4200", "Breakage revenue", AccountKind.INCOME, "Credit that expired or was forfeited without being used"
    ),
    Account.PROMOTION: ChartedAccount(
        "5100", "Promotional credit", AccountKind.EXPENSE, "Credit that was given away and that nobody paid for"
    ),
    Account.ADJUSTMENT: ChartedAccount(
        "5200", "Credit adjustments", AccountKind.EXPENSE, "Credit that an operator added or took away by hand"
    ),
    Account.FEE: ChartedAccount(
        "5300", "Payment fees", AccountKind.EXPENSE, "What banks and payment providers take, for a lost dispute, say"
    ),
    Account.ROUNDING: ChartedAccount(
        "5900", "Rounding differences", AccountKind.EXPENSE, "Fractions between exact amounts and paid ones"
    ),
}
# Where income and expense of the time before a period are brought forward to; no posting ever names it.
EARLIER_EARNINGS = ChartedAccount(
    "3900", "Earlier earnings", AccountKind.EQUITY, "Income less expense of the time before the period that is shown"
)
CHARTED = tuple(sorted((*CHART.values(), EARLIER_EARNINGS), key=lambda account: account.number))

# What the journal moved, by debit and credit account; and what accounts come to, debits less credits.
Moved = Mapping[tuple[Account, Account], int]
Balances = Mapping[ChartedAccount, int]


@frozen
class TrialLine:
    """An account over a period: what it began with, what was debited and credited, what it came to."""

    account: ChartedAccount
    opening_micros: int
    debited_micros: int
    credited_micros: int

    @property
    def closing_micros(self) -> int:
        """Return what the account came to: above zero a debit."""
        return self.opening_micros + self.debited_micros - self.credited_micros


def side_of(balance_micros: int) -> Side | None:
    """Return on which side a balance stands; None where there is none."""
    if balance_micros == 0:
        return None
    return Side.DEBIT if balance_micros > 0 else Side.CREDIT


def balances_of(moved: Moved) -> dict[ChartedAccount, int]:
    """Return what accounts come to by what was moved between them; those that come to zero are there too."""
    balances: dict[ChartedAccount, int] = {}
    for (debit, credit), amount_micros in moved.items():
        balances[CHART[debit]] = balances.get(CHART[debit], 0) + amount_micros
        balances[CHART[credit]] = balances.get(CHART[credit], 0) - amount_micros
    return balances


def brought_forward(balances: Balances) -> dict[ChartedAccount, int]:
    """Return the balances with which the next period begins: income and expense become earlier earnings."""
    carried = {account: micros for account, micros in balances.items() if account.kind in CARRIED and micros}
    earned_micros = sum(micros for account, micros in balances.items() if account.kind not in CARRIED)
    together = carried.get(EARLIER_EARNINGS, 0) + earned_micros
    return carried | {EARLIER_EARNINGS: together} if together else carried


def added(*several: Balances) -> dict[ChartedAccount, int]:
    """Return the sums of balances."""
    total: dict[ChartedAccount, int] = {}
    for balances in several:
        for account, micros in balances.items():
            total[account] = total.get(account, 0) + micros
    return total


def trial_balance(opening: Balances, moved: Moved) -> tuple[TrialLine, ...]:
    """Return every account that began with something or moved, in the order of the chart."""
    debited: dict[ChartedAccount, int] = {}
    credited: dict[ChartedAccount, int] = {}
    for (debit, credit), amount_micros in moved.items():
        debited[CHART[debit]] = debited.get(CHART[debit], 0) + amount_micros
        credited[CHART[credit]] = credited.get(CHART[credit], 0) + amount_micros
    return tuple(
        TrialLine(account, opening.get(account, 0), debited.get(account, 0), credited.get(account, 0))
        for account in CHARTED
        if opening.get(account) or account in debited or account in credited
    )


def total_moved(several: Iterable[Moved]) -> dict[tuple[Account, Account], int]:
    """Return what was moved in all."""
    total: dict[tuple[Account, Account], int] = {}
    for moved in several:
        for pair, amount_micros in moved.items():
            total[pair] = total.get(pair, 0) + amount_micros
    return total
