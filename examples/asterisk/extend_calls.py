#!/usr/bin/env python3
"""Beside Asterisk: ask Talktime for more while calls run, and repeat reports of ends that did not get through.

    TALKTIME_URL=http://127.0.0.1:8080 AMI_SECRET=… python3 extend_calls.py

It hears of calls by the UserEvents of extensions.conf, over Asterisk's manager interface (AMI), and lengthens them by
AbsoluteTimeout. It never cuts: a call that it does not lengthen, because it is down or Talktime is, ends with its
grant, by Asterisk's own timer. Python 3.11 or later; nothing to install.
"""

import asyncio
import json
import logging
import os
import sys
import time
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any
from urllib.error import URLError
from urllib.request import Request, urlopen

# Talktime answers within its deadline of 2 s; who waits longer has met a server that hangs.
TIMEOUT_SECONDS = 3
RETRY_SECONDS = 1.0
# An end is repeated for a day; Talktime has closed the call itself long before.
REPORT_ATTEMPTS_MAX = 86_400

log = logging.getLogger("extend_calls")
Message = dict[str, str]
# Reports on their way to Talktime; a task that nobody holds may vanish.
REPORTS: set[asyncio.Task[None]] = set()


@dataclass
class Call:
    """An answered call: what names it in every request, and what Talktime has granted since the answer."""

    key: str
    channel: str
    caller: str
    granted_seconds: int
    recheck_seconds: int
    is_final: bool
    answered: float

    @property
    def elapsed_seconds(self) -> int:
        """Return the whole seconds since the answer."""
        return int(time.monotonic() - self.answered)


class Helper:
    """One connection to Asterisk; calls being extended belong to it, reports outlive it."""

    def __init__(self, talktime_url: str, writer: asyncio.StreamWriter) -> None:
        """Speak to Talktime and to Asterisk."""
        self._talktime_url = talktime_url
        self._writer = writer
        self.calls: set[asyncio.Task[None]] = set()

    def login(self, user: str, secret: str) -> None:
        """Introduce ourselves; only user events are wanted."""
        self._send({"Action": "Login", "Username": user, "Secret": secret, "Events": "user"})

    def hear(self, message: Message) -> None:
        """Begin what an event asks for."""
        if message.get("Response") == "Error":
            # Mostly a channel that has hung up meanwhile.
            log.info("asterisk: %s", message.get("Message"))
        if message.get("UserEvent") == "TalktimeAnswered":
            _begin(self._extend(_call_of(message)), self.calls)
        elif message.get("UserEvent") == "TalktimeUntold":
            _begin(_report(self._talktime_url, message["TalktimeReport"]), REPORTS)

    async def _extend(self, call: Call) -> None:
        """Ask early, and again every second until the grant ends: the request says what we have, so it may repeat."""
        while not call.is_final and call.elapsed_seconds < call.granted_seconds:
            await asyncio.sleep(max(0.0, call.answered + call.recheck_seconds - time.monotonic()))
            form = f"{call.key}&granted_total={call.granted_seconds}&elapsed={call.elapsed_seconds}"
            answer = await asyncio.to_thread(_post, f"{self._talktime_url}/v1/calls/extend", form)
            if answer is None:
                call.recheck_seconds = 0
                await asyncio.sleep(RETRY_SECONDS)
                continue
            if answer.get("result") != "allow":
                log.info("no more for %s: %s", call.key, answer)
                return
            self._lengthen(call, answer)

    def _lengthen(self, call: Call, answer: dict[str, Any]) -> None:
        call.is_final = bool(answer["final"])
        call.recheck_seconds = max(answer["recheck_after"], call.elapsed_seconds + 1)
        if answer["granted_total"] == call.granted_seconds:
            return
        call.granted_seconds = answer["granted_total"]
        left = max(1, round(call.granted_seconds - (time.monotonic() - call.answered)))
        self._send({"Action": "AbsoluteTimeout", "Channel": call.channel, "Timeout": str(left)})
        # The dialplan tells a cut from a hang-up by it.
        variable = {"Variable": "TT_GRANTED", "Value": str(call.granted_seconds)}
        self._send({"Action": "Setvar", "Channel": call.caller, **variable})

    def _send(self, message: Message) -> None:
        lines = "".join(f"{name}: {value}\r\n" for name, value in message.items())
        self._writer.write(f"{lines}\r\n".encode())


async def serve(talktime_url: str, host: str, port: int, user: str, secret: str) -> None:
    """Serve one connection until Asterisk closes it; its calls are extended no more then."""
    reader, writer = await asyncio.open_connection(host, port)
    helper = Helper(talktime_url, writer)
    try:
        await reader.readline()  # Asterisk's greeting
        helper.login(user, secret)
        while message := await _read(reader):
            helper.hear(message)
    finally:
        for call in helper.calls:
            call.cancel()
        writer.close()


async def serve_forever(talktime_url: str, host: str, port: int, user: str, secret: str) -> None:
    """Connect again whenever Asterisk was restarted."""
    while True:
        try:
            await serve(talktime_url, host, port, user, secret)
        except OSError as failure:
            log.warning("asterisk: %s", failure)
        await asyncio.sleep(RETRY_SECONDS)


def _call_of(message: Message) -> Call:
    return Call(
        key=message["TalktimeKey"],
        channel=message["TalktimeChannel"],
        caller=message["TalktimeCaller"],
        granted_seconds=int(message["TalktimeGranted"]),
        recheck_seconds=int(message["TalktimeRecheck"]),
        is_final=message["TalktimeFinal"] == "1",
        answered=time.monotonic(),
    )


async def _read(reader: asyncio.StreamReader) -> Message:
    """Read one message of AMI, lines of `Name: value` up to an empty one; nothing means that the connection ended."""
    message: Message = {}
    while line := await reader.readline():
        text = line.decode("utf-8", "replace").rstrip("\r\n")
        if text:
            name, _, value = text.partition(": ")
            message[name] = value
        elif message:
            return message
    return {}


async def _report(talktime_url: str, report: str) -> None:
    for _ in range(REPORT_ATTEMPTS_MAX):
        answer = await asyncio.to_thread(_post, f"{talktime_url}/v1/calls/end", report)
        if answer is not None:
            log.info("told at last: %s: %s", report, answer)
            return
        await asyncio.sleep(RETRY_SECONDS)


def _post(url: str, form: str) -> dict[str, Any] | None:
    """Return the answer, or None where there is none to go by."""
    try:
        with urlopen(Request(url, form.encode()), timeout=TIMEOUT_SECONDS) as answer:  # noqa: S310 -- the operator's own URL
            read: dict[str, Any] = json.load(answer)
            return read
    except (URLError, OSError, ValueError) as failure:
        log.warning("talktime: %s: %s", form, failure)
        return None


def _begin(work: Coroutine[Any, Any, None], tasks: set[asyncio.Task[None]]) -> None:
    task = asyncio.get_running_loop().create_task(work)
    tasks.add(task)
    task.add_done_callback(tasks.discard)


def main() -> int:
    """Run until interrupted."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    setting = os.environ.get
    asyncio.run(
        serve_forever(
            setting("TALKTIME_URL", "http://127.0.0.1:8080"),
            setting("AMI_HOST", "127.0.0.1"),
            int(setting("AMI_PORT", "5038")),
            setting("AMI_USER", "talktime"),
            setting("AMI_SECRET", ""),
        )
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
