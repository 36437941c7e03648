"""Seeded random histories of one organization's recharge, with faults and crashes; afterwards every cent is accounted.

    history = History(7, app, charging, server)
    history.live()            what happens
    history.come_to_rest()    faults end, time passes, until nothing is left to do
    history.judge()           money moved at the gateway is money recorded, and the rest of what is promised

Two virtual workers run the real `charge_purchase`, one boundary at a time: whatever it asks of the outside (a
transaction, the gateway) is one step, between any two of which anything else may happen, hours may pass, or the worker
may be gone for ever. A worker is continued by running the function again on the answers that it got before, so that a
new boundary needs no word here.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from datetime import date, datetime, timedelta
from itertools import pairwise
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

from talktime.bootstrap import App, Charging
from talktime.core.calls.calls import CallKey
from talktime.core.calls.requests import EndCall, ExtendCall, Granted, Request, StartCall
from talktime.core.credit.billing.taxes import TaxedAt
from talktime.core.credit.buying import purchases
from talktime.core.credit.buying.payments import PurchaseKey
from talktime.core.credit.buying.purchases import Purchase, PurchaseCause, PurchaseState
from talktime.core.credit.recharging import recharge
from talktime.core.credit.recharging.settings import RechargeChange
from talktime.core.insight.books import PostedRow
from talktime.core.values.errors import Conflict, Invalid, Unavailable
from talktime.core.values.events import Event, EventKind
from talktime.core.values.money import MICROS_PER_UNIT
from talktime.store.transaction import Transaction
from talktime.usecases.credit.add_credit import AddCredit, add_credit
from talktime.usecases.credit.billing.set_taxes import SetTax, set_tax
from talktime.usecases.credit.note_gateway_event import NoteGatewayEvent, note_gateway_event
from talktime.usecases.credit.paying.charge_purchases import charge_purchase, due_purchases
from talktime.usecases.credit.recharging.review_recharges import ReviewRecharge, review_recharge
from talktime.usecases.credit.recharging.set_recharge import (
    ConfirmationNeeded,
    PauseRecharge,
    ResumeRecharge,
    SetRecharge,
    pause_recharge,
    resume_recharge,
    set_recharge,
)
from talktime.usecases.credit.reconcile_payments import reconcile_payments
from talktime.usecases.insight.audit_books import AuditBooks, audit_books
from tests.proofs.counting_gateway import MICROS_PER_CENT, CountingServer, Fault, Plan, card, signed
from tests.proofs.recharge_books import (
    BEFORE,
    CALLED,
    CALLER,
    ORGANIZATION,
    ORGANIZATION_ID,
    START,
    NewCard,
    NewOrder,
    Standing,
    add_card,
    cancel_order,
    open_organization,
    place_order,
    standing,
    sweep,
)

ZONES = ("UTC", "America/New_York", "Asia/Kolkata", "Africa/Cairo")
SECOND, MINUTE, HOUR, DAY = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
WAITS = (SECOND, 20 * SECOND, 2 * MINUTE, 7 * MINUTE, 20 * MINUTE, HOUR, 5 * HOUR, 13 * HOUR, DAY, 4 * DAY, 35 * DAY)
ALERTS = (10 * MICROS_PER_UNIT, 40 * MICROS_PER_UNIT, 100 * MICROS_PER_UNIT)
ROUNDS_MAX = 2_000
# Where several amounts at once are above the cap it waits for ever.
REVIEWS_MAX = 100
SOFT = ("insufficient_funds", "do_not_honor", "generic_decline", "try_again_later")
HARD = ("lost_card", "expired_card", "stolen_card", "invalid_account")


class Suspended(BaseException):
    """The worker has done its step."""


class Crashed(BaseException):
    """The worker's process is gone, in the middle of a transaction."""


