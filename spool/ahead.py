"""Read ahead: the next segment is read, and made ready to be sent, while one is sent. Most of sending is waiting."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from functools import partial
from pathlib import Path

from spool import bounds
from spool.record import Record
from spool.segment import Segment
from spool.spool import Spool
from spool.worker import Worker


def read_ahead(spool: Spool, prepare: Callable[[Sequence[Record]], None]) -> Iterator[Segment]:
    """
    Read what `Spool.sealed_segments` does, one segment ahead, and hand the records of each to `prepare` in between.

    OSError when the next one cannot be had, behind all that could be.
    """
    reader: Worker[Segment] = Worker()
    paths = spool.sealed_paths()

    def begin() -> Future[Segment] | None:
        path = next(paths, None)
        return None if path is None else reader.begin(partial(_read, spool, path, prepare))

    upcoming, failed = begin(), None
    while upcoming is not None:
        segment = upcoming.result()
        bounds.finish(spool, segment)  # first: the next one may be among what it removes
        try:
            upcoming = begin()
        except OSError as error:  # a file has to be divided, and there is no room: what is before it makes some
            upcoming, failed = None, error
        yield segment
    if failed is not None:
        raise failed


def _read(spool: Spool, path: Path, prepare: Callable[[Sequence[Record]], None]) -> Segment:
    segment = spool.read(path)
    if segment.records:
        prepare(segment.records)
    return segment
