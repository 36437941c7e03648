"""A small world to charge calls in: an organization, its people and numbers, a deck, and the facts as they change."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from talktime.core.calls.calls import Call, CallKey, CallKind, Ending
from talktime.core.calls.cdrs import UsageRow
from talktime.core.calls.charging import decide
from talktime.core.calls.counting.meters import UNUSED, Meter
from talktime.core.calls.requests import (
    Answer,
    AnswerCall,
    ChargingFacts,
    ChargingTerms,
    CloseCall,
    EndCall,
    ExtendCall,
    Granted,
    Outcome,
    Request,
    StartCall,
)
from talktime.core.credit import lots
from talktime.core.credit.ledger import Posting
from talktime.core.credit.lots import Credit, CreditLot, LotKind
from talktime.core.credit.recharging import watching
from talktime.core.credit.recharging.watching import CreditWatch
from talktime.core.organizations.arrangements import NO_ARRANGEMENTS, Arrangements
from talktime.core.organizations.country_table import CountryRule, CountryTable, PremiumSupport
from talktime.core.organizations.licenses import License
from talktime.core.organizations.organizations import Organization
from talktime.core.organizations.users import Identity, NumberUse, User
from talktime.core.rates.rate_decks import DeckPublication, DeckTerms, Direction, Rate, RateDeck
from talktime.core.values.events import Event
from talktime.core.values.money import parse_micros
from tests.core.rates.tariffs import price

NOON = datetime(2026, 6, 10, 12, tzinfo=UTC)
ORGANIZATION_ID = 7
ADA = "442079460000"
BOB = "442079460001"
TOLL = "442071838750"
TOLL_FREE = "18005550100"
# What the decks charge: 0.01 a second; 0.06 a started minute and a fee of 0.02; blocked; nothing; not listed.
PARIS = "33123456789"
BERLIN = "4930123456"
SATELLITE = "881612345678"
FREE_HOTLINE = "8001234567"
TOKYO = "81312345678"
MONTREAL, SAN_JUAN = "15145550100", "17875550100"
LONDON, NEW_YORK, BRITISH_PREMIUM = "442079469999", "12125550100", "449012345678"

ALL_LICENSES = License.PHONE_SYSTEM | License.AUDIO_CONFERENCING | License.COMMUNICATIONS_CREDITS
USER = User(ORGANIZATION_ID, 1, "Ada@example.com", "Ada", "GB", ALL_LICENSES)
ORGANIZATION = Organization(
    ORGANIZATION_ID, "Example", "GB", "EUR", ZoneInfo("Europe/London"), "standard", has_credit_set_up=True
)
RATES = (
    Rate(Direction.OUTBOUND, "33", "", "France", (price(1, 1, "0.60"),)),
    Rate(Direction.OUTBOUND, "49", "", "Germany", (price(60, 60, "0.06", fee="0.02"),)),
    Rate(Direction.OUTBOUND, "881", "", "Satellite", (), blocked=True),
    Rate(Direction.OUTBOUND, "800", "", "Freephone", (price(60, 60, "0"),)),
    Rate(Direction.OUTBOUND, "44", "", "United Kingdom", (price(60, 60, "0.01"),)),
    Rate(Direction.OUTBOUND, "1", "", "North America", (price(60, 60, "0.01"),)),
    Rate(Direction.TOLL_FREE_INBOUND, "1800", "", "Toll-free", (price(60, 60, "0.02"),)),
    Rate(Direction.TOLL_FREE_INBOUND, "1800", "1787", "Toll-free from Puerto Rico", (price(60, 60, "0.10"),)),
)
# Pools so small that a test can use them up; Zone A is Britain, Germany, the USA and Canada.
COUNTRIES = CountryTable(
    1,
    {
        "GB": CountryRule("GB", is_zone_a=True, domestic_minutes=3, international_minutes=2),
        "DE": CountryRule("DE", is_zone_a=True, domestic_minutes=2, international_minutes=2),
        "FR": CountryRule("FR", premium=PremiumSupport.ALL),
        "US": CountryRule("US", is_zone_a=True, domestic_minutes=5),
        "CA": CountryRule("CA", is_zone_a=True, domestic_minutes=4),
    },
    frozenset({"DE", "FR"}),
)


def deck(version_id: int, rates: Iterable[Rate] = RATES, currency: str = "EUR") -> RateDeck:
    """Make a deck version that is clocked in London."""
    return RateDeck(version_id=version_id, terms=DeckTerms(currency, ZoneInfo("Europe/London")), rates=rates)


def lot(lot_id: int, units: str, *, days: int = 300, at: datetime = NOON) -> CreditLot:
    """Make a lot of so many units of money."""
    granted = parse_micros(units)
    return CreditLot(lot_id, LotKind.PURCHASED, granted, at, at + timedelta(days=days))


def key(name: str = "c1") -> CallKey:
    """Name a call."""
    return CallKey("proxy", name)


def people(user: User = USER) -> dict[str, Identity]:
    """Return who is found by which number or name."""
    ada = Identity(ORGANIZATION_ID, NumberUse.USER, user)
    bob = Identity(ORGANIZATION_ID, NumberUse.USER, User(ORGANIZATION_ID, 2, "bob@example.com", "Bob", "GB"))
    return {
        ADA: ada,
        "ada@example.com": ada,
        BOB: bob,
        "bob@example.com": bob,
        TOLL: Identity(ORGANIZATION_ID, NumberUse.TOLL, None),
        TOLL_FREE: Identity(ORGANIZATION_ID, NumberUse.TOLL_FREE, None),
    }


def facts(
    *parts: CreditLot,
    organization: Organization = ORGANIZATION,
    user: User = USER,
    arrangements: Arrangements = NO_ARRANGEMENTS,
    countries: CountryTable = COUNTRIES,
) -> ChargingFacts:
    """Return the facts of a world with this credit, version 1 of the deck in force."""
    in_force = (DeckPublication(1, NOON - timedelta(days=1)),)
    return ChargingFacts(
        organizations={ORGANIZATION_ID: organization},
        credits={ORGANIZATION_ID: Credit(tuple(sorted(parts, key=lots.spending_order)))},
        calls={},
        identities=people(user),
        publications={("standard", direction): in_force for direction in Direction},
        decks={1: deck(1)},
        watches={ORGANIZATION_ID: CreditWatch()},
        arrangements={ORGANIZATION_ID: arrangements},
        country_tables=((NOON - timedelta(days=9_000), countries),),
    )


@dataclass
class World:
    """The facts, and all that was decided on them; seconds count from noon."""

    facts: ChargingFacts = field(default_factory=lambda: facts(lot(1, "10")))
    terms: ChargingTerms = field(default_factory=ChargingTerms)
    usage: list[UsageRow] = field(default_factory=list)
    journal: list[Posting] = field(default_factory=list)
    entry_ids: list[str] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)

    def ask(self, *requests: Request) -> list[Answer]:
        """Decide a batch, and keep what follows from it."""
        outcomes = decide(self.facts, requests, self.terms)
        for outcome in outcomes:
            self._keep(outcome)
        return [outcome.answer for outcome in outcomes]

    def start(
        self,
        called: str = PARIS,
        *,
        at: int = 0,
        name: str = "c1",
        caller: str = ADA,
        kind: CallKind | None = None,
        organizer: str = "",
    ) -> Answer:
        """Ask whether a call may be made."""
        return self.ask(StartCall(key(name), NOON + timedelta(seconds=at), caller, called, kind, organizer=organizer))[
            0
        ]

    def answer(self, *, at: int, name: str = "c1", answered: int | None = None) -> Answer:
        """Tell that it was answered."""
        answered_at = NOON + timedelta(seconds=at if answered is None else answered)
        return self.ask(AnswerCall(key(name), NOON + timedelta(seconds=at), answered_at))[0]

    def extend(self, *, at: int, granted: int, name: str = "c1", elapsed: int | None = None) -> Answer:
        """Ask for more."""
        return self.ask(ExtendCall(key(name), NOON + timedelta(seconds=at), granted, elapsed))[0]

    def end(self, used: int, *, at: int, name: str = "c1", ending: Ending = Ending.HANGUP) -> Answer:
        """Tell that it ended."""
        return self.ask(EndCall(key(name), NOON + timedelta(seconds=at), used, ending))[0]

    def close(self, *, at: int, name: str = "c1") -> Answer:
        """Let the server's timer look at the call."""
        return self.ask(CloseCall(key(name), NOON + timedelta(seconds=at)))[0]

    def fund(self, part: CreditLot, *, at: int = 0) -> None:
        """Add a lot."""
        self.credit, postings = lots.grant(self.credit, part, NOON + timedelta(seconds=at))
        self.watch = watching.funded(self.watch, self.credit)
        self.journal += postings

    def arrange(self, arrangements: Arrangements) -> None:
        """Arrange something else from now on."""
        self.facts = replace(self.facts, arrangements={ORGANIZATION_ID: arrangements})

    def meter(self, name: str) -> Meter:
        """Return what a meter has counted."""
        return self.facts.meters.get((ORGANIZATION_ID, name), UNUSED)

    def call(self, name: str = "c1") -> Call:
        """Return a call as it stands."""
        return self.facts.calls[key(name)]

    @property
    def watch(self) -> CreditWatch:
        """Return what is watched, and what was told."""
        return self.facts.watches[ORGANIZATION_ID]

    @watch.setter
    def watch(self, watch: CreditWatch) -> None:
        self.facts = replace(self.facts, watches={ORGANIZATION_ID: watch})

    @property
    def credit(self) -> Credit:
        """Return the organization's credit as it stands."""
        return self.facts.credits[ORGANIZATION_ID]

    @credit.setter
    def credit(self, after: Credit) -> None:
        self.facts = replace(self.facts, credits={**self.facts.credits, ORGANIZATION_ID: after})

    def available(self, at: int = 0) -> int:
        """Return what a new call could hold."""
        return self.credit.available_micros(NOON + timedelta(seconds=at))

    def publish(self, version: RateDeck, *, at: int) -> None:
        """Put another version in force, for all directions."""
        later = DeckPublication(version.version_id, NOON + timedelta(seconds=at))
        publications = {known: (*published, later) for known, published in self.facts.publications.items()}
        decks = {**self.facts.decks, version.version_id: version}
        self.facts = replace(self.facts, publications=publications, decks=decks)

    def _keep(self, outcome: Outcome) -> None:
        if outcome.call is not None:
            calls = {**self.facts.calls, outcome.call.setup.key: outcome.call}
            self.facts = replace(self.facts, calls=calls)
            if outcome.credit is not None:
                self.credit = outcome.credit
            if outcome.watch is not None:
                self.watch = outcome.watch
            moved = {(ORGANIZATION_ID, name): meter for name, meter in outcome.meters.items()}
            self.facts = replace(self.facts, meters={**self.facts.meters, **moved})
        self.usage += outcome.usage
        self.events += outcome.events
        for entry in outcome.entries:
            self.entry_ids.append(entry.entry_id)
            self.journal += entry.postings


def granted_seconds(answer: Answer) -> int:
    """Return what was granted; anything else is a failure."""
    assert isinstance(answer, Granted), answer
    return answer.granted_seconds
