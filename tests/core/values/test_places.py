import pytest

from talktime.core.values.errors import Invalid
from talktime.core.values.places import currencies, read_country, read_currency, read_zone


def test_codes_are_read_in_any_case() -> None:
    assert (read_country(" us "), read_currency("eur"), read_zone("Europe/Rome ").key) == ("US", "EUR", "Europe/Rome")


def test_only_money_that_is_legal_tender_today_is_a_currency() -> None:
    assert {"USD", "EUR", "JPY", "KWD"} <= currencies()
    assert not {"DEM", "XTS", "XAU", "USN"} & currencies()


@pytest.mark.parametrize("text", ["", "USA", "XX", "1"])
def test_what_is_no_country_is_refused(text: str) -> None:
    with pytest.raises(Invalid, match="two ISO 3166 letters"):
        read_country(text)


@pytest.mark.parametrize("text", ["", "DEM", "dollar", "$"])
def test_what_is_no_currency_is_refused(text: str) -> None:
    with pytest.raises(Invalid, match="three ISO 4217 letters"):
        read_currency(text)


@pytest.mark.parametrize("text", ["", "Mars/Olympus", "../UTC", "/etc/localtime", "Europe", "Europe/Rome\0"])
def test_what_is_no_time_zone_is_refused(text: str) -> None:
    with pytest.raises(Invalid, match="IANA name"):
        read_zone(text)
