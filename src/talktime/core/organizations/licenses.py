"""The licenses that a user can have, and the services that each brings (domain.md 6.1, 6.2)."""

from enum import Flag
from functools import cache

from talktime.core.values.frozen import frozen


class License(Flag):
    """What a user was assigned; stored as a number, so the values stay."""

    # By identity: an Enum hashes its name, in Python, at every look into a table.
    __hash__ = object.__hash__

    PHONE_SYSTEM = 1
    AUDIO_CONFERENCING = 2
    # Opens the organization's balance to the user (S50 to S57).
    COMMUNICATIONS_CREDITS = 4
    PAY_PER_MINUTE_CONFERENCING = 8
    # Audio Conferencing whose included minutes reach the USA and Canada only.
    SELECT_DIAL_OUT = 16
    # Unlimited conference dial-out to the USA and Canada.
    EXTENDED_DIAL_OUT = 32
    RESOURCE_ACCOUNT = 64
    COMMON_AREA_PHONE = 128
    PHONE_WITH_CALLING_PLAN = 256
    DOMESTIC = 512
    DOMESTIC_AND_INTERNATIONAL = 1_024
    DOMESTIC_120 = 2_048
    DOMESTIC_240 = 4_096
    DOMESTIC_120_NOT_POOLED = 8_192
    PAY_AS_YOU_GO_1 = 16_384
    PAY_AS_YOU_GO_2 = 32_768
    PAY_AS_YOU_GO_MEXICO = 65_536
    E5 = 131_072
    E5_WITHOUT_CONFERENCING = 262_144
    E3 = 524_288
    E1 = 1_048_576


NO_LICENSE = License(0)

# Whoever has these may call and confer with anywhere, paid from the credit (S15).
CREDIT_LICENSES = License.PHONE_SYSTEM | License.AUDIO_CONFERENCING | License.COMMUNICATIONS_CREDITS
# Plans with included minutes, and those by which every outgoing call is paid (S11); a user has one at most.
MINUTE_PLANS = (
    License.DOMESTIC
    | License.DOMESTIC_AND_INTERNATIONAL
    | License.DOMESTIC_120
    | License.DOMESTIC_240
    | License.DOMESTIC_120_NOT_POOLED
)
CALLING_PLANS = MINUTE_PLANS | License.PAY_AS_YOU_GO_1 | License.PAY_AS_YOU_GO_2 | License.PAY_AS_YOU_GO_MEXICO
# Licenses by which somebody may lead a conference that telephones reach.
CONFERENCING_SUBSCRIPTIONS = License.AUDIO_CONFERENCING | License.SELECT_DIAL_OUT
CONFERENCING = CONFERENCING_SUBSCRIPTIONS | License.PAY_PER_MINUTE_CONFERENCING

_BUNDLES = {
    License.E5: License.PHONE_SYSTEM | License.AUDIO_CONFERENCING,
    License.E5_WITHOUT_CONFERENCING: License.PHONE_SYSTEM,
    License.PHONE_WITH_CALLING_PLAN: License.PHONE_SYSTEM | License.DOMESTIC,
    License.COMMON_AREA_PHONE: License.PHONE_SYSTEM,
}


@cache
def services_of(held: License) -> License:
    """Return the licenses with what their bundles bring: E5 includes Phone System and Audio Conferencing (D8)."""
    services = held
    for bundle, brought in _BUNDLES.items():
        if bundle in held:
            services |= brought
    return services


@cache
def bringing(service: License) -> tuple[License, ...]:
    """Return every license by which a user has the service, itself first."""
    return (service, *(bundle for bundle, brought in _BUNDLES.items() if service & brought))


@frozen
class Rights:
    """What licenses let their holder do, bundles opened: looked at when a phone rings."""

    has_phone_system: bool
    has_calling_plan: bool
    # The plan whose minutes are used; nobody is assigned two, and who had them all the same would use the widest.
    minute_plan: License | None
    has_conferencing: bool
    is_conferencing_subscriber: bool
    # The subscription reaches the whole Zone A, and not the USA and Canada only.
    reaches_zone_a: bool
    pays_conferences_by_minute: bool
    has_extended_dial_out: bool
    is_resource_account: bool
    has_credits: bool


_WIDEST_FIRST = (
    License.DOMESTIC_AND_INTERNATIONAL,
    License.DOMESTIC,
    License.DOMESTIC_240,
    License.DOMESTIC_120,
    License.DOMESTIC_120_NOT_POOLED,
)


@cache
def rights_of(held: License) -> Rights:
    """Return what the licenses of a user let him do."""
    services = services_of(held)
    is_subscriber = bool(services & CONFERENCING_SUBSCRIPTIONS)
    return Rights(
        has_phone_system=License.PHONE_SYSTEM in services,
        has_calling_plan=bool(services & CALLING_PLANS),
        minute_plan=next((plan for plan in _WIDEST_FIRST if plan in services), None),
        has_conferencing=bool(services & CONFERENCING),
        is_conferencing_subscriber=is_subscriber,
        reaches_zone_a=License.AUDIO_CONFERENCING in services,
        pays_conferences_by_minute=License.PAY_PER_MINUTE_CONFERENCING in services and not is_subscriber,
        has_extended_dial_out=License.EXTENDED_DIAL_OUT in services,
        is_resource_account=License.RESOURCE_ACCOUNT in services,
        has_credits=License.COMMUNICATIONS_CREDITS in services,
    )
