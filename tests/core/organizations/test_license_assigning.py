"""Licenses are assigned only as the rules of the service allow, whoever is named in whatever order."""

from collections import Counter
from collections.abc import Sequence
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from talktime.core.organizations.arrangements import Arrangements
from talktime.core.organizations.country_table import ConferencingSale, CountryRule, CountryTable
from talktime.core.organizations.licenses import CALLING_PLANS, CREDIT_LICENSES, NO_LICENSE, License, services_of
from talktime.core.organizations.licensing import assigning, buying
from talktime.core.organizations.licensing.assigning import Change, Ruling
from talktime.core.organizations.licensing.products import CATALOG, product_of
from talktime.core.organizations.organizations import BillingMode, Organization
from talktime.core.organizations.users import AccountKind, User
from talktime.core.values.errors import Conflict, Invalid


def _offering(country: str, minutes: int, zone: str) -> CountryRule:
    return CountryRule(
        country,
        ConferencingSale.SUBSCRIPTION,
        domestic_minutes=minutes,
        international_minutes=600,
        pay_as_you_go_zone=zone,
    )


COUNTRIES = CountryTable(
    1,
    {
        "US": _offering("US", 3_000, "1"),
        "AT": _offering("AT", 1_200, "2"),
        "KZ": CountryRule("KZ", has_credits=False),
    },
    frozenset(),
)
PHONE, CREDITS, CONFERENCING = (
    License.PHONE_SYSTEM,
    License.COMMUNICATIONS_CREDITS,
    License.AUDIO_CONFERENCING,
)
PERSON, QUEUE = AccountKind.PERSON, AccountKind.CALL_QUEUE
LICENSES = st.integers(0, 2 * max(License, key=lambda each: each.value).value - 1).map(License)


def _union(licenses: Sequence[License]) -> License:
    return License(sum(each.value for each in set(licenses)))


# Few at a time, so that many of the changes are allowed.
SOME = st.lists(st.sampled_from(list(License)), max_size=3).map(_union)
USUAL = st.sampled_from(
    [
        NO_LICENSE,
        CREDIT_LICENSES,
        PHONE | License.DOMESTIC,
        PHONE | CREDITS | License.PAY_AS_YOU_GO_1,
        License.E5 | CREDITS,
        License.E5 | License.DOMESTIC_AND_INTERNATIONAL,
        CONFERENCING | License.EXTENDED_DIAL_OUT,
        License.PHONE_WITH_CALLING_PLAN,
        License.RESOURCE_ACCOUNT,
        License.RESOURCE_ACCOUNT | License.DOMESTIC | CREDITS,
    ]
)


def acme(country: str = "US", mode: BillingMode = BillingMode.PREPAID) -> Organization:
    return Organization(1, "Acme", country, "USD", ZoneInfo("UTC"), "standard", mode=mode)


def user(held: License = NO_LICENSE, country: str = "US", account: AccountKind = PERSON, number: int = 1) -> User:
    name = f"user{number}@acme.example"
    return User(1, number, name, name, country, held, account=account)


def ruled(change: Change, organization: Organization | None = None) -> Ruling:
    [ruling] = assigning.rulings([change], organization or acme(), COUNTRIES)
    return ruling


