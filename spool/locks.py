"""
The operating system's lock on a file, taken in a bounded time.

The descriptor is opened for each lock: flock and LockFileEx bind a lock to an open file, so one that a thread or a
forked child shared would let both in. The file is never removed: a process that still holds the old one, and another
that made a new one under its name, would both believe that they hold the lock.
"""

import errno
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from spool.disk import Disk
from spool.errors import NoLocksError

_YIELDS = 5  # the holder needs some 20 us: giving up the processor a few times is often enough
_NO_LOCKS = {errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP}  # some network and user-space file systems
_PAUSE = 0.0003  # seconds; with 1 ms, eight writers append at half the rate


@contextmanager
def held(path: Path, disk: Disk, *, patience: float = 0.0) -> Iterator[bool]:
    """
    Hold the lock on `path` for the length of the block; yields False when it was not had within `patience` seconds.

    NoLocksError when the file system knows no locks, OSError when the file cannot be opened or made.
    """
    from filelock import lock_descriptor, unlock_descriptor  # 40 ms in a fresh process: not for those who only look

    descriptor = _open(path, disk)
    try:
        try:
            got = lock_descriptor(descriptor, blocking=False)
            deadline = time.monotonic() + patience
            tries = 0
            while not got and time.monotonic() < deadline:
                time.sleep(0 if tries < _YIELDS else _PAUSE)
                tries += 1
                got = lock_descriptor(descriptor, blocking=False)
        except OSError as error:
            if error.errno in _NO_LOCKS:
                raise NoLocksError(
                    f"{path.parent} lies on a file system without locks: move it to a local disk"
                ) from error
            raise
        try:
            yield got
        finally:
            if got:
                unlock_descriptor(descriptor)
    finally:
        os.close(descriptor)


def _open(path: Path, disk: Disk) -> int:
    try:
        return disk.open(path)
    except FileNotFoundError:
        try:
            return disk.create(path)
        except FileExistsError:  # RACE: another process made it between our two calls
            return disk.open(path)
