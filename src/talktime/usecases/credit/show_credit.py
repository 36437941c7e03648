"""What an organization can spend, what of it is promised, and what is lost when."""

from dataclasses import replace
from datetime import datetime

from talktime.core.credit import as_of, expiring
from talktime.core.credit.as_of import Basis
from talktime.core.credit.lots import Credit
from talktime.core.organizations.organizations import Organization
from talktime.core.values.frozen import frozen
from talktime.store.transaction import Transaction
from talktime.usecases.organizations.manage_organizations import LookAt, find_organization


@frozen
class Expiry:
    """What is forfeited at an instant, unless it is spent before."""

    at: datetime
    amount_micros: int


@frozen
class CreditShown:
    """The credit of an organization, judged at an instant; a purchase's reference by its lot."""

    organization: Organization
    at: datetime
    credit: Credit
    references: dict[int, str]
    basis: Basis = Basis.NOW

    @property
    def available_micros(self) -> int:
        """Return what a new call can be promised."""
        return self.credit.available_micros(self.at)

    @property
    def lapsed_micros(self) -> int:
        """Return what can no longer be spent because its lot has expired, and is not booked as lost yet."""
        return sum(lot.remaining_micros - lot.held_micros for lot in self.credit.lots if self.at >= lot.expires_at)

    @property
    def next_expiry(self) -> Expiry | None:
        """Return the next instant at which available credit is forfeited, and how much."""
        ahead = [
            (lot.expires_at, available) for lot in self.credit.lots if (available := lot.available_micros(self.at))
        ]
        if not ahead:
            return None
        soonest = min(expires_at for expires_at, _ in ahead)
        return Expiry(soonest, sum(available for expires_at, available in ahead if expires_at == soonest))


@frozen
class LookAtDate:
    """One organization, by name or the only one there is; its credit as of `at`, asked at `now`."""

    name: str
    at: datetime
    now: datetime


def show_credit_at(tx: Transaction, request: LookAtDate) -> CreditShown:
    """Return the credit as of any instant: past by the journal, to come by known expiries; raise NotFound."""
    shown = show_credit(tx, LookAt(request.name, request.at))
    basis = as_of.basis_of(request.at, request.now)
    credit = shown.credit
    if basis is Basis.JOURNAL:
        credit = as_of.as_of(credit, tx.lot_life.moved(shown.organization.organization_id, request.at))
    elif basis is Basis.EXPIRIES:
        credit = expiring.expected(credit, request.at)
    return replace(shown, credit=credit, basis=basis)


def show_credit(tx: Transaction, request: LookAt) -> CreditShown:
    """Return all lots of an organization; raise NotFound."""
    organization = find_organization(tx, request.name)
    credit = tx.credit.credit(organization.organization_id)
    references = tx.credit.references(organization.organization_id)
    return CreditShown(organization, request.at, credit, references)
