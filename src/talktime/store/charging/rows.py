"""Rows of the charging tables and the core's values: translation only, in the order of the columns named here."""

import json
from collections.abc import Iterable
from dataclasses import fields
from functools import lru_cache
from operator import itemgetter
from typing import Any
from zoneinfo import ZoneInfo

from talktime.core.calls.calls import (
    NO_HOLD,
    NO_SESSION,
    Call,
    CallKey,
    CallKind,
    CallResult,
    CallSetup,
    CallState,
    DenialReason,
    Ending,
    Flags,
    Hold,
    PaysFrom,
    RateReference,
    Session,
    Share,
    key_of,
    text_of,
)
from talktime.core.calls.cdrs import NOTHING_CHARGED, Charged, UsageRow, entry_id_of
from talktime.core.credit.ledger import Account, JournalEntry, Posting
from talktime.core.credit.lots import CreditLot, LotKind, Slice
from talktime.core.organizations.licenses import License
from talktime.core.organizations.organizations import BillingMode, Organization
from talktime.core.organizations.users import AccountKind, Identity, NumberUse, Role, User
from talktime.core.rates.rate_decks import Direction, Rate
from talktime.core.rates.rating import Price, PriceStep, TimeProfile, Window
from talktime.core.values.events import Event, EventKind
from talktime.store.instants import from_micros, from_micros_or_none, to_micros, to_micros_or_none

Row = tuple[Any, ...]

IDENTITY_COLUMNS = (
    "i.identity, i.organization_id, i.use, u.user_id, u.user_principal_name, u.display_name, u.usage_location,"
    " u.department, u.licenses, u.roles, u.language, u.account, u.dialout_policy, u.block_reason,"
    " u.is_toll_free_dial_in_allowed"
)
ORGANIZATION_COLUMNS = (
    "organization_id, name, country, currency, time_zone, deck, is_active, has_credit_set_up, billing_mode,"
    " arrangements_revision, receivable_micros"
)
LOT_COLUMNS = (
    "organization_id, lot_id, kind, granted_micros, purchased_at, expires_at, spent_micros, held_micros,"
    " expired_micros, refunded_micros, disputed_micros"
)
LOT_PARTS_START = 6
CALL_SETUP_COLUMNS = (
    "organization_id, call_key, kind, caller, called, started_at, pays_from, user_id, conference_id,"
    " version_id, direction, prefix, origin_prefix, destination, meters, capability, switch_ref, denial"
)
CALL_SETUP_COUNT = CALL_SETUP_COLUMNS.count(",") + 1
# Of CALL_SETUP_COLUMNS: who calls, and who is called.
NUMBERS = slice(3, 5)
CALL_PROGRESS_COLUMNS = (
    "state, granted_seconds, is_final, valid_until, hold_micros, hold_slices, answered_at, ended_at, ending,"
    " used_seconds, cost_micros, uncovered_micros, flags, hold_minutes, hold_overage_micros, usage_rows_count,"
    " session, cut_at"
)
CALL_PROGRESS = tuple(column.strip() for column in CALL_PROGRESS_COLUMNS.split(","))
# Of a call that goes on, and of one that ends: what it held is then nothing.
GROWN = (
    *("granted_seconds", "is_final", "valid_until", "hold_micros", "hold_slices", "answered_at"),
    *("hold_minutes", "hold_overage_micros", "session", "cut_at"),
)
ENDED = (
    *("state", "granted_seconds", "is_final", "valid_until", "answered_at", "ended_at", "ending", "used_seconds"),
    *("cost_micros", "uncovered_micros", "flags", "usage_rows_count", "session", "cut_at"),
)
HOLDS_NOTHING = "hold_micros = 0, hold_slices = '', hold_minutes = '', hold_overage_micros = 0"
# Which rate an ended call keeps: it changes only when the call is rated anew.
RATE_REFERENCE = ("version_id", "direction", "prefix", "origin_prefix")
grown_of = itemgetter(*map(CALL_PROGRESS.index, GROWN))
ended_of = itemgetter(*map(CALL_PROGRESS.index, ENDED))
USAGE_COLUMNS = (
    "organization_id, call_key, line, kind, user_id, conference_id, caller, called, destination, prefix, version_id,"
    " started_at, answered_at, ended_at, used_seconds, billed_seconds, connection_fee_micros, cost_micros,"
    " uncovered_micros, currency, paid_by, ending, flags, capability, correction_reference, correction_reason"
)
POSTING_COLUMNS = "organization_id, entry_id, line, debit, credit, lot_id, amount_micros, occurred_at"
PARKED_COLUMNS = "call_key, reason, used_seconds, received_at"
# A report that was resolved waits again when it comes with another duration.
PARKED_AGAIN = (
    " ON CONFLICT (call_key, reason) DO UPDATE SET used_seconds = excluded.used_seconds,"
    " received_at = excluded.received_at, resolved_at = NULL, resolved_by = '', resolution = ''"
    " WHERE parked_reports.resolved_at IS NOT NULL AND parked_reports.used_seconds <> excluded.used_seconds"
)
# What each lot has repaid of what was owed, the parts of it that came back taken away; as the partial index says it.
REPAID = (
    "SELECT organization_id, lot_id, sum(CASE WHEN credit = 'receivable' THEN amount_micros ELSE -amount_micros END)"
    " FROM postings WHERE lot_id IS NOT NULL AND (debit = 'receivable' OR credit = 'receivable')"
)
EVENT_COLUMNS = "organization_id, event_id, kind, occurred_at, balance_micros, details"
RATE_COLUMNS = "direction, prefix, origin_prefix, destination, blocked, prices"
# Those in force since an instant or later, and each deck's newest, which may be published any moment.
VERSIONS_TO_LOAD = (
    "SELECT version_id FROM deck_publications p WHERE NOT EXISTS (SELECT 1 FROM deck_publications later"
    " WHERE later.deck = p.deck AND later.direction = p.direction AND later.published_from > p.published_from"
    " AND later.published_from <= {since})"
    " UNION SELECT max(version_id) FROM deck_versions WHERE is_complete GROUP BY deck"
)

