"""phonenumbers' own functions are the oracle: what is compiled from its metadata answers as they do, only sooner."""

import random
from collections.abc import Iterable, Iterator
from functools import cache

import phonenumbers
import pytest
from phonenumbers import PhoneNumberType

from talktime.core.values.numbers import NumberClass, class_of, country_codes, country_of, is_e164

CLASSES = {
    PhoneNumberType.FIXED_LINE: NumberClass.GEOGRAPHIC,
    PhoneNumberType.FIXED_LINE_OR_MOBILE: NumberClass.GEOGRAPHIC,
    PhoneNumberType.MOBILE: NumberClass.MOBILE,
    PhoneNumberType.TOLL_FREE: NumberClass.TOLL_FREE,
    PhoneNumberType.SHARED_COST: NumberClass.SHARED_COST,
    PhoneNumberType.PREMIUM_RATE: NumberClass.PREMIUM,
}
DIGITS_MAX = 15
SEED = 20_260_701


def test_every_example_of_every_country_and_type_is_answered_as_by_phonenumbers() -> None:
    assert {class_of(digits) for digits in _examples()} == set(NumberClass)
    assert _answered_otherwise(_examples()) == []


def test_a_number_beside_an_example_is_answered_as_by_phonenumbers() -> None:
    assert _answered_otherwise(_beside_examples(random.Random(SEED), 3_000)) == []


def test_a_number_of_any_calling_code_is_answered_as_by_phonenumbers() -> None:
    assert _answered_otherwise(_of_any_code(random.Random(SEED), 3_000)) == []


def test_an_example_with_a_trunk_prefix_is_answered_as_by_phonenumbers() -> None:
    assert _answered_otherwise(_with_trunk_prefixes()) == []


@pytest.mark.parametrize("code", sorted(code for code, countries in country_codes().items() if len(countries) > 1))
def test_every_area_of_a_shared_calling_code_is_answered_as_by_phonenumbers(code: str) -> None:
    chance = random.Random(SEED)
    rest = max(len(example) for example in _examples() if example.startswith(code)) - len(code) - len("000")

    numbers = [f"{code}{area:03}{_digits(chance, rest)}" for area in range(1_000)]

    assert _answered_otherwise(numbers) == []


@pytest.mark.proof
@pytest.mark.parametrize("seed", range(5))
def test_a_hundred_thousand_numbers_are_answered_as_by_phonenumbers(seed: int) -> None:
    chance = random.Random(seed)

    assert _answered_otherwise(_beside_examples(chance, 70_000)) == []
    assert _answered_otherwise(_of_any_code(chance, 30_000)) == []


@pytest.mark.parametrize(
    ("digits", "country", "number_class"),
    [
        # Written as on a letterhead, +44 (0)20 …, and without.
        ("4402079460000", "GB", NumberClass.GEOGRAPHIC),
        ("441534123456", "JE", NumberClass.GEOGRAPHIC),
        ("4401534123456", "JE", NumberClass.GEOGRAPHIC),
        # 8 is dialed before Russia's numbers, and begins St. Petersburg's and the toll-free ones too.
        ("78123456789", "RU", NumberClass.GEOGRAPHIC),
        ("78001234567", "RU", NumberClass.TOLL_FREE),
        ("788123456789", "RU", NumberClass.GEOGRAPHIC),
        ("77272123456", "KZ", NumberClass.GEOGRAPHIC),
        # 0 and 15 around an area code of Argentina are a mobile number's 9 at home.
        ("540111523456789", "AR", NumberClass.MOBILE),
        ("5491123456789", "AR", NumberClass.MOBILE),
        # The area code is Canada's or Barbados', but the rest is no number in North America.
        ("14160000000", "", NumberClass.OTHER),
        ("12460000000", "BB", NumberClass.OTHER),
        ("12464123456", "BB", NumberClass.GEOGRAPHIC),
        ("18005550100", "US", NumberClass.TOLL_FREE),
        ("19005550100", "US", NumberClass.PREMIUM),
        # Too long to be a number of Morocco, yet not too long to be one of its kind.
        ("21206232145353", "MA", NumberClass.OTHER),
        ("390669812345", "VA", NumberClass.GEOGRAPHIC),
        ("390612345678", "IT", NumberClass.GEOGRAPHIC),
        ("358181234567", "AX", NumberClass.GEOGRAPHIC),
        ("979123456789", "", NumberClass.PREMIUM),
    ],
)
def test_a_shared_code_a_trunk_prefix_and_a_rest_that_is_no_number_are_told_apart(
    digits: str, country: str, number_class: NumberClass
) -> None:
    assert country_of(digits) == country
    assert class_of(digits) is number_class


