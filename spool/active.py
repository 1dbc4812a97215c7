"""The active segment: the one file that appends write to. All of it happens under `append.lock`."""

import os
from collections.abc import Callable
from pathlib import Path

from spool import place
from spool.disk import Disk
from spool.layout import Layout
from spool.locks import Lock
from spool.segment import SEGMENT_BYTES

_KEEP = os.name != "nt"  # there, a file that is open cannot be renamed, and so not be sealed by another process


class Active:
    """
    The active segment of a spool, with the descriptor that the last append of this process left open.

    Opening and closing it each time would cost as much as all the rest of a write.
    """

    def __init__(self, layout: Layout, disk: Disk, lock: Lock, new_id: Callable[[], str]) -> None:
        self._layout = layout
        self._disk = disk
        self._lock = lock
        self._new_id = new_id
        self._kept: ActiveFile | None = None

    def write(self, line: bytes) -> tuple["ActiveFile", bool]:
        """
        Put a line behind the last one, sealing the segment before when the line has no room in it.

        Returns the file, which is still to be synced, and whether a segment was sealed. FileNotFoundError when somebody
        has removed the spool, or a part of it.
        """
        entry = self._entry()
        full = entry is not None and entry.st_size + len(line) > SEGMENT_BYTES
        if full:
            self.seal()
        if full or entry is None:
            file, size = self.create(), 0
        else:
            file, size = self._open(entry), entry.st_size
            if size == 0:
                # RACE: whoever made the file may have died before its name was durable, and we rest on it.
                place.sync_root(self._layout, self._disk)
        file.append(line, size)
        self._kept = file if _KEEP else None
        return file, full

    def seal(self) -> Path:
        """Close the segment. Appends need another one then."""
        path = self._layout.segment(self._new_id())
        self._disk.rename(self._layout.active, path)
        self._kept = None  # once it is delivered, its space is to be free
        return path

    def create(self) -> "ActiveFile":
        """
        Make the next active segment, its name durable before an append may rest on it: appends sync only their data.

        The name may have been that of a segment which was sealed a moment ago, by us or by a process that died then.
        That one's new name has to be durable before the old one may name another file.
        """
        self._lock.check()
        self._disk.sync_directory(self._layout.pending)
        file = ActiveFile(self._disk, self._disk.create(self._layout.active))
        self._disk.sync_directory(self._layout.root)
        return file

    def is_empty(self) -> bool:
        """Whether there is nothing to seal."""
        entry = self._entry()
        return entry is None or entry.st_size == 0

    def _entry(self) -> os.stat_result | None:
        try:
            return os.stat(self._layout.active)  # noqa: PTH116 - half as fast through pathlib
        except FileNotFoundError:
            return None

    def _open(self, entry: os.stat_result) -> "ActiveFile":
        """Return the kept file, if it is the one with this entry: another process may have sealed it since."""
        if self._kept is not None and self._kept.is_at(entry):
            return self._kept
        self._lock.check()
        return ActiveFile(self._disk, self._disk.open(self._layout.active))


class ActiveFile:
    """An open active segment. Closed when nobody refers to it any more: other threads may still be syncing it."""

    def __init__(self, disk: Disk, descriptor: int) -> None:
        self.descriptor = descriptor
        self._disk = disk
        self._end = 0  # where our own last line ends
        self._close = os.close
        entry = os.fstat(descriptor)
        self._inode = (entry.st_dev, entry.st_ino)

    def __del__(self) -> None:
        self._close(self.descriptor)

    def is_at(self, entry: os.stat_result) -> bool:
        """Whether this is the file with an entry. As long as we have it open, no other gets its inode."""
        return self._inode == (entry.st_dev, entry.st_ino)

    def append(self, line: bytes, size: int) -> None:
        """Write a line behind so many bytes. A torn one that a crash left there stays alone on its line."""
        torn = size != self._end and size > 0 and self._byte(size - 1) != b"\n"
        self._disk.append(self.descriptor, b"\n" + line if torn else line)
        self._end = size + torn + len(line)

    def _byte(self, offset: int) -> bytes:
        os.lseek(self.descriptor, offset, os.SEEK_SET)
        return os.read(self.descriptor, 1)
