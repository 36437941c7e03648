"""`python -m benchmarks [WORD]`: `talktime bench` on a PostgreSQL of its own and a SQLite file; JSON lines."""

import argparse
import json
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from benchmarks import open_calls
from talktime.core.values.errors import CallerError
from talktime.interfaces.cli.bench.bench import is_reconciled
from talktime.interfaces.cli.bench.charging import Duration
from talktime.interfaces.cli.bench.exporting import Volume
from talktime.interfaces.cli.bench.measuring.lines import Line, load_average
from talktime.interfaces.cli.bench.suite import Run, names_like, run_suite, say
from talktime.interfaces.cli.bench.view import view
from talktime.interfaces.cli.bench.world.filling import Shape
from talktime.interfaces.cli.terminal import out
from tests import postgresql_cluster


def main() -> int:
    """Run the benchmarks whose name contains the word; 1 where books do not agree."""
    options = _parser().parse_args()
    if not names_like(options.only, FURTHER):
        say(f"no benchmark is named like {options.only!r}; there are: {', '.join(names_like('', FURTHER))}")
        return 2
    shape = Shape(options.organizations, options.finished_calls)
    lines = []
    with _databases() as urls:
        duration = Duration(options.seconds, options.warm_up)
        exported = Volume(options.exported_rows, options.baseline_rows)
        run = Run(urls, shape, duration, options.only, audits=options.audit, exported=exported)
        for line in run_suite(run, FURTHER):
            lines.append(line)
            print(json.dumps(line, ensure_ascii=False), flush=True)
    if options.table:
        out().print(view(lines))
    return 0 if is_reconciled(lines) else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="benchmarks", description=__doc__)
    parser.add_argument("only", nargs="?", default="", help="a part of the names to run")
    parser.add_argument("--seconds", type=float, default=10, help="how long each measurement lasts")
    parser.add_argument("--warm-up", type=float, default=5, help="how long a load runs before it is measured")
    parser.add_argument("--finished-calls", type=int, default=Shape().finished_calls, help="charged before")
    parser.add_argument("--organizations", type=int, default=Shape().organizations)
    parser.add_argument("--exported-rows", type=int, default=Volume().rows, help="how many usage rows an export has")
    parser.add_argument("--baseline-rows", type=int, default=Volume().baseline_rows, help="how many XlsxWriter writes")
    parser.add_argument("--no-audit", dest="audit", action="store_false", help="leave out the audit of every row")
    parser.add_argument("--table", action="store_true", help="a table at the end, too")
    return parser


def _open_calls(database_url: str) -> Line:
    """Measure how soon a server that was killed under 100,000 open calls answers again."""
    found = open_calls.measure(database_url)
    return {"value": found["ready_seconds"], "unit": "s", **found, "load_average": load_average()}


@contextmanager
def _databases() -> Iterator[tuple[str, ...]]:
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        urls = [f"sqlite:///{Path(folder) / 'bench.db'}"]
        try:
            cluster = stack.enter_context(postgresql_cluster.running())
        except postgresql_cluster.Absent as reason:
            say(f"without PostgreSQL: {reason}")
        else:
            urls.append(cluster.url.removesuffix("/postgres") + "/bench")
        yield tuple(urls)


# What operators have no use for.
FURTHER = {"open_calls.ready": _open_calls}

if __name__ == "__main__":
    try:
        sys.exit(main())
    except CallerError as mistake:
        sys.exit(mistake.message)
