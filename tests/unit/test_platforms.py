"""What differs between operating systems, each tried on this one as far as it goes."""

import errno
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from transport import FakeTransport

import spool as package
from spool import Refused, Spool, UnavailableError, UnsafeError, background, drain, place
from spool.dead import requeue
from spool.disk import Disk
from spool.inspection import count_dead
from spool.layout import Layout
from spool.platforms import FullSync, Platform, Posix, Windows
from spool.record import new_id
from spool.segment import SEGMENT_BYTES

F_FULLFSYNC = 51  # as macOS numbers it
ERROR_INVALID_FUNCTION, ERROR_ACCESS_DENIED, ERROR_NOT_SUPPORTED = 1, 5, 50
CREATE_NO_WINDOW, CREATE_NEW_PROCESS_GROUP, DETACHED_PROCESS = 0x08000000, 0x200, 0x8


def name(descriptor: int) -> str:
    """The name of an open file or directory."""
    return Path(f"/proc/self/fd/{descriptor}").readlink().name


def is_open(path: Path) -> bool:
    """Whether this process has a file open."""
    try:
        entry = path.stat()
    except FileNotFoundError:
        return False
    for descriptor in Path("/dev/fd").iterdir():
        with suppress(OSError):  # that of the list, and what other threads close
            if os.path.samestat(os.fstat(int(descriptor.name)), entry):
                return True
    return False


class LikeWindows(Windows):
    """Windows' half of the work, and of the trouble: what this process has open is neither renamed nor removed."""

    def __init__(self) -> None:
        super().__init__(replace=self._replace_closed, remove=self._remove_closed)
        self.flushed: list[str] = []
        self.refused = 0

    def _refuse(self, path: Path) -> None:
        if is_open(path):
            self.refused += 1
            raise PermissionError(errno.EACCES, "The process cannot access the file", str(path))

    def _replace_closed(self, source: Path, target: Path) -> None:
        self._refuse(source)
        self._refuse(target)
        source.replace(target)

    def _remove_closed(self, path: Path) -> None:
        self._refuse(path)
        path.unlink()

    def sync(self, descriptor: int, /) -> None:
        self.flushed.append(name(descriptor))
        super().sync(descriptor)


@pytest.fixture
def windows() -> LikeWindows:
    """A Windows."""
    return LikeWindows()


@pytest.fixture
def spool(tmp_path: Path, windows: LikeWindows) -> Spool:
    """A spool on that Windows."""
    return opened(tmp_path, windows)


def opened(top: Path, platform: Platform) -> Spool:
    """One and the same spool, as another program opens it."""
    return Spool(top / "spool", source="test", disk=Disk(platform))


def append(spool: Spool, size: int = 0) -> str:
    """Append an event of a size."""
    return spool.append({"text": "x" * size}, event_type="t")


