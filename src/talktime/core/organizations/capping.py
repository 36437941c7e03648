"""Caps on what calls may cost in a month: set, removed, and from when on they count.

A meter counts only while its cap is there. So a cap that is new in a month begins with what the month has cost before.
"""

from collections.abc import Iterable
from dataclasses import replace
from enum import Enum
from typing import NamedTuple, TypeVar

from talktime.core.organizations.arrangements import Caps
from talktime.core.values.errors import Invalid, NotFound
from talktime.core.values.frozen import frozen
from talktime.core.values.money import AMOUNT_MAX_MICROS, format_micros

KeyT = TypeVar("KeyT")


class CapKind(Enum):
    """For whom a cap is."""

    EACH_USER = "each_user"
    USER = "user"
    DEPARTMENT = "department"


@frozen
class CapTarget:
    """One user by his id, one department by its name, or every user who has no cap of his own."""

    kind: CapKind
    user_id: int = 0
    department: str = ""


class Begun(NamedTuple):
    """What a meter has used when it begins; `before_micros` of it by calls that do not name it."""

    used_micros: int
    before_micros: int


EACH_USER = CapTarget(CapKind.EACH_USER)


def cap_of(caps: Caps, target: CapTarget) -> int | None:
    """Return the cap that was set for exactly this target; None where there is none."""
    match target.kind:
        case CapKind.EACH_USER:
            return caps.each_user_micros
        case CapKind.USER:
            return caps.by_user_micros.get(target.user_id)
        case CapKind.DEPARTMENT:  # pragma: no branch -- there is no other kind
            return caps.by_department_micros.get(target.department)


def with_cap(caps: Caps, target: CapTarget, micros: int | None) -> Caps:
    """Return the caps with one set, or removed by None; raise Invalid for no amount, NotFound where none is there."""
    if micros is None and cap_of(caps, target) is None:
        raise NotFound("there is no such cap to remove; `talktime caps` shows which there are", code="cap_not_found")
    if micros is not None and not 0 <= micros <= AMOUNT_MAX_MICROS:
        message = (
            f"{format_micros(micros)} is no cap: write an amount between 0, which forbids all calls that cost money,"
            f" and {format_micros(AMOUNT_MAX_MICROS)}"
        )
        raise Invalid(message, code="amount")
    match target.kind:
        case CapKind.EACH_USER:
            return replace(caps, each_user_micros=micros)
        case CapKind.USER:
            return replace(caps, by_user_micros=_with(caps.by_user_micros.items(), target.user_id, micros))
        case CapKind.DEPARTMENT:  # pragma: no branch -- there is no other kind
            own = _with(caps.by_department_micros.items(), target.department, micros)
            return replace(caps, by_department_micros=own)


def begins_to_count_user(before: Caps, after: Caps, user_id: int) -> bool:
    """Tell whether a change of caps makes a user's meter begin."""
    return before.of_user(user_id) is None and after.of_user(user_id) is not None


def begins_to_count_department(before: Caps, after: Caps, department: str) -> bool:
    """Tell whether a change of caps makes a department's meter begin."""
    return department in after.by_department_micros and department not in before.by_department_micros


def begun(cost_micros: int, used_micros: int, before_micros: int) -> Begun:
    """Return with what a meter begins when calls have cost so much in its month.

    It may have counted before, in the same month, and have been given up: what it counted then is never less.
    """
    counted_micros = used_micros - before_micros
    before_micros = max(0, cost_micros - counted_micros)
    return Begun(counted_micros + before_micros, before_micros)


def _with(items: Iterable[tuple[KeyT, int]], key: KeyT, micros: int | None) -> dict[KeyT, int]:
    kept = {known: amount for known, amount in items if known != key}
    return kept if micros is None else {**kept, key: micros}
