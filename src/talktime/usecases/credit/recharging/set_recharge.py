"""Set the auto-recharge, pause and resume it; what a setting would charge at once is asked first (money.md 7)."""

from dataclasses import replace
from datetime import datetime

from talktime.core.credit.billing import taxes
from talktime.core.credit.buying.catalog import DEFAULT_TERMS, BuyingTerms
from talktime.core.credit.buying.payments import PaymentMethod
from talktime.core.credit.lots import Credit
from talktime.core.credit.recharging import recharge
from talktime.core.credit.recharging import settings as recharge_settings
from talktime.core.credit.recharging.recharge import Due, PauseReason, RechargePolicy
from talktime.core.credit.recharging.settings import RechargeChange
from talktime.core.credit.recharging.watching import CreditWatch, Telling
from talktime.core.organizations.organizations import Organization
from talktime.core.values.errors import Conflict
from talktime.core.values.events import EventKind
from talktime.core.values.frozen import frozen
from talktime.store.transaction import Transaction
from talktime.usecases.credit.moving_credit import evaluate_again, keep
from talktime.usecases.credit.paying.conclude_purchases import method_of
from talktime.usecases.organizations.manage_organizations import lock_organization


@frozen
class SetRecharge:
    """What is to change, and who wants it.

    `version` is the one that was looked at; `confirmed_micros` agrees to a charge at once of exactly that much, tax
    included; `alerts_micros` are the thresholds at which a low balance is told.
    """

    organization: str
    by: str
    at: datetime
    change: RechargeChange
    alerts_micros: tuple[int, ...] | None = None
    version: int | None = None
    confirmed_micros: int | None = None
    terms: BuyingTerms = DEFAULT_TERMS


@frozen
class PauseRecharge:
    """Stop the recharge until somebody resumes it."""

    organization: str
    by: str
    at: datetime
    reason: PauseReason = PauseReason.BY_ADMIN


@frozen
class ResumeRecharge:
    """Let the recharge go on; `confirmed_micros` as for `SetRecharge`."""

    organization: str
    by: str
    at: datetime
    confirmed_micros: int | None = None


@frozen
class ConfirmationNeeded:
    """It would charge at once: so much in all, from this; ask, then send the same with `confirmed_micros`."""

    organization: str
    charge_micros: int
    tax_micros: int
    currency: str
    method: PaymentMethod
    available_micros: int
    trigger_micros: int


@frozen
class RechargeSet:
    """It was done; `charged_micros` is the recharge that it started at once."""

    policy: RechargePolicy
    charged_micros: int | None


def set_recharge(tx: Transaction, request: SetRecharge) -> RechargeSet | ConfirmationNeeded:
    """Change the recharge; raise Invalid for what cannot be, Conflict where somebody changed it meanwhile."""
    organization = lock_organization(tx, request.organization)
    organization_id = organization.organization_id
    before, credit = tx.purchases.watch(organization_id), tx.credit.credit(organization_id)
    recharge_settings.check_version(before.policy, request.version, organization.currency)
    policy = recharge_settings.changed(before.policy, request.change)
    methods = {method.method_id: method for method in tx.payments.methods(organization_id)}
    today = request.at.astimezone(organization.zone).date()
    recharge_settings.check(policy, methods, organization.currency, today, request.terms)
    under_way = tx.purchases.open_recharge(organization_id)
    paid_by = None if under_way is None else method_of(tx, under_way)
    method = None if policy.method_id is None else methods.get(policy.method_id)
    given_up = recharge_settings.withdrawal(under_way, paid_by, policy, method, request.at)
    progress = recharge_settings.ready(before.progress, given_up, method, organization.zone)
    after = replace(before, policy=policy, progress=progress)
    if request.alerts_micros is not None:
        after = replace(after, alerts=recharge_settings.alerts(before.alerts, request.alerts_micros))
    charge = _charge_at_once(tx, organization, after, credit, request.at)
    if charge is not None and request.confirmed_micros != charge.charge_micros:
        return charge
    if given_up is not None:
        tx.purchases.save(given_up)
    told = Telling(organization, after, credit.balance_micros, request.at)
    told.tell(EventKind.RECHARGE_SET, *recharge_settings.difference(before.policy, policy), ("by", request.by))
    keep(tx, organization, before, told.watched())
    evaluate_again(tx, organization, request.at)
    return RechargeSet(policy, None if charge is None else charge.charge_micros)


def pause_recharge(tx: Transaction, request: PauseRecharge) -> RechargeSet:
    """Stop the recharge: what is under way settles, nothing new begins. Doing it twice changes nothing."""
    organization = lock_organization(tx, request.organization)
    organization_id = organization.organization_id
    before, credit = tx.purchases.watch(organization_id), tx.credit.credit(organization_id)
    if before.progress.paused is None:
        told = Telling(organization, before, credit.balance_micros, request.at)
        told.pause(request.reason, "")
        keep(tx, organization, before, told.watched())
    return RechargeSet(before.policy, None)


def pause_everyone(tx: Transaction, request: PauseRecharge) -> list[str]:
    """Stop every recharge there is, as after a backup was restored (money.md 67); return whose were running.

    `request.organization` is not looked at. Organizations are locked in the order of their ids.
    """
    running = [each for each in tx.organizations.all() if tx.purchases.watch(each.organization_id).policy.is_on]
    running.sort(key=lambda organization: organization.organization_id)
    for organization in running:
        pause_recharge(tx, replace(request, organization=organization.name))
    return [organization.name for organization in running]


def resume_recharge(tx: Transaction, request: ResumeRecharge) -> RechargeSet | ConfirmationNeeded:
    """Try again on an admin's word; raise Conflict where nothing is paused, or a charge is still uncertain."""
    organization = lock_organization(tx, request.organization)
    organization_id = organization.organization_id
    before, credit = tx.purchases.watch(organization_id), tx.credit.credit(organization_id)
    paused = before.progress.paused
    if paused is None:
        raise Conflict("the auto-recharge is not paused", code="not_paused")
    if paused is PauseReason.CHARGE_AMBIGUOUS and before.progress.open_purchase_id is not None:
        message = (
            f"it is not certain whether {before.progress.open_purchase_id} moved money; the operator settles or cancels"
            " it first: `talktime payments resolve`"
        )
        raise Conflict(message, code="charge_uncertain")
    after = replace(before, progress=recharge.resumed(before.progress))
    charge = _charge_at_once(tx, organization, after, credit, request.at)
    if charge is not None and request.confirmed_micros != charge.charge_micros:
        return charge
    told = Telling(organization, after, credit.balance_micros, request.at)
    told.tell(EventKind.RECHARGE_RESUMED, ("reason", paused.value), ("by", request.by))
    keep(tx, organization, before, told.watched())
    evaluate_again(tx, organization, request.at)
    return RechargeSet(before.policy, None if charge is None else charge.charge_micros)


def _charge_at_once(
    tx: Transaction, organization: Organization, watch: CreditWatch, credit: Credit, at: datetime
) -> ConfirmationNeeded | None:
    available = credit.spendable_micros(at)
    verdict = recharge.evaluate(watch.policy, watch.progress, available, at, organization.zone)
    if not isinstance(verdict, Due):
        return None
    method = tx.payments.method(organization.organization_id, verdict.method_id)
    assert method is not None, "the policy names a method that was checked"
    tax = taxes.tax_micros(verdict.amount_micros, tx.documents.tax_rule_of(organization, at), organization.currency)
    return ConfirmationNeeded(
        organization.name,
        verdict.amount_micros + tax,
        tax,
        organization.currency,
        method,
        available,
        watch.policy.trigger_micros,
    )
