"""What real people and a real bank spent on calls, at stated prices; read from ../shared, which may be absent."""

import csv
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from talktime.core.credit.recharging.simulating import Spent
from talktime.core.insight.advice.demand import ReadSpend, read_spend

_CALLS = Path(__file__).parents[2] / "shared" / "data" / "calls"
NOW = datetime(2026, 11, 1, tzinfo=UTC)
# Stated, because the files hold no prices: what an incoming toll-free minute, and an outgoing minute, may cost.
TOLL_FREE_MINUTE_MICROS = 30_000
OUTGOING_MINUTE_MICROS = 50_000
BANK_CALL_MINUTES = 4
# Of mobile calls, each begun minute; text messages and data are no calls.
_DUBLIN = ZoneInfo("Europe/Dublin")


def bank() -> ReadSpend:
    """Return a bank's toll-free calls of 2003, 07:00 to 21:00 on workdays, each of four minutes (SOURCE.md)."""
    cost = TOLL_FREE_MINUTE_MICROS * BANK_CALL_MINUTES
    rows = _rows("bank_calls_5min/bank_calls.csv")
    # "Stored as UTC, really local bank time": the clock is the organization's either way.
    spent = [Spent(datetime.fromisoformat(row["interval_start"]), int(row["calls"]) * cost) for row in rows]
    return read_spend(spent, ZoneInfo("UTC"), NOW)


def phones() -> ReadSpend:
    """Return the outgoing calls of 27 phones in the United Kingdom, 2010 and 2011; 31 of them say 1980."""
    spent = [
        Spent(datetime.fromisoformat(row["start_time"]), _minutes(row["duration_seconds"]) * OUTGOING_MINUTE_MICROS)
        for row in _rows("nodobo_calls/nodobo_calls_masked.csv")
        if row["direction"] == "Outgoing" and row["start_time"] and row["duration_seconds"]
    ]
    return read_spend(spent, ZoneInfo("Europe/London"), NOW)


def phone_bill() -> ReadSpend:
    """Return the calls of one Irish mobile, 2014 and 2015."""
    spent = [
        Spent(
            _local(row["date"]),
            _minutes(row["duration"]) * OUTGOING_MINUTE_MICROS,
        )
        for row in _rows("phone_bill_ie/phone_data.csv")
        if row["item"] == "call"
    ]
    return read_spend(spent, _DUBLIN, NOW)


def _local(written: str) -> datetime:
    """Read 15/10/14 06:58, and 1/11/2014 15:13, which the same file has as well."""
    day, month, year = written.split(maxsplit=1)[0].split("/")
    hour, minute = written.split()[1].split(":")[:2]
    return datetime(2000 + int(year) % 100, int(month), int(day), int(hour), int(minute), tzinfo=_DUBLIN)


def _minutes(seconds: str) -> int:
    return -(-int(float(seconds)) // 60)


def _rows(name: str) -> Iterator[dict[str, str]]:
    path = _CALLS / name
    if not path.is_file():
        pytest.skip(f"needs the data set {name} of ../shared")
    with path.open(encoding="utf-8", newline="") as stream:
        yield from csv.DictReader(stream)
