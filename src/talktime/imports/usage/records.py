"""JSON records as calls: rows of the Graph API (domain.md 7.10), and FreeSWITCH's mod_json_cdr."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, TextIO
from urllib.parse import unquote

from talktime.core.insight.importing.imported_calls import UsageLine
from talktime.core.insight.importing.reading import NOT_ANSWERED, ReadingTerms
from talktime.core.values.errors import Invalid
from talktime.imports.usage.json_records import NEXT_PAGE, JsonRecord, JsonRecords
from talktime.imports.usage.mappings import UsageMapping
from talktime.imports.usage.tables import Table
from talktime.imports.usage.text import TextRow

# Records of one file have the same members, or a few ways of leaving some away.
SHAPES_MAX = 64


def calls_of_json(text: TextIO, name: str, terms: ReadingTerms, mapping: UsageMapping | None) -> Iterator[UsageLine]:
    """Yield a line for each record; its number is its place among them. Raise Invalid where the text is no JSON."""
    records = JsonRecords(text, name)
    tables: dict[tuple[str, ...], Table] = {}
    told: set[str] = set()
    for record in records:
        found = _freeswitch(record) if _is_freeswitch(record.members) else record.members
        if found is None:
            yield UsageLine(record.number, skipped=NOT_ANSWERED)
            continue
        names = tuple(found)
        table = tables.get(names)
        if table is None:
            table = tables[names] = _table(names, name, len(tables), terms, mapping)
            yield from _unknown(record.number, table, told)
        yield from table.read(TextRow(record.number, [_text(value) for value in found.values()]))
    if records.has_next_page:
        yield UsageLine(0, note=f"the last page is not here: {NEXT_PAGE} says where the next one is")


def _table(names: tuple[str, ...], name: str, known: int, terms: ReadingTerms, mapping: UsageMapping | None) -> Table:
    if known >= SHAPES_MAX:
        message = f"{name} has records of more than {SHAPES_MAX} different shapes: that is no list of calls"
        raise Invalid(message, code="usage_json")
    return Table(names, terms, mapping)


def _unknown(number: int, table: Table, told: set[str]) -> Iterator[UsageLine]:
    new = [name for name in table.columns.unknown if name not in told]
    if new:
        told.update(new)
        yield UsageLine(number, note=f"members that nobody reads: {', '.join(new)}")


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else ""


# ── FreeSWITCH ──────────────────────────────────────────────────────────────────────────────────────────────


def _is_freeswitch(members: Mapping[str, Any]) -> bool:
    return isinstance(members.get("variables"), dict) and ("callflow" in members or "channel_data" in members)


def _freeswitch(record: JsonRecord) -> dict[str, str] | None:
    """Return a channel's call in our words, or None where it was not answered; instants are seconds since 1970."""
    variables: dict[str, Any] = record.members["variables"]
    if not _whole(variables.get("answer_epoch")):
        return None
    profile = _profile(record.members.get("callflow"))
    return {
        "call_id": _word(variables.get("uuid")),
        "caller": _word(profile.get("caller_id_number")),
        "called": _word(profile.get("destination_number")),
        "user": _word(variables.get("user_name") or variables.get("sip_from_user")),
        "kind": "user_out",
        "started_at": _epoch(variables.get("start_epoch")),
        "ended_at": _epoch(variables.get("end_epoch")),
        "used_seconds": _word(variables.get("billsec")),
    }


def _profile(callflow: Any) -> Mapping[str, Any]:
    """The profile of the first leg of the flow; of old versions the flow is no list."""
    first = callflow[0] if isinstance(callflow, list) and callflow else callflow
    profile = first.get("caller_profile") if isinstance(first, dict) else None
    return profile if isinstance(profile, dict) else {}


def _word(value: Any) -> str:
    # `encode-values` is on in the switch's own configuration.
    return unquote(value) if isinstance(value, str) else ""


def _whole(value: Any) -> int:
    return int(value) if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < _DIGITS else 0


_DIGITS = 12


def _epoch(value: Any) -> str:
    seconds = _whole(value)
    return datetime.fromtimestamp(seconds, UTC).isoformat() if 0 < seconds < _LATEST_EPOCH else ""


_LATEST_EPOCH = 4_000_000_000
