"""What can be read, by which scopes, in which versions; each resource is one use case and its rows."""

import base64
import binascii
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Annotated, NamedTuple, TypeVar
from urllib.parse import urlencode

import msgspec

from talktime.bootstrap import App
from talktime.core.insight.access.applications import Access, Scope, scope_names
from talktime.core.insight.call_records.dial_outs import DialOutKey
from talktime.core.insight.reports.paging import IN_TIME, UsagePlace, cursor_of, place_of
from talktime.core.insight.tables import format_instant
from talktime.core.values.periods import Period
from talktime.interfaces.graph import credit, rows
from talktime.interfaces.graph.errors import Fields, Refusal
from talktime.interfaces.graph.paths import BETA, V1, Page, Target, read_page, written
from talktime.interfaces.graph.rows import SipAnswers
from talktime.usecases.insight.call_records.read_calls import (
    ReadAttempts,
    ReadBlocked,
    ReadDialOuts,
    ReadUsage,
    read_attempts,
    read_blocked,
    read_dial_outs,
    read_usage,
)
from talktime.usecases.insight.call_records.read_credit import (
    ReadCredit,
    ReadLots,
    ReadRecharges,
    read_balance,
    read_lots,
    read_recharges,
)
from talktime.usecases.insight.show_pools import ShowPools, show_pools

# So many rows are read and written in two or three milliseconds; then whoever waits for the interpreter gets it: a
# phone may ring.
PIECE_ROWS = 100
TURN_SECONDS = 0.001
# So that the month after, and the same instant elsewhere, are instants too.
YEAR_MIN, YEAR_MAX = 1970, 9998
# Rows of calls that began before it are all there: who reads again later begins there.
COMPLETE_UNTIL = "@talktime.completeUntil"
_EITHER_CALLS = Scope.CALL_RECORDS | Scope.PSTN_CALLS
_BOTH = frozenset({V1, BETA})
_ONLY_BETA = frozenset({BETA})

_NO_PLACE = "this $skiptoken is none that a page gave: begin without one"
# What both databases can hold.
_INTEGER_MAX = 2**63 - 1
_Number = Annotated[int, msgspec.Meta(ge=-_INTEGER_MAX, le=_INTEGER_MAX)]
_Text = Annotated[str, msgspec.Meta(pattern="^[^\\x00]*$")]
_encode = msgspec.json.Encoder().encode

T = TypeVar("T")
P = TypeVar("P")


class Reading(NamedTuple):
    """Who reads what, and when; `root` begins the addresses that are given out."""

    app: App
    access: Access
    target: Target
    query: dict[str, str]
    at: datetime
    root: str
    sip_answers: SipAnswers

    @property
    def page(self) -> Page:
        """Return which page is wanted; raise Refusal."""
        return read_page(self.query)

    @property
    def period(self) -> Period:
        """Return between which instants the calls began; raise Refusal for a function without them."""
        if self.target.period is None:
            name = self.target.resource.rpartition("/")[2]
            raise Refusal(400, f"write {name}(fromDateTime=2026-11-01T00:00:00Z,toDateTime=2026-11-30T23:59:59Z)")
        return self.target.period


class Collection(NamedTuple):
    """Rows, the token of those behind them (None where there are none), and what else is said of them."""

    rows: Sequence[msgspec.Raw]
    skip_token: str | None = None
    annotations: Mapping[str, object] = {}


class Resource(NamedTuple):
    """What a resource is called in `@odata.context`, who may read it (any of the scopes), where, and how."""

    context: str
    scopes: Scope
    versions: frozenset[str]
    read: Callable[[Reading], Collection | Fields]


def answered(reading: Reading) -> bytes:
    """Return the body of a resource; raise Refusal, or TalktimeError."""
    target = reading.target
    resource = RESOURCES.get(target.resource)
    if resource is None:
        known = ", ".join(name.removeprefix("communications/") for name in RESOURCES)
        raise Refusal(404, f"there is no {target.resource!r} here; below /{target.version}/communications/: {known}")
    if target.version not in resource.versions:
        raise Refusal(404, f"{target.resource.rpartition('/')[2]} is in /{BETA}/ only, as in the original")
    if not resource.scopes & reading.access.scopes:
        raise _missing(resource.scopes)
    found = resource.read(reading)
    context = f"{reading.root}/{target.version}/$metadata#"
    if not isinstance(found, Collection):
        return msgspec.json.encode({"@odata.context": context + resource.context, **found})
    body: Fields = {
        "@odata.context": f"{context}Collection({resource.context})",
        "@odata.count": len(found.rows),
        **found.annotations,
        "value": found.rows,
    }
    if found.skip_token is not None:
        body["@odata.nextLink"] = _next_link(reading, found.skip_token)
    return msgspec.json.encode(body)


