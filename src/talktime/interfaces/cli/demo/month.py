"""What happens to the credit in the demo's month: bought, recharged, declined, paid otherwise, expired, told.

A virtual clock follows the calls; whenever it moves on, the worker's own chores do what is due.
"""

import email
import email.policy
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from talktime.bootstrap import App, open_channels
from talktime.core.credit.lots import LotKind
from talktime.core.credit.orders import OrderForm
from talktime.core.credit.recharging.settings import RechargeChange
from talktime.core.organizations.users import Role
from talktime.core.values.events import Event, EventKind
from talktime.core.values.money import MICROS_PER_UNIT
from talktime.exports.documents.invoices import invoice_paper
from talktime.exports.documents.statements import statement_paper
from talktime.exports.documents.typesetting import set_pdf
from talktime.gateways.payments.sandbox import NAME as SANDBOX
from talktime.gateways.payments.sandbox import SandboxGateway
from talktime.interfaces.cli.demo.told import ZONE, Amounts, Happening, Letter
from talktime.interfaces.worker.chores import PurchasesInPlace, Work, charge_purchases
from talktime.interfaces.worker.schedule import SCHEDULE
from talktime.samples import people
from talktime.store.transaction import Transaction
from talktime.usecases.credit.add_credit import AddCredit, add_credit
from talktime.usecases.credit.billing.issue_statements import OfMonth, show_statement
from talktime.usecases.credit.billing.show_invoices import list_invoices
from talktime.usecases.credit.buying.buy_credit import OrderPlaced, PlaceOrder, charge_order, place_order
from talktime.usecases.credit.buying.manage_payment_methods import AddCard, add_card
from talktime.usecases.credit.recharging.set_recharge import (
    ConfirmationNeeded,
    SetRecharge,
    set_recharge,
)
from talktime.usecases.organizations.manage_organizations import LookAt
from talktime.usecases.organizations.manage_users import SetRoles, set_roles

ADMIN = f"lucia.fernandez@{people.DOMAIN}"
# Who is written to, and in which language.
TOLD = ((ADMIN, "en"), (f"wang.fang@{people.DOMAIN}", "zh-CN"), (f"olga.sokolova@{people.DOMAIN}", "ru"))
FIRST_CARD, STOLEN_CARD, LAST_CARD = "4242424242424242 12/28", "4000000000009979 11/29", "5555555555554444 06/29"
LAST_YEARS_LOT_ENDS_ON = date(2026, 10, 5)
# When the admin opens her mail.
MORNING_HOUR = 9
RECHARGES_BEFORE_THE_NEW_CARD = 2
# Whoever is told may be away for a while.
MAIL_UNREAD_FOR = timedelta(days=2)
# A recharge is charged within a turn; everything else the worker does by the hour.
TURN, HOUR = timedelta(minutes=15), timedelta(hours=1)
MINIMUM_UNITS = 20
# Shares of what a month of calls costs, in percent.
PROMOTIONAL, LAST_YEARS, ORDERED, TRIGGER, RECHARGE = 5, 15, 15, 10, 25
EVENTS_MAX = 10_000


