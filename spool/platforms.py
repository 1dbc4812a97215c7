"""
What differs between operating systems, as one value that is handed to whatever depends on it.

    what                       Linux                   macOS                      Windows
    -------------------------  ----------------------  -------------------------  -----------------------------------
    data is durable            fdatasync               F_FULLFSYNC, else fsync    fsync: FlushFileBuffers
    a name is durable          fsync of its directory  F_FULLFSYNC, else fsync    the renamed file is flushed
    a file that is open        renamed, removed        the same                   not: a few tries, then an error
    private                    owner and mode          the same                   access lists
    a detached child           a session of its own    the same                   a hidden console, a group of its own
    the end of a life          SIGALRM                 the same                   a thread
    a forked child             closes its locks        the same                   there is none

Nothing else in the spool asks where it runs, and this module asks once, at its end: `here` is the answer.
"""

import errno
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Protocol, TypeVar

_PAUSES = (0.001, 0.002, 0.005, 0.01, 0.02, 0.04, 0.06, 0.06)  # seconds between tries, 0.2 in all
_NO_LOCKS = {errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP}  # some network and user-space file systems
_NO_LOCKS_WINDOWS = {1, 50}  # ERROR_INVALID_FUNCTION, ERROR_NOT_SUPPORTED
_NO_FULL_SYNC = {errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOTTY, errno.EINVAL, errno.ENODEV, errno.ENOSYS}
_CREATE_NO_WINDOW, _CREATE_NEW_PROCESS_GROUP = 0x08000000, 0x00000200  # subprocess has them on Windows alone
_EX_TEMPFAIL = 75
_Result = TypeVar("_Result")


class Platform(Protocol):
    """What an operating system does in its own way. Every method raises OSError as the system does."""

    @property
    def creation_flags(self) -> int:
        """What `subprocess.Popen` needs to leave a child alone, besides a session of its own."""

    def sync(self, descriptor: int, /) -> None:
        """Return when a file's data, and its length, would survive a power cut."""

    def sync_directory(self, path: Path) -> None:
        """Return when the names in a directory would survive a power cut."""

    def open(self, path: Path, flags: int) -> int:
        """Open a file, through no link and waiting for nobody; one that is made is private (0600)."""

    def rename(self, source: Path, target: Path) -> None:
        """Give a file another name, over whatever bears it, in one step."""

    def unlink(self, path: Path) -> None:
        """Remove a file. FileNotFoundError when there is none."""

    def is_foreign(self, entry: os.stat_result) -> bool:
        """Whether a file or directory belongs to another user."""

    def others_may_write(self, entry: os.stat_result) -> bool:
        """Whether other users may change a file, or what is in a directory."""

    def others_may_read(self, entry: os.stat_result) -> bool:
        """Whether other users may read a file: it is a secret of its owner's, who has to be this user or root."""

    def lacks_locks(self, error: OSError) -> bool:
        """Whether this is how a file system says that it knows no locks."""

    def after_fork(self, call: Callable[[], None]) -> None:
        """Have something called in each child that is forked."""

    def limit_life(self, seconds: float) -> None:
        """End this process after some seconds. To be called by the main thread."""


class FullSync:
    """
    The sync of macOS, where fsync(2) returns when the drive has the data in its memory, which needs power.

    F_FULLFSYNC has the drive write it down. Network volumes and some external drives do not know it; there fsync has to
    do, as in SQLite and Go (golang/go#64215). Other errors are real: fsync after one would hide it.
    """

    def __init__(
        self, fcntl: Callable[[int, int], object], command: int, fsync: Callable[[int], None] = os.fsync
    ) -> None:
        self._fcntl = fcntl
        self._command = command
        self._fsync = fsync

    def __call__(self, descriptor: int, /) -> None:
        """Return when the drive has written down what it was given."""
        try:
            self._fcntl(descriptor, self._command)
        except OSError as error:
            if error.errno not in _NO_FULL_SYNC:
                raise
            self._fsync(descriptor)


