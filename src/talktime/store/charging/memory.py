"""What a process remembers between transactions: published versions, what has a revision, what it lately wrote.

Nothing is trusted from memory that may have changed: versions and revisions are immutable, and which one holds is read
in the transaction.
"""

from collections.abc import Callable, Sequence
from threading import Lock

from talktime.core.organizations.arrangements import Arrangements
from talktime.core.organizations.organizations import Organization
from talktime.store.charging.arrangement_rows import arrangements_of
from talktime.store.charging.countries import CountryCache
from talktime.store.charging.decks import DeckCache
from talktime.store.charging.remembered import RememberedCalls, RememberedCredits, RememberedWatches
from talktime.store.charging.rows import Row

ORGANIZATIONS_MAX = 65_536
# An organization's settings (JSON or None), its purchases, its license counts.
ArrangementRows = tuple[str | None, Sequence[Row], Sequence[Row]]


class ArrangementCache:
    """The last arrangements that were read of each organization; the oldest are forgotten first."""

    def __init__(self) -> None:
        """Start empty."""
        self._kept: dict[int, Arrangements] = {}
        self._lock = Lock()

    def of(self, organization: Organization, load: Callable[[int], ArrangementRows]) -> Arrangements:
        """Return the arrangements of the organization's revision, read only where another one is remembered."""
        revision = organization.arrangements_revision
        kept = self._kept.get(organization.organization_id)
        if kept is not None and kept.revision == revision:
            return kept
        found = arrangements_of(revision, *load(organization.organization_id))
        with self._lock:
            if len(self._kept) >= ORGANIZATIONS_MAX:
                del self._kept[next(iter(self._kept))]
            self._kept[organization.organization_id] = found
        return found


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
