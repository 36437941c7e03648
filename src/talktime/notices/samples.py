"""An example of each kind of event, with all its details: what the test button sends."""

from datetime import datetime, timedelta

from talktime.core.organizations.notices import DETAILS
from talktime.core.values.events import Event, EventKind

_DAY = timedelta(days=1)
_AMOUNTS = {
    "amount_micros": 200_000_000,
    "tax_micros": 16_000_000,
    "repaid_micros": 1_350_000,
    "trigger_micros": 50_000_000,
    "threshold_micros": 25_000_000,
    "available_micros": 18_420_000,
    "taken_back_micros": 120_000_000,
    "shortfall_micros": 80_000_000,
    "fee_micros": 15_000_000,
    "month_micros": 195_000_000,
}
_WORDS = {
    "method": "Visa •••• 4242",
    "invoice": "INV-2026-0042",
    "credit_note": "CN-2026-0007",
    "purchase": "recharge-7",
    "lot": "3",
    "code": "expired_card",
    "attempt": "1",
    "attempts_max": "4",
    "agreement": "EA-1001",
    "by": "ada@acme.example",
    "is_on": "False → True",
    "recharges_per_hour": "3 → 2",
    "recharges_per_day": "6 → 4",
    "days": "7",
    "country": "US",
    "plan": "MCOPSTN1",
    "counter": "domestic",
    "used_minutes": "2400",
    "total_minutes": "3000",
    "percent": "80",
    "weeks": "12",
    "file": "usage.csv",
    "rows": "4711",
    "bytes": "893000",
    "export": "3",
    "schedule": "1",
    "gateway": "Stripe",
    "charge": "ch_3Example",
    "told": EventKind.RECHARGE_FAILED.value,
    "recipient": "former-admin@acme.example",
    "reason": "550 no such mailbox",
}
_CHANGES = {
    "trigger_micros": "50000000 → 100000000",
    "amount_micros": "100000000 → 200000000",
    "cap_per_day_micros": "None → 600000000",
    "cap_per_month_micros": "2000000000 → None",
}
# Not in an example: the purchase is tried again, and nothing was refunded.
_LEFT_OUT = frozenset({"consequence", "refund"})
# What a reason is depends on the kind.
_REASONS = {
    EventKind.RECHARGE_PAUSED: "card_declined",
    EventKind.RECHARGE_RESUMED: "method_replaced",
    EventKind.RECHARGE_HELD_BACK: "month_cap",
    EventKind.FUNDING_ADVISED: "trigger_too_low",
    EventKind.REPORT_FAILED: "the folder of exports is full",
    EventKind.CREDIT_ADJUSTED: "Goodwill for the outage of 2 March",
    EventKind.PAYMENT_UNEXPLAINED: "the purchase recharge-99 is not ours",
}


def sample(kind: EventKind, organization_id: int, currency: str, at: datetime) -> Event:
    """Return an example of a kind that happened at an instant."""
    known = (
        {name: str(amount_micros) for name, amount_micros in _AMOUNTS.items()}
        | _WORDS
        | {
            "next_attempt_at": (at + timedelta(hours=1)).isoformat(),
            "expires_at": (at + 7 * _DAY).isoformat(),
            "until_at": (at + 9 * _DAY).isoformat(),
            "expires_on": (at + 7 * _DAY).date().isoformat(),
            "starts_on": (at - 30 * _DAY).date().isoformat(),
            "last_on": (at - _DAY).date().isoformat(),
            "complete_until_at": at.isoformat(),
            "kept_until_at": (at + 30 * _DAY).isoformat(),
            "due_on": (at - 14 * _DAY).date().isoformat(),
            "renews_on": (at + 9 * _DAY).date().isoformat(),
        }
    )
    if "tax_micros" in DETAILS[kind]:
        known["expires_at"] = (at + 365 * _DAY).isoformat()
    if kind is EventKind.BALANCE_EXHAUSTED:
        known["available_micros"] = "0"
    if kind is EventKind.RECHARGE_SET:
        known |= _CHANGES
    if kind in _REASONS:
        known["reason"] = _REASONS[kind]
    details = [(name, known[name]) for name in DETAILS[kind] if name not in _LEFT_OUT]
    if kind is EventKind.AUTHENTICATION_NEEDED:
        details.append(("url", "https://bank.example/confirm"))
    balance_micros = _BALANCES.get(kind, 218_420_000)
    return Event(organization_id, f"test:{kind.value}", kind, at, balance_micros, (("currency", currency), *details))


_BALANCES = {
    EventKind.BALANCE_LOW: 18_420_000,
    EventKind.BALANCE_EXHAUSTED: 0,
    EventKind.BALANCE_OVERDRAWN: -3_270_000,
    EventKind.RECHARGE_FAILED: 18_420_000,
    EventKind.RECHARGE_PAUSED: 18_420_000,
    EventKind.RECHARGE_HELD_BACK: 18_420_000,
    EventKind.RECHARGE_DELAYED: 18_420_000,
    EventKind.AUTHENTICATION_NEEDED: 18_420_000,
}
