"""What a user could have instead of his calling plan, by the rules of licenses, and what it costs a month."""

from collections.abc import Mapping

from talktime.core.insight.license_advice.past_calls import Rules
from talktime.core.organizations.licenses import CALLING_PLANS, License, rights_of, services_of
from talktime.core.organizations.licensing.assigning import Change, rulings
from talktime.core.organizations.licensing.offers import not_sold
from talktime.core.organizations.licensing.products import CATALOG, product_of
from talktime.core.organizations.organizations import BillingMode
from talktime.core.organizations.users import User
from talktime.core.values.frozen import frozen

Prices = Mapping[License, int]


@frozen
class Choice:
    """The licenses of a user, the plan whose minutes he draws, and the price a month in micros of his calling plan."""

    licenses: License
    plan: License | None
    price_micros: int

    @property
    def calling_plan(self) -> License:
        """Return the calling plan itself; none is calls paid by the minute."""
        return self.licenses & CALLING_PLANS

    @property
    def name(self) -> str:
        """Return the calling plan as it is sold, and what else brings one."""
        if self.calling_plan:
            return product_of(self.calling_plan).name
        bundle = License.PHONE_WITH_CALLING_PLAN
        return product_of(bundle).name if bundle in self.licenses else "no calling plan, by the minute"


def list_prices(currency: str, stated: Prices, list_currency: str) -> dict[License, int]:
    """Return the prices that are known in a currency: those of the list, and those that were stated, which hold."""
    listed = {each.license: each.list_price_micros for each in CATALOG if each.list_price_micros is not None}
    known = {license_: price for license_, price in listed.items() if currency == list_currency or price == 0}
    return {**known, **stated}


def today(user: User, prices: Prices) -> Choice:
    """Return what a user has."""
    return _choice(user.licenses, prices)


def choices(user: User, rules: Rules, prices: Prices) -> tuple[Choice, ...]:
    """Return what a user could have, today's first: another plan of known price, or calls paid by the minute.

    Who has no phone to call from, who has a plan by a bundle, and whose plan has no known price, keeps what he has.
    """
    held = user.licenses & CALLING_PLANS
    has_fixed_plan = License.PHONE_WITH_CALLING_PLAN in user.licenses or any(each not in prices for each in held)
    if has_fixed_plan or not services_of(user.licenses) & product_of(License.DOMESTIC).needs:
        return (today(user, prices),)
    base = user.licenses & ~CALLING_PLANS
    if rules.organization.mode is BillingMode.PREPAID:
        base |= License.COMMUNICATIONS_CREDITS
    others = [base | plan for plan in CALLING_PLANS if plan in prices and _is_sold(plan, rules)]
    if not rules.arrangements.is_calling_plan_required:
        others.append(base)
    changes = [Change(user, after) for after in others if after & CALLING_PLANS != held]
    allowed = zip(changes, rulings(changes, rules.organization, rules.table), strict=True)
    return (today(user, prices), *(_choice(change.after, prices) for change, ruling in allowed if not ruling.problems))


def _is_sold(plan: License, rules: Rules) -> bool:
    return not not_sold(product_of(plan), rules.organization.country, rules.table)


def _choice(licenses: License, prices: Prices) -> Choice:
    price = sum(prices.get(each, 0) for each in licenses & CALLING_PLANS)
    return Choice(licenses, rights_of(licenses).minute_plan, price)
