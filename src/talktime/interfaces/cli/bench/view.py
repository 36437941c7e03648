"""A run's lines as a table for people."""

from collections.abc import Sequence

from rich.console import RenderableType

from talktime.interfaces.cli.bench.measuring.lines import Line
from talktime.interfaces.cli.terminal import table

_NUMBERS = ("Value", "p50 ms", "p99 ms", "p99.9 ms", "Ratio", "Server µs", "Database µs")


def view(lines: Sequence[Line]) -> RenderableType:
    """Return a table of lines."""
    drawn = table("Name", "Value", "", *_NUMBERS[1:], "Books", numbers=_NUMBERS)
    for line in lines:
        cpu = line.get("cpu_us") or {}
        books = line.get("books")
        cells = [
            line["name"],
            line["value"],
            line["unit"],
            *(line.get(each) for each in ("p50_ms", "p99_ms", "p999_ms", "ratio")),
        ]
        cells += [cpu.get("server"), cpu.get("database")]
        cells += ["" if books is None else "agree" if books["reconciled"] else "DO NOT AGREE"]
        drawn.add_row(
            *("" if cell is None else f"{cell:,}" if isinstance(cell, int | float) else str(cell) for cell in cells)
        )
    return drawn
