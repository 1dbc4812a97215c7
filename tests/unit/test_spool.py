"""The spool on a real directory: append, seal, read, and what damage and crashes leave."""

import errno
import gc
import os
import resource
import stat
import sys
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from itertools import count
from pathlib import Path
from types import FrameType

import pytest
from transport import FakeTransport

from spool import NewerFormatError, Spool, UnavailableError, UnsafeError, drain
from spool.disk import Disk
from spool.inspection import count_pending
from spool.locks import Lock, LockFile
from spool.segment import SEGMENT_BYTES


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    """A spool in a directory that does not exist yet."""
    return Spool(tmp_path / "state" / "spool", source="test")


def append(spool: Spool, number: int = 0) -> str:
    """Append an event."""
    return spool.append({"number": number, "text": "é\n\u2028"}, event_type="test.v1")


def ids(spool: Spool) -> list[str]:
    """The ids of the pending records."""
    return [record.id for record in spool.records()]


def test_a_program_that_changes_its_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A relative place is meant from where the program was when it made the Spool, for all that it does later."""
    monkeypatch.chdir(tmp_path)
    spool = Spool(Path("here"), source="test")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    spool.append({}, event_type="t")
    assert len(list(Spool(tmp_path / "here", source="test").records())) == 1
    assert not list(Path().iterdir())


def test_looking_makes_nothing(spool: Spool) -> None:
    """A spool that nobody has written to is empty, and looking at it or sealing it leaves no trace."""
    assert ids(spool) == []
    assert spool.seal() is None
    assert not spool.layout.root.parent.exists()


def test_appended_events_are_pending_in_order(spool: Spool) -> None:
    """What was appended is met, in the order of the appends."""
    expected = [append(spool, number) for number in range(20)]
    assert ids(spool) == expected


def test_files_are_private(spool: Spool) -> None:
    """Directories are 0700 and files 0600, whatever the umask."""
    before = os.umask(0)
    try:
        append(spool)
        spool.seal()
    finally:
        os.umask(before)
    modes = {path: stat.S_IMODE(path.stat().st_mode) for path in [spool.layout.root, *spool.layout.root.rglob("*")]}
    assert modes == {path: 0o700 if path.is_dir() else 0o600 for path in modes}


def test_the_directory_is_the_documented_one(spool: Spool) -> None:
    """A used spool holds the files that README names, and no others."""
    append(spool)
    sealed = spool.seal()
    assert sealed is not None
    names = sorted(path.relative_to(spool.layout.root).as_posix() for path in spool.layout.root.rglob("*"))
    assert names == [
        "active.ndjson",
        "append.lock",
        "dead",
        "drain.lock",
        "format.json",
        "pending",
        f"pending/{sealed.name}",
    ]
    assert spool.layout.format.read_text() == '{"format": 1}\n'


def test_seal_closes_the_active_segment(spool: Spool) -> None:
    """Sealing moves what is there into one segment; sealing again, with nothing new, does nothing."""
    first = append(spool)
    sealed = spool.seal()
    assert sealed is not None
    assert spool.seal() is None
    second = append(spool)
    assert ids(spool) == [first, second]
    assert spool.sealed() == [sealed]


def test_a_full_segment_is_sealed_by_an_append(spool: Spool) -> None:
    """No segment is ever larger than 256 KiB, and nothing is lost where one ends."""
    expected = [spool.append({"filler": "x" * 60_000}, event_type="t") for _ in range(10)]
    assert ids(spool) == expected
    assert all(path.stat().st_size <= SEGMENT_BYTES for path in [*spool.sealed(), spool.layout.active])
    assert len(spool.sealed()) == 2


def test_a_torn_line_stays_alone(spool: Spool) -> None:
    """After a crash in the middle of a write, the torn line is set apart, and the records around it are intact."""
    first = append(spool)
    with spool.layout.active.open("ab") as file:
        file.write(b'{"specversion":"1.0","id":"torn')
    second = append(spool)
    [segment] = spool.segments()
    assert [record.id for record in segment.records] == [first, second]
    assert segment.corrupt == (b'{"specversion":"1.0","id":"torn',)


def test_a_busy_lock_delays_no_append(spool: Spool) -> None:
    """When somebody keeps the lock, an append makes a segment of its own, and leaves no temporary file."""
    append(spool)
    with Lock(spool.layout.append_lock, Disk()).held() as locked:
        assert locked
        alone = append(spool)
        assert spool.sealed() == [spool.layout.segment(alone)]
    assert alone in ids(spool)
    assert not list(spool.layout.root.glob("*.tmp"))


def test_a_segment_sealed_while_it_is_read_is_met_once(spool: Spool) -> None:
    """A seal and a rewriting drain in the middle of reading hide no record and show none twice."""
    first = append(spool)
    spool.seal()
    expected = [first, *(append(spool, number) for number in range(3))]
    reading = spool.records()
    assert next(reading).id == first  # by now the active segment has been read, and the folder has not been left
    sealed = spool.seal()
    assert sealed is not None
    spool.replace(sealed, list(spool.read(sealed).records))
    append(spool)
    assert [first, *(record.id for record in reading)] == expected


def test_a_seal_while_one_reads_shows_no_record_twice(spool: Spool, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was read in the active segment is not met again in the sealed one that it has become by then."""
    expected = [append(spool), append(spool)]
    sealed = Spool.sealed

    def late(self: Spool) -> list[Path]:
        Spool(self.layout.root, source="other").seal()
        return sealed(self)

    monkeypatch.setattr(Spool, "sealed", late)
    assert ids(spool) == expected


