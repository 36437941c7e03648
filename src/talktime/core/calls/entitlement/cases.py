"""A call to decide on, and what is known of it: whose it is, of which kind, where to, at which price."""

from collections.abc import Callable, Mapping
from typing import Any, Generic, NamedTuple, TypeVar

from talktime.core.calls.calls import FROM_CONFERENCE, FROM_PHONE, INBOUND, TO_SERVICE, CallKind, DenialReason
from talktime.core.calls.counting import meters
from talktime.core.calls.counting.pools import Pool, capacity_minutes, conference_pool, plan_pool, pool_of
from talktime.core.calls.requests import ChargingFacts, ChargingTerms, Request, StartCall
from talktime.core.organizations.arrangements import Arrangements
from talktime.core.organizations.country_table import SHARED_COST_PREFIXES, CountryTable, in_force
from talktime.core.organizations.licenses import NO_LICENSE, Rights, rights_of
from talktime.core.organizations.organizations import BillingMode, Organization
from talktime.core.organizations.policies import DialOutPolicy, policy_named
from talktime.core.organizations.users import AccountKind, Identity, NumberUse, User
from talktime.core.rates.rate_decks import Direction, MatchedRate, version_in_force
from talktime.core.values.numbers import NumberClass, described

T = TypeVar("T")
# Numbers of special rate are paid from money, never from included minutes (domain.md 2.4).
SPECIAL = frozenset({NumberClass.PREMIUM, NumberClass.SHARED_COST})


# Whether a kind of call comes from a phone, comes from a conference, goes to a service number.
_WAYS = {kind: (kind in FROM_PHONE, kind in FROM_CONFERENCE, kind in TO_SERVICE) for kind in CallKind}


class lazy(Generic[T]):  # noqa: N801 -- reads as the decorator that it is
    """Compute when first asked, then keep: functools' own takes a lock each time before Python 3.12."""

    def __init__(self, compute: Callable[[Any], T]) -> None:
        """Keep by the method's name, which the instance's own attribute then hides."""
        self._compute, self._name, self.__doc__ = compute, compute.__name__, compute.__doc__

    def __get__(self, case: object, owner: type) -> T:
        """Compute and keep."""
        value = case.__dict__[self._name] = self._compute(case)
        return value


def payer_of(identities: Mapping[str, Identity], request: StartCall) -> tuple[Identity | None, CallKind]:
    """Tell whose call it is and of which kind.

    A conference is paid by its organizer (S6, S7), a transfer or forwarding by whoever made it, a service number by the
    organization that owns it (S4), any other call by its caller.
    """
    called = identities.get(request.called)
    if request.organizer:
        return identities.get(request.organizer.lower()), _conference_kind(called, request.kind)
    if request.forwarded_by:
        forwarder = identities.get(request.forwarded_by.lower())
        return forwarder, _forwarded_kind(forwarder, request.kind)
    if request.kind in INBOUND or (request.kind is None and called is not None):
        return called, _inbound_kind(called, request.kind)
    caller = identities.get(request.caller)
    return caller, request.kind or (CallKind.VOICE_APP_OUT if _is_voice_app(caller) else CallKind.USER_OUT)


def _conference_kind(called: Identity | None, stated: CallKind | None) -> CallKind:
    """A conference calls out, or its number is called; no other word of a switch is believed: it might be free."""
    if stated in FROM_CONFERENCE or stated in {CallKind.CONFERENCE_IN, CallKind.EMERGENCY_OUT}:
        assert stated is not None
        return stated
    is_service = called is not None and called.use is not NumberUse.USER
    return CallKind.CONFERENCE_IN if is_service else CallKind.CONFERENCE_OUT


