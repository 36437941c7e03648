"""Import opening balances: tried first, then all or nothing, and the same file or line never twice (money.md 66)."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from talktime.core.credit import lots, opening
from talktime.core.credit.ledger import Account
from talktime.core.credit.lots import Credit
from talktime.core.credit.opening import Mistake, OpeningBalance, OpeningVerdict
from talktime.core.credit.recharging import watching
from talktime.core.organizations.organizations import Organization
from talktime.core.values.frozen import frozen
from talktime.store.transaction import Transaction
from talktime.usecases.credit.moving_credit import Movement, book


@frozen
class ImportBalances:
    """The lines of a file; `is_dry` only tells what would become of them."""

    file_name: str
    file_hash: str
    rows: tuple[OpeningBalance, ...]
    mistakes: tuple[Mistake, ...]
    at: datetime
    is_dry: bool = False
    by: str = ""


@frozen
class BalanceChange:
    """An organization's balance before and after the import."""

    organization: Organization
    lots_count: int
    before_micros: int
    after_micros: int


@frozen
class BalancesImported:
    """What became of a file, or would: nothing was written where there are mistakes, or `is_repeated`."""

    changes: tuple[BalanceChange, ...]
    new_count: int
    known_count: int
    mistakes: tuple[Mistake, ...]
    is_dry: bool
    is_repeated: bool = False


class _Planned(NamedTuple):
    """A line that becomes a lot, and the movement that it is."""

    row: OpeningBalance
    lot_id: int
    movement: Movement


@dataclass(slots=True)
class _Account:
    """One organization of the file, as it would grow line by line."""

    organization: Organization
    before: Credit
    credit: Credit
    known: dict[str, int]
    next_lot_id: int
    planned: list[_Planned] = field(default_factory=list)

    def plan(self, row: OpeningBalance, at: datetime) -> None:
        """Add a lot, in memory alone."""
        lot = opening.lot_of(row, self.next_lot_id, self.organization.zone, at)
        after, postings = lots.grant(self.credit, lot, at, pays=Account.TRANSFER)
        movement = Movement(self.credit, after, f"import:{row.reference}", postings)
        self.planned.append(_Planned(row, lot.lot_id, movement))
        self.credit = after
        self.known[row.reference] = lot.lot_id
        self.next_lot_id += 1


def import_balances(tx: Transaction, request: ImportBalances) -> BalancesImported:
    """Import a file, one lot for each line; return its mistakes instead where it has any.

    No trigger is evaluated and nobody is told: the credit is not new, it only moved here (money.md 25).
    """
    if tx.lot_life.is_imported(request.file_hash):
        return BalancesImported((), 0, len(request.rows), (), request.is_dry, is_repeated=True)
    accounts = _accounts(tx, request.rows)
    mistakes = list(request.mistakes)
    counts = dict.fromkeys(OpeningVerdict, 0)
    for row in request.rows:
        account = accounts.get(row.organization)
        verdict = _judge(row, account, request.at)
        if isinstance(verdict, Mistake):
            mistakes.append(verdict)
            continue
        counts[verdict] += 1
        if verdict is OpeningVerdict.NEW and account is not None:
            account.plan(row, request.at)
    if not mistakes and not request.is_dry:
        for account in accounts.values():
            _save(tx, account, request)
        tx.lot_life.note_import(request.file_hash, request.file_name, counts[OpeningVerdict.NEW], request.at)
    changes = tuple(
        BalanceChange(each.organization, len(each.planned), each.before.balance_micros, each.credit.balance_micros)
        for each in accounts.values()
        if each.planned
    )
    return BalancesImported(
        changes, counts[OpeningVerdict.NEW], counts[OpeningVerdict.KNOWN], tuple(sorted(mistakes)), request.is_dry
    )


def _accounts(tx: Transaction, rows: Iterable[OpeningBalance]) -> dict[str, _Account]:
    """Lock the organizations of a file in the order of their ids, as everybody does."""
    named = {row.organization for row in rows}
    wanted = sorted(each.organization_id for each in tx.organizations.all() if each.name in named)
    accounts = {}
    for organization_id in wanted:
        organization = tx.organizations.lock_id(organization_id)
        credit = tx.credit.credit(organization_id)
        known = {reference: lot_id for lot_id, reference in tx.credit.references(organization_id).items()}
        next_lot_id = tx.credit.next_lot_id(organization_id)
        accounts[organization.name] = _Account(organization, credit, credit, known, next_lot_id)
    return accounts


def _judge(row: OpeningBalance, account: _Account | None, at: datetime) -> OpeningVerdict | Mistake:
    if account is None:
        return opening.judge(row, None, Credit(), {}, at)
    return opening.judge(row, account.organization, account.credit, account.known, at)


def _save(tx: Transaction, account: _Account, request: ImportBalances) -> None:
    organization_id = account.organization.organization_id
    for row, lot_id, movement in account.planned:
        tx.credit.add_lot(organization_id, movement.after.lot(lot_id), row.reference)
        book(tx, account.organization, movement, request.at)
        reason = f"opening balance from {row.source} ({request.file_name}, line {row.line})"
        tx.lot_life.add_reason(organization_id, movement.entry_id, reason, request.by)
    if account.planned:
        tx.organizations.set_up_credit(organization_id)
        watch = tx.purchases.watch(organization_id)
        tx.purchases.save_watch(organization_id, watching.funded(watch, account.credit))
