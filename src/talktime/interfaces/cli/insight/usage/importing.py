"""`talktime usage import`: calls that another system recorded, tried first if you like; list and remove imports."""

import csv
import getpass
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

from cyclopts import App, Parameter
from cyclopts.types import PositiveInt

from talktime.core.insight.importing.imported_calls import ImportedCall, UsageLine
from talktime.core.insight.importing.imported_table import COLUMNS, cells_of
from talktime.core.insight.usage import EARLIEST, LATEST
from talktime.core.values.periods import Period
from talktime.exports.csv import harmless, write_csv
from talktime.imports.usage import count_lines, read_usage_file
from talktime.interfaces.cli.files import STANDARD_OUTPUT, text_stream
from talktime.interfaces.cli.insight.usage import import_views
from talktime.interfaces.cli.insight.usage.files import AS_IT_LOOKS, FILE_HELP, FileReading
from talktime.interfaces.cli.terminal import (
    DEFAULTS,
    Options,
    Whose,
    heading,
    hint,
    now,
    open_app,
    progress,
    refuse,
    show,
)
from talktime.usecases.insight.import_usage import (
    ImportUsage,
    ReadImported,
    UsageImported,
    import_usage,
    list_imports,
    read_imported,
    remove_import,
)

EXIT_NOTHING_IMPORTED = 2

imports = App(name="imports")


def import_(
    file: Annotated[Path, Parameter(help=FILE_HELP)],
    *,
    organization: Whose = "",
    deck: Annotated[str, Parameter(help="Rate calls that have no charge by this deck, its newest version.")] = "",
    deck_version: Annotated[PositiveInt | None, Parameter(help="Rate by this version of the deck.")] = None,
    rejects: Annotated[Path | None, Parameter(help="Write every rejected line with its reason to this CSV.")] = None,
    dry_run: Annotated[bool, Parameter(negative=(), help="Only tell what would be imported.")] = False,
    reading: FileReading = AS_IT_LOOKS,
    options: Options = DEFAULTS,
) -> int:
    """Import calls of another system for reports and advice: all that are new, or none if the file is damaged.

    Imported calls touch no balance. Lines that cannot be read are rejected one by one, with the reason.
    """
    at = now()
    request = ImportUsage(organization, _printable(file.name), at, getpass.getuser(), deck, deck_version, dry_run)
    lines = read_usage_file(file, reading.how(at))
    with (
        open_app(options.database) as talktime,
        _rejects_file(rejects) as note,
        progress(f"Reading {file.name}", count_lines(file), "lines") as advance,
    ):
        transact = talktime.read if dry_run else talktime.run
        imported = import_usage(transact, request, map(note, lines), advance)
    show(options, import_views.document(imported, is_dry=dry_run), lambda: import_views.view(imported, is_dry=dry_run))
    return _what_next(imported, file, options, is_dry=dry_run)


@contextmanager
def _rejects_file(path: Path | None) -> Iterator[Callable[[UsageLine], UsageLine]]:
    """Open a file in which each rejected line is noted while it passes; nothing is noted without a path."""
    if path is None:
        yield lambda line: line
        return
    with text_stream(str(path)) as stream:
        writer = csv.writer(stream)
        writer.writerow(("part", "line", "column", "value", "reason"))

        def note(line: UsageLine) -> UsageLine:
            if line.reject is not None:
                reject = line.reject
                writer.writerow((line.part, line.line, *map(harmless, (reject.column, reject.value, reject.reason))))
            return line

        yield note


def _printable(name: str) -> str:
    """Return a file's name as a database takes it: what is no Unicode in it is replaced."""
    return name.encode("utf-8", "replace").decode()


def _what_next(imported: UsageImported, file: Path, options: Options, *, is_dry: bool) -> int:
    tally = imported.tally
    is_refused = not tally.new_count and tally.rejected_count > 0 and not tally.known_count
    if options.as_json:
        return EXIT_NOTHING_IMPORTED if is_refused else 0
    if is_refused:
        refuse(f"No line of {file.name} holds a call that can be read: see the reasons above.")
        return EXIT_NOTHING_IMPORTED
    if tally.without_cost_count and not imported.deck:
        hint("Calls without a charge are rated by a deck of yours with `--deck NAME`.")
    if is_dry:
        hint("Nothing was written. Leave `--dry-run` away to import it.")
    elif imported.import_id is None:
        hint("Nothing is new, and nothing was changed.")
    else:
        hint(f"Undo: `talktime usage imports remove {imported.import_id}`. All: `talktime usage imports`.")
    return 0


@imports.default
def list_(*, organization: Whose = "", options: Options = DEFAULTS) -> None:
    """List what was imported, newest last."""
    with open_app(options.database) as talktime:
        found, listed = talktime.read(list_imports, organization)
    document: dict[str, Any] = {
        "organization": found.name,
        "imports": [import_views.import_document(each) for each in listed],
    }
    show(options, document, lambda: import_views.imports_view(found.name, listed))
    if not listed and not options.as_json:
        hint(
            "Import a usage export, or a switch's CDR file: `talktime usage import FILE --dry-run` tells what it holds."
        )


@imports.command
def export(
    *,
    csv_: Annotated[
        str, Parameter(name="--csv", help="Where to; - is standard output.", allow_leading_hyphen=True)
    ] = STANDARD_OUTPUT,
    organization: Whose = "",
    options: Options = DEFAULTS,
) -> None:
    """Write the calls of all imports as CSV, in the columns of usage exports: it can be imported again."""
    counts: list[int] = []

    def write(calls: Iterator[ImportedCall]) -> None:
        with text_stream(csv_, as_json=options.as_json) as stream:
            counts.append(write_csv(stream, COLUMNS, map(cells_of, calls)))

    with open_app(options.database) as talktime:
        found = talktime.read(read_imported, ReadImported(organization, Period(EARLIEST, LATEST), write))
    document = {"organization": found.name, "calls": counts[0], "file": csv_}
    if csv_ != STANDARD_OUTPUT:
        show(options, document, lambda: heading(f"{counts[0]:,} imported calls of {found.name} written", csv_))


@imports.command
def remove(
    import_id: Annotated[PositiveInt, Parameter(name="ID", help="The import, by its number in the list.")],
    *,
    organization: Whose = "",
    options: Options = DEFAULTS,
) -> None:
    """Remove an import with all its calls; the file can be imported again."""
    with open_app(options.database) as talktime, progress("Removing", unit="calls") as advance:
        removed = remove_import(talktime.run, (organization, import_id), advance)
    show(options, import_views.import_document(removed), lambda: import_views.removed_view(removed))