@pytest.mark.parametrize("prefix", ["44843", "44844", "44845", "44870", "44871", "44872", "44909"])
def test_the_numbering_plan_calls_british_shared_cost_prefixes_premium(prefix: str) -> None:
    """domain.md 2.4 allows them and refuses 449: that is a rule over prefixes, the class does not tell them apart."""
    assert class_of(f"{prefix}1234567") is NumberClass.PREMIUM


def _answered_otherwise(numbers: Iterable[str]) -> list[str]:
    return [digits for digits in numbers if (country_of(digits), class_of(digits)) != _answer_of_phonenumbers(digits)]


def _answer_of_phonenumbers(digits: str) -> tuple[str, NumberClass]:
    if not is_e164(digits):
        return "", NumberClass.OTHER
    try:
        number = _parsed(digits)
    except phonenumbers.NumberParseException:
        return "", NumberClass.OTHER
    number_class = CLASSES.get(phonenumbers.number_type(number), NumberClass.OTHER)
    region = phonenumbers.region_code_for_number(number)
    return (region if region is not None and region.isalpha() else ""), number_class


def _parsed(digits: str) -> phonenumbers.PhoneNumber:
    return phonenumbers.parse(f"+{digits}", None)


@cache
def _examples() -> tuple[str, ...]:
    return tuple(sorted({*_examples_of_countries(), *_examples_of_the_world()}))


def _examples_of_countries() -> Iterator[str]:
    for region in sorted(phonenumbers.SUPPORTED_REGIONS):
        for number_type in PhoneNumberType.values():
            example = phonenumbers.example_number_for_type(region, number_type)
            if example is not None:
                yield phonenumbers.format_number(example, phonenumbers.PhoneNumberFormat.E164)[1:]


def _examples_of_the_world() -> Iterator[str]:
    for code in phonenumbers.COUNTRY_CODES_FOR_NON_GEO_REGIONS:
        example = phonenumbers.example_number_for_non_geo_entity(code)
        yield phonenumbers.format_number(example, phonenumbers.PhoneNumberFormat.E164)[1:]


def _beside_examples(chance: random.Random, count: int) -> Iterator[str]:
    for _ in range(count):
        example = chance.choice(_examples())
        kept = chance.randint(3, len(example))
        yield example[:kept] + _digits(chance, len(example) - kept)


def _of_any_code(chance: random.Random, count: int) -> Iterator[str]:
    codes = sorted(country_codes())
    for turn in range(count):
        code = codes[turn % len(codes)]
        yield code + _digits(chance, chance.randint(7 - len(code), DIGITS_MAX - len(code)))


def _with_trunk_prefixes() -> Iterator[str]:
    for code, regions in phonenumbers.COUNTRY_CODE_TO_REGION_CODE.items():
        for region in filter(str.isalpha, regions):
            example = phonenumbers.example_number(region)
            national = phonenumbers.national_significant_number(example)
            for prefix in {"0", "8", phonenumbers.ndd_prefix_for_region(region, strip_non_digits=True) or "1"}:
                yield f"{code}{prefix}{national}"[:DIGITS_MAX]


def _digits(chance: random.Random, count: int) -> str:
    return "".join(chance.choice("0123456789") for _ in range(count))
