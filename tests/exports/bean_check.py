"""Beancount's own judgement of a file, by its program `bean-check`; and what a file asserts, read without it."""

import re
import subprocess
import sys
from pathlib import Path

_ASSERTED = re.compile(r"(\S+) balance (\S+) +(-?[0-9.]+) ~ 0 (\S+)")


def bean_check(path: Path) -> str:
    """Return what bean-check says against a file: nothing where it is clean."""
    program = Path(sys.executable).with_name("bean-check")
    ran = subprocess.run([program, "--no-cache", path], capture_output=True, text=True, encoding="utf-8", check=False)
    assert (ran.returncode == 0) == (not ran.stdout + ran.stderr), ran
    return ran.stdout + ran.stderr


def asserted(text: str) -> dict[tuple[str, str], str]:
    """Return the balances that a file asserts, by day and account."""
    return {(day, account): amount for day, account, amount, _ in _ASSERTED.findall(text)}
