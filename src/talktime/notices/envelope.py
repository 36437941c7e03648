"""An event as programs receive it: a CloudEvents envelope in JSON, money as decimal strings, instants in UTC."""

import json
from datetime import UTC

from talktime.core.organizations.deliveries import Notice
from talktime.core.values.money import format_micros

SPEC_VERSION = "1.0"
MICROS = "_micros"


def body_of(notice: Notice) -> bytes:
    """Return the body: the same event gives the same bytes, however often it is sent."""
    event, organization = notice.event, notice.organization
    currency = dict(event.details).get("currency") or (organization.currency if organization is not None else None)
    envelope = {
        "specversion": SPEC_VERSION,
        "id": f"{event.organization_id}/{event.event_id}",
        "source": f"talktime/organizations/{event.organization_id}",
        "type": f"talktime.{event.kind.value}",
        "time": event.occurred_at.astimezone(UTC).isoformat().replace("+00:00", "Z"),
        "datacontenttype": "application/json",
        "data": {
            "organization": None if organization is None else organization.name,
            "currency": currency,
            "balance": format_micros(event.balance_micros),
            **{name.removesuffix(MICROS): _value(name, value) for name, value in event.details},
        },
    }
    return json.dumps(envelope, ensure_ascii=False, separators=(",", ":")).encode()


def _value(name: str, value: str) -> str:
    """Money in whole units: `amount_micros` 200000000 is `amount` "200.00"."""
    if name.endswith(MICROS) and value.removeprefix("-").isdigit():
        return format_micros(int(value))
    return value
