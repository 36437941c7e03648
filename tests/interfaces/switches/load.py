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
OPEN_CALLS_MAX = 180
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
    callee = Program(_callee(switch, folder), folder / "load-callee.log")
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


def _callee(switch: Switch, folder: Path) -> list[str]:
    scenario = folder / "load-callee.xml"
    words = (SCENARIOS / "callee_answers.xml").read_text("utf-8")
    # A BYE whose answer was lost among others is repeated for as long as the proxy waits: be there to answer it again.
    scenario.write_text(words.replace('<timewait milliseconds="500"/>', '<timewait milliseconds="10000"/>'), "utf-8")
    # Parallel workers of the proxy may overtake each other: an ACK that comes after the BYE must not end the call badly.
    return [*phone(scenario, switch.next_hop_port), "-default_behaviors", "all,-abortunexp"]


def _callers(switch: Switch, folder: Path, numbers: list[str], to: str, calls: int, statistics: Path) -> list[str]:
    names = folder / "load-numbers.csv"
    names.write_text("SEQUENTIAL\n" + "".join(f"{number};\n" for number in numbers), "utf-8")
    scenario = folder / "load-caller.xml"
    words = (SCENARIOS / "caller_hangs_up.xml").read_text("utf-8")
    words = words.replace("[caller]", "[field0]").replace("TALK_MS", str(TALK_MILLISECONDS))
    scenario.write_text(words, "utf-8")
    rate = ["-r", str(CALLS_PER_SECOND), "-m", str(calls), "-l", str(OPEN_CALLS_MAX)]
    whom = ["-inf", str(names), "-key", "callee", to, "-cid_str", "load-%u"]
    counting = ["-trace_stat", "-stf", str(statistics), "-fd", "1s"]
    command = phone(scenario, free_port(socket.SOCK_DGRAM), f"{HOST}:{switch.port}")
    return [*command, *rate, *whom, *counting]


def _read(statistics: Path) -> Counted:
    with statistics.open(encoding="utf-8", newline="") as lines:
        last = list(csv.DictReader(lines, delimiter=";"))[-1]
    counts = {name: int(last[column]) for name, column in COLUMNS.items()}
    hours, minutes, seconds = last["ElapsedTime(C)"].split(":")[:3]
    return Counted(**counts, seconds=int(hours) * 3600 + int(minutes) * 60 + float(seconds))
