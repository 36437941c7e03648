"""One line of the log for each request: noted where it is answered, written by a thread, many at a time.

The lines look like those of the rest of the log, and are made by msgspec: structlog would take 25 µs for each.
"""

import os
import time
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from functools import lru_cache
from hashlib import blake2b
from threading import Event, Thread

import msgspec

from talktime.core.calls.calls import CallKey, text_of
from talktime.core.calls.requests import Granted, Request
from talktime.core.values.errors import Invalid
from talktime.group_commit import Answered
from talktime.telemetry.outcomes import OPERATIONS, outcome_of

ALL, DENIED, NONE = "all", "denied", "none"
# What is noted is written so often; what a crash takes with it is no older.
PAUSE_SECONDS = 0.2
# As many as a busy server notes in ten seconds; beyond that whoever reads the log is too slow, and lines are dropped.
NOTES_MAX = 100_000
# What a pipe takes at once: then the lines of several processes do not mix.
CHUNK_BYTES = 4_096
STOP_SECONDS_MAX = 5.0
_STANDARD_ERROR = 2

Note = tuple[Request, Answered, float, float]
# Which organization each request was charged to, and with how many others it was committed.
Charged = tuple[Sequence[Request], Sequence[int | None]]


class RequestLine(msgspec.Struct, omit_defaults=True):
    """A line; what is not known is left out."""

    level: str
    event: str
    timestamp: str
    operation: str
    call: str
    result: str
    ms: float
    switch: str = ""
    organization: int | None = None
    reason: str = ""
    granted: int | None = None
    batch: int = 0


class RequestLog:
    """Notes are taken by the threads that charge and answer; they are written by a thread of its own."""

    def __init__(self, *, is_of_all: bool) -> None:
        """Write of all requests, or only of those that got no yes."""
        self.is_of_all = is_of_all
        self.dropped_count = 0
        self._notes: list[Note] = []
        self._charged: list[Charged] = []
        # An answer may be noted a moment after the thread looked at its batch.
        self._known_before: dict[int, tuple[int | None, int]] = {}
        self._held_before: list[Charged] = []
        self._stop = Event()
        self._encode = msgspec.json.Encoder().encode
        self._thread = Thread(target=self._work, name="request-log", daemon=True)

    def start(self) -> None:
        """Begin to write."""
        self._thread.start()

    def stop(self) -> None:
        """Write what was noted, then end."""
        self._stop.set()
        self._thread.join(STOP_SECONDS_MAX)

    def note(self, note: Note) -> None:
        """Note a request, its answer, when it was answered by `monotonic`, and after how many seconds."""
        if len(self._notes) < NOTES_MAX:
            self._notes.append(note)
        else:
            self.dropped_count += 1

    def charged(self, requests: Sequence[Request], organization_ids: Sequence[int | None]) -> None:
        """Note what was committed together, and to whom it was charged."""
        if len(self._charged) < NOTES_MAX:
            self._charged.append((requests, organization_ids))

    def _work(self) -> None:
        while not self._stop.wait(PAUSE_SECONDS):
            self._write_notes()
        self._write_notes()

    def _write_notes(self) -> None:
        # Answers first: the batch of each that is here was noted before it.
        notes, self._notes = self._notes, []
        charged, self._charged = self._charged, []
        known = {
            id(request): (organization_id, len(requests))
            for requests, organization_ids in charged
            for request, organization_id in zip(requests, organization_ids, strict=True)
        }
        if notes:
            offset = time.time() - time.monotonic()
            _write([self._encode(self._line(note, offset, known)) for note in notes])
        # The requests are kept as long as their ids are looked for.
        self._known_before, self._held_before = known, charged

    def _line(self, note: Note, offset: float, known: dict[int, tuple[int | None, int]]) -> RequestLine:
        request, answer, ended, seconds = note
        result, reason = outcome_of(answer)
        place = id(request)
        organization_id, batch = known.get(place) or self._known_before.get(place) or (None, 0)
        return RequestLine(
            "info",
            "request",
            _instant(ended + offset),
            OPERATIONS[request.__class__],
            call_word(request.key),
            result,
            round(seconds * 1000, 3),
            request.key.switch,
            organization_id,
            reason,
            answer.granted_seconds if isinstance(answer, Granted) else None,
            batch,
        )


def call_word(key: CallKey) -> str:
    """Return what names a call in the log: switches put numbers into their call ids, and from this none can be read.

    Whoever has the id finds its lines: `printf '%s' 'switch|leg|call_id' | b2sum -l 64`.
    """
    return blake2b(text_of(key).encode(), digest_size=8).hexdigest()


def read_kept(text: str) -> str:
    """Return which requests are logged; raise Invalid."""
    if text not in {ALL, DENIED, NONE}:
        message = f"TALKTIME_LOG_REQUESTS is {text!r}: it must be one of {ALL}, {DENIED}, {NONE}"
        raise Invalid(message, code="settings")
    return text


def _instant(seconds: float) -> str:
    whole, part = divmod(int(seconds * 1000), 1000)
    return f"{_second(whole)}.{part:03d}Z"


@lru_cache(maxsize=4)
def _second(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")


def _write(lines: Sequence[bytes]) -> None:
    chunk: list[bytes] = []
    size = 0
    for line in lines:
        if chunk and size + len(line) + 1 > CHUNK_BYTES:
            _write_chunk(chunk)
            chunk, size = [], 0
        chunk.append(line)
        size += len(line) + 1
    _write_chunk(chunk)


def _write_chunk(lines: Sequence[bytes]) -> None:
    # A disk that is full loses lines; the thread lives on, and writes again when there is room.
    with suppress(OSError):
        os.write(_STANDARD_ERROR, b"\n".join([*lines, b""]))
