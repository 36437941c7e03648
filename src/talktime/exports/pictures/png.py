"""A picture as PNG, by Typst, with the letters that documents have: the same bytes on every machine."""

import re
from pathlib import Path
from tempfile import TemporaryDirectory

import typst

from talktime.exports.documents.typesetting import FONTS, MISSING, STANDARD, FontMissing

PIXELS_PER_POINT = 2
_PPI = 72.0 * PIXELS_PER_POINT
_SIZE = re.compile(r'<svg [^>]*width="(?P<width>\d+)" height="(?P<height>\d+)"')
_PAGE = '#set page(width: {width}pt, height: {height}pt, margin: 0pt)\n#image("picture.svg", width: {width}pt)\n'


def png_of(svg: str) -> bytes:
    """Return a picture of ours in twice its pixels; raise FontMissing where no font has a letter of a name.

    As for documents: PDF/A refuses a letter without a shape, so that no box is ever printed in its place.
    """
    size = _SIZE.search(svg)
    assert size is not None, "a picture of ours says how large it is"
    with TemporaryDirectory() as folder:
        page = Path(folder, "picture.typ")
        page.write_text(_PAGE.format(**size.groupdict()), "utf-8")
        Path(folder, "picture.svg").write_text(svg, "utf-8")
        ours = _compiler(page, uses_machine_fonts=False)
        if _missing_text(ours) is None:
            return _png(ours)
        of_machine = _compiler(page, uses_machine_fonts=True)
        missing = _missing_text(of_machine)
        if missing is None:
            return _png(of_machine)
    message = (
        f"no font on this machine can draw {missing!r}: install one that can, such as Debian's fonts-noto-core or"
        " fonts-noto-cjk; the SVG needs none"
    )
    raise FontMissing(message)


def _compiler(page: Path, *, uses_machine_fonts: bool) -> typst.Compiler:
    return typst.Compiler(page, page.parent, font_paths=[FONTS], ignore_system_fonts=not uses_machine_fonts)


def _missing_text(compiler: typst.Compiler) -> str | None:
    """Return a text for which the fonts have no shapes, or None where they have all that are needed."""
    try:
        compiler.compile(format="pdf", pdf_standards=STANDARD)
    except typst.TypstError as refusal:
        found = MISSING.search(str(refusal))
        if found is None:
            raise
        return found["text"]
    return None


def _png(compiler: typst.Compiler) -> bytes:
    made = compiler.compile(format="png", ppi=_PPI)
    assert isinstance(made, bytes)
    return made
