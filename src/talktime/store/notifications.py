"""Rows of what others must be told: the outbox, who is told, and what became of it."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, func, insert, select, text, update

from talktime.core.organizations.deliveries import Delivery, DeliveryState
from talktime.core.organizations.notices import Channel, NoticeRule
from talktime.core.values.errors import Conflict, NotFound
from talktime.core.values.events import Event, EventKind
from talktime.core.values.frozen import frozen
from talktime.store.charging import rows
from talktime.store.engine import one_at_a_time
from talktime.store.instants import from_micros, from_micros_or_none, to_micros, to_micros_or_none
from talktime.store.schema import deliveries, notification_rules, outbox, webhook_endpoints

EVERY_KIND = "*"
_EVENT_NAMES = [name.strip() for name in rows.EVENT_COLUMNS.split(",")]
_EVENTS = [outbox.c[name] for name in _EVENT_NAMES]
_DELIVERY_NAMES = [column.name for column in deliveries.columns]


def _insert_new(table: str, names: Sequence[str]) -> Any:
    places = ", ".join(f":{name}" for name in names)
    return text(f"INSERT INTO {table} ({', '.join(names)}) VALUES ({places}) ON CONFLICT DO NOTHING")


_TELL = _insert_new("outbox", _EVENT_NAMES)
_PLAN = _insert_new("deliveries", _DELIVERY_NAMES)
_LOGGED = select(deliveries, *_EVENTS).join(
    outbox,
    (outbox.c.organization_id == deliveries.c.organization_id) & (outbox.c.event_id == deliveries.c.event_id),
)


@frozen
class WebhookEndpoint:
    """A program that is told; for a while after its secret was replaced the previous one signs too."""

    organization_id: int
    endpoint_id: int
    url: str
    secret: str
    added_at: datetime
    previous_secret: str = ""
    previous_until: datetime | None = None

    def secrets(self, at: datetime) -> tuple[str, ...]:
        """Return what a message is signed with at an instant."""
        if self.previous_until is not None and at < self.previous_until:
            return self.secret, self.previous_secret
        return (self.secret,)


class NotificationRows:
    """The outbox and what follows from it."""

    def __init__(self, connection: Connection) -> None:
        """Work on an open transaction."""
        self._connection = connection

    # ── the outbox ──────────────────────────────────────────────────────────────────────────────────────────

    def tell(self, events: Iterable[Event]) -> None:
        """Write events into the outbox, in the transaction of their cause; one that was told before is left out."""
        told = [dict(zip(_EVENT_NAMES, rows.event_row(event), strict=True)) for event in events]
        if told:
            self._connection.execute(_TELL, told)

    def events_waiting(self, most: int) -> list[Event]:
        """Return events whose deliveries were not written yet, the oldest first, held; others' are left out."""
        statement = (
            select(*_EVENTS)
            .where(outbox.c.delivered_at.is_(None))
            .order_by(outbox.c.occurred_at, outbox.c.organization_id, outbox.c.event_id)
            .limit(most)
            .with_for_update(skip_locked=True)
        )
        return [rows.event_of(tuple(row)) for row in self._connection.execute(statement)]

    def mark_planned(self, event: Event, at: datetime | None) -> None:
        """Note that the deliveries of an event are written; None: that they must be written again."""
        statement = update(outbox).where(
            outbox.c.organization_id == event.organization_id, outbox.c.event_id == event.event_id
        )
        self._connection.execute(statement.values(delivered_at=to_micros_or_none(at)))

    def event(self, organization_id: int, event_id: str) -> Event:
        """Return an event; raise NotFound."""
        statement = select(*_EVENTS).where(outbox.c.organization_id == organization_id, outbox.c.event_id == event_id)
        row = self._connection.execute(statement).one_or_none()
        if row is None:
            message = f"there is no event {event_id!r}"
            raise NotFound(message, code="event_not_found")
        return rows.event_of(tuple(row))

    def events_of(self, organization_id: int, most: int) -> list[Event]:
        """Return what happened to an organization's credit, the oldest first."""
        statement = (
            select(*_EVENTS)
            .where(outbox.c.organization_id == organization_id)
            .order_by(outbox.c.occurred_at, outbox.c.event_id)
            .limit(most)
        )
        return [rows.event_of(tuple(row)) for row in self._connection.execute(statement)]

    # ── deliveries ──────────────────────────────────────────────────────────────────────────────────────────

    def plan(self, planned: Sequence[Delivery]) -> None:
        """Insert deliveries; those that are there already stay as they are."""
        if planned:
            self._connection.execute(_PLAN, [_delivery_row(each) for each in planned])

    def due(self, at: datetime, most: int) -> list[tuple[Delivery, Event]]:
        """Return deliveries whose time has come with their events, held; those that others hold are left out."""
        statement = (
            _LOGGED.where(deliveries.c.next_attempt_at.is_not(None), deliveries.c.next_attempt_at <= to_micros(at))
            .order_by(deliveries.c.next_attempt_at, deliveries.c.organization_id, deliveries.c.delivery_id)
            .limit(most)
            .with_for_update(of=deliveries, skip_locked=True)
        )
        return [_logged_of(tuple(row)) for row in self._connection.execute(statement)]

    def delivery(self, organization_id: int, delivery_id: str) -> Delivery:
        """Return a delivery, held until the transaction ends; raise NotFound."""
        statement = select(deliveries).where(
            deliveries.c.organization_id == organization_id, deliveries.c.delivery_id == delivery_id
        )
        row = self._connection.execute(statement.with_for_update()).one_or_none()
        if row is None:
            message = f"there is no delivery {delivery_id!r}; `talktime notifications log` lists them"
            raise NotFound(message, code="delivery_not_found")
        return _delivery_of(tuple(row))

    def save_delivery(self, delivery: Delivery) -> None:
        """Write how far a delivery has come."""
        statement = update(deliveries).where(
            deliveries.c.organization_id == delivery.organization_id, deliveries.c.delivery_id == delivery.delivery_id
        )
        self._connection.execute(statement.values(_delivery_row(delivery)))

    def forget_delivery(self, delivery: Delivery) -> None:
        """Delete a delivery that had nobody to go to, because there is somebody now."""
        statement = delete(deliveries).where(
            deliveries.c.organization_id == delivery.organization_id, deliveries.c.delivery_id == delivery.delivery_id
        )
        self._connection.execute(statement)

    def log(self, organization_id: int, states: Sequence[DeliveryState], most: int) -> list[tuple[Delivery, Event]]:
        """Return the newest deliveries in these states, each with its event."""
        statement = (
            _LOGGED.where(
                deliveries.c.organization_id == organization_id,
                deliveries.c.state.in_([state.value for state in states]),
            )
            .order_by(outbox.c.occurred_at.desc(), outbox.c.event_id, deliveries.c.channel, deliveries.c.recipient)
            .limit(most)
        )
        return [_logged_of(tuple(row)) for row in self._connection.execute(statement)]

    # ── who is told ─────────────────────────────────────────────────────────────────────────────────────────

    def rules(self, organization_id: int) -> list[NoticeRule]:
        """Return the rules in the order in which they were made."""
        statement = select(notification_rules).where(notification_rules.c.organization_id == organization_id)
        found = self._connection.execute(statement.order_by(notification_rules.c.rule_id))
        return [
            NoticeRule(
                row.rule_id,
                None if row.kind == EVERY_KIND else EventKind(row.kind),
                Channel(row.channel),
                row.recipient,
                row.language,
            )
            for row in found
        ]

    def add_rule(self, organization_id: int, rule: NoticeRule) -> NoticeRule:
        """Insert a rule under the next number; raise Conflict where there is one for the same kind and recipient."""
        one_at_a_time(self._connection, "notification_rules")
        known = self.rules(organization_id)
        for each in known:
            if (each.kind, each.channel, each.recipient) == (rule.kind, rule.channel, rule.recipient):
                message = f"rule {each.rule_id} says so already; remove it first to change its language"
                raise Conflict(message, code="rule_exists")
        rule_id = max((each.rule_id for each in known), default=0) + 1
        row = {
            "organization_id": organization_id,
            "rule_id": rule_id,
            "kind": EVERY_KIND if rule.kind is None else rule.kind.value,
            "channel": rule.channel.value,
            "recipient": rule.recipient,
            "language": rule.language,
        }
        self._connection.execute(insert(notification_rules), row)
        return NoticeRule(rule_id, rule.kind, rule.channel, rule.recipient, rule.language)

    def remove_rules(self, organization_id: int, rule_ids: Sequence[int]) -> None:
        """Delete rules."""
        statement = delete(notification_rules).where(
            notification_rules.c.organization_id == organization_id, notification_rules.c.rule_id.in_(list(rule_ids))
        )
        self._connection.execute(statement)

    def endpoints(self, organization_id: int) -> list[WebhookEndpoint]:
        """Return the programs that are told, in the order in which they were added."""
        statement = select(webhook_endpoints).where(webhook_endpoints.c.organization_id == organization_id)
        found = self._connection.execute(statement.order_by(webhook_endpoints.c.endpoint_id))
        return [
            WebhookEndpoint(
                row.organization_id,
                row.endpoint_id,
                row.url,
                row.secret,
                from_micros(row.added_at),
                row.previous_secret,
                from_micros_or_none(row.previous_until),
            )
            for row in found
        ]

    def next_endpoint_id(self, organization_id: int) -> int:
        """Return a number that no endpoint of the organization ever had while a rule or delivery names it."""
        one_at_a_time(self._connection, "webhook_endpoints")
        own = webhook_endpoints.c.organization_id == organization_id
        highest = self._connection.scalar(select(func.max(webhook_endpoints.c.endpoint_id)).where(own)) or 0
        sent_to = select(deliveries.c.recipient).where(
            deliveries.c.organization_id == organization_id, deliveries.c.channel == Channel.WEBHOOK.value
        )
        return max(highest, *map(int, self._connection.scalars(sent_to.distinct())), 0) + 1

    def add_endpoint(self, endpoint: WebhookEndpoint) -> None:
        """Insert an endpoint."""
        self._connection.execute(insert(webhook_endpoints), _endpoint_row(endpoint))

    def save_endpoint(self, endpoint: WebhookEndpoint) -> None:
        """Write an endpoint's secrets."""
        statement = update(webhook_endpoints).where(
            webhook_endpoints.c.organization_id == endpoint.organization_id,
            webhook_endpoints.c.endpoint_id == endpoint.endpoint_id,
        )
        self._connection.execute(statement.values(_endpoint_row(endpoint)))

    def remove_endpoint(self, endpoint: WebhookEndpoint) -> None:
        """Delete an endpoint."""
        statement = delete(webhook_endpoints).where(
            webhook_endpoints.c.organization_id == endpoint.organization_id,
            webhook_endpoints.c.endpoint_id == endpoint.endpoint_id,
        )
        self._connection.execute(statement)


