"""Rate the batches of test_engines.py on a Spark cluster and on this machine: a program, because Java stays."""

import json
import os
import sys
from pathlib import Path
from random import Random

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(REPOSITORY / "src"), str(REPOSITORY)]
# The executors are processes of their own, and import the same.
os.environ["PYTHONPATH"] = os.pathsep.join(sys.path[:2])

import pyarrow as pa  # noqa: E402 -- found by the path above

from talktime.bulk.engines.local import LocalEngine  # noqa: E402
from talktime.bulk.engines.spark import SparkEngine  # noqa: E402
from tests.bulk.random_rates import random_calls, random_rates_in_force  # noqa: E402
from tests.bulk.rows import batch_of  # noqa: E402


def main(master: str, seed: int) -> None:
    dice = Random(seed)
    rates = random_rates_in_force(dice, absurd=0)
    batches = [batch_of(list(random_calls(dice, rates, 300))) for _ in range(7)]
    # By two decks at a time, as `talktime rate --against` does.
    there, here = (
        pa.Table.from_batches(engine.rate(rates, engine.rate(rates, batches), "again_"))
        for engine in (SparkEngine(master), LocalEngine())
    )
    here = here.cast(there.schema)
    print(json.dumps({"calls": len(there), "equal": here.equals(there)}))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
