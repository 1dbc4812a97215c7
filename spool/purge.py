"""Delete records because their user says so."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from spool import dead
from spool.record import Record
from spool.segment import Segment, sealed
from spool.spool import Spool


@dataclass(frozen=True, slots=True)
class Purged:
    """A receipt: how many records were deleted without ever being sent, from when to when."""

    records: int = 0
    oldest: datetime | None = None
    newest: datetime | None = None


def purge(spool: Spool, *, older_than: timedelta | None = None) -> Purged:
    """
    Delete the pending records that are older than this, by default all of them and whatever lies among them.

    UnavailableError while a drain is at work, and when the disk says no; then some of them may be gone.
    """
    if not spool.exists():
        return Purged()
    gone: list[datetime] = []
    with spool.disk_errors("write to"), spool.exclusive():
        for segment in spool.sealed_segments():
            kept = [] if older_than is None else _younger(segment, spool.now() - older_than)
            if older_than is None or len(kept) < len(segment.records):
                if kept and segment.corrupt:
                    dead.bury_corrupt(spool, segment)
                spool.replace(segment.path, kept)  # commit point
                gone.extend(record.recorded_at for record in segment.records if record not in kept)
    return Purged(len(gone), min(gone, default=None), max(gone, default=None))


def _younger(segment: Segment, limit: datetime) -> list[Record]:
    return [record for record in segment.records if record.recorded_at > limit]


def purge_dead(spool: Spool) -> int:
    """Delete all dead letters and return how many files that were. Errors as for `purge`."""
    if not spool.exists():
        return 0
    with spool.disk_errors("write to"), spool.exclusive():
        letters = sealed(spool.layout.dead)
        for path in letters:
            spool.disk.unlink(path)
        spool.disk.sync_directory(spool.layout.dead)
    return len(letters)
