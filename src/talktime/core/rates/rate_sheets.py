"""A vendor's price list, read into rates: each row whole, or refused with its line and reason."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from typing import Literal
from zoneinfo import ZoneInfo

from talktime.core.rates import time_profiles
from talktime.core.rates.rate_decks import (
    OUTLIER_FACTOR,
    DeckTerms,
    Direction,
    Rate,
    RateKey,
    highest_nanos_per_minute,
    key_of,
    outliers,
)
from talktime.core.rates.rating import TimeProfile
from talktime.core.rates.sheets import claims, headers, price_cells
from talktime.core.rates.sheets.claims import Settled, SheetWarning
from talktime.core.rates.sheets.columns import Field
from talktime.core.rates.sheets.headers import Header, SheetLine
from talktime.core.rates.sheets.row_places import CellError, RowDirection
from talktime.core.rates.sheets.rows import RowReader, RowTerms, SheetRow
from talktime.core.values import money
from talktime.core.values.errors import Invalid
from talktime.core.values.frozen import frozen
from talktime.core.values.money import MICRO_DECIMALS, Rounding

# The largest real deck seen has 40,000 rows; a file beyond this is no price list.
ROWS_MAX = 1_000_000
ROWS_PER_PROGRESS = 1_000
_REASONS_SHOWN = 3
_ASTPP_NAMES = frozenset({"pattern", "connectcost", "includedseconds"})
_UTC = ZoneInfo("UTC")

Progress = Callable[[int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class SheetOptions:
    """What the importer states about a sheet, because the sheet may not.

    `direction` None means outbound, unless a column of number types says otherwise. `profiles` are the hours of named
    time profiles, as `time_profiles.parse_profile` reads them.
    """

    currency: str | None = None
    zone: ZoneInfo | None = None
    direction: Direction | None = None
    charge_decimals: int = 4
    rounding: Rounding = Rounding.HALF_UP
    increments: tuple[int, int] = (60, 60)
    profiles: Mapping[str, TimeProfile] = field(default_factory=dict)
    price_unit: Literal["unit", "cents"] = "unit"
    ignore_effective_dates: bool = False


@frozen
class Rejection:
    """A row that was not taken: its line, the column and the text that refuse it, and why."""

    line: int
    column: str
    value: str
    reason: str


@frozen
class RateSheet:
    """What a sheet says: every row read is taken, skipped as no longer sold, or rejected."""

    terms: DeckTerms
    rates: tuple[Rate, ...]
    rejections: tuple[Rejection, ...]
    warnings: tuple[SheetWarning, ...]
    rows_read: int
    rows_skipped: int
    effective_at: datetime | None
    ignored_columns: tuple[str, ...]

    @property
    def rows_taken(self) -> int:
        """Return the number of rows whose prices are in the rates."""
        return self.rows_read - self.rows_skipped - len(self.rejections)


@dataclass(slots=True)
class _Found:
    """What reading row by row has gathered so far."""

    rows: list[SheetRow] = field(default_factory=list)
    rejections: list[Rejection] = field(default_factory=list)
    skipped_lines: list[int] = field(default_factory=list)


def read_rate_sheet(lines: Iterable[SheetLine], options: SheetOptions, progress: Progress | None = None) -> RateSheet:
    """Read header and rows; raise Invalid if the sheet as a whole cannot be used, saying what would change that.

    `progress` is told the number of rows read so far, every thousand rows and at the end.
    """
    _check_options(options)
    sheet = list(islice(lines, ROWS_MAX + 1))
    if len(sheet) > ROWS_MAX:
        raise Invalid(f"the sheet has more than {ROWS_MAX:,} rows")
    header = headers.find_header(sheet)
    rows = [(line, cells) for line, cells in sheet if line > header.line and any(map(str.strip, cells))]
    if not rows:
        raise Invalid(f"the sheet has a header in line {header.line} and no rows below it")
    terms = _row_terms(header, options, rows)
    found = _read_rows(RowReader(header, terms), header, rows, progress)
    settled = claims.settle(found.rows)
    found.rejections += [Rejection(r.line, header.name_of(r.column), r.value, r.reason) for r in settled.refusals]
    if not settled.rates:
        raise Invalid(_why_nothing(found, len(rows)))
    return RateSheet(
        terms=DeckTerms(terms.currency, options.zone or _UTC, options.charge_decimals, options.rounding),
        rates=settled.rates,
        rejections=tuple(sorted(found.rejections, key=lambda rejection: rejection.line)),
        warnings=_warnings(header, terms, found, settled),
        rows_read=len(rows),
        rows_skipped=len(found.skipped_lines),
        effective_at=_effective_at(found.rows, settled),
        ignored_columns=header.ignored,
    )


def _check_options(options: SheetOptions) -> None:
    if options.currency is not None and not price_cells.is_currency(options.currency):
        raise Invalid(f"{options.currency!r} is no currency: state its ISO 4217 code, such as USD")
    if not 0 <= options.charge_decimals <= MICRO_DECIMALS:
        raise Invalid(f"a charge has 0 to {MICRO_DECIMALS} decimals, not {options.charge_decimals}")
    if not all(0 < seconds <= price_cells.INCREMENT_MAX_SECONDS for seconds in options.increments):
        raise Invalid(f"an increment has 1 to {price_cells.INCREMENT_MAX_SECONDS} seconds")


def _row_terms(header: Header, options: SheetOptions, rows: Sequence[SheetLine]) -> RowTerms:
    if header.is_inbound and options.direction is None and Field.NUMBER_TYPE not in header.positions:
        raise Invalid("the sheet prices inbound calls without a number type: state the direction")
    # A line with one cell is a footnote: what it lacks says nothing about the others.
    told = [cells for _, cells in rows if sum(map(bool, cells)) > 1]
    names = {time_profiles.profile_key(name) for name in _column(header, Field.TIME_PROFILE, told)}
    profiles = time_profiles.profiles_named(names, options.profiles)
    if options.zone is None and any(profile.windows for profile in profiles.values()):
        raise Invalid("the sheet has prices by the hour: state the time zone of its hours: --time-zone Europe/London")
    return RowTerms(
        currency=_currency(header, options, told),
        zone=options.zone,
        direction=RowDirection(options.direction or Direction.OUTBOUND, is_stated=options.direction is not None),
        increments=options.increments,
        profiles=profiles,
        is_in_cents=options.price_unit == "cents",
        ignores_dates=options.ignore_effective_dates,
        is_astpp={name.lower() for name in header.names} >= _ASTPP_NAMES,
    )


def _column(header: Header, column: Field, rows: Iterable[tuple[str, ...]]) -> set[str]:
    """Return the different texts of a column; one empty text where there is no such column."""
    position = header.positions.get(column)
    if position is None:
        return {""}
    return {cells[position].strip() if position < len(cells) else "" for cells in rows}


def _currency(header: Header, options: SheetOptions, rows: Iterable[tuple[str, ...]]) -> str:
    if options.currency and header.currency and options.currency != header.currency:
        raise Invalid(f"line {header.line}: the header says {header.currency}, and {options.currency} is stated")
    currency = options.currency or header.currency
    if currency is None:
        written = sorted({text.upper() for text in _column(header, Field.CURRENCY, rows)} - {""})
        if len(written) > 1:
            raise Invalid(f"the sheet has several currencies, {', '.join(written)}: state one: --currency {written[0]}")
        currency = next(iter(written), None)
    if currency is None:
        raise Invalid("the sheet does not say its currency: state it: --currency USD")
    if not price_cells.is_currency(currency):
        raise Invalid(f"the sheet's currency {currency!r} is no ISO 4217 code: state it: --currency USD")
    return currency


def _read_rows(reader: RowReader, header: Header, rows: Sequence[SheetLine], progress: Progress | None) -> _Found:
    found = _Found()
    for index, (line, cells) in enumerate(rows):
        if progress is not None and index and index % ROWS_PER_PROGRESS == 0:
            progress(index)
        try:
            row = reader.read(line, cells)
        except CellError as refusal:
            found.rejections.append(_rejection(line, cells, header, refusal))
            continue
        if row is None:
            found.skipped_lines.append(line)
        else:
            found.rows.append(row)
    if progress is not None:
        progress(len(rows))
    return found


def _rejection(line: int, cells: tuple[str, ...], header: Header, refusal: CellError) -> Rejection:
    if refusal.column is None:
        return Rejection(line, "", "", refusal.reason)
    position = header.positions.get(refusal.column)
    value = cells[position] if position is not None and position < len(cells) else ""
    return Rejection(line, header.name_of(refusal.column), value, refusal.reason)


def _why_nothing(found: _Found, rows_read: int) -> str:
    if not found.rejections:
        return f"none of {rows_read} rows can be used: all of them are no longer sold"
    shown = sorted(found.rejections, key=lambda rejection: rejection.line)[:_REASONS_SHOWN]
    reasons = "; ".join(f"line {each.line}, {each.column or 'row'}: {each.reason}" for each in shown)
    return f"none of {rows_read} rows can be used; the first reasons: {reasons}"


def _effective_at(rows: Iterable[SheetRow], settled: Settled) -> datetime | None:
    refused = {refusal.line for refusal in settled.refusals}
    instants = sorted({row.effective_at for row in rows if row.effective_at is not None and row.line not in refused})
    if len(instants) > 1:
        raise Invalid(
            f"the rows take effect at {len(instants)} different instants, from {instants[0]:%Y-%m-%d %H:%MZ} to "
            f"{instants[-1]:%Y-%m-%d %H:%MZ}, and a version at one: split the sheet, or ignore its dates"
        )
    return next(iter(instants), None)


def _warnings(header: Header, terms: RowTerms, found: _Found, settled: Settled) -> tuple[SheetWarning, ...]:
    gathered = [
        *_profile_warnings(header, terms),
        *(SheetWarning(line, "no longer sold: skipped") for line in found.skipped_lines),
        *(SheetWarning(row.line, "costs nothing") for row in found.rows if row.offer.is_free),
        *settled.warnings,
        *_outlier_warnings(settled, terms.currency),
    ]
    return tuple(sorted(gathered, key=lambda warning: warning.line))


def _profile_warnings(header: Header, terms: RowTerms) -> Iterator[SheetWarning]:
    for name, profile in terms.profiles.items():
        if name and not profile.windows:
            yield SheetWarning(header.line, f"{name!r} is the only time profile: its prices hold at any time")


def _outlier_warnings(settled: Settled, currency: str) -> Iterator[SheetWarning]:
    warned: set[int] = set()
    for rate in outliers(settled.rates):
        key: RateKey = key_of(rate)
        line = settled.lines[key]
        if line in warned:
            continue
        warned.add(line)
        price = money.format_nanos(highest_nanos_per_minute(rate))
        yield SheetWarning(
            line, f"{rate.prefix} costs {price} {currency}, over {OUTLIER_FACTOR} times the sheet's median"
        )