def _written(fields: Iterable[Fields]) -> list[msgspec.Raw]:
    """Write rows one by one, and let others have the interpreter now and then."""
    found = []
    for number, row in enumerate(fields, start=1):
        found.append(msgspec.Raw(_encode(row)))
        if number % PIECE_ROWS == 0:
            time.sleep(TURN_SECONDS)
    return found


def _in_pieces(
    rows_max: int, place: P | None, read: Callable[[int, P | None], tuple[Iterable[Fields], P | None]]
) -> tuple[list[msgspec.Raw], P | None]:
    """Read and write a page piece by piece, each behind the last one, and return behind which place there are more."""
    found: list[msgspec.Raw] = []
    while True:
        fields, place = read(min(PIECE_ROWS, rows_max - len(found)), place)
        found += _written(fields)
        if place is None or len(found) >= rows_max:
            return found, place


def _missing(scopes: Scope) -> Refusal:
    names = " or ".join(scope_names(scopes))
    headers = {"www-authenticate": f'Bearer error="insufficient_scope", scope="{" ".join(scope_names(scopes))}"'}
    message = f"The application lacks the scope {names}; `talktime tokens create --scope` makes one that has it."
    return Refusal(403, message, headers)


def _next_link(reading: Reading, skip_token: str) -> str:
    query = {name: value for name, value in reading.query.items() if name != "$skiptoken"}
    return f"{reading.root}{written(reading.target)}?{urlencode(query | {'$skiptoken': skip_token}, safe='$')}"


def _pstn_calls(reading: Reading) -> Collection:
    rows_max, token = reading.page
    organization, period, version = reading.access.organization, reading.period, reading.target.version
    annotations: dict[str, object] = {}

    def piece(most: int, after: UsagePlace | None) -> tuple[Iterable[Fields], UsagePlace | None]:
        read = reading.app.read(read_usage, ReadUsage(organization, period, most, reading.at, after))
        if read.complete_until is not None:
            annotations[COMPLETE_UNTIL] = format_instant(read.complete_until)
        return (rows.pstn_call(each, organization, version) for each in read.page.rows), read.page.last

    found, last = _in_pieces(rows_max, _usage_place(token), piece)
    return Collection(found, None if last is None else cursor_of(last, IN_TIME), annotations)


def _direct_routing_calls(reading: Reading) -> Collection:
    rows_max, token = reading.page
    organization, period, version = reading.access.organization, reading.period, reading.target.version

    def piece(most: int, after: tuple[int, str] | None) -> tuple[Iterable[Fields], tuple[int, str] | None]:
        page = reading.app.read(read_attempts, ReadAttempts(organization, period, most, after))
        answers = reading.sip_answers
        fields = (rows.direct_routing_call(each, organization, version, answers) for each in page.attempts)
        return fields, page.last

    found, last = _in_pieces(rows_max, _place(token, tuple[_Number, _Text]), piece)
    return Collection(found, _token(last))


def _dial_outs(reading: Reading) -> Collection:
    rows_max, token = reading.page
    place = _place(token, tuple[_Number, _Text, _Text, _Text])
    after = None if place is None else DialOutKey(*place)
    organization = reading.access.organization
    page = reading.app.read(read_dial_outs, ReadDialOuts(organization, reading.period, rows_max, after))
    return Collection(_written(rows.dial_out_line(each, organization) for each in page.lines), _token(page.last))


def _blocked_users(reading: Reading) -> Collection:
    rows_max, token = reading.page
    after = _place(token, _Number) or 0
    page = reading.app.read(read_blocked, ReadBlocked(reading.access.organization, reading.period, rows_max, after))
    return Collection(_written(map(rows.blocked_user, page.blocked)), _token(page.last))


def _messages(reading: Reading) -> Collection:
    """No short message is carried here: of any period there is nothing to report."""
    _ = reading.period
    return Collection(())


