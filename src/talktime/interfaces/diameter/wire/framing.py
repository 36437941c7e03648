"""A stream of bytes as whole messages, whatever pieces it comes in."""

from talktime.interfaces.diameter.wire import codec
from talktime.interfaces.diameter.wire.codec import Malformed

_LENGTH_BYTES = 4


class Framer:
    """Cuts what a connection sends into messages; `broken` says why it cannot any more: the connection must end."""

    def __init__(self) -> None:
        """Begin between two messages."""
        self._rest = bytearray()
        self.broken: Malformed | None = None

    def feed(self, data: bytes) -> list[bytes]:
        """Return the messages that are whole now; of what follows a broken one nothing is read."""
        if not self._rest:
            messages, after = self._cut(data)
            self._rest += data[after:]
            return messages
        # Appended, not joined anew: a message that comes byte by byte costs no more than its length.
        self._rest += data
        messages, after = self._cut(self._rest)
        del self._rest[:after]
        return messages

    def _cut(self, data: bytes | bytearray) -> tuple[list[bytes], int]:
        messages: list[bytes] = []
        at, end = 0, len(data)
        while self.broken is None and at + _LENGTH_BYTES <= end:
            try:
                after = at + codec.message_length(data, at)
            except Malformed as failure:
                self.broken = failure
                return messages, end
            if after > end:
                break
            messages.append(bytes(data[at:after]))
            at = after
        return messages, at
