"""Bodies as no switch should send them: requests that would be right, spoiled in one or several places by a seed.

    mangler = Mangler(seed=17)
    mangler.request()          what to send where, the same sequence for the same seed

A quarter is left as it is, so that calls do begin, go on and end while everything else is refused.
"""

import json
import random
from dataclasses import dataclass
from urllib.parse import quote_plus, urlencode

from tests.interfaces.charging.asgi import FORM, JSON
from tests.interfaces.charging.books import BLOCKED, CALLED, UNRATED, caller_of

OPERATIONS = ("start", "answer", "extend", "end")
LOOKS = ("explain", "conference", "end_conference")
ORGANIZATIONS = 3
# Few, so that what is asked meets what was asked before.
CALL_IDS = 40
BATCH_OPERATIONS_MAX = 12
DEPTHS = (10, 500, 5_000)
BYTE_WOUNDS_MAX = 6
LONG = 300


@dataclass(frozen=True)
class Sent:
    """One request: its path's last word, its body, and what its headers say of both."""

    operation: str
    body: bytes
    content_type: str = JSON
    accept: str = ""
    query: str = ""

    def __str__(self) -> str:
        """Return the line of Python that sends it again."""
        headers = f", headers={{'accept': {self.accept!r}}}" if self.accept else ""
        query = f", query={self.query!r}" if self.query else ""
        return f"await door.send({self.operation!r}, {self.body!r}, content_type={self.content_type!r}{headers}{query})"


class Raw(str):
    """A JSON token that is written as it stands, whether it is one or not."""

    __slots__ = ()


