"""The catalog of licenses: complete, known by every name that people and scripts have for it, and sold where it is."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from talktime.core.organizations.country_table import ConferencingSale, CountryRule, CountryTable
from talktime.core.organizations.licenses import CALLING_PLANS, License, services_of
from talktime.core.organizations.licensing import offers
from talktime.core.organizations.licensing.products import (
    CATALOG,
    Family,
    PoolBasis,
    Product,
    in_words,
    known_as,
    product_of,
    read_license,
)
from talktime.core.values.errors import Invalid


def _offering(country: str, minutes: int, zone: str) -> CountryRule:
    return CountryRule(
        country,
        ConferencingSale.SUBSCRIPTION,
        domestic_minutes=minutes,
        international_minutes=600,
        pay_as_you_go_zone=zone,
    )


COUNTRIES = CountryTable(
    1,
    {
        rule.country: rule
        for rule in (
            _offering("US", 3_000, "1"),
            _offering("PR", 3_000, "1"),
            _offering("GB", 3_000, "1"),
            _offering("AT", 1_200, "2"),
            _offering("MX", 1_200, "MX"),
            CountryRule("AU", ConferencingSale.SUBSCRIPTION, plan_partner="Telstra"),
            CountryRule("AL", ConferencingSale.PAY_PER_MINUTE),
            CountryRule("IN", ConferencingSale.PARTNER, has_credits=False),
            CountryRule("KZ", ConferencingSale.NOT_SOLD, has_credits=False),
        )
    },
    frozenset(),
)
PRODUCTS = st.sampled_from(CATALOG)


def test_every_license_is_in_the_catalog_once() -> None:
    times = Counter(product.license for product in CATALOG)

    assert set(times) == set(License)
    assert set(times.values()) == {1}


def test_no_name_means_two_licenses() -> None:
    named = [
        (name, product) for product in CATALOG for name in {product.key, product.name, product.sku, *product.aliases}
    ]

    assert all(known_as(name) is product.license for name, product in named)


@given(PRODUCTS, st.data())
def test_a_license_is_read_in_any_case_and_spacing(product: Product, data: st.DataObject) -> None:
    name = data.draw(st.sampled_from([product.name, product.sku, product.key, *product.aliases]))
    written = data.draw(st.sampled_from([name.upper(), name.lower(), f"  {name} ", name.replace(" ", "_")]))

    assert read_license(written) is product.license


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("MCOPSTNC", License.COMMUNICATIONS_CREDITS),
        ("mcopstnpp", License.COMMUNICATIONS_CREDITS),
        ("47794CD0-F0E5-45C5-9033-2EB6B5FC84E0", License.COMMUNICATIONS_CREDITS),
        ("MCOMEETADV", License.AUDIO_CONFERENCING),
        ("MCOEV", License.PHONE_SYSTEM),
        ("domestic & international", License.DOMESTIC_AND_INTERNATIONAL),
        ("Microsoft_Teams_Domestic_Calling_Plan_(Mexico)", License.DOMESTIC),
        ("Phone System licence", None),
    ],
)
def test_the_names_of_the_sources_are_known(text: str, meant: License | None) -> None:
    assert known_as(text) is meant


def test_what_is_no_license_is_refused_with_the_nearest_ones() -> None:
    with pytest.raises(Invalid, match="'comunication credit' is no license: did you mean Communications Credits"):
        read_license("comunication credit")


def test_what_is_like_no_license_is_refused_with_the_way_to_see_all() -> None:
    with pytest.raises(Invalid, match="`talktime licenses show` lists what there is"):
        read_license("gold")


def test_every_plan_excludes_every_other_and_itself_not() -> None:
    plans = [product for product in CATALOG if product.family is Family.CALLING_PLANS]

    assert all(product.excludes | product.license == CALLING_PLANS for product in plans)
    assert not any(product.license in product.excludes for product in plans)


def test_communications_credits_are_free_and_unlimited() -> None:
    credits_ = product_of(License.COMMUNICATIONS_CREDITS)

    assert credits_.is_unlimited
    assert credits_.list_price_micros == 0


def test_conferencing_minutes_grow_with_what_was_bought_and_those_to_north_america_with_what_is_assigned() -> None:
    assert product_of(License.AUDIO_CONFERENCING).basis is PoolBasis.PURCHASED
    assert product_of(License.E5).basis is PoolBasis.PURCHASED
    assert product_of(License.SELECT_DIAL_OUT).basis is PoolBasis.ASSIGNED


def test_alternatives_are_listed_as_a_sentence_does() -> None:
    assert in_words(License.PHONE_SYSTEM | License.E3) == "Phone System or Enterprise E3"


@pytest.mark.parametrize(
    ("license_", "country", "said"),
    [
        (License.DOMESTIC, "AT", ""),
        (License.DOMESTIC, "KZ", "Domestic Calling Plan does not exist in KZ"),
        (License.DOMESTIC, "AU", "Domestic Calling Plan does not exist in AU: calling plans there are sold by Telstra"),
        (License.DOMESTIC, "ZZ", "Domestic Calling Plan does not exist in ZZ"),
        (License.DOMESTIC_AND_INTERNATIONAL, "GB", ""),
        (License.DOMESTIC_120, "US", ""),
        (License.DOMESTIC_240, "US", "Domestic Calling Plan 240 does not exist in US"),
        (License.DOMESTIC_240, "PR", "Domestic Calling Plan 240 does not exist in PR"),
        (License.PAY_AS_YOU_GO_1, "US", ""),
        (License.PAY_AS_YOU_GO_1, "AT", "Pay-As-You-Go Calling Plan zone 1 does not exist in AT"),
        (License.PAY_AS_YOU_GO_2, "AT", ""),
        (License.PAY_AS_YOU_GO_MEXICO, "MX", ""),
        (License.PHONE_WITH_CALLING_PLAN, "KZ", "Domestic Calling Plan does not exist in KZ"),
        (License.PHONE_SYSTEM | License.COMMUNICATIONS_CREDITS | License.E5, "KZ", ""),
    ],
)
def test_a_plan_exists_where_the_table_says_so(license_: License, country: str, said: str) -> None:
    assert offers.missing_in(license_, country, COUNTRIES) == said


@pytest.mark.parametrize(
    ("license_", "country", "said"),
    [
        (License.PAY_AS_YOU_GO_1, "US", "Pay-As-You-Go Calling Plan zone 1 is not sold in US"),
        (License.PAY_AS_YOU_GO_2, "PR", "Pay-As-You-Go Calling Plan zone 2 is not sold in PR"),
        (License.PAY_AS_YOU_GO_1, "GB", ""),
        (License.AUDIO_CONFERENCING, "US", ""),
        (License.AUDIO_CONFERENCING, "AL", "is sold by the minute only"),
        (License.AUDIO_CONFERENCING, "IN", "is sold by a partner in IN"),
        (License.AUDIO_CONFERENCING, "KZ", "Audio Conferencing is not sold in KZ"),
        (License.AUDIO_CONFERENCING, "ZZ", ""),
        (License.PAY_PER_MINUTE_CONFERENCING, "AL", ""),
    ],
)
def test_some_products_are_not_sold_to_organizations_of_some_countries(
    license_: License, country: str, said: str
) -> None:
    refusal = offers.not_sold(product_of(license_), country, COUNTRIES)

    assert said in refusal
    assert bool(said) == bool(refusal)


@pytest.mark.parametrize(
    ("license_", "country", "minutes"),
    [
        (License.DOMESTIC, "US", (3_000, 0)),
        (License.DOMESTIC_AND_INTERNATIONAL, "AT", (1_200, 600)),
        (License.DOMESTIC_120, "AT", (120, 0)),
        (License.DOMESTIC_240, "AT", (240, 0)),
        (License.DOMESTIC_120_NOT_POOLED, "AT", (120, 0)),
        (License.PAY_AS_YOU_GO_2, "AT", (0, 0)),
        (License.PHONE_WITH_CALLING_PLAN, "GB", (3_000, 0)),
        (License.DOMESTIC, "KZ", (0, 0)),
        (License.PHONE_SYSTEM, "US", (0, 0)),
    ],
)
def test_an_offer_says_the_minutes_of_a_country(license_: License, country: str, minutes: tuple[int, int]) -> None:
    offer = offers.offer(product_of(license_), country, COUNTRIES)

    assert (offer.domestic_minutes, offer.international_minutes) == minutes


@given(PRODUCTS, st.sampled_from(sorted(COUNTRIES.rules)))
def test_what_brings_minutes_can_be_had_and_a_plan_with_minutes_that_cannot_says_why(
    product: Product, country: str
) -> None:
    offer = offers.offer(product, country, COUNTRIES)

    is_plan = bool(services_of(product.license) & CALLING_PLANS)
    assert not (offer.refusal and offer.domestic_minutes)
    assert not (offer.domestic_minutes and not is_plan)