# ── one user ────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("before", "after", "problem"),
    [
        (NO_LICENSE, PHONE | License.DOMESTIC, ""),
        (NO_LICENSE, License.E5 | License.DOMESTIC | CREDITS, ""),
        (NO_LICENSE, License.DOMESTIC, "Domestic Calling Plan needs Phone System, or a bundle with it"),
        (License.E3, License.E3 | CREDITS, "Communications Credits needs Phone System or Audio Conferencing"),
        (PHONE | CREDITS, CREDITS, "Communications Credits stands on Phone System: leave that, or switch"),
        (PHONE | License.DOMESTIC, License.DOMESTIC, "Domestic Calling Plan stands on Phone System"),
        (License.E5 | License.DOMESTIC, PHONE | License.DOMESTIC, ""),
        (NO_LICENSE, License.EXTENDED_DIAL_OUT, "Extended dial-out to USA and Canada needs Audio Conferencing"),
        (NO_LICENSE, License.EXTENDED_DIAL_OUT | License.PAY_PER_MINUTE_CONFERENCING, ""),
        (
            PHONE | License.DOMESTIC,
            PHONE | License.DOMESTIC | License.PAY_AS_YOU_GO_1,
            "and Pay-As-You-Go Calling Plan zone 1 exclude each other (MutuallyExclusiveViolation)",
        ),
        (
            License.PHONE_WITH_CALLING_PLAN,
            License.PHONE_WITH_CALLING_PLAN | License.DOMESTIC,
            "Teams Phone with Calling Plan and Domestic Calling Plan exclude each other",
        ),
        (NO_LICENSE, PHONE | License.PAY_AS_YOU_GO_2, "zone 2 does not exist in US"),
        (NO_LICENSE, License.RESOURCE_ACCOUNT, "is for auto attendants and call queues, not for people"),
    ],
)
def test_a_person_has_what_stands_on_something_excludes_nothing_and_exists_in_his_country(
    before: License, after: License, problem: str
) -> None:
    problems = ruled(Change(user(before), after)).problems

    assert (problem in problems[0]) if problem else problems == ()


@pytest.mark.parametrize(
    ("after", "problem"),
    [
        (License.RESOURCE_ACCOUNT, ""),
        (License.RESOURCE_ACCOUNT | License.PAY_AS_YOU_GO_1 | CREDITS, ""),
        (PHONE, "Phone System is for people, not for call queues"),
        (License.E5, "Enterprise E5 is for people, not for call queues"),
        (License.DOMESTIC, "Domestic Calling Plan needs Teams Phone Resource Account, or"),
    ],
)
def test_a_resource_account_has_its_own_license_and_plans_and_credits_on_it(after: License, problem: str) -> None:
    problems = ruled(Change(user(account=QUEUE), after)).problems

    assert (problem in problems[0]) if problem else problems == ()


def test_a_swap_happens_at_once_and_never_passes_through_a_forbidden_state() -> None:
    before = PHONE | CREDITS | License.PAY_AS_YOU_GO_1

    after = assigning.switched(before, License.DOMESTIC | License.E5, PHONE | License.PAY_AS_YOU_GO_1)

    assert after == License.E5 | License.DOMESTIC | CREDITS
    assert ruled(Change(user(before), after)).problems == ()


def test_a_plan_that_a_later_table_has_ended_forbids_no_other_change() -> None:
    before = PHONE | License.DOMESTIC

    assert ruled(Change(user(before, "KZ"), before | CREDITS)).problems == ()


def test_who_stays_as_he_is_has_no_problem() -> None:
    assert ruled(Change(user(License.DOMESTIC), License.DOMESTIC)) == Ruling()


@pytest.mark.parametrize(
    ("after", "organization", "is_cautioned"),
    [
        (License.E5, acme(), True),
        (PHONE, acme(), True),
        (CONFERENCING, acme(), True),
        (License.SELECT_DIAL_OUT, acme(), True),
        (CREDIT_LICENSES, acme(), False),
        (License.E3, acme(), False),
        # Pay-per-minute conferencing needs none (D6).
        (License.PAY_PER_MINUTE_CONFERENCING, acme(), False),
        (License.E5, acme(mode=BillingMode.POSTPAID), False),
        (License.E5, acme("KZ"), False),
    ],
)
def test_who_could_use_the_credit_and_has_no_license_for_it_is_warned_about_and_not_refused(
    after: License, organization: Organization, *, is_cautioned: bool
) -> None:
    ruling = ruled(Change(user(), after), organization)

    assert ruling.problems == ()
    assert bool(ruling.caution) == is_cautioned


# ── how many ────────────────────────────────────────────────────────────────────────────────────────────────


def test_what_is_missing_is_counted_exactly_and_the_command_that_buys_it_named() -> None:
    has = Arrangements(
        purchased={License.DOMESTIC: 12}, assigned={(License.DOMESTIC, "US"): 8, (License.DOMESTIC, "AT"): 4}
    )
    changes = [Change(user(PHONE, number=number), PHONE | License.DOMESTIC) for number in range(3)]

    [shortage] = assigning.shortages(changes, has)

    assert shortage.message == (
        "Domestic Calling Plan: 12 bought, 12 assigned, 3 more needed; `talktime licenses buy domestic 15`"
    )


