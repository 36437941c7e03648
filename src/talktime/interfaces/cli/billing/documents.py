"""What the commands of documents share: in which language, for whom, and where a file is written."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from enum import Enum
from pathlib import Path
from typing import Annotated, TextIO

from cyclopts import Parameter

from talktime.core.values.errors import Invalid

STANDARD_OUTPUT = "-"

Whose = Annotated[str, Parameter(help="Whose; may be left out where there is only one organization.")]
CsvPath = Annotated[
    str, Parameter(help="Where the CSV is written; - is standard output.", name="--output", allow_leading_hyphen=True)
]
PdfPath = Annotated[
    Path | None, Parameter(help="Where the PDF is written. Default: named after the document.", name="--output")
]


class Language(Enum):
    """In which language a document is written."""

    EN = "en"
    ZH_CN = "zh-CN"
    ZH_TW = "zh-TW"
    RU = "ru"


InLanguage = Annotated[Language, Parameter(help="The language of the document.")]


def write_pdf(path: Path, pdf: bytes) -> None:
    """Write a file that takes its place only when it is complete."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.unfinished")
    try:
        unfinished.write_bytes(pdf)
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


@contextmanager
def csv_stream(path: str, *, as_json: bool) -> Iterator[TextIO]:
    """Open a CSV file that takes its place only when it is complete; or standard output."""
    if path == STANDARD_OUTPUT:
        if as_json:
            message = "--output - and --json would both write to standard output; choose one"
            raise Invalid(message, code="output_taken")
        if hasattr(sys.stdout, "reconfigure"):
            sys.stdout.reconfigure(newline="", encoding="utf-8")
        yield sys.stdout
        sys.stdout.flush()
        return
    finished = Path(path)
    finished.parent.mkdir(parents=True, exist_ok=True)
    unfinished = finished.with_name(f".{finished.name}.unfinished")
    try:
        with unfinished.open("w", newline="", encoding="utf-8") as stream:
            yield stream
        unfinished.replace(finished)
    finally:
        unfinished.unlink(missing_ok=True)
