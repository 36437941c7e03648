"""The usage report: each usage row as cells, in the original's 25 columns or in our own."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime
from functools import cache, lru_cache
from hashlib import sha1
from zoneinfo import ZoneInfo

from babel import Locale

from talktime.core.calls.calls import EMERGENCY, INBOUND, CallKey, CallKind, Flags, PaysFrom, text_of
from talktime.core.calls.cdrs import UsageRow
from talktime.core.calls.counting.pools import CONFERENCE_CAPABILITY
from talktime.core.insight.privacy.masking import MASK, ShownNumbers, shown_numbers
from talktime.core.insight.tables import Column, ColumnKind
from talktime.core.organizations.country_table import is_domestic_for_minutes, is_own_country
from talktime.core.values import numbers
from talktime.core.values.frozen import frozen
from talktime.core.values.money import round_micros
from talktime.core.values.numbers import NumberClass
from talktime.core.values.periods import DAY, Period, start_of_day

EARLIEST = datetime(1, 1, 1, tzinfo=UTC)
LATEST = datetime(9999, 12, 31, tzinfo=UTC)
# What the first digit of a UUID's fourth group becomes: its lower two bits stay.
_VARIANTS = {f"{digit:x}": f"{digit & 0b11 | 0b1000:x}" for digit in range(16)}
# Of the UUIDs in the reports (version 5, so that any program can compute them again); drawn once, never to change.
NAMESPACE = bytes.fromhex("6f1d2c0a8e4b4f0b9a3572d1c4e80b6d")
# Credit and the bill after use: what is not included.
BY_MONEY = frozenset({PaysFrom.CREDIT, PaysFrom.OVERAGE})
INCLUDED_CAPABILITIES = {
    CallKind.USER_IN: "MCOEV",
    CallKind.CONFERENCE_IN: "MCOMEETADD",
    CallKind.VOICE_APP_IN: "MCOEV_VIRTUALUSER",
}
FREE_CAPABILITY = "FREECALL"
CREDIT_CAPABILITY = "MCOPSTNPP"
_SUBSCRIBER_KINDS = EMERGENCY | {
    CallKind.USER_IN,
    CallKind.USER_OUT,
    CallKind.USER_OUT_CONFERENCE,
    CallKind.USER_OUT_FORWARDING,
    CallKind.USER_OUT_TRANSFER,
}
_VOICE_APPS = frozenset({CallKind.VOICE_APP_IN, CallKind.VOICE_APP_OUT})
_FILLERS = "37024"
# Where an organizer's conferences are paid by the minute, calls to its toll numbers are paid too.
_PAY_PER_MINUTE = "MCOMEETACPEA"


@frozen
class ReportedUsage:
    """A usage row with the names of today: of its user, empty where nobody is meant, and of its deck version."""

    row: UsageRow
    user_principal_name: str = ""
    display_name: str = ""
    usage_location: str = ""
    department: str = ""
    deck: str = ""
    deck_number: int | None = None


@frozen
class Layout:
    """The columns of a report, and how a usage row of an organization in a country becomes their cells."""

    name: str
    columns: tuple[Column, ...]
    cells: Callable[[ReportedUsage, str], tuple[object, ...]]


def period_of(starts_on: date | None, ends_on: date | None, zone: ZoneInfo) -> Period:
    """Return the local days from the first to the last, both included; None leaves that side open."""
    starts_at = EARLIEST if starts_on is None else start_of_day(starts_on, zone)
    return Period(starts_at, LATEST if ends_on is None else start_of_day(ends_on + DAY, zone))


def rounded(layout: Layout, money_decimals: int) -> Layout:
    """Return the layout with its money rounded half-up, each cell for itself: what other programs have room for."""
    is_money = [column.kind is ColumnKind.MONEY for column in layout.columns]

    def cells(reported: ReportedUsage, country: str) -> tuple[object, ...]:
        return tuple(
            round_micros(cell, money_decimals) if rounds and isinstance(cell, int) else cell
            for cell, rounds in zip(layout.cells(reported, country), is_money, strict=True)
        )

    return replace(layout, cells=cells)


def reported_kind(kind: CallKind) -> CallKind:
    """Return the call type by which a kind is reported: a call to one's own mobile is one that a conference dials."""
    return CallKind.CONFERENCE_OUT if kind is CallKind.CALL_ME else kind


def usage_id(row: UsageRow) -> str:
    """Return the UUID of a usage row: the same in every export of it."""
    return usage_id_of(row.organization_id, row.key, row.line)


