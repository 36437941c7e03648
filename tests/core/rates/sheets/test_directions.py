import pytest

from talktime.core.rates.rate_decks import Direction, RateDeck
from talktime.core.values.errors import Invalid
from tests.core.rates.sheets.reading import keys, read


def test_a_toll_free_call_in_north_america_is_priced_by_the_country_it_comes_from() -> None:
    sheet = read(
        "ISO|Country|Country Code|Number Type|Rate",
        "GB|United Kingdom|44|Toll Free|0.05",
        "PR|Puerto Rico|1|toll-free|0.04",
        "DO|Dominican Republic|1829|tollfree|0.03",
        "US|United States|1|tollfree|0.02",
    )

    assert {rate.direction for rate in sheet.rates} == {Direction.TOLL_FREE_INBOUND}
    assert keys(sheet) == [("44", ""), ("1", "1787"), ("1", "1939"), ("1", "1829"), ("1", "")]
    deck = RateDeck(version_id=1, terms=sheet.terms, rates=sheet.rates)
    matched = [
        deck.match(Direction.TOLL_FREE_INBOUND, "18005550100", caller)
        for caller in ("17875550100", "12125550100", "anonymous", "")
    ]
    assert [match and match.rate.destination for match in matched] == ["Puerto Rico", *["United States"] * 3]


def test_other_numbers_are_priced_by_the_country_they_stand_in() -> None:
    sheet = read(
        "country|number type|rate",
        "Germany|local|0.01",
        "Germany|Mobile|0.01",
        "Puerto Rico|fixed|0.02",
        "USA|local|0.03",
    )

    assert {rate.direction for rate in sheet.rates} == {Direction.TOLL_INBOUND}
    assert keys(sheet) == [("49", ""), ("1787", ""), ("1939", ""), ("1", "")]
    assert [warning.line for warning in sheet.warnings] == [3]


def test_a_direction_that_is_stated_holds_for_prefixes_as_they_stand() -> None:
    rows = ("prefix|origin|rate", "1800||0.1", "1800|1403|0.2")

    sheet = read(*rows, direction=Direction.TOLL_FREE_INBOUND)

    assert keys(sheet) == [("1800", ""), ("1800", "1403")]
    assert keys(read("prefix|rate", "4420|0.1", direction=Direction.TOLL_INBOUND)) == [("4420", "")]
    assert keys(read("calling code|rate", "1|0.1", direction=Direction.TOLL_FREE_INBOUND)) == [("1", "")]


@pytest.mark.parametrize(
    ("row", "column", "said"),
    [
        ("1|Canada||0.1", "number type", "no number type"),
        ("1|Canada|shared cost|0.1", "number type", "'shared cost' is not known"),
        ("1|Canada|toll free|0.1", "number type", "is toll-free inbound, and only toll inbound is imported"),
        ("1|Atlantis|local|0.1", "country", "is no country that is known"),
        ("1|Germany|local|0.1", "country code", "the country's calling code is 49, not 1"),
        ("|Jersey|local|0.1", "country", "shares the calling code 44"),
    ],
)
def test_an_inbound_row_that_contradicts_itself_is_refused(row: str, column: str, said: str) -> None:
    sheet = read("country code|country|number type|rate", "49|Germany|local|0.1", row, direction=Direction.TOLL_INBOUND)

    (rejection,) = sheet.rejections
    assert (rejection.column, said in rejection.reason) == (column, True)


def test_inbound_prices_without_a_number_type_need_a_direction() -> None:
    with pytest.raises(Invalid, match="state the direction"):
        read("country|Inbound Voice Price / min", "DE|0.1")
    assert read("country|Inbound Voice Price / min", "DE|0.1", direction=Direction.TOLL_INBOUND).rates
