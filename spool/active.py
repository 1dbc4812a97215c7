"""The active segment: the one file that appends write to. All but the sync happens under `append.lock`."""

import errno
import os
import stat
from collections.abc import Callable
from pathlib import Path

from spool import place
from spool.disk import Disk, OwnedDescriptor
from spool.layout import Layout
from spool.locks import LockFile
from spool.segment import SEGMENT_BYTES


class Active:
    """
    The active segment of a spool, with the descriptor that the last append of this process left open.

    Opening and closing it each time would cost as much as all the rest of a write.
    """

    def __init__(self, layout: Layout, disk: Disk, new_id: Callable[[], str]) -> None:
        self._layout = layout
        self._disk = disk
        self._new_id = new_id
        self._kept: ActiveFile | None = None

    def write(self, line: bytes, locked: LockFile) -> tuple["ActiveFile", bool]:
        """
        Put a line behind the last one, sealing the segment before when the line has no room in it.

        Returns the file, which is still to be synced, and whether the line is the first in its segment, as behind each
        seal, a drain's as well. FileNotFoundError when somebody has removed the spool, or a part of it.
        """
        entry = self._entry()
        # What is no file (somebody's directory, a link) is put aside as well, among the segments that it is none of.
        full = entry is not None and (entry.st_size + len(line) > SEGMENT_BYTES or not stat.S_ISREG(entry.st_mode))
        if full:
            self.seal(locked)
        if full or entry is None:
            file, size = self.create(locked), 0
        else:
            file, size = self._open(entry, locked), entry.st_size
            if size == 0:
                # RACE: whoever made the file may have died before its name was durable, and we rest on it.
                place.sync_root(self._layout, self._disk)
        file.append(line, size)
        return file, size == 0

    def sync(self, file: "ActiveFile") -> None:
        """
        Return when what is in a file is durable, and keep the file for the next append.

        RACE: the system says only once per open file that it could not write. So no two threads ever share one: an
        append takes the kept file away, and whoever comes meanwhile opens its own. Nobody goes on with one that failed.
        """
        self._disk.sync(file.descriptor)
        if self._disk.platform.renames_open_files:  # or nobody could seal it while we live
            self._kept = file

    def seal(self, locked: LockFile) -> Path:
        """Close the segment. Appends need another one then."""
        locked.check(self._layout.append_lock)
        if not stat.S_ISDIR(os.lstat(self._layout.pending).st_mode):  # somebody's link leads out of the spool
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(self._layout.pending))
        path = self._layout.segment(self._new_id())
        self._disk.rename(self._layout.active, path)
        self._kept = None  # once it is delivered, its space is to be free
        return path

    def create(self, locked: LockFile) -> "ActiveFile":
        """
        Make the next active segment, its name durable before an append may rest on it: appends sync only their data.

        The name may have been that of a segment which was sealed a moment ago, by us or by a process that died then.
        That one's new name has to be durable before the old one may name another file.
        """
        locked.check(self._layout.append_lock)
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
            return os.lstat(self._layout.active)
        except FileNotFoundError:
            return None

    def _open(self, entry: os.stat_result, locked: LockFile) -> "ActiveFile":
        """Take the kept file, if it is the one with this entry: another process may have sealed it since."""
        kept, self._kept = self._kept, None
        if kept is not None and kept.is_at(entry):
            return kept
        locked.check(self._layout.append_lock)
        return ActiveFile(self._disk, self._disk.open(self._layout.active))


class ActiveFile:
    """An open active segment. Closed when nobody refers to it any more."""

    def __init__(self, disk: Disk, descriptor: int) -> None:
        self.descriptor = descriptor
        self._disk = disk
        self._end = 0  # where our own last line ends
        self._owned = OwnedDescriptor(descriptor)

    def is_at(self, entry: os.stat_result) -> bool:
        """Whether this is the file with an entry, and was opened by this process."""
        return self._owned.is_ours() and self._owned.inode == (entry.st_dev, entry.st_ino)

    def append(self, line: bytes, size: int) -> None:
        """Write a line behind so many bytes. A torn one that a crash left there stays alone on its line."""
        torn = size != self._end and size > 0 and self._byte(size - 1) != b"\n"
        self._disk.append(self.descriptor, b"\n" + line if torn else line)
        self._end = size + torn + len(line)

    def _byte(self, offset: int) -> bytes:
        os.lseek(self.descriptor, offset, os.SEEK_SET)
        return os.read(self.descriptor, 1)
