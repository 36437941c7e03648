"""Agreements on both databases: what may be bought under one, when credit comes, and what becomes of the invoice."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date, timedelta

import pytest

from talktime.core.credit.billing.invoices import PAYMENT_TERM_DAYS, Invoice, InvoiceState
from talktime.core.credit.billing.taxes import TaxedAt, TaxRule
from talktime.core.credit.buying import purchases
from talktime.core.credit.buying.agreements import AgreementTerms
from talktime.core.credit.buying.purchases import PurchaseState
from talktime.core.credit.buying.refusals import Refused
from talktime.core.credit.ledger import Account
from talktime.core.credit.orders import CautionKind, Review
from talktime.core.credit.recharging.recharge import PauseReason
from talktime.core.credit.recharging.settings import RechargeChange
from talktime.core.insight.usage import EARLIEST
from talktime.core.values.errors import Conflict, Invalid, NotFound
from talktime.core.values.events import EventKind
from talktime.core.values.periods import Period
from talktime.usecases.credit.billing.show_invoices import InvoiceAt, show_invoice
from talktime.usecases.credit.buying.buy_credit import OrderPlaced
from talktime.usecases.credit.buying.manage_agreements import (
    AddAgreement,
    ChangeAgreement,
    LimitPurchaseOrder,
    add_agreement,
    change_agreement,
    limit_purchase_order,
    list_agreements,
)
from talktime.usecases.credit.buying.resolve_cases import ResolveCase, list_cases, resolve_case
from talktime.usecases.credit.buying.settle_invoices import (
    InvoiceSettled,
    SettleInvoice,
    UnpaidVoided,
    VoidUnpaid,
    settle_invoice,
    void_unpaid,
    warn_of_overdue_invoices,
)
from talktime.usecases.organizations.manage_organizations import LookAt
from tests.recharge_world import NAME, ORGANIZATION_ID
from tests.usecases.credit.buyers import AGREEMENT, FORM, Buyers, units

ON_SETTLEMENT = AgreementTerms.ON_SETTLEMENT


def tax(world: Buyers) -> None:
    rule = TaxRule("US", "Sales tax", 100_000, TaxedAt.PURCHASE, date(2026, 1, 1))
    world.app.run(lambda tx, rule: tx.documents.save_tax_rule(rule), rule)


def recharge_by(world: Buyers, method_id: int, fallback: int | None = None) -> None:
    change = RechargeChange(
        is_on=True,
        trigger_micros=units(50),
        amount_micros=units(200),
        method_id=method_id,
        fallback_method_id=fallback,
    )
    world.set(change)


def invoice_of(world: Buyers, purchase_id: str = "order-1") -> Invoice:
    found = world.app.read(lambda tx, _: tx.documents.invoice_of_purchase(ORGANIZATION_ID, purchase_id), None)
    assert found is not None
    return found


def state_of(world: Buyers, purchase_id: str = "order-1") -> InvoiceState:
    asked = InvoiceAt(NAME, invoice_of(world, purchase_id).number, world.at)
    return world.app.read(show_invoice, asked).state


def settle(world: Buyers, purchase_id: str = "order-1", reference: str = "BANK-1") -> InvoiceSettled:
    request = SettleInvoice(NAME, invoice_of(world, purchase_id).number, reference, world.at)
    return world.app.run(settle_invoice, request)


def void(world: Buyers, purchase_id: str = "order-1") -> UnpaidVoided:
    number = invoice_of(world, purchase_id).number
    return world.app.run(void_unpaid, VoidUnpaid(NAME, number, "insolvent", world.at))


def owed_micros(world: Buyers) -> int:
    """Return what invoices still owe, as the journal says."""
    moved = world.app.read(
        lambda tx, _: tx.documents.journal.moved(ORGANIZATION_ID, Period(EARLIEST, world.at + timedelta(days=1))), None
    )
    invoiced = sum(amount for (debit, _), amount in moved.items() if debit is Account.INVOICED)
    return invoiced - sum(amount for (_, credit), amount in moved.items() if credit is Account.INVOICED)


# ── terms ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_on_credit_the_lot_is_active_at_once_and_the_invoice_is_owed(world: Buyers) -> None:
    tax(world)
    world.agree(limit=1_000, purchase_order="77")

    placed = world.place()

    assert isinstance(placed, OrderPlaced)
    assert placed.tax_micros == units(20)
    assert world.purchase("order-1").state is PurchaseState.SETTLED
    assert world.available_units == 300
    assert world.agreement().used_micros == units(220)
    invoice = invoice_of(world)
    assert (invoice.agreement_number, invoice.purchase_order, invoice.total_micros) == (AGREEMENT, "77", units(220))
    assert state_of(world) is InvoiceState.OPEN


def test_on_settlement_the_credit_comes_with_the_payment_of_the_invoice(world: Buyers) -> None:
    world.agree(ON_SETTLEMENT)

    world.buy()
    before = (world.purchase("order-1").state, world.available_units)
    world.tick(days=3)
    settled = settle(world)

    lot = world.credit.lot(settled.lot_id or 0)
    assert before == (PurchaseState.INVOICED, 100)
    assert world.purchase("order-1").state is PurchaseState.SETTLED
    assert world.available_units == 300
    assert lot.purchased_at == world.at
    assert state_of(world) is InvoiceState.PAID


def test_the_review_says_that_credit_on_settlement_comes_later(world: Buyers) -> None:
    world.agree(ON_SETTLEMENT)

    review = world.review()

    assert isinstance(review, Review)
    assert [caution.kind for caution in review.cautions] == [CautionKind.CREDIT_COMES_LATER]


def test_a_payment_is_recorded_once(world: Buyers) -> None:
    world.agree()
    world.buy()

    first, again = settle(world), settle(world)

    assert (first.paid_micros, first.is_repeated) == (units(200), False)
    assert (again.paid_micros, again.is_repeated) == (0, True)


def test_a_second_payment_is_not_taken_for_the_first_one_again(world: Buyers) -> None:
    world.agree()
    world.buy()
    settle(world)

    with pytest.raises(Conflict, match="paid as 'BANK-1' before") as refused:
        settle(world, reference="BANK-2")

    assert refused.value.code == "invoice_paid"


def test_an_invoice_of_a_card_is_not_settled_by_hand(world: Buyers) -> None:
    world.attach()
    world.buy()

    with pytest.raises(Conflict, match="paid by card"):
        settle(world)


def test_a_recharge_under_an_agreement_needs_no_gateway(world: Buyers) -> None:
    recharge_by(world, world.agree())
    world.spend(60)

    world.work()

    assert world.purchase("recharge-1").state is PurchaseState.SETTLED
    assert world.available_units == 240
    assert world.moved_units == 0
    assert world.told() == [EventKind.RECHARGE_SET, EventKind.RECHARGE_SUCCEEDED]


def test_a_recharge_on_settlement_waits_for_its_payment_and_no_other_is_made(world: Buyers) -> None:
    recharge_by(world, world.agree(ON_SETTLEMENT))
    world.spend(60)
    world.work()
    world.spend(10)
    world.work()

    states = [purchase.state for purchase in world.purchases]
    settle(world, "recharge-1")

    assert states == [PurchaseState.INVOICED]
    assert world.available_units == 230
    assert world.watch.progress.epoch == 2


# ── what refuses ────────────────────────────────────────────────────────────────────────────────────────────


def test_what_remains_under_an_agreement_bounds_an_order_to_the_cent(world: Buyers) -> None:
    world.agree(limit=400)

    assert world.refused(replace(FORM, amount_micros=units(401))) == "agreement_exhausted"
    world.buy("K-1")
    world.buy("K-2")
    assert world.agreement().remaining_micros == 0
    assert world.refused(replace(FORM, amount_micros=units(20))) == "agreement_exhausted"


def test_the_tax_counts_against_the_limit_too(world: Buyers) -> None:
    tax(world)
    world.agree(limit=219)

    assert world.refused(FORM) == "agreement_exhausted"


def test_an_agreement_that_ended_or_is_inactive_refuses(world: Buyers) -> None:
    world.agree()
    ends_at = world.at + timedelta(days=1)
    world.app.run(change_agreement, ChangeAgreement(NAME, AGREEMENT, ends_at=ends_at))
    before = world.review()
    world.at = ends_at

    assert isinstance(before, Review)
    assert world.refused(FORM) == "agreement_ended"
    world.app.run(change_agreement, ChangeAgreement(NAME, AGREEMENT, is_active=False))
    assert world.refused(FORM) == "agreement_inactive"


def test_an_agreement_in_another_currency_refuses(world: Buyers) -> None:
    world.agree(currency="EUR")

    assert world.refused(FORM) == "agreement_other_currency"


def test_a_purchase_order_that_is_exhausted_or_ended_refuses(world: Buyers) -> None:
    world.agree(purchase_order="77")
    limit = LimitPurchaseOrder(NAME, AGREEMENT, "77", units(300), world.at + timedelta(days=1))
    world.app.run(limit_purchase_order, limit)

    world.buy()
    exhausted = world.refused(FORM)
    world.tick(days=1)
    ended = world.refused(replace(FORM, amount_micros=units(20)))

    assert (exhausted, ended) == ("purchase_order_exhausted", "purchase_order_ended")
    shown = world.app.read(list_agreements, LookAt(NAME, world.at)).agreements[0]
    assert [order.remaining_micros for order in shown.purchase_orders] == [units(100)]


def test_parallel_orders_never_exceed_an_agreement(world: Buyers) -> None:
    """money.md 22, under the organization's lock."""
    world.agree(limit=1_000)

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda number: world.place(f"K-{number}"), range(12)))

    refused = [answer.code for answer in answers if isinstance(answer, Refused)]
    assert refused == ["agreement_exhausted"] * 7
    assert world.agreement().used_micros == units(1_000)
    assert world.available_units == 1_100


