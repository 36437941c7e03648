"""How the demo looks: steps that are ticked off, a clock that runs through the month, and the story told at its end."""

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Protocol

from rich.box import ROUNDED
from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from talktime.core.calls.calls import EXPLANATIONS, DenialReason
from talktime.core.calls.explaining.explanations import Explanation
from talktime.core.calls.replaying import ReplayedCall, ReplaySummary, summary_of
from talktime.core.organizations.licensing.products import read_license
from talktime.core.values.events import EventKind
from talktime.core.values.money import MICROS_PER_UNIT, Rounding, divide
from talktime.interfaces.cli.calls import explain
from talktime.interfaces.cli.demo.minutes import moment, pools_view, straddling_view, takeover_view
from talktime.interfaces.cli.demo.plans import short_name
from talktime.interfaces.cli.demo.told import (
    CURRENCY,
    ZONE,
    Amounts,
    DestinationTotal,
    Happening,
    Letter,
    Told,
)
from talktime.interfaces.cli.terminal import err, facts, money, out, progress
from talktime.usecases.insight.audit_books import AuditReport

WIDTH_MAX = 100
NAME_WIDTH = 8
BAR_WIDTH = 24
CLOCK_BAR_WIDTH = 18
# A panel's frame, and its columns beside the bar.
FRAME_WIDTH = 4
DESTINATION_WIDTH, CALLS_WIDTH, TIME_WIDTH, MONEY_WIDTH, GAP_WIDTH = 29, 11, 12, 9, 2
DESTINATIONS_SHOWN = 7
# The steps of the procedure by which a plan's user is told from another.
TELLING_STEPS = frozenset({"payer", "policy", "license", "sources"})
SECONDS_PER_MINUTE, SECONDS_PER_HOUR = 60, 3_600
_HEIGHTS = "▁▂▃▄▅▆▇█"

Tick = Callable[[ReplayedCall], None]


class Shown(Protocol):
    """Where the demo tells how far it is."""

    def title(self) -> None:
        """Say what is about to be seen."""

    def done(self, name: str, text: str, *, is_good: bool = True) -> None:
        """Tick off a step."""

    def clock(self, calls_count: int, /) -> AbstractContextManager[Tick]:
        """Open a line that follows the calls as they end."""

    def story(self, told: Told, database_url: str, seconds: float, /) -> None:
        """Tell what came of it, and what to look at next."""


class Silent:
    """Tells nothing: the summary is for a program."""

    def title(self) -> None:
        """Say nothing."""

    def done(self, name: str, text: str, *, is_good: bool = True) -> None:
        """Say nothing."""

    def clock(self, _: int, /) -> AbstractContextManager[Tick]:
        """Follow nothing."""
        return nullcontext(lambda _: None)

    def story(self, *_: object) -> None:
        """Say nothing."""


