"""A process that charges the sandbox and may die at any moment: `sandbox_client.py FOLDER TOKEN FIRST COUNT [die]`.

It prints a line for each purchase it was answered about; with `die` it kills itself after the first write, unanswered.
"""

import os
import signal
import sys
from pathlib import Path

from talktime.gateways.payments.sandbox import SandboxGateway
from tests.gateways.payments.orders import AT, order


def main(folder: str, token: str, first: str, count: str, *dies: str) -> None:
    gateway = SandboxGateway(Path(folder), clock=lambda: AT)
    for number in range(int(first), int(first) + int(count)):
        gateway.charge(order(token, f"r-{number}"))
        if dies:
            os.kill(os.getpid(), signal.SIGKILL)
        print(number, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
