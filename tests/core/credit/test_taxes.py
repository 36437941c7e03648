from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from talktime.core.credit.billing.taxes import (
    Taxed,
    TaxedAt,
    TaxRule,
    included_tax_micros,
    refund_tax_micros,
    rule_at,
    tax_micros,
)
from talktime.core.values.money import parse_micros

VAT = TaxRule("DE", "VAT", 190_000, TaxedAt.PURCHASE, date(2026, 1, 1))
AT_USE = TaxRule("PL", "VAT", 230_000, TaxedAt.USE, date(2026, 1, 1))
CENT = parse_micros("0.01")
currencies = st.sampled_from(["EUR", "JPY", "KWD"])
MINOR_UNIT = {"EUR": CENT, "JPY": parse_micros("1"), "KWD": parse_micros("0.001")}


@pytest.mark.parametrize(
    ("amount", "currency", "tax"),
    [
        ("100", "EUR", "19"),
        ("0.02", "EUR", "0.00"),  # 0.0038
        ("0.50", "EUR", "0.10"),  # 0.095: a half goes up
        ("0.49", "EUR", "0.09"),  # 0.0931
        ("50", "JPY", "10"),  # 9.5
        ("49", "JPY", "9"),  # 9.31
        ("1", "KWD", "0.19"),
        ("0.05", "KWD", "0.01"),  # 0.0095
    ],
)
def test_tax_on_a_purchase_is_rounded_half_up_to_what_can_be_paid(amount: str, currency: str, tax: str) -> None:
    assert tax_micros(parse_micros(amount), VAT, currency) == parse_micros(tax)


def test_tax_at_purchase_or_at_use_is_a_switch_of_the_country_and_never_both() -> None:  # money.md 54
    amount = parse_micros("123")

    assert tax_micros(amount, VAT, "EUR") == parse_micros("23.37")
    assert included_tax_micros(amount, VAT, "EUR") == 0
    assert tax_micros(amount, AT_USE, "PLN") == 0
    assert included_tax_micros(amount, AT_USE, "PLN") == parse_micros("23")
    assert tax_micros(amount, None, "USD") == included_tax_micros(amount, None, "USD") == 0


def test_a_month_in_which_more_was_given_back_than_used_contains_no_tax() -> None:
    assert included_tax_micros(-5, AT_USE, "PLN") == 0


@given(st.integers(1, 10**15), st.integers(0, 1_000_000), currencies)
def test_tax_is_within_half_a_minor_unit_of_the_exact_share(amount: int, rate: int, currency: str) -> None:
    rule = TaxRule("DE", "VAT", rate, TaxedAt.PURCHASE, date(2026, 1, 1))

    tax = tax_micros(amount, rule, currency)

    assert tax % MINOR_UNIT[currency] == 0
    # −½ < rounded − exact ≤ ½: a half goes up.
    twice_off = 2 * (tax * 1_000_000 - amount * rate)
    assert -MINOR_UNIT[currency] * 1_000_000 < twice_off <= MINOR_UNIT[currency] * 1_000_000


@given(st.integers(1, 10**12), st.integers(0, 1_000_000), currencies)
def test_what_use_contains_is_the_tax_on_what_remains_without_it(used: int, rate: int, currency: str) -> None:
    rule = TaxRule("PL", "VAT", rate, TaxedAt.USE, date(2026, 1, 1))

    tax = included_tax_micros(used, rule, currency)

    off = tax * (1_000_000 + rate) - used * rate
    assert 2 * abs(off) <= MINOR_UNIT[currency] * (1_000_000 + rate)


@given(
    st.integers(1, 10**12),
    st.integers(0, 1_000_000),
    st.lists(st.integers(1, 10**12), min_size=1, max_size=12),
    currencies,
)
def test_refunded_tax_is_pro_rata_and_the_last_part_gives_back_the_rest(  # money.md 44, 45
    net: int, rate: int, wanted: list[int], currency: str
) -> None:
    rule = TaxRule("DE", "VAT", rate, TaxedAt.PURCHASE, date(2026, 1, 1))
    invoiced = Taxed(net, tax_micros(net, rule, currency))
    credited = Taxed(0, 0)

    for part in [*(min(part, net) for part in wanted), net]:
        given_now = min(part, net - credited.net_micros)
        if given_now == 0:
            break
        tax = refund_tax_micros(invoiced, credited, given_now, currency)
        assert tax >= 0
        credited = Taxed(credited.net_micros + given_now, credited.tax_micros + tax)
        # Never further from the exact share than what cannot be paid in smaller coins.
        exact = invoiced.tax_micros * credited.net_micros
        assert abs(credited.tax_micros * net - exact) <= MINOR_UNIT[currency] * net

    assert credited == invoiced


def test_a_third_refunded_three_times_gives_back_the_whole_tax() -> None:  # money.md 44
    invoiced, credited, parts = Taxed(parse_micros("1"), parse_micros("0.20")), Taxed(0, 0), []
    for part in ("0.333333", "0.333333", "0.333334"):
        tax = refund_tax_micros(invoiced, credited, parse_micros(part), "EUR")
        credited = Taxed(credited.net_micros + parse_micros(part), credited.tax_micros + tax)
        parts.append(tax // CENT)

    assert parts == [7, 6, 7]


def test_the_rule_in_force_is_the_last_that_began_on_the_calendar_of_the_organization() -> None:
    lower = TaxRule("DE", "VAT", 160_000, TaxedAt.PURCHASE, date(2026, 7, 1))
    berlin = ZoneInfo("Europe/Berlin")
    last_of_june_in_utc = datetime(2026, 6, 30, 22, 30, tzinfo=UTC)

    assert rule_at([VAT, lower], last_of_june_in_utc, ZoneInfo("UTC")) is VAT
    assert rule_at([VAT, lower], last_of_june_in_utc, berlin) is lower
    assert rule_at([VAT, lower], datetime(2025, 12, 31, tzinfo=UTC), berlin) is None