def test_a_recharge_whose_agreement_is_exhausted_pauses_with_the_reason(world: Buyers) -> None:
    """money.md 22."""
    recharge_by(world, world.agree(limit=199))
    world.spend(60)

    world.work()

    assert world.watch.progress.paused is PauseReason.METHOD_UNUSABLE
    assert world.purchase("recharge-1").decline_code == "agreement_exhausted"
    assert [details["code"] for details in world.details(EventKind.RECHARGE_FAILED)] == ["agreement_exhausted"]
    assert world.agreement().used_micros == 0


def test_a_recharge_whose_agreement_is_exhausted_turns_to_the_fallback(world: Buyers) -> None:
    """money.md 22."""
    card = world.attach().method.method_id
    recharge_by(world, world.agree(limit=199), card)
    world.spend(60)

    world.work()
    world.work()

    assert world.watch.progress.paused is None
    assert world.purchase("recharge-2").method_id == card
    assert world.purchase("recharge-2").state is PurchaseState.SETTLED
    assert world.moved_units == 200


def test_an_agreement_with_a_higher_limit_is_used_again_once_an_admin_resumes(world: Buyers) -> None:
    recharge_by(world, world.agree(limit=199))
    world.spend(60)
    world.work()

    changed = world.app.run(change_agreement, ChangeAgreement(NAME, AGREEMENT, limit_micros=units(500)))

    assert changed.agreement.limit_micros == units(500)
    assert isinstance(world.review(), Review)


