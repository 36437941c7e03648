"""What names a session in its address: its call and how it is counted, so that any process answers without a look."""

import base64
import binascii
from enum import Enum
from typing import NamedTuple

from talktime.core.calls.calls import KEY_SEPARATOR, CallKey, key_of, text_of


class Counting(Enum):
    """How the seconds of a session are counted: against what is granted, for the record only, or not at all."""

    GRANT = "g"
    FREE = "f"
    EMERGENCY = "e"


class Reference(NamedTuple):
    """What a ChargingDataRef says (TS 32.291 §6.1.3.3)."""

    key: CallKey
    counting: Counting
    # The rating group that is the call's clock; none where its create named none.
    clock_group: int | None = None


def written(reference: Reference) -> str:
    """Return the reference as one opaque word that a path may hold."""
    group = "" if reference.clock_group is None else reference.clock_group
    text = f"{reference.counting.value}{group}:{text_of(reference.key)}"
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def read(word: str) -> Reference | None:
    """Return what `written` wrote; None for any other word."""
    try:
        text = base64.b64decode(word + "=" * (-len(word) % 4), altchars=b"-_", validate=True).decode()
        group, _, key = text[1:].partition(":")
        reference = Reference(key_of(key), Counting(text[:1]), int(group) if group else None)
    except (binascii.Error, ValueError):
        return None
    is_ours = KEY_SEPARATOR not in reference.key.leg and reference.key.call_id and written(reference) == word
    return reference if is_ours else None
