"""How credit is paid for: cards and agreements, what a gateway is told, and what it answers."""

from datetime import date, datetime
from enum import Enum
from typing import NamedTuple

from talktime.core.values.frozen import frozen


class PurchaseKey(NamedTuple):
    """What makes a purchase unique everywhere; gateways carry it as metadata."""

    organization_id: int
    purchase_id: str


class MethodKind(Enum):
    """A card is charged; an agreement is invoiced (S37)."""

    CARD = "card"
    AGREEMENT = "agreement"


@frozen
class Card:
    """A card as its gateway knows it: `token` charges it, `fingerprint` is the same for the same card, always."""

    token: str
    fingerprint: str
    brand: str
    last4: str
    # The last day on which it can be charged.
    expires_on: date


@frozen
class PaymentMethod:
    """How an organization pays; never changed, only replaced or removed, so that a purchase keeps what it named.

    `gateway` names the adapter; a card has a `card`, an agreement its number and, if applicable, a purchase-order
    number for what it buys from now on (S39).
    """

    organization_id: int
    method_id: int
    kind: MethodKind
    gateway: str
    card: Card | None = None
    agreement_number: str = ""
    purchase_order: str = ""
    is_removed: bool = False

    @property
    def label(self) -> str:
        """Return how people know it: `Visa •••• 4242`, `Agreement EA-1001, PO 77`."""
        if self.card is not None:
            return f"{self.card.brand} •••• {self.card.last4}"
        order = f", PO {self.purchase_order}" if self.purchase_order else ""
        return f"Agreement {self.agreement_number}{order}"

    @property
    def fingerprint(self) -> str:
        """Return what tells this way to pay from another: re-attaching the same card changes nothing."""
        return self.card.fingerprint if self.card is not None else f"agreement:{self.agreement_number}"


@frozen
class ChargeOrder:
    """What a gateway is told to do once for each `idempotency_key`: charge so much, tax included."""

    purchase: PurchaseKey
    attempt: int
    idempotency_key: str
    amount_micros: int
    currency: str
    token: str
    description: str


@frozen
class Charged:
    """The money moved; `charge_id` is the gateway's."""

    charge_id: str
    amount_micros: int


@frozen
class Declined:
    """No money moved, and this attempt never will move any; `code` is of Stripe's vocabulary of decline codes."""

    code: str
    message: str = ""
    # Asking again changes nothing, whatever the code: an agreement's refusal.
    is_final: bool = False


@frozen
class NeedsAction:
    """The bank wants the card's owner to authenticate at `url`; no money has moved yet, and it may still."""

    charge_id: str
    url: str = ""


@frozen
class Unknown:
    """Nobody can tell yet whether money moved: no answer, or one that is no answer."""

    why: str


@frozen
class NothingFound:
    """The gateway was searched by the purchase's metadata, and holds nothing: no money moved."""


@frozen
class Ambiguous:
    """The gateway holds what does not fit the purchase: several charges, another amount. A person must look."""

    why: str


ChargeResult = Charged | Declined | NeedsAction | Unknown
# What a search by metadata finds; a charge that is still being processed is `Unknown`.
FoundResult = Charged | Declined | NeedsAction | Unknown | NothingFound | Ambiguous


@frozen
class RefundOrder:
    """Give money of a charge back, once for each `idempotency_key`."""

    charge_id: str
    idempotency_key: str
    amount_micros: int
    currency: str


@frozen
class Refunded:
    """The gateway gives the money back; `refund_id` is its own."""

    refund_id: str


@frozen
class RefundFailed:
    """The gateway will not give the money back."""

    code: str
    message: str = ""


RefundResult = Refunded | RefundFailed | Unknown


class GatewayEventKind(Enum):
    """What a gateway reports by itself."""

    CHARGED = "charged"
    DECLINED = "declined"
    NEEDS_ACTION = "needs_action"
    REFUNDED = "refunded"
    REFUND_FAILED = "refund_failed"
    DISPUTE_OPENED = "dispute_opened"
    DISPUTE_WON = "dispute_won"
    DISPUTE_LOST = "dispute_lost"
    CARD_UPDATED = "card_updated"
    OTHER = "other"


@frozen
class GatewayEvent:
    """A webhook, verified and read; `purchase` is None where its metadata name none of ours.

    `amount_micros` is what moved: charged, refunded in all so far, disputed. `code` is a decline's code or a
    dispute's reason.
    """

    gateway: str
    event_id: str
    kind: GatewayEventKind
    occurred_at: datetime
    purchase: PurchaseKey | None = None
    attempt: int | None = None
    charge_id: str = ""
    amount_micros: int = 0
    currency: str = ""
    code: str = ""
    url: str = ""
    # What the gateway calls it, for the operator.
    name: str = ""
