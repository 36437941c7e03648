from datetime import UTC, datetime
from pathlib import Path

import pytest

from talktime.bootstrap import App
from talktime.core.rates.rate_decks import DeckTerms
from talktime.core.values.places import read_zone
from talktime.interfaces.cli.main import main
from talktime.settings import Settings
from tests.interfaces.cli.conftest import Talktime

HEADER = "prefix,destination,price,increments,connection fee,status\n"
LONDON = "4420,UK London,0.0120,60/60,0.05,\n"
FRANCE = "33,France,0.02,1/1,,\n"
SATELLITE = "870,Inmarsat,5,60/60,,blocked\n"


@pytest.fixture
def standard(tmp_path: Path) -> Path:
    return deck_file(tmp_path, LONDON, FRANCE, SATELLITE)


def deck_file(folder: Path, *rows: str, name: str = "standard.csv") -> Path:
    path = folder / name
    path.write_text(HEADER + "".join(rows), encoding="utf-8")
    return path


def imported(talktime: Talktime, path: Path, *more: str) -> None:
    ran = talktime("decks", "import", path, "--deck", "standard", "--currency", "USD", *more)
    assert ran.code == 0, ran.err


def test_without_decks_the_list_says_how_to_import_one(talktime: Talktime) -> None:
    assert "talktime decks import" in talktime("decks").err


def test_an_imported_deck_is_staged_and_prices_nothing_before_it_is_published(
    talktime: Talktime, standard: Path
) -> None:
    ran = talktime("decks", "import", standard, "--deck", "standard", "--currency", "USD")

    listed = talktime("decks", "--json").document["versions"]
    quoted = talktime("quote", "+442079460958", "--seconds", 60)
    assert "3 outbound" in ran.out
    assert "talktime decks publish" in ran.err
    assert [(each["version"], each["rates"], each["is_complete"], each["in_force"]) for each in listed] == [
        (1, 3, True, [])
    ]
    assert quoted.code == 2
    assert "publish one with `talktime decks publish" in quoted.err


def test_a_published_deck_prices_calls_from_its_instant_on(talktime: Talktime, standard: Path) -> None:
    imported(talktime, standard, "--time-zone", "Europe/London")
    talktime("decks", "publish", "standard", "--at", "2026-07-01")

    before = talktime("quote", "+442079460958", "--seconds", 61, "--at", "2026-06-30T22:59:59Z", "--json")
    after = talktime("quote", "+442079460958", "--seconds", 61, "--at", "2026-07-01", "--json")

    assert before.document["error"] == "no_rate_deck_in_force"
    assert after.document["answered_at"] == "2026-06-30T23:00:00Z"
    assert {name: after.document[name] for name in ("cost", "currency", "prefix", "destination")} == {
        "cost": "0.074",
        "currency": "USD",
        "prefix": "4420",
        "destination": "UK London",
    }
    assert (after.document["deck_version"], after.document["billed_seconds"]) == (1, 120)
    assert after.document["blocks"] == [
        {
            "from_second": 0,
            "increments": 2,
            "increment_seconds": 60,
            "price_per_minute": "0.012",
            "time_profile": "",
        }
    ]


