"""A connection to a Diameter peer: its handshake, its watchdog, its goodbye, and back-pressure (RFC 6733 §5, RFC 3539).

We answer and never call: the peer connects and names itself, then its Credit-Control-Requests are handed on as they
come, all of a read together, and answered in whatever order they are done.
"""

import asyncio
import random
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import field
from enum import Enum, auto
from typing import Any, cast

import structlog

from talktime.core.values.frozen import frozen
from talktime.interfaces.diameter import profiles, reading
from talktime.interfaces.diameter.profiles import ClientProfile
from talktime.interfaces.diameter.translating import AnswerWriter, Identity
from talktime.interfaces.diameter.wire import codec
from talktime.interfaces.diameter.wire import dictionary as names
from talktime.interfaces.diameter.wire.codec import Avps, Header, Malformed, Message
from talktime.interfaces.diameter.wire.dictionary import Command, DisconnectCause, RequestType, ResultCode
from talktime.interfaces.diameter.wire.framing import Framer

CAPABILITIES_SECONDS_MAX = 10.0
LEAVE_SECONDS_MAX = 3.0
# So many requests of one connection may wait for their answers; then it is not read until some have them.
OWED_MAX = 1_000
HOST_BYTES_MAX = 255
# Watchdogs that all ran alike would come in bursts (RFC 3539 §3.4.1: two seconds of thirty).
WATCHDOG_JITTER = 1 / 15

log = structlog.get_logger()

# What answers requests: pieces of work, each with how many requests it answers, and the bytes that do.
Work = tuple[int, Coroutine[Any, Any, bytes]]
Begin = Callable[[Sequence[Message], ClientProfile], list[Work]]


@frozen
class PeerTerms:
    """Who we are, whom we know, and how patient we are; no known hosts: whoever comes."""

    identity: Identity
    known_hosts: frozenset[str] = frozenset()
    profiles: Mapping[str, ClientProfile] = field(default_factory=dict)
    watchdog_seconds: float = 30.0


class _State(Enum):
    WAITING = auto()
    OPEN = auto()
    CLOSING = auto()


