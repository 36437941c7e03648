"""Random histories of one balance, decided by the core and told again by a model; after each step they agree."""

from dataclasses import dataclass, field
from datetime import timedelta

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from talktime.core.calls.calls import CallState, DenialReason, PaysFrom
from talktime.core.calls.requests import Answer, Denied, Finished, Granted, Noted, Parked
from talktime.core.credit import lots
from talktime.core.credit.ledger import Account
from talktime.core.credit.lots import CreditLot, LotKind
from tests.core.calls.world import NOON, World, facts
from tests.simulation.model import (
    GRACE,
    LAPSED,
    LATE,
    LONGEST,
    OPEN,
    OVER,
    OVERRUN,
    PRICES,
    QUANTUM,
    RING,
    TOLERANCE,
    Model,
    affordable,
    cost,
)

NAMES = st.sampled_from(["one", "two", "three", "four", "five", "six"])
CALLED = st.sampled_from(sorted(PRICES))
LIFETIMES = st.sampled_from([0, 45, 90, 600, 90_000, 10**7])


@dataclass
class ModelCall:
    """A call as the model knows it."""

    called: str
    started: int
    state: str = OPEN
    granted: int = 0
    final: bool = False
    answered: int | None = None
    until: int = 0
    charged: int = 0
    used: int = 0
    reconstructed: bool = False
    held: dict[int, int] = field(default_factory=dict)
    refused: str = ""