def _delivery_row(delivery: Delivery) -> dict[str, object]:
    return {
        "organization_id": delivery.organization_id,
        "delivery_id": delivery.delivery_id,
        "event_id": delivery.event_id,
        "channel": delivery.channel.value,
        "recipient": delivery.recipient,
        "language": delivery.language,
        "because": delivery.because,
        "state": delivery.state.value,
        "due_since_at": to_micros(delivery.due_since_at),
        "next_attempt_at": to_micros_or_none(delivery.next_attempt_at),
        "attempts_count": delivery.attempts_count,
        "fence": delivery.fence,
        "closed_at": to_micros_or_none(delivery.closed_at),
        "answer": delivery.answer,
    }


def _logged_of(row: rows.Row) -> tuple[Delivery, Event]:
    count = len(_DELIVERY_NAMES)
    return _delivery_of(row[:count]), rows.event_of(row[count:])


def _delivery_of(row: rows.Row) -> Delivery:
    values = dict(zip(_DELIVERY_NAMES, row, strict=True))
    return Delivery(
        **values
        | {
            "channel": Channel(values["channel"]),
            "state": DeliveryState(values["state"]),
            "due_since_at": from_micros(values["due_since_at"]),
            "next_attempt_at": from_micros_or_none(values["next_attempt_at"]),
            "closed_at": from_micros_or_none(values["closed_at"]),
        }
    )


def _endpoint_row(endpoint: WebhookEndpoint) -> dict[str, object]:
    return {
        "organization_id": endpoint.organization_id,
        "endpoint_id": endpoint.endpoint_id,
        "url": endpoint.url,
        "secret": endpoint.secret,
        "previous_secret": endpoint.previous_secret,
        "previous_until": to_micros_or_none(endpoint.previous_until),
        "added_at": to_micros(endpoint.added_at),
    }
