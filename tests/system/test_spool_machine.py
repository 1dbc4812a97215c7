"""Any sequence of what can be done to a spool, and of what can happen to it, keeps the promise."""

import os
import shutil
import tempfile
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from mortal import ANSWERS, Life, Scripted, append_and_die, carry_and_die, drain_and_die

from spool import Bounds, BundleError, Record, Spool, UnavailableError, drain, export_bundle, import_bundle
from spool.bounds import dropped, gap_data
from spool.dead import letters, requeue
from spool.inspection import count_pending
from spool.record import verify

_EXAMPLES = int(os.environ.get("SPOOL_MACHINE_EXAMPLES", "40"))
_NOW_NS = 1_795_428_000_000_000_000
_YEAR = 365 * 24 * 3600
_WIDE = Bounds(octets=2**50, age=timedelta.max)
_NARROW = Bounds(octets=400_000, age=timedelta(days=90))

_spools = st.integers(0, 1)
_sizes = st.lists(st.sampled_from([0, 0, 60_000]), min_size=1, max_size=6)  # five of the large ones fill a segment
_scripts = st.lists(st.sampled_from(ANSWERS), min_size=1, max_size=6)
_calls = st.integers(0, 40)
_steps = st.integers(-10 * _YEAR, 10 * _YEAR) | st.integers(-60, 7200)


