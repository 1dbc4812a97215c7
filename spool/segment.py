"""A segment: a file of records, read in portions, and never trusted."""

import errno
import os
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from spool.disk import open_to_read
from spool.record import Record, verify, verify_all

SEGMENT_BYTES = 256 * 1024  # well below the smallest body limit met among real receivers (1 MB)
PORTION_BYTES = 4 * SEGMENT_BYTES  # what is held at once; a file that is larger is no segment of ours
UNREADABLE = {errno.EIO, errno.ESTALE, errno.EACCES, errno.EPERM}  # a bad sector, what sudo left: that file's alone
STEP = 8192  # bytes by which the active segment grows: some ten records; with half of it an append takes 6 % longer
_BLANKS = b"\t\n\0"  # behind the last line: room for the next one, and what a power cut has left of it
_MOST_BLANKS = 2 * STEP  # where it has left them of a write that was to make the file longer
_NO_FILE = {errno.ELOOP, errno.ENXIO}  # a link, a socket
_BLOCK = SEGMENT_BYTES  # what is read at once: for more than there is, each read would get fresh memory, 5 times slower


@dataclass(frozen=True, slots=True)
class Segment:
    """What a file of records, or one portion of a file that is too large, held when it was read."""

    path: Path
    records: tuple[Record, ...] = ()
    corrupt: tuple[bytes, ...] = ()  # lines that are torn, damaged or foreign; never sent
    unreadable: bool = False  # the disk does not give it, or not to us


def parse(path: Path, data: bytes) -> Segment:
    """Tell the records in some lines from what is none."""
    lines = data.split(b"\n")
    if not lines[-1]:
        del lines[-1]
    if (all_of_them := verify_all(lines)) is not None:  # nearly always
        return Segment(path, all_of_them)
    records: list[Record] = []
    corrupt: list[bytes] = []
    for each in lines:
        line = each.strip(b"\t")  # of what a crash lost, and those behind which somebody has written
        record = verify(line)
        if record is not None:
            records.append(record)
        elif line:
            corrupt.append(line)
    return Segment(path, tuple(records), tuple(corrupt))


def portions(path: Path) -> Iterator[bytes]:
    """
    Read a file in portions that end behind a line, or after 1 MiB without one; blanks behind the last one are left out.

    Nothing comes from a file that is gone, and nothing from what is no file: a directory, a pipe.
    """
    descriptor = _open(path)
    if descriptor is None:
        return
    try:
        left, rest = os.fstat(descriptor).st_size, b""
        while block := os.read(descriptor, min(left, _BLOCK)):
            left -= len(block)
            data = rest + block
            if not left:
                data = data[: end_of_lines(data)]
            end = data.rfind(b"\n") + 1
            if not end and len(data) + _BLOCK > PORTION_BYTES:
                end = len(data)
            if end:
                yield data[:end]
            rest = data[end:]
        if rest:
            yield rest
    finally:
        os.close(descriptor)


def readable_portions(
    path: Path, unreadable: Callable[[Path], None] = lambda _path: None, *, backwards: bool = False
) -> Iterator[bytes]:
    """Read what `portions` does as far as the disk gives it; `unreadable` hears of a file that it does not give."""
    try:
        yield from portions_backwards(path) if backwards else portions(path)
    except OSError as error:
        if error.errno not in UNREADABLE:
            raise
        unreadable(path)


def portions_backwards(path: Path) -> Iterator[bytes]:
    """Read what `portions` does from the end: the last portion first, the lines in each of them in their order."""
    descriptor = _open(path)
    if descriptor is None:
        return
    try:
        left = size = os.fstat(descriptor).st_size
        rest = b""
        while left:
            start = max(0, left - _BLOCK)
            os.lseek(descriptor, start, os.SEEK_SET)
            data = os.read(descriptor, left - start) + rest
            if left == size:
                data = data[: end_of_lines(data)]
            left = start
            cut = data.find(b"\n") + 1 if left else 0  # the line before that begins in the next block
            if left and cut in {0, len(data)}:
                if len(data) + _BLOCK <= PORTION_BYTES:
                    rest = data
                    continue
                cut = 0
            yield data[cut:]
            rest = data[:cut]
    finally:
        os.close(descriptor)


def end_of_lines(data: bytes) -> int:
    """Return where the last line in the end of a file ends, with its newline if it has one."""
    last = data[-_MOST_BLANKS - 2 :]
    end = len(last.rstrip(_BLANKS))
    if last[end : end + 1] != b"\n":  # NULs that are not behind a line and its newline are nobody's blanks
        end = len(last.rstrip(b"\t\n"))
    end += last[end : end + 1] == b"\n" and end > 0
    if len(last) - end > _MOST_BLANKS:  # not ours: nothing is known of them
        return len(data)
    return len(data) - len(last) + end


def _open(path: Path) -> int | None:
    """Open a file, and nothing else, to read; None when it is gone. The caller closes it."""
    try:
        descriptor = open_to_read(path)
    except (FileNotFoundError, NotADirectoryError):
        return None  # RACE: a drain may have delivered it since it was listed
    except OSError as error:
        if error.errno in _NO_FILE:
            return None
        raise
    if stat.S_ISREG(os.fstat(descriptor).st_mode):
        return descriptor
    os.close(descriptor)
    return None


def sealed(folder: Path) -> list[Path]:
    """List the segments in a folder, oldest first: files and nothing else, whatever their names promise."""
    try:
        with os.scandir(folder) as entries:
            names = sorted(
                entry.name
                for entry in entries
                if entry.name.endswith(".ndjson") and entry.is_file(follow_symlinks=False)
            )
    except FileNotFoundError:
        return []
    return [folder / name for name in names]
