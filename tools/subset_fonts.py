"""Make the Chinese fonts of invoices and statements: the usual characters of Noto Serif CJK, under a name of our own.

    python tools/subset_fonts.py NotoSerifCJK-Regular.ttc      (of Debian's fonts-noto-cjk; run it where fonttools is)

Simplified characters are those of GB 2312's first level, traditional ones those of Big5's: the most used 3,755 and
5,401; with them, what the catalogs say. The family has another name than its source, so that a complete installation of
that is never taken for ours.
"""

import re
import sys
from pathlib import Path

from fontTools import subset
from fontTools.ttLib import TTCollection, TTFont

DOCUMENTS = Path(__file__).resolve().parent.parent / "src/talktime/exports/documents"
PUNCTUATION = "，。、；：？！（）《》「」『』【】“”‘’—…·￥％№　"
SIMPLIFIED, TRADITIONAL = "gb2312", "big5"
# Name records that say what a font is called: family, full and PostScript names.
FAMILY, FULL, POSTSCRIPT = (1, 16), (4, 3), (6,)
UNNEEDED_TABLES = ["vhea", "vmtx", "VORG", "BASE", "DSIG"]


def main() -> None:
    """Write one font for each script."""
    collection = Path(sys.argv[1])
    faces = [face["name"].getDebugName(1) for face in TTCollection(collection, lazy=True)]
    for script, source, language in (("SC", "Noto Serif CJK SC", "zh-CN"), ("TC", "Noto Serif CJK TC", "zh-TW")):
        encoding, leads = (SIMPLIFIED, range(0xB0, 0xD8)) if script == "SC" else (TRADITIONAL, range(0xA4, 0xC7))
        written = DOCUMENTS / "fonts" / f"TalktimeSerif{script}-Regular.otf"
        _write(collection, faces.index(source), _usual(encoding, leads) | _catalog(language), written)
        print(f"{written.name}: {written.stat().st_size:,} bytes")


def _usual(encoding: str, leads: range) -> set[str]:
    pairs = (bytes((lead, trail)) for lead in leads for trail in range(0x40, 0xFF))
    characters = (pair.decode(encoding, "ignore") for pair in pairs)
    return {character for character in characters if len(character) == 1} | set(PUNCTUATION)


def _catalog(language: str) -> set[str]:
    text = (DOCUMENTS / "catalogs" / f"{language}.po").read_text("utf-8")
    # Latin letters come from the document's own font.
    return set(re.sub(r"[\x00-\x7f]", "", text))


def _write(collection: Path, number: int, characters: set[str], written: Path) -> None:
    options = subset.Options()
    options.font_number = number
    options.layout_features = []
    options.hinting = False
    options.notdef_outline = True
    options.name_IDs = ["*"]
    options.drop_tables += UNNEEDED_TABLES
    options.recalc_timestamp = False
    font = subset.load_font(collection, options)
    subsetter = subset.Subsetter(options)
    subsetter.populate(text="".join(sorted(characters)))
    subsetter.subset(font)
    _rename(font, written.stem)
    subset.save_font(font, written, options)


def _rename(font: TTFont, stem: str) -> None:
    name = stem.removesuffix("-Regular").replace("Serif", " Serif ")
    for record in font["name"].names:
        if record.nameID in FAMILY + FULL:
            record.string = name
        if record.nameID in POSTSCRIPT:
            record.string = stem
    cff = font["CFF "].cff
    cff.fontNames = [stem]
    cff[0].FamilyName = cff[0].FullName = name


if __name__ == "__main__":
    main()
