"""A mail as RFC 5322 wants it: the same mail gives the same bytes, whoever sends it and however often."""

from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, parseaddr

from talktime.core.organizations.deliveries import Mail

# Seven bits a byte, because not every server on the way takes eight.
PLAIN = SMTP.clone(cte_type="7bit")


def message_of(mail: Mail, sender: str) -> EmailMessage:
    """Return the message; raise ValueError for a recipient that no header can carry."""
    name, address = parseaddr(sender)
    writer, reader = _address(address, name), _address(mail.to)
    is_plain = (writer.username + reader.username).isascii()
    message = EmailMessage(policy=PLAIN if is_plain else PLAIN.clone(utf8=True))
    message["From"], message["To"] = writer, reader
    message["Subject"] = mail.subject
    message["Date"] = format_datetime(mail.at)
    message["Message-ID"] = f"<{mail.message_id}>"
    message["Auto-Submitted"] = "auto-generated"
    message["X-Auto-Response-Suppress"] = "All"
    message.set_content(mail.text)
    message.add_alternative(mail.html, subtype="html")
    for attachment in mail.attachments:
        kind, _, subtype = attachment.media_type.partition("/")
        message.add_attachment(attachment.content, kind, subtype, filename=attachment.name)
    # Last, because what stands here before becomes a header of the first part.
    message["Content-Language"] = mail.language
    # Else it is random, and a repetition would differ.
    parts = (part for part in message.walk() if part.is_multipart())
    for number, part in enumerate(parts):
        part.set_boundary(f"=_{number or ''}{mail.message_id}")
    return message


def _address(text: str, name: str = "") -> Address:
    username, at, domain = text.rpartition("@")
    if not (username and at and domain and text.isprintable()):
        message = "it is no address"
        raise ValueError(message)
    return Address(name, username, domain.encode("idna").decode("ascii"))
