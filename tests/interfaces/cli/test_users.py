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
    ran = acme("users", "import", people)

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

    ran = acme("users", "import", path, "--json")

    assert ran.document["rows"] == [
        {
            "line": 2,
            "user": "ada@acme.example",
            "numbers": ["12065550100"],
            "licenses": ["phone_system"],
            "problems": [],
        }
    ]


def test_a_dry_run_tells_and_saves_nothing(acme: Talktime, people: Path) -> None:
    ran = acme("users", "import", people, "--dry-run")

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


def test_licenses_are_switched_for_those_who_are_named(acme: Talktime, people: Path) -> None:
    acme("users", "import", people)

    ran = acme("licenses", "assign", "ADA@acme.example", "--audio-conferencing", "--no-phone-system", "--json")

    assert ran.document["rows"] == [
        {
            "user": "ada@acme.example",
            "before": ["phone_system", "communications_credits"],
            "after": ["audio_conferencing", "communications_credits"],
            "problem": None,
        }
    ]
    [ada, carl] = acme("users", "list", "--json").document["users"]
    assert ada["licenses"] == ["audio_conferencing", "communications_credits"]
    assert carl["licenses"] == ["phone_system", "audio_conferencing", "communications_credits"]


def test_licenses_of_everyone_are_switched_and_a_dry_run_is_not(acme: Talktime, people: Path) -> None:
    acme("users", "import", people)

    tried = acme("licenses", "assign", "--everyone", "--no-phone-system", "--dry-run")
    after_trial = acme("users", "list", "--json").document["users"]
    acme("licenses", "assign", "--everyone", "--no-phone-system")

    assert "2 of 2 users would be changed; nothing was" in tried.out
    assert "phone_system" in after_trial[0]["licenses"]
    users = acme("users", "list", "--json").document["users"]
    assert not any("phone_system" in user["licenses"] for user in users)


@pytest.mark.parametrize("ending", [".txt", ".csv"])
def test_names_come_from_a_file_and_one_unknown_name_changes_nothing(
    acme: Talktime, people: Path, tmp_path: Path, ending: str
) -> None:
    acme("users", "import", people)
    names = tmp_path / f"names{ending}"
    first = "user\n" if ending == ".csv" else "# the new ones\n\n"
    names.write_text(f"{first}ada@acme.example\nzoe@acme.example\n", encoding="utf-8")

    ran = acme("licenses", "assign", "--file", names, "--audio-conferencing")

    assert ran.code == 2
    assert "1 of 2 names are unknown: nothing was changed" in ran.err
    assert "Acme has no user of this name" in ran.out
    [ada, _] = acme("users", "list", "--json").document["users"]
    assert "audio_conferencing" not in ada["licenses"]


@pytest.mark.parametrize(
    "arguments",
    [
        ("--everyone",),
        ("--phone-system",),
        ("ada@acme.example", "--everyone", "--phone-system"),
    ],
)
def test_who_and_what_must_be_said(acme: Talktime, arguments: tuple[str, ...]) -> None:
    assert acme("licenses", "assign", *arguments).code == 2


def test_a_list_of_names_without_a_name_is_refused(acme: Talktime, tmp_path: Path) -> None:
    names = tmp_path / "names.txt"
    names.write_text("# nobody\n", encoding="utf-8")

    assert "names no user" in acme("licenses", "assign", "--file", names, "--phone-system").err
