"""What a call holds and what it has used: minutes of pools first, then money at its rate."""

from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple

from talktime.core.calls.calls import Call, Hold, PaysFrom, Share
from talktime.core.calls.counting import meters
from talktime.core.calls.counting.meters import Meter
from talktime.core.calls.counting.pools import SECONDS_PER_MINUTE, pool_of
from talktime.core.calls.entitlement.cases import minutes_left
from talktime.core.calls.requests import ChargingFacts
from talktime.core.credit import lots
from talktime.core.credit.ledger import Account, Posting
from talktime.core.credit.lots import Credit
from talktime.core.organizations.country_table import in_force
from talktime.core.organizations.organizations import BillingMode
from talktime.core.rates import rating
from talktime.core.rates.rating import Tariff

# More than any balance or limit can be.
UNLIMITED_MICROS = 2**62


class Funds(NamedTuple):
    """What could pay for a call at an instant; `tariff` is None where money may not."""

    pools: tuple[Share, ...]
    tariff: Tariff | None
    credit: Credit
    overage_left_micros: int = 0
    cap_left_micros: int = UNLIMITED_MICROS

    def paid_from_micros(self, at: datetime) -> int:
        """Return the credit and the overage that are left, whatever caps forbid to use of them."""
        return self.credit.available_micros(at) + self.overage_left_micros


class Funded(NamedTuple):
    """A hold that has grown, the credit that is left, and for how many seconds since the answer the hold pays."""

    hold: Hold
    credit: Credit
    seconds: int


class Part(NamedTuple):
    """What one source paid of a call: seconds, billed seconds and micros; `pool` names the meter of minutes."""

    paid_by: PaysFrom
    used_seconds: int
    billed_seconds: int
    pool: str = ""
    fee_micros: int = 0
    cost_micros: int = 0
    uncovered_micros: int = 0
    postings: tuple[Posting, ...] = ()


class Settled(NamedTuple):
    """What a call cost, source by source, and the credit after it."""

    parts: tuple[Part, ...]
    credit: Credit
    cost_micros: int = 0
    uncovered_micros: int = 0


def funds_of(
    facts: ChargingFacts, names: tuple[str, ...], tariff: Tariff | None, organization_id: int, at: datetime
) -> Funds:
    """Return what the meters of these names and the credit leave for a call that started at the instant."""
    credit = facts.credits[organization_id]
    if not names:
        return Funds((), tariff, credit)
    pools: list[Share] = []
    overage_left, cap_left = 0, UNLIMITED_MICROS
    for name in names:
        if meters.kind_of(name) == meters.POOL:
            pools.append(Share(name, _minutes_left(facts, name, organization_id, at)))
            continue
        left = _money_left(facts, name, organization_id)
        if meters.kind_of(name) == meters.OVERAGE:
            overage_left = left
        else:
            cap_left = min(cap_left, left)
    return Funds(tuple(pools), tariff, credit, overage_left, cap_left)


def _minutes_left(facts: ChargingFacts, name: str, organization_id: int, at: datetime) -> int:
    table = in_force(facts.country_tables, at)
    return minutes_left(facts, pool_of(name), facts.organizations[organization_id], table)


def _money_left(facts: ChargingFacts, name: str, organization_id: int) -> int:
    limit = limit_micros(facts, name, organization_id)
    if limit is None:
        return UNLIMITED_MICROS
    return facts.meter(organization_id, name).left(limit)


def limit_micros(facts: ChargingFacts, name: str, organization_id: int) -> int | None:
    """Return the limit of a meter that counts money, as it is arranged now; None where there is none."""
    arrangements = facts.arranged(organization_id)
    match meters.kind_of(name):
        case meters.USER:
            return arrangements.caps.of_user(int(meters.subject_of(name)))
        case meters.DEPARTMENT:
            return arrangements.caps.by_department_micros.get(meters.subject_of(name))
        case _:
            overage, mode = arrangements.overage, facts.organizations[organization_id].mode
            is_billed = overage.is_on and mode is BillingMode.POSTPAID
            return overage.limit_per_month_micros if is_billed else 0


