"""Which licenses and which money each feature needs, and what a user lacks for it (S58, domain.md 6.1)."""

from enum import Enum

from talktime.core.organizations.licenses import (
    CALLING_PLANS,
    CONFERENCING,
    CONFERENCING_SUBSCRIPTIONS,
    MINUTE_PLANS,
    NO_LICENSE,
    License,
    services_of,
)
from talktime.core.organizations.organizations import BillingMode
from talktime.core.organizations.users import AccountKind
from talktime.core.values.frozen import frozen

_PAY_AS_YOU_GO = CALLING_PLANS & ~MINUTE_PLANS


class CreditNeed(Enum):
    """What a feature asks of the organization's credit; overage that is on answers it after use (S41)."""

    NOTHING = "nothing"
    # Set up, and above zero.
    BALANCE = "balance"


class LicensedOn(Enum):
    """Who needs the Communications Credits license, where the organization pays before use."""

    NOBODY = "nobody"
    USER = "user"
    ORGANIZER = "organizer"


class Holders(Enum):
    """Whose feature it is: a person's, or an auto attendant's and call queue's."""

    PEOPLE = "people"
    VOICE_APPS = "voice_apps"


@frozen
class Way:
    """One way to a feature: of each group of licenses any one, then money; the groups are all needed."""

    licenses: tuple[License, ...]
    credit: CreditNeed = CreditNeed.NOTHING
    credits_license: LicensedOn = LicensedOn.NOBODY
    # Asked where calls come from a carrier that sells plans.
    plan: License = NO_LICENSE
    # Whoever has one of these has another way.
    without: License = NO_LICENSE


@frozen
class Feature:
    """Something that a user can do, and the ways to it, the usual one first."""

    key: str
    name: str
    ways: tuple[Way, ...]
    holders: Holders = Holders.PEOPLE


# These stand often below; a subscription is asked first, and pays otherwise than by the minute (D6).
_PAID_BY_USER = (CreditNeed.BALANCE, LicensedOn.USER)
_PAID_BY_ORGANIZER = (CreditNeed.BALANCE, LicensedOn.ORGANIZER)
_PAID_BY_MINUTE = Way((License.PAY_PER_MINUTE_CONFERENCING,), CreditNeed.BALANCE, without=CONFERENCING_SUBSCRIPTIONS)

FEATURES: tuple[Feature, ...] = (
    Feature("phone_system", "Transfer, forward and park calls; voicemail", (Way((License.PHONE_SYSTEM,)),)),
    Feature(
        "domestic_calls_included",
        "Call the own country by included minutes",
        (Way((License.PHONE_SYSTEM, MINUTE_PLANS)),),
    ),
    Feature(
        "international_calls_included",
        "Call abroad by included minutes",
        (Way((License.PHONE_SYSTEM, License.DOMESTIC_AND_INTERNATIONAL)),),
    ),
    Feature(
        "calls_paid",
        "Call beyond the included minutes, or abroad",
        (Way((License.PHONE_SYSTEM,), *_PAID_BY_USER, plan=CALLING_PLANS),),
    ),
    Feature(
        "pay_as_you_go_calls",
        "Call by a Pay-As-You-Go plan",
        (Way((License.PHONE_SYSTEM, _PAY_AS_YOU_GO), *_PAID_BY_USER),),
    ),
    Feature(
        "conference_dial_in",
        "Conference: join by a toll number",
        (Way((CONFERENCING_SUBSCRIPTIONS,)), _PAID_BY_MINUTE),
    ),
    Feature(
        "conference_toll_free_dial_in",
        "Conference: join by a toll-free number",
        (Way((CONFERENCING,), CreditNeed.BALANCE),),
    ),
    Feature(
        "conference_dial_out_zone_a",
        "Conference: call Zone A by included minutes",
        (Way((License.AUDIO_CONFERENCING,)),),
    ),
    Feature(
        "conference_dial_out_north_america",
        "Conference: call USA and Canada by included minutes",
        (Way((CONFERENCING_SUBSCRIPTIONS,)),),
    ),
    Feature(
        "conference_dial_out_paid",
        "Conference: call elsewhere, or beyond these minutes",
        (Way((CONFERENCING_SUBSCRIPTIONS,), *_PAID_BY_ORGANIZER), _PAID_BY_MINUTE),
    ),
    Feature(
        "conference_dial_out_unlimited",
        "Conference: call USA and Canada without limit",
        (Way((CONFERENCING, License.EXTENDED_DIAL_OUT)),),
    ),
    Feature(
        "voice_app",
        "Attendant or queue: answer a toll number",
        (Way((License.RESOURCE_ACCOUNT,)),),
        Holders.VOICE_APPS,
    ),
    Feature(
        "voice_app_toll_free",
        "Attendant or queue: answer a toll-free number",
        (Way((License.RESOURCE_ACCOUNT,), CreditNeed.BALANCE),),
        Holders.VOICE_APPS,
    ),
    Feature(
        "voice_app_calls",
        "Attendant or queue: call out",
        (
            Way((License.RESOURCE_ACCOUNT, MINUTE_PLANS)),
            Way((License.RESOURCE_ACCOUNT,), CreditNeed.BALANCE),
        ),
        Holders.VOICE_APPS,
    ),
)


