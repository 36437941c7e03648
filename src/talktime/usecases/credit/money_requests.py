"""What every money request of a person or a program states: a reference that makes it unique, and a reason."""

import hashlib
import json

from talktime.core.credit import orders
from talktime.core.values.errors import Invalid

REFERENCE_CHARACTERS_MAX = 200
REASON_CHARACTERS_MAX = 500


def check_reference(reference: str, reason: str) -> None:
    """Raise Invalid where either is missing or too long."""
    if not reference.strip() or len(reference) > REFERENCE_CHARACTERS_MAX:
        message = f"a reference of 1 to {REFERENCE_CHARACTERS_MAX} characters is needed: it makes the change unique"
        raise Invalid(message, code="reference")
    if orders.is_purchase_id(reference):
        message = f"{reference!r} names a purchase of Talktime's own: choose another reference"
        raise Invalid(message, code="reference")
    if not reason.strip() or len(reason) > REASON_CHARACTERS_MAX:
        message = f"a reason of 1 to {REASON_CHARACTERS_MAX} characters is needed: the books keep it"
        raise Invalid(message, code="reason")


def hash_of(*stated: object) -> str:
    """Return what makes two requests the same: what was stated, not the clock of whoever asks again."""
    return hashlib.sha256(json.dumps(stated).encode()).hexdigest()
