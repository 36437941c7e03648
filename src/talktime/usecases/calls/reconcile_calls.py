"""Compare a switch's records with our calls, and settle what differs through charging, as any other report of use.

A record is about the call of its key, else about one that bears its id otherwise; else a call of its numbers and its
time is perhaps the same. Only a record of which none of that can be said is late usage.

Nothing is written unless that is asked for. What is written is safe to repeat: each record corrects its call once, and
a call that has ended ends once. So a reconciliation that is broken off is run again.
"""

import time
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from itertools import islice
from typing import NamedTuple, TypeVar

from talktime.core.calls import charging
from talktime.core.calls.afterwards import joining, reconciling
from talktime.core.calls.afterwards.reconciling import TOLERANCE_SECONDS, Match, Reconciled, SwitchRecord
from talktime.core.calls.calls import EXPLANATIONS, Call, CallKey
from talktime.core.calls.requests import Answer, ChargingTerms, Denied, Finished, Outcome, Parked, Request, StartCall
from talktime.core.rates.rating import CALL_MAX_SECONDS
from talktime.core.values.errors import Invalid, Unavailable
from talktime.core.values.frozen import frozen
from talktime.store.afterwards.known_calls import user_of
from talktime.store.afterwards.switch_records import Recorded, SwitchRecords
from talktime.store.charging.memory import Memory
from talktime.store.charging.transaction import ChargingStatements, ChargingTransaction
from talktime.store.transaction import Transaction
from talktime.usecases.calls.charge_calls import charge
from talktime.usecases.ports import Transact

# Phones wait for no longer than so many calls take to be settled.
PAGE_CALLS = 128
# Another transaction may hold an organization for as long as a statement of an operator takes.
ATTEMPTS_MAX = 1_000
HELD_PAUSE_SECONDS = 0.01
RESOLVED_BY = "talktime calls reconcile"
# Our calls that began so long before the file's first may be running still when that begins.
EARLIER = timedelta(seconds=CALL_MAX_SECONDS) + joining.NEAR

EachT = TypeVar("EachT")


@frozen
class ReconcileCalls:
    """The records of a switch by the name that it has here; what differs is settled only if that is asked for.

    `charges_unknown` charges what was never started here, with `charges_all` even where nothing of the file was.
    """

    switch: str
    at: datetime
    applies: bool = False
    charges_unknown: bool = False
    charges_all: bool = False
    tolerance_seconds: int = TOLERANCE_SECONDS

    @property
    def charges(self) -> bool:
        """Tell whether late usage is charged, if anything is."""
        return self.charges_unknown or self.charges_all

    def is_settled(self, match: Match) -> bool:
        """Tell whether something is written about such a difference."""
        return self.applies and (match in reconciling.PROPOSED) and (match is not Match.UNKNOWN or self.charges)


class _Compared(NamedTuple):
    record: SwitchRecord
    key: CallKey
    match: Match
    call: Call | None
    currency: str
    requests: Sequence[Request]
    # Why nothing is asked of charging, where that is not the kind of difference.
    why_not: str = ""


@frozen
class Books:
    """Ways to the database: to read, to write outside charging, and to charge."""

    read: Transact
    run: Transact
    statements: ChargingStatements
    terms: ChargingTerms
    # How often an organization is asked for that another transaction holds.
    attempts_max: int = ATTEMPTS_MAX


def reconcile_calls(
    books: Books, records: SwitchRecords, recorded: Recorded, request: ReconcileCalls
) -> Iterator[Reconciled]:
    """Yield every record with our call beside it, then our calls of the same period of which there is no record.

    What was settled is committed when it is yielded. Raise Unavailable where an organization is held for too long,
    and Invalid, before anything is written, for a switch that nobody knows or a file of which no call is known.
    """
    if recorded.first_start_at is not None and recorded.last_start_at is not None:
        last = max(recorded.last_start_at, recorded.last_end_at or recorded.last_start_at) + joining.NEAR
        books.read(_note_known, _Span(records, recorded.first_start_at - EARLIER, last))
    _check(books, records, recorded, request)
    tx = ChargingTransaction(books.statements, Memory())
    for page in _pages(records.all()):
        compared = books.read(_compare, _Page(tuple(page), records, request, books.terms))
        yield from _settled(books, tx, compared, records, request)
    yield from _missing(books, records, recorded, request)


@frozen
class _Page:
    page: tuple[SwitchRecord, ...]
    records: SwitchRecords
    request: ReconcileCalls
    terms: ChargingTerms


def _pages(each: Iterable[EachT]) -> Iterator[list[EachT]]:
    remaining = iter(each)
    while page := list(islice(remaining, PAGE_CALLS)):
        yield page


