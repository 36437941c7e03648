"""Take a gateway's word that a bank has replaced a card: it expires later, and is charged by the same token."""

from talktime.core.credit.buying.payments import Card
from talktime.core.values.frozen import frozen
from talktime.store.transaction import Transaction


@frozen
class UpdateCard:
    """A card as its gateway knows it now."""

    gateway: str
    card: Card


def update_card(tx: Transaction, request: UpdateCard) -> int:
    """Write what a card's new number and expiry are, wherever its token pays; return at how many places (money.md 16).

    A recharge that was paused because the card had failed stays so: an admin resumes it, or the next purchase does.
    """
    return tx.payments.update_card(request.gateway, request.card)
