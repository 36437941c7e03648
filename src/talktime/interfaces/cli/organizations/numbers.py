"""`talktime numbers`: the toll and toll-free numbers that an organization's callers dial."""

from typing import Annotated

from cyclopts import App, Parameter
from rich.table import Table

from talktime.core.organizations.users import NumberUse
from talktime.core.values.numbers import country_of
from talktime.interfaces.cli.terminal import DEFAULTS, Options, hint, open_app, show, table
from talktime.usecases.organizations.manage_users import AddServiceNumber, add_service_number, list_service_numbers

app = App(name="numbers")

_USES = {NumberUse.TOLL: "toll", NumberUse.TOLL_FREE: "toll-free"}


@app.command
def add(
    number: Annotated[str, Parameter(help="The number with its country code: +18005550100.")],
    *,
    toll_free: Annotated[
        bool,
        Parameter(
            name="--toll-free",
            negative="--toll",
            help="Toll-free: the organization pays for every call to it. Toll: its callers pay their own carriers.",
        ),
    ],
    organization: Annotated[str, Parameter(help="Whose it is; may be left out where there is only one.")] = "",
    options: Options = DEFAULTS,
) -> None:
    """Add a number that callers dial in to. Numbers of people are added with `talktime users`."""
    use = NumberUse.TOLL_FREE if toll_free else NumberUse.TOLL
    with open_app(options.database) as talktime:
        added = talktime.run(add_service_number, AddServiceNumber(organization, number, use))
    document = {"organization": added.organization, "number": added.number, "use": added.use}
    show(options, document, lambda: f"+{added.number} is now a {_USES[added.use]} number of {added.organization}.")


@app.default
@app.command(name="list")
def list_(
    *,
    organization: Annotated[str, Parameter(help="Whose; may be left out where there is only one.")] = "",
    options: Options = DEFAULTS,
) -> None:
    """List the toll and toll-free numbers of an organization."""
    with open_app(options.database) as talktime:
        owner, found = talktime.read(list_service_numbers, organization)
    document = {
        "organization": owner.name,
        "numbers": [{"number": number, "use": use, "country": country_of(number)} for number, use in found],
    }
    if not found and not options.as_json:
        hint(f"{owner.name} has no service number yet. Add one: `talktime numbers add +18005550100 --toll-free`")
        return
    show(options, document, lambda: _view(found))


def _view(found: list[tuple[str, NumberUse]]) -> Table:
    made = table("Number", "Use", "Country")
    for number, use in found:
        made.add_row(f"+{number}", _USES[use], country_of(number) or "–")
    return made
