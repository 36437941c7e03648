from pathlib import Path

import pytest
import xlsxwriter

from tests.interfaces.cli.conftest import Talktime

HEADER = "User Principal Name,Display Name,Number(s),Usage Location,Department,Licenses\n"
ADA = 'ada@acme.example,Ada Lovelace,"+12065550100; 1001",US,Research,"Phone System, Communications Credits"\n'
CARL = "carl@acme.example,Carl Gauß,+49301234567,DE,,all\n"


@pytest.fixture
def people(tmp_path: Path) -> Path:
    path = tmp_path / "people.csv"
    path.write_text(HEADER + ADA + CARL, encoding="utf-8")
    return path


def test_without_users_the_list_says_how_to_add_them(acme: Talktime) -> None:
    assert "talktime users add" in acme("users").err


def test_users_of_a_file_are_added_with_numbers_and_licenses(acme: Talktime, people: Path) -> None:
    ran = acme("users", "import", people, "--buy-missing")

    users = acme("users", "list", "--json").document["users"]
    assert ran.code == 0
    assert "2 users added" in ran.out
    assert users[0] == {
        "user": "ada@acme.example",
        "display_name": "Ada Lovelace",
        "numbers": ["1001", "12065550100"],
        "usage_location": "US",
        "department": "Research",
        "licenses": ["phone_system", "communications_credits"],
        "roles": [],
        "language": "",
    }
    assert users[1]["licenses"] == ["phone_system", "audio_conferencing", "communications_credits"]
    assert "Carl Gauß" in acme("users").out


def test_a_workbook_is_read_as_well_with_a_column_for_each_license(acme: Talktime, tmp_path: Path) -> None:
    path = tmp_path / "people.xlsx"
    with xlsxwriter.Workbook(path) as workbook:
        sheet = workbook.add_worksheet()
        sheet.write_row(0, 0, ["UPN", "Phone number", "Phone System", "Credits"])
        sheet.write_row(1, 0, ["ada@acme.example", 12065550100, "yes", "no"])

    ran = acme("users", "import", path, "--buy-missing", "--json")

    assert ran.document["rows"] == [
        {
            "line": 2,
            "user": "ada@acme.example",
            "numbers": ["12065550100"],
            "licenses": ["phone_system"],
            "problems": [],
            "caution": "no Communications Credits: what the licenses do not include is refused",
        }
    ]


def test_a_dry_run_tells_and_saves_nothing(acme: Talktime, people: Path) -> None:
    ran = acme("users", "import", people, "--dry-run", "--buy-missing")

    assert ran.code == 0
    assert "2 users can be added" in ran.out
    assert acme("users", "list", "--json").document["users"] == []


def test_one_row_with_a_problem_and_nobody_is_added(acme: Talktime, people: Path) -> None:
    with people.open("a", encoding="utf-8") as file:
        file.write("dora@acme.example,,=1+1,XX,,Gold\nada@acme.example,,112,,,\nbob,,,,,\n")

    ran = acme("users", "import", people)

    assert ran.code == 2
    assert "4 of 5 rows have a problem: nobody was added" in ran.err
    for problem in (
        "'Gold' is no license",
        "'=1+1' is no international number",
        "'XX' is no country",
        "ada@acme.example stands here twice",
        "112 is an emergency number",
        "'bob' is no user principal name",
    ):
        assert problem in ran.out
    assert acme("users", "list", "--json").document["users"] == []


def test_a_number_that_is_taken_is_refused_with_its_owner(acme: Talktime) -> None:
    acme("users", "add", "ada@acme.example", "--number", "+12065550100")

    ran = acme("users", "add", "bob@acme.example", "--number", "+1 (206) 555-0100", "--json")

    assert ran.code == 2
    assert ran.document["saved"] is False
    assert ran.document["rows"][0]["problems"] == ["12065550100 belongs to Acme already"]


def test_one_user_is_added_with_defaults_of_the_organization(acme: Talktime) -> None:
    acme("licenses", "buy", "phone system", 1)
    acme("users", "add", "Ada@acme.example", "--licenses", "phone system")

    [user] = acme("users", "list", "--json").document["users"]
    assert (user["display_name"], user["usage_location"], user["licenses"]) == ("Ada", "US", ["phone_system"])


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("name,number\nAda,1\n", "no column for the user principal name"),
        (HEADER, "no user below it"),
        ("user,phone system\nada@acme.example,maybe\n", "'maybe' is neither yes nor no"),
    ],
)
def test_a_file_that_cannot_be_read_says_why(acme: Talktime, tmp_path: Path, content: str, reason: str) -> None:
    path = tmp_path / "people.csv"
    path.write_text(content, encoding="utf-8")

    ran = acme("users", "import", path)

    assert ran.code == 2
    assert reason in ran.out + ran.err


def test_licenses_that_were_not_bought_refuse_the_file_and_say_how_to_buy_them(acme: Talktime, people: Path) -> None:
    ran = acme("users", "import", people)

    assert ran.code == 2
    assert "Phone System: 0 bought, 0 assigned, 2 more needed" in ran.err
    assert "talktime licenses buy phone-system 2" in ran.err
    assert "--buy-missing" in ran.err
    assert acme("users", "list", "--json").document["users"] == []


def test_every_license_is_read_by_its_part_name_in_the_column_or_as_one(acme: Talktime, tmp_path: Path) -> None:
    path = tmp_path / "people.csv"
    path.write_text(
        "user,licenses,MCOPSTN1\nada@acme.example,ENTERPRISEPREMIUM|mcopstnpp,yes\nbob@acme.example,E3,no\n", "utf-8"
    )

    ran = acme("users", "import", path, "--buy-missing", "--json")

    assert [row["licenses"] for row in ran.document["rows"]] == [
        ["communications_credits", "domestic", "e5"],
        ["e3"],
    ]
    assert ran.document["bought_missing"] is True
    assert [each["license"] for each in ran.document["shortages"]] == ["domestic", "e5", "e3"]
    assert "Credits, Domestic, E5" in acme("users").out
