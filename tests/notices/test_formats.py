"""Money and instants as the reader's language writes them, exactly, on the organization's clock."""

from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal
from zoneinfo import ZoneInfo

import pytest
from babel.core import Locale
from hypothesis import given
from hypothesis import strategies as st

from talktime.notices import formats
from talktime.notices.catalogs import LOCALES, locale_of

AT = datetime(2026, 3, 1, 14, 30, tzinfo=UTC)
ZONE = ZoneInfo("America/New_York")
NARROW_SPACE, SPACE = "\u202f", "\u00a0"


@pytest.mark.parametrize(
    ("amount_micros", "currency", "language", "written"),
    [
        (200_000_000, "USD", "en", "$200.00"),
        (200_000_000, "USD", "ru", f"200,00{SPACE}$"),
        (200_000_000, "USD", "zh-CN", "US$200.00"),
        (200_000_000, "USD", "zh-TW", "US$200.00"),
        (-5_250_000, "EUR", "en", "-€5.25"),
        (13_500, "USD", "en", "$0.0135"),
        (1_234_567_890_000, "RUB", "ru", f"1{SPACE}234{SPACE}567,89{SPACE}₽"),
        (200_000_000, "JPY", "en", "¥200"),
        (1_500, "KWD", "en", "KWD0.0015"),
    ],
)
def test_money_is_written_as_the_language_does(amount_micros: int, currency: str, language: str, written: str) -> None:
    assert formats.money(amount_micros, currency, locale_of(language, "US")) == written


@given(st.integers(-999_999, 999_999), st.sampled_from(("USD", "JPY", "KWD", "EUR")))
def test_less_than_a_unit_is_written_exactly(amount_micros: int, currency: str) -> None:
    written = formats.money(amount_micros, currency, Locale("en", "US"))

    assert digits_of(written) == Decimal(amount_micros) / 1_000_000


@given(st.integers(1_000_000, 10**15), st.sampled_from((("USD", 2), ("JPY", 0), ("KWD", 3), ("EUR", 2))))
def test_from_a_unit_on_money_is_written_to_the_currency_s_smallest_coin(
    amount_micros: int, currency: tuple[str, int]
) -> None:
    code, decimals = currency
    exact = Decimal(amount_micros) / 1_000_000

    written = formats.money(amount_micros, code, Locale("en", "US"))
    owed = formats.money(-amount_micros, code, Locale("en", "US"))

    assert digits_of(written) == exact.quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_UP)
    assert digits_of(owed) == -digits_of(written)


def digits_of(written: str) -> Decimal:
    return Decimal("".join(character for character in written if character in "-.0123456789"))


@pytest.mark.parametrize(
    ("language", "written"),
    [
        ("en", f"March 1, 2026, 9:30{NARROW_SPACE}AM (UTC-5)"),
        ("zh-CN", "2026年3月1日 09:30 (UTC-5)"),
        ("zh-TW", "2026年3月1日 上午9:30 (UTC-5)"),
        ("ru", f"1 марта 2026{NARROW_SPACE}г., 09:30 (UTC-5)"),
    ],
)
def test_an_instant_is_written_on_the_organizations_clock(language: str, written: str) -> None:
    assert formats.moment(AT, ZONE, locale_of(language, "US")) == written


@pytest.mark.parametrize(
    ("zone", "offset"),
    [("UTC", "UTC"), ("Asia/Kolkata", "UTC+5:30"), ("Asia/Taipei", "UTC+8"), ("America/St_Johns", "UTC-3:30")],
)
def test_an_instant_says_how_far_its_clock_is_from_utc(zone: str, offset: str) -> None:
    assert formats.moment(AT, ZoneInfo(zone), LOCALES["en"]).endswith(f"({offset})")


def test_english_is_written_as_in_the_country_of_the_reader() -> None:
    assert formats.day(AT.date(), locale_of("en", "GB")) == "1 March 2026"
    assert formats.day(AT.date(), locale_of("en", "US")) == "March 1, 2026"
    assert formats.day(AT.date(), locale_of("en", "XX")) == "March 1, 2026"
