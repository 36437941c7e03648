"""What texts tell people to type exists: every `talktime …` that code, letters and pages name in backquotes."""

import re
from pathlib import Path

from cyclopts import App

from talktime.interfaces.cli.main import make_app

_NAMED = re.compile(r"`talktime ([a-z][^`\n]*)`")
_WORD = re.compile(r"[a-z][a-z-]*")


def test_every_command_that_a_text_names_is_there(repository: Path) -> None:
    pages = [*repository.glob("src/talktime/**/*.py"), *repository.glob("docs/**/*.md"), repository / "README.md"]
    named = {
        (command, str(page.relative_to(repository)))
        for page in pages
        for command in _NAMED.findall(page.read_text("utf-8"))
    }

    missing = sorted((command, page) for command, page in named if not _exists(command))

    assert len(named) > 50
    assert missing == []


def _exists(command: str) -> bool:
    """Follow the words as far as they name commands; after one that has none below come arguments."""
    here: App = make_app()
    for word in command.split():
        if _WORD.fullmatch(word) is None:
            return True
        below = [name for name in here if not name.startswith("-")]
        if not below:
            return True
        if word not in below:
            return False
        here = here[word]
    return True
