"""Who may call, and what may pay: one procedure of named steps, walked by charging and explained by the same steps.

Each step looks at the case and says nothing, or ends the walk: the call is free, or refused, or these sources may pay
for it (domain.md part D).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property

from talktime.core.calls import meters
from talktime.core.calls.calls import (
    EMERGENCY,
    FROM_CONFERENCE,
    FROM_PHONE,
    INBOUND,
    OUTBOUND,
    TO_SERVICE,
    CallKind,
    DenialReason,
    PaysFrom,
)
from talktime.core.calls.pools import Pool, capacity_minutes, conference_pool, plan_pool, pool_of
from talktime.core.calls.requests import ChargingFacts, ChargingTerms, Request, StartCall
from talktime.core.organizations.arrangements import Arrangements
from talktime.core.organizations.country_table import (
    NORTH_AMERICA,
    SHARED_COST_PREFIXES,
    CountryTable,
    PremiumSupport,
    in_force,
    is_own_country,
)
from talktime.core.organizations.licenses import (
    CALLING_PLANS,
    CONFERENCING,
    CONFERENCING_SUBSCRIPTIONS,
    MINUTE_PLANS,
    NO_LICENSE,
    License,
    services_of,
)
from talktime.core.organizations.organizations import BillingMode, Organization
from talktime.core.organizations.policies import POLICIES, ConferenceReach, DialOutPolicy, PhoneReach
from talktime.core.organizations.users import AccountKind, Identity, NumberUse, User
from talktime.core.rates.rate_decks import Direction, MatchedRate, highest_nanos_per_minute, version_in_force
from talktime.core.values.numbers import NumberClass, class_of, country_of, is_e164, is_emergency

PAID_FROM_CREDIT, PAY_PER_MINUTE, EXTENDED_DIAL_OUT = "MCOPSTNPP", "MCOMEETACPEA", "MCOMEETADD_DIALOUT_US"
# Numbers of special rate are paid from money, never from included minutes (domain.md 2.4).
_SPECIAL = frozenset({NumberClass.PREMIUM, NumberClass.SHARED_COST})


@dataclass(frozen=True, slots=True)
class Free:
    """The call costs nothing and is not counted."""

    pays_from: PaysFrom


@dataclass(frozen=True, slots=True)
class Refused:
    """The call may not be made."""

    reason: DenialReason


@dataclass(frozen=True, slots=True)
class Sources:
    """What may pay for a call, in this order: pools by their meters' names, then money at a rate.

    `no_money` says why money may not; then `rate` is None. `counted_by` names the meters that count what it costs.
    """

    pools: tuple[str, ...]
    no_money: DenialReason | None
    version_id: int = 0
    rate: MatchedRate | None = None
    counted_by: tuple[str, ...] = ()


Verdict = Free | Refused | Sources


def payer_of(identities: Mapping[str, Identity], request: StartCall) -> tuple[Identity | None, CallKind]:
    """Tell whose call it is and of which kind.

    A conference is paid by its organizer (S6, S7), a transfer or forwarding by whoever made it, a service number by the
    organization that owns it (S4), any other call by its caller.
    """
    called = identities.get(request.called)
    if request.organizer:
        is_service = called is not None and called.use is not NumberUse.USER
        stated = request.kind or (CallKind.CONFERENCE_IN if is_service else CallKind.CONFERENCE_OUT)
        return identities.get(request.organizer.lower()), stated
    if request.forwarded_by:
        return identities.get(request.forwarded_by.lower()), request.kind or CallKind.USER_OUT_FORWARDING
    if request.kind in INBOUND or (request.kind is None and called is not None):
        return called, _inbound_kind(called, request.kind)
    caller = identities.get(request.caller)
    return caller, request.kind or (CallKind.VOICE_APP_OUT if _is_voice_app(caller) else CallKind.USER_OUT)


def _is_voice_app(identity: Identity | None) -> bool:
    user = None if identity is None else identity.user
    return user is not None and user.account is not AccountKind.PERSON


def _inbound_kind(called: Identity | None, stated: CallKind | None) -> CallKind:
    """What is called decides between user and service; the switch may say which service."""
    if stated is CallKind.EMERGENCY_IN:
        return stated
    if _is_voice_app(called):
        return CallKind.VOICE_APP_IN
    if called is not None and called.use is NumberUse.USER:
        return CallKind.USER_IN
    return CallKind.VOICE_APP_IN if stated is CallKind.VOICE_APP_IN else CallKind.CONFERENCE_IN


@dataclass(frozen=True)
class Case:
    """A call to decide on, and what is known of it; what a step needs is looked up when it asks."""

    facts: ChargingFacts
    request: StartCall
    terms: ChargingTerms
    payer: Identity | None
    kind: CallKind

    @cached_property
    def organization(self) -> Organization:
        """Return the payer's organization."""
        assert self.payer is not None
        return self.facts.organizations[self.payer.organization_id]

    @cached_property
    def arrangements(self) -> Arrangements:
        """Return what the organization has arranged."""
        return self.facts.arranged(self.organization.organization_id)

    @cached_property
    def table(self) -> CountryTable:
        """Return the country table that is valid when the call starts."""
        return in_force(self.facts.country_tables, self.request.at)

    @property
    def user(self) -> User | None:
        """Return the person or resource account that pays, or None where the organization itself does."""
        return None if self.payer is None else self.payer.user

    @cached_property
    def services(self) -> License:
        """Return the payer's licenses with what bundles bring."""
        return NO_LICENSE if self.user is None else services_of(self.user.licenses)

    @cached_property
    def policy(self) -> DialOutPolicy:
        """Return the payer's own dial-out policy, else the organization's."""
        own = "" if self.user is None else self.user.dialout_policy
        return POLICIES[own] if own else self.arrangements.policy

    @property
    def home(self) -> str:
        """Return the payer's usage location (domain.md 6.4)."""
        return self.organization.country if self.user is None else self.user.usage_location

    @cached_property
    def destination(self) -> str:
        """Return the country of the called number, empty where its digits do not tell."""
        return country_of(self.request.called)

    @cached_property
    def number_class(self) -> NumberClass:
        """Return what kind of number is called; some premium numbers of Britain are shared-cost ones to us."""
        is_shared_cost = self.request.called.startswith(SHARED_COST_PREFIXES)
        return NumberClass.SHARED_COST if is_shared_cost else class_of(self.request.called)

    @cached_property
    def is_to_toll_number(self) -> bool:
        """Tell whether the service number that is called is one for which the caller pays."""
        called = self.facts.identities.get(self.request.called)
        if called is not None:
            return called.use is not NumberUse.TOLL_FREE
        return self.number_class is not NumberClass.TOLL_FREE

    @property
    def has_named_organizer(self) -> bool:
        """Tell whether a conference is charged to a person, and not to the number's owner."""
        return bool(self.request.organizer) and self.user is not None

    @cached_property
    def month(self) -> str:
        """Return the calendar month, in the organization's zone, in which the call starts."""
        return meters.month_of(self.request.at, self.organization.zone)

    @property
    def direction(self) -> Direction:
        """Return by which rates of the deck the call is priced."""
        if self.kind not in TO_SERVICE:
            return Direction.OUTBOUND
        return Direction.TOLL_INBOUND if self.is_to_toll_number else Direction.TOLL_FREE_INBOUND

    @cached_property
    def price(self) -> tuple[int, MatchedRate] | DenialReason:
        """Return the published rate at the start with its version (S13), or why there is none."""
        published = self.facts.publications.get((self.organization.deck, self.direction), ())
        version_id = version_in_force(published, self.request.at)
        if version_id is None:
            return DenialReason.NO_RATE_DECK_IN_FORCE
        deck = self.facts.decks[version_id]
        matched = deck.match(self.direction, self.request.called, self.request.caller)
        if matched is None:
            return DenialReason.DESTINATION_NOT_RATED
        if matched.rate.blocked:
            return DenialReason.DESTINATION_BLOCKED
        if deck.terms.currency != self.organization.currency:
            return DenialReason.DECK_CURRENCY_DIFFERS
        return version_id, matched

    @cached_property
    def calls_meter(self) -> str:
        """Name the meter that counts the payer's calls of this hour, empty where nothing stops them."""
        is_stopped = self.arrangements.stops.calls_per_hour is not None
        if not is_stopped or self.user is None or self.kind not in OUTBOUND:
            return ""
        return meters.calls_meter(self.user.user_id, self.request.at)

    @cached_property
    def pools(self) -> tuple[Pool, ...]:
        """Return the pools that may pay for the call, in their order."""
        is_shared, is_own = self.kind in FROM_CONFERENCE, self.kind in FROM_PHONE
        if is_shared and self.arrangements.uses_plan_after_conference_minutes:
            is_own = True
        found: list[Pool | None] = []
        if is_shared and self.services & CONFERENCING_SUBSCRIPTIONS:
            found.append(conference_pool(self.services, self.destination, self.table, self.month))
        if is_own and self.user is not None and self.services & MINUTE_PLANS:
            found.append(
                plan_pool(self.services, self.home, self.destination, self.table, self.month, self.user.user_id)
            )
        if not found or self.number_class in _SPECIAL:
            return ()
        return tuple(pool for pool in found if pool is not None)

    @cached_property
    def counted_by(self) -> tuple[str, ...]:
        """Name the meters that count what the call costs: caps on money, and the overage."""
        caps, names = self.arrangements.caps, []
        if self.user is not None and self.user.account is AccountKind.PERSON:
            if caps.of_user(self.user.user_id) is not None:
                names.append(meters.user_meter(self.user.user_id, self.month))
            if self.user.department in caps.by_department_micros:
                names.append(meters.department_meter(self.user.department, self.month))
        if self.organization.mode is BillingMode.POSTPAID and self.arrangements.overage.is_on:
            names.append(meters.overage_meter(self.month))
        return tuple(names)

    @property
    def meters_wanted(self) -> tuple[str, ...]:
        """Name every meter that may decide about the call, or count it."""
        siblings = [pool.sibling.name for pool in self.pools if pool.sibling is not None]
        hour = (self.calls_meter,) if self.calls_meter else ()
        return (*(pool.name for pool in self.pools), *siblings, *self.counted_by, *hour)

    def minutes_left(self, pool: Pool) -> int:
        """Return how many whole minutes a pool can still promise."""
        return minutes_left(self.facts, pool, self.organization, self.table)


