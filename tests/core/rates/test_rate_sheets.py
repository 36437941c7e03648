from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from talktime.core.rates import rate_sheets
from talktime.core.rates.rate_decks import RateDeck, key_of
from talktime.core.rates.rate_sheets import SheetOptions, read_rate_sheet
from talktime.core.rates.rating import covers_week
from talktime.core.rates.sheets import claims
from talktime.core.values.errors import Invalid
from talktime.core.values.money import Rounding
from tests.core.rates.sheets.reading import PEAK, ROME, read


@pytest.mark.parametrize(
    ("head", "row", "currency"),
    [("Rate (EUR)", "0.1", "EUR"), ("rate|currency", "0.1|eur", "EUR"), ("rate|currency", "0.1|", None)],
)
def test_the_currency_is_stated_by_the_sheet_or_asked_for(head: str, row: str, currency: str | None) -> None:
    rows = (f"prefix|{head}", f"44|{row}")

    if currency is None:
        with pytest.raises(Invalid, match="--currency USD"):
            read(*rows, currency=None)
    else:
        assert read(*rows, currency=None).terms.currency == currency


@pytest.mark.parametrize(
    ("rows", "currency", "said"),
    [
        (("prefix|Rate (EUR)", "44|1"), "USD", "the header says EUR, and USD is stated"),
        (("prefix|rate|currency", "44|1|EUR", "45|1|USD"), None, "several currencies, EUR, USD: state one"),
        (("prefix|rate|currency", "44|1|XYZ"), None, "'XYZ' is no ISO 4217 code"),
        (("prefix|rate", "44|1"), "usd", "'usd' is no currency"),
    ],
)
def test_a_currency_in_doubt_is_refused(rows: Sequence[str], currency: str | None, said: str) -> None:
    with pytest.raises(Invalid, match=said):
        read(*rows, currency=currency)


def test_the_date_of_the_sheet_is_the_date_of_its_rows() -> None:
    rows = ("prefix|rate|effective date", "44|0.1|2027-07-01", "45|0.1|2027-07-01T00:00:00", "46|0.1|")

    assert read(*rows, zone=ROME).effective_at == datetime(2027, 6, 30, 22, tzinfo=UTC)
    with pytest.raises(Invalid, match="state its time zone: --time-zone"):
        read(*rows)


def test_several_dates_are_refused_or_ignored() -> None:
    rows = ("prefix|rate|effective date|end date", "44|0.1|2027-07-01|", "45|0.1|2027-08-01|2028-01-01", "46|1|x|")

    with pytest.raises(Invalid, match="2 different instants, from 2027-06-30 22:00Z to 2027-07-31 22:00Z"):
        read(*(row.removesuffix("2028-01-01") for row in rows), zone=ROME)
    sheet = read(*rows, ignore_effective_dates=True)
    assert (sheet.effective_at, sheet.rows_taken) == (None, 3)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"charge_decimals": 7}, "0 to 6 decimals"),
        ({"increments": (0, 60)}, "1 to 3600 seconds"),
        ({"increments": (60, 3_601)}, "1 to 3600 seconds"),
    ],
)
def test_options_out_of_range_are_refused(options: dict[str, Any], said: str) -> None:
    with pytest.raises(Invalid, match=said):
        read("prefix|rate", "44|0.1", **options)


def test_a_sheet_without_one_usable_row_is_refused_with_the_first_reasons() -> None:
    with pytest.raises(Invalid, match=r"none of 4 rows can be used; the first reasons: line 2, rate: .*; line 4, rate"):
        read("prefix|rate", "44|a", "45|b", "46|c", "47|d")
    with pytest.raises(Invalid, match="all of them are no longer sold"):
        read("prefix|rate|status", "44|0.1|deleted")
    with pytest.raises(Invalid, match="a header in line 1 and no rows below it"):
        read("prefix|rate", "|")


def test_sheets_beyond_their_bounds_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rate_sheets, "ROWS_MAX", 2)
    with pytest.raises(Invalid, match="more than 2 rows"):
        read("prefix|rate", "44|0.1", "45|0.1")
    monkeypatch.setattr(claims, "RATES_MAX", 1)
    with pytest.raises(Invalid, match="line 2: the sheet has more than 1 rates"):
        read("prefix|rate", "44,45|0.1")


def test_progress_is_told_every_thousand_rows_and_at_the_end() -> None:
    lines = [(1, ("prefix", "rate")), *((line, (str(1_000 + line), "0.1")) for line in range(2, 2_503))]
    told: list[int] = []

    read_rate_sheet(lines, SheetOptions(currency="USD"), told.append)

    assert told == [1_000, 2_000, 2_501]


def test_rounding_is_a_term_of_the_deck() -> None:
    assert read("prefix|rate", "44|0.1", rounding=Rounding.UP).terms.rounding is Rounding.UP


_CELLS = st.sampled_from(
    [
        "",
        "44",
        "+44",
        "44,45",
        "1",
        "*7",
        "0.1",
        "0,05",
        "N/A",
        "Blocked",
        "0",
        "-1",
        "peak",
        "off-peak",
        "30/6",
        "US",
        "x",
    ]
)
_HEADS = st.lists(
    st.sampled_from(
        ["prefix", "rate", "time slot", "increments", "origin", "country", "status", "number type", "note"]
    ),
    min_size=2,
    max_size=6,
    unique=True,
)


@given(_HEADS, st.lists(st.lists(_CELLS, max_size=7), max_size=12))
def test_every_row_is_taken_skipped_or_refused_and_no_sheet_is_half_read(
    head: list[str], rows: list[list[str]]
) -> None:
    lines = [(line, tuple(cells)) for line, cells in enumerate([head, *rows], start=1)]
    options = SheetOptions(currency="USD", zone=ROME, profiles={"peak": PEAK})

    try:
        sheet = read_rate_sheet(lines, options)
    except Invalid:
        return

    assert sheet.rows_taken + sheet.rows_skipped + len(sheet.rejections) == sheet.rows_read
    assert len({rejection.line for rejection in sheet.rejections}) == len(sheet.rejections)
    assert len({key_of(rate) for rate in sheet.rates}) == len(sheet.rates)
    assert all(
        len(rate.prices) == 1 or covers_week([price.profile for price in rate.prices])
        for rate in sheet.rates
        if not rate.blocked
    )
    assert RateDeck(version_id=1, terms=sheet.terms, rates=sheet.rates)
    # The rows that were refused had no influence: without them the sheet says the same.
    refused_lines = {rejection.line for rejection in sheet.rejections}
    again = read_rate_sheet([line for line in lines if line[0] not in refused_lines], options)
    assert again.rates == sheet.rates
    assert again.rejections == ()
