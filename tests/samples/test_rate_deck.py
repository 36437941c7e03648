import csv
from itertools import pairwise
from pathlib import Path

import phonenumbers
import pytest

from talktime.samples import rate_deck

Row = dict[str, str]


@pytest.fixture(scope="module")
def rows() -> list[Row]:
    return _rows(rate_deck.sample_rate_deck_csv())


@pytest.fixture(scope="module")
def toll_free_rows() -> list[Row]:
    return _rows(rate_deck.sample_toll_free_deck_csv())


def test_one_seed_gives_one_deck() -> None:
    assert rate_deck.sample_rate_deck_csv(7) == rate_deck.sample_rate_deck_csv(7)
    assert rate_deck.sample_rate_deck_csv(7) != rate_deck.sample_rate_deck_csv(8)
    assert rate_deck.sample_toll_free_deck_csv(7) == rate_deck.sample_toll_free_deck_csv(7)
    assert rate_deck.sample_toll_free_deck_csv(7) != rate_deck.sample_toll_free_deck_csv(8)


@pytest.mark.parametrize("seed", range(20))
def test_no_two_rows_claim_the_same_prefix_and_time(seed: int) -> None:
    rows = _rows(rate_deck.sample_rate_deck_csv(seed))

    keys = [(row["Prefix"], row["Time profile"]) for row in rows]

    assert len(set(keys)) == len(keys)
    assert 1_500 <= len(rows) <= 2_500


def test_the_header_is_one_that_carriers_use(rows: list[Row]) -> None:
    assert tuple(rows[0]) == rate_deck.OUTBOUND_HEADER
    assert all(None not in row.values() for row in rows)


def test_rows_stand_from_a_to_z(rows: list[Row]) -> None:
    assert all(row["Destination"] <= following["Destination"] for row, following in pairwise(rows))


def test_a_prefix_is_digits_that_no_number_exceeds(rows: list[Row]) -> None:
    prefixes = [row["Prefix"] for row in rows]

    assert all(prefix.isascii() and prefix.isdigit() for prefix in prefixes)
    assert all(1 <= len(prefix) <= 8 and not prefix.startswith("0") for prefix in prefixes)


def test_every_calling_code_has_a_price(rows: list[Row]) -> None:
    prefixes = {row["Prefix"] for row in rows}

    assert {str(code) for code in phonenumbers.COUNTRY_CODE_TO_REGION_CODE} <= prefixes


def test_every_country_has_a_landline_price(rows: list[Row]) -> None:
    countries = {row["Destination"] for row in rows}

    assert {
        "United States",
        "Canada",
        "Puerto Rico",
        "Kazakhstan",
        "Vatican City",
        "Guernsey",
        "Åland Islands",
    } <= countries
    # All regions of the numbering plans have a row of their own name.
    assert len(countries & {row["Country"] for row in rows}) >= len(phonenumbers.SUPPORTED_REGIONS)


def test_mobile_and_landline_numbers_fall_under_rows_of_their_own(rows: list[Row]) -> None:
    by_prefix = {row["Prefix"]: row["Destination"] for row in rows}

    found = [_longest(by_prefix, number) for number in ("442079460123", "493023125123", "33199001234", "861012345678")]
    mobile = [
        _longest(by_prefix, number) for number in ("447400123456", "4915123456789", "33612345678", "8613123456789")
    ]

    assert found == ["United Kingdom", "Germany", "France", "China"]
    assert [name.split(" - ")[0] for name in mobile] == found
    assert all(" - Mobile" in name for name in mobile)


def test_prices_are_plausible(rows: list[Row]) -> None:
    price = {row["Prefix"]: _hundred_thousandths(row["Rate per minute"]) for row in rows}

    assert 1_000 <= price["1"] <= 2_000
    assert 1_000 <= price["44"] <= 1_800
    assert 1_800 <= price["447"] <= 4_000
    assert 18_000 <= price["1876"] <= 35_000
    assert 600_000 <= price["870"] <= 900_000
    assert 600_000 <= price["8816"] <= 900_000
    assert price["1800"] == 0
    assert all(0 < cents <= 900_000 for prefix, cents in price.items() if _is_charged(prefix))


def test_a_price_has_four_or_five_decimals(rows: list[Row]) -> None:
    decimals = {len(row[column].partition(".")[2]) for row in rows for column in ("Rate per minute", "Connection fee")}

    assert decimals == {4, 5}


def test_premium_numbers_are_blocked(rows: list[Row]) -> None:
    blocked = {row["Prefix"] for row in rows if row["Status"] == "blocked"}

    assert {"1900", "4490", "49900", "979"} <= blocked
    assert {row["Status"] for row in rows} == {"active", "blocked"}
    assert len(blocked) < len(rows) / 20


def test_increments_and_connection_fees_differ_by_destination(rows: list[Row]) -> None:
    with_fee = [row for row in rows if _hundred_thousandths(row["Connection fee"]) > 0]

    assert {row["Increments"] for row in rows} == {"1/1", "60/60", "60/1", "6/6", "30/6"}
    assert 0 < len(with_fee) < len(rows) / 5


def test_two_destinations_cost_less_off_peak(rows: list[Row]) -> None:
    timed = {(row["Prefix"], row["Time profile"]): row for row in rows if row["Time profile"]}

    assert timed.keys() == {(prefix, profile) for prefix in ("44", "49") for profile in ("peak", "offpeak")}
    for prefix in ("44", "49"):
        peak, offpeak = timed[prefix, "peak"], timed[prefix, "offpeak"]
        assert _hundred_thousandths(offpeak["Rate per minute"]) < _hundred_thousandths(peak["Rate per minute"])
        assert offpeak["Increments"] == peak["Increments"]
        assert offpeak["Connection fee"] == peak["Connection fee"]


def test_toll_free_prices_differ_within_north_america(toll_free_rows: list[Row]) -> None:
    price = {row["ISO"]: row["Inbound voice price"] for row in toll_free_rows}

    assert tuple(toll_free_rows[0]) == rate_deck.TOLL_FREE_HEADER
    assert 30 <= len(price) == len(toll_free_rows) <= 40
    assert len({price["US"], price["CA"], price["PR"]}) == 3
    assert all(0 < _hundred_thousandths(text) < 50_000 for text in price.values())


def test_the_deck_is_nobodys_price_list(rows: list[Row], shared_data: Path) -> None:
    text = (shared_data / "rate_decks/astpp_az_2015/astpp_outbound_routes.csv").read_text("utf-8")
    theirs = {(row["pattern"].strip("^.*"), _padded(row["cost"])) for row in _rows(text)}

    ours = {(row["Prefix"], _padded(row["Rate per minute"])) for row in rows}

    # Equal ones by chance: a few prices are round, as that of toll-free calls.
    assert len(ours & theirs) < len(ours) / 100


def _rows(text: str) -> list[Row]:
    return list(csv.DictReader(text.splitlines()))


def _longest(by_prefix: dict[str, str], number: str) -> str:
    return next(by_prefix[number[:length]] for length in range(len(number), 0, -1) if number[:length] in by_prefix)


def _is_charged(prefix: str) -> bool:
    return prefix not in {"800", "1800", "1833", "1844", "1855", "1866", "1877", "1888"}


def _hundred_thousandths(text: str) -> int:
    return int(_padded(text).replace(".", ""))


def _padded(text: str) -> str:
    whole, _, decimals = text.partition(".")
    return f"{whole}.{decimals:0<5}"