class Worker:
    """Does what is due about one purchase, a boundary at a time."""

    def __init__(self, app: App, gateway: Any, now: Callable[[], datetime], key: PurchaseKey) -> None:
        self.key = key
        self.crashes = False
        self.doing = ""
        self._app, self._gateway, self._now = app, gateway, now
        self._answers: list[Any] = []
        self._position = 0
        self._may_go_on = False

    def step(self) -> bool:
        """Go on past one boundary; tell whether that was the last one. Raise Crashed where it is to crash."""
        self._position, self._may_go_on = 0, True
        try:
            charge_purchase(self._run, {"stripe": self}, self.key, self._clock)  # type: ignore[dict-item]
        except Suspended:
            return False
        return True

    def __getattr__(self, name: str) -> Callable[[Any], Any]:
        """Ask the gateway, as one step."""
        if name.startswith("_"):
            raise AttributeError(name)
        return lambda asked: self._outside(name, lambda: getattr(self._gateway, name)(asked))

    def _run(self, use_case: Callable[[Transaction, Any], Any], request: Any) -> Any:
        def done(tx: Transaction, asked: Any) -> Any:
            answer = use_case(tx, asked)
            if self.crashes:
                raise Crashed
            return answer

        return self._outside(use_case.__name__, lambda: self._app.run(done, request))

    def _clock(self) -> datetime:
        if self._position < len(self._answers):
            return self._replayed()
        if not self._may_go_on:
            # What is read now would be old when it is used.
            raise Suspended
        self._answers.append(self._now())
        return self._replayed()

    def _outside(self, name: str, ask: Callable[[], Any]) -> Any:
        if self._position < len(self._answers):
            return self._replayed()
        if not self._may_go_on:
            raise Suspended
        self._may_go_on, self.doing = False, name
        self._answers.append(ask())
        return self._replayed()

    def _replayed(self) -> Any:
        self._position += 1
        return self._answers[self._position - 1]


