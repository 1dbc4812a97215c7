"""
Every file-system call that changes a spool, and no decision.

One small class, handed to the spool, so that a test can stand in for it, write down each call and rebuild what a crash
between any two of them would leave.
"""

import errno
import os
import stat
from contextlib import suppress
from pathlib import Path

from spool.platforms import Platform, here

_EXISTING = os.O_RDWR
_NEW = os.O_RDWR | os.O_CREAT | os.O_EXCL


class Disk:
    """The real disk of a platform, or of this machine. Every method raises OSError as the operating system does."""

    platform: Platform = here

    def __init__(self, platform: Platform = here) -> None:
        self.platform = platform

    def make_directory(self, path: Path) -> None:
        """Make one private directory (0700); an existing one is left as it is."""
        try:
            path.mkdir(mode=0o700)
        except FileExistsError:
            if not path.is_dir():
                raise

    def open(self, path: Path) -> int:
        """Open an existing file to read and write. The caller closes the descriptor."""
        return self.platform.open(path, _EXISTING)

    def create(self, path: Path) -> int:
        """Make a new private file (0600), open as by `open`. FileExistsError when the name is taken."""
        return self.platform.open(path, _NEW)

    def write(self, descriptor: int, data: bytes) -> None:
        """Write all of `data` at a descriptor's place, in one call, or cut off what is written of it, and raise."""
        written = os.write(descriptor, data)
        if written != len(data):  # a full disk takes the first part without an error
            self.truncate(descriptor, os.lseek(descriptor, 0, os.SEEK_CUR) - written)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def sync(self, descriptor: int) -> None:
        """Return when the file's data, and its length, would survive a power cut."""
        self.platform.sync(descriptor)

    def sync_directory(self, path: Path) -> None:
        """Return when the names in a directory would survive a power cut."""
        self.platform.sync_directory(path)

    def rename(self, source: Path, target: Path) -> None:
        """Give a file another name, over whatever bears it, in one step."""
        self.platform.rename(source, target)

    def unlink(self, path: Path) -> None:
        """Remove a file; one that is gone already is no error."""
        with suppress(FileNotFoundError):
            self.platform.unlink(path)

    def truncate(self, descriptor: int, size: int) -> None:
        """Cut a file off."""
        os.ftruncate(descriptor, size)

    def publish(self, data: bytes, temporary: Path, target: Path) -> None:
        """
        Make `target` hold exactly `data`, durably, so that nobody ever sees a part of it.

        A crash leaves the old target or the new one, and at worst the temporary file.
        """
        descriptor = self.create(temporary)
        try:
            try:
                self.write(descriptor, data)
                self.sync(descriptor)
            finally:
                os.close(descriptor)
            self.rename(temporary, target)
        except OSError:
            self.unlink(temporary)
            raise
        self.sync_directory(target.parent)  # commit point


class OwnedDescriptor:
    """
    A descriptor that stays open from one call to the next, and is closed when nobody refers to it any more.

    Programs that become daemons close all descriptors, and may get the same numbers for files of their own. So it is
    not trusted before a look, and not closed without one.
    """

    # When Python ends, modules go before this class does.
    _fstat, _close, _getpid = staticmethod(os.fstat), staticmethod(os.close), staticmethod(os.getpid)
    _number, inode = -1, (-1, -1)  # of no file: an interrupt may come while this is made

    def __init__(self, descriptor: int) -> None:
        self._number = descriptor
        self._process = os.getpid()
        entry = os.fstat(descriptor)
        self.inode = (entry.st_dev, entry.st_ino)

    def __del__(self) -> None:
        if self._entry() is not None:
            self._close(self._number)

    def is_ours(self) -> bool:
        """Whether this process opened it, it is open, and its file was not removed."""
        entry = self._entry()
        return self._process == self._getpid() and entry is not None and entry.st_nlink > 0

    def _entry(self) -> os.stat_result | None:
        try:
            entry = self._fstat(self._number)
        except OSError:
            return None
        return entry if (entry.st_dev, entry.st_ino) == self.inode else None


def open_to_read(path: Path) -> int:
    """Open an existing file of a spool to read, through no link and waiting for nobody. The caller closes it."""
    return here.open(path, os.O_RDONLY)


_SMALL = 64 * 1024


def read_small(path: Path) -> bytes | None:
    """Read one of a spool's small files; None when it is missing, no file, or too large to be ours. Raises OSError."""
    try:
        descriptor = open_to_read(path)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        if error.errno == errno.ELOOP:  # a link
            return None
        raise
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            return None
        content = os.read(descriptor, _SMALL + 1)
    finally:
        os.close(descriptor)
    return content if len(content) <= _SMALL else None
