"""A process that charges the sandbox and may die at any moment: `sandbox_client.py FOLDER TOKEN FIRST COUNT [DEATH]`.

It prints a line for each purchase it was answered about. DEATH is `written`: it kills itself after the first charge was
written, unanswered; or `writing`: the kernel kills it in the middle of writing it.
"""

import os
import resource
import signal
import sys
from pathlib import Path

from talktime.gateways.payments.sandbox import SandboxGateway
from tests.gateways.payments.orders import AT, order

FEW_BYTES = 40


def main(folder: str, token: str, first: str, count: str, death: str = "") -> None:
    if death == "writing":
        signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
        resource.setrlimit(resource.RLIMIT_FSIZE, (FEW_BYTES, FEW_BYTES))
    gateway = SandboxGateway(Path(folder), clock=lambda: AT)
    for number in range(int(first), int(first) + int(count)):
        gateway.charge(order(token, f"r-{number}"))
        if death:
            os.kill(os.getpid(), signal.SIGKILL)
        print(number, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
