"""How many numbers an organization may have, by its licenses; those that it brought do not count (domain.md 4.2)."""

from bisect import bisect_right

from talktime.core.organizations.arrangements import Arrangements
from talktime.core.organizations.licenses import CALLING_PLANS, MINUTE_PLANS, License, services_of
from talktime.core.organizations.users import NumberUse

EXTRA_USER_NUMBERS = 10
PAY_AS_YOU_GO = CALLING_PLANS & ~MINUTE_PLANS
# Licenses from which on there are so many toll numbers, and as many toll-free ones.
_SERVICE_NUMBERS = (
    (1, 5),
    (26, 10),
    (50, 20),
    (100, 30),
    (150, 40),
    (200, 65),
    (500, 90),
    (750, 110),
    (1_000, 125),
    (1_250, 135),
    (1_500, 160),
    (2_000, 210),
    (3_000, 420),
    (7_000, 500),
    (10_000, 600),
    (15_000, 700),
    (20_000, 1_000),
    (50_000, 1_500),
)
_FROM_LICENSES = tuple(licenses for licenses, _ in _SERVICE_NUMBERS)


def quota(use: NumberUse, arrangements: Arrangements) -> int:
    """Return how many numbers of a use the licenses allow."""
    if use is NumberUse.USER:
        return user_numbers(licenses_of(arrangements, MINUTE_PLANS), licenses_of(arrangements, PAY_AS_YOU_GO))
    numbers = service_numbers(service_licenses(arrangements))
    # The free conferencing with dial-out to the USA and Canada brings one, however many there are of it.
    is_extra = use is NumberUse.TOLL and licenses_of(arrangements, License.SELECT_DIAL_OUT) > 0
    return numbers + 1 if is_extra else numbers


def user_numbers(plans: int, pay_as_you_go: int) -> int:
    """Return plans × 1.1 + 10, rounded down, and one for each pay-as-you-go license: 30 and 20 give 63."""
    return plans * 11 // 10 + EXTRA_USER_NUMBERS + pay_as_you_go


def service_numbers(licenses: int) -> int:
    """Return how many toll numbers, and as many toll-free ones, so many licenses allow: 51 give 20."""
    place = bisect_right(_FROM_LICENSES, licenses)
    return _SERVICE_NUMBERS[place - 1][1] if place else 0


def service_licenses(arrangements: Arrangements) -> int:
    """Count Phone System and Audio Conferencing licenses; one E5 holds both, and counts for both."""
    conferencing = License.AUDIO_CONFERENCING | License.PAY_PER_MINUTE_CONFERENCING
    return licenses_of(arrangements, License.PHONE_SYSTEM) + licenses_of(arrangements, conferencing)


def licenses_of(arrangements: Arrangements, services: License) -> int:
    """Count the licenses that bring one of the services: those bought, or those assigned where these are more."""
    assigned: dict[License, int] = {}
    for (license_, _), users_count in arrangements.assigned.items():
        assigned[license_] = assigned.get(license_, 0) + users_count
    return sum(
        max(arrangements.purchased.get(license_, 0), assigned.get(license_, 0))
        for license_ in {*arrangements.purchased, *assigned}
        if services_of(license_) & services
    )
