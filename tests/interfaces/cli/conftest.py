"""The command line as a person calls it, on a database of its own on either engine."""

import json
from dataclasses import dataclass
from typing import Any

import pytest

from talktime.interfaces.cli.main import main


@dataclass(frozen=True)
class Ran:
    """What a command answered."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        """What it printed with --json."""
        return json.loads(self.out)


class Talktime:
    """Runs commands in this process, on one database."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    def __call__(self, *arguments: object) -> Ran:
        self._capsys.readouterr()
        code = main([str(argument) for argument in arguments])
        written = self._capsys.readouterr()
        return Ran(code, written.out, written.err)


@pytest.fixture
def talktime(
    migrated_database_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Talktime:
    """Give the command line on a database without organizations."""
    monkeypatch.setenv("TALKTIME_DATABASE", migrated_database_url)
    return Talktime(capsys)


@pytest.fixture
def acme(talktime: Talktime) -> Talktime:
    """Give the command line on a database with one organization, in New York."""
    terms = ("--country", "US", "--currency", "USD", "--time-zone", "America/New_York", "--deck", "standard")
    added = talktime("organizations", "add", "Acme", *terms)
    assert added.code == 0, added.err
    return talktime
