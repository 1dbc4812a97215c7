"""What is sealed, in the order of its turn, for whoever holds `drain.lock`: nobody else changes a segment meanwhile."""

import errno
import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import timedelta
from itertools import chain
from pathlib import Path

from spool import bounds
from spool.errors import BusyError
from spool.record import id_time
from spool.segment import PORTION_BYTES, Segment, parse, portions, readable_portions
from spool.spool import Spool


def _raise(error: OSError | BusyError) -> None:
    raise error


def sealed_segments(spool: Spool) -> Iterator[Segment]:
    """Read what `sealed_paths` lists."""
    for path in sealed_paths(spool):
        bad: list[Path] = []
        data = b"".join(readable_portions(path, bad.append))
        segment = Segment(path, unreadable=True) if bad else parse(path, data)
        bounds.finish(spool, segment)
        yield segment


def read_one(spool: Spool, path: Path) -> Segment:
    """Read one file of what is sealed out of its turn: the first part of it, when it is too large to be held."""
    return spool.read(_divide(spool, path)[0])


def sealed_paths(spool: Spool, held_up: Callable[[OSError | BusyError], None] = _raise) -> Iterator[Path]:
    """
    List what is sealed, oldest first, in files that can be held; then seal, and list what is new.

    The active segment is closed when it is its turn, or a day behind the one before. So where an endpoint fails over
    the first, a hundred failures leave no hundred files, and what is in the active one grows old as well. `held_up`
    hears why a file cannot be divided, or the active segment not be closed, and may raise that. Nothing happens before
    the first is asked for.
    """
    spool.prepare()
    if not os.access(spool.layout.pending, os.W_OK | os.X_OK):  # what is delivered could not be taken out
        spool.seal()  # the system says why, if there is anything to be sealed
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    met: set[Path] = set()
    listed = spool.sealed()
    if listed and not any(_is_of_today(spool, segment) for segment in reversed(listed)):
        listed = list(_newly_sealed(spool, held_up))
    for whole in chain(listed, _newly_sealed(spool, held_up)):
        if whole in met:
            continue
        met.add(whole)
        try:
            parts = _divide(spool, whole)
        except OSError as error:
            held_up(error)
            continue
        met.update(parts)
        yield from parts


def _is_of_today(spool: Spool, segment: Path) -> bool:
    with suppress(ValueError):
        return abs(spool.now() - id_time(segment.stem)) < timedelta(days=1)
    return False


def _newly_sealed(spool: Spool, held_up: Callable[[OSError | BusyError], None]) -> Iterator[Path]:
    try:
        spool.seal()
    except BusyError as error:
        held_up(error)
    yield from spool.sealed()


def _divide(spool: Spool, path: Path) -> list[Path]:
    """
    Make segments of a normal size out of one that damage has made too large to be held.

    Returns what is there instead, oldest first: the path itself, in nearly all cases.
    """
    parts: list[Path] = []
    with suppress(FileNotFoundError):
        if path.stat().st_size <= PORTION_BYTES:
            return [path]
    try:
        for data in portions(path):
            parts.append(spool.layout.segment(spool.new_id()))
            spool.publish(data, parts[-1])
        if parts:  # or it cannot be read
            spool.disk.unlink(path)
    except OSError:
        for part in parts:  # or each attempt would leave more of them, and send them again
            spool.disk.unlink(part)
        raise
    if parts:
        spool.disk.sync_directory(spool.layout.pending)
    return parts or [path]
