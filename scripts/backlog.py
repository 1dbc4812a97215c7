"""What a backlog costs those who append and those who look, as it grows to a million records."""

import os
import statistics
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import endpoints
import workers
from queues import event

from spool.layout import Layout
from spool.record import encode, new_id
from spool.segment import SEGMENT_BYTES

LARGE = 1_000_000

_TURNS = 3
_EVENTS = 400  # in a turn: more than a segment holds, so that each turn seals one
_MONTH_NS = 30 * 24 * 3600 * 10**9
_LOOK = """
import sys
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from spool import Spool
from spool.inspection import count_pending

spool = Spool(Path(sys.argv[2]), source="bench")
if sys.argv[1] == "count":
    print(count_pending(spool, datetime.now(UTC)).records)
else:
    print(sum(1 for _ in islice(spool.records(), 20)))
"""
_DRAIN = """
import sys
from pathlib import Path
from spool import WIRE_FORMATS, Spool, drain
from spool.http import HttpTransport

transport = HttpTransport(sys.argv[1], WIRE_FORMATS["json"], user_agent="bench")
print(drain(Spool(Path(sys.argv[2]), source="bench"), transport).delivered)
"""
_PEAK = """
with open("/proc/self/status") as status:  # getrusage would give the peak of our parent, had it been higher
    print(next(line.split()[1] for line in status if line.startswith("VmHWM")))
"""


@dataclass(frozen=True)
class Backlog:
    """What a backlog of some size costs. Looking is timed as a process, start included; MiB are its peak."""

    records: int
    append_over_bare: float
    append_p50_us: float
    append_longest_ms: float
    count_s: float
    count_mib: float
    page_s: float
    miscounted: int


@dataclass(frozen=True)
class Drained:
    """What a drain of all that took. MiB are the peak of its process; `left` is what it did not deliver."""

    records: int
    octets: int
    seconds: float
    mib: float
    left: int


def grow(folder: Path, sizes: Sequence[int]) -> Iterator[Backlog]:
    """Let a backlog grow, written as segments but for a few appends, and measure at each size."""
    ours, bare = folder / "ours", folder / "bare"
    ours.mkdir(parents=True)
    bare.mkdir()
    there = _append("spool", ours, 0)
    written = 0
    for size in sizes:
        _write_segments(Layout(ours / "spool"), written, size)
        there += size - written
        written = size
        took: list[float] = []
        floor: list[float] = []
        for _ in range(_TURNS):
            there += _append("spool", ours, _EVENTS, took)
            _append("bare", bare, _EVENTS, floor)
        counts = [_look("count", ours) for _ in range(_TURNS)]
        yield Backlog(
            records=size,
            append_over_bare=statistics.median(floor) / statistics.median(took),
            append_p50_us=statistics.median(took),
            append_longest_ms=max(took) / 1000,
            count_s=statistics.median(seconds for seconds, _, _ in counts),
            count_mib=max(mib for _, mib, _ in counts),
            page_s=statistics.median(_look("page", ours)[0] for _ in range(_TURNS)),
            miscounted=max(abs(found - there) for _, _, found in counts),
        )


def empty(folder: Path) -> Drained:
    """Drain what `grow` has left to an endpoint that takes everything."""
    spool = folder / "ours" / "spool"
    octets = sum(path.stat().st_size for path in Layout(spool).pending.iterdir())
    with endpoints.sink() as endpoint:
        seconds, output = workers.timed([sys.executable, "-c", _DRAIN + _PEAK, endpoint.url, str(spool)])
    delivered, kib = map(int, output.split())
    _, _, left = _look("count", folder / "ours")
    return Drained(delivered, octets, seconds, kib / 1024, left)


def _append(queue: str, place: Path, events: int, took_us: list[float] | None = None) -> int:
    """Append from one process; return how many records that left. `took_us` is added to."""
    [report] = workers.append(queue, str(place), 1, events)
    accepted = [each for each in report.took_us if each is not None]
    if took_us is not None:
        took_us += accepted
    return 1 + len(accepted)


def _write_segments(layout: Layout, first: int, end: int) -> None:
    """Write full segments of records from the last month, as appends would have left them."""
    now = time.time_ns()
    lines: list[bytes] = []
    for number in range(first, end):
        at = now - _MONTH_NS + number * (_MONTH_NS // LARGE)
        lines.append(encode(event(0, number), source="bench", event_type="bench.v1", now_ns=at).line + b"\n")
        if (len(lines) + 1) * len(lines[0]) > SEGMENT_BYTES or number == end - 1:
            layout.segment(new_id(at)).write_bytes(b"".join(lines))
            lines.clear()
    os.sync()  # or the appends that are timed next would wait for it


def _look(what: str, place: Path) -> tuple[float, float, int]:
    """Return the seconds and the MiB of a process that looks at a spool, and the number of records it saw."""
    seconds, output = workers.timed([sys.executable, "-c", _LOOK + _PEAK, what, str(place / "spool")])
    found, kib = output.split()
    return seconds, int(kib) / 1024, int(found)
