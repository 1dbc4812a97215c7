"""The drain: each outcome's effect on a real spool, with a scripted transport."""

import base64
import errno
import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from itertools import chain, count
from pathlib import Path
from queue import SimpleQueue

import pytest
from hypothesis import given
from hypothesis import strategies as st
from transport import FakeTransport

from spool import Deferred, Delivered, Outcome, Record, Refused, Spool, Summary, bounds, drain
from spool.bounds import Bounds
from spool.bundle import export_bundle, import_bundle
from spool.dead import letters as dead_letters
from spool.dead import read as read_dead_letter
from spool.dead import requeue, requeue_all
from spool.disk import Disk
from spool.errors import BusyError, NoLocksError, UnavailableError
from spool.inspection import count_dead, count_pending, newest_first
from spool.locks import Lock
from spool.purge import drop_dead, droppable_dead, purge, purgeable
from spool.record import new_id, verify
from spool.schedule import load
from spool.segment import Segment

NOW_NS = 1_795_428_000_000_000_000


class Clock:
    """A clock that tests set."""

    def __init__(self) -> None:
        self.ns = NOW_NS

    def __call__(self) -> int:
        self.ns += 1_000_000
        return self.ns

    def advance(self, seconds: float) -> None:
        self.ns += int(seconds * 1e9)


@pytest.fixture
def clock() -> Clock:
    """A clock at a fixed moment."""
    return Clock()


@pytest.fixture
def spool(tmp_path: Path, clock: Clock) -> Spool:
    """A spool with that clock."""
    return Spool(tmp_path / "spool", source="test", clock=clock)


def fill(spool: Spool, number: int) -> list[str]:
    """Append some events and return their ids."""
    return [spool.append({"number": n}, event_type="t") for n in range(number)]


def pending(spool: Spool) -> list[str]:
    """The ids of the pending records."""
    return [record.id for record in spool.records()]


def letters(spool: Spool) -> list[dict[str, object]]:
    """The dead letters."""
    return [json.loads(line) for path in sorted(spool.layout.dead.iterdir()) for line in path.read_text().splitlines()]


def test_nothing_recorded_nothing_made(spool: Spool) -> None:
    """Draining a spool that does not exist sends nothing and makes nothing."""
    assert drain(spool, FakeTransport()) == Summary()
    assert not spool.layout.root.exists()


def test_delivered_records_are_gone(spool: Spool) -> None:
    """What the endpoint took is no longer pending, and its order was the order of the appends."""
    expected = fill(spool, 5)
    spool.seal()
    expected += fill(spool, 5)
    endpoint = FakeTransport()
    assert drain(spool, endpoint) == Summary(delivered=10, requests=2)
    assert endpoint.taken == expected
    assert pending(spool) == []
    assert load(spool.layout.schedule).last_success is not None


def test_a_failing_endpoint_ends_the_drain(spool: Spool) -> None:
    """The first failure ends the drain; nothing is lost, and the rest is not tried."""
    expected = fill(spool, 2)
    spool.seal()
    expected += fill(spool, 2)
    endpoint = FakeTransport(lambda _records: Deferred("HTTP 503"))
    summary = drain(spool, endpoint)
    assert summary.failure == Deferred("HTTP 503")
    assert len(endpoint.requests) == 1
    assert pending(spool) == expected
    assert load(spool.layout.schedule).attempts == 1


def test_the_backoff_binds_later_processes(spool: Spool, clock: Clock) -> None:
    """After a failure, another process waits as long as the schedule on disk says, and a user's flush does not."""
    fill(spool, 1)
    drain(spool, FakeTransport(lambda _records: Deferred("no connection")), jitter=random.Random(3).uniform)
    other = Spool(spool.layout.root, source="test", clock=clock)
    endpoint = FakeTransport()
    waiting = drain(other, endpoint)
    assert waiting.wait is not None
    assert timedelta(0) < waiting.wait < timedelta(seconds=60)
    assert endpoint.requests == []
    assert drain(other, endpoint, ignore_backoff=True).delivered == 1


def test_the_servers_wish_binds_a_flush_too(spool: Spool, clock: Clock) -> None:
    """Until the time that `Retry-After` named, even a user's flush sends nothing; afterwards it does."""
    fill(spool, 1)
    drain(spool, FakeTransport(lambda _records: Deferred("HTTP 429", retry_after=600.0)))
    endpoint = FakeTransport()
    assert drain(spool, endpoint, ignore_backoff=True).wait is not None
    clock.advance(900)
    assert drain(spool, endpoint, ignore_backoff=True).delivered == 1


def test_one_refused_record_is_found_and_buried(spool: Spool) -> None:
    """A record that the endpoint refuses is buried alone with status and reason; all others are delivered."""
    expected = fill(spool, 100)
    bad = expected[37]

    def answer(records: Sequence[Record]) -> Outcome:
        return Refused("HTTP 400", 400) if bad in {record.id for record in records} else Delivered()

    endpoint = FakeTransport(answer)
    summary = drain(spool, endpoint)
    assert (summary.delivered, summary.buried, summary.failure) == (99, 1, None)
    assert len(endpoint.requests) <= 2 * 7 + 1  # a bisection, not one request for each record
    assert sorted(endpoint.taken) == [record_id for record_id in expected if record_id != bad]
    [letter] = letters(spool)
    assert (letter["reason"], letter["status"], letter["detail"]) == ("refused", 400, "HTTP 400")
    assert isinstance(letter["record"], dict)
    assert letter["record"]["id"] == bad
    assert pending(spool) == []


@given(bad=st.sets(st.integers(0, 29), max_size=30))
def test_every_refused_record_is_found(bad: set[int], tmp_path_factory: pytest.TempPathFactory) -> None:
    """Whichever records are refused, exactly they are buried and exactly the others delivered, once each."""
    spool = Spool(tmp_path_factory.mktemp("spool") / "spool", source="test")
    expected = fill(spool, 30)
    refused = {expected[number] for number in bad}

    def answer(records: Sequence[Record]) -> Outcome:
        return Refused("HTTP 422", 422) if refused & {record.id for record in records} else Delivered()

    endpoint = FakeTransport(answer)
    drain(spool, endpoint)
    assert endpoint.taken == [record_id for record_id in expected if record_id not in refused]
    assert {path.stem for path in spool.layout.dead.iterdir()} == refused


def test_named_rejections_are_buried(spool: Spool) -> None:
    """Records that an acknowledgement names as rejected are buried with the receiver's reason."""
    first, second, third = fill(spool, 3)
    summary = drain(spool, FakeTransport(lambda _records: Delivered({second: "too old"})))
    assert (summary.delivered, summary.buried) == (2, 1)
    [letter] = letters(spool)
    assert (letter["detail"], spool.layout.dead_letter(second).exists()) == ("too old", True)
    assert pending(spool) == []
    assert {first, third}.isdisjoint({path.stem for path in spool.layout.dead.iterdir()})


@pytest.mark.parametrize(
    "spell, requests", [(str.upper, 1), (lambda name: f"urn:uuid:{name}", 1), (lambda name: f"event {name[-4:]}", 5)]
)
def test_a_rejection_under_another_name_is_searched_for(
    spool: Spool, spell: Callable[[str], str], requests: int
) -> None:
    """A receiver that names what it rejected in a form of its own has that one buried, and the others delivered."""
    _, second, _ = fill(spool, 3)

    def answer(records: Sequence[Record]) -> Outcome:
        return Delivered({spell(each.id): "too old" for each in records if each.id == second})

    summary = drain(spool, FakeTransport(answer))
    assert (summary.delivered, summary.buried) == (2, 1)
    assert summary.requests == requests
    [letter] = letters(spool)
    assert (letter["detail"], spool.layout.dead_letter(second).exists()) == ("too old", True)
    assert pending(spool) == []