@pytest.mark.parametrize("limit", [0, -1, 10**18])
def test_a_limit_that_cannot_be_is_refused(world: Buyers, limit: int) -> None:
    with pytest.raises(Invalid):
        world.app.run(add_agreement, AddAgreement(NAME, "EA-2", "US", ON_SETTLEMENT, limit_micros=limit))


def test_a_limit_is_not_lowered_below_what_is_used(world: Buyers) -> None:
    world.agree(limit=1_000)
    world.buy()

    with pytest.raises(Conflict, match="used already"):
        world.app.run(change_agreement, ChangeAgreement(NAME, AGREEMENT, limit_micros=units(199)))


def test_an_agreement_is_registered_once(world: Buyers) -> None:
    world.agree()

    with pytest.raises(Conflict, match="registered already"):
        world.agree()


# ── another region ──────────────────────────────────────────────────────────────────────────────────────────


def test_an_agreement_of_another_region_is_refused_with_a_case_until_an_operator_permits_it(world: Buyers) -> None:
    world.agree(country="DE")

    first, second = world.review(), world.place("K-1")
    cases = world.app.read(list_cases, "")
    assert isinstance(first, Refused)
    world.app.run(resolve_case, ResolveCase(first.case_number, "parent company in Berlin", world.at))

    assert first.code == "agreement_other_region"
    assert first == second
    assert [shown.case.number for shown in cases] == [first.case_number] == ["SC-000001-0001"]
    assert world.place("K-1") == first
    assert isinstance(world.place("K-2"), OrderPlaced)


