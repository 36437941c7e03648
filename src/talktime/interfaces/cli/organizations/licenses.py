"""`talktime licenses`: what people may use."""

from pathlib import Path
from typing import Annotated, Any

from cyclopts import App, Parameter
from rich.console import Group
from rich.text import Text

from talktime.core.organizations.licensing.licenses import License
from talktime.core.values.errors import Invalid
from talktime.interfaces.cli.terminal import DEFAULTS, Options, heading, hint, open_app, refuse, show, table
from talktime.usecases.organizations.assign_licenses import (
    AssignLicenses,
    LicenseRow,
    LicensesAssigned,
    assign_licenses,
)

app = App(name="licenses")

NAMES = {
    License.PHONE_SYSTEM: "Phone System",
    License.AUDIO_CONFERENCING: "Audio Conferencing",
    License.COMMUNICATIONS_CREDITS: "Communications Credits",
}
ROWS_SHOWN_MAX = 50

Switch = bool | None


@app.command
def assign(
    *names: Annotated[str, Parameter(help="User principal names, such as ada@acme.example.")],
    file: Annotated[
        Path | None,
        Parameter(help="Names from a file instead: one a line (.txt), or a CSV or workbook with a user column."),
    ] = None,
    everyone: Annotated[bool, Parameter(negative=(), help="All users of the organization.")] = False,
    phone_system: Annotated[Switch, Parameter(negative="--no-phone-system", help="Calls to telephones.")] = None,
    audio_conferencing: Annotated[
        Switch, Parameter(negative="--no-audio-conferencing", help="Conferences with dial-in and dial-out.")
    ] = None,
    communications_credits: Annotated[
        Switch, Parameter(negative="--no-communications-credits", help="Calls that are paid from the credit; free.")
    ] = None,
    organization: Annotated[str, Parameter(help="Whose users; may be left out where there is only one.")] = "",
    dry_run: Annotated[bool, Parameter(negative=(), help="Tell what would change, and change nothing.")] = False,
    options: Options = DEFAULTS,
) -> int:
    """Switch licenses on or off: for everyone who is named, or, where one name is unknown, for nobody."""
    switches = {
        License.PHONE_SYSTEM: phone_system,
        License.AUDIO_CONFERENCING: audio_conferencing,
        License.COMMUNICATIONS_CREDITS: communications_credits,
    }
    chosen = _names(names, file, everyone=everyone)
    request = AssignLicenses(organization, chosen, _those(switches, value=True), _those(switches, value=False), dry_run)
    with open_app(options.database) as talktime:
        assigned = (talktime.read if dry_run else talktime.run)(assign_licenses, request)
    show(options, _document(assigned, dry_run=dry_run), lambda: _view(assigned, dry_run=dry_run))
    if assigned.refused and not options.as_json:
        refuse(f"{len(assigned.refused):,} of {len(assigned.rows):,} names are unknown: nothing was changed")
        hint(f'`talktime users list --organization "{assigned.organization}"` shows who is there.')
    return 2 if assigned.refused else 0


def _names(names: tuple[str, ...], file: Path | None, *, everyone: bool) -> tuple[str, ...]:
    if bool(names) + (file is not None) + everyone != 1:
        raise Invalid("say whose licenses: names, or --file FILE, or --everyone", code="users_not_named")
    if file is None:
        return names
    from talktime.interfaces.cli.organizations.people_files import read_names

    return read_names(file)


def _those(switches: dict[License, Switch], *, value: bool) -> License:
    chosen = License(0)
    for license_, switch in switches.items():
        if switch is value:
            chosen |= license_
    return chosen


def words(licenses: License) -> list[str]:
    """Return the names of licenses for programs."""
    return [license_.name.lower() for license_ in NAMES if license_ in licenses and license_.name]


def _document(assigned: LicensesAssigned, *, dry_run: bool) -> dict[str, Any]:
    return {
        "organization": assigned.organization,
        "dry_run": dry_run,
        "saved": assigned.is_saved,
        "changed": len(assigned.changed),
        "refused": len(assigned.refused),
        "rows": [
            {
                "user": row.user_principal_name,
                "before": words(row.before),
                "after": words(row.after),
                "problem": row.problem or None,
            }
            for row in assigned.rows
        ],
    }


def _view(assigned: LicensesAssigned, *, dry_run: bool) -> Group:
    made = table("User", *NAMES.values(), "")
    rows = assigned.refused or assigned.rows
    for row in rows[:ROWS_SHOWN_MAX]:
        made.add_row(row.user_principal_name, *(_cell(row, license_) for license_ in NAMES), _remark(row))
    lines: list[Any] = [made]
    if len(rows) > ROWS_SHOWN_MAX:
        lines.append(Text(f"… and {len(rows) - ROWS_SHOWN_MAX:,} more; --json has them all", "dim"))
    would = " would be changed; nothing was, it is a dry run" if dry_run else " changed"
    if not assigned.refused:
        lines += [
            "",
            heading(f"{len(assigned.changed):,} of {len(assigned.rows):,} users{would}", assigned.organization),
        ]
    return Group(*lines)


def _cell(row: LicenseRow, license_: License) -> Text:
    if row.problem:
        return Text("–", "dim")
    before, after = license_ in row.before, license_ in row.after
    if before == after:
        return Text("on" if after else "off", "dim")
    return Text("→ on", "green") if after else Text("→ off", "yellow")


def _remark(row: LicenseRow) -> Text:
    return Text(row.problem, "red") if row.problem else Text("" if row.before != row.after else "unchanged", "dim")
