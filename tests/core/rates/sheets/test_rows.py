import pytest

from talktime.core.rates.rate_decks import Direction, Rate
from talktime.core.rates.rating import Price, PriceStep
from talktime.core.rates.sheets import row_places
from tests.core.rates.sheets.reading import CENT, keys, per_minute, read, refused


def test_the_smallest_sheet_has_a_prefix_and_a_price() -> None:
    sheet = read("Prefix|Rate", "93|0.05")

    assert sheet.rates == (Rate(Direction.OUTBOUND, "93", "", "", (per_minute(5 * CENT),)),)
    assert (sheet.rows_read, sheet.rows_taken, sheet.rows_skipped) == (1, 1, 0)
    assert sheet.terms.currency == "USD"
    assert sheet.effective_at is None


def test_a_row_says_destination_fee_and_increments() -> None:
    sheet = read("Code|Destination|Rate|Setup fee|Increments", "44|UK|0.05|0.02|30/6")

    price = Price(2 * CENT, (PriceStep(0, 30, 5 * CENT), PriceStep(30, 6, 5 * CENT)))
    assert sheet.rates == (Rate(Direction.OUTBOUND, "44", "", "UK", (price,)),)


def test_what_a_row_leaves_open_comes_from_the_options() -> None:
    sheet = read("Code|Rate|Setup fee|Increments", "44|5||", increments=(1, 1), price_unit="cents", charge_decimals=6)

    assert sheet.rates[0].prices == (per_minute(5 * CENT, 1),)
    assert sheet.terms.charge_decimals == 6


@pytest.mark.parametrize(
    ("head", "cells", "increments"),
    [
        ("inc", "6", (6, 6)),
        ("interval 1|interval n", "30|6", (30, 6)),
        ("interval 1|interval n", "|6", (6, 6)),
        ("increment", "30/6", (30, 6)),
        ("interval 1|interval n|increments", "30|6|30/6", (30, 6)),
        ("interval 1|increments", "30|30/6", (30, 6)),
        ("interval 1|interval n", "|", (60, 60)),
    ],
)
def test_increments_stand_in_one_column_or_two(head: str, cells: str, increments: tuple[int, int]) -> None:
    sheet = read(f"prefix|rate|{head}", f"44|0.05|{cells}")

    (price,) = sheet.rates[0].prices
    assert (price.steps[0].increment_seconds, price.steps[-1].increment_seconds) == increments


def test_the_first_increment_may_have_a_price_of_its_own() -> None:
    sheet = read("prefix|price 1|price n|increments", "44|0.33|0.10|60/6")

    assert sheet.rates[0].prices[0].steps == (PriceStep(0, 60, 33 * CENT), PriceStep(60, 6, 10 * CENT))


def test_a_name_lifted_from_a_web_page_is_read_as_it_was_shown() -> None:
    sheet = read("prefix|country|rate", "1264|Anguilla  C&amp;W\x00 Mobile|0.1")

    assert sheet.rates[0].destination == "Anguilla C&W Mobile"


def test_area_codes_are_put_behind_their_country_code() -> None:
    sheet = read("country code|area codes|rate", "44|7;70-79;20|0.05", "39||0.01")

    assert keys(sheet) == [("447", ""), ("4420", ""), ("39", "")]


def test_a_country_alone_means_its_calling_code() -> None:
    assert keys(read("country|rate", "Germany|0.05", "USA|0.01")) == [("49", ""), ("1", "")]
    assert keys(read("country code|rate", "DE|0.05", "44|0.01")) == [("49", ""), ("44", "")]


def test_each_origin_has_a_rate_of_its_own() -> None:
    sheet = read("prefixes|origin prefixes|rate", "43, 431|30, 31|0.01", "43||0.17")

    assert keys(sheet) == [("43", "30"), ("43", "31"), ("431", "30"), ("431", "31"), ("43", "")]


def test_blocked_destinations_have_no_price() -> None:
    sheet = read("prefix|rate|status|forbidden", "44|Blocked||", "45|0.1|blocked|", "46||active|yes", "47|1|active|no")

    assert [rate.blocked for rate in sheet.rates] == [True, True, True, False]
    assert [rate.prices for rate in sheet.rates[:3]] == [(), (), ()]


def test_rows_no_longer_sold_are_skipped_with_a_warning() -> None:
    sheet = read("prefix|rate|status|change", "44|0.1|discontinued|", "45|0.1||removed", "46|0.1||increase")

    assert keys(sheet) == [("46", "")]
    assert (sheet.rows_skipped, sheet.rows_taken, sheet.rejections) == (2, 1, ())
    assert [warning.line for warning in sheet.warnings] == [2, 3]


