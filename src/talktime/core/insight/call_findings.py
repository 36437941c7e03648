"""What an audit finds in one call: its state and hold, its usage rows and their price, what the journal says."""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from itertools import groupby
from operator import attrgetter
from typing import Any

from talktime.core.calls.calls import NO_HOLD, UNCOUNTED, Call, CallState, Flags, PaysFrom, RateReference
from talktime.core.calls.cdrs import RERATED, UsageRow, entry_id_of
from talktime.core.calls.counting import meters
from talktime.core.calls.counting.pools import SECONDS_PER_MINUTE, pool_of
from talktime.core.credit.ledger import Account
from talktime.core.insight.books import CallBooks, Finding, PostedRow, Rule
from talktime.core.rates import rating
from talktime.core.rates.rate_decks import MatchedRate
from talktime.core.rates.rating import Tariff
from talktime.core.values.money import format_micros

# The server closes silent calls by itself; one that is open for so long after its time is a sign that nobody does.
STALE_AFTER = timedelta(hours=1)

_LOT, _REVENUE, _RECEIVABLE = Account.LOT.value, Account.REVENUE.value, Account.RECEIVABLE.value
_BREAKAGE, _ACCRUED = Account.BREAKAGE.value, Account.ACCRUED.value
# What leaves a lot for these leaves it before its end.
_IN_TIME = frozenset(
    {
        _REVENUE,
        _RECEIVABLE,
        Account.REFUND.value,
        Account.ADJUSTMENT.value,
        Account.TRANSFER.value,
        Account.DISPUTED.value,
    }
)
# Entries of closed organizations: nothing else lapses before its end.
_CLOSING = "closing:"
# In which order the sources of a call pay.
_RANKS = {PaysFrom.MINUTES: 0, PaysFrom.CREDIT: 1, PaysFrom.OVERAGE: 2}
_BY_MONEY = (PaysFrom.CREDIT, PaysFrom.OVERAGE)
_money = format_micros

FindRate = Callable[[RateReference], MatchedRate | None]


def findings_of(books: CallBooks, call: Call, find_rate: FindRate, at: datetime) -> Iterator[Finding]:
    """Check a call against its usage rows, its price and the journal."""
    if not books.is_mapped:
        yield _of(books, Rule.CALL_KEY_MAPPED, "a row of call_keys that names this organization", "none")
    yield from _hold_findings(books, call)
    yield from _state_findings(books, call, at)
    yield from _usage_findings(books, call)
    yield from _source_findings(books, call)
    yield from _price_findings(books, call, find_rate)
    yield from _journal_findings(books, call)


def orphans(books: CallBooks) -> Iterator[Finding]:
    """Return what is there of a call that is not."""
    if books.is_mapped:
        yield _of(books, Rule.CALL_KEY_MAPPED, "a call of this organization for the row of call_keys", "none")
    for row in books.usage:
        yield _of_row(books, row, Rule.USAGE_OF_CALL, "the call that it belongs to", "none")
    for entry_id, _ in groupby(books.postings, key=attrgetter("entry_id")):
        yield _of_entry(books, entry_id, "the call that it charges", "none")


def _hold_findings(books: CallBooks, call: Call) -> Iterator[Finding]:
    hold = call.hold
    if books.hold_micros != hold.amount_micros:
        expected = f"hold {_money(hold.amount_micros)}, the sum of its slices"
        yield _of(books, Rule.HOLD_ADDS_UP, expected, _money(books.hold_micros))
    if call.state is not CallState.OPEN and (books.hold_micros or hold != NO_HOLD):
        held = _money(max(books.hold_micros, hold.amount_micros) + hold.overage_micros)
        found = f"{call.state.value}, holds {held} and {hold.included_minutes} minutes"
        yield _of(books, Rule.HOLD_ADDS_UP, "only an open call holds credit, overage and minutes", found)
    named = {name for name in call.setup.meters if meters.kind_of(name) == meters.POOL}
    for pool, minutes in hold.minutes:
        if pool not in named or minutes <= 0:
            yield _of(books, Rule.HOLD_ADDS_UP, "minutes of the pools that the call names", f"{minutes} of {pool}")
    if hold.overage_micros and not _may_be_billed(call):
        found = f"overage of {_money(hold.overage_micros)}"
        yield _of(books, Rule.HOLD_ADDS_UP, "no overage without a meter that counts it", found)


