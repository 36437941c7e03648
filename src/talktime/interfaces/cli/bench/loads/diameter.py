"""A load over Diameter: a few connections, many calls in flight on each, in a process of its own.

Requests are encoded before the load begins; the session's id and the numbers of a message are put in when it is sent.
A CCA tells no charge, so that an acknowledged end says that there is a CDR, and not of how much.
"""

import asyncio
from array import array
from datetime import UTC, datetime
from functools import partial
from random import Random
from struct import Struct
from typing import cast
from urllib.parse import urlsplit

import uvloop

from talktime.interfaces.cli.bench.loads import timing
from talktime.interfaces.cli.bench.loads.bodies import ELAPSED_SECONDS, GRANTED_SECONDS, PAIRS_COUNT, TALK_SECONDS
from talktime.interfaces.cli.bench.loads.timing import SILENCE_SECONDS_MAX, clock
from talktime.interfaces.cli.bench.measuring.reports import NOT_TOLD, LoadOrder, LoadReport, read_order, write_report
from talktime.interfaces.cli.bench.world.people import Pair, pairs
from talktime.interfaces.diameter.wire import codec
from talktime.interfaces.diameter.wire import dictionary as names
from talktime.interfaces.diameter.wire.codec import Header
from talktime.interfaces.diameter.wire.dictionary import Command, RequestType, ResultCode
from talktime.interfaces.diameter.wire.framing import Framer

REALM = "bench.test"
CONTEXT = "32260@3gpp.org"
# Of four bytes each, so that no padding follows it.
ID_BYTES = 20
_PHONE_NUMBER = 0
_NUMBERS = Struct(">II")
_NUMBERS_AT = 12
_SUCCESS = codec.unsigned_avp(names.RESULT_CODE, ResultCode.SUCCESS)
_TOO_BUSY = codec.unsigned_avp(names.RESULT_CODE, ResultCode.TOO_BUSY)
_STEPS = (RequestType.INITIAL, RequestType.UPDATE, RequestType.TERMINATION)


class Load:
    """All connections of one load, and what they have seen."""

    def __init__(self, order: LoadOrder) -> None:
        """Encode the requests."""
        address = urlsplit(order.url)
        assert address.hostname is not None
        assert address.port is not None
        self.order, self.host, self.port = order, address.hostname, address.port
        chosen = pairs(Random(order.switch), order.organizations, PAIRS_COUNT)  # noqa: S311 -- repeatable chance
        self.starts = [_encoded(order.switch, RequestType.INITIAL, pair) for pair in chosen]
        self.update, self.end = (_encoded(order.switch, kind) for kind in _STEPS[1:])
        self.report = LoadReport()
        self.latencies = array("q")
        self.begins_at = self.ends_at = 0
        self.open_count = order.connections
        self.finished = asyncio.Event()

    async def run(self) -> LoadReport:
        """Connect, load, and wait until every call that was started has been ended."""
        loop = asyncio.get_running_loop()
        connections = [
            (await loop.create_connection(partial(Connection, self, number), self.host, self.port))[1]
            for number in range(self.order.connections)
        ]
        for connection in connections:
            await asyncio.wait_for(connection.is_open.wait(), SILENCE_SECONDS_MAX)
        timing.collect_no_garbage()
        self.begins_at, self.ends_at = timing.span(self.order, clock())
        measuring = loop.create_task(timing.measure(self.report, self.begins_at, self.ends_at))
        for connection in connections:
            connection.begin()
        await asyncio.wait_for(self.finished.wait(), timing.patience_seconds(self.order))
        await measuring
        self.report.operations = len(self.latencies)
        self.report.latencies = timing.counted(self.latencies)
        return self.report

    def closed(self) -> None:
        """Note that a connection has done its part."""
        self.open_count -= 1
        if self.open_count == 0:
            self.finished.set()


