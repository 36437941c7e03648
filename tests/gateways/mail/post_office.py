"""A real SMTP server on 127.0.0.1 that keeps what it takes, and refuses what it is told to."""

import asyncio
import email
import email.policy
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from email.message import EmailMessage
from typing import Any

from aiosmtpd.smtp import SMTP, Envelope


class PostOffice:
    """`received` holds every mail; `refusals` the answers that recipients get, `after_data` what all mails get."""

    def __init__(self) -> None:
        self.received: list[EmailMessage] = []
        self.refusals: dict[str, str] = {}
        self.after_data = "250 OK"
        self.address = ("", 0)
        self.drops_after_data = False
        self.takes_every_letter = True
        self.close: Callable[[], object] = threading.Event

    async def handle_RCPT(self, _server: SMTP, _session: Any, envelope: Envelope, address: str, _options: Any) -> str:  # noqa: N802 -- aiosmtpd's name
        if address in self.refusals:
            return self.refusals[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, _session: Any, envelope: Envelope) -> str:  # noqa: N802 -- the same
        if self.after_data.startswith("250"):
            assert isinstance(envelope.content, bytes)
            message = email.message_from_bytes(envelope.content, policy=email.policy.default)
            assert isinstance(message, EmailMessage)
            self.received.append(message)
        if self.drops_after_data:
            assert server.transport is not None
            server.transport.abort()
        return self.after_data


@contextmanager
def open_post_office() -> Iterator[PostOffice]:
    """Serve in a thread until the end; the port is whichever was free."""
    office, is_open = PostOffice(), threading.Event()
    thread = threading.Thread(target=lambda: asyncio.run(_serve(office, is_open)))
    thread.start()
    is_open.wait()
    try:
        yield office
    finally:
        office.close()
        thread.join()


async def _serve(office: PostOffice, is_open: threading.Event) -> None:
    loop, is_over = asyncio.get_running_loop(), asyncio.Event()
    server = await loop.create_server(
        lambda: SMTP(office, loop=loop, hostname="post.example", enable_SMTPUTF8=office.takes_every_letter),
        "127.0.0.1",
        0,
    )
    office.address = server.sockets[0].getsockname()
    office.close = lambda: loop.call_soon_threadsafe(is_over.set)
    is_open.set()
    await is_over.wait()
    server.close()
