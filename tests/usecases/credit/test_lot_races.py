"""Calls, purchases, refunds, corrections and sweeps at once, on both databases: money.md 29 and its third test."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

from talktime.bootstrap import App
from talktime.core.calls.calls import CallKey
from talktime.core.calls.requests import EndCall, StartCall
from talktime.core.values.errors import Conflict
from talktime.settings import Settings
from talktime.usecases.credit.add_credit import AddCredit, add_credit
from talktime.usecases.credit.adjust_credit import AdjustCredit, adjust_credit
from talktime.usecases.credit.expire_credit import ExpireCredit, expire_credit
from talktime.usecases.credit.returning.refund_credit import RefundCredit, refund_credit
from tests.recharge_world import CALLED, CALLER, NAME, NOON, ORGANIZATION_ID
from tests.usecases.credit.buyers import Buyers, units

# The first lot has just expired, so that sweeps and releases meet.
AFTER_THE_END = NOON + timedelta(days=366)


def test_calls_purchases_refunds_and_sweeps_at_once_lose_nothing(migrated_database_url: str, tmp_path: Path) -> None:
    with App(Settings(database=migrated_database_url)) as app:
        world = Buyers(app, tmp_path)
        world.at = AFTER_THE_END - timedelta(days=30)
        app.run(add_credit, AddCredit(NAME, units(100), "second", world.at))
        world.at = AFTER_THE_END
        workers: list[Callable[[], int]] = [
            lambda: _calls(world, "a"),
            lambda: _calls(world, "b"),
            lambda: _purchases(world),
            lambda: _refunds(world),
            lambda: _sweeps(world),
        ]

        with ThreadPoolExecutor(len(workers)) as pool:
            charged, more, bought, given_back, _ = (
                future.result() for future in [pool.submit(each) for each in workers]
            )
        _sweeps(world)

        # 100 expired; what came less what went is what is there.
        assert world.credit.balance_micros == units(100) + bought - charged - more - given_back
        assert world.credit.held_micros() == 0
        assert world.is_clean()
        world.close()


def _calls(world: Buyers, name: str) -> int:
    """Make calls of a minute each; return what they cost."""
    charged = 0
    charging = world.app.open_charging()
    for number in range(12):
        key = CallKey("proxy", f"{name}-{number}")
        while charging.charge([StartCall(key, world.at, CALLER, CALLED)])[0] is None:
            pass
        while (ended := charging.charge([EndCall(key, world.at, used_seconds=60)])[0]) is None:
            pass
        charged += getattr(ended, "cost_micros", 0)
    charging.close()
    return charged


def _purchases(world: Buyers) -> int:
    for number in range(6):
        world.app.run(add_credit, AddCredit(NAME, units(5), f"more-{number}", world.at))
    return units(30)


def _refunds(world: Buyers) -> int:
    """Give back, and take away; return how much."""
    gone = 0
    for number in range(6):
        try:
            asked = RefundCredit(NAME, 2, f"R-{number}", "moved", world.at, units(3))
            gone += world.app.run(refund_credit, asked).net_micros
            adjusted = AdjustCredit(NAME, -units(2), "twice", f"A-{number}", world.at)
            gone -= world.app.run(adjust_credit, adjusted).amount_micros
        except Conflict:
            # Somebody else was first: what is not available any more is refused.
            continue
    return gone


def _sweeps(world: Buyers) -> int:
    for _ in range(6):
        world.app.run(expire_credit, ExpireCredit(ORGANIZATION_ID, world.at))
    return 0
