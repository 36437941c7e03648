"""What every command shares: its options, its database, how it shows a result, and how time and money read.

A command takes `options: Options = DEFAULTS` last, opens the database with `open_app(options.database)`, hands what
it found to `show(options, document, view)`, and raises a `CallerError` for a no: `main` prints it and picks the exit
code.
"""

import json
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum
from typing import TYPE_CHECKING, Annotated, Any, TextIO
from zoneinfo import ZoneInfo

from cyclopts import Group, Parameter
from rich.box import SIMPLE_HEAD
from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from talktime.core.values.errors import Invalid
from talktime.core.values.money import format_micros
from talktime.core.values.periods import start_of_day

if TYPE_CHECKING:
    from talktime.bootstrap import App

# Piped output is not a narrow window: what is cut off there cannot be searched for.
PIPED_COLUMNS = 200
PATIENCE_SECONDS = 1.0
PLAIN_LINE_SECONDS = 10.0
EVERYWHERE = Group("On every command", sort_key=90)
DATE_CHARACTERS = len("2010-01-01")


@Parameter(name="*", group=EVERYWHERE)
@dataclass(frozen=True, slots=True)
class Options:
    """What can be said on every command that uses a database and reports."""

    database: Annotated[str, Parameter(env_var="TALKTIME_DATABASE", show_default=False)] = ""
    """sqlite:///path or postgresql://user@host/name; without it, a file in your data folder."""

    as_json: Annotated[bool, Parameter(name="--json", negative=())] = False
    """One JSON document on standard output instead of tables."""


DEFAULTS = Options()
Whose = Annotated[str, Parameter(help="Whose; may be left out where there is only one organization.")]


@contextmanager
def open_app(database: str) -> "Iterator[App]":
    """Open Talktime on a database, by default on the environment's or the user's own, with its schema up to date."""
    from talktime.bootstrap import App
    from talktime.settings import settings_from
    from talktime.store.engine import unavailable_if_locked

    settings = settings_from(os.environ)
    app = App(replace(settings, database=database) if database else settings)
    with unavailable_if_locked():
        app.__enter__()
    try:
        yield app
    finally:
        app.__exit__(None, None, None)


def now() -> datetime:
    """Read the clock: once per command, at its door."""
    return datetime.now(UTC)


# ── output ──────────────────────────────────────────────────────────────────────────────────────────────────


def show(options: Options, document: object, view: Callable[[], RenderableType]) -> None:
    """Print the document as JSON where that was asked, else what the view draws."""
    if options.as_json:
        print_json(document)
    else:
        out().print(view())


def print_json(document: object) -> None:
    """Print one JSON document; instants are ISO 8601 UTC. Money must come as decimal strings (`format_micros`)."""
    print(json.dumps(document, default=_json_value, ensure_ascii=False, indent=2))


def out() -> Console:
    """Return the console on standard output."""
    return _console(sys.stdout)


def err() -> Console:
    """Return the console on standard error: progress, warnings, hints."""
    return _console(sys.stderr)


def hint(text: str) -> None:
    """Say on standard error what to do next; `code` in backquotes stands out."""
    pieces = [(piece, "bold not dim" if index % 2 else "dim") for index, piece in enumerate(text.split("`"))]
    err().print(Text.assemble(("→ ", "dim"), *pieces), soft_wrap=True)


def refuse(text: str) -> None:
    """Say on standard error why not."""
    err().print(Text.assemble(("✗ ", "bold red"), text), soft_wrap=True)


def warn(text: str) -> None:
    """Say on standard error what should not be overlooked."""
    err().print(Text.assemble(("! ", "bold yellow"), (text, "yellow")), soft_wrap=True)


def table(*columns: str, numbers: Sequence[str] = (), title: str = "") -> Table:
    """Return an empty table of the house's looks; columns named in `numbers` are set flush right and never wrapped."""
    made = Table(
        box=SIMPLE_HEAD,
        show_edge=False,
        pad_edge=False,
        title=title or None,
        title_justify="left",
        title_style="bold",
        header_style="bold",
    )
    for name in columns:
        is_number = name in numbers
        made.add_column(name, justify="right" if is_number else "left", no_wrap=is_number, overflow="fold")
    return made


def heading(text: str, *details: str) -> Text:
    """Return the line above a result: what it is about, then what else matters, less loudly."""
    return Text.assemble((text, "bold"), *((f"  {detail}", "dim") for detail in details))


def facts(rows: Sequence[tuple[str, object]]) -> Table:
    """Return a list of names and values: how one thing is shown."""
    made = Table.grid(padding=(0, 3))
    made.add_column(style="dim")
    made.add_column(overflow="fold")
    for name, value in rows:
        made.add_row(name, value if isinstance(value, Text) else Text(str(value)))
    return made


