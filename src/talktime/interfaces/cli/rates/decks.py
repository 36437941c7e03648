"""`talktime decks`: rate decks, from a vendor's file to what calls are charged by."""

import time
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from talktime.bootstrap import App as Talktime
from talktime.core.rates.rate_sheets import RateSheet
from talktime.core.values.errors import Invalid
from talktime.interfaces.cli.rates.deck_files import AS_THE_FILE_SAYS, SheetArguments, read_deck_file
from talktime.interfaces.cli.rates.deck_views import (
    diff_document,
    diff_view,
    import_document,
    import_view,
    list_view,
    listed_document,
    published_document,
    published_view,
)
from talktime.interfaces.cli.terminal import (
    DEFAULTS,
    Options,
    err,
    hint,
    instant,
    now,
    open_app,
    parse_instant,
    progress,
    show,
    table,
    warn,
)
from talktime.store.engine import is_sqlite
from talktime.store.rates import DeckVersion
from talktime.usecases.rates.publish_rate_deck import (
    CompareDeck,
    PublishDeck,
    RollBackDeck,
    StageDeck,
    compare_deck,
    find_version,
    list_versions,
    publish_deck,
    roll_back_deck,
    stage_deck,
)

app = App(name="decks")

REJECTIONS_SHOWN_MAX = 1_000
WARNINGS_SHOWN_MAX = 10
# SQLite has one writer at a time: this long, and as often as a chunk is written, calls go first.
PAUSE_SECONDS = 0.005

DeckName = Annotated[str, Parameter(help="The deck's name.")]


@app.command(name="import")
def import_(
    file: Annotated[Path, Parameter(help="CSV or workbook, with a header: prefix, destination, price, …")],
    *,
    deck: Annotated[str, Parameter(help="What the deck is called; a known name gets a new version.")],
    strict: Annotated[bool, Parameter(negative=(), help="Stage nothing where a single row is rejected.")] = False,
    stated: SheetArguments = AS_THE_FILE_SAYS,
    options: Options = DEFAULTS,
) -> None:
    """Stage a new version of a deck from a file; it prices nothing before it is published.

    Rows that cannot be read are named with their line and reason, and left out.
    """
    at = now()
    sheet = read_deck_file(file, stated)
    if strict:
        _refuse_rejected(sheet, file, options)
    with open_app(options.database) as talktime:
        version = _stage(talktime, StageDeck(deck, file.name, sheet.terms, sheet.rates, at))
    show(options, import_document(version, sheet), lambda: import_view(version, sheet))
    if not options.as_json:
        _after_import(version, sheet)


@app.command
def diff(
    deck: DeckName,
    *,
    from_: Annotated[
        int | None, Parameter(name="--from", help="Version to compare with; by default the one in force.")
    ] = None,
    to: Annotated[int | None, Parameter(help="Version to compare; by default the newest.")] = None,
    limit: Annotated[int, Parameter(help="So many changes are shown; --json has them all.")] = 50,
    options: Options = DEFAULTS,
) -> None:
    """Show what another version changes: new, up, down, removed, blocked, other."""
    with open_app(options.database) as talktime:
        compared = talktime.read(compare_deck, CompareDeck(deck, from_, to, now()))
    show(options, diff_document(compared), lambda: diff_view(compared, limit))
    if compared.changes and not options.as_json:
        hint(f'Put it in force: `talktime decks publish "{deck}" --version {compared.after.number}`')


@app.command
def publish(
    deck: DeckName,
    *,
    version: Annotated[int | None, Parameter(help="Which version; by default the newest.")] = None,
    at: Annotated[
        str,
        Parameter(
            help="From when on: ISO 8601 with Z or an offset; a date alone is read in the deck's zone. Default: now."
        ),
    ] = "",
    options: Options = DEFAULTS,
) -> None:
    """Put a version in force; calls in progress keep the version that they began with."""
    clock = now()
    with open_app(options.database) as talktime:
        found = talktime.read(lambda tx, _: find_version(tx, deck, version), None)
        start = parse_instant(at, found.terms.zone) if at else None
        published = talktime.run(publish_deck, PublishDeck(deck, found.number, start, clock))
    show(options, published_document(published), lambda: published_view(published, "is in force from"))


@app.command
def rollback(deck: DeckName, *, options: Options = DEFAULTS) -> None:
    """Put the version before the one in force back in force, now; calls in progress keep theirs."""
    with open_app(options.database) as talktime:
        published = talktime.run(roll_back_deck, RollBackDeck(deck, now()))
    show(options, published_document(published), lambda: published_view(published, "is in force again from"))


@app.default
@app.command(name="list")
def list_(
    deck: Annotated[str, Parameter(help="One deck; by default all.")] = "", *, options: Options = DEFAULTS
) -> None:
    """List the decks, their versions, and what is in force."""
    with open_app(options.database) as talktime:
        found = talktime.read(list_versions, (deck or None, now()))
    if not found and not options.as_json:
        hint("There is no rate deck yet. Import one: `talktime decks import FILE --deck standard --currency USD`")
        return
    show(options, {"versions": [listed_document(listed) for listed in found]}, lambda: list_view(found))


def _refuse_rejected(sheet: RateSheet, file: Path, options: Options) -> None:
    if not sheet.rejections:
        return
    if not options.as_json:
        _show_rejections(sheet)
    first = sheet.rejections[0]
    message = (
        f"{file.name}: {len(sheet.rejections):,} of {sheet.rows_read:,} rows were rejected, the first is line"
        f" {first.line}: {first.reason}. Nothing was staged: mend them, or import without --strict"
    )
    raise Invalid(message, code="rows_rejected")


def _stage(talktime: Talktime, request: StageDeck) -> DeckVersion:
    pause_seconds = PAUSE_SECONDS if is_sqlite(talktime.settings.database_url) else 0.0
    with progress(f"staging {request.deck}", len(request.rates), "rates") as advance:

        def after_chunk(count: int) -> None:
            advance(count)
            time.sleep(pause_seconds)

        return stage_deck(talktime.run, request, after_chunk)


def _after_import(version: DeckVersion, sheet: RateSheet) -> None:
    _show_rejections(sheet)
    for warning in sheet.warnings[:WARNINGS_SHOWN_MAX]:
        warn(f"line {warning.line}: {warning.message}")
    if len(sheet.warnings) > WARNINGS_SHOWN_MAX:
        warn(f"… and {len(sheet.warnings) - WARNINGS_SHOWN_MAX:,} more such lines; --json has them all")
    if sheet.effective_at is not None:
        zone = version.terms.zone
        hint(
            f"The file is effective from {instant(sheet.effective_at, zone)}:"
            f' `talktime decks publish "{version.deck}" --at {sheet.effective_at.astimezone(zone).isoformat()}`'
        )
        return
    hint(f'Look at what changes: `talktime decks diff "{version.deck}"`')
    hint(f'Put it in force: `talktime decks publish "{version.deck}"`')


def _show_rejections(sheet: RateSheet) -> None:
    if not sheet.rejections:
        return
    warn(f"{len(sheet.rejections):,} of {sheet.rows_read:,} rows were rejected, and price nothing:")
    made = table("Line", "Column", "Value", "Reason", numbers=("Line",))
    for rejection in sheet.rejections[:REJECTIONS_SHOWN_MAX]:
        made.add_row(f"{rejection.line}", rejection.column, rejection.value, rejection.reason)
    err().print(made)
    if len(sheet.rejections) > REJECTIONS_SHOWN_MAX:
        warn(f"… and {len(sheet.rejections) - REJECTIONS_SHOWN_MAX:,} more; --json has them all")
