"""The twelve dial-out policies: where conferences and people may call, fixed and known by name (domain.md 5)."""

from enum import Enum

from talktime.core.values.errors import Invalid
from talktime.core.values.frozen import frozen

_TAG = "tag:"


class ConferenceReach(Enum):
    """Where a conference may dial out to; its organizer's policy decides."""

    ANYWHERE = "anywhere"
    ZONE_A = "zone_a"
    OWN_COUNTRY = "own_country"
    NOWHERE = "nowhere"


class PhoneReach(Enum):
    """Where a person may call from the phone."""

    ANYWHERE = "anywhere"
    OWN_COUNTRY = "own_country"
    NOWHERE = "nowhere"


@frozen
class DialOutPolicy:
    """Both halves of a policy; emergency numbers are allowed by every one."""

    name: str
    conferences: ConferenceReach
    phones: PhoneReach


POLICIES: dict[str, DialOutPolicy] = {
    name: DialOutPolicy(name, conferences, phones)
    for name, conferences, phones in (
        ("DialoutCPCandPSTNInternational", ConferenceReach.ANYWHERE, PhoneReach.ANYWHERE),
        ("DialoutCPCDomesticPSTNInternational", ConferenceReach.OWN_COUNTRY, PhoneReach.ANYWHERE),
        ("DialoutCPCDisabledPSTNInternational", ConferenceReach.NOWHERE, PhoneReach.ANYWHERE),
        ("DialoutCPCInternationalPSTNDomestic", ConferenceReach.ANYWHERE, PhoneReach.OWN_COUNTRY),
        ("DialoutCPCInternationalPSTNDisabled", ConferenceReach.ANYWHERE, PhoneReach.NOWHERE),
        ("DialoutCPCandPSTNDomestic", ConferenceReach.OWN_COUNTRY, PhoneReach.OWN_COUNTRY),
        ("DialoutCPCDomesticPSTNDisabled", ConferenceReach.OWN_COUNTRY, PhoneReach.NOWHERE),
        ("DialoutCPCDisabledPSTNDomestic", ConferenceReach.NOWHERE, PhoneReach.OWN_COUNTRY),
        ("DialoutCPCandPSTNDisabled", ConferenceReach.NOWHERE, PhoneReach.NOWHERE),
        ("DialoutCPCZoneAPSTNInternational", ConferenceReach.ZONE_A, PhoneReach.ANYWHERE),
        ("DialoutCPCZoneAPSTNDomestic", ConferenceReach.ZONE_A, PhoneReach.OWN_COUNTRY),
        ("DialoutCPCZoneAPSTNDisabled", ConferenceReach.ZONE_A, PhoneReach.NOWHERE),
    )
}
ANYWHERE = POLICIES["DialoutCPCandPSTNInternational"]


# What holds where a stored name is none that there is: nobody calls out by a policy that nobody can read.
NOWHERE = POLICIES["DialoutCPCandPSTNDisabled"]


def policy_named(name: str) -> DialOutPolicy:
    """Return the policy of a stored name; one that is unknown allows nothing but calls for help."""
    return POLICIES.get(name, NOWHERE)


def read_policy(text: str) -> DialOutPolicy:
    """Return the policy of a name, with or without its `tag:`, in any case; raise Invalid."""
    name = text.strip()
    name = name[len(_TAG) :] if name.lower().startswith(_TAG) else name
    for policy in POLICIES.values():
        if policy.name.lower() == name.lower():
            return policy
    message = f"{text!r} is no dial-out policy; there are: {', '.join(POLICIES)}"
    raise Invalid(message, code="dialout_policy")
