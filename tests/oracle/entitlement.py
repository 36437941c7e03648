"""May a call be made, and what pays its first second: an independent, table-driven oracle.

Read it beside domain.md. The answer is RULES, one ordered list: the first row that applies gives the verdict. Above it
stand the tables (countries, licenses, policies) and the vocabulary the rows are written in. "House n" cites point n of
the house's own order of checks, which decides wherever domain.md is silent.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass


def countries(text: str) -> frozenset[str]:
    """The ISO country codes of a text."""
    return frozenset(text.split())


# --- Countries -------------------------------------------------------------------------------------------------------

ZONE_A = countries(
    "AU AT BE BR BG CA CN HR CZ DK EE FI FR DE GR HK HU IN IE IT JP LU MY MX NL NZ NO PL PT PR RO RU SG SK SI ZA KR ES"
    " SE CH TW TH GB US"
)
"""The 44 countries of the conferencing dial-out pool (domain.md 3)."""

INTERNATIONAL_LIST = countries(
    "AD AE AF AG AI AL AM AN AO AR AS AT AU AW AZ BA BB BD BE BF BG BH BJ BM BN BO BR BS BT BW BY BZ CA CD"
    " CF CG CH CI CL CM CN CO CR CV CY CZ DE DJ DK DM DO DZ EC EE EG ER ES ET FI FJ FM FO FR GB GD GE GF GH"
    " GI GL GN GP GQ GR GT GU GY HK HN HR HT HU ID IE IL IN IQ IR IS IT JM JO JP KE KG KH KM KN KR KW KY KZ"
    " LA LB LC LI LK LS LT LU LV LY MA MC MD ME MH MK ML MM MN MO MP MQ MS MT MU MW MX MY MZ NA NC NE NG NI"
    " NL NO NP NZ OM PA PE PF PH PK PL PM PR PS PT PW PY QA RE RO RS RU RW SA SD SE SG SI SK SM SN SR SS SV"
    " SY SZ TC TG TH TJ TM TR TT TW TZ UA UG US UY UZ VA VC VE VG VI VN WF YE YT ZA ZM ZW"
)
"""The 198 destinations of the Domestic & International plan (D24, domain.md 2.3)."""

NORTH_AMERICA = frozenset({"US", "PR", "CA"})
"""Domestic to each other for minutes (domain.md 2.3); reach of the extended dial-out add-on (domain.md 3)."""

UNITED_STATES = frozenset({"US", "PR"})
"""One country for the dial-out policies; Canada is another (domain.md 2.3, Part D step 3)."""

PREMIUM_COUNTRIES = frozenset({"AT", "FR"})
"""Where premium numbers can be called at all (domain.md 2.4)."""

# --- Kinds of call ---------------------------------------------------------------------------------------------------

EMERGENCY_KINDS = frozenset({"emergency_out", "emergency_in"})
USER_OUT_KINDS = frozenset({"user_out", "user_out_transfer", "user_out_forwarding", "user_out_conf"})
CONFERENCE_OUT_KINDS = frozenset({"conf_out", "call_me"})
PSTN_OUT_KINDS = USER_OUT_KINDS | {"ucap_out"}
OUTBOUND_KINDS = PSTN_OUT_KINDS | CONFERENCE_OUT_KINDS
INBOUND_KINDS = frozenset({"user_in", "conf_in", "ucap_in"})
KINDS = tuple(sorted(EMERGENCY_KINDS | OUTBOUND_KINDS | INBOUND_KINDS))

# --- Licenses (domain.md 6.2) ----------------------------------------------------------------------------------------

PAY_PER_MINUTE = "MCOMEETACPEA"
EXTENDED_DIAL_OUT = "MCOMEETADD_DIALOUT_US"
SELECT_DIAL_OUT = "Microsoft_Teams_Audio_Conferencing_select_dial_out"
CREDITS_LICENSES = frozenset({"MCOPSTNC", "MCOPSTNPP"})
"""The credits license and its alias (D7)."""

PHONE_SYSTEM_LICENSES = frozenset(
    {"MCOEV", "MCOCAP", "MCOTEAMS_ESSENTIALS", "ENTERPRISEPREMIUM", "ENTERPRISEPREMIUM_NOPSTNCONF"}
)
RESOURCE_ACCOUNT_LICENSES = PHONE_SYSTEM_LICENSES | {"MCOEV_VIRTUALUSER"}

CONFERENCE_POOL_REACH: dict[str, frozenset[str]] = {
    "MCOMEETADV": ZONE_A,
    "ENTERPRISEPREMIUM": ZONE_A,
    SELECT_DIAL_OUT: NORTH_AMERICA,
}
"""The conferencing subscriptions, and where the dial-out pool pays for their holder (domain.md 3, House 9)."""

SUBSCRIPTIONS = frozenset(CONFERENCE_POOL_REACH)
CONFERENCING_LICENSES = SUBSCRIPTIONS | {PAY_PER_MINUTE}

DOMESTIC_ONLY = frozenset({"domestic"})
PLAN_COUNTERS: dict[str, frozenset[str]] = {
    "MCOPSTN1": DOMESTIC_ONLY,
    "MCOPSTN2": frozenset({"domestic", "international"}),
    "MCOPSTN5": DOMESTIC_ONLY,
    "MCOPSTN6": DOMESTIC_ONLY,
    "MCOPSTN8": DOMESTIC_ONLY,
    "MCOTEAMS_ESSENTIALS": DOMESTIC_ONLY,
    "MCOPSTN_PAYG_1": frozenset(),
    "MCOPSTN_PAYG_2": frozenset(),
}
"""The calling plans and the counters of minutes each has (domain.md 2.1); Pay-As-You-Go has none (S11)."""

# --- Dial-out policies (domain.md 5) ---------------------------------------------------------------------------------

POLICIES: dict[str, tuple[str, str]] = {
    "DialoutCPCandPSTNInternational": ("any", "any"),
    "DialoutCPCDomesticPSTNInternational": ("own_country", "any"),
    "DialoutCPCDisabledPSTNInternational": ("nowhere", "any"),
    "DialoutCPCInternationalPSTNDomestic": ("any", "own_country"),
    "DialoutCPCInternationalPSTNDisabled": ("any", "nowhere"),
    "DialoutCPCandPSTNDomestic": ("own_country", "own_country"),
    "DialoutCPCDomesticPSTNDisabled": ("own_country", "nowhere"),
    "DialoutCPCDisabledPSTNDomestic": ("nowhere", "own_country"),
    "DialoutCPCandPSTNDisabled": ("nowhere", "nowhere"),
    "DialoutCPCZoneAPSTNInternational": ("zone_a", "any"),
    "DialoutCPCZoneAPSTNDomestic": ("zone_a", "own_country"),
    "DialoutCPCZoneAPSTNDisabled": ("zone_a", "nowhere"),
}
"""Of each policy: where conferences may dial out to, and where users may call."""

# --- State and verdict -----------------------------------------------------------------------------------------------

AMOUNTS = ("none", "too_little", "enough")
CAPS = ("none_set", "too_little", "enough")

VALUES: dict[str, tuple[str, ...]] = {
    "kind": KINDS,
    "number_called": ("", "toll", "toll_free"),
    "payer": ("person", "resource_account", "none"),
    "destination_class": ("ordinary", "shared_cost", "premium", "emergency"),
    "policy": tuple(POLICIES),
    "price": ("priced", "missing", "blocked"),
    "balance": AMOUNTS,
    "limit_left": AMOUNTS,
    "user_cap": CAPS,
    "department_cap": CAPS,
}
"""The values each worded field of a State may have."""


@dataclass(frozen=True, slots=True)
class State:
    """Everything the decision depends on. "The payer": the caller, the organizer or the resource account."""

    kind: str
    number_called: str
    payer: str
    licenses: frozenset[str]
    home: str
    destination: str
    destination_class: str
    policy: str
    is_blocked: bool
    is_suspended: bool
    may_be_dialed_toll_free: bool
    domestic_left: int
    international_left: int
    conference_left: int
    price: str
    credits_set_up: bool
    balance: str
    is_postpaid: bool
    overage_on: bool
    limit_left: str
    is_too_expensive: bool
    calls_this_hour_left: bool
    user_cap: str
    department_cap: str
    plan_required: bool
    either_exhausts_plan: bool
    use_calling_plan_after_conf_pool: bool

    def __post_init__(self) -> None:
        """Refuse a value outside VALUES, so that a misspelled comparison fails loudly."""
        for field, values in VALUES.items():
            if getattr(self, field) not in values:
                raise ValueError(f"{field} cannot be {getattr(self, field)!r}; it is one of {', '.join(values)}")


@dataclass(frozen=True, slots=True)
class Verdict:
    """May the call be made, and what pays its first second (source) or why not (reason)."""

    is_allowed: bool
    source: str
    reason: str


def pays(source: str) -> Verdict:
    """The call is allowed; the source pays its first second."""
    return Verdict(is_allowed=True, source=source, reason="")


def refuse(reason: str) -> Verdict:
    """The call is refused for this reason."""
    return Verdict(is_allowed=False, source="", reason=reason)


# --- Vocabulary: the call --------------------------------------------------------------------------------------------


def is_emergency(s: State) -> bool:
    """Emergency calls are never blocked and never charged (domain.md 5, Part D step 1)."""
    return s.kind in EMERGENCY_KINDS or s.destination_class == "emergency"


def is_outbound(s: State) -> bool:
    """The organization places the call."""
    return s.kind in OUTBOUND_KINDS


def is_user_out(s: State) -> bool:
    """A person places the call, or has it transferred or forwarded (domain.md 7.2)."""
    return s.kind in USER_OUT_KINDS


def is_conference_out(s: State) -> bool:
    """A conference dials out, "call me" included (S6, S7)."""
    return s.kind in CONFERENCE_OUT_KINDS


def has_organizer(s: State) -> bool:
    """The call belongs to a conference whose organizer is known: conf_in may come without one (House 3)."""
    return s.kind in CONFERENCE_OUT_KINDS | {"conf_in"} and s.payer != "none"


def is_bridge_call(s: State) -> bool:
    """Somebody dials into the conference of a known organizer."""
    return s.kind == "conf_in" and has_organizer(s)


def is_anonymous_service_call(s: State) -> bool:
    """A call to a service number for which no organizer stands: any ucap_in, and conf_in that names none (House 3)."""
    return s.kind in {"conf_in", "ucap_in"} and not is_bridge_call(s)


def holds(s: State, licenses: frozenset[str]) -> bool:
    """The payer holds at least one of the licenses."""
    return bool(s.licenses & licenses)


def is_pay_per_minute_organizer(s: State) -> bool:
    """The organizer has pay-per-minute conferencing and no subscription beside it (D6, House 10)."""
    return has_organizer(s) and PAY_PER_MINUTE in s.licenses and not holds(s, SUBSCRIPTIONS)


# --- Vocabulary: where to --------------------------------------------------------------------------------------------


def are_one_country(s: State, union: frozenset[str]) -> bool:
    """Home and destination are the same country, or both belong to the union of countries."""
    return s.home == s.destination or {s.home, s.destination} <= union


def policy_allows(s: State, area: str) -> bool:
    """The destination lies in the area a dial-out policy allows; US and Canada are two countries (domain.md 2.3, 5)."""
    return {
        "any": True,
        "zone_a": s.destination in ZONE_A,
        "own_country": are_one_country(s, UNITED_STATES),
        "nowhere": False,
    }[area]


def pstn_policy_refuses(s: State, area: str) -> bool:
    """The user half of the policy is this one, and it forbids the call; bots' calls count as users' (House 4)."""
    return s.kind in PSTN_OUT_KINDS and POLICIES[s.policy][1] == area and not policy_allows(s, area)


def conference_policy_refuses(s: State, area: str) -> bool:
    """The conferencing half of the organizer's policy is this one, and it forbids the call (domain.md 5)."""
    return is_conference_out(s) and POLICIES[s.policy][0] == area and not policy_allows(s, area)


