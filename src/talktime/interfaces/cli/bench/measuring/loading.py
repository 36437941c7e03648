"""Run a load in a process of its own, and look at all processes when it says that its time begins and ends."""

import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from talktime.core.values.errors import Unavailable

_PACKAGE = "talktime.interfaces.cli.bench.loads"


def run_load(module: str, told: Mapping[str, object], at_moment: Callable[[str], object] = str) -> dict[str, Any]:
    """Return what a load reports; `at_moment` is told each line that it says. Raise Unavailable where it fails."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "report.json"
        command = [sys.executable, "-m", f"{_PACKAGE}.{module}"]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as load:  # noqa: S603 -- our own
            assert load.stdin is not None
            assert load.stdout is not None
            load.stdin.write(json.dumps({**told, "report": str(path)}))
            load.stdin.close()
            for line in load.stdout:
                at_moment(line.strip())
        if load.returncode != 0 or not path.exists():
            message = "the load failed; what it said stands above"
            raise Unavailable(message, code="load")
        report: dict[str, Any] = json.loads(path.read_text("utf-8"))
        return report
