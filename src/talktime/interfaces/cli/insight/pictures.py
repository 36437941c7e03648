"""`talktime pictures`: balance, spend, hours, destinations, users and pools, as SVG and PNG, and as a table."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import App, Parameter
from cyclopts import Group as Section
from rich.console import Group, RenderableType

from talktime.core.insight.pictures.rankings import Subject
from talktime.core.insight.pictures.rhythms import Measure
from talktime.core.insight.pictures.twins import TableTwin
from talktime.core.insight.tables import Column, ColumnKind, checked
from talktime.core.organizations.languages import ENGLISH, read_language
from talktime.core.values.errors import Invalid
from talktime.core.values.money import format_micros
from talktime.interfaces.cli.files import write_whole
from talktime.interfaces.cli.terminal import (
    DEFAULTS,
    Options,
    facts,
    heading,
    hint,
    money,
    now,
    open_app,
    progress,
    show,
    table,
)
from talktime.usecases.insight import show_pictures as shown
from talktime.usecases.insight.show_pictures import ShowPicture

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from talktime.exports.pictures.drawing.frames import Drawn, Look
    from talktime.store.transaction import Transaction

app = App(name="pictures")

_ROWS_SHOWN = 31
_PICTURE = Section("The picture", sort_key=1)


@Parameter(name="*", group=_PICTURE)
@dataclass(frozen=True, slots=True)
class Canvas:
    """Of what a picture is, and where it is written."""

    svg: Annotated[Path | None, Parameter(help="Write the picture as SVG to this file.")] = None
    png: Annotated[Path | None, Parameter(help="Write the picture as PNG, 1920 pixels wide, to this file.")] = None
    organization: Annotated[str, Parameter(help="Whose; may be left out where there is only one organization.")] = ""
    starts_on: Annotated[
        date | None,
        Parameter(name="--from", help="The first day, on the organization's clock. Default: thirty days in all."),
    ] = None
    ends_on: Annotated[date | None, Parameter(name="--to", help="The last day, itself included. Default: today.")] = (
        None
    )
    language: Annotated[str, Parameter(help="Of the picture's words: en, zh-CN, zh-TW or ru.")] = ENGLISH
    dark: Annotated[bool, Parameter(negative=(), help="Light words on dark paper.")] = False


NOWHERE = Canvas()
Measured = Annotated[
    Measure | None,
    Parameter(
        group=_PICTURE, help="What counts: cost, minutes or calls. Default: cost; minutes where nothing was charged."
    ),
]
_Draw = Callable[["Transaction", ShowPicture], tuple[Callable[["Look"], "Drawn"], "ZoneInfo", str]]


@app.command
def balance(*, canvas: Canvas = NOWHERE, options: Options = DEFAULTS) -> None:
    """Draw the balance over time with its purchases and the trigger of the recharge."""
    _picture(canvas, options, _balance)


@app.command
def spend(*, canvas: Canvas = NOWHERE, options: Options = DEFAULTS) -> None:
    """Draw what each day cost, stacked by what paid: credit, the bill, nothing; and the minutes that licenses paid."""
    _picture(canvas, options, _spend)


@app.command
def heatmap(*, canvas: Canvas = NOWHERE, measure: Measured = None, options: Options = DEFAULTS) -> None:
    """Draw the hours of the week: a cell for each, the darker the more."""
    _picture(canvas, options, _heatmap, measure)


@app.command
def destinations(*, canvas: Canvas = NOWHERE, measure: Measured = None, options: Options = DEFAULTS) -> None:
    """Draw the first destinations as bars, and all others together."""
    _picture(canvas, options, _ranking(Subject.DESTINATIONS), measure)


@app.command
def users(*, canvas: Canvas = NOWHERE, measure: Measured = None, options: Options = DEFAULTS) -> None:
    """Draw the first users as bars, and all others together."""
    _picture(canvas, options, _ranking(Subject.USERS), measure)


@app.command
def pools(*, canvas: Canvas = NOWHERE, options: Options = DEFAULTS) -> None:
    """Draw the minute pools of the month of --to: used by domestic and international calls, unused."""
    _picture(canvas, options, _pools)


def _balance(tx: "Transaction", request: ShowPicture) -> "tuple[Callable[[Look], Drawn], ZoneInfo, str]":
    from talktime.exports.pictures.balance import balance_picture

    history = shown.show_balance(tx, request)
    return lambda look: balance_picture(history, look), history.zone, history.currency


def _spend(tx: "Transaction", request: ShowPicture) -> "tuple[Callable[[Look], Drawn], ZoneInfo, str]":
    from talktime.exports.pictures.spend import spend_picture

    history = shown.show_spend(tx, request)
    return lambda look: spend_picture(history, look), history.zone, history.currency


def _heatmap(tx: "Transaction", request: ShowPicture) -> "tuple[Callable[[Look], Drawn], ZoneInfo, str]":
    from talktime.exports.pictures.heatmap import heat_map

    rhythm = shown.show_rhythm(tx, request)
    return lambda look: heat_map(rhythm, look), rhythm.zone, rhythm.currency


def _ranking(subject: Subject) -> _Draw:
    def draw(tx: "Transaction", request: ShowPicture) -> "tuple[Callable[[Look], Drawn], ZoneInfo, str]":
        from talktime.exports.pictures.bars import ranking_picture

        ranking = shown.show_ranking(tx, request, subject)
        return lambda look: ranking_picture(ranking, look), ranking.usage.zone, ranking.usage.currency

    return draw


def _pools(tx: "Transaction", request: ShowPicture) -> "tuple[Callable[[Look], Drawn], ZoneInfo, str]":
    from talktime.exports.pictures.pools import pools_picture
    from talktime.usecases.organizations.manage_organizations import find_organization

    organization = find_organization(tx, request.organization)
    bars = shown.show_pool_bars(tx, request)
    return lambda look: pools_picture(bars, look), organization.zone, organization.currency


def _picture(canvas: Canvas, options: Options, draw: _Draw, measure: Measure | None = None) -> None:
    """Read what the picture shows, draw it, write it where it was asked for, and show the same numbers."""
    from talktime.exports.pictures.drawing.frames import Look
    from talktime.exports.pictures.drawing.palettes import DARK, LIGHT
    from talktime.exports.pictures.drawing.words import Words

    language = read_language(canvas.language) or ENGLISH
    request = ShowPicture(canvas.organization, now(), canvas.starts_on, canvas.ends_on, measure)
    with progress("Drawing"), open_app(options.database) as talktime:
        drawn_in, zone, currency = talktime.read(draw, request)
    drawn = drawn_in(Look(Words(language, zone, currency), DARK if canvas.dark else LIGHT))
    written = _write(drawn, canvas)
    show(options, _document(drawn, written), lambda: _view(drawn, written, currency))
    if not written and not options.as_json:
        hint("To see it, say where to draw it: `--svg PATH`, `--png PATH`, or both.")


def _write(drawn: "Drawn", canvas: Canvas) -> list[str]:
    if canvas.svg is not None and canvas.svg == canvas.png:
        message = f"--svg and --png would both write {canvas.svg}: choose two files"
        raise Invalid(message, code="output_taken")
    written = []
    if canvas.svg is not None:
        write_whole(canvas.svg, drawn.svg.encode())
        written.append(str(canvas.svg))
    if canvas.png is not None:
        from talktime.exports.pictures.png import png_of

        write_whole(canvas.png, png_of(drawn.svg))
        written.append(str(canvas.png))
    return written


def _document(drawn: "Drawn", written: list[str]) -> dict[str, Any]:
    names = [column.name.lower().replace(" ", "_") for column in drawn.table.columns]
    return {
        "title": drawn.title,
        "summary": drawn.summary,
        "files": written,
        "rows": [
            {
                name: format_micros(checked(cell, int, column=column)) if column.kind is ColumnKind.MONEY else cell
                for name, column, cell in zip(names, drawn.table.columns, row, strict=True)
            }
            for row in drawn.table.rows
        ],
    }


def _view(drawn: "Drawn", written: list[str], currency: str) -> RenderableType:
    parts: list[RenderableType] = [heading(drawn.title), heading("", drawn.summary), ""]
    if drawn.table.rows:
        parts.append(_table(drawn.table, currency))
    hidden = len(drawn.table.rows) - _ROWS_SHOWN
    if hidden > 0:
        parts.append(heading("", f"{hidden:,} more rows: --json has all of them"))
    return Group(*parts, *([facts([("Written", name) for name in written])] if written else []))


def _table(twin: TableTwin, currency: str) -> RenderableType:
    numbers = [column.name for column in twin.columns if column.kind is not ColumnKind.TEXT]
    drawn = table(*(column.name for column in twin.columns), numbers=numbers)
    for row in twin.rows[-_ROWS_SHOWN:]:
        drawn.add_row(*(_cell(column, cell, currency) for column, cell in zip(twin.columns, row, strict=True)))
    return drawn


def _cell(column: Column, cell: object, currency: str) -> str:
    if column.kind is ColumnKind.MONEY:
        return money(checked(cell, int, column=column), currency)
    return f"{cell:,}" if isinstance(cell, int) else str(cell)
