"""Kamailio and SIPp from Debian: found, or installed where the tests may; nothing is started by installing.

TALKTIME_TEST_INSTALL=never forbids installing, as it does for PostgreSQL.
"""

import fcntl
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests import debian
from tests.debian import Absent

PACKAGES = ("kamailio", "kamailio-utils-modules", "kamailio-extra-modules", "kamailio-ims-modules", "sip-tester")
MODULES = ("http_client", "jansson", "cdp", "ims_charging")
PROGRAMS = ("kamailio", "sipp")
# Debian asks this program whether a package may start its service; 101 is no.
POLICY = Path("/usr/sbin/policy-rc.d")
DEBIAN_PATH = f"{os.environ.get('PATH', os.defpath)}{os.pathsep}/usr/sbin{os.pathsep}/sbin"


def program(name: str) -> str:
    """Return where a program lies; raise Absent."""
    found = shutil.which(name, path=DEBIAN_PATH)
    if found is None:
        raise Absent(f"{name} is not installed")
    return found


def require() -> None:
    """See to it that the programs are there; raise Absent with the reason where they are not."""
    # Several test processes may come here at once, and apt-get wants to be alone.
    with (Path(tempfile.gettempdir()) / f"talktime-sip-install-{os.geteuid()}").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        missing = _missing()
        if missing:
            _install(f"{' and '.join(missing)} not installed")
    still_missing = _missing()
    if still_missing:
        raise Absent(f"{' and '.join(still_missing)} not there after installing {' '.join(PACKAGES)}")


def _missing() -> list[str]:
    """Return the programs that are not there, or else Kamailio's modules: those come in packages of their own."""
    programs = [name for name in PROGRAMS if shutil.which(name, path=DEBIAN_PATH) is None]
    return programs or [f"Kamailio's {name}" for name in MODULES if not (_module_folder() / f"{name}.so").exists()]


def _install(missing: str) -> None:
    debian.check_that_we_may_install(missing)
    with _services_stay_down():
        debian.install(*PACKAGES)


@contextmanager
def _services_stay_down() -> Iterator[None]:
    if POLICY.exists():
        yield
        return
    POLICY.write_text("#!/bin/sh\nexit 101\n", "utf-8")
    POLICY.chmod(0o755)
    try:
        yield
    finally:
        POLICY.unlink()


def _module_folder() -> Path:
    listed = subprocess.run([program("kamailio"), "-h"], capture_output=True, text=True, check=False)
    folders = [line.split("default: ")[1].rstrip(")") for line in listed.stdout.splitlines() if "-L path" in line]
    return Path(*folders[:1])