class Steps:
    """Tells it to a person."""

    def __init__(self, month_starts_at: datetime, days: int) -> None:
        """Tell of a month."""
        self._month_starts_at = month_starts_at
        self._days = days
        self._out = out()
        self._out.width = min(self._out.width, WIDTH_MAX)
        self._began = time.monotonic()

    def title(self) -> None:
        """Say what is about to be seen, and that nothing of it is real."""
        self._out.print()
        self._out.print(Text.assemble(("Talktime demo", "bold"), ("  a month of calls, paid from prepaid credit", "")))
        self._out.print(Text("Sample data: no price is a quote, nobody was called.", "dim"))
        self._out.print()

    def done(self, name: str, text: str, *, is_good: bool = True) -> None:
        """Tick off a step, with how long it took."""
        seconds, self._began = time.monotonic() - self._began, time.monotonic()
        line = Table.grid(padding=(0, 2), expand=True)
        line.add_column(width=1)
        line.add_column(width=NAME_WIDTH)
        line.add_column(ratio=1)
        line.add_column(justify="right", style="dim", no_wrap=True)
        mark = Text("✓", "bold green") if is_good else Text("✗", "bold red")
        line.add_row(mark, Text(name, "bold"), text, f"{seconds:.1f} s")
        self._out.print(line)

    def clock(self, calls_count: int, /) -> AbstractContextManager[Tick]:
        """Show the time of the month, and what has been charged and refused so far; plain lines where nobody looks."""
        return self._live_clock(calls_count) if err().is_terminal else _plain_clock(calls_count)

    @contextmanager
    def _live_clock(self, calls_count: int) -> Iterator[Tick]:
        columns = (
            SpinnerColumn(style="cyan", finished_text=" "),
            TextColumn("[bold]{task.description}"),
            BarColumn(bar_width=CLOCK_BAR_WIDTH),
            TextColumn("{task.fields[clock]}", style="cyan"),
            TextColumn("{task.fields[charged]}", justify="right"),
            TextColumn("[dim]{task.fields[rate]} calls/s,"),
            TimeRemainingColumn(compact=True),
            TextColumn("[dim]left"),
        )
        with Progress(*columns, console=err(), transient=True, expand=False) as shown:
            name = f"{'Calls':<{NAME_WIDTH}}"
            task = shown.add_task(name, total=calls_count, clock="", charged="", rate="–")
            began, charged_micros, done = time.monotonic(), 0, 0

            def tick(each: ReplayedCall) -> None:
                nonlocal charged_micros, done
                charged_micros += each.charged_micros
                done += 1
                shown.update(
                    task,
                    advance=1,
                    clock=f"{each.call.started_at.astimezone(ZONE):%a %d %b %H:%M}",
                    charged=f"{_cents(charged_micros):>8} {CURRENCY}",
                    rate=f"{done / max(time.monotonic() - began, 0.001):,.0f}",
                )

            yield tick

    def story(self, told: Told, database_url: str, seconds: float, /) -> None:
        """Tell what was charged, cut and denied, and why; and what to look at next."""
        summary = summary_of(told.replayed)
        parts: list[RenderableType] = [
            "",
            _panel(f"{self._month_starts_at:%B %Y}", self._month(summary, told)),
            _panel("Included minutes", self._minutes(told)),
        ]
        if told.minutes.straddling is not None:
            began = straddling_view(told.minutes.straddling, CURRENCY)
            parts.append(_panel("A call that minutes began and credit finished", began))
        parts += [
            _panel("What happened", _happened(told.happenings, told.letters)),
            _panel("Where the money went", _destinations(told.destinations, self._out.width)),
            _panel("Why calls were denied", _denials(summary)),
        ]
        if told.refused is not None:
            parts.append(_panel("One of them, explained", _explained(told.refused)))
        self._out.print(Group(*parts))
        # Commands stand outside of frames, unwrapped, so that they can be copied.
        for line in _next_steps(database_url, told):
            self._out.print(line, soft_wrap=True)
        self._out.print(Text(f"All of it took {seconds:.0f} s.", "dim"))

    def _month(self, summary: ReplaySummary, told: Told) -> RenderableType:
        spent = sum(lot.spent_micros for lot in told.credit.lots)
        granted = sum(lot.granted_micros for lot in told.credit.lots)
        rows: list[tuple[str, object]] = [
            ("Calls", f"{summary.calls_count:,}"),
            ("Talked", f"{_hours(summary.used_seconds)} in {summary.answered_count:,} answered calls"),
            ("Included", Text(f"{told.minutes.used_minutes:,} minutes that licenses include", "green")),
            ("Charged", Text(money(summary.charged_micros, CURRENCY), "bold green")),
            ("Cut", f"{_calls(summary.cut_count)} when nothing paid for more"),
            ("Denied", f"{_calls(summary.denied_count)}, each with its reason"),
            ("Credit", _credit_bar(spent, granted)),
        ]
        return Group(facts(rows), "", self._days_line(told.replayed))

    def _minutes(self, told: Told) -> RenderableType:
        first = self._month_starts_at.date()
        days = [first + timedelta(days=number) for number in range(self._days)]
        return Group(pools_view(told), "", takeover_view(told.minutes.takeover, days))

    def _days_line(self, replayed: Sequence[ReplayedCall]) -> Text:
        first = self._month_starts_at.date()
        by_day: Counter[date] = Counter()
        for each in replayed:
            by_day[each.call.started_at.astimezone(ZONE).date()] += each.charged_micros
        days = [by_day[first + timedelta(days=number)] for number in range(self._days)]
        highest = max(*days, 1)
        bars = "".join(_HEIGHTS[amount * (len(_HEIGHTS) - 1) // highest] for amount in days)
        return Text.assemble(
            ("charged a day  ", "dim"), (f"{first:%-d} ", "dim"), (bars, "cyan"), (f" {self._days}", "dim")
        )


@contextmanager
def _plain_clock(calls_count: int) -> Iterator[Tick]:
    with progress("Replaying", calls_count, "calls") as advance:
        yield lambda _: advance(1)


def credit_text(amounts: Amounts) -> str:
    """Say what the month begins with, and how it is recharged."""
    return (
        f"{amounts.last_years} {CURRENCY} left from last year, {amounts.promotional} promotional, {amounts.ordered} by"
        f" card; below {amounts.trigger}, {amounts.recharge} are added"
    )


def audit_text(audit: AuditReport) -> str:
    """Say what was checked."""
    if not audit.is_clean:
        return f"{audit.violations_count:,} invariants do not hold"
    checked = (f"{audit.counts[name]:,} {name.replace('_', ' ')}" for name in ("calls", "postings"))
    return f"every invariant holds on {' and '.join(checked)}"


def _panel(title: str, content: RenderableType) -> Panel:
    return Panel(
        content, title=Text(title, "bold"), title_align="left", box=ROUNDED, border_style="dim", padding=(1, 1)
    )


def _credit_bar(spent_micros: int, granted_micros: int) -> Text:
    full = BAR_WIDTH * spent_micros // max(granted_micros, 1)
    left = f"  {money(granted_micros - spent_micros, CURRENCY)} left of {money(granted_micros)}"
    return Text.assemble(("━" * full, "green"), ("╌" * (BAR_WIDTH - full), "dim"), left)


def _destinations(destinations: Sequence[DestinationTotal], console_width: int) -> Table:
    widths = (DESTINATION_WIDTH, CALLS_WIDTH, TIME_WIDTH, MONEY_WIDTH)
    bar_width = max(0, min(BAR_WIDTH, console_width - FRAME_WIDTH - sum(widths) - len(widths) * GAP_WIDTH))
    made = Table.grid(padding=(0, GAP_WIDTH))
    made.add_column(width=DESTINATION_WIDTH, no_wrap=True)
    for width, style in ((CALLS_WIDTH, "dim"), (TIME_WIDTH, "dim"), (MONEY_WIDTH, "")):
        made.add_column(justify="right", style=style, width=width, no_wrap=True)
    made.add_column(style="cyan", width=bar_width, no_wrap=True)
    most = max((each.charged_micros for each in destinations), default=1)
    for each in destinations[:DESTINATIONS_SHOWN]:
        made.add_row(*_destination_cells(each), "▇" * max(1, bar_width * each.charged_micros // max(most, 1)))
    others = destinations[DESTINATIONS_SHOWN:]
    if others:
        rest = DestinationTotal(
            f"{len(others)} others",
            sum(each.calls_count for each in others),
            sum(each.used_seconds for each in others),
            sum(each.charged_micros for each in others),
        )
        made.add_row(*_destination_cells(rest), "", style="dim")
    return made


def _destination_cells(total: DestinationTotal) -> tuple[str, str, str, str]:
    return total.name, _calls(total.calls_count), _hours(total.used_seconds), _cents(total.charged_micros)


def _denials(summary: ReplaySummary) -> Table:
    made = Table.grid(padding=(0, 3))
    made.add_column(justify="right", no_wrap=True)
    made.add_column()
    for reason, count in summary.denials.items():
        made.add_row(f"{count:,}", Group(Text(_words(reason)), Text(EXPLANATIONS[reason], "dim")))
    return made


def _happened(happenings: Sequence[Happening], letters: Sequence[Letter]) -> RenderableType:
    made = Table.grid(padding=(0, GAP_WIDTH))
    made.add_column(style="dim", no_wrap=True)
    made.add_column(overflow="fold", ratio=1)
    made.add_column(justify="right", no_wrap=True)
    made.add_row("", "", Text("balance", "dim"))
    for each in happenings:
        what, style = _what_happened(each)
        made.add_row(moment(each.at), Text(what, style), _cents(each.balance_micros))
    return Group(made, "", _mailed(happenings, letters))


def _what_happened(each: Happening) -> tuple[str, str]:
    told = each.details
    match each.kind:
        case EventKind.CREDIT_PURCHASED:
            return f"{_amount(told)} bought, {told.get('method', '')}", "green"
        case EventKind.RECHARGE_SUCCEEDED:
            return f"{_amount(told)} recharged, {told.get('method', '')}", "green"
        case EventKind.RECHARGE_FAILED:
            return f"recharge failed, {told.get('method', '')}: {told.get('code', '').replace('_', ' ')}", "bold red"
        case EventKind.RECHARGE_SET if "is_on" in told:
            return "auto-recharge switched on", ""
        case EventKind.RECHARGE_SET:
            return "another card is to pay", ""
        case EventKind.LOT_EXPIRING:
            return f"{_amount(told)} will expire, told in time", ""
        case EventKind.CREDIT_EXPIRED:
            return f"{_amount(told)} expired", "yellow"
        case EventKind.POOL_LOW | EventKind.POOL_EXHAUSTED:
            return _minutes_used(each)
        case EventKind.BALANCE_EXHAUSTED:
            return "nothing left that pays for a call", "bold red"
        case _:
            return each.kind.value.replace("_", " "), ""


def _amount(told: Mapping[str, str]) -> str:
    return f"{_cents(int(told.get('amount_micros', '0')))} {CURRENCY}"


def _minutes_used(each: Happening) -> tuple[str, str]:
    told = each.details
    plan = short_name(read_license(told["plan"]))
    if each.kind is EventKind.POOL_LOW:
        return f"{plan}: {told['percent']} % of the minutes used", "yellow"
    return f"{plan}: all {int(told['total_minutes']):,} minutes used up", "bold red"


def _mailed(happenings: Sequence[Happening], letters: Sequence[Letter]) -> RenderableType:
    """Show one mail's subject in each of its languages: of minutes that were used up, if any were."""
    used_up = (each.at for each in happenings if each.kind is EventKind.POOL_EXHAUSTED)
    at = next(used_up, letters[-1].at).replace(microsecond=0)
    made = Table.grid(padding=(0, GAP_WIDTH))
    made.add_column(style="dim", no_wrap=True)
    made.add_column(overflow="fold")
    for language, subject in {each.language: each.subject for each in letters if each.at == at}.items():
        made.add_row(language, subject)
    what = f"All of it was mailed: {len(letters)} mails in {letters[0].path.parent}, such as"
    return Group(Text(what, "dim"), made)


def _explained(refused: Explanation) -> RenderableType:
    """Show the steps that tell most; the command tells all."""
    telling = tuple(step for step in refused.steps if step.name in TELLING_STEPS)
    rest = len(refused.steps) - len(telling)
    shown = explain.view(replace(refused, steps=telling))
    note = f"{rest} other questions had nothing against it; the command below asks them all."
    return Group(shown, "", Text(note, "dim"))


def _next_steps(database_url: str, told: Told) -> Iterator[Text]:
    cut = next((each for each in told.replayed if each.was_cut), None)
    straddling, month = told.minutes.straddling, told.minutes.pools.report.month
    steps = [
        ("What licenses include", f"talktime pools --month {month}"),
        ("What both paid", f"talktime calls receipt {straddling.facts.call.setup.key.call_id}" if straddling else ""),
        ("Why a call was cut", f"talktime calls receipt {cut.call.call_id}" if cut else ""),
        ("Why that one was refused", _explain(told.refused) if told.refused else ""),
        ("What is left, until when", "talktime credit lots"),
        ("What the recharge does", "talktime credit recharge"),
        ("What a call would cost", "talktime quote +442079460000 --seconds 90"),
        ("Answer a real switch", "talktime serve"),
    ]
    yield Text.assemble(("\n  Look around", "bold"), ("  say once which books you mean, then ask", "dim"))
    yield Text(f"\n  export TALKTIME_DATABASE={database_url}\n", "bold cyan")
    for what, command in steps:
        if command:
            yield Text.assemble((f"  {what:<26}", "dim"), command)
    yield Text()


def _explain(refused: Explanation) -> str:
    request = refused.case.request
    return f"talktime explain --user +{request.caller} --to +{request.called} --at {request.at.astimezone(ZONE):%F}"


def _cents(amount_micros: int) -> str:
    """Write an amount to look at in a column; the exact one stands in the report."""
    cents = divide(amount_micros, MICROS_PER_UNIT // 100, Rounding.HALF_UP)
    return f"{cents // 100:,}.{cents % 100:02}"


def _words(reason: DenialReason) -> str:
    return reason.value.replace("_", " ").capitalize().replace("e164", "E.164")


def _calls(count: int) -> str:
    return f"{count:,} call{'' if count == 1 else 's'}"


def _hours(seconds: int) -> str:
    hours, rest = divmod(seconds, SECONDS_PER_HOUR)
    minutes, left = divmod(rest, SECONDS_PER_MINUTE)
    return f"{hours:,} h {minutes:02} min" if hours else f"{minutes} min {left:02} s"
