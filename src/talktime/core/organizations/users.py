"""People of an organization, their licenses, and the numbers and names by which calls find them."""

from dataclasses import dataclass
from enum import Enum, Flag, auto


class License(Flag):
    """What a user was assigned; Communications Credits opens the shared balance to him (S50 to S57)."""

    PHONE_SYSTEM = auto()
    AUDIO_CONFERENCING = auto()
    COMMUNICATIONS_CREDITS = auto()


NO_LICENSE = License(0)


@dataclass(frozen=True, slots=True)
class User:
    """A person who calls; `usage_location` is the ISO 3166 country that rules domestic and international."""

    organization_id: int
    user_id: int
    user_principal_name: str
    display_name: str
    usage_location: str
    licenses: License = NO_LICENSE
    department: str = ""


class NumberUse(Enum):
    """What a number of ours is for (domain.md 4.1)."""

    USER = "user"
    TOLL = "toll"
    TOLL_FREE = "toll_free"


@dataclass(frozen=True, slots=True)
class Identity:
    """What a switch may name, a number, an extension or a user principal name, and whose it is."""

    organization_id: int
    use: NumberUse
    user: User | None
