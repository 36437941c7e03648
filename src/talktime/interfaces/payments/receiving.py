"""What the door does with a webhook: its gateway verifies and reads it, one transaction notes it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from talktime.bootstrap import App
from talktime.core.credit.buying.payments import GatewayEventKind
from talktime.core.values.errors import NotFound
from talktime.interfaces.payments.door import Kept, Received
from talktime.usecases.credit.buying.update_card import UpdateCard, update_card
from talktime.usecases.credit.note_gateway_event import NoteGatewayEvent, Noting, note_gateway_event
from talktime.usecases.ports import PaymentGateway

_KEPT = {
    Noting.DONE: Kept.NOTED,
    Noting.IGNORED: Kept.NOTED,
    Noting.REPEATED: Kept.KNOWN,
    Noting.PARKED: Kept.PARKED,
}


@dataclass(frozen=True, slots=True)
class EventReceiver:
    """Notes the events of the gateways that are configured."""

    app: App
    gateways: Mapping[str, PaymentGateway]

    def __call__(self, name: str, body: bytes, headers: Mapping[str, str]) -> Received:
        """Return once the event is committed; raise NotFound, Forbidden, Invalid or Unavailable."""
        gateway = self.gateways.get(name)
        if gateway is None:
            configured = ", ".join(sorted(self.gateways)) or "none"
            message = f"no gateway {name!r} is configured here; there is {configured}"
            raise NotFound(message, code="gateway_not_found")
        event = gateway.read_event(body, headers)
        if event.kind is GatewayEventKind.CARD_UPDATED:
            # The event names the card; what it is now, the gateway tells.
            self.app.run(update_card, UpdateCard(name, gateway.add_card(event.charge_id)))
            return Received(Kept.NOTED, event.event_id)
        fee = self.app.settings.dispute_fee_micros
        noted = self.app.run(note_gateway_event, NoteGatewayEvent(event, datetime.now(UTC), fee))
        return Received(_KEPT[noted.noting], event.event_id, noted.reason)
