"""Why a call is allowed or refused: the steps of the one procedure, each with what it asks, knows and answers.

Nothing is decided here: the steps are `procedure.STEPS` and `MONEY_STEPS`, the limits charging's own, and the outcome
is charging's answer to the same start.
"""

from collections.abc import Iterator
from dataclasses import replace
from enum import Enum

from talktime.core.calls import charging, funding
from talktime.core.calls.calls import EXPLANATIONS, NO_HOLD, DenialReason, Hold, PaysFrom
from talktime.core.calls.charging import Limit
from talktime.core.calls.counting.pools import SECONDS_PER_MINUTE, pool_of
from talktime.core.calls.entitlement.cases import Case, case_of
from talktime.core.calls.entitlement.procedure import MONEY_STEPS, STEPS, Free, Refused, Sources, Verdict
from talktime.core.calls.explaining import questions
from talktime.core.calls.explaining.questions import Fact
from talktime.core.calls.requests import ChargingFacts, ChargingTerms, Denied, Granted, StartCall
from talktime.core.organizations.licenses import CALLING_PLANS, CONFERENCING, NO_LICENSE, License
from talktime.core.organizations.policies import POLICIES, ConferenceReach, PhoneReach
from talktime.core.rates import rating
from talktime.core.rates.rating import Block, Tariff
from talktime.core.values.frozen import frozen

# Beyond these nothing is known of the call, so that what later steps would say is noise.
_NOTHING_FOLLOWS = frozenset({DenialReason.CALLER_UNKNOWN, DenialReason.NUMBER_NOT_E164})
_LICENSES = {
    DenialReason.PHONE_SYSTEM_LICENSE_MISSING: License.PHONE_SYSTEM,
    DenialReason.CALLING_PLAN_MISSING: CALLING_PLANS,
    DenialReason.AUDIO_CONFERENCING_LICENSE_MISSING: CONFERENCING,
    DenialReason.RESOURCE_ACCOUNT_LICENSE_MISSING: License.RESOURCE_ACCOUNT,
    DenialReason.CREDITS_LICENSE_MISSING: License.COMMUNICATIONS_CREDITS,
}
_POLICY_REASONS = frozenset(
    {
        DenialReason.POLICY_FORBIDS_CALLS,
        DenialReason.POLICY_FORBIDS_INTERNATIONAL,
        DenialReason.POLICY_FORBIDS_CONFERENCE_DIAL_OUT,
        DenialReason.POLICY_ALLOWS_OWN_COUNTRY_ONLY,
        DenialReason.POLICY_ALLOWS_ZONE_A_ONLY,
    }
)


class Result(Enum):
    """What became of a step."""

    PASSED = "passed"
    DECIDED = "decided"
    NOT_REACHED = "not_reached"


@frozen
class Step:
    """A step as it was walked; `answer` is yes, no, or empty where it was not reached.

    `reason` is why it refused, or, within the last step, why money may not pay. `parts` are the last step's own.
    """

    name: str
    question: str
    result: Result
    answer: str = ""
    facts: tuple[Fact, ...] = ()
    reason: DenialReason | None = None
    parts: tuple["Step", ...] = ()


@frozen
class Stretch:
    """One source pays for so many seconds; `blocks` are the prices of money, each with its increments."""

    paid_by: PaysFrom
    source: str
    seconds: int
    cost_micros: int = 0
    fee_micros: int = 0
    blocks: tuple[Block, ...] = ()


@frozen
class Remedy:
    """What stands against a call, what changes it in a sentence; the licenses any one of which does, or the policy."""

    reason: DenialReason
    sentence: str
    licenses: License = NO_LICENSE
    policy: str = ""


@frozen
class Explanation:
    """A walk through the procedure, and what charging answers: then `stretches`, or `remedies`, the first one first.

    `ends_by` is what would end the call after its stretches, None where it may last as long as any call.
    """

    case: Case
    steps: tuple[Step, ...]
    answer: Granted | Denied
    remedies: tuple[Remedy, ...] = ()
    stretches: tuple[Stretch, ...] = ()
    ends_by: DenialReason | None = None

    @property
    def lasts_seconds(self) -> int:
        """Return how long the call could last as things stand, if no other call used anything."""
        return sum(stretch.seconds for stretch in self.stretches)


