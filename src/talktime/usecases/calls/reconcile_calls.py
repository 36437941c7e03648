"""Compare a switch's records with our calls, and settle what differs through charging, as any other report of use.

Nothing is written unless that is asked for. What is written is safe to repeat: each record corrects its call once, and
a call that has ended ends once. So a reconciliation that is broken off is run again.
"""

import time
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from itertools import islice
from typing import NamedTuple, TypeVar

from talktime.core.calls import charging
from talktime.core.calls.afterwards import reconciling
from talktime.core.calls.afterwards.reconciling import TOLERANCE_SECONDS, Match, Reconciled, SwitchRecord
from talktime.core.calls.calls import EXPLANATIONS, Call, CallKey
from talktime.core.calls.requests import Answer, ChargingTerms, Denied, Finished, Parked, Request, StartCall
from talktime.core.values.errors import Unavailable
from talktime.core.values.frozen import frozen
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

EachT = TypeVar("EachT")


@frozen
class ReconcileCalls:
    """The records of a switch by the name that it has here; what differs is settled only if that is asked for."""

    switch: str
    at: datetime
    applies: bool = False
    charges_unknown: bool = False
    tolerance_seconds: int = TOLERANCE_SECONDS

    def is_settled(self, match: Match) -> bool:
        """Tell whether something is written about such a difference."""
        return self.applies and (match in reconciling.PROPOSED) and (match is not Match.UNKNOWN or self.charges_unknown)


class _Compared(NamedTuple):
    record: SwitchRecord
    key: CallKey
    match: Match
    call: Call | None
    currency: str
    requests: Sequence[Request]


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

    What was settled is committed when it is yielded. Raise Unavailable where an organization is held for too long.
    """
    tx = ChargingTransaction(books.statements, Memory())
    for page in _pages(records.all()):
        compared = books.read(_compare, _Page(tuple(page), request, books.terms))
        yield from _settled(books, tx, compared, request)
    yield from _missing(books, records, recorded, request)


@frozen
class _Page:
    records: tuple[SwitchRecord, ...]
    request: ReconcileCalls
    terms: ChargingTerms


def _pages(each: Iterable[EachT]) -> Iterator[list[EachT]]:
    remaining = iter(each)
    while page := list(islice(remaining, PAGE_CALLS)):
        yield page


def _compare(tx: Transaction, page: _Page) -> list[_Compared]:
    request = page.request
    keys = [CallKey(request.switch, record.call_id, record.leg) for record in page.records]
    known = tx.switch_calls.of(keys)
    compared = []
    for record, key in zip(page.records, keys, strict=True):
        call, currency = known.get(key, (None, ""))
        match = reconciling.match_of(record, call, page.terms, request.tolerance_seconds)
        requests = reconciling.proposal(key, record, match, request.at, page.terms)
        compared.append(_Compared(record, key, match, call, currency, requests))
    return compared


def _settled(
    books: Books, tx: ChargingTransaction, compared: Sequence[_Compared], request: ReconcileCalls
) -> Iterator[Reconciled]:
    """Ask first what charging would answer; then let it settle what it would not refuse, where that is asked for."""
    proposed = [each for each in compared if each.requests]
    told = dict(zip([each.key for each in proposed], _looked(books, tx, proposed), strict=True))
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


def _looked(books: Books, tx: ChargingTransaction, proposed: Sequence[_Compared]) -> list[list[Answer]]:
    """Decide what is proposed without saving it."""
    if not proposed:
        return []
    requests = [request for each in proposed for request in each.requests]
    with books.statements.snapshot():
        facts = tx.look(requests, books.terms)
        outcomes = iter(charging.decide(facts, requests, books.terms))
    return [[next(outcomes).answer for _ in each.requests] for each in proposed]


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
    books.read(_note_absent, _Span(records, request.switch, first, last, ended or last))
    for page in _pages(records.absent()):
        for key, (call, currency) in books.read(_calls, tuple(page)).items():
            result = call.result
            if result is not None and result.used_seconds:
                started_at, used, cost = call.setup.started_at, result.used_seconds, result.cost_micros
                yield Reconciled(key, Match.MISSING, None, started_at, used, cost, currency=currency)


@frozen
class _Span:
    records: SwitchRecords
    switch: str
    first: datetime
    last: datetime
    ended: datetime


def _note_absent(tx: Transaction, span: _Span) -> None:
    """Note our calls that the file should have and has not, on the scratch disk: there may be many."""
    for keys in tx.switch_calls.ended(span.switch, span.first, span.last, span.ended, PAGE_CALLS):
        known = span.records.known([(key.leg, key.call_id) for key in keys])
        span.records.note_absent([key for key in keys if (key.leg, key.call_id) not in known])


def _calls(tx: Transaction, keys: tuple[CallKey, ...]) -> dict[CallKey, tuple[Call, str]]:
    return tx.switch_calls.of(keys)
