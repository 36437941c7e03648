"""Whatever happens, what the cards paid is what the books say, and nobody is charged or told twice.

A failing seed says how it is played again, with all that happened in it:
`TALKTIME_RECHARGE_SEED=17 make test ONLY=tests/proofs/test_recharge_histories.py`; `17-900` plays a range.
"""

import json
import os
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing

import pytest

from talktime.bootstrap import App
from talktime.core.credit.buying.purchases import PurchaseState
from talktime.settings import Settings
from tests.proofs.conftest import FreshDatabase
from tests.proofs.counting_gateway import CountingServer, serving
from tests.proofs.recharge_histories import History

SEED_VARIABLE = "TALKTIME_RECHARGE_SEED"
SEEDS_IN_SHORT = {"sqlite": range(1, 41), "postgresql": range(1, 9)}
CHUNKS, SEEDS_OF_CHUNK = 10, {"sqlite": 200, "postgresql": 25}


@pytest.fixture(scope="module")
def gateway() -> Iterator[CountingServer]:
    with serving() as server:
        yield server


def lived(seed: int, url: str, gateway: CountingServer) -> History:
    """Live a history to its end; where it fails, tell all of it and how to play it again."""
    with App(Settings(database=url)) as app, closing(app.open_charging()) as charging:
        history = History(seed, app, charging, gateway)
        try:
            history.live()
            history.come_to_rest()
            history.judge()
        except BaseException:
            print("\n".join(history.trace))
            print(f"seed {seed} failed on {url.partition(':')[0]}; again: {SEED_VARIABLE}={seed} make test ONLY=…")
            raise
        return history


def prove(seeds: range, fresh_database: FreshDatabase, gateway: CountingServer) -> None:
    """Live the histories of these seeds, and print what they came to in all."""
    began = time.monotonic()
    states: Counter[str] = Counter()
    charges = crashes = webhooks = 0
    engine = ""
    for seed in seeds:
        with fresh_database() as url:
            history = lived(seed, url, gateway)
            engine = url.partition(":")[0]
        states.update(state.value for state in history.seen.values())
        charges += len(history.books.moved)
        crashes += history.crashes_count
        webhooks += history.delivered.total()
    figures = {"seeds": f"{seeds.start}-{seeds.stop - 1}", "charges": charges, "purchases": dict(states)}
    figures |= {"crashes": crashes, "webhooks": webhooks, "seconds": round(time.monotonic() - began)}
    print(json.dumps({"proof": "recharge_histories", "database": engine, **figures}))
    assert charges == states[PurchaseState.SETTLED.value] > 0


def test_in_every_history_what_moved_is_what_is_recorded(
    database_engine: str, fresh_database: FreshDatabase, gateway: CountingServer
) -> None:
    first, _, last = os.environ.get(SEED_VARIABLE, "").partition("-")
    seeds = range(int(first), int(last or first) + 1) if first else SEEDS_IN_SHORT[database_engine]

    prove(seeds, fresh_database, gateway)


@pytest.mark.proof
@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_in_thousands_of_histories_what_moved_is_what_is_recorded(
    database_engine: str, fresh_database: FreshDatabase, gateway: CountingServer, chunk: int
) -> None:
    count = SEEDS_OF_CHUNK[database_engine]

    prove(range(1_000 + chunk * count, 1_000 + (chunk + 1) * count), fresh_database, gateway)
