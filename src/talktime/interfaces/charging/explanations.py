"""An explanation as programs read it: what `start` would answer, and the walk that leads there."""

from typing import Any

from talktime.core.calls.explaining.explanations import Explanation, Remedy, Step, Stretch
from talktime.core.organizations.licensing.products import product_of
from talktime.core.values.money import format_micros, format_nanos
from talktime.interfaces.charging import writing


def document(explanation: Explanation) -> dict[str, Any]:
    """Return the answer's flat fields, then steps, remedies and what pays; money as decimal strings."""
    case = explanation.case
    ends_by = explanation.ends_by
    return {
        **writing.flat(case.request, explanation.answer),
        "from": case.request.caller,
        "to": case.request.called,
        "kind": case.kind.value,
        "at": case.request.at.isoformat().replace("+00:00", "Z"),
        "organization": None if case.payer is None else case.organization.name,
        "payer": None if case.user is None else case.user.user_principal_name,
        "currency": None if case.payer is None else case.organization.currency,
        "steps": [_step(step) for step in explanation.steps],
        "remedies": [_remedy(remedy) for remedy in explanation.remedies],
        "pays": [_stretch(stretch) for stretch in explanation.stretches],
        "lasts": explanation.lasts_seconds,
        "ends_by": None if ends_by is None else ends_by.value,
    }


def _step(step: Step) -> dict[str, Any]:
    return {
        "name": step.name,
        "question": step.question,
        "result": step.result.value,
        "answer": step.answer,
        "reason": None if step.reason is None else step.reason.value,
        "facts": dict(step.facts),
        **({"parts": [_step(part) for part in step.parts]} if step.parts else {}),
    }


def _remedy(remedy: Remedy) -> dict[str, Any]:
    return {
        "reason": remedy.reason.value,
        "detail": remedy.sentence,
        "licenses": [product_of(each).sku for each in remedy.licenses],
        "policy": remedy.policy or None,
    }


def _stretch(stretch: Stretch) -> dict[str, Any]:
    prices = {(block.nanos_per_minute, block.increment_seconds, block.profile): None for block in stretch.blocks}
    return {
        "pays_from": stretch.paid_by.value,
        "source": stretch.source,
        "seconds": stretch.seconds,
        "cost": format_micros(stretch.cost_micros),
        "fee": format_micros(stretch.fee_micros),
        "prices": [
            {"per_minute": format_nanos(nanos), "increment": seconds, "time_profile": profile}
            for nanos, seconds, profile in prices
        ],
    }
