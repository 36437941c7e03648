"""A load over HTTP: keep-alive connections, one request outstanding on each, in a process of its own.

In a closed loop each connection asks as soon as it is answered. In an open loop requests come by a schedule that nobody
can delay, and a latency is counted from the scheduled instant: a server that stalls is charged for everybody who waits.
"""

import asyncio
import re
from array import array
from collections import deque
from functools import partial
from random import Random
from typing import cast
from urllib.parse import urlsplit

import msgspec
import uvloop

from talktime.interfaces.cli.bench.loads import timing
from talktime.interfaces.cli.bench.loads.bodies import END, EXTEND, START, Bodies
from talktime.interfaces.cli.bench.loads.timing import NANOSECONDS, clock
from talktime.interfaces.cli.bench.measuring.reports import LoadOrder, LoadReport, read_order, write_report

TICK_SECONDS = 0.001

_ALLOWED = b'"result":"allow"'
_CHARGED = b'"charged":"'
# One request that got a 503, or one of a batch that would have.
_NO_TIME = re.compile(rb'"code":"(?:busy|deadline|unavailable)"')


class _Answer(msgspec.Struct):
    """What is read of an answer in a batch."""

    result: str
    charged: str = ""


_decode_batch = msgspec.json.Decoder(list[_Answer]).decode


class Load:
    """All connections of one load, and what they have seen."""

    def __init__(self, order: LoadOrder) -> None:
        """Encode the requests."""
        address = urlsplit(order.url)
        assert address.hostname is not None
        assert address.port is not None
        self.order, self.host, self.port = order, address.hostname, address.port
        self.bodies = Bodies(order, f"{address.hostname}:{address.port}")
        self.report = LoadReport()
        self.begins_at = self.ends_at = 0
        self.latencies = array("q")
        self.connections: list[Connection] = []
        self.idle: deque[Connection] = deque()
        # Scheduled instants for which no connection was free.
        self.late: deque[int] = deque()
        self.finished = asyncio.Event()
        self.open_count = 0

    async def run(self) -> LoadReport:
        """Connect, load, and wait until every call that was started has been ended."""
        loop = asyncio.get_running_loop()
        for number in range(self.order.connections):
            _, connection = await loop.create_connection(partial(Connection, self, number), self.host, self.port)
            self.connections.append(connection)
        self.open_count = len(self.connections)
        timing.collect_no_garbage()
        began = clock()
        self.begins_at, self.ends_at = timing.span(self.order, began)
        measuring = loop.create_task(timing.measure(self.report, self.begins_at, self.ends_at))
        if self.order.rate:
            self.idle.extend(self.connections)
            await self._schedule(began)
        else:
            for connection in self.connections:
                connection.ask(clock())
        await asyncio.wait_for(self.finished.wait(), timing.patience_seconds(self.order))
        await measuring
        self.report.latencies = timing.counted(self.latencies)
        return self.report

    def free(self, connection: "Connection") -> None:
        """Let a connection that was answered ask again: at once, or when the schedule says."""
        now = clock()
        if self.late:
            connection.ask(self.late.popleft())
        elif now >= self.ends_at and connection.is_between_rounds:
            self._close(connection)
        elif not self.order.rate or now >= self.ends_at:
            connection.ask(now)
        else:
            self.idle.append(connection)

    def lost(self) -> None:
        """Note that the server closed a connection that was in use: its calls cannot be ended."""
        self.report.surprise(b"the server closed a connection")
        self.open_count -= 1
        if self.open_count == 0:
            self.finished.set()

    def _close(self, connection: "Connection") -> None:
        connection.close()
        self.open_count -= 1
        if self.open_count == 0:
            self.finished.set()

    async def _schedule(self, began: int) -> None:
        """Ask by chance, at the stated rate on average, whatever the server does."""
        dice, mean = Random(self.order.switch), NANOSECONDS / self.order.rate  # noqa: S311 -- repeatable chance
        due = began
        while due < self.ends_at:
            now = clock()
            while due <= now:
                if self.idle:
                    self.idle.popleft().ask(due)
                else:
                    self.late.append(due)
                due += int(dice.expovariate(1) * mean)
            await asyncio.sleep(TICK_SECONDS)
        # What is begun is ended, without hurry.
        while self.idle:
            self.free(self.idle.popleft())


