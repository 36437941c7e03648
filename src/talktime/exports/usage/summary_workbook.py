"""What usage comes to, as a workbook with charts: by day, kind, destination and user, and what paid.

XlsxWriter writes it, because it draws native charts; it holds a few thousand rows, and no usage rows
(docs/decisions/0017). Charts show the organization's own currency.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from enum import Enum
from html import escape
from pathlib import Path
from typing import Any

import xlsxwriter  # type: ignore[import-untyped]
from xlsxwriter.exceptions import FileCreateError  # type: ignore[import-untyped]

from talktime.core.calls.counting.pools import SECONDS_PER_MINUTE
from talktime.core.insight.exporting.contents import UsageContents
from talktime.core.insight.reports.groups import GroupBy, UsageSum
from talktime.core.values.money import MICROS_PER_UNIT
from talktime.exports.workbook import looks
from talktime.exports.xml_text import printable

# Of more users or destinations than these, the ones that cost least are one row.
_GROUPS_MAX = 5_000
_CHARTED_MAX = 12
_OTHERS = "All others"
_NOBODY, _NO_NAME = "No user", "Unnamed"
_HEADERS = ("Currency", "Calls", "Usage Rows", "Minutes", "Charge", "Uncovered")
_MINUTES, _CHARGE = 4, 5  # columns, behind the group
_FIRST_ROW, _HEADER_ROW = 3, 2
_COLORS = ("#2563EB", "#0D9488", "#D97706", "#7C3AED", "#DC2626", "#65A30D", "#0891B2", "#DB2777")
_CHART_PIXELS = (620, 320)


@dataclass(frozen=True, slots=True)
class _Page:
    """A sheet of sums: by what, what its groups are called, and which chart shows them."""

    by: GroupBy
    title: str
    group: str
    chart: str
    measure: str = "Charge"


_PAGES = (
    _Page(GroupBy.DAY, "By day", "Day", "column"),
    _Page(GroupBy.KIND, "By kind", "Call Type", "bar"),
    _Page(GroupBy.DESTINATION, "By destination", "Destination", "bar"),
    _Page(GroupBy.USER, "By user", "User", "bar"),
    _Page(GroupBy.PAID_BY, "What paid", "Paid By", "doughnut", "Minutes"),
)


def write_summary_workbook(path: Path, contents: UsageContents) -> int:
    """Write the workbook; return the number of usage rows that it sums up. Raise OSError if it cannot be written."""
    try:
        _write_workbook(path, contents)
    except FileCreateError as failure:
        (cause,) = failure.args
        raise OSError(cause.errno, cause.strerror) from failure
    return contents.rows_count


def _write_workbook(path: Path, contents: UsageContents) -> None:
    options = {
        # Its parts wait beside it, and not where everybody's files are.
        "tmpdir": str(path.parent),
        "strings_to_numbers": False,
        "strings_to_formulas": False,
        "strings_to_urls": False,
        "default_format_properties": {"font_name": looks.FONT_NAME, "font_size": looks.FONT_POINTS},
    }
    workbook = xlsxwriter.Workbook(str(path), options)
    name = printable(contents.organization.name)
    # Not the time of now: the same rows give the same bytes.
    created = contents.watermark.complete_until.replace(tzinfo=None)
    workbook.set_properties({"title": f"Summary of usage: {name}", "subject": "Talktime", "created": created})
    formats = _Formats(workbook)
    overview = workbook.add_worksheet("Overview")
    charts = [_write_page(workbook, formats, page, contents) for page in _PAGES]
    _write_overview(overview, formats, contents, charts)
    # Not in a `with`: that would write a part of one, too, when it is left midway.
    workbook.close()


class _Formats:
    """The looks of our workbooks, as XlsxWriter names them."""

    def __init__(self, workbook: Any) -> None:
        base = {"font_name": looks.FONT_NAME, "font_size": looks.FONT_POINTS, "valign": "vcenter", "indent": 1}
        ink = {**base, "font_color": f"#{looks.INK}"}
        line = {"bottom": 1, "bottom_color": f"#{looks.LINE}"}
        header = {**base, "bold": True, "font_color": f"#{looks.WHITE}", "bg_color": f"#{looks.INK}"}
        self.heading = workbook.add_format({**ink, "bold": True, "font_size": 16})
        self.note = workbook.add_format({**base, "italic": True, "font_color": f"#{looks.PALE_INK}"})
        self.header = workbook.add_format({**header, "align": "left"})
        self.header_right = workbook.add_format({**header, "align": "right", "indent": 2})
        self.text = workbook.add_format({**ink, **line, "align": "left"})
        self.day = workbook.add_format({**ink, **line, "align": "left", "num_format": "yyyy-mm-dd"})
        self.whole = workbook.add_format({**ink, **line, "align": "right", "num_format": "#,##0"})
        self.money = workbook.add_format({**ink, **line, "align": "right", "num_format": "#,##0.00####"})


def _write_page(workbook: Any, formats: _Formats, page: _Page, contents: UsageContents) -> Any:
    """Write a sheet of sums; return the chart of its first rows."""
    sheet = workbook.add_worksheet(page.title)
    sums = _ordered(page.by, contents.sums(page.by), contents.organization.currency)
    named = _names(page.by, contents)
    _prepare(sheet, formats, page, contents.about)
    for row, each in enumerate(sums, start=_FIRST_ROW):
        group = each.group
        if isinstance(group, date):
            sheet.write_datetime(row, 0, group, formats.day)
        else:
            sheet.write_string(row, 0, _text(named(group)), formats.text)
        _write_sum(sheet, formats, row, each)
    last = _FIRST_ROW + max(len(sums), 1) - 1
    sheet.autofilter(_HEADER_ROW, 0, last, len(_HEADERS))
    charted = sum(1 for each in sums if each.currency == contents.organization.currency)
    shown = charted if page.by is GroupBy.DAY else min(charted, _CHARTED_MAX)
    return _chart(workbook, page, contents.organization.currency, shown)


def _prepare(sheet: Any, formats: _Formats, page: _Page, about: str) -> None:
    sheet.hide_gridlines(2)
    sheet.set_landscape()
    sheet.set_paper(9)  # A4
    sheet.fit_to_pages(1, 0)
    sheet.set_footer("&L&A&RPage &P of &N")
    sheet.repeat_rows(_HEADER_ROW)
    sheet.freeze_panes(_FIRST_ROW, 0)
    sheet.set_column(0, 0, 34)
    sheet.set_column(1, len(_HEADERS), 15)
    sheet.write_string(0, 0, _text(about), formats.note)
    sheet.set_row(_HEADER_ROW, looks.HEADER_POINTS)
    sheet.write_string(_HEADER_ROW, 0, page.group, formats.header)
    for column, name in enumerate(_HEADERS, start=1):
        sheet.write_string(_HEADER_ROW, column, name, formats.header if column == 1 else formats.header_right)


def _write_sum(sheet: Any, formats: _Formats, row: int, each: UsageSum) -> None:
    sheet.write_string(row, 1, _text(each.currency), formats.text)
    for column, count in ((2, each.calls), (3, each.rows), (_MINUTES, -(-each.used_seconds // SECONDS_PER_MINUTE))):
        sheet.write_number(row, column, count, formats.whole)
    for column, micros in ((_CHARGE, each.cost_micros), (_CHARGE + 1, each.uncovered_micros)):
        sheet.write_number(row, column, micros / MICROS_PER_UNIT, formats.money)


def _chart(workbook: Any, page: _Page, currency: str, rows: int) -> Any:
    chart = workbook.add_chart({"type": page.chart})
    last = _FIRST_ROW + max(rows, 1) - 1
    # What is included costs nothing: what paid is told by its minutes.
    place, what = (_MINUTES, "minutes") if page.measure == "Minutes" else (_CHARGE, currency)
    series: dict[str, Any] = {
        "name": f"{page.measure} ({what})",
        "categories": [page.title, _FIRST_ROW, 0, last, 0],
        "values": [page.title, _FIRST_ROW, place, last, place],
    }
    if page.chart == "doughnut":
        series["points"] = [{"fill": {"color": color}} for color in _COLORS]
        series["data_labels"] = {"percentage": True, "font": {"color": "#FFFFFF", "bold": True}}
        chart.set_legend({"position": "right"})
    else:
        series |= {"fill": {"color": _COLORS[0]}, "gap": 60}
        chart.set_legend({"none": True})
    chart.add_series(series)
    chart.set_title({"name": f"{page.title}, {what}", "name_font": {"size": 12, "color": f"#{looks.INK}"}})
    grid = {"major_gridlines": {"visible": True, "line": {"color": f"#{looks.LINE}"}}, "line": {"none": True}}
    if page.chart == "column":
        chart.set_x_axis({"date_axis": True, "num_format": "yyyy-mm-dd", "num_font": {"rotation": -45}})
        chart.set_y_axis({**grid, "num_format": "#,##0"})
    if page.chart == "bar":
        # The first row on top, as in the table, and each named.
        chart.set_y_axis({"reverse": True, "interval_unit": 1, "num_font": {"size": 8}})
        chart.set_x_axis({**grid, "num_format": "#,##0"})
    chart.set_size(dict(zip(("width", "height"), _CHART_PIXELS, strict=True)))
    return chart


def _write_overview(sheet: Any, formats: _Formats, contents: UsageContents, charts: Sequence[Any]) -> None:
    sheet.hide_gridlines(2)
    sheet.set_landscape()
    sheet.set_paper(9)
    sheet.fit_to_pages(1, 0)
    sheet.set_column(0, 20, 9)
    sheet.set_row(0, 26)
    sheet.write_string(0, 0, _text(f"Usage of {contents.organization.name}"), formats.heading)
    sheet.write_string(1, 0, _text(contents.about), formats.note)
    for number, chart in enumerate(charts):
        row, column = divmod(number, 2)
        sheet.insert_chart(3 + row * 17, column * 10, chart)


def _ordered(by: GroupBy, sums: Sequence[UsageSum], currency: str) -> list[UsageSum]:
    """Return the sums of our currency first: days in their order, all else by what it cost, the rest as one row."""
    own = [each for each in sums if each.currency == currency]
    others = [each for each in sums if each.currency != currency]
    order: Callable[[UsageSum], Any] = (
        (lambda each: each.group) if by is GroupBy.DAY else (lambda each: (-each.cost_micros, -each.used_seconds))
    )
    return [*_capped(sorted(own, key=order), by), *sorted(others, key=lambda each: (each.currency, -each.cost_micros))]


def _capped(sums: list[UsageSum], by: GroupBy) -> list[UsageSum]:
    if by is GroupBy.DAY or len(sums) <= _GROUPS_MAX:
        return sums
    rest = sums[_GROUPS_MAX:]
    amounts = [sum(column) for column in zip(*(_amounts(each) for each in rest), strict=True)]
    return [*sums[:_GROUPS_MAX], UsageSum(_OTHERS, rest[0].currency, *amounts)]


def _amounts(each: UsageSum) -> tuple[int, ...]:
    return each.calls, each.rows, each.used_seconds, each.billed_seconds, each.cost_micros, each.uncovered_micros


def _names(by: GroupBy, contents: UsageContents) -> Callable[[object], str]:
    people = contents.people() if by is GroupBy.USER else {}

    def name(group: object) -> str:
        if by is GroupBy.USER and not isinstance(group, str):
            return _NOBODY if not isinstance(group, int) else people.get(group, str(group))
        return str(group.value if isinstance(group, Enum) else group or _NO_NAME)

    return name


def _text(text: str) -> str:
    """Return a text that XlsxWriter takes for nothing else: it copies `<r>…</r>` into the file as markup."""
    clean = printable(text)
    if clean.startswith("<r>") and clean.endswith("</r>"):
        return f'<r><t xml:space="preserve">{escape(clean, quote=False)}</t></r>'
    return clean
