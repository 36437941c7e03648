"""A PostgreSQL of our own for tests and benchmarks: private, durable, gone afterwards.

    with postgresql_cluster.running() as cluster:           # raises Absent with a plain reason
        cluster.url                                         # postgresql://talktime@127.0.0.1:41233/postgres

    python -m tests.postgresql_cluster -- pytest -n auto    # finds the URL in TALKTIME_TEST_POSTGRESQL

Settings of the environment:

    TALKTIME_TEST_POSTGRESQL=postgresql://…   use that server; it is neither started nor stopped
    TALKTIME_TEST_POSTGRESQL=none             no PostgreSQL, skip what needs one
    TALKTIME_TEST_INSTALL=never               never install Debian's package

A server refuses to run as root: then it runs as `postgres` or `nobody`. It trusts whoever reaches it, so it
listens on 127.0.0.1 alone and holds nothing but what tests make up. It ends when we are killed, too: a
watcher holds the other end of a pipe that closes with us.
"""

import os
import pwd
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import FrameType

from tests import debian
from tests.debian import Absent

URL_VARIABLE = "TALKTIME_TEST_POSTGRESQL"
ABSENT_VARIABLE = "TALKTIME_TEST_POSTGRESQL_ABSENT"

VERSION_MIN = 15
USER = "talktime"
START_ATTEMPTS_MAX = 5  # another program may take the port between our asking for it and the server's binding it
START_SECONDS_MAX = 60.0
STOP_SECONDS_MAX = 30.0
POLL_SECONDS = 0.02
SOCKET_PATH_BYTES_MAX = 100  # the system's limit is 107 with the terminating zero, 103 on macOS

SHARED_BUFFERS_MAX_MB = 2048
WAL_MAX_MB = 8192
CONNECTIONS_MAX = 300
# Debian: while this file exists, installing the package creates and starts no cluster of the system's.
NO_MAIN_CLUSTER = Path("/etc/postgresql-common/createcluster.d/talktime-tests.conf")

# Waits until the pipe from us closes, then ends the server and removes its folder.
WATCHER = 'read -r _; kill -QUIT "$1" 2>/dev/null; while kill -0 "$1" 2>/dev/null; do sleep 0.1; done; rm -rf "$2"'


@dataclass(frozen=True)
class Cluster:
    """A running server; `url` leads to its maintenance database, as a superuser.

    `stop` ends it without a checkpoint, as a crash would; `start` begins again at the same address, with recovery.
    """

    url: str
    binaries: Path
    version: str
    stop: Callable[[], None]
    start: Callable[[], None]


@contextmanager
def running(parent: Path | None = None) -> Iterator[Cluster]:
    """Start a cluster below a folder, and stop and remove it afterwards; raise Absent if there is no PostgreSQL."""
    binaries = find_binaries() or _install()
    user = _user()
    with tempfile.TemporaryDirectory(prefix="talktime-pg-", dir=parent, ignore_cleanup_errors=True) as folder:
        user.give(Path(folder))
        server = _Server(binaries, Path(folder), user)
        server.initialize()
        server.start()
        try:
            yield Cluster(server.url, binaries, version(binaries), server.stop, server.start_again)
        finally:
            server.stop()


@contextmanager
def announced() -> Iterator[Mapping[str, str]]:
    """Give the environment in which tests find the cluster, or the reason why there is none."""
    given = os.environ.get(URL_VARIABLE)
    if given == "none":
        yield {
            URL_VARIABLE: "none",
            ABSENT_VARIABLE: os.environ.get(ABSENT_VARIABLE, f"{URL_VARIABLE} is none"),
        }
        return
    if given is not None:
        yield {URL_VARIABLE: given}
        return
    try:
        with running() as cluster:
            yield {URL_VARIABLE: cluster.url}
    except Absent as reason:
        yield {URL_VARIABLE: "none", ABSENT_VARIABLE: str(reason)}


def find_binaries() -> Path | None:
    """Find the folder of the newest PostgreSQL that is new enough: on the path, or where Debian puts it."""
    on_path = shutil.which("postgres")
    folders = [
        *Path("/usr/lib/postgresql").glob("*/bin"),
        *([Path(on_path).resolve().parent] if on_path else []),
    ]
    suitable = [folder for folder in folders if _major(folder) >= VERSION_MIN and (folder / "initdb").exists()]
    return max(suitable, key=_major, default=None)