class CrashError(Exception):
    """The process is gone."""


class CrashingDisk(Disk):
    """A disk on which the process ends in the call with the given number."""

    def __init__(self, fatal: int) -> None:
        self.calls = -1
        self.fatal = fatal

    def _count(self) -> None:
        self.calls += 1
        if self.calls == self.fatal:
            raise CrashError

    def make_directory(self, path: Path) -> None:
        self._count()
        super().make_directory(path)

    def write(self, descriptor: int, data: bytes) -> None:
        self._count()
        super().write(descriptor, data)

    def sync(self, descriptor: int) -> None:
        self._count()
        super().sync(descriptor)

    def sync_directory(self, path: Path) -> None:
        self._count()
        super().sync_directory(path)

    def rename(self, source: Path, target: Path) -> None:
        self._count()
        super().rename(source, target)

    def create(self, path: Path) -> int:
        self._count()
        return super().create(path)


def test_a_crash_between_any_two_steps_loses_nothing(tmp_path: Path) -> None:
    """Whatever call a process dies in, on a new spool and across a seal, what was accepted stays, and appends go on."""
    for fatal in range(200):
        root = tmp_path / str(fatal)
        disk = CrashingDisk(fatal)
        accepted: list[str] = []
        try:
            spool = Spool(root, source="test", disk=disk)
            accepted.append(append(spool))
            spool.seal()
            accepted.extend(append(spool, number) for number in (1, 2))
            spool.seal()
        except CrashError:
            pass
        else:
            assert fatal > 20  # every call has had its crash
            return
        after = Spool(root, source="test")
        accepted.append(append(after))
        after.seal()
        assert set(accepted) <= set(ids(after))
        assert len(ids(after)) == len(set(ids(after)))
    pytest.fail("the operation makes more calls than this test expects")


def test_a_newer_format_is_refused_and_untouched(spool: Spool) -> None:
    """An older program that meets a newer spool says so, and changes nothing."""
    append(spool)
    spool.layout.format.write_text('{"format": 2}')
    before = {path: path.stat().st_mtime_ns for path in spool.layout.root.rglob("*")}
    older = Spool(spool.layout.root, source="test")
    for use in (lambda: append(older), lambda: ids(older), older.seal):
        with pytest.raises(NewerFormatError, match="format 2"):
            use()
    assert {path: path.stat().st_mtime_ns for path in spool.layout.root.rglob("*")} == before


@pytest.mark.parametrize("content", [b"", b"\x00\x00", b'{"form', b"[]", b"{}", b"\xff", b"[" * 99_999])
def test_a_corrupt_format_file_is_put_aside(spool: Spool, content: bytes) -> None:
    """A format file that cannot be read is kept under another name and written anew; no record is lost."""
    first = append(spool)
    spool.layout.format.write_bytes(content)
    later = Spool(spool.layout.root, source="test")
    assert ids(later) == [first]
    second = append(later)
    assert ids(Spool(spool.layout.root, source="test")) == [first, second]
    assert spool.layout.corrupt_format.read_bytes() == content


