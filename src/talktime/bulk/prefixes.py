"""The longest prefix of each number, by intervals: what begins with `4420` lies between 4420000… and 4421000…."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from talktime.bulk.columns import DIGITS, Int8, Int32, Int64
from talktime.core.values.errors import Invalid

# Nothing: a prefix of no digits, under which all others lie.
NO_PREFIX = 0
# By so many leading digits most numbers' interval is known without a search: 400 kB, which stay in the cache.
_FIRST_DIGITS = 5
_FIRST_WIDTH = 10 ** (DIGITS - _FIRST_DIGITS)


@dataclass(frozen=True, slots=True)
class PrefixIntervals:
    """The line of all numbers, cut where the longest prefix changes.

    Prefixes are counted from 1, in the order in which they came. `first` is the interval in which the numbers of each
    five leading digits begin. `digits` is how long a prefix is, `parents` is the next shorter one around it.
    """

    starts: Int64
    prefixes: Int32
    first: Int32
    digits: Int8
    parents: Int32

    def longest(self, numbers: Int64, digits: Int8) -> Int32:
        """Return the longest prefix of each number, NO_PREFIX where there is none."""
        interval: Int32 = self.first.take(numbers // _FIRST_WIDTH)
        behind = np.flatnonzero(self.starts.take(interval + 1) <= numbers)
        if len(behind):
            interval[behind] = self.starts.searchsorted(numbers.take(behind), "right") - 1
        found: Int32 = self.prefixes.take(interval)
        self._shorten(found, digits)
        return found

    def _shorten(self, found: Int32, digits: Int8) -> None:
        """Padding makes `49` look like `4900…`, which has not begun: only prefixes as long as the number count."""
        rows = np.flatnonzero(self.digits.take(found) > digits)
        while len(rows):
            found[rows] = self.parents.take(found.take(rows))
            rows = rows[self.digits.take(found.take(rows)) > digits.take(rows)]


def prefix_intervals(prefixes: Sequence[str]) -> PrefixIntervals:
    """Return the intervals of prefixes, which differ from each other; raise Invalid for one that is too long."""
    parents = np.zeros(len(prefixes) + 1, dtype=np.int32)
    starts, owners = [0], [NO_PREFIX]

    def cut(at: int, owner: int) -> None:
        if starts[-1] == at:
            owners[-1] = owner
        else:
            starts.append(at)
            owners.append(owner)

    def entered(number: int, around: int) -> None:
        parents[number] = around

    _sweep(prefixes, cut, entered)
    line = np.array(starts, dtype=np.int64)
    first = line.searchsorted(np.arange(10**_FIRST_DIGITS, dtype=np.int64) * _FIRST_WIDTH, "right") - 1
    return PrefixIntervals(
        # One more, beyond all numbers, so that each interval has an end.
        np.append(line, np.iinfo(np.int64).max),
        np.array(owners, dtype=np.int32),
        first.astype(np.int32),
        np.array([0, *map(len, prefixes)], dtype=np.int8),
        parents,
    )


def _sweep(prefixes: Iterable[str], cut: Callable[[int, int], None], entered: Callable[[int, int], None]) -> None:
    """Walk along the line; prefixes nest, so that those around a place are a stack."""
    spans = sorted((_padded(prefix), len(prefix), number) for number, prefix in enumerate(prefixes, start=1))
    around: list[tuple[int, int]] = []

    def leave() -> None:
        end, _ = around.pop()
        cut(end, around[-1][1] if around else NO_PREFIX)

    for start, digits, number in spans:
        while around and around[-1][0] <= start:
            leave()
        entered(number, around[-1][1] if around else NO_PREFIX)
        cut(start, number)
        around.append((start + 10 ** (DIGITS - digits), number))
    while around:
        leave()


def _padded(prefix: str) -> int:
    if not (prefix.isascii() and prefix.isdigit() and len(prefix) <= DIGITS):
        message = f"the prefix {prefix!r} cannot be rated in bulk: it has other signs, or more than {DIGITS} digits"
        raise Invalid(message, code="bulk_prefix")
    return int(prefix.ljust(DIGITS, "0"))
