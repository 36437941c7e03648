"""Diameter as no peer should speak it: real messages, spoiled as trees of AVPs and as bytes, and noise.

mangler = Mangler(seeds(), seed=17)
mangler.message()          one message, the same sequence for the same seed
mangler.stream()           some of them, cut into pieces anywhere
"""

import random
import re
import struct
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from tests.interfaces.charging.books import CALLED, caller_of
from tests.interfaces.diameter import kamailio
from tests.interfaces.diameter.kamailio import EVENT, INITIAL, TERMINATION, UPDATE

ORGANIZATIONS = 3
SESSIONS = 20
HEADER_BYTES, MESSAGE_MAX_BYTES = 20, 65_536
AVPS_MAX = 400
NESTED_MAX = 2_000
WOUNDS_MAX = 6
MESSAGES_IN_A_STREAM = 6
_VENDOR_BIT = 0x80
# What the base protocol, credit control and TS 32.299 group; others are taken as data.
_GROUPS = frozenset({260, 279, 284, 297, 423, 430, 431, 437, 443, 445, 446, 456, 458, 873, 876, 823, 833, 851})
_CODES = tuple(
    sorted(
        _GROUPS
        | {
            1,
            55,
            257,
            258,
            263,
            264,
            266,
            268,
            283,
            293,
            296,
            415,
            416,
            420,
            432,
            436,
            439,
            444,
            450,
            461,
            830,
            831,
            832,
        }
    )
)
_VENDORS = (0, 10_415, 1, 0xFFFF_FFFF)


@dataclass(frozen=True)
class Tree:
    """An AVP: its header's words, and data or the AVPs that it groups."""

    code: int
    flags: int
    vendor: int
    data: bytes = b""
    group: "tuple[Tree, ...] | None" = None
    # What its length says beyond the truth.
    lie: int = 0

    def encoded(self) -> bytes:
        """Return it with its padding."""
        data = self.data if self.group is None else b"".join(each.encoded() for each in self.group)
        vendor = struct.pack(">I", self.vendor) if self.flags & _VENDOR_BIT else b""
        length = max(0, min(8 + len(vendor) + len(data) + self.lie, 0xFF_FFFF))
        head = struct.pack(">II", self.code & 0xFFFF_FFFF, (self.flags & 0xFF) << 24 | length)
        return head + vendor + data + bytes(-len(data) % 4)


def seeds(folder: Path | None = None) -> list[bytes]:
    """Return messages that are right: Kamailio's, as python-diameter writes them, and captured ones where they are."""
    made = [kamailio.capabilities(), kamailio.base(kamailio.WATCHDOG), kamailio.base(kamailio.DISCONNECT)]
    for number in range(SESSIONS):
        session, caller = f"fuzz.test;1;{number}", caller_of(1 + number % ORGANIZATIONS)
        called = (CALLED, "112", "33140205050", "sip:nobody@host")[number % 4]
        made += [
            kamailio.credit_control(INITIAL, 0, session=session, caller=caller, called=called),
            kamailio.credit_control(UPDATE, 1, session=session, caller=caller, called=called, used=30),
            kamailio.credit_control(
                TERMINATION, 2, session=session, caller=caller, called=called, wanted=None, used=20
            ),
            kamailio.credit_control(
                EVENT, 0, session=f"{session};e", caller=caller, called=called, more=[kamailio.new(436, number % 4)]
            ),
        ]
    captures = sorted(folder.glob("*.pcapng")) if folder is not None else []
    return made + [message for capture in captures for message in _messages_in(capture.read_bytes())]


