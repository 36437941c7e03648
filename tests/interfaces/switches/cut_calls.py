"""Calls that last until the switch cuts them: how long they were, by the callers' own clock, and what they cost."""

from statistics import median

from tests.interfaces.switches.books import BY_THE_SECOND, SECOND_MICROS, Books
from tests.interfaces.switches.rig import Phones

# A machine that is busy with other work may be late by itself; a timer that is wrong is wrong every time.
ATTEMPTS = 3


def are_cut_within_a_second(books: Books, phones: Phones, scenario: str, funded_seconds: int) -> bool:
    """Tell whether calls end when what was funded ends; fail where they cost anything else."""
    attempts = (_talk_until_cut(books, phones, scenario, funded_seconds) for _ in range(ATTEMPTS))
    return any(abs(talked_seconds - funded_seconds) <= 1 for talked_seconds in attempts)


def _talk_until_cut(books: Books, phones: Phones, scenario: str, funded_seconds: int) -> float:
    """Let three who have so much call at once until they are cut; return the median of how long they talked."""
    payers = [books.payer_with(funded_seconds * SECOND_MICROS) for _ in range(3)]
    names = [f"{scenario}-{payer.organization_id}" for payer in payers]
    with phones.callee("callee_answers", calls=3):
        callers = [
            phones.call(scenario, of=payer.number, to=BY_THE_SECOND, call_id=name)
            for payer, name in zip(payers, names, strict=True)
        ]
        for caller in callers:
            caller.finish()
    for payer, name in zip(payers, names, strict=True):
        _assert_costs_what_was_funded(books, name, funded_seconds)
        assert books.credit_of(payer).balance_micros == 0
    return median(caller.talked_seconds() for caller in callers)


def _assert_costs_what_was_funded(books: Books, call_id: str, funded_seconds: int) -> None:
    call = books.ended(call_id)
    assert call.is_final
    assert call.granted_seconds == funded_seconds
    assert call.result is not None
    assert call.result.used_seconds == funded_seconds
    assert call.result.cost_micros == funded_seconds * SECOND_MICROS
    assert call.result.uncovered_micros == 0
