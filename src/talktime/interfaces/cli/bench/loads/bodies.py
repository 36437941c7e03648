"""HTTP requests of a switch, encoded before the load begins; a call's id is put in when it is sent."""

from random import Random
from typing import NamedTuple

from talktime.interfaces.cli.bench.measuring.reports import LoadOrder
from talktime.interfaces.cli.bench.world.people import pairs

# So many pairs of numbers are encoded; then they come again.
PAIRS_COUNT = 20_000
ID_BYTES = 20
GRANTED_SECONDS, ELAPSED_SECONDS, TALK_SECONDS = 60, 50, 75

START, EXTEND, END = range(3)
OPERATIONS = ("start", "extend", "end")


class Around(NamedTuple):
    """What stands before and after a call's id."""

    before: bytes
    after: bytes


class Bodies:
    """The requests of one load: starts of many pairs, and one extend and one end."""

    def __init__(self, order: LoadOrder, host: str) -> None:
        """Encode."""
        dice = Random(order.switch)  # noqa: S311 -- repeatable chance is the point
        chosen = pairs(dice, 1 if order.is_hot else order.organizations, PAIRS_COUNT)
        self._host, self._switch = host, order.switch
        frame = self._in_batch if order.is_batch else self._alone
        self.starts = [frame(START, f'"from":"{caller}","to":"{called}"') for caller, called in chosen]
        self.extend = frame(EXTEND, f'"granted_total":{GRANTED_SECONDS},"elapsed":{ELAPSED_SECONDS}')
        self.end = frame(END, f'"duration":{TALK_SECONDS},"cause":"bye"')

    def batch(self, operations: list[bytes]) -> bytes:
        """Return the request of many operations."""
        body = b"[" + b",".join(operations) + b"]"
        return _head("batch", len(body), self._host) + body

    def _alone(self, operation: int, fields: str) -> Around:
        before, after = '{"call_id":"', f'","switch":"{self._switch}",{fields}}}'
        head = _head(OPERATIONS[operation], len(before) + ID_BYTES + len(after), self._host)
        return Around(head + before.encode(), after.encode())

    def _in_batch(self, operation: int, fields: str) -> Around:
        before = f'{{"operation":"{OPERATIONS[operation]}","call_id":"'
        return Around(before.encode(), f'","switch":"{self._switch}",{fields}}}'.encode())


def _head(path: str, length: int, host: str) -> bytes:
    return (
        f"POST /v1/calls/{path} HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {length}\r\n\r\n"
    ).encode()