class History:
    """What happens to one organization, and what must hold meanwhile and afterwards."""

    def __init__(self, seed: int, app: App, charging: Charging, server: CountingServer) -> None:
        self.seed = seed
        self.dice = Random(seed)
        self.now = START
        self.app = app
        self.charging = charging
        self.books = server.open_books(f"s{seed}", lambda: self.now)
        self.books.plan, self.books.fault = self._plan, self._fault
        # A search index that lags is believed less than an hour; most gateways can list instead.
        self.books.search_lag = timedelta(minutes=self.dice.choice((0, 1, 50)))
        self.gateway = self.books.adapter(server.address, listed_max=self.dice.choice((1_000, 1_000, 0)))
        self.zone = ZoneInfo(self.dice.choice(ZONES))
        self.workers: list[Worker | None] = [None, None]
        self.trace: list[str] = []
        self.faultiness = self.dice.choice((0.0, 0.1, 0.1, 0.35))
        self.temper: dict[str, str] = {}
        self.methods: list[int] = []
        self.names = iter(range(10_000))
        self.dropped: set[str] = set()
        self.delivered: Counter[str] = Counter()
        self.open_calls: dict[CallKey, tuple[datetime, int]] = {}
        self.seen: dict[str, PurchaseState] = {}
        self.reviews = self.crashes_count = 0
        self.revived: set[str] = set()
        self.links: set[str] = set()
        self.forgotten_at = START
        self.remembered: tuple[datetime, ...] = ()

    # ── what happens ────────────────────────────────────────────────────────────────────────────────────────

    def live(self) -> None:
        """Set up, then do one thing after the other; after each one look at what must always hold."""
        self._set_up()
        deeds = {
            self._call: 20,
            self._work: 36,
            self._wait: 14,
            self._deliver: 7,
            self._crash: 2,
            self._own: 2,
            self._change_settings: 1,
            self._replace_card: 1,
            self._change_temper: 1,
            self._pause: 1,
            self._resume: 2,
            self._order: 1,
            self._cancel: 1,
            self._fund: 1,
            self._sweep: 1,
            self._review: 1,
            self._reconcile: 1,
        }
        for _ in range(self.dice.randrange(50, 140)):
            (deed,) = self.dice.choices(list(deeds), list(deeds.values()))
            said = deed()
            self.trace.append(f"{self.now:%m-%d %H:%M:%S} {deed.__name__.strip('_')} {said or ''}")
            self._look()

    def _set_up(self) -> None:
        open_organization(self.app, self.zone)
        if self.dice.random() < 0.3:
            self.app.run(set_tax, SetTax("US", "Tax", 190_000, TaxedAt.PURCHASE, date(2026, 1, 1)))
        self._fund()
        self._replace_card()
        self._change_settings(is_on=True)
        self._look()

    def _call(self) -> str:
        """Go on with a call, or make another one; now and then a few at once."""
        requests: list[Request] = []
        for _ in range(self.dice.choice((1, 3, 6))):
            key = self.dice.choice([*self.open_calls, None, None])
            if key is None:
                key = CallKey("proxy", f"call-{next(self.names)}")
                self.open_calls[key] = (self.now, 0)
                requests.append(StartCall(key, self.now, CALLER, CALLED))
            elif self.dice.random() < 0.5:
                requests.append(ExtendCall(key, self.now, self.open_calls[key][1]))
            else:
                elapsed = (self.now - self.open_calls[key][0]) // SECOND
                requests.append(EndCall(key, self.now, min(elapsed, self.open_calls[key][1])))
                del self.open_calls[key]
        if self.dice.random() < 0.7:
            self.now += MINUTE
        answers = self.charging.charge(requests)
        for request, answer in zip(requests, answers, strict=True):
            if request.key in self.open_calls and isinstance(answer, Granted):
                self.open_calls[request.key] = (self.open_calls[request.key][0], answer.granted_seconds)
            elif not isinstance(request, EndCall):
                self.open_calls.pop(request.key, None)
        return ", ".join(type(each).__name__ for each in answers)

    def _work(self) -> str:
        """Let one of the workers take one step."""
        number = self.dice.randrange(len(self.workers))
        worker = self.workers[number]
        if worker is None:
            due = [each.key for each in self.app.read(due_purchases, self.now)]
            if not due:
                return "nothing due"
            worker = self.workers[number] = Worker(self.app, self.gateway, lambda: self.now, self.dice.choice(due))
        worker.crashes = self.dice.random() < 0.05
        try:
            is_done = worker.step()
        except Crashed:
            self.crashes_count += 1
            is_done, worker.doing = True, f"{worker.doing} crashed before its commit"
        if is_done:
            self.workers[number] = None
        return f"{number}: {worker.key.purchase_id} {worker.doing}"

    def _crash(self) -> str:
        number = self.dice.randrange(len(self.workers))
        self.crashes_count += self.workers[number] is not None
        self.workers[number] = None
        return str(number)

    def _wait(self) -> str:
        waits = self.dice.choices(WAITS, (4, 4, 4, 4, 4, 4, 2, 2, 2, 1, 0.2))[0]
        if waits >= HOUR:
            # No switch is silent for so long.
            self._hang_up()
        self.now += waits
        return str(waits)

    def _hang_up(self) -> None:
        ends = [EndCall(key, self.now, 0) for key in self.open_calls]
        self.open_calls.clear()
        if ends:
            self.charging.charge(ends)

    def _deliver(self) -> str:
        """Deliver a webhook: any that was ever made, a new one or an old one again, unless it is lost for good."""
        waiting = [report for report in self.books.reports if report["id"] not in self.dropped]
        if not waiting:
            return "none"
        report = self.dice.choice(waiting[-4:] if self.dice.random() < 0.7 else waiting)
        if self.dice.random() < 0.25 and not self.delivered[report["id"]]:
            self.dropped.add(report["id"])
            return f"{report['type']} lost"
        return self._delivered(report)

    def _delivered(self, report: dict[str, Any]) -> str:
        self.delivered[report["id"]] += 1
        event = self.gateway.read_event(*signed(report))
        return f"{report['id']} {report['type']} {self.app.run(note_gateway_event, NoteGatewayEvent(event, self.now))}"

    def _own(self) -> str:
        """Let a card's owner authenticate, or fail to, or the gateway finish what it processes."""
        slow = self.books.waiting("processing")
        # He follows our link, as long as the gateway lets him, and again after he failed.
        waiting = [each for each in self.books.waiting("requires_payment_method") if each in self.links]
        if not slow and not waiting:
            return "none"
        intent_id = self.dice.choice(slow + waiting)
        code = "payment_intent_authentication_failure" if intent_id in waiting else "insufficient_funds"
        if self.dice.random() < 0.3:
            code = self.dice.choice(SOFT)
        succeeds = self.dice.random() < 0.6
        self.books.complete(intent_id, succeeds=succeeds, code=code)
        return f"{intent_id} {'succeeds' if succeeds else code}"

    def _change_settings(self, *, is_on: bool | None = None) -> str:
        amount = self.dice.choice((20, 25, 60)) * MICROS_PER_UNIT
        change = RechargeChange(
            is_on=is_on if is_on is not None else self.dice.random() < 0.85,
            trigger_micros=self.dice.choice((0, 5, 20, 31, 80)) * MICROS_PER_UNIT,
            amount_micros=amount,
            is_inclusive=self.dice.random() < 0.3,
            in_multiples=self.dice.random() < 0.3,
            method_id=self.methods[-1] if self.dice.random() < 0.8 else self.dice.choice(self.methods),
            fallback_method_id=self.dice.choice((0, 0, *self.methods)),
            cap_per_day_micros=self.dice.choice((0, 0, amount, 3 * amount)),
            cap_per_month_micros=self.dice.choice((0, 0, 2 * amount, 6 * amount)),
            recharges_per_hour=self.dice.choice((1, 3, 3)),
            recharges_per_day=self.dice.choice((2, 6, 6)),
        )
        return self._confirmed(SetRecharge(ORGANIZATION, "ada", self.now, change, ALERTS))

    def _confirmed(self, request: SetRecharge | ResumeRecharge) -> str:
        """Ask, and agree to what it would charge at once, most of the time."""
        use_case: Any = set_recharge if isinstance(request, SetRecharge) else resume_recharge
        try:
            answer = self.app.run(use_case, request)
            if isinstance(answer, ConfirmationNeeded) and self.dice.random() < 0.8:
                agreed = {name: getattr(request, name) for name in type(request).__slots__}
                answer = self.app.run(use_case, type(request)(**agreed | {"confirmed_micros": answer.charge_micros}))
        except (Invalid, Conflict) as refusal:
            return refusal.code
        return type(answer).__name__

    def _replace_card(self) -> str:
        name = f"pm_{next(self.names)}"
        self.temper[name] = self.dice.choice(("good",) * 5 + ("moody", "moody", "poor", "dead", "careful"))
        method_id = self.app.run(add_card, NewCard(card(f"cus_1/{name}"), self.now))
        self.methods.append(method_id)
        if method_id > 1:
            self._confirmed(SetRecharge(ORGANIZATION, "ada", self.now, RechargeChange(method_id=method_id)))
        return f"{name} {self.temper[name]}"

    def _change_temper(self) -> str:
        self.faultiness = self.dice.choice((0.0, 0.1, 0.35, 0.7))
        name = self.dice.choice(list(self.temper))
        self.temper[name] = self.dice.choice(("good", "moody", "poor"))
        return f"{name} {self.temper[name]}, faults {self.faultiness}"

    def _pause(self) -> None:
        self.app.run(pause_recharge, PauseRecharge(ORGANIZATION, "ada", self.now))

    def _resume(self) -> str:
        return self._confirmed(ResumeRecharge(ORGANIZATION, "ada", self.now))

    def _order(self) -> str:
        order = NewOrder(f"order-{next(self.names)}", 20 * MICROS_PER_UNIT, self.dice.choice(self.methods), self.now)
        return self.app.run(place_order, order).purchase_id

    def _cancel(self) -> str:
        orders = [each for each in self._standing().purchases if each.cause is PurchaseCause.ORDER and each.is_open]
        if not orders:
            return "none"
        purchase_id = self.dice.choice(orders).purchase_id
        self.app.run(cancel_order, (purchase_id, self.now))
        return purchase_id

    def _fund(self) -> None:
        """Let an operator add credit: some of it expires soon."""
        purchased_at = self.dice.choice((None, BEFORE, self.now - timedelta(days=364)))
        amount = self.dice.choice((1, 20, 70)) * MICROS_PER_UNIT
        self.app.run(
            add_credit, AddCredit(ORGANIZATION, amount, f"PO-{next(self.names)}", self.now, purchased_at=purchased_at)
        )

    def _sweep(self) -> None:
        self.app.run(sweep, self.now)

    def _review(self) -> str:
        return self.app.run(review_recharge, ReviewRecharge(ORGANIZATION, self.now)).verdict.value

    def _reconcile(self) -> str:
        """Let the poller look for what no webhook told, as the worker does every day."""
        try:
            found = reconcile_payments(self.app.run, self.gateway, self.now - 3 * DAY, self.now)
        except Unavailable:
            return "no answer"
        assert found.unexplained == ()
        return f"{found.settled_count} of {found.charges_count}"

    def _plan(self, method: str) -> Plan:
        """Decide what a card does this time."""
        does = {
            "good": (90, 3, 0, 3, 4),
            "moody": (40, 30, 2, 15, 13),
            "poor": (2, 97, 1, 0, 0),
            "dead": (0, 0, 100, 0, 0),
            "careful": (10, 0, 0, 90, 0),
        }[self.temper[method]]
        (plan,) = self.dice.choices(("succeeds", "soft", "hard", "action", "processing"), does)
        if plan in {"soft", "hard"}:
            return Plan("declines", self.dice.choice(SOFT if plan == "soft" else HARD))
        return Plan(plan)

    def _fault(self, _: str) -> Fault:
        if self.dice.random() >= self.faultiness:
            return Fault.NONE
        return self.dice.choice([each for each in Fault if each is not Fault.NONE])

    # ── until nothing is left to do ─────────────────────────────────────────────────────────────────────────

    def come_to_rest(self) -> None:
        """End the faults; let workers, webhooks that are not lost, and time do what is left."""
        self.faultiness = 0.0
        self.temper = {name: "good" if temper in {"good", "moody"} else temper for name, temper in self.temper.items()}
        self._hang_up()
        for _ in range(ROUNDS_MAX):
            for number, worker in enumerate(self.workers):
                if worker is None:
                    continue
                worker.crashes = False
                if worker.step():
                    self.workers[number] = None
                self.trace.append(f"{self.now:%m-%d %H:%M:%S} rest {worker.key.purchase_id} {worker.doing}")
            for intent_id in self.books.waiting("processing"):
                self.books.complete(intent_id)
            for report in self.books.reports:
                if report["id"] not in self.dropped and not self.delivered[report["id"]]:
                    self.trace.append(f"{self.now:%m-%d %H:%M:%S} late webhook {self._delivered(report)}")
            if not self._go_on():
                self._look()
                return
            self._look()
        raise AssertionError("it never comes to rest")

    def _go_on(self) -> bool:
        """Begin what is due, or let time pass until something is; tell whether there is anything."""
        due = [each.key for each in self.app.read(due_purchases, self.now)]
        busy = {worker.key for worker in self.workers if worker is not None}
        for number, worker in enumerate(self.workers):
            fresh = [key for key in due if key not in busy]
            if worker is None and fresh:
                self.workers[number] = Worker(self.app, self.gateway, lambda: self.now, fresh[0])
                busy.add(fresh[0])
        if busy:
            return True
        self._sweep()
        standing = self._standing()
        instants = [each.next_step_at for each in standing.purchases if each.next_step_at is not None]
        held_back = standing.watch.progress.held_back
        if held_back is not None and standing.watch.policy.is_on and self.reviews < REVIEWS_MAX:
            instants.append(held_back.until)
        if not instants:
            return False
        self.now = max(self.now, min(instants))
        if held_back is not None and held_back.until <= self.now:
            self.reviews += 1
            self._review()
        self.trace.append(f"{self.now:%m-%d %H:%M:%S} rests")
        return True

    # ── what must always hold ───────────────────────────────────────────────────────────────────────────────

    def _standing(self) -> Standing:
        return self.app.read(standing, self.now)

    def _look(self) -> None:
        now = self._standing()
        recharges = [each for each in now.purchases if each.cause is PurchaseCause.RECHARGE]
        open_ids = [each.purchase_id for each in recharges if each.is_open]
        assert len(open_ids) <= 1, f"several recharges are open: {open_ids}"
        assert open_ids == [each for each in [now.watch.progress.open_purchase_id] if each], "progress names another"
        assert sorted(each.epoch or 0 for each in recharges) == list(range(1, len(recharges) + 1))
        for purchase_id, movements in self._movements().items():
            assert len(movements) == 1, f"{purchase_id} was charged {len(movements)} times"
        self._look_at_guards(now, recharges)
        for each in now.purchases:
            was = self.seen.get(each.purchase_id)
            if was in {PurchaseState.FAILED, PurchaseState.CANCELED} and each.state is PurchaseState.SETTLED:
                self.revived.add(each.purchase_id)
            assert was is not PurchaseState.SETTLED or each.state is PurchaseState.SETTLED
            if each.state is PurchaseState.NEEDS_ACTION:
                self.links.add(each.charge_id)
            self.seen[each.purchase_id] = each.state

    def _look_at_guards(self, now: Standing, recharges: list[Purchase]) -> None:
        """Hold every recharge that is new against the caps and counts that were set when it was decided."""
        recent = now.watch.progress.reserved.recent
        if not {each for each in self.remembered if self.now - each < 24 * HOUR} <= set(recent):
            self.forgotten_at = self.now
        self.remembered = recent
        policy = now.watch.policy
        for new in recharges:
            if new.purchase_id in self.seen:
                continue
            day = new.created_at.astimezone(self.zone).date()
            alive = [
                each
                for each in recharges
                if each.state not in {PurchaseState.FAILED, PurchaseState.CANCELED}
                and each.purchase_id not in self.revived
            ]
            on_day = [each for each in alive if each.created_at.astimezone(self.zone).date() == day]
            in_month = [
                each
                for each in alive
                if each.created_at.astimezone(self.zone).date().replace(day=1) == day.replace(day=1)
            ]
            for cap, counted in ((policy.cap_per_day_micros, on_day), (policy.cap_per_month_micros, in_month)):
                taken = sum(each.amount_micros for each in counted)
                assert cap is None or taken <= cap, f"{new.purchase_id}: {taken} is above the cap of {cap}"
            for span, most in ((HOUR, policy.recharges_per_hour), (DAY, policy.recharges_per_day)):
                since = max(new.created_at - span, self.forgotten_at)
                count = sum(each.created_at > since for each in recharges)
                assert count <= most, f"{new.purchase_id} is number {count} of {most} in {span}"

    def _movements(self) -> Mapping[str, list[int]]:
        moved: dict[str, list[int]] = {}
        for each in self.books.moved:
            named = PurchaseKey(ORGANIZATION_ID, each.metadata["talktime_purchase_id"])
            moved.setdefault(purchases.key_of(named).purchase_id, []).append(each.cents)
        return moved

    # ── what must hold at the end ───────────────────────────────────────────────────────────────────────────

    def judge(self) -> None:
        """Compare the gateway with the books, and count what was told."""
        end = self._standing()
        self._judge_money(end)
        self._judge_events(end, self.app.read(_events, self.now))
        report = self.app.read(audit_books, AuditBooks(self.now))
        assert report.violations == (), report.violations
        policy, progress = end.watch.policy, end.watch.progress
        verdict = recharge.evaluate(policy, progress, end.credit.spendable_micros(self.now), self.now, self.zone)
        assert not isinstance(verdict, recharge.Due), "it is below the trigger, and nobody recharges"
        assert progress.paused is not recharge.PauseReason.CHARGE_AMBIGUOUS, "nothing is uncertain any more"

    def _judge_money(self, end: Standing) -> None:
        still_open = [(each.purchase_id, each.state) for each in end.purchases if each.is_open]
        assert still_open == [], "left open"
        settled = {each.purchase_id: each for each in end.purchases if each.state is PurchaseState.SETTLED}
        recorded = {name: [each.charged_micros // MICROS_PER_CENT] for name, each in settled.items()}
        assert dict(self._movements()) == recorded, "what moved is not what is recorded"
        references, postings = self.app.read(_lots, self.now)
        for name, purchase in settled.items():
            lots = [lot_id for lot_id, reference in references.items() if reference == name]
            assert lots == [purchase.lot_id]
            posted = {"lot": purchase.amount_micros}
            posted |= {"tax": purchase.tax_micros} if purchase.tax_micros else {}
            assert posted.items() <= postings[f"purchase:{name}"].items()
        bought = sum(reference in settled for reference in references.values())
        assert bought == len(settled)

    def _judge_events(self, end: Standing, events: list[Event]) -> None:
        told: Counter[tuple[object, ...]] = Counter()
        for event in events:
            details = dict(event.details)
            if "purchase" in details:
                # An outage may be told of once more when another attempt meets it, a failure when it is the last one.
                which = details["attempt"] if event.kind is EventKind.RECHARGE_DELAYED else ""
                told[event.kind, details["purchase"], which or details.get("consequence", "")] += 1
        twice = {what: count for what, count in told.items() if count > 1}
        assert twice == {}, f"told more than once: {twice}"
        for each in end.purchases:
            kind = EventKind.RECHARGE_SUCCEEDED if each.cause is PurchaseCause.RECHARGE else EventKind.CREDIT_PURCHASED
            assert told[kind, each.purchase_id, ""] == int(each.state is PurchaseState.SETTLED)
        low = [event for event in events if event.kind is EventKind.BALANCE_LOW]
        for threshold in {dict(event.details)["threshold_micros"] for event in low}:
            at = [event.occurred_at for event in low if dict(event.details)["threshold_micros"] == threshold]
            assert all(later - earlier >= DAY for earlier, later in pairwise(at)), f"below {threshold} at {at}"


def _events(tx: Transaction, _: datetime) -> list[Event]:
    return tx.notifications.events_waiting(10_000)


def _lots(tx: Transaction, _: datetime) -> tuple[dict[int, str], dict[str, Counter[str]]]:
    """Return what each lot's purchase is called, and what each entry credited to which account."""
    posted: dict[str, Counter[str]] = {}
    for _, posting in tx.insight.books.other_postings():
        assert isinstance(posting, PostedRow)
        posted.setdefault(posting.entry_id, Counter())[posting.credit] += posting.amount_micros
    return tx.credit.references(ORGANIZATION_ID), posted
