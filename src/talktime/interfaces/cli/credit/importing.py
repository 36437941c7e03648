"""`talktime credit import`: opening balances of another system, tried first if you like."""

import getpass
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter
from rich.console import Group

from talktime.core.values.money import format_micros
from talktime.imports.opening_balances import COLUMNS, read_opening_balances
from talktime.interfaces.cli.terminal import (
    DEFAULTS,
    Options,
    heading,
    hint,
    money,
    now,
    open_app,
    refuse,
    show,
    table,
)
from talktime.usecases.credit.import_balances import BalancesImported, ImportBalances, import_balances

EXIT_MISTAKES = 2
MISTAKES_SHOWN = 20


def import_(
    file: Annotated[Path, Parameter(help=f"CSV, UTF-8, with the columns {', '.join(COLUMNS)} and, if you like, kind.")],
    *,
    dry_run: Annotated[bool, Parameter(help="Only tell what would change.", negative=())] = False,
    options: Options = DEFAULTS,
) -> int:
    """Import opening balances, one lot for each line with the expiry that it has; all of them, or none.

    The same file changes nothing the second time, nor does a line that is there under its reference.
    """
    read = read_opening_balances(file)
    with open_app(options.database) as talktime:
        asked = ImportBalances(read.name, read.file_hash, read.rows, read.mistakes, now(), dry_run, getpass.getuser())
        imported = talktime.run(import_balances, asked)
    show(options, _document(imported), lambda: _view(imported))
    if imported.mistakes:
        if not options.as_json:
            refuse("Nothing was imported: correct these lines first.")
        return EXIT_MISTAKES
    if not options.as_json:
        _what_next(imported, file)
    return 0


def _what_next(imported: BalancesImported, file: Path) -> None:
    if imported.is_repeated:
        hint(f"{file.name} was imported before, to the byte: nothing was changed.")
    elif imported.is_dry:
        hint("Nothing was written. Leave `--dry-run` away to import it.")


def _document(imported: BalancesImported) -> dict[str, Any]:
    return {
        "new": imported.new_count,
        "known": imported.known_count,
        "is_dry_run": imported.is_dry,
        "is_repeated": imported.is_repeated,
        "organizations": [
            {
                "organization": change.organization.name,
                "currency": change.organization.currency,
                "lots": change.lots_count,
                "balance_before": format_micros(change.before_micros),
                "balance_after": format_micros(change.after_micros),
            }
            for change in imported.changes
        ],
        "mistakes": [each._asdict() for each in imported.mistakes],
    }


def _view(imported: BalancesImported) -> Group:
    if imported.mistakes:
        wrong = table("Line", "Column", "What is wrong", numbers=("Line",))
        for each in imported.mistakes[:MISTAKES_SHOWN]:
            wrong.add_row(str(each.line), each.column, each.problem)
        more = len(imported.mistakes) - MISTAKES_SHOWN
        count = f"{len(imported.mistakes)} {'mistake' if len(imported.mistakes) == 1 else 'mistakes'}"
        return Group(heading(count), "", wrong, *([f"… and {more} more"] if more > 0 else []))
    made = table("Organization", "Lots", "Balance before", "after", numbers=("Lots", "Balance before", "after"))
    for change in imported.changes:
        currency = change.organization.currency
        before, after = money(change.before_micros, currency), money(change.after_micros, currency)
        made.add_row(change.organization.name, str(change.lots_count), before, after)
    title = f"{imported.new_count} {'lot' if imported.new_count == 1 else 'lots'}"
    known = f"{imported.known_count} there already" if imported.known_count else ""
    verb = "would be imported" if imported.is_dry else "imported"
    headline = heading(f"{title} {verb}", known)
    return Group(headline, "", made) if imported.changes else Group(headline)
