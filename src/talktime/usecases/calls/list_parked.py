"""Reports that could not be charged: the orphan list, and settling what is on it."""

from datetime import datetime

from talktime.core.calls.afterwards.parking import ParkedCall
from talktime.core.calls.calls import CallKey
from talktime.core.values.errors import Conflict, Invalid, NotFound
from talktime.core.values.frozen import frozen
from talktime.store.transaction import Transaction

SHOWN_MAX = 1_000
NOTE_CHARACTERS_MAX = 500


@frozen
class ListParked:
    """The reports that wait, or with those that were settled; at most so many."""

    with_resolved: bool = False
    most: int = SHOWN_MAX


@frozen
class ParkedListed:
    """Reports, and how many wait in all."""

    parked: tuple[ParkedCall, ...]
    waiting_count: int


@frozen
class ResolveParked:
    """Settle what waits of a call, named by its id or `switch|leg|id`: who does it, and what was done."""

    call: str
    by: str
    resolution: str
    at: datetime


def list_parked(tx: Transaction, request: ListParked) -> ParkedListed:
    """Return the list, those that wait longest first."""
    found = tx.parked.all(request.most) if request.with_resolved else tx.parked.waiting(request.most)
    return ParkedListed(tuple(found), tx.parked.waiting_count())


def resolve_parked(tx: Transaction, request: ResolveParked) -> tuple[CallKey, int]:
    """Settle the waiting reports of one call; return its key and how many there were. They stay, with who and when."""
    if not request.by.strip() or not request.resolution.strip():
        message = "say who settles it (--by) and what was done (--note): both are kept with the report"
        raise Invalid(message, code="resolution")
    if len(request.by) + len(request.resolution) > NOTE_CHARACTERS_MAX:
        message = f"who and what are longer than {NOTE_CHARACTERS_MAX} characters together"
        raise Invalid(message, code="resolution")
    keys = tx.parked.waiting_keys(request.call)
    if not keys:
        message = f"no report of a call {request.call!r} waits; `talktime calls orphans` lists those that do"
        raise NotFound(message, code="parked_not_found")
    if len(keys) > 1:
        message = f"several calls bear the id {request.call!r}: name one as switch|leg|id"
        raise Conflict(message, code="several_calls")
    count = tx.parked.resolve(keys, by=request.by.strip(), resolution=request.resolution.strip(), at=request.at)
    return keys[0], count
