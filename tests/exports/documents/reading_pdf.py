"""The words of a PDF as Typst writes it: what a reader copies out of it, page by page and run by run."""

import re
import zlib

_OBJECT = re.compile(rb"(?:^|\n)(\d+) 0 obj\s*(.*?)\s*endobj", re.DOTALL)
_STREAM = re.compile(rb"^(<<.*?>>)\s*stream\r?\n(.*)\nendstream", re.DOTALL)
_FONT = re.compile(rb"/(\w+) [\d.]+ Tf")
_OCTAL = re.compile(rb"[0-7]{1,3}")
_SHORT = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"b": b"\b", b"f": b"\f"}
_MAPPING = re.compile(rb"<([0-9a-fA-F]{4})>\s*<([0-9a-fA-F]+)>")


def words_of(pdf: bytes) -> str:
    """Return all text of a PDF in the order in which it was set, each run on a line of its own."""
    objects = {int(number): body for number, body in _OBJECT.findall(pdf)}
    runs: list[str] = []
    for body in objects.values():
        if not body.startswith(b"<<") or b"/Type/Page/" not in body:
            continue
        contents = _stream(objects[_reference(body, b"Contents")])
        resources = objects[_reference(body, b"Resources")]
        fonts = {name: _letters(objects, int(number)) for name, number in re.findall(rb"/(f\d+) (\d+) 0 R", resources)}
        runs += _runs(contents, fonts)
    return "\n".join(runs)


def pages_count(pdf: bytes) -> int:
    """Return how many pages a PDF has."""
    return len(re.findall(rb"/Type/Page/", pdf))


def _runs(contents: bytes, fonts: dict[bytes, dict[int, str]]) -> list[str]:
    """Read the operators that choose a font and those that show strings; a run ends where text is shown."""
    runs: list[str] = []
    letters: dict[int, str] = {}
    run, at = "", 0
    while at < len(contents):
        font = _FONT.match(contents, at)
        if font is not None:
            letters, at = fonts[font[1]], font.end()
        elif contents[at : at + 1] == b"(":
            codes, at = _string(contents, at + 1)
            run += "".join(letters[int.from_bytes(codes[i : i + 2], "big")] for i in range(0, len(codes), 2))
        elif contents[at : at + 2] in {b"TJ", b"Tj"}:
            runs.append(run)
            run, at = "", at + 2
        else:
            at += 1
    return runs


def _string(contents: bytes, at: int) -> tuple[bytes, int]:
    """Return a literal string that begins at a place, and where it has ended; parentheses in it are balanced."""
    read, depth = b"", 1
    while True:
        byte = contents[at : at + 1]
        at += 1
        if byte == b"\\":
            octal = _OCTAL.match(contents, at)
            read += bytes([int(octal[0], 8)]) if octal else _SHORT.get(contents[at : at + 1], contents[at : at + 1])
            at = octal.end() if octal else at + 1
            continue
        depth += (byte == b"(") - (byte == b")")
        if depth == 0:
            return read, at
        read += byte


def _letters(objects: dict[int, bytes], font: int) -> dict[int, str]:
    """Return what letters a font's glyphs stand for."""
    table = _stream(objects[_reference(objects[font], b"ToUnicode")])
    letters: dict[int, str] = {}
    for block in re.findall(rb"beginbfchar(.*?)endbfchar", table, re.DOTALL):
        letters |= {int(code, 16): _text(to) for code, to in _MAPPING.findall(block)}
    for block in re.findall(rb"beginbfrange(.*?)endbfrange", table, re.DOTALL):
        for first, last, to in re.findall(rb"<([0-9a-fA-F]{4})>\s*<([0-9a-fA-F]{4})>\s*<([0-9a-fA-F]+)>", block):
            begins = int(to, 16)
            for code in range(int(first, 16), int(last, 16) + 1):
                letters[code] = chr(begins + code - int(first, 16))
    return letters


def _text(digits: bytes) -> str:
    return bytes.fromhex(digits.decode()).decode("utf-16-be")


def _stream(body: bytes) -> bytes:
    found = _STREAM.match(body)
    assert found is not None
    return zlib.decompress(found[2]) if b"/FlateDecode" in found[1] else found[2]


def _reference(body: bytes, name: bytes) -> int:
    found = re.search(rb"/" + name + rb" (\d+) 0 R", body)
    assert found is not None
    return int(found[1])
