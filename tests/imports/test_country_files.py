import io
from pathlib import Path

import pytest
import xlsxwriter

from talktime.core.organizations.country_table import ConferencingSale, CountryRule, CountryTable, PremiumSupport
from talktime.core.organizations.country_versions import COLUMNS
from talktime.core.values.errors import Invalid, NotFound
from talktime.exports.countries_csv import write_countries
from talktime.imports.country_files import MINUTES_MAX, ROWS_MAX, CountryMistake, read_country_file

HEADER = ",".join(COLUMNS)
GERMANY = "DE,yes,yes,1200,600,2,,none,yes,yes,yes,Munich,yes"
JERSEY = "JE,no,no,0,0,,,none,no,no,yes,,no"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "countries.csv"


def write(path: Path, *lines: str) -> Path:
    path.write_text("\n".join((HEADER, *lines)) + "\n", encoding="utf-8")
    return path


def test_a_row_is_a_country_with_all_its_columns(path: Path) -> None:
    read = read_country_file(write(path, GERMANY, JERSEY))

    germany = CountryRule(
        "DE",
        ConferencingSale.SUBSCRIPTION,
        is_zone_a=True,
        domestic_minutes=1_200,
        international_minutes=600,
        pay_as_you_go_zone="2",
        premium=PremiumSupport.NONE,
        has_toll_numbers=True,
        has_toll_free_numbers=True,
        has_credits=True,
        toll_city="Munich",
    )
    assert read.mistakes == ()
    assert read.table == CountryTable(0, {"DE": germany, "JE": CountryRule("JE")}, frozenset({"DE"}))


@pytest.mark.parametrize(
    ("column", "wrong", "reason"),
    [
        ("country", "XX", "'XX' is no country"),
        ("country", "", "'' is no country"),
        ("conferencing", "perhaps", "is none of yes, ppm-only, partner, no"),
        ("premium", "some", "is none of all, shared_cost, none"),
        ("domestic_minutes", "many", "is no whole number"),
        ("domestic_minutes", "12.5", "is no whole number"),
        ("domestic_minutes", "", "write 0 where no plan is sold"),
        ("domestic_minutes", "-1", "0 to 44,640 minutes"),
        ("international_minutes", str(MINUTES_MAX + 1), "0 to 44,640 minutes"),
        ("international_minutes", "٣", "is no whole number"),
        ("is_zone_a", "maybe", "write yes or no"),
        ("has_credits", "", "write yes or no"),
        ("pay_as_you_go_zone", "3", "write 1, 2 or MX"),
        ("toll_city", "x" * 201, "at most 200"),
        ("plan_partner", "a\x07b", "printable"),
    ],
)
def test_what_cannot_be_read_is_named_by_line_and_column(path: Path, column: str, wrong: str, reason: str) -> None:
    cells = GERMANY.split(",")
    cells[COLUMNS.index(column)] = wrong

    [mistake] = read_country_file(write(path, JERSEY, ",".join(cells))).mistakes

    assert (mistake.line, mistake.column, mistake.value) == (3, column, wrong)
    assert reason in mistake.reason


def test_all_mistakes_of_a_file_are_named_at_once(path: Path) -> None:
    both = GERMANY.replace("1200", "-1").replace("none", "some")

    read = read_country_file(write(path, both, JERSEY.replace("JE", "XX")))

    assert [(mistake.line, mistake.column) for mistake in read.mistakes] == [
        (2, "domestic_minutes"),
        (2, "premium"),
        (3, "country"),
    ]


def test_a_country_that_stands_twice_is_a_mistake_of_its_second_line(path: Path) -> None:
    read = read_country_file(write(path, GERMANY, JERSEY, GERMANY.lower()))

    assert read.mistakes == (CountryMistake(4, "country", "DE", "stands in line 2 already"),)


def test_a_row_with_more_cells_than_the_header_is_a_mistake(path: Path) -> None:
    [mistake] = read_country_file(write(path, f"{GERMANY},surplus")).mistakes

    assert (mistake.line, mistake.value) == (2, "surplus")


@pytest.mark.parametrize(
    ("header", "said"),
    [
        (HEADER.replace(",premium", ""), "lacks premium"),
        (f"{HEADER},capital", "has capital, which nobody reads"),
        (f"{HEADER},country", "names country twice"),
        ("", "lacks country"),
    ],
)
def test_a_header_without_just_these_columns_is_refused(path: Path, header: str, said: str) -> None:
    path.write_text(f"{header}\n{GERMANY}\n", encoding="utf-8")

    with pytest.raises(Invalid, match=said):
        read_country_file(path)


def test_columns_are_known_by_name_in_any_order_and_spelling(path: Path) -> None:
    order = list(reversed(COLUMNS))
    cells = dict(zip(COLUMNS, GERMANY.split(","), strict=True))
    header = ";".join(name.replace("_", " ").title() for name in order)
    path.write_text(f"{header}\n{';'.join(cells[name] for name in order)}\n", encoding="utf-8")

    read = read_country_file(path)

    assert read.mistakes == ()
    assert read.table.of("DE").toll_city == "Munich"


def test_a_workbook_is_read_as_well(tmp_path: Path) -> None:
    path = tmp_path / "countries.xlsx"
    cells = dict(zip(COLUMNS, GERMANY.split(","), strict=True))
    with xlsxwriter.Workbook(path) as workbook:
        sheet = workbook.add_worksheet()
        sheet.write_row(0, 0, COLUMNS)
        sheet.write_row(1, 0, [{"yes": True, "no": False}.get(text, text) for text in cells.values()])
        sheet.write(1, COLUMNS.index("conferencing"), "yes")
        sheet.write_number(1, COLUMNS.index("domestic_minutes"), 1_200)

    read = read_country_file(path)

    assert read.mistakes == ()
    assert (read.table.of("DE").domestic_minutes, read.table.of("DE").is_zone_a) == (1_200, True)


def test_a_file_without_a_country_or_with_too_many_is_refused(path: Path) -> None:
    with pytest.raises(Invalid, match="no country below it"):
        read_country_file(write(path))
    with pytest.raises(Invalid, match="no table of countries"):
        read_country_file(write(path, *[JERSEY] * (ROWS_MAX + 1)))


def test_a_file_that_is_not_there_is_not_found(path: Path) -> None:
    with pytest.raises(NotFound):
        read_country_file(path)


def test_what_is_written_is_read_again_as_it_was(path: Path, repository: Path) -> None:
    shipped = repository / "src/talktime/imports/reference/countries_2025.csv"
    table = read_country_file(shipped).table
    stream = io.StringIO(newline="")

    write_countries(stream, table)

    assert stream.getvalue() == shipped.read_text("utf-8")
    path.write_text(stream.getvalue(), encoding="utf-8")
    assert read_country_file(path).table == table
