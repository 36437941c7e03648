"""SAMPLE conferences of an organization, generated: meetings in office hours that dial out to partners abroad."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import cycle
from random import Random

from talktime.samples.calls import SampleCall
from talktime.samples.directories import PARTNERS, Directory, directory_of
from talktime.samples.seeded import generator

LEGS_MAX = 3
# What meetings are planned for, and from when to when they begin.
_PLANNED_MINUTES = (25, 25, 50)
_HOURS = range(8, 17)
_FRIDAY = 4


def sample_conferences(
    *, organizers: Sequence[str], month_starts_at: datetime, days: int, legs_count: int, seed: int
) -> Iterator[SampleCall]:
    """Return so many legs that conferences dial, in order of `started_at`; the caller is the organizer's number.

    Conferences lie on working days by the clock of `month_starts_at`, which must be aware; each dials one to three
    partners, who stay until about its end. Call ids are unique within one sample and beside `sample_calls`.
    """
    assert organizers
    assert month_starts_at.tzinfo is not None
    rng = generator(seed, "conferences")
    partners = directory_of(
        PARTNERS, calls_count=legs_count, without=organizers, rng=generator(seed, "directory/partners")
    )
    working_days = [
        day for number in range(days) if (day := month_starts_at + timedelta(days=number)).weekday() <= _FRIDAY
    ]
    assert working_days or not legs_count
    # No day has a second one before every other day has had one.
    meeting_days = cycle(rng.sample(working_days, len(working_days)))
    legs: list[SampleCall] = []
    while len(legs) < legs_count:
        begins = next(meeting_days).replace(hour=rng.choice(_HOURS), minute=rng.choice((0, 30))).astimezone(UTC)
        most = min(LEGS_MAX, legs_count - len(legs))
        legs += _conference(begins, rng.choice(organizers), partners, rng.randint(1, most), rng)
    legs.sort(key=lambda leg: (leg.started_at, leg.called))
    for number, leg in enumerate(legs, start=1):
        yield replace(leg, call_id=f"sample-{seed}-{leg.started_at:%Y%m%d}-c{number:04}")


def _conference(
    begins: datetime, organizer: str, partners: Directory, legs_count: int, rng: Random
) -> Iterator[SampleCall]:
    """Dial within the first two minutes; whoever is dialed later has missed something, and nobody leaves in time."""
    ends = begins + timedelta(minutes=rng.choice(_PLANNED_MINUTES))
    # Whom chance names twice is dialed once.
    for called in dict.fromkeys(partners.choose(rng) for _ in range(legs_count)):
        started_at = begins + timedelta(seconds=rng.randint(1, 120))
        ring_seconds = rng.randint(4, 20)
        leaves_at = ends + timedelta(seconds=rng.randint(-120, 240))
        talked = leaves_at - started_at - timedelta(seconds=ring_seconds)
        yield SampleCall(
            call_id="",
            caller=organizer,
            called=called,
            kind="conf_out",
            started_at=started_at,
            ring_seconds=ring_seconds,
            duration_seconds=talked // timedelta(seconds=1),
        )
