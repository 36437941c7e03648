"""Which licenses the demo's people have: bought and assigned as an admin does it, for a reason each."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from talktime.bootstrap import App
from talktime.core.organizations.licenses import NO_LICENSE, License
from talktime.core.organizations.licensing.products import product_of
from talktime.samples import people
from talktime.samples.people import SampleUser, sample_users
from talktime.usecases.organizations.licensing.assign_licenses import AssignLicenses, assign_licenses
from talktime.usecases.organizations.licensing.buy_licenses import BuyLicenses, buy_licenses

# Who has no Communications Credits: when his minutes are gone, nothing pays for his calls.
WITHOUT_CREDITS = f"jean-luc.tremblay@{people.DOMAIN}"
# Whose shared minutes the story follows: too few for a month.
FOLLOWED = License.DOMESTIC_120


class Plan(NamedTuple):
    """A license, and who has it, by user principal name."""

    license: License
    holders: tuple[str, ...]


def plans() -> tuple[Plan, ...]:
    """Return what is bought: too little for a department, plenty for some, and for one person minutes of his own."""
    return (
        Plan(FOLLOWED, tuple(user.user_principal_name for user in sample_users() if _is_american_operator(user))),
        Plan(License.DOMESTIC, _named("yuki.tanaka", "carlos.mendoza")),
        Plan(License.DOMESTIC_AND_INTERNATIONAL, _named("sergei.kuznetsov", "mateus.carvalho")),
        Plan(License.DOMESTIC_120_NOT_POOLED, (WITHOUT_CREDITS,)),
        Plan(
            License.AUDIO_CONFERENCING,
            _named("emma.lindqvist", "henrik.solberg", "arjun.mehta", "siobhan.obrien", "priya.raman", "noah.abramson"),
        ),
    )


def organizers() -> tuple[str, ...]:
    """Return the numbers of whoever may lead a conference that dials out."""
    leading = next(plan.holders for plan in plans() if plan.license is License.AUDIO_CONFERENCING)
    return tuple(user.number for user in sample_users() if user.user_principal_name in leading)


def license_people(talktime: App, at: datetime) -> str:
    """Buy as many of each license as are then assigned; say what."""
    bought = plans()
    for plan in bought:
        talktime.run(buy_licenses, BuyLicenses(people.ORGANIZATION_NAME, plan.license, len(plan.holders), at))
        assigned = talktime.run(
            assign_licenses, AssignLicenses(people.ORGANIZATION_NAME, plan.holders, plan.license, NO_LICENSE, at)
        )
        assert assigned.is_saved, "our own people can have these licenses"
    return _counted(bought)


def short_name(license_: License) -> str:
    """Return the license's name without what all plans are called."""
    return " ".join(product_of(license_).name.replace("Calling Plan", "").split())


def _counted(bought: Sequence[Plan]) -> str:
    return ", ".join(f"{len(plan.holders)} × {short_name(plan.license)}" for plan in bought)


def _is_american_operator(user: SampleUser) -> bool:
    return user.department == "Operations" and user.usage_location != "CA"


def _named(*local_parts: str) -> tuple[str, ...]:
    return tuple(f"{local_part}@{people.DOMAIN}" for local_part in local_parts)