_USAGE_FIELDS = tuple(field.name for field in fields(UsageRow))
_KINDS = {kind.value: kind for kind in CallKind}
_STATES = {state.value: state for state in CallState}
_SOURCES = {source.value: source for source in PaysFrom}
_DIRECTIONS = {direction.value: direction for direction in Direction}
_NAMES_OF_DIRECTIONS = ", ".join(f"'{direction.value}'" for direction in Direction)
# All of them, because the index of rates begins with the direction.
DIRECTIONS = f"({_NAMES_OF_DIRECTIONS})"
DIRECTIONS_ON_POSTGRESQL = f"ARRAY[{_NAMES_OF_DIRECTIONS}]"
_USES = {use.value: use for use in NumberUse}
_ENDINGS = {ending.value: ending for ending in Ending}
_LOT_KINDS = {kind.value: kind for kind in LotKind}


# Rows of people and organizations hardly ever change: the same row is the same value.
@lru_cache(maxsize=65_536)
@lru_cache(maxsize=65_536)
def identity_of(row: Row) -> Identity:
    """Translate a row of IDENTITY_COLUMNS, once for as long as it stays as it is."""
    _, organization_id, use, user_id, *person = row
    return Identity(
        organization_id, _USES[use], None if user_id is None else _user_of(organization_id, user_id, *person)
    )


def _user_of(organization_id: int, user_id: int, *person: Any) -> User:
    name, display_name, location, department, licenses, roles, language, account, policy, block, is_allowed = person
    return User(
        organization_id,
        user_id,
        name,
        display_name,
        location,
        License(licenses),
        department,
        Role(roles),
        language,
        AccountKind(account),
        policy,
        block,
        bool(is_allowed),
    )


@lru_cache(maxsize=65_536)
def _organization_of(row: Row) -> Organization:
    organization_id, name, country, currency, zone, deck, is_active, has_credit, mode, revision = row
    return Organization(
        organization_id,
        name,
        country,
        currency,
        ZoneInfo(zone),
        deck,
        bool(is_active),
        bool(has_credit),
        BillingMode(mode),
        revision,
    )


def organization_of(row: Row) -> Organization:
    """Translate a row of ORGANIZATION_COLUMNS, less its receivable."""
    return _organization_of(row[:-1])


def lot_of(row: Row) -> CreditLot:
    """Translate a row of LOT_COLUMNS."""
    _, lot_id, kind, granted, purchased_at, expires_at, *parts = row
    return CreditLot(lot_id, _LOT_KINDS[kind], granted, from_micros(purchased_at), from_micros(expires_at), *parts)


def all_lot_parts(lot: CreditLot) -> Row:
    """Return what may change of a lot, as the columns from LOT_PARTS_START on."""
    return lot.spent_micros, lot.held_micros, lot.expired_micros, lot.refunded_micros, lot.disputed_micros


def lot_parts(organization_id: int, lot: CreditLot) -> Row:
    """Return what charging changes of a lot: spent, held, expired, and its key."""
    return lot.spent_micros, lot.held_micros, lot.expired_micros, organization_id, lot.lot_id


