"""A transaction outside the hot path: opened for named organizations, with one room for each kind of row."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, Engine

from talktime.store.afterwards.parked import ParkedRows
from talktime.store.afterwards.switch_calls import SwitchCallRows
from talktime.store.credit.agreements import AgreementRows
from talktime.store.credit.documents import DocumentRows
from talktime.store.credit.lot_life import LotLifeRows
from talktime.store.credit.lots import CreditRows
from talktime.store.credit.payments import PaymentRows
from talktime.store.credit.purchases import PurchaseRows
from talktime.store.engine import unavailable_if_locked
from talktime.store.insight.access import AccessRows
from talktime.store.insight.advice_rows import AdviceRows
from talktime.store.insight.call_records import CallRecordRows
from talktime.store.insight.exports import ExportRows
from talktime.store.insight.report_schedules import ScheduleRows
from talktime.store.insight.reports import InsightRows
from talktime.store.insight.usage.imported import ImportedRows
from talktime.store.insight.usage.rerating import ChargedCallRows
from talktime.store.live_calls import LiveCallRows
from talktime.store.meters import MeterRows
from talktime.store.notifications import NotificationRows
from talktime.store.organizations.arrangements import ArrangementRows
from talktime.store.organizations.countries import CountryRows
from talktime.store.organizations.numbering import NumberingRows
from talktime.store.organizations.people import OrganizationRows
from talktime.store.organizations.restrictions import RestrictionRows
from talktime.store.rates import RateRows
from talktime.store.work import WorkRows


class Transaction:
    """The rooms of an open transaction; everything in it is committed together, or not at all."""

    def __init__(self, connection: Connection) -> None:
        """Open the rooms on a connection that has begun."""
        self.organizations = OrganizationRows(connection)
        self.restrictions = RestrictionRows(connection)
        self.arrangements = ArrangementRows(connection)
        self.meters = MeterRows(connection)
        self.live_calls = LiveCallRows(connection)
        self.parked = ParkedRows(connection)
        self.switch_calls = SwitchCallRows(connection)
        self.numbering = NumberingRows(connection)
        self.credit = CreditRows(connection)
        self.lot_life = LotLifeRows(connection)
        self.payments = PaymentRows(connection)
        self.agreements = AgreementRows(connection)
        self.purchases = PurchaseRows(connection)
        self.documents = DocumentRows(connection)
        self.rates = RateRows(connection)
        self.countries = CountryRows(connection)
        self.insight = InsightRows(connection)
        self.charged_calls = ChargedCallRows(connection)
        self.exports = ExportRows(connection)
        self.schedules = ScheduleRows(connection)
        self.advice = AdviceRows(connection)
        self.imported = ImportedRows(connection)
        self.access = AccessRows(connection)
        self.call_records = CallRecordRows(connection)
        self.notifications = NotificationRows(connection)
        self.work = WorkRows(connection)


@contextmanager
def operator_transaction(engine: Engine) -> Iterator[Transaction]:
    """Open a transaction that may see every organization: for operators and for what belongs to none."""
    with unavailable_if_locked(), engine.begin() as connection:
        yield Transaction(connection)
