"""What charging in issue 4's world should come to, told a second time: from what stands in the database before a batch.

    told = Told(seen, world)                 seen is everything that stood there
    told.answer(request, meant)              what should be answered, and what should stand there then
    told.disagreements(after)                what stands there instead

Who may call and what pays first is the oracle's word (tests/oracle), lots are the simulation's (tests/simulation);
plain numbers and dictionaries, nothing of talktime but the words that it is asked and answers with.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from talktime.core.calls.calls import DenialReason, Ending, PaysFrom
from talktime.core.calls.requests import (
    Answer,
    AnswerCall,
    CloseCall,
    Denied,
    EndCall,
    EndLeg,
    ExtendCall,
    Finished,
    Granted,
    Noted,
    Parked,
    Request,
    StartCall,
)
from tests.oracle import entitlement as oracle
from tests.proofs.entitled_books import CURRENCY, CallRow, Seen, Tariff, World
from tests.proofs.entitled_facts import Facts, Meant, hour_of, micros
from tests.simulation.model import GRACE, LATE, LONGEST, OVERRUN, QUANTUM, RING, TOLERANCE

SECOND = 1_000_000
MARGIN = 10
# The same word of the oracle for what is charged by another name.
SOURCES = {"conference_minutes": "minutes", "plan_minutes": "minutes", "postpaid": "overage"}
NO_MONEY = frozenset(
    {
        *("credit_not_set_up", "overage_off", "credits_license_missing"),
        *("destination_not_rated", "destination_too_expensive"),
    }
)


@dataclass
class ToldCall:
    """A call as it should stand; instants are microseconds."""

    state: str
    started: int
    pays_from: str = "credit"
    tariff: Tariff | None = None
    meters: tuple[str, ...] = ()
    granted: int = 0
    final: bool = False
    until: int | None = None
    minutes: dict[str, int] = field(default_factory=dict)
    slices: dict[int, int] = field(default_factory=dict)
    overage: int = 0
    answered: int | None = None
    refused: str = ""
    used: int | None = None
    cost: int | None = None
    reconstructed: bool = False
    silent: bool = False
    # Who calls whom: a start with others is another call.
    parties: tuple[str, str] = ("", "")

    @property
    def money(self) -> int:
        return sum(self.slices.values()) + self.overage


def cost_of(tariff: Tariff, used: int, included: int) -> int:
    """Price what minutes have not paid: increments after them, without a connection fee."""
    if used <= included:
        return 0
    return (0 if included else tariff.fee) - (included - used) // tariff.increment * tariff.micros


def afforded(tariff: Tariff, budget: int, wanted: int, included: int) -> int:
    """Return up to which second a budget pays in whole increments, up to those of what is wanted."""
    most = -((included - wanted) // tariff.increment)
    paid = max(0, budget - (0 if included else tariff.fee)) // tariff.micros
    return included + min(most, paid) * tariff.increment


class Told(Facts):
    """One batch, request after request."""

    def __init__(self, seen: Seen, world: World, meant: Mapping[str, Meant]) -> None:
        super().__init__(seen, world)
        self.meant = meant
        self.calls = {key: self._call(row) for key, row in seen.calls.items()}
        self.parts: dict[str, Counter[str]] = {}

    def answer(self, request: Request) -> Answer:
        """Tell what is answered, and let what follows from it happen."""
        key = f"{request.key.switch}|{request.key.leg}|{request.key.call_id}"
        call, at = self.calls.get(key), micros(request.at)
        self.credit.now = at
        match request:
            case StartCall():
                if call is not None and call.parties != (request.caller, request.called):
                    return Denied(DenialReason.CALL_ID_TAKEN)
                return self._start(key, request) if call is None else _again(call)
            case AnswerCall():
                return self._answered(call, at, micros(request.answered_at))
            case ExtendCall():
                return self._extend(call, request, at)
            case EndCall():
                return self._end(key, call, request, at)
            case EndLeg():
                return self._end_leg(key, call, at)
            case CloseCall():
                return self._close(key, call, at)

    # ── who may call ────────────────────────────────────────────────────────────────────────────────────────────────

    def _start(self, key: str, request: StartCall) -> Answer:
        meant, at = self.meant[key], micros(request.at)
        if meant.user_id < 0:
            is_help = meant.kind == "emergency_out"
            return _free(PaysFrom.FREE) if is_help else Denied(DenialReason.CALLER_UNKNOWN)
        state = self.state(meant, request.at)
        verdict = oracle.decide(state)
        call = self.calls[key] = ToldCall(
            "denied", at, refused=verdict.reason, parties=(request.caller, request.called)
        )
        if not verdict.is_allowed:
            return Denied(DenialReason(verdict.reason))
        call.state, call.refused = "open", ""
        call.pays_from = SOURCES.get(verdict.source, verdict.source)
        if call.pays_from in {"free", "included"}:
            call.granted, call.final, call.until = LONGEST, True, at + LONGEST * SECOND
            if call.pays_from == "included":
                self._count_call(meant, request.at)
            return _again(call)
        self._set_up(call, meant, state, request.at)
        self._grow(call, QUANTUM)
        call.final = call.granted < QUANTUM
        call.until = at + (RING + call.granted + GRACE) * SECOND
        self._count_call(meant, request.at)
        return _again(call)

    def _set_up(self, call: ToldCall, meant: Meant, state: oracle.State, at: datetime) -> None:
        some = "none" if state.balance == "none" else "enough"
        poor = replace(state, domestic_left=0, international_left=0, conference_left=0, balance=some)
        pools = tuple(self.pools(meant, at))
        call.meters = pools
        if oracle.decide(poor).reason not in NO_MONEY:
            call.tariff, call.meters = meant.tariff, (*pools, *self.counted_by(meant, at))

    def _count_call(self, meant: Meant, at: datetime) -> None:
        user, most = self.seen.users.get(meant.user_id), self.settings.get("stops", {}).get("calls_per_hour")
        if user is not None and most is not None and meant.kind in oracle.OUTBOUND_KINDS:
            self.meters.setdefault(hour_of(user, at), [0, 0])[0] += 1

    # ── what pays ───────────────────────────────────────────────────────────────────────────────────────────────────

    def _money_left(self, call: ToldCall) -> int:
        bills = [name for name in call.meters if name.startswith("overage/")]
        caps = [name for name in call.meters if name.startswith(("user/", "department/"))]
        left = self.available() + sum(self.left_of(name, self.limit(name)) for name in bills)
        return min([left, *(self.left_of(name, self.limit(name)) for name in caps)])

    def _grow(self, call: ToldCall, wanted: int) -> int:
        """Let a call hold what pays for what is wanted; return for how many seconds it does."""
        if not call.money:
            missing = -(-wanted // 60) - sum(call.minutes.values())
            for pool in (name for name in call.meters if name.startswith("pool/")):
                taken = max(0, min(missing, self.minutes_left(pool, call.started)))
                missing -= taken
                self._promise_minutes(call, pool, taken)
        included = 60 * sum(call.minutes.values())
        seconds = included
        if included < wanted and call.tariff is not None:
            budget = call.money + self._money_left(call)
            seconds = afforded(call.tariff, budget, wanted, included)
            price = min(budget, cost_of(call.tariff, max(seconds, call.granted), included))
            self._promise_money(call, max(0, price - call.money))
        call.granted = max(call.granted, seconds)
        return seconds

    def _promise_minutes(self, call: ToldCall, pool: str, count: int) -> None:
        if count:
            call.minutes[pool] = call.minutes.get(pool, 0) + count
            self.meters.setdefault(pool, [0, 0])[1] += count

    def _promise_money(self, call: ToldCall, price: int) -> None:
        from_credit = min(price, self.available())
        self.credit.hold(call.slices, from_credit)
        call.slices = {lot: amount for lot, amount in call.slices.items() if amount}
        call.overage += price - from_credit
        self._move(call, held=price, billed_held=price - from_credit)

    def _move(self, call: ToldCall, *, held: int = 0, billed_held: int = 0, used: int = 0, billed: int = 0) -> None:
        for name in call.meters:
            if name.startswith("pool/"):
                continue
            is_bill = name.startswith("overage/")
            more_used, more_held = (billed, billed_held) if is_bill else (used, held)
            if more_used or more_held:
                meter = self.meters.setdefault(name, [0, 0])
                meter[0] += more_used
                meter[1] += more_held

    # ── a call goes on ──────────────────────────────────────────────────────────────────────────────────────────────

    def _answered(self, call: ToldCall | None, at: int, answered: int) -> Answer:
        if call is None:
            return Denied(DenialReason.CALL_UNKNOWN)
        if call.state == "open" and call.answered is None:
            call.answered = min(max(answered, call.started), at)
            call.until = call.answered + (call.granted + GRACE) * SECOND
        return Noted()

    def _extend(self, call: ToldCall | None, request: ExtendCall, at: int) -> Answer:
        if call is None:
            return Denied(DenialReason.CALL_UNKNOWN)
        if call.state != "open" or call.pays_from in {"free", "included"} or request.granted_seconds < call.granted:
            return _again(call)
        elapsed = call.granted
        if request.elapsed_seconds is not None:
            elapsed = max(0, min(request.elapsed_seconds, (at - call.started) // SECOND + TOLERANCE))
        wanted = min(elapsed + QUANTUM, LONGEST)
        paid = self._grow(call, wanted)
        call.final = paid < wanted or call.granted >= LONGEST
        if call.answered is None:
            call.answered = max(call.started, at - elapsed * SECOND)
        call.until = call.answered + (call.granted + GRACE) * SECOND
        return _again(call)

    # ── a call ends ─────────────────────────────────────────────────────────────────────────────────────────────────

    def _end(self, key: str, call: ToldCall | None, request: EndCall, at: int) -> Answer:
        used = request.used_seconds
        if call is None or (call.state == "denied" and used > 0):
            return _PARKED
        if call.state == "denied":
            return Finished(0, 0, CURRENCY)
        if call.state == "finished":
            assert call.used is not None
            assert call.cost is not None
            tolerated = 0 if call.silent else OVERRUN
            differs = call.reconstructed and abs(used - call.used) > tolerated
            return _PARKED if differs else Finished(call.used, call.cost, CURRENCY)
        if call.state == "lapsed" and used == 0:
            call.state = "finished"
            return Finished(0, 0, CURRENCY)
        if used < 0 or call.started + (used - TOLERANCE) * SECOND > at:
            return _PARKED
        was_cut = call.final or request.ending is Ending.CREDIT_EXHAUSTED
        if was_cut and call.granted < used <= call.granted + OVERRUN:
            used = call.granted
        is_lapsed = call.state == "lapsed"
        if call.answered is None and request.used_seconds > 0:
            call.answered = max(call.started, at - request.used_seconds * SECOND)
        began = call.started if call.answered is None else call.answered
        late_at = began if is_lapsed and at - began <= LATE * SECOND else None
        if call.granted < used <= call.granted + OVERRUN and self._would_owe(call, used, late_at):
            used = call.granted
        call.state, call.reconstructed, call.silent = "finished", False, False
        return self._settle(key, call, used, late_at)

    def _end_leg(self, key: str, call: ToldCall | None, at: int) -> Answer:
        if call is None or call.state != "open":
            return Noted()
        if call.answered is None:
            return self._give_up(key, call)
        talked = max(0, -((call.answered - at) // SECOND))
        call.state, call.reconstructed = "finished", True
        return self._settle(key, call, min(talked, call.granted), None)

    def _close(self, key: str, call: ToldCall | None, at: int) -> Answer:
        if call is None or call.state != "open" or call.until is None or at < call.until:
            return Noted()
        if call.answered is None or call.pays_from in {"free", "included"}:
            return self._give_up(key, call)
        call.state, call.reconstructed, call.silent = "finished", True, True
        return self._settle(key, call, call.granted, None)

    def _give_up(self, key: str, call: ToldCall) -> Answer:
        call.state, call.reconstructed, call.silent, call.answered = "lapsed", True, True, None
        return self._settle(key, call, 0, None)

    def _settle(self, key: str, call: ToldCall, used: int, late_at: int | None) -> Answer:
        parts = self.parts.setdefault(key, Counter())
        call.used, call.cost = used, 0
        if call.pays_from in {"free", "included"}:
            return Finished(used, 0, CURRENCY)
        held, slices, bill = dict(call.minutes), dict(call.slices), call.overage
        drawn = self._drawn(call, -(-used // 60))
        included = min(used, 60 * sum(drawn.values()))
        from_bill = 0
        if call.tariff is not None and not (drawn and used <= included and not slices):
            call.cost = cost_of(call.tariff, used, included)
            if any(name.startswith("overage/") for name in call.meters):
                from_bill = max(0, call.cost - sum(slices.values()) - self.available())
            self.credit.settle(call.slices, call.cost - from_bill, late_at)
        for pool in {*held, *drawn}:
            meter = self.meters.setdefault(pool, [0, 0])
            meter[0] += drawn.get(pool, 0)
            meter[1] -= held.get(pool, 0)
            parts[pool] += drawn.get(pool, 0)
        promised = sum(slices.values()) + bill
        self._move(call, held=-promised, billed_held=-bill, used=call.cost, billed=from_bill)
        parts["credit"] += call.cost - from_bill
        parts["overage"] += from_bill
        call.minutes, call.slices, call.overage = {}, {}, 0
        return Finished(used, call.cost, CURRENCY)

    def _would_owe(self, call: ToldCall, used: int, late_at: int | None) -> bool:
        """Tell whether credit pays what money would have to: what goes on a bill is owed by nobody here."""
        is_billed = any(name.startswith("overage/") for name in call.meters)
        if call.pays_from in {"free", "included"} or call.tariff is None or is_billed:
            return False
        drawn = self._drawn(call, -(-used // 60))
        included = min(used, 60 * sum(drawn.values()))
        is_paid = bool(drawn) and used <= included and not call.slices
        return not is_paid and self.credit.would_owe(call.slices, cost_of(call.tariff, used, included), late_at)

    def _drawn(self, call: ToldCall, needed: int) -> dict[str, int]:
        """Take the minutes that were promised, then others while no money had begun to pay."""
        drawn: dict[str, int] = {}
        for pool, count in call.minutes.items():
            drawn[pool] = min(count, needed)
            needed -= drawn[pool]
        if needed and not call.money:
            for pool in (name for name in call.meters if name.startswith("pool/")):
                more = min(needed, self.minutes_left(pool, call.started))
                drawn[pool] = drawn.get(pool, 0) + more
                needed -= more
        return {pool: count for pool, count in drawn.items() if count}

    # ── comparison ──────────────────────────────────────────────────────────────────────────────────────────────────

    def disagreements(self, after: Seen) -> Iterator[str]:
        """Tell what stands in the database and should not, or the other way round."""
        if after.calls.keys() != self.calls.keys():
            yield f"calls {after.calls.keys() ^ self.calls.keys()}"
        for key in after.calls.keys() & self.calls.keys():
            told, found = _comparable(self.calls[key]), _comparable(self._call(after.calls[key]))
            yield from (
                f"{key}: {name} is {found[name]!r}, not {told[name]!r}" for name in told if told[name] != found[name]
            )
        meters = {name: (row.used, row.held) for name, row in after.meters.items() if row.used or row.held}
        told_meters = {name: (used, held) for name, (used, held) in self.meters.items() if used or held}
        yield from (
            f"meter {name} is {meters.get(name)}, not {told_meters.get(name)}"
            for name in meters.keys() | told_meters.keys()
            if meters.get(name) != told_meters.get(name)
        )
        lots = {lot.lot_id: (lot.spent, lot.held, lot.expired) for lot in after.lots}
        told_lots = {lot["id"]: (lot["spent"], lot["held"], lot["expired"]) for lot in self.credit.lots}
        if lots != told_lots or after.receivable != self.credit.owed:
            yield f"lots are {lots} less {after.receivable}, not {told_lots} less {self.credit.owed}"
        yield from self._unlike_usage(after)

    def _unlike_usage(self, after: Seen) -> Iterator[str]:
        before = {(row.key, row.line) for row in self.seen.usage}
        written: dict[str, Counter[str]] = {}
        for row in after.usage:
            if (row.key, row.line) not in before:
                parts = written.setdefault(row.key, Counter())
                parts[_pool(after.calls[row.key], row.capability) if row.paid_by == "minutes" else row.paid_by] += (
                    row.billed // 60 if row.paid_by == "minutes" else row.cost
                )
        for key in written.keys() | self.parts.keys():
            if +written.get(key, Counter()) != +self.parts.get(key, Counter()):
                yield f"{key}: was written {written.get(key)}, not {self.parts.get(key)}"
        if written.keys() != self.parts.keys():
            yield f"usage of {written.keys() ^ self.parts.keys()}"

    def _call(self, row: CallRow) -> ToldCall:
        meant = self.meant.get(row.key)
        return ToldCall(
            row.state,
            row.started_at,
            row.pays_from,
            None if row.version_id is None or meant is None else meant.tariff,
            row.meter_names,
            row.granted,
            bool(row.is_final),
            row.valid_until,
            row.minutes,
            row.slices,
            row.overage,
            row.answered_at,
            row.denial or "",
            row.used,
            row.cost,
            bool((row.flags or 0) & _RECONSTRUCTED),
            row.ending == "silent",
            (row.caller, row.called),
        )


_RECONSTRUCTED = 8
_PARKED = Parked("")


def is_like(answer: Answer | None, told: Answer) -> bool:
    """Compare answers; why something is parked is an operator's reading."""
    return type(answer) is Parked if isinstance(told, Parked) else answer == told


def _pool(call: CallRow, capability: str) -> str:
    """Name the pool from which a row of included minutes was paid."""
    return next((name for name in call.meter_names if name.startswith(f"pool/{capability}/")), capability)


def _comparable(call: ToldCall) -> dict[str, object]:
    stated = dict(vars(call))
    # A call that nothing may pay in money has no tariff; one that was refused was set up for nothing.
    if call.state == "denied":
        return {name: stated[name] for name in ("state", "started", "refused")}
    return stated


def _free(source: PaysFrom) -> Granted:
    return Granted(LONGEST, is_final=True, recheck_after_seconds=LONGEST, pays_from=source)


def _again(call: ToldCall) -> Answer:
    """What a call is answered as it stands."""
    if call.state != "open":
        return Denied(DenialReason(call.refused or "call_ended"))
    recheck = call.granted if call.final else max(1, call.granted - MARGIN)
    source = call.pays_from
    if source == "minutes" and call.money:
        source = "credit" if call.slices else "overage"
    return Granted(call.granted, call.final, recheck, PaysFrom(source))
