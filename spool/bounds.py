"""
The bounds of a spool: what is too much or too old is dropped, oldest first, and a gap record accounts for it.

A gap record is delivered like any other, and alone in its segment. Its data says how many records were dropped for
each reason, from when to when, and which files it stands for. It takes the place of the oldest of them in one rename:
from that instant the others do not count any more, and whoever meets the gap in that place removes those that a crash
left.
"""

import json
import os
import re
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spool.record import MAX_RECORD_BYTES, Record, encode, id_time, timestamp
from spool.segment import SEGMENT_BYTES, Segment, parse, portions, readable_portions, sealed

if TYPE_CHECKING:
    from spool.spool import Spool

GAP_TYPE = "spool.gap.v1"
_GAP = b'"type":"%s",' % GAP_TYPE.encode()
_FILE = re.compile(r"(pending|dead)/[^/\\\0]{1,255}\.ndjson")  # whoever wrote the gap, it names nothing anywhere else
_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]{12}Z")
_REASONS = {"age", "size", "dead"}
_MOST_RECORDS = 2**53  # what every reader of JSON has exactly
_DEAD_SHARE = 4  # dead letters may take this part of the bound
_MOST = 200  # files dropped at once, so that the gap's list of them stays short; the next time goes on
_MOST_READ = 1024 * 1024  # bytes of what one append drops, which is read to be counted: more than it brings
_MOST_OCTETS = 32 * 1024  # of their names, which need not be ours: a gap is a record, and has to fit into one
_CLOCK = 10  # what is older than so many times the bound, or the usual one, speaks of a clock that is wrong


Members = Callable[[Path], Iterator[Record | None]]
"""Reads the records that a file stands for; None is a line that is none, or damaged."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much a spool may hold (bytes of sealed segments), and how old it may be."""

    octets: int = 16 * 1024 * 1024
    age: timedelta = timedelta(days=90)


def surplus(segments: Sequence[tuple[Path, int]], bounds: Bounds, now: datetime) -> list[tuple[Path, str]]:
    """
    Choose which segments have to go, oldest first: path and reason, "age" or "size".

    `segments` are paths and sizes, oldest first. A segment is named after the instant at which it was sealed, and no
    record in it is younger. A name that holds no time is as old as its place among the others, and so is one whose age
    nobody could have meant: a clock that was off, then or now, makes nothing old.
    """
    old = 0  # how many of them lead
    for number, (path, _) in enumerate(segments, 1):
        with suppress(ValueError):
            age = now - id_time(path.stem)
            if age <= bounds.age:
                break
            if age / _CLOCK < max(bounds.age, Bounds().age):
                old = number
    chosen = [(path, "age") for path, _ in segments[:old]]
    total = sum(size for _, size in segments[old:])
    for path, size in segments[old:]:
        if total <= bounds.octets:
            break
        chosen.append((path, "size"))
        total -= size
    return chosen


def enforce(spool: "Spool") -> None:
    """Drop what is over the bounds among the sealed segments. The caller holds `drain.lock`."""
    paths = spool.sealed()
    if not paths:
        return  # a drain was faster
    unweighed = [(path, 0) for path in paths]
    if len(paths) * SEGMENT_BYTES <= spool.bounds.octets and not surplus(unweighed, spool.bounds, spool.now()):
        return  # nearly always, and without a look at each file
    sizes = dict(_sizes(paths))
    chosen = surplus(list(sizes.items()), spool.bounds, spool.now())
    before = accumulate((sizes[path] for path, _ in chosen), initial=0)
    few = _few(
        path for (path, _), octets in zip(chosen, before, strict=False) if octets < _MOST_READ and _is_readable(path)
    )
    all_reasons = dict(chosen)
    reasons = {path: all_reasons[path] for path in few}
    if reasons and not gaps_alone(few):
        buried = {path.stem for path in sealed(spool.layout.dead)}
        _drop(spool, reasons, _without(buried, partial(_members, spool)), min(reasons))


def enforce_dead(spool: "Spool", members: Members) -> None:
    """Drop the oldest dead letters over a quarter of the bound, see `dead.enforce_bound`."""
    if not _surplus_dead(spool):
        return
    finish_all(spool)  # what a gap counts is not there any more, and must not be counted again
    chosen = [path for path in _surplus_dead(spool) if _is_readable(path)]
    names = {path.stem for path in chosen}
    members = _without({record.id for record in spool.records() if record.id in names}, members)
    while few := _few(chosen):
        _drop(spool, dict.fromkeys(few, "dead"), members, None)
        chosen = chosen[len(few) :]


def _without(elsewhere: Container[str], members: Members) -> Members:
    """Leave out the records that lie elsewhere, too, as a crash between the two leaves them: they are not dropped."""
    return lambda path: (record for record in members(path) if record is None or record.id not in elsewhere)


