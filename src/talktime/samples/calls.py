"""SAMPLE calls of an organization, generated: shaped like real traffic, with nobody at either end.

The shape: two office peaks a day, weekends with 15 % of the week's calls, durations with a long lognormal
tail, one call in eight unanswered, few callers and few peers with most of the calls.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from math import log
from random import Random
from typing import NamedTuple

from talktime.samples.directories import (
    DESTINATIONS,
    INBOUND,
    INVALID,
    PARTICIPANTS,
    Destination,
    Directory,
    directory,
    directory_of,
)
from talktime.samples.seeded import generator

DURATION_MAX_SECONDS = 2 * 3_600


@dataclass(frozen=True, slots=True)
class SampleCall:
    """One call as a switch saw it; an external number is E.164 with +, a short code stands as dialed."""

    call_id: str
    caller: str
    called: str
    # A value of `core.calls.CallKind`: user_out, user_in, conf_in or conf_out.
    kind: str
    # The INVITE, aware UTC; the answer comes `ring_seconds` later.
    started_at: datetime
    ring_seconds: int
    # How long people would talk if nothing cut them; 0 where nobody answered.
    duration_seconds: int


def sample_calls(
    *,
    callers: Sequence[str],
    toll_free_number: str,
    month_starts_at: datetime,
    days: int,
    calls_count: int,
    seed: int,
) -> Iterator[SampleCall]:
    """Return so many calls of the days from `month_starts_at` on, in order of `started_at`.

    The days' rhythm follows the clock of `month_starts_at`, which must be aware: give it in the time zone of
    the organization. Some calls go to blocked, invalid and unrated numbers, for charging to refuse. Call ids
    are unique within one sample; two samples need different seeds or months.
    """
    assert callers
    assert month_starts_at.tzinfo is not None
    assert days > 0
    assert calls_count >= 0
    starts = _starts(month_starts_at, days, calls_count, generator(seed, "starts"))
    return _calls(starts, _parties(callers, toll_free_number, calls_count, seed), seed)


# How an hour's calls compare with another's: nobody at night, peaks at ten and at two, a lunch between them.
_HOUR_WEIGHTS = (1, 1, 1, 1, 1, 3, 10, 30, 75, 115, 125, 105, 70, 95, 120, 105, 85, 55, 28, 16, 10, 7, 4, 2)
# Monday to Sunday; the weekend's two days hold 15 % of the week.
_WEEKDAY_WEIGHTS = (100, 105, 104, 101, 90, 56, 32)

_KINDS = ("user_out", "user_in", "conf_in")
_KIND_PERCENTS = (82, 10, 8)
_PER_MILLES = tuple(destination.per_mille for destination in DESTINATIONS)

# Half of the calls are shorter than the median; sigma is how long the tail is, in natural logarithms.
_TALK_MEDIAN_SECONDS, _TALK_SIGMA = 66, 1.35
_CONFERENCE_MEDIAN_SECONDS, _CONFERENCE_SIGMA = 900, 0.9
_UNANSWERED_PERCENT = 12
_CONFERENCE_UNANSWERED_PERCENT = 1

# Who talks already is drawn again, as often as this; in a small team all may be talking.
_REDRAWS_MAX = 8


def _starts(month_starts_at: datetime, days: int, calls_count: int, rng: Random) -> list[datetime]:
    """Draw by the hours that really pass, so that a day with a clock change is as right as any other."""
    first = month_starts_at.astimezone(UTC)
    end = (month_starts_at + timedelta(days=days)).astimezone(UTC)
    hours = range((end - first) // timedelta(hours=1))
    weights = [_weight((first + timedelta(hours=hour)).astimezone(month_starts_at.tzinfo)) for hour in hours]
    chosen = rng.choices(hours, weights, k=calls_count)
    seconds = sorted(3_600 * hour + rng.randrange(3_600) for hour in chosen)
    return [first + timedelta(seconds=second) for second in seconds]


def _weight(local: datetime) -> int:
    return _WEEKDAY_WEIGHTS[local.weekday()] * _HOUR_WEIGHTS[local.hour]


@dataclass(frozen=True, slots=True)
class _Parties:
    """Everybody who may call or be called."""

    users: Directory
    toll_free_number: str
    # Beside `DESTINATIONS`, in their order.
    outside: tuple[Directory, ...]
    inbound: Directory
    participants: Directory


class _Ends(NamedTuple):
    """The two ends of a call, and which of them is ours and talks."""

    caller: str
    called: str
    user: str | None = None
    reaches_anybody: bool = True


def _parties(callers: Sequence[str], toll_free_number: str, calls_count: int, seed: int) -> _Parties:
    ours = {*callers, toll_free_number}

    def numbers(destination: Destination) -> Directory:
        rng = generator(seed, f"directory/{destination.name}")
        return directory_of(destination, calls_count=calls_count, without=ours, rng=rng)

    return _Parties(
        users=directory(set(callers), generator(seed, "directory/users")),
        toll_free_number=toll_free_number,
        outside=tuple(numbers(destination) for destination in DESTINATIONS),
        inbound=numbers(INBOUND),
        participants=numbers(PARTICIPANTS),
    )


def _calls(starts: Sequence[datetime], parties: _Parties, seed: int) -> Iterator[SampleCall]:
    rng = generator(seed, "calls")
    busy_until: dict[str, datetime] = {}
    for number, started_at in enumerate(starts, start=1):
        kind = rng.choices(_KINDS, _KIND_PERCENTS)[0]
        ends = _ends(kind, _user(parties.users, busy_until, started_at, rng), parties, rng)
        ring_seconds, duration_seconds = _times(kind, ends, rng)
        if ends.user is not None:
            busy_until[ends.user] = started_at + timedelta(seconds=ring_seconds + duration_seconds)
        yield SampleCall(
            call_id=f"sample-{seed}-{started_at:%Y%m%d}-{number:06}",
            caller=ends.caller,
            called=ends.called,
            kind=kind,
            started_at=started_at,
            ring_seconds=ring_seconds,
            duration_seconds=duration_seconds,
        )


def _user(users: Directory, busy_until: Mapping[str, datetime], at: datetime, rng: Random) -> str:
    for _ in range(_REDRAWS_MAX):
        drawn = users.choose(rng)
        if busy_until.get(drawn, at) <= at:
            return drawn
    return users.choose(rng)


def _ends(kind: str, user: str, parties: _Parties, rng: Random) -> _Ends:
    if kind == "conf_in":
        return _Ends(parties.participants.choose(rng), parties.toll_free_number)
    if kind == "user_in":
        return _Ends(parties.inbound.choose(rng), user, user)
    index = rng.choices(range(len(DESTINATIONS)), _PER_MILLES)[0]
    called = parties.outside[index].choose(rng)
    return _Ends(user, called, user, reaches_anybody=DESTINATIONS[index] is not INVALID)


def _times(kind: str, ends: _Ends, rng: Random) -> tuple[int, int]:
    """Return how long it rings and how long people talk, in seconds."""
    if not ends.reaches_anybody:
        return 0, 0
    if kind == "conf_in":
        talk_seconds = _lognormal_seconds(_CONFERENCE_MEDIAN_SECONDS, _CONFERENCE_SIGMA, rng)
        return rng.randint(1, 3), talk_seconds if rng.randrange(100) >= _CONFERENCE_UNANSWERED_PERCENT else 0
    if rng.randrange(100) < _UNANSWERED_PERCENT:
        return rng.randint(12, 45), 0
    return rng.randint(2, 24), _lognormal_seconds(_TALK_MEDIAN_SECONDS, _TALK_SIGMA, rng)


def _lognormal_seconds(median_seconds: int, sigma: float, rng: Random) -> int:
    return min(DURATION_MAX_SECONDS, max(1, round(rng.lognormvariate(log(median_seconds), sigma))))