def version(binaries: Path) -> str:
    """Say which PostgreSQL stands in a folder, such as `15.18`; empty where there is none that runs."""
    try:
        answer = subprocess.run([binaries / "postgres", "--version"], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return ""
    found = re.search(r"\d+(\.\d+)?", answer.stdout)
    return found.group() if found else ""


def main(arguments: Sequence[str]) -> int:
    """Run a command in the cluster's environment and answer with its exit status."""
    if len(arguments) < 2 or arguments[0] != "--":
        print("usage: python -m tests.postgresql_cluster -- command…", file=sys.stderr)
        return 2
    signal.signal(signal.SIGTERM, _end)
    with announced() as environment:
        print(_headline(environment), flush=True)
        return _run_to_its_end(arguments[1:], {**os.environ, **environment})


class _User:
    """Who runs the server: we ourselves, or somebody who is not root."""

    def __init__(self, name: str | None) -> None:
        self.name = name

    def give(self, path: Path) -> None:
        if self.name is not None:
            entry = pwd.getpwnam(self.name)
            os.chown(path, entry.pw_uid, entry.pw_gid)

    @cached_property
    def process_options(self) -> dict[str, str | list[str]]:
        if self.name is None:
            return {}
        group = pwd.getpwnam(self.name).pw_gid
        return {"user": self.name, "group": group, "extra_groups": []}  # type: ignore[dict-item]


class _Server:
    """One data folder and, between start and stop, the process that serves it."""

    def __init__(self, binaries: Path, folder: Path, user: _User) -> None:
        self._binaries = binaries
        self._folder = folder
        self._user = user
        self._data = folder / "data"
        self._log = folder / "log"
        self._port = 0
        self._process: subprocess.Popen[bytes] | None = None
        self._watcher: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"postgresql://{USER}@127.0.0.1:{self._port}/postgres"

    def initialize(self) -> None:
        locale = ["--no-locale", "--encoding=UTF8"]
        self._run("initdb", *locale, "--auth=trust", f"--username={USER}", "--no-sync", f"--pgdata={self._data}")

    def start(self) -> None:
        settings = [f"--{name}={value}" for name, value in self._settings().items()]
        for _ in range(START_ATTEMPTS_MAX):
            self._port = _free_port()
            if self._serves(settings):
                return
        raise Absent(f"PostgreSQL did not start: {self._last_words()}")

    def start_again(self) -> None:
        if not self._serves([f"--{name}={value}" for name, value in self._settings().items()]):
            raise Absent(f"PostgreSQL did not start again: {self._last_words()}")

    def stop(self) -> None:
        assert self._process is not None
        # QUIT, the immediate shutdown: what it would flush is thrown away with the folder.
        self._process.send_signal(signal.SIGQUIT)
        try:
            self._process.wait(STOP_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self._watcher is not None:
            with self._watcher:
                self._watcher.kill()

    def _serves(self, settings: Sequence[str]) -> bool:
        command = [str(self._binaries / "postgres"), "-D", str(self._data), f"--port={self._port}", *settings]
        with self._log.open("ab") as log:
            # A session of its own: Ctrl-C is for the tests; the server must outlive their tidying up.
            self._process = self._open(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        if not self._is_ready():
            return False
        self._watch(self._process.pid)
        return True

    def _settings(self) -> dict[str, str | int]:
        memory_mb = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**20
        disk_mb = shutil.disk_usage(self._folder).free // 2**20
        settings: dict[str, str | int] = {
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": self._socket_folder(),
            "max_connections": CONNECTIONS_MAX,
            "fsync": "on",
            "synchronous_commit": "on",
            "shared_buffers": f"{min(SHARED_BUFFERS_MAX_MB, memory_mb // 8)}MB",
            "max_wal_size": f"{min(WAL_MAX_MB, max(disk_mb // 4, 64))}MB",
            "wal_compression": "lz4",
            "log_line_prefix": "%m [%p] %d ",
            "timezone": "UTC",
        }
        if not self._understands("wal_compression", "lz4"):
            settings["wal_compression"] = "on"
        return settings

    def _socket_folder(self) -> str:
        fits = len(os.fsencode(self._folder)) + len("/.s.PGSQL.65535") <= SOCKET_PATH_BYTES_MAX
        return str(self._folder) if fits else ""

    def _understands(self, name: str, value: str) -> bool:
        probe: list[str | Path] = [
            self._binaries / "postgres",
            "-D",
            self._data,
            "-C",
            name,
            f"--{name}={value}",
        ]
        return self._open(probe, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).wait() == 0

    def _is_ready(self) -> bool:
        assert self._process is not None
        deadline = time.monotonic() + START_SECONDS_MAX
        while time.monotonic() < deadline and self._process.poll() is None:
            if self._state().startswith("ready"):
                return True
            time.sleep(POLL_SECONDS)
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        return False

    def _state(self) -> str:
        # The server writes its state into the eighth line of this file; no connection is needed to read it.
        try:
            return (self._data / "postmaster.pid").read_text("utf-8").splitlines()[7]
        except (OSError, IndexError):
            return ""

    def _watch(self, process_id: int) -> None:
        command = ["/bin/sh", "-c", WATCHER, "watcher", str(process_id), str(self._folder)]
        self._watcher = self._open(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)

    def _run(self, program: str, *arguments: str) -> None:
        process = self._open([self._binaries / program, *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        said, _ = process.communicate()
        if process.returncode != 0:
            raise Absent(f"{program} failed: {said.decode('utf-8', 'replace').strip()}")

    def _open(self, command: Sequence[str | Path], **streams: object) -> subprocess.Popen[bytes]:
        try:
            return subprocess.Popen(  # type: ignore[call-overload, no-any-return]
                [str(word) for word in command],
                cwd=self._folder,
                env={"PATH": os.defpath, "LC_ALL": "C", "HOME": str(self._folder)},
                start_new_session=True,
                **self._user.process_options,
                **streams,
            )
        except PermissionError as error:
            raise Absent(f"the user {self._user.name} may not enter the temporary folder: {error}") from error

    def _last_words(self) -> str:
        lines = self._log.read_text("utf-8", "replace").splitlines() if self._log.exists() else []
        return " / ".join(lines[-3:]) or "it said nothing"


def _user() -> _User:
    if os.geteuid() != 0:
        return _User(None)
    for name in ("postgres", "nobody"):
        try:
            pwd.getpwnam(name)
        except KeyError:
            continue
        return _User(name)
    raise Absent("PostgreSQL does not run as root, and there is neither a user postgres nor nobody")


def _install() -> Path:
    """Install Debian's package where we may; raise Absent with the reason where we may not."""
    missing = f"PostgreSQL {VERSION_MIN} or newer is not installed"
    debian.check_that_we_may_install(missing)
    print(
        "installing Debian's postgresql for the tests (its own cluster is neither created nor started)",
        flush=True,
    )
    NO_MAIN_CLUSTER.parent.mkdir(parents=True, exist_ok=True)
    NO_MAIN_CLUSTER.write_text("create_main_cluster = false\n", "utf-8")
    try:
        debian.install("postgresql")
    finally:
        NO_MAIN_CLUSTER.unlink()
    binaries = find_binaries()
    if binaries is None:
        raise Absent(f"{missing}: Debian's postgresql package brought none that is new enough")
    return binaries


def _major(binaries: Path) -> int:
    return int(version(binaries).partition(".")[0] or 0)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _headline(environment: Mapping[str, str]) -> str:
    if environment[URL_VARIABLE] == "none":
        return f"PostgreSQL: none; what needs it is skipped, because {environment[ABSENT_VARIABLE]}"
    return "PostgreSQL: a server is up for the tests"


def _run_to_its_end(command: Sequence[str], environment: Mapping[str, str]) -> int:
    process = subprocess.Popen(command, env=environment)
    while True:
        try:
            status = process.wait()
            return status if status >= 0 else 128 - status  # the shell's way to name a signal
        except KeyboardInterrupt:  # the command got it too; it ends when it has tidied up
            continue
        except SystemExit:
            process.terminate()


def _end(_signal: int, _frame: FrameType | None) -> None:
    raise SystemExit(128 + signal.SIGTERM)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