def test_a_deck_in_a_file_prices_without_a_database(
    standard: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    nowhere = tmp_path / "nowhere.db"
    monkeypatch.setenv("TALKTIME_DATABASE", f"sqlite:///{nowhere}")

    code = main(["quote", "+33612345678", "--seconds", "61", "--deck", str(standard), "--currency", "USD"])

    shown = capsys.readouterr().out
    assert code == 0
    assert "0.0203 USD" in shown
    assert "61 × 1 s at 0.02 a minute" in shown
    assert not nowhere.exists()


def test_a_file_that_does_not_say_its_currency_asks_for_it(talktime: Talktime, standard: Path) -> None:
    ran = talktime("quote", "+33612345678", "--seconds", 61, "--deck", standard)

    assert ran.code == 2
    assert "--currency" in ran.err


def test_rows_of_a_file_that_price_nothing_are_not_hidden_from_a_quote(talktime: Talktime, tmp_path: Path) -> None:
    path = deck_file(tmp_path, LONDON, "34,Spain,much,60/60,,\n")

    ran = talktime("quote", "+442079460958", "--seconds", 1, "--deck", path, "--currency", "USD")

    assert ran.code == 0
    assert "1 of 2 rows of standard.csv were rejected" in ran.err


@pytest.mark.parametrize(
    ("number", "more", "code"),
    [
        ("+870773111632", (), "destination_blocked"),
        ("+861012345678", (), "destination_not_rated"),
        ("+442079460958", ("--direction", "toll-free-inbound"), "no_rate_deck_in_force"),
        ("+442079460958", ("--deck", "premium"), "deck_not_found"),
        ("+442079460958", ("--seconds", "-1"), "seconds"),
        ("+442079460958", ("--seconds", "86401"), "seconds"),
        ("+442079460958", ("--from", "ada"), "number"),
        ("12", (), "number"),
        ("112", (), "emergency_number"),
    ],
)
def test_what_has_no_price_is_answered_with_the_reason(
    talktime: Talktime, standard: Path, number: str, more: tuple[str, ...], code: str
) -> None:
    imported(talktime, standard)
    talktime("decks", "publish", "standard")
    seconds = () if "--seconds" in more else ("--seconds", "60")

    ran = talktime("quote", number, *seconds, *more, "--json")

    assert ran.code == 2
    assert ran.document["error"] == code


def test_where_there_are_several_decks_one_must_be_named(talktime: Talktime, standard: Path) -> None:
    imported(talktime, standard)
    talktime("decks", "import", standard, "--deck", "premium", "--currency", "USD")

    ran = talktime("quote", "+442079460958", "--seconds", 60)

    assert "say which with --deck (premium, standard)" in ran.err


def test_rejected_rows_are_named_with_line_and_reason_and_the_others_staged(talktime: Talktime, tmp_path: Path) -> None:
    path = deck_file(tmp_path, LONDON, "34,Spain,much,60/60,,\n", "35,Portugal,-1,60/60,,\n", FRANCE)

    shown = talktime("decks", "import", path, "--deck", "standard", "--currency", "USD")
    document = talktime("decks", "import", path, "--deck", "standard", "--currency", "USD", "--json").document

    assert shown.code == 0
    assert "2 of 4 rows were rejected, and price nothing" in shown.err
    assert "much" in shown.err
    assert "2 rejected" in shown.out
    assert [(each["line"], each["column"]) for each in document["rejected"]] == [(3, "price"), (4, "price")]
    assert document["rates"] == 2


def test_strict_refuses_a_file_with_one_rejected_row(talktime: Talktime, tmp_path: Path) -> None:
    path = deck_file(tmp_path, LONDON, "34,Spain,much,60/60,,\n")

    ran = talktime("decks", "import", path, "--deck", "standard", "--currency", "USD", "--strict")
    again = talktime("decks", "import", path, "--deck", "standard", "--currency", "USD", "--strict", "--json")

    assert ran.code == 2
    assert "Nothing was staged" in ran.err
    assert again.document["error"] == "rows_rejected"
    assert talktime("decks", "--json").document["versions"] == []


@pytest.mark.parametrize(
    "arguments",
    [
        ("--currency", "EURO"),
        ("--currency", "USD", "--increments", "60"),
        ("--currency", "USD", "--time-zone", "Mars"),
        ("--currency", "USD", "--charge-decimals", "7"),
        ("--currency", "USD", "--profile", "peak=never"),
    ],
)
def test_what_is_stated_about_a_file_is_checked(talktime: Talktime, standard: Path, arguments: tuple[str, ...]) -> None:
    ran = talktime("decks", "import", standard, "--deck", "standard", *arguments)

    assert ran.code == 2
    assert talktime("decks", "--json").document["versions"] == []


@pytest.mark.parametrize("rows", [(), ("34,Spain,much,60/60,,\n",)])
def test_a_file_of_which_nothing_can_be_used_is_refused(
    talktime: Talktime, tmp_path: Path, rows: tuple[str, ...]
) -> None:
    ran = talktime("decks", "import", deck_file(tmp_path, *rows), "--deck", "standard", "--currency", "USD", "--json")

    assert ran.code == 2
    assert talktime("decks", "--json").document["versions"] == []


def test_a_deck_needs_a_name_and_a_file_that_is_there(talktime: Talktime, standard: Path, tmp_path: Path) -> None:
    nameless = talktime("decks", "import", standard, "--deck", " ", "--currency", "USD")
    absent = talktime("decks", "import", tmp_path / "none.csv", "--deck", "standard", "--currency", "USD")

    assert nameless.code == absent.code == 2
    assert "cannot name a deck" in nameless.err
    assert "none.csv" in absent.err


def test_diff_tells_what_another_version_changes(talktime: Talktime, standard: Path, tmp_path: Path) -> None:
    imported(talktime, standard)
    talktime("decks", "publish", "standard")
    changed = deck_file(
        tmp_path, "4420,UK London,0.0130,60/60,0.05,\n", "33,France,0.02,1/1,,blocked\n", "34,Spain,0.01,1/1,,\n"
    )
    imported(talktime, changed)

    document = talktime("decks", "diff", "standard", "--json").document
    shown = talktime("decks", "diff", "standard", "--limit", 2)

    assert document["counts"] == {"new": 1, "up": 1, "down": 0, "blocked": 1, "removed": 1, "other": 0}
    assert (document["from"], document["to"], document["unchanged"]) == (1, 2, 0)
    assert document["changes"][-2]["before"] == "0.012/min 60/60 + 0.05"
    assert document["changes"][-2]["after"] == "0.013/min 60/60 + 0.05"
    assert "1 new   1 up   1 blocked   1 removed   0 unchanged" in shown.out
    assert "… and 2 more" in shown.out
    assert "--version 2" in shown.err


def test_diff_of_the_only_version_is_against_nothing(talktime: Talktime, standard: Path) -> None:
    imported(talktime, standard)

    ran = talktime("decks", "diff", "standard")

    assert "version 1 against nothing" in ran.out
    assert "3 new" in ran.out


def test_diff_of_the_same_file_finds_every_price_the_same(talktime: Talktime, standard: Path) -> None:
    imported(talktime, standard)
    imported(talktime, standard)

    ran = talktime("decks", "diff", "standard", "--from", 1, "--to", 2)

    assert "Every price is the same" in ran.out


def test_rollback_puts_the_version_before_back_in_force(talktime: Talktime, standard: Path) -> None:
    imported(talktime, standard)
    imported(talktime, standard)
    talktime("decks", "publish", "standard", "--version", 1, "--at", "2026-01-01")
    talktime("decks", "publish", "standard", "--at", "2026-02-01")

    ran = talktime("decks", "rollback", "standard", "--json")

    assert (ran.document["version"], ran.document["replaces"]) == (1, 2)
    [first, second] = talktime("decks", "list", "standard", "--json").document["versions"]
    assert (first["in_force"], second["in_force"]) == (["outbound"], [])
    shown = talktime("decks").out
    assert "in force: outbound" in shown
    assert "replaced" in shown


def test_the_first_publication_cannot_be_rolled_back(talktime: Talktime, standard: Path) -> None:
    imported(talktime, standard)
    unpublished = talktime("decks", "rollback", "standard")
    talktime("decks", "publish", "standard")

    first = talktime("decks", "rollback", "standard")

    assert unpublished.code == first.code == 2
    assert "publish one with" in unpublished.err
    assert "there is none before it" in first.err


def test_a_planned_publication_is_listed_with_its_instant(talktime: Talktime, standard: Path) -> None:
    imported(talktime, standard, "--time-zone", "Europe/Rome")

    ran = talktime("decks", "publish", "standard", "--at", "2999-07-01")

    assert "is in force from 2999-07-01 00:00 CEST" in ran.out
    assert "from 2999-07-01 00:00 CEST" in talktime("decks").out


@pytest.mark.parametrize("command", ["diff", "publish", "rollback", "list"])
def test_an_unknown_deck_is_refused_with_those_there_are(talktime: Talktime, standard: Path, command: str) -> None:
    imported(talktime, standard)

    ran = talktime("decks", command, "premium")

    assert ran.code == 2
    assert "there are standard" in ran.err


def test_an_unknown_version_is_refused(talktime: Talktime, standard: Path) -> None:
    imported(talktime, standard)

    assert "has no version 7" in talktime("decks", "publish", "standard", "--version", 7).err


def test_a_deck_in_another_currency_than_its_organizations_is_not_published(acme: Talktime, standard: Path) -> None:
    acme("decks", "import", standard, "--deck", "standard", "--currency", "EUR")

    ran = acme("decks", "publish", "standard", "--json")

    assert ran.code == 2
    assert ran.document["error"] == "currency_differs"


def test_an_organization_in_another_currency_than_its_deck_is_not_added(talktime: Talktime, standard: Path) -> None:
    imported(talktime, standard)
    named = ("--country", "DE", "--currency", "EUR", "--time-zone", "Europe/Berlin", "--deck", "standard")

    ran = talktime("organizations", "add", "Fabrikam", *named, "--json")

    assert ran.document["error"] == "currency_differs"


def test_a_version_whose_import_was_interrupted_is_listed_and_cannot_be_published(
    talktime: Talktime, migrated_database_url: str
) -> None:
    terms, staged_at = DeckTerms("USD", read_zone("UTC")), datetime(2026, 3, 1, tzinfo=UTC)
    with App(Settings(database=migrated_database_url)) as app:
        app.run(lambda tx, _: tx.rates.stage("standard", "half.csv", terms, staged_at), None)

    ran = talktime("decks", "publish", "standard")

    assert ran.code == 2
    assert "import the file again" in ran.err
    assert "incomplete" in talktime("decks").out


def test_the_real_deck_is_the_same_from_csv_and_from_the_workbook(talktime: Talktime, shared_data: Path) -> None:
    folder = shared_data / "rate_decks" / "astpp_az_2015"
    imported(talktime, folder / "astpp_outbound_routes.csv")
    imported(talktime, folder / "astpp_az_vendor_layout.xlsx", "--time-zone", "UTC")

    document = talktime("decks", "diff", "standard", "--json").document

    assert (document["from"], document["to"], document["changes"]) == (1, 2, [])
    assert document["unchanged"] == 36_205
