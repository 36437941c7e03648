"""The general ledger as CSV for an accountant's program: two lines for each amount, a debit and a credit, in order.

`balance` is what the account of that organization comes to after the line, from what it began the period with: above
zero a debit. What the period began with has no line of its own, so that the file of one month followed by that of the
next is the file of both.
"""

from collections.abc import Iterable, Iterator
from typing import TextIO

from talktime.core.insight.general_ledger import CHART, ChartedAccount, Side
from talktime.core.insight.ledger_entries import LedgerEntry, LedgerOf, LedgerPosting, in_one_line
from talktime.core.insight.tables import Column, ColumnKind
from talktime.exports.csv import write_csv

_TEXT, _WHOLE, _MONEY, _INSTANT = ColumnKind.TEXT, ColumnKind.WHOLE, ColumnKind.MONEY, ColumnKind.INSTANT
LEDGER_COLUMNS = (
    Column("entry_id", _TEXT),
    Column("line", _WHOLE),
    Column("date", _TEXT),
    Column("instant_utc", _INSTANT),
    Column("account_number", _TEXT),
    Column("account_name", _TEXT),
    Column("debit", _MONEY),
    Column("credit", _MONEY),
    Column("balance", _MONEY),
    Column("currency", _TEXT),
    Column("organization_id", _WHOLE),
    Column("organization", _TEXT),
    Column("lot", _WHOLE),
    Column("document", _TEXT),
    Column("description", _TEXT),
)


def write_ledger_csv(stream: TextIO, ledgers: Iterable[LedgerOf]) -> int:
    """Write the ledgers as they come, holding one entry at a time; return the number of lines below the header.

    The stream must have been opened as `write_csv` wants it. Amounts are exact, with at least two decimals.
    """
    return write_csv(stream, LEDGER_COLUMNS, _rows(ledgers))


def _rows(ledgers: Iterable[LedgerOf]) -> Iterator[tuple[object, ...]]:
    for ledger in ledgers:
        balances = dict(ledger.opening)
        for entry in ledger.entries:
            number = 0
            for posting in entry.postings:
                for side in Side:
                    number += 1
                    yield _cells(ledger, entry, posting, (number, side), balances)


def _cells(
    ledger: LedgerOf,
    entry: LedgerEntry,
    posting: LedgerPosting,
    line: tuple[int, Side],
    balances: dict[ChartedAccount, int],
) -> tuple[object, ...]:
    number, side = line
    is_debit = side is Side.DEBIT
    journal_account = posting.debit if is_debit else posting.credit
    account = CHART[journal_account]
    balances[account] = balances.get(account, 0) + (posting.amount_micros if is_debit else -posting.amount_micros)
    return (
        entry.entry_id,
        number,
        entry.booked_on.isoformat(),
        entry.occurred_at,
        account.number,
        account.name,
        posting.amount_micros if is_debit else None,
        None if is_debit else posting.amount_micros,
        balances[account],
        ledger.currency,
        ledger.organization_id,
        in_one_line(ledger.organization),
        posting.lot_id,
        entry.document,
        posting.words,
    )