def _forwarded_kind(forwarder: Identity | None, stated: CallKind | None) -> CallKind:
    """Whatever the leg was that came in, what is forwarded goes out; a voice app's transfer is its own call."""
    if _is_voice_app(forwarder):
        return CallKind.VOICE_APP_OUT
    if stated in FROM_PHONE or stated is CallKind.EMERGENCY_OUT:
        assert stated is not None
        return stated
    return CallKind.USER_OUT_FORWARDING


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


class Case:
    """A call to decide on, and what is known of it; what only some steps need is looked up when they ask.

    A case whose `payer` is None has no organization: the procedure ends before anything asks for it.
    """

    def __init__(
        self, facts: ChargingFacts, request: StartCall, terms: ChargingTerms, payer: Identity | None, kind: CallKind
    ) -> None:
        """Know the payer's organization, arrangements and rights, and which way the call goes."""
        self.facts, self.request, self.terms, self.payer, self.kind = facts, request, terms, payer, kind
        self.is_from_phone, self.is_from_conference, self.is_to_service = _WAYS[kind]
        self.is_outbound = self.is_from_phone or self.is_from_conference
        if payer is not None:
            self.organization: Organization = facts.organizations[payer.organization_id]
            self.arrangements: Arrangements = facts.arranged(payer.organization_id)
        # The person or resource account that pays, or None where the organization itself does.
        self.user: User | None = None if payer is None else payer.user
        self.rights: Rights = rights_of(NO_LICENSE if self.user is None else self.user.licenses)

    def seen_on(self, facts: ChargingFacts) -> "Case":
        """Return the same case, with what was looked up for it, on the facts as they stand now.

        Another object: facts name the cases that were begun, and a case that named them in turn would keep all of it
        until the next garbage collection.
        """
        case = Case.__new__(Case)
        case.__dict__.update(self.__dict__)
        case.facts = facts
        return case

    @lazy
    def table(self) -> CountryTable:
        """Return the country table that is valid when the call starts."""
        return in_force(self.facts.country_tables, self.request.at)

    @lazy
    def policy(self) -> DialOutPolicy:
        """Return the payer's own dial-out policy, else the organization's."""
        own = "" if self.user is None else self.user.dialout_policy
        return policy_named(own) if own else self.arrangements.policy

    @property
    def home(self) -> str:
        """Return the payer's usage location (domain.md 6.4)."""
        return self.organization.country if self.user is None else self.user.usage_location

    @lazy
    def _described(self) -> tuple[str, NumberClass]:
        return described(self.request.called)

    @property
    def destination(self) -> str:
        """Return the country of the called number, empty where its digits do not tell."""
        return self._described[0]

    @property
    def number_class(self) -> NumberClass:
        """Return what kind of number is called; some premium numbers of Britain are shared-cost ones to us."""
        is_shared_cost = self.request.called.startswith(SHARED_COST_PREFIXES)
        return NumberClass.SHARED_COST if is_shared_cost else self._described[1]

    @lazy
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

    @lazy
    def month(self) -> str:
        """Return the calendar month, in the organization's zone, in which the call starts."""
        return meters.month_of(self.request.at, self.organization.zone)

    @property
    def direction(self) -> Direction:
        """Return by which rates of the deck the call is priced."""
        if not self.is_to_service:
            return Direction.OUTBOUND
        return Direction.TOLL_INBOUND if self.is_to_toll_number else Direction.TOLL_FREE_INBOUND

    @lazy
    def price(self) -> tuple[int, MatchedRate] | DenialReason:
        """Return the published rate at the start with its version (S13), or why there is none."""
        direction = self.direction
        published = self.facts.publications.get((self.organization.deck, direction), ())
        version_id = version_in_force(published, self.request.at)
        if version_id is None:
            return DenialReason.NO_RATE_DECK_IN_FORCE
        deck = self.facts.decks[version_id]
        matched = deck.match(direction, self.request.called, self.request.caller)
        if matched is None:
            return DenialReason.DESTINATION_NOT_RATED
        if matched.rate.blocked:
            return DenialReason.DESTINATION_BLOCKED
        if deck.terms.currency != self.organization.currency:
            return DenialReason.DECK_CURRENCY_DIFFERS
        return version_id, matched

    @lazy
    def calls_meter(self) -> str:
        """Name the meter that counts the payer's calls of this hour, empty where nothing stops them."""
        is_stopped = self.arrangements.stops.calls_per_hour is not None
        if not is_stopped or self.user is None or not self.is_outbound:
            return ""
        return meters.calls_meter(self.user.user_id, self.request.at)

    @lazy
    def pools(self) -> tuple[Pool, ...]:
        """Return the pools that may pay for the call, in their order."""
        if self.user is None or not self.arrangements.brings_minutes:
            return ()
        found: list[Pool | None] = []
        if self.is_from_conference and self.rights.is_conferencing_subscriber:
            found.append(conference_pool(self.rights, self.destination, self.table, self.month))
        is_own = self.is_from_phone or (
            self.is_from_conference and self.arrangements.uses_plan_after_conference_minutes
        )
        if is_own and self.rights.minute_plan is not None:
            plan, user = self.rights.minute_plan, self.user
            found.append(plan_pool(plan, user.usage_location, self.destination, self.table, self.month, user.user_id))
        if not found or self.number_class in SPECIAL:
            return ()
        return tuple(pool for pool in found if pool is not None)

    @lazy
    def counted_by(self) -> tuple[str, ...]:
        """Name the meters that count what the call costs: caps on money, and the overage."""
        caps, names = self.arrangements.caps, list[str]()
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
    """Return how many whole minutes a pool can still promise; none where its other counter is used up (D9).

    What an open call holds of the other counter is not used yet, and a counter that has no minutes ends nothing.
    """
    organization_id = organization.organization_id
    arrangements = facts.arranged(organization_id)
    sibling = pool.sibling if arrangements.is_plan_ended_by_either_counter else None
    if sibling is not None:
        capacity = capacity_minutes(sibling, arrangements, table, organization.country)
        if 0 < capacity <= facts.meter(organization_id, sibling.name).used:
            return 0
    capacity = capacity_minutes(pool, arrangements, table, organization.country)
    return facts.meter(organization_id, pool.name).left(capacity)