def test_a_removed_folder_comes_back(spool: Spool) -> None:
    """When somebody removes the folders under a running program, its next events are accepted all the same."""
    append(spool)
    for folder in (spool.layout.pending, spool.layout.dead):
        folder.rmdir()
    second = append(spool)
    spool.seal()
    assert second in ids(spool)


def test_a_symbolic_link_is_refused(tmp_path: Path) -> None:
    """A spool directory that is a symbolic link is neither written to nor read."""
    (tmp_path / "elsewhere").mkdir(mode=0o700)
    (tmp_path / "spool").symlink_to(tmp_path / "elsewhere")
    spool = Spool(tmp_path / "spool", source="test")
    with pytest.raises(UnsafeError, match="symbolic link"):
        append(spool)
    assert not list((tmp_path / "elsewhere").iterdir())


@pytest.mark.parametrize("error", [errno.EMFILE, errno.ESTALE, errno.EIO, errno.EACCES])
def test_a_format_that_cannot_be_read_is_not_written_anew(
    spool: Spool, monkeypatch: pytest.MonkeyPatch, error: int
) -> None:
    """Where the format file cannot be opened for a moment, a newer program's spool is not taken for a damaged one."""
    append(spool)
    spool.layout.format.write_text('{"format": 2}')
    other = Spool(spool.layout.root, source="test")

    def failing(_path: Path) -> int:
        raise OSError(error, os.strerror(error))

    with monkeypatch.context() as patched:
        patched.setattr("spool.disk.open_to_read", failing)
        with pytest.raises(UnavailableError, match=os.strerror(error)):
            append(other)
    assert spool.layout.format.read_text() == '{"format": 2}'
    with pytest.raises(NewerFormatError):
        append(other)


def test_a_directory_of_something_else_is_refused(tmp_path: Path) -> None:
    """A directory that holds other files is not taken for a spool, and stays as it is."""
    tmp_path.chmod(0o700)
    (tmp_path / "thesis.tex").write_text("precious")
    with pytest.raises(UnsafeError, match=r"thesis\.tex"):
        append(Spool(tmp_path, source="test"))
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


def test_a_file_in_place_of_the_directory_is_refused(tmp_path: Path) -> None:
    """A file where the spool should be is an error of one line, and stays as it is."""
    (tmp_path / "spool").write_text("a file")
    with pytest.raises(UnsafeError, match="not a directory"):
        append(Spool(tmp_path / "spool", source="test"))
    with pytest.raises(UnavailableError):
        append(Spool(tmp_path / "spool" / "below", source="test"))


def test_a_directory_open_to_others_is_refused(tmp_path: Path) -> None:
    """A spool that others could write to is refused, with the command that mends it."""
    (tmp_path / "spool").mkdir()
    (tmp_path / "spool").chmod(0o777)
    with pytest.raises(UnsafeError, match="chmod 700"):
        append(Spool(tmp_path / "spool", source="test"))


@pytest.mark.parametrize("name", ["pending", "dead"])
def test_a_folder_open_to_others_or_a_link_is_refused(spool: Spool, tmp_path: Path, name: str) -> None:
    """A spool with a folder that others could write to, or that is a link, is neither written to nor read."""
    append(spool)
    folder = spool.layout.root / name
    other = Spool(spool.layout.root, source="other")
    folder.chmod(0o777)
    for act in (append, ids):
        with pytest.raises(UnsafeError, match=f"{name} can be written to by others"):
            act(other)
    folder.chmod(0o700)
    folder.rename(tmp_path / "elsewhere")
    folder.symlink_to(tmp_path / "elsewhere")
    for act in (append, ids):
        with pytest.raises(UnsafeError, match=f"{name} is a symbolic link"):
            act(other)
    assert not list((tmp_path / "elsewhere").iterdir())


