"""Instants between the core (aware UTC) and the tables (BIGINT microseconds since 1970)."""

from datetime import UTC, datetime, timedelta

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def to_micros(instant: datetime) -> int:
    """Return microseconds since 1970 UTC."""
    return (instant - EPOCH) // _MICROSECOND


def from_micros(micros: int) -> datetime:
    """Return the aware UTC instant."""
    return EPOCH + timedelta(microseconds=micros)


def to_micros_or_none(instant: datetime | None) -> int | None:
    """Return microseconds since 1970 UTC, or None for None."""
    return None if instant is None else (instant - EPOCH) // _MICROSECOND


def from_micros_or_none(micros: int | None) -> datetime | None:
    """Return the aware UTC instant, or None for None."""
    return None if micros is None else EPOCH + timedelta(microseconds=micros)
