"""
Places that no spool asks for: full, read-only, forbidden, without locks or inotify, odd in name, in another century.

The real thing where it can be had, and no trace of it on the machine: Linux keeps mounts, refused system calls and the
capabilities of root by thread. A test that changes them runs in a thread of its own, and the change ends with it.
"""

import ctypes
import errno
import fcntl
import inspect
import os
import platform
import resource
import shutil
import struct
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import ClassVar, TypeVar

import pytest
from transport import FakeTransport

from spool import (
    Deferred,
    Delivered,
    NoLocksError,
    Refused,
    Spool,
    UnavailableError,
    UnsafeError,
    drain,
)
from spool.bounds import Bounds
from spool.dead import letters, requeue
from spool.inspection import Pending, count_pending
from spool.purge import Purged, purge, purgeable

T = TypeVar("T")
KIB = 1024
REFUSED = Refused("HTTP 400", 400)
ROOT = hasattr(os, "geteuid") and os.geteuid() == 0
LIBC = ctypes.CDLL(None, use_errno=True)
CLONE_NEWNS = 0x00020000  # linux/sched.h
PR_SET_SECCOMP, PR_SET_NO_NEW_PRIVS, SECCOMP_MODE_FILTER = 22, 38, 2  # linux/prctl.h, linux/seccomp.h
CAPABILITIES = 0x20080522  # linux/capability.h: version 3
DAC_OVERRIDE, DAC_READ_SEARCH = 1 << 1, 1 << 2  # what lets root pass over permissions
CALLS = {  # the numbers of system calls
    "x86_64": {"flock": 73, "inotify_init": 253, "inotify_init1": 294},
    "aarch64": {"flock": 32, "inotify_init1": 26},
}


def refusing(record_id: str) -> FakeTransport:
    """An endpoint that takes everything but one record."""
    return FakeTransport(lambda records: REFUSED if record_id in {record.id for record in records} else Delivered())


def append(spool: Spool, size: int = 0) -> str:
    """Append an event."""
    return spool.append({"filler": "x" * size}, event_type="t")


def ids(spool: Spool) -> list[str]:
    """The ids of the pending records."""
    return [record.id for record in spool.records()]


def buried(spool: Spool) -> list[str]:
    """The ids of the dead letters."""
    return [letter.record.id for letter in letters(spool) if letter.record]


def counted(spool: Spool) -> Pending:
    """What is pending, counted at the time of the spool's clock."""
    return count_pending(spool, spool.now())


def unfinished(spool: Spool) -> list[Path]:
    """The files that should have become others."""
    return [path for path in spool.layout.root.rglob("*") if path.suffix == ".tmp"]


def refused(action: Callable[[], object]) -> str:
    """What an action says, in one line, that cannot be done."""
    with pytest.raises(UnavailableError) as caught:
        action()
    message = str(caught.value)
    assert message.splitlines() == [message]
    return message


def live(spool: Spool) -> None:
    """Lead a spool through all that it can do: no event is lost on the way, and none is met twice."""
    events = [append(spool, 10) for _ in range(3)]
    assert spool.seal() is not None
    events += [append(spool, 10) for _ in range(3)]
    assert ids(spool) == events
    pending = counted(spool)
    assert (pending.records, pending.corrupt, pending.foreign) == (6, 0, 0)
    assert pending.oldest is not None
    assert pending.newest is not None
    endpoint = refusing(events[1])
    summary = drain(spool, endpoint)
    assert (summary.delivered, summary.buried, summary.failure) == (5, 1, None)
    assert sorted(endpoint.taken) == sorted(events[:1] + events[2:])  # before 1970 no name of a segment tells its age
    assert ids(spool) == []
    assert buried(spool) == [events[1]]
    assert requeue(spool, events[1])
    assert ids(spool) == [events[1]]
    assert buried(spool) == []
    failing = FakeTransport(lambda _records: Deferred("HTTP 503"))
    assert drain(spool, failing, jitter=lambda _low, high: high).failure is not None
    endpoint = FakeTransport()
    assert drain(spool, endpoint).wait is not None
    assert drain(spool, endpoint, ignore_backoff=True).delivered == 1
    assert endpoint.taken == [events[1]]
    append(spool)
    assert purge(spool).records == 1
    assert ids(spool) == []
    assert unfinished(spool) == []


class Place:
    """A place that a thread can enter; whatever that changes ends with the thread, or with `leave`."""

    def __init__(self, top: Path) -> None:
        self.top = top

    def enter(self) -> None:
        """Change what this thread sees of the machine."""

    def leave(self) -> None:
        """Change back what a thread does not have for itself."""


