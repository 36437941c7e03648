"""JSON of any size as records, one at a time: pages of the Graph API, arrays, objects one after another."""

import json
from collections.abc import Iterator
from typing import Any, TextIO

from talktime.core.values.errors import Invalid
from talktime.core.values.frozen import frozen

RECORD_CHARACTERS_MAX = 2_000_000
_READ_CHARACTERS = 65_536
_BLANKS = " \t\r\n"
# The list of a page, and where the next page is (OData 4.01 JSON format §4.6.5).
_PAGE = "value"
NEXT_PAGE = "@odata.nextLink"


@frozen
class JsonRecord:
    """An object that is no page, and its place among them, from 1."""

    number: int
    members: dict[str, Any]


class JsonRecords:
    """Iterates over the records of a text; afterwards `has_next_page` tells whether the last page names another."""

    def __init__(self, text: TextIO, name: str) -> None:
        """Read nothing yet."""
        self._scanner = _Scanner(text, name)
        self._number = 0
        self.has_next_page = False

    def __iter__(self) -> Iterator[JsonRecord]:
        """Yield every record; numbers come as they are written. Raise Invalid where the text is no JSON."""
        while first := self._scanner.peek():
            if first == "[":
                yield from self._elements()
            elif first == "{":
                yield from self._object()
            else:
                raise self._scanner.invalid("has neither an object nor a list here")

    def _elements(self) -> Iterator[JsonRecord]:
        self._scanner.take("[")
        while self._scanner.peek() != "]":
            element = self._scanner.value()
            if not isinstance(element, dict):
                raise self._scanner.invalid("has a list whose elements are no objects")
            yield self._record(element)
            if self._scanner.peek() != ",":
                break
            self._scanner.take(",")
        self._scanner.take("]")

    def _object(self) -> Iterator[JsonRecord]:
        self._scanner.take("{")
        members: dict[str, Any] = {}
        is_page = False
        while self._scanner.peek() != "}":
            key = self._scanner.value()
            self._scanner.take(":")
            if key == _PAGE and self._scanner.peek() == "[":
                is_page = True
                yield from self._elements()
            else:
                members[str(key)] = self._scanner.value()
            if self._scanner.peek() != ",":
                break
            self._scanner.take(",")
        self._scanner.take("}")
        if is_page:
            self.has_next_page = bool(members.get(NEXT_PAGE))
        else:
            yield self._record(members)

    def _record(self, members: dict[str, Any]) -> JsonRecord:
        self._number += 1
        return JsonRecord(self._number, members)


class _Scanner:
    """Decodes one value at a time from a text that is read piece by piece."""

    def __init__(self, text: TextIO, name: str) -> None:
        self._text, self._name = text, name
        self._buffer, self._place, self._is_whole = "", 0, False
        # Numbers as text: an amount must not become a float.
        self._decoder = json.JSONDecoder(parse_float=str, parse_int=str, parse_constant=self._no_number)

    def peek(self) -> str:
        """Return the next character that is no blank, or nothing at the end."""
        while True:
            while self._place < len(self._buffer) and self._buffer[self._place] in _BLANKS:
                self._place += 1
            if self._place < len(self._buffer):
                return self._buffer[self._place]
            if not self._more():
                return ""

    def take(self, expected: str) -> None:
        """Pass a character that must be the next."""
        found = self.peek()
        if found != expected:
            raise self.invalid(f"breaks off or has {found!r} where {expected!r} must be")
        self._place += 1

    def value(self) -> Any:
        """Return the next value."""
        self.peek()
        while True:
            try:
                value, end = self._decoder.raw_decode(self._buffer, self._place)
            except json.JSONDecodeError as failure:
                if not self._more():
                    raise self.invalid(f"is no JSON, or breaks off: {failure.msg}") from failure
                continue
            except RecursionError as failure:
                raise self.invalid("is nested too deeply") from failure
            # A number at the end of what was read may go on.
            if end == len(self._buffer) and self._more():
                continue
            self._place = end
            return value

    def invalid(self, what: str) -> Invalid:
        return Invalid(f"{self._name} {what}", code="usage_json")

    def _more(self) -> bool:
        if self._is_whole:
            return False
        rest = self._buffer[self._place :]
        if len(rest) > RECORD_CHARACTERS_MAX:
            raise self.invalid(f"has a record of more than {RECORD_CHARACTERS_MAX:,} characters")
        read = self._text.read(max(_READ_CHARACTERS, len(rest)))
        self._buffer, self._place = rest + read, 0
        self._is_whole = not read
        return not self._is_whole

    def _no_number(self, word: str) -> None:
        raise self.invalid(f"holds {word}, which is no number")