class Connection(asyncio.Protocol):
    """One peer: so many calls side by side, each asked on as soon as it is answered."""

    def __init__(self, load: Load, number: int) -> None:
        """Begin before the handshake."""
        self._load, self._number, self._depth = load, number, load.order.calls_each
        self._framer = Framer()
        self._ids = [b""] * self._depth
        self._steps = [0] * self._depth
        self._since = [0] * self._depth
        self._sent = [b""] * self._depth
        self._serial = 0
        self._running_count = 0
        self._is_closing = False
        self.is_open = asyncio.Event()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Name ourselves."""
        self._transport = cast("asyncio.Transport", transport)
        self._transport.write(_capabilities(self._load.order.switch))

    def connection_lost(self, _: Exception | None) -> None:
        """Tell the load where it was not us who closed."""
        if not self._is_closing:
            self._load.report.surprise(b"the server closed a connection")
            self._load.closed()

    def begin(self) -> None:
        """Start all calls."""
        self._running_count = self._depth
        now = clock()
        self._transport.write(b"".join(self._next(slot, now) for slot in range(self._depth)))

    def data_received(self, data: bytes) -> None:
        """Take what was answered, and ask on."""
        now = clock()
        asked = []
        for message in self._framer.feed(data):
            if not self.is_open.is_set():
                assert _SUCCESS in message, message
                self.is_open.set()
                continue
            (slot, _) = _NUMBERS.unpack_from(message, _NUMBERS_AT)
            if _TOO_BUSY in message:
                # As a client does: the same again, and who waits waits on.
                self._load.report.repeated += 1
                asked.append(self._sent[slot])
                continue
            self._take(message, slot, now)
            if self._steps[slot] == 0 and now >= self._load.ends_at:
                self._running_count -= 1
            else:
                asked.append(self._next(slot, now))
        if asked:
            self._transport.write(b"".join(asked))
        elif self._running_count == 0 and self.is_open.is_set() and self._serial:
            self._is_closing = True
            self._transport.close()
            self._load.closed()

    def _take(self, message: bytes, slot: int, now: int) -> None:
        load = self._load
        if load.begins_at <= now < load.ends_at:
            load.latencies.append(now - self._since[slot])
        step = self._steps[slot]
        if _SUCCESS not in message:
            load.report.surprise(repr(message).encode())
        elif _STEPS[step] is RequestType.TERMINATION:
            load.report.acknowledged[self._ids[slot].decode()] = NOT_TOLD
        self._steps[slot] = (step + 1) % len(_STEPS)

    def _next(self, slot: int, now: int) -> bytes:
        self._since[slot] = now
        match _STEPS[self._steps[slot]]:
            case RequestType.INITIAL:
                self._serial += 1
                self._ids[slot] = f"call-{self._number:06d}{self._serial:09d}".encode()
                starts = self._load.starts
                head, tail = starts[(self._number * 7_919 + self._serial) % len(starts)]
            case RequestType.UPDATE:
                head, tail = self._load.update
            case _:
                head, tail = self._load.end
        # After the numbers comes the Session-Id's own header, which stands at the end of the first part.
        numbers = _NUMBERS.pack(slot, slot)
        self._sent[slot] = head[:_NUMBERS_AT] + numbers + head[_NUMBERS_AT:] + self._ids[slot] + tail
        return self._sent[slot]


def _encoded(host: str, kind: RequestType, pair: Pair | None = None) -> tuple[bytes, bytes]:
    """Return what stands before and after a session's id, without the numbers of the message."""
    number = _STEPS.index(kind)
    used = (0, ELAPSED_SECONDS, TALK_SECONDS - ELAPSED_SECONDS)[number]
    avps = codec.text_avp(names.SESSION_ID, "x" * ID_BYTES) + b"".join(
        (
            codec.text_avp(names.ORIGIN_HOST, host),
            codec.text_avp(names.ORIGIN_REALM, REALM),
            codec.text_avp(names.DESTINATION_REALM, REALM),
            codec.unsigned_avp(names.AUTH_APPLICATION_ID, names.CREDIT_CONTROL_APPLICATION),
            codec.text_avp(names.SERVICE_CONTEXT_ID, CONTEXT),
            codec.unsigned_avp(names.CC_REQUEST_TYPE, kind),
            codec.unsigned_avp(names.CC_REQUEST_NUMBER, number),
            codec.avp(names.EVENT_TIMESTAMP, codec.time_bytes(datetime.now(UTC))),
            b"" if pair is None else _parties(pair),
            _service(kind, used),
        )
    )
    header = Header(codec.REQUEST | codec.PROXIABLE, Command.CREDIT_CONTROL, names.CREDIT_CONTROL_APPLICATION, 0, 0)
    message = codec.write_message(header, avps)
    at = message.index(b"x" * ID_BYTES)
    return message[:_NUMBERS_AT] + message[_NUMBERS_AT + _NUMBERS.size : at], message[at + ID_BYTES :]


def _parties(pair: Pair) -> bytes:
    ims = codec.avp(names.CALLING_PARTY_ADDRESS, f"tel:+{pair.caller}".encode()) + codec.avp(
        names.CALLED_PARTY_ADDRESS, f"tel:+{pair.called}".encode()
    )
    subscription = codec.group_avp(
        names.SUBSCRIPTION_ID,
        codec.unsigned_avp(names.SUBSCRIPTION_ID_TYPE, _PHONE_NUMBER),
        codec.text_avp(names.SUBSCRIPTION_ID_DATA, pair.caller),
    )
    return subscription + codec.group_avp(names.SERVICE_INFORMATION, codec.group_avp(names.IMS_INFORMATION, ims))


def _service(kind: RequestType, used: int) -> bytes:
    units = []
    if kind is not RequestType.TERMINATION:
        wanted = codec.unsigned_avp(names.CC_TIME, GRANTED_SECONDS)
        units.append(codec.group_avp(names.REQUESTED_SERVICE_UNIT, wanted))
    if kind is not RequestType.INITIAL:
        units.append(codec.group_avp(names.USED_SERVICE_UNIT, codec.unsigned_avp(names.CC_TIME, used)))
    return codec.group_avp(names.MULTIPLE_SERVICES_CREDIT_CONTROL, *units)


def _capabilities(host: str) -> bytes:
    header = Header(codec.REQUEST, Command.CAPABILITIES_EXCHANGE, names.BASE_APPLICATION, 0, 0)
    return codec.write_message(
        header,
        codec.text_avp(names.ORIGIN_HOST, host)
        + codec.text_avp(names.ORIGIN_REALM, REALM)
        + codec.address_avp(names.HOST_IP_ADDRESS, "127.0.0.1")
        + codec.unsigned_avp(names.VENDOR_ID, names.TGPP)
        + codec.text_avp(names.PRODUCT_NAME, "talktime bench", 0)
        + codec.unsigned_avp(names.AUTH_APPLICATION_ID, names.CREDIT_CONTROL_APPLICATION),
    )


def main() -> None:
    """Do what standard input says."""
    order, path = read_order()
    write_report(path, uvloop.run(Load(order).run()))


if __name__ == "__main__":
    main()
