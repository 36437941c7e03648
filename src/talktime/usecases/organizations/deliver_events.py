"""Tell people and programs what the outbox holds: plan who is told, send outside any transaction, record what became.

The worker calls `deliver`; what it is made of may be called alone: `fan_out`, `take_due` and `record` are use cases,
`send` runs between them. Two workers at once, a crash anywhere, or a repetition send nothing under another id.
"""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import NamedTuple

from talktime.core.organizations import deliveries, notices
from talktime.core.organizations.deliveries import (
    Delivery,
    Mail,
    Notice,
    NotSent,
    Refused,
    SendResult,
    WebhookMessage,
)
from talktime.core.organizations.notices import Channel, Chosen, NoticeRule
from talktime.core.organizations.organizations import Organization
from talktime.core.organizations.users import User
from talktime.core.values.events import Event, EventKind
from talktime.core.values.frozen import frozen
from talktime.store.insight.exports import ExportKey
from talktime.store.notifications import WebhookEndpoint
from talktime.store.transaction import Transaction
from talktime.usecases.ports import Mailer, Transact, WebhookSender

# So many events are planned in one transaction, and so many of these at most in one turn of the worker.
PLANNED_MAX = 100
# So many are sent one after the other within one lease (five minutes), each within its timeout (20 seconds at most).
TAKEN_MAX = 8
ROUNDS_MAX = 25


@frozen
class Channels:
    """By which ways people and programs are told, and how what they are told is written."""

    mailer: Mailer
    sender: WebhookSender
    write_mail: Callable[[Notice], Mail]
    # The body for a program.
    write_body: Callable[[Notice], bytes]
    # Who runs this installation; "" where nobody said.
    operator_address: str = ""


class FanOut(NamedTuple):
    """Plan the deliveries of the events that wait."""

    at: datetime
    operator_address: str = ""


class TakeDue(NamedTuple):
    """Take deliveries whose time has come, at most so many, for the length of a lease."""

    at: datetime
    most: int = TAKEN_MAX


class Taken(NamedTuple):
    """A delivery in the hands of one sender; `endpoint` is None for mails, and for webhooks that were removed."""

    notice: Notice
    endpoint: WebhookEndpoint | None


class Attempt(NamedTuple):
    """What became of a delivery that was taken."""

    taken: Taken
    result: SendResult
    at: datetime


class Delivered(NamedTuple):
    """What one turn did."""

    events_count: int
    attempts: tuple[Attempt, ...]


class _WhoIsTold(NamedTuple):
    """What an organization says of who is told."""

    rules: Sequence[NoticeRule]
    people: Sequence[User]
    country: str


def deliver(transact: Transact, channels: Channels, clock: Callable[[], datetime]) -> Delivered:
    """Plan what waits and send what is due, reading the clock before each; what was not sent comes again later.

    What cannot be written because of a mistake of ours is told as an ExceptionGroup, after everything else was sent.
    """
    events_count = _plan_all(transact, channels, clock())
    attempts: list[Attempt] = []
    mistakes: list[Exception] = []
    down: dict[str, NotSent] = {}
    for _ in range(ROUNDS_MAX):
        taken = transact(take_due, TakeDue(clock()))
        if not taken:
            # Somebody who could not be reached may have become an event of its own.
            more = _plan_all(transact, channels, clock()) if attempts else 0
            if not more:
                break
            events_count += more
        for each in taken:
            result = _sent_once(channels, each, down, mistakes, clock())
            attempt = Attempt(each, result, clock())
            transact(record, attempt)
            attempts.append(attempt)
    if mistakes:
        message = "notices that could not be written"
        raise ExceptionGroup(message, mistakes)
    return Delivered(events_count, tuple(attempts))


def fan_out(tx: Transaction, request: FanOut) -> int:
    """Write the deliveries of the events that wait; return how many events these were. Idempotent by event."""
    waiting = tx.notifications.events_waiting(PLANNED_MAX)
    told = {owner.organization_id: _who_is_told(tx, owner) for owner in _owners(tx, waiting).values()}
    for event in waiting:
        chosen = _choose(event, told.get(event.organization_id), request.operator_address)
        tx.notifications.plan(deliveries.planned(event, chosen.addressees, chosen.problem, request.at))
        tx.notifications.mark_planned(event, request.at)
    return len(waiting)