def usage_id_of(organization_id: int, key: CallKey, line: int) -> str:
    """Return what `usage_id` does, of a row of which only its key is at hand."""
    return _uuid(f"usage:{organization_id}:{text_of(key)}:{line}")


@lru_cache(maxsize=65_536)
def user_uuid(organization_id: int, user_id: int) -> str:
    """Return the UUID by which the original's reports would name a user of ours."""
    return _uuid(f"user:{organization_id}:{user_id}")


def report_uuid(kind: str, organization_id: int, name: str) -> str:
    """Return the UUID by which reports name something else of an organization: a call, a block."""
    return _uuid(f"{kind}:{organization_id}:{name}")


@cache
def country_name(country: str) -> str:
    """Return the English name of an ISO 3166 country, or an empty string."""
    return str(Locale("en").territories.get(country, "")) if country else ""


def flag_names(flags: Flags) -> tuple[str, ...]:
    """Return the flags as words."""
    return tuple(str(flag.name).lower() for flag in Flags if flag in flags)


def _uuid(name: str) -> str:
    digits = sha1(NAMESPACE + name.encode(), usedforsecurity=False).hexdigest()
    # Version 5, and the variant in the two highest bits of the digit that begins the fourth group.
    return f"{digits[:8]}-{digits[8:12]}-5{digits[13:16]}-{_VARIANTS[digits[16]]}{digits[17:20]}-{digits[20:32]}"


# A call type, and its direction, in the words of the reports.
_WORDS_OF_KIND = {kind: (reported_kind(kind).value, "Inbound" if kind in INBOUND else "Outbound") for kind in CallKind}
_NO_FLAGS = Flags(0)
_DIALED_IN = INBOUND - EMERGENCY


# Looking a number up costs ten times the rest of its row, and people call the same numbers again.
@lru_cache(maxsize=65_536)
def _country_of(digits: str) -> str:
    if MASK not in digits:
        return numbers.country_of(digits)
    # What is left of an old or erased number tells its country still; which numbers exist depends on its plan.
    found = (numbers.country_of(digits.replace(MASK, filler)) for filler in _FILLERS)
    return next(filter(None, found), "")


_is_own_country = lru_cache(maxsize=65_536)(is_own_country)


def _original_cells(reported: ReportedUsage, country: str) -> tuple[object, ...]:
    row = reported.row
    location = reported.usage_location or country
    external = _external_country(row, location)
    has_user = row.user_id is not None and row.kind not in _VOICE_APPS
    called = _with_plus(shown_numbers(row, country).called, row.called)
    return (
        usage_id(row),
        row.key.call_id,
        row.conference_id,
        location,
        user_uuid(row.organization_id, row.user_id or 0) if has_user else None,
        reported.user_principal_name if has_user else None,
        reported.display_name if has_user else None,
        # D17: the number that received an inbound call, the number dialed of an outbound one. Both are the called one.
        called,
        *_WORDS_OF_KIND[row.kind],
        _number_type(row),
        _context(row, location, external),
        _destination(row, external),
        called,
        external or None,
        row.started_at,
        row.ended_at,
        row.used_seconds,
        row.connection_fee_micros,
        row.cost_micros,
        row.currency,
        capability_of(row),
        None,
        # Hardly a row has flags, and to ask an empty set costs as much as a fifth of the row.
        "talktime" if row.flags is not _NO_FLAGS and Flags.RECONSTRUCTED in row.flags else "operator",
        None,
    )


def _talktime_cells(reported: ReportedUsage, country: str) -> tuple[object, ...]:
    row = reported.row
    location = reported.usage_location or country
    external = _external_country(row, location)
    return (
        usage_id(row),
        str(row.organization_id),
        row.key.switch,
        row.key.call_id,
        row.key.leg,
        row.line,
        row.kind.value,
        row.conference_id,
        None if row.user_id is None else str(row.user_id),
        reported.user_principal_name,
        reported.display_name,
        reported.department,
        location,
        *_international(row, country),
        _destination(row, external),
        external or None,
        row.prefix,
        reported.deck,
        reported.deck_number,
        row.started_at,
        row.answered_at,
        row.ended_at,
        row.used_seconds,
        row.billed_seconds,
        row.connection_fee_micros,
        row.cost_micros,
        row.uncovered_micros,
        row.currency,
        row.paid_by.value,
        row.ending.value,
        " ".join(flag_names(row.flags)),
        capability_of(row),
        row.correction_reference,
        row.correction_reason,
    )


def _external_country(row: UsageRow, location: str) -> str:
    """Return where the other party is; an emergency call is answered where it is made."""
    if row.kind in EMERGENCY:
        return location
    return _country_of(row.caller if row.kind in INBOUND else row.called)