def grow(
    hold: Hold, funds: Funds, answered_at: datetime, wanted_seconds: int, at: datetime, *, granted_seconds: int = 0
) -> Funded:
    """Let a hold grow until it pays for what is wanted, or for as much as there is, and never shrink.

    Pools give whole minutes until money has begun to pay; from then on money alone does (domain.md 8). What was granted
    before is paid for as far as there is money: its price may be another now that the answer is known.
    """
    held_micros = hold.money_micros
    if funds.pools and not held_micros:
        minutes = _with_minutes(hold, funds.pools, -(-wanted_seconds // SECONDS_PER_MINUTE))
        hold = Hold(hold.slices, minutes, hold.overage_micros)
    included = hold.included_minutes * SECONDS_PER_MINUTE
    if included >= wanted_seconds or funds.tariff is None:
        return Funded(hold, funds.credit, included)
    available = funds.credit.available_micros(at)
    budget = held_micros + min(available + funds.overage_left_micros, funds.cap_left_micros)
    seconds, cost = rating.affordable(funds.tariff, answered_at, budget, wanted_seconds, included)
    if seconds < granted_seconds:
        cost = min(rating.cost_micros(funds.tariff, answered_at, granted_seconds, included), budget)
    missing = cost - held_micros
    if missing <= 0:
        return Funded(hold, funds.credit, seconds)
    # Credit pays before the bill does: what is left of it is used up first (S41).
    from_credit = min(missing, available)
    credit, slices = lots.hold(funds.credit, from_credit, at) if from_credit else (funds.credit, ())
    return Funded(hold.grown(slices, missing - from_credit), credit, seconds)


def _with_minutes(hold: Hold, pools: tuple[Share, ...], wanted: int) -> tuple[Share, ...]:
    held = dict(hold.minutes)
    missing = wanted - hold.included_minutes
    for pool, left in pools:
        taken = max(0, min(left, missing))
        if taken:
            held[pool] = held.get(pool, 0) + taken
            missing -= taken
    return tuple(Share(pool, minutes) for pool, minutes in held.items())


def settle(
    call: Call, funds: Funds, priced_from: datetime, used_seconds: int, at: datetime, *, used_at: datetime | None
) -> Settled:
    """Take what was used from what was promised, release the rest; what exceeds the promise is drawn from what is left.

    One part for each source, at least one. `used_at` is stated for late usage within its grace, as for `lots.settle`.
    """
    drawn: tuple[Share, ...] = ()
    if funds.pools:
        drawn = _drawn(call.hold, funds.pools, -(-used_seconds // SECONDS_PER_MINUTE))
    included = min(used_seconds, sum([share.minutes for share in drawn]) * SECONDS_PER_MINUTE)
    parts = minute_parts(drawn, used_seconds, is_all=funds.tariff is None)
    if funds.tariff is None or (parts and used_seconds <= included and not call.hold.slices):
        return Settled(parts or (unpaid(call, used_seconds),), funds.credit)
    cost = rating.cost_micros(funds.tariff, priced_from, used_seconds, included)
    from_credit = min(cost, _credit_share(call, funds, at)) if may_be_billed(call) else cost
    after, postings, uncovered = lots.settle(funds.credit, call.hold.slices, from_credit, at, used_at=used_at)
    if not used_seconds and not postings:
        parts = (unpaid(call, 0),)
    elif used_seconds > included or postings:
        billed = rating.billed_seconds(funds.tariff, priced_from, used_seconds, included) - included
        fee = 0 if included or not cost else rating.connection_fee_micros(funds.tariff, priced_from)
        used = used_seconds - included
        paid = Part(PaysFrom.CREDIT, used, billed, "", fee, from_credit, uncovered, postings)
        if from_credit < cost:
            parts += shared_with_bill(paid, cost - from_credit, funds.tariff, priced_from, included)
        else:
            parts += (paid,)
    return Settled(parts, after, cost, uncovered)


def unpaid(call: Call, used_seconds: int) -> Part:
    """What nothing paid, a call that was not answered or minutes that are gone, stands with what would have paid."""
    source = call.setup.pays_from
    return Part(source, used_seconds, 0, call.setup.meters[0] if source is PaysFrom.MINUTES else "")


def may_be_billed(call: Call) -> bool:
    """Tell whether what credit does not pay of a call goes on the bill (S41)."""
    return any(meters.kind_of(name) == meters.OVERAGE for name in call.setup.meters)


def _credit_share(call: Call, funds: Funds, at: datetime) -> int:
    return call.hold.amount_micros + max(0, funds.credit.available_micros(at))


def _drawn(hold: Hold, pools: tuple[Share, ...], needed: int) -> tuple[Share, ...]:
    """Tell which minutes were used: those held, in their order, then others while no money had begun to pay."""
    drawn = dict[str, int]()
    for pool, held in hold.minutes:
        drawn[pool] = min(held, needed)
        needed -= drawn[pool]
    if needed and not hold.money_micros:
        for pool, left in pools:
            more = min(left, needed)
            drawn[pool] = drawn.get(pool, 0) + more
            needed -= more
    return tuple(Share(pool, minutes) for pool, minutes in drawn.items() if minutes)


def minute_parts(drawn: tuple[Share, ...], used_seconds: int, *, is_all: bool) -> tuple[Part, ...]:
    """Return a part for each pool; the last takes all seconds where nothing else can."""
    parts, left = [], used_seconds
    for index, (pool, minutes) in enumerate(drawn):
        billed = minutes * SECONDS_PER_MINUTE
        used = left if is_all and index + 1 == len(drawn) else min(left, billed)
        parts.append(Part(PaysFrom.MINUTES, used, billed, pool))
        left -= used
    return tuple(parts)


def shared_with_bill(
    paid: Part, overage_micros: int, tariff: Tariff, priced_from: datetime, included: int
) -> tuple[Part, ...]:
    """Split what money paid: credit pays the seconds that it affords, and the bill, in a part of its own, the rest."""
    accrued = (Posting(Account.ACCRUED, Account.REVENUE, overage_micros),)
    if not paid.cost_micros:
        postings = (*paid.postings, *accrued)
        return (paid._replace(paid_by=PaysFrom.OVERAGE, cost_micros=overage_micros, postings=postings),)
    to_second = included + paid.used_seconds
    afforded = rating.affordable_seconds(tariff, priced_from, paid.cost_micros, to_second, included) - included
    used, billed = min(paid.used_seconds, afforded), min(paid.billed_seconds, afforded)
    rest_used, rest_billed = paid.used_seconds - used, paid.billed_seconds - billed
    fee = min(paid.fee_micros, paid.cost_micros)
    return (
        paid._replace(used_seconds=used, billed_seconds=billed, fee_micros=fee),
        Part(PaysFrom.OVERAGE, rest_used, rest_billed, "", paid.fee_micros - fee, overage_micros, 0, accrued),
    )


def moved_meters(
    facts: ChargingFacts, call: Call, before: Hold, after: Hold, parts: tuple[Part, ...] = ()
) -> Mapping[str, Meter]:
    """Return the meters that a change of a call's hold, and what its parts used, have moved."""
    moved: dict[str, Meter] = {}
    organization_id = call.setup.organization_id
    for name in call.setup.meters:
        was, is_, used = _counted(name, before), _counted(name, after), _used(name, parts)
        if was != is_ or used:
            meter = facts.meter(organization_id, name)
            moved[name] = meter.grown(is_).settled(was, used)
    return moved


def _counted(name: str, hold: Hold) -> int:
    """Return what a hold promises on a meter."""
    match meters.kind_of(name):
        case meters.POOL:
            return sum(minutes for pool, minutes in hold.minutes if pool == name)
        case meters.OVERAGE:
            return hold.overage_micros
        case _:
            return hold.money_micros


def _used(name: str, parts: tuple[Part, ...]) -> int:
    """Return what parts of a call used on a meter."""
    match meters.kind_of(name):
        case meters.POOL:
            return sum(part.billed_seconds // SECONDS_PER_MINUTE for part in parts if part.pool == name)
        case meters.OVERAGE:
            return sum(part.cost_micros for part in parts if part.paid_by is PaysFrom.OVERAGE)
        case _:
            return sum(part.cost_micros for part in parts)
