"""`talktime notifications`: who is told of what, by which channel, and what became of it."""

from enum import Enum
from typing import Annotated, Any

from cyclopts import App, Parameter
from rich.console import Group
from rich.table import Table
from rich.text import Text

from talktime.core.organizations.deliveries import Delivery, DeliveryState, Refused, SendResult, Sent
from talktime.core.organizations.notices import NOBODY, Addressee, Channel, Chosen, NoticeRule, read_kind
from talktime.core.values.events import Event, EventKind
from talktime.interfaces.cli.terminal import (
    DEFAULTS,
    Options,
    Whose,
    heading,
    hint,
    instant,
    now,
    open_app,
    refuse,
    show,
    table,
    warn,
)
from talktime.interfaces.cli.webhooks import app as webhooks
from talktime.interfaces.cli.webhooks import rule_document
from talktime.usecases.organizations.manage_notifications import (
    AddRules,
    LogShown,
    NotificationsShown,
    Resend,
    RulesAdded,
    ShowLog,
    add_rules,
    remove_rule,
    resend,
    show_log,
    show_notifications,
    try_out,
)
from talktime.usecases.organizations.manage_organizations import LookAt

app = App(name="notifications")
app.command(webhooks)

LOG_ROWS = 50
REFUSED_EXIT = 2
Events = Annotated[
    tuple[str, ...], Parameter(help="The event, such as recharge_failed; repeatable. Without it, every event.")
]
Language = Annotated[str, Parameter(help="en, zh-CN, zh-TW or ru; by default the person's own.")]


class State(Enum):
    """What became of a delivery."""

    DUE = DeliveryState.DUE
    SENT = DeliveryState.SENT
    FAILED = DeliveryState.FAILED
    UNDELIVERABLE = DeliveryState.UNDELIVERABLE


@app.default
@app.command(name="show")
def show_(*, organization: Whose = "", options: Options = DEFAULTS) -> None:
    """Show who is told of what: every event, by mail and by webhook, in which language."""
    with open_app(options.database) as talktime:
        shown = talktime.read(show_notifications, LookAt(organization, now()))
    show(options, _document(shown), lambda: _view(shown))
    problems = {chosen.problem for chosen in shown.chosen.values() if chosen.problem}
    if not options.as_json:
        for problem in sorted(problems):
            warn(problem)
        if not shown.rules:
            hint("These are the defaults. Tell others: `talktime notifications add --to ADDRESS`")


@app.command
def add(
    *,
    to: Annotated[
        str, Parameter(help="Who is told: an address, role:billing_admin or another role; or nobody, for silence.")
    ],
    event: Events = (),
    language: Language = "",
    organization: Whose = "",
    options: Options = DEFAULTS,
) -> None:
    """Tell somebody by mail; for these events this replaces the default, and adds to other rules."""
    kinds = tuple(map(read_kind, event)) or (None,)
    with open_app(options.database) as talktime:
        added = talktime.run(add_rules, AddRules(organization, kinds, to, language))
    document = {"organization": added.organization.name, "rules": [rule_document(rule) for rule in added.rules]}
    show(options, document, lambda: _added_view(added))


@app.command
def remove(
    rule: Annotated[int, Parameter(help="The rule's number, as `talktime notifications` shows it.")],
    *,
    organization: Whose = "",
    options: Options = DEFAULTS,
) -> None:
    """Remove a rule; where none is left for an event, the default holds again."""
    with open_app(options.database) as talktime:
        owner, removed = talktime.run(remove_rule, (organization, rule))
    document = {"organization": owner.name, "removed": rule_document(removed)}
    show(options, document, lambda: heading(f"Rule {removed.rule_id} removed", owner.name, removed.recipient))


@app.command(name="test")
def try_(
    event: Annotated[str, Parameter(help="The event, such as recharge_failed.")],
    *,
    to: Annotated[str, Parameter(help="An address, or webhook:1.")],
    language: Language = "",
    organization: Whose = "",
    options: Options = DEFAULTS,
) -> int:
    """Send an example of an event now, to see that it arrives and how it looks."""
    from talktime.bootstrap import open_channels
    from talktime.notices.samples import sample

    kind = read_kind(event) or EventKind.RECHARGE_SUCCEEDED
    at = now()
    with open_app(options.database) as talktime:
        shown = talktime.read(show_notifications, LookAt(organization, at))
        channels = open_channels(talktime.settings)
        owner = shown.organization
        example = sample(kind, owner.organization_id, owner.currency, at)
        delivery, result = try_out(channels, shown, example, to, language)
    document = {
        "event": kind.value,
        "to": delivery.recipient,
        "sent": isinstance(result, Sent),
        "answer": _said(result),
    }
    show(options, document, lambda: heading(f"{kind.value} to {to}", "sent" if document["sent"] else "not sent"))
    if not isinstance(result, Sent):
        if not options.as_json:
            refuse(_said(result))
        return REFUSED_EXIT
    if not options.as_json:
        hint(_said(result))
    return 0


@app.command
def log(
    *,
    state: Annotated[tuple[State, ...], Parameter(help="Only these; repeatable.")] = (),
    last: Annotated[int, Parameter(help="How many, the newest first.")] = LOG_ROWS,
    organization: Whose = "",
    options: Options = DEFAULTS,
) -> None:
    """Show what was sent to whom, what waits, and what could not be sent and why."""
    with open_app(options.database) as talktime:
        request = ShowLog(organization, tuple(each.value for each in state), last)
        shown = talktime.read(show_log, request)
    if not shown.deliveries and not options.as_json:
        hint(f"Nothing of the kind for {shown.organization.name}. Try one: `talktime notifications test balance_low`")
        return
    document = {
        "organization": shown.organization.name,
        "deliveries": [_delivery_document(*each) for each in shown.deliveries],
    }
    show(options, document, lambda: _log_view(shown))