def call_of(row: Row) -> Call:
    """Translate a row of CALL_SETUP_COLUMNS, CALL_PROGRESS_COLUMNS."""
    progress = row[CALL_SETUP_COUNT:]
    state, granted_seconds, is_final, valid_until, hold_micros, hold_slices, answered_at = progress[:7]
    denial = row[CALL_SETUP_COUNT - 1]
    return Call(
        _setup_of(row),
        _STATES[state],
        granted_seconds,
        bool(is_final),
        from_micros_or_none(valid_until),
        _hold_of(hold_micros, hold_slices, *progress[13:15]),
        from_micros_or_none(answered_at),
        None if denial is None else DenialReason(denial),
        _result_of(progress[7:13]),
        progress[15],
        _session_of(progress[16]),
        from_micros_or_none(progress[17]),
    )


def _hold_of(micros: int, slices: str, minutes: str, overage_micros: int) -> Hold:
    if not (micros or minutes or overage_micros):
        return NO_HOLD
    return Hold(_slices_of(slices), _shares_of(minutes), overage_micros)


def _setup_of(row: Row) -> CallSetup:
    organization_id, call_key, kind, caller, called, started_at, pays_from, user_id, conference_id = row[:9]
    version_id, direction, prefix, origin_prefix, destination, meters, capability, switch_ref = row[
        9 : CALL_SETUP_COUNT - 1
    ]
    rate = None
    if version_id is not None:
        rate = RateReference(version_id, _DIRECTIONS[direction], prefix, origin_prefix)
    return CallSetup(
        organization_id,
        key_of(call_key),
        _KINDS[kind],
        caller,
        called,
        from_micros(started_at),
        _SOURCES[pays_from],
        user_id,
        conference_id,
        rate,
        destination,
        tuple(meters.split("\n")) if meters else (),
        capability,
        switch_ref,
    )


def _result_of(ended: Row) -> CallResult | None:
    ended_at, ending, used_seconds, cost_micros, uncovered_micros, flags = ended
    if ended_at is None:
        return None
    return CallResult(
        from_micros(ended_at), _ENDINGS[ending], used_seconds, cost_micros, uncovered_micros, Flags(flags)
    )


def _session_of(text: str) -> Session:
    return Session(*map(int, text.split())) if text else NO_SESSION


def setup_row(call: Call) -> Row:
    """Return the row of CALL_SETUP_COLUMNS."""
    setup = call.setup
    rate = setup.rate
    return (
        setup.organization_id,
        text_of(setup.key),
        setup.kind._value_,
        setup.caller,
        setup.called,
        to_micros(setup.started_at),
        setup.pays_from._value_,
        setup.user_id,
        setup.conference_id,
        *((None,) * 4 if rate is None else (rate.version_id, rate.direction._value_, rate.prefix, rate.origin_prefix)),
        setup.destination,
        "\n".join(setup.meters),
        setup.capability,
        setup.switch_ref,
        None if call.denial is None else call.denial._value_,
    )


def rate_reference(call: Call) -> Row:
    """Return the columns of RATE_REFERENCE of a call that has a price."""
    rate = call.setup.rate
    assert rate is not None
    return rate.version_id, rate.direction._value_, rate.prefix, rate.origin_prefix


def progress_row(call: Call) -> Row:
    """Return the row of CALL_PROGRESS_COLUMNS."""
    result = call.result
    ended: Row = (None,) * 6
    if result is not None:
        ended = (
            to_micros(result.ended_at),
            result.ending._value_,
            result.used_seconds,
            result.cost_micros,
            result.uncovered_micros,
            result.flags._value_,
        )
    return (
        call.state._value_,
        call.granted_seconds,
        call.is_final,
        to_micros_or_none(call.valid_until),
        call.hold.amount_micros,
        " ".join(f"{lot_id}:{amount}" for lot_id, amount in call.hold.slices),
        to_micros_or_none(call.answered_at),
        *ended,
        "\n".join(f"{minutes} {pool}" for pool, minutes in call.hold.minutes),
        call.hold.overage_micros,
        call.usage_rows_count,
        "" if call.session is NO_SESSION else "{} {} {}".format(*call.session),
        to_micros_or_none(call.cut_at),
    )


def usage_row(row: UsageRow) -> Row:
    """Return the row of USAGE_COLUMNS."""
    return (
        row.organization_id,
        text_of(row.key),
        row.line,
        row.kind._value_,
        row.user_id,
        row.conference_id,
        row.caller,
        row.called,
        row.destination,
        row.prefix,
        row.deck_version_id,
        to_micros(row.started_at),
        to_micros_or_none(row.answered_at),
        to_micros(row.ended_at),
        row.used_seconds,
        row.billed_seconds,
        row.connection_fee_micros,
        row.cost_micros,
        row.uncovered_micros,
        row.currency,
        row.paid_by._value_,
        row.ending._value_,
        row.flags._value_,
        row.capability,
        row.correction_reference,
        row.correction_reason,
    )