class History(RuleBasedStateMachine):
    """Fund, call, repeat, lose, wait."""

    def __init__(self) -> None:
        super().__init__()
        self.world = World(facts())
        self.model = Model()
        self.calls: dict[str, ModelCall] = {}

    @initialize(units=st.integers(0, 40))
    def begin_with_some_credit(self, units: int) -> None:
        if units:
            self.fund(units * 25_000, 10**7)

    @rule(granted=st.integers(1, 3_000_000), lifetime=LIFETIMES)
    def fund(self, granted: int, lifetime: int) -> None:
        now = self.model.now
        lot = CreditLot(
            len(self.model.lots) + 1,
            LotKind.PURCHASED,
            granted,
            NOON,
            NOON + timedelta(seconds=now + lifetime),
        )
        self.world.fund(lot, at=now)
        self.model.fund(granted, now + lifetime)

    @rule(seconds=st.sampled_from([1, 9, 30, 50, 60, 119, 180, 3_600, 86_400]))
    def wait(self, seconds: int) -> None:
        self.model.now += seconds

    @rule()
    def sweep(self) -> None:
        self.world.credit, postings = lots.expire(self.world.credit, NOON + timedelta(seconds=self.model.now))
        self.world.journal += postings
        self.model.sweep()

    @rule(name=NAMES, called=CALLED)
    def start(self, name: str, called: str) -> None:
        now, model = self.model.now, self.model
        answer = self.world.start(called, at=now, name=name)

        if (call := self.calls.get(name)) is not None:
            taken = Denied(DenialReason.CALL_ID_TAKEN)
            assert answer == (self._again(call) if call.called == called else taken)
            return
        call = self.calls[name] = ModelCall(called, now)
        call.granted = affordable(called, model.available(), QUANTUM)
        if call.granted == 0:
            call.state, call.refused = OVER, "credit_exhausted"
            model.tell_exhausted()
        else:
            call.final = call.granted < QUANTUM
            call.until = now + RING + call.granted + GRACE
            model.hold(call.held, cost(called, call.granted))
            self._tell_if_cut_short(call)
        assert answer == self._again(call)

    @rule(name=NAMES, delay=st.integers(0, 30))
    def answer(self, name: str, delay: int) -> None:
        now, call = self.model.now, self.calls.get(name)
        answer = self.world.answer(at=now, answered=now - delay, name=name)

        if call is None:
            assert _refusal(answer) == "call_unknown"
            return
        assert answer == Noted()
        if call.state == OPEN and call.answered is None:
            call.answered = max(call.started, now - delay)
            call.until = call.answered + call.granted + GRACE

    @rule(name=NAMES, repeats=st.booleans(), elapsed=st.one_of(st.none(), st.integers(-5, 400)))
    def extend(self, name: str, *, repeats: bool, elapsed: int | None) -> None:
        now, model, call = self.model.now, self.model, self.calls.get(name)
        granted = 0 if call is None else call.granted - 1 if repeats else call.granted
        answer = self.world.extend(at=now, granted=granted, name=name, elapsed=elapsed)

        if call is None:
            assert _refusal(answer) == "call_unknown"
            return
        if call.state == OPEN and not repeats:
            elapsed = call.granted if elapsed is None else max(0, min(elapsed, now - call.started + TOLERANCE))
            wanted = min(elapsed + QUANTUM, LONGEST)
            held = sum(call.held.values())
            budget = held + model.available()
            paid = affordable(call.called, budget, wanted)
            call.granted = max(paid, call.granted)
            model.hold(call.held, max(0, min(cost(call.called, call.granted), budget) - held))
            call.final = paid < wanted or call.granted >= LONGEST
            call.answered = max(call.started, now - elapsed) if call.answered is None else call.answered
            call.until = call.answered + call.granted + GRACE
            self._tell_if_cut_short(call)
        assert answer == self._again(call)

    @rule(name=NAMES, used=st.one_of(st.integers(-1, 5), st.integers(0, 500)), near=st.booleans())
    def end(self, name: str, used: int, *, near: bool) -> None:
        now, call = self.model.now, self.calls.get(name)
        used = used if call is None or not near else call.granted + used
        answer = self.world.end(used, at=now, name=name)

        if call is None or (call.refused and used > 0):
            assert isinstance(answer, Parked)
        elif call.refused:
            assert answer == Finished(0, 0, "EUR")
        elif call.state == OVER and call.reconstructed and used != call.used:
            assert isinstance(answer, Parked)
        elif call.state == OVER:
            assert answer == Finished(call.used, call.charged, "EUR")
        elif used < 0 or used > now - call.started + TOLERANCE:
            assert isinstance(answer, Parked)
        elif call.state == LAPSED and used == 0:
            call.state, call.reconstructed = OVER, True
            assert answer == Finished(0, 0, "EUR")
        else:
            talked_from = max(call.started, now - used)
            is_late = call.state == LAPSED and now - talked_from <= LATE
            late_at = talked_from if is_late else None
            if call.granted < used <= call.granted + OVERRUN:
                # A second that nothing pays was rounded, too, though the grant was not the last.
                is_rounded = call.final or self.model.would_owe(call.held, cost(call.called, used), late_at)
                used = call.granted if is_rounded else used
            self._finish(call, used, late_at)
            assert answer == Finished(call.used, call.charged, "EUR")

    @rule(name=NAMES)
    def close(self, name: str) -> None:
        now, call = self.model.now, self.calls.get(name)
        answer = self.world.close(at=now, name=name)

        if call is None or call.state != OPEN or now < call.until:
            assert answer == Noted()
        elif call.answered is None:
            self.model.settle(call.held, 0)
            call.state = LAPSED
            assert answer == Finished(0, 0, "EUR")
        else:
            self._finish(call, call.granted)
            call.reconstructed = True
            assert answer == Finished(call.used, call.charged, "EUR")

    @invariant()
    def credit_is_as_the_model_has_it(self) -> None:
        assert self.world.available(self.model.now) == self.model.available()
        assert self.world.credit.balance_micros == self.model.balance()
        assert self.world.credit.receivable_micros == self.model.owed
        columns = [
            (lot.lot_id, lot.spent_micros, lot.held_micros, lot.expired_micros) for lot in self.world.credit.lots
        ]
        assert columns == [(lot["id"], lot["spent"], lot["held"], lot["expired"]) for lot in self.model.lots]

    @invariant()
    def what_is_held_is_held_for_open_calls(self) -> None:
        known = self.world.facts.calls.values()
        assert self.world.credit.held_micros() == sum(call.hold.amount_micros for call in known)
        assert all(call.state is CallState.OPEN for call in known if call.hold.slices)

    @invariant()
    def every_call_is_charged_once(self) -> None:
        charged = sum(row.cost_micros for row in self.world.usage)
        posted = sum(each.amount_micros for each in self.world.journal if each.credit is Account.REVENUE)
        assert charged == posted == self.model.revenue == sum(call.charged for call in self.calls.values())
        assert len(set(self.world.entry_ids)) == len(self.world.entry_ids)

    @invariant()
    def each_crossing_is_told_once(self) -> None:
        assert [event.kind.value for event in self.world.events] == self.model.events
        assert len({event.event_id for event in self.world.events}) == len(self.world.events)

    def _finish(self, call: ModelCall, used: int, used_at: int | None = None) -> None:
        call.state, call.used, call.charged = OVER, used, cost(call.called, used)
        self.model.settle(call.held, call.charged, used_at)

    def _tell_if_cut_short(self, call: ModelCall) -> None:
        if call.final and call.granted + QUANTUM <= LONGEST:
            self.model.tell_exhausted()

    def _again(self, call: ModelCall) -> Answer:
        """What a call is answered as it stands."""
        if call.state != OPEN:
            return Denied(DenialReason(call.refused or "call_ended"))
        recheck = call.granted if call.final else max(1, call.granted - 10)
        return Granted(call.granted, call.final, recheck, PaysFrom.CREDIT)


def _refusal(answer: Answer) -> str:
    assert isinstance(answer, Denied)
    return answer.reason.value


TestHistory = History.TestCase
TestHistory.settings = settings(stateful_step_count=40)
