"""The sandbox's test cards: one for every outcome that a charge can have; no other number is accepted.

Numbers that Stripe documents do here what they do there; those that begin with 40000077000 are our own.
"""

import hashlib
import re
from calendar import monthrange
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from enum import Enum

from talktime.core.credit.buying.payments import Card
from talktime.core.credit.buying.purchases import HARD_DECLINES
from talktime.core.values.errors import Invalid


class Behavior(Enum):
    """What a card does; the value tells people."""

    SUCCEEDS = "is charged"
    DECLINES = "is declined"
    DECLINES_ONCE = "is declined at the first attempt, charged at the next"
    NEEDS_ACTION = "waits until its owner authenticates, then is charged"
    NEEDS_ACTION_DECLINES = "waits until its owner authenticates, then is declined"
    LOSES_ANSWER = "is charged, but the first answer is lost: the same key, or a search, tells"
    LOSES_REQUEST = "is not charged, because the first request is lost: the same key charges it"
    STORES_ERROR = "is never charged: the gateway fails, and repeats that for the same key; a search finds nothing"
    SLOW = "is charged late: unknown until it was asked for three times"
    DISPUTED = "is charged, and disputed at once; cannot be refunded while that is open"
    REFUND_FAILS = "is charged; its refunds are accepted and fail later"


@dataclass(frozen=True, slots=True)
class SandboxCard:
    """A number and what it does; `code` is the decline's code or the dispute's reason."""

    number: str
    behavior: Behavior
    code: str = ""
    brand: str = "Visa"

    @property
    def is_hard(self) -> bool:
        """Tell whether a recharge pauses at once instead of trying again."""
        return self.code in HARD_DECLINES

    @property
    def what(self) -> str:
        """Say what it does, for people."""
        return f"{self.behavior.value}: `{self.code}`" if self.code else self.behavior.value


_DECLINES = {
    "4000000000000002": "generic_decline",
    "4000000000000341": "generic_decline",
    "4000000000009995": "insufficient_funds",
    "4000000000006975": "card_velocity_exceeded",
    "4000000000000127": "incorrect_cvc",
    "4000000000000119": "processing_error",
    "4000007700020008": "approve_with_id",
    "4000007700020016": "call_issuer",
    "4000007700020024": "do_not_honor",
    "4000007700020032": "issuer_not_available",
    "4000007700020040": "reenter_transaction",
    "4000007700020057": "try_again_later",
    "4000007700020065": "withdrawal_count_limit_exceeded",
    "4000000000000069": "expired_card",
    "4000000000009987": "lost_card",
    "4000000000009979": "stolen_card",
    "4000007700010009": "authentication_required",
    "4000007700010017": "card_not_supported",
    "4000007700010025": "currency_not_supported",
    "4000007700010033": "fraudulent",
    "4000007700010041": "incorrect_number",
    "4000007700010058": "invalid_account",
    "4000007700010066": "invalid_expiry_month",
    "4000007700010074": "invalid_expiry_year",
    "4000007700010082": "invalid_number",
    "4000007700010090": "merchant_blacklist",
    "4000007700010108": "new_account_information_available",
    "4000007700010116": "no_action_taken",
    "4000007700010124": "not_permitted",
    "4000007700010132": "pickup_card",
    "4000007700010140": "restricted_card",
    "4000007700010157": "revocation_of_all_authorizations",
    "4000007700010165": "revocation_of_authorization",
    "4000007700010173": "security_violation",
    "4000007700010181": "service_not_allowed",
    "4000007700010199": "stop_payment_order",
    "4000007700010207": "transaction_not_allowed",
    "4000007700010215": "invalid_amount",
}

CARDS = (
    SandboxCard("4242424242424242", Behavior.SUCCEEDS),
    SandboxCard("5555555555554444", Behavior.SUCCEEDS, brand="Mastercard"),
    SandboxCard("378282246310005", Behavior.SUCCEEDS, brand="American Express"),
    SandboxCard("4000002500003155", Behavior.NEEDS_ACTION),
    SandboxCard("4000002760003184", Behavior.NEEDS_ACTION),
    SandboxCard("4000008260003178", Behavior.NEEDS_ACTION_DECLINES, "insufficient_funds"),
    SandboxCard("4000000000000259", Behavior.DISPUTED, "fraudulent"),
    SandboxCard("4000000000005126", Behavior.REFUND_FAILS, "expired_or_canceled_card"),
    SandboxCard("4000007700000018", Behavior.LOSES_ANSWER),
    SandboxCard("4000007700000026", Behavior.LOSES_REQUEST),
    SandboxCard("4000007700000034", Behavior.STORES_ERROR),
    SandboxCard("4000007700000042", Behavior.SLOW),
    SandboxCard("4000007700000059", Behavior.DECLINES_ONCE, "insufficient_funds"),
    *(SandboxCard(number, Behavior.DECLINES, code) for number, code in _DECLINES.items()),
)
_BY_NUMBER = {card.number: card for card in CARDS}

_MONTHS = range(1, 13)
_REFERENCE = re.compile(r"(?P<number>\d[\d ]*\d)\s+(?P<month>\d{1,2})\s*/\s*(?P<year>(?:20)?\d{2})", re.ASCII)
_TOKEN = re.compile(r"sandbox_(?P<number>\d+)_(?P<year>\d{4})-(?P<month>\d{2})", re.ASCII)


def read_card(reference: str, today: date) -> Card:
    """Read `4242 4242 4242 4242 12/27`; raise Invalid for no test card, or one that has expired."""
    read = _REFERENCE.fullmatch(reference.strip())
    if read is None or int(read["month"]) not in _MONTHS:
        message = "write a test card's number and when it expires, such as `4242 4242 4242 4242 12/30`"
        raise Invalid(message, code="card_unreadable")
    card = _BY_NUMBER.get(read["number"].replace(" ", ""))
    if card is None:
        message = "that is none of the sandbox's test cards, and it takes no others; 4242 4242 4242 4242 is one"
        raise Invalid(message, code="card_unknown")
    year, month = 2000 + int(read["year"]) % 100, int(read["month"])
    expires_on = date(year, month, monthrange(year, month)[1])
    if expires_on < today:
        message = f"this card expired on {expires_on}: take one that is still good"
        raise Invalid(message, code="card_expired")
    token = f"sandbox_{card.number}_{year:04}-{month:02}"
    return Card(token, _fingerprint(card.number), card.brand, card.number[-4:], expires_on)


def card_of(token: str) -> tuple[SandboxCard, date] | None:
    """Return the test card that a token names and its last day; None for another gateway's token."""
    read = _TOKEN.fullmatch(token)
    card = _BY_NUMBER.get(read["number"]) if read else None
    if read is None or card is None or int(read["month"]) not in _MONTHS:
        return None
    year, month = int(read["year"]), int(read["month"])
    return card, date(year, month, monthrange(year, month)[1])


def table_rows() -> Iterator[tuple[str, str, str]]:
    """Yield number, what it does, and what a recharge does then, for a page or the command line."""
    for card in CARDS:
        yield card.number, card.what, _then(card)


def _then(card: SandboxCard) -> str:
    if card.behavior is Behavior.DECLINES:
        return "pauses at once" if card.is_hard else "tries again later"
    return ""


def _fingerprint(number: str) -> str:
    return hashlib.sha256(f"sandbox {number}".encode()).hexdigest()[:16]
