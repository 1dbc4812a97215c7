"""Records that were accepted before, requeued or carried here: they become pending in full segments, a request each."""

from collections.abc import Iterable, Iterator

from spool import bounds
from spool.record import Record
from spool.segment import SEGMENT_BYTES
from spool.spool import Spool


def admit(spool: Spool, records: Iterable[Record], known: set[str]) -> Iterator[list[Record]]:
    """
    Make records pending, but for those whose ids are known, and those that come twice. The caller holds `drain.lock`.

    Yields what each segment holds as soon as that is durable. Their names are new: whatever a segment once held, and a
    gap that has taken its place, stays as it is.
    """
    for batch in _full(_new(records, known)):
        spool.replace(spool.layout.segment(spool.new_id()), batch)  # commit point
        yield batch


def _new(records: Iterable[Record], known: set[str]) -> Iterator[Record]:
    met = set(known)
    for record in records:
        if record.id not in met:
            met.add(record.id)
            yield record


def _full(records: Iterable[Record]) -> Iterator[list[Record]]:
    """Divide records into segments that are full; a gap is alone in its segment."""
    batch: list[Record] = []
    octets = 0
    for record in records:
        size = len(record.line) + 1
        gap = bounds.gap_data(record) is not None
        if batch and (gap or octets + size > SEGMENT_BYTES):
            yield batch
            batch, octets = [], 0
        if gap:
            yield [record]
        else:
            batch.append(record)
            octets += size
    if batch:
        yield batch