def _check(books: Books, records: SwitchRecords, recorded: Recorded, request: ReconcileCalls) -> None:
    """Refuse what would charge, by a slip of the keyboard, a whole file a second time."""
    if not recorded.calls_count or request.charges_all:
        return
    if not records.known.has_switch(request.switch):
        known = books.read(_switches, None)
        if request.switch not in known:
            named = f"calls here are of {', '.join(known)}" if known else "there is no call here yet"
            message = f"no call here is of the switch {request.switch!r}: {named}. {_ALL_THE_SAME}"
            raise Invalid(message, code="unknown_switch")
    if request.applies and request.charges_unknown and not _is_any_known(books, records, request):
        message = (
            f"no call of the file is known here, and all of it would be charged: look whether {request.switch!r} is"
            f" the switch of this file, and whether its ids are those that the switch sends here. {_ALL_THE_SAME}"
        )
        raise Invalid(message, code="unknown_file")


_ALL_THE_SAME = "If none of its calls was ever started here, --charge-all-unknown charges them all the same"


def _switches(tx: Transaction, _nothing: None) -> list[str]:
    return tx.switch_calls.switches()


def _is_any_known(books: Books, records: SwitchRecords, request: ReconcileCalls) -> bool:
    """Tell whether one record at least is about a call of ours, by whatever name."""
    return any(
        books.read(_is_known, _Page(tuple(page), records, request, books.terms)) for page in _pages(records.all())
    )


def _is_known(tx: Transaction, page: _Page) -> bool:
    switch, known = page.request.switch, page.records.known
    return tx.switch_calls.has_any(_keys(page)) or any(known.named(switch, record) for record in page.page)


def _keys(page: _Page) -> list[CallKey]:
    return [CallKey(page.request.switch, record.call_id, record.leg) for record in page.page]


def _compare(tx: Transaction, page: _Page) -> list[_Compared]:
    keys = _keys(page)
    calls = tx.switch_calls.of(keys)
    joined = {key: _joined(page, record) for record, key in zip(page.page, keys, strict=True) if key not in calls}
    calls |= tx.switch_calls.of([each for named in joined.values() for each in named])
    compared: list[_Compared] = []
    for record, key in zip(page.page, keys, strict=True):
        named = joined.get(key) or (key,)
        compared += [_compared(page, record, each, calls.get(each, (None, "")), len(named)) for each in named]
    return compared


def _joined(page: _Page, record: SwitchRecord) -> tuple[CallKey, ...]:
    """Return the calls that bear the id of a record otherwise than in their keys, once for all records of that id."""
    known = page.records.known
    named = known.named(page.request.switch, record)
    if not named or not joining.counts(record, page.records.alike(record)):
        return ()
    keys = joining.joined(record, named)
    known.join(keys)
    return keys


def _compared(
    page: _Page, record: SwitchRecord, key: CallKey, known: tuple[Call | None, str], calls_count: int
) -> _Compared:
    request, (call, currency) = page.request, known
    alone = reconciling.match_of(record, call, page.terms, request.tolerance_seconds)
    match = joining.match_among(alone, calls_count)
    requests = reconciling.proposal(key, record, match, request.at, page.terms)
    why_not = f"{calls_count} calls here have this id, and any may be the one" if match is Match.PERHAPS else ""
    return _Compared(record, key, match, call, currency, requests, why_not)


def _settled(
    books: Books,
    tx: ChargingTransaction,
    compared: Sequence[_Compared],
    records: SwitchRecords,
    request: ReconcileCalls,
) -> Iterator[Reconciled]:
    """Ask first what charging would answer; then let it settle what it would not refuse, where that is asked for."""
    asked = _looked(books, tx, [each for each in compared if each.requests])
    compared = [_doubted(each, asked.get(each.key, []), records, request) for each in compared]
    proposed = [each for each in compared if each.requests]
    told = {each.key: [outcome.answer for outcome in asked[each.key]] for each in proposed}
    outcomes = {each.key: _reconciled(each, told.get(each.key, ())) for each in compared}
    wanted = [
        each for each in proposed if request.is_settled(outcomes[each.key].match) and not outcomes[each.key].why_not
    ]
    if wanted:
        answers = iter(_charged(books, tx, [each for one in wanted for each in one.requests]))
        for each in wanted:
            outcomes[each.key] = _reconciled(each, [next(answers) for _ in each.requests], is_applied=True)
        books.run(_resolve, (request.at, tuple(each.key for each in wanted if not outcomes[each.key].why_not)))
    yield from outcomes.values()


def _looked(books: Books, tx: ChargingTransaction, proposed: Sequence[_Compared]) -> dict[CallKey, list[Outcome]]:
    """Decide what is proposed without saving it."""
    if not proposed:
        return {}
    requests = [request for each in proposed for request in each.requests]
    with books.statements.snapshot():
        facts = tx.look(requests, books.terms)
        outcomes = iter(charging.decide(facts, requests, books.terms))
    return {each.key: [next(outcomes) for _ in each.requests] for each in proposed}