def inside(*kinds: type[Place]) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Run a test once for each kind of `place`, in a thread that has entered it."""

    def decorate(test: Callable[..., None]) -> Callable[..., None]:
        @pytest.mark.parametrize("kind", kinds, ids=lambda kind: kind.__name__)
        def run(kind: type[Place], tmp_path: Path, **arguments: object) -> None:
            place = kind(tmp_path)
            try:
                with ThreadPoolExecutor(1) as thread:
                    thread.submit(place.enter).result()
                    thread.submit(test, place, **arguments).result()
            finally:
                place.leave()

        _place, *others = inspect.signature(test).parameters.values()
        own = [inspect.Parameter(name, inspect.Parameter.POSITIONAL_OR_KEYWORD) for name in ("kind", "tmp_path")]
        run.__name__, run.__doc__, run.__signature__ = test.__name__, test.__doc__, inspect.Signature([*own, *others])
        return run

    return decorate


class PrivateMounts(Place):
    """File systems that nobody else sees, and that are unmounted when the thread ends, even if it is killed."""

    def __init__(self, top: Path) -> None:
        if not ROOT or not sys.platform.startswith("linux"):
            pytest.skip("only root on Linux can mount a file system")
        super().__init__(top / "mounted")
        self.top.mkdir()

    def enter(self) -> None:
        if LIBC.unshare(CLONE_NEWNS):
            pytest.skip("only root with all of its capabilities can mount a file system")
        self.mount("--make-rprivate", "/")

    def mount(self, *arguments: str | Path) -> None:
        """Run `mount`."""
        subprocess.run(["mount", *arguments], check=True)


class Full(Place):
    """A place with room for a few events."""

    def exhaust(self) -> None:
        """Take the room that is left, so that no event fits any more."""
        raise NotImplementedError

    def relieve(self) -> None:
        """Make room."""
        raise NotImplementedError


class FullTmpfs(PrivateMounts, Full):
    """A file system in memory."""

    def enter(self) -> None:
        super().enter()
        self.mount("-t", "tmpfs", "-o", "size=1m,mode=700", "tmpfs", self.top)

    def exhaust(self) -> None:
        with (self.top / "ballast").open("ab", buffering=0) as ballast, suppress(OSError):
            while ballast.write(b"x" * KIB):
                pass

    def relieve(self) -> None:
        (self.top / "ballast").unlink()
        self.enlarge()

    def enlarge(self) -> None:
        """Add room, as the spool itself may have taken all that there was."""
        self.mount("-o", "remount,size=4m", self.top)


class FullExt4(FullTmpfs):
    """A file system on a disk, with a journal."""

    def __init__(self, top: Path) -> None:
        super().__init__(top)
        if not shutil.which("mkfs.ext4"):
            pytest.skip("mkfs.ext4 is not installed")
        self.image = top / "image"
        with self.image.open("wb") as image:
            image.truncate(4 * KIB * KIB)

    def enter(self) -> None:
        PrivateMounts.enter(self)
        subprocess.run(["mkfs.ext4", "-q", "-F", "-m", "0", self.image], check=True)
        self.mount("-o", "loop", self.image, self.top)
        (self.top / "reserve").write_bytes(b"x" * 1200 * KIB)

    def enlarge(self) -> None:
        (self.top / "reserve").unlink()


class Limited(Full):
    """A process whose files may not grow beyond a size, for those who cannot mount. Python ignores SIGXFSZ."""

    def __init__(self, top: Path) -> None:
        super().__init__(top)
        self._limits = resource.getrlimit(resource.RLIMIT_FSIZE)
        self._no_bytecode = sys.dont_write_bytecode

    def enter(self) -> None:
        sys.dont_write_bytecode = True  # Python 3.11 takes a write that was cut off for a whole one
        self.limit(100 * KIB)

    def leave(self) -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, self._limits)
        sys.dont_write_bytecode = self._no_bytecode

    def limit(self, size: int) -> None:
        """Let no file grow beyond this."""
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, self._limits[1]))

    def exhaust(self) -> None:
        self.limit(KIB // 2)  # the schedule fits, and no gap, dead letter or event with some filling

    def relieve(self) -> None:
        self.leave()


def fill(spool: Spool) -> list[str]:
    """Append events until not the smallest one is accepted, and return the ids of those that were."""
    accepted = []
    for _ in range(3):
        accepted += [append(spool, 10_000), append(spool, 10_000)]
        spool.seal()
    for size in (50_000, 5_000, 0):
        with suppress(UnavailableError):
            while True:
                accepted.append(append(spool, size))
    return accepted


@inside(FullTmpfs, FullExt4, Limited)
def test_a_full_place_refuses_events_and_keeps_those_it_took(place: Full) -> None:
    """Where nothing fits any more, an append says so in one line, and what was accepted can be read."""
    spool = Spool(place.top / "spool", source="test")
    accepted = fill(spool)
    place.exhaust()
    for size in (50_000, 500):
        assert f"cannot write to the spool in {spool.layout.root}: " in refused(lambda size=size: append(spool, size))
    assert ids(spool) == accepted
    pending = counted(spool)
    assert (pending.records, pending.corrupt, pending.foreign) == (len(accepted), 0, 0)
    assert unfinished(spool) == []


@inside(FullTmpfs, FullExt4, Limited)
def test_a_full_place_can_be_drained(place: Full) -> None:
    """A drain delivers everything from a place that stays full, each event once."""
    spool = Spool(place.top / "spool", source="test")
    accepted = fill(spool)
    place.exhaust()
    endpoint = FakeTransport()
    assert drain(spool, endpoint).delivered == len(accepted)
    assert endpoint.taken == accepted
    assert ids(spool) == []
    place.exhaust()  # somebody else takes the room
    refused(lambda: append(spool, 500))
    place.relieve()
    again = append(spool, 500)
    assert ids(spool) == [again]
    assert drain(spool, endpoint).delivered == 1


@inside(FullTmpfs, FullExt4, Limited)
def test_a_full_place_buries_nobody_alive(place: Full) -> None:
    """A refused record on a full disk is not lost between segment and dead letter, and buried when there is room."""
    spool = Spool(place.top / "spool", source="test")
    accepted = fill(spool)
    place.exhaust()
    bad = accepted[1]
    endpoint = refusing(bad)
    for _ in range(3):
        with suppress(UnavailableError):
            drain(spool, endpoint)
        assert set(accepted) == {*ids(spool), *buried(spool), *endpoint.taken}
        assert counted(spool).corrupt == 0
    place.relieve()
    drain(spool, endpoint)
    assert ids(spool) == []
    assert buried(spool) == [bad]
    assert set(endpoint.taken) == set(accepted) - {bad}


@inside(FullTmpfs, FullExt4, Limited)
def test_a_refused_record_blocks_no_full_place(place: Full) -> None:
    """A record that cannot be buried for want of room blocks nothing: what is behind it is delivered."""
    spool = Spool(place.top / "spool", source="test")
    accepted = fill(spool)
    place.exhaust()
    endpoint = refusing(accepted[0])
    for _ in range(3):
        with suppress(UnavailableError):
            drain(spool, endpoint)
    assert set(accepted[2:]) <= set(endpoint.taken)


@inside(FullTmpfs, FullExt4, Limited)
def test_a_full_place_keeps_the_servers_wish(place: Full) -> None:
    """Until the time that `Retry-After` named, nothing is sent from a full disk either."""
    spool = Spool(place.top / "spool", source="test")
    append(spool)
    assert drain(spool, FakeTransport()).delivered == 1  # as on most disks, before they become full
    accepted = fill(spool)
    place.exhaust()
    busy = FakeTransport(lambda _records: Deferred("HTTP 429", retry_after=3600.0))
    for _ in range(3):
        with suppress(UnavailableError):
            drain(spool, busy, ignore_backoff=True)
    assert ids(spool) == accepted
    assert len(busy.requests) == 1


@inside(FullTmpfs, FullExt4, Limited)
def test_a_full_place_takes_a_new_spool_later(place: Full) -> None:
    """The first append of all, on a full disk, says so in one line, and the next one works as soon as there is room."""
    place.exhaust()
    spool = Spool(place.top / "state" / "spool", source="test")
    refused(lambda: append(spool, 500))
    assert ids(spool) == []
    place.relieve()
    live(spool)


@inside(FullTmpfs, FullExt4, Limited)
def test_a_full_place_can_be_purged(place: Full) -> None:
    """A user can purge a spool on a full disk."""
    spool = Spool(place.top / "spool", source="test")
    accepted = fill(spool)
    place.exhaust()
    assert purge(spool).records == len(accepted)
    assert ids(spool) == []


@inside(FullTmpfs, FullExt4, Limited)
def test_a_full_place_drops_nothing_uncounted(place: Full) -> None:
    """Bounds that cannot write their gap drop nothing; with room, each event is pending or counted in a gap."""
    spool = Spool(place.top / "spool", source="test", bounds=Bounds(octets=30 * KIB))
    accepted = fill(Spool(spool.layout.root, source="test"))
    place.exhaust()
    refused(lambda: append(spool, 60_000))
    assert ids(spool) == accepted
    place.relieve()
    accepted += [append(spool, 60_000) for _ in range(6)]  # one of them fills a segment
    dropped = counted(spool).gaps["size"]
    left = [record.id for record in spool.records() if record.id in set(accepted)]
    assert dropped > 0
    assert left == accepted[dropped:]


@inside(FullTmpfs, FullExt4, Limited)
def test_a_full_place_requeues_nothing_half(place: Full) -> None:
    """A dead letter that does not fit into a full disk a second time stays dead, and is requeued when there is room."""
    spool = Spool(place.top / "spool", source="test")
    letter = append(spool, 9_000)
    assert drain(spool, FakeTransport(lambda _records: REFUSED)).buried == 1
    fill(spool)
    place.exhaust()
    refused(lambda: requeue(spool, letter))
    assert buried(spool) == [letter]
    assert letter not in ids(spool)
    assert unfinished(spool) == []
    place.relieve()
    assert requeue(spool, letter)
    assert letter in ids(spool)
    assert buried(spool) == []


@inside(Limited)
def test_not_a_byte_can_be_written(place: Limited) -> None:
    """Where not even the schedule can be written, drains deliver each event, and each once."""
    spool = Spool(place.top / "spool", source="test")
    accepted = fill(spool)
    drain(spool, FakeTransport(lambda _records: Deferred("HTTP 503")))
    place.limit(0)
    endpoint = FakeTransport()
    for _ in range(9):
        with suppress(UnavailableError):
            drain(spool, endpoint, ignore_backoff=True)
    assert endpoint.taken == accepted
    assert ids(spool) == []


@pytest.mark.parametrize("drained", [True, False], ids=["drained before", "never drained"])
@inside(FullTmpfs)
def test_no_file_can_be_made(place: FullTmpfs, drained: bool) -> None:
    """A file system with room in its files and for no other file, as many small ones leave it, can be drained."""
    spool = Spool(place.top / "spool", source="test")
    accepted = [append(spool) for _ in range(3)]
    spool.seal()
    accepted += [append(spool) for _ in range(3)]
    if drained:
        drain(spool, FakeTransport(lambda _records: Deferred("HTTP 503")))
        accepted.append(append(spool))
    used = os.statvfs(place.top)
    place.mount("-o", f"remount,nr_inodes={used.f_files - used.f_ffree}", place.top)
    with pytest.raises(OSError, match="No space"):
        (place.top / "another").touch()
    accepted.append(append(spool))  # needs none
    assert ids(spool) == accepted
    endpoint = FakeTransport()
    for _ in range(2):
        with suppress(UnavailableError):
            drain(spool, endpoint, ignore_backoff=True)
    assert endpoint.taken == accepted
    accepted.append(append(spool))
    assert ids(spool) == accepted[-1:]


class ReadOnly(PrivateMounts):
    """A directory that can be made read-only."""

    def freeze(self) -> None:
        """Let nobody write any more."""
        self.mount("--bind", self.top, self.top)
        self.mount("-o", "remount,bind,ro", self.top)

    def thaw(self) -> None:
        """Let everybody write again."""
        subprocess.run(["umount", self.top], check=True)


@inside(ReadOnly)
def test_a_read_only_place(place: ReadOnly) -> None:
    """In a read-only place appends, drains and all that would change it say so in one line, and looking works."""
    used = Spool(place.top / "spool", source="test")
    letter = append(used)
    assert drain(used, FakeTransport(lambda _records: REFUSED)).buried == 1
    accepted = [append(used), append(used)]
    used.seal()
    accepted.append(append(Spool(used.layout.root, source="test")))  # an open file could still be written to
    place.freeze()
    endpoint = FakeTransport()
    for spool in (used, Spool(used.layout.root, source="test")):
        for action in (
            lambda spool=spool: append(spool),
            lambda spool=spool: append(spool, 60_000),
            lambda spool=spool: spool.seal(),
            lambda spool=spool: drain(spool, endpoint),
            lambda spool=spool: purge(spool),
            lambda spool=spool: requeue(spool, letter),
        ):
            assert refused(action) == f"cannot write to the spool in {spool.layout.root}: Read-only file system"
        assert ids(spool) == accepted
        assert counted(spool).records == 3
        assert buried(spool) == [letter]
    assert endpoint.requests == []  # nothing is sent that could not be taken out
    assert "Read-only file system" in refused(lambda: append(Spool(place.top / "new", source="test")))
    assert ids(Spool(place.top / "new", source="test")) == []
    place.thaw()
    accepted.append(append(used))
    assert drain(used, endpoint).delivered == 4
    assert endpoint.taken == accepted


class Forbidden(Place):
    """A place where permissions bind: root gives up what lets it pass over them, and is their owner like any other."""

    def __init__(self, top: Path) -> None:
        super().__init__(top)
        self.spool = Spool(top / "parent" / "spool", source="test")
        self._changed: list[Path] = []

    def enter(self) -> None:
        if ROOT:
            if not sys.platform.startswith("linux"):
                pytest.skip("only Linux lets root give up its capabilities")
            process = struct.pack("Ii", CAPABILITIES, 0)
            data = ctypes.create_string_buffer(6 * 4)  # effective, permitted, inheritable; the same for higher numbers
            assert not LIBC.capget(process, data)
            effective, permitted, *others = struct.unpack("6I", data.raw)
            lesser = permitted & ~(DAC_OVERRIDE | DAC_READ_SEARCH)
            assert not LIBC.capset(process, struct.pack("6I", effective & lesser, lesser, *others))

    def leave(self) -> None:
        for path in self._changed:
            with suppress(FileNotFoundError):
                path.chmod(0o700)

    def forbid(self, path: Path, mode: int) -> None:
        """Change the permissions of a path until the test ends."""
        self._changed.append(path)
        path.chmod(mode)


@inside(Forbidden)
def test_a_parent_that_cannot_be_written(place: Forbidden) -> None:
    """Where no directory can be made, an append says so in one line, makes nothing, and looking finds nothing."""
    place.forbid(place.top, 0o500)
    assert "Permission denied" in refused(lambda: append(place.spool))
    assert ids(place.spool) == []
    assert list(place.top.iterdir()) == []
    place.leave()
    live(place.spool)


@inside(Forbidden)
def test_a_parent_that_cannot_be_entered(place: Forbidden) -> None:
    """A spool that is out of reach is never taken for an empty one: whoever looks or writes is told, in one line."""
    spool = place.spool
    accepted = append(spool)
    place.forbid(spool.layout.root.parent, 0)
    endpoint = FakeTransport()
    for other in (spool, Spool(spool.layout.root, source="test")):
        for action in (
            lambda other=other: append(other),
            lambda other=other: ids(other),
            lambda other=other: counted(other),
            lambda other=other: other.seal(),
            lambda other=other: drain(other, endpoint),
            lambda other=other: purge(other),
        ):
            assert "Permission denied" in refused(action)
    place.leave()
    assert ids(spool) == [accepted]
    assert endpoint.requests == []


@pytest.mark.parametrize("recording", [True, False], ids=["recording", "idle"])
@pytest.mark.parametrize("mode", [0o500, 0o400, 0o300, 0], ids=oct)
@pytest.mark.parametrize("folder", ["", "pending", "dead"])
@inside(Forbidden)
def test_a_folder_that_is_kept_from_us(place: Forbidden, folder: str, mode: int, recording: bool) -> None:
    """Whatever a folder's permissions: an event is accepted or refused, and none hidden, lost or sent for ever."""
    spool = place.spool
    accepted = [append(spool), append(spool)]
    spool.seal()
    place.forbid(spool.layout.root / folder, mode)
    for other in (spool, Spool(spool.layout.root, source="test")):
        if recording:
            with suppress(UnavailableError):
                accepted.append(append(other))
        with suppress(UnavailableError):
            pending = counted(other)
            assert pending.records == len(accepted) or pending.foreign
    endpoint = FakeTransport()
    for _ in range(3):
        with suppress(UnavailableError):
            drain(spool, endpoint)
    assert len(endpoint.taken) == len(set(endpoint.taken))
    place.leave()
    drain(spool, endpoint)
    assert ids(spool) == []
    assert sorted(endpoint.taken) == sorted(accepted)


