"""What the feature table promises is what charging does, for every set of licenses and each state of the credit."""

from dataclasses import replace
from datetime import UTC, datetime
from functools import reduce
from itertools import chain, combinations, product
from operator import or_

import pytest

from talktime.core.calls.calls import CallKind
from talktime.core.calls.requests import Granted
from talktime.core.organizations.arrangements import Arrangements
from talktime.core.organizations.country_table import CountryRule, CountryTable
from talktime.core.organizations.licenses import CALLING_PLANS, NO_LICENSE, License
from talktime.core.organizations.licensing.features import Funding, features_of
from talktime.core.organizations.organizations import BillingMode
from talktime.core.organizations.users import AccountKind
from talktime.core.rates.rate_decks import Direction, Rate
from tests.core.calls.world import (
    BERLIN,
    BOB,
    MONTREAL,
    ORGANIZATION,
    ORGANIZATION_ID,
    PARIS,
    RATES,
    TOLL,
    TOLL_FREE,
    USER,
    World,
    deck,
    facts,
    lot,
)
from tests.core.rates.tariffs import price

SINGLE = (
    License.PHONE_SYSTEM,
    License.AUDIO_CONFERENCING,
    License.COMMUNICATIONS_CREDITS,
    License.PAY_PER_MINUTE_CONFERENCING,
    License.SELECT_DIAL_OUT,
    License.EXTENDED_DIAL_OUT,
    License.E5,
)
PLANS = (NO_LICENSE, License.DOMESTIC, License.DOMESTIC_AND_INTERNATIONAL, License.PAY_AS_YOU_GO_1)
LICENSES = tuple(
    reduce(or_, chosen, plan)
    for chosen, plan in product(chain.from_iterable(combinations(SINGLE, n) for n in range(len(SINGLE) + 1)), PLANS)
)
# Canada and France are in Zone A, France is reached by minutes abroad, Germany is neither: there money alone pays.
COUNTRIES = CountryTable(
    1,
    {
        "GB": CountryRule("GB", is_zone_a=True, domestic_minutes=3_000, international_minutes=600),
        "FR": CountryRule("FR", is_zone_a=True),
        "CA": CountryRule("CA", is_zone_a=True),
    },
    frozenset({"FR"}),
)
TOLL_RATE = Rate(Direction.TOLL_INBOUND, "44", "", "Toll", (price(60, 60, "0.01"),))
NEVER_FUNDED = Funding(BillingMode.PREPAID, has_credit_set_up=False, has_balance=False)
EMPTY = Funding(BillingMode.PREPAID, has_credit_set_up=True, has_balance=False)
PAID = Funding(BillingMode.PREPAID, has_credit_set_up=True, has_balance=True)
PLAN_REQUIRED = replace(PAID, is_calling_plan_required=True)


def is_granted(held: License, funding: Funding, called: str, kind: CallKind) -> bool:
    organization = replace(ORGANIZATION, has_credit_set_up=funding.has_credit_set_up)
    known = facts(
        *((lot(1, "10"),) if funding.has_balance else ()),
        organization=organization,
        user=replace(USER, licenses=held),
    )
    arrangements = Arrangements(
        purchased=dict.fromkeys(held, 1),
        assigned={(license_, "GB"): 1 for license_ in held},
        is_calling_plan_required=funding.is_calling_plan_required,
    )
    world = World(
        replace(
            known,
            decks={1: deck(1, (*RATES, TOLL_RATE))},
            arrangements={ORGANIZATION_ID: arrangements},
            country_tables=((datetime(2000, 1, 1, tzinfo=UTC), COUNTRIES),),
        )
    )
    organizer = "" if kind is CallKind.USER_OUT else USER.user_principal_name
    return isinstance(world.start(called, kind=kind, organizer=organizer), Granted)


def given(held: License, funding: Funding) -> set[str]:
    return {state.feature.key for state in features_of(held, AccountKind.PERSON, funding) if state.is_given}


@pytest.mark.parametrize("funding", [NEVER_FUNDED, EMPTY, PAID, PLAN_REQUIRED])
@pytest.mark.parametrize(
    ("key", "called", "kind"),
    [
        ("calls_paid", BERLIN, CallKind.USER_OUT),
        ("conference_dial_out_paid", BERLIN, CallKind.CONFERENCE_OUT),
        ("conference_dial_in", TOLL, CallKind.CONFERENCE_IN),
        ("conference_toll_free_dial_in", TOLL_FREE, CallKind.CONFERENCE_IN),
    ],
)
def test_a_call_is_granted_exactly_where_its_feature_is_given(
    key: str, called: str, kind: CallKind, funding: Funding
) -> None:
    differing = [held for held in LICENSES if (key in given(held, funding)) != is_granted(held, funding, called, kind)]

    assert differing == []


@pytest.mark.parametrize(
    ("keys", "called", "kind"),
    [
        ({"domestic_calls_included"}, BOB, CallKind.USER_OUT),
        ({"international_calls_included"}, PARIS, CallKind.USER_OUT),
        ({"conference_dial_out_zone_a"}, PARIS, CallKind.CONFERENCE_OUT),
        (
            {"conference_dial_out_north_america", "conference_dial_out_unlimited"},
            MONTREAL,
            CallKind.CONFERENCE_OUT,
        ),
    ],
)
def test_without_money_a_call_is_granted_exactly_where_minutes_are_included(
    keys: set[str], called: str, kind: CallKind
) -> None:
    differing = [
        held
        for held in LICENSES
        if bool(keys & given(held, NEVER_FUNDED)) != is_granted(held, NEVER_FUNDED, called, kind)
    ]

    assert differing == []


def test_pay_as_you_go_pays_at_home_exactly_where_its_feature_is_given() -> None:
    held = [licenses for licenses in LICENSES if licenses & CALLING_PLANS == License.PAY_AS_YOU_GO_1]

    differing = [
        licenses
        for licenses, funding in product(held, (NEVER_FUNDED, EMPTY, PAID))
        if ("pay_as_you_go_calls" in given(licenses, funding)) != is_granted(licenses, funding, BOB, CallKind.USER_OUT)
    ]

    assert len(held) == len(LICENSES) // len(PLANS)
    assert differing == []
