"""The zip around the sheets: which parts there are, what they are called, and how they name each other.

The same rows give the same bytes: no part knows the time.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from html import escape
from pathlib import Path
from types import TracebackType
from typing import IO, Self
from zipfile import ZIP_DEFLATED, ZipFile

from talktime.exports.workbook.looks import styles_part
from talktime.exports.workbook.sheets import TITLE_CHARACTERS_MAX, Part
from talktime.exports.xml_text import printable

# Three quarters of the bytes for a third of the time that thoroughness takes.
_DEFLATE_LEVEL = 1
_XML = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
_FORBIDDEN_IN_TITLES = frozenset("[]:*?/\\")
_SCHEMAS = "http://schemas.openxmlformats.org"
_MAIN = f"{_SCHEMAS}/spreadsheetml/2006/main"
_DOCUMENT = f"{_SCHEMAS}/officeDocument/2006/relationships"
_PACKAGE = f"{_SCHEMAS}/package/2006"
_SHEETS_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml"


class WorkbookFile:
    """A workbook being written; sheets first, then `finish`."""

    def __init__(self, path: Path) -> None:
        """Make the file."""
        self._archive = ZipFile(path, "w", ZIP_DEFLATED, compresslevel=_DEFLATE_LEVEL)
        self._titles: set[str] = set()

    def __enter__(self) -> Self:
        """Write to it."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the file."""
        self._archive.close()

    @contextmanager
    def open_sheet(self, part: Part) -> Iterator[IO[bytes]]:
        """Open the file of a sheet; raise ValueError for a title that Excel does not take."""
        self._take_title(part.title)
        with self._archive.open(f"xl/worksheets/sheet{part.number}.xml", "w") as stream:
            yield stream

    def finish(self, parts: Sequence[Part], title: str) -> None:
        """Write all that is not a sheet; the parts stand in the order in which they are shown."""
        tables = [part for part in parts if part.sheet.is_table]
        for part in tables:
            self._put(f"xl/tables/table{part.number}.xml", _table(part))
            link = _link("rId1", f"{_DOCUMENT}/table", f"../tables/table{part.number}.xml")
            self._put(f"xl/worksheets/_rels/sheet{part.number}.xml.rels", _links(link))
        self._put("xl/workbook.xml", _workbook(parts))
        sheets = [
            _link(f"rId{part.number}", f"{_DOCUMENT}/worksheet", f"worksheets/sheet{part.number}.xml") for part in parts
        ]
        self._put("xl/_rels/workbook.xml.rels", _links(*sheets, _link("styles", f"{_DOCUMENT}/styles", "styles.xml")))
        self._put("xl/styles.xml", styles_part())
        self._put("docProps/core.xml", _properties(title))
        self._put(
            "_rels/.rels",
            _links(
                _link("rId1", f"{_DOCUMENT}/officeDocument", "xl/workbook.xml"),
                _link("rId2", f"{_PACKAGE}/relationships/metadata/core-properties", "docProps/core.xml"),
            ),
        )
        self._put("[Content_Types].xml", _content_types(parts, tables))

    def _put(self, name: str, markup: str) -> None:
        with self._archive.open(name, "w") as stream:
            stream.write((_XML + markup).encode())

    def _take_title(self, title: str) -> None:
        mistake = _mistake_in(title)
        if title.casefold() in self._titles:
            mistake = "another sheet is called so"
        if mistake:
            message = f"Excel takes no sheet {title!r}: {mistake}"
            raise ValueError(message)
        self._titles.add(title.casefold())


def _mistake_in(title: str) -> str:
    if not title:
        return "it has no title"
    if len(title) > TITLE_CHARACTERS_MAX:
        return f"a title has at most {TITLE_CHARACTERS_MAX} characters"
    if _FORBIDDEN_IN_TITLES & set(title):
        return f"a title has none of {' '.join(sorted(_FORBIDDEN_IN_TITLES))}"
    if title.startswith("'") or title.endswith("'"):
        return "a title neither begins nor ends with an apostrophe"
    return ""