@inside(Forbidden)
def test_a_segment_that_cannot_be_read(place: Forbidden) -> None:
    """A segment that we may not read is shown as foreign, stops nothing behind it, and stays until it can be sent."""
    spool = place.spool
    first = append(spool)
    sealed = spool.seal()
    assert sealed is not None
    second = append(spool)
    place.forbid(sealed, 0)
    assert ids(spool) == [second]
    assert (counted(spool).records, counted(spool).foreign) == (1, 1)
    endpoint = FakeTransport()
    assert drain(spool, endpoint).delivered == 1
    place.leave()
    assert drain(spool, endpoint).delivered == 1
    assert endpoint.taken == [second, first]


@inside(Forbidden)
def test_a_large_segment_that_cannot_be_read(place: Forbidden) -> None:
    """A segment that damage made too large, and that we may not read, stays as it is until it can be sent."""
    spool = place.spool
    accepted = append(spool)
    with spool.layout.active.open("ab") as active:
        active.write(b"x" * 2 * KIB * KIB + b"\n")
    sealed = spool.seal()
    assert sealed is not None
    place.forbid(sealed, 0)
    endpoint = FakeTransport()
    refused(lambda: drain(spool, endpoint))
    assert counted(spool).foreign == 1
    place.leave()
    assert drain(spool, endpoint).delivered == 1
    assert endpoint.taken == [accepted]


