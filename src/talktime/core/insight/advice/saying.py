"""Advice in words: what to set, why, and what would change it."""

from collections.abc import Sequence
from datetime import date, timedelta

from talktime.core.insight.advice.demand import ReadSpend
from talktime.core.insight.advice.funding_advice import WEEKS_ENOUGH, Basis, Cadence, FundingAdvice
from talktime.core.values.money import format_micros
from talktime.core.values.periods import DAY

_HOURS_PER_DAY = 24
_EVERY = {Cadence.WEEKLY: "a week", Cadence.MONTHLY: "a month", Cadence.QUARTERLY: "a quarter"}
# Growth below a percent a month is none.
_GROWTH_TOLD = 0.01 / 4
_LOW_DAYS_TOLD = 5


def sentences(advice: FundingAdvice, sooner: FundingAdvice, riskier: FundingAdvice) -> tuple[str, str, str]:
    """Return what to set, why, and what would change it, as two other advices of the same usage show."""
    return (_what(advice), _why(advice), _what_changes(advice, sooner, riskier))


def warnings(advice: FundingAdvice, read: ReadSpend, low_days: Sequence[date]) -> tuple[str, ...]:
    """Return what should not be overlooked, the gravest first."""
    said = []
    if advice.weeks_count < WEEKS_ENOUGH:
        said.append(
            f"This rests on {_weeks(advice.weeks_count)} of usage, and it takes {WEEKS_ENOUGH} to know a month:"
            " ask again each week until then, and look at the balance meanwhile."
        )
    if advice.expiry_share > advice.terms.expiry_share_max:
        said.append(
            f"About {advice.expiry_share:.0%} of what is bought would expire after 12 months, because so little is"
            " spent: buy once by hand instead of automatically, and again when it is used up."
        )
    if advice.forecast is not None and abs(advice.forecast.growth) > _GROWTH_TOLD:
        said.append(
            f"Usage {'grows' if advice.forecast.growth > 0 else 'falls'} by about {abs(advice.forecast.growth):.1%} a"
            " week; the advice looks five weeks ahead, so ask again each month."
        )
    if read.too_old_count:
        said.append(
            f"Left out: {calls(read.too_old_count)} before {read.series.starts_on}, before a silence of two months or"
            " more than two years back."
        )
    if read.too_late_count:
        said.append(f"Left out: {calls(read.too_late_count)} dated later than now.")
    if read.partial_days:
        days = " and ".join(map(str, read.partial_days))
        said.append(f"Left out: {days}, held only in part; calls do not reach the usual first or last hour there.")
    if read.own_left_out_since is not None:
        said.append(
            f"Left out: our own calls after {read.own_left_out_since}, where imported usage ends, the most of what is"
            " spent; import what came after it."
        )
    if low_days:
        said.append(_of_low_days(low_days))
    return tuple(said)


def duration(length: timedelta) -> str:
    """Return a length of time in words: 3 days, 12 hours."""
    days, rest = divmod(length, DAY)
    hours = rest // timedelta(hours=1)
    if hours == 0:
        return f"{days} day" if days == 1 else f"{days} days"
    hours += days * _HOURS_PER_DAY
    return f"{hours} hour" if hours == 1 else f"{hours} hours"


def calls(count: int) -> str:
    """Return a number of calls in words."""
    return f"{count:,} call" if count == 1 else f"{count:,} calls"


def months(share: float) -> str:
    """Return how often, as one in so many months."""
    return f"1 month of {1 / share:,.0f}" if share > 0 else "no month"


def _what(advice: FundingAdvice) -> str:
    funding = advice.funding
    if advice.basis is Basis.START_SMALL:
        return (
            f"Start small: let a recharge of {_money(funding.amount_micros, advice)}, the least that can be bought,"
            f" begin when the balance falls below {_money(funding.trigger_micros, advice)}."
        )
    return (
        f"Let a recharge of {_money(funding.amount_micros, advice)} begin when the balance falls below"
        f" {_money(funding.trigger_micros, advice)}."
    )


def _why(advice: FundingAdvice) -> str:
    if advice.forecast is None:
        return (
            "Why: there is not a week of usage to look at yet, and nobody publishes amounts by number of users that"
            " would fit yours."
        )
    reaction, terms = duration(advice.terms.reaction), advice.terms
    amount = {
        Basis.USAGE: f"the amount is {_EVERY[terms.cadence]} of it",
        Basis.MINIMUM: "the amount is the least that can be bought",
        Basis.EXPIRY: f"the amount is smaller than {_EVERY[terms.cadence]} of it, because more would expire unspent",
        Basis.TRIGGER: f"the amount is more than {_EVERY[terms.cadence]} of it, to get above the trigger at once",
        Basis.MAXIMUM: "the amount is the most that can be bought at once",
        Basis.START_SMALL: "",
    }[advice.basis]
    spent = _money(advice.month_micros, advice)
    return (
        f"Why: by the usage of the last {_last_weeks(advice.weeks_count)}, about {spent} a month is spent, and"
        f" {amount}; if a card fails and it takes {reaction} until there is credit,"
        f" {_money(advice.usual_reaction_micros, advice)} is usually spent meanwhile, and more than the trigger in no"
        f" more than {months(terms.risk_per_month)}."
    )


def _what_changes(advice: FundingAdvice, sooner: FundingAdvice, riskier: FundingAdvice) -> str:
    if advice.forecast is None:
        return (
            f"What would change it: usage, and that of a former provider will do. Without it ask again after"
            f" {WEEKS_ENOUGH} weeks; until then look at the balance every day, and raise the amount if it is recharged"
            " more than once a week."
        )
    lowered = [
        f"{_money(each.funding.trigger_micros, advice)} {condition}"
        for each, condition in (
            (sooner, f"if somebody always reacts within {duration(sooner.terms.reaction)}"),
            (riskier, f"if {months(riskier.terms.risk_per_month)} may go wrong"),
        )
        if each.funding.trigger_micros < advice.funding.trigger_micros
    ]
    if not lowered:
        return "What would change it: more usage; a lower trigger than this cannot be set sensibly."
    return (
        f"What would change it: a trigger of {', or of '.join(lowered)}, is enough; a second way to pay"
        " (`--fallback`) makes the long wait rare."
    )


def _of_low_days(low_days: Sequence[date]) -> str:
    shown = ", ".join(str(day) for day in low_days[-_LOW_DAYS_TOLD:])
    more = len(low_days) - _LOW_DAYS_TOLD
    days = f"{len(low_days)} day" if len(low_days) == 1 else f"{len(low_days)} days"
    return (
        f"{days} cost far less than usual, holidays perhaps ({shown}{f' and {more} before' if more > 0 else ''});"
        " they lower the amount a little, and never the trigger."
    )


def _weeks(count: int) -> str:
    return f"{count} week" if count == 1 else f"{count} weeks"


def _last_weeks(count: int) -> str:
    return "week" if count == 1 else _weeks(count)


def _money(micros: int, advice: FundingAdvice) -> str:
    whole, _, fraction = format_micros(micros).partition(".")
    return f"{int(whole):,}.{fraction} {advice.currency}"