class Windows:
    """
    NTFS, LockFileEx and CreateProcess. The arguments are the system's calls.

    Python opens a file so that nobody can rename or remove it meanwhile (no FILE_SHARE_DELETE). So do some virus
    scanners and indexers, which come when a file was just written, and leave in a moment; and a name that is just being
    replaced cannot be opened. So each of these calls is tried again for 0.2 s.

    RACE: a seal renames the active segment while others have it open. It holds `append.lock`, under which alone the
    segment is opened to write; whoever still has it open is in the last step of an append, the sync, or reads it. These
    only get fewer, and each needs milliseconds. Appends that come meanwhile wait for the lock as they always do, 50 ms
    at most, and then make a segment of their own. So does the one that seals, when a stranger does not let go.

    LockFileEx is mandatory: nobody else can read the byte that it locks. filelock's `lock_descriptor` locks the first
    one of a file. Our lock files have none, and nobody reads them; no other file is ever locked.
    """

    # Not DETACHED_PROCESS: such a child has no console, so that each program which it starts opens one, for all to see
    # (python/cpython#85785, cli/cli#13353). With both, CREATE_NO_WINDOW is ignored. Its own hidden console also keeps
    # it alive when the terminal closes. CREATE_BREAKAWAY_FROM_JOB is not among them: in a job that forbids it nothing
    # could be started, and one that ends with its members (a CI runner's) ends a flush, which is safe at any instant.
    creation_flags = _CREATE_NO_WINDOW | _CREATE_NEW_PROCESS_GROUP

    def __init__(
        self,
        replace: Callable[[Path, Path], None] = os.replace,
        remove: Callable[[Path], None] = os.unlink,
        opener: Callable[[Path, int, int], int] = os.open,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._replace = replace
        self._remove = remove
        self._opener = opener
        self._sleep = sleep

    def sync(self, descriptor: int, /) -> None:
        """FlushFileBuffers, by way of the C library's `_commit`. It reaches the drive's platter."""
        os.fsync(descriptor)

    def sync_directory(self, path: Path) -> None:
        """Do nothing: a directory cannot be opened. See `rename`; a removal that comes undone is nobody's loss."""

    def open(self, path: Path, flags: int) -> int:
        """Open with patience, and without a change to line ends. To make a link there takes a privilege."""
        return self._patiently(lambda: self._opener(path, flags | getattr(os, "O_BINARY", 0), 0o600))

    def rename(self, source: Path, target: Path) -> None:
        """
        Rename with patience, and flush the file under its new name.

        NTFS journals names, so that none is ever half changed, but it writes the journal when it has time. Flushing a
        file takes along what the journal has of it; PostgreSQL's `durable_rename` relies on the same.
        """
        self._patiently(lambda: self._replace(source, target))
        try:
            descriptor = self.open(target, os.O_RDWR)
        except FileNotFoundError:  # RACE: a drain has delivered it: the name was there long enough
            return
        try:
            self.sync(descriptor)
        finally:
            os.close(descriptor)

    def unlink(self, path: Path) -> None:
        """Remove with patience."""
        self._patiently(lambda: self._remove(path))

    def _patiently(self, call: Callable[[], _Result]) -> _Result:
        """Errors 5 (access denied) and 32 (sharing violation) are PermissionErrors both, and so is a real refusal."""
        for pause in _PAUSES:
            try:
                return call()
            except PermissionError:
                self._sleep(pause)
        return call()

    def is_foreign(self, entry: os.stat_result) -> bool:  # noqa: ARG002 - there is nothing in it
        """
        No: owner and mode are made up there (uid 0, mode 0777), and the system itself keeps to its access lists.

        A user's profile is closed to other users, and so is what is made in it. Anywhere else, mkdir with mode 0700
        makes a list of the user, SYSTEM and the administrators, from Python 3.11.10 and 3.12.4 on.
        """
        return False

    others_may_write = others_may_read = is_foreign

    def lacks_locks(self, error: OSError) -> bool:
        """The code is Windows' own; `errno` is EINVAL for all that C has no name for."""
        return getattr(error, "winerror", None) in _NO_LOCKS_WINDOWS

    def after_fork(self, call: Callable[[], None]) -> None:
        """Do nothing: no process is forked."""

    def limit_life(self, seconds: float) -> None:
        """A thread ends the process, with exit code 75: there are no alarms. It cannot while a call into C hangs."""
        import threading

        timer = threading.Timer(seconds, os._exit, args=(_EX_TEMPFAIL,))
        timer.daemon = True
        timer.start()


here: Platform

if sys.platform == "win32":
    here = Windows()
else:
    _OPEN = os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC

    class Posix:
        """Linux, macOS and the BSDs. `sync` is for a file's data, `sync_names` for a directory."""

        creation_flags = 0

        def __init__(self, sync: Callable[[int], None], sync_names: Callable[[int], None]) -> None:
            self.sync = sync
            self._sync_names = sync_names

        def sync_directory(self, path: Path) -> None:
            """Open it, as there is no other way."""
            descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
            try:
                self._sync_names(descriptor)
            finally:
                os.close(descriptor)

        def open(self, path: Path, flags: int) -> int:
            """Wait for nobody: a pipe in a file's place would keep us until somebody opens its other end."""
            return os.open(path, flags | _OPEN, 0o600)

        def rename(self, source: Path, target: Path) -> None:
            """One step; open files follow their new names."""
            os.replace(source, target)  # noqa: PTH105 - as below

        def unlink(self, path: Path) -> None:
            """Open files live on without a name."""
            os.unlink(path)  # noqa: PTH108 - Path's methods call it

        def is_foreign(self, entry: os.stat_result) -> bool:
            """By the effective user: under sudo that is root, whose spool is another one."""
            return entry.st_uid != os.geteuid()

        def others_may_write(self, entry: os.stat_result) -> bool:
            """By the mode, for group and others."""
            return bool(entry.st_mode & 0o022)

        def others_may_read(self, entry: os.stat_result) -> bool:
            """An owner may read at any time: that must not be a stranger. Root may read everything anyway."""
            return bool(entry.st_mode & 0o077) or entry.st_uid not in {os.geteuid(), 0}

        def lacks_locks(self, error: OSError) -> bool:
            """By the error of flock(2)."""
            return error.errno in _NO_LOCKS

        def after_fork(self, call: Callable[[], None]) -> None:
            """Python calls it."""
            os.register_at_fork(after_in_child=call)

        def limit_life(self, seconds: float) -> None:
            """
            SIGALRM, as the kernel keeps this clock.

            A thread of ours would first have to get the interpreter's lock, and a call into C that hangs may hold it
            for ever. Whoever started us may have left the signal ignored or blocked: a new program inherits both.
            """
            import signal

            signal.signal(signal.SIGALRM, signal.SIG_DFL)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGALRM})
            signal.setitimer(signal.ITIMER_REAL, seconds)

    if sys.platform == "darwin":
        from fcntl import F_FULLFSYNC, fcntl

        _full_sync = FullSync(fcntl, F_FULLFSYNC)
        here = Posix(_full_sync, _full_sync)
    else:
        here = Posix(os.fdatasync, os.fsync)