@inside(Forbidden)
def test_a_segment_that_cannot_be_read_is_not_told_to_be_nothing(place: Forbidden) -> None:
    """What we may not read is counted as that, and a purge of everything deletes it and says so."""
    spool = place.spool
    append(spool)
    place.forbid(spool.layout.active, 0)
    assert (counted(spool).records, counted(spool).foreign) == (0, 1)
    assert purgeable(spool).corrupt == 1
    assert purge(spool).corrupt == 1
    place.leave()
    assert ids(spool) == []


@inside(Forbidden)
def test_a_segment_that_cannot_be_read_is_not_old(place: Forbidden) -> None:
    """A purge of what is old deletes no segment that it cannot read: nobody knows that it is old."""
    spool = place.spool
    young = append(spool)
    sealed = spool.seal()
    assert sealed is not None
    place.forbid(sealed, 0)
    assert purge(spool, older_than=timedelta(days=30)) == Purged()
    place.leave()
    assert ids(spool) == [young]


@inside(Forbidden)
def test_a_segment_that_cannot_be_read_is_counted_or_kept(place: Forbidden) -> None:
    """A bound that meets a segment which it cannot read does not drop it uncounted."""
    spool = Spool(place.spool.layout.root, source="test", bounds=Bounds(octets=100 * KIB))
    accepted = [append(spool, 60_000)]
    sealed = spool.seal()
    assert sealed is not None
    place.forbid(sealed, 0)
    accepted += [append(spool, 60_000) for _ in range(9)]  # two of them fill segments
    place.leave()
    left = [record.id for record in spool.records() if record.id in accepted]
    assert len(left) + sum(counted(spool).gaps.values()) == len(accepted)