def case_of(facts: ChargingFacts, request: StartCall, terms: ChargingTerms) -> Case:
    """Return the case that a start puts: the one that was looked at for its meters, on the facts as they stand now."""
    begun = facts.cases.get(request.key)
    if isinstance(begun, Case) and begun.request is request:
        return begun.seen_on(facts)
    payer, kind = payer_of(facts.identities, request)
    return Case(facts, request, terms, payer, kind)


class Wanted(NamedTuple):
    """The meters that deciding a request may look at, and whose they are; of a start, the case that asked for them."""

    organization_id: int
    names: tuple[str, ...]
    case: Case | None = None


NOTHING_WANTED = Wanted(0, ())


def meters_wanted(facts: ChargingFacts, request: Request, terms: ChargingTerms) -> Wanted:
    """Name the meters that deciding a request may look at; `facts` need none yet."""
    call = facts.calls.get(request.key)
    if call is not None:
        if not call.setup.meters:
            return NOTHING_WANTED
        siblings = (pool_of(name).sibling for name in call.setup.meters if meters.kind_of(name) == meters.POOL)
        names = (*call.setup.meters, *(pool.name for pool in siblings if pool is not None))
        return Wanted(call.setup.organization_id, names)
    # Without arrangements nothing is counted, and hardly anybody's are asked for.
    if not isinstance(request, StartCall) or not facts.arrangements:
        return NOTHING_WANTED
    payer, kind = payer_of(facts.identities, request)
    if payer is None or payer.organization_id not in facts.arrangements:
        return NOTHING_WANTED
    case = Case(facts, request, terms, payer, kind)
    return Wanted(payer.organization_id, case.meters_wanted, case)
