from pathlib import Path

import pytest
import xlsxwriter

from tests.interfaces.cli.conftest import Talktime

HEADER = "Number,Type,Country,City,Carrier,Monthly price,Currency\n"
USER, TOLL, TOLL_FREE = "+12065550100", "+13035550101", "+18005550100"
ROWS = f"{USER},user,,Seattle,Lumen,1.50,USD\n{TOLL},toll,US,Denver,,,\n{TOLL_FREE},toll-free,,,,,\n"


@pytest.fixture
def inventory(tmp_path: Path) -> Path:
    path = tmp_path / "inventory.csv"
    path.write_text(HEADER + ROWS, encoding="utf-8")
    return path


@pytest.fixture
def offered(acme: Talktime, inventory: Path) -> Talktime:
    """Give Acme licenses for 20 toll numbers, and an inventory of three."""
    for ran in (acme("numbers", "inventory", "import", inventory), acme("licenses", "buy", "phone-system", 51)):
        assert ran.code == 0, ran.err
    return acme


def order(talktime: Talktime, use: str) -> int:
    """Reserve, order and activate a number; return the order."""
    order_id: int = talktime("numbers", "reserve", "--use", use, "--json").document["order"]
    for step in ("order", "activate"):
        ran = talktime("numbers", step, order_id)
        assert ran.code == 0, ran.err
    return order_id


@pytest.mark.parametrize(
    ("command", "next_step"),
    [
        (("numbers",), "talktime numbers search --use user"),
        (("numbers", "inventory"), "talktime numbers inventory import FILE"),
        (("numbers", "search", "--use", "toll"), "talktime numbers inventory import FILE"),
        (("numbers", "orders"), "talktime numbers search"),
        (("numbers", "watch"), "there is nothing to watch"),
        (("numbers", "quota"), "talktime licenses buy phone-system"),
        (("accounts",), "talktime accounts add reception@acme.example --kind auto-attendant"),
    ],
)
def test_where_there_is_nothing_the_next_step_is_said(acme: Talktime, command: tuple[str, ...], next_step: str) -> None:
    ran = acme(*command)

    assert ran.code == 0
    assert next_step in ran.err


def test_an_inventory_is_tried_imported_and_imported_again(acme: Talktime, inventory: Path) -> None:
    tried = acme("numbers", "inventory", "import", inventory, "--dry-run")
    first = acme("numbers", "inventory", "import", inventory, "--json").document
    again = acme("numbers", "inventory", "import", inventory)

    assert "3 new  nothing was saved, it is a dry run" in tried.out
    assert (first["new"], first["saved"]) == (3, True)
    assert "3 unchanged" in again.out
    listed = acme("numbers", "inventory", "--json").document
    assert listed["numbers"][0] == {
        "number": "12065550100",
        "use": "user",
        "country": "US",
        "area": "Seattle",
        "carrier": "Lumen",
        "price": "1.50",
        "currency": "USD",
        "state": "available",
        "organization": None,
    }
    assert {"use": "toll_free", "state": "available", "numbers": 1} in listed["counts"]
    assert "Seattle" in acme("numbers", "inventory").out


def test_a_workbook_is_read_as_well(acme: Talktime, tmp_path: Path) -> None:
    path = tmp_path / "inventory.xlsx"
    with xlsxwriter.Workbook(path) as workbook:
        sheet = workbook.add_worksheet()
        sheet.write_row(0, 0, ["Telephone number", "Number type"])
        sheet.write_row(1, 0, [12065550100, "user"])

    ran = acme("numbers", "inventory", "import", path, "--json")

    assert ran.document["rows"] == [{"line": 2, "number": "12065550100", "outcome": "new", "problems": []}]


def test_every_row_with_a_problem_is_named_with_its_line_and_nothing_is_imported(
    acme: Talktime, inventory: Path
) -> None:
    with inventory.open("a", encoding="utf-8") as file:
        file.write(f"{USER},user,,,,,\n12,user,,,,,\n+12065550199,gold,,,,,\n")

    ran = acme("numbers", "inventory", "import", inventory)

    assert ran.code == 2
    for said in ("it stands in line 2 already", "'12' is no international number", "'gold' is no use of a number"):
        assert said in ran.out
    assert "3 of 6 rows have a problem: nothing was imported" in ran.err
    assert acme("numbers", "inventory", "--json").document["numbers"] == []


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("phone\n+12065550100\n", "has no column use"),
        ("a,b\n1,2\n", "has no column number and none use"),
        (HEADER, "a header and no number below it"),
        (" \n", "is empty"),
    ],
)
def test_a_file_that_is_no_inventory_says_why(acme: Talktime, tmp_path: Path, content: str, reason: str) -> None:
    path = tmp_path / "inventory.csv"
    path.write_text(content, encoding="utf-8")

    ran = acme("numbers", "inventory", "import", path)

    assert ran.code == 2
    assert reason in ran.err


