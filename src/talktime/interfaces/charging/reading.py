"""From what a switch sends to the request that charging decides: flat fields, by the names of the API."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from math import ceil, isfinite, nan
from urllib.parse import parse_qsl

import msgspec

from talktime.core.calls.calls import KEY_SEPARATOR, CallKey, CallKind, Ending
from talktime.core.calls.requests import AnswerCall, EndCall, ExtendCall, Request, StartCall
from talktime.core.values.errors import Invalid
from talktime.core.values.numbers import normalize

# In UTF-8, so that a call's key fits into an index of either database.
TEXT_BYTES_MAX = 255
DURATION_MAX_SECONDS = 10 * 86_400
# Beyond these some time zone's calendar, or a second that is added, would leave the years that there are.
EARLIEST, LATEST = datetime(1970, 1, 1, tzinfo=UTC), datetime(9000, 1, 1, tzinfo=UTC)
MISREAD_SAMPLE_BYTES = 120
# What is quoted in an error or kept with a parked report: enough to recognize it.
SHOWN_CHARACTERS_MAX = 80
REASON_CHARACTERS_MAX = 400

Fields = Mapping[str, object]

_KINDS = {kind.value: kind for kind in CallKind if kind is not CallKind.EMERGENCY_OUT}
# What switches say of why a call ended; a word that is not here is a hang-up.
_ENDINGS = {
    "quota": Ending.CREDIT_EXHAUSTED,
    "failed": Ending.FAILED,
    "noanswer": Ending.NOT_ANSWERED,
    "cancel": Ending.NOT_ANSWERED,
}
_KEY_FIELDS = frozenset({"call_id", "switch", "leg", "format", "operation"})
_SWITCH_FIELDS = frozenset({"source", "account", "switch_ref", "from_tag", "to_tag"})
KNOWN_FIELDS = {
    "start": _KEY_FIELDS | _SWITCH_FIELDS | {"from", "to", "kind", "conference_id", "organizer", "forwarded_by"},
    "answer": _KEY_FIELDS | _SWITCH_FIELDS | {"answered_at"},
    "extend": _KEY_FIELDS | _SWITCH_FIELDS | {"granted_total", "elapsed"},
    "end": _KEY_FIELDS | _SWITCH_FIELDS | {"duration", "cause", "start_ts", "sip_code"},
}

_decode_flat = msgspec.json.Decoder(dict[str, object]).decode
_decode_batch = msgspec.json.Decoder(list[dict[str, object]]).decode


def read_body(body: bytes, content_type: str) -> Fields:
    """Read a form or a JSON object; raise Invalid naming the place."""
    if content_type.startswith("application/x-www-form-urlencoded"):
        try:
            return dict(parse_qsl(body.decode(), keep_blank_values=True, strict_parsing=bool(body)))
        except ValueError as failure:
            message = f"the form cannot be read: {failure}"
            raise Invalid(message[:REASON_CHARACTERS_MAX], code="malformed_body") from failure
    try:
        return _decode_flat(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as failure:
        message = f"the body is no JSON object: {failure}"
        raise Invalid(message, code="malformed_body") from failure


def read_batch(body: bytes) -> list[dict[str, object]]:
    """Read a JSON array of objects; raise Invalid naming the place."""
    try:
        return _decode_batch(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as failure:
        message = f"the body is no JSON array of objects: {failure}"
        raise Invalid(message, code="malformed_body") from failure


def read_request(operation: str, fields: Fields, now: datetime) -> Request:
    """Return the request of an operation; raise Invalid naming the field. An end is never refused."""
    reader = _READERS.get(operation)
    if reader is None:
        message = f"operation: {_shown(operation)} is none of {', '.join(_READERS)}"
        raise Invalid(message, code="unknown_operation")
    return reader(fields, now)


def read_explained(fields: Fields, now: datetime) -> StartCall:
    """Return the start that is to be explained; it needs no call id. Raise Invalid naming the field."""
    return replace(_read_start({**fields, "call_id": "explained"}, now), at=_instant(fields, "at", now))


def read_conference(fields: Fields) -> tuple[str, str]:
    """Return the switch and the conference that is over; raise Invalid naming the field."""
    return _text(fields, "switch"), _text(fields, "conference_id", is_required=True)


def misread_end(body: bytes, reason: str, now: datetime) -> EndCall:
    """Return what is left of an end that cannot be read at all: the evidence, to be kept."""
    sample = body[:MISREAD_SAMPLE_BYTES].decode("utf-8", "replace").replace("\x00", "\ufffd")
    return EndCall(CallKey("", ""), now, 0, misread=f"{reason[:REASON_CHARACTERS_MAX]}; it began with {sample!r}")


def misread_start(fields: Fields, now: datetime) -> StartCall:
    """Return what is left of a start that cannot be read: whom it calls. It belongs to nobody."""
    return StartCall(CallKey("", ""), now, caller="", called=normalize(str(fields.get("to", ""))))


def unknown_fields_count(operation: str, fields: Fields) -> int:
    """Return how many fields say something that this door does not know."""
    return len(fields.keys() - KNOWN_FIELDS[operation])


def _read_start(fields: Fields, now: datetime) -> StartCall:
    return StartCall(
        _key(fields),
        now,
        caller=normalize(_text(fields, "from")),
        called=normalize(_text(fields, "to", is_required=True)),
        kind=_kind(fields),
        conference_id=_text(fields, "conference_id"),
        organizer=_named(fields, "organizer"),
        forwarded_by=_named(fields, "forwarded_by"),
        switch_ref=_text(fields, "switch_ref"),
    )


def _read_answer(fields: Fields, now: datetime) -> AnswerCall:
    return AnswerCall(_key(fields), now, _instant(fields, "answered_at", now))


def _read_extend(fields: Fields, now: datetime) -> ExtendCall:
    is_stated = fields.get("elapsed") not in (None, "")
    return ExtendCall(
        _key(fields),
        now,
        granted_seconds=_seconds(fields, "granted_total"),
        elapsed_seconds=_seconds(fields, "elapsed") if is_stated else None,
    )


def _read_end(fields: Fields, now: datetime) -> EndCall:
    try:
        key = _key(fields)
    except Invalid as failure:
        return misread_end(msgspec.json.encode(fields), failure.message, now)
    try:
        used = _seconds(fields, "duration")
    except Invalid as failure:
        return EndCall(key, now, 0, misread=failure.message)
    return EndCall(key, now, used, _ENDINGS.get(str(fields.get("cause")).lower(), Ending.HANGUP))


_READERS: dict[str, Callable[[Fields, datetime], Request]] = {
    "start": _read_start,
    "answer": _read_answer,
    "extend": _read_extend,
    "end": _read_end,
}


def _key(fields: Fields) -> CallKey:
    switch, leg = _text(fields, "switch"), _text(fields, "leg")
    if KEY_SEPARATOR in switch or KEY_SEPARATOR in leg:
        message = f"switch, leg: may not hold {KEY_SEPARATOR!r}"
        raise Invalid(message, code="invalid_field")
    return CallKey(switch, _text(fields, "call_id", is_required=True), leg)


def _text(fields: Fields, name: str, *, is_required: bool = False) -> str:
    value = fields.get(name)
    if value is None or value == "":
        if is_required:
            message = f"{name}: is missing"
            raise Invalid(message, code="missing_field")
        return ""
    # Most are plain: one look each, because every call has half a dozen of them.
    if type(value) is str and value.isascii() and value.isprintable() and len(value) <= TEXT_BYTES_MAX:
        return value
    text = str(value) if isinstance(value, str | int) and not isinstance(value, bool) else None
    if text is None or not text.isprintable() or len(text.encode()) > TEXT_BYTES_MAX:
        message = f"{name}: must be printable text of at most {TEXT_BYTES_MAX} bytes, not {_shown(value)}"
        raise Invalid(message, code="invalid_field")
    return text


def _named(fields: Fields, name: str) -> str:
    """Read who pays instead of the caller; nobody, where nothing is said."""
    text = _text(fields, name)
    return normalize(text) if text else ""


def _kind(fields: Fields) -> CallKind | None:
    value = _text(fields, "kind")
    if value and value not in _KINDS:
        message = f"kind: {_shown(value)} is none of {', '.join(_KINDS)}"
        raise Invalid(message, code="invalid_field")
    return _KINDS.get(value)


def _seconds(fields: Fields, name: str) -> int:
    """Read seconds, whole or decimal; a started second counts."""
    value = fields.get(name)
    try:
        is_number = isinstance(value, str | int | float) and not isinstance(value, bool)
        seconds = float(value) if is_number else nan  # type: ignore[arg-type]
    except (ValueError, OverflowError):
        seconds = nan
    if not isfinite(seconds):
        message = f"{name}: {_shown(value)} is no number of seconds"
        raise Invalid(message, code="invalid_field")
    if not 0 <= seconds <= DURATION_MAX_SECONDS:
        message = f"{name}: {_shown(value)} must lie between 0 and {DURATION_MAX_SECONDS} seconds"
        raise Invalid(message, code="invalid_field")
    return ceil(seconds)


def _instant(fields: Fields, name: str, now: datetime) -> datetime:
    """Read seconds since 1970 or ISO 8601 with an offset; absent means now."""
    value = fields.get(name)
    if value is None or value == "":
        return now
    instant = _instant_of(value)
    if instant is not None and EARLIEST <= instant <= LATEST:
        return instant
    message = f"{name}: {_shown(value)} must be seconds since 1970 or ISO 8601 with an offset"
    raise Invalid(message, code="invalid_field")


def _instant_of(value: object) -> datetime | None:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    try:
        if is_number or str(value).replace(".", "", 1).isdigit():
            return datetime.fromtimestamp(float(str(value)), UTC)
        instant = datetime.fromisoformat(str(value))
        return None if instant.tzinfo is None else instant.astimezone(UTC)
    except (ValueError, OverflowError, OSError):
        # Not an instant, or one beyond the calendar.
        return None


def _shown(value: object) -> str:
    shown = repr(value)
    return shown if len(shown) <= SHOWN_CHARACTERS_MAX else f"{shown[:SHOWN_CHARACTERS_MAX]}…"
