"""Debian's packages, for tests that want programs: installed where they may be, and the reason where they may not.

TALKTIME_TEST_INSTALL=never forbids it.
"""

import os
import shutil
import subprocess

INSTALL_VARIABLE = "TALKTIME_TEST_INSTALL"
INSTALL_SECONDS_MAX = 600


class Absent(Exception):  # noqa: N818 -- not an error: a machine may have less than others; the message is the reason
    """What a test wants is not to be had on this machine."""


def check_that_we_may_install(missing: str) -> None:
    """Raise Absent, with what is missing and the reason, where nothing may be installed."""
    if os.environ.get(INSTALL_VARIABLE) == "never":
        raise Absent(f"{missing}, and {INSTALL_VARIABLE} is never")
    if os.geteuid() != 0:
        raise Absent(f"{missing}, and only root may install anything")
    if shutil.which("apt-get") is None:
        raise Absent(f"{missing}, and there is no apt-get to install anything with")


def install(*packages: str) -> None:
    """Install packages; raise Absent with the last that apt-get said where that fails."""
    _apt_get("update")
    _apt_get("install", "--yes", "--no-install-recommends", *packages)


def _apt_get(*arguments: str) -> None:
    try:
        answer = subprocess.run(
            ["apt-get", "--quiet", *arguments],
            env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=INSTALL_SECONDS_MAX,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise Absent(f"apt-get {arguments[0]} took longer than {INSTALL_SECONDS_MAX} s") from None
    if answer.returncode != 0:
        last = (answer.stderr.strip() or answer.stdout.strip()).splitlines()[-1:]
        raise Absent(f"apt-get {arguments[0]} failed: {' '.join(last)}")