@inside(Forbidden)
def test_an_active_segment_that_cannot_be_written(place: Forbidden) -> None:
    """An active segment that is kept from us is put aside, nothing in it is lost, and events go into the next one."""
    spool = place.spool
    accepted = [append(spool)]
    place.forbid(spool.layout.active, 0)
    accepted.append(append(spool))
    assert (counted(spool).records, counted(spool).foreign) == (1, 1)
    [aside] = spool.sealed()
    place.forbid(aside, 0o600)
    assert ids(spool) == accepted


class WithoutCalls(Place):
    """A place whose kernel refuses some system calls, by a filter on this thread."""

    refusals: dict[str, int]  # calls and the errors that they end with

    def __init__(self, top: Path) -> None:
        super().__init__(top)
        self._numbers = CALLS.get(platform.machine()) if sys.platform.startswith("linux") else None
        if self._numbers is None:
            pytest.skip("only Linux on x86_64 or aarch64 refuses system calls as this test asks it to")
        self._outside = ThreadPoolExecutor(1)
        self._outside.submit(int).result()  # a thread that starts later would inherit the filter

    def enter(self) -> None:
        assert self._numbers
        # linux/filter.h: load the number of the call; if it is this one, return that error, else go on; allow the rest.
        code = [(0x20, 0, 0, 0)]
        for call, error in self.refusals.items():
            if call in self._numbers:
                code += [(0x15, 0, 1, self._numbers[call]), (0x06, 0, 0, 0x0005_0000 | error)]
        code.append((0x06, 0, 0, 0x7FFF_0000))
        instructions = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *line) for line in code))
        program = struct.pack("HP", len(code), ctypes.addressof(instructions))
        assert not LIBC.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
        assert not LIBC.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, program, 0, 0)

    def leave(self) -> None:
        self._outside.shutdown()

    def outside(self, action: Callable[[], T]) -> T:
        """Do something where no call is refused."""
        return self._outside.submit(action).result()


