"""What the oracle's states stand for: an organization, its people, deck, meters and credit, and a call to be started.

    possible = realizable(state, table)     the state, less what no number or plan of this world can be
    facts, request = world_of(possible, table, dice)

What a state leaves open is drawn: zones, instants, prices, whether a policy is the user's own, how kinds are announced.
Where the oracle knows one reason for an unpriced call, charging knows three: no price, no deck, another currency.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from talktime.core.calls.calls import CallKey, CallKind
from talktime.core.calls.counting import meters
from talktime.core.calls.counting.meters import Meter
from talktime.core.calls.counting.pools import DOMESTIC, INTERNATIONAL, Pool
from talktime.core.calls.requests import ChargingFacts, StartCall
from talktime.core.credit.lots import Credit, CreditLot, LotKind
from talktime.core.credit.recharging.watching import CreditWatch
from talktime.core.organizations.arrangements import Arrangements, Caps, Overage, Stops
from talktime.core.organizations.country_table import CountryRule, CountryTable, PremiumSupport
from talktime.core.organizations.licenses import NO_LICENSE, License
from talktime.core.organizations.licensing.products import read_license
from talktime.core.organizations.organizations import BillingMode, Organization
from talktime.core.organizations.policies import POLICIES
from talktime.core.organizations.users import AccountKind, Identity, NumberUse, User
from talktime.core.rates.rate_decks import DeckPublication, DeckTerms, Direction, Rate, RateDeck
from talktime.core.rates.rating import Price
from talktime.core.values.numbers import country_of
from tests.core.rates.tariffs import price
from tests.oracle.entitlement import (
    COUNTRIES,
    INTERNATIONAL_LIST,
    OUTBOUND_KINDS,
    PREMIUM_COUNTRIES,
    ZONE_A,
    State,
)

ORGANIZATION_ID, USER_ID = 7, 1
PAYER, NAME = "442079460000", "ada@example.com"
TOLL, TOLL_FREE = "442071838750", "18005550100"
ANYBODY = "33199001234"
DEPARTMENT = "Sales"
# One ordinary, one premium and one shared-cost number of each country that has such numbers.
NUMBERS: dict[str, dict[str, str]] = {
    "US": {"ordinary": "12015550123", "premium": "19002345678"},
    "PR": {"ordinary": "17872345678"},
    "CA": {"ordinary": "15062345678"},
    "GB": {"ordinary": "441212345678", "premium": "449012345678", "shared_cost": "448431234567"},
    "DE": {"ordinary": "4930123456", "premium": "499001234567", "shared_cost": "4918012345"},
    "FR": {"ordinary": "33123456789", "premium": "33891123456", "shared_cost": "33884012345"},
    "AT": {"ordinary": "431234567890", "premium": "43900123456", "shared_cost": "43810123456"},
    "MX": {"ordinary": "522001234567", "premium": "529001234567", "shared_cost": "523001234567"},
    "RU": {"ordinary": "73011234567", "premium": "78091234567"},
    "AU": {"ordinary": "61212345678", "premium": "611900123456", "shared_cost": "611300123456"},
    "KE": {"ordinary": "254202012345", "premium": "254900223456"},
    "LV": {"ordinary": "37163123456", "premium": "37190123456", "shared_cost": "37181123456"},
    "CU": {"ordinary": "5371234567", "shared_cost": "538071234567"},
    "CK": {"ordinary": "68221234"},
    "KP": {"ordinary": "85021234567"},
}
# So many users have a plan, and so many conferencing licenses there are, that each pool has 3,000 minutes at least.
PLAN_USERS, CONFERENCE_MINUTES = 25, 3_600
NOT_POOLED_MINUTES = 120
CAP_MICROS, LIMIT_MICROS, CALLS_PER_HOUR = 10_000_000, 5_000_000, 5
SMALL_PLANS = {License.DOMESTIC_120: 120, License.DOMESTIC_240: 240}
PLANS = {
    "MCOPSTN1": License.DOMESTIC,
    "MCOTEAMS_ESSENTIALS": License.DOMESTIC,
    "MCOPSTN2": License.DOMESTIC_AND_INTERNATIONAL,
    "MCOPSTN5": License.DOMESTIC_120,
    "MCOPSTN6": License.DOMESTIC_240,
    "MCOPSTN8": License.DOMESTIC_120_NOT_POOLED,
}
ZONES = tuple(map(ZoneInfo, ("UTC", "Pacific/Auckland", "America/New_York")))
# Minutes of conference dial-out for each license, and whether those that are bought count, in three periods.
PERIODS = (
    (datetime(2018, 5, 31, 23, 30, tzinfo=UTC), 900, False),
    (datetime(2020, 2, 29, 23, 30, tzinfo=UTC), 60, False),
    (datetime(2026, 6, 30, 11, 59, 59, tzinfo=UTC), 60, True),
)
COMPLIMENTARY = ("RU", "KR", "TW")


@dataclass(frozen=True, slots=True)
class Priced:
    """A price, the micros of its first block, and the nanos of a minute."""

    price: Price
    block_micros: int
    nanos_per_minute: int


PRICES = (
    Priced(price(60, 60, "0.06", fee="0.02"), 80_000, 60_000_000),
    Priced(price(1, 1, "0.60"), 10_000, 600_000_000),
    Priced(price(30, 6, "1.20", fee="0.01"), 610_000, 1_200_000_000),
)
COUNTRY_RULES = {
    country: CountryRule(
        country,
        is_zone_a=country in ZONE_A,
        domestic_minutes=1_200,
        international_minutes=600,
        premium=PremiumSupport.ALL if country in PREMIUM_COUNTRIES else PremiumSupport.NONE,
    )
    for country in {*COUNTRIES, *ZONE_A}
}
ORACLES_TABLE = CountryTable(1, COUNTRY_RULES, INTERNATIONAL_LIST)


def deck_of(version_id: int, priced: Priced, *, currency: str = "EUR", blocked: bool = False) -> RateDeck:
    """Price, or block, every number of the world."""
    prices = () if blocked else (priced.price,)
    rates = [
        Rate(direction, digit, "", "World", prices, blocked=blocked) for direction in Direction for digit in "123456789"
    ]
    return RateDeck(version_id=version_id, terms=DeckTerms(currency, ZoneInfo("UTC")), rates=rates)


DECKS = {number: deck_of(number, each) for number, each in enumerate(PRICES)}
BLOCKING, EMPTY, DOLLARS = 10, 11, 12
DECKS[BLOCKING] = deck_of(BLOCKING, PRICES[0], blocked=True)
DECKS[EMPTY] = RateDeck(version_id=EMPTY, terms=DeckTerms("EUR", ZoneInfo("UTC")), rates=())
DECKS[DOLLARS] = deck_of(DOLLARS, PRICES[0], currency="USD")


def realizable(state: State, table: CountryTable) -> State:
    """Return the state, less what cannot be: a class of numbers that a country lacks, minutes of a plan not sold."""
    if state.kind in OUTBOUND_KINDS and state.destination_class != "emergency":
        known = NUMBERS[state.destination]
        is_shared_plan = state.destination_class == "premium" and state.destination in {"PR", "CA"}
        number = NUMBERS["US"]["premium"] if is_shared_plan else known.get(state.destination_class)
        if number is None:
            state = replace(state, destination_class="ordinary")
        else:
            state = replace(state, destination=country_of(number))
    domestic, international = _plan_minutes(state, table)
    return replace(
        state,
        domestic_left=min(state.domestic_left, domestic),
        international_left=min(state.international_left, international),
    )


def _plan_minutes(state: State, table: CountryTable) -> tuple[int, int]:
    """Return how many domestic and international minutes the payer's plan has in its pool; plenty where none is."""
    plan = plan_of(state)
    if plan is None:
        return 10**6, 10**6
    if plan is License.DOMESTIC_120_NOT_POOLED:
        return NOT_POOLED_MINUTES, 0
    rule = table.of("US" if state.home == "PR" else state.home)
    each = SMALL_PLANS.get(plan, rule.domestic_minutes)
    international = rule.international_minutes if plan is License.DOMESTIC_AND_INTERNATIONAL else 0
    return each * PLAN_USERS, international * PLAN_USERS


