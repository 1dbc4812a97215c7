"""Count what is in a spool. Counts come from what is there, never from a stored number."""

import os
from bisect import bisect_left
from collections.abc import Container, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from spool.active import read_active
from spool.bounds import dropped, gap_data
from spool.record import Record, id_time, looks_whole, new_id, verify
from spool.segment import parse, readable_portions, sealed
from spool.spool import Spool

_AGES = (5, 10, 20, 40, 80, 160, 320, 640, 1280)  # minutes, as postfix's qshape has them
_TIME = 13  # characters of an id that say when, to the millisecond


@dataclass(frozen=True, slots=True)
class Pending:
    """
    What is pending. `ages` counts records by age: ("<5", 3), …, ("1280+", 0), in minutes.

    `gaps` has the records that were dropped by a bound and are accounted for here, by reason: {"size": 350}.
    `corrupt` counts lines that do not look like records: torn by a crash, or put there by somebody. `foreign` counts
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
    """
    Read the pending segments once and count: a million records in a second. Errors as for `Spool.segments`.

    That is too fast to verify checksums: a line that looks like a record at both ends counts as one, and a drain will
    tell whether something in its middle was changed. The records between two of one age count as of that age.
    """
    tally = _Tally(now)
    unreadable: list[Path] = []
    for path, data, elsewhere in spool.portions(unreadable.append):
        tally.add(path, data, elsewhere)
    oldest, newest = map(id_time, tally.ids) if tally.ids else (None, None)
    names = (*(f"<{bound}" for bound in _AGES), f"{_AGES[-1]}+")
    histogram = tuple(zip(names, tally.ages, strict=True))
    foreign = _foreign(spool) + len(unreadable)
    return Pending(tally.records, tally.octets, oldest, newest, histogram, tally.gaps, tally.corrupt, foreign)


def count_dead(spool: Spool) -> int:
    """Count the dead letters. Errors as for `Spool.segments`."""
    if not spool.exists():
        return 0
    with spool.disk_errors("read"):
        bad: list[Path] = []
        letters = (data for path in sealed(spool.layout.dead) for data in readable_portions(path, bad.append))
        return sum(data.count(b"\n") for data in letters) + len(bad)


def newest_first(spool: Spool) -> Iterator[Record]:
    """
    Stream the pending records as `Spool.records` does, the other way round: what is delivered last comes first.

    However large the backlog is, the first of them take the reading of one or two segments.
    """
    if not spool.exists():
        return
    with spool.disk_errors("read"):
        # RACE: the active segment is read before the folder is listed, for the reason given in `Spool.portions`.
        active = [record for _, segment in read_active(spool.layout) for record in segment.records]
        ours = {record.id for record in active}
        paths = spool.sealed()
        yield from reversed(active)
        for path in reversed(paths):
            for data in readable_portions(path, backwards=True):
                yield from (each for each in reversed(parse(path, data).records) if each.id not in ours)


def find(spool: Spool, prefix: str) -> list[Record]:
    """Return the pending records whose ids begin so, but no more than two: that is enough to know it is not unique."""
    needle = b'"id":"%b' % prefix.encode("utf-8", "replace")
    found: dict[str, Record] = {}  # after a crash, a record may lie in two segments
    for path, data, _ in spool.portions():
        if needle in data:
            found.update((each.id, each) for each in parse(path, data).records if each.id.startswith(prefix))
        if len(found) > 1:
            break
    return list(found.values())[:2]


class _Tally:
    """The counts so far. Ids stand for instants, and sort like them: no date is made before all is counted."""

    def __init__(self, now: datetime) -> None:
        self.records = self.octets = self.corrupt = 0
        self.ids: list[str] = []  # the oldest and the newest
        self.ages = [0] * (len(_AGES) + 1)
        self.gaps: dict[str, int] = {}
        instants = (now - timedelta(minutes=bound) for bound in reversed(_AGES))
        self._bounds = [new_id(max(0, int(instant.timestamp() * 1e9)))[:_TIME] for instant in instants]

    def add(self, path: Path, data: bytes, elsewhere: Container[str]) -> None:
        """Count the records in a portion, but for those that are met elsewhere."""
        first, last = verify(data[: data.find(b"\n")]), verify(data[data.rfind(b"\n", 0, -1) + 1 : -1])
        if (
            first is not None
            and last is not None
            and first.id not in elsewhere  # all records of a segment come from one active segment
            and self._age(first.id) == self._age(last.id)
            and gap_data(first) is None  # a gap is alone in its segment
            and (number := looks_whole(data)) is not None
        ):
            self._count(number, len(data), [first.id, last.id])
            return
        segment = parse(path, data)
        self.corrupt += len(segment.corrupt)
        for record in segment.records:
            if record.id not in elsewhere:
                self._count(1, len(record.line) + 1, [record.id])
                for reason, number in dropped(gap_data(record) or {}).items():
                    self.gaps[reason] = self.gaps.get(reason, 0) + number

    def _count(self, number: int, octets: int, ids: list[str]) -> None:
        self.records += number
        self.octets += octets
        self.ages[self._age(ids[0])] += number
        self.ids = [min(self.ids + ids), max(self.ids + ids)]

    def _age(self, record_id: str) -> int:
        return len(_AGES) - bisect_left(self._bounds, record_id[:_TIME])


def _foreign(spool: Spool) -> int:
    if not spool.exists():
        return 0
    with spool.disk_errors("read"):
        try:
            with os.scandir(spool.layout.pending) as entries:  # once: a segment may be sealed between two looks
                return sum(map(_is_foreign, entries))
        except FileNotFoundError:
            return 0


def _is_foreign(entry: "os.DirEntry[str]") -> bool:
    if entry.name.endswith(".ndjson") and entry.is_file(follow_symlinks=False):
        return False  # when it cannot be read, it is counted as that
    try:
        entry.stat(follow_symlinks=False)
    except FileNotFoundError:  # RACE: it has been delivered since it was listed
        return False
    except OSError:
        pass
    return True
