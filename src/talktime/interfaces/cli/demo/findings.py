"""What the demo looks up in the month's books: where the money went, who paid day by day, calls worth a closer look."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache

from talktime.bootstrap import App
from talktime.core.calls.calls import CallKey, CallKind, DenialReason, PaysFrom, text_of
from talktime.core.calls.explaining.explanations import Explanation
from talktime.core.calls.replaying import ReplayedCall
from talktime.core.calls.requests import Denied, StartCall
from talktime.core.insight.receipts import Receipt
from talktime.core.insight.usage import BY_MONEY, ReportedUsage
from talktime.core.organizations.country_table import is_domestic_for_minutes
from talktime.core.rates import rating
from talktime.core.values.numbers import country_of
from talktime.core.values.periods import Period
from talktime.interfaces.cli.demo.plans import FOLLOWED, WITHOUT_CREDITS, plans
from talktime.interfaces.cli.demo.told import ZONE, DestinationTotal
from talktime.samples import people
from talktime.store.transaction import Transaction
from talktime.usecases.insight.show_receipt import ShowReceipt, show_receipt

SECONDS_PER_MINUTE = 60
# Beyond these the next one explains no more than the last.
RECEIPTS_MAX, EXPLANATIONS_MAX = 20, 5

# The same people are called again and again, and looking a number up takes its time.
_country_of = lru_cache(maxsize=4_096)(country_of)


@dataclass(slots=True)
class MonthUsage:
    """What the month's usage rows come to; minutes by day are those of the plan that the story follows."""

    totals: dict[str, DestinationTotal] = field(default_factory=dict)
    included_minutes: Counter[date] = field(default_factory=Counter)
    paid_minutes: Counter[date] = field(default_factory=Counter)
    _by_minutes: dict[CallKey, None] = field(default_factory=dict)
    _straddling: dict[CallKey, None] = field(default_factory=dict)

    def add(self, reported: ReportedUsage, followed: frozenset[str]) -> None:
        """Count one row; the rows of a call come one after the other, minutes first."""
        row = reported.row
        if row.cost_micros > 0:
            before = self.totals.get(row.destination, DestinationTotal(row.destination, 0, 0, 0))
            self.totals[row.destination] = before.with_call(row.used_seconds, row.cost_micros)
        if row.paid_by is PaysFrom.MINUTES and row.used_seconds:
            self._by_minutes[row.key] = None
        elif row.paid_by in BY_MONEY and row.used_seconds and row.key in self._by_minutes:
            self._straddling[row.key] = None
        if reported.user_principal_name in followed and _is_of_plan(reported):
            by_day = self.included_minutes if row.paid_by is PaysFrom.MINUTES else self.paid_minutes
            by_day[row.started_at.astimezone(ZONE).date()] += -(-row.billed_seconds // SECONDS_PER_MINUTE)

    @property
    def straddling(self) -> list[str]:
        """Return the calls that minutes began and money went on paying, as keys."""
        return [text_of(key) for key in self._straddling]

    @property
    def destinations(self) -> list[DestinationTotal]:
        """Return what was paid by destination, the dearest first."""
        return sorted(self.totals.values(), key=lambda total: -total.charged_micros)


def month_usage(tx: Transaction, period: Period) -> MonthUsage:
    """Read every usage row of the month once."""
    organization = tx.organizations.named(people.ORGANIZATION_NAME)
    followed = frozenset(name for plan in plans() if plan.license is FOLLOWED for name in plan.holders)
    found = MonthUsage()
    for reported in tx.insight.usage(organization.organization_id, period.starts_at, period.ends_at):
        found.add(reported, followed)
    return found


def straddling_call(talktime: App, keys: Sequence[str]) -> Receipt | None:
    """Return the receipt of a straddling call, of one whose price names a connection fee if there is one."""
    shown = (talktime.read(show_receipt, ShowReceipt(key)) for key in keys[:RECEIPTS_MAX])
    return max((each for each in shown if isinstance(each, Receipt)), key=_tells_much, default=None)


def fee_spared_micros(receipt: Receipt) -> int:
    """Return the fee to connect that the call's price names, whether or not it was asked."""
    matched, call = receipt.facts.matched, receipt.facts.call
    if matched is None or call.answered_at is None:
        return 0
    return rating.connection_fee_micros(matched.tariff, call.answered_at)


def refused_call(talktime: App, replayed: Iterable[ReplayedCall]) -> Explanation | None:
    """Explain the first call that minutes would have paid, had any been left, to somebody who may not use credit."""
    number = next(u.number for u in people.sample_users() if u.user_principal_name == WITHOUT_CREDITS).removeprefix("+")
    refused = [
        each.call
        for each in replayed
        if each.denial is DenialReason.CREDITS_LICENSE_MISSING and each.call.caller == number
    ]
    refused.sort(key=lambda call: not is_domestic_for_minutes("CA", _country_of(call.called)))
    for call in refused[:EXPLANATIONS_MAX]:
        explained = talktime.explain(StartCall(CallKey("", ""), call.started_at, call.caller, call.called, call.kind))
        if explained.answer == Denied(DenialReason.CREDITS_LICENSE_MISSING):
            return explained
    return None


def _tells_much(receipt: Receipt) -> tuple[bool, int]:
    """Rank a straddling call: one that spared the fee, and of which both sources paid a good part."""
    return fee_spared_micros(receipt) > 0, min(charge.usage.used_seconds for charge in receipt.charges)


def _is_of_plan(reported: ReportedUsage) -> bool:
    is_out = reported.row.kind is CallKind.USER_OUT
    return is_out and is_domestic_for_minutes(reported.usage_location, _country_of(reported.row.called))
