"""What several server processes have counted, where each can read it: one small file for each, replaced as a whole.

A scrape reaches one process; it tells its own numbers as they are, and the others' as they were a second ago.
"""

from dataclasses import dataclass
from pathlib import Path

import msgspec

from talktime.telemetry.metrics import Snapshot


@dataclass(frozen=True, slots=True)
class Place:
    """Which of how many processes this is, from 1, and the folder that they share; one that is alone has none."""

    number: int = 1
    count: int = 1
    folder: Path | None = None

    @property
    def process(self) -> str:
        """Return what metrics call this process."""
        return str(self.number)

    def write(self, snapshot: Snapshot) -> None:
        """Tell the others; what a process that died has counted stands until it is started again."""
        if self.folder is None:
            return
        begun = self.folder / f"{self.number}.begun"
        begun.write_bytes(msgspec.json.encode(snapshot))
        begun.replace(_path(self.folder, self.number))

    def others(self) -> list[Snapshot]:
        """Return what the other processes have told."""
        if self.folder is None:
            return []
        # By name, because a file that is replaced meanwhile may be missing from a list of the folder.
        paths = [_path(self.folder, number) for number in range(1, self.count + 1) if number != self.number]
        return [msgspec.json.decode(path.read_bytes(), type=Snapshot) for path in paths if path.exists()]


def _path(folder: Path, number: int) -> Path:
    return folder / f"{number}.json"
