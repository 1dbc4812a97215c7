"""Count what is in a spool. Counts come from what is there, never from a stored number."""

from dataclasses import dataclass
from datetime import datetime

from spool.record import id_time
from spool.spool import Spool

_AGES = (5, 10, 20, 40, 80, 160, 320, 640, 1280)  # minutes, as postfix's qshape has them


@dataclass(frozen=True, slots=True)
class Pending:
    """
    What is pending. `ages` counts records by age: ("<5", 3), …, ("1280+", 0), in minutes.

    `damaged` counts lines that are no records: torn by a crash, or changed since they were written.
    """

    records: int
    octets: int
    oldest: datetime | None
    newest: datetime | None
    ages: tuple[tuple[str, int], ...]
    damaged: int


def count_pending(spool: Spool, now: datetime) -> Pending:
    """Read the pending segments once and count. Errors as for `Spool.segments`."""
    ages = [0] * (len(_AGES) + 1)
    records = octets = damaged = 0
    oldest: datetime | None = None
    newest: datetime | None = None
    for segment in spool.segments():
        damaged += len(segment.damaged)
        for record in segment.records:
            recorded = id_time(record.id)
            records += 1
            octets += len(record.line) + 1
            oldest = recorded if oldest is None else min(oldest, recorded)
            newest = recorded if newest is None else max(newest, recorded)
            minutes = (now - recorded).total_seconds() / 60
            ages[sum(minutes >= bound for bound in _AGES)] += 1
    names = (*(f"<{bound}" for bound in _AGES), f"{_AGES[-1]}+")
    return Pending(records, octets, oldest, newest, tuple(zip(names, ages, strict=True)), damaged)


def count_dead(spool: Spool) -> int:
    """Count the dead letters. Errors as for `Spool.segments`."""
    if not spool.exists():
        return 0
    with spool.disk_errors("read"):
        return sum(path.read_bytes().count(b"\n") for path in spool.layout.dead.glob("*.ndjson"))
