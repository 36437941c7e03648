"""A month's overage becomes one invoice, whoever asks how often, and the books agree before and after (S41)."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from talktime.bootstrap import App
from talktime.core.credit.billing.invoices import Invoice, InvoiceState
from talktime.core.credit.billing.taxes import TaxedAt
from talktime.core.credit.ledger import Account
from talktime.core.insight.general_ledger import CHART
from talktime.core.organizations.organizations import BillingMode
from talktime.core.values.errors import Conflict, Invalid
from talktime.core.values.events import EventKind
from talktime.settings import Settings
from talktime.store.transaction import Transaction
from talktime.usecases.credit.billing.bill_overage import BillOverage, bill_overage, overage_due, overage_due_of
from talktime.usecases.credit.billing.set_taxes import SetTax, set_tax
from talktime.usecases.credit.billing.show_invoices import InvoiceAt, show_invoice
from talktime.usecases.credit.buying.settle_invoices import (
    SettleInvoice,
    VoidUnpaid,
    settle_invoice,
    void_unpaid,
    warn_of_overdue_invoices,
)
from talktime.usecases.organizations.manage_organizations import LookAt
from talktime.usecases.organizations.set_billing_mode import SetBillingMode, set_billing_mode
from talktime.usecases.organizations.set_overage import show_overage
from tests.ruling_world import NAME, ORGANIZATION_ID, RulingWorld, ruling_world, units

MARCH, APRIL = "2026-03", "2026-04"


@pytest.fixture
def empty_app(migrated_database_url: str) -> Iterator[App]:
    with App(Settings(database=migrated_database_url)) as opened:
        yield opened


@pytest.fixture
def world(empty_app: App) -> Iterator[RulingWorld]:
    """Give Acme, postpaid, with overage on and no credit."""
    with ruling_world(empty_app, funded=0) as opened:
        opened.pay_after_use()
        yield opened


def bill_all(world: RulingWorld) -> list[Invoice]:
    """Do what the worker does."""
    due = world.app.read(overage_due, world.at)
    return [invoice for each in due if (invoice := world.app.run(bill_overage, each)) is not None]


def bill(world: RulingWorld, month: str) -> Invoice | None:
    return world.app.run(bill_overage, BillOverage(NAME, month, world.at))


def balance(world: RulingWorld, account: Account) -> int:
    """Return what an account has been debited, less what it has been credited."""

    def moved(tx: Transaction, _: None) -> int:
        return sum(
            amount * ((debit is account) - (credit is account))
            for part in tx.insight.ledger.moved(ORGANIZATION_ID, [world.at])
            for (debit, credit), amount in part.items()
        )

    return world.app.read(moved, None)


def unbilled(world: RulingWorld) -> int:
    return world.app.read(show_overage, LookAt(NAME, world.at)).unbilled_micros


def test_a_month_that_is_over_is_billed_once(world: RulingWorld) -> None:
    world.call(7)
    world.call(5)
    before = bill_all(world)
    world.tick(days=20)

    (invoice,) = bill_all(world)
    again = bill_all(world)

    assert before == again == []
    assert (invoice.purchase_id, invoice.net_micros, invoice.tax_micros) == ("overage:2026-03", units(12), 0)
    assert bill(world, MARCH) == invoice
    assert (balance(world, Account.ACCRUED), balance(world, Account.INVOICED)) == (0, units(12))
    assert world.is_clean()


def test_nothing_used_is_no_invoice(world: RulingWorld) -> None:
    world.tick(days=40)

    assert bill_all(world) == []
    assert bill(world, MARCH) is None


def test_a_month_that_runs_cannot_be_billed(world: RulingWorld) -> None:
    world.call(7)

    with pytest.raises(Invalid, match="is not over"):
        bill(world, MARCH)

    assert unbilled(world) == units(7)


def test_the_month_ends_where_the_organization_is(world: RulingWorld) -> None:
    world.call(7)
    # 1 April 03:00 UTC is 31 March in New York.
    world.at = world.at.replace(day=31, hour=12)
    world.tick(hours=15)
    early = bill_all(world)

    world.tick(hours=1)

    assert early == []
    assert [invoice.purchase_id for invoice in bill_all(world)] == ["overage:2026-03"]


def test_a_call_across_the_months_end_is_on_the_bill_of_the_month_after_where_it_is_charged_later(
    world: RulingWorld,
) -> None:
    world.call(7)
    world.at = world.at.replace(day=31, hour=12)
    world.tick(hours=15, minutes=58)
    key, _ = world.start()
    world.tick(minutes=14)
    (march,) = bill_all(world)

    world.end(key, 14 * 60)
    world.tick(days=30)
    (april,) = bill_all(world)

    assert (march.net_micros, april.net_micros) == (units(7), units(14))
    assert april.purchase_id == "overage:2026-04"
    assert unbilled(world) == 0
    assert world.is_clean()


def test_months_that_no_worker_billed_are_billed_one_by_one(world: RulingWorld) -> None:
    world.call(7)
    world.tick(days=30)
    world.call(5)
    world.tick(days=30)

    march, april = bill_all(world)

    assert [(each.purchase_id, each.sequence, each.net_micros) for each in (march, april)] == [
        ("overage:2026-03", 1, units(7)),
        ("overage:2026-04", 2, units(5)),
    ]
    assert world.is_clean()


def test_many_who_bill_at_once_write_one_invoice(world: RulingWorld) -> None:
    world.call(7)
    world.tick(days=30)
    request = BillOverage(NAME, MARCH, world.at)

    with ThreadPoolExecutor(6) as threads:
        written = list(threads.map(lambda _: world.app.run(bill_overage, request), range(12)))

    assert {invoice.number for invoice in written if invoice is not None} == {"TT-000001-0001"}
    assert balance(world, Account.INVOICED) == units(7)
    assert world.is_clean()


class Crashed(Exception):  # noqa: N818 -- what a crash is to a transaction
    pass


def test_a_crash_before_the_commit_leaves_nothing_and_the_next_turn_bills(world: RulingWorld) -> None:
    world.call(7)
    world.tick(days=30)

    def crash(tx: Transaction, request: BillOverage) -> None:
        bill_overage(tx, request)
        raise Crashed

    with pytest.raises(Crashed):
        world.app.run(crash, BillOverage(NAME, MARCH, world.at))

    assert unbilled(world) == units(7)
    assert [invoice.number for invoice in bill_all(world)] == ["TT-000001-0001"]
    assert world.is_clean()


@pytest.mark.parametrize(
    ("taxed_at", "percent", "net", "tax", "total"),
    [
        (TaxedAt.PURCHASE, 19, 12_000_000, 2_280_000, 14_280_000),
        (TaxedAt.USE, 23, 9_760_000, 2_240_000, 12_000_000),
    ],
)
def test_tax_is_booked_by_the_rule_of_the_month(
    empty_app: App, taxed_at: TaxedAt, percent: int, net: int, tax: int, total: int
) -> None:
    with ruling_world(empty_app, funded=0) as world:
        world.app.run(set_tax, SetTax("US", "VAT", percent * 10_000, taxed_at, world.at.date().replace(day=1)))
        world.pay_after_use()
        world.call(12)
        world.tick(days=30)

        (invoice,) = bill_all(world)

        assert (invoice.net_micros, invoice.tax_micros, invoice.total_micros) == (net, tax, total)
        assert balance(world, Account.INVOICED) == total
        assert (balance(world, Account.ACCRUED), -balance(world, Account.TAX)) == (0, tax)
        kept = world.app.read(lambda tx, _: tx.insight.ledger.kept(ORGANIZATION_ID), None)
        for account in (Account.ACCRUED, Account.REVENUE):
            assert kept[CHART[account]] == balance(world, account)
        assert world.is_clean()


def test_its_payment_is_recorded_once_and_brings_no_credit(world: RulingWorld) -> None:
    world.call(7)
    world.tick(days=30)
    (invoice,) = bill_all(world)
    paid = SettleInvoice(NAME, invoice.number, "BANK-1", world.at)

    settled = world.app.run(settle_invoice, paid)
    repeated = world.app.run(settle_invoice, paid)

    assert (settled.paid_micros, settled.lot_id, settled.is_repeated) == (units(7), None, False)
    assert (repeated.paid_micros, repeated.is_repeated) == (0, True)
    shown = world.app.read(show_invoice, InvoiceAt(NAME, invoice.number, world.at))
    assert shown.state is InvoiceState.PAID
    assert (balance(world, Account.INVOICED), balance(world, Account.CASH_CLEARING)) == (0, units(7))
    with pytest.raises(Conflict, match="was paid as 'BANK-1' before"):
        world.app.run(settle_invoice, SettleInvoice(NAME, invoice.number, "BANK-2", world.at))
    assert world.is_clean()


def test_what_was_used_cannot_be_taken_back_by_voiding(world: RulingWorld) -> None:
    world.call(7)
    world.tick(days=30)
    (invoice,) = bill_all(world)

    with pytest.raises(Conflict, match="bills what was used"):
        world.app.run(void_unpaid, VoidUnpaid(NAME, invoice.number, "will not pay", world.at))


def test_a_bill_that_is_not_paid_in_time_is_told_once(world: RulingWorld) -> None:
    world.call(7)
    world.tick(days=30)
    bill_all(world)
    world.tick(days=32)

    counts = [world.app.run(warn_of_overdue_invoices, world.at) for _ in range(2)]

    events = world.app.read(lambda tx, _: tx.notifications.events_waiting(1_000), None)
    assert counts == [1, 1]
    assert [event.kind for event in events].count(EventKind.INVOICE_OVERDUE) == 1


def test_who_pays_before_use_again_is_billed_for_what_was_used(world: RulingWorld) -> None:
    world.call(7)
    world.app.run(set_billing_mode, SetBillingMode(NAME, BillingMode.PREPAID))
    world.tick(days=30)

    assert [each.month for each in world.app.read(overage_due_of, LookAt(NAME, world.at))] == [MARCH]
    assert [invoice.net_micros for invoice in bill_all(world)] == [units(7)]
