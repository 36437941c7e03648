"""Fix the tax of purchases, for cards and agreements alike."""

from datetime import datetime

from talktime.core.credit.billing import taxes
from talktime.core.credit.buying import purchases
from talktime.core.credit.buying.purchases import Purchase
from talktime.core.organizations.organizations import Organization
from talktime.store.transaction import Transaction


def with_tax(tx: Transaction, organization: Organization, purchase: Purchase, at: datetime) -> Purchase:
    """Fix the tax when the purchase is asked for first: a rule that changes later does not change what was asked."""
    if purchase.tax_micros is not None:
        return purchase
    rule = tx.documents.tax_rule_of(organization, at)
    return purchases.taxed(purchase, taxes.tax_micros(purchase.amount_micros, rule, purchase.currency))
