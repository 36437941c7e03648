import pytest
from hypothesis import given
from hypothesis import strategies as st

from talktime.core.rates.sheets.prefix_cells import prefixes_between, read_prefixes


@pytest.mark.parametrize(
    "text", ["93", " 93 ", "+93", "0093", "^93", "^93.*", "93*", "93.", "^+93.*", "(93)", "93,", "93, 93"]
)
def test_one_prefix_has_many_writings(text: str) -> None:
    assert read_prefixes(text) == ("93",)


@pytest.mark.parametrize(
    ("text", "prefixes"),
    [
        ("3763, 3764,3766", ("3763", "3764", "3766")),
        ("3763;3764", ("3763", "3764")),
        ("3763 3764", ("3763", "3764")),
        ("44 447 4479", ("44", "447", "4479")),
        ("+93, 0094; ^95.*", ("93", "94", "95")),
        ("(+1-264)", ("1264",)),
        ("+1 264", ("1264",)),
        ("+44 20 7946", ("44207946",)),
        ("(+1-829,1809,1849)", ("1829", "1809", "1849")),
        ("71-79", ("71", "72", "73", "74", "75", "76", "77", "78", "79")),
        ("70 - 79", ("7",)),
        ("4470-4489", ("447", "448")),
        ("43, 71-72", ("43", "71", "72")),
        ("123456789012345", ("123456789012345",)),
    ],
)
def test_a_cell_may_name_several_prefixes(text: str, prefixes: tuple[str, ...]) -> None:
    assert read_prefixes(text) == prefixes


@pytest.mark.parametrize(
    ("text", "prefixes"),
    [
        ("20", ("4420",)),
        ("7;71-79", ("447", "4471", "4472", "4473", "4474", "4475", "4476", "4477", "4478", "4479")),
        ("70-79", ("447",)),
        ("^7.*", ("447",)),
        ("", ("44",)),
    ],
)
def test_area_codes_follow_their_country_code(text: str, prefixes: tuple[str, ...]) -> None:
    assert read_prefixes(text, country_code="44") == prefixes


def test_a_zero_that_belongs_to_the_number_is_kept() -> None:
    assert read_prefixes("02", country_code="39") == ("3902",)
    assert read_prefixes("0-9", country_code="39") == ("39",)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "no prefix"),
        (" , ", "no prefix"),
        ("()", "no prefix"),
        ("5.41144E+11", "a spreadsheet has turned this code into a number and lost digits"),
        ("5,41144e11", "a spreadsheet has turned this code into a number"),
        ("*1007", "feature code"),
        ("#31", "feature code"),
        ("^44(7|8).*", "pattern"),
        ("^44[78]", "pattern"),
        ("_44X.", "pattern"),
        ("^44$", "pattern"),
        ("93.5", "no prefix"),
        ("0", "begins with 0"),
        ("020", "begins with 0"),
        ("01144", "begins with 0"),
        ("Afghanistan", "no prefix"),
        ("٩٣", "no prefix"),
        ("-44", "no prefix"),
        ("1234567890123456", "more than 15 digits"),
        ("1234567890123450-1234567890123459", "more than 15 digits"),
        ("71-799", "no range"),
        ("79-71", "no range"),
        ("01-09", "begins with 0"),
        ("1 264", "may be one prefix or several"),
        ("44 20", "may be one prefix or several"),
        ("+44-47", "may be one prefix or a range"),
        ("+999-264", "may be one prefix or a range"),
        ("93, Kabul", "no prefix"),
        ("100000000000000-999999999999998,1-2,x", "no prefix"),
    ],
)
def test_what_is_no_prefix_refuses_the_whole_cell_with_its_reason(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        read_prefixes(text)


@pytest.mark.parametrize(
    ("text", "reason"),
    [("020", "not dialled after \\+44"), ("+4420", "no prefix"), ("1" * 14, "more than 15 digits")],
)
def test_an_area_code_that_cannot_follow_its_country_code_is_refused(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        read_prefixes(text, country_code="44")


def test_a_cell_of_thousands_of_prefixes_is_refused() -> None:
    cell = ",".join(str(number) for number in range(10_000, 20_001))

    with pytest.raises(ValueError, match="more than 10000 prefixes"):
        read_prefixes(cell)


@given(st.integers(1, 5).flatmap(lambda digits: st.tuples(*[st.integers(10 ** (digits - 1), 10**digits - 1)] * 2)))
def test_a_range_becomes_the_fewest_prefixes_that_cover_it_exactly(ends: tuple[int, int]) -> None:
    first, last = sorted(ends)
    length = len(str(first))

    prefixes = prefixes_between(str(first), str(last))

    covered = [
        number
        for prefix in prefixes
        for number in range(
            int(prefix) * 10 ** (length - len(prefix)), (int(prefix) + 1) * 10 ** (length - len(prefix))
        )
    ]
    assert covered == list(range(first, last + 1))
    stems = [prefix[:-1] for prefix in prefixes if len(prefix) > 1]
    assert all(stems.count(stem) < 10 for stem in stems)


@given(st.text(max_size=30), st.sampled_from(["", "44", "39"]))
def test_no_text_is_read_as_anything_but_digits(text: str, country_code: str) -> None:
    try:
        prefixes = read_prefixes(text, country_code=country_code)
    except ValueError:
        return

    assert all(prefix.isascii() and prefix.isdigit() and 1 <= len(prefix) <= 15 for prefix in prefixes)
    assert all(not prefix.startswith("0") for prefix in prefixes)
