"""The tenant that owns a balance."""

from enum import Enum
from zoneinfo import ZoneInfo

from talktime.core.values.frozen import frozen


class BillingMode(Enum):
    """Whether an organization pays before use, from credit, or after it (S41)."""

    PREPAID = "prepaid"
    POSTPAID = "postpaid"


@frozen
class Organization:
    """An organization as charging sees it; `deck` names the price list that its calls are rated by (S13)."""

    organization_id: int
    name: str
    country: str
    currency: str
    zone: ZoneInfo
    deck: str
    is_active: bool = True
    # Toll-free, overage and international calls work only once credits were set up (S5, S16).
    has_credit_set_up: bool = False
    mode: BillingMode = BillingMode.PREPAID
    # Which state of its `Arrangements` holds.
    arrangements_revision: int = 0
