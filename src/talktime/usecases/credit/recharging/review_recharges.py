"""Look again at recharges that were held back: a cap's day is over, the burst has passed (money.md 4 and 20)."""

from collections.abc import Sequence
from datetime import datetime
from enum import Enum

from talktime.core.credit.recharging.watching import CreditWatch
from talktime.core.values.frozen import frozen
from talktime.store.transaction import Transaction
from talktime.usecases.credit.moving_credit import evaluate_again

REVIEWED_MAX = 100


class Verdict(Enum):
    """What came of a look."""

    RECHARGES = "recharges"
    HELD_BACK = "held_back"
    PAUSED = "paused"
    NOT_NEEDED = "not_needed"


@frozen
class ReviewRecharge:
    """Look at the recharge of one organization."""

    organization: str
    at: datetime


@frozen
class RechargeReviewed:
    """How the recharge stands now; `until` where it is held back again."""

    organization: str
    verdict: Verdict
    until: datetime | None = None


def held_back_recharges(tx: Transaction, at: datetime) -> Sequence[str]:
    """Return the names of organizations whose recharge waited until now, at most a hundred."""
    return tx.purchases.held_back(at, most=REVIEWED_MAX)


def review_recharge(tx: Transaction, request: ReviewRecharge) -> RechargeReviewed:
    """Evaluate the trigger again; twice, or by two at once, is harmless. Raise NotFound."""
    organization = tx.organizations.lock(request.organization)
    evaluate_again(tx, organization, request.at)
    return _reviewed(organization.name, tx.purchases.watch(organization.organization_id))


def _reviewed(organization: str, watch: CreditWatch) -> RechargeReviewed:
    progress = watch.progress
    if progress.open_purchase_id is not None:
        return RechargeReviewed(organization, Verdict.RECHARGES)
    if progress.paused is not None:
        return RechargeReviewed(organization, Verdict.PAUSED)
    if progress.held_back is not None:
        return RechargeReviewed(organization, Verdict.HELD_BACK, progress.held_back.until)
    return RechargeReviewed(organization, Verdict.NOT_NEEDED)
