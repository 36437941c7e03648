"""Whether people may have the licenses meant for them: prerequisites, exclusions, countries, counts (domain.md 6)."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import reduce
from operator import or_

from talktime.core.organizations.arrangements import Arrangements
from talktime.core.organizations.country_table import CountryTable
from talktime.core.organizations.licenses import (
    CALLING_PLANS,
    CONFERENCING_SUBSCRIPTIONS,
    NO_LICENSE,
    License,
    bringing,
    services_of,
)
from talktime.core.organizations.licensing import offers
from talktime.core.organizations.licensing.products import in_words, product_of
from talktime.core.organizations.organizations import BillingMode, Organization
from talktime.core.organizations.users import AccountKind, User
from talktime.core.values.frozen import frozen

# Free accounts of attendants and queues: so many, and one more for so many Phone System licenses (domain.md 4.5).
RESOURCE_ACCOUNTS_FREE = 25
PHONE_SYSTEMS_FOR_ONE_MORE = 10
_ALLOTMENT = (
    f"{RESOURCE_ACCOUNTS_FREE} are free, and one more for each {PHONE_SYSTEMS_FOR_ONE_MORE} licenses with Phone System"
)
_USEFUL_WITH_CREDITS = License.PHONE_SYSTEM | CONFERENCING_SUBSCRIPTIONS


@frozen
class Change:
    """A user as he is, and the licenses that are meant for him: all of them, in place of those that he has."""

    user: User
    after: License


@frozen
class Ruling:
    """What the rules say of a change: a problem refuses it, a caution does not."""

    problems: tuple[str, ...] = ()
    caution: str = ""


@frozen
class Shortage:
    """A license of which more would be assigned than there are."""

    license: License
    available: int
    assigned: int
    missing: int

    @property
    def enough(self) -> int:
        """Return how many there would have to be."""
        return self.available + self.missing

    @property
    def message(self) -> str:
        """Say what is missing and what would change it."""
        product = product_of(self.license)
        verb = "allotted" if product.is_allotted else "bought"
        remedy = _ALLOTMENT if product.is_allotted else f"`talktime licenses buy {product.key} {self.enough}`"
        return (
            f"{product.name}: {self.available:,} {verb}, {self.assigned:,} assigned, {self.missing:,} more needed;"
            f" {remedy}"
        )


def switched(held: License, on: License, off: License) -> License:
    """Return the licenses after some were switched on and others off, at once: a swap has no moment between (6.3)."""
    return (held | on) & ~off


def rulings(changes: Sequence[Change], organization: Organization, countries: CountryTable) -> list[Ruling]:
    """Return what the rules say of each change; none depends on another."""
    # Whoever pays after use needs no credits, and in some countries there are none (S41, domain.md 1.10).
    wants_credits = organization.mode is BillingMode.PREPAID and countries.of(organization.country).has_credits
    # A hundred thousand users differ in few of these.
    alike: dict[tuple[License, License, str, AccountKind], Ruling] = {}
    found = []
    for change in changes:
        user = change.user
        key = (user.licenses, change.after, user.usage_location, user.account)
        ruling = alike.get(key)
        if ruling is None:
            ruling = alike[key] = _ruling(change, countries, wants_credits=wants_credits)
        found.append(ruling)
    return found


def shortages(changes: Sequence[Change], arrangements: Arrangements) -> tuple[Shortage, ...]:
    """Return the licenses of which all changes together assign more than there are."""
    grown: Counter[License] = Counter()
    for (before, after), users_count in Counter((change.user.licenses, change.after) for change in changes).items():
        for license_ in after & ~before:
            grown[license_] += users_count
        for license_ in before & ~after:
            grown[license_] -= users_count
    assigned = assigned_counts(arrangements)
    found = (
        _shortage(license_, assigned[license_], more, available(license_, arrangements.purchased))
        for license_, more in sorted(grown.items(), key=lambda item: item[0].value)
        if more > 0
    )
    return tuple(shortage for shortage in found if shortage is not None)


def available(license_: License, purchased: Mapping[License, int]) -> int | None:
    """Return how many of a license may be assigned in all; None: any number."""
    product = product_of(license_)
    if product.is_unlimited:
        return None
    if product.is_allotted:
        phone_systems = sum(purchased.get(each, 0) for each in bringing(License.PHONE_SYSTEM))
        return RESOURCE_ACCOUNTS_FREE + phone_systems // PHONE_SYSTEMS_FOR_ONE_MORE
    return purchased.get(license_, 0)


def assigned_counts(arrangements: Arrangements) -> Counter[License]:
    """Return how many users have each license, wherever they are."""
    counted: Counter[License] = Counter()
    for (license_, _), users_count in arrangements.assigned.items():
        counted[license_] += users_count
    return counted


def _shortage(license_: License, assigned: int, more: int, limit: int | None) -> Shortage | None:
    if limit is None or assigned + more <= limit:
        return None
    return Shortage(license_, limit, assigned, assigned + more - limit)


def _ruling(change: Change, countries: CountryTable, *, wants_credits: bool) -> Ruling:
    user, after = change.user, change.after
    if after == user.licenses:
        return Ruling()
    problems = (
        *_held_by_others(user.account, after & ~user.licenses),
        *_unsupported(user, after),
        *_excluded(after),
        *_absent(user, after, countries),
    )
    return Ruling(problems, _caution(after) if wants_credits and not problems else "")


def _held_by_others(account: AccountKind, added: License) -> Iterator[str]:
    for license_ in added:
        product = product_of(license_)
        if account in product.holders:
            continue
        if account is AccountKind.PERSON:
            yield f"{product.name} is for auto attendants and call queues, not for people"
        else:
            yield f"{product.name} is for people, not for {account.value.replace('_', ' ')}s"


def _unsupported(user: User, after: License) -> Iterator[str]:
    had, has = services_of(user.licenses), services_of(after)
    for license_ in after:
        product = product_of(license_)
        if not product.needs or product.needs & has:
            continue
        taken = product.needs & had
        if license_ in user.licenses and taken:
            yield f"{product.name} stands on {in_words(taken)}: leave that, or switch {product.name} off as well"
        else:
            needed = (each for each in product.needs if user.account in product_of(each).holders)
            names = in_words(reduce(or_, needed, NO_LICENSE))
            yield f"{product.name} needs {names}, or a bundle with it: switch that on as well"


def _excluded(after: License) -> Iterator[str]:
    """A bundle with a plan excludes plans as its plan does."""
    plans = NO_LICENSE
    for license_ in after:
        if services_of(license_) & CALLING_PLANS:
            plans |= license_
    if len(plans) > 1:
        names = " and ".join(product_of(each).name for each in plans)
        yield f"{names} exclude each other (MutuallyExclusiveViolation): switch all but one off"


def _absent(user: User, after: License, countries: CountryTable) -> Iterator[str]:
    """Only what comes anew must exist: a plan that a later table ends does not forbid other changes."""
    gained = after & ~user.licenses
    missing = offers.missing_in(gained, user.usage_location, countries)
    if missing:
        yield missing


def _caution(after: License) -> str:
    """Warn whoever could use the credit and may not: recommended even with E5 (S57, D8)."""
    if services_of(after) & _USEFUL_WITH_CREDITS and License.COMMUNICATIONS_CREDITS not in after:
        return "no Communications Credits: what the licenses do not include is refused"
    return ""
