"""Asterisk, told over its manager interface (AMI): the call's channel is looked at, and hung up if it is the call's.

A channel is named by `switch_ref`, else by the call's leg: AMI takes a unique id wherever it takes a name. Names begin
anew when Asterisk is restarted, so nothing is hung up whose unique or linked id is not that of the call. `Hangup` would
take a regular expression between slashes for many channels at once: what begins with a slash is never sent.
"""

import asyncio
from collections.abc import AsyncIterator, Coroutine, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, TypeVar

from talktime.core.calls.cutting import CallOnSwitch, HangUp, HangUpResult, SwitchState
from talktime.gateways.switches.posting import SAID_CHARACTERS_MAX, TIMEOUT_SECONDS, NoAnswer

GREETING = b"Asterisk Call Manager/"
PORT = 5038
CHANNEL_CHARACTERS_MAX = 255
NO_SUCH_CHANNEL = "No such channel"

Message = dict[str, str]
AnswerT = TypeVar("AnswerT")


class _Refused(Exception):  # noqa: N818 -- told as a value by whoever called
    """Asterisk said no to the action; the message is its own."""


@dataclass(frozen=True, slots=True)
class AsteriskSwitch:
    """One Asterisk, and who we are in its manager.conf; `write=call` there."""

    host: str
    user: str
    secret: str = field(repr=False)
    port: int = PORT
    timeout_seconds: float = TIMEOUT_SECONDS

    def hang_up(self, calls: Sequence[CallOnSwitch]) -> list[HangUpResult]:
        """End calls one after the other; never raises. After one that got no answer the others are not tried."""
        return asyncio.run(self._hang_up_all(calls))

    def look(self) -> SwitchState:
        """Tell whether Asterisk answers and lets us in."""
        return asyncio.run(self._look())

    async def _hang_up_all(self, calls: Sequence[CallOnSwitch]) -> list[HangUpResult]:
        results: list[HangUpResult] = []
        try:
            async with self._connected() as manager:
                for call in calls:
                    results.append(await _hang_up(manager, call))  # noqa: PERF401 -- those before a failure count
        except _Refused as failure:
            results += [HangUpResult(HangUp.REFUSED, str(failure))] * (len(calls) - len(results))
        except NoAnswer as failure:
            results += [HangUpResult(HangUp.UNREACHED, str(failure))] * (len(calls) - len(results))
        return results

    async def _look(self) -> SwitchState:
        try:
            async with self._connected() as manager:
                return SwitchState(is_reached=True, said=manager.greeting)
        except (_Refused, NoAnswer) as failure:
            return SwitchState(is_reached=False, said=str(failure))

    @asynccontextmanager
    async def _connected(self) -> "AsyncIterator[_Manager]":
        """Log in, and off again; raise NoAnswer, or _Refused for a user that Asterisk does not know."""
        try:
            async with asyncio.timeout(self.timeout_seconds):
                reader, writer = await asyncio.open_connection(self.host, self.port)
        except TimeoutError as failure:
            raise NoAnswer(f"no connection within {self.timeout_seconds:g} s") from failure
        except (OSError, UnicodeError) as failure:
            raise NoAnswer(str(failure) or type(failure).__name__) from failure
        manager = _Manager(reader, writer, self.timeout_seconds)
        try:
            await manager.greet()
            await manager.ask({"Action": "Login", "Username": self.user, "Secret": self.secret, "Events": "off"})
            yield manager
            manager.send({"Action": "Logoff"})
        finally:
            writer.close()
            with suppress(OSError, TimeoutError):
                await asyncio.wait_for(writer.wait_closed(), self.timeout_seconds)


