"""The receipt of one call: how it was priced, block by block, what paid, and why it was cut or refused."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime

from talktime.core.calls.calls import (
    EXPLANATIONS,
    Call,
    CallState,
    Ending,
    Flags,
    PaysFrom,
)
from talktime.core.calls.cdrs import UsageRow
from talktime.core.calls.counting.meters import DEPARTMENT, OVERAGE, USER, kind_of
from talktime.core.calls.counting.pools import SECONDS_PER_MINUTE
from talktime.core.credit.ledger import Account, Posting
from talktime.core.insight.pool_report import PoolLine
from talktime.core.insight.usage import BY_MONEY
from talktime.core.rates import rating
from talktime.core.rates.rate_decks import MatchedRate
from talktime.core.rates.rating import Block
from talktime.core.values.frozen import frozen
from talktime.core.values.money import (
    NANO_DECIMALS,
    NANOS_PER_MICRO,
    NANOS_PER_UNIT,
    format_micros,
)

# How far an exact cost is written out: a price per minute in nanos, for one second, may never end (1/60).
EXACT_DECIMALS = NANO_DECIMALS + 3

FLAG_EXPLANATIONS: dict[Flags, str] = {
    Flags.CLAMPED: "The switch reported a second or two beyond the grant; only what was granted is charged.",
    Flags.OVERRUN: "The switch let the call run past what it was granted; all of it is charged.",
    Flags.LATE: "The end was reported after the server had given the call up.",
    Flags.GAP: "Reports of the switch were lost; its clock says how long the call ran, up to what was granted.",
    Flags.CORRECTED: "The duration was corrected after the call had been charged.",
    Flags.RECONSTRUCTED: "The switch fell silent; the server closed the call, and what had been granted is charged.",
}
ENDING_EXPLANATIONS: dict[Ending, str] = {
    Ending.HANGUP: "One of the parties hung up.",
    Ending.CREDIT_EXHAUSTED: "The switch cut the call at the end of its grant: credit did not pay for more.",
    Ending.NOT_ANSWERED: "The call was not answered.",
    Ending.FAILED: "The call failed on its way.",
    Ending.SILENT: "The switch did not say how the call ended.",
}


@frozen
class LotLabel:
    """By what name and with which dates people know a lot."""

    lot_id: int
    reference: str
    purchased_at: datetime
    expires_at: datetime


@frozen
class DeckLabel:
    """By what name people know a deck version."""

    deck: str
    number: int
    source: str


@frozen
class ParkedReport:
    """What a switch reported and could not be charged."""

    reason: str
    used_seconds: int
    received_at: datetime


@frozen
class ReceiptFacts:
    """What is stored about one call; postings by the line of the usage row whose entry they belong to."""

    organization: str
    currency: str
    call: Call
    usage: tuple[UsageRow, ...] = ()
    postings: tuple[tuple[int, Posting], ...] = ()
    lots: Mapping[int, LotLabel] | None = None
    deck: DeckLabel | None = None
    matched: MatchedRate | None = None
    parked: tuple[ParkedReport, ...] = ()
    # The pools that the call names, in the order in which they pay, as they stand now.
    pools: tuple[PoolLine, ...] = ()


@frozen
class HeldMinutes:
    """Minutes of a pool that are promised to an open call."""

    minutes: int
    pool: PoolLine


@frozen
class Payment:
    """An amount that a lot gave or promises; without a lot, what the organization owes since.

    Below zero it came back to the lot, or is owed no more.
    """

    lot: LotLabel | None
    amount_micros: int


@frozen
class Charge:
    """One usage row, priced again in the open: fee and blocks make the exact cost, which was rounded once."""

    usage: UsageRow
    blocks: tuple[Block, ...]
    connection_fee_nanos: int
    exact_cost: str
    payments: tuple[Payment, ...]
    lapsed_micros: int
    repaid_micros: int
    # The pool that gave these minutes, None for a row that money paid.
    pool: PoolLine | None = None
    minutes: int = 0


@frozen
class Sums:
    """What a call took of each source: minutes, then money; `exact_cost` is that of all its increments together."""

    minutes: int
    credit_micros: int
    owed_micros: int
    overage_micros: int
    exact_cost: str

    @property
    def cost_micros(self) -> int:
        """Return what the call cost in money."""
        return self.credit_micros + self.owed_micros + self.overage_micros

    @property
    def is_shared(self) -> bool:
        """Tell whether more than one source paid."""
        return sum(map(bool, (self.minutes, self.credit_micros + self.owed_micros, self.overage_micros))) > 1


@frozen
class Receipt:
    """Everything there is to say about one call: its charges in the order in which sources paid."""

    facts: ReceiptFacts
    charges: tuple[Charge, ...]
    held: tuple[Payment, ...]
    reasons: tuple[str, ...]
    flags: tuple[str, ...]
    sums: Sums
    held_minutes: tuple[HeldMinutes, ...] = ()


def receipt(facts: ReceiptFacts) -> Receipt:
    """Explain a call from what is stored about it; it may be denied, open, lapsed or finished."""
    call = facts.call
    flags = call.result.flags if call.result is not None else Flags.NONE
    charges = tuple(_charge(facts, row) for row in facts.usage)
    return Receipt(
        facts,
        charges,
        tuple(Payment(_label(facts, part.lot_id), part.amount_micros) for part in call.hold.slices),
        tuple(_reasons(call)),
        tuple(sentence for flag, sentence in FLAG_EXPLANATIONS.items() if flag in flags),
        _sums(facts, charges),
        tuple(HeldMinutes(minutes, pool) for name, minutes in call.hold.minutes for pool in _pools_named(facts, name)),
    )


def exact_cost(connection_fee_nanos: int, blocks: tuple[Block, ...]) -> str:
    """Write what fee and blocks come to before rounding; `…` where the decimals never end."""
    nanos_times_60 = connection_fee_nanos * rating.SECONDS_PER_MINUTE + sum(map(_nanos_times_60, blocks))
    return _decimal(nanos_times_60)


def block_cost(block: Block) -> str:
    """Write what a block costs before rounding."""
    return _decimal(_nanos_times_60(block))


def _nanos_times_60(block: Block) -> int:
    return block.increments * block.increment_seconds * block.nanos_per_minute


def _decimal(nanos_times_60: int) -> str:
    units, rest = divmod(nanos_times_60, rating.SECONDS_PER_MINUTE * NANOS_PER_UNIT)
    fraction, endless = divmod(rest * 10**EXACT_DECIMALS, rating.SECONDS_PER_MINUTE * NANOS_PER_UNIT)
    digits = f"{fraction:0{EXACT_DECIMALS}d}"
    return f"{units}.{digits}…" if endless else f"{units}.{digits.rstrip('0').ljust(2, '0')}"


def _charge(facts: ReceiptFacts, row: UsageRow) -> Charge:
    blocks, fee_nanos = _increments(facts, row)
    own = [posting for line, posting in facts.postings if line == row.line]
    is_drawn = row.paid_by is PaysFrom.MINUTES
    return Charge(
        row,
        blocks,
        fee_nanos,
        exact_cost(fee_nanos, blocks),
        tuple(_payments(facts, own)),
        sum(posting.amount_micros for posting in own if posting.credit is Account.BREAKAGE),
        sum(posting.amount_micros for posting in own if posting.credit is Account.RECEIVABLE),
        next((line for line in facts.pools if line.pool.capability == row.capability), None) if is_drawn else None,
        row.billed_seconds // SECONDS_PER_MINUTE if is_drawn else 0,
    )


def _increments(facts: ReceiptFacts, row: UsageRow) -> tuple[tuple[Block, ...], int]:
    """Return the increments that a row of money paid, which follow those of the rows before it, and its fee."""
    if facts.matched is None or row.paid_by not in BY_MONEY or row.correction_reference:
        return (), 0
    tariff, priced_from = facts.matched.tariff, row.answered_at or row.started_at
    first = [each for each in facts.usage if not each.correction_reference]
    included = sum(each.used_seconds for each in first if each.paid_by is PaysFrom.MINUTES)
    paid = [each for each in first if each.paid_by in BY_MONEY]
    begins = included + sum(each.billed_seconds for each in paid if each.line < row.line)
    used = included + sum(each.used_seconds for each in paid)
    blocks = _between(rating.blocks(tariff, priced_from, used, included), begins, begins + row.billed_seconds)
    if begins or not blocks or row.connection_fee_micros != rating.connection_fee_micros(tariff, priced_from):
        return blocks, row.connection_fee_micros * NANOS_PER_MICRO
    return blocks, rating.connection_fee_nanos(tariff, priced_from)


def _between(blocks: tuple[Block, ...], begins: int, ends: int) -> tuple[Block, ...]:
    """Return the increments that begin in [begins, ends)."""
    found = []
    for block in blocks:
        size = block.increment_seconds
        first = max(0, -(-(begins - block.from_second) // size))
        last = min(block.increments, -(-(ends - block.from_second) // size))
        if first < last:
            found.append(replace(block, from_second=block.from_second + first * size, increments=last - first))
    return tuple(found)


def _exact_sum(facts: ReceiptFacts, charges: tuple[Charge, ...]) -> str:
    """Write what all increments come to; those of a corrected call are counted anew."""
    fee_nanos = sum(charge.connection_fee_nanos for charge in charges)
    blocks = tuple(block for charge in charges for block in charge.blocks)
    if facts.matched is not None and any(row.correction_reference for row in facts.usage):
        tariff = facts.matched.tariff
        priced_from = facts.call.answered_at or facts.call.setup.started_at
        included = sum(row.used_seconds for row in facts.usage if row.paid_by is PaysFrom.MINUTES)
        used = sum(row.used_seconds for row in facts.usage)
        blocks = rating.blocks(tariff, priced_from, used, included)
        fee_nanos = 0 if included or not blocks else rating.connection_fee_nanos(tariff, priced_from)
    return exact_cost(fee_nanos, blocks)


def _sums(facts: ReceiptFacts, charges: tuple[Charge, ...]) -> Sums:
    rows = [charge.usage for charge in charges]
    uncovered = sum(row.uncovered_micros for row in rows)
    return Sums(
        sum(charge.minutes for charge in charges),
        sum(row.cost_micros for row in rows if row.paid_by is PaysFrom.CREDIT) - uncovered,
        uncovered,
        sum(row.cost_micros for row in rows if row.paid_by is PaysFrom.OVERAGE),
        _exact_sum(facts, charges),
    )


def _pools_named(facts: ReceiptFacts, name: str) -> list[PoolLine]:
    return [line for line in facts.pools if line.pool.name == name]


def _payments(facts: ReceiptFacts, postings: Iterable[Posting]) -> Iterator[Payment]:
    owed_no_more = 0
    for posting in postings:
        lot = None if posting.lot_id is None else _label(facts, posting.lot_id)
        match posting.debit, posting.credit:
            case _, Account.REVENUE:
                yield Payment(lot, posting.amount_micros)
            case Account.REVENUE, Account.RECEIVABLE:
                owed_no_more += posting.amount_micros
            case Account.RECEIVABLE, Account.LOT:
                # A lot had repaid it.
                owed_no_more -= posting.amount_micros
                yield Payment(lot, -posting.amount_micros)
            case Account.REVENUE, Account.LOT:
                yield Payment(lot, -posting.amount_micros)
            case _:
                pass
    if owed_no_more:
        yield Payment(None, -owed_no_more)


def _label(facts: ReceiptFacts, lot_id: int) -> LotLabel | None:
    return (facts.lots or {}).get(lot_id)


def _reasons(call: Call) -> list[str]:
    """Say why the call was refused, how it stands, or how it ended, and what it was worth."""
    if call.denial is not None:
        return [EXPLANATIONS[call.denial]]
    reasons = []
    if call.state is CallState.OPEN:
        reasons.append("The call is open: what it was granted is held, nothing is charged yet.")
    if call.state is CallState.LAPSED:
        reasons.append("The switch never said that the call was answered; its hold was released, it is free.")
    if call.result is not None and call.state is CallState.FINISHED:
        reasons.append(_ending(call, call.result.ending))
    if call.setup.pays_from is PaysFrom.INCLUDED:
        return [*reasons, "A license includes calls of this kind without counting them."]
    if call.setup.pays_from is PaysFrom.FREE:
        return [*reasons, "Calls of this kind are free: no license, rate or credit was asked for."]
    if call.is_final:
        reasons.append(_final(call))
    if call.result is not None and call.result.uncovered_micros > 0:
        owed = format_micros(call.result.uncovered_micros)
        reasons.append(f"No credit covered {owed}; the organization owes it, and the next purchase repays it first.")
    return reasons


def _ending(call: Call, ending: Ending) -> str:
    if ending is Ending.CREDIT_EXHAUSTED and call.cut_at is not None:
        return "The switch cut the call at the end of its grant: it was granted no more."
    if ending is Ending.CREDIT_EXHAUSTED and call.setup.rate is None:
        return (
            "The switch cut the call at the end of its grant: the included minutes were used up, and no money may pay."
        )
    return ENDING_EXPLANATIONS[ending]


def _final(call: Call) -> str:
    if call.cut_at is not None:
        return f"An administrator cut the call: the grant of {call.granted_seconds} s was its last."
    if call.granted_seconds >= rating.CALL_MAX_SECONDS:
        return "The grant was final: no call is granted more than a day."
    grant = f"The grant of {call.granted_seconds} s was final"
    if call.setup.rate is None:
        return f"{grant}: the included minutes had no further one, and no money may pay for the call."
    kinds = {kind_of(name) for name in call.setup.meters}
    if OVERAGE in kinds:
        return f"{grant}: credit, the month's overage or a cap did not pay for another increment."
    if kinds & {USER, DEPARTMENT}:
        return f"{grant}: available credit or a monthly cap did not pay for another increment."
    return f"{grant}: available credit did not pay for another increment."
