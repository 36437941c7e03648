"""`talktime quote`: what a call costs, and why."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

from cyclopts import App, Parameter
from rich.console import Group

from talktime.core.calls.calls import EXPLANATIONS
from talktime.core.rates.rate_decks import Direction, RateDeck
from talktime.core.rates.rating import Block
from talktime.core.values.errors import Invalid
from talktime.core.values.money import format_micros, format_nanos
from talktime.interfaces.cli.rates.deck_files import AS_THE_FILE_SAYS, SheetArguments, read_deck_file
from talktime.interfaces.cli.terminal import (
    DEFAULTS,
    Options,
    facts,
    heading,
    instant,
    money,
    now,
    open_app,
    parse_instant,
    show,
    warn,
)
from talktime.usecases.rates.quote_call import NoPrice, Quote, QuoteCall, check_call, find_deck, quote, quote_call

app = App(name="quote")

_FILE_ENDINGS = frozenset({".csv", ".tsv", ".txt", ".xlsx", ".xlsm", ".xls", ".xlsb", ".ods"})


@app.default
def quote_(
    number: Annotated[str, Parameter(help="Who is called, with the country code: +442079460958.")],
    *,
    seconds: Annotated[int, Parameter(help="How long the call lasts.")],
    deck: Annotated[
        str,
        Parameter(help="A deck's name, or a file, which needs no database. May be left out where there is one deck."),
    ] = "",
    at: Annotated[
        str,
        Parameter(
            help="When the call is answered: ISO 8601 with Z or an offset; a date alone is read in the deck's zone."
            " Default: now."
        ),
    ] = "",
    from_: Annotated[str, Parameter(name="--from", help="Who calls, where the price depends on it.")] = "",
    stated: SheetArguments = AS_THE_FILE_SAYS,
    options: Options = DEFAULTS,
) -> None:
    """Say what a call costs, and why."""
    call = QuoteCall(number, seconds, now(), from_, stated.direction or Direction.OUTBOUND)
    if _is_file(deck):
        answer = _quote_by_file(Path(deck), call, at, stated)
    else:
        answer = _quote_by_database(deck, call, at, options)
    if isinstance(answer, NoPrice):
        message = f"+{answer.called} by {_deck_text(answer)}: {EXPLANATIONS[answer.reason]}"
        raise Invalid(message, code=answer.reason.value)
    show(options, _document(answer), lambda: _view(answer))


def _is_file(deck: str) -> bool:
    return Path(deck).suffix.lower() in _FILE_ENDINGS or (bool(deck) and Path(deck).is_file())


def _quote_by_file(path: Path, call: QuoteCall, at: str, stated: SheetArguments) -> Quote | NoPrice:
    check_call(call)
    sheet = read_deck_file(path, stated)
    if sheet.rejections:
        warn(
            f"{len(sheet.rejections):,} of {sheet.rows_read:,} rows of {path.name} were rejected and price nothing here"
        )
    answered_at = parse_instant(at, sheet.terms.zone) if at else call.answered_at
    rates = RateDeck(version_id=0, terms=sheet.terms, rates=sheet.rates)
    return quote(rates, check_call(replace(call, answered_at=answered_at)), deck=path.name, deck_version=None)


def _quote_by_database(deck: str, call: QuoteCall, at: str, options: Options) -> Quote | NoPrice:
    check_call(call)
    with open_app(options.database) as talktime:
        if at:
            zone = talktime.read(find_deck, deck).terms.zone
            call = replace(call, answered_at=parse_instant(at, zone))
        return talktime.read(quote_call, (call, deck))


def _document(quoted: Quote) -> dict[str, Any]:
    return {
        "cost": format_micros(quoted.cost_micros),
        "currency": quoted.currency,
        "prefix": quoted.prefix,
        "destination": quoted.destination,
        "deck": quoted.deck,
        "deck_version": quoted.deck_version,
        "billed_seconds": quoted.billed_seconds,
        "used_seconds": quoted.used_seconds,
        "number": quoted.called,
        "origin_prefix": quoted.origin_prefix,
        "direction": quoted.direction,
        "answered_at": quoted.answered_at,
        "connection_fee": format_nanos(quoted.connection_fee_nanos),
        "blocks": [
            {
                "from_second": block.from_second,
                "increments": block.increments,
                "increment_seconds": block.increment_seconds,
                "price_per_minute": format_nanos(block.nanos_per_minute),
                "time_profile": block.profile,
            }
            for block in quoted.blocks
        ],
    }


def _view(quoted: Quote) -> Group:
    used = f"+{quoted.called}, {quoted.used_seconds:,} s"
    rows: list[tuple[str, object]] = [
        ("Destination", quoted.destination or "–"),
        ("Prefix", quoted.prefix + (f" from {quoted.origin_prefix}" if quoted.origin_prefix else "")),
        ("Rate deck", _deck_text(quoted)),
        ("Answered", instant(quoted.answered_at)),
        ("Billed", f"{quoted.billed_seconds:,} s"),
    ]
    if quoted.connection_fee_nanos:
        rows.append(("Connection fee", format_nanos(quoted.connection_fee_nanos)))
    rows += [("" if index else "Talk", _block_text(block)) for index, block in enumerate(quoted.blocks)]
    return Group(heading(money(quoted.cost_micros, quoted.currency), used), "", facts(rows))


def _block_text(block: Block) -> str:
    profile = f", {block.profile}" if block.profile else ""
    price = format_nanos(block.nanos_per_minute)
    return f"{block.increments:,} × {block.increment_seconds} s at {price} a minute{profile}"


def _deck_text(answer: Quote | NoPrice) -> str:
    return answer.deck if answer.deck_version is None else f"{answer.deck}, version {answer.deck_version}"
