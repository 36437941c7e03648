"""What files of cells have in common, whoever wrote them: delimiters, the words of a header, and instants."""

import csv
import re
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

DELIMITERS = (",", ";", "\t", "|")


def delimiter_of(sample: Sequence[str]) -> str:
    """Return the delimiter that cuts the most rows alike; a decimal comma cuts only some of them."""
    return max(DELIMITERS, key=lambda delimiter: _rows_alike(sample, delimiter))


def header_words(header: Sequence[str]) -> list[str]:
    """Return a header's cells as words that can be compared: `Start Time` is start_time."""
    return [re.sub(r"[^a-z0-9]+", "_", word.strip().lower()).strip("_") for word in header]


def instant_in(text: str, zone: ZoneInfo | None) -> datetime:
    """Read ISO 8601; without an offset it is on the zone's clock. Raise ValueError with the reason."""
    try:
        read = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{text!r} is no instant such as 2026-03-01T09:30:00+01:00") from None
    if read.tzinfo is None:
        if zone is None:
            raise ValueError(f"{text!r} does not say in which time zone; give the file's with --time-zone")
        read = read.replace(tzinfo=zone)
    return read.astimezone(UTC)


def _rows_alike(sample: Sequence[str], delimiter: str) -> tuple[int, int]:
    try:
        widths = Counter(len(cells) for cells in csv.reader(sample, delimiter=delimiter) if len(cells) > 1)
    except csv.Error:
        return 0, 0
    return max(((count, width) for width, count in widths.items()), default=(0, 0))