def test_what_some_give_back_others_may_have() -> None:
    has = Arrangements(purchased={License.DOMESTIC: 1}, assigned={(License.DOMESTIC, "US"): 1})
    swap = [
        Change(user(PHONE | License.DOMESTIC, number=1), PHONE),
        Change(user(PHONE, number=2), PHONE | License.DOMESTIC),
    ]

    assert assigning.shortages(swap, has) == ()


def test_credits_are_unlimited() -> None:
    assert assigning.shortages([Change(user(PHONE), PHONE | CREDITS)], Arrangements(assigned={(PHONE, "US"): 1})) == ()


def test_more_than_was_bought_may_be_given_back_in_part() -> None:
    has = Arrangements(assigned={(PHONE, "US"): 40})

    assert assigning.shortages([Change(user(PHONE), NO_LICENSE)], has) == ()


@pytest.mark.parametrize(("phone_systems", "allotted"), [(0, 25), (9, 25), (10, 26), (600, 85)])
def test_resource_accounts_are_allotted_by_phone_systems(phone_systems: int, allotted: int) -> None:
    bought = {PHONE: phone_systems // 2, License.E5: phone_systems - phone_systems // 2}

    assert assigning.available(License.RESOURCE_ACCOUNT, bought) == allotted


def test_a_resource_account_beyond_the_allotment_is_refused_with_the_rule() -> None:
    has = Arrangements(assigned={(License.RESOURCE_ACCOUNT, "US"): 25})

    [shortage] = assigning.shortages([Change(user(account=QUEUE), License.RESOURCE_ACCOUNT)], has)

    assert "25 allotted, 25 assigned, 1 more needed; 25 are free, and one more for each 10 licenses" in shortage.message


# ── properties ──────────────────────────────────────────────────────────────────────────────────────────────

PEOPLE = st.lists(
    st.tuples(USUAL | SOME, st.sampled_from(["US", "AT", "KZ"]), st.sampled_from([PERSON, QUEUE])),
    min_size=1,
    max_size=6,
)


@given(PEOPLE, SOME, SOME, st.dictionaries(st.sampled_from(list(License)), st.integers(0, 6)))
def test_assigning_never_ends_in_a_forbidden_state(
    people: list[tuple[License, str, AccountKind]], on: License, off: License, purchased: dict[License, int]
) -> None:
    users = [user(held, country, account, number) for number, (held, country, account) in enumerate(people)]
    users = [each for each in users if _is_allowed(each, each.licenses)]
    has = Arrangements(purchased=purchased, assigned=_counted(users))
    changes = [Change(each, assigning.switched(each.licenses, on, off)) for each in users]

    rulings = assigning.rulings(changes, acme(), COUNTRIES)
    missing = assigning.shortages(changes, has)

    if not missing and not any(ruling.problems for ruling in rulings):
        assert all(_is_allowed(change.user, change.after) for change in changes)
        before, after = (
            Counter(license_ for each in held for license_ in each)
            for held in ([each.licenses for each in users], [change.after for change in changes])
        )
        assert all(count <= max(before[license_], _most(license_, purchased)) for license_, count in after.items())


@given(PEOPLE, SOME, SOME, st.data())
def test_the_order_of_names_does_not_matter(
    people: list[tuple[License, str, AccountKind]], on: License, off: License, data: st.DataObject
) -> None:
    changes = [
        Change(user(held, country, account, number), assigning.switched(held, on, off))
        for number, (held, country, account) in enumerate(people)
    ]
    shuffled = data.draw(st.permutations(changes))
    has = Arrangements(assigned=_counted([change.user for change in changes]))

    one, other = (
        {
            change.user.user_id: ruling
            for change, ruling in zip(order, assigning.rulings(order, acme(), COUNTRIES), strict=True)
        }
        for order in (changes, shuffled)
    )

    assert one == other
    assert assigning.shortages(changes, has) == assigning.shortages(shuffled, has)


@given(LICENSES, SOME, SOME)
def test_what_is_named_neither_way_stays(held: License, on: License, off: License) -> None:
    after = assigning.switched(held, on, off)

    assert after & ~(on | off) == held & ~(on | off)
    assert not after & off
    assert on & ~off in after


def _is_allowed(who: User, held: License) -> bool:
    """Say it another way than the code does: one license after the other."""
    services = services_of(held)
    sources = [each for each in held if services_of(each) & CALLING_PLANS]
    return (
        len(sources) <= 1
        and all(who.account in product_of(each).holders for each in held)
        and all(not product_of(each).needs or product_of(each).needs & services for each in held)
        and not any(product_of(each).excludes & held for each in held)
        and all(_exists(each, who.usage_location) for each in services & CALLING_PLANS)
    )


def _exists(plan: License, country: str) -> bool:
    if plan in {License.PAY_AS_YOU_GO_1, License.PAY_AS_YOU_GO_2, License.PAY_AS_YOU_GO_MEXICO}:
        return (plan, country) in {(License.PAY_AS_YOU_GO_1, "US"), (License.PAY_AS_YOU_GO_2, "AT")}
    return country in {"US", "AT"} and (plan, country) != (License.DOMESTIC_240, "US")


def _counted(users: Sequence[User]) -> dict[tuple[License, str], int]:
    return dict(Counter((license_, each.usage_location) for each in users for license_ in each.licenses))


def _most(license_: License, purchased: dict[License, int]) -> int:
    product = product_of(license_)
    if product.is_unlimited:
        return 1_000
    return 25 if product.is_allotted else purchased.get(license_, 0)


# ── buying ──────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("license_", "quantity", "code"),
    [
        (PHONE, -1, "license_quantity"),
        (PHONE, buying.QUANTITY_MAX + 1, "license_quantity"),
    ],
)
def test_a_quantity_is_none_or_many_and_no_slip(license_: License, quantity: int, code: str) -> None:
    with pytest.raises(Invalid) as refusal:
        buying.check_quantity(license_, quantity, Arrangements())

    assert refusal.value.code == code