# --- Vocabulary: what is included ------------------------------------------------------------------------------------


def counter_of(s: State) -> str:
    """The counter of minutes the destination belongs to, or "" when no plan includes it (domain.md 2.3, S9)."""
    if are_one_country(s, NORTH_AMERICA):
        return "domestic"
    return "international" if s.destination in INTERNATIONAL_LIST else ""


def plan_has_minutes(s: State) -> bool:
    """The payer's plan includes the destination and has a minute left (domain.md 2.2, D9)."""
    left = {"domestic": s.domestic_left, "international": s.international_left, "": 0}
    is_exhausted_by_either = (
        s.either_exhausts_plan and "MCOPSTN2" in s.licenses and min(left["domestic"], left["international"]) <= 0
    )
    counters = frozenset().union(*(PLAN_COUNTERS.get(sku, frozenset()) for sku in s.licenses))
    return counter_of(s) in counters and left[counter_of(s)] > 0 and not is_exhausted_by_either


def is_included_class(s: State) -> bool:
    """Shared-cost and premium numbers are paid from money only (domain.md 2.4, House 7)."""
    return s.destination_class == "ordinary"


def plan_pays(s: State) -> bool:
    """The plan pool pays users' and bots' calls; conferences' only where the organization chose so (D12)."""
    may_pay = s.kind in PSTN_OUT_KINDS or (is_conference_out(s) and s.use_calling_plan_after_conf_pool)
    return may_pay and is_included_class(s) and plan_has_minutes(s)


