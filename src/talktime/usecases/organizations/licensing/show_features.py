"""Tell what a user's licenses let him do, and what he lacks for the rest (S58)."""

from datetime import datetime

from talktime.core.organizations.licensing.features import FeatureState, Funding, features_of
from talktime.core.organizations.users import User
from talktime.core.values.errors import NotFound
from talktime.core.values.frozen import frozen
from talktime.store.transaction import Transaction
from talktime.usecases.organizations.manage_organizations import find_organization


@frozen
class ShowFeatures:
    """Whose features are asked, and the instant whose balance counts."""

    organization: str
    user_principal_name: str
    at: datetime


@frozen
class UserFeatures:
    """A user and each feature that such an account can have."""

    organization: str
    user: User
    features: tuple[FeatureState, ...]


def show_features(tx: Transaction, request: ShowFeatures) -> UserFeatures:
    """Return a user's features; raise NotFound for nobody."""
    organization = find_organization(tx, request.organization)
    name = request.user_principal_name.strip().lower()
    user = next(iter(tx.organizations.people_named(organization.organization_id, [name])), None)
    if user is None:
        message = (
            f"{organization.name} has no user {request.user_principal_name!r}: `talktime users list` shows who is there"
        )
        raise NotFound(message, code="user_not_found")
    arrangements = tx.arrangements.of(organization.organization_id)
    available_micros = tx.credit.credit(organization.organization_id).available_micros(request.at)
    funding = Funding(
        organization.mode,
        organization.has_credit_set_up,
        has_balance=available_micros > 0,
        is_overage_on=arrangements.overage.is_on,
        is_calling_plan_required=arrangements.is_calling_plan_required,
    )
    return UserFeatures(organization.name, user, features_of(user.licenses, user.account, funding))
