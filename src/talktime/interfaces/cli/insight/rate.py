"""`talktime rate`: what millions of recorded calls cost by a deck, and what they would by another."""

import csv
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import App, Parameter
from cyclopts.types import PositiveInt
from rich.console import Group, RenderableType
from rich.table import Table

from talktime.core.calls.calls import EXPLANATIONS, DenialReason
from talktime.core.rates.rate_decks import Direction
from talktime.core.values.errors import Conflict
from talktime.core.values.money import format_micros
from talktime.core.values.places import read_zone
from talktime.interfaces.cli.files import in_its_place, text_stream
from talktime.interfaces.cli.terminal import (
    DEFAULTS,
    PATIENCE_SECONDS,
    Options,
    facts,
    heading,
    hint,
    money,
    open_app,
    progress,
    show,
    table,
    warn,
)

if TYPE_CHECKING:
    import pyarrow as pa  # type: ignore[import-untyped]

    from talktime.imports.call_columns import CallBatch, RefusedRow
    from talktime.usecases.insight.rate_in_bulk import ChosenRates, RatedSums, Sum
    from talktime.usecases.ports import BulkRater

app = App(name="rate")

# Whoever wants more of them wants a file.
DESTINATIONS_SHOWN = 20
REFUSED_SHOWN = 5


@Parameter(name="*")
@dataclass(frozen=True, slots=True)
class Rating:
    """By which prices."""

    deck: Annotated[str, Parameter(help="A deck's name; may be left out where there is one deck.")] = ""
    version: Annotated[
        PositiveInt | None,
        Parameter(help="This version for all calls. Default: the one that was in force when a call began."),
    ] = None
    against: Annotated[
        str, Parameter(help="Also by this deck, or by this version of the same one: what would change?")
    ] = ""
    direction: Annotated[Direction, Parameter(help="Which of the deck's rates the calls fall under.")] = (
        Direction.OUTBOUND
    )


_AS_PUBLISHED = Rating()


@Parameter(name="*")
@dataclass(frozen=True, slots=True)
class Writing:
    """Where the rows go."""

    out: Annotated[Path | None, Parameter(help="Write every call with its price to this .csv or .parquet file.")] = None
    rejects: Annotated[Path | None, Parameter(help="Write the rows that hold no call, and why, to this CSV file.")] = (
        None
    )


_NOWHERE = Writing()


@Parameter(name="*")
@dataclass(frozen=True, slots=True)
class Power:
    """What does the work."""

    processes: Annotated[
        PositiveInt, Parameter(help="So many processes; one alone uses all cores, and is mostly as quick.")
    ] = 1
    spark: Annotated[
        str, Parameter(help="A Spark cluster's master, such as spark://host:7077; needs the extra `cluster`.")
    ] = ""


_THIS_MACHINE = Power()


@dataclass(slots=True)
class _Told:
    """What was found so far in the file itself."""

    file: Path
    refused_count: int = 0
    refused: "list[RefusedRow]" = field(default_factory=list)
    seconds: float = 0.0


@app.default
def rate(
    file: Annotated[
        Path,
        Parameter(help="CSV with a header, or Parquet, with the columns caller, called, started_at and used_seconds."),
    ],
    *,
    rating: Rating = _AS_PUBLISHED,
    writing: Writing = _NOWHERE,
    time_zone: Annotated[str, Parameter(help="The file's clock, where its instants state no offset.")] = "",
    power: Power = _THIS_MACHINE,
    options: Options = DEFAULTS,
) -> None:
    """Price recorded calls by a deck; nothing is charged, and nothing stored.

    Millions of calls stream through, exact to the micro-unit, at a bounded memory. A call that has no price is counted
    with the reason, and stands in the output without a cost.
    """
    from talktime.imports.call_columns import open_call_columns
    from talktime.usecases.insight.rate_in_bulk import RatedSums, rate_in_bulk

    zone = read_zone(time_zone) if time_zone else None
    calls = open_call_columns(file, zone, rating.direction)
    with open_app(options.database) as talktime:
        chosen, against = _chosen(talktime.read, rating)
    told, sums, began = _Told(file), RatedSums(), time.perf_counter()
    with ExitStack() as opened:
        advance = opened.enter_context(progress("Rating", calls.rows_count, "calls"))
        refuse = opened.enter_context(_rejects(writing.rejects))
        write = opened.enter_context(_output(writing.out))
        rated = rate_in_bulk(_rater(power), chosen, against, _counted(calls.batches, told, refuse), sums)
        for batch in rated:
            write(batch)
            advance(len(batch))
    told.seconds = time.perf_counter() - began
    show(options, _document(told, chosen, against, sums), lambda: _view(told, chosen, against, sums))
    if not options.as_json:
        _next_steps(told, sums, writing)


