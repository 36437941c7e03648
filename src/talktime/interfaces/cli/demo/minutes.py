"""How the demo shows included minutes: the month's pools, the days on which credit took over, and a call of both."""

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import date, datetime

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from talktime.core.calls.calls import FROM_CONFERENCE, PaysFrom
from talktime.core.calls.counting.pools import INTERNATIONAL
from talktime.core.insight.pool_report import PoolLine
from talktime.core.insight.receipts import Charge, Receipt
from talktime.core.organizations.licenses import License
from talktime.core.rates import rating
from talktime.core.values.money import format_nanos
from talktime.interfaces.cli.demo.findings import fee_spared_micros
from talktime.interfaces.cli.demo.plans import short_name
from talktime.interfaces.cli.demo.told import ZONE, Takeover, Told
from talktime.interfaces.cli.terminal import money
from talktime.samples.people import sample_users

GAP_WIDTH = 2
BAR_WIDTH = 12
_HEIGHTS = "▁▂▃▄▅▆▇█"
_NONE = "·"


def pools_view(told: Told) -> RenderableType:
    """Draw every pool, and say when it was used up."""
    made = Table.grid(padding=(0, GAP_WIDTH))
    made.add_column(no_wrap=True)
    made.add_column(style="dim", no_wrap=True)
    made.add_column(no_wrap=True)
    made.add_column(justify="right", no_wrap=True)
    made.add_column(style="bold red", no_wrap=True)
    made.add_row(*(Text(name, "dim") for name in ("", "licenses × minutes", "", "used", "used up")))
    for line in told.minutes.lines:
        used_up_at = told.used_up_at(line)
        used = f"{line.used_minutes:,} of {line.total_minutes:>5,}"
        gone = "" if used_up_at is None else moment(used_up_at)
        made.add_row(short_name(line.pool.plan), _licenses(line), _bar(line), used, gone)
    return made


def takeover_view(takeover: Takeover, days: Sequence[date]) -> RenderableType:
    """Draw the minutes of each day, included ones above paid ones, on one scale."""
    most = max([*takeover.included.values(), *takeover.paid.values(), 1])
    title = f"Minutes a day that people of {takeover.plan} call at home: from its minutes, then from credit"
    return Group(
        Text(title, "dim"),
        _by_day("included", takeover.included, days, most, "green"),
        _by_day("credit", takeover.paid, days, most, "cyan"),
    )


def straddling_view(receipt: Receipt, currency: str) -> RenderableType:
    """Show what paid for which part of a call, in the order in which it did."""
    setup = receipt.facts.call.setup
    who = next((user.display_name for user in sample_users() if user.number == f"+{setup.caller}"), f"+{setup.caller}")
    if setup.kind in FROM_CONFERENCE:
        who += "’s conference"
    called = Text.assemble((f"{moment(setup.started_at)}  ", "dim"), f"{who} → +{setup.called}, {setup.destination}")
    made = Table.grid(padding=(0, GAP_WIDTH))
    made.add_column(justify="right", style="dim", no_wrap=True)
    made.add_column(overflow="fold", ratio=1)
    made.add_column(justify="right", no_wrap=True)
    begins = 0
    for charge in receipt.charges:
        ends = begins + charge.usage.used_seconds
        paid = money(charge.usage.cost_micros, currency) if charge.usage.cost_micros else "no charge"
        made.add_row(f"{_clock(begins)} – {_clock(ends)}", _source(charge), paid)
        begins = ends
    fee_micros = fee_spared_micros(receipt)
    if fee_micros:
        note = f"The {money(fee_micros, currency)} to connect were not asked: the included minutes had connected it."
        return Group(called, "", made, "", Text(note, "dim"))
    return Group(called, "", made)


def moment(at: datetime) -> str:
    """Write an instant of the month on the organization's clock."""
    return f"{at.astimezone(ZONE):%a %d %H:%M}"


def _licenses(line: PoolLine) -> str:
    """Say what the pool is made of: licenses, and what each brings."""
    count = line.total_minutes // max(line.each_minutes, 1)
    made_of = f"{count:>2} × {line.each_minutes:,}"
    if line.pool.plan is License.AUDIO_CONFERENCING:
        return f"{made_of} dial-out"
    if line.pool.counter == INTERNATIONAL:
        return f"{made_of} abroad"
    return f"{made_of} own" if line.pool.counter.isdecimal() else f"{made_of} at home"


def _bar(line: PoolLine) -> Text:
    total = max(line.total_minutes, 1)
    full = min(BAR_WIDTH, -(-BAR_WIDTH * line.used_minutes // total))
    color = "green" if line.available_minutes else "red"
    return Text.assemble(("━" * full, color), ("╌" * (BAR_WIDTH - full), "dim"))


def _by_day(name: str, minutes: Counter[date], days: Sequence[date], most: int, color: str) -> Text:
    line = Text.assemble((f"{name:<10}", "dim"), (f"{days[0]:%-d} ", "dim"))
    for day in days:
        line.append(*_column(minutes[day], most, color))
    return line.append(f" {days[-1]:%-d}", "dim").append(f"{sum(minutes.values()):>8,} min")


def _column(amount: int, most: int, color: str) -> tuple[str, str]:
    if not amount:
        return _NONE, "dim"
    return _HEIGHTS[amount * (len(_HEIGHTS) - 1) // most], color


def _source(charge: Charge) -> Text:
    if charge.usage.paid_by is PaysFrom.MINUTES:
        pool = charge.pool
        whose = "" if pool is None else f" of the {pool.total_minutes:,} of {short_name(pool.pool.plan)}"
        return Text.assemble((f"{charge.minutes:,} included minutes", "green"), whose)
    return Text.assemble(("credit", "cyan"), f" at {', then '.join(_prices(charge))}")


def _prices(charge: Charge) -> Iterator[str]:
    for block in charge.blocks:
        yield f"{format_nanos(block.nanos_per_minute)} a minute, by {block.increment_seconds} s"


def _clock(seconds: int) -> str:
    return f"{seconds // rating.SECONDS_PER_MINUTE}:{seconds % rating.SECONDS_PER_MINUTE:02}"
