"""Import the inventory of numbers from a file: all of it, or nothing and why; the same file twice changes nothing."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from talktime.core.organizations.numbering import inventory
from talktime.core.organizations.numbering.inventory import ListedNumber, Outcome
from talktime.core.organizations.numbering.phone_numbers import Listing, NumberState, PhoneNumber
from talktime.core.organizations.users import NumberUse
from talktime.core.values.frozen import frozen
from talktime.store.transaction import Transaction

INVENTORY_SHOWN_MAX = 1_000


@frozen
class ImportInventory:
    """Numbers that the operator's carriers offer; a dry run only tells what would become of each."""

    numbers: tuple[ListedNumber, ...]
    is_dry_run: bool = False


@frozen
class InventoryRow:
    """What became of one line, with what it lists; refused where there are problems."""

    line: int
    number: str
    listing: Listing | None
    outcome: Outcome
    problems: tuple[str, ...] = ()


@frozen
class InventoryImported:
    """One row for each line, in their order; `is_saved` is True for all of them, or for none."""

    rows: tuple[InventoryRow, ...]
    is_saved: bool

    def count(self, outcome: Outcome) -> int:
        """Return of how many lines this became."""
        return sum(row.outcome is outcome for row in self.rows)


@frozen
class Inventory:
    """A page of the inventory, each number with who holds it, and how many there are of each use and state."""

    page: tuple[tuple[PhoneNumber, str], ...]
    counts: Mapping[tuple[NumberUse, NumberState], int]


@frozen
class ListInventory:
    """A page of the inventory that begins behind a number, seen at an instant."""

    at: datetime
    after: str = ""
    limit: int = INVENTORY_SHOWN_MAX


def import_inventory(tx: Transaction, request: ImportInventory) -> InventoryImported:
    """Add what is new and change what differs; nothing where a single line has a problem."""
    tx.numbering.take_inventory()
    read = [(listed, *inventory.read_listing(listed)) for listed in request.numbers]
    wanted = [listing.number for _, listing, _ in read if listing is not None]
    known = tx.numbering.known(wanted)
    owners = tx.organizations.owners_of([number for number in wanted if number not in known])
    first_lines: dict[str, int] = {}
    rows = tuple(_row(listed, listing, problems, known, owners, first_lines) for listed, listing, problems in read)
    is_saved = bool(rows) and not request.is_dry_run and all(row.outcome is not Outcome.REFUSED for row in rows)
    if is_saved:
        changed = {Outcome.NEW, Outcome.CHANGED}
        tx.numbering.save(
            _phone(row.listing, known) for row in rows if row.listing is not None and row.outcome in changed
        )
    return InventoryImported(rows, is_saved)


def list_inventory(tx: Transaction, request: ListInventory) -> Inventory:
    """Return a page of the inventory, and counts of the whole."""
    page = tx.numbering.inventory(request.after, request.limit)
    return Inventory(tuple(page), tx.numbering.inventory_counts(request.at))


def _row(
    listed: ListedNumber,
    listing: Listing | None,
    problems: tuple[str, ...],
    known: Mapping[str, PhoneNumber],
    owners: Mapping[str, str],
    first_lines: dict[str, int],
) -> InventoryRow:
    if listing is None:
        return InventoryRow(listed.line, listed.number, None, Outcome.REFUSED, problems)
    number = listing.number
    first = first_lines.setdefault(number, listed.line)
    outcome, problem = inventory.compare(listing, known.get(number))
    if first != listed.line:
        problem = f"it stands in line {first} already"
    elif number in owners:
        problem = f"{owners[number]} brought it, and has it already"
    if problem:
        return InventoryRow(listed.line, number, listing, Outcome.REFUSED, (problem,))
    return InventoryRow(listed.line, number, listing, outcome)


def _phone(listing: Listing, known: Mapping[str, PhoneNumber]) -> PhoneNumber:
    return replace(known[listing.number], listing=listing) if listing.number in known else PhoneNumber(listing)
