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
    _Command("refund", "refunding:refund", "Give bought credit back: to its card, its invoice, or by your own hand."),
    _Command("refunds", "refunding:refunds", "List what was given back, or is on its way."),
    _Command("disputes", "refunding:disputes", "List the payments that their bank took back, and how that ended."),
    _Command("adjust", "changing:adjust", "Correct a balance, with a reason; nothing is recharged by it."),
    _Command("transfer", "changing:transfer", "Move credit to another organization; it expires when it would have."),
    _Command("import", "importing:import_", "Import opening balances from CSV, each with the expiry that it has."),
    _Command("expire", "expiring:expire", "Book what has expired, and send the notices of what will."),
    _Command("close", "changing:close", "Close an account for good; its credit is refunded or forfeited."),
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
