"""What can befall servers and their database, short of fire: each leaves everything to be found again.

The worst is the loss of power: a file system of its own, on a loop device, forgets what nobody had synced
(`FS_IOC_SHUTDOWN` without a flush, which is how ext4 and XFS test themselves). What is not shown is whether the disk
below keeps what it says it has: that belongs to the disk, and here it is a file of the machine we run on.
"""

import fcntl
import os
import shutil
import signal
import struct
import subprocess
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import psycopg
import pytest

RECOVERY_SECONDS_MAX = 60.0
POLL_SECONDS = 0.02
DISK_MB = 1_024
# include/uapi/linux/fs.h: _IOR('X', 125, __u32); the flag: neither data nor journal is flushed
FS_IOC_SHUTDOWN, NO_LOG_FLUSH = 0x8004_587D, 2

_OURS = "FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"


def end_connections(url: str) -> None:
    """End every connection to the database gently: whoever is in a transaction is told that it is rolled back."""
    with suppress(psycopg.OperationalError), psycopg.connect(url, autocommit=True) as operator:
        operator.execute(f"SELECT pg_terminate_backend(pid) {_OURS}")


def crash_postgresql(url: str) -> None:
    """`kill -9` one of the database's own processes: it ends the others, forgets its memory and reads its log again."""
    with suppress(psycopg.OperationalError), psycopg.connect(url, autocommit=True) as operator:
        victims = operator.execute(f"SELECT pid {_OURS} AND query <> '' ORDER BY random() LIMIT 1").fetchall()
        for (process_id,) in victims or [(operator.info.backend_pid,)]:
            os.kill(process_id, signal.SIGKILL)
    await_postgresql(url)


def await_postgresql(url: str) -> None:
    """Wait until the database can be asked again."""
    gives_up_at = time.monotonic() + RECOVERY_SECONDS_MAX
    while time.monotonic() < gives_up_at:
        with suppress(psycopg.OperationalError), psycopg.connect(url) as connection:
            connection.execute("SELECT 1")
            return
        time.sleep(POLL_SECONDS)
    pytest.fail("PostgreSQL did not recover")


def freeze(process_ids: Iterable[int]) -> None:
    """Let processes do nothing more: who is in the middle of a sync does not learn how it ended.

    Power that fails takes the machine with it. While the kernel only plays it, a sync that it interrupts may return
    as if it had succeeded, and an answer given after that would be one from beyond the grave.
    """
    for process_id in process_ids:
        os.kill(process_id, signal.SIGSTOP)


def freeze_postgresql(url: str) -> list[int]:
    """Freeze all processes of the server, first the one that would start others; return their ids."""
    await_postgresql(url)
    with psycopg.connect(url) as operator:
        parent = _parent_of(operator.info.backend_pid)
    freeze([parent])
    ids = [int(folder.name) for folder in Path("/proc").iterdir() if folder.name.isdigit()]
    children = [process_id for process_id in ids if _parent_of(process_id) == parent]
    freeze(children)
    return [parent, *children]


def end_at_once(process_ids: Sequence[int]) -> None:
    """Kill processes, frozen or not, and return when all are gone; some may be already."""
    for process_id in process_ids:
        with suppress(ProcessLookupError):
            os.kill(process_id, signal.SIGKILL)
    gives_up_at = time.monotonic() + RECOVERY_SECONDS_MAX
    while any(_state_of(process_id) not in _GONE for process_id in process_ids):
        assert time.monotonic() < gives_up_at, "PostgreSQL does not end"
        time.sleep(POLL_SECONDS)


_GONE = ("", "Z", "X")


def _state_of(process_id: int) -> str:
    return _stat(process_id)[0]


def _parent_of(process_id: int) -> int:
    return int(_stat(process_id)[1])


def _stat(process_id: int) -> list[str]:
    """Return what /proc says of a process, from its state on."""
    try:
        return Path(f"/proc/{process_id}/stat").read_text("ascii", "replace").rpartition(")")[2].split()
    except OSError:
        return ["", "0"]


class Disk:
    """A file system on a loop device: mounted, cut off from power, and mounted again."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "disk"
        self._image = folder / "disk.img"
        self.root.mkdir()
        with self._image.open("wb") as image:
            image.truncate(DISK_MB * 2**20)
        _run("mkfs.ext4", "-q", "-F", str(self._image))

    def mount(self) -> None:
        """Mount; a journal that was cut short is replayed."""
        _run("mount", "-o", "loop", str(self._image), str(self.root))

    def sync(self) -> None:
        """Write out everything: the beginning of the story, which power may not take away."""
        _run("sync", "--file-system", str(self.root))

    def lose_power(self) -> None:
        """From this instant nothing is written any more; what was not synced is gone."""
        descriptor = os.open(self.root, os.O_RDONLY)
        try:
            fcntl.ioctl(descriptor, FS_IOC_SHUTDOWN, struct.pack("I", NO_LOG_FLUSH))
        finally:
            os.close(descriptor)

    def come_back(self) -> None:
        """Have power again: all that is there is what had been written when it went away."""
        self.unmount()
        self.mount()

    def unmount(self) -> None:
        """Unmount; nobody may have a file open."""
        _run("umount", str(self.root))


@contextmanager
def disk() -> Iterator[Disk]:
    """Give a disk that can lose power; skip with the reason where none can be made."""
    if os.geteuid() != 0:
        pytest.skip("only root may mount a disk that loses power")
    if missing := [program for program in ("mkfs.ext4", "mount", "umount") if shutil.which(program) is None]:
        pytest.skip(f"a disk that loses power needs {', '.join(missing)}")
    with tempfile.TemporaryDirectory(prefix="talktime-disk-") as folder:
        # PostgreSQL, which does not run as root, must get through.
        Path(folder).chmod(0o711)
        made = Disk(Path(folder))
        try:
            made.mount()
        except subprocess.CalledProcessError as failure:
            pytest.skip(f"no loop device can be mounted here: {failure.stderr.strip()}")
        try:
            yield made
        finally:
            if made.root.is_mount():
                made.unmount()


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True, text=True)
