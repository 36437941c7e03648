"""Replay recorded calls through charging, as a live switch would have brought them.

Nobody waits for the answers of a replay, and one that is broken off is replayed again at no harm: so many batches share
a commit, though each is charged for itself.
"""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from talktime.core.calls.calls import INBOUND
from talktime.core.calls.replaying import RecordedCall, ReplayedCall, VirtualSwitch
from talktime.core.calls.requests import Answer, ChargingTerms, Request
from talktime.core.organizations.licenses import CREDIT_LICENSES
from talktime.core.organizations.organizations import Organization
from talktime.core.organizations.users import User
from talktime.core.values.errors import Conflict, Unavailable
from talktime.core.values.frozen import frozen
from talktime.store.charging.memory import Memory
from talktime.store.charging.transaction import ChargingStatements, ChargingTransaction
from talktime.store.transaction import Transaction
from talktime.usecases.calls.charge_calls import charge
from talktime.usecases.organizations.manage_organizations import lock_organization

SWITCH_NAME = "replay"
# As many as group commit takes at once.
BATCH_MAX = 512
# After so many requests others get their turn: live calls of the organization wait no longer than these take.
COMMIT_REQUESTS = 256
# Another transaction may hold an organization for as long as a statement of an operator takes.
ATTEMPTS_MAX = 1_000
HELD_PAUSE_SECONDS = 0.01
CHUNK_USERS = 500


def replay_calls(
    statements: ChargingStatements,
    terms: ChargingTerms,
    calls: Sequence[RecordedCall],
    *,
    commit_requests: int = COMMIT_REQUESTS,
) -> Iterator[ReplayedCall]:
    """Charge the calls on their own clock, in order of time; yield each when its end has been committed.

    After about so many requests others get their turn.
    """
    switch = VirtualSwitch.of(SWITCH_NAME, calls)
    tx = ChargingTransaction(statements, Memory())
    most = min(BATCH_MAX, commit_requests)
    batch = _next_batch(switch, most)
    held_times = 0
    while batch.requests:
        over: list[ReplayedCall] = []
        charged = 0
        with statements.transaction():
            while batch.requests and charged < commit_requests and batch.charge(tx, terms):
                charged += len(batch.requests)
                over += switch.take_answers(batch.requests, batch.answered())
                batch = _next_batch(switch, most)
        yield from over
        held_times = held_times + 1 if charged == 0 else 0
        if held_times > ATTEMPTS_MAX:
            message = "another transaction holds the organization for too long; replay the file again"
            raise Unavailable(message)
        if held_times > 0:
            time.sleep(HELD_PAUSE_SECONDS)


@dataclass(slots=True)
class _Batch:
    """Requests, and the answers as they come: none yet where another transaction holds the organization."""

    requests: list[Request]
    answers: list[Answer | None]

    def charge(self, tx: ChargingTransaction, terms: ChargingTerms) -> bool:
        """Charge what is unanswered, in order; tell whether all are answered now."""
        waiting = [index for index, answer in enumerate(self.answers) if answer is None]
        for index, answer in zip(waiting, charge(tx, [self.requests[index] for index in waiting], terms), strict=True):
            self.answers[index] = answer
        return None not in self.answers

    def answered(self) -> list[Answer]:
        """Return the answers, once there are all."""
        return [answer for answer in self.answers if answer is not None]


def _next_batch(switch: VirtualSwitch, most: int) -> _Batch:
    requests = switch.next_requests(most)
    return _Batch(requests, [None] * len(requests))


@frozen
class PrepareReplay:
    """Whose calls are to be replayed. Names that nobody bears become users with every license, if that is wanted."""

    organization: str
    calls: Sequence[RecordedCall]
    at: datetime
    creates_users: bool = False


@frozen
class ReplayPrepared:
    """Who pays, which users were created, and which names and numbers are nobody's, so that their calls are denied."""

    organization: Organization
    created: tuple[str, ...]
    unknown: tuple[str, ...]


def prepare_replay(tx: Transaction, request: PrepareReplay) -> ReplayPrepared:
    """Check whose the callers are; raise Conflict where another organization would be charged."""
    organization = lock_organization(tx, request.organization)
    ours = sorted({identity for call in request.calls for identity in _ours(call)})
    owners = tx.organizations.owners_of(ours)
    foreign = [identity for identity in ours if owners.get(identity, organization.name) != organization.name]
    if foreign:
        message = f"{foreign[0]} belongs to {owners[foreign[0]]}, which would be charged for its calls"
        raise Conflict(message, code="other_organization")
    nobodys = [identity for identity in ours if identity not in owners]
    names = [name for name in nobodys if not name.isdigit()] if request.creates_users else []
    _create(tx, organization, names)
    unknown = tuple(identity for identity in nobodys if identity not in set(names))
    return ReplayPrepared(organization, tuple(names), unknown)


def _ours(call: RecordedCall) -> tuple[str, ...]:
    """Return who of a call is the organization's: the called one of an inbound call, else the caller."""
    if call.kind in INBOUND:
        return (call.called,)
    return (call.caller,) if call.caller else ()


def _create(tx: Transaction, organization: Organization, names: Sequence[str]) -> None:
    first_id = tx.organizations.next_user_id(organization.organization_id)
    for begin in range(0, len(names), CHUNK_USERS):
        people = [
            User(
                organization.organization_id,
                first_id + begin + offset,
                name,
                name,
                organization.country,
                CREDIT_LICENSES,
            )
            for offset, name in enumerate(names[begin : begin + CHUNK_USERS])
        ]
        tx.organizations.add_users(people, [()] * len(people))
    tx.arrangements.recount(organization.organization_id)


@frozen
class ReplayedPeriod:
    """Which calls were replayed: of this organization, in this span of time."""

    organization: str
    starts_at: datetime
    ends_at: datetime


def uncovered_micros(tx: Transaction, request: ReplayedPeriod) -> int:
    """Return what no credit covered of the replayed calls that started in the period."""
    organization = tx.organizations.named(request.organization)
    usage = tx.insight.usage(organization.organization_id, request.starts_at, request.ends_at)
    return sum(each.row.uncovered_micros for each in usage if each.row.key.switch == SWITCH_NAME)