def test_fewer_than_are_assigned_cannot_be_had() -> None:
    has = Arrangements(purchased={PHONE: 10}, assigned={(PHONE, "US"): 8})
    buying.check_quantity(PHONE, 8, has)

    with pytest.raises(Conflict, match="8 users have Phone System: take it from 1 of them first"):
        buying.check_quantity(PHONE, 7, has)


def test_where_more_are_assigned_than_were_bought_some_more_may_be_bought() -> None:
    has = Arrangements(purchased={PHONE: 1}, assigned={(PHONE, "US"): 8})

    buying.check_quantity(PHONE, 5, has)

    with pytest.raises(Conflict):
        buying.check_quantity(PHONE, 0, has)


def test_phone_systems_that_resource_accounts_stand_on_cannot_be_given_back() -> None:
    has = Arrangements(purchased={PHONE: 600}, assigned={(License.RESOURCE_ACCOUNT, "US"): 85})
    buying.check_quantity(License.E5, 3, has)

    with pytest.raises(Conflict, match="85 resource accounts are licensed, and with so few Phone System 84"):
        buying.check_quantity(PHONE, 599, has)


@pytest.mark.parametrize(
    ("license_", "country", "reason"),
    [
        (CREDITS, "US", "cost nothing and are unlimited"),
        (License.RESOURCE_ACCOUNT, "US", "is allotted and not bought"),
        (License.PAY_AS_YOU_GO_1, "US", "is not sold in US"),
    ],
)
def test_what_is_not_sold_cannot_be_bought(license_: License, country: str, reason: str) -> None:
    with pytest.raises(Invalid, match=reason):
        buying.check_sold(license_, country, COUNTRIES)


def test_in_austria_everything_is_sold_but_what_is_free() -> None:
    refused = set()
    for product in CATALOG:
        try:
            buying.check_sold(product.license, "AT", COUNTRIES)
        except Invalid:
            refused.add(product.license)

    assert refused == {CREDITS, License.RESOURCE_ACCOUNT}
