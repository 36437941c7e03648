"""One of several processes that work on one organization at once, until a line comes on standard input.

    python -m tests.proofs.recharge_races calls URL FOLDER GATEWAY --name a --calls 50
    python -m tests.proofs.recharge_races work URL FOLDER GATEWAY

It says `ready` on standard output, begins at the first line that it is sent, and ends at the second; `calls` ends by
itself. All of it happens at one instant, START, so that nothing is due later.
"""

import argparse
import random
import sys
import threading
from collections.abc import Callable
from pathlib import Path

from talktime.bootstrap import App, open_gateways
from talktime.core.calls.calls import CallKey
from talktime.core.calls.requests import Request, StartCall
from talktime.core.credit.recharging.settings import RechargeChange
from talktime.core.values.errors import Unavailable
from talktime.settings import Settings
from talktime.usecases.credit.paying.charge_purchases import charge_purchase, due_purchases
from talktime.usecases.credit.recharging.review_recharges import ReviewRecharge, review_recharge
from talktime.usecases.credit.recharging.set_recharge import SetRecharge, set_recharge
from tests.proofs.recharge_books import CALLED, CALLER, ORGANIZATION, START, sweep
from tests.proofs.recharge_kills import settings_of

BATCH_MAX = 4
TRIGGERS = (790, 800)


def make_calls(settings: Settings, name: str, count: int) -> None:
    """Start so many calls, a few in each transaction; those of which somebody holds the organization again."""
    dice = random.Random(name)
    waiting: list[Request] = [
        StartCall(CallKey("proxy", f"{name}-{number}"), START, CALLER, CALLED) for number in range(count)
    ]
    charging = App(settings).open_charging()
    while waiting:
        batch = waiting[: dice.randint(1, BATCH_MAX)]
        try:
            answers = charging.charge(batch)
        except Unavailable:
            continue
        waiting = [each for each, answer in zip(batch, answers, strict=True) if answer is None] + waiting[len(batch) :]
    charging.close()


def repeat(app: App, settings: Settings, role: str, is_over: Callable[[], bool]) -> None:
    """Do one thing again and again until it is over, and once more."""
    gateways = open_gateways(settings)
    number = 0
    while True:
        was_over = is_over()
        number += 1
        match role:
            case "work":
                for due in app.read(due_purchases, START):
                    charge_purchase(app.run, gateways, due.key, lambda: START)
            case "sweep":
                app.run(sweep, START)
            case "review":
                app.run(review_recharge, ReviewRecharge(ORGANIZATION, START))
            case "set":
                trigger = TRIGGERS[number % len(TRIGGERS)] * 1_000_000
                app.run(set_recharge, SetRecharge(ORGANIZATION, "ada", START, RechargeChange(trigger_micros=trigger)))
        if was_over:
            return


def main() -> None:
    """Take part."""
    parser = argparse.ArgumentParser()
    parser.add_argument("role", choices=["calls", "work", "sweep", "review", "set"])
    parser.add_argument("url")
    parser.add_argument("folder", type=Path)
    parser.add_argument("gateway")
    parser.add_argument("--name", default="")
    parser.add_argument("--calls", type=int, default=0)
    arguments = parser.parse_args()
    settings = settings_of(arguments.url, arguments.folder, arguments.gateway)
    app = App(settings)
    print("ready", flush=True)
    sys.stdin.readline()
    if arguments.role == "calls":
        make_calls(settings, arguments.name, arguments.calls)
        return
    over = threading.Event()

    def await_end() -> None:
        sys.stdin.readline()
        over.set()

    threading.Thread(target=await_end, daemon=True).start()
    repeat(app, settings, arguments.role, over.is_set)


if __name__ == "__main__":
    main()
