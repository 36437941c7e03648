"""What each source would have paid of a call's right duration, and how that differs from what it has paid.

The sources give in reverse: the bill first, then what is owed, then credit in reverse lot order, then minutes
(money.md 36). More is taken first from where a correction gave it back, so that two corrections that cancel each other
leave nothing behind.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from talktime.core.calls import finishing, funding
from talktime.core.calls.afterwards.standing import NO_SHARE, Standing, share_of, source_of
from talktime.core.calls.calls import UNCOUNTED, Call, PaysFrom, Share
from talktime.core.calls.counting.pools import SECONDS_PER_MINUTE
from talktime.core.calls.funding import Part
from talktime.core.calls.requests import ChargingFacts
from talktime.core.credit import lots, unwinding
from talktime.core.credit.ledger import Account, Posting
from talktime.core.credit.lots import Credit
from talktime.core.rates import rating
from talktime.core.rates.rating import Tariff

Postings = tuple[Posting, ...]


@dataclass(frozen=True, slots=True)
class Difference:
    """A call whose duration turns out to be another; `used_at` is stated within the grace of late usage."""

    facts: ChargingFacts
    call: Call
    standing: Standing
    used_seconds: int
    at: datetime
    used_at: datetime | None

    @property
    def credit(self) -> Credit:
        """Return the credit of the call's organization."""
        return self.facts.credits[self.call.setup.organization_id]

    @property
    def repaid(self) -> Mapping[int, int]:
        """Return what each lot of the organization has repaid of what was owed."""
        ours = self.call.setup.organization_id
        return {lot_id: micros for (owner, lot_id), micros in self.facts.repaid.items() if owner == ours}


class SettledAnew(NamedTuple):
    """What a call costs in all, the credit after its correction, and what changes of each source."""

    changes: tuple[Part, ...]
    credit: Credit
    cost_micros: int = 0
    uncovered_micros: int = 0


def settle_anew(difference: Difference) -> SettledAnew:
    """Settle the difference; at least one change, if only of nothing."""
    setup, used = difference.call.setup, difference.used_seconds
    if setup.pays_from in UNCOUNTED:
        parts: tuple[Part, ...] = (Part(setup.pays_from, used, used),)
        return SettledAnew(_changes(difference.standing, parts, {}), difference.credit)
    tariff = None if setup.rate is None else finishing.matched_rate(difference.facts, setup.rate).tariff
    drawn = _drawn(difference, tariff)
    parts = funding.minute_parts(drawn, used, is_all=tariff is None)
    money = _Money(difference.credit)
    if tariff is not None:
        included = min(used, sum(share.minutes for share in drawn) * SECONDS_PER_MINUTE)
        money, paid = _paid_by_money(difference, tariff, included)
        parts += paid
    parts = parts or (funding.unpaid(difference.call, used),)
    return SettledAnew(
        _changes(difference.standing, parts, money.postings),
        money.credit,
        sum(part.cost_micros for part in parts),
        sum(part.uncovered_micros for part in parts),
    )


def _changes(standing: Standing, parts: tuple[Part, ...], postings: Mapping[PaysFrom, Postings]) -> tuple[Part, ...]:
    wanted = {source_of(part): share_of(part) for part in parts}
    changes = []
    for source in dict.fromkeys((*standing.shares, *wanted)):
        change = wanted.get(source, NO_SHARE).less(standing.share(source))
        if change != NO_SHARE:
            booked = postings.get(source.paid_by, ())
            changes.append(Part(source.paid_by, change[0], change[1], source.pool, *change[2:], booked))
    # A correction that changes nothing is on record too, or it would come into force when it is repeated.
    return tuple(changes) or (Part(parts[0].paid_by, 0, 0, parts[0].pool),)


