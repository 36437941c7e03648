"""Numbering plans: the country and the type of an E.164 number, from the metadata of phonenumbers, at a call's pace.

The answers are those of phonenumbers' own `parse`, `region_code_for_number` and `number_type`, which take tens to
hundreds of microseconds. Here a calling code's countries and types become one regular expression for each length of
number, on its first call (24 ms for +1, 1 to 6 ms for others); test_numbering.py holds the two to the same answers.
"""

import re
from functools import cache

import phonenumbers

from talktime.core.values.frozen import frozen

# The names of the metadata, in the order in which phonenumbers asks them: the first that fits is the number's type.
_TYPES = (
    "premium_rate",
    "toll_free",
    "shared_cost",
    "voip",
    "personal_number",
    "pager",
    "uan",
    "voicemail",
    "fixed_line",
    "mobile",
)
_ANY = "general_desc"
_NEVER = "(?!)"
_CODE_DIGITS_MAX = 3
_NATIONAL_DIGITS_MAX = 17  # in phonenumbers, for the world's longest


@frozen
class _CallingCode:
    """What the countries of one calling code have in common."""

    code: int
    code_length: int
    country: str | None  # ISO 3166, empty where the code is no country's, None where several share it
    trunk: re.Pattern[str] | None  # what is dialed at home before the national number
    rewritten: str  # what the trunk's groups become in the national number; empty where they only go away
    national: re.Pattern[str]
    trunkless_lengths: frozenset[int]  # the digits that may be left, or the trunk was none


@frozen
class _Types:
    """The countries and types of a calling code's numbers of one length; the group that ends a match finds its own."""

    pattern: re.Pattern[str]
    found: tuple[tuple[str, str], ...]


def described(digits: str) -> tuple[str, str]:
    """Return the ISO 3166 country of E.164 digits, and their type as the metadata names it (`premium_rate`).

    Either is empty where the number plan does not tell. A `fixed_line` may be a mobile number where the plan, as in
    North America, does not tell them apart.
    """
    calling_code = _calling_code(digits[:_CODE_DIGITS_MAX])
    if calling_code is None:
        return "", ""
    country, found_type = _found(calling_code, digits)
    # A number that is not assigned (yet) still shows its country where the calling code has one country only.
    return country if calling_code.country is None else calling_code.country, found_type


def prepare() -> None:
    """Compile what any possible number needs: a quarter of a second, before a phone rings rather than while it does."""
    for code, regions in phonenumbers.COUNTRY_CODE_TO_REGION_CODE.items():
        _calling_code(str(code)[:_CODE_DIGITS_MAX])
        general = _metadata(code, regions[0]).general_desc
        for length in general.possible_length if general is not None else ():
            _types(code, length)


def _found(calling_code: _CallingCode, digits: str) -> tuple[str, str]:
    national = digits[calling_code.code_length :]
    if calling_code.trunk is not None and (dialed := calling_code.trunk.match(national)) is not None:
        national = _without_trunk(calling_code, dialed)
    types = _types(calling_code.code, len(national))
    match = types.pattern.match(national)
    return ("", "") if match is None else types.found[(match.lastindex or 0) - 1]


def _without_trunk(calling_code: _CallingCode, dialed: re.Match[str]) -> str:
    """Return the number without the prefix that does not belong behind a calling code, as in +44 (0)20 7946 0000."""
    national = dialed.string
    rest = national[dialed.end() :]
    is_rewritten = calling_code.rewritten and dialed[dialed.re.groups] is not None
    shortened = dialed.expand(calling_code.rewritten) + rest if is_rewritten else rest
    if calling_code.national.fullmatch(national) and not calling_code.national.fullmatch(shortened):
        return national
    return shortened if len(shortened) in calling_code.trunkless_lengths else national


@cache  # by at most 900 beginnings
def _calling_code(start: str) -> _CallingCode | None:
    lengths = range(1, _CODE_DIGITS_MAX + 1)
    code = next((int(start[:n]) for n in lengths if int(start[:n]) in phonenumbers.COUNTRY_CODE_TO_REGION_CODE), None)
    if code is None:
        return None
    regions = phonenumbers.COUNTRY_CODE_TO_REGION_CODE[code]
    metadata = _metadata(code, regions[0])
    general = metadata.general_desc
    assert general is not None, code
    return _CallingCode(
        code=code,
        code_length=len(str(code)),
        country=_country(regions[0]) if len(regions) == 1 else None,
        trunk=re.compile(metadata.national_prefix_for_parsing) if metadata.national_prefix_for_parsing else None,
        rewritten=metadata.national_prefix_transform_rule or "",
        national=re.compile(general.national_number_pattern or _NEVER),
        trunkless_lengths=_trunkless_lengths(general),
    )


def _trunkless_lengths(general: phonenumbers.PhoneNumberDesc) -> frozenset[int]:
    # phonenumbers takes a prefix off what is too long even then, and not off what is too short or a local number.
    too_long = range(max(general.possible_length) + 1, _NATIONAL_DIGITS_MAX + 1)
    return frozenset({*general.possible_length, *too_long}.difference(general.possible_length_local_only))


@cache  # by at most 17 lengths for each calling code; 3 MB if all are ever asked for
def _types(code: int, length: int) -> _Types:
    regions = phonenumbers.COUNTRY_CODE_TO_REGION_CODE[code]
    branches: list[str] = []
    found: list[tuple[str, str]] = []
    for region in regions:
        metadata = _metadata(code, region)
        patterns = _patterns(metadata, length)
        branch = _first_of(patterns)
        found += [(_country(region), name) for name in _TYPES if name in patterns]
        # Where countries share a code, the first digits tell some of them, though the number may not be assigned.
        if len(regions) > 1 and metadata.leading_digits is not None:
            branch = f"(?={metadata.leading_digits})(?:{branch}|())"
            found.append((_country(region), ""))
        branches.append(branch)
    pattern = re.compile("|".join(branches))
    assert pattern.groups == len(found), code
    return _Types(pattern, tuple(found))


def _patterns(metadata: phonenumbers.PhoneMetadata, length: int) -> dict[str, str]:
    """Return what a national number of this length must look like to be of a type, and to be one at all."""
    names = [_ANY, *_TYPES]
    if metadata.same_mobile_and_fixed_line_pattern:
        names.remove("mobile")
    kinds = {name: getattr(metadata, name) for name in names}
    return {
        name: kind.national_number_pattern
        for name, kind in kinds.items()
        if kind is not None
        and kind.national_number_pattern
        and (not kind.possible_length or length in kind.possible_length)
    }


def _first_of(patterns: dict[str, str]) -> str:
    """Return one pattern for a region, with an empty group where a type's own ends."""
    types = "|".join(f"(?:{patterns[name]})\\Z()" for name in _TYPES if name in patterns)
    return f"(?=(?:{patterns.get(_ANY, _NEVER)})\\Z)(?:{types or _NEVER})"


def _metadata(code: int, region: str) -> phonenumbers.PhoneMetadata:
    metadata = phonenumbers.PhoneMetadata.metadata_for_region_or_calling_code(code, region)
    assert metadata is not None, region
    return metadata


def _country(region: str) -> str:
    return region if region.isalpha() else ""  # 001 is the world
