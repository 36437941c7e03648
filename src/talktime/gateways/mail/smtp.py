"""Mails handed to an SMTP server; what it answers decides whether to try again."""

import asyncio
from dataclasses import dataclass
from email.message import EmailMessage
from enum import Enum

from aiosmtplib import (
    SMTP,
    SMTPException,
    SMTPRecipientRefused,
    SMTPRecipientsRefused,
    SMTPResponseException,
    SMTPSenderRefused,
)
from aiosmtplib.errors import SMTPAuthenticationError, SMTPConnectResponseError, SMTPDataError, SMTPNotSupported

from talktime.core.organizations.deliveries import Mail, NotSent, Refused, SendResult, Sent
from talktime.gateways.mail.messages import message_of

# For the whole conversation: a delivery's lease is longer than a batch of these.
TIMEOUT_SECONDS = 20
FIRST_PERMANENT_CODE = 500


class SmtpSecurity(Enum):
    """How the conversation is kept private: from the first byte, after STARTTLS, or not at all."""

    TLS = "tls"
    STARTTLS = "starttls"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class SmtpServer:
    """The server that takes our mails; user and password are empty where it knows us otherwise."""

    host: str
    port: int = 587
    user: str = ""
    password: str = ""
    security: SmtpSecurity = SmtpSecurity.STARTTLS


class SmtpMailer:
    """Sends each mail in a conversation of its own."""

    def __init__(self, server: SmtpServer, sender: str) -> None:
        """Send from an address such as `Talktime <talktime@example.com>`."""
        self._server = server
        self._sender = sender

    def send(self, mail: Mail) -> SendResult:
        """Hand the mail over; refused for good where the server refuses this recipient or this mail."""
        try:
            message = message_of(mail, self._sender)
        except ValueError as failure:
            return Refused(f"{mail.to!r} cannot be written to: {failure}")
        try:
            answer = asyncio.run(self._hand_over(message))
        except SMTPRecipientsRefused as refusal:
            return _judged(refusal.recipients[0])
        except (SMTPRecipientRefused, SMTPDataError) as refusal:
            return _judged(refusal)
        except SMTPNotSupported as failure:
            return Refused(f"the server cannot take mails for {mail.to!r}: {failure}")
        except (SMTPAuthenticationError, SMTPSenderRefused, SMTPConnectResponseError) as refusal:
            # It is us whom it refuses: whatever else we send will be refused too, until the settings change.
            return NotSent(f"{self._server.host} refuses us: {_words(refusal)}", is_down=True)
        except SMTPResponseException as refusal:
            return NotSent(_words(refusal))
        except (SMTPException, OSError, TimeoutError) as failure:
            return NotSent(
                f"{self._server.host}:{self._server.port}: {str(failure) or 'no answer in time'}", is_down=True
            )
        return Sent(answer)

    async def _hand_over(self, message: EmailMessage) -> str:
        server = self._server
        async with asyncio.timeout(TIMEOUT_SECONDS):
            async with SMTP(
                hostname=server.host,
                port=server.port,
                username=server.user or None,
                password=server.password or None,
                use_tls=server.security is SmtpSecurity.TLS,
                start_tls=server.security is SmtpSecurity.STARTTLS,
                timeout=TIMEOUT_SECONDS,
            ) as connection:
                _, answer = await connection.send_message(message)
        return answer


def _judged(refusal: SMTPResponseException) -> SendResult:
    if refusal.code >= FIRST_PERMANENT_CODE:
        return Refused(_words(refusal))
    return NotSent(_words(refusal))


def _words(refusal: SMTPResponseException) -> str:
    return f"{refusal.code} {' '.join(refusal.message.split())}"
