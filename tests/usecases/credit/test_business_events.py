"""What the books say of each business event: as docs/rules/books.md tells it, posting by posting."""

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from talktime.bootstrap import App
from talktime.core.credit.billing.taxes import TaxedAt
from talktime.core.credit.buying.payments import GatewayEvent, GatewayEventKind
from talktime.core.credit.ledger import Account
from talktime.core.credit.lots import LotKind
from talktime.core.insight.general_ledger import CHART
from talktime.core.insight.ledger_entries import LedgerEntry, words_of
from talktime.core.values.money import format_micros
from talktime.settings import Settings
from talktime.usecases.credit.add_credit import AddCredit, add_credit
from talktime.usecases.credit.adjust_credit import AdjustCredit, adjust_credit
from talktime.usecases.credit.billing.export_ledger import ExportLedger, OpenLedger, Scope, export_ledger
from talktime.usecases.credit.billing.issue_statements import OfMonth, issue_statement
from talktime.usecases.credit.billing.set_taxes import SetTax, set_tax
from talktime.usecases.credit.buying.settle_invoices import SettleInvoice, settle_invoice
from talktime.usecases.credit.expire_credit import ExpireCredit, expire_credit
from talktime.usecases.credit.note_gateway_event import NoteGatewayEvent, note_gateway_event
from talktime.usecases.credit.returning.pay_refunds import due_refunds, pay_refund
from talktime.usecases.credit.returning.refund_credit import RefundCredit, refund_credit
from talktime.usecases.credit.transfer_credit import TransferCredit, transfer_credit
from talktime.usecases.organizations.manage_organizations import AddOrganization, add_organization
from tests.exports.bean_check import bean_check
from tests.recharge_world import NAME, ORGANIZATION_ID
from tests.usecases.credit.buyers import FORM, Buyers, units
from tests.usecases.credit.test_export_ledger import beancount

POSTED_ROW = re.compile(r"^\|[^|]*\| `([^`]+)` \| (\d{4} [^|]+) \| (\d{4} [^|]+) \| ([0-9.]+) \|", re.MULTILINE)
CLOSED_ROW = re.compile(r"^\| (\d{4}) [^|]+ \| ([0-9.]*) *\| ([0-9.]*) *\|$", re.MULTILINE)


class Year:
    """Acme's year, one event after the other, a day between them."""

    def __init__(self, world: Buyers) -> None:
        self._world = world
        self._app = world.app

    def pass_by(self) -> None:
        self._app.run(add_organization, AddOrganization("Branch", "US", "USD", "UTC", "deck", self._world.at))
        self._app.run(set_tax, SetTax("US", "Sales tax", 100_000, TaxedAt.PURCHASE, date(2026, 1, 1)))
        self._app.run(set_tax, SetTax("US", "Sales tax", 100_000, TaxedAt.USE, date(2026, 6, 1)))
        for event in (
            self._gift,
            self._card,
            self._call,
            self._refund,
            self._refund_paid,
            self._overrun,
            self._agreement,
            self._invoice_paid,
            self._adjusted,
            self._corrected,
            self._disputed,
            self._dispute_lost,
            self._bank_transfer,
            self._moved,
            self._used_in_june,
            self._expired,
        ):
            event()
            self._world.tick(days=1)
        self._world.close()

    def _gift(self) -> None:
        given = AddCredit(NAME, units(20), "WELCOME", self._world.at, kind=LotKind.PROMOTIONAL)
        self._app.run(add_credit, given)

    def _card(self) -> None:
        self._world.attach()
        self._world.buy("K-1")

    def _call(self) -> None:
        self._world.spend(70)

    def _refund(self) -> None:
        self._app.run(refund_credit, RefundCredit(NAME, 2, "R-1", "too much", self._world.at, units(40)))

    def _refund_paid(self) -> None:
        for organization_id, refund_id in self._app.read(due_refunds, self._world.at):
            pay_refund(self._app.run, self._world.gateways, organization_id, refund_id, lambda: self._world.at)

    def _overrun(self) -> None:
        self._world.spend(115)

    def _agreement(self) -> None:
        method_id = self._world.agree()
        self._world.place("K-2", replace(FORM, amount_micros=units(100), method_id=method_id))

    def _invoice_paid(self) -> None:
        self._app.run(settle_invoice, SettleInvoice(NAME, "TT-000001-0002", "BANK-1", self._world.at))

    def _adjusted(self) -> None:
        added = AdjustCredit(NAME, units(3), "an outage", "A-1", self._world.at, "eve", LotKind.PURCHASED)
        self._app.run(adjust_credit, added)

    def _corrected(self) -> None:
        self._app.run(adjust_credit, AdjustCredit(NAME, -units(3), "a slip", "A-2", self._world.at, "eve"))

    def _disputed(self) -> None:
        card = next(iter(self._world.app.read(lambda tx, _: tx.payments.methods(ORGANIZATION_ID), None)))
        self._world.buy("K-3", replace(FORM, amount_micros=units(100), method_id=card.method_id))
        self._world.spend(105)
        self._report(GatewayEventKind.DISPUTE_OPENED)

    def _dispute_lost(self) -> None:
        self._report(GatewayEventKind.DISPUTE_LOST)

    def _bank_transfer(self) -> None:
        self._app.run(add_credit, AddCredit(NAME, units(40), "BANK-2", self._world.at))

    def _moved(self) -> None:
        moved = TransferCredit(NAME, "Branch", "a new company", "T-1", self._world.at, units(4))
        self._app.run(transfer_credit, moved)

    def _used_in_june(self) -> None:
        self._world.at = datetime(2026, 6, 10, 12, tzinfo=UTC)
        self._world.spend(11)
        self._world.at = datetime(2026, 7, 1, 12, tzinfo=UTC)
        for month in range(3, 7):
            issue_statement(self._app.read, self._app.run, OfMonth(NAME, date(2026, month, 1), self._world.at))

    def _expired(self) -> None:
        self._world.at = datetime(2027, 4, 1, 12, tzinfo=UTC)
        self._app.run(expire_credit, ExpireCredit(ORGANIZATION_ID, self._world.at))

    def _report(self, kind: GatewayEventKind) -> None:
        charge_id = self._world.purchase("order-3").charge_id
        event = GatewayEvent(
            "sandbox", kind.value, kind, self._world.at, charge_id=charge_id, amount_micros=units(110), currency="USD"
        )
        self._app.run(note_gateway_event, NoteGatewayEvent(event, self._world.at, units(15)))


