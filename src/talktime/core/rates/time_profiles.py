"""Peak hours as people state them, turned into weekly windows on the deck's clock."""

import re
from collections.abc import Iterable, Mapping
from itertools import pairwise

from talktime.core.rates.rating import (
    ANY_TIME,
    DAYS_PER_WEEK,
    SECONDS_PER_DAY,
    SECONDS_PER_MINUTE,
    TimeProfile,
    Window,
)
from talktime.core.values.errors import Invalid

SECONDS_PER_HOUR = 3_600
HOW_TO_STATE = "state its hours: --profile 'peak=Mon-Fri 08:00-18:00; Sat 09:00-12:00'"
OFF_PEAK = "offpeak"

_WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_FULL_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_WEEKDAY_NUMBERS = {name: number for names in (_WEEKDAYS, _FULL_WEEKDAYS) for number, name in enumerate(names)}
_EVERY_DAY = frozenset({"daily", "every day", "all days"})
_ANY_TIME_NAMES = frozenset({"", "flat", "any", "anytime", "all", "allday", "always", "247", "24x7"})
_OFF_PEAK_NAMES = frozenset({OFF_PEAK, "nonpeak"})
_PART = re.compile(r"(?P<days>[a-z][a-z ,-]*?)(?:\s+(?P<hours>[0-9][0-9:.]*\s*-\s*[0-9:.]+))?")
_HOURS = re.compile(r"([0-9]{1,2}):([0-9]{2})\s*-\s*([0-9]{1,2}):([0-9]{2})")


def parse_profile(text: str) -> TimeProfile:
    """Read `peak=Mon-Fri 08:00-18:00; Sat 09:00-12:00`; the name and `=` may be left out. Raise Invalid.

    Days without hours are whole days; hours that end before they begin run over midnight.
    """
    name, _, statement = text.rpartition("=")
    parts = [part.strip().lower() for part in statement.split(";") if part.strip()]
    if not parts:
        raise Invalid(f"{text!r} states no hours: {HOW_TO_STATE}")
    windows = sorted(
        (window for part in parts for window in _windows_of(part)),
        key=lambda window: (window.weekday, window.from_second),
    )
    for window, following in pairwise(windows):
        if window.weekday == following.weekday and following.from_second < window.to_second:
            raise Invalid(f"{text!r} states an hour of {_WEEKDAYS[window.weekday].title()} twice")
    return TimeProfile(profile_key(name), _joined(windows))


def complement(profile: TimeProfile, name: str) -> TimeProfile:
    """Return the hours of the week that the profile leaves; raise Invalid if it leaves none."""
    windows: list[Window] = []
    for weekday in range(DAYS_PER_WEEK):
        second = 0
        for window in sorted(
            (window for window in profile.windows if window.weekday == weekday),
            key=lambda window: window.from_second,
        ):
            if window.from_second > second:
                windows.append(Window(weekday, second, window.from_second))
            second = window.to_second
        if second < SECONDS_PER_DAY:
            windows.append(Window(weekday, second, SECONDS_PER_DAY))
    if not windows or not profile.windows:
        raise Invalid(f"the profile {profile.name!r} covers the whole week and leaves no hours for {name!r}")
    return TimeProfile(name, tuple(windows))


def profile_key(name: str) -> str:
    """Return the name by which profiles are compared: `Off-Peak` → `offpeak`; empty for any time."""
    key = "".join(character for character in name.lower() if character.isalnum())
    if key in _ANY_TIME_NAMES:
        return ""
    return OFF_PEAK if key in _OFF_PEAK_NAMES else key


def profiles_named(keys: Iterable[str], stated: Mapping[str, TimeProfile]) -> dict[str, TimeProfile]:
    """Return the profile of each key that a sheet uses; raise Invalid for one whose hours nobody has stated.

    Off-peak is what peak leaves, unless it is stated. A name that is the only one in the sheet, and not stated,
    means any time: there is nothing that it differs from.
    """
    used = frozenset(keys)
    if any(profile_key(name) == "" for name in stated):
        raise Invalid(f"hours are stated for a profile that has no name, or one that means any time: {HOW_TO_STATE}")
    known = {profile_key(name): TimeProfile(profile_key(name), profile.windows) for name, profile in stated.items()}
    if OFF_PEAK in used and OFF_PEAK not in known and "peak" in known:
        known[OFF_PEAK] = complement(known["peak"], OFF_PEAK)
    known[""] = ANY_TIME
    unknown = sorted(used - known.keys())
    if len(used) == len(unknown) == 1:
        return {unknown[0]: ANY_TIME}
    if unknown:
        raise Invalid(f"the sheet prices the time profile {unknown[0]!r}, which has no hours: {HOW_TO_STATE}")
    return {key: known[key] for key in used}


def _windows_of(part: str) -> list[Window]:
    match = _PART.fullmatch(part)
    if match is None:
        raise Invalid(f"{part!r} is no day and hours: {HOW_TO_STATE}")
    from_second, to_second = _seconds_of(match["hours"])
    days = _days_of(match["days"].strip())
    if from_second < to_second:
        return [Window(day, from_second, to_second) for day in days]
    evenings = [Window(day, from_second, SECONDS_PER_DAY) for day in days]
    mornings = [Window((day + 1) % DAYS_PER_WEEK, 0, to_second) for day in days if to_second > 0]
    return evenings + mornings


def _seconds_of(hours: str | None) -> tuple[int, int]:
    if hours is None:
        return 0, SECONDS_PER_DAY
    match = _HOURS.fullmatch(hours.strip())
    if match is None:
        raise Invalid(f"{hours!r} are no hours: {HOW_TO_STATE}")
    numbers = [int(group) for group in match.groups()]
    ends = [numbers[0] * SECONDS_PER_HOUR + numbers[1] * SECONDS_PER_MINUTE]
    ends.append(numbers[2] * SECONDS_PER_HOUR + numbers[3] * SECONDS_PER_MINUTE)
    is_clock = max(numbers[1], numbers[3]) < SECONDS_PER_MINUTE and max(ends) <= SECONDS_PER_DAY
    if not is_clock or ends[0] == SECONDS_PER_DAY or ends[0] == ends[1]:
        raise Invalid(f"{hours!r} are no hours of a day: {HOW_TO_STATE}")
    return ends[0], ends[1]


def _days_of(text: str) -> list[int]:
    if text in _EVERY_DAY:
        return list(range(DAYS_PER_WEEK))
    return [day for item in text.split(",") for day in _days_between(item.strip())]


def _days_between(item: str) -> list[int]:
    names = [name.strip() for name in item.split("-")]
    if len(names) > 2 or any(name not in _WEEKDAY_NUMBERS for name in names):  # noqa: PLR2004 -- from and to
        raise Invalid(f"{item!r} is no day of the week: {HOW_TO_STATE}")
    first, last = _WEEKDAY_NUMBERS[names[0]], _WEEKDAY_NUMBERS[names[-1]]
    return [(first + offset) % DAYS_PER_WEEK for offset in range((last - first) % DAYS_PER_WEEK + 1)]


def _joined(windows: Iterable[Window]) -> tuple[Window, ...]:
    """Join windows that touch, so that one week has one writing."""
    joined: list[Window] = []
    for window in windows:
        if joined and (joined[-1].weekday, joined[-1].to_second) == (window.weekday, window.from_second):
            joined[-1] = Window(window.weekday, joined[-1].from_second, window.to_second)
        else:
            joined.append(window)
    return tuple(joined)
