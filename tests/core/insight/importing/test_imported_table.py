"""Imported calls as a table that can be read again."""

from talktime.core.insight.importing.imported_table import COLUMNS, cells_of
from tests.core.insight.importing.imported import NOON, a_call


def test_every_column_has_its_cell() -> None:
    call = a_call(called="442079460***", caller="client1", is_domestic=True, charge_micros=5, currency="EUR")

    cells = dict(zip((column.name for column in COLUMNS), cells_of(call), strict=True))

    assert cells["Destination Number"] == "+442079460***"
    assert cells["Caller ID"] == "client1"
    assert (cells["Domestic/International"], cells["Call Direction"]) == ("Domestic", "Outbound")
    assert (cells["Start Time"], cells["Charge"], cells["Rated"]) == (NOON, 5, None)
