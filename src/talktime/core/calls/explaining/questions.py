"""What each step of the procedure asks, in words, and the facts on which it answers."""

from collections.abc import Callable
from datetime import date
from typing import NamedTuple

from talktime.core.calls.calls import DenialReason, PaysFrom
from talktime.core.calls.charging import Limit
from talktime.core.calls.counting.pools import INTERNATIONAL, Pool, capacity_minutes
from talktime.core.calls.entitlement.cases import Case
from talktime.core.calls.funding import UNLIMITED_MICROS
from talktime.core.organizations.licenses import NO_LICENSE, License, services_of
from talktime.core.organizations.licensing.products import product_of
from talktime.core.organizations.organizations import BillingMode
from talktime.core.rates import rating
from talktime.core.rates.rate_decks import highest_nanos_per_minute
from talktime.core.rates.rating import Tariff
from talktime.core.values.money import format_micros, format_nanos


class Fact(NamedTuple):
    """What a step knew: a name and a value, both in words."""

    name: str
    value: str


class Asked(NamedTuple):
    """A step's question, what it answers where it lets the call pass on, and what it looks at."""

    question: Callable[[Case], str]
    passes_with: str
    facts: Callable[[Case], tuple[Fact, ...]]


SOURCES: dict[PaysFrom, str] = {
    PaysFrom.CREDIT: "credit",
    PaysFrom.FREE: "nothing, the call is free",
    PaysFrom.MINUTES: "included minutes",
    PaysFrom.INCLUDED: "extended dial-out, without limit",
    PaysFrom.OVERAGE: "the bill (overage)",
}
LIMITS: dict[DenialReason, str] = {
    DenialReason.USER_CAP_REACHED: "Does the user's monthly cap allow the first block?",
    DenialReason.DEPARTMENT_CAP_REACHED: "Does the department's monthly cap allow the first block?",
    DenialReason.CREDIT_EXHAUSTED: "Does the available credit pay the connection fee and the first block?",
    DenialReason.OVERAGE_OFF: "Does the credit that is left pay the first block?",
    DenialReason.OVERAGE_LIMIT_REACHED: "Do credit and the month's overage pay the first block?",
}


def pool_name(pool: Pool) -> str:
    """Name a pool for people: `Domestic minutes of US, 2026-06`."""
    if pool.plan is License.AUDIO_CONFERENCING:
        return f"conference dial-out minutes, {pool.month}"
    if pool.plan is License.DOMESTIC_120_NOT_POOLED:
        return f"own minutes of {product_of(pool.plan).name}, {pool.month}"
    return f"{pool.counter} minutes of {product_of(pool.plan).name} in {pool.country}, {pool.month}"


def pool_question(pool: Pool) -> str:
    """Ask whether a pool has minutes."""
    return f"Are there {pool_name(pool)} left?"


def pool_facts(case: Case, pool: Pool) -> tuple[Fact, ...]:
    """Tell what a pool has, and, where the international plan's other counter ends it too, what that has (D9)."""
    found = [Fact("left", _left_of_total(case, pool)), Fact("renews", _renews(pool))]
    if pool.sibling is not None and case.arrangements.is_plan_ended_by_either_counter:
        other = "international" if pool.sibling.counter == INTERNATIONAL else "domestic"
        found.append(Fact(f"{other} minutes, which end it too", _left_of_total(case, pool.sibling)))
    return tuple(found)


def limit_facts(case: Case, limit: Limit, tariff: Tariff) -> tuple[Fact, ...]:
    """Tell what a limit on money leaves, and what the first block costs."""
    first_block = rating.cost_micros(tariff, case.request.at, 1)
    unlimited = limit.left_micros >= UNLIMITED_MICROS
    left = "without limit" if unlimited else _money(case, limit.left_micros)
    found = [Fact("left", left), Fact("connection fee and first block", _money(case, first_block))]
    if limit.reason in {DenialReason.USER_CAP_REACHED, DenialReason.DEPARTMENT_CAP_REACHED}:
        found.append(Fact("month", case.month))
    if limit.reason is DenialReason.DEPARTMENT_CAP_REACHED and case.user is not None:
        found.append(Fact("department", case.user.department))
    return tuple(found)


def _left_of_total(case: Case, pool: Pool) -> str:
    organization = case.organization
    total = capacity_minutes(pool, case.arrangements, case.table, organization.country)
    left = case.facts.meter(organization.organization_id, pool.name).left(total)
    return f"{left:,} of {total:,} min"


