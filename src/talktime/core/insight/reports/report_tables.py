"""A report as a table: columns, rows, and a last line that adds up what can be added up."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from talktime.core.insight.tables import Column, ColumnKind
from talktime.core.values.errors import Invalid
from talktime.core.values.frozen import frozen


@frozen
class ReportTable:
    """A report that is small enough to be held: a row for each group; `totals` has a cell for each column, or none."""

    name: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[object, ...], ...]
    totals: tuple[object, ...] | None = None


def columns(**kinds: ColumnKind) -> tuple[Column, ...]:
    """Return columns by their names, `_` for a blank and `percent` for its sign."""
    return tuple(Column(name.replace("_percent", " %").replace("_", " "), kind) for name, kind in kinds.items())


def added_up(table: ReportTable, names: Iterable[str], label: str = "Total") -> ReportTable:
    """Return the table with a last line: the sums of the named columns, where all rows are of one currency."""
    wanted = set(names)
    currencies = {
        row[index] for index, column in enumerate(table.columns) if column.name == "Currency" for row in table.rows
    }
    if not table.rows or len(currencies) > 1:
        return table
    sums: list[object] = []
    for index, column in enumerate(table.columns):
        cells = [row[index] for row in table.rows]
        if column.name in wanted:
            sums.append(sum(cell for cell in cells if isinstance(cell, int)))
        else:
            sums.append(next(iter(currencies), None) if column.name == "Currency" else None)
    return replace(table, totals=(label, *sums[1:]))


def with_columns(table: ReportTable, names: Sequence[str]) -> ReportTable:
    """Return the table with these columns in this order, whatever their case; none of them: all. Raise Invalid."""
    if not names:
        return table
    chosen = [_index_of(table, name) for name in names]
    return ReportTable(
        table.name,
        tuple(table.columns[index] for index in chosen),
        tuple(tuple(row[index] for index in chosen) for row in table.rows),
        None if table.totals is None else tuple(table.totals[index] for index in chosen),
    )


def sorted_by(table: ReportTable, name: str, *, is_descending: bool) -> ReportTable:
    """Return the table sorted by a column, empty cells last; rows that are alike keep their order. Raise Invalid."""
    index = _index_of(table, name)
    known = [row for row in table.rows if row[index] is not None]
    unknown = [row for row in table.rows if row[index] is None]
    known.sort(key=lambda row: row[index], reverse=is_descending)  # type: ignore[arg-type, return-value]
    return replace(table, rows=(*known, *unknown))


def _index_of(table: ReportTable, name: str) -> int:
    names = [column.name.casefold() for column in table.columns]
    wanted = name.strip().replace("_", " ").replace("-", " ").casefold()
    for index, known in enumerate(names):
        if known.replace("-", " ") == wanted:
            return index
    message = f"the report has no column {name!r}: it has {', '.join(column.name for column in table.columns)}"
    raise Invalid(message, code="column")
