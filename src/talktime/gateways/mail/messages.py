"""A mail as RFC 5322 wants it: the same mail gives the same bytes, whoever sends it and however often."""

from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, parseaddr

from talktime.core.organizations.deliveries import Mail


def message_of(mail: Mail, sender: str) -> EmailMessage:
    """Return the message; raise ValueError for a recipient that no header can carry."""
    message = EmailMessage(policy=SMTP)
    message["From"] = _address(sender)
    message["To"] = _address(mail.to)
    message["Subject"] = mail.subject
    message["Date"] = format_datetime(mail.at)
    message["Message-ID"] = f"<{mail.message_id}>"
    message["Auto-Submitted"] = "auto-generated"
    message["X-Auto-Response-Suppress"] = "All"
    message["Content-Language"] = mail.language
    message.set_content(mail.text)
    message.add_alternative(mail.html, subtype="html")
    # Else it is random, and a repetition would differ.
    message.set_boundary(f"=_{mail.message_id}")
    return message


def _address(text: str) -> Address:
    name, written = parseaddr(text)
    username, _, domain = written.partition("@")
    return Address(name, username, domain)
