"""One of several processes whose calls draw on one pool, cap or bill at once, each with a charging connection.

    python -m tests.proofs.pool_races URL --name a --calls 50

It says `ready` on standard output and begins at the first line that it is sent. Its calls start in small batches, ask
for more, and most end within what they were granted; every fourth is left open, so that promises are there to be seen.
"""

import argparse
import random
import sys
from datetime import timedelta

from talktime.bootstrap import App, Charging
from talktime.core.calls.calls import CallKey
from talktime.core.calls.requests import Answer, EndCall, ExtendCall, Granted, Request, StartCall
from talktime.core.values.errors import Unavailable
from talktime.settings import Settings
from tests.planned_books import CALLED, CALLER, START

BATCH_MAX, LEFT_OPEN = 4, 4
LATER = START + timedelta(minutes=30)


def make_calls(charging: Charging, name: str, count: int) -> None:
    """Live so many calls; what finds the organization held asks again."""
    dice = random.Random(name)
    waiting: list[Request] = [
        StartCall(CallKey("proxy", f"{name}-{number}"), START, CALLER, CALLED) for number in range(count)
    ]
    while waiting:
        size = dice.randint(1, BATCH_MAX)
        batch, waiting = waiting[:size], waiting[size:]
        try:
            answers = charging.charge(batch)
        except Unavailable:
            waiting = [*batch, *waiting]
            continue
        for request, answer in zip(batch, answers, strict=True):
            waiting += [request] if answer is None else _next(dice, request, answer)


def _next(dice: random.Random, request: Request, answer: Answer) -> list[Request]:
    if not isinstance(answer, Granted) or int(request.key.call_id.rpartition("-")[2]) % LEFT_OPEN == 0:
        return []
    if not answer.is_final and dice.random() < 0.5:
        return [ExtendCall(request.key, LATER, answer.granted_seconds, answer.granted_seconds)]
    return [EndCall(request.key, LATER, dice.randint(0, answer.granted_seconds))]


def main() -> None:
    """Take part."""
    parser = argparse.ArgumentParser()
    parser.add_argument("url")
    parser.add_argument("--name", required=True)
    parser.add_argument("--calls", type=int, required=True)
    arguments = parser.parse_args()
    with App(Settings(database=arguments.url)) as app:
        charging = app.open_charging()
        print("ready", flush=True)
        sys.stdin.readline()
        make_calls(charging, arguments.name, arguments.calls)
        charging.close()


if __name__ == "__main__":
    main()