def test_a_dead_letter_keeps_the_record_to_the_byte(spool: Spool) -> None:
    """Inside a dead letter stands the record's line as it was, and the letter carries a checksum of its own."""
    fill(spool, 1)
    [record] = spool.records()
    drain(spool, FakeTransport(lambda _records: Refused("HTTP 400", 400)))
    line = spool.layout.dead_letter(record.id).read_bytes()
    assert b'"record":' + record.line + b',"crc":"' in line
    assert verify(record.line) == record


def test_damage_is_buried_and_never_sent(spool: Spool) -> None:
    """Lines that are torn or foreign are kept with their bytes; the records around them are delivered."""
    expected = fill(spool, 2)
    with spool.layout.active.open("ab") as file:
        file.write(b"not a record\n\x00\xff\n")
    endpoint = FakeTransport()
    summary = drain(spool, endpoint)
    assert (summary.delivered, summary.buried) == (2, 2)
    assert endpoint.taken == expected
    kept = [base64.b64decode(str(letter["bytes"])) for letter in letters(spool)]
    assert kept == [b"not a record", b"\x00\xff"]
    assert pending(spool) == []


def test_a_segment_of_damage_alone_is_no_request(spool: Spool) -> None:
    """A segment without a single intact record is buried, and nothing is sent for it."""
    fill(spool, 1)
    spool.layout.active.write_bytes(b"garbage\n")
    endpoint = FakeTransport()
    assert drain(spool, endpoint) == Summary(buried=1)
    assert (endpoint.requests, spool.sealed()) == ([], [])


def test_what_is_done_with_is_never_sent_again(spool: Spool) -> None:
    """When the endpoint fails in the middle of a halved segment, the halves that were taken are not sent again."""
    expected = fill(spool, 8)

    def answer(records: Sequence[Record]) -> Outcome:
        if len(records) > 2:
            return Refused("HTTP 413", 413)
        return Delivered() if records[0].id == expected[0] else Deferred("HTTP 503")

    endpoint = FakeTransport(answer)
    assert drain(spool, endpoint).delivered == 2
    assert pending(spool) == expected[2:]


def test_what_was_delivered_is_gone_before_anything_else_is_sent(spool: Spool) -> None:
    """Whenever a request leaves, nothing that was delivered before is pending: a kill repeats one request alone."""
    expected = list(chain.from_iterable(segments(spool, 1, 2, 3, 4)))
    gone: list[str] = []

    def answer(records: Sequence[Record]) -> Outcome:
        assert pending(spool) == expected[len(gone) :]
        if len(records) == 3:
            return Refused("HTTP 413", 413)
        gone.extend(record.id for record in records)
        return Delivered()

    assert drain(spool, FakeTransport(answer)).delivered == len(expected)
    assert pending(spool) == []


