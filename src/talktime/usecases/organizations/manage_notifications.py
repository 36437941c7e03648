"""Say who is told of what, look at who was, send again, and try it out."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from talktime.core.organizations import deliveries, notices
from talktime.core.organizations.deliveries import Delivery, DeliveryState, Notice, SendResult
from talktime.core.organizations.languages import language_of, read_language
from talktime.core.organizations.notices import WEBHOOK_PREFIX, Addressee, Channel, Chosen, NoticeRule
from talktime.core.organizations.organizations import Organization
from talktime.core.values.errors import Invalid, NotFound
from talktime.core.values.events import Event, EventKind
from talktime.core.values.frozen import frozen
from talktime.store.notifications import WebhookEndpoint
from talktime.store.transaction import Transaction
from talktime.usecases.organizations.deliver_events import Channels, Taken, send
from talktime.usecases.organizations.manage_organizations import LookAt, find_organization

# Receivers have a day to take over a new secret.
PREVIOUS_SECRET_FOR = timedelta(hours=24)
RULES_MAX = 200
ENDPOINTS_MAX = 20
URL_CHARACTERS_MAX = 2_000


@frozen
class AddRules:
    """Tell a recipient (an address, `role:…` or `nobody`) of these kinds by mail; None is every kind."""

    organization: str
    kinds: tuple[EventKind | None, ...]
    recipient: str
    language: str = ""


@frozen
class AddWebhook:
    """Tell a program of these kinds; the secret comes from the door, which has the randomness."""

    organization: str
    url: str
    kinds: tuple[EventKind | None, ...]
    secret: str
    at: datetime


@frozen
class ReplaceSecret:
    """Sign with a new secret; for a day with the previous one too."""

    organization: str
    endpoint_id: int
    secret: str
    at: datetime


@frozen
class ShowLog:
    """The newest deliveries; without states all of them."""

    organization: str
    states: tuple[DeliveryState, ...]
    most: int


@frozen
class Resend:
    """Send a delivery again, under the id it has."""

    organization: str
    delivery_id: str
    at: datetime


@frozen
class NotificationsShown:
    """Who is told of what: the rules, and what follows from them for each kind."""

    organization: Organization
    rules: tuple[NoticeRule, ...]
    endpoints: tuple[WebhookEndpoint, ...]
    chosen: dict[EventKind, Chosen]


@frozen
class LogShown:
    """Deliveries with their events, the newest first."""

    organization: Organization
    deliveries: tuple[tuple[Delivery, Event], ...]


@frozen
class RulesAdded:
    """The rules that were made, and to whom they belong."""

    organization: Organization
    rules: tuple[NoticeRule, ...]


@frozen
class WebhookAdded:
    """The endpoint with its secret, and the rules that name it."""

    organization: Organization
    endpoint: WebhookEndpoint
    rules: tuple[NoticeRule, ...]


def show_notifications(tx: Transaction, request: LookAt) -> NotificationsShown:
    """Return who is told of what happens at an instant."""
    owner = find_organization(tx, request.name)
    rules = tx.notifications.rules(owner.organization_id)
    people = tx.organizations.people_with_roles(owner.organization_id)
    kinds = [kind for kind in EventKind if kind not in notices.FOR_OPERATOR]
    chosen = {
        kind: notices.choose(Event(owner.organization_id, "", kind, request.at, 0), rules, people, owner.country)
        for kind in kinds
    }
    endpoints = tuple(tx.notifications.endpoints(owner.organization_id))
    return NotificationsShown(owner, tuple(rules), endpoints, chosen)


def add_rules(tx: Transaction, request: AddRules) -> RulesAdded:
    """Add a rule for each kind; raise Invalid, or Conflict where one says so already."""
    recipient = notices.read_recipient(request.recipient)
    language = read_language(request.language)
    if recipient == notices.NOBODY:
        _refuse_silence(request.kinds)
    owner = find_organization(tx, request.organization)
    return RulesAdded(owner, _add(tx, owner, request.kinds, Channel.MAIL, recipient, language))


def remove_rule(tx: Transaction, request: tuple[str, int]) -> tuple[Organization, NoticeRule]:
    """Remove the rule of that number; raise NotFound."""
    organization, rule_id = request
    owner = find_organization(tx, organization)
    for rule in tx.notifications.rules(owner.organization_id):
        if rule.rule_id == rule_id:
            tx.notifications.remove_rules(owner.organization_id, [rule_id])
            return owner, rule
    message = f"{owner.name} has no rule {rule_id}; `talktime notifications` lists them"
    raise NotFound(message, code="rule_not_found")


def add_webhook(tx: Transaction, request: AddWebhook) -> WebhookAdded:
    """Add an endpoint and the rules that tell it; raise Invalid for an address that no program can have."""
    url = _read_url(request.url)
    owner = find_organization(tx, request.organization)
    if len(tx.notifications.endpoints(owner.organization_id)) >= ENDPOINTS_MAX:
        message = f"{owner.name} has {ENDPOINTS_MAX} webhooks already: remove one first"
        raise Invalid(message, code="too_many_webhooks")
    endpoint_id = tx.notifications.next_endpoint_id(owner.organization_id)
    endpoint = WebhookEndpoint(owner.organization_id, endpoint_id, url, request.secret, request.at)
    tx.notifications.add_endpoint(endpoint)
    rules = _add(tx, owner, request.kinds, Channel.WEBHOOK, f"{WEBHOOK_PREFIX}{endpoint_id}", "")
    return WebhookAdded(owner, endpoint, rules)


def remove_webhook(tx: Transaction, request: tuple[str, int]) -> tuple[Organization, WebhookEndpoint]:
    """Remove an endpoint and its rules; what is on its way to it fails."""
    owner, endpoint = _find_endpoint(tx, *request)
    recipient = f"{WEBHOOK_PREFIX}{endpoint.endpoint_id}"
    rules = tx.notifications.rules(owner.organization_id)
    tx.notifications.remove_rules(
        owner.organization_id, [rule.rule_id for rule in rules if rule.recipient == recipient]
    )
    tx.notifications.remove_endpoint(endpoint)
    return owner, endpoint


def replace_secret(tx: Transaction, request: ReplaceSecret) -> WebhookEndpoint:
    """Sign with a new secret from now on, and with the previous one for a day more."""
    _, endpoint = _find_endpoint(tx, request.organization, request.endpoint_id)
    after = replace(
        endpoint,
        secret=request.secret,
        previous_secret=endpoint.secret,
        previous_until=request.at + PREVIOUS_SECRET_FOR,
    )
    tx.notifications.save_endpoint(after)
    return after


def show_log(tx: Transaction, request: ShowLog) -> LogShown:
    """Return what was sent to whom, and what became of it."""
    owner = find_organization(tx, request.organization)
    states = request.states or tuple(DeliveryState)
    found = tx.notifications.log(owner.organization_id, states, request.most)
    return LogShown(owner, tuple(found))


def resend(tx: Transaction, request: Resend) -> Delivery:
    """Let a delivery be sent again from now on; one that had nobody to go to is planned again. Raise NotFound."""
    owner = find_organization(tx, request.organization)
    delivery = tx.notifications.delivery(owner.organization_id, request.delivery_id)
    if delivery.state is DeliveryState.UNDELIVERABLE:
        tx.notifications.forget_delivery(delivery)
        tx.notifications.mark_planned(tx.notifications.event(owner.organization_id, delivery.event_id), None)
        return delivery
    after = deliveries.resent(delivery, request.at)
    tx.notifications.save_delivery(after)
    return after


def try_out(
    channels: Channels, shown: NotificationsShown, event: Event, to: str, language: str
) -> tuple[Delivery, SendResult]:
    """Send an example now, past the outbox, to an address or `webhook:1`; raise Invalid or NotFound."""
    owner, at = shown.organization, event.occurred_at
    endpoint = None
    if to.startswith(WEBHOOK_PREFIX):
        endpoint = _endpoint_of(owner, shown.endpoints, to.removeprefix(WEBHOOK_PREFIX))
        addressee = Addressee(Channel.WEBHOOK, str(endpoint.endpoint_id), "", to)
    else:
        address = notices.read_recipient(to)
        if "@" not in address:
            message = f"{to!r} is no address: a test goes to one address or to webhook:1"
            raise Invalid(message, code="recipient")
        addressee = Addressee(Channel.MAIL, address, read_language(language) or language_of(owner.country), address)
    (delivery,) = deliveries.planned(event, (addressee,), "", at)
    return delivery, send(channels, Taken(Notice(event, owner, delivery), endpoint), at)


def _add(
    tx: Transaction,
    owner: Organization,
    kinds: Sequence[EventKind | None],
    channel: Channel,
    recipient: str,
    language: str,
) -> tuple[NoticeRule, ...]:
    if len(tx.notifications.rules(owner.organization_id)) + len(kinds) > RULES_MAX:
        message = f"{owner.name} would have more than {RULES_MAX} rules: remove some first"
        raise Invalid(message, code="too_many_rules")
    return tuple(
        tx.notifications.add_rule(owner.organization_id, NoticeRule(0, kind, channel, recipient, language))
        for kind in dict.fromkeys(kinds)
    )


def _refuse_silence(kinds: Sequence[EventKind | None]) -> None:
    urgent = [kind.value for kind in kinds if kind in notices.URGENT]
    if urgent:
        message = f"{', '.join(urgent)} cannot be silenced: calls stop, or will; name who is told instead"
        raise Invalid(message, code="cannot_be_silenced")


def _read_url(text: str) -> str:
    message = f"{text!r} is no address of a webhook: write https://host/path, without user, password and #"
    url = text.strip()
    try:
        parts = urlsplit(url)
        is_good = bool(
            parts.scheme in ("https", "http")
            and parts.hostname
            and parts.port != 0
            and not (parts.username or parts.password or parts.fragment)
        )
    except ValueError as failure:
        raise Invalid(message, code="url") from failure
    if not is_good or len(url) > URL_CHARACTERS_MAX or not url.isprintable() or " " in url:
        raise Invalid(message, code="url")
    return url


def _find_endpoint(tx: Transaction, organization: str, endpoint_id: int) -> tuple[Organization, WebhookEndpoint]:
    owner = find_organization(tx, organization)
    return owner, _endpoint_of(owner, tx.notifications.endpoints(owner.organization_id), str(endpoint_id))


def _endpoint_of(owner: Organization, endpoints: Sequence[WebhookEndpoint], number: str) -> WebhookEndpoint:
    for endpoint in endpoints:
        if str(endpoint.endpoint_id) == number:
            return endpoint
    message = f"{owner.name} has no webhook {number}; `talktime notifications webhooks` lists them"
    raise NotFound(message, code="webhook_not_found")