def _state_findings(books: CallBooks, call: Call, at: datetime) -> Iterator[Finding]:
    has_ended = call.state in {CallState.FINISHED, CallState.LAPSED}
    if has_ended != (call.result is not None):
        found = f"{call.state.value} {'without' if call.result is None else 'with'} a result"
        yield _of(books, Rule.CALL_COMPLETE, "a call has a result when it has ended, and only then", found)
    if (call.state is CallState.DENIED) != (call.denial is not None):
        found = f"{call.state.value}, reason {call.denial.value if call.denial else 'none'}"
        yield _of(books, Rule.CALL_COMPLETE, "a call has a reason when it was denied, and only then", found)
    if has_ended and call.usage_rows_count == 0:
        yield _of(books, Rule.CALL_COMPLETE, "a call that has ended has a usage row", "none")
    if call.state is CallState.OPEN and call.valid_until is not None and call.valid_until + STALE_AFTER < at:
        expected, found = (
            "closed soon after it fell silent",
            f"open, silent since {call.valid_until:%Y-%m-%d %H:%M} UTC",
        )
        yield _of(books, Rule.SILENT_CALL_CLOSED, expected, found)


def _usage_findings(books: CallBooks, call: Call) -> Iterator[Finding]:
    lines = [row.line for row in books.usage]
    if lines != list(range(call.usage_rows_count)):
        expected = f"usage rows 0 to {call.usage_rows_count - 1}" if call.usage_rows_count else "no usage row"
        yield _of(books, Rule.USAGE_OF_CALL, expected, ", ".join(map(str, lines)) or "none")
    about_call = _about_call(call)
    for row in books.usage:
        about_row = _about(row)
        if about_row != about_call:
            expected = " ".join(map(str, about_call))
            yield _of_row(books, row, Rule.USAGE_EQUALS_CALL, expected, " ".join(map(str, about_row)))
        if not row.correction_reference and min(row.used_seconds, row.billed_seconds, row.cost_micros) < 0:
            found = f"{row.used_seconds} s used, {row.billed_seconds} s billed, cost {_money(row.cost_micros)}"
            yield _of_row(books, row, Rule.USAGE_EQUALS_CALL, "only a correction takes something back", found)
    result = call.result
    if result is None or not books.usage:
        return
    last = books.usage[-1]
    sums = [sum(map(attrgetter(name), books.usage)) for name in ("used_seconds", "cost_micros", "uncovered_micros")]
    added = (*sums, last.ending, last.flags, last.ended_at)
    stated = (
        *(result.used_seconds, result.cost_micros, result.uncovered_micros),
        *(result.ending, result.flags, result.ended_at),
    )
    if added != stated:
        yield _of(books, Rule.USAGE_EQUALS_CALL, f"as its usage rows: {_result(added)}", _result(stated))


def _source_findings(books: CallBooks, call: Call) -> Iterator[Finding]:
    """Check that what paid may pay for the call, and in its order: minutes, then credit, then the bill."""
    pools = _pools_of(call)
    # What a correction adds or takes back stands wherever its source does.
    used = [row for row in books.usage if not row.correction_reference and (row.used_seconds or row.cost_micros)]
    for row in books.usage:
        if not _may_pay(row, call, pools):
            expected = f"what may pay for the call: {call.setup.pays_from.value} first, {', '.join(pools) or 'no pool'}"
            yield _of_row(books, row, Rule.USAGE_EQUALS_CALL, expected, f"{row.paid_by.value} {row.capability}".strip())
    ranks = [_RANKS[row.paid_by] for row in used if row.paid_by in _RANKS]
    by_money = [rank for rank in ranks if rank]
    if ranks != sorted(ranks) or len(by_money) != len(set(by_money)):
        found = ", ".join(row.paid_by.value for row in used)
        yield _of(books, Rule.USAGE_EQUALS_CALL, "minutes pay first, then credit, then overage, each money once", found)