class Mangler:
    """Spoils messages."""

    def __init__(self, right: Sequence[bytes], seed: object) -> None:
        """Throw the dice of a seed."""
        self._right = right
        self._dice = random.Random(str(seed))

    def message(self) -> bytes:
        """Return the next message; one in five is right."""
        dice = self._dice
        chance, right = dice.random(), dice.choice(self._right)
        if chance < 0.2:
            return right
        if chance < 0.25:
            return dice.randbytes(dice.randrange(400))
        if chance < 0.45:
            return self._wounded(right)
        spoiled = self._spoiled(right)
        return self._wounded(spoiled) if chance < 0.5 else spoiled

    def stream(self) -> list[bytes]:
        """Return some messages, cut into pieces anywhere."""
        dice = self._dice
        data = b"".join(self.message() for _ in range(1 + dice.randrange(MESSAGES_IN_A_STREAM)))
        cuts = sorted(dice.randrange(len(data) + 1) for _ in range(dice.randrange(8)))
        return [data[begin:end] for begin, end in zip([0, *cuts], [*cuts, len(data)], strict=True) if begin < end]

    def _spoiled(self, right: bytes) -> bytes:
        """Change AVPs, and what the headers say of them."""
        dice = self._dice
        avps = list(_trees(right[HEADER_BYTES:]))
        for _ in range(dice.choice((1, 1, 1, 2, 3, 8))):
            self._change(avps)
        body = b"".join(each.encoded() for each in avps)[: MESSAGE_MAX_BYTES * 2]
        length = HEADER_BYTES + len(body)
        if dice.random() < 0.05:
            length = dice.choice((0, 4, 19, 20, length - 4, length + 4, 0xFF_FFFF, length ^ 1))
        head = bytearray(right[:HEADER_BYTES])
        head[1:4] = (max(0, length) & 0xFF_FFFF).to_bytes(3, "big")
        if dice.random() < 0.1:
            head[dice.choice((0, 4, 5, 6, 7, 11))] = dice.randrange(256)
        return bytes(head) + body

    def _change(self, avps: list[Tree]) -> None:
        dice = self._dice
        place = dice.randrange(len(avps)) if avps else 0
        if not avps or dice.random() < 0.1:
            avps.insert(place, self._any())
            return
        one = avps[place]
        if one.group and dice.random() < 0.6:
            inner = list(one.group)
            self._change(inner)
            avps[place] = replace(one, group=tuple(inner))
            return
        match dice.randrange(8):
            case 0:
                del avps[place]
            case 1:
                avps[place:place] = [one] * dice.choice((1, 2, 20, AVPS_MAX))
            case 2:
                avps[place] = replace(one, code=dice.choice((*_CODES, dice.randrange(2**32))))
            case 3:
                avps[place] = replace(one, flags=dice.randrange(256), vendor=dice.choice(_VENDORS))
            case 4:
                avps[place] = replace(one, lie=dice.choice((-12, -8, -1, 1, 3, 4, 100, 0xFF_FFFF)))
            case 5:
                avps[place] = self._nested(one)
            case _:
                avps[place] = replace(one, data=self._data(), group=None)

    def _any(self) -> Tree:
        dice = self._dice
        return Tree(dice.choice(_CODES), dice.choice((0, 0x40, 0x80, 0xC0, 0xFF)), dice.choice(_VENDORS), self._data())

    def _nested(self, one: Tree) -> Tree:
        """Put an AVP into itself, again and again; written from inside, for a tree so deep is nobody's."""
        data = one.encoded()
        for _ in range(self._dice.choice((1, 2, 10, NESTED_MAX))):
            data = Tree(one.code, one.flags, one.vendor, data).encoded()
            if len(data) > MESSAGE_MAX_BYTES // 2:
                break
        return Tree(one.code, one.flags, one.vendor, data)

    def _data(self) -> bytes:
        dice = self._dice
        return dice.choice(
            (
                *(b"", b"\0", b"\0" * 4, b"\xff" * 4, b"\x80\0\0\0", b"\0\0\0\1", b"\0" * 8, b"\xff" * 8, b"\xff" * 16),
                *(b"\xff\xfe", b"\xed\xa0\x80", b"a\0b", "\u0663\u0664".encode(), b"|", b"fuzz.test;1;1", b"x" * 300),
                *(b"x" * 20_000, b"sip:", b"sip:@", b"tel:+", b"tel:112", b"sip:112@host", b"\n", b"%00", b"9" * 400),
                *(dice.randbytes(dice.randrange(40)), dice.randbytes(4), struct.pack(">I", dice.randrange(10))),
            )
        )

    def _wounded(self, data: bytes) -> bytes:
        """Damage some bytes."""
        dice = self._dice
        wounded = bytearray(data)
        for _ in range(1 + dice.randrange(WOUNDS_MAX)):
            place = dice.randrange(len(wounded) + 1)
            match dice.randrange(4):
                case 0 | 1:
                    wounded[place : place + 1] = dice.randbytes(1)
                case 2:
                    del wounded[place : place + dice.choice((1, 4, 40))]
                case _:
                    wounded[place:place] = dice.randbytes(dice.choice((1, 4, 40)))
        return bytes(wounded)


def _trees(data: bytes) -> tuple[Tree, ...]:
    """Read AVPs that are right."""
    trees: list[Tree] = []
    at = 0
    while at + 8 <= len(data):
        code, word = struct.unpack_from(">II", data, at)
        flags, length = word >> 24, word & 0xFF_FFFF
        begin = at + (12 if flags & _VENDOR_BIT else 8)
        vendor = int.from_bytes(data[at + 8 : begin], "big")
        inner = data[begin : at + length]
        group = _trees(inner) if code in _GROUPS else None
        trees.append(Tree(code, flags, vendor, inner if group is None else b"", group))
        at += max(8, length + -length % 4)
    return tuple(trees)


def _messages_in(capture: bytes) -> list[bytes]:
    """Return the credit-control messages in a capture, found by version, length, command and application."""
    heads = re.finditer(rb"\x01(...).\x00\x01\x10\x00\x00\x00\x04", capture, re.DOTALL)
    return [capture[head.start() : head.start() + int.from_bytes(head[1], "big")] for head in heads]
