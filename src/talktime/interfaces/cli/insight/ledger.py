"""`talktime ledger`: the books for finance, as files that other programs read and prove."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import date
from enum import Enum
from typing import Annotated, Any

from cyclopts import App, Parameter
from rich.console import Group, RenderableType

from talktime.core.insight.general_ledger import CHARTED, ChartedAccount, Side, TrialLine, side_of
from talktime.core.insight.ledger_entries import Detail, LedgerEntry, LedgerOf
from talktime.core.values.errors import Invalid
from talktime.core.values.money import MICRO_DECIMALS, format_micros
from talktime.core.values.places import currency_decimals
from talktime.exports.beancount import write_beancount
from talktime.exports.ledger_csv import write_ledger_csv
from talktime.interfaces.cli.files import STANDARD_OUTPUT, text_stream
from talktime.interfaces.cli.terminal import (
    DEFAULTS,
    Advance,
    Options,
    err,
    facts,
    heading,
    hint,
    open_app,
    progress,
    refuse,
    show,
    table,
)
from talktime.usecases.credit.billing.export_ledger import (
    Clock,
    Difference,
    ExportLedger,
    LedgerShown,
    OpenLedger,
    Scope,
    TrialBalance,
    export_ledger,
    show_balances,
)

app = App(name="ledger")

EXIT_DAMAGED = 1
# What does not fit on a screen is read as JSON.
DIFFERENCES_SHOWN_MAX = 20
_ABBREVIATED = {Side.DEBIT: "Dr", Side.CREDIT: "Cr"}

Whose = Annotated[str, Parameter(help="Whose books. Default: those of all organizations.")]
From = Annotated[date | None, Parameter(name="--from", help="The first day. Default: the first entry.")]
Until = Annotated[
    date | None, Parameter(name="--until", help="The last day, itself included. Default: the last entry.")
]
ByClock = Annotated[Clock, Parameter(name="--days", help="Whose days date the entries and bound the period.")]


class Format(Enum):
    """What to write."""

    CSV = "csv"
    BEANCOUNT = "beancount"


@app.command
def export(
    *,
    format_: Annotated[
        Format, Parameter(name="--format", help="csv: for an accountant's program; beancount: proved by bean-check.")
    ],
    output: Annotated[str, Parameter(help="The file to write; - is standard output.", allow_leading_hyphen=True)],
    organization: Whose = "",
    starts_on: From = None,
    ends_on: Until = None,
    days: ByClock = Clock.ORGANIZATION,
    per: Annotated[
        Detail, Parameter(help="One entry for each of the journal's, or sums of a day or a month.")
    ] = Detail.ENTRY,
    options: Options = DEFAULTS,
) -> int:
    """Export the general ledger: every entry of a period, its accounts, and balances to check it against.

    The exit code is 1 where the entries do not come to what the tables say.
    """
    if not output or output.startswith("--"):
        message = f"--output takes a path, or - for standard output, and not {output!r}"
        raise Invalid(message, code="nowhere")
    scope = Scope(organization, starts_on, ends_on, days)
    request = ExportLedger(scope, lambda ledger: _write(ledger, format_, output, as_json=options.as_json), per)
    with open_app(options.database) as talktime:
        exported = talktime.read(export_ledger, request)
    if output == STANDARD_OUTPUT:
        err().print(_view(exported, ""))
    else:
        show(options, _document(exported) | {"file": output}, lambda: _view(exported, output))
    return _judged(exported, options)


@app.command
def balances(
    *,
    organization: Whose = "",
    starts_on: From = None,
    ends_on: Until = None,
    days: ByClock = Clock.ORGANIZATION,
    options: Options = DEFAULTS,
) -> int:
    """Show the trial balance: what each account began with, what was debited and credited, what it came to.

    The exit code is 1 where the journal does not come to what the tables say.
    """
    with open_app(options.database) as talktime:
        shown = talktime.read(show_balances, Scope(organization, starts_on, ends_on, days))
    show(options, _document(shown), lambda: _view(shown, ""))
    return _judged(shown, options)


@app.command
def accounts(*, options: Options = DEFAULTS) -> None:
    """Show the chart of accounts."""
    show(options, {"accounts": [_account_document(each) for each in CHARTED]}, _accounts_view)


def _write(ledger: OpenLedger, format_: Format, output: str, *, as_json: bool) -> None:
    with text_stream(output, as_json=as_json) as stream, progress("Writing the ledger", unit="entries") as advance:
        ledgers = _watched(ledger.ledgers(), advance)
        if format_ is Format.CSV:
            write_ledger_csv(stream, ledgers)
        else:
            write_beancount(stream, ledgers, ledger.currencies)


def _watched(ledgers: Iterator[LedgerOf], advance: Advance) -> Iterator[LedgerOf]:
    def counted(ledger: LedgerOf) -> Iterator[LedgerEntry]:
        for entry in ledger.entries:
            yield entry
            advance(1)

    for ledger in ledgers:
        yield replace(ledger, entries=counted(ledger))


def _judged(shown: LedgerShown, options: Options) -> int:
    if shown.differences:
        if not options.as_json:
            _tell_differences(shown.differences)
        return EXIT_DAMAGED
    if not shown.trial_balances and not options.as_json:
        hint(_why_empty(shown))
    return 0


def _tell_differences(differences: tuple[Difference, ...]) -> None:
    refuse("The journal does not come to what the tables say: talktime audit shows which rows")
    drawn = table("Organization", "Account", "Journal", "Tables", "", numbers=("Journal", "Tables"))
    for each in differences[:DIFFERENCES_SHOWN_MAX]:
        drawn.add_row(
            each.organization,
            f"{each.account.number} {each.account.name}",
            *(_sided(micros, MICRO_DECIMALS) for micros in (each.entries_micros, each.tables_micros)),
            each.currency,
        )
    err().print(drawn)
    if len(differences) > DIFFERENCES_SHOWN_MAX:
        hint(f"and {len(differences) - DIFFERENCES_SHOWN_MAX:,} more: `--json` lists all")


def _why_empty(shown: LedgerShown) -> str:
    whose = shown.scope.organization or "any organization"
    if shown.scope.starts_on is None and shown.scope.ends_on is None:
        return f"There are no books of {whose} yet: they begin with the first credit, `talktime credit add`."
    return f"The books of {whose} begin after that period: choose `--from` and `--until`, or leave both away."


def _document(shown: LedgerShown) -> dict[str, Any]:
    return {
        "organizations": shown.organizations_count,
        "entries": shown.entries_count,
        "first_day": None if shown.first_on is None else shown.first_on.isoformat(),
        "last_day": None if shown.last_on is None else shown.last_on.isoformat(),
        "days": shown.scope.clock.value,
        "agrees": not shown.differences,
        "balances": [_trial_document(each) for each in shown.trial_balances],
        "differences": [
            {
                "organization": each.organization,
                "account": each.account.number,
                "name": each.account.name,
                "currency": each.currency,
                "journal": format_micros(each.entries_micros),
                "tables": format_micros(each.tables_micros),
            }
            for each in shown.differences
        ],
    }


def _trial_document(trial: TrialBalance) -> dict[str, Any]:
    return {
        "currency": trial.currency,
        "organizations": trial.organizations_count,
        "accounts": [
            {
                "account": line.account.number,
                "name": line.account.name,
                "kind": line.account.kind.value,
                "opening": format_micros(line.opening_micros),
                "debit": format_micros(line.debited_micros),
                "credit": format_micros(line.credited_micros),
                "closing": format_micros(line.closing_micros),
            }
            for line in trial.lines
        ],
        "debit": format_micros(_debited(trial)),
        "credit": format_micros(_credited(trial)),
    }


def _view(shown: LedgerShown, file: str) -> RenderableType:
    count = shown.organizations_count
    whose = shown.scope.organization or f"{count:,} organization{'' if count == 1 else 's'}"
    details = [f"{shown.first_on} to {shown.last_on}"] if shown.first_on else []
    if shown.entries_count:
        details.append(f"{shown.entries_count:,} entries")
    parts: list[RenderableType] = [heading(f"Books of {whose}", *details)]
    for trial in shown.trial_balances:
        parts += ["", _trial_view(trial)]
    if file:
        parts += ["", facts([("Written", file)])]
    return Group(*parts)


def _trial_view(trial: TrialBalance) -> RenderableType:
    columns = ("Opening", "Debit", "Credit", "Closing")
    drawn = table("", f"Account, in {trial.currency}", *columns, numbers=columns)
    decimals = max((_decimals(line, trial.currency) for line in trial.lines), default=0)
    for line in trial.lines:
        drawn.add_row(
            *(line.account.number, line.account.name, _sided(line.opening_micros, decimals)),
            *(_amount(micros, decimals) for micros in (line.debited_micros, line.credited_micros)),
            _sided(line.closing_micros, decimals),
        )
    totals = [_amount(micros, decimals) for micros in (_debited(trial), _credited(trial))]
    drawn.add_section()
    drawn.add_row(
        "",
        "",
        _balanced(line.opening_micros for line in trial.lines),
        *totals,
        _balanced(line.closing_micros for line in trial.lines),
    )
    return drawn


def _decimals(line: TrialLine, currency: str) -> int:
    """Return how many decimals the amounts of a line need, so that those of a column stand below each other."""
    least = currency_decimals(currency)
    amounts = (line.opening_micros, line.debited_micros, line.credited_micros, line.closing_micros)
    return max(len(format_micros(amount, decimals_min=least).partition(".")[2]) for amount in amounts)


def _amount(micros: int, decimals: int) -> str:
    if micros == 0:
        return "–"
    whole, point, fraction = format_micros(abs(micros), decimals_min=decimals).partition(".")
    return f"{int(whole):,}{point}{fraction}"


def _sided(micros: int, decimals: int) -> str:
    """Write a balance with its side, as accountants do: `48.20 Cr`."""
    side = side_of(micros)
    return "–" if side is None else f"{_amount(micros, decimals)} {_ABBREVIATED[side]}"


def _balanced(balances_micros: Iterable[int]) -> str:
    micros = sum(balances_micros)
    return _sided(micros, 0) if micros else "balanced"


def _debited(trial: TrialBalance) -> int:
    return sum(line.debited_micros for line in trial.lines)


def _credited(trial: TrialBalance) -> int:
    return sum(line.credited_micros for line in trial.lines)


def _account_document(account: ChartedAccount) -> dict[str, Any]:
    return {
        "account": account.number,
        "name": account.name,
        "kind": account.kind.value,
        "grows_by": account.grows_by.value,
        "meaning": account.meaning,
    }


def _accounts_view() -> RenderableType:
    drawn = table("", "Account", "Kind", "Grows by", "What stands on it")
    for each in CHARTED:
        drawn.add_row(each.number, each.name, each.kind.value, each.grows_by.value, each.meaning)
    return Group(heading("Chart of accounts"), "", drawn)
