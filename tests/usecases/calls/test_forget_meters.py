"""Meters that counted the calls of an hour are forgotten; those of months stay."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from sqlalchemy import insert, select

from talktime.bootstrap import App
from talktime.core.calls.counting.meters import calls_meter, user_meter
from talktime.settings import Settings
from talktime.store.engine import open_engine
from talktime.store.schema import meters
from talktime.usecases.calls.forget_meters import forget_meters

NOON = datetime(2026, 6, 10, 12, tzinfo=UTC)
KEPT = {calls_meter(1, datetime(2026, 6, 8, 12, tzinfo=UTC)), calls_meter(1, NOON), user_meter(1, "2024-01")}
OLD = {calls_meter(7, datetime(2026, 6, 8, 11, 59, tzinfo=UTC)), calls_meter(12, datetime(2025, 12, 31, tzinfo=UTC))}


@pytest.fixture
def app(migrated_database_url: str) -> Iterator[App]:
    with App(Settings(database=migrated_database_url)) as opened:
        yield opened


def test_hours_gone_are_forgotten_and_months_never(app: App) -> None:
    engine = open_engine(app.settings.database_url)
    with engine.begin() as connection:
        rows = [{"organization_id": 1, "meter": name, "used": 1, "held": 0} for name in KEPT | OLD]
        connection.execute(insert(meters), rows)

    forgotten = app.run(forget_meters, NOON)

    with engine.connect() as connection:
        left = set(connection.scalars(select(meters.c.meter)))
    engine.dispose()
    assert (forgotten, left) == (len(OLD), KEPT)