class NoInotify(WithoutCalls):
    """Nobody can watch files: `fs.inotify.max_user_instances` is used up."""

    refusals: ClassVar = {"inotify_init": errno.EMFILE, "inotify_init1": errno.EMFILE}


@inside(NoInotify)
def test_no_inotify(place: NoInotify) -> None:
    """A spool watches no files: where nobody can, it does all that it does elsewhere."""
    assert LIBC.inotify_init1(0) == -1
    assert ctypes.get_errno() == errno.EMFILE
    live(Spool(place.top / "spool", source="test"))


class NoFlock(WithoutCalls):
    """A user-space file system that does not implement locks."""

    refusals: ClassVar = {"flock": errno.ENOSYS}


class NoLockManager(WithoutCalls):
    """A network file system whose server gives no locks."""

    refusals: ClassVar = {"flock": errno.ENOLCK}


class NoLockSupport(WithoutCalls):
    """A network file system that says that it supports no locks."""

    refusals: ClassVar = {"flock": errno.EOPNOTSUPP}


@inside(NoFlock, NoLockManager, NoLockSupport)
def test_no_locks(place: WithoutCalls) -> None:
    """Without locks events are accepted and shown, and what needs them says so in one line; with locks all is sent."""
    with (place.top / "file").open("w") as file, pytest.raises(OSError, match=r"Errno") as refusal:
        fcntl.flock(file, fcntl.LOCK_EX)
    assert refusal.value.errno == place.refusals["flock"]
    spool = Spool(place.top / "spool", source="test")
    accepted = place.outside(lambda: [append(Spool(spool.layout.root, source="test"))])
    accepted += [append(spool, size) for size in (0, 500, 60_000)]
    assert sorted(ids(spool)) == sorted(accepted)
    assert (counted(spool).records, counted(spool).corrupt, counted(spool).foreign) == (4, 0, 0)
    endpoint = FakeTransport()
    for action in (spool.seal, lambda: drain(spool, endpoint), lambda: purge(spool)):
        with pytest.raises(NoLocksError, match="move it to a local disk") as caught:
            action()
        assert len(str(caught.value).splitlines()) == 1
    assert endpoint.requests == []
    assert unfinished(spool) == []
    accepted.append(append(spool))
    place.outside(lambda: drain(spool, endpoint))
    assert sorted(endpoint.taken) == sorted(accepted)
    assert ids(spool) == []


