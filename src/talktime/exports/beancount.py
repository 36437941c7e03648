"""The general ledger as a Beancount file, which `bean-check` proves: every entry, and our balances month by month.

Amounts are written with all six decimals, so that the tolerance that Beancount infers is less than a micro; balances
are asserted with a tolerance of 0. They are what the tables say, and not what the entries add up to.
"""

import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from typing import NamedTuple, TextIO

from babel.numbers import get_currency_name

from talktime.core.credit.ledger import Account
from talktime.core.insight.general_ledger import CHART, AccountKind, Balances, ChartedAccount
from talktime.core.insight.ledger_entries import LedgerEntry, LedgerOf, in_one_line
from talktime.core.insight.tables import format_instant
from talktime.core.values.money import MICRO_DECIMALS, format_micros
from talktime.core.values.periods import DAY

_ROOTS = {
    AccountKind.ASSET: "Assets",
    AccountKind.LIABILITY: "Liabilities",
    AccountKind.EQUITY: "Equity",
    AccountKind.INCOME: "Income",
    AccountKind.EXPENSE: "Expenses",
}
# Beancount wants a date for everything; before it there is no money of ours.
_SINCE = date(1970, 1, 1)
# Wide enough for a billion with six decimals and its sign.
_AMOUNT_CHARACTERS = 18


def write_beancount(stream: TextIO, ledgers: Iterable[LedgerOf], currencies: Sequence[str]) -> int:
    """Write a Beancount file of these ledgers, holding one entry at a time; return the number of its lines.

    `currencies` are those of all ledgers. The stream must have been opened with `encoding="utf-8"`.
    """
    count = 0
    for line in _lines(ledgers, currencies):
        stream.write(f"{line}\n")
        count += 1
    return count


def account_name(account: ChartedAccount, ledger: LedgerOf) -> str:
    """Return the account of an organization: `Liabilities:Deferred-Revenue:000042-Acme-Ltd`.

    Its id makes it one; of its name there is what Beancount allows and reads from left to right.
    """
    return ":".join((_ROOTS[account.kind], account.name.title().replace(" ", "-"), _organization(ledger)))


def _lines(ledgers: Iterable[LedgerOf], currencies: Sequence[str]) -> Iterator[str]:
    yield ";; The books of Talktime. Prove them with: bean-check FILE"
    yield 'option "title" "Talktime"'
    for currency in currencies:
        yield f'option "operating_currency" "{currency}"'
    for currency in currencies:
        yield ""
        yield f"{_SINCE} commodity {currency}"
        yield f"  name: {_quoted(get_currency_name(currency, locale='en'))}"
    for ledger in ledgers:
        yield from _ledger_lines(ledger)


def _ledger_lines(ledger: LedgerOf) -> Iterator[str]:
    named = (
        {CHART[account] for pair in ledger.moved for account in pair} | ledger.opening.keys() | ledger.closing.keys()
    )
    accounts = {account: account_name(account, ledger) for account in sorted(named, key=lambda each: each.number)}
    page = _Page(ledger, _quoted(in_one_line(ledger.organization)), accounts, max(map(len, accounts.values())))
    yield ""
    name = in_one_line(ledger.organization)
    yield f"* {ledger.organization_id} {name}: {ledger.begins_on} to {ledger.ends_on - DAY}, days in {ledger.zone.key}"
    yield from _opened(page)
    if ledger.opening:
        yield from _brought_forward(page)
    for entry in ledger.entries:
        yield from _entry_lines(entry, page)
    told: Balances = {}
    for day, balances in (*ledger.months, (ledger.ends_on, ledger.closing)):
        # A month in which nothing moved would say again what the one before said.
        if balances != told or day == ledger.ends_on:
            yield ""
            yield from _asserted(day, balances, page)
        told = balances


class _Page(NamedTuple):
    """A ledger, its organization's name in quotes, what its accounts are called, and how long the longest is."""

    ledger: LedgerOf
    payee: str
    accounts: Mapping[ChartedAccount, str]
    width: int

    @property
    def first_day(self) -> date:
        """What was before the period stands on the day before it: assertions hold at the beginning of their day."""
        return self.ledger.begins_on - DAY if self.ledger.opening else self.ledger.begins_on

    def amount(self, account: ChartedAccount, micros: int) -> str:
        """Return an account and an amount, set so that those of several lines stand below each other."""
        amount = format_micros(micros, decimals_min=MICRO_DECIMALS)
        return f"{self.accounts[account]:<{self.width}}  {amount:>{_AMOUNT_CHARACTERS}}"


def _opened(page: _Page) -> Iterator[str]:
    for account, name in page.accounts.items():
        yield ""
        yield f"{page.first_day} open {name:<{page.width}}  {page.ledger.currency}"
        yield f'  number: "{account.number}"'


def _brought_forward(page: _Page) -> Iterator[str]:
    yield ""
    yield f'{page.first_day} * {page.payee} "Balances brought forward"'
    yield f"  organization: {page.ledger.organization_id}"
    for account in sorted(page.ledger.opening, key=lambda each: each.number):
        yield f"  {page.amount(account, page.ledger.opening[account])} {page.ledger.currency}"


def _entry_lines(entry: LedgerEntry, page: _Page) -> Iterator[str]:
    link = f" ^{entry.document}" if entry.document else ""
    yield ""
    yield f"{entry.booked_on} * {page.payee} {_quoted(entry.words)}{link}"
    yield f"  entry: {_quoted(in_one_line(entry.entry_id))}"
    if entry.occurred_at is not None:
        yield f'  instant: "{format_instant(entry.occurred_at)}"'
    yield f"  organization: {page.ledger.organization_id}"
    for posting in entry.postings:
        for account, micros in ((posting.debit, posting.amount_micros), (posting.credit, -posting.amount_micros)):
            yield f"  {page.amount(CHART[account], micros)} {page.ledger.currency}"
            if account is Account.LOT and posting.lot_id is not None:
                yield f"    lot: {posting.lot_id}"


def _asserted(day: date, balances: Balances, page: _Page) -> Iterator[str]:
    for account, micros in balances.items():
        yield f"{day} balance {page.amount(account, micros)} ~ 0 {page.ledger.currency}"


def _organization(ledger: LedgerOf) -> str:
    allowed = "".join(character if _is_allowed(character) else " " for character in ledger.organization)
    return "-".join((f"{ledger.organization_id:06}", *allowed.split()))


def _is_allowed(character: str) -> bool:
    """Tell whether a name of an account may hold it, and an amount that follows still reads from left to right."""
    if not character.isalpha():
        return "0" <= character <= "9"
    return unicodedata.bidirectional(character) == "L"


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
