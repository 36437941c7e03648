"""Usage exports of all years, made up: the shape is the vendor's (domain.md 7.4), the calls are nobody's."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from talktime.core.insight.importing.cells import CellTerms
from talktime.core.insight.importing.imported_calls import ImportedCall, UsageLine
from talktime.core.insight.importing.reading import ReadingTerms
from talktime.imports.usage import HowToRead, read_usage_file

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
PLAIN = HowToRead(ReadingTerms(NOW))
OF_2020 = (
    *("UsageId", "Call ID", "Conference ID", "User Location", "AAD ObjectId", "UPN", "User Display Name", "Caller ID"),
    *("Call Type", "Number Type", "Domestic/International", "Destination Dialed", "Destination Number", "Start Time"),
    *("End Time", "Duration Seconds", "Connection Fee", "Charge", "Currency", "Capability"),
)
OF_2023 = (*OF_2020, "Call Direction", "External Country")
OF_2025 = (
    *OF_2020[:4],
    "Microsoft Entra ObjectId",
    *OF_2020[5:9],
    "Call Direction",
    *OF_2020[9:13],
    "External Country",
    *OF_2020[13:],
    *("Operator", "Source of Call Duration", "Administrative Units"),
)
DIRECT = (
    *("CorrelationId", "Microsoft Entra ObjectId", "UPN", "Display Name", "User country", "Invite time", "Start time"),
    *("Failure time", "End time", "Duration (seconds)", "Success", "Caller Number", "Callee Number", "Call type"),
    *("Call Direction", "Azure region for Media", "Azure region for Signaling", "Final SIP code"),
    *("Final Microsoft subcode", "Final SIP Phrase", "SBC FQDN", "Media bypass", "Shared correlation ID"),
    *("Administrative Units", "Transfer or Correlation ID"),
)
CALL = {
    "UsageId": "9c4984c7-6c3c-427d-a30c-bd0b2eacee90",
    "Call ID": "call-1",
    "User Location": "DE",
    "AAD ObjectId": "db03c14b-06eb-4189-939b-7cbf3a20ba27",
    "Microsoft Entra ObjectId": "db03c14b-06eb-4189-939b-7cbf3a20ba27",
    "UPN": "ada@contoso.com",
    "User Display Name": "Ada Lovelace",
    "Caller ID": "+442079460000",
    "Call Type": "user_out",
    "Call Direction": "Outbound",
    "Number Type": "Subscriber",
    "Domestic/International": "International",
    "Destination Dialed": "United Kingdom",
    "Destination Number": "+442079460000",
    "External Country": "GB",
    "Start Time": "2026-03-02T12:00:00.1234567Z",
    "End Time": "2026-03-02T12:01:05.1234567Z",
    "Duration Seconds": "65",
    "Connection Fee": "0.00",
    "Charge": "0.05",
    "Currency": "EUR",
    "Capability": "MCOPSTNPP",
    "Operator": "Contoso Telecom",
    "Source of Call Duration": "operator",
}
DIRECT_CALL = {
    "CorrelationId": "c98e1515-a937-4b81-b8a8-3992afde64e0",
    "Microsoft Entra ObjectId": "db03c14b-06eb-4189-939b-7cbf3a20ba27",
    "UPN": "ada@contoso.com",
    "Display Name": "Ada Lovelace",
    "User country": "DE",
    "Invite time": "2026-03-02T11:59:55Z",
    "Start time": "2026-03-02T12:00:00Z",
    "End time": "2026-03-02T12:01:05Z",
    "Duration (seconds)": "65",
    "Success": "Yes",
    "Caller Number": "+493012345***",
    "Callee Number": "+442079460000",
    "Call type": "ByotOut",
    "SBC FQDN": "sbc.contoso.com",
}


def row(header: Sequence[str] = OF_2025, **changed: str) -> list[str]:
    """Return the call's cells, some of them changed: spaces in names are underscores."""
    call = (DIRECT_CALL if header is DIRECT else CALL) | {
        name.replace("_", " "): text for name, text in changed.items()
    }
    return [call.get(name, "") for name in header]


def text_of(rows: Iterable[Sequence[str]], header: Sequence[str] = OF_2025, delimiter: str = ",") -> str:
    """Return a file's text; cells hold no delimiter."""
    return "\r\n".join(delimiter.join(cells) for cells in (header, *rows)) + "\r\n"


def saved(folder: Path, content: str | bytes, name: str = "usage.csv") -> Path:
    """Save a file."""
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def lines(path: Path, how: HowToRead = PLAIN) -> list[UsageLine]:
    """Return the lines of a file."""
    return list(read_usage_file(path, how))


def calls(path: Path, how: HowToRead = PLAIN) -> list[ImportedCall]:
    """Return the calls of a file of which no line is rejected."""
    found = lines(path, how)
    assert [line.reject for line in found if line.reject] == []
    return [line.call for line in found if line.call is not None]


def notes(path: Path, how: HowToRead = PLAIN) -> list[str]:
    """Return what is told of a file."""
    return [line.note for line in lines(path, how) if line.note]


def on_clock(zone: str, **more: Any) -> HowToRead:
    """Say on which clock a file is."""
    return HowToRead(ReadingTerms(NOW, CellTerms(ZoneInfo(zone), **more)))