def take_due(tx: Transaction, request: TakeDue) -> list[Taken]:
    """Take deliveries that are due; until its lease ends nobody else gets the same one."""
    found = tx.notifications.due(request.at, request.most)
    organizations = _owners(tx, [event for _, event in found])
    return [
        _take(tx, delivery, event, organizations.get(delivery.organization_id), request.at) for delivery, event in found
    ]


def send(channels: Channels, taken: Taken, at: datetime) -> SendResult:
    """Write and send one delivery; never in a transaction. Raises only for mistakes of ours."""
    delivery = taken.notice.delivery
    if delivery.channel is Channel.MAIL:
        return channels.mailer.send(channels.write_mail(taken.notice))
    if taken.endpoint is None:
        return Refused("the webhook was removed")
    message = WebhookMessage(
        f"msg_{delivery.delivery_id}",
        taken.endpoint.url,
        channels.write_body(taken.notice),
        taken.endpoint.secrets(at),
        at,
    )
    return channels.sender.send(message)


def record(tx: Transaction, attempt: Attempt) -> Delivery:
    """Record what became of an attempt; who could not be told of what cannot wait is told of to the others."""
    sent = attempt.taken.notice.delivery
    current = tx.notifications.delivery(sent.organization_id, sent.delivery_id)
    after = deliveries.concluded(current, sent.fence, attempt.result, attempt.at)
    if after == current:
        return after
    tx.notifications.save_delivery(after)
    alarm = deliveries.alarm(attempt.taken.notice.event, after, attempt.at)
    if alarm is not None:
        tx.notifications.tell([alarm])
    return after


def _plan_all(transact: Transact, channels: Channels, at: datetime) -> int:
    counts = _counts(transact, FanOut(at, channels.operator_address))
    return sum(counts)


def _counts(transact: Transact, request: FanOut) -> Iterator[int]:
    for _ in range(ROUNDS_MAX):
        count = transact(fan_out, request)
        yield count
        if count < PLANNED_MAX:
            return


def _owners(tx: Transaction, events: Sequence[Event]) -> dict[int, Organization]:
    return tx.organizations.with_ids({event.organization_id for event in events})


def _who_is_told(tx: Transaction, organization: Organization) -> _WhoIsTold:
    organization_id = organization.organization_id
    return _WhoIsTold(
        tx.notifications.rules(organization_id),
        tx.organizations.people_with_roles(organization_id),
        organization.country,
    )


def _choose(event: Event, told: _WhoIsTold | None, operator_address: str) -> Chosen:
    if told is None:
        return notices.choose_operator(operator_address)
    return notices.choose(event, told.rules, told.people, told.country, operator_address)


def _take(tx: Transaction, delivery: Delivery, event: Event, organization: Organization | None, at: datetime) -> Taken:
    begun = deliveries.begun(delivery, at)
    tx.notifications.save_delivery(begun)
    endpoint = None
    if begun.channel is Channel.WEBHOOK:
        endpoint = _endpoint(tx.notifications.endpoints(begun.organization_id), begun.recipient)
    return Taken(Notice(event, organization, begun, _is_file_kept(tx, event, at)), endpoint)


def _is_file_kept(tx: Transaction, event: Event, at: datetime) -> bool:
    """Tell whether a report may be handed out still: not when somebody in it was erased since it was made."""
    if event.kind is not EventKind.REPORT_READY:
        return False
    export = tx.exports.get(ExportKey(event.organization_id, int(dict(event.details).get("export", "0"))))
    return export is not None and not export.is_over(at)


def _endpoint(endpoints: Sequence[WebhookEndpoint], recipient: str) -> WebhookEndpoint | None:
    return next((each for each in endpoints if str(each.endpoint_id) == recipient), None)


def _sent_once(
    channels: Channels, taken: Taken, down: dict[str, NotSent], mistakes: list[Exception], at: datetime
) -> SendResult:
    """Send, unless the same way proved to be down in this turn: one dead server must not hold up all the others."""
    way = "mail" if taken.endpoint is None else taken.endpoint.url
    if way in down:
        return down[way]
    try:
        result = send(channels, taken, at)
    except Exception as mistake:  # noqa: BLE001 -- one that cannot be written must not keep the others; raised above
        mistakes.append(mistake)
        return NotSent(f"a mistake of ours: {mistake!r}")
    if isinstance(result, NotSent) and result.is_down:
        down[way] = result
    return result
