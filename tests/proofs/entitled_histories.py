"""Seeded random histories of who may call and what pays: plans, pools, credit, the bill, and what changes meanwhile.

Licenses, caps, overage and modes change in mid-call, months end, switches repeat themselves, processes are gone.

    history = History(7, app, url)
    history.live()            what happens, each step held against the model and the judge
    history.come_to_rest()    every call ends, and was charged once

Two processes charge on connections of their own, each with its own memory; what they answer is lost now and then,
before or after the commit, and asked again.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from talktime.bootstrap import App, open_statements
from talktime.core.calls.calls import CallKey, CallKind, Ending, key_of
from talktime.core.calls.requests import (
    Answer,
    AnswerCall,
    CloseCall,
    EndCall,
    EndLeg,
    ExtendCall,
    Finished,
    Granted,
    Request,
    StartCall,
)
from talktime.core.organizations.licenses import License
from talktime.core.organizations.policies import POLICIES
from talktime.store.charging.memory import Memory
from talktime.store.charging.transaction import ChargingTransaction
from talktime.usecases.calls.charge_calls import charge
from talktime.usecases.calls.close_silent_calls import overdue
from talktime.usecases.calls.end_conference import open_legs
from talktime.usecases.organizations.licensing.assign_licenses import AssignLicenses, assign_licenses
from talktime.usecases.organizations.policies.set_caps import SetCap, set_cap
from talktime.usecases.organizations.policies.set_policies import (
    SetPolicy,
    set_policy,
)
from tests.proofs import entitled_judge
from tests.proofs.entitled_books import (
    DESTINATIONS,
    INBOUND,
    NAME,
    PEOPLE,
    TOLL,
    TOLL_FREE,
    Destination,
)
from tests.proofs.entitled_facts import Meant, micros
from tests.proofs.entitled_model import Told, is_like
from tests.proofs.entitled_operators import DAY, DESK, NAMES, SECOND, Operators, every_license

MINUTE = timedelta(minutes=1)
WAITS = (1, 2, 9, 30, 50, 59, 60, 61, 110, 180, 300, 600, 1_200, 2_400)
EXTERNAL, HELP = "33699000001", "999"
SWITCH = "proxy"
AUDITED_EVERY = 40


class Crashed(BaseException):
    """The process is gone before its commit."""


class Process:
    """Charges on a connection and in a memory of its own."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._terms = app.settings.charging_terms
        self.statements = open_statements(app.settings.database_url)
        self.memory = Memory()

    def charge(self, requests: Sequence[Request], *, crashes: bool = False) -> list[Answer | None]:
        """Charge a batch; with `crashes` it is rolled back by a crash."""
        with self.statements.transaction():
            answers = self.decide(requests)
            if crashes:
                raise Crashed
        return answers

    def decide(self, requests: Sequence[Request]) -> list[Answer | None]:
        """Charge in a transaction that somebody else commits."""
        return charge(ChargingTransaction(self.statements, self.memory), requests, self._terms)

    def close(self) -> None:
        self.statements.close()


