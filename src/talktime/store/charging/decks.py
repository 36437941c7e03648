"""Published deck versions in memory: immutable, so that a version once loaded is good for ever."""

from collections.abc import Callable, Iterable, Sequence
from collections.abc import Set as AbstractSet
from threading import Lock
from zoneinfo import ZoneInfo

from talktime.core.rates.rate_decks import DeckPublication, DeckTerms, Direction, RateDeck
from talktime.core.values.money import Rounding
from talktime.store.charging import rows
from talktime.store.charging.rows import Row
from talktime.store.instants import from_micros

DeckLoader = Callable[[int], tuple[Row, Iterable[Row]]]
Publications = dict[tuple[str, Direction], tuple[DeckPublication, ...]]


class DeckCache:
    """The decks that charging has needed; shared by the threads of a process."""

    def __init__(self) -> None:
        """Start empty."""
        # Replaced as a whole where versions are forgotten: who decides by the old one has what he needs.
        self.loaded: dict[int, RateDeck] = {}
        # Somebody loads what calls need before they need it, so that no call waits for a whole deck.
        self.is_kept_warm = False
        self._lock = Lock()
        self._publication_rows: Sequence[Row] = ()
        self._publications: Publications = {}

    def ensure(self, version_ids: Iterable[int], load: DeckLoader) -> dict[int, RateDeck]:
        """Return decks among which these versions are; a second thread that wants the same one waits for the first."""
        loaded = self.loaded
        if loaded.keys() >= set(version_ids):
            return loaded
        with self._lock:
            loaded = self.loaded
            for version_id in version_ids:
                if version_id not in loaded:
                    loaded[version_id] = deck_of(version_id, *load(version_id))
        return loaded

    def forget_all_but(self, version_ids: AbstractSet[int]) -> None:
        """Give the memory of other versions back; whoever still needs one has it loaded again."""
        with self._lock:
            if not self.loaded.keys() <= version_ids:
                self.loaded = {
                    version_id: deck for version_id, deck in self.loaded.items() if version_id in version_ids
                }

    def publications(self, publication_rows: Sequence[Row]) -> Publications:
        """Translate rows (deck, direction, version, published from), which hardly ever differ from the last ones."""
        if publication_rows != self._publication_rows:
            found: Publications = {}
            for deck, direction, version_id, published_from in publication_rows:
                key = (deck, Direction(direction))
                publication = DeckPublication(version_id, from_micros(published_from))
                found[key] = (*found.get(key, ()), publication)
            self._publications, self._publication_rows = found, publication_rows
        return self._publications


def terms_of(row: Row) -> DeckTerms:
    """Translate a row (currency, time zone, charge decimals, rounding)."""
    currency, zone, charge_decimals, rounding = row
    return DeckTerms(currency, ZoneInfo(zone), charge_decimals, Rounding(rounding))


def deck_of(version_id: int, terms_row: Row, rate_rows: Iterable[Row]) -> RateDeck:
    """Build a deck of a version's rows."""
    return RateDeck(version_id=version_id, terms=terms_of(terms_row), rates=map(rows.rate_of, rate_rows))
