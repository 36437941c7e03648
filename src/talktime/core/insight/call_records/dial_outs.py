"""The dial-out usage of conferences: what each organizer's meetings called, at home and abroad (domain.md 7.10)."""

from collections.abc import Iterable
from typing import NamedTuple

from talktime.core.organizations.country_table import is_own_country
from talktime.core.values import numbers
from talktime.core.values.frozen import frozen


@frozen
class CalledByMeetings:
    """What the meetings of an organizer called at one number, in one currency; names are those of today."""

    user_id: int | None
    user_principal_name: str
    display_name: str
    usage_location: str
    called: str
    currency: str
    calls_count: int
    used_seconds: int
    cost_micros: int


class DialOutKey(NamedTuple):
    """A line of the report, and its place: whose, from where, domestic or international, in which currency."""

    user_id: int
    usage_location: str
    context: str
    currency: str


@frozen
class DialOutLine:
    """What an organizer's meetings called; `user_id` of its key is 0 where the organizer is not known any more."""

    key: DialOutKey
    user_principal_name: str
    display_name: str
    calls_count: int
    used_seconds: int
    cost_micros: int


def dial_outs(called: Iterable[CalledByMeetings], country: str) -> list[DialOutLine]:
    """Add numbers up to lines, in the order of their keys; who has no usage location is where the organization is."""
    lines: dict[DialOutKey, DialOutLine] = {}
    for each in called:
        location = each.usage_location or country
        key = DialOutKey(each.user_id or 0, location, _context(location, each.called), each.currency)
        before = lines.get(key, DialOutLine(key, each.user_principal_name, each.display_name, 0, 0, 0))
        lines[key] = DialOutLine(
            key,
            before.user_principal_name,
            before.display_name,
            before.calls_count + each.calls_count,
            before.used_seconds + each.used_seconds,
            before.cost_micros + each.cost_micros,
        )
    return [lines[key] for key in sorted(lines)]


def _context(location: str, called: str) -> str:
    """As the usage rows of conferences say it; empty where the number plan does not tell."""
    country = numbers.country_of(called)
    if not country:
        return ""
    return "Domestic" if is_own_country(location, country) else "International"
