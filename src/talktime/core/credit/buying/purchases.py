"""A purchase of credit, by order or by recharge: one way to move money, and at most one movement for each purchase.

    due → charging → settled
     ↑        ├─────→ declined: due again later (a recharge, softly), or failed
     ├────────┤
     │        ├─────→ needs action → settled | failed
     └ unknown ┘      the same key again; then the gateway is searched: settled, or canceled as proven not charged

`attempt` grows only after proof that the one before moved no money (money.md, exactly-once recharge).
"""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from enum import Enum

from talktime.core.credit.buying.payments import (
    Ambiguous,
    Charged,
    Declined,
    FoundResult,
    NeedsAction,
    NothingFound,
    PurchaseKey,
    Unknown,
)
from talktime.core.values.frozen import frozen


class PurchaseCause(Enum):
    """Who wanted it: an admin (an order), or the trigger (a recharge)."""

    ORDER = "order"
    RECHARGE = "recharge"


class PurchaseState(Enum):
    """How far a purchase has come."""

    DUE = "due"
    CHARGING = "charging"
    UNKNOWN = "unknown"
    NEEDS_ACTION = "needs_action"
    # Under an agreement "on settlement": the invoice is written, credit comes with its payment (S37).
    INVOICED = "invoiced"
    SETTLED = "settled"
    FAILED = "failed"
    # Proven that nothing was charged, or withdrawn before anything was.
    CANCELED = "canceled"


OPEN_STATES = frozenset(
    {
        PurchaseState.DUE,
        PurchaseState.CHARGING,
        PurchaseState.UNKNOWN,
        PurchaseState.NEEDS_ACTION,
        PurchaseState.INVOICED,
    }
)

# Who charges must have told the outcome by then; else somebody else asks the gateway, with the same key.
LEASE = timedelta(minutes=2)
# A soft decline is tried again after so long; then the recharge pauses. Card networks allow 15 in 30 days.
RETRY_AFTER = (timedelta(hours=1), timedelta(hours=3), timedelta(hours=7))
ATTEMPTS_MAX = len(RETRY_AFTER) + 1
# An unknown outcome is asked for again with the same key, then only searched for.
ASK_AGAIN_AFTER = (timedelta(minutes=1), timedelta(minutes=5), timedelta(minutes=15), timedelta(hours=1))
# Gateways forget keys after a day: asking again with one could charge twice.
KEY_KNOWN_FOR = timedelta(hours=24) - timedelta(minutes=30)
# What the gateway may still be doing with the last time we asked is over by then.
QUIET_BEFORE_PROOF = timedelta(hours=1)
SEARCH_AGAIN_AFTER = timedelta(hours=1)
# So long the card's owner has to authenticate.
ACTION_PATIENCE = timedelta(days=3)

# These tell that the card will not do, whenever it is asked (Stripe's decline codes).
HARD_DECLINES = frozenset(
    {
        "authentication_required",
        "card_not_supported",
        "currency_not_supported",
        "expired_card",
        "fraudulent",
        "incorrect_number",
        "invalid_account",
        "invalid_amount",
        "invalid_expiry_month",
        "invalid_expiry_year",
        "invalid_number",
        "lost_card",
        "merchant_blacklist",
        "new_account_information_available",
        "no_action_taken",
        "not_permitted",
        "pickup_card",
        "restricted_card",
        "revocation_of_all_authorizations",
        "revocation_of_authorization",
        "security_violation",
        "service_not_allowed",
        "stolen_card",
        "stop_payment_order",
        "transaction_not_allowed",
    }
)


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SECOND = timedelta(seconds=1)


