"""PostgreSQL's own benchmark of the naive charging transaction, on the same server in the same run."""

import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from talktime.core.values.errors import Unavailable
from talktime.store.bench import databases, naive

CLIENTS_COUNT, THREADS_COUNT = 32, 2
_DEBIAN = Path("/usr/lib/postgresql")


def find_pgbench() -> str | None:
    """Return where pgbench stands: on the path, or where Debian puts it; None where there is none."""
    debian = sorted(_DEBIAN.glob("*/bin/pgbench"), key=lambda path: path.parts[-3])
    return shutil.which("pgbench") or (str(debian[-1]) if debian else None)


class Naive:
    """The naive transaction in its forms, measured when it is first asked for, and before each measurement again."""

    def __init__(self, database_url: str, pgbench: str, seconds: float) -> None:
        """Make its tables in a database beside the one that is measured."""
        self._url, self._pgbench, self._seconds = (
            databases.beside(database_url, "naive"),
            pgbench,
            max(1, round(seconds)),
        )
        databases.create(self._url)
        naive.prepare_naive(self._url)

    def transactions_a_second(self, form: str) -> int:
        """Run a form of `naive.SCRIPTS`; raise Unavailable where pgbench fails."""
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "charge.sql"
            path.write_text(naive.SCRIPTS[form], "utf-8")
            options = ["-n", "-M", "prepared", "-c", str(CLIENTS_COUNT), "-j", str(THREADS_COUNT)]
            command = [self._pgbench, *options, "-T", str(self._seconds), "-f", str(path), self._url]
            done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 -- found above
        found = re.search(r"tps = ([\d.]+)", done.stdout)
        if found is None:
            message = f"pgbench failed: {done.stderr.strip()[-400:]}"
            raise Unavailable(message, code="pgbench")
        return round(float(found[1]))

    def close(self) -> None:
        """Drop its tables."""
        databases.drop(self._url)
