"""Price lists that vendors published, read as they are; ../shared/data/rate_decks says where each is from."""

from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from talktime.core.rates.rate_decks import Direction, Rate, RateDeck
from talktime.core.rates.rate_sheets import RateSheet, SheetOptions, read_rate_sheet
from talktime.core.rates.rating import Price, PriceStep
from talktime.core.values.errors import Invalid
from talktime.core.values.money import parse_nanos
from talktime.imports.spreadsheets import read_sheet

IN_DOLLARS = SheetOptions(currency="USD", zone=ZoneInfo("UTC"))


@pytest.fixture(scope="session")
def decks(shared_data: Path) -> Path:
    return shared_data / "rate_decks"


def read(path: Path, options: SheetOptions = IN_DOLLARS) -> RateSheet:
    return read_rate_sheet(read_sheet(path), options)


def rate_of(sheet: RateSheet, prefix: str, direction: Direction = Direction.OUTBOUND) -> Rate:
    (found,) = [
        rate for rate in sheet.rates if (rate.direction, rate.prefix, rate.origin_prefix) == (direction, prefix, "")
    ]
    return found


def per_minute(price: str, increment_seconds: int) -> tuple[Price, ...]:
    return (Price(0, (PriceStep(0, increment_seconds, parse_nanos(price)),)),)


def test_astpp_gives_the_same_rates_as_csv_and_as_workbook(decks: Path) -> None:
    from_csv = read(decks / "astpp_az_2015/astpp_outbound_routes.csv")
    from_workbook = read(decks / "astpp_az_2015/astpp_az_vendor_layout.xlsx")

    assert from_csv.rates == from_workbook.rates
    assert (from_csv.rows_read, from_csv.rows_taken, len(from_csv.rates)) == (36_206, 36_206, 36_205)
    assert (from_workbook.rows_read, from_workbook.rows_taken) == (36_206, 36_206)
    assert from_csv.rejections == from_workbook.rejections == ()
    assert from_csv.effective_at is None
    assert from_workbook.effective_at == datetime(2015, 10, 29, tzinfo=UTC)
    assert from_csv.ignored_columns == ("id", "trunk_id", "strip", "prepend", "precedence", "reseller_id")


def test_astpp_is_read_exactly_and_its_oddities_are_pointed_at(decks: Path) -> None:
    sheet = read(decks / "astpp_az_2015/astpp_outbound_routes.csv")

    assert rate_of(sheet, "93").prices == per_minute("0.2093", 6)
    assert rate_of(sheet, "684").prices == per_minute("13.65", 6)
    assert rate_of(sheet, "1808") == Rate(Direction.OUTBOUND, "1808", "", "USA-834 C (HAWAII)", per_minute("0.01", 6))
    assert rate_of(sheet, "16784601475").prices == per_minute("0", 1)
    assert Counter(rate.prices[0].steps[0].increment_seconds for rate in sheet.rates) == {6: 36_204, 1: 1}
    assert [(warning.line, warning.message) for warning in sheet.warnings if "median" not in warning.message] == [
        (36_132, "1808: priced the same in line 35211; kept once"),
        (36_207, "costs nothing"),
    ]
    assert sum("over 200 times the sheet's median" in warning.message for warning in sheet.warnings) == 39


def test_the_workbook_asks_for_the_time_zone_of_its_date(decks: Path) -> None:
    with pytest.raises(Invalid, match="takes effect at '2015-10-29', but where"):
        read(decks / "astpp_az_2015/astpp_az_vendor_layout.xlsx", SheetOptions())


def test_the_header_of_the_workbook_states_its_currency(decks: Path) -> None:
    path = decks / "astpp_az_2015/astpp_az_vendor_layout.xlsx"

    assert read(path, SheetOptions(zone=ZoneInfo("UTC"))).terms.currency == "USD"
    with pytest.raises(Invalid, match="line 3: the header says USD, and EUR is stated"):
        read(path, SheetOptions(currency="EUR"))


def test_twilio_prices_by_origin(decks: Path) -> None:
    sheet = read(decks / "twilio_outbound_voice_2025/OutboundVoicePricing_first_rows.csv")

    assert (sheet.rows_read, sheet.rows_taken, sheet.rejections, sheet.warnings) == (67, 67, (), ())
    assert len(sheet.rates) == 5_464
    assert len({rate.prefix for rate in sheet.rates}) == 525
    deck = RateDeck(version_id=1, terms=sheet.terms, rates=sheet.rates)
    cost = {
        caller: matched and matched.rate.prices
        for caller in ("33140205050", "12125550100", "12465550100", "819012345678")
        if (matched := deck.match(Direction.OUTBOUND, "4319990000", caller))
    }
    assert cost == {
        "33140205050": per_minute("0.0176", 60),
        "12125550100": per_minute("0.0176", 60),
        "12465550100": per_minute("0.1781", 60),
        "819012345678": per_minute("0.1781", 60),
    }