def minutes_left(facts: ChargingFacts, pool: Pool, organization: Organization, table: CountryTable) -> int:
    """Return how many whole minutes a pool can still promise; none where its other counter is used up (D9)."""
    arrangements = facts.arranged(organization.organization_id)
    sibling = pool.sibling if arrangements.is_plan_ended_by_either_counter else None
    if sibling is not None and _left(facts, sibling, organization, table) == 0:
        return 0
    return _left(facts, pool, organization, table)


def _left(facts: ChargingFacts, pool: Pool, organization: Organization, table: CountryTable) -> int:
    organization_id = organization.organization_id
    capacity = capacity_minutes(pool, facts.arranged(organization_id), table, organization.country)
    return facts.meter(organization_id, pool.name).left(capacity)


def _emergency(case: Case) -> Verdict | None:
    is_help = case.kind in EMERGENCY or is_emergency(case.request.called, case.terms.emergency_countries)
    return Free(PaysFrom.FREE) if is_help else None


def _payer_known(case: Case) -> Verdict | None:
    return Refused(DenialReason.CALLER_UNKNOWN) if case.payer is None else None


def _organization_active(case: Case) -> Verdict | None:
    return None if case.organization.is_active else Refused(DenialReason.ORGANIZATION_SUSPENDED)


def _inbound_included(case: Case) -> Verdict | None:
    """Calls to users never cost, nor toll numbers, unless their conference is paid by the minute (domain.md 1.1)."""
    if case.kind is CallKind.USER_IN:
        return Free(PaysFrom.FREE)
    if case.kind not in TO_SERVICE or not case.is_to_toll_number:
        return None
    is_conference = case.kind is CallKind.CONFERENCE_IN and case.has_named_organizer
    return Free(PaysFrom.FREE) if not is_conference or case.services & CONFERENCING_SUBSCRIPTIONS else None