def _balance(reading: Reading) -> Fields:
    return credit.balance(reading.app.read(read_balance, ReadCredit(reading.access.organization, reading.at)))


def _lots(reading: Reading) -> Collection:
    rows_max, token = reading.page
    wanted = ReadLots(reading.access.organization, reading.at, rows_max, _place(token, _Number) or 0)
    page = reading.app.read(read_lots, wanted)
    return Collection(_written(credit.lot(each, page.shown) for each in page.lots), _token(page.last))


def _recharges(reading: Reading) -> Collection:
    rows_max, token = reading.page
    page = reading.app.read(
        read_recharges, ReadRecharges(reading.access.organization, rows_max, _place(token, _Number))
    )
    return Collection(_written(map(credit.recharge, page.recharges)), _token(page.last))


def _pools(reading: Reading) -> Collection:
    """At most some dozens: plans, countries and counters, all on one page."""
    month = reading.query.get("month", "")
    try:
        first_day = date.fromisoformat(f"{month}-01") if month else None
    except ValueError as failure:
        raise Refusal(400, f"month is {month!r}: write month=2026-11") from failure
    if first_day is not None and not YEAR_MIN <= first_day.year <= YEAR_MAX:
        raise Refusal(400, f"month is {month!r}: of no such year is anything known; write month=2026-11")
    shown = reading.app.read(show_pools, ShowPools(reading.access.organization.name, reading.at, first_day))
    return Collection(_written(credit.pools(shown)))


def _usage_place(token: str) -> UsagePlace | None:
    """Read a place among usage rows; raise Refusal or Invalid."""
    if not token:
        return None
    place = place_of(token, IN_TIME)
    # What a database cannot hold, no page gave.
    _convert([place.value, place.started_micros, place.line], list[_Number])
    _convert(place.call_key, _Text)
    return place


def _token(place: object) -> str | None:
    """Write a place as one word that fits into an address."""
    if place is None:
        return None
    return base64.urlsafe_b64encode(msgspec.json.encode(place)).decode().rstrip("=")


def _place(token: str, expected: type[T]) -> T | None:
    """Read what `_token` wrote; None where nothing was given; raise Refusal."""
    if not token:
        return None
    try:
        padded = token + "=" * (-len(token) % 4)
        decoded = msgspec.json.decode(base64.b64decode(padded, altchars=b"-_", validate=True))
    except (binascii.Error, ValueError, RecursionError, msgspec.MsgspecError) as failure:
        raise Refusal(400, _NO_PLACE) from failure
    return _convert(decoded, expected)


def _convert(decoded: object, expected: type[T]) -> T:
    try:
        return msgspec.convert(decoded, expected)
    except msgspec.ValidationError as failure:
        raise Refusal(400, _NO_PLACE) from failure


def _call_records(name: str) -> str:
    return f"communications/callRecords/{name}"


def _row(name: str) -> str:
    return f"microsoft.graph.callRecords.{name}"


def _credits(name: str) -> str:
    return f"communications/credits/{name}"


RESOURCES: dict[str, Resource] = {
    _call_records("getPstnCalls"): Resource(_row("pstnCallLogRow"), _EITHER_CALLS, _BOTH, _pstn_calls),
    _call_records("getDirectRoutingCalls"): Resource(
        _row("directRoutingLogRow"), _EITHER_CALLS, _BOTH, _direct_routing_calls
    ),
    _call_records("getPstnOnlineMeetingDialoutReport"): Resource(
        _row("pstnOnlineMeetingDialoutReport"), _EITHER_CALLS, _ONLY_BETA, _dial_outs
    ),
    _call_records("getPstnBlockedUsersLog"): Resource(
        _row("pstnBlockedUsersLogRow"), _EITHER_CALLS, _ONLY_BETA, _blocked_users
    ),
    _call_records("getSmsLog"): Resource(_row("smsLogRow"), _EITHER_CALLS, _ONLY_BETA, _messages),
    _credits("balance"): Resource("talktime.balance", Scope.CREDITS, _BOTH, _balance),
    _credits("lots"): Resource("talktime.lot", Scope.CREDITS, _BOTH, _lots),
    _credits("recharges"): Resource("talktime.recharge", Scope.CREDITS, _BOTH, _recharges),
    _credits("pools"): Resource("talktime.pool", Scope.CREDITS, _BOTH, _pools),
}