class Connection(asyncio.Protocol):
    """One connection: a round of starts, then of their extends, then of their ends."""

    def __init__(self, load: Load, number: int) -> None:
        """Begin with the first call of the first round."""
        self._load, self._number = load, number
        self._bodies, self._report = load.bodies, load.report
        self._is_batch = load.order.is_batch
        # The first round is of another length for each, so that starts and ends come mixed, as they do.
        self._depth = 1 + number * load.order.calls_each // load.order.connections
        self._prefix = f"call-{number:06d}"
        self._serial = 0
        self._pair = number * 7_919
        self._round: list[bytes] = []
        self._step, self._place = START, 0
        self._since = 0
        self._sent = self._waiting = b""

    @property
    def is_between_rounds(self) -> bool:
        """Tell whether no call of this connection is open."""
        return self._step == START and self._place == 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep what is written to."""
        # uvloop's transports are of no class of asyncio's.
        self._transport = cast("asyncio.Transport", transport)

    def connection_lost(self, _: Exception | None) -> None:
        """Tell the load, unless it was the load that closed."""
        if not self._transport.is_closing():
            self._load.lost()

    def close(self) -> None:
        """Close: this connection has done its part."""
        self._transport.close()

    def ask(self, since: int) -> None:
        """Send the next request; its latency counts from an instant."""
        self._since = since
        self._sent = self._batch() if self._is_batch else self._single()
        self._transport.write(self._sent)

    def data_received(self, data: bytes) -> None:
        """Take an answer, whole or in parts."""
        if self._waiting:
            data = self._waiting + data
        head = data.find(b"\r\n\r\n")
        # Of Content-Length, in whichever case.
        place = data.find(b"ength: ")
        if head < 0 or place < 0 or len(data) < head + 4 + int(data[place + 7 : data.find(b"\r", place)]):
            self._waiting = data
            return
        self._waiting = b""
        now, load = clock(), self._load
        if _NO_TIME.search(data) is not None:
            # As a switch does: the same again, and who waits waits on.
            self._report.repeated += 1
            self._transport.write(self._sent)
            return
        # Of an open loop everything counts that was due in time, however late it was answered.
        counted_at = self._since if load.order.rate else now
        if load.begins_at <= counted_at < load.ends_at:
            load.latencies.append(now - self._since)
            load.report.operations += len(self._round) if self._is_batch else 1
        if self._is_batch:
            self._read_batch(data, head + 4)
        else:
            self._read(data)
        load.free(self)

    def _single(self) -> bytes:
        if self._step == START:
            before, after = self._next_start()
            return before + self._round[-1] + after
        before, after = self._bodies.extend if self._step == EXTEND else self._bodies.end
        return before + self._round[self._place] + after

    def _batch(self) -> bytes:
        if self._step == START:
            operations = []
            for _ in range(self._depth):
                before, after = self._next_start()
                operations.append(before + self._round[-1] + after)
            return self._bodies.batch(operations)
        before, after = self._bodies.extend if self._step == EXTEND else self._bodies.end
        return self._bodies.batch([before + call_id + after for call_id in self._round])

    def _next_start(self) -> tuple[bytes, bytes]:
        self._serial += 1
        self._pair += 1
        self._round.append(f"{self._prefix}{self._serial:09d}".encode())
        return self._bodies.starts[self._pair % len(self._bodies.starts)]

    def _read(self, data: bytes) -> None:
        if self._step != END:
            if _ALLOWED not in data:
                self._report.surprise(data)
        else:
            place = data.find(_CHARGED)
            if place < 0:
                self._report.surprise(data)
            else:
                place += len(_CHARGED)
                self._report.acknowledged[self._round[self._place].decode()] = _micros(
                    data[place : data.find(b'"', place)]
                )
        self._place += 1
        if self._place == self._depth:
            self._turn()

    def _read_batch(self, data: bytes, body: int) -> None:
        try:
            answers = _decode_batch(data[body:])
        except msgspec.DecodeError:
            self._report.surprise(data)
            answers = []
        wanted = "ok" if self._step == END else "allow"
        for call_id, answer in zip(self._round, answers, strict=False):
            if answer.result != wanted:
                self._report.surprise(repr(answer).encode())
            elif self._step == END:
                self._report.acknowledged[call_id.decode()] = _micros(answer.charged.encode())
        self._turn()

    def _turn(self) -> None:
        """Go on to what follows a step with all calls of the round."""
        self._place = 0
        self._step = (self._step + 1) % 3
        if self._step == START:
            self._depth = self._load.order.calls_each
            self._round.clear()


def _micros(charged: bytes, known: dict[bytes, int] = {}) -> int:  # noqa: B006 -- a memory: few amounts, often
    micros = known.get(charged)
    if micros is None:
        whole, _, fraction = charged.partition(b".")
        micros = known[charged] = int(whole + fraction.ljust(6, b"0"))
    return micros


def main() -> None:
    """Do what standard input says."""
    order, path = read_order()
    write_report(path, uvloop.run(Load(order).run()))


if __name__ == "__main__":
    main()