@app.command(name="resend")
def resend_(
    delivery: Annotated[str, Parameter(help="The delivery, as `talktime notifications log` shows it.")],
    *,
    organization: Whose = "",
    options: Options = DEFAULTS,
) -> None:
    """Send a delivery again, mail or webhook, under the id it has; the worker does it within seconds."""
    with open_app(options.database) as talktime:
        after = talktime.run(resend, Resend(organization, delivery, now()))
    document = {"delivery": after.delivery_id, "event": after.event_id, "to": after.recipient}
    whom = after.recipient or "whoever is to be told by now"
    show(options, document, lambda: heading(f"{after.event_id} is sent again", f"to {whom}"))


webhooks.command(resend_, name="resend")


def _said(result: SendResult) -> str:
    match result:
        case Sent(answer):
            return answer
        case Refused(why):
            return why
        case _:
            return result.why


def _document(shown: NotificationsShown) -> dict[str, Any]:
    return {
        "organization": shown.organization.name,
        "rules": [rule_document(rule) for rule in shown.rules],
        "events": {
            kind.value: {
                "told": [
                    {
                        "channel": each.channel.value,
                        "recipient": each.recipient,
                        "language": each.language,
                        "because": each.because,
                    }
                    for each in chosen.addressees
                ],
                "problem": chosen.problem,
            }
            for kind, chosen in shown.chosen.items()
        },
    }


def _view(shown: NotificationsShown) -> Group:
    lines: list[Any] = [heading(shown.organization.name, "who is told of what"), "", _matrix(shown)]
    if shown.rules:
        rules = table("Rule", "Event", "Channel", "To", "Language", numbers=("Rule",))
        for rule in shown.rules:
            rules.add_row(str(rule.rule_id), *_rule_cells(rule))
        lines += ["", rules]
    return Group(*lines)


def _matrix(shown: NotificationsShown) -> Table:
    """Events of which the same are told share a row: most of them do."""
    alike: dict[Chosen, list[EventKind]] = {}
    for kind, chosen in shown.chosen.items():
        alike.setdefault(chosen, []).append(kind)
    urls = {str(endpoint.endpoint_id): endpoint.url for endpoint in shown.endpoints}
    made = table("Event", "By mail to", "By webhook to")
    for chosen, kinds in alike.items():
        mails = [each for each in chosen.addressees if each.channel is Channel.MAIL]
        programs = [each for each in chosen.addressees if each.channel is Channel.WEBHOOK]
        made.add_row(
            Text("\n".join(kind.value for kind in kinds)),
            Text("\n".join(map(_addressee, mails))) if mails else Text("nobody", "red" if chosen.problem else "dim"),
            Text("\n".join(urls.get(each.recipient, "?") for each in programs)) if programs else Text("–", "dim"),
        )
        made.add_section()
    return made


def _addressee(each: Addressee) -> str:
    return f"{each.recipient} ({each.language})"


def _rule_cells(rule: NoticeRule) -> tuple[str, str, str, str]:
    kind = "every" if rule.kind is None else rule.kind.value
    is_person = rule.channel is Channel.MAIL and rule.recipient != NOBODY
    return kind, rule.channel.value, rule.recipient, (rule.language or "their own") if is_person else "–"


def _added_view(added: RulesAdded) -> Group:
    made = table("Rule", "Event", "Channel", "To", "Language", numbers=("Rule",))
    for rule in added.rules:
        made.add_row(str(rule.rule_id), *_rule_cells(rule))
    return Group(heading(f"{added.organization.name} tells {added.rules[0].recipient}"), "", made)


_STYLES = {
    DeliveryState.SENT: "green",
    DeliveryState.DUE: "yellow",
    DeliveryState.FAILED: "bold red",
    DeliveryState.UNDELIVERABLE: "bold red",
}


def _log_view(shown: LogShown) -> Group:
    zone = shown.organization.zone
    made = table("Happened", "Event", "To", "State", "Delivery", "Said")
    for delivery, event in shown.deliveries:
        made.add_row(
            instant(event.occurred_at.replace(microsecond=0), zone),
            event.kind.value,
            _recipient(delivery),
            Text(delivery.state.value, _STYLES[delivery.state]),
            delivery.delivery_id,
            Text(_progress(delivery), "dim"),
        )
    return Group(heading(shown.organization.name, "what was sent to whom, the newest first"), "", made)


def _recipient(delivery: Delivery) -> str:
    return f"webhook:{delivery.recipient}" if delivery.channel is Channel.WEBHOOK else delivery.recipient or "nobody"


def _progress(delivery: Delivery) -> str:
    if delivery.next_attempt_at is None or not delivery.attempts_count:
        return delivery.answer
    return f"{delivery.answer}; attempt {delivery.attempts_count + 1} at {instant(delivery.next_attempt_at)}"


def _delivery_document(delivery: Delivery, event: Event) -> dict[str, Any]:
    return {
        "delivery": delivery.delivery_id,
        "event": event.event_id,
        "kind": event.kind.value,
        "occurred_at": event.occurred_at,
        "channel": delivery.channel.value,
        "recipient": delivery.recipient,
        "language": delivery.language,
        "because": delivery.because,
        "state": delivery.state.value,
        "attempts": delivery.attempts_count,
        "next_attempt_at": delivery.next_attempt_at,
        "closed_at": delivery.closed_at,
        "answer": delivery.answer,
    }
