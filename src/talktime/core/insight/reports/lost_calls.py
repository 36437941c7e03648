"""Refused calls by reason, and what those that money would have let through would have been worth, if known."""

from collections.abc import Iterable, Mapping

from talktime.core.calls.calls import EXPLANATIONS, LOST_BECAUSE_OF_BALANCE, DenialReason
from talktime.core.insight.reports.report_tables import ReportTable, added_up, columns
from talktime.core.insight.tables import ColumnKind
from talktime.core.values.frozen import frozen
from talktime.core.values.money import Rounding, divide

# An estimate has no decimals beyond cents.
_CENT_MICROS = 10_000
_TEXT, _WHOLE, _MONEY = ColumnKind.TEXT, ColumnKind.WHOLE, ColumnKind.MONEY


@frozen
class PrefixCost:
    """What paid calls that matched a deck's prefix came to: the measure of calls that could not be made."""

    calls: int
    cost_micros: int


@frozen
class LostWorth:
    """What refused calls would have cost, by the organization's paid calls to the same prefixes; `known_count` of them.

    It is an estimate: nobody knows how long a call that was refused would have lasted.
    """

    calls_count: int = 0
    known_count: int = 0
    worth_micros: int = 0


def lost_worth(lost: Mapping[str, int], paid: Mapping[str, PrefixCost]) -> LostWorth:
    """Value lost calls, counted by the number called, each as the average paid call to its longest known prefix."""
    known, worth = 0, 0
    for called, count in lost.items():
        cost = _longest(called, paid)
        if cost is not None:
            known += count
            worth += divide(max(cost.cost_micros, 0) * count, cost.calls, Rounding.HALF_UP)
    return LostWorth(sum(lost.values()), known, divide(worth, _CENT_MICROS, Rounding.HALF_UP) * _CENT_MICROS)


def refused_table(
    counts: Mapping[DenialReason, int], worths: Mapping[DenialReason, LostWorth], currency: str
) -> ReportTable:
    """Return reasons, the most frequent first, with what to do about each."""
    head = columns(
        Reason=_TEXT,
        Calls=_WHOLE,
        Lost_Because_of_Balance=_WHOLE,
        Worth_about=_MONEY,
        Currency=_TEXT,
        Calls_Valued=_WHOLE,
        What_to_Do=_TEXT,
    )
    rows = []
    for reason, count in sorted(counts.items(), key=lambda item: (-item[1], item[0].value)):
        is_lost = reason in LOST_BECAUSE_OF_BALANCE
        worth = worths.get(reason, LostWorth())
        amount = worth.worth_micros if worth.known_count else None
        lost = count if is_lost else 0
        rows.append((reason.value, count, lost, amount, currency, worth.known_count, EXPLANATIONS[reason]))
    table = ReportTable("refused", head, tuple(rows))
    return added_up(table, ("Calls", "Lost Because of Balance", "Worth about", "Calls Valued"))


def whole_worth(worths: Iterable[LostWorth]) -> LostWorth:
    """Return what all lost calls would have been worth."""
    found = list(worths)
    return LostWorth(
        sum(each.calls_count for each in found),
        sum(each.known_count for each in found),
        sum(each.worth_micros for each in found),
    )


def _longest(called: str, paid: Mapping[str, PrefixCost]) -> PrefixCost | None:
    for length in range(len(called), 0, -1):
        cost = paid.get(called[:length])
        if cost is not None and cost.calls:
            return cost
    return None
