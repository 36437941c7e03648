"""What must hold after every step of issue 4's world, whatever was asked: read from the database alone.

It does not know how charging decides: what was promised and used is counted from calls and usage rows, limits are those
that stand there now.
"""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping

from tests.proofs.entitled_books import CallRow, Seen, UsageRow, World
from tests.proofs.entitled_facts import Facts, Meant
from tests.proofs.entitled_model import cost_of

UNCOUNTED = {"free", "included"}


def findings(before: Seen, after: Seen, world: World, meant: Mapping[str, Meant]) -> Iterator[str]:
    """Tell what charging did and must not have done."""
    yield from _standing(after)
    yield from _kept(before, after)
    facts = Facts(after, world)
    changed = [call for key, call in after.calls.items() if before.calls.get(key) != call]
    for call in changed:
        yield from _promised(call, meant.get(call.key))
    yield from _within_pools(before, after, facts, changed)
    if not any(call.state in {"finished", "lapsed"} for call in changed):
        for call in changed:
            yield from _within_limits(before, after, facts, call)
    owes_more = after.receivable > before.receivable
    if owes_more and not any(_is_beyond_grant(before, call) for call in changed):
        yield f"{after.receivable - before.receivable} are owed for seconds that were granted"


def _standing(after: Seen) -> Iterator[str]:
    """Every meter has what calls used and hold, and every lot what calls hold."""
    used, held, lots = Counter[str](), Counter[str](), Counter[int]()
    usage = after.usage_of()
    for call in after.calls.values():
        lots.update(call.slices)
        for name in call.meter_names:
            held[name] += _held(name, call)
            used[name] += sum(_used(name, row) for row in usage.get(call.key, ()))
    for name in after.meters.keys() | used.keys() | held.keys():
        meter = after.meters.get(name)
        found = (0, 0) if meter is None else (meter.used - meter.before, meter.held)
        if not name.startswith("calls/") and found != (used[name], held[name]):
            yield f"meter {name} says {found} of its calls' {used[name]} used, {held[name]} held"
    for lot in after.lots:
        if lot.held != lots[lot.lot_id]:
            yield f"lot {lot.lot_id} holds {lot.held}, its calls {lots[lot.lot_id]}"
    revenue = Counter[str]()
    for (entry_id, _), (_, credit, amount) in after.postings.items():
        revenue[entry_id] += amount if credit == "revenue" else 0
    for call in after.calls.values():
        yield from _recorded(call, usage.get(call.key, []), revenue)


def _recorded(call: CallRow, rows: list[UsageRow], revenue: Counter[str]) -> Iterator[str]:
    """Every call that has ended was charged once, and none else."""
    if call.state in {"open", "denied"}:
        if rows:
            yield f"{call.key} is {call.state} and was charged"
        return
    if [row.line for row in rows] != list(range(call.rows_count)) or not rows:
        yield f"{call.key} has usage rows {rows}, not {call.rows_count}"
    # A call that lapsed and was ended late has the row of its lapse, too: it costs nothing.
    if sum(row.cost for row in rows) != call.cost:
        yield f"{call.key} cost {call.cost}, its rows {sum(row.cost for row in rows)}"
    if call.pays_from in UNCOUNTED and call.cost:
        yield f"{call.key} is free and cost {call.cost}"
    for row in rows:
        posted = revenue[f"call:{row.key}:{row.line}"]
        if posted != row.cost:
            yield f"{row.key} line {row.line} cost {row.cost}, and {posted} were posted"
    if call.hold_slices or call.hold_minutes or call.overage:
        yield f"{call.key} has ended and holds something"


def _kept(before: Seen, after: Seen) -> Iterator[str]:
    """Records stay; a call that has ended does not change; what was granted is never taken back."""
    if not set(before.usage) <= set(after.usage) or not before.postings.items() <= after.postings.items():
        yield "a record has changed"
    for key, call in before.calls.items():
        now = after.calls.get(key)
        if now is None or (call.state in {"finished", "denied"} and now != call):
            yield f"{key} had ended and is now {now}"
        elif now.granted < call.granted:
            yield f"{key} was granted {call.granted} and is now {now.granted}"


def _promised(call: CallRow, meant: Meant | None) -> Iterator[str]:
    """What was granted is held in full: nothing is granted where nothing pays."""
    if call.state != "open" or call.pays_from in UNCOUNTED:
        return
    included = 60 * sum(call.minutes.values())
    tariff = None if meant is None or call.version_id is None else meant.tariff
    if call.granted > included and (tariff is None or cost_of(tariff, call.granted, included) > call.money):
        yield f"{call.key} was granted {call.granted}, and holds {call.money} and {included} seconds"


def _within_pools(before: Seen, after: Seen, facts: Facts, changed: Collection[CallRow]) -> Iterator[str]:
    """Whoever draws on a pool leaves it within the capacity of the moment: the largest of those who drew at once.

    Calls that began under different country tables see different capacities of one pool.
    """
    for name, meter in after.meters.items():
        took = [call for call in changed if name in call.meter_names and _took(before, after, call, name)]
        if not name.startswith("pool/") or not took:
            continue
        was = before.meters.get(name)
        is_more = meter.used + meter.held > (0 if was is None else was.used + was.held)
        capacity = max(facts.capacity(name, call.started_at) for call in took)
        if is_more and meter.used + meter.held > capacity:
            yield f"{name} has {meter} of {capacity} after {', '.join(call.key for call in took)}"


def _took(before: Seen, after: Seen, call: CallRow, name: str) -> bool:
    was = before.calls.get(call.key)
    held = call.minutes.get(name, 0) - (0 if was is None else was.minutes.get(name, 0))
    old = {(row.key, row.line) for row in before.usage}
    used = sum(_used(name, row) for row in after.usage_of().get(call.key, ()) if (row.key, row.line) not in old)
    return held + used > 0


def _within_limits(before: Seen, after: Seen, facts: Facts, call: CallRow) -> Iterator[str]:
    """Whoever is promised money leaves every cap, and the bill, within the limit of the moment."""
    was = before.calls.get(call.key)
    is_promised = call.money > (0 if was is None else was.money)
    is_billed = call.overage > (0 if was is None else was.overage)
    for name in (name for name in call.meter_names if not name.startswith("pool/")):
        limit, meter = facts.limit(name), after.meters.get(name)
        is_grown = is_billed if name.startswith("overage/") else is_promised
        if is_grown and limit is not None and meter is not None and meter.used + meter.held > limit:
            yield f"{name} has {meter} of {limit} after {call.key}"


def _is_beyond_grant(before: Seen, call: CallRow) -> bool:
    was = before.calls.get(call.key)
    is_late = was is not None and was.state == "lapsed"
    return call.state == "finished" and (is_late or (call.used or 0) > call.granted)


def _held(name: str, call: CallRow) -> int:
    if name.startswith("pool/"):
        return call.minutes.get(name, 0)
    return call.overage if name.startswith("overage/") else call.money


def _used(name: str, row: UsageRow) -> int:
    if name.startswith("pool/"):
        is_drawn = row.paid_by == "minutes" and name.startswith(f"pool/{row.capability}/")
        return row.billed // 60 if is_drawn else 0
    if name.startswith("overage/"):
        return row.cost if row.paid_by == "overage" else 0
    return row.cost