def _chosen(read: Callable[..., Any], rating: Rating) -> "tuple[ChosenRates, ChosenRates | None]":
    from talktime.usecases.insight.rate_in_bulk import DeckChoice, choose_rates

    chosen: ChosenRates = read(choose_rates, DeckChoice(rating.deck, rating.direction, rating.version))
    if not rating.against:
        return chosen, None
    # A deck may be called 7, too: then its version has to be named as one.
    is_version = rating.against.isdecimal()
    other = DeckChoice(
        chosen.deck if is_version else rating.against,
        rating.direction,
        int(rating.against) if is_version else None,
    )
    return chosen, read(choose_rates, other)


def _rater(power: Power) -> "BulkRater":
    if power.spark and power.processes > 1:
        message = "--processes are this machine's, and --spark is a cluster: say one of them"
        raise Conflict(message, code="two_engines")
    if power.spark:
        from talktime.bulk.engines.spark import SparkEngine

        cluster: BulkRater = SparkEngine(power.spark)
        return cluster
    from talktime.bulk.engines.local import LocalEngine

    return LocalEngine(power.processes)


_Refuse = Callable[["tuple[RefusedRow, ...]"], None]


def _counted(batches: "Iterator[CallBatch]", told: _Told, refuse: _Refuse) -> "Iterator[pa.RecordBatch]":
    for batch in batches:
        told.refused_count += len(batch.refused)
        told.refused += batch.refused[: REFUSED_SHOWN - len(told.refused)]
        refuse(batch.refused)
        yield batch.calls


@contextmanager
def _rejects(path: Path | None) -> Iterator[_Refuse]:
    if path is None:
        yield lambda _: None
        return
    with text_stream(str(path)) as stream:
        writer = csv.writer(stream)
        writer.writerow(("row", "reason"))
        yield lambda refused: writer.writerows((each.row, each.reason) for each in refused)


@contextmanager
def _output(path: Path | None) -> "Iterator[Callable[[pa.RecordBatch], None]]":
    if path is None:
        yield lambda _: None
        return
    from talktime.exports.rated_calls import rated_writer

    with in_its_place(path) as unfinished, rated_writer(unfinished, path.suffix.lower()) as write:
        yield write


# ── what is said ────────────────────────────────────────────────────────────────────────────────────────────


def _document(told: _Told, chosen: "ChosenRates", against: "ChosenRates | None", sums: "RatedSums") -> dict[str, Any]:
    return {
        "file": str(told.file),
        "deck": chosen.deck,
        "version": chosen.number,
        "currency": chosen.currency,
        "calls": sums.calls,
        "rated": sums.total.calls,
        "not_rated": dict(sums.not_rated),
        "refused_rows": told.refused_count,
        "refused_rows_shown": [{"row": each.row, "reason": each.reason} for each in told.refused],
        **_sum_document(sums.total, against),
        "against": None if against is None else {"deck": against.deck, "version": against.number},
        "against_not_rated": None if against is None else dict(sums.against_not_rated),
        "destinations": [
            {"destination": name, "calls": each.calls, **_sum_document(each, against)}
            for name, each in _dearest(sums, against)
        ],
        "destinations_count": len(sums.by_destination),
        "seconds": round(told.seconds, 3),
        "calls_per_second": _per_second(told, sums),
    }


def _sum_document(each: "Sum", against: "ChosenRates | None") -> dict[str, Any]:
    document: dict[str, Any] = {
        "used_seconds": each.used_seconds,
        "billed_seconds": each.billed_seconds,
        "cost": format_micros(each.cost_micros),
    }
    if against is not None:
        document |= {
            "compared_calls": each.against_calls,
            "against_cost": format_micros(each.against_micros),
            "difference": format_micros(each.difference_micros),
        }
    return document