def test_what_was_permitted_for_one_country_is_not_permitted_for_another(world: Buyers) -> None:
    world.agree(country="DE")
    refused = world.review()
    assert isinstance(refused, Refused)
    world.app.run(resolve_case, ResolveCase(refused.case_number, "yes", world.at))
    world.app.run(lambda tx, _: tx.agreements.save(replace(world.agreement(), billing_country="FR")), None)

    again = world.review()

    assert isinstance(again, Refused)
    assert again.case_number == "SC-000001-0002"


def test_parallel_refusals_open_one_case(world: Buyers) -> None:
    world.agree(country="DE")

    with ThreadPoolExecutor(8) as pool:
        refused = list(pool.map(lambda number: world.place(f"K-{number}"), range(8)))

    assert {answer.case_number for answer in refused if isinstance(answer, Refused)} == {"SC-000001-0001"}


def test_a_recharge_in_another_region_pauses_and_names_the_case(world: Buyers) -> None:
    recharge_by(world, world.agree(country="DE"))
    world.spend(60)

    world.work()

    assert world.watch.progress.paused is PauseReason.METHOD_UNUSABLE
    assert "SC-000001-0001" in world.purchase("recharge-1").reason


@pytest.mark.parametrize(
    ("number", "reason", "kind"),
    [
        ("SC-000001-0009", "yes", NotFound),
        ("SC-000009-0001", "yes", NotFound),
        ("nonsense", "yes", Invalid),
        ("SC-000001-0001", "  ", Invalid),
    ],
)
def test_a_case_that_is_not_there_or_has_no_reason_is_not_resolved(
    world: Buyers, number: str, reason: str, kind: type[Exception]
) -> None:
    with pytest.raises(kind):
        world.app.run(resolve_case, ResolveCase(number, reason, world.at))


def test_a_case_is_resolved_once(world: Buyers) -> None:
    world.agree(country="DE")
    world.review()
    world.app.run(resolve_case, ResolveCase("SC-000001-0001", "yes", world.at))

    with pytest.raises(Conflict, match="resolved before"):
        world.app.run(resolve_case, ResolveCase("SC-000001-0001", "again", world.at))


# ── unpaid ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_an_unpaid_invoice_is_told_of_once_and_blocks_what_is_bought_under_its_agreement(world: Buyers) -> None:
    """money.md 23: warn, then block new funding."""
    world.agree()
    world.buy()
    world.tick(days=PAYMENT_TERM_DAYS + 1)

    counts = [world.app.run(warn_of_overdue_invoices, world.at) for _ in range(2)]
    blocked = world.refused(FORM)
    settle(world)

    assert counts == [1, 1]
    assert len(world.details(EventKind.INVOICE_OVERDUE)) == 1
    assert blocked == "agreement_invoice_overdue"
    assert world.available_units == 300
    assert isinstance(world.review(), Review)


