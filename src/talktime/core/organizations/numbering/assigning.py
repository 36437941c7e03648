"""Who may answer which number: people user numbers; bridge, attendants and queues service numbers (domain.md 4.1)."""

from talktime.core.organizations.licenses import License, services_of
from talktime.core.organizations.users import AccountKind, NumberUse, User
from talktime.core.values.errors import Invalid


def check(number: str, use: NumberUse, target: User | None) -> None:
    """Raise Invalid where the target may not answer the number; None is the organization's conference bridge."""
    if use is NumberUse.USER:
        _check_person(number, target)
    elif target is not None:
        _check_resource_account(number, target)


def _check_person(number: str, target: User | None) -> None:
    if target is None or target.account is not AccountKind.PERSON:
        whom = "the conference bridge" if target is None else target.user_principal_name
        message = (
            f"+{number} is a user number, for a person; {whom} needs a toll or toll-free number (domain.md 4.1):"
            " `talktime numbers list` shows which are free"
        )
        raise Invalid(message, code="number_is_for_people")
    if License.PHONE_SYSTEM not in services_of(target.licenses):
        message = (
            f"{target.user_principal_name} has no Phone System license, without which no number can be answered"
            f" (domain.md 6.1): `talktime licenses assign {target.user_principal_name} --on phone-system`"
        )
        raise Invalid(message, code="phone_system_license_missing")


def _check_resource_account(number: str, target: User) -> None:
    if target.account is AccountKind.PERSON:
        message = (
            f"+{number} is a service number, for the conference bridge, an auto attendant or a call queue;"
            f" {target.user_principal_name} is a person and needs a user number (domain.md 4.1)"
        )
        raise Invalid(message, code="number_is_for_services")
    if License.RESOURCE_ACCOUNT not in services_of(target.licenses):
        message = (
            f"{target.user_principal_name} has no Resource Account license, which every resource account needs (D21):"
            f" `talktime licenses assign {target.user_principal_name} --on resource-account`"
        )
        raise Invalid(message, code="resource_account_license_missing")
