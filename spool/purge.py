"""Delete records because their user says so."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from spool import dead
from spool.errors import UnavailableError
from spool.segment import sealed
from spool.spool import Spool

_PATIENCE = 5.0  # seconds; a drain that hangs in the network may take longer, and is not to be sawn off


@dataclass(frozen=True, slots=True)
class Purged:
    """A receipt: how many records were deleted without ever being sent, from when to when."""

    records: int = 0
    oldest: datetime | None = None
    newest: datetime | None = None


def purge(spool: Spool, *, older_than: timedelta = timedelta(0)) -> Purged:
    """
    Delete the pending records that are older than this, by default all and whatever lies among them.

    UnavailableError while a drain is at work, and when the disk says no; then some of them may be gone.
    """
    if not spool.exists():
        return Purged()
    limit = spool.now() - older_than
    gone: list[datetime] = []
    with spool.disk_errors("write to"), spool.drain_lock.held(patience=_PATIENCE) as locked:
        if not locked:
            raise UnavailableError("a flush is at work: try again when it is done")
        spool.seal()
        for path in (part for whole in spool.sealed() for part in spool.divide(whole)):
            segment = spool.read(path)
            kept = [record for record in segment.records if record.recorded_at > limit]
            if kept and segment.corrupt:
                dead.bury_corrupt(spool, segment)
            if len(kept) < len(segment.records) or not kept:
                spool.replace(path, kept)  # commit point
                gone.extend(record.recorded_at for record in segment.records if record.recorded_at <= limit)
    return Purged(len(gone), min(gone, default=None), max(gone, default=None))


def purge_dead(spool: Spool) -> int:
    """Delete all dead letters and return how many files that were. Errors as for `purge`."""
    if not spool.exists():
        return 0
    with spool.disk_errors("write to"):
        letters = sealed(spool.layout.dead)
        for path in letters:
            spool.disk.unlink(path)
        spool.disk.sync_directory(spool.layout.dead)
    return len(letters)