@pytest.mark.parametrize(
    "strange",
    [Path.mkdir, os.mkfifo, lambda path: path.symlink_to(path.parent.parent / "theirs")],
    ids=["directory", "pipe", "link"],
)
@pytest.mark.parametrize("fresh", [True, False], ids=["by another program", "by this program"])
def test_what_is_no_file_is_put_aside(
    spool: Spool, tmp_path: Path, strange: Callable[[Path], object], fresh: bool
) -> None:
    """A directory, a pipe or a link under the active segment's name keeps nothing from being recorded or delivered."""
    (tmp_path / "theirs").write_text("precious")
    accepted = [append(spool)]
    spool.seal()
    spool.layout.active.unlink()
    strange(spool.layout.active)
    other = Spool(spool.layout.root, source="test") if fresh else spool
    accepted += [append(other), append(other)]
    assert ids(other) == accepted
    assert count_pending(other, datetime.now(UTC)).foreign == 1
    assert (tmp_path / "theirs").read_text() == "precious"
    endpoint = FakeTransport()
    assert drain(other, endpoint).delivered == 3


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a directory to another user")
def test_another_users_directory_is_refused(tmp_path: Path) -> None:
    """A spool directory that belongs to another user is refused."""
    (tmp_path / "spool").mkdir(mode=0o700)
    os.chown(tmp_path / "spool", 12345, 12345)
    with pytest.raises(UnsafeError, match="uid 12345"):
        append(Spool(tmp_path / "spool", source="test"))


@pytest.mark.parametrize("act", [append, Spool.seal], ids=["append", "seal"])
def test_an_interrupt_anywhere_leaves_no_lock(spool: Spool, act: Callable[[Spool], object]) -> None:
    """A program that lives on when it is interrupted, at whatever step of an append, keeps nobody from the next one."""
    append(spool)
    for step in count(1):
        finished = interrupted_at(step, lambda: act(spool))
        with Lock(spool.layout.append_lock, Disk()).held() as free:
            assert free is not None, f"step {step}"
        assert append(spool).encode() in spool.layout.active.read_bytes(), f"step {step}: the lock was not had"
        if finished:
            break
    assert step > 200


def test_a_lock_file_that_was_closed_locks_nothing(tmp_path: Path) -> None:
    """Whoever queued on a lock file that another thread had to close does not lock the file that has its number now."""
    file = LockFile(Disk().create(tmp_path / "lock"))
    file.close()
    other = Disk().create(tmp_path / "other")
    assert not file.lock()
    with Lock(tmp_path / "other", Disk()).held() as free:
        assert free is not None
    os.close(other)


def interrupted_at(step: int, act: Callable[[], object]) -> bool:
    """Act, and interrupt it after so many steps of Python in the spool. Returns whether it did not come to that."""
    left = [step]

    def trace(frame: FrameType, event: str, _argument: object) -> Callable[..., object] | None:
        names = [each.f_code.co_name for each in (frame, frame.f_back) if each]
        if "__del__" in names or f"{os.sep}spool{os.sep}" not in frame.f_code.co_filename:
            return None  # in the former, Python raises nothing
        frame.f_trace_opcodes = True
        if event == "opcode":
            left[0] -= 1
            if left[0] == 0:
                raise KeyboardInterrupt
        return trace

    usual = sys.gettrace()
    sys.settrace(trace)
    try:
        act()
    except KeyboardInterrupt as error:
        sys.last_value = error  # as where Python talks with a person: what the frames refer to lives on
        return False
    finally:
        sys.settrace(usual)
    return True


def test_a_full_disk_accepts_nothing_and_leaves_no_half_record(spool: Spool) -> None:
    """An append that the disk takes only a part of is refused, and the part is taken back; later ones go on."""
    first = append(spool)
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (spool.layout.active.stat().st_size + 100, hard))
    try:
        with pytest.raises(UnavailableError, match=r"cannot write to the spool in .*: "):
            spool.append({"more than a step": "x" * 9000}, event_type="t")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
    second = append(spool)
    [segment] = spool.segments()
    assert [record.id for record in segment.records] == [first, second]
    assert segment.corrupt == ()


@pytest.mark.parametrize("recreated", [False, True])
def test_a_spool_that_was_moved_away_is_left_alone(spool: Spool, tmp_path: Path, recreated: bool) -> None:
    """A program that lives on when its spool is moved appends to the place, not to the files that were there."""
    append(spool)
    moved = tmp_path / "moved"
    spool.layout.root.rename(moved)
    expected = [Spool(spool.layout.root, source="other").append({}, event_type="t")] if recreated else []
    expected += [append(spool), append(spool)]
    assert [record.id for record in spool.records()] == expected
    assert len(list(Spool(moved, source="test").records())) == 1


