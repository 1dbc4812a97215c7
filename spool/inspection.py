"""Count what is in a spool. Counts come from what is there, never from a stored number."""

import os
from dataclasses import dataclass
from datetime import datetime

from spool.bounds import dropped, gap_data
from spool.record import id_time
from spool.segment import portions, sealed
from spool.spool import Spool

_AGES = (5, 10, 20, 40, 80, 160, 320, 640, 1280)  # minutes, as postfix's qshape has them


@dataclass(frozen=True, slots=True)
class Pending:
    """
    What is pending. `ages` counts records by age: ("<5", 3), …, ("1280+", 0), in minutes.

    `gaps` has the records that were dropped by a bound and are accounted for here, by reason: {"size": 350}.
    `corrupt` counts lines that are no records: torn by a crash, or changed since they were written. `foreign` counts
    what lies in `pending/` and is no file that we can read.
    """

    records: int
    octets: int
    oldest: datetime | None
    newest: datetime | None
    ages: tuple[tuple[str, int], ...]
    gaps: dict[str, int]
    corrupt: int
    foreign: int


def count_pending(spool: Spool, now: datetime) -> Pending:
    """Read the pending segments once and count. Errors as for `Spool.segments`."""
    ages = [0] * (len(_AGES) + 1)
    records = octets = corrupt = 0
    gaps: dict[str, int] = {}
    oldest: datetime | None = None
    newest: datetime | None = None
    for segment in spool.segments():
        corrupt += len(segment.corrupt)
        for record in segment.records:
            for reason, number in dropped(gap_data(record) or {}).items():
                gaps[reason] = gaps.get(reason, 0) + number
            recorded = id_time(record.id)
            records += 1
            octets += len(record.line) + 1
            oldest = recorded if oldest is None else min(oldest, recorded)
            newest = recorded if newest is None else max(newest, recorded)
            minutes = (now - recorded).total_seconds() / 60
            ages[sum(minutes >= bound for bound in _AGES)] += 1
    names = (*(f"<{bound}" for bound in _AGES), f"{_AGES[-1]}+")
    histogram = tuple(zip(names, ages, strict=True))
    return Pending(records, octets, oldest, newest, histogram, gaps, corrupt, _foreign(spool))


def count_dead(spool: Spool) -> int:
    """Count the dead letters. Errors as for `Spool.segments`."""
    if not spool.exists():
        return 0
    with spool.disk_errors("read"):
        return sum(data.count(b"\n") + 1 for path in sealed(spool.layout.dead) for data in portions(path))


def _foreign(spool: Spool) -> int:
    if not spool.exists():
        return 0
    with spool.disk_errors("read"):
        try:
            with os.scandir(spool.layout.pending) as entries:  # once: a segment may be sealed between two looks
                return sum(
                    not (entry.name.endswith(".ndjson") and entry.is_file(follow_symlinks=False))
                    or not os.access(entry.path, os.R_OK)
                    for entry in entries
                )
        except FileNotFoundError:
            return 0
