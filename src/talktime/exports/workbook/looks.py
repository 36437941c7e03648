"""What every workbook of ours looks like: fonts, colors, and how a cell of each kind is shown."""

from enum import Enum
from typing import NamedTuple

from talktime.core.insight.tables import ColumnKind

FONT_NAME, FONT_POINTS = "Calibri", 10
INK, PALE_INK, LINE, PALE_FILL, WHITE = "1F2A37", "6B7280", "D9DEE5", "EEF1F5", "FFFFFF"
HEADER_POINTS = 21
WIDTH_CHARACTERS_MAX = 40
WIDTH_CHARACTERS_MIN = {
    ColumnKind.TEXT: 6,
    ColumnKind.WHOLE: 9,
    ColumnKind.MONEY: 12,
    ColumnKind.INSTANT: 19,
    ColumnKind.LOCAL: 19,
}
# Isoformat, which no language of a spreadsheet reads as another day.
_INSTANT_FORMAT = "yyyy-mm-dd hh:mm:ss"
NUMBER_FORMATS = {
    ColumnKind.TEXT: "",
    ColumnKind.WHOLE: "#,##0",
    ColumnKind.MONEY: "#,##0.00####",
    ColumnKind.INSTANT: _INSTANT_FORMAT,
    ColumnKind.LOCAL: _INSTANT_FORMAT,
}
FLUSH_RIGHT = frozenset({ColumnKind.WHOLE, ColumnKind.MONEY})


class Role(Enum):
    """What a row of cells is for."""

    HEADER = "header"
    CELL = "cell"
    TOTAL = "total"


class _Font(NamedTuple):
    markup: str
    color: str


_DEFAULT_STYLES = 2  # the plain cell, and the note
_FONTS = (_Font("", "000000"), _Font("<i/>", PALE_INK), _Font("<b/>", WHITE), _Font("", INK), _Font("<b/>", INK))
_FILLS = (INK, PALE_FILL)
_FORMATS = tuple(dict.fromkeys(filter(None, NUMBER_FORMATS.values())))
_FORMATS_START = 164  # those below are Excel's own
# Font, fill and border of each role, by their places in the lists; Excel keeps the first two fills for itself.
_PLACES = {Role.HEADER: (2, 2, 0), Role.CELL: (3, 0, 1), Role.TOTAL: (4, 3, 2)}
NOTE_STYLE = 1


def style_of(role: Role, kind: ColumnKind) -> int:
    """Return the number by which a cell names its style."""
    return _DEFAULT_STYLES + list(Role).index(role) * len(ColumnKind) + list(ColumnKind).index(kind)


def styles_part() -> str:
    """Return the styles as the workbook's part."""
    formats = "".join(
        f'<numFmt numFmtId="{_FORMATS_START + place}" formatCode="{code}"/>' for place, code in enumerate(_FORMATS)
    )
    fonts = "".join(
        f'<font>{font.markup}<sz val="{FONT_POINTS}"/><color rgb="FF{font.color}"/>'
        f'<name val="{FONT_NAME}"/><family val="2"/></font>'
        for font in _FONTS
    )
    fills = "".join(
        f'<fill><patternFill patternType="solid"><fgColor rgb="FF{color}"/><bgColor indexed="64"/></patternFill></fill>'
        for color in _FILLS
    )
    styles = [_style(role, kind) for role in Role for kind in ColumnKind]
    return (
        '<styleSheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">'
        f'<numFmts count="{len(_FORMATS)}">{formats}</numFmts><fonts count="{len(_FONTS)}">{fonts}</fonts>'
        f'<fills count="{2 + len(_FILLS)}"><fill><patternFill patternType="none"/></fill>'
        f'<fill><patternFill patternType="gray125"/></fill>{fills}</fills>'
        f'<borders count="3">{_border()}{_border(bottom=LINE)}{_border(top=INK)}</borders>'
        '<cellStyleXfs count="1"><xf numFmtId="0" fontId="0" fillId="0" borderId="0"/></cellStyleXfs>'
        f'<cellXfs count="{_DEFAULT_STYLES + len(styles)}">'
        '<xf numFmtId="0" fontId="0" fillId="0" borderId="0" xfId="0"/>'
        '<xf numFmtId="0" fontId="1" fillId="0" borderId="0" xfId="0" applyFont="1" applyAlignment="1">'
        f'<alignment horizontal="left" vertical="center" indent="1"/></xf>{"".join(styles)}</cellXfs>'
        '<cellStyles count="1"><cellStyle name="Normal" xfId="0" builtinId="0"/></cellStyles><dxfs count="0"/>'
        '<tableStyles count="0" defaultTableStyle="TableStyleMedium9" defaultPivotStyle="PivotStyleLight16"/>'
        "</styleSheet>"
    )


def _style(role: Role, kind: ColumnKind) -> str:
    font, fill, border = _PLACES[role]
    code = NUMBER_FORMATS[kind] if role is not Role.HEADER else ""
    number_format = _FORMATS_START + _FORMATS.index(code) if code else 0
    # A filter's button covers the right end of a header.
    indent = 2 if role is Role.HEADER and kind in FLUSH_RIGHT else 1
    return (
        f'<xf numFmtId="{number_format}" fontId="{font}" fillId="{fill}" borderId="{border}" xfId="0"'
        ' applyNumberFormat="1" applyFont="1" applyFill="1" applyBorder="1" applyAlignment="1">'
        f'<alignment horizontal="{"right" if kind in FLUSH_RIGHT else "left"}" vertical="center" indent="{indent}"/>'
        "</xf>"
    )


def _border(*, top: str = "", bottom: str = "") -> str:
    return f"<border><left/><right/>{_edge('top', top)}{_edge('bottom', bottom)}<diagonal/></border>"


def _edge(name: str, color: str) -> str:
    return f'<{name} style="thin"><color rgb="FF{color}"/></{name}>' if color else f"<{name}/>"
