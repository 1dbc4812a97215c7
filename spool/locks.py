"""
The operating system's lock on a file, taken in a bounded time.

The file is never removed: a process that still holds the old one, and another that made a new one under its name, would
both believe that they hold the lock.
"""

import errno
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from weakref import WeakSet

from spool.disk import Disk, OwnedDescriptor
from spool.errors import NoLocksError
from spool.platforms import here

_YIELDS = 5  # the holder needs some 20 us: giving up the processor a few times is often enough
_PAUSE = 0.0003  # seconds; with 1 ms, eight writers append at half the rate


class Lock:
    """
    The lock on one file, safe to share between threads and forked children. Making a Lock touches nothing.

    The file stays open from one time to the next, which makes an append a tenth faster, unless it is `opened_anew`: who
    does more under it than an append, which looks, would not notice that the whole directory was moved away.
    """

    def __init__(self, path: Path, disk: Disk, *, opened_anew: bool = False) -> None:
        self._path = path
        self._disk = disk
        self._opened_anew = opened_anew
        self._kept: LockFile | None = None

    @contextmanager
    def held(self, *, patience: float = 0.0) -> Iterator["LockFile | None"]:
        """
        Hold the lock for the length of the block; yields None when it was not had. Errors as for `acquire`.

        Programs that live on when they are interrupted (a notebook) may be so anywhere in here. What nobody knows to be
        unlocked is closed, which unlocks it, and not used again.
        """
        file, missed = None, False
        try:
            try:
                file = self.acquire(patience)
                missed = file is None
                yield file
            finally:
                if file is not None:
                    file.release()
        except BaseException:
            if not missed:  # else this thread may hold it further up
                self._abandon(file)
            raise

    def acquire(self, patience: float) -> "LockFile | None":
        """
        Return the lock, to be released, or None when it was not had within `patience` seconds.

        So it is when this thread holds it already: in a signal handler, or in a transport that appends.
        NoLocksError when the file system knows no locks, OSError when the file cannot be opened or made.
        """
        deadline = time.monotonic() + patience
        file = self._kept
        if file is None or self._opened_anew or not file.is_usable():
            file = self._kept = LockFile(_open(self._path, self._disk))
        # flock and LockFileEx bind a lock to an open file: they would let in every thread that shares it.
        if not file.threads.acquire(blocking=False) and not (patience and file.threads.acquire(timeout=patience)):
            return None
        got = False
        try:
            file.holder = threading.get_ident()
            got = self._lock(file, deadline)
        except BaseException:
            self._abandon(file)
            raise
        finally:
            if not got:
                file.let_go()
        return file if got else None

    def forget(self) -> None:
        """Open the file anew next time."""
        self._kept = None

    def _abandon(self, file: "LockFile | None") -> None:
        kept, self._kept = self._kept, None  # the same, unless another thread has opened it anew
        for each in (file, kept):
            if each is not None and each.holder == threading.get_ident():
                each.close()

    def _lock(self, file: "LockFile", deadline: float) -> bool:
        try:
            if file.lock():
                return True
            tries, got = 0, False
            while not got and time.monotonic() < deadline:
                time.sleep(0 if tries < _YIELDS else _PAUSE)
                tries += 1
                got = file.lock()
        except OSError as error:
            if self._disk.platform.lacks_locks(error):
                raise NoLocksError(
                    f"{self._path.parent} lies on a file system without locks: move it to a local disk"
                ) from error
            raise
        return got


class LockFile:
    """An open lock file, and what the threads of this process queue on. Closed when nobody refers to it any more."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        # Owned first: the import may fail, for lack of descriptors.
        self._owned: OwnedDescriptor | None = OwnedDescriptor(descriptor)
        from filelock import lock_descriptor, unlock_descriptor  # 40 ms in a fresh process: not for those who only look

        self.threads = threading.Lock()
        self.holder: int | None = None  # the thread that has it
        self._lock, self._unlock = lock_descriptor, unlock_descriptor
        _open_files.add(self)

    def is_usable(self) -> bool:
        """Whether this process opened it, and nobody has removed it since."""
        return self._owned is not None and self._owned.is_ours()

    def check(self, path: Path) -> None:
        """Raise FileNotFoundError when the file that we have locked lost its name: others lock another one."""
        entry = os.lstat(path)
        if self._owned is None or self._owned.inode != (entry.st_dev, entry.st_ino):
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(path))

    def close(self) -> None:
        """Let go of the file, and so of the lock: in a forked child, that of a parent that dies would live on."""
        self._owned = None

    def lock(self) -> bool:
        """Try once. In vain behind `close`: who queued here meanwhile would lock whatever has the number by now."""
        return self._owned is not None and self._lock(self._descriptor, blocking=False)

    def release(self) -> None:
        """Let others in. In a child that was forked meanwhile, this is its parent's to do."""
        try:
            if self._owned is not None:
                self._unlock(self._descriptor)
        except BaseException:
            self.close()  # which unlocks it, too
            raise
        finally:
            self.let_go()

    def let_go(self) -> None:
        """Let the next thread try."""
        self.holder = None
        self.threads.release()


_open_files: "WeakSet[LockFile]" = WeakSet()


def _close_in_child() -> None:
    for file in list(_open_files):
        file.close()


here.after_fork(_close_in_child)


def _open(path: Path, disk: Disk) -> int:
    try:
        return disk.open(path)
    except FileNotFoundError:
        try:
            return disk.create(path)
        except FileExistsError:  # RACE: another process made it between our two calls
            return disk.open(path)
