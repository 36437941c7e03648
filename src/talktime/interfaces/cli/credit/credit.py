"""`talktime credit`: the table of its commands; a module is imported when one of its commands is called."""

from typing import NamedTuple

from cyclopts import App

from talktime.interfaces.cli.credit.balances import balance


class _Command(NamedTuple):
    """A command, the function below this package that does it, and how the help shows it."""

    name: str
    function: str
    help: str


_COMMANDS = (
    _Command("lots", "balances:lots", "List the lots of credit in the order in which they are spent."),
    _Command("buy", "buying:buy", "Buy credit: see exactly what an order would do, then place it."),
    _Command("add", "funding:add", "Add prepaid credit; what the organization owes is repaid first."),
)

app = App(name="credit")
app.default(balance)
app.command(balance, sort_key=0)
for _position, _command in enumerate(_COMMANDS, start=1):
    _function = f"talktime.interfaces.cli.credit.{_command.function}"
    app.command(_function, name=_command.name, help=_command.help, sort_key=_position)
# A table of commands of its own.
app.command(
    "talktime.interfaces.cli.credit.recharge:app",
    name="recharge",
    help="Auto-recharge: show, set, pause, resume, simulate.",
)
