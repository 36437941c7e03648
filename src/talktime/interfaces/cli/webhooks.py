"""`talktime notifications webhooks`: programs that are told, and the secrets that sign what they get."""

from typing import Annotated, Any

from cyclopts import App, Parameter
from rich.console import Group

from talktime.core.organizations.notices import WEBHOOK_PREFIX, NoticeRule, read_kind
from talktime.interfaces.cli.terminal import (
    DEFAULTS,
    Options,
    Whose,
    facts,
    heading,
    hint,
    instant,
    now,
    open_app,
    show,
    table,
)
from talktime.store.notifications import WebhookEndpoint
from talktime.usecases.organizations.manage_notifications import (
    AddWebhook,
    NotificationsShown,
    ReplaceSecret,
    WebhookAdded,
    add_webhook,
    remove_webhook,
    replace_secret,
    show_notifications,
)
from talktime.usecases.organizations.manage_organizations import LookAt

app = App(name="webhooks", help="Programs that are told: list, add, remove, send again, replace the secret.")

SECRET_BYTES = 24
Webhook = Annotated[int, Parameter(help="The webhook's number, as `talktime notifications webhooks` shows it.")]


@app.default
@app.command(name="list")
def list_(*, organization: Whose = "", options: Options = DEFAULTS) -> None:
    """List the programs that are told, and of what."""
    with open_app(options.database) as talktime:
        shown = talktime.read(show_notifications, LookAt(organization, now()))
    if not shown.endpoints and not options.as_json:
        hint(
            f"{shown.organization.name} tells no program yet. Add one:"
            " `talktime notifications webhooks add https://HOST/PATH`"
        )
        return
    document = {
        "organization": shown.organization.name,
        "webhooks": [
            {"webhook": each.endpoint_id, "url": each.url, "added_at": each.added_at, "events": _events(shown, each)}
            for each in shown.endpoints
        ],
    }
    show(options, document, lambda: _list_view(shown))


@app.command
def add(
    url: Annotated[str, Parameter(help="Where to post: https://host/path.")],
    *,
    event: Annotated[tuple[str, ...], Parameter(help="The event; repeatable. Without it, every event.")] = (),
    organization: Whose = "",
    options: Options = DEFAULTS,
) -> None:
    """Tell a program over HTTP, signed as Standard Webhooks; its secret is shown once, here."""
    kinds = tuple(map(read_kind, event)) or (None,)
    with open_app(options.database) as talktime:
        added = talktime.run(add_webhook, AddWebhook(organization, url, kinds, _new_secret(), now()))
    document = {
        "organization": added.organization.name,
        "webhook": added.endpoint.endpoint_id,
        "url": added.endpoint.url,
        "secret": added.endpoint.secret,
        "rules": [rule_document(rule) for rule in added.rules],
    }
    show(options, document, lambda: _added_view(added))
    if not options.as_json:
        hint(f"Try it: `talktime notifications test recharge_failed --to webhook:{added.endpoint.endpoint_id}`")


@app.command
def remove(webhook: Webhook, *, organization: Whose = "", options: Options = DEFAULTS) -> None:
    """Tell a program nothing any more; what is on its way fails."""
    with open_app(options.database) as talktime:
        owner, endpoint = talktime.run(remove_webhook, (organization, webhook))
    document = {"organization": owner.name, "removed": endpoint.endpoint_id, "url": endpoint.url}
    show(options, document, lambda: heading(f"Webhook {endpoint.endpoint_id} removed", owner.name, endpoint.url))


@app.command
def secret(webhook: Webhook, *, organization: Whose = "", options: Options = DEFAULTS) -> None:
    """Replace the secret and show the new one; for a day more the previous one signs too."""
    with open_app(options.database) as talktime:
        endpoint = talktime.run(replace_secret, ReplaceSecret(organization, webhook, _new_secret(), now()))
    document = {
        "webhook": endpoint.endpoint_id,
        "secret": endpoint.secret,
        "previous_until": endpoint.previous_until,
    }
    assert endpoint.previous_until is not None
    until = instant(endpoint.previous_until.replace(microsecond=0))
    rows = [("Secret", endpoint.secret), ("The previous one until", until)]
    show(options, document, lambda: Group(heading(f"Webhook {endpoint.endpoint_id}", endpoint.url), "", facts(rows)))


def rule_document(rule: NoticeRule) -> dict[str, Any]:
    """Return a rule for programs."""
    return {
        "rule": rule.rule_id,
        "event": "*" if rule.kind is None else rule.kind.value,
        "channel": rule.channel.value,
        "recipient": rule.recipient,
        "language": rule.language,
    }


def _new_secret() -> str:
    import base64
    import secrets

    return "whsec_" + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()


def _events(shown: NotificationsShown, endpoint: WebhookEndpoint) -> list[str]:
    recipient = f"{WEBHOOK_PREFIX}{endpoint.endpoint_id}"
    own = [rule for rule in shown.rules if rule.recipient == recipient]
    return ["*" if rule.kind is None else rule.kind.value for rule in own]


def _list_view(shown: NotificationsShown) -> Group:
    made = table("Webhook", "Address", "Events", "Added", numbers=("Webhook",))
    for each in shown.endpoints:
        events = ", ".join(_events(shown, each)).replace("*", "every event")
        added_at = instant(each.added_at.replace(microsecond=0), shown.organization.zone)
        made.add_row(str(each.endpoint_id), each.url, events, added_at)
    return Group(heading(shown.organization.name, "programs that are told"), "", made)


def _added_view(added: WebhookAdded) -> Group:
    events = ", ".join("every event" if rule.kind is None else rule.kind.value for rule in added.rules)
    rows = [("Events", events), ("Secret", added.endpoint.secret), ("", "It is not shown again: keep it now.")]
    return Group(heading(f"Webhook {added.endpoint.endpoint_id}", added.endpoint.url), "", facts(rows))
