"""How often one application may ask: as many requests at once as its allowance holds, which fills again evenly."""

import time
from collections import OrderedDict
from collections.abc import Callable
from math import ceil
from threading import Lock

# A page of a thousand rows each: a month of a large organization in minutes, and no phone that waits.
REQUESTS_MAX = 120
REQUESTS_PER_SECOND = 4
# Whoever is forgotten begins with a full allowance; so many names at once belong to nobody honest.
KNOWN_MAX = 10_000


class Allowances:
    """Allowances by name, in this process, safe for several threads."""

    def __init__(
        self,
        requests_max: int = REQUESTS_MAX,
        requests_per_second: float = REQUESTS_PER_SECOND,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Begin with full allowances."""
        self._most, self._per_second, self._clock = requests_max, requests_per_second, clock
        # What each had left, and when that was, those asked last at the end.
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()
        self._lock = Lock()

    def wait_seconds(self, name: str) -> int:
        """Take one request from an allowance and return 0, or after how many seconds there is one."""
        with self._lock:
            now = self._clock()
            left, since = self._left.pop(name, (float(self._most), now))
            left = min(float(self._most), left + (now - since) * self._per_second)
            is_allowed = left >= 1
            self._left[name] = (left - 1 if is_allowed else left, now)
            if len(self._left) > KNOWN_MAX:
                self._left.popitem(last=False)
            return 0 if is_allowed else ceil((1 - left) / self._per_second)
