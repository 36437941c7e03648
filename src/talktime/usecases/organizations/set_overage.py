"""Let organizations that pay after use go on, on the bill, when plans and credit are used up, to a limit (S41, S42)."""

from dataclasses import replace
from datetime import datetime

from talktime.core.calls.counting import meters
from talktime.core.calls.counting.meters import UNUSED, Meter
from talktime.core.credit.billing import overage
from talktime.core.credit.billing.invoices import Invoice
from talktime.core.organizations.arrangements import Overage
from talktime.core.organizations.organizations import BillingMode, Organization
from talktime.core.values.errors import Conflict, Invalid
from talktime.core.values.frozen import frozen
from talktime.core.values.money import AMOUNT_MAX_MICROS, format_micros
from talktime.store.transaction import Transaction
from talktime.usecases.organizations.manage_organizations import LookAt, find_organization, lock_organization


@frozen
class SetOverage:
    """What is to change; None stays as it is, and `is_unlimited` takes the limit away."""

    organization: str
    at: datetime
    is_on: bool | None = None
    limit_per_month_micros: int | None = None
    is_unlimited: bool = False


@frozen
class OverageShown:
    """How an organization's overage stands: this month's use, what no invoice has billed yet, what was billed."""

    organization: Organization
    overage: Overage
    month: str
    meter: Meter
    unbilled_micros: int
    # Credit that is left from before is used up first (S41).
    available_micros: int
    invoices: tuple[Invoice, ...]

    @property
    def left_micros(self) -> int | None:
        """Return what may still be used on the bill this month; None where there is no limit."""
        if not self.overage.is_on or self.organization.mode is BillingMode.PREPAID:
            return 0
        limit = self.overage.limit_per_month_micros
        return None if limit is None else self.meter.left(limit)


def show_overage(tx: Transaction, request: LookAt) -> OverageShown:
    """Return how an organization's overage stands, a prepaid one's too: it may have been postpaid before."""
    return _shown(tx, find_organization(tx, request.name), request.at)


def set_overage(tx: Transaction, request: SetOverage) -> OverageShown:
    """Switch overage, or its limit; running calls obey it from their next request on.

    Raise Conflict for an organization that pays before use, Invalid for a limit that is none.
    """
    limit = request.limit_per_month_micros
    if limit is not None and not 0 < limit <= AMOUNT_MAX_MICROS:
        message = (
            f"{format_micros(limit)} is no limit: write an amount above 0 and up to {format_micros(AMOUNT_MAX_MICROS)},"
            " or switch overage off"
        )
        raise Invalid(message, code="amount")
    organization = lock_organization(tx, request.organization)
    if organization.mode is BillingMode.PREPAID:
        message = (
            f"{organization.name} pays before use, from credit: overage is for organizations that pay after use (S41)."
            " `talktime organizations billing postpaid` changes that; what credit is left is used up first"
        )
        raise Conflict(message, code="organization_prepaid")
    before = tx.arrangements.of(organization.organization_id)
    kept = None if request.is_unlimited else before.overage.limit_per_month_micros
    after = Overage(
        before.overage.is_on if request.is_on is None else request.is_on,
        kept if limit is None else limit,
    )
    tx.arrangements.save_settings(organization.organization_id, replace(before, overage=after))
    return _shown(tx, organization, request.at)


def _shown(tx: Transaction, organization: Organization, at: datetime) -> OverageShown:
    organization_id = organization.organization_id
    month = meters.month_of(at, organization.zone)
    name = meters.overage_meter(month)
    invoices = tuple(tx.documents.overage_invoices(organization_id))
    return OverageShown(
        organization,
        tx.arrangements.of(organization_id).overage,
        month,
        tx.meters.of(organization_id, [name]).get(name, UNUSED),
        overage.unbilled_micros(tx.meters.overage(organization_id), invoices),
        tx.credit.credit(organization_id).available_micros(at),
        invoices,
    )
