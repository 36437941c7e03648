"""`talktime`: the table of commands, and what becomes of an error."""

import sys
from collections.abc import Sequence
from difflib import get_close_matches
from enum import Enum
from typing import NamedTuple

from cyclopts import App, CycloptsError, Group, Parameter, UnknownCommandError, UnusedCliTokensError

from talktime import __version__
from talktime.core.values.errors import CallerError, TalktimeError
from talktime.interfaces.cli.terminal import print_json, refuse

EXIT_CALLER = 2
EXIT_UNAVAILABLE = 3
EXIT_INTERRUPTED = 130

_START = Group("Start here", sort_key=0)
_PEOPLE = Group("Organizations and people", sort_key=1)
_PRICES = Group("Prices", sort_key=2)
_MONEY = Group("Credit", sort_key=3)
_REPORTS = Group("Calls and reports", sort_key=4)


# Name, group, help. The module of the same name exports `app`; it is imported when its command is called.
class _Command(NamedTuple):
    """A command, the module below this package whose `app` it is, and how the help shows it."""

    name: str
    module: str
    group: Group
    help: str


_COMMANDS = (
    _Command("demo", "demo.demo", _START, "See the whole job done on sample calls, in a minute."),
    _Command("serve", "serve", _START, "Answer switches over HTTP: start, answer, extend, end."),
    _Command("bench", "bench.bench", _START, "How fast this machine charges, next to PostgreSQL's own benchmark."),
    _Command("diameter", "diameter", _START, "Answer switches over Diameter Ro alone, by several processes."),
    _Command("worker", "worker", _START, "Do what happens later: recharges, mails, statements; see what waits."),
    _Command("organizations", "organizations.organizations", _PEOPLE, "Those who own a balance: list, add, show."),
    _Command("users", "organizations.users", _PEOPLE, "People who call: list, add, import from CSV or Excel."),
    _Command("licenses", "organizations.licenses", _PEOPLE, "What people may use: buy, assign, plans and prices."),
    _Command("numbers", "numbering.numbers", _PEOPLE, "From the inventory to who answers: order, assign, list."),
    _Command("accounts", "numbering.accounts", _PEOPLE, "Auto attendants and call queues: list, add, remove."),
    _Command("features", "organizations.features", _PEOPLE, "What each feature needs, and what a user lacks for it."),
    _Command("policies", "policies.policies", _PEOPLE, "Where people may call, and conferences dial out to."),
    _Command("caps", "policies.caps", _PEOPLE, "What a user's or a department's calls may cost in a month."),
    _Command("stops", "policies.stops", _PEOPLE, "What ends abuse early: calls an hour, dear destinations."),
    _Command("arrangements", "policies.arrangements", _PEOPLE, "What charging lets an organization choose."),
    _Command("countries", "organizations.countries", _PEOPLE, "What is offered where: minutes, numbers, credits."),
    _Command("decks", "rates.decks", _PRICES, "Rate decks: import, compare, publish, roll back."),
    _Command("rate", "insight.rate", _PRICES, "What millions of recorded calls cost, by one deck and by another."),
    _Command("quote", "rates.quote", _PRICES, "What a call to a number costs, and why."),
    _Command("credit", "credit.credit", _MONEY, "Fund an organization, see its balance and its lots."),
    _Command("invoices", "billing.invoices", _MONEY, "The bill for each purchase, and its credit notes; PDF, CSV."),
    _Command("overage", "billing.overage", _MONEY, "Use on the bill, for who pays after use: on, off, limit, bill."),
    _Command("statements", "billing.statements", _MONEY, "A month of the books: list, show, issue, PDF, CSV."),
    _Command("taxes", "billing.taxes", _MONEY, "What each country takes, at purchase or at use: list, set."),
    _Command("notifications", "notifications", _MONEY, "Who is told of what, by mail and webhook; what was sent."),
    _Command("payments", "buying.payments", _MONEY, "Where gateways and our books differ: reconcile, resolve."),
    _Command("payment-methods", "buying.payment_methods", _MONEY, "Cards and agreements that pay: list, add, replace."),
    _Command("agreements", "buying.agreements", _MONEY, "Agreements that may pay, their limits and invoices."),
    _Command("cases", "buying.cases", _MONEY, "Purchases that a rule forbids until an operator permits them."),
    _Command("calls", "calls.calls", _REPORTS, "Calls in progress, and cut them; receipts; refused ones; replay."),
    _Command("switches", "calls.switches", _REPORTS, "Which switches can be told to end calls; do they answer?"),
    _Command("explain", "calls.explain", _REPORTS, "Why a call is allowed or refused, and what would change it."),
    _Command("usage", "insight.usage.usage", _REPORTS, "Export usage rows to CSV or Excel."),
    _Command("reports", "insight.reports.reports", _REPORTS, "Where the money goes: by call, user, destination."),
    _Command("budgets", "insight.reports.departments", _REPORTS, "What departments may cost in a month, and did."),
    _Command("exports", "insight.exports", _REPORTS, "Files made in the background: CSV, Excel, charts, Parquet, zip."),
    _Command("pools", "insight.pools", _REPORTS, "Included minutes of a month: total, used, held, left."),
    _Command("tokens", "insight.tokens", _REPORTS, "Programs that read calls and credit over HTTP: create, revoke."),
    _Command("pictures", "insight.pictures", _REPORTS, "Balance, spend, hours, destinations: SVG, PNG, a table."),
    _Command("ledger", "insight.ledger", _REPORTS, "The books for finance: CSV, Beancount, balances."),
    _Command("advise", "insight.advice.advise", _REPORTS, "How much to fund, at which trigger, with what risk."),
    _Command("audit", "insight.audit", _REPORTS, "Prove that the books agree to the micro-unit."),
)


