"""Tell of a card 30 and 7 days before it expires, each once (money.md 16)."""

from datetime import datetime
from zoneinfo import ZoneInfo

from talktime.core.credit import method_changes
from talktime.core.credit.buying.payments import PaymentMethod
from talktime.core.values.events import Event, EventKind
from talktime.store.transaction import Transaction

CARDS_MAX = 100


def warn_of_expiring_cards(tx: Transaction, at: datetime) -> int:
    """Tell of cards of all organizations, each by its own calendar; return of how many.

    At most a hundred are told at a time: where it was a hundred, call it again.
    """
    cards = _expiring(tx, at)[:CARDS_MAX]
    # In the order of their organizations' ids, as everybody locks them.
    return sum(_warn(tx, card, at) for card in sorted(cards, key=lambda card: (card.organization_id, card.method_id)))


def _expiring(tx: Transaction, at: datetime) -> list[PaymentMethod]:
    found: dict[tuple[int, int], PaymentMethod] = {}
    for zone in tx.payments.zones_with_cards():
        today = at.astimezone(ZoneInfo(zone)).date()
        for days in method_changes.NOTICE_DAYS:
            for card in tx.payments.cards_expiring(zone, today, days, most=CARDS_MAX):
                found[card.organization_id, card.method_id] = card
    return list(found.values())


def _warn(tx: Transaction, method: PaymentMethod, at: datetime) -> bool:
    assert method.card is not None, "only cards expire"
    organization = tx.organizations.lock_id(method.organization_id)
    today = at.astimezone(organization.zone).date()
    # Looked at again under the lock: another worker may have told it meanwhile.
    told_days = tx.payments.expiry_told_days(method.organization_id, method.method_id)
    days = method_changes.notice_due(method.card.expires_on, today, told_days)
    if days is None:
        return False
    tx.payments.note_expiry_told(method.organization_id, method.method_id, days)
    details = (
        ("currency", organization.currency),
        ("method", method.label),
        ("expires_on", method.card.expires_on.isoformat()),
        ("days", str((method.card.expires_on - today).days)),
    )
    event_id = f"{EventKind.CARD_EXPIRING.value}:{method.method_id}:{days}"
    balance = tx.credit.credit(method.organization_id).balance_micros
    tx.notifications.tell([Event(method.organization_id, event_id, EventKind.CARD_EXPIRING, at, balance, details)])
    return True
