"""A real SMTP server on 127.0.0.1 that keeps what it takes, and refuses what it is told to."""

import asyncio
import email
import email.policy
import threading
from collections.abc import Iterator
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

    async def handle_RCPT(  # noqa: N802 -- aiosmtpd's name
        self, server: SMTP, session: Any, envelope: Envelope, address: str, rcpt_options: list[str]
    ) -> str:
        if address in self.refusals:
            return self.refusals[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Any, envelope: Envelope) -> str:  # noqa: N802 -- the same
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
    """Serve until the end; the port is whichever was free."""
    office, loop = PostOffice(), asyncio.new_event_loop()
    made = loop.create_server(lambda: SMTP(office, loop=loop, hostname="post.example"), "127.0.0.1", 0)
    server = loop.run_until_complete(made)
    office.address = server.sockets[0].getsockname()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        yield office
    finally:
        loop.call_soon_threadsafe(server.close)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        _end(loop)


def _end(loop: asyncio.AbstractEventLoop) -> None:
    left = asyncio.all_tasks(loop)
    for task in left:
        task.cancel()
    loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))
    loop.close()