def _workbook(parts: Sequence[Part]) -> str:
    sheets = "".join(
        f'<sheet name="{escape(part.title)}" sheetId="{part.number}" r:id="rId{part.number}"/>' for part in parts
    )
    filters = "".join(
        f'<definedName name="_xlnm._FilterDatabase" localSheetId="{place}" hidden="1">{_named(part)}{part.area}'
        "</definedName>"
        for place, part in enumerate(parts)
        if not part.sheet.is_table
    )
    headers = "".join(
        f'<definedName name="_xlnm.Print_Titles" localSheetId="{place}">'
        f"{_named(part)}${part.header_row}:${part.header_row}</definedName>"
        for place, part in enumerate(parts)
    )
    return (
        f'<workbook xmlns="{_MAIN}" xmlns:r="{_DOCUMENT}"><workbookPr/>'
        '<bookViews><workbookView xWindow="240" yWindow="15" windowWidth="16095" windowHeight="9660"/></bookViews>'
        f"<sheets>{sheets}</sheets><definedNames>{filters}{headers}</definedNames></workbook>"
    )


def _named(part: Part) -> str:
    quoted = part.title.replace("'", "''")
    return escape(f"'{quoted}'!", quote=False)


def _table(part: Part) -> str:
    area = part.area.replace("$", "")
    name = "".join(each if each.isascii() and each.isalnum() else "_" for each in part.title).strip("_")
    columns = "".join(
        f'<tableColumn id="{number}" name="{escape(printable(column.name))}"/>'
        for number, column in enumerate(part.sheet.columns, start=1)
    )
    return (
        f'<table xmlns="{_MAIN}" id="{part.number}" name="Table_{name}" displayName="Table_{name}" ref="{area}"'
        f' totalsRowShown="0"><autoFilter ref="{area}"/>'
        f'<tableColumns count="{len(part.sheet.columns)}">{columns}</tableColumns>'
        '<tableStyleInfo showFirstColumn="0" showLastColumn="0" showRowStripes="0" showColumnStripes="0"/></table>'
    )


def _properties(title: str) -> str:
    return (
        f'<cp:coreProperties xmlns:cp="{_PACKAGE}/metadata/core-properties"'
        ' xmlns:dc="http://purl.org/dc/elements/1.1/">'
        f"<dc:title>{escape(printable(title), quote=False)}</dc:title><dc:subject>Talktime</dc:subject>"
        "<dc:creator></dc:creator></cp:coreProperties>"
    )


def _content_types(parts: Sequence[Part], tables: Sequence[Part]) -> str:
    overrides = {
        "/xl/workbook.xml": f"{_SHEETS_TYPE}.sheet.main+xml",
        "/xl/styles.xml": f"{_SHEETS_TYPE}.styles+xml",
        "/docProps/core.xml": "application/vnd.openxmlformats-package.core-properties+xml",
        **{f"/xl/worksheets/sheet{part.number}.xml": f"{_SHEETS_TYPE}.worksheet+xml" for part in parts},
        **{f"/xl/tables/table{part.number}.xml": f"{_SHEETS_TYPE}.table+xml" for part in tables},
    }
    told = "".join(f'<Override PartName="{name}" ContentType="{kind}"/>' for name, kind in overrides.items())
    return (
        f'<Types xmlns="{_PACKAGE}/content-types">'
        '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        f'<Default Extension="xml" ContentType="application/xml"/>{told}</Types>'
    )


def _links(*links: str) -> str:
    return f'<Relationships xmlns="{_PACKAGE}/relationships">{"".join(links)}</Relationships>'


def _link(name: str, kind: str, target: str) -> str:
    return f'<Relationship Id="{name}" Type="{kind}" Target="{target}"/>'
