"""Set a document in type: a template, what it says, and fonts that have every letter of it.

Documents are PDF/A: that is made to be kept, and refuses a letter for which no font has a shape, so that no box is ever
printed in its place. Typst carries Latin, Greek and Cyrillic letters; we add the usual Chinese characters (fonts/).
With these alone a document has the same bytes on every machine. Where a name needs more, the fonts of the machine are
asked; where they do not have it either, nothing is printed, and the error says what to install.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Literal

import typst

from talktime.core.values.errors import Unavailable

TEMPLATES = Path(__file__).parent / "templates"
FONTS = Path(__file__).parent / "fonts"
STANDARD: Literal["a-2b"] = "a-2b"
PICTURE_PPI = 144.0
MISSING = re.compile(r'the text `?"(?P<text>.+?)"`? could not be displayed', re.DOTALL)


class FontMissing(Unavailable):
    """No font of this machine has the letters of a name; installing one changes that."""

    code = "font_missing"


@dataclass(frozen=True, slots=True)
class Paper:
    """A document before it is set: its template, what it says there, and the instant that it is dated."""

    template: str
    content: Mapping[str, object]
    at: datetime


def set_pdf(paper: Paper) -> bytes:
    """Return a document as PDF: the same bytes for the same document; raise FontMissing."""
    template, inputs = paper.template, _inputs(paper)
    try:
        return _compiled(template, inputs, uses_machine_fonts=False)
    except typst.TypstError as refusal:
        if _missing_text(refusal) is None:
            raise
    try:
        return _compiled(template, inputs, uses_machine_fonts=True)
    except typst.TypstError as refusal:
        missing = _missing_text(refusal)
        if missing is None:
            raise
        message = (
            f"no font on this machine can print {missing!r}: install one that can, such as Debian's fonts-noto-cjk for"
            " Chinese, Japanese and Korean or fonts-noto-core for other scripts; the CSV form needs none"
        )
        raise FontMissing(message) from refusal


def set_pictures(paper: Paper) -> list[bytes]:
    """Return the pages as PNG, to look at."""
    pages = _compiler(paper.template, uses_machine_fonts=False).compile(
        format="png", ppi=PICTURE_PPI, sys_inputs=_inputs(paper)
    )
    assert pages is not None
    return pages if isinstance(pages, list) else [pages]


def _compiled(template: str, inputs: dict[str, str], *, uses_machine_fonts: bool) -> bytes:
    made = _compiler(template, uses_machine_fonts=uses_machine_fonts).compile(
        format="pdf", pdf_standards=STANDARD, sys_inputs=inputs
    )
    assert isinstance(made, bytes)
    return made


@cache
def _compiler(template: str, *, uses_machine_fonts: bool) -> typst.Compiler:
    return typst.Compiler(
        TEMPLATES / template, TEMPLATES, font_paths=[FONTS], ignore_system_fonts=not uses_machine_fonts
    )


def _inputs(paper: Paper) -> dict[str, str]:
    """Return what the template reads: text stays text, whatever stands in it."""
    at = paper.at.astimezone(UTC)
    written = [at.year, at.month, at.day, at.hour, at.minute, at.second]
    return {"content": json.dumps({**paper.content, "written": written}, ensure_ascii=False)}


def _missing_text(refusal: typst.TypstError) -> str | None:
    found = MISSING.search(str(refusal))
    return None if found is None else found["text"]