def _number_international(case: Case) -> Verdict | None:
    is_dialable = case.kind not in OUTBOUND or is_e164(case.request.called)
    return None if is_dialable else Refused(DenialReason.NUMBER_NOT_E164)


def _account_not_blocked(case: Case) -> Verdict | None:
    is_blocked = case.kind in OUTBOUND and case.user is not None and case.user.block_reason != ""
    return Refused(DenialReason.USER_BLOCKED) if is_blocked else None


def _policy_allows(case: Case) -> Verdict | None:
    """The organizer's policy decides for conferences, the caller's for phones; the USA is not Canada here."""
    if case.kind in FROM_PHONE:
        return _phone_policy(case)
    return _conference_policy(case) if case.kind in FROM_CONFERENCE else None


def _phone_policy(case: Case) -> Verdict | None:
    reach = case.policy.phones
    if reach is PhoneReach.NOWHERE:
        return Refused(DenialReason.POLICY_FORBIDS_CALLS)
    if reach is PhoneReach.OWN_COUNTRY and not is_own_country(case.home, case.destination):
        return Refused(DenialReason.POLICY_FORBIDS_INTERNATIONAL)
    return None


def _conference_policy(case: Case) -> Verdict | None:
    reach = case.policy.conferences
    if reach is ConferenceReach.NOWHERE:
        return Refused(DenialReason.POLICY_FORBIDS_CONFERENCE_DIAL_OUT)
    if reach is ConferenceReach.OWN_COUNTRY and not is_own_country(case.home, case.destination):
        return Refused(DenialReason.POLICY_ALLOWS_OWN_COUNTRY_ONLY)
    if reach is ConferenceReach.ZONE_A and not case.table.of(case.destination).is_zone_a:
        return Refused(DenialReason.POLICY_ALLOWS_ZONE_A_ONLY)
    return None