def _may_pay(row: UsageRow, call: Call, pools: Sequence[str]) -> bool:
    first = call.setup.pays_from
    if first in UNCOUNTED or row.paid_by in UNCOUNTED:
        return row.paid_by is first
    if row.paid_by is PaysFrom.MINUTES:
        return row.capability in pools
    return row.paid_by is not PaysFrom.OVERAGE or _may_be_billed(call)


def _pools_of(call: Call) -> tuple[str, ...]:
    """Return the capabilities of the pools that a call names: each is there once."""
    return tuple(pool_of(name).capability for name in call.setup.meters if meters.kind_of(name) == meters.POOL)


def _may_be_billed(call: Call) -> bool:
    return any(meters.kind_of(name) == meters.OVERAGE for name in call.setup.meters)


def _price_findings(books: CallBooks, call: Call, find_rate: FindRate) -> Iterator[Finding]:
    """Rate the call again from the deck version that it names, as it was rated when it finished."""
    for row in books.usage:
        if row.paid_by in UNCOUNTED:
            yield from _price_differs(books, (row,), (row.used_seconds, 0, 0), _charged((row,)))
    minutes = [row for row in books.usage if row.paid_by is PaysFrom.MINUTES]
    for capability in dict.fromkeys(row.capability for row in minutes):
        yield from _minutes_findings(books, call, [row for row in minutes if row.capability == capability])
    rows = tuple(row for row in books.usage if row.paid_by in _BY_MONEY)
    if rows:
        yield from _paid_findings(books, call, rows, find_rate)


