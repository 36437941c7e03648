"""Set whether an organization pays before use, from credit, or after it (S41, domain.md 1.8)."""

from talktime.core.organizations.organizations import BillingMode, Organization
from talktime.core.values.errors import Conflict
from talktime.core.values.frozen import frozen
from talktime.store.transaction import Transaction
from talktime.usecases.organizations.manage_organizations import lock_organization


@frozen
class SetBillingMode:
    """How an organization is to pay from now on."""

    organization: str
    mode: BillingMode


def set_billing_mode(tx: Transaction, request: SetBillingMode) -> Organization:
    """Change how an organization pays; raise Conflict while its auto-recharge is on: it would go on buying credit."""
    organization = lock_organization(tx, request.organization)
    is_on = tx.purchases.watch(organization.organization_id).policy.is_on
    if request.mode is BillingMode.POSTPAID and is_on:
        message = (
            f"{organization.name} recharges its credit by itself: switch that off first (`talktime credit recharge set"
            " --off`), and what is left is used up before it pays after use"
        )
        raise Conflict(message, code="recharge_is_on")
    tx.organizations.set_billing_mode(organization.organization_id, request.mode)
    return organization
