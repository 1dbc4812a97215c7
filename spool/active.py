"""
The active segment: the one file that appends write to. All but the sync happens under `append.lock`.

It grows in steps: a line of blanks is at its end, and the next record is written over them. So most appends leave the
file's length alone, and their sync has data to write and nothing else. Where a file grows, a sync writes the file
system's journal as well, and waits for the disk a second time. A seal cuts the blanks off.
"""

import errno
import os
import stat
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from spool import place
from spool.disk import Disk
from spool.layout import Layout
from spool.locks import LockFile
from spool.segment import SEGMENT_BYTES, STEP, UNREADABLE, Segment, end_of_lines, parse, readable_portions

# As much of its end is written as is needed. JSON passes over tabs, and a terminal shows none beyond its last column.
_BLANK_LINE = b"\t" * (STEP - 1) + b"\n"


class Active:
    """The active segment of a spool. It is opened for each append, so it is always the file that has the name."""

    def __init__(self, layout: Layout, disk: Disk, new_id: Callable[[], str]) -> None:
        self._layout = layout
        self._disk = disk
        self._new_id = new_id

    def write(self, line: bytes, locked: LockFile) -> tuple["ActiveFile | None", bool]:
        """
        Put a line behind the last one, sealing the segment before when the line has no room in it.

        Returns the file, which is still to be synced and closed, and whether the line is the first in its segment, as
        behind each seal, a drain's as well; no file when a full one cannot be sealed: on Windows somebody may have it
        open. FileNotFoundError when somebody has removed the spool, or a part of it.
        """
        file = self._open()
        try:
            if file is not None and not file.has_room(line):
                try:
                    self._put_aside(file, locked)
                except PermissionError:
                    file.close()
                    return None, True
                file = None
            if file is None:
                file = self.create(locked)
            elif not file.end:
                # RACE: whoever made the file may have died before its name was durable, and we rest on it.
                place.sync_root(self._layout, self._disk)
            begins_segment = not file.end
            locked.check(self._layout.append_lock)  # last: who has lost the lock would write over the lines of others
            file.append(line)
        except BaseException:
            if file is not None:
                file.close()
            raise
        return file, begins_segment

    def seal(self, locked: LockFile) -> Path | None:
        """Close the segment if anything is in it, and return its new path. Appends need another one then."""
        file = self._open()
        if file is None:
            return None
        try:
            return self._put_aside(file, locked) if file.end else None
        finally:
            file.close()

    def create(self, locked: LockFile) -> "ActiveFile":
        """
        Make the next active segment, its name durable before an append may rest on it: appends sync only their data.

        The name may have been that of a segment which was sealed a moment ago, by us or by a process that died then.
        That one's new name has to be durable before the old one may name another file.
        """
        locked.check(self._layout.append_lock)
        self._disk.sync_directory(self._layout.pending)
        descriptor = self._disk.create(self._layout.active)
        try:
            self._disk.sync_directory(self._layout.root)
        except BaseException:
            os.close(descriptor)
            raise
        return ActiveFile(self._disk, descriptor)

    def _open(self) -> "ActiveFile | None":
        """
        Open the segment; None when there is none.

        What is no file (somebody's directory, a link), and what cannot be opened or read, counts as full: it is put
        aside, among the segments.
        """
        descriptor = None
        try:
            descriptor = self._disk.open(self._layout.active)
            return ActiveFile(self._disk, descriptor, *_last_line(descriptor))
        except BaseException as error:
            if descriptor is not None:
                os.close(descriptor)
            if isinstance(error, FileNotFoundError):
                return None
            if isinstance(error, OSError) and (error.errno in UNREADABLE or not self._is_file()):
                return ActiveFile(self._disk, -1, SEGMENT_BYTES)
            raise

    def _is_file(self) -> bool:
        return stat.S_ISREG(os.lstat(self._layout.active).st_mode)

    def _put_aside(self, file: "ActiveFile", locked: LockFile) -> Path:
        locked.check(self._layout.append_lock)
        if not stat.S_ISDIR(os.lstat(self._layout.pending).st_mode):  # somebody's link leads out of the spool
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(self._layout.pending))
        path = self._layout.segment(self._new_id())
        file.cut()
        file.close()  # or Windows renames nothing
        self._disk.rename(self._layout.active, path)
        return path


@dataclass(slots=True)
class ActiveFile:
    """
    An open active segment. Whoever has it closes it: an interrupt that comes in a `__del__` is lost.

    No two appends share one: the system says only once per open file that it could not write. And no append asks for
    its times, as `stat` does: Linux (6.13 and later) changes them with the write that comes next, and its sync would
    write the journal again.
    """

    disk: Disk
    descriptor: int  # -1: it is closed, or could not be opened
    end: int = 0  # of the last line
    size: int = 0
    torn: bool = False  # the last line, by a crash

    def has_room(self, line: bytes) -> bool:
        """Whether a line fits in."""
        return self.end + self.torn + len(line) <= SEGMENT_BYTES

    def append(self, line: bytes) -> None:
        """Write a line behind the last one, in one call. A torn one that a crash left there stays alone on its line."""
        data = b"\n" + line if self.torn else line
        end = self.end + len(data)
        if end > self.size:
            data += _BLANK_LINE[end % STEP or STEP :]
        os.lseek(self.descriptor, self.end, os.SEEK_SET)
        self.disk.write(self.descriptor, data)

    def cut(self) -> None:
        """Cut the blanks off."""
        if self.end < self.size:
            self.disk.truncate(self.descriptor, self.end)

    def sync(self) -> None:
        """Return when what is in it is durable."""
        self.disk.sync(self.descriptor)

    def close(self) -> None:
        """Close it. Whatever the system says of that, what is synced is durable."""
        with suppress(OSError):
            if self.descriptor >= 0:
                descriptor, self.descriptor = self.descriptor, -1
                os.close(descriptor)


def _last_line(descriptor: int) -> tuple[int, int, bool]:
    """Return where the last line of a file ends, how long the file is, and whether that line is torn."""
    size = os.lseek(descriptor, 0, os.SEEK_END)
    if size > SEGMENT_BYTES:  # damage: nothing has room there, and it may be too long to be read
        return size, size, False
    for start in (max(0, size - STEP), 0):
        os.lseek(descriptor, start, os.SEEK_SET)
        data = os.read(descriptor, size - start)
        lines_end = data.rfind(b"\n", 0, -1) + 1
        if lines_end > 1 and _BLANK_LINE.endswith(data[lines_end:]):
            return start + lines_end, size, False  # nearly always, and ten times as fast
        if end := end_of_lines(data):
            return start + end, size, not data[:end].endswith(b"\n")
    return 0, size, False


def read_active(
    layout: Layout, unreadable: Callable[[Path], None] = lambda _path: None, *, unfinished: bool = False
) -> list[tuple[bytes, Segment]]:
    """
    Read the active segment in portions, as `readable_portions` does, and parse each, without its lock.

    RACE: a line without its newline is being written, or a crash has torn it, which the next append or seal will show:
    it is left out, unless `unfinished` lines are asked for. Of one that is written over blanks, the end may be seen
    before the beginning: nobody is told of damage before a second look.
    """
    path = layout.active
    found = [(data, parse(path, data)) for data in readable_portions(path, unreadable)]
    if any(segment.corrupt for _, segment in found):
        found = [(data, parse(path, data)) for data in readable_portions(path)] or found
    return found if unfinished or not found or found[-1][0].endswith(b"\n") else found[:-1]
