"""Real workers for tests: `talktime worker` in a process of its own.

with working(shop, tmp_path) as worker:
    ...
    worker.kill()         as a crash would
    worker.ask_to_stop()  as an operator would; `worker.code` is how it ended, `worker.said` what it logged
"""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.interfaces.worker.shop import Shop

STOP_SECONDS_MAX = 60.0


class WorkerProcess:
    """A worker, and what it logged."""

    def __init__(self, shop: Shop, log: Path, settings: dict[str, object]) -> None:
        self._log = log
        self._is_asked = False
        stated = {"database": shop.url, "data_folder": shop.data_folder, **settings}
        environment = {f"TALKTIME_{name.upper()}": str(value) for name, value in stated.items()}
        with log.open("ab") as written:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "talktime", "worker"],
                stdout=written,
                stderr=written,
                stdin=subprocess.DEVNULL,
                env={**os.environ, **environment},
            )

    @property
    def written(self) -> str:
        """Return all that it wrote."""
        return self._log.read_text("utf-8")

    @property
    def said(self) -> list[dict[str, Any]]:
        """Return the lines of its log."""
        return [json.loads(line) for line in self.written.splitlines() if line.startswith("{")]

    def told(self, what: str) -> list[dict[str, Any]]:
        """Return the lines that tell of one thing."""
        return [line for line in self.said if line["event"] == what]

    @property
    def code(self) -> int | None:
        """Return how it ended; None while it runs."""
        return self._process.poll()

    def kill(self) -> None:
        """End it at once, in the middle of whatever it does."""
        self._process.kill()
        self._process.wait(STOP_SECONDS_MAX)

    def ask_to_stop(self) -> None:
        """Ask it to end, once: who asks twice does not want to wait."""
        if not self._is_asked and self.code is None:
            self._process.send_signal(signal.SIGTERM)
        self._is_asked = True

    def stop(self) -> None:
        """Ask it to end, and wait until it has."""
        self.ask_to_stop()
        self._process.wait(STOP_SECONDS_MAX)


@contextmanager
def working(shop: Shop, folder: Path, **settings: object) -> Iterator[WorkerProcess]:
    """Work, and stop at the end."""
    worker = WorkerProcess(shop, folder / f"worker-{time.monotonic_ns()}.log", settings)
    try:
        yield worker
    finally:
        worker.stop()
