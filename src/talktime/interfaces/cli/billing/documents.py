"""What the commands of documents share: in which language, and where they are written."""

from enum import Enum
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

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
