"""Who calls whom: users of 10,000 organizations, at home by included minutes and abroad from the credit."""

from random import Random
from typing import NamedTuple

from talktime.store.bench.cloning import mark_of

USERS_COUNT = 3
# Two area codes that are followed by eight digits, and one more.
_AREAS = ("4420", "4423", "4424")
# Numbers of one's own country that are reserved for fiction, then mobile numbers abroad, and how many digits follow.
_DOMESTIC = ("442079460", 3)
_ABROAD = (
    ("1212555", 4),
    ("1415555", 4),
    ("49151", 8),
    ("3361", 7),
    ("34612", 6),
    ("39347", 7),
    ("31612", 6),
    ("4670", 7),
    ("48601", 6),
    ("61412", 6),
    ("6598", 6),
    ("8190", 8),
    ("919810", 6),
    ("525512", 6),
    ("55119", 8),
    ("27821", 6),
)
# Of ten calls so many stay at home.
_DOMESTIC_OF_TEN = 3


class Pair(NamedTuple):
    """A caller and whom he calls, E.164 digits."""

    caller: str
    called: str


def caller_number(organization_id: int, user: int) -> str:
    """Return the number of an organization's user, counted from 0."""
    return _AREAS[user] + mark_of(organization_id)


def called_number(dice: Random) -> str:
    """Return a number that somebody calls: three of ten at home."""
    prefix, digits = _DOMESTIC if dice.randrange(10) < _DOMESTIC_OF_TEN else dice.choice(_ABROAD)
    return f"{prefix}{dice.randrange(10**digits):0{digits}d}"


def pairs(dice: Random, organizations_count: int, count: int) -> list[Pair]:
    """Return so many pairs, of organizations by chance."""
    return [
        Pair(caller_number(dice.randrange(organizations_count) + 1, dice.randrange(USERS_COUNT)), called_number(dice))
        for _ in range(count)
    ]