@frozen
class Purchase:
    """Credit being bought. What it names when it is made, it keeps: amount, tax and way to pay (money.md 8)."""

    organization_id: int
    purchase_id: str
    cause: PurchaseCause
    amount_micros: int
    currency: str
    method_id: int
    created_at: datetime
    state: PurchaseState = PurchaseState.DUE
    # The recharge's turn: one charge for each.
    epoch: int | None = None
    # On top of the amount, never part of the lot; None until the first attempt fixes it.
    tax_micros: int | None = None
    attempt: int = 1
    # When somebody must do something about it: charge, ask again, search.
    next_step_at: datetime | None = None
    # Grows with every lease: who comes late with a refusal is not believed.
    fence: int = 0
    first_asked_at: datetime | None = None
    last_asked_at: datetime | None = None
    asked_count: int = 0
    charge_id: str = ""
    decline_code: str = ""
    # Why it stands where it stands, for people; where to authenticate.
    reason: str = ""
    action_url: str = ""
    closed_at: datetime | None = None
    lot_id: int | None = None
    # Somebody wants it undone: once the gateway has withdrawn it, or shown that nothing moved, it is closed.
    is_withdrawn: bool = False

    @property
    def key(self) -> PurchaseKey:
        """Return what names it everywhere."""
        return PurchaseKey(self.organization_id, self.purchase_id)

    @property
    def gateway_key(self) -> PurchaseKey:
        """Return what gateways know it by.

        Its second tells it from one that another installation made, or that was made before a backup was restored
        (money.md 67).
        """
        return PurchaseKey(self.organization_id, f"{self.purchase_id}@{self._stamp}")

    @property
    def is_open(self) -> bool:
        """Tell whether money may still move for it."""
        return self.state in OPEN_STATES

    @property
    def charged_micros(self) -> int:
        """Return what is taken from whoever pays: the amount and its tax."""
        return self.amount_micros + (self.tax_micros or 0)

    @property
    def idempotency_key(self) -> str:
        """Return what makes the gateway do one attempt once."""
        return f"talktime-{self.organization_id}-{self.purchase_id}-{self._stamp}-{self.attempt}"

    @property
    def _stamp(self) -> int:
        return (self.created_at - _EPOCH) // _SECOND


def key_of(gateway_key: PurchaseKey) -> PurchaseKey:
    """Return what we know a purchase by, of what a gateway knows it by."""
    return PurchaseKey(gateway_key.organization_id, gateway_key.purchase_id.partition("@")[0])


class Step(Enum):
    """What is to be done about a purchase whose time has come."""

    CHARGE = "charge"
    SEARCH = "search"
    WITHDRAW = "withdraw"


def withdrawn(purchase: Purchase, reason: str, at: datetime) -> Purchase:
    """Undo a purchase as far as that is certain: at once where no money can be moving, else when the gateway agrees."""
    if purchase.state in {PurchaseState.DUE, PurchaseState.INVOICED}:
        return canceled(purchase, reason, at)
    return replace(purchase, is_withdrawn=True, next_step_at=at)


def step_of(purchase: Purchase, at: datetime) -> Step | None:
    """Tell what is due: to charge (or ask again with the same key), only to search, or nothing."""
    if purchase.next_step_at is None or at < purchase.next_step_at:
        return None
    if purchase.state is PurchaseState.DUE:
        return Step.CHARGE
    if purchase.state is PurchaseState.CHARGING:
        # Whoever charged has not told the outcome: it is as good as unknown.
        return Step.CHARGE if _key_is_known(purchase, at) and not purchase.is_withdrawn else Step.SEARCH
    if purchase.state is PurchaseState.INVOICED:
        return None
    if purchase.state is PurchaseState.UNKNOWN:
        may_ask = (
            not purchase.is_withdrawn and _key_is_known(purchase, at) and purchase.asked_count <= len(ASK_AGAIN_AFTER)
        )
        return Step.CHARGE if may_ask else Step.SEARCH
    # It waits for the card's owner, but not for ever: what he may still confirm blocks the next recharge.
    is_too_old = purchase.last_asked_at is None or at - purchase.last_asked_at >= ACTION_PATIENCE
    return Step.WITHDRAW if purchase.is_withdrawn or is_too_old else Step.SEARCH


def taxed(purchase: Purchase, tax_micros: int) -> Purchase:
    """Return the purchase with its tax, which from then on is what it is."""
    return replace(purchase, tax_micros=tax_micros)


def leased(purchase: Purchase, step: Step, at: datetime) -> Purchase:
    """Return the purchase in the hands of one worker, who must tell the outcome before the lease ends."""
    if step is not Step.CHARGE:
        return replace(purchase, next_step_at=at + LEASE, fence=purchase.fence + 1)
    return replace(
        purchase,
        state=PurchaseState.CHARGING,
        next_step_at=at + LEASE,
        fence=purchase.fence + 1,
        first_asked_at=purchase.first_asked_at or at,
        last_asked_at=at,
        asked_count=purchase.asked_count + 1,
    )


def is_leased(purchase: Purchase, at: datetime) -> bool:
    """Tell whether the lease of a purchase that was just leased still runs."""
    return purchase.next_step_at is not None and at < purchase.next_step_at


