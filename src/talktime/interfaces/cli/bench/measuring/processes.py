"""Processor time of processes and of all that they have started, as Linux counts it, and what else ran meanwhile."""

import os
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from operator import itemgetter
from pathlib import Path

_PROC = Path("/proc")
_TICKS = os.sysconf("SC_CLK_TCK")
# Of a line of /proc/<pid>/stat, after the name: the parent, own time (user, system), that of children that have ended.
_PARENT, _OWN, _ENDED = 1, slice(11, 13), slice(13, 15)
_BUSY_CORES = 0.02


@dataclass(frozen=True, slots=True)
class Process:
    """A process as it stands: seconds of its own, and of its children that have ended."""

    parent: int
    name: str
    own_seconds: float
    ended_seconds: float


Processes = dict[int, Process]


def processes() -> Processes:
    """Return all processes of this machine by id; none where the system does not tell."""
    found = {}
    for path in _PROC.glob("[0-9]*/stat"):
        try:
            text = path.read_text("utf-8", "replace")
        except OSError:
            continue
        name, _, rest = text.partition("(")[2].rpartition(")")
        fields = rest.split()
        own, ended = (sum(map(int, fields[part])) / _TICKS for part in (_OWN, _ENDED))
        found[int(path.parent.name)] = Process(int(fields[_PARENT]), name, own, ended)
    return found


def tree(found: Processes, root: int) -> set[int]:
    """Return the ids of a process and of all that came from it and still run."""
    children: dict[int, list[int]] = {}
    for process_id, process in found.items():
        children.setdefault(process.parent, []).append(process_id)
    reached, waiting = set(), [root] if root in found else []
    while waiting:
        process_id = waiting.pop()
        reached.add(process_id)
        waiting += children.get(process_id, [])
    return reached


def seconds_between(before: Processes, after: Processes, root: int) -> float | None:
    """Return the processor time that a process and its children took; None where it cannot be told."""
    if root not in before or root not in after:
        return None
    members = tree(before, root) | tree(after, root)
    return _own(after, members) - _own(before, members) + after[root].ended_seconds - before[root].ended_seconds


def foreign(before: Processes, after: Processes, ours: Iterable[int], seconds: float) -> dict[str, float]:
    """Return, by program name, how many cores went to processes that are not ours; the busiest first."""
    members = {member for root in ours for member in tree(before, root) | tree(after, root)}
    took: defaultdict[str, float] = defaultdict(float)
    for process_id in after.keys() - members:
        was = before.get(process_id)
        took[after[process_id].name] += after[process_id].own_seconds - (0 if was is None else was.own_seconds)
    cores = {name: round(spent / seconds, 2) for name, spent in sorted(took.items(), key=itemgetter(1), reverse=True)}
    return {name: share for name, share in cores.items() if share >= _BUSY_CORES}


def parent_of(process_id: int) -> int | None:
    """Return who started a process; None where no such process runs on this machine."""
    process = processes().get(process_id)
    return None if process is None else process.parent


def memory_mb(process_id: int) -> tuple[int, int]:
    """Return what a process holds in memory, and the most that it has held, in MB."""
    lines = (_PROC / str(process_id) / "status").read_text("utf-8").splitlines()
    told = {name: value.split() for name, _, value in (line.partition(":") for line in lines)}
    return int(told["VmRSS"][0]) // 1024, int(told["VmHWM"][0]) // 1024


def _own(found: Processes, members: set[int]) -> float:
    return sum(found[process_id].own_seconds for process_id in members if process_id in found)