@dataclass(slots=True)
class _Manager:
    """A connection to AMI: actions are answered by their ids, whatever events come between."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    timeout_seconds: float
    greeting: str = ""
    actions_count: int = 0

    async def greet(self) -> None:
        """Read the line by which Asterisk introduces itself."""
        line = await self._within_time(self._line())
        if not line.startswith(GREETING):
            raise NoAnswer(f"this is no Asterisk: it says {_text(line)[:SAID_CHARACTERS_MAX]!r}")
        self.greeting = _text(line)[:SAID_CHARACTERS_MAX]

    async def ask(self, action: Message) -> None:
        """Send an action; raise _Refused where the response is an error."""
        await self._within_time(self._answered(action, last_event=""))

    async def status(self, channel: str) -> Message:
        """Return what Asterisk says of a channel; raise _Refused where there is none of that name."""
        action = {"Action": "Status", "Channel": channel}
        events = await self._within_time(self._answered(action, last_event="StatusComplete"))
        found = [event for event in events if event.get("event") == "Status"]
        if len(found) != 1:
            raise _Refused(NO_SUCH_CHANNEL if not found else "several channels of that name")
        return found[0]

    def send(self, action: Message) -> str:
        """Write an action, and return its id; no value may begin a line of its own."""
        self.actions_count += 1
        action_id = f"talktime-{self.actions_count}"
        lines = {**action, "ActionID": action_id}
        assert not any("\r" in value or "\n" in value for value in lines.values()), "one line for each field"
        self.writer.write(("".join(f"{name}: {value}\r\n" for name, value in lines.items()) + "\r\n").encode())
        return action_id

    async def _answered(self, action: Message, *, last_event: str) -> list[Message]:
        """Return the events that answer an action, up to the one that says it was the last."""
        action_id = self.send(action)
        events: list[Message] = []
        while True:
            message = await self._message()
            if message.get("actionid") != action_id:
                continue
            if message.get("response") == "Error":
                raise _Refused(message.get("message", "an error without words")[:SAID_CHARACTERS_MAX])
            if message.get("response") and not last_event:
                return events
            if message.get("event"):
                events.append(message)
            if last_event and message.get("event") == last_event:
                return events

    async def _message(self) -> Message:
        """Read lines of `Name: value` up to an empty one."""
        message: Message = {}
        while line := _text(await self._line()):
            name, _, value = line.partition(":")
            message[name.strip().lower()] = value.strip()
        return message

    async def _line(self) -> bytes:
        try:
            line = await self.reader.readline()
        except ValueError as failure:
            raise NoAnswer("a line without an end") from failure
        except OSError as failure:
            raise NoAnswer(str(failure) or type(failure).__name__) from failure
        if not line.endswith(b"\n"):
            raise NoAnswer("Asterisk closed the connection")
        return line

    async def _within_time(self, answer: Coroutine[Any, Any, AnswerT]) -> AnswerT:
        try:
            async with asyncio.timeout(self.timeout_seconds):
                return await answer
        except TimeoutError as failure:
            raise NoAnswer(f"no answer within {self.timeout_seconds:g} s") from failure


async def _hang_up(manager: _Manager, call: CallOnSwitch) -> HangUpResult:
    name = call.switch_ref or call.key.leg or call.key.call_id
    if not _names_a_channel(name):
        return HangUpResult(HangUp.REFUSED, f"{name[:CHANNEL_CHARACTERS_MAX]!r} names no channel")
    try:
        channel = await manager.status(name)
        if not {channel.get("uniqueid"), channel.get("linkedid")} & {call.key.call_id, call.key.leg}:
            return HangUpResult(HangUp.NOT_THERE, f"{name} is the channel of another call now")
        await manager.ask({"Action": "Hangup", "Channel": channel.get("channel", name)})
    except _Refused as failure:
        is_gone = str(failure) == NO_SUCH_CHANNEL
        return HangUpResult(HangUp.NOT_THERE if is_gone else HangUp.REFUSED, str(failure))
    return HangUpResult(HangUp.DONE, f"{channel.get('channel', name)} was hung up")


def _names_a_channel(name: str) -> bool:
    """Tell whether a name may be sent: one word of printable ASCII, and no regular expression."""
    is_word = name.isascii() and name.isprintable() and not any(character.isspace() for character in name)
    return is_word and 0 < len(name) <= CHANNEL_CHARACTERS_MAX and not name.startswith("/")


def _text(line: bytes) -> str:
    return line.decode("utf-8", "replace").rstrip("\r\n")
