"""Journal entries as finance books them: dated, described in words, one by one or summed up by day or month."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime
from enum import Enum
from itertools import groupby
from typing import NamedTuple
from zoneinfo import ZoneInfo

from talktime.core.credit.ledger import Account
from talktime.core.insight.general_ledger import CHART, Balances, Moved
from talktime.core.values.frozen import frozen

_WORDS: Mapping[tuple[Account, Account], str] = {
    (Account.CASH_CLEARING, Account.LOT): "Credit bought",
    (Account.INVOICED, Account.LOT): "Credit bought on invoice",
    (Account.CASH_CLEARING, Account.TAX): "Tax on credit bought",
    (Account.INVOICED, Account.TAX): "Tax on credit bought on invoice",
    (Account.CASH_CLEARING, Account.INVOICED): "Invoice paid",
    (Account.PROMOTION, Account.LOT): "Credit given away",
    (Account.LOT, Account.PROMOTION): "Credit given away taken back",
    (Account.LOT, Account.REVENUE): "Call paid from credit",
    (Account.RECEIVABLE, Account.REVENUE): "Call that no credit covered",
    (Account.ACCRUED, Account.REVENUE): "Call that is billed after use",
    (Account.INVOICED, Account.ACCRUED): "Use billed",
    (Account.REVENUE, Account.LOT): "Call charge given back to credit",
    (Account.REVENUE, Account.RECEIVABLE): "Call charge that is owed no more",
    (Account.REVENUE, Account.ACCRUED): "Call charge taken off the next bill",
    (Account.RECEIVABLE, Account.LOT): "Repaid debt given back to credit",
    (Account.LOT, Account.RECEIVABLE): "Debt repaid from credit",
    (Account.LOT, Account.BREAKAGE): "Credit expired",
    (Account.REVENUE, Account.TAX): "Tax contained in use",
    (Account.LOT, Account.REFUND): "Credit taken back for a refund",
    (Account.RECEIVABLE, Account.REFUND): "Refund of spent credit, owed",
    (Account.REFUND, Account.CASH_CLEARING): "Refund paid out",
    (Account.TAX, Account.CASH_CLEARING): "Tax of a refund paid out",
    (Account.CASH_CLEARING, Account.REFUND): "Refund come back",
    (Account.REFUND, Account.LOT): "Refund failed, credit given back",
    (Account.REFUND, Account.INVOICED): "Refund set against an invoice",
    (Account.TAX, Account.INVOICED): "Tax of a credit note",
    (Account.DISPUTED, Account.CASH_CLEARING): "Payment disputed",
    (Account.CASH_CLEARING, Account.DISPUTED): "Disputed payment won back",
    (Account.LOT, Account.DISPUTED): "Credit taken back in a dispute",
    (Account.DISPUTED, Account.LOT): "Credit given back after a dispute",
    (Account.RECEIVABLE, Account.DISPUTED): "Spent credit owed after a lost dispute",
    (Account.TAX, Account.DISPUTED): "Tax of a lost dispute",
    (Account.FEE, Account.CASH_CLEARING): "Fee of a payment provider",
    (Account.ADJUSTMENT, Account.LOT): "Credit added by an operator",
    (Account.LOT, Account.ADJUSTMENT): "Credit taken away by an operator",
    (Account.ADJUSTMENT, Account.RECEIVABLE): "Debt waived by an operator",
    (Account.TRANSFER, Account.LOT): "Credit brought in from elsewhere",
    (Account.LOT, Account.TRANSFER): "Credit moved elsewhere",
}


class Detail(Enum):
    """How much of the journal is one entry of the export."""

    ENTRY = "entry"
    DAY = "day"
    MONTH = "month"


class LedgerPosting(NamedTuple):
    """An amount that was moved; `lot_id` and `about` (a destination, what a purchase is called) where there is one.

    `postings_count` is of how many postings of the journal it is the sum.
    """

    debit: Account
    credit: Account
    amount_micros: int
    lot_id: int | None = None
    about: str = ""
    postings_count: int = 1

    @property
    def movement(self) -> str:
        """Say what was moved, and of how many postings it is the sum."""
        words = words_of(self.debit, self.credit)
        return words if self.postings_count == 1 else f"{words} ({self.postings_count:,})"

    @property
    def words(self) -> str:
        """Say what was moved and what it is about, in one line."""
        return f"{self.movement}, {self.about}" if self.about else self.movement


class LedgerEntry(NamedTuple):
    """A journal entry on the day of its books; `occurred_at` is None for what is the sum of several.

    `document` is the number of the invoice that goes with it, empty where there is none.
    """

    entry_id: str
    booked_on: date
    occurred_at: datetime | None
    postings: tuple[LedgerPosting, ...]
    document: str = ""

    @property
    def words(self) -> str:
        """Say what happened, in one line."""
        movements = dict.fromkeys(posting.movement for posting in self.postings)
        about = dict.fromkeys(posting.about for posting in self.postings if posting.about)
        return ", ".join(("; ".join(movements), *about))


@frozen
class LedgerOf:
    """The general ledger of one organization and period: `entries` may be read once.

    `months` are balances at the beginning of days, `closing` those at the beginning of `ends_on`, the day after the
    last. All are what the tables say, and not what the entries add up to.
    """

    organization_id: int
    organization: str
    currency: str
    zone: ZoneInfo
    # Both days in the zone; the second is the first that does not belong to the period.
    begins_on: date
    ends_on: date
    opening: Balances
    # What the database added up for the period.
    moved: Moved
    months: tuple[tuple[date, Balances], ...]
    closing: Balances
    entries: Iterable[LedgerEntry]


def words_of(debit: Account, credit: Account) -> str:
    """Say what it means that an amount went from one account to another."""
    known = _WORDS.get((debit, credit))
    return f"{CHART[debit].name} from {CHART[credit].name.lower()}" if known is None else known


def in_one_line(text: str) -> str:
    """Return a text without line breaks, control and direction characters: a space stands for each run of them."""
    return " ".join("".join(character if character.isprintable() else " " for character in text).split())


def summarized(entries: Iterable[LedgerEntry], detail: Detail) -> Iterator[LedgerEntry]:
    """Yield one entry for each day or month, one sum for each pair of accounts; the entries must come in order."""
    if detail is Detail.ENTRY:
        yield from entries
        return
    for named, together in groupby(entries, key=lambda entry: _named(entry.booked_on, detail)):
        sums: dict[tuple[Account, Account], tuple[int, int]] = {}
        booked_on = date.min
        for entry in together:
            booked_on = entry.booked_on
            for posting in entry.postings:
                pair = posting.debit, posting.credit
                micros, count = sums.get(pair, (0, 0))
                sums[pair] = micros + posting.amount_micros, count + posting.postings_count
        postings = tuple(
            LedgerPosting(*pair, micros, postings_count=count)
            for pair, (micros, count) in sorted(sums.items(), key=lambda item: _in_order_of_the_chart(item[0]))
        )
        yield LedgerEntry(f"{detail.value}:{named}", booked_on, None, postings)


def _named(day: date, detail: Detail) -> str:
    return f"{day:%Y-%m}" if detail is Detail.MONTH else day.isoformat()


def _in_order_of_the_chart(pair: tuple[Account, Account]) -> tuple[str, str]:
    debit, credit = pair
    return CHART[debit].number, CHART[credit].number
