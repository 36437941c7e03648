"""`talktime pictures`: files that open, the same numbers on the screen, and answers to what cannot be drawn."""

import json
import shutil
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from talktime.bootstrap import App
from talktime.interfaces.cli.main import main
from talktime.settings import Settings
from tests.pooled_books import PooledBooks

NAMES = ("balance", "spend", "heatmap", "destinations", "users", "pools")
WHEN = ("--organization", "Contoso", "--from", "2026-03-01", "--to", "2026-03-31")


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
    return main(["pictures", *words, "--database", database])


@pytest.mark.parametrize("name", NAMES)
def test_a_picture_is_written_as_svg_and_png_and_told_as_a_table(
    name: str, database: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    svg, png = tmp_path / "out" / "picture.svg", tmp_path / "picture.png"

    code = run(database, name, *WHEN, "--svg", str(svg), "--png", str(png))

    told = capsys.readouterr()
    assert (code, told.err) == (0, "")
    title = ET.parse(svg).getroot().findtext("{http://www.w3.org/2000/svg}title")  # noqa: S314 -- our own
    assert title is not None
    assert told.out.startswith(title)
    assert str(svg) in told.out
    assert png.read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("name", NAMES)
def test_programs_get_the_numbers_as_rows(name: str, database: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(database, name, *WHEN, "--json") == 0

    told = json.loads(capsys.readouterr().out)
    assert told["files"] == []
    assert told["summary"]
    assert len(told["rows"]) > 0


def test_a_picture_speaks_the_language_that_was_asked_for_and_is_dark_on_demand(
    database: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    svg = tmp_path / "picture.svg"

    run(database, "balance", *WHEN, "--language", "ru", "--dark", "--svg", str(svg))

    assert "Баланс по времени" in capsys.readouterr().out
    assert 'fill="#12171e"' in svg.read_text("utf-8")


def test_a_measure_can_be_chosen(database: str, capsys: pytest.CaptureFixture[str]) -> None:
    run(database, "users", *WHEN, "--measure", "calls")

    assert "Users by calls" in capsys.readouterr().out


def test_without_a_file_it_says_how_to_see_the_picture(database: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(database, "pools", *WHEN) == 0

    assert "--svg PATH" in capsys.readouterr().err


def test_a_period_without_calls_is_a_picture_that_says_so(
    database: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    svg = tmp_path / "picture.svg"

    code = run(
        database,
        "destinations",
        *("--organization", "Contoso", "--from", "2020-01-01", "--to", "2020-01-31", "--svg", str(svg)),
    )

    assert code == 0
    assert "Choose another period" in svg.read_text("utf-8")
    assert "No call began in this period." in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("--language", "de"), "'de' is no language that we write in"),
        (("--from", "2026-04-01"), "before it begins"),
        (("--svg", "same", "--png", "same"), "choose two files"),
    ],
)
def test_what_cannot_be_drawn_is_refused_with_what_to_change(
    words: tuple[str, ...], why: str, database: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    placed = [str(tmp_path / word) if word == "same" else word for word in words]

    assert run(database, "spend", "--organization", "Contoso", "--to", "2026-03-31", *placed) == 2

    assert why in capsys.readouterr().err
