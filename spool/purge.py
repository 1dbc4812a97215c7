"""Delete records because their user says so."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from spool import dead
from spool.record import Record, id_time
from spool.segment import Segment, readable_portions, sealed
from spool.spool import Spool
from spool.turns import sealed_segments

_LONGEST = timedelta(days=365_000)  # no record is as old, and no date is before the year 1


@dataclass(frozen=True, slots=True)
class Purged:
    """
    A receipt: how many records were deleted without ever being sent, from when to when.

    `corrupt` are the lines among them that were no records, and the files that the disk did not give.
    """

    records: int = 0
    oldest: datetime | None = None
    newest: datetime | None = None
    corrupt: int = 0


def purge(spool: Spool, *, older_than: timedelta | None = None) -> Purged:
    """
    Delete the pending records that are older than this, by default all of them and whatever lies among them.

    UnavailableError while a drain is at work, and when the disk says no; then some of them may be gone.
    """
    if not spool.exists():
        return Purged()
    tally = _Tally()
    with spool.disk_errors("write to"), spool.exclusive():
        limit = _limit(spool, older_than)
        for segment in sealed_segments(spool):
            old, kept = _divided(segment, limit)
            if (limit is not None and not old) or not (segment.records or segment.corrupt or segment.unreadable):
                continue
            if kept:
                if segment.corrupt:
                    dead.bury_corrupt(spool, segment)
                spool.replace(segment.path, kept)
            else:
                spool.disk.unlink(segment.path)
                tally.corrupt += len(segment.corrupt) + segment.unreadable
            tally.add(record.recorded_at for record in old)
        spool.disk.sync_directory(spool.layout.pending)  # commit point
    return tally.receipt()


def purgeable(spool: Spool, *, older_than: timedelta | None = None) -> Purged:
    """Return what the receipt of a purge would say now. Errors as for `Spool.segments`."""
    tally = _Tally()
    limit = _limit(spool, older_than)
    for segment in spool.segments(unfinished=True):
        old, kept = _divided(segment, limit)
        tally.add(record.recorded_at for record in old)
        if limit is None or (old and not kept):
            tally.corrupt += len(segment.corrupt) + segment.unreadable
    return tally.receipt()


def drop_dead(spool: Spool, *, name: str | None = None, older_than: timedelta | None = None) -> Purged:
    """
    Delete dead letters: the one with this name, those whose records are older, or all of them. Errors as for `purge`.

    Those of corrupt lines are as old as the segment that held them.
    """
    if not spool.exists():
        return Purged()
    tally = _Tally()
    with spool.disk_errors("write to"), spool.exclusive():
        for path in _dead(spool, name, _limit(spool, older_than)):
            tally.add_file(path)
            spool.disk.unlink(path)
        if tally.files:
            spool.disk.sync_directory(spool.layout.dead)  # commit point
    return tally.receipt()


def droppable_dead(spool: Spool, *, name: str | None = None, older_than: timedelta | None = None) -> Purged:
    """Return what the receipt of `drop_dead` would say now. Errors as for `Spool.segments`."""
    if not spool.exists():
        return Purged()
    tally = _Tally()
    with spool.disk_errors("read"):
        for path in _dead(spool, name, _limit(spool, older_than)):
            tally.add_file(path)
    return tally.receipt()


class _Tally:
    """The receipt so far."""

    def __init__(self) -> None:
        self.files = self.records = self.corrupt = 0
        self.range: list[datetime] = []  # the oldest and the newest

    def add(self, instants: Iterable[datetime]) -> None:
        for instant in instants:
            self.records += 1
            self.range = [min(self.range[0], instant), max(self.range[1], instant)] if self.range else [instant] * 2

    def add_file(self, path: Path) -> None:
        """Count a file of dead letters, each line of it."""
        bad: list[Path] = []
        lines = sum(data.count(b"\n") for data in readable_portions(path, bad.append))
        self.files += 1
        if bad:
            self.corrupt += 1
        elif path.stem.endswith(".corrupt"):
            self.corrupt += lines
        else:
            instant = _instant(path)
            self.add([instant] if instant else [])
            self.records += lines - 1 if instant else lines

    def receipt(self) -> Purged:
        oldest, newest = self.range or (None, None)
        return Purged(self.records, oldest, newest, self.corrupt)


def _limit(spool: Spool, older_than: timedelta | None) -> datetime | None:
    return None if older_than is None else spool.now() - min(older_than, _LONGEST)


def _divided(segment: Segment, limit: datetime | None) -> tuple[list[Record], list[Record]]:
    """Tell the records that have to go from those that stay."""
    if limit is None:
        return list(segment.records), []
    old: list[Record] = []
    kept: list[Record] = []
    for record in segment.records:
        (old if record.recorded_at <= limit else kept).append(record)
    return old, kept


def _dead(spool: Spool, name: str | None, limit: datetime | None) -> Iterator[Path]:
    for path in sealed(spool.layout.dead):
        if name is not None and path.stem != name:
            continue
        if limit is None or ((instant := _instant(path)) is not None and instant <= limit):
            yield path


def _instant(path: Path) -> datetime | None:
    """When the records of a file were recorded, or, for corrupt lines, sealed; None when its name is not of ours."""
    try:
        return id_time(path.stem)
    except ValueError:
        return None
