"""Register agreements and what their purchase orders let be bought; the operator's work (S37 to S39)."""

from dataclasses import replace
from datetime import datetime

from talktime.core.credit.buying.agreements import Agreement, AgreementTerms, PurchaseOrder
from talktime.core.organizations.organizations import Organization
from talktime.core.values.errors import Conflict, Invalid, NotFound
from talktime.core.values.frozen import frozen
from talktime.core.values.money import AMOUNT_MAX_MICROS, format_micros
from talktime.core.values.places import read_country, read_currency
from talktime.store.transaction import Transaction
from talktime.usecases.organizations.manage_organizations import LookAt, find_organization, lock_organization

NUMBER_CHARACTERS_MAX = 50


@frozen
class AddAgreement:
    """An agreement as it was signed; without a currency, the organization's. None: without a limit, without an end."""

    organization: str
    number: str
    billing_country: str
    terms: AgreementTerms
    currency: str = ""
    limit_micros: int | None = None
    ends_at: datetime | None = None


@frozen
class ChangeAgreement:
    """What is to change of an agreement; None stays as it is."""

    organization: str
    number: str
    terms: AgreementTerms | None = None
    limit_micros: int | None = None
    ends_at: datetime | None = None
    is_active: bool | None = None


@frozen
class LimitPurchaseOrder:
    """What one purchase order of an agreement lets be bought, tax included, and until when."""

    organization: str
    agreement_number: str
    purchase_order: str
    limit_micros: int | None = None
    ends_at: datetime | None = None


@frozen
class AgreementShown:
    """An agreement, and the purchase orders that are known of it."""

    agreement: Agreement
    purchase_orders: tuple[PurchaseOrder, ...] = ()


@frozen
class AgreementsShown:
    """The agreements of an organization."""

    organization: Organization
    at: datetime
    agreements: tuple[AgreementShown, ...]


def list_agreements(tx: Transaction, request: LookAt) -> AgreementsShown:
    """Return the agreements of an organization; raise NotFound."""
    organization = find_organization(tx, request.name)
    found = tx.agreements.agreements(organization.organization_id)
    return AgreementsShown(organization, request.at, tuple(_shown(tx, agreement) for agreement in found))


def add_agreement(tx: Transaction, request: AddAgreement) -> AgreementShown:
    """Register an agreement; raise Invalid, or Conflict where its number is registered already."""
    organization = lock_organization(tx, request.organization)
    number = _number(request.number, "an agreement")
    if tx.agreements.agreement(organization.organization_id, number) is not None:
        message = f"agreement {number} is registered already: `talktime agreements change` changes it"
        raise Conflict(message, code="agreement_exists")
    agreement = Agreement(
        organization.organization_id,
        number,
        read_country(request.billing_country),
        read_currency(request.currency) if request.currency else organization.currency,
        request.terms,
        _limit(request.limit_micros, 0),
        ends_at=request.ends_at,
    )
    tx.agreements.save(agreement)
    return AgreementShown(agreement)


def change_agreement(tx: Transaction, request: ChangeAgreement) -> AgreementShown:
    """Change an agreement from now on; raise NotFound, Invalid, or Conflict for a limit below what is used."""
    organization = lock_organization(tx, request.organization)
    known = _agreement(tx, organization, request.number)
    changed = replace(
        known,
        terms=known.terms if request.terms is None else request.terms,
        limit_micros=_limit(request.limit_micros, known.used_micros) or known.limit_micros,
        ends_at=request.ends_at or known.ends_at,
        is_active=known.is_active if request.is_active is None else request.is_active,
    )
    tx.agreements.save(changed)
    return _shown(tx, changed)


def limit_purchase_order(tx: Transaction, request: LimitPurchaseOrder) -> AgreementShown:
    """Say what a purchase order lets be bought; raise NotFound, or Conflict for a limit below what is used."""
    organization = lock_organization(tx, request.organization)
    agreement = _agreement(tx, organization, request.agreement_number)
    number = _number(request.purchase_order, "a purchase order")
    known = tx.agreements.purchase_order(organization.organization_id, agreement.number, number)
    known = known or PurchaseOrder(number)
    limit = _limit(request.limit_micros, known.used_micros)
    tx.agreements.save_purchase_order(agreement, replace(known, limit_micros=limit, ends_at=request.ends_at))
    return _shown(tx, agreement)


def _agreement(tx: Transaction, organization: Organization, number: str) -> Agreement:
    agreement = tx.agreements.agreement(organization.organization_id, number.strip())
    if agreement is None:
        message = f"{organization.name} has no agreement {number!r}: `talktime agreements` lists them"
        raise NotFound(message, code="agreement_not_found")
    return agreement


def _shown(tx: Transaction, agreement: Agreement) -> AgreementShown:
    orders = tx.agreements.purchase_orders(agreement.organization_id, agreement.number)
    return AgreementShown(agreement, tuple(orders))


def _number(text: str, what: str) -> str:
    number = text.strip()
    if not number or len(number) > NUMBER_CHARACTERS_MAX or not number.isprintable():
        message = f"{text!r} cannot number {what}: write 1 to {NUMBER_CHARACTERS_MAX} printable characters"
        raise Invalid(message, code="number")
    return number


def _limit(limit_micros: int | None, used_micros: int) -> int | None:
    if limit_micros is None:
        return None
    if not 0 < limit_micros <= AMOUNT_MAX_MICROS:
        message = f"a limit lies above 0 and within {format_micros(AMOUNT_MAX_MICROS)}; leave it away for none"
        raise Invalid(message, code="limit")
    if limit_micros < used_micros:
        message = f"{format_micros(used_micros)} is used already: the limit cannot be {format_micros(limit_micros)}"
        raise Conflict(message, code="limit_below_used")
    return limit_micros