def _renews(pool: Pool) -> str:
    year, month = divmod(int(pool.month[:4]) * 12 + int(pool.month[5:]), 12)
    return date(year, month + 1, 1).isoformat()


def _money(case: Case, amount_micros: int) -> str:
    return f"{format_micros(amount_micros)} {case.organization.currency}"


def _licenses(licenses: License) -> str:
    return ", ".join(product_of(each).name for each in licenses) or "none"


def _yes(is_so: object) -> str:
    return "yes" if is_so else "no"


def _country(country: str) -> str:
    return country or "not told by the digits"


# ── questions that depend on the call ───────────────────────────────────────────────────────────────────────


def _policy_question(case: Case) -> str:
    if case.is_from_conference:
        return "May the policy's conferences dial this country?"
    if case.is_from_phone:
        return "May the policy's phones call this country?"
    return "Does the dial-out policy leave it open?"


def _license_question(case: Case) -> str:
    if case.is_from_phone:
        return "Does the caller have the licenses to call out?"
    return "Does the organizer have a conferencing license?" if not case.is_to_service else "Are the licenses there?"


_OUTGOING_ONLY = Fact("asked", "of outgoing calls only")


# ── facts ───────────────────────────────────────────────────────────────────────────────────────────────────


def _number_facts(case: Case) -> tuple[Fact, ...]:
    return (Fact("number", case.request.called), Fact("kind", case.kind.value))


def _payer_facts(case: Case) -> tuple[Fact, ...]:
    if case.payer is None:
        asked = case.request.organizer or case.request.forwarded_by or case.request.caller
        return (Fact("nobody is known as", asked or case.request.called),)
    whose = "the number's owner" if case.user is None else case.user.user_principal_name
    return (Fact("pays", whose), Fact("organization", case.organization.name))


def _organization_facts(case: Case) -> tuple[Fact, ...]:
    organization = case.organization
    return (Fact("active", _yes(organization.is_active)), Fact("billing", organization.mode.value))


def _inbound_facts(case: Case) -> tuple[Fact, ...]:
    found = (Fact("kind", case.kind.value),)
    if not case.is_to_service:
        return found
    return (*found, Fact("number dialed", "toll" if case.is_to_toll_number else "toll-free"))


def _dialed_facts(case: Case) -> tuple[Fact, ...]:
    return (Fact("number", case.request.called), Fact("country", _country(case.destination)))


def _block_facts(case: Case) -> tuple[Fact, ...]:
    if not case.is_outbound:
        return (_OUTGOING_ONLY,)
    reason = "" if case.user is None else case.user.block_reason
    return (Fact("block", reason or "none"),)


def _policy_facts(case: Case) -> tuple[Fact, ...]:
    if not case.is_outbound:
        return (_OUTGOING_ONLY,)
    is_own = case.user is not None and case.user.dialout_policy != ""
    reach = case.policy.conferences if case.is_from_conference else case.policy.phones
    return (
        Fact("policy", f"{case.policy.name} ({'own' if is_own else 'the organization’s'})"),
        Fact("reaches", reach.value.replace("_", " ")),
        Fact("home", case.home),
        Fact("destination", _country(case.destination)),
        Fact("zone A", _yes(case.table.of(case.destination).is_zone_a)),
    )


def _license_facts(case: Case) -> tuple[Fact, ...]:
    held = NO_LICENSE if case.user is None else case.user.licenses
    found = [Fact("assigned", _licenses(held))]
    brought = services_of(held) & ~held
    if brought:
        found.append(Fact("brought by bundles", _licenses(brought)))
    if case.is_from_phone:
        found.append(Fact("calling plan required", _yes(case.arrangements.is_calling_plan_required)))
    return tuple(found)


def _toll_free_facts(case: Case) -> tuple[Fact, ...]:
    if not case.is_to_service or case.is_to_toll_number:
        return (Fact("asked", "of toll-free calls to conferences only"),)
    return (Fact("toll-free dial-in", _yes(case.user is None or case.user.is_toll_free_dial_in_allowed)),)