def plan_of(state: State) -> License | None:
    """Return the payer's plan with minutes; the oracle's states have one at most."""
    return next((PLANS[sku] for sku in sorted(state.licenses) if sku in PLANS), None)


def world_of(state: State, table: CountryTable, dice: random.Random) -> tuple[ChargingFacts, StartCall]:
    """Return what is known and what is asked in a state that can be."""
    return _World(state, table, dice).drawn()


class _World:
    """Draws what a state leaves open."""

    def __init__(self, state: State, table: CountryTable, dice: random.Random) -> None:
        self.state, self.table, self.dice = state, table, dice
        self.zone = dice.choice(ZONES)
        self.at, self.minutes_each, self.counts_purchased = dice.choice(PERIODS)
        local = self.at.astimezone(self.zone)
        self.month = f"{local.year}-{local.month:02}"
        self.country = state.home or "GB"
        self.priced = dice.choice(PRICES)
        self.has_own_policy, self.has_own_cap, self.is_bill_unlimited = self.coin(), self.coin(), self.coin()

    def coin(self) -> bool:
        return self.dice.random() < 0.5

    def drawn(self) -> tuple[ChargingFacts, StartCall]:
        state, dice = self.state, self.dice
        version_id = self._version_id()
        is_published = state.price != "missing" or version_id is not None
        publication = DeckPublication(version_id or 0, self.at - timedelta(days=1))
        facts = ChargingFacts(
            organizations={ORGANIZATION_ID: self._organization()},
            credits={ORGANIZATION_ID: self._credit()},
            calls={},
            identities=dict(self._identities()),
            publications={("standard", each): (publication,) for each in Direction} if is_published else {},
            decks=DECKS,
            watches={ORGANIZATION_ID: CreditWatch()} if self.coin() else {},
            arrangements={ORGANIZATION_ID: self._arrangements()},
            meters={
                (ORGANIZATION_ID, name): meter for name, meter in self._meters() if meter != Meter() or self.coin()
            },
            country_tables=((self.at - timedelta(days=dice.randint(0, 9)), self.table),),
        )
        return facts, self._request()

    # ── who ──────────────────────────────────────────────────────────────────────────────────────────────────────────

    def _organization(self) -> Organization:
        state = self.state
        return Organization(
            ORGANIZATION_ID,
            "Example",
            self.country,
            "EUR",
            self.zone,
            "standard",
            is_active=not state.is_suspended,
            has_credit_set_up=state.credits_set_up,
            mode=BillingMode.POSTPAID if state.is_postpaid else BillingMode.PREPAID,
            arrangements_revision=1,
        )

    def _user(self) -> User:
        state = self.state
        is_person = state.payer == "person"
        licenses = NO_LICENSE
        for sku in state.licenses:
            licenses |= read_license(sku)
        return User(
            ORGANIZATION_ID,
            USER_ID,
            NAME,
            "Ada",
            state.home,
            licenses,
            department=DEPARTMENT,
            account=AccountKind.PERSON if is_person else self.dice.choice(list(AccountKind)[1:]),
            dialout_policy=state.policy if self.has_own_policy else "",
            block_reason="fraud" if state.is_blocked else "",
            is_toll_free_dial_in_allowed=state.may_be_dialed_toll_free,
        )

    def _identities(self) -> Iterator[tuple[str, Identity]]:
        nobody = Identity(ORGANIZATION_ID, NumberUse.TOLL, None)
        yield TOLL, nobody
        yield TOLL_FREE, replace(nobody, use=NumberUse.TOLL_FREE)
        if self.state.payer == "none":
            return
        user = self._user()
        own = Identity(ORGANIZATION_ID, NumberUse.USER, user)
        yield NAME, own
        yield PAYER, own
        if self.state.payer == "resource_account":
            yield TOLL, Identity(ORGANIZATION_ID, NumberUse.TOLL, user)
            yield TOLL_FREE, Identity(ORGANIZATION_ID, NumberUse.TOLL_FREE, user)

    # ── what is arranged, and what is left of it ─────────────────────────────────────────────────────────────────────

    def _arrangements(self) -> Arrangements:
        state = self.state
        purchased, assigned = self._conferencing()
        plan = plan_of(state)
        if plan is not None:
            for home, count in self._where_planned():
                assigned[plan, home] = count
        stop = self.priced.nanos_per_minute - 1 if state.is_too_expensive else self.priced.nanos_per_minute
        return Arrangements(
            1,
            purchased,
            assigned,
            self.dice.choice(list(POLICIES.values())) if self.has_own_policy else POLICIES[state.policy],
            Caps(
                CAP_MICROS if state.user_cap != "none_set" and not self.has_own_cap else None,
                {USER_ID: CAP_MICROS} if state.user_cap != "none_set" and self.has_own_cap else {},
                {DEPARTMENT: CAP_MICROS} if state.department_cap != "none_set" else {"Others": 1},
            ),
            Stops(
                None if state.calls_this_hour_left and self.coin() else CALLS_PER_HOUR,
                None if not state.is_too_expensive and self.coin() else stop,
            ),
            Overage(state.overage_on, None if self._is_bill_unlimited() else LIMIT_MICROS),
            is_calling_plan_required=state.plan_required,
            is_plan_ended_by_either_counter=state.either_exhausts_plan,
            uses_plan_after_conference_minutes=state.use_calling_plan_after_conf_pool,
        )

    def _where_planned(self) -> tuple[tuple[str, int], ...]:
        if self.state.home in {"US", "PR"}:
            return ("US", PLAN_USERS - 4), ("PR", 4)
        return (self.state.home, PLAN_USERS), ("ZW", 9)

    def _conferencing(self) -> tuple[dict[License, int], dict[tuple[License, str], int]]:
        """Return licenses, bought and assigned, that make up the minutes of conference dial-out."""
        each = 900 if self.country in COMPLIMENTARY else self.minutes_each
        count, selected = CONFERENCE_MINUTES // each, self.dice.randint(0, 4)
        license_ = self.dice.choice((License.AUDIO_CONFERENCING, License.E5))
        assigned = {(License.SELECT_DIAL_OUT, "ZW"): selected}
        if self.counts_purchased:
            return {license_: count - selected}, assigned | {(license_, self.country): 99}
        return {license_: 99}, assigned | {(license_, self.country): count - selected}

    def _is_bill_unlimited(self) -> bool:
        return self.state.limit_left == "enough" and self.is_bill_unlimited

    def _meters(self) -> Iterator[tuple[str, Meter]]:
        state, month = self.state, self.month
        plan = plan_of(state)
        if plan is not None:
            yield from self._plan_meters(plan)
        conference = Pool(License.AUDIO_CONFERENCING, "", "", month).name
        yield conference, self._meter(CONFERENCE_MINUTES, state.conference_left)
        yield meters.user_meter(USER_ID, month), self._money(CAP_MICROS, state.user_cap)
        yield meters.department_meter(DEPARTMENT, month), self._money(CAP_MICROS, state.department_cap)
        yield meters.overage_meter(month), self._money(LIMIT_MICROS, state.limit_left)
        hour = f"{meters.CALLS}/{USER_ID}/{self.at:%Y-%m-%dT%H}"
        yield hour, Meter(self.dice.randint(0, 4) if state.calls_this_hour_left else self.dice.randint(5, 7))

    def _plan_meters(self, plan: License) -> Iterator[tuple[str, Meter]]:
        state = self.state
        country = "US" if state.home == "PR" else state.home
        domestic, international = _plan_minutes(state, self.table)
        counter = str(USER_ID) if plan is License.DOMESTIC_120_NOT_POOLED else DOMESTIC
        yield Pool(plan, country, counter, self.month).name, self._meter(domestic, state.domestic_left)
        if plan is License.DOMESTIC_AND_INTERNATIONAL:
            name = Pool(plan, country, INTERNATIONAL, self.month).name
            yield name, self._meter(international, state.international_left)

    def _meter(self, limit: int, left: int) -> Meter:
        """So much is left; where nothing is, the limit may have shrunk below what was used."""
        gone = limit - left + (self.dice.randint(0, 3) if left == 0 else 0)
        # A counter ends its sibling by what was used; what is held of it may come back (D9).
        held = 0 if left == 0 else self.dice.randint(0, gone)
        return Meter(gone - held, held)

    def _money(self, limit: int, amount: str) -> Meter:
        return self._meter(limit, self._amount(amount))

    def _amount(self, amount: str) -> int:
        """Enough pays the first block, two amounts that are too little do not."""
        block = self.priced.block_micros
        if amount in {"none", "none_set"}:
            return 0
        if amount == "too_little":
            return self.dice.randint(1, block // 2 - 1)
        return self.dice.choice((block, block * 3))

    def _credit(self) -> Credit:
        amount, at = self._amount(self.state.balance), self.at
        lots = [CreditLot(1, LotKind.PURCHASED, 10**6, at - timedelta(days=366), at)]
        lots.append(CreditLot(2, LotKind.PURCHASED, 10**6 + amount, at, at + timedelta(days=9), 4 * 10**5, 6 * 10**5))
        owed = self.dice.choice((0, 0, 5)) if amount == 0 else 0
        return Credit(tuple(lots), owed)

    def _version_id(self) -> int | None:
        if self.state.price == "blocked":
            return BLOCKING
        if self.state.price == "missing":
            return self.dice.choice((EMPTY, EMPTY, DOLLARS, None))
        return PRICES.index(self.priced)

    # ── what is asked ────────────────────────────────────────────────────────────────────────────────────────────────

    def _request(self) -> StartCall:
        state = self.state
        kind = CallKind(state.kind)
        asked = StartCall(CallKey("proxy", "c1"), self.at, ANYBODY, self._called(), kind)
        match state.kind:
            case "conf_out" | "call_me":
                asked = replace(asked, organizer=NAME.upper(), kind=self._announced(kind, CallKind.CONFERENCE_OUT))
            case "conf_in" if state.payer != "none":
                asked = replace(asked, organizer=NAME, kind=self._announced(kind, CallKind.CONFERENCE_IN))
            case "user_out_forwarding":
                asked = replace(asked, forwarded_by=NAME, kind=self._announced(kind, CallKind.USER_OUT_FORWARDING))
            case "user_out_transfer" if self.coin():
                asked = replace(asked, forwarded_by=NAME)
            case "user_in":
                asked = replace(asked, kind=self._announced(kind, CallKind.USER_IN))
            case "conf_in":
                asked = replace(asked, kind=self._announced(kind, CallKind.CONFERENCE_IN))
            case "ucap_in" if state.payer == "resource_account":
                asked = replace(asked, kind=self._announced(kind, CallKind.VOICE_APP_IN))
            case "user_out" | "user_out_transfer" | "user_out_conf" | "emergency_out":
                plain = CallKind.USER_OUT
                asked = replace(asked, caller=PAYER, kind=self._announced(kind, plain))
            case "ucap_out":
                asked = replace(asked, caller=PAYER, kind=self._announced(kind, CallKind.VOICE_APP_OUT))
        return asked

    def _announced(self, kind: CallKind, plain: CallKind) -> CallKind | None:
        """A switch need not say what follows from the numbers."""
        return None if kind is plain and self.coin() else kind

    def _called(self) -> str:
        state = self.state
        if state.destination_class == "emergency":
            return self.dice.choice(("112", "911", "999"))
        if state.kind in OUTBOUND_KINDS:
            premium_of_all = {"premium": NUMBERS["US"]["premium"]}
            return (NUMBERS[state.destination] | (premium_of_all if state.destination == "US" else {}))[
                state.destination_class
            ]
        if state.kind in {"user_in", "emergency_in"}:
            return PAYER
        if state.kind == "emergency_out":
            return NUMBERS["KE"]["ordinary"]
        return TOLL_FREE if state.number_called == "toll_free" else TOLL