def _surplus_dead(spool: "Spool") -> list[Path]:
    allowed = Bounds(spool.bounds.octets // _DEAD_SHARE, spool.bounds.age)
    return [path for path, _ in surplus(_sizes(sealed(spool.layout.dead)), allowed, spool.now())]


def finish(spool: "Spool", segment: Segment) -> None:
    """Remove, durably, what the gap in a segment stands for and a crash left. The caller holds `drain.lock`."""
    _remove(spool, stands_for(spool, segment))  # an earlier drain may have, and died before that was durable


def stands_for(spool: "Spool", segment: Segment) -> list[Path]:
    """Return the other files that the gap in a segment has taken the place of; none when it holds anything else."""
    if len(segment.records) != 1:  # a gap is alone where it was published
        return []
    [record] = segment.records
    if (gap := gap_data(record)) is None:
        return []
    files = [spool.layout.root / name for name in _listed(gap) if _FILE.fullmatch(name)]
    # Carried to another place than where it was published, it only counts.
    here = segment.path in (*files, spool.layout.segment(record.id))
    return [path for path in files if here and path != segment.path]


def finish_all(spool: "Spool") -> None:
    """Do so for every gap. The caller holds `drain.lock`."""
    for path, octets in _sizes(spool.sealed()):
        if octets <= MAX_RECORD_BYTES and _is_readable(path):
            finish(spool, spool.read(path))


def room(spool: "Spool") -> int:
    """Return how many bytes are left within the bound of size; negative when it is passed."""
    return spool.bounds.octets - sum(size for _, size in _sizes(spool.sealed()))


def gap_data(record: Record) -> dict[str, Any] | None:
    """Return the data of a gap record; None for any other."""
    if _GAP not in record.line:
        return None
    try:
        attributes = record.attributes
    except (ValueError, RecursionError):  # whoever wrote this made a checksum of it
        return None
    data = attributes.get("data")
    return data if attributes.get("type") == GAP_TYPE and isinstance(data, dict) else None


def dropped(data: dict[str, Any]) -> dict[str, int]:
    """Return the counts of a gap's data by reason. Anybody can write a gap: what no spool would write is left out."""
    counts = data.get("dropped")
    pairs = counts.items() if isinstance(counts, dict) else ()
    return {reason: n for reason, n in pairs if reason in _REASONS and type(n) is int and 0 < n <= _MOST_RECORDS}


def _sizes(paths: Iterable[Path]) -> list[tuple[Path, int]]:
    """Paths with their sizes, but for those that are gone by now or that we may not read: who would count them?"""
    sizes = []
    for path in paths:
        with suppress(FileNotFoundError):
            if os.access(path, os.R_OK):
                sizes.append((path, path.stat().st_size))
    return sizes


def _few(paths: Iterable[Path]) -> list[Path]:
    """Return the first of some files: as many as one gap can list."""
    few: list[Path] = []
    octets = 0
    for path in paths:
        octets += len(json.dumps(path.name))
        if len(few) == _MOST or octets > _MOST_OCTETS:
            break
        few.append(path)
    return few


def _is_readable(path: Path) -> bool:
    """Whether the disk gives what is in a file. Nobody can count it otherwise, and it stays."""
    bad: list[Path] = []
    for _ in readable_portions(path, bad.append):
        pass
    return not bad


def gaps_alone(paths: list[Path]) -> bool:
    """Whether these are one segment with nothing but a gap."""
    if len(paths) > 1:
        return False
    records = [record for data in portions(paths[0]) for record in parse(paths[0], data).records]
    return bool(records) and all(gap_data(record) for record in records)


def _members(spool: "Spool", path: Path) -> Iterator[Record | None]:
    for data in portions(path):
        segment = parse(path, data)
        finish(spool, segment)
        yield from segment.records
        yield from [None] * len(segment.corrupt)


def _drop(spool: "Spool", reasons: Mapping[Path, str], members: Members, place: Path | None) -> None:
    counts: dict[str, int] = {}
    times: list[str] = []
    for path, reason in reasons.items():
        for record in members(path):
            _count(record, reason, counts, times)
    if not counts:  # all that is in there lies elsewhere, too
        _remove(spool, list(reasons))
        return
    names = [path.relative_to(spool.layout.root).as_posix() for path in reasons]
    account = {
        "dropped": {reason: number for reason, number in counts.items() if number},
        "from": min(times, default=None),
        "to": max(times, default=None),
        "files": names,
    }
    record = encode(account, source=spool.source, event_type=GAP_TYPE, now_ns=spool.clock())
    target = place or spool.layout.segment(record.id)
    spool.publish(record.line + b"\n", target)  # commit point: from here on the gap counts, and the files do not
    _remove(spool, [path for path in reasons if path != target])


def _count(record: Record | None, reason: str, counts: dict[str, int], times: list[str]) -> None:
    gap = gap_data(record) if record else None
    if gap is None:
        counts[reason] = counts.get(reason, 0) + 1
        if record:
            times.append(timestamp(record.recorded_at))
        return
    for earlier, number in dropped(gap).items():  # a gap that is dropped lives on in the one that takes its place
        counts[earlier] = counts.get(earlier, 0) + number
    times.extend(text for key in ("from", "to") if isinstance(text := gap.get(key), str) and _TIME.fullmatch(text))


def _listed(data: dict[str, Any]) -> Iterable[str]:
    files = data.get("files")
    return [name for name in files if isinstance(name, str)] if isinstance(files, list) else []


def _remove(spool: "Spool", paths: list[Path]) -> None:
    for path in paths:
        if os.path.exists(path):  # noqa: PTH110 - never raises
            spool.disk.unlink(path)
    for folder in {path.parent for path in paths}:
        spool.disk.sync_directory(folder)
