import csv
from pathlib import Path

import pytest

from tests.interfaces.cli.conftest import Talktime

FIRST_DAY = "2100-01-01"


@pytest.fixture
def exported(talktime: Talktime, tmp_path: Path) -> Path:
    path = tmp_path / "countries.csv"
    assert talktime("countries", "export", path).code == 0
    return path


def change(path: Path, changed: str, **cells: str) -> None:
    """Write other cells into a country's row."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows({**row, **cells} if row["country"] == changed else row for row in rows)


def test_all_countries_are_listed_with_the_version_that_says_so(talktime: Talktime) -> None:
    document = talktime("countries", "--json").document

    assert (document["version"], document["valid_from"]) == (1, "2000-01-01T00:00:00Z")
    assert len(document["countries"]) == 201
    assert "201 of 201 countries" in talktime("countries", "list").out


@pytest.mark.parametrize(
    ("filters", "count"),
    [
        (("--with-plans",), 35),
        (("--without-credits",), 11),
        (("--zone-a",), 44),
        (("--zone-a", "--without-credits"), 5),
        (("--with-plans", "--without-credits"), 0),
    ],
)
def test_filters_hold_together(talktime: Talktime, filters: tuple[str, ...], count: int) -> None:
    assert len(talktime("countries", "list", *filters, "--json").document["countries"]) == count
    assert f"{count} of 201 countries" in talktime("countries", "list", *filters).out


def test_the_united_states_show_their_minutes_and_what_domestic_means_there(talktime: Talktime) -> None:
    document = talktime("countries", "show", "US", "--json").document

    minutes = {plan["license"]: (plan["domestic_minutes"], plan["international_minutes"]) for plan in document["plans"]}
    assert minutes == {
        "domestic": (3_000, 0),
        "domestic-and-international": (3_000, 600),
        "domestic-120": (120, 0),
        "domestic-120-not-pooled": (120, 0),
        "pay-as-you-go-1": (0, 0),
    }
    assert document["domestic_minutes_reach"] == ["US", "CA", "PR"]
    assert document["own_country_for_policies"] == ["US", "PR"]
    assert len(document["international_minutes_reach"]) == 197


@pytest.mark.parametrize(
    ("country", "said"),
    [
        ("United Kingdom", "those that begin with 44843"),
        ("de", "zone 2"),
        ("MX", "Calling Plan Mexico"),
        ("PR", "not sold here, but one from elsewhere may be assigned"),
        ("AU", "Calling plans are sold by Telstra."),
        ("CL", "No calling plan is sold here."),
        ("IN", "sold by a partner"),
        ("TN", "sold per minute only"),
        ("RU", "cannot be set up"),
        ("JE", "The table does not describe this country"),
    ],
)
def test_what_is_offered_is_said_in_words(talktime: Talktime, country: str, said: str) -> None:
    ran = talktime("countries", "show", country)

    assert ran.code == 0
    assert said in ran.out


def test_what_is_no_country_is_refused(talktime: Talktime) -> None:
    ran = talktime("countries", "show", "Atlantis", "--json")

    assert (ran.code, ran.document["error"]) == (2, "country")


def test_before_the_first_table_nothing_is_said(talktime: Talktime) -> None:
    ran = talktime("countries", "show", "US", "--at", "1999-12-31", "--json")

    assert (ran.code, ran.document["error"]) == (2, "country_version_not_found")


def test_an_exported_table_differs_in_nothing(talktime: Talktime, exported: Path) -> None:
    ran = talktime("countries", "import", exported, "--from", FIRST_DAY)

    assert ran.code == 0
    assert "differs in nothing from version 1" in ran.out
    assert len(talktime("countries", "versions", "--json").document["versions"]) == 1


def test_an_exported_table_may_go_to_standard_output(talktime: Talktime, exported: Path) -> None:
    assert talktime("countries", "export").out == exported.read_text("utf-8")


def test_a_new_table_holds_from_its_day_on_and_not_before(talktime: Talktime, exported: Path) -> None:
    change(exported, "US", domestic_minutes="2500")

    ran = talktime("countries", "import", exported, "--from", FIRST_DAY)

    assert ran.code == 0, ran.err
    assert "1 changed" in ran.out

    def minutes(at: str) -> object:
        return talktime("countries", "show", "US", "--at", at, "--json").document["domestic_minutes"]

    assert minutes("2099-12-31T23:59:59Z") == 3_000
    assert minutes(FIRST_DAY) == 2_500
    versions = talktime("countries", "versions", "--json").document["versions"]
    assert [(each["version"], each["valid_until"], each["is_in_force"]) for each in versions] == [
        (1, "2100-01-01T00:00:00Z", True),
        (2, None, False),
    ]
    assert "planned" in talktime("countries", "versions").out


def test_a_dry_run_tells_the_difference_and_writes_nothing(talktime: Talktime, exported: Path) -> None:
    change(exported, "DE", conferencing="ppm-only", is_zone_a="no")

    ran = talktime("countries", "import", exported, "--from", FIRST_DAY, "--dry-run", "--json")

    assert ran.document["version"] is None
    assert ran.document["counts"] == {"new": 0, "changed": 1, "removed": 0}
    assert ran.document["changes"] == [
        {
            "country": "DE",
            "change": "changed",
            "cells": [
                {"column": "conferencing", "before": "yes", "after": "ppm-only"},
                {"column": "is_zone_a", "before": True, "after": False},
            ],
        }
    ]
    assert "Nothing was written" in talktime("countries", "import", exported, "--from", FIRST_DAY, "--dry-run").err
    assert len(talktime("countries", "versions", "--json").document["versions"]) == 1


@pytest.mark.parametrize(
    ("first_day", "code"), [("2020-01-01", "country_version_past"), ("2100-01-01", "country_version_order")]
)
def test_validity_neither_overlaps_nor_reaches_back(
    talktime: Talktime, exported: Path, first_day: str, code: str
) -> None:
    change(exported, "US", domestic_minutes="2500")
    talktime("countries", "import", exported, "--from", "2100-01-01")

    ran = talktime("countries", "import", exported, "--from", first_day, "--json")

    assert (ran.code, ran.document["error"]) == (2, code)
    assert len(talktime("countries", "versions", "--json").document["versions"]) == 2


def test_a_file_with_a_mistake_imports_nothing_and_names_every_line(talktime: Talktime, exported: Path) -> None:
    change(exported, "US", domestic_minutes="-3")
    change(exported, "DE", country="XX")

    ran = talktime("countries", "import", exported, "--from", FIRST_DAY)
    document = talktime("countries", "import", exported, "--from", FIRST_DAY, "--json").document

    assert ran.code == 2
    assert "nothing was imported" in ran.err
    assert "'XX' is no country" in ran.out
    assert [(each["column"], each["value"]) for each in document["mistakes"]] == [
        ("country", "XX"),
        ("domestic_minutes", "-3"),
    ]
    assert len(talktime("countries", "versions", "--json").document["versions"]) == 1