def _context(row: UsageRow, location: str, external: str) -> str | None:
    """A plan's minutes tell which of its counters they were drawn from: there, Canada is domestic to the USA."""
    if not location or not external:
        return None
    is_plan = row.paid_by is PaysFrom.MINUTES and row.capability != CONFERENCE_CAPABILITY
    is_domestic = is_domestic_for_minutes(location, external) if is_plan else _is_own_country(location, external)
    return "Domestic" if is_domestic else "International"


def _destination(row: UsageRow, external: str) -> str | None:
    dialed = _country_of(row.called) if row.kind in _DIALED_IN else external
    return row.destination or country_name(dialed) or None


def _international(row: UsageRow, country: str) -> ShownNumbers:
    shown = shown_numbers(row, country)
    return ShownNumbers(_with_plus(shown.caller, row.caller), _with_plus(shown.called, row.called))


@lru_cache(maxsize=65_536)
def _with_plus(shown: str, digits: str) -> str:
    return f"+{shown}" if numbers.is_e164(digits) else shown


def _number_type(row: UsageRow) -> str:
    """Tell what our own number is; of service numbers only the toll-free ones are paid for."""
    if row.kind in _SUBSCRIBER_KINDS:
        return "Subscriber"
    is_paid = row.kind in INBOUND and row.paid_by in BY_MONEY
    if is_paid and row.capability == _PAY_PER_MINUTE:
        is_paid = numbers.class_of(row.called) is NumberClass.TOLL_FREE
    return "TollFree" if is_paid else "Service"


def capability_of(row: UsageRow) -> str:
    """Name what entitled to the call: a plan, credit, a subscription, or nothing at all (domain.md 7.3)."""
    if row.paid_by is PaysFrom.FREE:
        return INCLUDED_CAPABILITIES.get(row.kind, FREE_CAPABILITY)
    if row.paid_by not in BY_MONEY:
        return row.capability
    # A correction by some seconds may cost nothing in a call that did.
    talked_for_nothing = row.cost_micros == 0 and row.used_seconds > 0 and not row.correction_reference
    # Rows of the time before there were plans name none.
    return FREE_CAPABILITY if talked_for_nothing else row.capability or CREDIT_CAPABILITY


_NOT_TEXT = {
    **dict.fromkeys(
        (
            "Start Time",
            "End Time",
            "started_at",
            "answered_at",
            "ended_at",
        ),
        ColumnKind.INSTANT,
    ),
    **dict.fromkeys(
        (
            "Duration Seconds",
            "line",
            "deck_version",
            "used_seconds",
            "billed_seconds",
        ),
        ColumnKind.WHOLE,
    ),
    **dict.fromkeys(
        (
            "Connection Fee",
            "Charge",
            "connection_fee",
            "cost",
            "uncovered",
        ),
        ColumnKind.MONEY,
    ),
}


def _columns(*names: str) -> tuple[Column, ...]:
    return tuple(Column(name, _NOT_TEXT.get(name, ColumnKind.TEXT)) for name in names)


ORIGINAL = Layout(
    "2025",
    _columns(
        "UsageId",
        "Call ID",
        "Conference ID",
        "User Location",
        "Microsoft Entra ObjectId",
        "UPN",
        "User Display Name",
        "Caller ID",
        "Call Type",
        "Call Direction",
        "Number Type",
        "Domestic/International",
        "Destination Dialed",
        "Destination Number",
        "External Country",
        "Start Time",
        "End Time",
        "Duration Seconds",
        "Connection Fee",
        "Charge",
        "Currency",
        "Capability",
        "Operator",
        "Source of Call Duration",
        "Administrative Units",
    ),
    _original_cells,
)
TALKTIME = Layout(
    "talktime",
    _columns(
        "usage_id",
        "organization_id",
        "switch",
        "call_id",
        "leg",
        "line",
        "kind",
        "conference_id",
        "user_id",
        "user_principal_name",
        "display_name",
        "department",
        "usage_location",
        "caller",
        "called",
        "destination",
        "external_country",
        "prefix",
        "deck",
        "deck_version",
        "started_at",
        "answered_at",
        "ended_at",
        "used_seconds",
        "billed_seconds",
        "connection_fee",
        "cost",
        "uncovered",
        "currency",
        "paid_by",
        "ending",
        "flags",
        "capability",
        "correction_reference",
        "correction_reason",
    ),
    _talktime_cells,
)
LAYOUTS = {layout.name: layout for layout in (ORIGINAL, TALKTIME)}