def test_a_number_is_found_reserved_ordered_activated_assigned_and_given_back(offered: Talktime) -> None:
    assert "1 toll numbers available" in offered("numbers", "search", "--use", "toll", "--country", "us").out

    reserved = offered("numbers", "reserve", "--use", "toll", "--area", "denver", "--name", "Bridge")
    placed = offered("numbers", "order", 1)
    activated = offered("numbers", "activate", 1)
    assigned = offered("numbers", "assign", TOLL, "--bridge")

    assert "Order 1: Bridge  Reserved  1 of 1" in reserved.out
    assert "talktime numbers order 1" in reserved.err
    assert "Success" in placed.out
    assert "talktime numbers activate 1" in placed.err
    assert "Complete" in activated.out
    assert f"talktime numbers assign {TOLL} --bridge" in activated.err
    assert assigned.out.strip() == f"{TOLL} is answered by conference bridge."
    [number] = offered("numbers", "--json").document["numbers"]
    assert (number["state"], number["assigned_to"], number["is_ported"]) == ("assigned", "conference bridge", False)
    assert "conference bridge" in offered("numbers", "list").out
    assert "Complete" in offered("numbers", "orders").out
    assert offered("numbers", "unassign", TOLL).out.strip() == f"{TOLL} is answered by nobody."
    assert offered("numbers", "release", TOLL).out.strip() == f"{TOLL} is back in the inventory."
    assert offered("numbers", "--json").document["numbers"] == []


def test_an_order_that_the_inventory_cannot_fill_says_how_much_there_is(offered: Talktime) -> None:
    ran = offered("numbers", "reserve", "--use", "toll", "--quantity", 3)

    assert "only 1 of the 3" in ran.err
    assert "PartialSuccess" in offered("numbers", "order", 1).out
    assert "not active yet" in offered("numbers", "orders").out


def test_a_search_where_there_is_none_says_where_there_are(offered: Talktime) -> None:
    ran = offered("numbers", "search", "--use", "toll", "--area", "Boston")

    assert "in Boston; there are some in: Denver" in ran.err


def test_a_user_number_goes_to_a_person_with_phone_system(offered: Talktime) -> None:
    offered("users", "add", "ada@acme.example")
    order(offered, "user")

    refused = offered("numbers", "assign", USER, "--to", "ada@acme.example", "--json")
    offered("licenses", "assign", "ada@acme.example", "--on", "phone-system")
    assigned = offered("numbers", "assign", USER, "--to", "ada@acme.example")

    assert refused.code == 2
    assert refused.document["error"] == "phone_system_license_missing"
    assert "--on phone-system" in refused.document["message"]
    assert assigned.out.strip() == f"{USER} is answered by ada@acme.example."


@pytest.mark.parametrize("target", [(), ("--bridge", "--to", "ada@acme.example")])
def test_who_answers_must_be_said_once(offered: Talktime, target: tuple[str, ...]) -> None:
    assert "say who answers it" in offered("numbers", "assign", USER, *target).err


@pytest.mark.parametrize(
    ("command", "code"),
    [
        (("reserve", "--use", "toll-free"), "toll_free_needs_credits"),
        (("reserve", "--use", "toll", "--quantity", "21"), "number_quota"),
        (("reserve", "--use", "gold"), "number_use"),
        (("reserve", "--use", "user", "--quantity", "0"), "number_quantity"),
        (("reserve", "--use", "toll", "--country", "XX"), "country"),
        (("order", "9"), "order_not_found"),
        (("search", "--use", "toll", "--quantity", "0"), "number_quantity"),
        (("release", "+12065550100"), "number_not_found"),
    ],
)
def test_every_no_has_a_code(offered: Talktime, command: tuple[str, ...], code: str) -> None:
    ran = offered("numbers", *command, "--json")

    assert ran.code == 2
    assert ran.document["error"] == code


def test_the_quota_is_shown_with_the_licenses_that_make_it(offered: Talktime) -> None:
    offered("licenses", "buy", "domestic", 50)
    offered("numbers", "add", "+18005550111", "--toll-free")

    document = offered("numbers", "quota", "--json").document

    assert {each["use"]: (each["allowed"], each["ported"]) for each in document["quotas"]} == {
        "user": (65, 0),
        "toll": (20, 0),
        "toll_free": (20, 1),
    }
    assert "50 plans with minutes, 0 pay-as-you-go, 51 Phone System" in offered("numbers", "quota").out


def test_toll_free_numbers_that_nobody_calls_are_warned_of(acme: Talktime) -> None:
    acme("numbers", "add", "+18005550111", "--toll-free")

    ran = acme("numbers", "watch")

    assert "may be reclaimed" in ran.out
    assert "1 of 1 may be reclaimed: fewer than 100 minutes" in ran.err
    assert acme("numbers", "watch", "--json").document["numbers"][0]["is_at_risk"] is True


def test_a_queue_is_added_licensed_given_a_number_and_removed(offered: Talktime) -> None:
    added = offered("accounts", "add", "support@acme.example", "--kind", "call-queue")
    order(offered, "toll")
    offered("numbers", "assign", TOLL, "--to", "support@acme.example")

    listed = offered("accounts", "--json").document
    refused = offered("accounts", "remove", "support@acme.example")
    offered("numbers", "unassign", TOLL)
    removed = offered("accounts", "remove", "support@acme.example")

    assert "support@acme.example is now a call queue." in added.out
    assert (listed["allotted"], listed["licensed"]) == (30, 1)
    assert listed["accounts"][0]["numbers"] == [TOLL.removeprefix("+")]
    assert "answers +13035550101" in refused.err
    assert removed.out.strip() == "support@acme.example is removed."


def test_an_attendant_without_a_license_is_told_how_to_get_one(acme: Talktime) -> None:
    ran = acme("accounts", "add", "front@acme.example", "--kind", "auto-attendant", "--no-license")

    assert "front@acme.example is now an auto attendant." in ran.out
    assert "talktime licenses assign front@acme.example --on resource-account" in ran.err
    assert "missing" in acme("accounts").out
