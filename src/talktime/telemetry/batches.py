"""What the batches were like: how large, and how long each stage of their transactions took."""

from bisect import bisect_left
from collections import defaultdict
from enum import Enum
from typing import NamedTuple

SIZE_BOUNDS = (1, 2, 5, 10, 20, 50, 100, 200, 512)
STAGE_BOUNDS_SECONDS = (0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0)


class BatchResult(Enum):
    """How a batch's transaction ended."""

    COMMITTED = "committed"
    # The database did not answer, or did not say whether it committed: tried again.
    UNAVAILABLE = "unavailable"
    # Something in it could not be saved: halved, until the culprit stands alone.
    FAILED = "failed"


class StageSeconds(NamedTuple):
    """How long the stages of one transaction took."""

    load: float
    decide: float
    save: float
    commit: float


class BatchCounts:
    """Counts batches; called by one thread, the committer's, once for each."""

    def __init__(self) -> None:
        """Start with nothing."""
        self.results: defaultdict[BatchResult, int] = defaultdict(int)
        self.size_places = [0] * (len(SIZE_BOUNDS) + 1)
        self.requests_count = 0
        self.stage_places = {stage: [0] * (len(STAGE_BOUNDS_SECONDS) + 1) for stage in StageSeconds._fields}
        self.stage_seconds = dict.fromkeys(StageSeconds._fields, 0.0)

    def committed(self, requests_count: int, stages: StageSeconds) -> None:
        """Count a batch that was committed."""
        self.results[BatchResult.COMMITTED] += 1
        self.size_places[bisect_left(SIZE_BOUNDS, requests_count)] += 1
        self.requests_count += requests_count
        for stage, seconds in zip(StageSeconds._fields, stages, strict=True):
            self.stage_places[stage][bisect_left(STAGE_BOUNDS_SECONDS, seconds)] += 1
            self.stage_seconds[stage] += seconds

    def ended(self, result: BatchResult) -> None:
        """Count a batch of which nothing is known to be committed."""
        self.results[result] += 1
