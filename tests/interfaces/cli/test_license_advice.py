"""`talktime licenses advise`: who should have what, in a table and for programs."""

import json
import shutil
from pathlib import Path

import pytest

from talktime.bootstrap import App
from talktime.core.organizations.licenses import License
from talktime.core.organizations.users import User
from talktime.interfaces.cli.main import main
from talktime.settings import Settings
from tests.pooled_books import CONTOSO, PLAN, PooledBooks

PRICES = ("--price", "domestic-120=6", "--price", "domestic-120-not-pooled=6", "--price", "MCOPSTN2=18.50")


@pytest.fixture(scope="module")
def charged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("books") / "talktime.db"
    with App(Settings(database=f"sqlite:///{path}")) as app:
        PooledBooks.charged(app)
    return path


@pytest.fixture
def database(charged: Path, tmp_path: Path) -> str:
    return f"sqlite:///{shutil.copyfile(charged, tmp_path / 'talktime.db')}"


def run(database: str, *words: str) -> int:
    return main(["licenses", "advise", "--organization", "Contoso", *words, "--database", database])


def test_each_change_is_a_row_with_what_it_saves_and_why(database: str, capsys: pytest.CaptureFixture[str]) -> None:
    code = run(database, *PRICES)

    told = capsys.readouterr()
    assert code == 0
    assert "2026-03 to 2026-04" in told.out
    carol = next(line for line in told.out.splitlines() if line.startswith("carol@contoso.example"))
    assert carol.split()[1:5] == ["International", "by", "the", "minute"]
    assert "18.50 GBP for the plan" in " ".join(told.out.split())
    assert "talktime licenses assign" in told.err
    assert "New, not judged" not in told.err


def test_programs_get_amounts_confidence_and_the_command(database: str, capsys: pytest.CaptureFixture[str]) -> None:
    run(database, *PRICES, "--json")

    told = json.loads(capsys.readouterr().out)
    bob = next(row for row in told["changes"] if row["user"] == "bob@contoso.example")
    assert bob["command"] == (
        "talktime licenses assign bob@contoso.example --on communications-credits --off domestic-120-not-pooled"
    )
    assert bob["confidence"]["months"] == 2
    per_month = told["per_month"]
    assert float(per_month["saving"]) == pytest.approx(float(per_month["today"]) - float(per_month["advised"]))
    assert told["prices"]["domestic-and-international"] == "18.50"
    assert told["is_enough"] is True
    assert told["new_users_not_judged"] == 0


def test_who_is_new_is_told_of_once_and_not_judged(database: str, capsys: pytest.CaptureFixture[str]) -> None:
    people = [
        User(CONTOSO, 4 + number, f"new{number}@contoso.example", "New", "GB", PLAN | License.DOMESTIC_120)
        for number in range(2)
    ]
    with App(Settings(database=database)) as app:
        app.run(lambda tx, _: tx.organizations.add_users(people, ((), ())), None)

    run(database, *PRICES)

    told = capsys.readouterr()
    assert "new0@contoso.example" not in told.out
    assert " ".join(told.err.split()).count("New, not judged: 2 with fewer than 2 whole months") == 1


def test_plans_without_a_price_are_told_of(database: str, capsys: pytest.CaptureFixture[str]) -> None:
    run(database, "--price", "domestic=9")

    said = " ".join(capsys.readouterr().err.split())
    assert "no price is known of domestic-and-international, domestic-120, domestic-120-not-pooled" in said


def test_too_short_a_history_is_no_advice(database: str, capsys: pytest.CaptureFixture[str]) -> None:
    code = run(database, *PRICES, "--months", "1")

    assert code == 0
    assert "Advice needs 2 whole months of usage, and there are 1" in " ".join(capsys.readouterr().err.split())


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ((), "list prices are in USD and Contoso pays in GBP"),
        (("--price", "domestic"), "'domestic' states no price: write domestic=11.50"),
        (("--price", "domestic=-1"), "states no price"),
        (("--price", "nonsense=1"), "'nonsense' is no license"),
        ((*PRICES, "--months", "13"), "1 to 12 months"),
    ],
)
def test_what_cannot_be_advised_on_is_refused_with_what_to_change(
    words: tuple[str, ...], why: str, database: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(database, *words) == 2

    assert why in " ".join(capsys.readouterr().err.split())
