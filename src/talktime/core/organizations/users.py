"""People of an organization, their licenses, and the numbers and names by which calls find them."""

from enum import Enum, Flag

from talktime.core.organizations.licenses import NO_LICENSE, License
from talktime.core.values.frozen import frozen


class Role(Flag):
    """What a person may do for an organization (domain.md 6.5); stored as a number, so the values stay."""

    GLOBAL_ADMIN = 1
    BILLING_ADMIN = 2
    LICENSE_ADMIN = 4
    USER_ADMIN = 8
    TEAMS_ADMIN = 16
    COMMUNICATIONS_ADMIN = 32
    SUPPORT_ENGINEER = 64
    SUPPORT_SPECIALIST = 128
    REPORT_READER = 256
    GLOBAL_READER = 512


NO_ROLE = Role(0)


class AccountKind(Enum):
    """A person, or the account by which an auto attendant or a call queue is reached and calls out (domain.md 4.5)."""

    PERSON = "person"
    AUTO_ATTENDANT = "auto_attendant"
    CALL_QUEUE = "call_queue"


@frozen
class User:
    """Who calls and is licensed; `usage_location` is the ISO 3166 country that rules domestic and international."""

    organization_id: int
    user_id: int
    user_principal_name: str
    display_name: str
    usage_location: str
    licenses: License = NO_LICENSE
    department: str = ""
    roles: Role = NO_ROLE
    # A tag of `languages.LANGUAGES`; empty where nobody chose one: then it is the organization's.
    language: str = ""
    account: AccountKind = AccountKind.PERSON
    # One of `policies.POLICIES`; empty where the organization's holds.
    dialout_policy: str = ""
    # Why this account may not call out, as whoever blocked it wrote; empty where it may.
    block_reason: str = ""
    # Where it may not, callers reach this organizer's conferences by toll numbers only (domain.md 3).
    is_toll_free_dial_in_allowed: bool = True


class NumberUse(Enum):
    """What a number of ours is for (domain.md 4.1)."""

    USER = "user"
    TOLL = "toll"
    TOLL_FREE = "toll_free"


@frozen
class Identity:
    """What a switch may name, a number, an extension or a user principal name, and whose it is."""

    organization_id: int
    use: NumberUse
    user: User | None
