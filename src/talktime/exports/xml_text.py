"""Text for XML: what no XML document can hold is left out, so that a name never makes a file unreadable."""

import re

# XML 1.0 §2.2 (Char), without the carriage return, which a reader turns into a new line anyway.
_NOT_IN_XML = re.compile("[^\t\n\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def printable(text: str) -> str:
    """Return the text without what XML 1.0 cannot hold: control characters, half surrogates, U+FFFE and U+FFFF."""
    return text if text.isprintable() else _NOT_IN_XML.sub("", text)
