"""How advice is shown: three sentences, the amounts, the back-test beside the naive rule, warnings."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from talktime.core.credit.recharging.settings import sentence
from talktime.core.insight.advice.backtest import Backtest, Outcome
from talktime.core.insight.advice.drift import Drift
from talktime.core.insight.advice.funding_advice import FundingAdvice
from talktime.core.insight.advice.reporting import AdviceReport
from talktime.core.insight.advice.saying import calls, duration
from talktime.core.organizations.organizations import BillingMode
from talktime.core.values.money import format_micros
from talktime.interfaces.cli.terminal import facts, heading, money, table

if TYPE_CHECKING:
    from talktime.usecases.insight.advise_funding import FundingAdvised

RULES = {
    "advice": "This advice, asked anew at each fold",
    "naive": "Minimum, adjusted after two months",
    "minimum": "Minimum, never adjusted",
}
DRIFTS = {
    Drift.SPEND_ABOVE: "For two weeks, more was spent than had been forecast.",
    Drift.SPEND_BELOW: "For two weeks, less was spent than had been forecast.",
    Drift.TRIGGER_TOO_LOW: "The trigger that is set is too low: if a card fails, calls may be refused.",
    Drift.TRIGGER_TOO_HIGH: "The trigger that is set is higher than it needs to be: money lies idle.",
    Drift.AMOUNT_TOO_LOW: "The recharge amount that is set is too low: there are more recharges than necessary.",
    Drift.AMOUNT_TOO_HIGH: "The recharge amount that is set is higher than it needs to be: money lies idle.",
}
_SECONDS_PER_HOUR = 3600


def view(found: AdviceReport, title: Sequence[str], warnings: Sequence[str]) -> RenderableType:
    """Draw all of it."""
    pieces: list[RenderableType] = [heading(*title), Text(), *(Text(each) for each in found.sentences), Text()]
    pieces.append(_amounts(found.advice))
    pieces += [Text(), *_tested(found)]
    pieces += [Text.assemble(("! ", "bold yellow"), (each, "yellow")) for each in warnings]
    return Group(*pieces)


def document(found: AdviceReport, warnings: Sequence[str]) -> dict[str, Any]:
    """Return the same for programs; money as decimal strings, shares between 0 and 1."""
    advice = found.advice
    return {
        "currency": advice.currency,
        "trigger": format_micros(advice.funding.trigger_micros),
        "amount": format_micros(advice.funding.amount_micros),
        "basis": advice.basis.value,
        "weeks_of_usage": advice.weeks_count,
        "spend_per_month": format_micros(advice.month_micros),
        "recharges_per_month": round(advice.recharges_per_month, 2),
        "outage_risk_per_month": advice.terms.risk_per_month,
        "reaction_hours": int(advice.terms.reaction.total_seconds()) // _SECONDS_PER_HOUR,
        "cadence": advice.terms.cadence.value,
        "idle": format_micros(advice.idle_micros),
        "expiry_share": round(advice.expiry_share, 4),
        "expiry_per_year": format_micros(advice.expiry_per_year_micros),
        "sentences": list(found.sentences),
        "backtest": None if found.backtest is None else _backtest_document(found.backtest),
        "warnings": list(warnings),
    }


def policy_text(advised: "FundingAdvised") -> str:
    """Say what is set, and with which risk."""
    set_now = sentence(advised.policy, advised.organization.currency)
    if advised.policy_risk is None:
        return set_now
    return f"{set_now}: outage risk {advised.policy_risk:.1%} a month, if the card fails each time"


def policy_document(advised: "FundingAdvised") -> dict[str, Any]:
    """Return what is set, for programs."""
    policy, risk = advised.policy, advised.policy_risk
    return {
        "is_on": policy.is_on,
        "set_trigger": format_micros(policy.trigger_micros) if policy.is_on else None,
        "set_amount": format_micros(policy.amount_micros) if policy.is_on else None,
        "set_risk_per_month": None if risk is None else round(risk, 4),
        "lost_because_of_balance": advised.lost_count,
        "drifts": [each.value for each in advised.drifts],
        "available": format_micros(advised.available_micros),
    }


def drift_warnings(advised: "FundingAdvised") -> tuple[str, ...]:
    """Say what is missing in the figures, and how what is set is far from the advice."""
    said = []
    if advised.organization.mode is BillingMode.POSTPAID:
        said.append(
            f"{advised.organization.name} pays after use and needs no credit: this is what it would take to pay before."
        )
    if advised.lost_count:
        said.append(
            f"Refused for want of credit in the last 90 days: {calls(advised.lost_count)}; what they would have cost is"
            " not in these figures."
        )
    return (*said, *(DRIFTS[each] for each in advised.drifts))


def _amounts(advice: FundingAdvice) -> Table:
    currency, terms = advice.currency, advice.terms
    risk = f"{terms.risk_per_month:.2%} of months, if the card fails each time and it takes {duration(terms.reaction)}"
    lost = f"{money(advice.expiry_per_year_micros, currency)} a year ({advice.expiry_share:.1%} of what is bought)"
    known = advice.forecast is not None
    return facts(
        [
            ("Trigger", Text(money(advice.funding.trigger_micros, currency), "bold")),
            ("Recharge amount", Text(money(advice.funding.amount_micros, currency), "bold")),
            *(
                [("Recharges a month", f"about {advice.recharges_per_month:.1f}"), ("Outage risk", risk)]
                if known
                else []
            ),
            *([("Idle money", f"about {money(advice.idle_micros, currency)}"), ("Expiry loss", lost)] if known else []),
        ]
    )


def _tested(found: AdviceReport) -> list[RenderableType]:
    tested = found.backtest
    if tested is None:
        return [Text("Not back-tested: that takes eight weeks of usage.", "dim"), Text()]
    names = ("Months with refused calls", "Refused", "Recharges a month", "Idle money", "Expired")
    drawn = table("Back-test", *names, numbers=names)
    currency = found.advice.currency
    for outcome in tested.outcomes:
        drawn.add_row(
            RULES[outcome.name],
            _outages(outcome),
            f"{outcome.refused_share:.2%}",
            f"{outcome.recharges_per_month:.1f}",
            money(_whole(outcome.idle_micros), currency),
            money(_whole(outcome.expired_micros), currency),
        )
    about = (
        f"{tested.folds[0]} to {tested.ends_on}, {len(tested.folds)} folds, each seeing only what lay before it."
        f" Refused calls: if the card fails at every recharge and it takes {duration(found.advice.terms.reaction)};"
        " the rest: if it pays."
    )
    return [drawn, Text(about, "dim"), Text()]


def _outages(outcome: Outcome) -> str:
    return f"{outcome.outage_months_count} of {outcome.months_count} ({outcome.outage_share:.1%})"


def _whole(micros: int) -> int:
    """Return an amount to the cent: what a simulation comes to has no more."""
    return round(micros, -4)


def _backtest_document(tested: Backtest) -> dict[str, Any]:
    return {
        "folds": [day.isoformat() for day in tested.folds],
        "ends_on": tested.ends_on.isoformat(),
        "rules": {outcome.name: _outcome_document(outcome) for outcome in tested.outcomes},
    }


def _outcome_document(outcome: Outcome) -> dict[str, Any]:
    return {
        "months": outcome.months_count,
        "months_with_refused_calls": outcome.outage_months_count,
        "refused_share": round(outcome.refused_share, 6),
        "recharges_per_month": round(outcome.recharges_per_month, 2),
        "idle": format_micros(_whole(outcome.idle_micros)),
        "expired": format_micros(_whole(outcome.expired_micros)),
    }
