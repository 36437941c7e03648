import pytest

from talktime.core.rates import countries
from talktime.core.rates.countries import find_country, own_prefixes


@pytest.mark.parametrize(
    ("text", "country"),
    [
        ("GB", "GB"),
        ("gbr", "GB"),
        ("UK", "GB"),
        ("United Kingdom", "GB"),
        ("USA", "US"),
        ("Antigua and Barbuda", "AG"),
        ("Saint Lucia", "LC"),
        ("St. Lucia", "LC"),
        ("Côte d'Ivoire", "CI"),
        ("Ivory Coast", "CI"),
        ("Czech Republic", "CZ"),
        ("Hong Kong", "HK"),
        ("The Netherlands", "NL"),
        ("Turkey", "TR"),
        ("Turkiye", "TR"),
        ("HRV", "HR"),
    ],
)
def test_a_country_is_found_by_name_and_by_code(text: str, country: str) -> None:
    assert find_country(text) == country


@pytest.mark.parametrize("text", ["", "Atlantis", "AN", "Afghanistan, mobile", "44"])
def test_what_is_no_country_is_not_found(text: str) -> None:
    assert find_country(text) is None


def test_the_united_states_are_what_the_rest_of_north_america_leaves() -> None:
    assert own_prefixes("US") == ("1",)
    assert own_prefixes("PR") == ("1787", "1939")
    assert "1403" in own_prefixes("CA")
    assert not set(own_prefixes("CA")) & {"1", "1800", "1212", "1787"}


def test_no_area_code_belongs_to_two_countries() -> None:
    codes = [code for country in ("CA", "PR", "DO", "JM", "BS") for code in own_prefixes(country)]

    assert len(codes) == len(set(codes))


def test_a_country_has_its_calling_code_only_where_it_is_the_main_one() -> None:
    assert own_prefixes("GB") == ("44",)
    with pytest.raises(ValueError, match="shares the calling code 44 with GB: state its prefixes"):
        own_prefixes("JE")


def test_the_digit_dialled_at_home_is_known() -> None:
    assert countries.trunk_prefix("44") == "0"
    assert countries.trunk_prefix("39") == ""
    assert countries.trunk_prefix("999") == ""
