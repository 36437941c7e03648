"""What a file of usage is made from, whatever its format: whose rows, by which filter, as complete as they are."""

from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta

from talktime.core.calls.cdrs import UsageRow
from talktime.core.insight.privacy.masking import hidden_digits
from talktime.core.insight.reports.filters import UsageFilter
from talktime.core.insight.reports.groups import GroupBy, UsageSum
from talktime.core.insight.reports.watermarks import Watermark
from talktime.core.insight.tables import Column, ColumnKind
from talktime.core.insight.usage import EARLIEST, LATEST, Layout, ReportedUsage, rounded
from talktime.core.organizations.organizations import Organization
from talktime.core.values.frozen import frozen

# Changes with the columns of an export: programs that read it know what they read (#9721).
SCHEMA_VERSION = 1
_LOCAL_COLUMNS = (Column("Start Time Local", ColumnKind.LOCAL), Column("End Time Local", ColumnKind.LOCAL))


@frozen
class UsageContents:
    """Rows can be read more than once; `sums` adds them up by a group, and `people` names those users by their ids."""

    organization: Organization
    shown: UsageFilter
    watermark: Watermark
    snapshot: str
    layout: Layout
    # None is exact.
    money_decimals: int | None
    rows_count: int
    rows: Callable[[], Iterator[ReportedUsage]]
    sums: Callable[[GroupBy], list[UsageSum]]
    people: Callable[[], Mapping[int, str]]

    def cells(self) -> Iterator[tuple[object, ...]]:
        """Yield the cells of the layout's columns, money exact, external numbers masked where the country asks."""
        cells, country = self.layout.cells, self.organization.country
        for reported in self.rows():
            yield cells(reported, country)

    @property
    def columns_with_local_times(self) -> tuple[Column, ...]:
        """Return the layout's columns and, behind them, when a call began and ended on the organization's clock."""
        return (*self.layout.columns, *_LOCAL_COLUMNS)

    def cells_with_local_times(
        self, note: Callable[[UsageRow], object] = lambda _: None
    ) -> Iterator[tuple[object, ...]]:
        """Yield the cells of `columns_with_local_times`, money as it was asked for; `note` is told of each row."""
        layout = self.layout if self.money_decimals is None else rounded(self.layout, self.money_decimals)
        cells, country, zone = layout.cells, self.organization.country, self.organization.zone
        for reported in self.rows():
            row = reported.row
            note(row)
            yield (*cells(reported, country), row.started_at.astimezone(zone), row.ended_at.astimezone(zone))

    @property
    def hidden_digits(self) -> int:
        """Return how many last digits of external numbers are hidden."""
        return hidden_digits(self.organization.country)

    @property
    def about(self) -> str:
        """Say in a line whose usage of which days this is, on whose clock, and how far it is complete."""
        zone = self.organization.zone
        starts_at, ends_at = self.shown.period
        first = "the first call" if starts_at == EARLIEST else f"{starts_at.astimezone(zone):%Y-%m-%d}"
        last = "the last call"
        if ends_at != LATEST:
            last = f"{(ends_at - timedelta(microseconds=1)).astimezone(zone):%Y-%m-%d}"
        complete = "complete"
        if not self.watermark.is_whole:
            complete = f"complete until {self.watermark.complete_until.astimezone(zone):%Y-%m-%d %H:%M}"
        amounts = "amounts exact" if self.money_decimals is None else f"amounts with {self.money_decimals} decimals"
        return f"{self.organization.name} · {first} to {last} ({zone.key}) · {complete} · {amounts}"
