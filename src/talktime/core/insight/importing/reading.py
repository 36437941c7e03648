"""A row of a file of usage becomes a call in our words, or a reject that names the column, the value and the reason."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import NamedTuple, TypeVar

from talktime.core.insight.importing import cells
from talktime.core.insight.importing.cells import CellTerms
from talktime.core.insight.importing.columns import ColumnPlaces, Field, squeezed
from talktime.core.insight.importing.imported_calls import ImportedCall, RejectedCell, UsageKind
from talktime.core.insight.reports.filters import Direction
from talktime.core.values.frozen import frozen

# Before that, a clock was never set: phones say 1980.
EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
# Clocks differ, and a day is the widest that a time zone which was told wrongly can be off.
FUTURE_MAX = timedelta(days=1)
NOT_ANSWERED = "not answered"
NO_CALL = "no call by the mapping"

ValueT = TypeVar("ValueT")


@frozen
class ReadingTerms:
    """What holds for every row of a file.

    `at` is now: no call began after it. `kinds` says what words of a mapping mean, before the known ones; `wanted` are
    columns with the words of which one must stand there, or the row is skipped. `currency`, `kind` and `user` stand
    where the row has none.
    """

    at: datetime
    cells: CellTerms = CellTerms()
    kinds: Mapping[str, UsageKind] | None = None
    wanted: tuple[tuple[int, frozenset[str]], ...] = ()
    currency: str = ""
    kind: UsageKind | None = None
    user: str = ""


class RowReader:
    """Reads the rows under one header."""

    def __init__(self, places: ColumnPlaces, terms: ReadingTerms) -> None:
        """Keep where each field stands."""
        self._columns = places
        self._terms = terms
        self._places = [places.places.get(field) for field in Field]
        self._latest = terms.at + FUTURE_MAX
        self._width = len(places.header)

    def read(self, row: Sequence[str]) -> ImportedCall | str:
        """Return the call of a row, or why it is skipped; raise RejectedCell."""
        if len(row) != self._width:
            raise RejectedCell("", "", f"the row has {len(row)} cells, the header {self._width}")
        if "\0" in "".join(row):
            raise RejectedCell("", "", "the row holds a NUL byte: the file is damaged")
        for place, words in self._terms.wanted:
            if row[place].strip().lower() not in words:
                return NO_CALL
        return self._call(_Cells(*["" if place is None else row[place].strip() for place in self._places]))

    def _call(self, row: "_Cells") -> ImportedCall | str:
        if row.answered.lower() in _NO:
            return NOT_ANSWERED
        kind, direction = self._kind(row.kind, row.direction)
        started_at = self._instant(Field.STARTED_AT, row.started_at)
        ended_at, used_seconds = self._lasted(started_at, row.ended_at, row.used_seconds)
        charge_micros = self._amount(Field.CHARGE, row.charge)
        text = self._text
        caller = self._read(Field.CALLER, row.caller, cells.read_number) if row.caller else ""
        called = self._read(Field.CALLED, row.called, cells.read_number) if row.called else ""
        return ImportedCall(
            kind,
            direction,
            started_at,
            ended_at,
            used_seconds,
            text(Field.SOURCE_ID, row.source_id).lower(),
            text(Field.CALL_ID, row.call_id),
            text(Field.CONFERENCE_ID, row.conference_id),
            text(Field.USER, row.user) or self._terms.user,
            text(Field.USER_ID, row.user_id).lower(),
            text(Field.USER_NAME, row.user_name),
            text(Field.DEPARTMENT, row.department),
            text(Field.USER_LOCATION, row.user_location).upper(),
            # The exports write the number that was called in both columns (domain.md D17): it called nobody.
            "" if caller == called else caller,
            called,
            text(Field.DESTINATION, row.destination),
            text(Field.COUNTRY, row.country).upper(),
            text(Field.NUMBER_TYPE, row.number_type),
            _DOMESTIC.get(row.domestic.lower()),
            self._amount(Field.CONNECTION_FEE, row.connection_fee),
            charge_micros,
            self._currency(row.currency, charge_micros),
            text(Field.CAPABILITY, row.capability),
        )

    def _kind(self, kind: str, direction: str) -> tuple[UsageKind, Direction]:
        stated = self._terms.kinds or {}
        found = stated.get(kind.lower()) or stated.get(direction.lower()) or kind_of(kind)
        if found is not None:
            return found, direction_of(found)
        if not kind and not direction and self._terms.kind is not None:
            return self._terms.kind, direction_of(self._terms.kind)
        way = _way_in(direction) or _way_in(kind)
        if way is None:
            field = Field.KIND if kind or not direction else Field.DIRECTION
            raise self._rejected(field, kind or direction, "is no call type, and nothing says which way the call went")
        return (_OTHER if kind else _PLAIN)[way], way

    def _lasted(self, start: datetime, ended_at: str, used_seconds: str) -> tuple[datetime, int]:
        end = self._instant_or_none(Field.ENDED_AT, ended_at)
        if end is not None and end < start:
            raise self._rejected(Field.ENDED_AT, ended_at, "lies before the start")
        if used_seconds:
            seconds = self._read(Field.USED_SECONDS, used_seconds, cells.read_seconds)
            return end or start + timedelta(seconds=seconds), seconds
        if end is None:
            raise self._rejected(Field.USED_SECONDS, used_seconds, "is empty, and so is the end: how long was it?")
        seconds = -(-(end - start) // timedelta(seconds=1))
        if seconds > cells.SECONDS_MAX:
            raise self._rejected(Field.ENDED_AT, ended_at, "lies more than a week after the start")
        return end, seconds

    def _instant(self, field: Field, text: str) -> datetime:
        read = self._instant_or_none(field, text)
        if read is None:
            raise self._rejected(field, text, "is empty; a call without its start belongs to no day")
        if not EARLIEST <= read <= self._latest:
            check_start(self._columns.name_of(field), read, self._terms, text)
        return read

    def _instant_or_none(self, field: Field, text: str) -> datetime | None:
        return self._read(field, text, cells.read_instant) if text else None

    def _currency(self, text: str, charge_micros: int | None) -> str:
        currency = text.upper() or self._terms.currency
        if charge_micros is not None and not currency:
            raise self._rejected(Field.CURRENCY, text, "is empty: in what is the charge?")
        if currency and not (len(currency) == _CURRENCY_LETTERS and currency.isascii() and currency.isalpha()):
            raise self._rejected(Field.CURRENCY, text, "is no currency: three ISO 4217 letters are")
        return currency

    def _amount(self, field: Field, text: str) -> int | None:
        return self._read(field, text, cells.read_micros) if text else None

    def _text(self, field: Field, text: str) -> str:
        return self._read(field, text, _text) if text else ""

    def _read(self, field: Field, text: str, read: Callable[[str, CellTerms], ValueT]) -> ValueT:
        try:
            return read(text, self._terms.cells)
        except (ValueError, OverflowError) as failure:
            raise self._rejected(field, text, str(failure)) from None

    def _rejected(self, field: Field, value: str, reason: str) -> RejectedCell:
        return RejectedCell(self._columns.name_of(field), value, reason)


def check_start(column: str, started_at: datetime, terms: ReadingTerms, text: str = "") -> None:
    """Raise RejectedCell for a start that no clock of today can have shown."""
    if started_at > terms.at + FUTURE_MAX:
        raise RejectedCell(column, text or started_at.isoformat(), "lies in the future")
    if started_at < EARLIEST:
        raise RejectedCell(column, text or started_at.isoformat(), "lies before 2000: the clock was never set")


def kind_of(word: str) -> UsageKind | None:
    """Return the call type of a word, by its name of today or a former one: ByotOut and dr_out are one."""
    return _KINDS.get(squeezed(word))


@cache
def direction_of(kind: UsageKind) -> Direction:
    """Return which way calls of a kind go, seen from the organization."""
    return Direction.OUTBOUND if kind is UsageKind.CALL_ME or "out" in kind.value.split("_") else Direction.INBOUND


def _way_in(text: str) -> Direction | None:
    words = text.lower().replace("-", "_").split("_")
    return next((_WAYS[word] for word in words if word in _WAYS), None)


def _text(text: str, _: CellTerms) -> str:
    return cells.read_text(text)


class _Cells(NamedTuple):
    """The cells of a row, in the order of `Field`."""

    source_id: str
    call_id: str
    conference_id: str
    user: str
    user_id: str
    user_name: str
    department: str
    user_location: str
    caller: str
    called: str
    kind: str
    direction: str
    number_type: str
    domestic: str
    destination: str
    country: str
    started_at: str
    ended_at: str
    used_seconds: str
    connection_fee: str
    charge: str
    currency: str
    capability: str
    answered: str


_NO = frozenset({"no", "false", "0"})
_DOMESTIC = {"domestic": True, "international": False}
_CURRENCY_LETTERS = 3
_WAYS = {
    **dict.fromkeys(("in", "inbound", "incoming", "received"), Direction.INBOUND),
    **dict.fromkeys(("out", "outbound", "outgoing", "dialed"), Direction.OUTBOUND),
}
_PLAIN = {Direction.INBOUND: UsageKind.USER_IN, Direction.OUTBOUND: UsageKind.USER_OUT}
_OTHER = {Direction.INBOUND: UsageKind.OTHER_IN, Direction.OUTBOUND: UsageKind.OTHER_OUT}
# Names of former years (domain.md 7.2).
_FORMER = {
    "dr_in_ucap": UsageKind.DIRECT_BOT_IN,
    "dr_out_ucap": UsageKind.DIRECT_BOT_OUT,
    "ByotIn": UsageKind.DIRECT_IN,
    "ByotOut": UsageKind.DIRECT_OUT,
    "ByotOutUserConf": UsageKind.DIRECT_OUT_CONFERENCE,
    "ByotOutUserForwarding": UsageKind.DIRECT_OUT_FORWARDING,
    "ByotOutUserTransfer": UsageKind.DIRECT_OUT_TRANSFER,
    "ByotOutEmergency": UsageKind.DIRECT_EMERGENCY_OUT,
    "ByotInUcap": UsageKind.DIRECT_BOT_IN,
    "ByotOutUcap": UsageKind.DIRECT_BOT_OUT,
    "ByotUnassignedIn": UsageKind.DIRECT_UNASSIGNED_IN,
}
_KINDS = {squeezed(kind.value): kind for kind in UsageKind} | {squeezed(word): kind for word, kind in _FORMER.items()}
