"""What several server processes have counted, where each can read it: one small file for each, replaced as a whole.

A scrape reaches one process; it tells its own numbers as they are, and the others' as they were a second ago.
"""

from dataclasses import dataclass
from pathlib import Path

import msgspec

from talktime.telemetry.metrics import Snapshot


@dataclass(frozen=True, slots=True)
class Place:
    """Which of several processes this is, and the folder that they share; without one it is alone."""

    process: str = "1"
    folder: Path | None = None

    def write(self, snapshot: Snapshot) -> None:
        """Tell the others; what a process that died has counted stands until it is started again."""
        if self.folder is None:
            return
        path = self.folder / f"{self.process}.json"
        begun = path.with_suffix(".begun")
        begun.write_bytes(msgspec.json.encode(snapshot))
        begun.replace(path)

    def others(self) -> list[Snapshot]:
        """Return what the other processes have told."""
        if self.folder is None:
            return []
        paths = [path for path in sorted(self.folder.glob("*.json")) if path.stem != self.process]
        return [msgspec.json.decode(path.read_bytes(), type=Snapshot) for path in paths]