def add_on_pays(s: State) -> bool:
    """The organizer's extended dial-out add-on: unlimited to the US and Canada (domain.md 3, Part D step 6)."""
    is_held = is_conference_out(s) and EXTENDED_DIAL_OUT in s.licenses
    return is_held and is_included_class(s) and s.destination in NORTH_AMERICA


def conference_pool_pays(s: State) -> bool:
    """The conferencing dial-out pool: Zone A, or US and Canada only, by the organizer's subscription (domain.md 3)."""
    reach = frozenset().union(*(CONFERENCE_POOL_REACH.get(sku, frozenset()) for sku in s.licenses))
    return is_conference_out(s) and is_included_class(s) and s.destination in reach and s.conference_left > 0


# --- Vocabulary: money -----------------------------------------------------------------------------------------------


def needs_credits_license(s: State) -> bool:
    """Prepaid and outbound, but neither a resource account's fallback nor pay-per-minute (S16, D6, 1.1 no. 11)."""
    return not s.is_postpaid and is_outbound(s) and s.kind != "ucap_out" and not is_pay_per_minute_organizer(s)


def can_overage_pay(s: State) -> bool:
    """The bill takes the call: overage is on, and its monthly limit leaves room (S41, domain.md 1.8)."""
    return s.overage_on and s.limit_left == "enough"


