"""One event on its way to one recipient: sent at least once, tried again ever more rarely, never lost (money.md 59)."""

import hashlib
from dataclasses import replace
from datetime import datetime, timedelta
from enum import Enum
from typing import NamedTuple

from talktime.core.organizations.notices import NOBODY, URGENT, Addressee, Channel
from talktime.core.organizations.organizations import Organization
from talktime.core.values.events import Event, EventKind
from talktime.core.values.frozen import frozen

# Who sends must have told what became of it by then; else somebody else sends it again, under the same id.
LEASE = timedelta(minutes=5)
RETRY_AFTER = (
    timedelta(minutes=1),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=6),
)
GIVE_UP_AFTER = timedelta(days=3)
ID_CHARACTERS = 24
ANSWER_CHARACTERS_MAX = 500


class DeliveryState(Enum):
    """How far a delivery has come."""

    DUE = "due"
    SENT = "sent"
    # Refused for good, or given up.
    FAILED = "failed"
    # There is nobody to send it to.
    UNDELIVERABLE = "undeliverable"


@frozen
class Delivery:
    """One event to one recipient by one channel; `because` is the rule's recipient that chose this one."""

    organization_id: int
    delivery_id: str
    event_id: str
    channel: Channel
    recipient: str
    language: str
    because: str
    state: DeliveryState
    # From here on it is given up after three days.
    due_since_at: datetime
    next_attempt_at: datetime | None = None
    attempts_count: int = 0
    # Grows with every lease: who comes late with a failure is not believed.
    fence: int = 0
    closed_at: datetime | None = None
    # What the other side said last, or why there is no other side.
    answer: str = ""


class Sent(NamedTuple):
    """The other side took it."""

    answer: str


class Refused(NamedTuple):
    """The other side never will take it: no such mailbox, 410 Gone."""

    why: str


class NotSent(NamedTuple):
    """It may be taken later; `is_down`: whatever goes the same way will fare the same now."""

    why: str
    is_down: bool = False


SendResult = Sent | Refused | NotSent


class Notice(NamedTuple):
    """What is needed to write to one recipient; `organization` is None where the event names none that exists."""

    event: Event
    organization: Organization | None
    delivery: Delivery
    # Whether a file that the event names may go along still.
    is_file_kept: bool = True


@frozen
class Attachment:
    """A file that goes along with a mail; its kind as MIME names it."""

    name: str
    media_type: str
    content: bytes


@frozen
class Mail:
    """A mail as it is to be read; a repetition has the same `message_id`, so that receivers show it once."""

    message_id: str
    to: str
    subject: str
    text: str
    html: str
    language: str
    at: datetime
    attachments: tuple[Attachment, ...] = ()


@frozen
class WebhookMessage:
    """A body for a program; a repetition has the same `message_id`. It is signed with every one of the secrets."""

    message_id: str
    url: str
    body: bytes
    secrets: tuple[str, ...]
    at: datetime


def planned(event: Event, addressees: tuple[Addressee, ...], problem: str, at: datetime) -> list[Delivery]:
    """Return one delivery for each addressee; where there is a problem one more, which says that nobody was told."""
    due = [
        Delivery(
            event.organization_id,
            delivery_id_of(event, each.channel, each.recipient),
            event.event_id,
            each.channel,
            each.recipient,
            each.language,
            each.because,
            DeliveryState.DUE,
            due_since_at=at,
            next_attempt_at=at,
        )
        for each in addressees
    ]
    if problem:
        due.append(_undeliverable(event, problem, at))
    return due


def delivery_id_of(event: Event, channel: Channel, recipient: str) -> str:
    """Return the id that event, channel and recipient always give; other installations have other instants."""
    parts = (
        str(event.organization_id),
        event.event_id,
        event.occurred_at.isoformat(),
        channel.value,
        recipient.lower(),
    )
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:ID_CHARACTERS]


def begun(delivery: Delivery, at: datetime) -> Delivery:
    """Return the delivery in the hands of one sender, who must tell what became of it before the lease ends."""
    return replace(
        delivery,
        attempts_count=delivery.attempts_count + 1,
        fence=delivery.fence + 1,
        next_attempt_at=at + LEASE,
    )


def concluded(current: Delivery, fence: int, result: SendResult, at: datetime) -> Delivery:
    """Return the delivery after an attempt; of an attempt whose lease was lost only a success is believed."""
    answer = (result.answer if isinstance(result, Sent) else result.why)[:ANSWER_CHARACTERS_MAX]
    if isinstance(result, Sent):
        return _closed(current, DeliveryState.SENT, answer, at)
    if current.state is not DeliveryState.DUE or current.fence != fence:
        return current
    if isinstance(result, Refused):
        return _closed(current, DeliveryState.FAILED, answer, at)
    waits = RETRY_AFTER[min(current.attempts_count, len(RETRY_AFTER)) - 1]
    if at + waits - current.due_since_at > GIVE_UP_AFTER:
        given_up = f"given up after {current.attempts_count} attempts in {GIVE_UP_AFTER.days} days: {answer}"
        return _closed(current, DeliveryState.FAILED, given_up[:ANSWER_CHARACTERS_MAX], at)
    return replace(current, next_attempt_at=at + waits, answer=answer)


def resent(delivery: Delivery, at: datetime) -> Delivery:
    """Return a delivery that is sent again from now on, under the id it has."""
    return replace(
        delivery,
        state=DeliveryState.DUE,
        due_since_at=at,
        next_attempt_at=at,
        attempts_count=0,
        fence=delivery.fence + 1,
        closed_at=None,
    )


def alarm(event: Event, failed: Delivery, at: datetime) -> Event | None:
    """Return what the others are told where somebody could not be told of what cannot wait (money.md 59)."""
    if failed.state is not DeliveryState.FAILED or event.kind not in URGENT:
        return None
    details = (("told", event.kind.value), ("recipient", failed.recipient), ("reason", failed.answer))
    return Event(
        event.organization_id,
        f"{EventKind.NOTICE_UNDELIVERED.value}:{failed.delivery_id}",
        EventKind.NOTICE_UNDELIVERED,
        at,
        event.balance_micros,
        details,
    )


def _undeliverable(event: Event, problem: str, at: datetime) -> Delivery:
    return Delivery(
        event.organization_id,
        delivery_id_of(event, Channel.MAIL, ""),
        event.event_id,
        Channel.MAIL,
        "",
        "",
        NOBODY,
        DeliveryState.UNDELIVERABLE,
        due_since_at=at,
        closed_at=at,
        answer=problem,
    )


def _closed(delivery: Delivery, state: DeliveryState, answer: str, at: datetime) -> Delivery:
    return replace(delivery, state=state, next_attempt_at=None, closed_at=at, answer=answer)