def explain(facts: ChargingFacts, request: StartCall, terms: ChargingTerms) -> Explanation:
    """Explain what charging answers to the start of a new call."""
    case = case_of(replace(facts, calls={}), request, terms)
    answer = charging.decide_one(case.facts, request, terms).answer
    assert isinstance(answer, Granted | Denied)
    steps, verdict = _walk(case)
    if isinstance(answer, Denied):
        return Explanation(case, steps, answer, tuple(_remedy(case, reason) for reason in _obstacles(case)))
    assert not isinstance(verdict, Refused)
    stretches, ends_by = _forecast(case, verdict)
    return Explanation(case, steps, answer, stretches=stretches, ends_by=ends_by)


def _walk(case: Case) -> tuple[tuple[Step, ...], Verdict]:
    """Walk the steps to the one that decides; the others stand behind it, not reached."""
    walked: list[Step] = []
    decided: Verdict | None = None
    for name, step in STEPS:
        asked = questions.STEPS[name]
        question = asked.question(case)
        if decided is not None:
            walked.append(Step(name, question, Result.NOT_REACHED))
            continue
        decided = step(case)
        facts = asked.facts(case)
        if decided is None:
            walked.append(Step(name, question, Result.PASSED, asked.passes_with, facts))
            continue
        answer = "yes" if _is_allowed(case, decided) else "no"
        parts = _parts(case, decided) if name == STEPS[-1][0] else ()
        walked.append(Step(name, question, Result.DECIDED, answer, facts, _reason(case, decided), parts))
    assert decided is not None
    return tuple(walked), decided


def _is_allowed(case: Case, verdict: Verdict) -> bool:
    return _reason(case, verdict) is None


def _reason(case: Case, verdict: Verdict) -> DenialReason | None:
    """Tell why a verdict comes to a refusal: sources may turn out to be empty."""
    match verdict:
        case Free():
            return None
        case Refused(reason):
            return reason
        case Sources():  # pragma: no branch -- there is no other verdict
            answer = charging.decide_one(case.facts, case.request, case.terms).answer
            return answer.reason if isinstance(answer, Denied) else None


def _parts(case: Case, verdict: Verdict) -> tuple[Step, ...]:
    """Tell what the last step looks at: each pool, what money asks for, and the limits on money."""
    pools = tuple(
        Step("pool", questions.pool_question(pool), Result.PASSED, _yes(case.minutes_left(pool)), facts)
        for pool in case.pools
        for facts in (questions.pool_facts(case, pool),)
    )
    return (*pools, *_money_parts(case), *_limit_parts(case, verdict))


def _money_parts(case: Case) -> Iterator[Step]:
    is_decided = False
    for name, check in MONEY_STEPS:
        asked = questions.MONEY_STEPS[name]
        if is_decided:
            yield Step(name, asked.question(case), Result.NOT_REACHED)
            continue
        reason = check(case)
        is_decided = reason is not None
        result = Result.DECIDED if is_decided else Result.PASSED
        yield Step(name, asked.question(case), result, _yes(not is_decided), asked.facts(case), reason)


def _limit_parts(case: Case, verdict: Verdict) -> Iterator[Step]:
    if not isinstance(verdict, Sources) or verdict.rate is None:
        return
    for limit in charging.limits(case, verdict):
        facts = questions.limit_facts(case, limit, verdict.rate.tariff)
        reason = None if limit.pays_first_block else limit.reason
        result = Result.PASSED if reason is None else Result.DECIDED
        yield Step(limit.reason.value, questions.LIMITS[limit.reason], result, _yes(reason is None), facts, reason)


def _yes(is_so: object) -> str:
    return "yes" if is_so else "no"


# ── what would change a refusal ─────────────────────────────────────────────────────────────────────────────


def _remedy(case: Case, reason: DenialReason) -> Remedy:
    policy = _wider_policy(case) if reason in _POLICY_REASONS else ""
    return Remedy(reason, EXPLANATIONS[reason], _LICENSES.get(reason, NO_LICENSE), policy)


def _wider_policy(case: Case) -> str:
    """Name the policy that opens the refused half, and leaves the other as it is."""
    conferences, phones = case.policy.conferences, case.policy.phones
    wanted = (ConferenceReach.ANYWHERE, phones) if case.is_from_conference else (conferences, PhoneReach.ANYWHERE)
    return next(name for name, policy in POLICIES.items() if (policy.conferences, policy.phones) == wanted)


