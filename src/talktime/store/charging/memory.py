"""What a process remembers between transactions: published versions, what has a revision, what it lately wrote.

Nothing is trusted from memory that may have changed: versions and revisions are immutable, and which one holds is read
in the transaction.
"""

from collections.abc import Callable, Iterable, Sequence
from threading import Lock

from talktime.core.organizations.arrangements import Arrangements
from talktime.core.organizations.organizations import Organization
from talktime.store.charging.arrangement_rows import arrangements_of
from talktime.store.charging.countries import CountryCache
from talktime.store.charging.decks import DeckCache
from talktime.store.charging.remembered import RememberedCalls, RememberedCredits, RememberedWatches
from talktime.store.charging.rows import Row

ORGANIZATIONS_MAX = 65_536
# Rows (organization, settings as JSON), (organization, license, quantity), (organization, license, country, users).
ArrangementRows = tuple[Sequence[Row], Sequence[Row], Sequence[Row]]


class ArrangementCache:
    """The last arrangements that were read of each organization; the oldest are forgotten first."""

    def __init__(self) -> None:
        """Start empty."""
        self._kept: dict[int, Arrangements] = {}
        self._lock = Lock()

    def of(
        self, organizations: Iterable[Organization], load: Callable[[list[int]], ArrangementRows]
    ) -> dict[int, Arrangements]:
        """Return the arrangements of those that have any, read at once where another revision is remembered."""
        arranged = {each.organization_id: each.arrangements_revision for each in organizations}
        found: dict[int, Arrangements] = {}
        missing: dict[int, int] = {}
        for organization_id, revision in arranged.items():
            kept = self._kept.get(organization_id) if revision else None
            if kept is not None and kept.revision == revision:
                found[organization_id] = kept
            elif revision:
                missing[organization_id] = revision
        if missing:
            found |= self._keep(_arranged(missing, load(list(missing))))
        return found

    def _keep(self, found: dict[int, Arrangements]) -> dict[int, Arrangements]:
        with self._lock:
            for organization_id, arrangements in found.items():
                if len(self._kept) >= ORGANIZATIONS_MAX:
                    del self._kept[next(iter(self._kept))]
                self._kept[organization_id] = arrangements
        return found


def _arranged(revisions: dict[int, int], read: ArrangementRows) -> dict[int, Arrangements]:
    settings = dict[int, str](read[0])
    purchased: dict[int, list[Row]] = {organization_id: [] for organization_id in revisions}
    assigned: dict[int, list[Row]] = {organization_id: [] for organization_id in revisions}
    for organization_id, *counted in read[1]:
        purchased[organization_id].append(tuple(counted))
    for organization_id, *counted in read[2]:
        assigned[organization_id].append(tuple(counted))
    return {
        each: arrangements_of(revisions[each], settings.get(each), purchased[each], assigned[each])
        for each in revisions
    }


class Memory:
    """All of it, shared by the threads of a process."""

    def __init__(self) -> None:
        """Start empty."""
        self.decks = DeckCache()
        self.countries = CountryCache()
        self.arrangements = ArrangementCache()
        self.calls = RememberedCalls()
        self.credits = RememberedCredits()
        self.watches = RememberedWatches()