def always(_: State) -> bool:
    """What is left when no earlier row applied."""
    return True


# --- The procedure ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Rule:
    """One row of the procedure: where it stands, when it applies, what it says."""

    place: str
    applies: Callable[[State], bool]
    verdict: Verdict


RULES: tuple[Rule, ...] = (
    Rule("House 1; Part D step 1; 5", is_emergency, pays("free")),
    Rule("House 2", lambda s: s.is_suspended, refuse("organization_suspended")),
    # 3. What is free
    Rule("House 3; Part D step 2; 1.1", lambda s: s.kind == "user_in", pays("free")),
    Rule(
        "House 3; 1.1",
        lambda s: s.number_called == "toll" and is_anonymous_service_call(s),
        pays("free"),
    ),
    Rule(
        "House 3; Part D step 2; 1.1; 3",
        lambda s: is_bridge_call(s) and s.number_called == "toll" and holds(s, SUBSCRIPTIONS),
        pays("free"),
    ),
    # 4. Fraud block and dial-out policy
    Rule("House 4; Part D step 3; 7.9", lambda s: is_outbound(s) and s.is_blocked, refuse("user_blocked")),
    Rule("House 4; 5", lambda s: pstn_policy_refuses(s, "nowhere"), refuse("policy_forbids_calls")),
    Rule("House 4; 5; 2.3", lambda s: pstn_policy_refuses(s, "own_country"), refuse("policy_forbids_international")),
    Rule(
        "House 4; 5",
        lambda s: conference_policy_refuses(s, "nowhere"),
        refuse("policy_forbids_conference_dial_out"),
    ),
    Rule(
        "House 4; 5; 2.3",
        lambda s: conference_policy_refuses(s, "own_country"),
        refuse("policy_allows_own_country_only"),
    ),
    Rule("House 4; 5; 3", lambda s: conference_policy_refuses(s, "zone_a"), refuse("policy_allows_zone_a_only")),
    # 5. Licenses
    Rule(
        "House 5; Part D step 4; 6.1",
        lambda s: is_user_out(s) and not holds(s, PHONE_SYSTEM_LICENSES),
        refuse("phone_system_license_missing"),
    ),
    Rule(
        "House 5; 6.1; S52",
        lambda s: is_user_out(s) and s.plan_required and not holds(s, frozenset(PLAN_COUNTERS)),
        refuse("calling_plan_missing"),
    ),
    Rule(
        "House 5; Part D step 4; 6.1",
        lambda s: (is_conference_out(s) or is_bridge_call(s)) and not holds(s, CONFERENCING_LICENSES),
        refuse("audio_conferencing_license_missing"),
    ),
    Rule(
        "House 5; D21; 4.5",
        lambda s: s.kind == "ucap_out" and not holds(s, RESOURCE_ACCOUNT_LICENSES),
        refuse("resource_account_license_missing"),
    ),
    Rule(
        "House 5; 3",
        lambda s: is_bridge_call(s) and s.number_called == "toll_free" and not s.may_be_dialed_toll_free,
        refuse("toll_free_disabled"),
    ),
    # 6 to 8. The destination and the speed of calling
    Rule("House 6", lambda s: s.price == "blocked", refuse("destination_blocked")),
    Rule(
        "House 7; Part D step 5; 2.4",
        lambda s: is_outbound(s) and s.destination_class == "premium" and s.destination not in PREMIUM_COUNTRIES,
        refuse("premium_not_supported"),
    ),
    Rule("House 8", lambda s: is_outbound(s) and not s.calls_this_hour_left, refuse("too_many_calls")),
    # 9. What is included
    Rule("House 9; Part D step 6; 3", add_on_pays, pays("included")),
    Rule("House 9; Part D step 6; 3", conference_pool_pays, pays("conference_minutes")),
    Rule("House 9; Part D step 6; 2.2; D9; D12", plan_pays, pays("plan_minutes")),
    # 10. Money: the conditions
    Rule(
        "House 10; Part D step 7; S16",
        lambda s: not s.is_postpaid and not s.credits_set_up,
        refuse("credit_not_set_up"),
    ),
    Rule(
        "House 10; 1.8; D19",
        lambda s: s.is_postpaid and not s.overage_on and s.balance == "none",
        refuse("overage_off"),
    ),
    Rule(
        "House 10; Part D step 7; S16; S55",
        lambda s: needs_credits_license(s) and not holds(s, CREDITS_LICENSES),
        refuse("credits_license_missing"),
    ),
    Rule("House 10; S13", lambda s: s.price == "missing", refuse("destination_not_rated")),
    Rule("House 10", lambda s: is_outbound(s) and s.is_too_expensive, refuse("destination_too_expensive")),
    Rule("House 10", lambda s: s.payer == "person" and s.user_cap == "too_little", refuse("user_cap_reached")),
    Rule(
        "House 10",
        lambda s: s.payer == "person" and s.department_cap == "too_little",
        refuse("department_cap_reached"),
    ),
    # 10. Money: the amount
    Rule("House 10; Part D step 7; S4; S41", lambda s: s.balance == "enough", pays("credit")),
    Rule("House 10; Part D step 7; S31", lambda s: not s.is_postpaid, refuse("credit_exhausted")),
    # S41: who pays after use cannot buy credits, so what would help is overage (the house's list said otherwise first).
    Rule("House 10; 1.8; S41", lambda s: not s.overage_on, refuse("overage_off")),
    Rule("House 10; 1.8", lambda s: not can_overage_pay(s), refuse("overage_limit_reached")),
    Rule("House 10; 1.8", lambda s: s.balance == "too_little", pays("credit")),
    Rule("House 10; S41; 1.8", always, pays("postpaid")),
)
"""The procedure: the first row that applies decides. The last row always applies, so every State has a verdict."""


