"""Where everything lies. A value that knows every path of a spool and creates nothing."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

FORMAT = 1


@dataclass(frozen=True)
class Layout:
    """The paths below one spool directory; the names are the format, and README shows them."""

    root: Path

    @cached_property
    def format(self) -> Path:
        """The file with `{"format": 1}`."""
        return self.root / "format.json"

    @cached_property
    def corrupt_format(self) -> Path:
        """Where an unreadable format file is put aside."""
        return self.root / "format.json.corrupt"

    @cached_property
    def append_lock(self) -> Path:
        """Held for one write or one seal."""
        return self.root / "append.lock"

    @cached_property
    def drain_lock(self) -> Path:
        """Held by the one drainer."""
        return self.root / "drain.lock"

    @cached_property
    def active(self) -> Path:
        """The open segment."""
        return self.root / "active.ndjson"

    @cached_property
    def pending(self) -> Path:
        """The folder of sealed segments."""
        return self.root / "pending"

    @cached_property
    def dead(self) -> Path:
        """The folder of dead letters."""
        return self.root / "dead"

    @cached_property
    def schedule(self) -> Path:
        """When the next attempt may start."""
        return self.root / "schedule.json"

    def segment(self, segment_id: str) -> Path:
        """Path of the sealed segment called `segment_id`."""
        return self.pending / f"{segment_id}.ndjson"

    def dead_letter(self, record_id: str) -> Path:
        """Path of the dead letter of a record: burying it twice, as after a crash, is burying it once."""
        return self.dead / f"{record_id}.ndjson"

    def corrupt_lines(self, segment: Path) -> Path:
        """Path of the dead letters of a segment's lines that are no records."""
        return self.dead / f"{segment.stem[:60]}.corrupt.ndjson"  # a name that is not ours may leave no room

    @property
    def longest(self) -> Path:
        """No path of a spool is longer."""
        return self.dead / f"{'0' * 36}.corrupt.ndjson"

    def temporary(self, file_id: str) -> Path:
        """Path of an unfinished file. It lies beside the folders, so that these hold finished files only."""
        return self.root / f"{file_id}.tmp"

    def foreign(self) -> str | None:
        """Return a name in the directory that is no part of a spool, or None. OSError when it cannot be listed."""
        folders = {self.pending, self.dead}
        files = {self.format, self.corrupt_format, self.append_lock, self.drain_lock, self.active, self.schedule}
        names = (path.name for path in self.root.iterdir() if path not in folders | files and path.suffix != ".tmp")
        return min(names, default=None)
