"""Which imported calls are the same: by their record's id, else by all that tells one call from another."""

from array import array
from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime, timedelta
from hashlib import blake2b

from talktime.core.insight.importing.imported_calls import ImportedCall
from talktime.core.values.frozen import frozen

IDENTITY_BYTES = 16
# The switch that carried a call and we note its start by two clocks.
CLOCKS_DIFFER_MAX = timedelta(seconds=5)
_SLOTS_MIN = 1 << 12
# Of each 8 slots at most 5 are taken: a look finds its slot at the second try.
_FILL_NUMERATOR, _FILL_DENOMINATOR = 5, 8


def identity_of(call: ImportedCall) -> bytes:
    """Return 16 bytes that two records have in common only if they are about the same.

    A record's own id is enough (UsageId is unique, Call ID is not: domain.md 7.4). Without one it is everything but
    money and names: the call's id, type, user, numbers, destination, start to the microsecond, seconds.
    """
    if call.source_id:
        named = f"id\x1f{call.source_id}"
    else:
        user = call.user_id or call.user
        named = (
            f"{call.call_id}\x1f{call.kind.value}\x1f{user}\x1f{call.caller}\x1f{call.called}\x1f{call.destination}"
            f"\x1f{call.started_at.isoformat()}\x1f{call.used_seconds}"
        )
    return blake2b(named.encode(), digest_size=IDENTITY_BYTES).digest()


class SeenCalls:
    """The identities of a file so far, each with the line that had it first, in 12 bytes a slot.

    Half of an identity is kept: of 400,000 files with ten million calls each, one has two differing calls that are
    taken for the same. A set of Python's would take 90 bytes for each call.
    """

    def __init__(self) -> None:
        """Nothing was seen yet."""
        self._count = 0
        self._slots = _SLOTS_MIN
        self._keys, self._lines = _empty(_SLOTS_MIN)

    def first_line(self, identity: bytes, line: int) -> int | None:
        """Note a line's identity; return the line that had it before, or None where it is the first."""
        key = int.from_bytes(identity[:8], "little") or 1
        place = self._place_of(key)
        if self._keys[place]:
            return self._lines[place]
        self._keys[place], self._lines[place] = key, line
        self._count += 1
        if self._count * _FILL_DENOMINATOR > self._slots * _FILL_NUMERATOR:
            self._grow()
        return None

    def _place_of(self, key: int) -> int:
        keys, mask = self._keys, self._slots - 1
        place = key & mask
        while keys[place] and keys[place] != key:
            place = (place + 1) & mask
        return place

    def _grow(self) -> None:
        keys, lines = self._keys, self._lines
        self._slots *= 2
        self._keys, self._lines = _empty(self._slots)
        for key, line in zip(keys, lines, strict=True):
            if key:
                place = self._place_of(key)
                self._keys[place], self._lines[place] = key, line


def _empty(slots: int) -> "tuple[array[int], array[int]]":
    return array("Q", bytes(8 * slots)), array("I", bytes(4 * slots))


@frozen
class OwnCall:
    """A usage row that we charged: what tells that an imported record is about the same call."""

    usage_id: str
    call_id: str
    called: str
    started_at: datetime
    used_seconds: int


class OwnCalls:
    """Our own calls of some time."""

    def __init__(self, calls: Iterable[OwnCall]) -> None:
        """Index them by what other systems know of them."""
        self._usage_ids: set[str] = set()
        self._by_call_id: defaultdict[str, list[OwnCall]] = defaultdict(list)
        self._by_talk: set[tuple[datetime, str, int]] = set()
        for call in calls:
            self._usage_ids.add(call.usage_id)
            self._by_call_id[call.call_id].append(call)
            self._by_talk.add((call.started_at.replace(microsecond=0), call.called, call.used_seconds))

    def has(self, call: ImportedCall) -> bool:
        """Tell whether we charged a call: by its UsageId; by call id and start; by second, number and duration."""
        if call.source_id in self._usage_ids:
            return True
        if any(
            abs(own.started_at - call.started_at) <= CLOCKS_DIFFER_MAX for own in self._by_call_id.get(call.call_id, ())
        ):
            return True
        return (
            bool(call.called)
            and (
                call.started_at.replace(microsecond=0),
                call.called,
                call.used_seconds,
            )
            in self._by_talk
        )