def rule_for(state: State) -> Rule:
    """The row of the procedure that decides the State."""
    return next(rule for rule in RULES if rule.applies(state))


def decide(state: State) -> Verdict:
    """May the call be made, and what pays for it (domain.md Part D)."""
    return rule_for(state).verdict


SOURCES = tuple(sorted({rule.verdict.source for rule in RULES} - {""}))
REASONS = tuple(sorted({rule.verdict.reason for rule in RULES} - {""}))

# --- Random states ---------------------------------------------------------------------------------------------------

COUNTRIES = ("US", "PR", "CA", "GB", "DE", "FR", "AT", "MX", "RU", "AU", "KE", "LV", "CU", "CK", "KP")
"""In Zone A and on the list: US to AU; on the list only: KE, LV; on neither: CU, CK, KP."""

INBOUND_NUMBERS: dict[str, tuple[str, ...]] = {
    "conf_in": ("toll", "toll_free", "toll_free"),
    "ucap_in": ("toll", "toll_free", "toll_free"),
    "user_in": ("toll",),
    "emergency_in": ("toll",),
}
PAYERS: dict[str, tuple[str, ...]] = {
    "conf_in": ("person", "person", "person", "none"),
    "ucap_in": ("none", "resource_account"),
    "ucap_out": ("resource_account",),
}
DRAWN_KINDS = (
    *KINDS,
    *("user_out", "user_out", "user_out", "user_out", "conf_out", "conf_out", "conf_out", "call_me", "call_me"),
    *("ucap_out", "conf_in", "conf_in", "conf_in", "ucap_in"),
)
DRAWN_POLICIES = (*POLICIES, *("DialoutCPCandPSTNInternational",) * 24)
DRAWN_CLASSES = ("ordinary",) * 20 + ("shared_cost",) * 2 + ("premium",) * 3 + ("emergency",)
DRAWN_PLANS = (
    *("", "", "", "MCOPSTN1", "MCOPSTN2", "MCOPSTN2", "MCOPSTN2", "MCOPSTN5", "MCOPSTN6", "MCOPSTN8"),
    *("MCOTEAMS_ESSENTIALS", "MCOPSTN_PAYG_1", "MCOPSTN_PAYG_2"),
)
DRAWN_LICENSES: tuple[tuple[str, ...], ...] = (
    ("", "MCOEV", "MCOEV", "MCOEV", "MCOCAP", "ENTERPRISEPREMIUM", "ENTERPRISEPREMIUM_NOPSTNCONF", "ENTERPRISEPACK"),
    DRAWN_PLANS,
    ("", "MCOMEETADV"),
    ("", PAY_PER_MINUTE),
    ("", "", SELECT_DIAL_OUT),
    ("", "", EXTENDED_DIAL_OUT),
    ("", "MCOPSTNC", "MCOPSTNC", "MCOPSTNC", "MCOPSTNC", "MCOPSTNPP"),
    ("", "", "", "STANDARDPACK"),
)
"""One license (or none) is drawn of each row; the second row keeps a payer to one calling plan."""