def _minutes_findings(books: CallBooks, call: Call, rows: Sequence[UsageRow]) -> Iterator[Finding]:
    """Minutes cost nothing, have no rate, and are drawn whole; a call without money may outlast what its pool had."""
    for row in rows:
        if row.prefix or row.deck_version_id is not None or row.uncovered_micros:
            found = f"prefix {row.prefix!r}, version {row.deck_version_id}, uncovered {_money(row.uncovered_micros)}"
            yield _of_row(
                books, row, Rule.USAGE_EQUALS_PRICE, "minutes have no rate and leave nothing uncovered", found
            )
    billed, _, _ = charged = _charged(rows)
    drawn = -(-sum(row.used_seconds for row in rows) // SECONDS_PER_MINUTE) * SECONDS_PER_MINUTE
    least = 0 if rows[-1].flags & (Flags.LATE | Flags.CORRECTED) else SECONDS_PER_MINUTE
    if call.setup.rate is None and billed in range(least, drawn, SECONDS_PER_MINUTE):
        drawn = billed
    yield from _price_differs(books, rows, (drawn, 0, 0), charged)


def _paid_findings(books: CallBooks, call: Call, rows: tuple[UsageRow, ...], find_rate: FindRate) -> Iterator[Finding]:
    """Money pays from where included minutes ended: one cost, which credit and the bill share."""
    reference = call.setup.rate
    matched = None if reference is None else find_rate(reference)
    if reference is None or matched is None:
        missing = "none" if reference is None else f"none for {reference.prefix} in version {reference.version_id}"
        for row in rows:
            yield _of_row(books, row, Rule.USAGE_EQUALS_PRICE, "a stored rate that prices it", missing)
        return
    yield from _rate_findings(books, rows, reference)
    tariff, priced_from = matched.tariff, rows[-1].answered_at or rows[-1].started_at
    included = sum(row.used_seconds for row in books.usage if row.paid_by is PaysFrom.MINUTES)
    used = included + sum(row.used_seconds for row in rows)
    cost = rating.cost_micros(tariff, priced_from, used, included)
    billed = rating.billed_seconds(tariff, priced_from, used, included) - included
    fee = rating.connection_fee_micros(tariff, priced_from) if cost > 0 and not included else 0
    yield from _price_differs(books, rows, (billed, fee, cost), _charged(rows))
    yield from _share_findings(books, rows, matched.tariff, included)


def _rate_findings(books: CallBooks, rows: Sequence[UsageRow], reference: RateReference) -> Iterator[Finding]:
    """The last row names the rate that the call keeps; where one names another than the row before, it rates anew."""
    named, later = (reference.prefix, reference.version_id), ""
    for row in reversed(rows):
        if later.startswith(RERATED) and row.correction_reference != later:
            named = row.prefix, row.deck_version_id or 0
        if (row.prefix, row.deck_version_id) != named:
            expected = f"prefix {named[0]} of version {named[1]}, as the call"
            found = f"prefix {row.prefix} of version {row.deck_version_id}"
            yield _of_row(books, row, Rule.USAGE_EQUALS_PRICE, expected, found)
        later = row.correction_reference


def _share_findings(books: CallBooks, rows: tuple[UsageRow, ...], tariff: Tariff, included: int) -> Iterator[Finding]:
    """Where credit and the bill share a cost, credit pays the seconds that it affords."""
    credit_rows = [row for row in rows if row.paid_by is PaysFrom.CREDIT]
    credit_billed, _, credit_micros = _charged(credit_rows)
    billed, _, cost_micros = _charged(rows)
    if credit_micros in (0, cost_micros):
        return
    priced_from = rows[-1].answered_at or rows[-1].started_at
    credit_used, used = sum(row.used_seconds for row in credit_rows), sum(row.used_seconds for row in rows)
    afforded = rating.affordable_seconds(tariff, priced_from, credit_micros, included + used, included) - included
    share = (min(used, afforded), min(billed, afforded))
    if share != (credit_used, credit_billed):
        expected = f"the {share[0]} s used, {share[1]} s billed that {_money(credit_micros)} affords"
        found = f"{credit_used} s used, {credit_billed} s billed"
        yield _of_row(books, credit_rows[-1], Rule.USAGE_EQUALS_PRICE, expected, found)


def _charged(rows: Sequence[UsageRow]) -> tuple[int, int, int]:
    return (
        sum(row.billed_seconds for row in rows),
        sum(row.connection_fee_micros for row in rows),
        sum(row.cost_micros for row in rows),
    )


def _journal_findings(books: CallBooks, call: Call) -> Iterator[Finding]:
    """Every micro that a usage row costs was booked as revenue in the row's own entry, and nothing else was."""
    rows = {entry_id_of(row.key, row.line): row for row in books.usage if row.paid_by is not PaysFrom.MINUTES}
    entries = {entry_id: tuple(group) for entry_id, group in groupby(books.postings, key=attrgetter("entry_id"))}
    for entry_id in entries.keys() - rows.keys():
        yield _of_entry(books, entry_id, "the usage row that it charges", "none")
    for entry_id, row in rows.items():
        postings = entries.get(entry_id, ())
        on_bill = row.cost_micros if row.paid_by is PaysFrom.OVERAGE else 0
        covered, owed, accrued = (_earned_from(account, postings) for account in (_LOT, _RECEIVABLE, _ACCRUED))
        stated = _booked(row.cost_micros, row.uncovered_micros, on_bill)
        booked = _booked(covered + owed + accrued, owed, accrued)
        if stated != booked:
            yield _of_entry(books, entry_id, f"{stated} (usage row)", booked)
        for posting in postings:
            if posting.occurred_at < row.ended_at:
                yield _of_entry(books, entry_id, f"booked not before {row.ended_at}", f"{posting.occurred_at}")
            yield from time_findings(books.organization_id, posting, call.setup.started_at)


def _earned_from(account: str, postings: Sequence[PostedRow]) -> int:
    earned = sum(each.amount_micros for each in postings if (each.debit, each.credit) == (account, _REVENUE))
    return earned - sum(each.amount_micros for each in postings if (each.debit, each.credit) == (_REVENUE, account))


def _booked(cost_micros: int, uncovered_micros: int, on_bill_micros: int) -> str:
    billed = f", billed after use {_money(on_bill_micros)}" if on_bill_micros else ""
    return f"cost {_money(cost_micros)}, uncovered {_money(uncovered_micros)}{billed}"


def time_findings(organization_id: int, posting: PostedRow, began_at: datetime) -> Iterator[Finding]:
    """Check that a lot paid between its purchase and its end: credit held before its end may be spent after it."""
    purchased_at, expires_at = posting.lot_purchased_at, posting.lot_expires_at
    if posting.debit not in (_LOT, _BREAKAGE) or purchased_at is None or expires_at is None:
        return
    name = f"postings {posting.entry_id} of lot {posting.lot_id}"
    if posting.debit == _BREAKAGE:
        if not began_at < expires_at <= posting.occurred_at:
            expected = f"what lapsed at {expires_at} comes back afterwards only, for a call from before"
            yield Finding(Rule.CREDIT_IN_TIME, organization_id, name, expected, f"a call from {began_at}")
        return
    if posting.occurred_at < purchased_at:
        expected, found = f"nothing leaves it before its purchase at {purchased_at}", f"{posting.occurred_at}"
        yield Finding(Rule.CREDIT_IN_TIME, organization_id, name, expected, found)
    decided_at = began_at if posting.credit == _REVENUE else posting.occurred_at
    is_early = decided_at < expires_at and not posting.entry_id.startswith(_CLOSING)
    if posting.credit == _BREAKAGE and is_early:
        expected, found = f"nothing lapses before its end at {expires_at}", f"{decided_at}"
        yield Finding(Rule.CREDIT_IN_TIME, organization_id, name, expected, found)
    if posting.credit in _IN_TIME and decided_at >= expires_at:
        expected, found = f"nothing new is paid from it after its end at {expires_at}", f"{decided_at}"
        yield Finding(Rule.CREDIT_IN_TIME, organization_id, name, expected, found)


def _about_call(call: Call) -> tuple[object, ...]:
    setup = call.setup
    return (
        *(setup.kind.value, setup.caller, setup.called, setup.started_at),
        *(setup.user_id, setup.conference_id, setup.destination),
    )


def _about(row: UsageRow) -> tuple[object, ...]:
    return (
        *(row.kind.value, row.caller, row.called, row.started_at),
        *(row.user_id, row.conference_id, row.destination),
    )


def _result(parts: tuple[Any, ...]) -> str:
    used, cost, uncovered, ending, flags, ended_at = parts
    return f"{used} s, cost {_money(cost)}, uncovered {_money(uncovered)}, {ending.value}, {flags}, {ended_at}"


def _price_differs(
    books: CallBooks, rows: Sequence[UsageRow], expected: tuple[int, int, int], found: tuple[int, int, int]
) -> Iterator[Finding]:
    if expected == found:
        return
    lines = ", ".join(str(row.line) for row in rows)
    name = f"usage_rows {books.call_key} {'line' if len(rows) == 1 else 'lines'} {lines}"
    yield Finding(Rule.USAGE_EQUALS_PRICE, books.organization_id, name, _priced(*expected), _priced(*found))


def _priced(billed_seconds: int, fee_micros: int, cost_micros: int) -> str:
    return f"billed {billed_seconds} s, connection fee {_money(fee_micros)}, cost {_money(cost_micros)}"


def _of(books: CallBooks, rule: Rule, expected: str, found: str) -> Finding:
    return Finding(rule, books.organization_id, f"calls {books.call_key}", expected, found)


def _of_row(books: CallBooks, row: UsageRow, rule: Rule, expected: str, found: str) -> Finding:
    return Finding(rule, books.organization_id, f"usage_rows {books.call_key} line {row.line}", expected, found)


def _of_entry(books: CallBooks, entry_id: str, expected: str, found: str) -> Finding:
    return Finding(Rule.USAGE_EQUALS_JOURNAL, books.organization_id, f"postings {entry_id}", expected, found)