def test_the_unused_remainder_of_an_unpaid_lot_is_voided_and_what_was_used_stays_owed(world: Buyers) -> None:
    """money.md 23: then void the unused remainder."""
    tax(world)
    world.agree(limit=1_000)
    world.buy()
    world.spend(150)
    world.tick(days=PAYMENT_TERM_DAYS + 1)

    voided = void(world)

    # 100 of the opening lot and 50 of this one were spent.
    assert (voided.note.net_micros, voided.note.tax_micros) == (units(150), units(15))
    assert voided.still_owed_micros == units(55)
    assert world.available_units == 0
    assert world.agreement().used_micros == units(55)
    assert settle(world).paid_micros == units(55)


def test_nothing_more_is_voided_once_the_remainder_is_gone(world: Buyers) -> None:
    world.agree()
    world.buy()
    void(world)

    with pytest.raises(Conflict, match="nothing of the credit"):
        void(world)
    with pytest.raises(Conflict, match="nothing is owed"):
        settle(world)


def test_an_invoice_on_settlement_that_is_voided_brings_no_credit_and_frees_the_recharge(world: Buyers) -> None:
    recharge_by(world, world.agree(ON_SETTLEMENT, limit=200))
    world.spend(60)
    world.work()

    voided = void(world, "recharge-1")

    assert voided.still_owed_micros == 0
    assert world.purchase("recharge-1").state is PurchaseState.CANCELED
    assert world.available_units == 40
    assert world.agreement().used_micros == 0
    assert [purchase.purchase_id for purchase in world.purchases] == ["recharge-1", "recharge-2"]


def test_what_is_paid_is_not_voided(world: Buyers) -> None:
    world.agree()
    world.buy()
    settle(world)

    with pytest.raises(Conflict, match="is paid"):
        void(world)


def test_the_books_of_invoices_end_at_zero_once_all_is_paid_or_voided(world: Buyers) -> None:
    tax(world)
    world.agree()
    world.buy("K-1")
    world.buy("K-2")
    world.spend(150)

    owed = [owed_micros(world)]
    settle(world, "order-1")
    owed.append(owed_micros(world))
    void(world, "order-2")
    owed.append(owed_micros(world))

    # Of the second lot nothing was used: 100 of the opening lot and 50 of the first one paid for the call.
    assert owed == [units(440), units(220), 0]


def test_a_limit_set_later_knows_what_its_purchase_order_has_bought(world: Buyers) -> None:
    world.agree(purchase_order="77")
    world.buy()

    with pytest.raises(Conflict, match="used already"):
        world.app.run(limit_purchase_order, LimitPurchaseOrder(NAME, AGREEMENT, "77", units(199)))
    limited = world.app.run(limit_purchase_order, LimitPurchaseOrder(NAME, AGREEMENT, "77", units(300)))
    void(world)

    assert [order.remaining_micros for order in limited.purchase_orders] == [units(100)]
    assert world.app.read(list_agreements, LookAt(NAME, world.at)).agreements[0].purchase_orders[0].used_micros == 0


def test_an_invoice_whose_purchase_was_canceled_brings_no_credit_and_can_be_voided(world: Buyers) -> None:
    world.agree(ON_SETTLEMENT, limit=200)
    world.buy()
    canceled = purchases.canceled(world.purchase("order-1"), "by an operator", world.at)
    world.app.run(lambda tx, canceled: tx.purchases.save(canceled), canceled)

    with pytest.raises(Conflict, match="was canceled"):
        settle(world)
    void(world)

    assert state_of(world) is InvoiceState.VOID
    assert world.agreement().used_micros == 0
    assert world.available_units == 100
