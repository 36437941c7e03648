import pytest

from talktime.core.rates.sheets.columns import SYNONYMS, Field
from talktime.core.rates.sheets.headers import Header, find_header
from talktime.core.values.errors import Invalid


def header_of(*names: str) -> Header:
    return find_header([(1, names)])


@pytest.mark.parametrize(
    ("names", "fields"),
    [
        (
            ("id", "pattern", "comment", "connectcost", "includedseconds", "cost", "inc", "status"),
            {
                "pattern": Field.PREFIX,
                "comment": Field.DESTINATION,
                "connectcost": Field.CONNECTION_FEE,
                "includedseconds": Field.INCLUDED_SECONDS,
                "cost": Field.PRICE,
                "inc": Field.INTERVAL_NEXT,
                "status": Field.STATUS,
            },
        ),
        (
            ("ISO", "Country", "Description", "Price / min", "Origination Prefixes", "Destination Prefixes"),
            {
                "ISO": Field.ISO,
                "Country": Field.COUNTRY,
                "Description": Field.DESTINATION,
                "Price / min": Field.PRICE,
                "Origination Prefixes": Field.ORIGIN,
                "Destination Prefixes": Field.PREFIX,
            },
        ),
        (
            ("Destination Prefixes", "Interval 1", "Interval N", "Rate", "Price Per Call", "Exact Match"),
            {
                "Destination Prefixes": Field.PREFIX,
                "Interval 1": Field.INTERVAL_FIRST,
                "Interval N": Field.INTERVAL_NEXT,
                "Rate": Field.PRICE,
                "Price Per Call": Field.CONNECTION_FEE,
                "Exact Match": Field.EXACT_MATCH,
            },
        ),
        (
            ("Country", "Code", "Initial Rate per Minute", "Increment Rate Per Minute", "Time Of Day"),
            {
                "Country": Field.COUNTRY,
                "Code": Field.PREFIX,
                "Initial Rate per Minute": Field.PRICE_FIRST,
                "Increment Rate Per Minute": Field.PRICE_NEXT,
                "Time Of Day": Field.TIME_PROFILE,
            },
        ),
        (
            ("country_iso", "country_code", "number_type", "voice_rate_in_usd", "voice_unit_in_seconds"),
            {
                "country_iso": Field.ISO,
                "country_code": Field.CALLING_CODE,
                "number_type": Field.NUMBER_TYPE,
                "voice_rate_in_usd": Field.PRICE,
                "voice_unit_in_seconds": Field.INTERVAL_NEXT,
            },
        ),
    ],
)
def test_the_columns_of_real_vendors_are_known(names: tuple[str, ...], fields: dict[str, Field]) -> None:
    header = header_of(*names)

    assert {header.names[position]: field for field, position in header.positions.items()} == fields


def test_every_accepted_name_names_one_field() -> None:
    names = [name.replace(" ", "") for names in SYNONYMS.values() for name in names]

    assert len(names) == len(set(names))


@pytest.mark.parametrize("name", ["DIAL CODE", "dial_code", "Dial-Code", " DialCode "])
def test_case_spaces_and_signs_do_not_matter(name: str) -> None:
    assert Field.PREFIX in header_of(name, "rate").positions


@pytest.mark.parametrize(
    ("name", "currency", "is_cents"),
    [
        ("Rate", None, False),
        ("Rate (USD/min)", "USD", False),
        ("Price in EUR", "EUR", False),
        ("rate_usd", "USD", False),
        ("Rate € / min", "EUR", False),
        ("USD/min", "USD", False),
        ("Rate (cents)", None, True),
        ("Price ct/min", None, True),
        ("Rate in GBP cents per minute", "GBP", True),
    ],
)
def test_a_header_may_state_currency_and_cents(name: str, currency: str | None, *, is_cents: bool) -> None:
    header = header_of("prefix", name)

    assert header.currency == currency
    assert header.in_cents == ({Field.PRICE} if is_cents else set())


def test_a_title_above_the_header_is_read_over() -> None:
    lines = [(1, ("Rates of Example Carrier",)), (2, ()), (4, ("Prefix", "Rate"))]

    assert find_header(lines).line == 4


def test_other_columns_are_ignored_and_named() -> None:
    assert header_of("prefix", "trunk_id", "rate", "", "Price / month").ignored == ("trunk_id", "Price / month")


def test_of_two_describing_columns_one_is_taken() -> None:
    header = header_of("comment", "destination", "prefix", "rate")

    assert header.positions[Field.DESTINATION] == 1
    assert header.ignored == ("comment",)


def test_area_codes_alone_are_prefixes() -> None:
    assert Field.PREFIX in header_of("area code", "rate").positions
    assert Field.AREA_CODES in header_of("country code", "area codes", "rate").positions


def test_one_of_two_prices_is_the_price() -> None:
    assert header_of("prefix", "price n").positions == {Field.PREFIX: 0, Field.PRICE: 1}
    assert header_of("prefix", "price 1", "rate").positions == {
        Field.PREFIX: 0,
        Field.PRICE_FIRST: 1,
        Field.PRICE_NEXT: 2,
    }


@pytest.mark.parametrize(
    ("names", "reason"),
    [
        (("prefix", "rate", "price"), "'rate' and 'price' both say the price"),
        (("prefix", "code", "rate"), "'prefix' and 'code' both say the prefix"),
        (("prefix", "rate", "price n"), "both a price and a price of the following"),
        (("prefix", "area code", "rate"), "both prefixes and area codes"),
        (("prefix", "Rate EUR", "Connection fee USD"), "several currencies: EUR, USD"),
    ],
)
def test_columns_that_contradict_each_other_are_refused(names: tuple[str, ...], reason: str) -> None:
    with pytest.raises(Invalid, match=reason):
        header_of(*names)


@pytest.mark.parametrize(
    ("names", "reason"),
    [
        (("traffic_direction", "rate", "time_slot"), "missing: the prefix \\(prefix, .*dial code.*country"),
        (("prefix", "destination"), "missing: the price per minute \\(rate, price"),
        (("prefix", "Price / month"), "missing: the price"),
        (("prefix", "Rate USD EUR"), "missing: the price"),
        (("prefix", "price 1"), "missing: the price"),
        (("NPANXX", "inter", "intra"), "a US deck by state"),
        (("", ""), "line 1 has nothing"),
    ],
)
def test_a_sheet_without_places_or_prices_is_refused_naming_what_is_missing(
    names: tuple[str, ...], reason: str
) -> None:
    with pytest.raises(Invalid, match=reason):
        header_of(*names)


def test_an_empty_sheet_is_refused() -> None:
    with pytest.raises(Invalid, match="is empty"):
        find_header([])


def test_a_header_below_the_tenth_row_is_not_looked_for() -> None:
    lines = [(line, ("note",)) for line in range(1, 11)]

    with pytest.raises(Invalid, match="the first 10 lines have no header"):
        find_header([*lines, (11, ("prefix", "rate"))])
