"""`talktime numbers inventory`: the numbers that can be ordered, imported from the carriers' lists."""

from pathlib import Path
from typing import Annotated, Any

from cyclopts import App, Parameter
from rich.console import Group
from rich.table import Table
from rich.text import Text

from talktime.core.organizations.numbering.inventory import Outcome
from talktime.core.organizations.numbering.ordering import USE_WORDS
from talktime.core.organizations.numbering.phone_numbers import NumberState, as_of
from talktime.core.organizations.users import NumberUse
from talktime.interfaces.cli.numbering.views import NOTHING, NUMBERS_SHOWN_MAX, listing_document
from talktime.interfaces.cli.terminal import DEFAULTS, Options, heading, hint, now, open_app, refuse, show, table
from talktime.usecases.organizations.numbering.import_inventory import (
    ImportInventory,
    Inventory,
    InventoryImported,
    InventoryRow,
    ListInventory,
    import_inventory,
    list_inventory,
)

app = App(name="inventory")

EXIT_PROBLEMS = 2


@app.command(name="import")
def import_(
    file: Annotated[
        Path,
        Parameter(
            help="CSV or workbook with a header: number, use (user, toll, toll-free) and, if you like, country, area,"
            " carrier, price, currency."
        ),
    ],
    *,
    dry_run: Annotated[bool, Parameter(negative=(), help="Tell what would become of each row, and save nothing.")] = (
        False
    ),
    options: Options = DEFAULTS,
) -> int:
    """Import numbers that can be ordered: all of them, or, where one row has a problem, none.

    The same file twice changes nothing; a later file corrects area, carrier and price.
    """
    from talktime.interfaces.cli.numbering.files import read_inventory

    request = ImportInventory(read_inventory(file), dry_run)
    with open_app(options.database) as talktime:
        imported = talktime.run(import_inventory, request)
    show(options, _document(imported, dry_run=dry_run), lambda: _view(imported, dry_run=dry_run))
    refused = imported.count(Outcome.REFUSED)
    if refused and not options.as_json:
        refuse(f"{refused:,} of {len(imported.rows):,} rows have a problem: nothing was imported")
    return EXIT_PROBLEMS if refused else 0


@app.default
@app.command(name="list")
def list_(
    *,
    after: Annotated[str, Parameter(help="Begin behind this number.")] = "",
    limit: Annotated[int, Parameter(help="How many numbers are shown.")] = NUMBERS_SHOWN_MAX,
    options: Options = DEFAULTS,
) -> None:
    """List the inventory with who holds each number, and how many there are."""
    at = now()
    request = ListInventory(at, after.removeprefix("+"), limit)
    with open_app(options.database) as talktime:
        found = talktime.read(list_inventory, request)
    document = {
        "counts": [{"use": use, "state": state, "numbers": count} for (use, state), count in found.counts.items()],
        "numbers": [
            {**listing_document(phone), "state": as_of(phone, at).state, "organization": owner or None}
            for phone, owner in found.page
        ],
    }
    if not found.counts and not options.as_json:
        hint(
            "The inventory is empty. Import what the carrier offers: `talktime numbers inventory import FILE`,"
            " a CSV with the columns number, use, country, area"
        )
        return
    show(options, document, lambda: _inventory_view(found, request))


def _document(imported: InventoryImported, *, dry_run: bool) -> dict[str, Any]:
    return {
        "dry_run": dry_run,
        "saved": imported.is_saved,
        **{outcome.value: imported.count(outcome) for outcome in Outcome},
        "rows": [
            {"line": row.line, "number": row.number, "outcome": row.outcome, "problems": row.problems}
            for row in imported.rows
        ],
    }


def _view(imported: InventoryImported, *, dry_run: bool) -> Group:
    refused = [row for row in imported.rows if row.outcome is Outcome.REFUSED]
    rows = refused or list(imported.rows)
    lines: list[Any] = [_rows(rows[:NUMBERS_SHOWN_MAX])]
    if len(rows) > NUMBERS_SHOWN_MAX:
        lines.append(Text(f"… and {len(rows) - NUMBERS_SHOWN_MAX:,} more; --json has them all", "dim"))
    if not refused:
        counts = ", ".join(
            f"{imported.count(outcome):,} {outcome.value}" for outcome in Outcome if imported.count(outcome)
        )
        lines += ["", heading(counts, "nothing was saved, it is a dry run" if dry_run else "all there now")]
    return Group(*lines)


def _rows(rows: list[InventoryRow]) -> Table:
    made = table("Line", "Number", "Use", "Country", "Area", "", numbers=("Line",))
    for row in rows:
        listing = row.listing
        result = Text("\n".join(row.problems), "red") if row.problems else Text(row.outcome.value, "green")
        made.add_row(
            str(row.line),
            row.number if listing is None else f"+{row.number}",
            NOTHING if listing is None else USE_WORDS[listing.use],
            NOTHING if listing is None else listing.country,
            NOTHING if listing is None else listing.area or NOTHING,
            result,
        )
    return made


def _inventory_view(found: Inventory, request: ListInventory) -> Group:
    made = table("Number", "Use", "Country", "Area", "Carrier", "State", "Organization")
    for phone, owner in found.page:
        listing, state = phone.listing, as_of(phone, request.at).state
        made.add_row(
            f"+{listing.number}",
            USE_WORDS[listing.use],
            listing.country or NOTHING,
            listing.area or NOTHING,
            listing.carrier or NOTHING,
            state.value,
            NOTHING if state is NumberState.AVAILABLE else owner,
        )
    return Group(_counts(found), "", made)


def _counts(found: Inventory) -> Table:
    made = table("Use", *(state.value for state in NumberState), numbers=[state.value for state in NumberState])
    for use in NumberUse:
        made.add_row(USE_WORDS[use], *(f"{found.counts.get((use, state), 0):,}" for state in NumberState))
    return made
