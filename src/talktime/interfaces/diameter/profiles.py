"""What clients need that the RFC leaves open, or that they do in their own way: one frozen value for each kind."""

from collections.abc import Mapping
from dataclasses import replace

from talktime.core.values.errors import Invalid
from talktime.core.values.frozen import frozen


@frozen
class ClientProfile:
    """How to treat a client."""

    name: str
    # Refuse what a CCR must have and has not, or has twice (RFC 8506 §3.1). Else what is not needed is not looked at:
    # Kamailio 5.6 sends Origin-Host twice and no Auth-Application-Id.
    is_strict: bool = False
    # Tell of calls that cost nothing by 4011, without units, instead of granting a whole day.
    frees_by_result_code: bool = False
    # The rating group that is the call's clock, where it is known: a picture that joins later has another.
    voice_rating_group: int | None = None
    # Whoever says which group is the voice's wants no other to count, also where a message has others only.
    counts_voice_only: bool = False


KAMAILIO_5_6 = ClientProfile("kamailio-5.6", voice_rating_group=100)
RFC_8506 = ClientProfile("rfc8506", is_strict=True, frees_by_result_code=True)

PROFILES: Mapping[str, ClientProfile] = {profile.name: profile for profile in (KAMAILIO_5_6, RFC_8506)}
DEFAULT = KAMAILIO_5_6


def read_profiles(text: str) -> Mapping[str, ClientProfile]:
    """Read `host=profile, host=profile/voice_rating_group` into profiles by Origin-Host; raise Invalid."""
    profiles: dict[str, ClientProfile] = {}
    for entry in filter(None, (part.strip() for part in text.split(","))):
        host, equals, name = (part.strip() for part in entry.partition("="))
        profile = _profile(name)
        if not (host and equals) or profile is None:
            message = f"TALKTIME_DIAMETER_PROFILES: {entry!r} is no host=profile; profiles are {', '.join(PROFILES)}"
            raise Invalid(message, code="settings")
        profiles[host.lower()] = profile
    return profiles


def _profile(text: str) -> ClientProfile | None:
    name, slash, group = text.partition("/")
    profile = PROFILES.get(name)
    if profile is None or not slash:
        return profile
    if not (group.isascii() and group.isdigit()):
        return None
    return replace(profile, voice_rating_group=int(group), counts_voice_only=True)