@inside(NoFlock)
def test_no_locks_no_flood(place: NoFlock) -> None:
    """Without locks too, a spool stays within its bounds, and what it has accepted is pending or counted in a gap."""
    spool = Spool(place.top / "spool", source="test", bounds=Bounds(octets=100 * KIB))
    accepted = 0
    for _ in range(100):
        with suppress(UnavailableError):
            append(spool, 10_000)
            accepted += 1
    pending = counted(spool)
    events = sum(record.attributes["type"] == "t" for record in spool.records())
    assert events + sum(pending.gaps.values()) == accepted
    assert pending.octets < 500 * KIB  # the bound, the active segment, and room for another way to count


NAMES = {
    "spaces": " a b  ",
    "quotes": 'it\'s "quoted" `and` $HOME; *?[',
    "newline": "two\nlines\r\n",
    "escape": "red \x1b[31m\x07",
    "accents": "Größe",
    "accents of their own": "Gro\u0308ße",
    "other scripts": "数据 данные \U0001f4ca \u202egnp",
    "option": "-rf",
    "percent": "%s {0} {root} \\x",
    "our own names": "pending.ndjson.tmp",
    "bytes that are no text": os.fsdecode(b"caf\xe9 \xff\xfe"),
    "long": "n" * 255,
    "deep": "/".join(["d" * 200] * 18),  # with all that comes before and after it, near the 4096 bytes of PATH_MAX
}
names = pytest.mark.parametrize("name", NAMES.values(), ids=NAMES.keys())


@names
def test_odd_names(tmp_path: Path, name: str) -> None:
    """A spool does all that it does in a directory with any name that the file system takes."""
    live(Spool(tmp_path / name / "spool", source="test"))


@names
def test_errors_in_odd_names(tmp_path: Path, name: str) -> None:
    """What a spool says of a directory with an odd name is one line."""
    root = tmp_path / name
    root.parent.mkdir(parents=True, exist_ok=True)
    root.write_text("a file")
    for spool, error in (
        (Spool(root, source="test"), UnsafeError),
        (Spool(root / "spool", source="test"), UnavailableError),
    ):
        with pytest.raises(error) as caught:
            append(spool)
        assert len(str(caught.value).splitlines()) == 1