def test_a_lock_file_that_was_removed_is_made_anew(spool: Spool) -> None:
    """Two programs lock the same file, even when somebody has removed the one that one of them had open."""
    append(spool)
    spool.layout.append_lock.unlink()
    with Spool(spool.layout.root, source="other").append_lock.held() as locked:
        assert locked
        append(spool)
    assert len(spool.sealed()) == 1


@pytest.mark.parametrize("remade", [False, True])
def test_a_lock_file_that_is_removed_while_it_is_locked_is_no_lock(spool: Spool, remade: bool) -> None:
    """Who has locked a file that lost its name meanwhile writes, seals and makes nothing: others lock another one."""
    expected = [append(spool)]
    locked = spool.append_lock.acquire(0.0)
    assert locked
    spool.layout.append_lock.unlink()
    if remade:
        expected.append(append(Spool(spool.layout.root, source="other")))
    for change in (partial(spool._active.write, b"{}\n"), spool._active.seal, spool._active.create):
        with pytest.raises(FileNotFoundError):
            change(locked)
    locked.release()
    assert spool.sealed() == []
    assert ids(spool) == expected


@pytest.mark.filterwarnings("error::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("call", ["getpid", "fstat"])
def test_an_interrupt_while_a_file_is_kept_says_nothing(
    spool: Spool, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    """Ctrl-C between the opening of a file and the noting of it ends the command without a word from the half note."""
    spool.append({}, event_type="t")
    other = Spool(spool.layout.root, source="test")

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(f"spool.disk.os.{call}", interrupt)
    with pytest.raises(KeyboardInterrupt):
        other.append({}, event_type="t")
    monkeypatch.undo()
    del other
    gc.collect()


def test_a_segment_that_others_sealed_gets_no_more_lines(spool: Spool) -> None:
    """A program that has the active segment open notices that another one has sealed it."""
    append(spool)
    sealed = Spool(spool.layout.root, source="other").seal()
    assert sealed is not None
    content = sealed.read_bytes()
    append(spool)
    assert sealed.read_bytes() == content
    assert len(list(spool.records())) == 2


class FailingOnce(Disk):
    """Says once per open file that it could not write, as systems do; other threads may go on before it says so."""

    def __init__(self) -> None:
        super().__init__()
        self.armed = False
        self.told: set[int] = set()
        self.asked, self.others_are_done, self.failed = (threading.Event() for _ in range(3))

    def sync(self, descriptor: int) -> None:
        """Fail for each descriptor once while armed."""
        if self.armed and descriptor not in self.told:
            self.told.add(descriptor)
            if not self.asked.is_set():
                self.asked.set()
                self.others_are_done.wait(timeout=60)
            self.failed.set()
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        super().sync(descriptor)


def two_appends(spool: Spool, disk: FailingOnce) -> "tuple[Future[str], Future[str]]":
    """Append, and then from two threads on a disk that fails: the second begins while the first one syncs."""
    append(spool)
    disk.armed = True
    with ThreadPoolExecutor(2) as threads:
        first = threads.submit(append, spool)
        assert disk.asked.wait(timeout=60)
        second = threads.submit(append, spool)
        second.add_done_callback(lambda _: disk.others_are_done.set())
    return first, second


def test_a_write_error_that_the_system_tells_once_reaches_every_thread(tmp_path: Path) -> None:
    """No thread counts on an event that was in the file when the system said, to another thread, that it was lost."""
    disk = FailingOnce()
    spool = Spool(tmp_path / "spool", source="test", disk=disk)
    first, second = two_appends(spool, disk)
    for outcome in (first, second):
        assert isinstance(outcome.exception(), UnavailableError)
    disk.armed = False
    assert append(spool)


def test_after_a_write_error_appends_go_on(tmp_path: Path) -> None:
    """A disk that works again is written to again, though another thread was in the middle of an append meanwhile."""

    class Slow(FailingOnce):
        def write(self, descriptor: int, data: bytes) -> None:
            if self.asked.is_set():
                self.others_are_done.set()
                assert self.failed.wait(timeout=60)
                self.armed = False
            super().write(descriptor, data)

    disk = Slow()
    spool = Spool(tmp_path / "spool", source="test", disk=disk)
    first, second = two_appends(spool, disk)
    assert isinstance(first.exception(), UnavailableError)
    assert [second.result(), append(spool), append(spool)] == ids(spool)[-3:]


def test_an_interrupt_behind_the_lock_leaves_nobody_locked_out(spool: Spool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C between the taking of a lock and the noting of it ends the lock: other programs go on appending."""
    append(spool)
    taken = LockFile.lock

    def interrupt(file: LockFile) -> bool:
        taken(file)
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(LockFile, "lock", interrupt)
        with pytest.raises(KeyboardInterrupt):
            append(spool)
    gc.collect()
    with Spool(spool.layout.root, source="other").append_lock.held() as locked:
        assert locked


def test_a_patient_thread_waits_for_another_thread(spool: Spool) -> None:
    """Threads of one program queue for a lock as processes do: an append behind a short one makes no own segment."""
    append(spool)
    locked = spool.append_lock.acquire(0.0)
    assert locked
    with ThreadPoolExecutor(1) as pool:
        from concurrent.futures import wait

        waiting = pool.submit(spool.append_lock.acquire, 30.0)
        assert not wait([waiting], 0.1).done
        locked.release()
        got = waiting.result(30)
        assert got
        pool.submit(got.release).result()


def test_a_child_that_is_forked_while_it_is_locked_changes_nothing(spool: Spool) -> None:
    """A forked child has not the lock that its parent took: in that block it neither seals nor makes a segment."""
    expected = [append(spool)]
    locked = spool.append_lock.acquire(0.0)
    assert locked
    child = os.fork()
    if child == 0:
        refused = 0
        for change in (spool._active.seal, spool._active.create):
            with suppress(FileNotFoundError):
                change(locked)
                os._exit(1)
            refused += 1
        os._exit(0 if refused == 2 else 1)
    assert os.waitpid(child, 0)[1] == 0
    locked.release()
    assert (spool.sealed(), ids(spool)) == ([], expected)


def test_a_lock_file_that_another_makes_meanwhile_is_used(spool: Spool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a lock's file is gone, and another process makes it between our two looks, the event is accepted."""
    append(spool)
    spool.layout.append_lock.unlink()
    create = Disk.create

    def slow(self: Disk, path: Path) -> int:
        if path == spool.layout.append_lock:
            path.touch(mode=0o600)
        return create(self, path)

    monkeypatch.setattr(Disk, "create", slow)
    second = append(Spool(spool.layout.root, source="other"))
    assert second in ids(spool)


def test_a_damaged_format_that_another_puts_aside_stops_nobody(spool: Spool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of two processes that find a damaged format file, one puts it aside, and both accept their events."""
    first = append(spool)
    spool.layout.format.write_bytes(b"\x00")
    rename = Disk.rename

    def slow(self: Disk, source: Path, target: Path) -> None:
        if source == spool.layout.format:
            rename(self, source, target)  # the other one is faster
        rename(self, source, target)

    monkeypatch.setattr(Disk, "rename", slow)
    second = append(Spool(spool.layout.root, source="other"))
    assert ids(spool) == [first, second]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a directory to another user")
@pytest.mark.parametrize("name", ["pending", "dead"])
def test_a_folder_of_another_user_is_refused(spool: Spool, name: str) -> None:
    """A spool with a folder that belongs to another user, who could change what is sent, is neither used nor read."""
    append(spool)
    os.chown(spool.layout.root / name, 12345, 12345)
    other = Spool(spool.layout.root, source="other")
    for act in (append, ids):
        with pytest.raises(UnsafeError, match=f"{name} belongs to another user"):
            act(other)


def test_a_parent_that_is_kept_from_us_stops_no_first_append(tmp_path: Path) -> None:
    """Directories above that we may enter and not read, as /home often is, were there before: nobody syncs them."""

    class Kept(Disk):
        def sync_directory(self, path: Path) -> None:
            if tmp_path.is_relative_to(path):
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
            super().sync_directory(path)

    spool = Spool(tmp_path / "state" / "spool", source="test", disk=Kept())
    first = append(spool)
    assert ids(spool) == [first]
