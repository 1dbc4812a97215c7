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
from pathlib import Path

from spool import place
from spool.disk import Disk
from spool.layout import Layout
from spool.locks import LockFile
from spool.record import looks_whole
from spool.segment import BLANKS, SEGMENT_BYTES, readable_portions

_STEP = 8192  # bytes: some ten records; with half of it an append takes 6 % longer, with twice as much nobody sees it
# Its end is as long as is needed. White space in JSON, and nothing in a terminal: tabs go no further than its width.
_BLANK_LINE = b"\t" * (_STEP - 1) + b"\n"


class Active:
    """The active segment of a spool, and near what place this process saw its end."""

    def __init__(self, layout: Layout, disk: Disk, new_id: Callable[[], str]) -> None:
        self._layout = layout
        self._disk = disk
        self._new_id = new_id
        self._near_end = SEGMENT_BYTES  # not known: it is looked for in the last step

    def write(self, line: bytes, locked: LockFile) -> tuple["ActiveFile | None", bool]:
        """
        Put a line behind the last one, sealing the segment before when the line has no room in it.

        Returns the file, which is still to be synced, and whether the line is the first in its segment, as behind each
        seal, a drain's as well; no file when a full one cannot be sealed: on Windows a stranger may have it open.
        FileNotFoundError when somebody has removed the spool, or a part of it.
        """
        locked.check(self._layout.append_lock)  # whoever has locked another file would write over the same blanks
        file, is_there = self._open()
        if file is None or not file.has_room(line):
            if is_there:
                try:
                    self._close(file)
                except PermissionError:
                    return None, True
            file = self.create(locked)
        elif not file.end:
            # RACE: whoever made the file may have died before its name was durable, and we rest on it.
            place.sync_root(self._layout, self._disk)
        begins_segment = not file.end
        file.append(line)
        self._near_end = file.end - 1  # its newline
        return file, begins_segment

    def seal(self, locked: LockFile) -> Path | None:
        """Close the segment if anything is in it, and return its new path. Appends need another one then."""
        locked.check(self._layout.append_lock)
        file, is_there = self._open()
        return self._close(file) if (file.end if file else is_there) else None

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

    def _open(self) -> tuple["ActiveFile | None", bool]:
        """
        Open the segment, each time, so that it is the one that bears the name. Returns whether anything bears it, too.

        What is no file (somebody's directory, a link), and what is kept from us, is put aside among the segments.
        """
        try:
            return ActiveFile(self._disk, self._disk.open(self._layout.active), self._near_end), True
        except FileNotFoundError:
            return None, False
        except OSError as error:
            if not isinstance(error, PermissionError) and stat.S_ISREG(os.lstat(self._layout.active).st_mode):
                raise
            return None, True

    def _close(self, file: "ActiveFile | None") -> Path:
        if not stat.S_ISDIR(os.lstat(self._layout.pending).st_mode):  # somebody's link leads out of the spool
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(self._layout.pending))
        path = self._layout.segment(self._new_id())
        if file is not None:
            file.cut()
            file.close()  # or Windows renames nothing
        self._disk.rename(self._layout.active, path)
        return path


class ActiveFile:
    """
    An open active segment. Closed when nobody refers to it any more.

    No two appends share one: the system says only once per open file that it could not write. And nobody asks for its
    times, as `stat` does: Linux would change them with the next write, and its sync would write the journal again.
    """

    _os_close = staticmethod(os.close)  # when Python ends, modules go before this class does
    _descriptor = -1  # an interrupt may come while this is made

    def __init__(self, disk: Disk, descriptor: int, near_end: int = SEGMENT_BYTES) -> None:
        self._descriptor = descriptor
        self._disk = disk
        self._size = os.lseek(descriptor, 0, os.SEEK_END)
        self.end, self._torn = self._last_line(near_end)

    def close(self) -> None:
        """Close it before that."""
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            self._os_close(descriptor)

    def __del__(self) -> None:
        self.close()

    def has_room(self, line: bytes) -> bool:
        """Whether a line fits in."""
        return self.end + self._torn + len(line) <= SEGMENT_BYTES

    def append(self, line: bytes) -> None:
        """Write a line behind the last one, in one call. A torn one that a crash left there stays alone on its line."""
        data = b"\n" + line if self._torn else line
        end = self.end + len(data)
        if end > self._size:
            data += _BLANK_LINE[end % _STEP or _STEP :]
        os.lseek(self._descriptor, self.end, os.SEEK_SET)
        self._disk.write(self._descriptor, data)
        self.end = end

    def cut(self) -> None:
        """Cut the blanks off."""
        if self.end < self._size:
            self._disk.truncate(self._descriptor, self.end)

    def sync(self) -> None:
        """Return when what is in it is durable."""
        self._disk.sync(self._descriptor)

    def _last_line(self, near_end: int) -> tuple[int, bool]:
        """Return where the last line ends, and whether it is torn, from what lies behind `near_end` if that does."""
        end = self._size
        if end > SEGMENT_BYTES:  # damage: nothing has room there, and it may be too long to be read
            return end, False
        start = near_end if near_end < end else max(0, end - _STEP)
        while end:
            os.lseek(self._descriptor, start, os.SEEK_SET)
            data = os.read(self._descriptor, end - start)
            lines_end = data.rfind(b"\n", 0, -1) + 1
            if lines_end and data[lines_end:] == _BLANK_LINE[lines_end - len(data) :]:
                return start + lines_end, False  # nearly always, and ten times faster
            if lines := data.rstrip(BLANKS):
                torn = data[len(lines) : len(lines) + 1] != b"\n"
                return start + len(lines) + (not torn), torn
            end, start = start, max(0, start - _STEP)
        return 0, False


def read_active(layout: Layout, unreadable: Callable[[Path], None] = lambda _path: None) -> list[bytes]:
    """
    Read the active segment in portions, as `readable_portions` does, without its lock.

    RACE: a line that is being written may be seen in part, and looks torn. Nobody is told so before a second look.
    """
    data = list(readable_portions(layout.active, unreadable))
    torn = data and looks_whole(data[-1]) is None
    return list(readable_portions(layout.active)) if torn else data