class Mangler:
    """Makes requests, and spoils most of them."""

    def __init__(self, seed: object) -> None:
        """Throw the dice of a seed."""
        self._dice = random.Random(str(seed))

    def request(self) -> Sent:
        """Return the next request."""
        dice = self._dice
        operation = dice.choice((*OPERATIONS * 3, "batch", "batch", *LOOKS))
        asks_for_text = dice.random() < 0.1
        accept = "text/plain" if asks_for_text and dice.random() < 0.5 else ""
        query = "format=text" if asks_for_text and not accept else ""
        body, content_type = self._body(operation)
        return Sent(operation, self._wounded(body), content_type, accept, query)

    def _body(self, operation: str) -> tuple[bytes, str]:
        dice = self._dice
        if operation == "batch":
            return self._batch(), JSON
        pairs = self._pairs(operation)
        if dice.random() < 0.3:
            content_type = FORM if dice.random() < 0.9 else dice.choice((JSON, f"{FORM}; charset=utf-16"))
            return self._form(pairs), content_type
        content_type = JSON if dice.random() < 0.9 else dice.choice((FORM, "", "application/xml", "\xff"))
        return _encoded(_object(pairs), dice), content_type

    def _batch(self) -> bytes:
        dice = self._dice
        items = []
        for _ in range(dice.randrange(BATCH_OPERATIONS_MAX + 1)):
            operation = dice.choice(OPERATIONS)
            named = operation if dice.random() < 0.9 else dice.choice(("", "batch", "START", "explain", "\x00"))
            items.append(_object([("operation", named), *self._pairs(operation)]))
        if dice.random() < 0.1:
            items.append(self._token())
        return _encoded(f"[{','.join(items)}]", dice)

    def _pairs(self, operation: str) -> list[tuple[str, object]]:
        """Return the fields of a request, most of them spoiled in one place or several."""
        dice = self._dice
        pairs = list(self._right(operation).items())
        if dice.random() < 0.25:
            return pairs
        for _ in range(dice.choice((1, 1, 1, 2, 3, 8))):
            place = dice.randrange(len(pairs)) if pairs else 0
            match dice.randrange(5) if pairs else 3:
                case 0 | 1:
                    pairs[place] = (pairs[place][0], self._value())
                case 2:
                    del pairs[place]
                case 3:
                    pairs.insert(place, (dice.choice((*_NAMES, self._text())), self._value()))
                case _:
                    pairs.append((pairs[place][0], dice.choice((pairs[place][1], self._value()))))
        return pairs

    def _right(self, operation: str) -> dict[str, object]:
        dice = self._dice
        key: dict[str, object] = {"call_id": f"f{dice.randrange(CALL_IDS)}", "switch": "fuzz"}
        match operation:
            case "start" | "explain":
                caller = caller_of(1 + dice.randrange(ORGANIZATIONS))
                called = dice.choice((CALLED, CALLED, CALLED, BLOCKED, UNRATED, "112", caller))
                conference = {"conference_id": "c1", "kind": "conference_dial_out"} if dice.random() < 0.1 else {}
                return {**key, "from": caller, "to": called, **conference}
            case "extend":
                return {**key, "granted_total": dice.choice((60, 120, 60.0, "60")), "elapsed": dice.randrange(100)}
            case "end":
                return {**key, "duration": dice.randrange(100), "cause": dice.choice(("quota", "cancel", "bye"))}
            case "answer":
                return key
            case _:
                return {"switch": "fuzz", "conference_id": "c1"}

    def _value(self) -> object:
        dice = self._dice
        return dice.choice((Raw(self._token()), Raw(self._token()), self._text(), dice.randrange(-3, 3)))

    def _token(self) -> str:
        """Return JSON that is no field of ours, or no JSON."""
        dice = self._dice
        depth = dice.choice(DEPTHS)
        return dice.choice(
            (
                *(
                    "null",
                    "true",
                    "false",
                    "{}",
                    "[]",
                    "-0",
                    "1e400",
                    "-1e400",
                    "1e-400",
                    "NaN",
                    "Infinity",
                    "0x1F",
                    "1_0",
                ),
                *(
                    "9" * dice.choice((10, 19, 20, 400, 4_000)),
                    "-" + "9" * 19,
                    "0." + "9" * 400,
                    "1e999999999",
                    "01",
                    "+1",
                ),
                *("[" * depth + "]" * depth, '{"a":' * depth + "1" + "}" * depth, "[" * depth),
                *('"\\ud800"', '"\\udc00\\ud800"', '"\\u0000"', '"\\x41"', '"open', '"\\', "'single'", "undefined", ""),
            )
        )

    def _text(self) -> str:
        dice = self._dice
        number = caller_of(1 + dice.randrange(ORGANIZATIONS))
        return dice.choice(
            (
                *("", " ", "|", "||", "\x00", "\n", "\u200f", "\u0663\u0664", "e\u0301" * 40, "\U0001f4de" * LONG),
                *("x" * LONG, "x" * 20_000, "9" * 255, "-" * 255, "nan", "inf", "1e5", "-1", "0.5", "  60  ", "６０"),
                *(f"+{number}", f"sip:{number}@host", f"tel:{number};x=y", f"00{number}", "sip:", "@", "sip:@", "%00"),
                *(
                    "0",
                    "+",
                    "112",
                    "+112",
                    "sip:112@host",
                    "user@1.example",
                    "USER@1.EXAMPLE",
                    "; DROP TABLE calls",
                    "'",
                ),
                *(
                    "9999-12-31T23:59:59Z",
                    "0001-01-01T00:00:00+14:00",
                    "1969-01-01T00:00Z",
                    "99999999999999999999",
                    "-1e9",
                ),
            )
        )

    def _form(self, pairs: list[tuple[str, object]]) -> bytes:
        dice = self._dice
        texts = [(name, str(value)) for name, value in pairs]
        match dice.randrange(8):
            case 0:
                return "&".join(f"{name}={value}" for name, value in texts).encode("utf-8", "surrogatepass")
            case 1:
                return b"&".join(
                    b"%s=%%%02x%%ff" % (quote_plus(name, errors="replace").encode(), 200) for name, _ in texts
                )
            case 2:
                return b"&".join([b"&&=&", *(name.encode("utf-16", "replace") for name, _ in texts)])
            case _:
                return urlencode(texts, errors="replace").encode()

    def _wounded(self, body: bytes) -> bytes:
        """Damage the bytes of one body in ten, and replace a few by noise."""
        dice = self._dice
        chance = dice.random()
        if chance < 0.02:
            return dice.randbytes(dice.randrange(200))
        if chance > 0.1 or not body:
            return body
        wounded = bytearray(body)
        for _ in range(1 + dice.randrange(BYTE_WOUNDS_MAX)):
            place = dice.randrange(len(wounded) + 1)
            match dice.randrange(4):
                case 0:
                    wounded[place : place + 1] = dice.randbytes(1)
                case 1:
                    del wounded[place:]
                case 2:
                    wounded[place:place] = wounded[: dice.randrange(1 + len(wounded))]
                case _:
                    wounded[place:place] = dice.randbytes(3)
        return bytes(wounded)


# Fields of every operation, and some of none.
_NAMES = (
    *("call_id", "switch", "leg", "from", "to", "kind", "conference_id", "organizer", "forwarded_by", "answered_at"),
    *("granted_total", "elapsed", "duration", "cause", "operation", "at", "format", "switch_ref", "", "CALL_ID"),
)


def _object(pairs: list[tuple[str, object]]) -> str:
    """Write an object with its names in their order, twice where they are there twice."""
    return "{" + ",".join(f"{json.dumps(name)}:{_written(value)}" for name, value in pairs) + "}"


def _written(value: object) -> str:
    return str(value) if isinstance(value, Raw) else json.dumps(value, ensure_ascii=False)


def _encoded(text: str, dice: random.Random) -> bytes:
    encoding = "utf-8" if dice.random() < 0.96 else dice.choice(("utf-16", "utf-32", "utf-8-sig", "latin-1", "cp037"))
    return text.encode(encoding, "replace")