def usage_of(row: Row) -> UsageRow:
    """Translate a row of USAGE_COLUMNS."""
    values = dict(zip(_USAGE_FIELDS, row, strict=True))
    return UsageRow(
        **values
        | {
            "key": key_of(values["key"]),
            "kind": _KINDS[values["kind"]],
            "started_at": from_micros(values["started_at"]),
            "answered_at": from_micros_or_none(values["answered_at"]),
            "ended_at": from_micros(values["ended_at"]),
            "paid_by": _SOURCES[values["paid_by"]],
            "ending": _ENDINGS[values["ending"]],
            "flags": Flags(values["flags"]),
        }
    )


def posting_rows(entry: JournalEntry) -> list[Row]:
    """Return the rows of POSTING_COLUMNS."""
    occurred_at = to_micros(entry.occurred_at)
    return [
        (
            entry.organization_id,
            entry.entry_id,
            line,
            posting.debit._value_,
            posting.credit._value_,
            posting.lot_id,
            posting.amount_micros,
            occurred_at,
        )
        for line, posting in enumerate(entry.postings)
    ]


def charged_of(usage: Iterable[UsageRow], posted: Iterable[Row]) -> dict[CallKey, Charged]:
    """Return what was written of calls, from their usage rows in the order of lines, and rows of POSTING_COLUMNS."""
    postings: dict[tuple[int, str], list[Posting]] = {}
    for organization_id, entry_id, _, debit, credit, lot_id, amount_micros, _ in posted:
        posting = Posting(Account(debit), Account(credit), amount_micros, lot_id)
        postings.setdefault((organization_id, entry_id), []).append(posting)
    charged: dict[CallKey, Charged] = {}
    for row in usage:
        before = charged.get(row.key, NOTHING_CHARGED)
        own = postings.get((row.organization_id, entry_id_of(row.key, row.line)), ())
        charged[row.key] = Charged((*before.rows, row), (*before.postings, *own))
    return charged


def event_row(event: Event) -> Row:
    """Return the row of EVENT_COLUMNS."""
    return (
        event.organization_id,
        event.event_id,
        event.kind.value,
        to_micros(event.occurred_at),
        event.balance_micros,
        json.dumps(dict(event.details), ensure_ascii=False, separators=(",", ":")),
    )


def event_of(row: Row) -> Event:
    """Translate a row of EVENT_COLUMNS."""
    organization_id, event_id, kind, occurred_at, balance, details = row
    told = tuple(json.loads(details).items())
    return Event(organization_id, event_id, EventKind(kind), from_micros(occurred_at), balance, told)


def rate_row(rate: Rate) -> Row:
    """Return the row of RATE_COLUMNS."""
    prices = [
        [
            price.connection_fee_nanos,
            [[step.from_second, step.increment_seconds, step.nanos_per_minute] for step in price.steps],
            price.profile.name,
            [[window.weekday, window.from_second, window.to_second] for window in price.profile.windows],
        ]
        for price in rate.prices
    ]
    return (
        rate.direction.value,
        rate.prefix,
        rate.origin_prefix,
        rate.destination,
        rate.blocked,
        json.dumps(prices, separators=(",", ":")),
    )


def rate_of(row: Row) -> Rate:
    """Translate a row of RATE_COLUMNS."""
    direction, prefix, origin_prefix, destination, blocked, prices = row
    return Rate(_DIRECTIONS[direction], prefix, origin_prefix, destination, _prices_of(prices), bool(blocked))


# Decks have a few thousand distinct prices over tens of thousands of prefixes.
@lru_cache(maxsize=65_536)
def _prices_of(text: str) -> tuple[Price, ...]:
    return tuple(
        Price(
            fee,
            tuple(PriceStep(*step) for step in steps),
            TimeProfile(name, tuple(Window(*window) for window in windows)),
        )
        for fee, steps, name, windows in json.loads(text)
    )


def _slices_of(text: str) -> tuple[Slice, ...]:
    pairs = (part.split(":") for part in text.split())
    return tuple(Slice(int(lot_id), int(amount)) for lot_id, amount in pairs)


def _shares_of(text: str) -> tuple[Share, ...]:
    pairs = (line.split(" ", 1) for line in text.splitlines())
    return tuple(Share(pool, int(minutes)) for minutes, pool in pairs)
