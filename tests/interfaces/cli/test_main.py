import subprocess
import sys
from pathlib import Path

import pytest

from talktime import __version__
from talktime.interfaces.cli.main import _COMMANDS, main


@pytest.fixture(autouse=True)
def _own_data_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TALKTIME_DATA_FOLDER", str(tmp_path))
    monkeypatch.delenv("TALKTIME_DATABASE", raising=False)


def test_help_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    code = main(["--help"])

    shown = capsys.readouterr().out
    assert code == 0
    for name in (command.name for command in _COMMANDS):
        assert f" {name} " in shown


def test_version_is_the_package_s(capsys: pytest.CaptureFixture[str]) -> None:
    main(["--version"])

    assert capsys.readouterr().out.strip() == __version__


def test_help_imports_no_command() -> None:
    program = (
        "import sys; from talktime.interfaces.cli.main import main; main(['--help']);"
        " sys.exit(any(name.startswith(('sqlalchemy', 'talktime.store')) for name in sys.modules))"
    )

    finished = subprocess.run([sys.executable, "-c", program], capture_output=True, check=False)

    assert finished.returncode == 0, finished.stderr.decode()


def test_an_unknown_command_is_answered_with_the_one_that_was_meant(capsys: pytest.CaptureFixture[str]) -> None:
    code = main(["credits"])

    assert code == 2
    assert "did you mean `talktime credit`" in capsys.readouterr().err


def test_an_unlike_command_is_answered_with_all_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    code = main(["xyzzy"])

    assert code == 2
    assert "there are demo, serve, bench, diameter, worker, organizations" in capsys.readouterr().err


def test_words_too_many_are_refused_by_name(capsys: pytest.CaptureFixture[str]) -> None:
    code = main(["credit", "ad"])

    assert code == 2
    assert "'ad' is not understood here" in capsys.readouterr().err


def test_a_missing_argument_is_one_line_and_with_json_a_document(capsys: pytest.CaptureFixture[str]) -> None:
    code = main(["credit", "add", "--json"])

    written = capsys.readouterr()
    assert code == 2
    assert '"error": "usage"' in written.out
    assert not written.err


def test_what_is_no_database_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    code = main(["organizations", "--database", "mysql://x"])

    assert code == 2
    assert "use sqlite:///path or postgresql://user@host/name" in capsys.readouterr().err


def test_a_database_that_does_not_answer_is_another_exit_code_and_one_line(
    capsys: pytest.CaptureFixture[str],
) -> None:
    code = main(["organizations", "--database", "postgresql://nobody@127.0.0.1:1/nothing"])

    written = capsys.readouterr()
    assert code == 3
    assert written.err.count("\n") == 1


def test_without_a_database_the_users_own_file_is_used(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    code = main(["organizations"])

    assert code == 0
    assert (tmp_path / "talktime.db").is_file()
    assert "There is no organization yet" in capsys.readouterr().err


def test_the_environment_names_the_database(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("TALKTIME_DATABASE", f"sqlite:///{tmp_path}/elsewhere.db")

    main(["organizations", "--json"])

    assert capsys.readouterr().out.strip() == '{\n  "organizations": []\n}'
    assert (tmp_path / "elsewhere.db").is_file()


def test_python_m_talktime_is_the_command_line() -> None:
    finished = subprocess.run([sys.executable, "-m", "talktime", "--version"], capture_output=True, check=False)

    assert finished.stdout.decode().strip() == __version__
