"""What a command can be told of a file of usage: the options of every command that reads one."""

from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from pathlib import Path
from typing import Annotated

from cyclopts import Group, Parameter

from talktime.core.insight.importing.cells import CellTerms, DateOrder
from talktime.core.insight.importing.reading import ReadingTerms
from talktime.core.values.places import read_zone
from talktime.imports.usage import HowToRead, UsageFormat, read_mapping

FILE_HELP = (
    "A usage export of any year (CSV, Excel, its zip), pages of the Graph API (JSON), a switch's CDR file, or any CSV"
    " with --mapping."
)
_HOW_IT_IS_WRITTEN = Group("How the file is written", sort_key=10)


class FormatName(Enum):
    """How a file is written: as it looks, or one of `UsageFormat`."""

    AUTO = "auto"
    CSV = UsageFormat.CSV.value
    JSON = UsageFormat.JSON.value
    ASTERISK = UsageFormat.ASTERISK.value
    FREESWITCH = UsageFormat.FREESWITCH.value
    KAMAILIO = UsageFormat.KAMAILIO.value


@Parameter(name="*", group=_HOW_IT_IS_WRITTEN)
@dataclass(frozen=True, slots=True)
class FileReading:
    """What a person says of a file, where the file itself does not."""

    format: FormatName = FormatName.AUTO
    """auto: as it looks."""

    mapping: Path | None = None
    """TOML that says which column is which, and how cells are written."""

    zone: str = ""
    """The clock of instants that state no offset, such as Europe/Dublin."""

    dates: DateOrder | None = None
    """How to read 01/02/2026."""

    decimal_comma: Annotated[bool, Parameter(negative=())] = False
    """Read 1,25 as one and a quarter."""

    def how(self, at: datetime) -> HowToRead:
        """Return the same for the readers; raise NotFound or Invalid for what cannot be."""
        cells = CellTerms(read_zone(self.zone) if self.zone else None, self.dates, decimal_comma=self.decimal_comma)
        format_ = None if self.format is FormatName.AUTO else UsageFormat(self.format.value)
        return HowToRead(ReadingTerms(at, cells), format_, read_mapping(self.mapping) if self.mapping else None)


AS_IT_LOOKS = FileReading()