def _licensed(case: Case) -> Verdict | None:
    """Each way of calling has a license of its own (S50 to S52, domain.md 6.1)."""
    missing = _missing_license(case)
    return None if missing is None else Refused(missing)


def _missing_license(case: Case) -> DenialReason | None:
    if case.kind is CallKind.VOICE_APP_OUT:
        is_licensed = case.services & (License.RESOURCE_ACCOUNT | License.PHONE_SYSTEM)
        return None if is_licensed else DenialReason.RESOURCE_ACCOUNT_LICENSE_MISSING
    if case.kind in FROM_PHONE:
        if License.PHONE_SYSTEM not in case.services:
            return DenialReason.PHONE_SYSTEM_LICENSE_MISSING
        is_planned = case.services & CALLING_PLANS or not case.arrangements.is_calling_plan_required
        return None if is_planned else DenialReason.CALLING_PLAN_MISSING
    is_organized = case.kind in FROM_CONFERENCE or (case.kind is CallKind.CONFERENCE_IN and case.has_named_organizer)
    if is_organized and not case.services & CONFERENCING:
        return DenialReason.AUDIO_CONFERENCING_LICENSE_MISSING
    return None


def _toll_free_allowed(case: Case) -> Verdict | None:
    is_asked = case.kind is CallKind.CONFERENCE_IN and not case.is_to_toll_number and case.has_named_organizer
    is_allowed = not is_asked or case.user is None or case.user.is_toll_free_dial_in_allowed
    return None if is_allowed else Refused(DenialReason.TOLL_FREE_DISABLED)


def _destination_open(case: Case) -> Verdict | None:
    is_blocked = case.price is DenialReason.DESTINATION_BLOCKED
    return Refused(DenialReason.DESTINATION_BLOCKED) if is_blocked else None


def _premium_supported(case: Case) -> Verdict | None:
    if case.kind not in OUTBOUND or case.number_class is not NumberClass.PREMIUM:
        return None
    is_supported = case.table.of(case.destination).premium is PremiumSupport.ALL
    return None if is_supported else Refused(DenialReason.PREMIUM_NOT_SUPPORTED)


def _not_too_many_calls(case: Case) -> Verdict | None:
    most = case.arrangements.stops.calls_per_hour
    if not case.calls_meter or most is None:
        return None
    counted = case.facts.meter(case.organization.organization_id, case.calls_meter)
    return None if counted.left(most) else Refused(DenialReason.TOO_MANY_CALLS)


def _included_without_limit(case: Case) -> Verdict | None:
    """The extended dial-out add-on reaches the USA and Canada, and draws on no pool (domain.md 3)."""
    is_included = (
        case.kind in FROM_CONFERENCE
        and License.EXTENDED_DIAL_OUT in case.services
        and case.destination in NORTH_AMERICA
        and case.number_class not in _SPECIAL
    )
    return Free(PaysFrom.INCLUDED) if is_included else None


def _sources(case: Case) -> Verdict:
    pools = case.pools
    no_money = next(filter(None, (check(case) for _, check in MONEY_STEPS)), None)
    if no_money is not None and not any(map(case.minutes_left, pools)):
        return Refused(no_money)
    names = tuple(pool.name for pool in pools)
    if no_money is not None:
        return Sources(names, no_money)
    assert not isinstance(case.price, DenialReason)
    version_id, matched = case.price
    return Sources(names, None, version_id, matched, case.counted_by)


