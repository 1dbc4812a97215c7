"""A segment: a file of records, read whole, and never trusted."""

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from spool.disk import open_to_read
from spool.record import Record, verify

SEGMENT_BYTES = 256 * 1024  # well below the smallest body limit met among real receivers (1 MB)
PORTION_BYTES = 4 * SEGMENT_BYTES  # what is read at once; a file that is larger is no segment of ours


@dataclass(frozen=True, slots=True)
class Segment:
    """What a file of records, or one portion of a file that is too large, held when it was read."""

    path: Path
    records: tuple[Record, ...] = ()
    corrupt: tuple[bytes, ...] = ()  # lines that are torn, damaged or foreign; never sent


def parse(path: Path, data: bytes) -> Segment:
    """Tell the records in some lines from what is none."""
    records: list[Record] = []
    corrupt: list[bytes] = []
    for line in data.split(b"\n"):
        record = verify(line)
        if record is not None:
            records.append(record)
        elif line:
            corrupt.append(line)
    return Segment(path, tuple(records), tuple(corrupt))


def portions(path: Path) -> Iterator[bytes]:
    """
    Read a file in portions that end where a line ends, or after 1 MiB without the end of a line.

    Nothing comes from a file that is gone or kept from us, and nothing from what is no file: a directory, a pipe.
    """
    try:
        descriptor = open_to_read(path)
    except (FileNotFoundError, NotADirectoryError, PermissionError):
        return  # RACE: a drain may have delivered it since it was listed
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            return
        rest = b""
        while block := os.read(descriptor, PORTION_BYTES):
            whole, newline, rest = (rest + block).rpartition(b"\n")
            if newline:
                yield whole
            elif len(rest) > PORTION_BYTES:
                yield rest
                rest = b""
        if rest:
            yield rest
    finally:
        os.close(descriptor)


def sealed(folder: Path) -> list[Path]:
    """List the segments in a folder, oldest first: files and nothing else, whatever their names promise."""
    try:
        with os.scandir(folder) as entries:
            return sorted(
                Path(entry.path)
                for entry in entries
                if entry.name.endswith(".ndjson") and entry.is_file(follow_symlinks=False)
            )
    except FileNotFoundError:
        return []