def amounts_of(month_micros: int) -> Amounts:
    """Return what fits a month of calls that costs so much; no purchase is below the minimum."""

    def share(percent: int) -> int:
        return max(1, month_micros * percent // 100 // MICROS_PER_UNIT)

    ordered, recharge = max(MINIMUM_UNITS, share(ORDERED)), max(MINIMUM_UNITS, share(RECHARGE))
    return Amounts(share(PROMOTIONAL), share(LAST_YEARS), ordered, min(share(TRIGGER), recharge), recharge)


class CreditMonth:
    """The admin and the worker of the demo; `at` is their clock."""

    def __init__(self, talktime: App, folder: Path, starts_at: datetime, amounts: Amounts) -> None:
        """Keep sandbox, mails and books in one folder."""
        self.at = starts_at.astimezone(UTC)
        self.amounts = amounts
        self._talktime = talktime
        self._mails = folder / "mails"
        self._gateway = SandboxGateway(folder / "sandbox", clock=lambda: self.at)
        settings = replace(talktime.settings, data_folder=folder, smtp_host="", mail_from=f"Talktime <{ADMIN}>")
        self._work = Work(talktime, {SANDBOX: self._gateway}, open_channels(settings), lambda: self.at, lambda: False)
        self._did_chores_at = self.at
        self._plans = [self._change_card, self._replace_card]
        self._opened_mail_on = self.at.astimezone(ZONE).date()

    def begin(self) -> None:
        """Fund the month: what is left of last year, a welcome, an order by card; then switch the recharge on."""
        for name, language in TOLD:
            self._talktime.run(set_roles, SetRoles(people.ORGANIZATION_NAME, name, Role.BILLING_ADMIN, language))
        bought_last_year = datetime.combine(
            LAST_YEARS_LOT_ENDS_ON.replace(year=LAST_YEARS_LOT_ENDS_ON.year - 1), datetime.min.time(), ZONE
        )
        self._add(self.amounts.last_years, "PO-2025-10", purchased_at=bought_last_year.astimezone(UTC))
        self._add(self.amounts.promotional, "WELCOME", kind=LotKind.PROMOTIONAL)
        first = self._keep_card(FIRST_CARD)
        form = OrderForm(people.ORGANIZATION_NAME, self.amounts.ordered * MICROS_PER_UNIT, self.at, method_id=first)
        placed = self._talktime.run(place_order, PlaceOrder(form, "first-order", is_confirmed=True))
        assert isinstance(placed, OrderPlaced), "our own order can be placed"
        charge_order(self._talktime.run, {SANDBOX: self._gateway}, placed.key, lambda: self.at)
        change = RechargeChange(
            is_on=True,
            trigger_micros=self.amounts.trigger * MICROS_PER_UNIT,
            amount_micros=self.amounts.recharge * MICROS_PER_UNIT,
            method_id=first,
        )
        self._talktime.run(set_recharge, SetRecharge(people.ORGANIZATION_NAME, ADMIN, self.at, change))
        self._do_chores()

    def go_on_to(self, at: datetime) -> None:
        """Let time pass: the worker does its chores again and again, the admin acts when he has planned to."""
        while self.at + TURN <= at:
            self.at += TURN
            self._open_mail()
            charge_purchases(self._work, PurchasesInPlace(self._work))
            if self.at - self._did_chores_at >= HOUR:
                self._do_chores()

    def happenings(self) -> list[Happening]:
        """Return what was told of the credit, in its order."""
        events = self._talktime.read(_events, None)
        return [Happening(each.occurred_at, each.kind, each.balance_micros, dict(each.details)) for each in events]

    def letters(self) -> list[Letter]:
        """Return the mails in the folder, the oldest first."""
        return sorted(map(_letter, self._mails.glob("*.eml")), key=lambda letter: (letter.at, letter.language))

    def write_documents(self, folder: Path) -> list[Path]:
        """Write the month's statement and its last invoice as PDF; return where they are."""
        month = OfMonth(people.ORGANIZATION_NAME, self.at.astimezone(ZONE).date().replace(day=1), self.at)
        month = replace(month, month=(month.month - timedelta(days=1)).replace(day=1))
        statement = folder / f"statement-{month.month:%Y-%m}.pdf"
        shown = self._talktime.read(show_statement, month).statement
        statement.write_bytes(set_pdf(statement_paper(shown, "en")))
        _, invoices = self._talktime.read(list_invoices, LookAt(people.ORGANIZATION_NAME, self.at))
        last = max((each.invoice for each in invoices), key=lambda invoice: invoice.issued_at)
        invoice = folder / f"invoice-{last.number}.pdf"
        invoice.write_bytes(set_pdf(invoice_paper(last, "en")))
        return [statement, invoice]

    def _add(
        self, units: int, reference: str, *, kind: LotKind = LotKind.PURCHASED, purchased_at: datetime | None = None
    ) -> None:
        amount = units * MICROS_PER_UNIT
        request = AddCredit(people.ORGANIZATION_NAME, amount, reference, self.at, purchased_at=purchased_at, kind=kind)
        self._talktime.run(add_credit, request)

    def _keep_card(self, reference: str, *, replaces: int | None = None) -> int:
        card = self._gateway.add_card(reference)
        kept = self._talktime.run(add_card, AddCard(people.ORGANIZATION_NAME, SANDBOX, card, self.at, replaces))
        return kept.method.method_id

    def _open_mail(self) -> None:
        """Act once a morning on what was told, in the order of the plans."""
        local = self.at.astimezone(ZONE)
        if local.hour < MORNING_HOUR or local.date() == self._opened_mail_on or not self._plans:
            return
        self._opened_mail_on = local.date()
        if self._plans[0](self.happenings()):
            self._plans.pop(0)

    def _change_card(self, happened: list[Happening]) -> bool:
        """The bank has sent a new card; nobody knows yet that it was stolen on its way."""
        if sum(each.kind is EventKind.RECHARGE_SUCCEEDED for each in happened) < RECHARGES_BEFORE_THE_NEW_CARD:
            return False
        self._pay_by(self._keep_card(STOLEN_CARD))
        return True

    def _replace_card(self, happened: list[Happening]) -> bool:
        """The failure was mailed at once, and read days later: now another card pays."""
        failed = [each.at for each in happened if each.kind is EventKind.RECHARGE_FAILED]
        if not failed or self.at - failed[0] < MAIL_UNREAD_FOR:
            return False
        self._pay_by(self._keep_card(LAST_CARD))
        return True

    def _pay_by(self, method_id: int) -> None:
        request = SetRecharge(people.ORGANIZATION_NAME, ADMIN, self.at, RechargeChange(method_id=method_id))
        answer = self._talktime.run(set_recharge, request)
        if isinstance(answer, ConfirmationNeeded):
            self._talktime.run(set_recharge, replace(request, confirmed_micros=answer.charge_micros))

    def _do_chores(self) -> None:
        self._did_chores_at = self.at
        for chore in SCHEDULE:
            chore.does(self._work, PurchasesInPlace(self._work))


def _events(tx: Transaction, _: None) -> list[Event]:
    return tx.notifications.events_of(tx.organizations.named(people.ORGANIZATION_NAME).organization_id, EVENTS_MAX)


def _letter(path: Path) -> Letter:
    mail = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
    at = email.utils.parsedate_to_datetime(str(mail["Date"])).astimezone(UTC)
    return Letter(at, " ".join(str(mail["Subject"]).split()), str(mail["Content-Language"] or ""), path)
