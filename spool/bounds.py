"""
The bounds of a spool: what is too much or too old is dropped, oldest first, and a gap record accounts for it.

A gap record is delivered like any other. Its data says how many records were dropped for each reason, from when to
when, and which files it stands for. It takes the place of the oldest of them in one rename: from that instant the
others do not count any more, and whoever meets the gap removes those that a crash left.
"""

import re
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spool.record import Record, encode, id_time, timestamp
from spool.segment import Segment, parse, portions, sealed

if TYPE_CHECKING:
    from spool.spool import Spool

GAP_TYPE = "spool.gap.v1"
_GAP = b'"type":"%s",' % GAP_TYPE.encode()
_FILE = re.compile(r"(pending|dead)/[0-9a-f-]{36}(\.corrupt)?\.ndjson")
_DEAD_SHARE = 4  # dead letters may take this part of the bound
_MOST_DEAD = 200  # dropped at once, so that the gap's list of files stays short


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much a spool may hold (bytes of sealed segments), and how old it may be."""

    octets: int = 16 * 1024 * 1024
    age: timedelta = timedelta(days=90)


def surplus(segments: Sequence[tuple[Path, int]], bounds: Bounds, now: datetime) -> list[tuple[Path, str]]:
    """
    Choose which segments have to go, oldest first: path and reason, "age" or "size".

    `segments` are paths and sizes, oldest first. A segment is named after the instant at which it was sealed, and no
    record in it is younger. A name that holds no time is as old as its place among the others.
    """
    total = sum(size for _, size in segments)
    chosen = []
    for path, size in segments:
        with suppress(ValueError):
            if now - id_time(path.stem) > bounds.age:
                chosen.append((path, "age"))
                total -= size
                continue
        if total <= bounds.octets:
            break
        chosen.append((path, "size"))
        total -= size
    return chosen


def enforce(spool: "Spool") -> None:
    """Drop what is over the bounds among the sealed segments. The caller holds `drain.lock`."""
    segments = [(path, path.stat().st_size) for path in spool.sealed()]
    chosen = surplus(segments, spool.bounds, spool.now())
    if chosen and not _gaps_alone([path for path, _ in chosen]):
        _drop(spool, [path for path, _ in chosen], dict(chosen), chosen[0][0])


def enforce_dead(spool: "Spool") -> None:
    """Drop the oldest dead letters over a quarter of the bound. The caller holds `drain.lock`."""
    letters = [(path, path.stat().st_size) for path in sealed(spool.layout.dead)]
    allowed = Bounds(spool.bounds.octets // _DEAD_SHARE, spool.bounds.age)
    chosen = [path for path, _ in surplus(letters, allowed, spool.now())][:_MOST_DEAD]
    if chosen:
        _drop(spool, chosen, dict.fromkeys(chosen, "dead"), None)


def finish(spool: "Spool", segment: Segment) -> None:
    """Remove what the gaps in a segment stand for and a crash left. The caller holds `drain.lock`."""
    gaps = [data for record in segment.records if (data := gap_data(record))]
    files = [spool.layout.root / name for data in gaps for name in _listed(data) if _FILE.fullmatch(name)]
    _remove(spool, [path for path in files if path != segment.path and path.exists()])


def gap_data(record: Record) -> dict[str, Any] | None:
    """Return the data of a gap record; None for any other."""
    if _GAP not in record.line:
        return None
    data = record.attributes.get("data")
    return data if record.attributes.get("type") == GAP_TYPE and isinstance(data, dict) else None


def dropped(data: dict[str, Any]) -> dict[str, int]:
    """Return the counts of a gap's data by reason."""
    counts = data.get("dropped")
    return {str(reason): int(number) for reason, number in counts.items()} if isinstance(counts, dict) else {}


def _gaps_alone(paths: list[Path]) -> bool:
    """Whether there is nothing to drop but a gap, which would take its own place."""
    if len(paths) > 1:
        return False
    records = [record for data in portions(paths[0]) for record in parse(paths[0], data).records]
    return bool(records) and all(gap_data(record) for record in records)


def _drop(spool: "Spool", paths: list[Path], reasons: dict[Path, str], place: Path | None) -> None:
    counts: dict[str, int] = {}
    times: list[str] = []
    for path in paths:
        for data in portions(path):
            segment = parse(path, data)
            finish(spool, segment)
            counts[reasons[path]] = counts.get(reasons[path], 0) + len(segment.corrupt)
            for record in segment.records:
                _count(record, reasons[path], counts, times)
    names = [path.relative_to(spool.layout.root).as_posix() for path in paths]
    account = {
        "dropped": {reason: number for reason, number in counts.items() if number},
        "from": min(times, default=None),
        "to": max(times, default=None),
        "files": names,
    }
    record = encode(account, source=spool.source, event_type=GAP_TYPE, now_ns=spool.clock())
    target = place or spool.layout.segment(record.id)
    spool.publish(record.line + b"\n", target)  # commit point: from here on the gap counts, and the files do not
    _remove(spool, [path for path in paths if path != target])


def _count(record: Record, reason: str, counts: dict[str, int], times: list[str]) -> None:
    gap = gap_data(record)
    if gap is None:
        counts[reason] = counts.get(reason, 0) + 1
        times.append(timestamp(record.recorded_at))
        return
    for earlier, number in dropped(gap).items():  # a gap that is dropped lives on in the one that takes its place
        counts[earlier] = counts.get(earlier, 0) + number
    times.extend(text for key in ("from", "to") if isinstance(text := gap.get(key), str))


def _listed(data: dict[str, Any]) -> Iterable[str]:
    files = data.get("files")
    return [name for name in files if isinstance(name, str)] if isinstance(files, list) else []


def _remove(spool: "Spool", paths: list[Path]) -> None:
    for path in paths:
        spool.disk.unlink(path)
    for folder in {path.parent for path in paths}:
        spool.disk.sync_directory(folder)