class History(Operators):
    """What happens to one organization, and what must hold meanwhile and afterwards."""

    def __init__(self, seed: int, app: App, url: str) -> None:
        super().__init__(seed, app, url)
        self.is_sqlite = url.startswith("sqlite:")
        self.sent: list[Request] = []
        self.liked = [weight * self.dice.choice((0.1, 1, 5)) for weight in (9, 5, 3, 6, 2, 1, 1, 1, 1, 1, 1)]
        self.processes = [Process(app), Process(app)]

    def close(self) -> None:
        self.reader.close()
        for process in self.processes:
            process.close()

    # ── what happens ────────────────────────────────────────────────────────────────────────────────────────────────

    def live(self) -> None:
        """Set up, then do one thing after the other."""
        self._set_up()
        deeds: dict[Callable[[], object], int] = {
            self._start: 34,
            self._extend: 36,
            self._end: 17,
            self._answer: 8,
            self._wait: 24,
            self._batch: 9,
            self._repeat: 4,
            self._race: 0 if self.is_sqlite else 5,
            self._close_silent: 4,
            self._replenish: 4,
            self._end_late: 3,
            self._end_conference: 3,
            self._to_month_end: 1,
            self._assign: 4,
            self._buy: 3,
            self._cap: 5,
            self._overage: 3,
            self._mode: 2,
            self._stop: 2,
            self._choose: 2,
            self._policy: 2,
            self._block: 1,
            self._fund: 4,
            self._expire: 2,
        }
        # Each history has its theme: what hardly ever happens in one happens all the time in another.
        weights = [weight * self.dice.choice((0.3, 1, 1, 4)) for weight in deeds.values()]
        for number in range(1, self.dice.randrange(60, 160)):
            (deed,) = self.dice.choices(list(deeds), weights)
            said = deed()
            self._note(f"{getattr(deed, '__name__', '').strip('_')} {said or ''}")
            if number % AUDITED_EVERY == 0:
                self._audit()

    def _note(self, said: str) -> None:
        self.trace.append(f"{self.now:%m-%d %H:%M:%S.%f} {said}")

    # ── calls ───────────────────────────────────────────────────────────────────────────────────────────────────────

    def _start(self) -> str:
        return self._charge([self._new_start()])

    def _new_start(self) -> StartCall:
        """Draw a call and what it means; now and then a key that there was before."""
        if self.seen.calls and self.dice.random() < 0.06:
            known = self.dice.choice(list(self.seen.calls))
            return StartCall(key_of(known), self._at(), PEOPLE[0].number, DESTINATIONS[0].number)
        leg = self.dice.choice(("", "", "a"))
        key = CallKey(SWITCH, f"c{next(self.names)}", leg)
        drawn = self.dice.choices(
            (self._from_phone, self._from_conference, self._into_conference, self._from_desk, self._other),
            (10, 7, 3, 2, 2),
        )[0]
        request, meant = drawn(StartCall(key, self._at(), EXTERNAL, ""))
        self.meant[f"{key.switch}|{key.leg}|{key.call_id}"] = meant
        return request

    def _destination(self) -> Destination:
        return self.dice.choices(DESTINATIONS, self.liked)[0]

    def _from_phone(self, asked: StartCall) -> tuple[StartCall, Meant]:
        person, to = self.dice.choice(PEOPLE[:3]), self._destination()
        if self.dice.random() < 0.2:
            asked = replace(asked, forwarded_by=person.name, called=to.number)
            return asked, Meant("user_out_forwarding", person.user_id, "", to, to.tariff)
        return replace(asked, caller=person.number, called=to.number), Meant(
            "user_out", person.user_id, "", to, to.tariff
        )

    def _from_conference(self, asked: StartCall) -> tuple[StartCall, Meant]:
        person, to = self.dice.choice(PEOPLE[:3]), self._destination()
        conference, kind = self.dice.choice(("x", "y")), self.dice.choice((None, CallKind.CALL_ME))
        asked = replace(
            asked, caller=TOLL, called=to.number, kind=kind, organizer=person.name, conference_id=conference
        )
        word = "conf_out" if kind is None else kind.value
        return asked, Meant(word, person.user_id, "", to, to.tariff, conference)

    def _into_conference(self, asked: StartCall) -> tuple[StartCall, Meant]:
        number = self.dice.choice(("toll", "toll_free"))
        person = self.dice.choice((*PEOPLE[:3], None))
        conference = self.dice.choice(("x", "y"))
        asked = replace(asked, called=TOLL if number == "toll" else TOLL_FREE, conference_id=conference)
        asked = asked if person is None else replace(asked, organizer=person.name)
        user_id = 0 if person is None else person.user_id
        return asked, Meant("conf_in", user_id, number, None, INBOUND[number], conference)

    def _from_desk(self, asked: StartCall) -> tuple[StartCall, Meant]:
        to = self._destination()
        return replace(asked, caller=DESK.number, called=to.number), Meant("ucap_out", DESK.user_id, "", to, to.tariff)

    def _other(self, asked: StartCall) -> tuple[StartCall, Meant]:
        """Draw a call to a user, for help, of nobody, to a voice app."""
        person, help_ = self.dice.choice(PEOPLE[:3]), Destination(HELP, "", "emergency", None)
        nobody = replace(asked, called=DESTINATIONS[0].number)
        return self.dice.choice(
            (
                (replace(asked, called=person.number), Meant("user_in", person.user_id, "toll", None, None)),
                (replace(asked, caller=person.number, called=HELP), Meant("user_out", person.user_id, "", help_, None)),
                (replace(asked, called=HELP), Meant("emergency_out", -1, "", help_, None)),
                (nobody, Meant("user_out", -1, "", DESTINATIONS[0], None)),
                (
                    replace(asked, called=TOLL_FREE, kind=CallKind.VOICE_APP_IN),
                    Meant("ucap_in", 0, "toll_free", None, INBOUND["toll_free"]),
                ),
                (replace(asked, called=DESK.number), Meant("ucap_in", DESK.user_id, "toll", None, None)),
            )
        )

    def _at(self) -> datetime:
        """Return the clock of the process that is asked: it may be a little behind, but not behind the last funding.

        The audit knows no tolerance: credit that is spent before the instant of its purchase is a violation.
        """
        return max(self.funded_at, self.now - self.dice.choice((0, 0, 0, 0, 0, 1, 3)) * SECOND)

    def _key(self) -> CallKey | None:
        """Return a call, mostly an open one; now and then one that was never started."""
        is_open = [key for key, call in self.seen.calls.items() if call.state == "open"]
        choices = is_open if is_open and self.dice.random() < 0.85 else list(self.seen.calls)
        if not choices or self.dice.random() < 0.02:
            return CallKey(SWITCH, "nobody's")
        return key_of(self.dice.choice(choices))

    def _of(self, key: CallKey) -> tuple[int, int]:
        """Return for how long a call has been answered, or rings, in seconds, and what it was granted."""
        call = self.seen.calls.get(f"{key.switch}|{key.leg}|{key.call_id}")
        if call is None:
            return self.dice.randrange(100), 60
        began = call.started_at if call.answered_at is None else call.answered_at
        return max(0, (micros(self.now) - began) // 1_000_000), call.granted

    def _extend(self) -> str:
        return self._charge([self._new_extend()])

    def _new_extend(self) -> Request:
        key = self._key()
        assert key is not None
        elapsed, granted = self._of(key)
        held = self.dice.choice((granted, granted, granted, granted + 7, granted - 1))
        said = self.dice.choice((None, elapsed, elapsed, elapsed, granted - 10, -3, elapsed + 400))
        return ExtendCall(key, self._at(), held, said)

    def _replenish(self) -> str:
        """Give a pool more minutes while a call that it paid for is paid in money: it goes on so."""
        paying = [
            call
            for call in self.seen.calls.values()
            if call.state == "open" and call.money and call.meters.startswith("pool/")
        ]
        if not paying:
            return "none"
        call = self.dice.choice(paying)
        self._bring_minutes(call.meter_names[0].split("/")[1])
        key = key_of(call.key)
        elapsed, granted = self._of(key)
        return self._charge([ExtendCall(key, self.now, granted, max(granted, elapsed))])

    def _end(self) -> str:
        return self._charge([self._new_end()])

    def _new_end(self) -> Request:
        key = self._key()
        assert key is not None
        elapsed, granted = self._of(key)
        used = self.dice.choice(
            (
                *(0, min(elapsed, granted), min(elapsed, granted), elapsed, elapsed + 60, elapsed + 121),
                *(granted + 1, granted + 2, granted + 3, max(0, granted - 61), -1),
            )
        )
        ending = self.dice.choice((Ending.HANGUP, Ending.HANGUP, Ending.CREDIT_EXHAUSTED, Ending.FAILED))
        return EndCall(key, self._at(), used, ending)

    def _end_late(self) -> str:
        """Report the end of a call that was given up: the lots of then pay it, lapsed since or not."""
        lapsed = [call for call in self.seen.calls.values() if call.state == "lapsed"]
        if not lapsed:
            return "none"
        call = self.dice.choice(lapsed)
        if self.dice.random() < 0.5:
            self.now = max(self.now, self.month_ends_at + self.dice.choice((1, 3_600)) * SECOND)
            self._expire()
        elapsed = (micros(self.now) - call.started_at) // 1_000_000
        used = min(elapsed, self.dice.choice((call.granted, call.granted + 40, elapsed)))
        return self._charge([EndCall(key_of(call.key), self.now, used)])

    def _answer(self) -> str:
        return self._charge([self._new_answer()])

    def _new_answer(self) -> Request:
        key, at = self._key(), self._at()
        assert key is not None
        return AnswerCall(key, at, at - self.dice.choice((0, 0, 2, 500)) * SECOND)

    def _any_request(self) -> Request:
        drawn: list[Callable[[], Request]] = [self._new_start, self._new_extend, self._new_end, self._new_answer]
        return self.dice.choices(drawn, (5, 5, 3, 1))[0]()

    def _batch(self) -> str:
        """Charge several requests in one transaction, in this order."""
        return self._charge([self._any_request() for _ in range(self.dice.randrange(2, 6))])

    def _repeat(self) -> str:
        """Send requests of before again, word for word, however late."""
        if not self.sent:
            return "nothing"
        asked = self.dice.choices(self.sent, k=self.dice.choice((1, 1, 3)))
        return self._charge([replace(request, at=self.now) for request in asked])

    def _close_silent(self) -> str:
        self.now += self.dice.choice((0, 0, 6, 20)) * MINUTE
        found: list[Request] = [*overdue(self.processes[0].statements, self.now)]
        expected = {
            key
            for key, call in self.seen.calls.items()
            if call.state == "open" and call.valid_until is not None and call.valid_until <= micros(self.now)
        }
        assert {f"{each.key.switch}|{each.key.leg}|{each.key.call_id}" for each in found} == expected
        if self.seen.calls and self.dice.random() < 0.2:
            found.append(CloseCall(key_of(self.dice.choice(list(self.seen.calls))), self.now))
        return self._charge(found) if found else "none"

    def _end_conference(self) -> str:
        """End all legs of a conference; in the meantime one of them may have ended by itself."""
        conference = self.dice.choice(("x", "y"))
        legs = open_legs(self.processes[0].statements, SWITCH, conference, self.now)
        expected = {
            key for key, call in self.seen.calls.items() if call.state == "open" and call.conference_id == conference
        }
        assert {f"{leg.key.switch}|{leg.key.leg}|{leg.key.call_id}" for leg in legs} == expected
        requests: list[Request] = [*legs]
        if legs and self.dice.random() < 0.3:
            requests.insert(0, EndCall(self.dice.choice(legs).key, self.now, 0))
        if legs and self.dice.random() < 0.2:
            requests.append(EndLeg(self.dice.choice(legs).key, self.now + 5 * SECOND))
        return self._charge(requests) if requests else "none"

    # ── how it is charged ───────────────────────────────────────────────────────────────────────────────────────────

    def _charge(self, requests: Sequence[Request], *, is_again: bool = False) -> str:
        """Charge, hold what is answered and what stands afterwards against model and judge; crash now and then."""
        self.trace += [f"    {self.now:%H:%M:%S} asks {request}" for request in requests]
        process, fate = self.dice.choice(self.processes), 1.0 if is_again else self.dice.random()
        if fate < 0.06:
            process = self._crash_before_commit(process, requests)
        told = Told(self.seen, self.world, self.meant)
        expected = [told.answer(request) for request in requests]
        answers = process.charge(requests)
        said = self._compare(told, requests, expected, answers)
        if 0.06 < fate < 0.14:
            self._lose_answer(process, requests, answers)
        return said

    def _compare(
        self, told: Told, requests: Sequence[Request], expected: list[Answer], answers: list[Answer | None]
    ) -> str:
        self.sent = [*self.sent, *requests][-30:]
        self.counts.update(type(request).__name__ for request in requests)
        self.counts.update(_word(answer) for answer in expected)
        self.trace += [f"    answered {answer}" for answer in answers]
        after = self.reader.read()
        unlike = [
            f"{request} was answered {answer}, not {should}"
            for request, answer, should in zip(requests, answers, expected, strict=True)
            if not is_like(answer, should)
        ]
        assert not unlike, "\n".join(unlike)
        disagreements = list(told.disagreements(after))
        assert not disagreements, "\n".join(disagreements)
        findings = list(entitled_judge.findings(self.seen, after, self.world, self.meant))
        assert not findings, "\n".join(findings)
        self.seen = after
        return ", ".join(_word(answer) for answer in expected)

    def _crash_before_commit(self, process: Process, requests: Sequence[Request]) -> Process:
        self.counts["crash before commit"] += 1
        try:
            process.charge(requests, crashes=True)
        except Crashed:
            pass
        else:
            raise AssertionError
        assert self.reader.read() == self.seen, "what was rolled back stands all the same"
        self.trace.append("    crashed before its commit")
        return self._with_or_without_memory(process)

    def _lose_answer(self, process: Process, requests: Sequence[Request], answers: list[Answer | None]) -> None:
        """The commit stands, the answer is lost: the switch asks again, a little later, perhaps a new process."""
        self.counts["crash after commit"] += 1
        self.trace.append("    its answer is lost, and asked again")
        self._with_or_without_memory(process)
        self.now += self.dice.choice((0, 1, 4)) * SECOND
        before = self.seen
        again = [replace(request, at=max(request.at, self.now)) for request in requests]
        self._charge(again, is_again=True)
        if len(requests) == 1 and isinstance(answers[0], Finished):
            assert self.seen == before, "what had ended has changed"

    def _with_or_without_memory(self, process: Process) -> Process:
        """Go on in the same process, or in another one that remembers nothing."""
        if self.dice.random() < 0.5:
            return process
        process.close()
        fresh = self.processes[self.processes.index(process)] = Process(self.app)
        return fresh

    def _race(self) -> str:
        """While one process holds the organization, the other is told to ask again; then it sees all of it."""
        first, second = self.dice.sample(self.processes, 2)
        mine, others = self._any_request(), self._any_request()
        told = Told(self.seen, self.world, self.meant)
        is_ours = [self._is_ours(request) for request in (mine, others)]
        if not all(is_ours):
            return "nobody's"
        self.trace += [f"    races {request}" for request in (mine, others)]
        expected = [told.answer(mine), told.answer(others)]
        with first.statements.transaction():
            answers = first.decide([mine])
            assert second.charge([others]) == [None]
        answers += second.charge([others])
        self.counts["race"] += 1
        return self._compare(told, [mine, others], expected, answers)

    def _is_ours(self, request: Request) -> bool:
        key = f"{request.key.switch}|{request.key.leg}|{request.key.call_id}"
        is_paid = key in self.meant and self.meant[key].user_id >= 0
        return key in self.seen.calls or (isinstance(request, StartCall) and is_paid)

    # ── time ────────────────────────────────────────────────────────────────────────────────────────────────────────

    def _wait(self) -> str:
        seconds = self.dice.choice(WAITS)
        self.now += seconds * SECOND + self.dice.choice((0, 0, 333_333)) * timedelta(microseconds=1)
        if self.dice.random() < 0.015:
            self.now += self.dice.choice((1, 2, 4)) * DAY
        return str(seconds)

    def _to_month_end(self) -> str:
        near = self.month_ends_at + self.dice.choice((-30, -1, 0, 1, 40)) * SECOND
        self.now = max(self.now, near)
        return ""

    # ── the end ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def come_to_rest(self) -> None:
        """Deny everything that can be denied, and end every call that was allowed: each is charged once."""
        allowed = {key for key, call in self.seen.calls.items() if call.state == "open"}
        self._operate(set_policy, SetPolicy(NAME, POLICIES["DialoutCPCandPSTNDisabled"]))
        for name in NAMES:
            self._operate(set_cap, SetCap(NAME, 0, self.now, user_principal_name=name))
        self._operate(assign_licenses, AssignLicenses(NAME, (), License(0), every_license(), self.now))
        for key in sorted(allowed):
            if self.dice.random() < 0.3:
                self._charge([ExtendCall(key_of(key), self.now, self.seen.calls[key].granted)])
            elapsed, granted = self._of(key_of(key))
            if self.dice.random() < 0.8:
                self._charge([EndCall(key_of(key), self.now, min(elapsed, granted))])
        self.now += 2 * DAY
        self._close_silent()
        self._expire()
        left = {key: call.state for key, call in self.seen.calls.items() if call.state == "open"}
        assert not left, f"still open: {left}"
        held = {name: meter for name, meter in self.seen.meters.items() if meter.held}
        assert not held, f"nobody is promised anything any more: {held}"
        assert not any(lot.held for lot in self.seen.lots)
        self._audit()


def _word(answer: Answer | None) -> str:
    """Name an answer for the tally: what pays, or why not."""
    if isinstance(answer, Granted):
        return f"granted {answer.pays_from.value}{' finally' if answer.is_final else ''}"
    reason = getattr(answer, "reason", None)
    return f"denied {reason.value}" if hasattr(reason, "value") else type(answer).__name__.lower()