def test_twilio_numbers_are_priced_by_country_and_type(decks: Path) -> None:
    sheet = read(decks / "toll_free_inbound_2015/twilio_number_prices.csv")

    assert (sheet.rows_read, sheet.rows_taken) == (70, 51)
    assert {(each.column, each.value, each.reason) for each in sheet.rejections} == {
        ("Inbound Voice Price / min", "N/A", "not offered: the price is 'N/A'")
    }
    assert [each.line for each in sheet.rejections] == (
        [2, 5, 7, 15, 16, 19, 22, 25, 30, 35, 39, 41, 42, 45, 49, 54, 56, 60, 65]
    )
    assert [warning.line for warning in sheet.warnings] == [8, 21, 28, 31, 33, 36, 66]
    assert rate_of(sheet, "44", Direction.TOLL_FREE_INBOUND).prices == per_minute("0.0575", 60)
    assert rate_of(sheet, "44", Direction.TOLL_INBOUND).prices == per_minute("0.0075", 60)
    toll_free = {rate.destination: rate.prefix for rate in sheet.rates if rate.direction is Direction.TOLL_FREE_INBOUND}
    assert toll_free == {"Canada": "1", "United Kingdom": "44", "United States": "1"}


def test_plivo_numbers_are_priced_by_country_and_type(decks: Path) -> None:
    sheet = read(decks / "toll_free_inbound_2015/plivo_inbound_rates.csv", SheetOptions())

    assert sheet.terms.currency == "USD"  # voice_rate_in_usd
    assert (sheet.rows_read, sheet.rows_taken, sheet.warnings) == (82, 81, ())
    assert [(each.line, each.column, each.reason) for each in sheet.rejections] == [
        (83, "number_type", "no number type")
    ]
    countries = {
        direction: {rate.destination for rate in sheet.rates if rate.direction is direction} for direction in Direction
    }
    assert {direction: len(names) for direction, names in countries.items()} == {
        Direction.OUTBOUND: 0,
        Direction.TOLL_FREE_INBOUND: 25,
        Direction.TOLL_INBOUND: 56,
    }
    assert rate_of(sheet, "1809", Direction.TOLL_INBOUND).destination == "Dominican Republic"


@pytest.mark.parametrize(
    ("caller", "price"),
    [("14035550100", "0.03"), ("17875550100", "0.05"), ("12125550100", "0.021"), ("anonymous", "0.021")],
)
def test_a_toll_free_number_of_plivo_costs_what_its_callers_country_says(decks: Path, caller: str, price: str) -> None:
    sheet = read(decks / "toll_free_inbound_2015/plivo_inbound_rates.csv")
    deck = RateDeck(version_id=1, terms=sheet.terms, rates=sheet.rates)

    matched = deck.match(Direction.TOLL_FREE_INBOUND, "18005550100", caller)

    assert matched is not None
    assert matched.rate.prices == per_minute(price, 60)


def test_each_damaged_row_of_caribbeano_is_named(decks: Path) -> None:
    sheet = read(decks / "caribbeano_retail/rates_table.csv")

    assert (sheet.rows_read, sheet.rows_taken, len(sheet.rates)) == (874, 856, 856)
    feature_codes = {
        360: "*1003",
        361: "*1001",
        362: "*1007",
        363: "*1000",
        364: "*1006",
        365: "*1004",
        591: "*2008",
        592: "*2004",
        593: "*2007",
        594: "*2011",
        595: "*2010",
        596: "*2000",
        597: "*2012",
        625: "*72",
        850: "*221201",
        864: "*0009",
    }
    assert {each.line: each.reason for each in sheet.rejections} == {
        37: "'5.41144E+11': a spreadsheet has turned this code into a number and lost digits",
        553: "contradicts itself: 'Blocked' and then '0.2'; a destination is blocked or has a price",
        **{line: f"{code!r} is a feature code, no E.164 prefix" for line, code in feature_codes.items()},
    }


def test_what_caribbeano_sells_is_read(decks: Path) -> None:
    sheet = read(decks / "caribbeano_retail/rates_table.csv")

    assert sum(rate.blocked for rate in sheet.rates) == 54
    assert rate_of(sheet, "33").blocked
    assert rate_of(sheet, "1264235").destination == "Anguilla C&W Mobile"
    assert [(warning.line, warning.message) for warning in sheet.warnings] == [
        (1, "'peak' is the only time profile: its prices hold at any time"),
        (646, "costs nothing"),
    ]
    # The four rows whose first minute has another price are three feature codes and the one that contradicts itself.
    assert {len(price.steps) for rate in sheet.rates for price in rate.prices} == {1}


def test_a_list_of_names_without_prefixes_is_refused_saying_what_to_add(decks: Path) -> None:
    with pytest.raises(Invalid, match=r"'traffic_direction', 'rate', 'time_slot'; missing: the prefix .*dial code"):
        read(decks / "interconn_it_retail/rates.csv")


def test_a_list_of_price_ranges_is_refused(decks: Path) -> None:
    with pytest.raises(Invalid, match=r"none of 221 rows .* line 2, Price/Minute: '\$0.377-\$0.604' is a range"):
        read(decks / "zkypee_country_ranges/rates.csv")
