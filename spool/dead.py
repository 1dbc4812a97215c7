"""Dead letters: what was refused for good or damaged, kept with its reason. One file each, so that `ls` lists them."""

import base64
import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from spool import bounds
from spool.admission import admit
from spool.outcome import Refused
from spool.record import REASON, Record, seal_line, sealed_content, timestamp, verify
from spool.segment import SEGMENT_BYTES, Segment, portions, readable_portions, sealed
from spool.spool import Spool

_RECORD = b',"record":'
_BYTES = re.compile(rb'"bytes": "([^"]*)"')


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """
    One dead letter. `why` has its reason ("refused" or "corrupt"), time, and for a refused record status and detail.

    `record` is None for lines that were none.
    """

    path: Path
    why: dict[str, Any]
    record: Record | None

    @property
    def name(self) -> str:
        """The name of its file: the record's id, or that of the segment which held the lines, and ".corrupt"."""
        return self.path.stem


def _refused(record: Record, refusal: Refused, now: datetime) -> bytes:
    """Return the dead letter of a record that the endpoint refused; `record` is its line as it was."""
    reason = {"reason": "refused", "status": refusal.status, "detail": refusal.reason[REASON], "time": timestamp(now)}
    # The line is spliced in as it is, so that requeueing gives back the same bytes.
    return seal_line(json.dumps(reason).encode("ascii")[:-1] + _RECORD + record.line)


def _corrupt(lines: Sequence[bytes], now: datetime) -> bytes:
    """Return the dead letters of lines that are torn, damaged or foreign, one a line, their bytes in base64."""
    letters = []
    for line in lines:
        reason = {"reason": "corrupt", "time": timestamp(now), "bytes": base64.b64encode(line).decode("ascii")}
        letters.append(seal_line(json.dumps(reason).encode("ascii")[:-1]))
    return b"\n".join(letters)


def bury(spool: Spool, record: Record, refusal: Refused) -> None:
    """Keep a refused record with its reason. It leaves its segment afterwards: a crash between buries it again."""
    spool.publish(_refused(record, refusal, spool.now()) + b"\n", spool.layout.dead_letter(record.id))


def bury_corrupt(spool: Spool, segment: Segment) -> None:
    """Take the lines that are no records out of a segment and keep them. A crash between buries them again."""
    target = spool.layout.corrupt_lines(segment.path)
    pieces = [line[at : at + SEGMENT_BYTES] for line in segment.corrupt for at in range(0, len(line), SEGMENT_BYTES)]
    earlier = b"".join(portions(target))  # a segment may be damaged twice
    buried = set(_BYTES.findall(earlier))  # after a crash they are there already
    new = [piece for piece in pieces if base64.b64encode(piece) not in buried]
    if new:
        spool.publish(earlier + _corrupt(new, spool.now()) + b"\n", target)
    else:  # RACE: whoever buried them may have died before their file's name was durable
        spool.disk.sync_directory(target.parent)
    spool.replace(segment.path, list(segment.records))


def enforce_bound(spool: Spool) -> None:
    """
    Drop the oldest dead letters over a quarter of the bound. The caller holds `drain.lock`.

    A gap among them, which the endpoint refused like any other record, lives on in the one that accounts for them.
    """
    bounds.enforce_dead(spool, _members)


def letters(spool: Spool, damaged: Callable[[Path], None] = lambda _path: None) -> Iterator[DeadLetter]:
    """
    Stream the dead letters, oldest first. Errors as for `Spool.segments`.

    `damaged` hears of each file that holds none.
    """
    if not spool.exists():
        return
    with spool.disk_errors("read"):
        for path in sealed(spool.layout.dead):
            letter = None
            for letter in _letters(path):
                yield letter
            if letter is None:
                damaged(path)


def names(spool: Spool, prefix: str = "") -> list[str]:
    """Return the names of the dead letters that begin so, oldest first; see `DeadLetter.name`."""
    if not spool.exists():
        return []
    with spool.disk_errors("read"):
        return [path.stem for path in sealed(spool.layout.dead) if path.stem.startswith(prefix)]


def read(spool: Spool, name: str) -> list[DeadLetter]:
    """Return the dead letters with a name: one, or several corrupt lines; none when they are damaged, or gone."""
    if name not in names(spool, name):
        return []
    with spool.disk_errors("read"):
        return list(_letters(spool.layout.dead_letter(name)))


def requeue(spool: Spool, record_id: str) -> bool:
    """
    Make a dead letter pending again, byte for byte. Returns False when there is none with this id.

    BusyError while a drain is at work.

    A crash leaves it dead, or pending and dead: requeued once more, it is pending once.
    """
    return record_id in names(spool, record_id) and _requeue(spool, [spool.layout.dead_letter(record_id)]) == 1


def requeue_all(spool: Spool) -> int:
    """Make all dead letters that have a record pending again, and return how many that were. Else as `requeue`."""
    return _requeue(spool, None)


def _requeue(spool: Spool, paths: Sequence[Path] | None) -> int:
    """Requeue these, or all."""
    if not spool.exists():
        return 0
    files: dict[str, list[Path]] = {}  # of each record, what is still to be removed
    number = 0
    # RACE: a drain that is just burying such a record again would take out the copy that we make.
    with spool.disk_errors("write to"), spool.exclusive():
        spool.prepare()  # which makes each name in pending/ durable: we rest on gaps, and on what another requeue left
        bounds.finish_all(spool)  # what a gap counts is not there any more, and must not come back
        pending = {record.id for record in spool.records()}
        paths = sealed(spool.layout.dead) if paths is None else paths
        for batch in admit(spool, _records(paths, files), pending):
            number += len(batch)
            _remove(spool, [path for record in batch for path in files.pop(record.id)])
        number += len(files)
        _remove(spool, [path for again in files.values() for path in again])  # a crash in here has left both
        if number:
            spool.disk.sync_directory(spool.layout.dead)
    return number


def _records(paths: Sequence[Path], files: dict[str, list[Path]]) -> Iterator[Record]:
    """Yield the record of each file that has one, and note which files it is in."""
    for path in paths:
        record = next((letter.record for letter in _letters(path) if letter.record), None)
        if record is not None:
            files.setdefault(record.id, []).append(path)
            yield record


def _remove(spool: Spool, paths: Sequence[Path]) -> None:
    for path in paths:
        spool.disk.unlink(path)


def _letters(path: Path) -> Iterator[DeadLetter]:
    for line in _lines(readable_portions(path)):
        letter = _parse(path, line)
        if letter is not None:
            yield letter


def _members(path: Path) -> Iterator[Record | None]:
    for line in _lines(portions(path)):  # what the disk does not give is an error here: nobody could count it
        letter = _parse(path, line)
        yield letter.record if letter else None


def _lines(data: Iterable[bytes]) -> Iterator[bytes]:
    for portion in data:
        yield from filter(None, portion.split(b"\n"))


def _parse(path: Path, line: bytes) -> DeadLetter | None:
    content = sealed_content(line)
    if content is None:
        return None
    why, marker, record = content.partition(_RECORD)  # inside a JSON text its quotes would be escaped
    try:
        reason = json.loads(why + b"}")
    except (ValueError, RecursionError):
        return None
    # A record that somebody put here is sealed as well, and says no reason.
    return DeadLetter(path, reason, verify(record) if marker else None) if "reason" in reason else None