def fill(spool: Spool) -> list[str]:
    """Append events until there is no room for another of that size."""
    return [append(spool, 60_000) for _ in range(SEGMENT_BYTES // 60_000)]


def ids(spool: Spool) -> list[str]:
    """The ids of the pending records."""
    return [record.id for record in spool.records()]


def test_one_module_asks_where_it_runs() -> None:
    """No other part of the spool tells systems apart, and this one asks in one place."""
    asks = re.compile(r"sys\.platform|os\.name\b|platform\.system|hasattr\(os")
    sources = Path(package.__file__).parent.glob("*.py")
    found = {path.name: asks.findall(path.read_text()) for path in sources}
    assert {path: lines for path, lines in found.items() if lines} == {"platforms.py": ["sys.platform"] * 2}


# macOS


class Drive:
    """The fcntl of macOS: writes down what it is asked to sync, on a file system that may not know how."""

    def __init__(self, error: int = 0) -> None:
        self.error = error
        self.full: list[str] = []
        self.plain: list[str] = []

    def fcntl(self, descriptor: int, command: int) -> None:
        assert command == F_FULLFSYNC
        if self.error:
            raise OSError(self.error, os.strerror(self.error))
        self.full.append(name(descriptor))

    def fsync(self, descriptor: int) -> None:
        self.plain.append(name(descriptor))

    def platform(self) -> Posix:
        sync = FullSync(self.fcntl, F_FULLFSYNC, self.fsync)
        return Posix(sync, sync)


def test_on_macos_an_event_is_on_the_platter(tmp_path: Path) -> None:
    """There every sync, of data and of names, goes through the drive's memory."""
    drive = Drive()
    spool = opened(tmp_path, drive.platform())
    append(spool)
    assert drive.full[-1] == "active.ndjson"
    drive.full.clear()
    spool.seal()
    append(spool)
    assert set(drive.full) == {"pending", "spool", "active.ndjson"}
    assert drive.full[-1] == "active.ndjson"
    assert drive.plain == []


@pytest.mark.parametrize("error", [errno.ENOTSUP, errno.ENOTTY, errno.EINVAL])
def test_on_macos_a_network_volume_is_synced_as_far_as_it_can_be(tmp_path: Path, error: int) -> None:
    """Where the file system does not know the full sync, the usual one is done, and the event accepted."""
    drive = Drive(error)
    spool = opened(tmp_path, drive.platform())
    assert ids(spool) == [] != [append(spool)]
    assert drive.plain[-1] == "active.ndjson"


def test_on_macos_a_full_sync_that_fails_is_heard(tmp_path: Path) -> None:
    """When the drive could not write, no other sync talks it over, and nobody is told that the event is safe."""
    drive = Drive()
    spool = opened(tmp_path, drive.platform())
    append(spool)
    drive.error = errno.EIO
    with pytest.raises(UnavailableError, match=os.strerror(errno.EIO)):
        append(spool)
    assert drive.plain == []


# Windows: files that somebody has open


def refusing(times: int, call: Callable[..., object]) -> tuple[Callable[..., object], list[object]]:
    """Make of a call one that is denied some times; also returns with what it was called."""
    calls: list[object] = []

    def denied(*arguments: object) -> object:
        calls.append(arguments)
        if len(calls) <= times:
            error = PermissionError(errno.EACCES, "Access is denied")
            error.winerror = ERROR_ACCESS_DENIED  # type: ignore[attr-defined]
            raise error
        return call(*arguments)

    return denied, calls


def test_on_windows_a_rename_waits_for_who_has_the_file_open(tmp_path: Path) -> None:
    """A virus scanner that looks at a file for a moment does not stop a rename."""
    replace, calls = refusing(2, os.replace)
    pauses: list[float] = []
    source, target = tmp_path / "a", tmp_path / "b"
    source.write_text("new")
    target.write_text("old")
    Windows(replace=replace, sleep=pauses.append).rename(source, target)
    assert (target.read_text(), source.exists()) == ("new", False)
    assert (len(calls), len(pauses)) == (3, 2)


@pytest.mark.parametrize("what", ["rename", "unlink", "open"])
def test_on_windows_waiting_has_an_end(tmp_path: Path, what: str) -> None:
    """What is denied for 0.2 s is denied, and the file as it was."""
    path = tmp_path / "a"
    path.write_text("x")
    denied, _ = refusing(1000, print)
    pauses: list[float] = []
    windows = Windows(replace=denied, remove=denied, opener=denied, sleep=pauses.append)
    attempts: dict[str, Callable[[], object]] = {
        "rename": lambda: windows.rename(path, tmp_path / "b"),
        "unlink": lambda: windows.unlink(path),
        "open": lambda: windows.open(path, os.O_RDONLY),
    }
    with pytest.raises(PermissionError):
        attempts[what]()
    assert 0.15 < sum(pauses) < 0.25
    assert path.read_text() == "x"


def test_on_windows_a_removal_waits_too(tmp_path: Path) -> None:
    """A delivered segment that somebody reads is removed when they are done; one that is gone is not waited for."""
    remove, calls = refusing(2, os.unlink)
    pauses: list[float] = []
    disk = Disk(Windows(remove=remove, sleep=pauses.append))
    (tmp_path / "a").write_text("x")
    disk.unlink(tmp_path / "a")
    disk.unlink(tmp_path / "a")
    assert (list(tmp_path.iterdir()), len(calls), len(pauses)) == ([], 4, 2)


def test_on_windows_a_name_is_durable_with_its_file(spool: Spool, windows: LikeWindows) -> None:
    """A file is flushed once more under its new name; no directory is opened."""
    append(spool)
    windows.flushed.clear()
    sealed = spool.seal()
    assert sealed
    assert windows.flushed == [sealed.name]
    windows.sync_directory(Path("no such place"))


def test_on_windows_a_file_may_be_delivered_as_soon_as_it_has_its_name(tmp_path: Path) -> None:
    """A rename is done although a drain has sent and removed the file before it could be flushed."""

    def replace(source: Path, target: Path) -> None:
        source.replace(target)
        target.unlink()

    (tmp_path / "a").write_text("x")
    Windows(replace=replace).rename(tmp_path / "a", tmp_path / "b")
    assert list(tmp_path.iterdir()) == []


def test_nobody_keeps_the_active_segment_open(spool: Spool, tmp_path: Path) -> None:
    """Between two appends another process can seal what this one has written, on Windows as well."""
    append(spool)
    assert not is_open(spool.layout.active)
    assert opened(tmp_path, LikeWindows()).seal()
    append(spool)
    assert len(ids(spool)) == 2


@contextmanager
def held_open(path: Path) -> Iterator[None]:
    """Somebody who has opened a file and does not let go of it."""
    with path.open("rb"):
        yield


def test_on_windows_a_stranger_with_the_full_segment_stops_nobody(spool: Spool, windows: LikeWindows) -> None:
    """While somebody keeps a full segment open, appends make segments of their own, in order, within the bounds."""
    expected = fill(spool)
    with held_open(spool.layout.active):
        expected += [append(spool, 60_000), append(spool, 60_000)]
        assert windows.refused
        with pytest.raises(UnavailableError, match="cannot access the file"):
            spool.seal()
    assert len(spool.sealed()) == 2
    expected.append(append(spool, 60_000))
    assert len(spool.sealed()) == 3
    assert sorted(ids(spool)) == sorted(expected)


@pytest.mark.parametrize("stays", [True, False])
def test_elsewhere_an_active_segment_that_stays_where_it_is_stops_nobody_either(tmp_path: Path, stays: bool) -> None:
    """Where a full segment cannot be put aside, appends make their own; if that is denied, too, they say so."""

    class Denied(Posix):
        def rename(self, source: Path, target: Path) -> None:
            if stays and source.suffix == ".tmp":
                return super().rename(source, target)
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(source), None, str(target))

    spool = opened(tmp_path, Posix(os.fsync, os.fsync))
    expected = fill(spool)
    spool.disk.platform = Denied(os.fsync, os.fsync)
    if stays:
        expected.append(append(spool, 60_000))
    else:
        with pytest.raises(UnavailableError, match="Permission denied"):
            append(spool, 60_000)
    assert sorted(ids(spool)) == expected


def test_on_windows_a_spool_goes_all_its_ways(spool: Spool) -> None:
    """Append, seal, a torn line, a refusal, requeueing and a late sweep: all that is renamed or removed is closed."""
    first = append(spool)
    with spool.layout.active.open("ab") as file:
        file.write(b'{"specversion":"1.0","id":"torn')
    second = append(spool)
    unfinished = spool.layout.temporary(new_id(spool.clock() - 2 * 3600 * 10**9))
    unfinished.write_text("half of somethi")

    def refuse_first(records: Sequence[package.Record]) -> package.Outcome:
        return Refused("HTTP 400", 400) if first in [record.id for record in records] else package.Delivered()

    transport = FakeTransport(refuse_first)
    done = drain(spool, transport)
    assert (done.delivered, done.buried, transport.taken) == (1, 2, [second])
    assert not unfinished.exists()
    assert requeue(spool, first)
    assert ids(spool) == [first]
    assert drain(spool, FakeTransport()).delivered == 1
    assert (ids(spool), count_dead(spool)) == ([], 1)
    locks = [spool.layout.append_lock, spool.layout.drain_lock]
    assert [path.stat().st_size for path in locks] == [0, 0]  # what Windows locks, it lets nobody read


def test_on_windows_many_may_append_while_others_seal_and_deliver(tmp_path: Path) -> None:
    """Nobody's event is refused or lost, though what is open cannot be renamed, and all is open much of the time."""

    def work(_number: int) -> list[str]:
        mine = opened(tmp_path, LikeWindows())
        return [append(mine, 30_000) for _ in range(20)]

    near = opened(tmp_path, LikeWindows())
    append(near)
    transport = FakeTransport()
    with ThreadPoolExecutor() as threads:
        work_done = [threads.submit(work, number) for number in range(3)]
        while not all(done.done() for done in work_done):
            with suppress(UnavailableError):  # a sync took longer than a seal waits: try later
                drain(near, transport)
        accepted = [each for done in work_done for each in done.result()]
    drain(near, transport)
    assert set(accepted) <= set(transport.taken)
    assert ids(near) == []


# Owners and modes


def entry(*, mode: int = 0o600, owner: int | None = None) -> os.stat_result:
    """What the system says of a file."""
    user = os.geteuid() if owner is None else owner
    return os.stat_result((mode, 1, 1, 1, user, 0, 0, 0, 0, 0))


STRANGER = os.geteuid() + 1
ENTRIES = {  # foreign, others may write, others may read
    "private": (entry(), (False, False, False)),
    "readable by the group": (entry(mode=0o640), (False, False, True)),
    "readable by others": (entry(mode=0o604), (False, False, True)),
    "writable by the group": (entry(mode=0o620), (False, True, True)),
    "writable by others": (entry(mode=0o602), (False, True, True)),
    "a stranger's": (entry(owner=STRANGER), (True, False, True)),
    "root's": (entry(owner=0), (os.geteuid() != 0, False, False)),
}


@pytest.mark.parametrize("about, expected", ENTRIES.values(), ids=ENTRIES)
def test_owner_and_mode_say_who_may_come_near(about: os.stat_result, expected: tuple[bool, bool, bool]) -> None:
    """A secret is its owner's, who is the user or root; Windows has other means, and made-up owners and modes."""

    def asked(platform: Platform) -> tuple[bool, bool, bool]:
        return platform.is_foreign(about), platform.others_may_write(about), platform.others_may_read(about)

    assert asked(Posix(os.fsync, os.fsync)) == expected
    assert asked(Windows()) == (False, False, False)


def test_on_windows_a_directory_is_not_judged_by_its_mode(tmp_path: Path) -> None:
    """There every directory looks as if all might write to it; elsewhere such a one is refused."""
    layout = Layout(tmp_path / "spool")
    layout.root.mkdir()
    layout.root.chmod(0o777)
    assert place.check(layout, Windows())
    with pytest.raises(UnsafeError, match="chmod 700"):
        place.check(layout, Posix(os.fsync, os.fsync))


# Processes and locks


def test_on_windows_a_flusher_opens_no_console() -> None:
    """It has a hidden one, which what it starts inherits: without any, each of these would open one for all to see."""
    assert Windows().creation_flags == CREATE_NO_WINDOW | CREATE_NEW_PROCESS_GROUP
    assert not Windows().creation_flags & DETACHED_PROCESS
    with pytest.raises(ValueError, match="creationflags is only supported on Windows"):  # they get as far as that
        background.start([sys.executable, "-c", ""], {}, platform=Windows())


def test_on_windows_a_life_ends_too(tmp_path: Path) -> None:
    """A process that waits for ever ends with exit code 75, without an alarm."""
    text = """
import threading
from spool.background import limit_life
from spool.platforms import Windows
limit_life(0.1, platform=Windows())
threading.Event().wait()
"""
    done = subprocess.run([sys.executable, "-c", text], cwd=tmp_path, timeout=30, check=False)
    assert done.returncode == 75


def windows_error(number: int) -> OSError:
    """An error as Python makes it there."""
    error = OSError(errno.EINVAL, "Incorrect function")
    error.winerror = number  # type: ignore[attr-defined]
    return error


def test_each_system_says_in_its_own_way_that_there_are_no_locks() -> None:
    """A file system without locks is told from one that fails."""
    posix, windows = Posix(os.fsync, os.fsync), Windows()
    assert all(posix.lacks_locks(OSError(error, "")) for error in (errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP))
    assert not posix.lacks_locks(OSError(errno.EIO, ""))
    assert all(windows.lacks_locks(windows_error(number)) for number in (ERROR_INVALID_FUNCTION, ERROR_NOT_SUPPORTED))
    assert not windows.lacks_locks(windows_error(ERROR_ACCESS_DENIED))
    assert not windows.lacks_locks(OSError(errno.EINVAL, ""))
