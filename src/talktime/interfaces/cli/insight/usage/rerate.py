"""`talktime usage rerate`: charged calls by another deck, and the difference corrected."""

from collections import Counter
from contextlib import closing
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter
from cyclopts.types import PositiveInt
from rich.console import Group, RenderableType
from rich.table import Table

from talktime.core.calls.calls import EXPLANATIONS, DenialReason
from talktime.core.values.money import format_micros
from talktime.interfaces.cli.terminal import (
    DEFAULTS,
    Options,
    Whose,
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

if TYPE_CHECKING:
    from talktime.usecases.insight.rerate_usage import Rerated, ReratedPage, RerateOrder, RerateUsage

DESTINATIONS_SHOWN = 20
_REASONS = {reason.value: EXPLANATIONS[reason] for reason in DenialReason}


@dataclass(slots=True)
class _Sum:
    """What the calls to a destination cost, and would by the deck."""

    calls: int = 0
    before_micros: int = 0
    after_micros: int = 0

    def add(self, each: "Rerated") -> None:
        self.calls += 1
        self.before_micros += each.before_micros
        self.after_micros += each.after_micros

    @property
    def change_micros(self) -> int:
        return self.after_micros - self.before_micros


@dataclass(slots=True)
class _Told:
    """What was found so far."""

    compared: int = 0
    applied: int = 0
    total: _Sum = field(default_factory=_Sum)
    by_destination: dict[str, _Sum] = field(default_factory=dict)
    not_rated: Counter[str] = field(default_factory=Counter)

    def count(self, page: "ReratedPage") -> None:
        self.compared += page.compared
        for each in page.rerated:
            if each.why_not:
                self.not_rated[each.why_not] += 1
            elif each.change_micros:
                self.applied += each.is_applied
                self.total.add(each)
                self.by_destination.setdefault(each.destination, _Sum()).add(each)


def rerate(
    *,
    organization: Whose = "",
    starts_on: Annotated[date, Parameter(name="--from", help="The first day, on the organization's clock.")],
    ends_on: Annotated[date, Parameter(name="--to", help="The last day, itself included.")],
    deck: Annotated[str, Parameter(help="By which deck: as it was in force when each call began.")],
    version: Annotated[
        PositiveInt | None, Parameter(help="By this version, for all calls; one never published needs --dry-run.")
    ] = None,
    dry_run: Annotated[bool, Parameter(negative=(), help="Say what would change, and change nothing.")] = False,
    options: Options = DEFAULTS,
) -> None:
    """Rate charged calls anew by a deck, and charge or give back the difference.

    Nothing that was written changes: each call whose cost differs is corrected, with usage rows and journal entries of
    its own, and keeps the new rate. A second run finds nothing to do. Minutes of pools, and how long calls lasted,
    stay as they are.
    """
    from talktime.bootstrap import open_statements
    from talktime.bulk.engines.local import LocalEngine
    from talktime.usecases.calls.reconcile_calls import Books
    from talktime.usecases.insight.rerate_usage import RerateUsage, prepare_rerating, rerate_usage

    request = RerateUsage(organization, starts_on, ends_on, deck, now(), version, applies=not dry_run)
    told = _Told()
    with open_app(options.database) as talktime:
        order = talktime.read(prepare_rerating, request)
        with (
            closing(open_statements(talktime.settings.database_url)) as statements,
            progress("Comparing", unit="calls") as advance,
        ):
            books = Books(talktime.read, talktime.run, statements, talktime.settings.charging_terms)
            for page in rerate_usage(books, LocalEngine(), order):
                told.count(page)
                advance(page.compared)
    show(options, _document(told, order, request), lambda: _view(told, order, request))
    if not options.as_json:
        _next_steps(told, request)


def _document(told: _Told, order: "RerateOrder", request: "RerateUsage") -> dict[str, Any]:
    return {
        "organization": order.organization.name,
        "from": request.starts_on.isoformat(),
        "to": request.ends_on.isoformat(),
        "deck": order.rates[0].deck,
        "version": request.number,
        "currency": order.organization.currency,
        "calls_compared": told.compared,
        "calls_applied": told.applied,
        **_sum_document(told.total),
        "not_rated": dict(told.not_rated),
        "destinations": [{"destination": name, **_sum_document(each)} for name, each in _largest(told.by_destination)],
    }


def _sum_document(each: _Sum) -> dict[str, Any]:
    return {
        "calls_that_differ": each.calls,
        "charged": format_micros(each.before_micros),
        "by_the_deck": format_micros(each.after_micros),
        "change": format_micros(each.change_micros),
    }


def _largest(by_destination: dict[str, _Sum]) -> list[tuple[str, _Sum]]:
    return sorted(by_destination.items(), key=lambda item: (-abs(item[1].change_micros), item[0]))[:DESTINATIONS_SHOWN]


def _view(told: _Told, order: "RerateOrder", request: "RerateUsage") -> RenderableType:
    currency, total = order.organization.currency, told.total
    number = order.rates[0].number
    title = heading(
        _change_text(total.change_micros, currency),
        f"{order.organization.name}, {request.starts_on} to {request.ends_on}",
        f"{order.rates[0].deck}, " + ("as published" if number is None else f"version {number}"),
    )
    amounts = f"charged {money(total.before_micros)}, by the deck {money(total.after_micros, currency)}"
    rows: list[tuple[str, object]] = [
        ("Compared", f"{told.compared:,} calls"),
        ("Differ", f"{total.calls:,} calls: {amounts}"),
        *(("Left as they are", f"{count:,} calls: {_REASONS.get(why, why)}") for why, count in told.not_rated.items()),
    ]
    if request.applies:
        rows.append(("Corrected", f"{told.applied:,} calls"))
    parts: list[RenderableType] = [title, "", facts(rows)]
    if told.by_destination:
        parts += ["", _destinations(told)]
    return Group(*parts)


def _change_text(change_micros: int, currency: str) -> str:
    if not change_micros:
        return "Nothing changes"
    return f"{money(abs(change_micros), currency)} {'to charge' if change_micros > 0 else 'to give back'}"


def _destinations(told: _Told) -> Table:
    numbers = ("Calls", "Charged", "By the deck", "Difference")
    drawn = table("Destination", *numbers, numbers=numbers)
    for name, each in _largest(told.by_destination):
        sign = "+" if each.change_micros > 0 else ""
        amounts = (money(each.before_micros), money(each.after_micros), sign + money(each.change_micros))
        drawn.add_row(name or "–", f"{each.calls:,}", *amounts)
    more = len(told.by_destination) - DESTINATIONS_SHOWN
    if more > 0:
        drawn.add_row(f"and {more:,} more", *[""] * len(numbers))
    return drawn


def _next_steps(told: _Told, request: "RerateUsage") -> None:
    if not told.compared:
        hint("There is nothing to compare: no call with a price began in that period.")
    elif not told.total.calls:
        hint("Every call costs what the deck says.")
    elif request.applies:
        hint("Whether all adds up: `talktime audit`.")
    else:
        hint("Nothing was changed. Without `--dry-run` the difference is charged or given back.")
