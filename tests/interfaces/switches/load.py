"""Many calls at once through a real switch, and what SIPp counted of them."""

import csv
import socket
from dataclasses import dataclass
from pathlib import Path

from tests.interfaces.switches.rig import HOST, SCENARIOS, Program, Switch, free_port, phone

CALLS_PER_SECOND = 300
SECONDS = 30
TALK_MILLISECONDS = 500
# No more at once: where the machine is too slow for the rate, calls begin later instead of failing.
OPEN_CALLS_MAX = 240
# Long enough for a machine that does a sixth of the rate.
PATIENCE_SECONDS = 240.0
COLUMNS = {"succeeded": "SuccessfulCall(C)", "failed": "FailedCall(C)", "retransmissions": "Retransmissions(C)"}


@dataclass(frozen=True)
class Counted:
    """What the callers' SIPp counted."""

    succeeded: int
    failed: int
    retransmissions: int
    seconds: float

    @property
    def calls_per_second(self) -> float:
        return self.succeeded / self.seconds


def call_at_rate(switch: Switch, folder: Path, *, numbers: list[str], to: str, calls: int) -> Counted:
    """Let the numbers call in turn, 300 calls a second; return when all calls are over."""
    callee = Program(_callee(switch), folder / "load-callee.log")
    statistics = folder / "load-callers.csv"
    callers = Program(_callers(switch, folder, numbers, to, calls, statistics), folder / "load-callers.log")
    callee.start()
    try:
        switch.await_next_hop()
        callers.start()
        callers.await_end(PATIENCE_SECONDS)
    finally:
        callers.stop()
        callee.stop()
    return _read(statistics)


# What comes out of order is not the end of a call: the proxy's parallel workers may overtake each other. A call that
# does not go on fails by time. Bursts must not overflow the sockets.
_PATIENT = ["-default_behaviors", "all,-abortunexp", "-recv_timeout", "30000", "-buff_size", "1048576"]


def _callee(switch: Switch) -> list[str]:
    return [*phone(SCENARIOS / "callee_in_a_crowd.xml", switch.next_hop_port), *_PATIENT]


def _callers(switch: Switch, folder: Path, numbers: list[str], to: str, calls: int, statistics: Path) -> list[str]:
    names = folder / "load-numbers.csv"
    names.write_text("SEQUENTIAL\n" + "".join(f"{number};\n" for number in numbers), "utf-8")
    scenario = folder / "load-caller.xml"
    words = (SCENARIOS / "caller_in_a_crowd.xml").read_text("utf-8")
    scenario.write_text(words.replace("TALK_MS", str(TALK_MILLISECONDS)), "utf-8")
    rate = ["-r", str(CALLS_PER_SECOND), "-m", str(calls), "-l", str(OPEN_CALLS_MAX)]
    whom = ["-inf", str(names), "-key", "callee", to, "-cid_str", "load-%u"]
    counting = ["-trace_stat", "-stf", str(statistics), "-fd", "1s"]
    command = phone(scenario, free_port(socket.SOCK_DGRAM), f"{HOST}:{switch.port}")
    return [*command, *_PATIENT, *rate, *whom, *counting]


def _read(statistics: Path) -> Counted:
    with statistics.open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines, delimiter=";"))
    began_at, ended_at = (float(row["CurrentTime"].rpartition("\t")[2]) for row in (rows[0], rows[-1]))
    counts = {name: int(rows[-1][column]) for name, column in COLUMNS.items()}
    return Counted(**counts, seconds=ended_at - began_at)