def _dearest(sums: "RatedSums", against: "ChosenRates | None") -> "list[tuple[str, Sum]]":
    """Return the destinations that cost most, or of which the difference is largest."""

    def rank(item: "tuple[str, Sum]") -> tuple[int, str]:
        name, each = item
        return -(each.cost_micros if against is None else abs(each.difference_micros)), name

    return sorted(sums.by_destination.items(), key=rank)[:DESTINATIONS_SHOWN]


def _per_second(told: _Told, sums: "RatedSums") -> int:
    return round(sums.calls / told.seconds) if told.seconds else 0


def _view(told: _Told, chosen: "ChosenRates", against: "ChosenRates | None", sums: "RatedSums") -> RenderableType:
    total = sums.total
    title = heading(
        money(total.cost_micros, chosen.currency),
        f"{total.calls:,} calls of {told.file.name}",
        _name(chosen),
        # Of a moment, most was spent on the deck.
        f"{told.seconds:,.1f} s, {_per_second(told, sums):,} calls/s" if told.seconds >= PATIENCE_SECONDS else "",
    )
    parts: list[RenderableType] = [title, "", facts(_counts(told, sums))]
    if against is not None:
        parts += ["", facts(_comparison(against, sums, chosen.currency))]
    if sums.by_destination:
        parts += ["", _destinations(sums, against)]
    return Group(*parts)


def _name(chosen: "ChosenRates") -> str:
    return f"{chosen.deck}, " + ("as published" if chosen.number is None else f"version {chosen.number}")


def _counts(told: _Told, sums: "RatedSums") -> list[tuple[str, object]]:
    total = sums.total
    return [
        ("Rated", f"{total.calls:,} calls, {total.used_seconds:,} s used, {total.billed_seconds:,} s billed"),
        *(("Not rated", f"{count:,} calls: {_sentence(reason)}") for reason, count in sums.not_rated.most_common()),
        *([("No call", f"{told.refused_count:,} rows")] if told.refused_count else []),
        *(("", f"row {each.row:,}: {each.reason}") for each in told.refused),
    ]


def _comparison(against: "ChosenRates", sums: "RatedSums", currency: str) -> list[tuple[str, object]]:
    total = sums.total
    more = f"{money(abs(total.difference_micros), currency)} {'more' if total.difference_micros > 0 else 'less'}"
    return [
        (f"By {_name(against)}", money(total.against_micros, currency)),
        ("Difference", more if total.difference_micros else "none"),
        ("Compared", f"{total.against_calls:,} calls that both price"),
        *(("Not rated there", f"{n:,} calls: {_sentence(why)}") for why, n in sums.against_not_rated.most_common()),
    ]


def _sentence(reason: str) -> str:
    return EXPLANATIONS[DenialReason(reason)]


def _destinations(sums: "RatedSums", against: "ChosenRates | None") -> Table:
    numbers = ("Calls", "Seconds", "Billed", "Cost", *(() if against is None else ("There", "Difference")))
    drawn = table("Destination", *numbers, numbers=numbers)
    for name, each in _dearest(sums, against):
        cells = [name or "–", *(f"{n:,}" for n in (each.calls, each.used_seconds, each.billed_seconds))]
        cells.append(money(each.cost_micros))
        if against is not None:
            sign = "+" if each.difference_micros > 0 else ""
            cells += [money(each.against_micros), sign + money(each.difference_micros)]
        drawn.add_row(*cells)
    more = len(sums.by_destination) - DESTINATIONS_SHOWN
    if more > 0:
        drawn.add_row("…", *[""] * len(numbers))
    return drawn


def _next_steps(told: _Told, sums: "RatedSums", writing: Writing) -> None:
    if told.refused_count and writing.rejects is None:
        warn(f"{told.refused_count:,} rows hold no call; --rejects FILE lists them all.")
    if not sums.calls:
        hint("There is nothing to rate: the file holds no call.")
    elif writing.out is None:
        hint("`--out FILE.parquet` writes each call with its price.")