def test_empty_rows_are_no_rows() -> None:
    assert read("prefix|rate", "", " | ", "44|0.1").rows_read == 1


def test_free_calls_are_taken_and_pointed_at() -> None:
    sheet = read("prefix|rate|fee|connect fee", "44|0|x|0", "45|0|x|0.05")

    assert len(sheet.rates) == 2
    assert [(warning.line, warning.message) for warning in sheet.warnings] == [(2, "costs nothing")]


def test_a_price_far_above_the_others_is_pointed_at_once_a_row() -> None:
    rows = [f"{prefix}|0.01" for prefix in range(30, 40)]

    sheet = read("prefix|rate", *rows, "881, 882|2.01")

    assert [(warning.line, warning.message) for warning in sheet.warnings] == [
        (12, "881 costs 2.01 USD, over 200 times the sheet's median")
    ]


@pytest.mark.parametrize(
    ("head", "row", "column", "value"),
    [
        ("prefix|rate", "*72|0.1", "prefix", "*72"),
        ("prefix|rate", "|0.1", "prefix", ""),
        ("prefix|rate", "44, x|0.1", "prefix", "44, x"),
        ("prefix|rate", "44", "rate", ""),
        ("prefix|rate", "44|N/A", "rate", "N/A"),
        ("prefix|rate", "44|0.1|extra", "", ""),
        ("prefix|rate|grace", "44|0.1|30", "grace", "30"),
        ("prefix|rate|exact match", "44|0.1|yes", "exact match", "yes"),
        ("prefix|rate|setup fee", "44|0.1|blocked", "setup fee", "blocked"),
        ("prefix|rate|setup fee", "44|0.1|-1", "setup fee", "-1"),
        ("prefix|rate|currency", "44|0.1|EUR", "currency", "EUR"),
        ("prefix|rate|status", "44|0.1|1", "status", "1"),
        ("prefix|rate|end date", "44|0.1|2027-01-01", "end date", "2027-01-01"),
        ("prefix|rate|effective date", "44|0.1|01/02/2027", "effective date", "01/02/2027"),
        ("prefix|rate|increments", "44|0.1|60/60/1", "increments", "60/60/1"),
        ("prefix|rate|interval 1|interval n", "44|0.1|30|", "interval 1", "30"),
        ("prefix|rate|interval 1|interval n", "44|0.1|30/6|6", "interval n", "6"),
        ("prefix|rate|increments|interval n", "44|0.1|30/6|60", "increments", "30/6"),
        ("prefix|price 1|price n", "44|Blocked|0.2", "price n", "0.2"),
        ("prefix|price 1|price n", "44|0.2|Blocked", "price n", "Blocked"),
        ("prefix|origin|rate", "44|EEA|0.1", "origin", "EEA"),
        ("country code|prefix|rate", "44|7|0.1", "country code", "44"),
        ("country code|area codes|rate", "|20|0.1", "country code", ""),
        ("country code|area codes|rate", "44,45|20|0.1", "country code", "44,45"),
        ("country|rate", "Atlantis|0.1", "country", "Atlantis"),
        ("country|rate", "Jersey|0.1", "country", "Jersey"),
        ("iso|country|rate", "||0.1", "country", ""),
    ],
)
def test_a_row_is_refused_whole_with_its_line_column_and_text(head: str, row: str, column: str, value: str) -> None:
    good = {"country": "Italy", "iso": "IT", "country code": "39"}
    names = head.split("|")
    first = "|".join(good.get(name, "39" if name == "prefix" else "") for name in names)
    first = "|".join(
        "0.1" if name in {"rate", "price 1", "price n"} else cell
        for name, cell in zip(names, first.split("|"), strict=True)
    )

    sheet = read(head, first, row)

    assert refused(sheet) == [(3, column, value)]
    assert sheet.rates == read(head, first).rates


def test_a_code_that_does_not_begin_with_its_country_code_is_asked_about() -> None:
    sheet = read("country code|prefix|rate", "44|4420|0.1", "GB|4430|0.1", "44|7|0.1")

    assert refused(sheet) == [(4, "country code", "44")]
    assert "call the column of prefixes 'area codes'" in sheet.rejections[0].reason


def test_a_row_of_too_many_pairs_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(row_places, "KEYS_PER_ROW_MAX", 5)

    sheet = read("prefix|origin|rate", "43,44,45|1,2|0.1", "43|1|0.1")

    assert refused(sheet) == [(2, "origin", "1,2")]
