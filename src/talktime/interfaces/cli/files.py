"""Files that commands write: each takes its place only when it is complete, so that nobody reads half of one."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from talktime.core.values.errors import Invalid

STANDARD_OUTPUT = "-"


def write_whole(path: Path, content: bytes) -> None:
    """Write a file at once."""
    with in_its_place(path) as unfinished:
        unfinished.write_bytes(content)


@contextmanager
def text_stream(path: str, *, as_json: bool = False) -> Iterator[TextIO]:
    """Open a text file whose lines end as they are written, or standard output where the path is -; raise Invalid."""
    if path != STANDARD_OUTPUT:
        with in_its_place(Path(path)) as unfinished, unfinished.open("w", newline="", encoding="utf-8") as stream:
            yield stream
        return
    if as_json:
        message = "--output - and --json would both write to standard output; choose one"
        raise Invalid(message, code="output_taken")
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(newline="", encoding="utf-8")
    yield sys.stdout
    sys.stdout.flush()


@contextmanager
def in_its_place(path: Path) -> Iterator[Path]:
    """Make a file under another name, which takes its place when all is written."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.unfinished")
    try:
        yield unfinished
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)
