"""Charging's transaction with a watch in hand: how long its stages take, a few nanoseconds for each request."""

from collections.abc import Sequence
from time import perf_counter

from talktime.core.calls.requests import ChargingTerms, Outcome, Request
from talktime.store.charging.memory import Memory
from talktime.store.charging.transaction import ChargingStatements, ChargingTransaction, Loaded
from talktime.telemetry.batches import StageSeconds


class TimedTransaction(ChargingTransaction):
    """Loads and saves as ever, begun when it is made; what else is done before the commit counts as deciding."""

    def __init__(self, statements: ChargingStatements, memory: Memory) -> None:
        """Begin."""
        super().__init__(statements, memory)
        self.organization_ids: Sequence[int | None] = ()
        self._load_seconds = self._save_seconds = 0.0
        self._began = self._commit_began = perf_counter()

    def load(self, requests: Sequence[Request], terms: ChargingTerms) -> Loaded:
        """Load, and keep whose the requests are."""
        began = perf_counter()
        loaded = super().load(requests, terms)
        self._load_seconds += perf_counter() - began
        self.organization_ids = loaded.organization_ids
        return loaded

    def save(self, loaded: Loaded, requests: Sequence[Request], outcomes: Sequence[Outcome]) -> None:
        """Save."""
        began = perf_counter()
        super().save(loaded, requests, outcomes)
        self._save_seconds += perf_counter() - began

    def begin_commit(self) -> None:
        """Note that all is saved."""
        self._commit_began = perf_counter()

    def stages(self) -> StageSeconds:
        """Return how long each stage took; the commit ends now."""
        decided = self._commit_began - self._began - self._load_seconds - self._save_seconds
        return StageSeconds(self._load_seconds, decided, self._save_seconds, perf_counter() - self._commit_began)
