"""What the auto-recharge is set to, what it is doing, what it did, and what another setting would have done."""

from datetime import datetime, timedelta

from talktime.core.calls.calls import PaysFrom
from talktime.core.credit.buying.payments import PaymentMethod
from talktime.core.credit.buying.purchases import Purchase, PurchaseCause
from talktime.core.credit.recharging import settings as recharge_settings
from talktime.core.credit.recharging import simulating
from talktime.core.credit.recharging.recharge import Reserved
from talktime.core.credit.recharging.settings import RechargeChange
from talktime.core.credit.recharging.simulating import Simulation, Spent
from talktime.core.credit.recharging.states import RechargeStatus, status_of
from talktime.core.credit.recharging.watching import CreditWatch
from talktime.core.organizations.organizations import Organization
from talktime.core.values.frozen import frozen
from talktime.core.values.periods import Period, add_months, month_of, start_of_day
from talktime.store.transaction import Transaction
from talktime.usecases.organizations.manage_organizations import LookAt, find_organization

HISTORY_MAX = 10
USUAL_DAYS = timedelta(days=28)


@frozen
class RechargeShown:
    """The recharge of an organization as it stands at an instant; the newest recharges first."""

    organization: Organization
    at: datetime
    watch: CreditWatch
    status: RechargeStatus
    available_micros: int
    methods: dict[int, PaymentMethod]
    reserved: Reserved
    history: list[Purchase]
    warnings: list[str]


@frozen
class SimulateRecharge:
    """A change that is thought of; judged on the usage of the last full month."""

    organization: str
    at: datetime
    change: RechargeChange


@frozen
class RechargeSimulated:
    """What the changed policy would have done with a month's usage, beginning with today's balance."""

    organization: Organization
    month: Period
    sentence: str
    amount_micros: int
    available_micros: int
    simulation: Simulation
    warnings: list[str]


def show_recharge(tx: Transaction, request: LookAt) -> RechargeShown:
    """Return the recharge of an organization; raise NotFound."""
    organization = find_organization(tx, request.name)
    organization_id = organization.organization_id
    watch = tx.purchases.watch(organization_id)
    usual = _usual_day_micros(tx, organization, request.at)
    return RechargeShown(
        organization,
        request.at,
        watch,
        status_of(watch.policy, watch.progress, tx.purchases.open_recharge(organization_id)),
        tx.credit.credit(organization_id).spendable_micros(request.at),
        {method.method_id: method for method in tx.payments.methods(organization_id)},
        watch.progress.reserved.on(request.at.astimezone(organization.zone).date()),
        tx.purchases.all(organization_id, most=HISTORY_MAX, cause=PurchaseCause.RECHARGE),
        recharge_settings.warnings(watch.policy, usual, organization.currency),
    )


def simulate_recharge(tx: Transaction, request: SimulateRecharge) -> RechargeSimulated:
    """Tell what a policy would have done with last month's usage; raise NotFound."""
    organization = find_organization(tx, request.organization)
    organization_id = organization.organization_id
    month = _last_month(organization, request.at)
    policy = recharge_settings.changed(tx.purchases.watch(organization_id).policy, request.change)
    available = tx.credit.credit(organization_id).spendable_micros(request.at)
    usage = (
        Spent(each.row.started_at, each.row.cost_micros)
        for each in tx.insight.usage(organization_id, month.starts_at, month.ends_at)
        if each.row.paid_by is PaysFrom.CREDIT and each.row.cost_micros > 0
    )
    simulation = simulating.simulate(policy, available, usage, organization.zone)
    usual = simulating.usual_day_micros(simulation.spent_micros, month.ends_at - month.starts_at)
    return RechargeSimulated(
        organization,
        month,
        recharge_settings.sentence(policy, organization.currency),
        policy.amount_micros,
        available,
        simulation,
        recharge_settings.warnings(policy, usual, organization.currency),
    )


def _last_month(organization: Organization, at: datetime) -> Period:
    this = month_of(at, organization.zone)
    first = add_months(this.starts_at.astimezone(organization.zone).date(), -1)
    return Period(start_of_day(first, organization.zone), this.starts_at)


def _usual_day_micros(tx: Transaction, organization: Organization, at: datetime) -> int:
    spent = tx.insight.spent_micros(organization.organization_id, at - USUAL_DAYS, at)
    return simulating.usual_day_micros(spent, USUAL_DAYS)