def test_what_was_delivered_is_gone_although_the_drain_ends_with_an_error(spool: Spool) -> None:
    """An interruption between two segments leaves nothing pending that was delivered."""
    _, second = segments(spool, 2, 2)

    def interrupt(_done: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        drain(spool, FakeTransport(), progress=interrupt)
    assert pending(spool) == second


def test_an_interruption_of_a_removal_leaves_nothing_that_was_delivered(
    spool: Spool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C while a delivered segment is being removed removes it all the same."""
    _, second = segments(spool, 2, 2)
    unlink, calls = Disk.unlink, count()

    def interrupted(self: Disk, path: Path) -> None:
        if next(calls) == 0:
            raise KeyboardInterrupt
        unlink(self, path)

    monkeypatch.setattr(Disk, "unlink", interrupted)
    with pytest.raises(KeyboardInterrupt):
        drain(spool, FakeTransport())
    assert pending(spool) == second


class StuckDisk(Disk):
    """A disk that does not remove some segments."""

    def __init__(self, error: int) -> None:
        super().__init__()
        self.error = error
        self.stuck: set[Path] = set()

    def unlink(self, path: Path) -> None:
        if path in self.stuck:
            raise OSError(self.error, os.strerror(self.error))
        super().unlink(path)


def stick(spool: Spool, error: int, *paths: Path) -> Spool:
    """That spool on a disk that does not remove these segments."""
    disk = StuckDisk(error)
    disk.stuck.update(paths)
    return Spool(spool.layout.root, source="test", clock=spool.clock, disk=disk)


@pytest.mark.parametrize("error", [errno.EIO, errno.EROFS])
def test_a_disk_that_does_not_remove_ends_the_drain(spool: Spool, error: int) -> None:
    """When what was delivered cannot be removed, the drain says so, and sends nothing more."""
    first, *_ = segments(spool, 1, 1, 1)
    endpoint = FakeTransport()
    with pytest.raises(UnavailableError, match=os.strerror(error)):
        drain(stick(spool, error, spool.sealed()[0]), endpoint)
    assert endpoint.taken == first


@pytest.mark.parametrize("error", [errno.EACCES, errno.EPERM, errno.ENOSPC])
@pytest.mark.parametrize("number", range(3))
def test_one_segment_that_cannot_be_removed_keeps_no_other(spool: Spool, error: int, number: int) -> None:
    """Where one file cannot be removed, all others are delivered, and nothing is sent twice by one drain."""
    expected = segments(spool, 1, 1, 1)
    endpoint = FakeTransport()
    summary = drain(stick(spool, error, spool.sealed()[number]), endpoint)
    assert (summary.delivered, summary.stuck) == (3, os.strerror(error))
    assert endpoint.taken == list(chain.from_iterable(expected))
    assert pending(spool) == expected[number]


def test_what_is_offered_in_place_of_the_head_is_not_sent_again(spool: Spool) -> None:
    """A segment that is offered instead of a poisoned one, and cannot be removed, goes once in a drain."""
    first, *others = segments(spool, 2, 1, 1)
    endpoint = choking(first[0])
    drain_often(spool, endpoint, 2)
    drain(stick(spool, errno.EACCES, spool.sealed()[1]), endpoint, ignore_backoff=True)
    assert sorted(endpoint.taken) == sorted([first[1], *chain.from_iterable(others)])
    assert len(letters(spool)) == 1


def test_what_was_delivered_makes_room_for_a_dead_letter(spool: Spool, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a full disk, damage behind a segment is buried in the room which that one leaves."""
    expected = segments(spool, 1, 2)
    first, second = spool.sealed()
    second.write_bytes(b"damage\n" + second.read_bytes())
    publish = Disk.publish

    def full(self: Disk, data: bytes, temporary: Path, target: Path) -> None:
        if first.exists():
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        publish(self, data, temporary, target)

    monkeypatch.setattr(Disk, "publish", full)
    endpoint = FakeTransport()
    assert drain(spool, endpoint) == Summary(delivered=3, buried=1, requests=2)
    assert endpoint.taken == list(chain.from_iterable(expected))


def test_a_drain_that_may_send_no_more_ends_there(spool: Spool) -> None:
    """Once the caller says no, nothing more is sent, what was done is told, and the endpoint is not to blame."""
    fill(spool, 2)
    path = spool.seal()
    assert path is not None
    path.write_bytes(path.read_bytes() + b"damage\n")
    left = fill(spool, 3)
    endpoint = FakeTransport()
    answers = iter([True, False])
    done = drain(spool, endpoint, may_send=lambda: next(answers))
    assert done == Summary(delivered=2, buried=1, requests=1, stopped=True)
    assert pending(spool) == left
    assert drain(spool, endpoint) == Summary(delivered=3, requests=1)


def test_two_drains_do_not_meet(spool: Spool) -> None:
    """While one drain is at work, another leaves at once, and an append does not wait for it."""
    fill(spool, 1)
    with Lock(spool.layout.drain_lock, Disk()).held() as locked:
        assert locked
        assert drain(spool, FakeTransport()) == Summary(busy=True)
        fill(spool, 1)
    assert drain(spool, FakeTransport()).delivered == 2


def test_success_clears_the_schedule_at_once(spool: Spool) -> None:
    """When the endpoint is back, later runs need not wait, even if it fails again in the same drain."""
    fill(spool, 1)
    spool.seal()
    fill(spool, 1)
    drain(spool, FakeTransport(lambda _records: Deferred("HTTP 503")))
    answers = iter([Delivered(), Deferred("HTTP 503")])
    drain(spool, FakeTransport(lambda _records: next(answers)), ignore_backoff=True)
    schedule = load(spool.layout.schedule)
    assert schedule.attempts == 1
    assert schedule.last_success is not None
    assert schedule.last_success <= datetime.fromtimestamp(spool.clock() / 1e9, UTC)


def test_a_segment_that_grew_too_large_loses_nothing(spool: Spool) -> None:
    """What damage has blown up to many megabytes is divided: its records are delivered, the rest is kept in dead/."""
    spool.bounds = Bounds(octets=64 * 1024 * 1024)
    expected = fill(spool, 3)
    lines = spool.layout.active.read_bytes()
    spool.layout.active.write_bytes(b"\x00" * 3_000_000 + b"\n" + lines + b"y" * 2_500_000)
    endpoint = FakeTransport()
    assert drain(spool, endpoint).delivered == 3
    assert endpoint.taken == expected
    kept = b"".join(base64.b64decode(str(letter["bytes"])) for letter in letters(spool))
    assert kept == b"\x00" * 3_000_000 + b"y" * 2_500_000
    assert (pending(spool), spool.sealed()) == ([], [])


def test_a_segment_that_cannot_be_divided_holds_up_nothing_before_it(
    spool: Spool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a full disk what lies before a file that damage made too large is delivered, and that file stays as it was."""
    spool.bounds = Bounds(octets=64 * 1024 * 1024)
    [before] = segments(spool, 2)
    expected = fill(spool, 3)
    lines = spool.layout.active.read_bytes()
    spool.layout.active.write_bytes(b"\x00" * 3_000_000 + b"\n" + lines)
    publish, room = Disk.publish, [True]

    def full(self: Disk, data: bytes, temporary: Path, target: Path) -> None:
        if not room:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        room.pop()  # for one part, and no more
        publish(self, data, temporary, target)

    endpoint = FakeTransport()
    with monkeypatch.context() as patched:
        patched.setattr(Disk, "publish", full)
        assert drain(spool, endpoint).delivered == 2
    assert endpoint.taken == before
    [left] = spool.sealed()
    assert left.stat().st_size == 3_000_001 + len(lines)
    assert drain(spool, endpoint).delivered == 3
    assert endpoint.taken == before + expected


def test_many_records_in_one_file_are_all_delivered(spool: Spool) -> None:
    """A segment of ten megabytes of good records is delivered whole, in requests of a normal size."""
    expected = [spool.append({"filler": "x" * 60_000}, event_type="t") for _ in range(170)]
    lines = b"".join(path.read_bytes() for path in [*spool.sealed(), spool.layout.active])
    for path in spool.sealed():
        path.unlink()
    spool.layout.active.write_bytes(lines)
    endpoint = FakeTransport()
    assert drain(spool, endpoint).delivered == 170
    assert endpoint.taken == expected
    assert len(endpoint.requests) >= 10


def test_an_error_between_two_segments_is_told(spool: Spool, monkeypatch: pytest.MonkeyPatch) -> None:
    """An error that is not that of one file alone ends the drain as an error, though some was delivered."""
    segments(spool, 1, 1, 1)
    finish, calls = bounds.finish, count()

    def fail(spool: Spool, segment: Segment) -> None:
        if next(calls) == 1:
            raise OSError(errno.EROFS, "no")
        finish(spool, segment)

    monkeypatch.setattr(bounds, "finish", fail)
    endpoint = FakeTransport()
    with pytest.raises(UnavailableError):
        drain(spool, endpoint)
    assert len(endpoint.taken) == 1
    assert len(pending(spool)) == 2


def test_foreign_things_stop_nothing(spool: Spool, tmp_path: Path) -> None:
    """A directory, a pipe or a link among the segments is left alone; everything else is delivered."""
    expected = fill(spool, 1)
    (spool.layout.pending / "0.ndjson").mkdir()
    os.mkfifo(spool.layout.pending / "1.ndjson")
    (spool.layout.pending / "2.ndjson").symlink_to(tmp_path)
    (spool.layout.pending / "note.txt").write_text("hello")
    endpoint = FakeTransport()
    assert drain(spool, endpoint).delivered == 1
    assert endpoint.taken == expected
    assert count_pending(spool, spool.now()).foreign == 4


def test_a_refused_record_and_a_corrupt_line_of_one_segment_are_both_kept(spool: Spool) -> None:
    """Where an append made a segment of its own, its dead letter and those of the lines around it do not meet."""
    fill(spool, 1)
    with Lock(spool.layout.append_lock, Disk()).held():
        [record_id] = fill(spool, 1)
    with spool.layout.segment(record_id).open("ab") as file:
        file.write(b"garbage\n")
    assert drain(spool, FakeTransport(lambda _records: Refused("HTTP 400", 400))).buried == 3
    assert count_dead(spool) == 3


def test_no_locks_no_drain(spool: Spool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the file system knows no locks, events are accepted all the same, and a drain says why it cannot."""

    def lockless(_descriptor: int, *, blocking: bool) -> bool:
        raise OSError(errno.ENOSYS, "Function not implemented", blocking)

    monkeypatch.setattr("filelock.lock_descriptor", lockless)
    expected = fill(spool, 3)
    assert pending(spool) == expected
    with pytest.raises(NoLocksError, match="local disk"):
        drain(spool, FakeTransport())


def test_unfinished_files_are_swept(spool: Spool, clock: Clock) -> None:
    """A drain removes the unfinished files of crashes when they are an hour old, and nothing else."""
    fill(spool, 1)
    clock.advance(-4000)
    old = spool.layout.temporary(new_id(spool.clock()))
    clock.advance(4000)
    young = spool.layout.temporary(new_id(spool.clock()))
    for path in (old, young, spool.layout.root / "notes.tmp", spool.layout.root / "20240101.tmp"):
        path.write_text("half of somethi")
    drain(spool, FakeTransport())
    assert sorted(path.name for path in spool.layout.root.glob("*.tmp")) == [
        young.name,
        "20240101.tmp",
        "notes.tmp",
    ]


def test_damage_to_one_segment_twice_is_kept_twice(spool: Spool) -> None:
    """When a segment that was rewritten is damaged again, what was buried of it before stays buried."""
    fill(spool, 2)
    sealed = spool.seal()
    assert sealed is not None
    for garbage in (b"first", b"second"):
        with sealed.open("ab") as file:
            file.write(garbage + b"\n")
        drain(spool, FakeTransport(lambda _records: Deferred("HTTP 503")), ignore_backoff=True)
    assert [base64.b64decode(str(letter["bytes"])) for letter in letters(spool)] == [b"first", b"second"]
    assert len(pending(spool)) == 2


def test_damage_that_was_buried_before_a_crash_is_buried_once(spool: Spool) -> None:
    """Lines whose dead letters were made, and whose segment was not rewritten any more, get no second ones."""
    [sent] = fill(spool, 1)
    sealed = spool.seal()
    assert sealed is not None
    damaged = sealed.read_bytes() + b"first\n" + b"second\n"
    for _ in range(2):
        sealed.write_bytes(damaged)  # as the crash left it
        drain(spool, FakeTransport(lambda _records: Deferred("HTTP 503")), ignore_backoff=True)
    assert [base64.b64decode(str(letter["bytes"])) for letter in letters(spool)] == [b"first", b"second"]
    assert pending(spool) == [sent]


BROKEN = Deferred("HTTP 500", server_error=True, status=500)


def segments(spool: Spool, *sizes: int) -> list[list[str]]:
    """Seal segments of so many records each, and return their ids."""
    ids = []
    for size in sizes:
        ids.append(fill(spool, size))
        spool.seal()
    return ids


def choking(*bad: str) -> FakeTransport:
    """An endpoint that answers 500 to a request with one of these records, as ClickHouse does to a wrong type."""
    return FakeTransport(lambda records: BROKEN if set(bad) & {record.id for record in records} else Delivered())


def drain_often(spool: Spool, endpoint: FakeTransport, times: int) -> Summary:
    """Drain so many times, whatever the backoff says, and return the last summary."""
    return [drain(spool, endpoint, ignore_backoff=True) for _ in range(times)][-1]


@pytest.mark.parametrize("size", [1, 2, 50])
@pytest.mark.parametrize("number", [0, -1])
def test_a_poisoned_segment_does_not_block_the_spool(spool: Spool, size: int, number: int) -> None:
    """A record that makes the endpoint fail is found and buried with its status; everything else is delivered."""
    first, second, third = segments(spool, size, 3, 3)
    endpoint = choking(first[number])
    assert drain_often(spool, endpoint, 2).delivered == 0, "it may be the endpoint, so far"
    assert drain_often(spool, endpoint, 1).failure is None
    assert sorted([*endpoint.taken, first[number]]) == sorted([*first, *second, *third])
    [letter] = letters(spool)
    assert (letter["status"], letter["detail"]) == (500, "HTTP 500")


def test_a_bad_sector_behind_a_poisoned_segment_ends_no_drain(spool: Spool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the segment that is offered instead cannot be read, the drain tells it, and the next has another."""
    first, *others = segments(spool, 2, 1, 1)
    endpoint = choking(first[0])
    drain_often(spool, endpoint, 2)
    break_disk(monkeypatch, spool.sealed()[1], errno.EIO)
    summary = drain(spool, endpoint, ignore_backoff=True)
    assert (summary.delivered, summary.stuck, summary.failure) == (0, "Input/output error", BROKEN)
    drain(spool, endpoint, ignore_backoff=True)
    assert sorted(endpoint.taken) == [first[1], *others[1]]
    assert len(letters(spool)) == 1


@pytest.mark.parametrize("number", range(10))
def test_a_drain_can_be_stopped_before_any_request(spool: Spool, number: int) -> None:
    """Wherever a drain is stopped, what is delivered or buried is not pending, and all else is: nothing comes twice."""
    expected = list(chain.from_iterable(segments(spool, 2, 2, 1)))
    endpoint = choking(expected[0])
    drain_often(spool, endpoint, 2)
    answers = iter([True] * number)
    done = drain(spool, endpoint, ignore_backoff=True, may_send=lambda: next(answers, False))
    assert (done.requests, done.stopped) == (min(number, 7), number < 7)
    buried = [str(record.id) for letter in dead_letters(spool) if (record := letter.record)]
    assert sorted([*endpoint.taken, *buried, *pending(spool)]) == expected
    drain_often(spool, endpoint, 5)
    assert sorted([*endpoint.taken, expected[0]]) == expected
    assert len(letters(spool)) == 1


def test_a_head_that_vanishes_has_nothing_sent_twice(spool: Spool) -> None:
    """A poisoned segment that somebody removes while another one is offered instead does not make that one go twice."""
    first, *others = segments(spool, 2, 3, 3)
    head = spool.sealed()[0]

    def answer(records: Sequence[Record]) -> Outcome:
        if records[0].id == first[0]:
            return BROKEN
        head.unlink(missing_ok=True)
        return Delivered()

    endpoint = FakeTransport(answer)
    drain_often(spool, endpoint, 3)
    assert endpoint.taken == list(chain.from_iterable(others))
    assert pending(spool) == []


def test_a_dead_endpoint_blames_nobody(spool: Spool) -> None:
    """However often an endpoint fails over everything, nothing is buried, and a drain sends two requests at most."""
    expected = list(chain.from_iterable(segments(spool, 5, 5, 5)))
    endpoint = FakeTransport(lambda _records: BROKEN)
    for _ in range(12):
        before = len(endpoint.requests)
        drain_often(spool, endpoint, 1)
        assert len(endpoint.requests) - before <= 2
    assert (pending(spool), letters(spool)) == (expected, [])


def test_an_endpoint_that_dies_while_a_segment_is_taken_apart_blames_nobody(spool: Spool) -> None:
    """Where nothing is taken any more after a record failed alone, it is not buried: the endpoint may be down."""
    first, second, third = segments(spool, 8, 3, 3)
    endpoint = choking(*first)
    drain_often(spool, endpoint, 2)
    poisoned = endpoint.answer
    endpoint.answer = lambda records: BROKEN if len(endpoint.delivered) == len(second) else poisoned(records)
    assert drain_often(spool, endpoint, 1).failure == BROKEN
    assert (endpoint.taken, letters(spool)) == (second, [])
    assert pending(spool) == [*first, *third]


def test_an_endpoint_that_is_down_for_a_moment_blames_nobody(spool: Spool) -> None:
    """Records over which an endpoint failed while it was restarted are asked about again, and delivered."""
    first, second, third = segments(spool, 8, 3, 3)
    endpoint = choking(*first)
    drain_often(spool, endpoint, 2)
    asked = len(endpoint.requests)
    restart = range(asked + 3, asked + 10)  # behind the head, and the segment that is offered
    poisoned = endpoint.answer
    endpoint.answer = lambda records: (
        poisoned(records) if len(endpoint.requests) < restart.start
        else BROKEN if len(endpoint.requests) in restart else Delivered()
    )  # fmt: skip
    assert drain_often(spool, endpoint, 1).failure is None
    assert len(endpoint.requests) >= restart.stop
    assert (sorted(endpoint.taken), letters(spool)) == (sorted([*first, *second, *third]), [])


@pytest.mark.parametrize("seed", range(5))
def test_an_endpoint_that_fails_at_random_loses_nothing(spool: Spool, seed: int) -> None:
    """From an endpoint that fails now and then at anything, all arrives in the end, or lies among the dead letters."""
    expected = list(chain.from_iterable(segments(spool, 7, 1, 9, 2, 4)))
    dice = random.Random(seed)
    endpoint = FakeTransport(lambda _records: BROKEN if dice.random() < 0.5 else Delivered())
    for _ in range(60):
        drain_often(spool, endpoint, 1)
    buried = [record.id for letter in dead_letters(spool) if (record := letter.record)]
    assert sorted({*endpoint.taken, *buried}) == expected
    assert pending(spool) == []


def test_a_segment_that_is_all_poison_does_not_block_what_lies_behind_it(spool: Spool) -> None:
    """Behind a segment that the endpoint fails over in all its parts, everything is delivered, in few requests."""
    first, second, third = segments(spool, 300, 3, 3)
    endpoint = choking(*first)
    drain_often(spool, endpoint, 3)
    assert len(endpoint.requests) < 30
    assert endpoint.taken == [*second, *third]
    assert len(pending(spool)) + len(letters(spool)) == len(first)


def test_two_poisoned_segments_do_not_vouch_for_each_other(spool: Spool) -> None:
    """Where what is offered in place of the head makes the endpoint fail as well, the next drain offers another one."""
    first, second, third = segments(spool, 2, 2, 2)
    endpoint = choking(*first, *second)
    drain_often(spool, endpoint, 4)
    assert endpoint.taken == third


def test_poisoned_records_among_good_ones_are_all_found_at_once(spool: Spool) -> None:
    """However many records the endpoint fails over, one drain finds them all where it takes those in between."""
    first, second = segments(spool, 100, 3)
    poisoned = first[::10]
    endpoint = choking(*poisoned)
    drain_often(spool, endpoint, 3)
    assert [letter.name for letter in dead_letters(spool)] == poisoned
    assert sorted([*endpoint.taken, *poisoned]) == [*first, *second]
    assert pending(spool) == []


def test_a_record_that_only_travels_alone(spool: Spool) -> None:
    """A transport that carries one record a request gets each record once, oldest first, and blocks on none."""
    expected = fill(spool, 5)
    refused = expected[2]
    endpoint = FakeTransport(
        lambda records: Refused("HTTP 400", 400) if records[0].id == refused else Delivered(), alone=True
    )
    summary = drain(spool, endpoint)
    assert (summary.delivered, summary.buried, summary.requests) == (4, 1, 5)
    assert endpoint.requests == [[record_id] for record_id in expected]


def test_a_server_that_asked_to_wait_is_overruled_by_force_alone(spool: Spool) -> None:
    """The server's wish binds a flush, unless it is forced."""
    fill(spool, 1)
    endpoint = FakeTransport(lambda _records: Deferred("HTTP 429", retry_after=3600.0))
    drain(spool, endpoint)
    assert drain(spool, endpoint, ignore_backoff=True).wait
    assert drain(spool, endpoint, force=True).requests == 1


def test_the_next_segment_is_announced_while_one_is_sent(spool: Spool) -> None:
    """While a segment is under way the transport hears which one comes next, and of no other, so that it gets ready."""
    first, second, third = segments(spool, 2, 2, 2)
    announced: SimpleQueue[list[str]] = SimpleQueue()
    seen: list[list[str]] = []

    def send(_records: object) -> Outcome:
        while len(seen) < min(len(endpoint.requests) + 1, 3):
            seen.append(announced.get(timeout=60))
        assert announced.empty()
        return Delivered()

    endpoint = FakeTransport(send)
    endpoint.prepare = lambda records: announced.put([record.id for record in records])  # type: ignore[method-assign]
    drain(spool, endpoint)
    assert endpoint.requests == seen == [first, second, third]


def test_a_drain_while_python_ends(spool: Spool) -> None:
    """A program may drain in an exit handler, when Python's executors are of no use any more: all is delivered."""
    segments(spool, 2, 2, 2)
    program = """
import atexit, pathlib, sys
from spool import Delivered, Spool, Transport, drain

class Printing(Transport):
    def send(self, records):
        print(len(records))
        return Delivered()

atexit.register(lambda: drain(Spool(pathlib.Path(sys.argv[1]), source="test"), Printing()))
"""
    done = subprocess.run(
        [sys.executable, "-c", program, spool.layout.root], capture_output=True, text=True, check=True, timeout=60
    )
    assert (done.stdout.split(), done.stderr) == (["2", "2", "2"], "")
    assert spool.sealed() == []


def test_a_disk_that_fails_while_reading_ahead_says_so(spool: Spool, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the disk says to the thread that reads ahead, the drain says; what was read before is delivered."""
    segments(spool, 2, 2, 2)
    endpoint = FakeTransport()
    third = spool.sealed()[2]
    break_disk(monkeypatch, third, errno.EMFILE)
    with pytest.raises(UnavailableError, match="Too many open files"):
        drain(spool, endpoint)
    assert spool.sealed() == [third]


def break_disk(monkeypatch: pytest.MonkeyPatch, path: Path, error: int) -> None:
    """Have the disk say this instead of what is in a file."""
    inode, read = path.stat().st_ino, os.read

    def failing(descriptor: int, number: int) -> bytes:
        if os.fstat(descriptor).st_ino == inode:
            raise OSError(error, os.strerror(error))
        return read(descriptor, number)

    monkeypatch.setattr(os, "read", failing)


@pytest.mark.parametrize("number", range(3))
def test_a_segment_on_a_bad_sector_keeps_no_other(spool: Spool, monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    """A file that the disk does not give stays where it is: the others are delivered, and the drain says why."""
    expected = segments(spool, 2, 2, 2)
    bad = spool.sealed()[number]
    expected.pop(number)
    break_disk(monkeypatch, bad, errno.EIO)
    endpoint = FakeTransport()
    summary = drain(spool, endpoint)
    assert (endpoint.taken, summary.stuck) == (list(chain.from_iterable(expected)), "Input/output error")
    assert spool.sealed() == [bad]


def test_a_segment_on_a_bad_sector_stops_no_bound_and_no_purge(
    spool: Spool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What lies around a file that the disk does not give is held to the bounds, exported and purged all the same."""
    spool = Spool(tmp_path / "bounded", source="test", bounds=Bounds(octets=600_000))
    segments(spool, 1)
    [bad] = spool.sealed()
    break_disk(monkeypatch, bad, errno.EIO)
    for _ in range(3):
        for number in range(90):
            spool.append({"number": number, "filler": "x" * 10_000}, event_type="t")
        assert sum(path.stat().st_size for path in spool.sealed()) <= 600_000
    exported = export_bundle(spool, tmp_path / "bundle", keep=True).records
    assert exported > 20
    assert bad.exists()
    assert count_pending(spool, datetime.now(UTC)).foreign == 1
    assert [segment.path for segment in spool.segments() if segment.unreadable] == [bad]
    announced = purgeable(spool)
    receipt = purge(spool)
    assert announced == receipt
    assert (receipt.records, receipt.corrupt) == (exported, 1)
    assert not bad.exists()


def test_a_dead_letter_on_a_bad_sector_keeps_no_other(
    spool: Spool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the disk does not give one dead letter, the others are listed, requeued, imported beside, and dropped."""
    expected = list(chain.from_iterable(segments(spool, 3)))
    drain(spool, FakeTransport(lambda _records: Refused("HTTP 400", 400)))
    bad, *_ = sorted(spool.layout.dead.iterdir())
    break_disk(monkeypatch, bad, errno.EIO)
    assert [letter.name for letter in dead_letters(spool)] == expected[1:]
    assert count_dead(spool) == 3
    announced = droppable_dead(spool)
    assert (announced.records, announced.corrupt) == (2, 1)
    assert requeue_all(spool) == 2
    export_bundle(spool, tmp_path / "bundle", keep=True)
    assert import_bundle(spool, tmp_path / "bundle").skipped == 2
    assert (drop_dead(spool).corrupt, count_dead(spool)) == (1, 0)


def test_the_newest_are_listed_past_a_bad_sector(spool: Spool, monkeypatch: pytest.MonkeyPatch) -> None:
    """A look from the end goes on behind a file that the disk does not give, as one from the beginning does."""
    first, _, last = (each for [each] in segments(spool, 1, 1, 1))
    break_disk(monkeypatch, spool.sealed()[1], errno.EIO)
    assert [record.id for record in newest_first(spool)] == [last, first]
    assert pending(spool) == [first, last]


@pytest.mark.parametrize("act", [purge, lambda spool: export_bundle(spool, spool.layout.root.parent / "bundle")])
def test_an_append_that_is_stopped_is_told(
    spool: Spool, monkeypatch: pytest.MonkeyPatch, act: Callable[[Spool], object]
) -> None:
    """What lies behind a program that was stopped in an append cannot be purged or exported, and nobody says it was."""
    monkeypatch.setattr("spool.spool._SEAL_PATIENCE", 0.05)
    [sealed], [behind] = segments(spool, 1), fill(spool, 1)
    with Lock(spool.layout.append_lock, Disk()).held(), pytest.raises(BusyError, match="in the middle of an append"):
        act(spool)
    assert behind in pending(spool)
    left = [record_id for record_id in sealed if record_id in pending(spool)]
    endpoint = FakeTransport()
    with Lock(spool.layout.append_lock, Disk()).held():
        if left:
            assert "in the middle of an append" in str(drain(spool, endpoint).stuck)
        else:
            with pytest.raises(UnavailableError, match="in the middle of an append"):
                drain(spool, endpoint)
    assert (endpoint.taken, pending(spool)) == (left, [behind])


@pytest.mark.parametrize("ahead", [None, timedelta(days=400)], ids=["", "behind one from a clock that was ahead"])
def test_failures_leave_two_files_and_not_a_hundred(spool: Spool, ahead: timedelta | None) -> None:
    """Where each flush fails over the oldest segment, what is recorded goes on in the active one."""
    down = FakeTransport(lambda _records: Deferred("no connection"))
    expected = []
    if ahead is not None:
        clock, spool.clock = spool.clock, lambda: time.time_ns() + ahead // timedelta(microseconds=1) * 1000
        expected.append(spool.append({"number": -1}, event_type="t"))
        spool.seal()
        spool.clock = clock
    for number in range(100):
        expected.append(spool.append({"number": number}, event_type="t"))
        drain(spool, down, force=True)
    assert len(spool.sealed()) <= 2 + (ahead is not None)
    endpoint = FakeTransport()
    drain(spool, endpoint, force=True)
    assert (sorted(endpoint.taken), pending(spool)) == (sorted(expected), [])
    assert len(endpoint.requests) <= 3 + (ahead is not None)


@pytest.mark.parametrize("error", [errno.ENOSPC, errno.EIO])
def test_a_file_that_cannot_be_divided_keeps_nothing_behind_it(
    spool: Spool, monkeypatch: pytest.MonkeyPatch, error: int
) -> None:
    """Where a damaged file is too large to be held, and there is no room to divide it, all others are delivered."""
    expected = segments(spool, 1, 1, 1)
    damaged = spool.sealed()[0]
    damaged.write_bytes(damaged.read_bytes() + b"x" * 70_000 * 16)
    publish = Disk.publish

    def failing(self: Disk, data: bytes, temporary: Path, target: Path) -> None:
        if len(data) > 500:
            raise OSError(error, os.strerror(error))
        publish(self, data, temporary, target)

    monkeypatch.setattr(Disk, "publish", failing)
    endpoint = FakeTransport()
    summary = drain(spool, endpoint)
    assert (endpoint.taken, summary.stuck) == (list(chain.from_iterable(expected[1:])), os.strerror(error))
    assert spool.sealed() == [damaged]


def test_a_file_that_cannot_be_removed_is_not_sent_in_parts_again_and_again(
    spool: Spool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where a file that damage made too large may not be removed, no drain leaves parts of it, and others are sent."""
    [[_], behind] = segments(spool, 1, 1)
    damaged = spool.sealed()[0]
    damaged.write_bytes(damaged.read_bytes() + b"x" * 70_000 * 16)
    unlink = Disk.unlink

    def held(self: Disk, path: Path) -> None:
        if path == damaged:
            raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))
        unlink(self, path)

    monkeypatch.setattr(Disk, "unlink", held)
    endpoint = FakeTransport()
    assert drain(spool, endpoint).stuck == os.strerror(errno.EPERM)
    with pytest.raises(UnavailableError, match=os.strerror(errno.EPERM)):
        drain(spool, endpoint)
    assert endpoint.taken == behind
    assert spool.sealed() == [damaged]


def test_a_failure_is_told_before_another_segment_is_offered(spool: Spool) -> None:
    """A flush that is ended while the endpoint hangs over what it is offered instead leaves the next one a pause."""
    segments(spool, 1, 1)
    down = FakeTransport(lambda _records: Deferred("no answer in time", server_error=True))
    drain_often(spool, down, 2)
    attempts = []

    def watch(_records: Sequence[Record]) -> Outcome:
        attempts.append(load(spool.layout.schedule).attempts)
        return Deferred("no answer in time", server_error=True)

    drain(spool, FakeTransport(watch), ignore_backoff=True)
    assert attempts == [2, 3]
    assert load(spool.layout.schedule).attempts == 3


@pytest.mark.parametrize("alone", [True, False])
def test_on_a_full_disk_nothing_is_sent_twice(spool: Spool, monkeypatch: pytest.MonkeyPatch, alone: bool) -> None:
    """Where a segment cannot be rewritten, the rest of it goes as well, and then the whole file does."""
    expected = list(chain.from_iterable(segments(spool, 5, 5)))

    def full(_disk: Disk, _data: bytes, _temporary: Path, _target: Path) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def few(records: Sequence[Record]) -> Outcome:
        return Refused("HTTP 413", 413) if len(records) > 2 else Delivered()

    monkeypatch.setattr(Disk, "publish", full)
    endpoint = FakeTransport(few, alone=alone)
    summary = drain(spool, endpoint)
    assert (summary.delivered, summary.stuck, summary.failure) == (10, None, None)
    assert (endpoint.taken, pending(spool)) == (expected, [])


def test_a_wish_to_wait_over_what_is_offered_is_kept(spool: Spool) -> None:
    """An endpoint that fails over the head, and asks to wait over what is offered instead, is left alone as asked."""
    first, _ = segments(spool, 1, 1)

    def answer(records: Sequence[Record]) -> Outcome:
        failed = Deferred("HTTP 500", server_error=True)
        return failed if first[0] in {each.id for each in records} else Deferred("HTTP 429", retry_after=3600)

    endpoint = FakeTransport(answer)
    drain_often(spool, endpoint, 3)
    asked = len(endpoint.requests)
    wait = drain(spool, endpoint, ignore_backoff=True).wait
    assert wait is not None
    assert wait >= timedelta(seconds=3590)
    assert len(endpoint.requests) == asked


def test_the_wish_to_wait_outlives_a_full_disk(spool: Spool, monkeypatch: pytest.MonkeyPatch) -> None:
    """An endpoint that asked to wait is left alone by the next drain, though the disk had no room in this one."""
    segments(spool, 1, 1)
    answers = iter([Refused("HTTP 400", 400), Deferred("HTTP 429", retry_after=3600)])
    publish = Disk.publish

    def full(self: Disk, data: bytes, temporary: Path, target: Path) -> None:
        if target.parent.name == "dead":
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        publish(self, data, temporary, target)

    monkeypatch.setattr(Disk, "publish", full)
    summary = drain(spool, FakeTransport(lambda _records: next(answers)))
    assert summary.failure is not None
    assert (summary.failure.reason, summary.stuck) == ("HTTP 429", "No space left on device")
    endpoint = FakeTransport()
    wait = drain(spool, endpoint, ignore_backoff=True).wait
    assert wait is not None
    assert timedelta(seconds=3590) < wait
    assert endpoint.requests == []


@pytest.mark.parametrize("size", [1, 2])
@pytest.mark.parametrize("away", [Deferred("no connection"), Deferred("HTTP 429", retry_after=3600)])
def test_an_endpoint_that_goes_away_while_one_is_suspected_blames_nobody(
    spool: Spool, away: Deferred, size: int
) -> None:
    """A record that is asked about once more, and meets no answer or a wish to wait, is not buried: the drain ends."""
    first, second, third = segments(spool, size, 3, 3)
    endpoint = choking(first[0])
    drain_often(spool, endpoint, 2)
    poisoned = endpoint.answer
    answers = iter([away])  # whatever it would take behind that
    endpoint.answer = lambda records: (
        next(answers, Delivered()) if len(endpoint.delivered) >= len(second) + size - 1 else poisoned(records)
    )
    assert drain_often(spool, endpoint, 1).failure == away
    assert (endpoint.taken, letters(spool)) == ([*second, *first[1:]], [])
    assert pending(spool) == [first[0], *third]
    assert (load(spool.layout.schedule).retry_after is None) == (away.retry_after is None)


def test_what_is_offered_in_place_of_the_head_is_divided(spool: Spool) -> None:
    """A file that damage made too large is offered instead of a stubborn one in parts, too: no request is as large."""
    first, second, _ = segments(spool, 1, 1, 1)
    endpoint = choking(first[0], second[0])
    drain_often(spool, endpoint, 3)
    huge = spool.sealed()[2]
    line = huge.read_bytes()
    with huge.open("ab") as file:
        for number in range(1500):
            file.write(line.replace(b"\n", b" \n" if number % 2 else b"\n") * 20)
    drain_often(spool, endpoint, 3)
    assert len(endpoint.delivered) > 10_000
    assert max(len(request) for request in endpoint.requests) < 5_000


def test_who_asks_to_wait_has_not_failed_over_anything(spool: Spool) -> None:
    """Whatever else a transport says of a failure: where the endpoint asks to wait, no record is looked for."""
    expected = list(chain.from_iterable(segments(spool, 2, 2)))
    busy = Deferred("HTTP 503", retry_after=1.0, server_error=True)
    endpoint = FakeTransport(lambda records: busy if records[0].id == expected[0] else Delivered())
    for _ in range(6):
        drain(spool, endpoint, force=True)
    assert (pending(spool), letters(spool)) == (expected, [])


def test_a_gap_that_is_offered_in_place_of_the_head_ends_what_it_stands_for(spool: Spool) -> None:
    """A crash that left files behind the gap which counts them: once that gap is delivered, they are gone, always."""
    first, second = segments(spool, 1, 1)
    letter = spool.layout.dead_letter(second[0])
    letter.write_bytes(b"counted by the gap\n")
    account = {"dropped": {"dead": 1}, "from": None, "to": None, "files": [f"dead/{letter.name}"]}
    gap = spool.append(account, event_type=bounds.GAP_TYPE)
    path = spool.seal()
    assert path is not None
    path.rename(spool.layout.segment(gap))
    spool.sealed()[1].unlink()
    drain_often(spool, choking(first[0]), 3)
    assert not letter.exists()


def keep_counted(spool: Spool, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> str:
    """Have a gap count the oldest segment, which nobody can remove. Returns the gap's id."""
    stuck = spool.sealed()[0]
    clock.advance(-1000)
    account = {"dropped": {"size": 1}, "from": None, "to": None, "files": [f"pending/{stuck.name}"]}
    gap = spool.append(account, event_type=bounds.GAP_TYPE)
    clock.advance(1000)
    path = spool.seal()
    assert path is not None
    path.rename(spool.layout.segment(gap))
    unlink = Disk.unlink

    def refusing(self: Disk, path: Path) -> None:
        if path == stuck:
            raise OSError(errno.EPERM, os.strerror(errno.EPERM))
        unlink(self, path)

    monkeypatch.setattr(Disk, "unlink", refusing)
    return gap


def test_what_a_gap_counts_and_nobody_can_remove_is_not_sent(
    spool: Spool, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a file that a gap counts, and that cannot be removed, nothing is sent; all others are delivered."""
    first, second = segments(spool, 1, 1)
    gap = keep_counted(spool, clock, monkeypatch)
    endpoint = FakeTransport()
    summary = drain(spool, endpoint)
    assert (endpoint.taken, summary.stuck) == (second, "Operation not permitted")
    monkeypatch.undo()
    drain(spool, endpoint, force=True)
    assert sorted(endpoint.taken) == sorted([*second, gap])
    assert first[0] not in endpoint.taken


def test_an_endpoint_with_a_limit_blames_nobody(spool: Spool) -> None:
    """Where a part of a segment is taken each time before the endpoint fails, no record of it is to blame."""
    expected = fill(spool, 40)
    tokens = 3.0

    def answer(_records: Sequence[Record]) -> Outcome:
        nonlocal tokens
        tokens = min(3.0, tokens + 0.3)  # there are more while requests go by
        if tokens < 1:
            return BROKEN
        tokens -= 1
        return Delivered()

    endpoint = FakeTransport(answer)
    endpoint.alone = True
    for _ in range(20):
        tokens = 3.0
        drain_often(spool, endpoint, 1)
    assert (sorted(endpoint.taken), letters(spool)) == (expected, [])


def test_what_a_gap_counts_is_not_offered_in_place_of_the_head(
    spool: Spool, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file that a gap counts, and that nobody can remove, is not what a drain tries instead of a stubborn one."""
    first, second, _ = segments(spool, 1, 1, 1)
    keep_counted(spool, clock, monkeypatch)
    endpoint = choking(second[0])
    for _ in range(6):
        with suppress(UnavailableError):  # nothing but that file is left
            drain_often(spool, endpoint, 1)
    assert first[0] not in endpoint.taken


def test_a_poisoned_segment_from_the_future_is_taken_apart(spool: Spool, clock: Clock) -> None:
    """A segment behind all others, as a wrong clock has named it, is searched for what the endpoint chokes on, too."""
    clock.advance(10**8)
    [poisoned] = segments(spool, 3)
    clock.advance(-(10**8))
    endpoint = choking(poisoned[1])
    for _ in range(6):
        segments(spool, 1)
        drain_often(spool, endpoint, 1)
    assert [letter.name for letter in dead_letters(spool)] == [poisoned[1]]
    assert pending(spool) == []


def test_a_spool_that_was_moved_away_lends_its_lock_to_nobody(spool: Spool) -> None:
    """In a program that lives on, a drain of a new spool in the same place keeps all others out of that one."""
    fill(spool, 1)
    drain(spool, FakeTransport())
    spool.layout.root.rename(spool.layout.root.with_name("old"))
    fill(spool, 1)
    others: list[Summary] = []

    def answer(_records: Sequence[Record]) -> Outcome:
        others.append(drain(Spool(spool.layout.root, source="test"), FakeTransport()))
        return Delivered()

    assert drain(spool, FakeTransport(answer)).delivered == 1
    assert [other.busy for other in others] == [True]


def test_what_a_transport_says_at_length(spool: Spool) -> None:
    """Of a reason without an end the beginning is kept: the pause behind it holds, and a dead letter can be read."""
    [expected] = fill(spool, 1)
    endpoint = FakeTransport(lambda _records: Deferred("x" * 100_000))
    drain(spool, endpoint, jitter=lambda _low, high: high)
    assert drain(spool, endpoint).wait
    assert len(endpoint.requests) == 1
    drain(spool, FakeTransport(lambda _records: Refused("y" * 2_000_000, 400)), ignore_backoff=True)
    assert [letter.name for letter in dead_letters(spool)] == [expected]
    assert requeue(spool, expected)


def test_damage_in_a_file_with_a_long_name(spool: Spool) -> None:
    """A file whose name leaves no room for a longer one is buried with its bytes like any other, and blocks nothing."""
    [expected] = fill(spool, 1)
    (spool.layout.pending / f"{'0' * 248}.ndjson").write_bytes(b"garbage\n")
    endpoint = FakeTransport()
    assert drain(spool, endpoint).buried == 1
    assert endpoint.taken == [expected]
    assert base64.b64decode(str(letters(spool)[0]["bytes"])) == b"garbage"


@pytest.mark.parametrize("name", ["a\0b", "\ud800", "../x", "x" * 300])
def test_no_dead_letter_has_such_a_name(spool: Spool, name: str) -> None:
    """A name that no file can have is one of a dead letter that is not there."""
    fill(spool, 1)
    assert not requeue(spool, name)
    assert read_dead_letter(spool, name) == []


def test_a_suspect_that_is_refused_by_name_when_it_is_asked_about_is_buried(spool: Spool) -> None:
    """A record over which the endpoint failed, and which it then names as rejected, is a dead letter, not delivered."""
    first, second, third = segments(spool, 2, 3, 3)
    asked = iter([BROKEN, Delivered({first[0]: "wrong type"})])  # alone: at first, and when it is suspected

    def answer(records: Sequence[Record]) -> Outcome:
        if records[0].id != first[0]:
            return Delivered()
        return BROKEN if len(records) > 1 else next(asked)

    endpoint = FakeTransport(answer)
    summary = drain_often(spool, endpoint, 3)
    assert (summary.delivered, summary.buried) == (len([first[1], *second, *third]), 1)
    assert [letter.name for letter in dead_letters(spool)] == [first[0]]
    assert pending(spool) == []


@pytest.mark.parametrize("number", [0, 500, -1])
def test_one_poisoned_record_in_a_full_segment_is_found_by_one_drain(spool: Spool, number: int) -> None:
    """Wherever it lies among a thousand, the record is found by one drain, and all others are delivered by it."""
    first, second, third = segments(spool, 1000, 3, 3)
    assert len(spool.sealed()) == 3
    endpoint = choking(first[number])
    drain_often(spool, endpoint, 3)
    assert [letter.name for letter in dead_letters(spool)] == [first[number]]
    assert sorted([*endpoint.taken, first[number]]) == [*first, *second, *third]
    assert pending(spool) == []


@pytest.mark.parametrize("error", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EACCES])
def test_a_dead_letter_without_room_ends_no_drain(spool: Spool, monkeypatch: pytest.MonkeyPatch, error: int) -> None:
    """Whichever limit it is (disk, quota, size of files), what needs no room behind the refused is delivered."""
    first, second = segments(spool, 1, 2)
    publish = Disk.publish

    def full(self: Disk, data: bytes, temporary: Path, target: Path) -> None:
        if target.parent.name == "dead":
            raise OSError(error, os.strerror(error))
        publish(self, data, temporary, target)

    monkeypatch.setattr(Disk, "publish", full)
    endpoint = FakeTransport(lambda records: Refused("HTTP 400", 400) if records[0].id == first[0] else Delivered())
    summary = drain(spool, endpoint)
    assert (endpoint.taken, summary.stuck) == (second, os.strerror(error))
    assert pending(spool) == first


def test_a_failure_is_kept_whatever_the_disk_says_afterwards(spool: Spool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the drain ends with an error of the disk, the next one waits, and counts, as after any other failure."""
    segments(spool, 1, 1)
    endpoint = FakeTransport(lambda _records: BROKEN)
    drain_often(spool, endpoint, 2)
    break_disk(monkeypatch, spool.sealed()[1], errno.EMFILE)
    with pytest.raises(UnavailableError, match="Too many open files"):
        drain(spool, endpoint, ignore_backoff=True)
    schedule = load(spool.layout.schedule)
    assert (schedule.attempts, schedule.head_failures, schedule.last_error) == (3, 3, "HTTP 500")


def test_an_endpoint_that_asks_to_wait_is_offered_nothing_else(spool: Spool) -> None:
    """However often it has failed over the head: one that then wants to be left alone gets no further request."""
    expected = list(chain.from_iterable(segments(spool, 2, 3, 3)))
    endpoint = FakeTransport(lambda _records: BROKEN)
    drain_often(spool, endpoint, 2)
    endpoint.answer = lambda records: (
        Deferred("HTTP 429", retry_after=3600) if records[0].id == expected[0] else Delivered()
    )
    before = len(endpoint.requests)
    assert drain_often(spool, endpoint, 1).failure == Deferred("HTTP 429", retry_after=3600)
    assert len(endpoint.requests) - before == 1
    assert pending(spool) == expected


def test_an_endpoint_that_refuses_what_is_offered_vouches_for_nobody(spool: Spool) -> None:
    """Only what it takes shows that an endpoint is alive: one that fails over some and refuses others may be down."""
    first, second = segments(spool, 1, 1)
    endpoint = FakeTransport(lambda records: BROKEN if records[0].id == first[0] else Refused("HTTP 400", 400))
    assert drain_often(spool, endpoint, 5).failure == BROKEN
    assert [letter.name for letter in dead_letters(spool)] == second
    assert pending(spool) == first


def test_a_suspect_that_is_left_is_a_failure(spool: Spool) -> None:
    """While a record is suspected and pending still, the drain says so, and the next one waits as after any failure."""
    first, second = segments(spool, 2, 3)
    endpoint = choking(first[1])
    assert drain_often(spool, endpoint, 3).failure == BROKEN
    assert (endpoint.taken, letters(spool)) == ([*second, first[0]], [])
    assert pending(spool) == [first[1]]
    schedule = load(spool.layout.schedule)
    assert (schedule.attempts, schedule.last_error) == (1, "HTTP 500")


def test_a_dead_letter_on_a_bad_sector_stops_no_drain(spool: Spool, monkeypatch: pytest.MonkeyPatch) -> None:
    """A dead letter that the disk does not give is neither counted nor dropped, and those around it are bounded."""
    spool.bounds = Bounds(octets=4 * 1024)
    fill(spool, 3)
    drain(spool, FakeTransport(lambda _records: Refused("HTTP 400", 400)))
    bad, *_ = sorted(spool.layout.dead.iterdir())
    break_disk(monkeypatch, bad, errno.EIO)
    fill(spool, 3)
    summary = drain(spool, FakeTransport(lambda _records: Refused("HTTP 400", 400)))
    assert (summary.buried, summary.stuck) == (3, None)
    assert bad.exists()
    assert count_pending(spool, spool.now()).gaps["dead"] > 0


def test_a_segment_on_a_bad_sector_stops_no_requeue(spool: Spool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Dead letters become pending again, though among what is pending there is a file that the disk does not give."""
    [refused] = fill(spool, 1)
    drain(spool, FakeTransport(lambda _records: Refused("HTTP 400", 400)))
    segments(spool, 1)
    break_disk(monkeypatch, spool.sealed()[0], errno.EIO)
    assert requeue(spool, refused)
    assert (refused in pending(spool), letters(spool)) == (True, [])


def test_an_export_leaves_what_the_disk_does_not_give(
    spool: Spool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A segment on a bad sector is not in the bundle, so it stays in the spool, though all others move."""
    segments(spool, 2, 2)
    bad = spool.sealed()[0]
    break_disk(monkeypatch, bad, errno.EIO)
    assert export_bundle(spool, tmp_path / "bundle").records == 2
    assert spool.sealed() == [bad]


def test_dead_letters_are_as_old_as_the_bound_allows(spool: Spool, clock: Clock) -> None:
    """A drain, though it buries nothing itself, drops dead letters that are older than the spool is told to keep."""
    spool.bounds = Bounds(age=timedelta(days=1))
    fill(spool, 1)
    drain(spool, FakeTransport(lambda _records: Refused("HTTP 400", 400)))
    clock.advance(2 * 24 * 3600)
    fill(spool, 1)
    assert drain(spool, FakeTransport()) == Summary(delivered=1, requests=1)
    assert (letters(spool), count_pending(spool, spool.now()).gaps) == ([], {"dead": 1})
