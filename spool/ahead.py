"""Read ahead: the next segment is read, and made ready to be sent, while one is sent. Most of sending is waiting."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from functools import partial
from pathlib import Path

from spool import bounds
from spool.errors import BusyError
from spool.record import Record
from spool.segment import Segment
from spool.spool import Spool
from spool.turns import sealed_paths
from spool.worker import Worker


def read_ahead(
    spool: Spool, prepare: Callable[[Sequence[Record]], None], held_up: Callable[[OSError | BusyError], None]
) -> Iterator[Segment]:
    """
    Read what `turns.sealed_segments` does, one segment ahead, and hand the records of each to `prepare` in between.

    `held_up` hears why one cannot be had, and may raise that: it cannot be read, there is no room to divide it, or what
    a gap stands for cannot be removed.
    """
    reader: Worker[Segment] = Worker()
    paths = sealed_paths(spool, held_up)
    counted: set[Path] = set()  # a gap counts them, and they cannot be removed: neither is to be sent

    def begin() -> Future[Segment] | None:
        path = next(paths, None)
        return None if path is None else reader.begin(partial(_read, spool, path, prepare))

    upcoming = begin()
    while upcoming is not None:
        try:
            segment = upcoming.result()
        except OSError as error:
            held_up(error)
            upcoming = begin()
            continue
        try:
            bounds.finish(spool, segment)  # first: the next one may be among what it removes
        except OSError as error:
            held_up(error)
            counted.update(bounds.stands_for(spool, segment), (segment.path,))
        upcoming = begin()
        if segment.path not in counted:
            yield segment


def _read(spool: Spool, path: Path, prepare: Callable[[Sequence[Record]], None]) -> Segment:
    segment = spool.read(path)
    if segment.records:
        prepare(segment.records)
    return segment