@pytest.fixture
def after_the_year(migrated_database_url: str, tmp_path: Path) -> Iterator[App]:
    with App(Settings(database=migrated_database_url)) as app:
        world = Buyers(app, tmp_path, funded=0)
        Year(world).pass_by()
        assert world.is_clean()
        yield app


def test_each_event_is_posted_as_the_page_says(after_the_year: App, repository: Path) -> None:
    # A page must escape the bars of a call's key.
    page = (repository / "docs/rules/books.md").read_text("utf-8").replace("\\|", "|")

    posted = [
        (entry.entry_id, _named(each.debit), _named(each.credit), format_micros(each.amount_micros))
        for entry in entries(after_the_year)
        for each in entry.postings
    ]

    assert POSTED_ROW.findall(page) == posted


def test_the_year_closes_as_the_page_says_and_bean_check_agrees(
    after_the_year: App, repository: Path, tmp_path: Path
) -> None:
    page = (repository / "docs/rules/books.md").read_text("utf-8")
    path = tmp_path / "books.beancount"

    shown = beancount(after_the_year, path)

    (trial,) = shown.trial_balances
    assert shown.differences == ()
    assert bean_check(path) == ""
    assert {
        number: Decimal(debit or 0) - Decimal(credit or 0) for number, debit, credit in CLOSED_ROW.findall(page)
    } == {
        line.account.number: Decimal(format_micros(line.closing_micros)) for line in trial.lines if line.closing_micros
    }


def test_every_event_is_described_in_words_and_names_its_document(after_the_year: App) -> None:
    told = {entry.entry_id: (entry.words, entry.document) for entry in entries(after_the_year)}

    assert told["grant:1"] == ("Credit given away, WELCOME", "")
    assert told["purchase:order-1"] == ("Credit bought; Tax on credit bought, order-1", "TT-000001-0001")
    assert told["refund:order-1-refund-1:paid"] == ("Refund paid out; Tax of a refund paid out", "TT-000001-C0001")
    assert told["payment:TT-000001-0002"] == ("Invoice paid", "TT-000001-0002")
    assert told["adjustment:A-1"] == ("Credit added by an operator, an outage", "")
    assert told["dispute:order-3:lost"] == (
        "Tax of a lost dispute; Fee of a payment provider; Spent credit owed after a lost dispute",
        "TT-000001-C0002",
    )


def test_no_event_is_described_by_its_accounts_alone_as_one_is_that_nobody_foresaw(after_the_year: App) -> None:
    pairs = {(each.debit, each.credit) for entry in entries(after_the_year) for each in entry.postings}

    assert len(pairs) > 20
    assert not [
        pair for pair in pairs if words_of(*pair) == f"{CHART[pair[0]].name} from {CHART[pair[1]].name.lower()}"
    ]


def entries(app: App) -> list[LedgerEntry]:
    """Return the entries of all organizations, in order."""
    read: list[LedgerEntry] = []

    def keep(ledger: OpenLedger) -> None:
        for books in ledger.ledgers():
            read.extend(books.entries)

    app.read(export_ledger, ExportLedger(Scope(), keep))
    return read


def _named(account: Account) -> str:
    return f"{CHART[account].number} {CHART[account].name}"
