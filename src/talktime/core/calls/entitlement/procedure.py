"""Who may call, and what may pay: one procedure of named steps, walked by charging and explained by the same steps.

Each step looks at the case and says nothing, or ends the walk: the call is free, or refused, or these sources may pay
for it (domain.md part D).
"""

from collections.abc import Callable

from talktime.core.calls.calls import EMERGENCY, CallKind, DenialReason, PaysFrom
from talktime.core.calls.entitlement.cases import SPECIAL, Case
from talktime.core.organizations.country_table import NORTH_AMERICA, PremiumSupport, is_own_country
from talktime.core.organizations.organizations import BillingMode
from talktime.core.organizations.policies import ConferenceReach, PhoneReach
from talktime.core.rates.rate_decks import MatchedRate, highest_nanos_per_minute
from talktime.core.values.frozen import frozen
from talktime.core.values.numbers import NumberClass, is_e164, is_emergency

PAID_FROM_CREDIT, PAY_PER_MINUTE, EXTENDED_DIAL_OUT = "MCOPSTNPP", "MCOMEETACPEA", "MCOMEETADD_DIALOUT_US"


@frozen
class Free:
    """The call costs nothing and is not counted."""

    pays_from: PaysFrom


@frozen
class Refused:
    """The call may not be made."""

    reason: DenialReason


@frozen
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
    if not case.is_to_service or not case.is_to_toll_number:
        return None
    is_conference = case.kind is CallKind.CONFERENCE_IN and case.has_named_organizer
    return Free(PaysFrom.FREE) if not is_conference or case.rights.is_conferencing_subscriber else None


def _number_international(case: Case) -> Verdict | None:
    is_dialable = not case.is_outbound or is_e164(case.request.called)
    return None if is_dialable else Refused(DenialReason.NUMBER_NOT_E164)


def _account_not_blocked(case: Case) -> Verdict | None:
    is_blocked = case.is_outbound and case.user is not None and case.user.block_reason != ""
    return Refused(DenialReason.USER_BLOCKED) if is_blocked else None


def _policy_allows(case: Case) -> Verdict | None:
    """The organizer's policy decides for conferences, the caller's for phones; the USA is not Canada here."""
    if case.is_from_phone:
        return _phone_policy(case)
    return _conference_policy(case) if case.is_from_conference else None


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
        is_licensed = case.rights.is_resource_account or case.rights.has_phone_system
        return None if is_licensed else DenialReason.RESOURCE_ACCOUNT_LICENSE_MISSING
    if case.is_from_phone:
        if not case.rights.has_phone_system:
            return DenialReason.PHONE_SYSTEM_LICENSE_MISSING
        is_planned = case.rights.has_calling_plan or not case.arrangements.is_calling_plan_required
        return None if is_planned else DenialReason.CALLING_PLAN_MISSING
    is_organized = case.is_from_conference or (case.kind is CallKind.CONFERENCE_IN and case.has_named_organizer)
    if is_organized and not case.rights.has_conferencing:
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
    if not case.is_outbound or case.number_class is not NumberClass.PREMIUM:
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
        case.is_from_conference
        and case.rights.has_extended_dial_out
        and case.destination in NORTH_AMERICA
        and case.number_class not in SPECIAL
    )
    return Free(PaysFrom.INCLUDED) if is_included else None


def _sources(case: Case) -> Verdict:
    names = tuple([pool.name for pool in case.pools])
    no_money = no_money_because(case)
    if no_money is not None:
        has_minutes = any(map(case.minutes_left, case.pools))
        return Sources(names, no_money) if has_minutes else Refused(no_money)
    assert not isinstance(case.price, DenialReason)
    version_id, matched = case.price
    return Sources(names, None, version_id, matched, case.counted_by)


def no_money_because(case: Case) -> DenialReason | None:
    """Return the first reason why money does not pay for the call, or None where it may."""
    for _, check in MONEY_STEPS:
        reason = check(case)
        if reason is not None:
            return reason
    return None


def _money_set_up(case: Case) -> DenialReason | None:
    """Credits must be set up (S5, S16); who pays after use needs overage on, or credit that is left (S41)."""
    if case.organization.mode is BillingMode.PREPAID:
        return None if case.organization.has_credit_set_up else DenialReason.CREDIT_NOT_SET_UP
    available = case.facts.credits[case.organization.organization_id].available_micros(case.request.at)
    return None if case.arrangements.overage.is_on or available > 0 else DenialReason.OVERAGE_OFF


def _credits_license(case: Case) -> DenialReason | None:
    """Opens the balance to its holder; numbers, voice apps and pay-per-minute conferences need none (S55, D6)."""
    is_asked = case.organization.mode is BillingMode.PREPAID and case.is_outbound
    if not is_asked or case.kind is CallKind.VOICE_APP_OUT or _is_pay_per_minute(case):
        return None
    is_held = case.rights.has_credits
    return None if is_held else DenialReason.CREDITS_LICENSE_MISSING


def _is_pay_per_minute(case: Case) -> bool:
    is_conference = case.is_from_conference or case.kind is CallKind.CONFERENCE_IN
    return is_conference and case.rights.pays_conferences_by_minute


def _priced(case: Case) -> DenialReason | None:
    return case.price if isinstance(case.price, DenialReason) else None


def _not_too_expensive(case: Case) -> DenialReason | None:
    highest = case.arrangements.stops.highest_nanos_per_minute
    if highest is None or not case.is_outbound or isinstance(case.price, DenialReason):
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


def decide(case: Case) -> Verdict:
    """Walk the procedure: whether the call is free, refused, or what may pay for it; total over every case."""
    verdict: Verdict | None = None
    for _, step in STEPS:  # pragma: no branch -- the last step decides
        verdict = step(case)
        if verdict is not None:
            break
    assert verdict is not None
    return verdict


def capability_of(case: Case, pays_from: PaysFrom) -> str:
    """Return the license by which reports name what is not paid by a pool (domain.md 7.3)."""
    if pays_from is PaysFrom.FREE:
        return ""
    if pays_from is PaysFrom.INCLUDED:
        return EXTENDED_DIAL_OUT
    return PAY_PER_MINUTE if _is_pay_per_minute(case) else PAID_FROM_CREDIT
