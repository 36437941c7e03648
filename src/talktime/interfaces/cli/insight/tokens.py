"""`talktime tokens`: programs that read calls and credit over HTTP, and the secrets by which they get their tokens."""

import secrets
import uuid
from datetime import date
from typing import Annotated, Any

from cyclopts import App, Parameter
from rich.console import Group
from rich.text import Text

from talktime.core.insight.access.applications import SCOPE_NAMES, Application, read_scopes, scope_names
from talktime.core.values.periods import DAY, start_of_day
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
from talktime.usecases.insight.access.manage_applications import (
    ApplicationsShown,
    CreateApplication,
    RevokeApplication,
    create_application,
    list_applications,
    revoke_application,
)
from talktime.usecases.organizations.manage_organizations import find_organization

app = App(name="tokens", help="Programs that read calls and credit over HTTP: create, list, revoke.")

SECRET_BYTES = 32
# So that whoever finds one in a file or a log knows what it is.
SECRET_PREFIX = "tts_"  # noqa: S105 -- what every secret begins with
EVERY_SCOPE = tuple(SCOPE_NAMES.values())


@app.default
@app.command(name="list")
def list_(*, organization: Whose = "", options: Options = DEFAULTS) -> None:
    """List the programs that may read, and those that may no more."""
    with open_app(options.database) as talktime:
        shown = talktime.read(list_applications, (organization, now()))
    if not shown.applications and not options.as_json:
        hint(f"No program reads calls of {shown.organization.name} yet. Let one: `talktime tokens create NAME`")
        return
    document = {
        "organization": shown.organization.name,
        "tenant": str(shown.organization.organization_id),
        "applications": [_document(shown, each) for each in shown.applications],
    }
    show(options, document, lambda: _list_view(shown))


@app.command
def create(
    name: Annotated[str, Parameter(help="What the program is called here: Power BI, payroll.")],
    *,
    scope: Annotated[
        tuple[str, ...], Parameter(help=f"What it may read; repeatable. Default: all of {', '.join(EVERY_SCOPE)}.")
    ] = (),
    until: Annotated[
        date | None, Parameter(help="The last day of its secret, on the organization's clock. Default: until revoked.")
    ] = None,
    organization: Whose = "",
    options: Options = DEFAULTS,
) -> None:
    """Let a program read one organization's calls and credit; its secret is shown once, here."""
    secret = SECRET_PREFIX + secrets.token_urlsafe(SECRET_BYTES)
    with open_app(options.database) as talktime:
        owner = talktime.read(find_organization, organization)
        expires_at = None if until is None else start_of_day(until + DAY, owner.zone)
        wanted = CreateApplication(
            owner.name, name, read_scopes(scope or EVERY_SCOPE), str(uuid.uuid4()), secret, now(), expires_at
        )
        created = talktime.run(create_application, wanted)
    (application,) = created.applications
    document = {
        "organization": created.organization.name,
        "tenant": str(created.organization.organization_id),
        **_document(created, application),
        "client_secret": secret,
    }
    show(options, document, lambda: _created_view(created, application, secret))
    if not options.as_json:
        address = f"/{created.organization.organization_id}/oauth2/v2.0/token"
        hint(f"It gets its tokens from `POST {address}` of `talktime serve`: docs/operate/graph-api.md")


@app.command
def revoke(
    application: Annotated[str, Parameter(help="Its client id, or its name.")],
    *,
    organization: Whose = "",
    options: Options = DEFAULTS,
) -> None:
    """Let a program read no more, from its next request on."""
    with open_app(options.database) as talktime:
        revoked = talktime.run(revoke_application, RevokeApplication(organization, application, now()))
    (ended,) = revoked.applications
    document = {"organization": revoked.organization.name, **_document(revoked, ended)}
    show(options, document, lambda: heading(f"{ended.name} revoked", revoked.organization.name, ended.application_id))


def _document(shown: ApplicationsShown, application: Application) -> dict[str, Any]:
    return {
        "client_id": application.application_id,
        "name": application.name,
        "scopes": list(scope_names(application.scopes)),
        "state": _state(shown, application),
        "created_at": application.created_at,
        "expires_at": application.expires_at,
        "revoked_at": application.revoked_at,
        "last_used_at": application.last_used_at,
    }


def _state(shown: ApplicationsShown, application: Application) -> str:
    if application.revoked_at is not None:
        return "revoked"
    return "valid" if application.is_valid(shown.at) else "expired"


def _list_view(shown: ApplicationsShown) -> Group:
    made = table("Name", "Client id", "May read", "State", "Secret until", "Last used")
    zone = shown.organization.zone
    for each in shown.applications:
        until = "revoked" if each.expires_at is None else instant(each.expires_at, zone)
        used = "never" if each.last_used_at is None else instant(each.last_used_at.replace(microsecond=0), zone)
        scopes = "\n".join(scope_names(each.scopes))
        made.add_row(each.name, each.application_id, scopes, _state(shown, each), until, used)
    return Group(heading(shown.organization.name, "programs that read over HTTP"), "", made)


def _created_view(created: ApplicationsShown, application: Application, secret: str) -> Group:
    zone = created.organization.zone
    until = "it is revoked" if application.expires_at is None else instant(application.expires_at, zone)
    rows: list[tuple[str, object]] = [
        ("Tenant", created.organization.organization_id),
        ("Client id", application.application_id),
        ("Client secret", Text(secret, "bold")),
        ("", "It is not shown again: keep it now."),
        ("May read", ", ".join(scope_names(application.scopes))),
        ("Until", until),
    ]
    return Group(heading(application.name, created.organization.name), "", facts(rows))
