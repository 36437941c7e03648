"""The table beside a picture: the same numbers, for whoever reads them or has them read out."""

from talktime.core.insight.tables import Column
from talktime.core.values.frozen import frozen


@frozen
class TableTwin:
    """Columns and rows of the kinds that reports have; days are ISO dates, as text."""

    columns: tuple[Column, ...]
    rows: tuple[tuple[object, ...], ...]