def make_app() -> App:
    """Return the command line with all its commands registered by name."""
    app = App(
        name="talktime",
        help="Prepaid credit for phone calls: fund, authorize, charge, cut and report to the micro-unit.",
        version=__version__,
        result_action="return_value",
        default_parameter=Parameter(show_default=_default_shown),
    )
    app["--help"].group = app["--version"].group = Group("Help", sort_key=99)
    for position, command in enumerate(_COMMANDS):
        module = f"talktime.interfaces.cli.{command.module}:app"
        app.command(module, name=command.name, help=command.help, group=command.group, sort_key=position)
    return app


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; return 0, what the command returns, 2 for the caller's mistake, 3 where the world fails.

    Anything else is a bug of ours, and shows its traceback.
    """
    given = sys.argv[1:] if arguments is None else list(arguments)
    try:
        returned = make_app()(given, exit_on_error=False, print_error=False)
    except CycloptsError as mistake:
        return _refuse(given, "usage", _sentence(mistake, given), EXIT_CALLER)
    except CallerError as mistake:
        return _refuse(given, mistake.code, mistake.message, EXIT_CALLER)
    except TalktimeError as failure:
        # Drivers explain themselves over several lines; the first one says it.
        return _refuse(given, failure.code, failure.message.partition("\n")[0], EXIT_UNAVAILABLE)
    except KeyboardInterrupt:
        return _refuse(given, "interrupted", "interrupted", EXIT_INTERRUPTED)
    except BrokenPipeError:
        # Whoever read our output has seen enough (`| head`); there is no one left to tell.
        sys.stderr.close()
        return 0
    return returned if isinstance(returned, int) else 0


def _default_shown(value: object) -> str | None:
    if isinstance(value, Enum):
        return value.name.lower().replace("_", "-")
    return str(value) if value else None


def _refuse(given: Sequence[str], code: str, message: str, exit_code: int) -> int:
    if "--json" in given:
        print_json({"error": code, "message": message})
    else:
        refuse(message)
    return exit_code


def _sentence(mistake: CycloptsError, given: Sequence[str]) -> str:
    names = [command.name for command in _COMMANDS]
    if isinstance(mistake, UnknownCommandError) and given[0] not in names:
        # Not the library's own sentence: it would import every command to find the one that was meant.
        close = get_close_matches(given[0], names, n=1)
        meant = f"did you mean `talktime {close[0]}`?" if close else f"there are {', '.join(names)}"
        return f"there is no command {given[0]!r}: {meant}"
    if isinstance(mistake, UnusedCliTokensError):
        words = " ".join(mistake.unused_tokens or ())
        return f"{words!r} is not understood here: `talktime {given[0]} --help` shows what is"
    return " ".join(str(mistake).split())