class SpoolMachine(RuleBasedStateMachine):
    """Two Spool objects on one directory, a clock, and what each of them was told."""

    def __init__(self) -> None:
        super().__init__()
        memory = Path("/dev/shm")  # noqa: S108 - the folder made in it is private
        self.folder = Path(tempfile.mkdtemp(dir=memory if memory.is_dir() else None))
        self.root, self.taken, self.log = (self.folder / name for name in ("spool", "taken", "log"))
        self.taken.touch()
        self.now_ns = _NOW_NS
        self.accepted: dict[int, str | None] = {}  # the number of each event, and its id when its append returned

    @initialize(bounds=st.sampled_from([_WIDE, _NARROW]))
    def open(self, bounds: Bounds) -> None:
        self.bounds = bounds
        self.spools = [Spool(self.root, source="machine", bounds=bounds, clock=self.clock) for _ in range(2)]

    def clock(self) -> int:
        self.now_ns += 1000
        return self.now_ns

    def events(self, sizes: Sequence[int]) -> list[dict[str, object]]:
        first = len(self.accepted)
        events = [{"number": first + place, "filler": "x" * size} for place, size in enumerate(sizes)]
        self.accepted.update(dict.fromkeys(range(first, first + len(events))))
        return events

    @rule(which=_spools, sizes=_sizes)
    def append(self, which: int, sizes: list[int]) -> None:
        for event in self.events(sizes):
            self.accepted[event["number"]] = self.spools[which].append(event, event_type="machine.v1")

    @rule(which=_spools)
    def seal(self, which: int) -> None:
        self.spools[which].seal()

    @rule(which=_spools, sizes=_sizes, script=_scripts, ignore_backoff=st.booleans())
    def drain(self, which: int, sizes: list[int], script: list[str], ignore_backoff: bool) -> None:
        self.append(which, sizes)  # Hypothesis leaves some rules out of an example: no drain is to be in vain
        before = self.taken.stat().st_size
        summary = drain(self.spools[which], Scripted(script, self.taken), ignore_backoff=ignore_backoff)
        assert not summary.busy
        if summary.wait and not summary.failure:  # nothing was due
            assert (summary.requests, self.taken.stat().st_size) == (0, before)

    @rule(sizes=_sizes, calls=_calls)
    def die_appending(self, sizes: list[int], calls: int) -> None:
        self.log.write_bytes(b"")
        events = self.events(sizes)
        append_and_die(Life(self.root, self.bounds, self.clock(), calls), self.log, events)
        for event, record_id in zip(events, self.log.read_text().split(), strict=False):
            self.accepted[event["number"]] = record_id
        self.now_ns += 1_000_000

    @rule(sizes=_sizes, script=_scripts, calls=_calls)
    def die_draining(self, sizes: list[int], script: list[str], calls: int) -> None:
        self.append(0, sizes)
        drain_and_die(Life(self.root, self.bounds, self.clock(), calls), self.taken, script)
        self.now_ns += 1_000_000

    @rule(seconds=_steps)
    def step_clock(self, seconds: int) -> None:
        self.now_ns = max(0, self.now_ns + seconds * 10**9)

    @rule(which=_spools, place=st.integers(0, 3))
    def requeue(self, which: int, place: int) -> None:
        for letter in list(letters(self.spools[which]))[place : place + 1]:
            if letter.record:
                assert requeue(self.spools[which], letter.record.id)

    @rule(which=_spools, sizes=_sizes)
    def carry_out(self, which: int, sizes: list[int]) -> None:
        self.append(which, sizes)
        export_bundle(self.spools[which], self.folder / f"{self.clock()}.gz")
        assert list(self.spools[which].records()) == []

    @rule(which=_spools, calls=_calls)
    def die_carrying(self, which: int, calls: int) -> None:
        self.append(which, [0])
        carry_and_die(Life(self.root, self.bounds, self.clock(), calls), self.folder / f"{self.clock()}.gz")
        self.now_ns += 1_000_000

    @rule(which=_spools)
    def carry_back(self, which: int) -> None:
        for path in self.folder.glob("*.gz"):
            try:
                import_bundle(self.spools[which], path)
            except BundleError:  # broken off, when nothing had been taken out yet; or more than there may be
                if self.bounds == _NARROW and carried(path):
                    continue
            except UnavailableError:  # no room: it waits
                assert self.bounds == _NARROW
                continue
            path.unlink()

    @rule(which=_spools)
    def look(self, which: int) -> None:
        spool = self.spools[which]
        pending = [record.id for record in spool.records()]
        assert count_pending(spool, spool.now()).records == len(pending)

    @invariant()
    def the_promise_is_kept(self) -> None:
        """Each accepted event is pending, dead, taken or counted in a gap, and there is no other event."""
        spool = Spool(self.root, source="reader", clock=self.clock)
        dead = [letter.record for letter in letters(spool) if letter.record]
        known: dict[str, Record] = {}
        bundled = [record for path in self.folder.glob("*.gz") for record in carried(path)]
        for record in [*spool.records(), *dead, *self.arrived(), *bundled]:
            assert known.setdefault(record.id, record) == record, "one id, two records"
        gaps = [gap for record in known.values() if (gap := gap_data(record))]
        counted = sum(number for gap in gaps for number in dropped(gap).values())
        assert len({record_id for record_id in self.accepted.values() if record_id} - known.keys()) <= counted
        numbers = [_number(record) for record in known.values() if not gap_data(record)]
        assert len(numbers) == len(set(numbers)), "one event, two ids"
        for record in known.values():
            if not gap_data(record):
                assert self.accepted[_number(record)] in {None, record.id}, "an event that nobody appended"
        assert self.bounds == _NARROW or not counted

    def arrived(self) -> list[Record]:
        """What the transport was handed and took."""
        lines = self.taken.read_bytes().splitlines()
        records = [record for line in lines if (record := verify(line))]
        assert len(records) == len(lines), "something torn was sent"
        return records

    def teardown(self) -> None:
        """In the end all is delivered: two days later, when the endpoint is back."""
        try:
            self.now_ns += 2 * 24 * 3600 * 10**9
            drain(self.spools[0], Scripted([], self.taken), ignore_backoff=True)
            self.carry_back(0)
            drain(self.spools[0], Scripted([], self.taken), ignore_backoff=True)
            assert list(self.spools[1].records()) == []
            self.the_promise_is_kept()
        finally:
            shutil.rmtree(self.folder)


def carried(path: Path) -> list[Record]:
    """The records of a bundle; none of one that is unfinished."""
    far = Spool(path.with_suffix(".far"), source="reader", bounds=_WIDE)
    try:
        import_bundle(far, path)
    except BundleError:
        return []
    records = list(far.records())
    shutil.rmtree(far.layout.root)
    return records


def _number(record: Record) -> int:
    data = record.attributes["data"]
    assert isinstance(data, dict)
    return int(data["number"])


def test_any_sequence_keeps_the_promise() -> None:
    """
    Appends, seals, drains with every outcome, kills in any call to the disk, clock steps, requeues, reached bounds.

    After each of them every accepted event is pending, dead, taken or counted, and nothing else is.
    """
    run_state_machine_as_test(
        SpoolMachine,
        settings=settings(
            max_examples=_EXAMPLES,
            stateful_step_count=30,
            deadline=None,  # a step may start a process
            suppress_health_check=[HealthCheck.too_slow],
        ),
    )