def money(amount_micros: int, currency: str = "") -> str:
    """Write an amount for people: exact, with thousands set apart."""
    digits = format_micros(amount_micros)
    whole, _, fraction = digits.lstrip("-").partition(".")
    sign = "-" if amount_micros < 0 else ""
    return f"{sign}{int(whole):,}.{fraction} {currency}".rstrip()


def instant(at: datetime, zone: ZoneInfo | None = None) -> str:
    """Write an instant for people, on the clock of a zone if one is given, else UTC."""
    local = at.astimezone(zone or UTC)
    return f"{local:%Y-%m-%d %H:%M}" + (":" + f"{local:%S}" if local.second else "") + f" {local.tzname()}"


def iso(at: datetime | None) -> str | None:
    """Write an instant for programs."""
    return None if at is None else at.astimezone(UTC).isoformat().replace("+00:00", "Z")


# ── input ───────────────────────────────────────────────────────────────────────────────────────────────────


def parse_instant(text: str, zone: ZoneInfo | None = None) -> datetime:
    """Read ISO 8601 with an offset or Z; a date alone is its first instant in the zone, UTC where none is known."""
    try:
        if len(text) == DATE_CHARACTERS:
            return start_of_day(date.fromisoformat(text), zone or ZoneInfo("UTC"))
        read = datetime.fromisoformat(text)
    except ValueError as failure:
        message = f"{text!r} is no instant: write 2026-03-01, or 2026-03-01T09:30:00Z"
        raise Invalid(message, code="instant") from failure
    if read.tzinfo is None:
        message = f"{text!r} does not say in which time zone: add Z, or an offset such as +02:00"
        raise Invalid(message, code="instant")
    return read.astimezone(UTC)


# ── progress ────────────────────────────────────────────────────────────────────────────────────────────────

Advance = Callable[[int], None]


@contextmanager
def progress(doing: str, total: int | None = None, unit: str = "rows") -> Iterator[Advance]:
    """Show how far something has come, at what rate and how long it still takes; silent where it takes a second.

    `advance(n)` counts n more. In a terminal it is one line on standard error that goes away; elsewhere a plain line
    now and then.
    """
    line = _Bar(doing, total, unit) if sys.stderr.isatty() else _PlainLines(doing, total, unit)
    try:
        yield line.advance
    finally:
        line.close()


class _Bar:
    """A live line in a terminal."""

    def __init__(self, doing: str, total: int | None, unit: str) -> None:
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        columns = (
            TextColumn("{task.description}"),
            BarColumn(bar_width=28),
            MofNCompleteColumn(),
            TextColumn(f"{unit} · {{task.fields[rate]}}/s ·"),
            TimeRemainingColumn(),
            TextColumn("left"),
        )
        self._progress = Progress(*columns, console=err(), transient=True)
        self._task = self._progress.add_task(doing, total=total, rate="–")
        self._began = time.monotonic()
        self._done = 0
        self._is_shown = False

    def advance(self, count: int) -> None:
        self._done += count
        passed = time.monotonic() - self._began
        if not self._is_shown and passed > PATIENCE_SECONDS:
            self._progress.start()
            self._is_shown = True
        self._progress.update(self._task, advance=count, rate=f"{self._done / max(passed, 0.001):,.0f}")

    def close(self) -> None:
        if self._is_shown:
            self._progress.stop()


class _PlainLines:
    """A line now and then, where standard error is a file or another program."""

    def __init__(self, doing: str, total: int | None, unit: str) -> None:
        self._doing, self._total, self._unit = doing, total, unit
        self._began = self._last = time.monotonic()
        self._done = 0

    def advance(self, count: int) -> None:
        self._done += count
        at = time.monotonic()
        if at - self._last < PLAIN_LINE_SECONDS:
            return
        self._last = at
        rate = self._done / (at - self._began)
        left = f" of {self._total:,}, {(self._total - self._done) / rate:,.0f} s left" if self._total else ""
        print(f"{self._doing}: {self._done:,} {self._unit}{left} ({rate:,.0f}/s)", file=sys.stderr, flush=True)

    def close(self) -> None:
        pass


def _console(stream: TextIO) -> Console:
    # Without markup, because names come from people: what is styled is a `Text`.
    width = None if stream.isatty() else PIPED_COLUMNS
    return Console(file=stream, width=width, highlight=False, markup=False, emoji=False)


def _json_value(value: object) -> Any:
    if isinstance(value, datetime):
        return iso(value)
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Decimal):
        return format(value, "f")
    message = f"{type(value).__name__} has no JSON form"
    raise TypeError(message)
