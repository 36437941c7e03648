"""Whatever was done to a file, the reader answers with lines or with an error that has a name."""

import io
import json
import tempfile
import zipfile
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from talktime.core.values.errors import Invalid
from tests.imports.usage.exports import lines, on_clock, row, saved, text_of
from tests.imports.usage.test_json_records import FREESWITCH, ROW
from tests.imports.usage.test_switch_records import ACC, ASTERISK, BYE, INVITE

UTC_CLOCK = on_clock("UTC")


def _zip(content: str) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("PSTN.calls.csv", content)
        archive.writestr("parameters.json", "{}")
    return stream.getvalue()


WHOLE = (
    text_of([row(UsageId=str(number)) for number in range(5)]).encode(),
    text_of([row()]).encode("utf-16"),
    text_of([row()], delimiter=";").encode("utf-8-sig"),
    json.dumps({"value": [ROW, FREESWITCH]}).encode(),
    f"{ASTERISK}\n{ASTERISK}\n".encode(),
    f"{ACC}\n{INVITE}\n{BYE}\n".encode(),
    _zip(text_of([row(UsageId=str(number)) for number in range(20)])),
)


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """Draw a file of which some bytes were changed, put in or taken out, and perhaps its end."""
    content = bytearray(draw(st.sampled_from(WHOLE)))
    for _ in range(draw(st.integers(0, 6))):
        place = draw(st.integers(0, len(content)))
        gone = draw(st.integers(0, 8))
        content[place : place + gone] = draw(st.binary(max_size=8) | st.sampled_from((b"\r", b'"', b"\0", b"[", b"{")))
    return bytes(content[: draw(st.integers(0, len(content)))] if draw(st.booleans()) else content)


@given(damaged())
def test_a_damaged_file_is_read_or_refused_by_name(content: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = saved(Path(folder), content, "calls")

        refused = refusal(path)

    assert refused is None or refused.code.startswith(("usage_", "switch_file", "invalid"))
    assert refused is None or any(word in refused.message for word in ("calls", "column", "line"))


def refusal(path: Path) -> Invalid | None:
    """Read a file; return why it is refused as a whole."""
    try:
        found = lines(path, UTC_CLOCK)
    except Invalid as refused:
        return refused
    assert all(line.call or line.reject or line.skipped or line.note for line in found)
    return None
