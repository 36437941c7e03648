"""What use cases ask of the world outside; each port has two adapters or more, in `gateways/`."""

from collections.abc import Mapping
from typing import Protocol

from talktime.core.credit.payments import (
    Card,
    ChargeOrder,
    ChargeResult,
    FoundResult,
    GatewayEvent,
    RefundOrder,
    RefundResult,
)


class PaymentGateway(Protocol):
    """Moves money; every call may be repeated with the same key and moves it once."""

    def add_card(self, reference: str) -> Card:
        """Keep a card that the gateway's own form has read; raise Invalid for a reference that names none."""
        ...

    def charge(self, order: ChargeOrder) -> ChargeResult:
        """Charge a card without its owner being there; never raises: what cannot be told is `Unknown`."""
        ...

    def find(self, order: ChargeOrder) -> FoundResult:
        """Search for what became of a purchase, all its attempts, by its metadata; moves nothing, never raises."""
        ...

    def withdraw(self, order: ChargeOrder) -> FoundResult:
        """Cancel what has not moved money yet, then tell what became of the purchase, as `find` does; never raises."""
        ...

    def refund(self, order: RefundOrder) -> RefundResult:
        """Give money back; never raises."""
        ...

    def read_event(self, body: bytes, headers: Mapping[str, str]) -> GatewayEvent:
        """Verify and read a webhook; raise Forbidden for a bad or stale signature, Invalid for no event at all."""
        ...
