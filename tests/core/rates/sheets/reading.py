"""Sheets written in a line or two, for the tests of reading them."""

from typing import Any
from zoneinfo import ZoneInfo

from talktime.core.rates.rate_sheets import RateSheet, SheetOptions, read_rate_sheet
from talktime.core.rates.rating import Price, PriceStep
from talktime.core.rates.time_profiles import parse_profile
from talktime.core.values.money import NANOS_PER_UNIT

ROME = ZoneInfo("Europe/Rome")
PEAK = parse_profile("peak=Mon-Fri 08:00-18:00")
CENT = NANOS_PER_UNIT // 100


def read(*rows: str, **options: Any) -> RateSheet:
    """Read rows whose cells are separated by |."""
    lines = [(line, tuple(row.split("|"))) for line, row in enumerate(rows, start=1)]
    return read_rate_sheet(lines, SheetOptions(**{"currency": "USD", **options}))


def refused(sheet: RateSheet) -> list[tuple[int, str, str]]:
    return [(rejection.line, rejection.column, rejection.value) for rejection in sheet.rejections]


def keys(sheet: RateSheet) -> list[tuple[str, str]]:
    return [(rate.prefix, rate.origin_prefix) for rate in sheet.rates]


def per_minute(nanos: int, increments: int = 60) -> Price:
    return Price(0, (PriceStep(0, increments, nanos),))
