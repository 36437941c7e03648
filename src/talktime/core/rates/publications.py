"""What publications of a deck say together: which version was in force before the one that is."""

from collections.abc import Sequence
from datetime import datetime

from talktime.core.rates.rate_decks import DeckPublication, version_in_force
from talktime.core.values.frozen import frozen


@frozen
class Succession:
    """A version in force, since when, and the one that it replaced; None where it is the first."""

    version_id: int
    published_from: datetime
    before: int | None


def succession(publications: Sequence[DeckPublication], at: datetime) -> Succession | None:
    """Return what is in force at an instant and what was before, or None where nothing is in force.

    Publishing the version that is in force once more begins nothing new: what was before it stays what was before.
    """
    version_id = version_in_force(publications, at)
    if version_id is None:
        return None
    # Backwards from the instant: while the same version was in force, its reign began earlier.
    began = at
    for instant in sorted({each.published_from for each in publications if each.published_from <= at}, reverse=True):
        before = version_in_force(publications, instant)
        if before != version_id:
            return Succession(version_id, began, before)
        began = instant
    return Succession(version_id, began, None)