def _obstacles(case: Case) -> tuple[DenialReason, ...]:
    """Return everything that stands against the call, in the order of the procedure: what charging answers first."""
    found: dict[DenialReason, None] = {}
    for _, step in STEPS:
        verdict = step(case)
        if isinstance(verdict, Free):
            break
        if verdict is not None:
            found.update(dict.fromkeys(_refusals(case, verdict)))
        if not _NOTHING_FOLLOWS.isdisjoint(found):
            break
    return tuple(found)


def _refusals(case: Case, verdict: Refused | Sources) -> Iterator[DenialReason]:
    if isinstance(verdict, Refused):
        yield verdict.reason
        if verdict.reason not in _MONEY_REASONS:
            return
        yield from filter(None, (check(case) for _, check in MONEY_STEPS))
        return
    if any(map(case.minutes_left, case.pools)):
        return
    yield from (limit.reason for limit in charging.limits(case, verdict) if not limit.pays_first_block)


_MONEY_REASONS = frozenset(
    {
        DenialReason.CREDIT_NOT_SET_UP,
        DenialReason.OVERAGE_OFF,
        DenialReason.CREDITS_LICENSE_MISSING,
        DenialReason.NO_RATE_DECK_IN_FORCE,
        DenialReason.DESTINATION_NOT_RATED,
        DenialReason.DECK_CURRENCY_DIFFERS,
        DenialReason.DESTINATION_TOO_EXPENSIVE,
    }
)


# ── what pays, for how long ─────────────────────────────────────────────────────────────────────────────────


def _forecast(case: Case, verdict: Free | Sources) -> tuple[tuple[Stretch, ...], DenialReason | None]:
    """Let the call's hold grow to the longest call that there is, and read from it what pays when."""
    if isinstance(verdict, Free):
        return (Stretch(verdict.pays_from, questions.SOURCES[verdict.pays_from], charging.FREE_GRANT_SECONDS),), None
    at, organization_id = case.request.at, case.organization.organization_id
    tariff = None if verdict.rate is None else verdict.rate.tariff
    names = (*verdict.pools, *verdict.counted_by)
    funds = funding.funds_of(case.facts, names, tariff, organization_id, at)
    funded = funding.grow(NO_HOLD, funds, at, rating.CALL_MAX_SECONDS, at)
    seconds = min(funded.seconds, rating.CALL_MAX_SECONDS)
    stretches: list[Stretch] = []
    begins = 0
    for pool, minutes in funded.hold.minutes:
        ends = min(begins + minutes * SECONDS_PER_MINUTE, seconds)
        stretches.append(Stretch(PaysFrom.MINUTES, questions.pool_name(pool_of(pool)), ends - begins))
        begins = ends
    if tariff is not None and seconds > begins:
        stretches += _paid(case, tariff, funded.hold, begins, seconds)
    is_longest = seconds >= rating.CALL_MAX_SECONDS
    return tuple(stretches), None if is_longest else _ends_by(case, verdict)


def _paid(case: Case, tariff: Tariff, hold: Hold, begins: int, ends: int) -> Iterator[Stretch]:
    """Tell what credit pays, and what then goes on the bill; a rest of credit that buys no second is used up too."""
    at, credit = case.request.at, hold.amount_micros
    turns = ends
    if hold.overage_micros:
        turns = max(begins, min(ends, rating.affordable_seconds(tariff, at, credit, ends, begins)))
    fee = 0 if begins else rating.connection_fee_micros(tariff, at)
    if credit or not hold.overage_micros:
        blocks = rating.blocks(tariff, at, turns, begins)
        yield Stretch(PaysFrom.CREDIT, questions.SOURCES[PaysFrom.CREDIT], turns - begins, credit, fee, blocks)
    if hold.overage_micros:
        blocks = rating.blocks(tariff, at, ends, turns)
        source, cost = questions.SOURCES[PaysFrom.OVERAGE], hold.overage_micros
        yield Stretch(PaysFrom.OVERAGE, source, ends - turns, cost, 0 if credit else fee, blocks)


def _ends_by(case: Case, sources: Sources) -> DenialReason | None:
    """Tell what would cut the call: no money at all, or the limit that leaves the least."""
    if sources.rate is None:
        return sources.no_money
    return min(charging.limits(case, sources), key=_left).reason


def _left(limit: Limit) -> int:
    return limit.left_micros