def _money_set_up(case: Case) -> DenialReason | None:
    """Credits must be set up (S5, S16); who pays after use needs overage on, or credit that is left (S41)."""
    if case.organization.mode is BillingMode.PREPAID:
        return None if case.organization.has_credit_set_up else DenialReason.CREDIT_NOT_SET_UP
    available = case.facts.credits[case.organization.organization_id].available_micros(case.request.at)
    return None if case.arrangements.overage.is_on or available > 0 else DenialReason.OVERAGE_OFF


def _credits_license(case: Case) -> DenialReason | None:
    """Opens the balance to its holder; numbers, voice apps and pay-per-minute conferences need none (S55, D6)."""
    is_asked = case.organization.mode is BillingMode.PREPAID and case.kind in OUTBOUND
    if not is_asked or case.kind is CallKind.VOICE_APP_OUT or _is_pay_per_minute(case):
        return None
    is_held = License.COMMUNICATIONS_CREDITS in case.services
    return None if is_held else DenialReason.CREDITS_LICENSE_MISSING


def _is_pay_per_minute(case: Case) -> bool:
    by_minute = License.PAY_PER_MINUTE_CONFERENCING in case.services
    is_conference = case.kind in FROM_CONFERENCE or case.kind is CallKind.CONFERENCE_IN
    return is_conference and by_minute and not case.services & CONFERENCING_SUBSCRIPTIONS


def _priced(case: Case) -> DenialReason | None:
    return case.price if isinstance(case.price, DenialReason) else None


def _not_too_expensive(case: Case) -> DenialReason | None:
    highest = case.arrangements.stops.highest_nanos_per_minute
    if highest is None or case.kind not in OUTBOUND or isinstance(case.price, DenialReason):
        return None
    is_dear = highest_nanos_per_minute(case.price[1].rate) > highest
    return DenialReason.DESTINATION_TOO_EXPENSIVE if is_dear else None


Step = Callable[[Case], Verdict | None]

# The procedure: the first step that says something decides. The last one always does.
STEPS: tuple[tuple[str, Step], ...] = (
    ("emergency", _emergency),
    ("payer", _payer_known),
    ("organization", _organization_active),
    ("inbound", _inbound_included),
    ("number", _number_international),
    ("block", _account_not_blocked),
    ("policy", _policy_allows),
    ("license", _licensed),
    ("toll_free", _toll_free_allowed),
    ("deck_block", _destination_open),
    ("premium", _premium_supported),
    ("calls_per_hour", _not_too_many_calls),
    ("add_on", _included_without_limit),
    ("sources", _sources),
)
# What money asks for, in this order.
MONEY_STEPS: tuple[tuple[str, Callable[[Case], DenialReason | None]], ...] = (
    ("set_up", _money_set_up),
    ("credits_license", _credits_license),
    ("price", _priced),
    ("high_cost", _not_too_expensive),
)


def case_of(facts: ChargingFacts, request: StartCall, terms: ChargingTerms) -> Case:
    """Return the case that a start puts."""
    payer, kind = payer_of(facts.identities, request)
    return Case(facts, request, terms, payer, kind)


def decide(case: Case) -> Verdict:
    """Walk the procedure: whether the call is free, refused, or what may pay for it; total over every case."""
    for _, step in STEPS:
        verdict = step(case)
        if verdict is not None:
            return verdict
    message = "the last step decides"
    raise AssertionError(message)


def capability_of(case: Case, pays_from: PaysFrom) -> str:
    """Return the license by which reports name what is not paid by a pool (domain.md 7.3)."""
    if pays_from is PaysFrom.FREE:
        return ""
    if pays_from is PaysFrom.INCLUDED:
        return EXTENDED_DIAL_OUT
    return PAY_PER_MINUTE if _is_pay_per_minute(case) else PAID_FROM_CREDIT


def meters_wanted(facts: ChargingFacts, request: Request, terms: ChargingTerms) -> tuple[int, tuple[str, ...]]:
    """Name the meters that deciding a request may look at, and whose they are; `facts` need none yet."""
    call = facts.calls.get(request.key)
    if call is not None:
        siblings = (pool_of(name).sibling for name in call.setup.meters if meters.kind_of(name) == meters.POOL)
        names = (*call.setup.meters, *(pool.name for pool in siblings if pool is not None))
        return call.setup.organization_id, names
    if not isinstance(request, StartCall):
        return 0, ()
    case = case_of(facts, request, terms)
    if case.payer is None or case.payer.organization_id not in facts.organizations:
        return 0, ()
    return case.payer.organization_id, case.meters_wanted