def settled(purchase: Purchase, charged: Charged, lot_id: int, at: datetime) -> Purchase:
    """The money moved: close the purchase with its lot, however it stood before."""
    return replace(
        purchase,
        state=PurchaseState.SETTLED,
        tax_micros=purchase.tax_micros or 0,
        charge_id=charged.charge_id,
        lot_id=lot_id,
        next_step_at=None,
        closed_at=at,
        reason="",
        action_url="",
    )


def concluded(purchase: Purchase, result: FoundResult, at: datetime) -> Purchase:
    """Return the purchase after an outcome other than money that moved."""
    match result:
        case Declined():
            return _declined(purchase, result, at)
        case NeedsAction():
            return replace(
                purchase,
                state=PurchaseState.NEEDS_ACTION,
                charge_id=result.charge_id,
                action_url=result.url,
                decline_code="",
                reason="the bank wants the card's owner to authenticate",
                next_step_at=at + SEARCH_AGAIN_AFTER,
            )
        case Unknown():
            return _unknown(purchase, result.why, at)
        case Ambiguous():
            return replace(
                purchase, state=PurchaseState.UNKNOWN, reason=result.why, next_step_at=at + SEARCH_AGAIN_AFTER
            )
        case NothingFound():
            return _not_found(purchase, at)
        case Charged():  # pragma: no branch -- there is no other outcome
            raise AssertionError("money that moved is settled")


def canceled(purchase: Purchase, reason: str, at: datetime) -> Purchase:
    """Close a purchase of which it is proven that no money moved, nor will."""
    return replace(
        purchase, state=PurchaseState.CANCELED, reason=reason, next_step_at=None, closed_at=at, action_url=""
    )


def _key_is_known(purchase: Purchase, at: datetime) -> bool:
    return purchase.first_asked_at is None or at - purchase.first_asked_at < KEY_KNOWN_FOR


def _declined(purchase: Purchase, declined: Declined, at: datetime) -> Purchase:
    told = replace(
        purchase,
        decline_code=declined.code,
        reason=declined.message or f"the card was declined: {declined.code}",
        action_url="",
    )
    if purchase.state is PurchaseState.NEEDS_ACTION and not purchase.is_withdrawn:
        # The card's owner may still follow the link and pay: the gateway must withdraw it before it is given up.
        return replace(told, is_withdrawn=True, next_step_at=at)
    if purchase.is_withdrawn:
        return _given_up(purchase, told.reason, at)
    is_last = purchase.attempt >= ATTEMPTS_MAX or declined.code in HARD_DECLINES or declined.is_final
    if is_last or purchase.cause is PurchaseCause.ORDER:
        return _failed(told, at)
    return replace(
        told,
        state=PurchaseState.DUE,
        attempt=purchase.attempt + 1,
        next_step_at=at + RETRY_AFTER[purchase.attempt - 1],
        first_asked_at=None,
        last_asked_at=None,
        asked_count=0,
    )


def _unknown(purchase: Purchase, why: str, at: datetime) -> Purchase:
    if purchase.state is PurchaseState.NEEDS_ACTION:
        return replace(purchase, next_step_at=at + SEARCH_AGAIN_AFTER)
    waits = ASK_AGAIN_AFTER[min(purchase.asked_count, len(ASK_AGAIN_AFTER)) - 1]
    # A search that fails explains less than what is known already.
    reason = purchase.reason if purchase.state is PurchaseState.UNKNOWN else why
    return replace(purchase, state=PurchaseState.UNKNOWN, reason=reason, next_step_at=at + waits)


def _not_found(purchase: Purchase, at: datetime) -> Purchase:
    """A search that finds nothing is proof once the gateway has had time to finish what we asked last."""
    if purchase.last_asked_at is not None and at - purchase.last_asked_at < QUIET_BEFORE_PROOF:
        # What was withdrawn stays what it is, so that a report of before it does not ask the card's owner once more.
        state = purchase.state if purchase.is_withdrawn else PurchaseState.UNKNOWN
        return replace(purchase, state=state, next_step_at=purchase.last_asked_at + QUIET_BEFORE_PROOF)
    return _given_up(purchase, "the gateway holds no such charge: nothing was taken", at)


def _given_up(purchase: Purchase, reason: str, at: datetime) -> Purchase:
    """Close a purchase that moved nothing: failed where its owner was asked and declined, else canceled."""
    if purchase.state is PurchaseState.NEEDS_ACTION and purchase.decline_code:
        return _failed(purchase, at)
    return canceled(purchase, reason, at)


def _failed(purchase: Purchase, at: datetime) -> Purchase:
    return replace(purchase, state=PurchaseState.FAILED, next_step_at=None, closed_at=at, action_url="")
