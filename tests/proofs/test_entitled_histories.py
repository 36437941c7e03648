"""Whatever is arranged and whoever calls, what is granted is paid for by what is there, and every call is charged once.

A failing seed says how it is played again, with all that happened in it:
`TALKTIME_ENTITLED_SEED=17 make test ONLY=tests/proofs/test_entitled_histories.py`; `17-900` plays a range.
"""

import json
import os
import time
from collections import Counter
from contextlib import closing

import pytest

from talktime.bootstrap import App
from talktime.settings import Settings
from tests.proofs.conftest import FreshDatabase
from tests.proofs.entitled_histories import History

SEED_VARIABLE = "TALKTIME_ENTITLED_SEED"
SEEDS_IN_SHORT = {"sqlite": range(1, 9), "postgresql": range(1, 4)}
CHUNKS, SEEDS_OF_CHUNK = 10, {"sqlite": 300, "postgresql": 60}


def lived(seed: int, url: str) -> History:
    """Live a history to its end; where it fails, tell all of it and how to play it again."""
    with App(Settings(database=url)) as app, closing(History(seed, app, url)) as history:
        try:
            history.live()
            history.come_to_rest()
        except BaseException:
            print("\n".join(history.trace))
            again = f"{SEED_VARIABLE}={seed} make test ONLY=tests/proofs/test_entitled_histories.py"
            print(f"seed {seed} failed on {url.partition(':')[0]}; again: {again}")
            raise
        return history


def prove(seeds: range, fresh_database: FreshDatabase) -> Counter[str]:
    """Live the histories of these seeds, and print what they came to in all."""
    began = time.monotonic()
    counts: Counter[str] = Counter()
    engine = ""
    for seed in seeds:
        with fresh_database() as url:
            history = lived(seed, url)
            engine = url.partition(":")[0]
        counts.update(history.counts)
        counts["deeds"] += len(history.trace)
    figures = {"seeds": f"{seeds.start}-{seeds.stop - 1}", **dict(sorted(counts.items()))}
    figures |= {"seconds": round(time.monotonic() - began)}
    print(json.dumps({"proof": "entitled_histories", "database": engine, **figures}))
    return counts


def test_in_every_history_what_was_granted_is_paid_for_and_charged_once(
    database_engine: str, fresh_database: FreshDatabase
) -> None:
    first, _, last = os.environ.get(SEED_VARIABLE, "").partition("-")
    seeds = range(int(first), int(last or first) + 1) if first else SEEDS_IN_SHORT[database_engine]

    counts = prove(seeds, fresh_database)

    assert counts["finished"] > 0


@pytest.mark.proof
@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_in_thousands_of_histories_what_was_granted_is_paid_for_and_charged_once(
    database_engine: str, fresh_database: FreshDatabase, chunk: int
) -> None:
    count = SEEDS_OF_CHUNK[database_engine]

    counts = prove(range(1_000 + chunk * count, 1_000 + (chunk + 1) * count), fresh_database)

    assert counts["finished"] > 0