def _drawn(difference: Difference, tariff: Tariff | None) -> tuple[Share, ...]:
    """Keep the minutes that were drawn, as many as are needed; draw more only while money does not pay.

    Where money has ever paid for the call, only what a correction gave back is drawn again, as far as it is left.
    """
    standing, setup = difference.standing, difference.call.setup
    needed = -(-difference.used_seconds // SECONDS_PER_MINUTE)
    drawn = dict[str, int]()
    for source, share in standing.shares.items():
        if source.pool:
            drawn[source.pool] = min(share.billed_seconds // SECONDS_PER_MINUTE, needed)
            needed -= drawn[source.pool]
    if not (standing.credit.used_seconds or standing.bill.used_seconds):
        funds = funding.funds_of(difference.facts, setup.meters, tariff, setup.organization_id, setup.started_at)
        for pool, left in funds.pools:
            limit = standing.returned_minutes.get(pool, 0) if standing.has_money_begun else left
            more = min(needed, left, limit)
            drawn[pool] = drawn.get(pool, 0) + more
            needed -= more
    return tuple(Share(pool, minutes) for pool, minutes in drawn.items() if minutes)


@dataclass(frozen=True, slots=True)
class _Money:
    """The credit after the difference in money, by how much the shares of credit change, and who books what."""

    credit: Credit
    credit_micros: int = 0
    uncovered_micros: int = 0
    postings: Mapping[PaysFrom, Postings] = field(default_factory=dict)


def _paid_by_money(difference: Difference, tariff: Tariff, included: int) -> tuple[_Money, tuple[Part, ...]]:
    """Settle the difference in money, and return what credit and the bill pay in all, where anything is left to pay."""
    call, used, standing = difference.call, difference.used_seconds, difference.standing
    priced_from = call.answered_at or call.setup.started_at
    cost = rating.cost_micros(tariff, priced_from, used, included)
    money = _moved(difference, cost - standing.credit.cost_micros - standing.bill.cost_micros)
    if used <= included:
        return money, ()
    credit_micros = standing.credit.cost_micros + money.credit_micros
    paid = Part(
        PaysFrom.CREDIT,
        used - included,
        rating.billed_seconds(tariff, priced_from, used, included) - included,
        fee_micros=0 if included or not cost else rating.connection_fee_micros(tariff, priced_from),
        cost_micros=credit_micros,
        uncovered_micros=standing.credit.uncovered_micros + money.uncovered_micros,
    )
    if credit_micros == cost:
        return money, (paid,)
    return money, funding.shared_with_bill(paid, cost - credit_micros, tariff, priced_from, included)


def _moved(difference: Difference, change_micros: int) -> _Money:
    if change_micros == 0:
        return _Money(difference.credit)
    return _charged(difference, change_micros) if change_micros > 0 else _given_back(difference, -change_micros)


def _given_back(difference: Difference, amount_micros: int) -> _Money:
    standing, at = difference.standing, difference.at
    from_bill = min(amount_micros, standing.bill.cost_micros)
    from_credit = amount_micros - from_bill
    forgiven = min(from_credit, standing.credit.uncovered_micros)
    credit, owed = unwinding.forgive(difference.credit, difference.repaid, forgiven, at)
    credit, back = unwinding.give_back(credit, standing.spent.paid, from_credit - forgiven, at)
    postings = {PaysFrom.CREDIT: (*owed, *back)}
    if from_bill:
        postings[PaysFrom.OVERAGE] = (Posting(Account.REVENUE, Account.ACCRUED, from_bill),)
    return _Money(credit, -from_credit, -forgiven, postings)


def _charged(difference: Difference, amount_micros: int) -> _Money:
    """Take first what a correction gave back; then credit pays, and the bill where it may, or has begun to."""
    standing, at = difference.standing, difference.at
    credit, again, missing = unwinding.take_again(difference.credit, standing.spent.returned, amount_micros, at)
    on_bill = min(missing, standing.returned_overage_micros)
    wanted = missing - on_bill
    if funding.may_be_billed(difference.call):
        wanted = 0 if standing.has_bill_begun else min(wanted, credit.available_micros(at))
        on_bill = missing - wanted
    credit, drawn, uncovered = lots.settle(credit, (), wanted, at, used_at=difference.used_at)
    postings = {PaysFrom.CREDIT: (*again, *drawn)}
    if on_bill:
        postings[PaysFrom.OVERAGE] = (Posting(Account.ACCRUED, Account.REVENUE, on_bill),)
    return _Money(credit, amount_micros - on_bill, uncovered, postings)