def _doubted(
    each: _Compared, outcomes: Sequence[Outcome], records: SwitchRecords, request: ReconcileCalls
) -> _Compared:
    """Ask nothing of charging for a record that is perhaps about a call of ours, or about one just charged."""
    if each.match is not Match.UNKNOWN or not outcomes:
        return each
    begun = outcomes[0].call
    setup = None if begun is None else begun.setup
    user = "" if setup is None else user_of(setup.organization_id, setup.user_id, setup.kind)
    perhaps = records.known.at_the_time(request.switch, each.record, user)
    if perhaps is not None:
        named = " · ".join(filter(None, (perhaps.switch, perhaps.call_id, perhaps.leg)))
        return each._replace(match=Match.PERHAPS, requests=(), why_not=f"perhaps the same call as {named}")
    if setup is not None and isinstance(outcomes[-1].answer, Finished):
        records.known.propose(setup, each.record)
    return each


def _charged(books: Books, tx: ChargingTransaction, requests: Sequence[Request]) -> list[Answer]:
    """Charge in order, and ask again where another transaction holds an organization."""
    answers: list[Answer | None] = [None] * len(requests)
    for _ in range(books.attempts_max):
        waiting = [index for index, answer in enumerate(answers) if answer is None]
        with books.statements.transaction():
            told = charge(tx, [requests[index] for index in waiting], books.terms)
        for index, answer in zip(waiting, told, strict=True):
            answers[index] = answer
        if None not in told:
            return [answer for answer in answers if answer is not None]
        time.sleep(HELD_PAUSE_SECONDS)
    message = "another transaction holds an organization for too long; reconcile the file again"
    raise Unavailable(message)


def _reconciled(each: _Compared, answers: Sequence[Answer], *, is_applied: bool = False) -> Reconciled:
    call, match = each.call, each.match
    used, cost = None, 0
    if call is not None and call.result is not None:
        used, cost = call.result.used_seconds, call.result.cost_micros
    change, currency, why_not = 0, each.currency, _why_not(each, answers)
    last = answers[-1] if answers else None
    if isinstance(last, Finished) and not why_not:
        change, currency = last.cost_micros - cost, last.currency
        if match is Match.DIFFERS and last.used_seconds != each.record.talked_seconds:
            match, change = Match.SETTLED_OTHERWISE, 0
    started_at = each.record.started_at if call is None else call.setup.started_at
    done = is_applied and not why_not
    return Reconciled(each.key, match, each.record, started_at, used, cost, change, currency, why_not, done)


def _why_not(each: _Compared, answers: Sequence[Answer]) -> str:
    """Say why charging would not settle a difference; a start that is refused is followed by nothing."""
    if each.why_not:
        return each.why_not
    if each.match is Match.UNKNOWN and not each.requests:
        return "the record does not say when it began"
    if each.match is Match.REFUSED and each.call is not None and each.call.denial is not None:
        return EXPLANATIONS[each.call.denial]
    for request, answer in zip(each.requests, answers, strict=True):
        if isinstance(answer, Denied) and isinstance(request, StartCall):
            return EXPLANATIONS[answer.reason]
        if isinstance(answer, Parked):
            return answer.reason
    return ""


def _resolve(tx: Transaction, settled: tuple[datetime, tuple[CallKey, ...]]) -> None:
    at, keys = settled
    tx.parked.resolve(keys, by=RESOLVED_BY, resolution="settled by the switch's own record", at=at)


def _missing(books: Books, records: SwitchRecords, recorded: Recorded, request: ReconcileCalls) -> Iterator[Reconciled]:
    """Yield our calls that were talked while the file's were, and are not in it."""
    first, last, ended = recorded.first_start_at, recorded.last_start_at, recorded.last_end_at
    if first is None or last is None:
        return
    for page in _pages(records.known.missing(request.switch, first, last, ended or last)):
        for key, (call, currency) in books.read(_calls, tuple(page)).items():
            result = call.result
            if result is not None and result.used_seconds:
                started_at, used, cost = call.setup.started_at, result.used_seconds, result.cost_micros
                yield Reconciled(key, Match.MISSING, None, started_at, used, cost, currency=currency)


@frozen
class _Span:
    records: SwitchRecords
    first: datetime
    last: datetime


def _note_known(tx: Transaction, span: _Span) -> None:
    """Note our calls of the file's time on the scratch disk: there may be many."""
    for calls in tx.switch_calls.between(span.first, span.last, PAGE_CALLS):
        span.records.known.add(calls)


def _calls(tx: Transaction, keys: tuple[CallKey, ...]) -> dict[CallKey, tuple[Call, str]]:
    return tx.switch_calls.of(keys)
