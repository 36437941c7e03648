"""What a recharge policy would have done with usage that was: before an admin sets it, not after (money.md 5)."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from talktime.core.credit.recharging import recharge
from talktime.core.credit.recharging.recharge import FIRST_EPOCH, Due, HeldBack, PauseReason, RechargePolicy
from talktime.core.values.frozen import frozen


@frozen
class Spent:
    """What one call, or one day, cost."""

    at: datetime
    cost_micros: int


@frozen
class SimulatedRecharge:
    """A recharge that would have been made."""

    at: datetime
    amount_micros: int


@frozen
class Simulation:
    """The recharges, and how the balance would have fared."""

    recharges: tuple[SimulatedRecharge, ...]
    spent_micros: int
    lowest_micros: int
    ends_with_micros: int
    # How often the caps or guards held a recharge back, and whether they would have stopped it altogether.
    held_back_count: int = 0
    stopped_at: datetime | None = None

    @property
    def charged_micros(self) -> int:
        """Return what would have been bought in all."""
        return sum(each.amount_micros for each in self.recharges)


def simulate(policy: RechargePolicy, available_micros: int, usage: Iterable[Spent], zone: ZoneInfo) -> Simulation:
    """Let usage, in the order of its instants, run against a policy whose recharges settle at once."""
    progress, recharges = FIRST_EPOCH, list[SimulatedRecharge]()
    available = lowest = available_micros
    spent = held_back_count = 0
    stopped_at = None
    for each in usage:
        spent += each.cost_micros
        available -= each.cost_micros
        lowest = min(lowest, available)
        verdict = recharge.evaluate(policy, progress, available, each.at, zone)
        # Where one amount is not enough, the next follows, until the guards say otherwise.
        while isinstance(verdict, Due):
            purchase_id = recharge.purchase_id_of(progress.epoch)
            progress = recharge.closed(recharge.begun(progress, verdict, purchase_id, each.at, zone), purchase_id)
            recharges.append(SimulatedRecharge(each.at, verdict.amount_micros))
            available += verdict.amount_micros
            verdict = recharge.evaluate(policy, progress, available, each.at, zone)
        if isinstance(verdict, HeldBack):
            held_back_count += 1
        if isinstance(verdict, PauseReason):
            progress = recharge.paused(progress, verdict, "", each.at)
            stopped_at = each.at
    return Simulation(tuple(recharges), spent, lowest, available, held_back_count, stopped_at)


def usual_day_micros(spent_micros: int, span: timedelta) -> int:
    """Return what a day of usage costs on average; 0 where nothing was used."""
    days = max(1, span // timedelta(days=1))
    return spent_micros // days
