"""Whatever happens, what the card paid is what the books say, and nobody is charged or told twice."""

import os
import shutil
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from talktime.bootstrap import App
from talktime.settings import Settings
from tests.conftest import PostgresqlServer, sqlite_url
from tests.proofs.counting_gateway import CountingServer, serving
from tests.proofs.recharge_histories import History

SEED_VARIABLE = "TALKTIME_RECHARGE_SEED"


@pytest.fixture(scope="module")
def gateway() -> Iterator[CountingServer]:
    with serving() as server:
        yield server


def lived(seed: int, url: str, gateway: CountingServer) -> History:
    with_settings = App(Settings(database=url))
    with with_settings as app:
        history = History(seed, app, gateway)
        try:
            history.live()
            history.come_to_rest()
            history.judge()
        except BaseException:
            print("\n".join(history.trace))
            print(f"seed {seed} on {url.partition(':')[0]}: again with {SEED_VARIABLE}={seed}")
            raise
        finally:
            history.charging.close()
        return history


def test_try(sqlite_template: Path, tmp_path: Path, gateway: CountingServer) -> None:
    first, last = (int(each) for each in os.environ.get(SEED_VARIABLE, "1-20").split("-"))
    failures = Counter()
    began = time.time()
    for seed in range(first, last + 1):
        path = tmp_path / f"{seed}.db"
        shutil.copyfile(sqlite_template, path)
        try:
            lived(seed, sqlite_url(path), gateway)
        except Exception as e:
            failures[f"{type(e).__name__} {str(e)[:150]}"] += 1
            print("SEED", seed, str(e)[:300])
            if len(failures) > 0 and first == last: raise
    print(failures, (time.time() - began) / (last - first + 1))
    assert not failures