def _price_facts(case: Case) -> tuple[Fact, ...]:
    deck = Fact("deck", case.organization.deck)
    if isinstance(case.price, DenialReason):
        return (deck, Fact("price", case.price.value.replace("_", " ")))
    version_id, matched = case.price
    highest = format_nanos(highest_nanos_per_minute(matched.rate))
    return (
        deck,
        Fact("version", str(version_id)),
        Fact("prefix", matched.rate.prefix),
        Fact("destination", matched.rate.destination),
        Fact("a minute, at most", f"{highest} {case.organization.currency}"),
    )


def _premium_facts(case: Case) -> tuple[Fact, ...]:
    premium = case.table.of(case.destination).premium.value
    return (
        Fact("number class", case.number_class.value),
        Fact(f"supported in {_country(case.destination)}", premium.replace("_", " ")),
    )


def _calls_facts(case: Case) -> tuple[Fact, ...]:
    most = case.arrangements.stops.calls_per_hour
    if most is None or not case.calls_meter:
        return (Fact("stop", "none"),)
    begun = case.facts.meter(case.organization.organization_id, case.calls_meter).used
    return (Fact("begun this hour", f"{begun:,}"), Fact("stop", f"{most:,} an hour"))


def _add_on_facts(case: Case) -> tuple[Fact, ...]:
    if not case.is_from_conference:
        return (Fact("asked", "of conferences that call out only"),)
    held = case.rights.has_extended_dial_out
    return (Fact("extended dial-out", _yes(held)), Fact("destination", _country(case.destination)))


def _no_facts(_: Case) -> tuple[Fact, ...]:
    return ()


def _set_up_facts(case: Case) -> tuple[Fact, ...]:
    organization = case.organization
    if organization.mode is BillingMode.PREPAID:
        return (Fact("billing", "prepaid"), Fact("credits set up", _yes(organization.has_credit_set_up)))
    credit = case.facts.credits[organization.organization_id].available_micros(case.request.at)
    overage = Fact("overage", "on" if case.arrangements.overage.is_on else "off")
    return (Fact("billing", "postpaid"), overage, Fact("credit left", _money(case, credit)))


def _credits_facts(case: Case) -> tuple[Fact, ...]:
    return (Fact("Communications Credits", _yes(case.rights.has_credits)),)


def _high_cost_facts(case: Case) -> tuple[Fact, ...]:
    highest = case.arrangements.stops.highest_nanos_per_minute
    limit = "none" if highest is None else f"{format_nanos(highest)} {case.organization.currency} a minute"
    return (*_price_facts(case)[-1:], Fact("stop", limit))


def _always(question: str) -> Callable[[Case], str]:
    return lambda _: question


# By the names of `procedure.STEPS`.
STEPS: dict[str, Asked] = {
    "emergency": Asked(_always("Does it call for help?"), "no", _number_facts),
    "payer": Asked(_always("Is it known who pays?"), "yes", _payer_facts),
    "organization": Asked(_always("Is the organization active?"), "yes", _organization_facts),
    "inbound": Asked(_always("Is it an incoming call that never costs?"), "no", _inbound_facts),
    "number": Asked(_always("Can the number be dialed?"), "yes", _dialed_facts),
    "block": Asked(_always("May this account call out?"), "yes", _block_facts),
    "policy": Asked(_policy_question, "yes", _policy_facts),
    "license": Asked(_license_question, "yes", _license_facts),
    "toll_free": Asked(_always("May toll-free callers join this organizer?"), "yes", _toll_free_facts),
    "deck_block": Asked(_always("Does the rate deck leave the destination open?"), "yes", _price_facts),
    "premium": Asked(_always("Is it an ordinary number, or a supported premium one?"), "yes", _premium_facts),
    "calls_per_hour": Asked(_always("Is the hour's stop of calls not reached?"), "yes", _calls_facts),
    "add_on": Asked(_always("Does an add-on include it without limit?"), "no", _add_on_facts),
    "sources": Asked(_always("Does anything pay for it?"), "yes", _no_facts),
}
# By the names of `procedure.MONEY_STEPS`.
MONEY_STEPS: dict[str, Asked] = {
    "set_up": Asked(_always("Is paying with money set up?"), "yes", _set_up_facts),
    "credits_license": Asked(_always("Is the balance open to who pays?"), "yes", _credits_facts),
    "price": Asked(_always("Is there a price?"), "yes", _price_facts),
    "high_cost": Asked(_always("Is it below the high-cost stop?"), "yes", _high_cost_facts),
}