class Peer(asyncio.Protocol):
    """One connection; at home in one event loop."""

    def __init__(self, terms: PeerTerms, begin: Begin, peers: set["Peer"]) -> None:
        """Answer by `begin`; be among the peers while connected."""
        self._terms, self._begin, self._peers = terms, begin, peers
        self._writer = AnswerWriter(terms.identity)
        self._framer = Framer()
        self._state = _State.WAITING
        self._profile = profiles.DEFAULT
        self._tasks: set[asyncio.Task[None]] = set()
        self._owed_count = 0
        self._is_writing_paused = self._is_reading_paused = self._is_watchdog_asked = False
        self._unread_since = 0.0
        self._own_requests_count = 0
        self.host = ""

    # ── the connection ──────────────────────────────────────────────────────────────────────────────────────

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Wait for the peer to name itself."""
        self._transport = cast("asyncio.Transport", transport)
        self._loop = asyncio.get_running_loop()
        self._gone: asyncio.Future[None] = self._loop.create_future()
        self._heard_at = self._loop.time()
        self._peers.add(self)
        self._timer = self._loop.call_later(CAPABILITIES_SECONDS_MAX, self._watch)

    def connection_lost(self, _: Exception | None) -> None:
        """Forget the connection; what it asked is charged all the same, and answered alike when asked again."""
        self._timer.cancel()
        self._peers.discard(self)
        self._state = _State.CLOSING
        if not self._gone.done():
            self._gone.set_result(None)
        log.info("diameter_peer_gone", peer=self.host, owed=self._owed_count)

    def data_received(self, data: bytes) -> None:
        """Answer what is whole, and hand on what has to be charged."""
        self._heard_at = self._loop.time()
        self._is_watchdog_asked = False
        charged: list[Message] = []
        for whole in self._framer.feed(data):
            if self._transport.is_closing():
                return
            message = self._read(whole)
            if message is not None:
                charged.append(message)
        if charged:
            self._hand_on(charged)
        if self._framer.broken is not None:
            log.warning("diameter_stream_broken", peer=self.host, reason=self._framer.broken.message)
            self._transport.close()

    def pause_writing(self) -> None:
        """Read no more from a peer that does not read what it is answered."""
        self._is_writing_paused = True
        self._unread_since = self._loop.time()
        self._flow()

    def resume_writing(self) -> None:
        """Go on reading."""
        self._is_writing_paused = False
        self._flow()

    async def leave(self) -> None:
        """Say goodbye, answer what is owed, and close (RFC 6733 §5.4)."""
        if self._state is _State.OPEN:
            self._state = _State.CLOSING
            cause = codec.unsigned_avp(names.DISCONNECT_CAUSE, DisconnectCause.REBOOTING)
            self._ask(Command.DISCONNECT_PEER, self._terms.identity.origin + cause)
            await asyncio.wait([self._gone], timeout=LEAVE_SECONDS_MAX)
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=LEAVE_SECONDS_MAX)
        self._transport.close()

    # ── requests and answers ────────────────────────────────────────────────────────────────────────────────

    def _read(self, whole: bytes) -> Message | None:
        """Return a request that has to be charged; whatever else it is has been answered."""
        try:
            is_credit_control = codec.command_of(whole) == Command.CREDIT_CONTROL
            message = codec.read_message(whole, reading.READ if is_credit_control else None)
        except Malformed as failure:
            self._answer_malformed(failure)
            return None
        header = message.header
        if not header.flags & codec.REQUEST:
            self._take_answer(header)
            return None
        problem = _problem(header)
        if problem is not None:
            self._send(
                self._writer.error(message, problem, f"command {header.command}, application {header.application}")
            )
        elif header.command == Command.CREDIT_CONTROL and self._may_charge(message):
            return message
        else:
            self._answer_base(message)
        return None

    def _may_charge(self, message: Message) -> bool:
        """Once goodbye is said nothing begins or goes on, but what ends is charged: its client may never repeat it."""
        if self._state is _State.CLOSING:
            return message.avps.get(names.CC_REQUEST_TYPE) == [_TERMINATION]
        return self._state is _State.OPEN

    def _answer_base(self, message: Message) -> None:
        command = message.header.command
        if command == Command.CAPABILITIES_EXCHANGE:
            self._exchange_capabilities(message)
        elif self._state is _State.WAITING:
            log.warning("diameter_peer_unnamed", command=command)
            self._transport.abort()
        elif command == Command.DEVICE_WATCHDOG:
            self._succeed(message, codec.unsigned_avp(names.ORIGIN_STATE_ID, self._terms.identity.state_id))
        elif command == Command.DISCONNECT_PEER:
            self._state = _State.CLOSING
            self._succeed(message)
            # It is the one who said goodbye that closes; he may have lost his way.
            self._loop.call_later(LEAVE_SECONDS_MAX, self._transport.close)
        else:
            self._send(self._writer.error(message, ResultCode.TOO_BUSY, "this server is about to stop"))

    def _answer_malformed(self, failure: Malformed) -> None:
        header = failure.header
        assert header is not None, "only whole messages are read"
        log.warning("diameter_malformed", peer=self.host, command=header.command, reason=failure.message)
        if header.flags & codec.REQUEST:
            empty = Message(header, {})
            self._send(self._writer.error(empty, failure.code, failure.message, failure.failed_avp))
        if self._state is _State.WAITING:
            self._transport.close()

    def _take_answer(self, header: Header) -> None:
        """To our watchdog: it has been heard already. To our goodbye: what is owed is answered, then all is said."""
        if header.command == Command.DISCONNECT_PEER and self._state is _State.CLOSING and not self._tasks:
            self._transport.close()

    def _hand_on(self, messages: Sequence[Message]) -> None:
        for count, work in self._begin(messages, self._profile):
            self._owed_count += count
            task = self._loop.create_task(self._deliver(count, work))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        self._flow()

    async def _deliver(self, count: int, work: Coroutine[Any, Any, bytes]) -> None:
        try:
            self._send(await work)
        finally:
            self._owed_count -= count
            self._flow()

    def _flow(self) -> None:
        """Read only while no more answers are owed, and written, than one connection may keep us busy with."""
        must_pause = self._is_writing_paused or self._owed_count > OWED_MAX
        if must_pause == self._is_reading_paused or self._transport.is_closing():
            return
        self._is_reading_paused = must_pause
        if must_pause:
            self._transport.pause_reading()
        else:
            self._heard_at = self._loop.time()
            self._transport.resume_reading()

    def _send(self, data: bytes) -> None:
        if data and not self._transport.is_closing():
            self._transport.write(data)

    def _succeed(self, request: Message, more: bytes = b"") -> None:
        success = codec.unsigned_avp(names.RESULT_CODE, ResultCode.SUCCESS)
        self._send(codec.answer_to(request.header, success + self._terms.identity.origin + more))

    def _ask(self, command: Command, avps: bytes) -> None:
        """Send a request of our own; its answer is not waited for."""
        self._own_requests_count += 1
        number = (self._terms.identity.state_id << 12 | self._own_requests_count & 0xFFF) & 0xFFFF_FFFF
        header = Header(codec.REQUEST, command, names.BASE_APPLICATION, number, number)
        self._send(codec.write_message(header, avps))

    # ── who it is ───────────────────────────────────────────────────────────────────────────────────────────

    def _exchange_capabilities(self, request: Message) -> None:
        try:
            host = _host_of(request.avps)
            applications = _applications(request.avps)
        except Malformed as failure:
            self._refuse(request, failure.code, failure.message, failure.failed_avp)
            return
        if self._terms.known_hosts and host not in self._terms.known_hosts:
            self._refuse(request, ResultCode.UNKNOWN_PEER, f"{host} is not among those that may connect here")
        elif not applications & {names.CREDIT_CONTROL_APPLICATION, names.RELAY_APPLICATION}:
            self._refuse(
                request, ResultCode.NO_COMMON_APPLICATION, "only credit control (application 4) is spoken here"
            )
        else:
            self._open(request, host)

    def _open(self, request: Message, host: str) -> None:
        self.host = host
        self._profile = self._terms.profiles.get(host, profiles.DEFAULT)
        self._succeed(request, _capabilities(self._terms.identity, self._own_address()))
        if self._state is _State.WAITING:
            self._state = _State.OPEN
            self._timer.cancel()
            self._timer = self._loop.call_later(self._patience_seconds(), self._watch)
            log.info("diameter_peer_open", peer=host, profile=self._profile.name)

    def _refuse(self, request: Message, code: ResultCode, message: str, failed_avp: bytes = b"") -> None:
        log.warning("diameter_peer_refused", reason=message)
        self._send(self._writer.error(request, code, message, failed_avp))
        self._transport.close()

    def _own_address(self) -> str:
        address: str = self._transport.get_extra_info("sockname")[0]
        return address

    # ── the watchdog ────────────────────────────────────────────────────────────────────────────────────────

    def _watch(self) -> None:
        """Ask a peer that has been silent whether it is there, and give up one that was asked already."""
        silent_seconds = self._loop.time() - self._heard_at
        patience_seconds = self._patience_seconds()
        if self._is_reading_paused or silent_seconds < self._terms.watchdog_seconds:
            is_lost = self._state is _State.WAITING
        else:
            is_lost = self._is_watchdog_asked or self._state is not _State.OPEN
        if self._is_writing_paused:
            is_lost |= self._loop.time() - self._unread_since >= 2 * self._terms.watchdog_seconds
        if is_lost:
            log.warning("diameter_peer_silent", peer=self.host, seconds=round(silent_seconds))
            self._transport.abort()
            return
        if silent_seconds >= self._terms.watchdog_seconds and not self._is_reading_paused:
            self._is_watchdog_asked = True
            state = codec.unsigned_avp(names.ORIGIN_STATE_ID, self._terms.identity.state_id)
            self._ask(Command.DEVICE_WATCHDOG, self._terms.identity.origin + state)
        self._timer = self._loop.call_later(patience_seconds, self._watch)

    def _patience_seconds(self) -> float:
        # Nothing secret hangs on the jitter.
        return self._terms.watchdog_seconds * random.uniform(1.0, 1.0 + WATCHDOG_JITTER)  # noqa: S311


_TERMINATION = RequestType.TERMINATION.to_bytes(4, "big")
_APPLICATIONS = {
    Command.CAPABILITIES_EXCHANGE: names.BASE_APPLICATION,
    Command.DEVICE_WATCHDOG: names.BASE_APPLICATION,
    Command.DISCONNECT_PEER: names.BASE_APPLICATION,
    Command.CREDIT_CONTROL: names.CREDIT_CONTROL_APPLICATION,
}


def _problem(header: Header) -> ResultCode | None:
    """Tell what is wrong with a request that its header shows, if anything."""
    if header.flags & codec.ERROR:
        return ResultCode.INVALID_HEADER_BITS
    # Of an application that is not ours no command is, either (RFC 6733 §7.1.3).
    if header.application not in (names.BASE_APPLICATION, names.CREDIT_CONTROL_APPLICATION):
        return ResultCode.APPLICATION_UNSUPPORTED
    application = _APPLICATIONS.get(header.command)  # type: ignore[call-overload]
    if application is None:
        return ResultCode.COMMAND_UNSUPPORTED
    return None if application == header.application else ResultCode.APPLICATION_UNSUPPORTED


def _host_of(avps: Avps) -> str:
    """Return who a peer says it is, in lower case as names of hosts are; raise Malformed."""
    values = avps.get(names.ORIGIN_HOST)
    if values is None:
        shown = codec.avp(names.ORIGIN_HOST, b"")
        raise Malformed("Origin-Host is missing", code=ResultCode.MISSING_AVP, failed_avp=shown)
    host = codec.text(values[0], names.ORIGIN_HOST)
    if not host or not host.isprintable() or len(values[0]) > HOST_BYTES_MAX:
        shown = codec.avp(names.ORIGIN_HOST, values[0][:HOST_BYTES_MAX])
        raise Malformed("Origin-Host is no name", code=ResultCode.INVALID_AVP_VALUE, failed_avp=shown)
    return host.lower()


def _applications(avps: Avps) -> set[int]:
    """Return the applications that a peer speaks, a vendor's or not (RFC 6733 §5.3); raise Malformed."""
    groups = [codec.read_avps(group) for group in avps.get(names.VENDOR_SPECIFIC_APPLICATION_ID, ())]
    return {
        codec.unsigned(value, names.AUTH_APPLICATION_ID)
        for each in (avps, *groups)
        for value in each.get(names.AUTH_APPLICATION_ID, ())
    }


def _capabilities(identity: Identity, address: str) -> bytes:
    """Return what a CEA says of us; Kamailio looks for the application as the vendor 3GPP's (sip/README.md 2)."""
    application = codec.unsigned_avp(names.AUTH_APPLICATION_ID, names.CREDIT_CONTROL_APPLICATION)
    return b"".join(
        (
            codec.address_avp(names.HOST_IP_ADDRESS, address),
            codec.unsigned_avp(names.VENDOR_ID, 0),
            codec.text_avp(names.PRODUCT_NAME, identity.product, 0),
            codec.unsigned_avp(names.ORIGIN_STATE_ID, identity.state_id),
            codec.unsigned_avp(names.SUPPORTED_VENDOR_ID, names.TGPP),
            application,
            codec.group_avp(
                names.VENDOR_SPECIFIC_APPLICATION_ID, codec.unsigned_avp(names.VENDOR_ID, names.TGPP), application
            ),
        )
    )