def test_a_name_that_is_too_long(tmp_path: Path) -> None:
    """Where a name would be longer than it may be, an append says so in one line; an event that fits can be sent."""
    assert "name too long" in refused(lambda: append(Spool(tmp_path / ("n" * 256), source="test")))
    folder = tmp_path.joinpath(*["d" * 200] * 18)
    stuck = []
    for length in range(4096 - 60, 4096 + 2):  # around PATH_MAX
        rest = "r" * (length - len(os.fsencode(folder)) - 2)
        spool = Spool(folder / rest[:200] / rest[200:], source="test")
        with suppress(UnavailableError):
            append(spool)
            stuck.append(length)
            drain(spool, FakeTransport())
            stuck.pop()
    assert stuck == []


class Clock:
    """A clock that tests set; each look at it is a millisecond later."""

    def __init__(self, instant: datetime) -> None:
        self.set(instant)

    def set(self, instant: datetime) -> None:
        self._ns = (instant - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1) * 1000

    def __call__(self) -> int:
        self._ns += 1_000_000
        return self._ns


NOW = datetime(2026, 11, 23, 10, tzinfo=UTC)
INSTANTS = {
    "1901": datetime(1901, 12, 13, 20, 45, 52, tzinfo=UTC),  # -2^31 s
    "1969": datetime(1969, 12, 31, 23, 59, 59, tzinfo=UTC),
    "1970": datetime(1970, 1, 1, tzinfo=UTC),
    "1980": datetime(1980, 1, 1, tzinfo=UTC),
    "2038": datetime(2038, 1, 19, 3, 14, 7, tzinfo=UTC),  # 2^31 s
    "2100": datetime(2100, 2, 28, 12, tzinfo=UTC),
    "2262": datetime(2262, 4, 11, 23, 47, 16, tzinfo=UTC),  # 2^63 ns
    "9999": datetime(9999, 6, 1, tzinfo=UTC),
}
instants = pytest.mark.parametrize("instant", INSTANTS.values(), ids=INSTANTS.keys())


@instants
def test_another_century(tmp_path: Path, instant: datetime) -> None:
    """A clock that stands in another century, from the first event on, changes nothing."""
    live(Spool(tmp_path / "spool", source="test", clock=Clock(instant)))


@instants
def test_a_clock_that_steps(tmp_path: Path, instant: datetime) -> None:
    """Steps of the clock between appends, failed drains and drains lose nothing, show it all, and freeze nothing."""
    clock = Clock(NOW)
    spool = Spool(tmp_path / "spool", source="test", clock=clock)
    failing = FakeTransport(lambda _records: Deferred("HTTP 503", retry_after=3600.0))
    accepted = []
    for there, then in ((instant, NOW), (NOW, instant)):
        clock.set(there)
        accepted.append(append(spool))
        clock.set(then)
        accepted.append(append(spool))
        spool.seal()
        assert sorted(ids(spool)) == sorted(accepted)
        pending = counted(spool)
        assert (pending.records, sum(number for _, number in pending.ages)) == (len(accepted), len(accepted))
        assert pending.oldest is not None
        assert pending.newest is not None
        assert pending.oldest <= pending.newest
        clock.set(there)
        assert drain(spool, failing, ignore_backoff=True).failure is not None
        clock.set(then)
    endpoint = FakeTransport()
    clock.set(NOW + timedelta(days=1))  # nothing may wait longer, whatever the clock has said
    assert drain(spool, endpoint).delivered == len(accepted)
    assert sorted(endpoint.taken) == sorted(accepted)


def filled(spool: Spool) -> list[str]:
    """Append events until one of them fills a segment, so that the bounds are looked at."""
    before = len(spool.sealed())
    accepted = []
    while len(spool.sealed()) <= before and len(accepted) < 9:
        accepted.append(append(spool, 60_000))
    return accepted


@instants
def test_a_clock_that_is_off_for_a_while_makes_nothing_old(tmp_path: Path, instant: datetime) -> None:
    """Events from before, during and after a time in which the clock was decades off are none of them too old."""
    clock = Clock(NOW)
    spool = Spool(tmp_path / "spool", source="test", clock=clock)
    accepted = filled(spool)
    clock.set(instant)
    accepted += filled(spool)
    clock.set(NOW + timedelta(minutes=1))
    accepted += filled(spool)
    assert counted(spool).gaps == {}
    assert sorted(ids(spool)) == sorted(accepted)


@instants
def test_a_purge_takes_what_another_clock_has_left(tmp_path: Path, instant: datetime) -> None:
    """A purge of everything deletes, and counts, events of any time, those of a time to come too."""
    clock = Clock(instant)
    spool = Spool(tmp_path / "spool", source="test", clock=clock)
    append(spool)
    clock.set(NOW)
    append(spool)
    assert purge(spool).records == 2
    assert ids(spool) == []
