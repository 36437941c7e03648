"""Where the money goes: sums of usage rows as tables, by destination, user, organizer and department."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

from talktime.core.insight.reports.groups import UsageSum
from talktime.core.insight.reports.report_tables import ReportTable, added_up, columns
from talktime.core.insight.tables import ColumnKind
from talktime.core.insight.usage import country_name
from talktime.core.values.frozen import frozen
from talktime.core.values.money import Rounding, divide

_TEXT, _WHOLE, _MONEY = ColumnKind.TEXT, ColumnKind.WHOLE, ColumnKind.MONEY
SECONDS_PER_MINUTE = 60
NOBODY = "(no user)"
NO_DESTINATION = "(no price was looked up)"
_AMOUNTS = {
    "Calls": _WHOLE,
    "Minutes": _WHOLE,
    "Seconds": _WHOLE,
    "Cost": _MONEY,
    "Uncovered": _MONEY,
    "Currency": _TEXT,
    "Share_percent": _WHOLE,
}
_ADDED = ("Calls", "Minutes", "Included Minutes", "Seconds", "Cost", "Uncovered")
_COUNTRY_CHARACTERS = 2


@frozen
class Person:
    """A user as reports name him, by what is known today."""

    user_principal_name: str
    display_name: str
    usage_location: str
    department: str


def minutes_of(seconds: int) -> int:
    """Return whole minutes, rounded half up: for people; what is charged goes by seconds."""
    return divide(max(seconds, 0), SECONDS_PER_MINUTE, Rounding.HALF_UP)


def destination_name(group: object) -> str:
    """Name a destination: a deck's own words, or a country where no price was needed."""
    text = str(group or "")
    if len(text) == _COUNTRY_CHARACTERS and country_name(text):
        return country_name(text)
    return text or NO_DESTINATION


def by_destination(sums: Iterable[UsageSum]) -> ReportTable:
    """Return what calls to each destination cost, the dearest first."""
    found = _dearest_first(sums)
    head = columns(Destination=_TEXT, **_AMOUNTS)
    rows = tuple((destination_name(each.group), *amounts) for each, amounts in zip(found, _amounts(found), strict=True))
    return added_up(ReportTable("destinations", head, rows), _ADDED)


def by_user(sums: Iterable[UsageSum], people: Mapping[int, Person]) -> ReportTable:
    """Return what each user's calls cost, the dearest first; calls of no user are in one line."""
    found = _dearest_first(sums)
    head = columns(User=_TEXT, Display_Name=_TEXT, Department=_TEXT, Location=_TEXT, **_AMOUNTS)
    rows = tuple((*_named(each.group, people), *amounts) for each, amounts in zip(found, _amounts(found), strict=True))
    return added_up(ReportTable("users", head, rows), _ADDED)


def by_organizer(all_: Iterable[UsageSum], paid: Iterable[UsageSum], people: Mapping[int, Person]) -> ReportTable:
    """Return what each organizer's conferences dialed out: minutes, those that were included, credits spent (7.8)."""
    paid_seconds = {(each.group, each.currency): each.used_seconds for each in paid}
    found = _dearest_first(all_)
    head = columns(
        Meeting_Organizer=_TEXT,
        Username=_TEXT,
        Location=_TEXT,
        Calls=_WHOLE,
        Minutes=_WHOLE,
        Included_Minutes=_WHOLE,
        Seconds=_WHOLE,
        Credits_Spent=_MONEY,
        Currency=_TEXT,
    )
    rows = []
    for each in found:
        name, display_name, _, location = _named(each.group, people)
        included = each.used_seconds - paid_seconds.get((each.group, each.currency), 0)
        amounts = (each.calls, minutes_of(each.used_seconds), minutes_of(included), each.used_seconds)
        rows.append((display_name or name, name, location, *amounts, each.cost_micros, each.currency))
    return added_up(ReportTable("dialout", head, tuple(rows)), (*_ADDED, "Credits Spent"))


def _dearest_first(sums: Iterable[UsageSum]) -> list[UsageSum]:
    return sorted(sums, key=lambda each: (-each.cost_micros, -each.used_seconds, str(each.group), each.currency))


def _amounts(found: Sequence[UsageSum]) -> Iterator[tuple[object, ...]]:
    """Yield the cells of _AMOUNTS; the last is how much of its currency's money a group is, in whole percent."""
    wholes: Counter[str] = Counter()
    for each in found:
        wholes[each.currency] += each.cost_micros
    for each in found:
        whole = wholes[each.currency]
        is_part = whole > 0 and each.cost_micros >= 0
        share = divide(each.cost_micros * 100, whole, Rounding.HALF_UP) if is_part else None
        counted = (each.calls, minutes_of(each.used_seconds), each.used_seconds)
        yield (*counted, each.cost_micros, each.uncovered_micros, each.currency, share)


def _named(user_id: object, people: Mapping[int, Person]) -> tuple[str, str, str, str]:
    if user_id is None:
        return NOBODY, "", "", ""
    assert isinstance(user_id, int)
    person = people.get(user_id)
    if person is None:
        return f"user {user_id}", "", "", ""
    return person.user_principal_name, person.display_name, person.department, person.usage_location
