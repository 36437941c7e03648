"""Mails as `.eml` files in a folder: what is sent where no mail server is set. Any mail program opens them."""

import os
from pathlib import Path

from talktime.core.organizations.deliveries import Mail, NotSent, Refused, SendResult, Sent
from talktime.gateways.mail.messages import message_of


class FolderMailer:
    """Writes each mail into a file named by its id, so that sending it twice leaves one file."""

    def __init__(self, folder: Path, sender: str) -> None:
        """Write into a folder, which is made when it is needed."""
        self._folder = folder
        self._sender = sender

    def send(self, mail: Mail) -> SendResult:
        """Write the file, whole or not at all."""
        try:
            body = message_of(mail, self._sender).as_bytes()
        except ValueError as failure:
            return Refused(f"{mail.to!r} cannot be written to: {failure}")
        path = self._folder / f"{mail.message_id}.eml"
        # A name of its own for each writer: two that write the same mail must not meet in one half-written file.
        half = path.with_suffix(f".{os.getpid()}.part")
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            half.write_bytes(body)
            half.replace(path)
        except OSError as failure:
            return NotSent(f"{self._folder}: {failure.strerror or failure}", is_down=True)
        return Sent(f"written to {path}")