@frozen
class Funding:
    """What an organization has done about money, as far as features ask."""

    mode: BillingMode
    has_credit_set_up: bool
    # Available credit is above zero: S4 asks for more than nothing.
    has_balance: bool
    is_overage_on: bool = False
    is_calling_plan_required: bool = False


class MoneyGap(Enum):
    """What is missing of the organization's money."""

    NONE = "none"
    CREDIT_NOT_SET_UP = "credit_not_set_up"
    NO_BALANCE = "no_balance"
    OVERAGE_OFF = "overage_off"


@frozen
class FeatureState:
    """Whether a user has a feature, and what of its nearest way is missing: of each group any one license."""

    feature: Feature
    missing_licenses: tuple[License, ...]
    missing_money: MoneyGap

    @property
    def is_given(self) -> bool:
        """Tell whether nothing is missing."""
        return not self.missing_licenses and self.missing_money is MoneyGap.NONE


def features_of(held: License, account: AccountKind, funding: Funding) -> tuple[FeatureState, ...]:
    """Return each feature that such an account can have, and what it lacks for it."""
    holders = Holders.PEOPLE if account is AccountKind.PERSON else Holders.VOICE_APPS
    services = services_of(held)
    return tuple(_nearest(feature, services, funding) for feature in FEATURES if feature.holders is holders)


def _nearest(feature: Feature, services: License, funding: Funding) -> FeatureState:
    """The way of which the least is missing; licenses weigh more than money, which is everybody's."""
    states = [
        FeatureState(feature, _missing_licenses(way, services, funding), _missing_money(way, funding))
        for way in feature.ways
        if not way.without & services
    ]
    return min(states, key=lambda state: (len(state.missing_licenses), state.missing_money is not MoneyGap.NONE))


def _missing_licenses(way: Way, services: License, funding: Funding) -> tuple[License, ...]:
    groups = list(way.licenses)
    if way.plan and funding.is_calling_plan_required:
        groups.append(way.plan)
    if way.credits_license is not LicensedOn.NOBODY and funding.mode is BillingMode.PREPAID:
        groups.append(License.COMMUNICATIONS_CREDITS)
    return tuple(group for group in groups if not group & services)


def _missing_money(way: Way, funding: Funding) -> MoneyGap:
    if way.credit is CreditNeed.NOTHING:
        return MoneyGap.NONE
    if funding.mode is BillingMode.POSTPAID:
        # What credit was left at the change of mode is used up first.
        is_paid = funding.is_overage_on or funding.has_balance
        return MoneyGap.NONE if is_paid else MoneyGap.OVERAGE_OFF
    if not funding.has_credit_set_up:
        return MoneyGap.CREDIT_NOT_SET_UP
    return MoneyGap.NONE if funding.has_balance else MoneyGap.NO_BALANCE