DRAWN_RESOURCE_LICENSES = (("", "MCOEV_VIRTUALUSER", "MCOEV_VIRTUALUSER"), DRAWN_PLANS, ("", "", "", "MCOEV"))
DRAWN_PRICES = ("priced",) * 8 + ("missing", "blocked")
DRAWN_MINUTES = (0, 0, 1, 2, 60, 3000)
DRAWN_AMOUNTS = ("none", "too_little", "enough", "enough")
DRAWN_CAPS = ("none_set",) * 4 + ("too_little",) + ("enough",) * 3


def states(rng: random.Random) -> State:
    """Draw one random State; obstacles are rare enough for the later rows of the procedure to decide often.

    An inbound call has no destination, and a conference without an organizer nobody's licenses or country.
    """

    def chance(probability: float) -> bool:
        return rng.random() < probability

    kind = rng.choice(DRAWN_KINDS)
    payer = rng.choice(PAYERS.get(kind, ("person",)))
    is_inbound = kind in INBOUND_NUMBERS
    home = "" if payer == "none" else rng.choice(COUNTRIES)
    rows = {"person": DRAWN_LICENSES, "resource_account": DRAWN_RESOURCE_LICENSES, "none": ()}[payer]
    return State(
        kind=kind,
        number_called=rng.choice(INBOUND_NUMBERS.get(kind, ("",))),
        payer=payer,
        licenses=frozenset(rng.choice(row) for row in rows) - {""},
        home=home,
        destination="" if is_inbound else rng.choice((*(home,) * 5, *COUNTRIES, "US", "PR", "CA", "AT", "FR")),
        destination_class="ordinary" if is_inbound else rng.choice(DRAWN_CLASSES),
        policy=rng.choice(DRAWN_POLICIES),
        is_blocked=chance(0.05),
        is_suspended=chance(0.04),
        may_be_dialed_toll_free=chance(0.8),
        domestic_left=rng.choice(DRAWN_MINUTES),
        international_left=rng.choice(DRAWN_MINUTES),
        conference_left=rng.choice(DRAWN_MINUTES),
        price=rng.choice(DRAWN_PRICES),
        credits_set_up=chance(0.8),
        balance=rng.choice(DRAWN_AMOUNTS),
        is_postpaid=chance(0.45),
        overage_on=chance(0.75),
        limit_left=rng.choice(DRAWN_AMOUNTS),
        is_too_expensive=chance(0.1),
        calls_this_hour_left=chance(0.93),
        user_cap=rng.choice(DRAWN_CAPS),
        department_cap=rng.choice(DRAWN_CAPS),
        plan_required=chance(0.5),
        either_exhausts_plan=chance(0.5),
        use_calling_plan_after_conf_pool=chance(0.5),
    )
