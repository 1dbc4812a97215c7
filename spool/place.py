"""The spool's directory: is it ours to use, and is it all there."""

import json
import os
import stat
from contextlib import suppress
from pathlib import Path

from spool.disk import Disk, read_small
from spool.errors import NewerFormatError, UnsafeError
from spool.layout import FORMAT, Layout
from spool.platforms import Platform, here


def check(layout: Layout, platform: Platform = here) -> bool:
    """
    Return whether there is a spool; nothing is made.

    UnsafeError when the place is a link, another user's, open to others or no spool, NewerFormatError when a newer
    program wrote it, OSError when it cannot be looked at.
    """
    try:
        _check_directory(layout.root, platform, layout)
    except (FileNotFoundError, NotADirectoryError):
        return False
    for folder in (layout.pending, layout.dead):
        try:
            _check_directory(folder, platform)
        except FileNotFoundError:
            continue
    number = _format(layout)
    if number is not None and number != FORMAT:
        raise NewerFormatError(
            f"{layout.root} has format {number!r}, this program knows {FORMAT}: use the newer program"
        )
    if number is None and (foreign := stranger(layout)):
        raise UnsafeError(f"{layout.root} is not a spool: it holds {foreign!r}; choose an empty directory")
    return True


def prepare(layout: Layout, disk: Disk, temporary: Path) -> None:
    """
    Make what is missing of a spool, durably. Errors as for `check`.

    Several first appends may come here at once: each step is one that another may have done, and the last one, the
    format file, is published by all of them with the same bytes.
    """
    there = check(layout, disk.platform)
    with suppress(FileNotFoundError, NotADirectoryError):
        layout.longest.lstat()  # OSError when the names that come later would be too long for the system
    if not there:
        for folder in reversed([path for path in (layout.root, *layout.root.parents) if not path.exists()]):
            disk.make_directory(folder)
    for folder in (layout.pending, layout.dead):
        disk.make_directory(folder)
    damaged = layout.format.exists()  # RACE: looked at first, as another process may publish a good one after it
    if _format(layout) is None:
        for lock in (layout.append_lock, layout.drain_lock):  # so that a drain can begin on a disk that is full by then
            with suppress(FileExistsError):
                os.close(disk.create(lock))
        # Another process may have made these names, and died before it made them durable.
        for folder in layout.root.parents:
            try:
                disk.sync_directory(folder)
            except PermissionError:  # not ours, so it was there before
                break
        disk.sync_directory(layout.pending)
        if damaged:
            with suppress(FileNotFoundError):  # RACE: another process has put it aside
                disk.rename(layout.format, layout.corrupt_format)
        disk.publish(b'{"format": %d}\n' % FORMAT, temporary, layout.format)
    sync_root(layout, disk)


def obstacle(layout: Layout) -> str | None:
    """Return why nothing can be recorded there, or None, as far as a look can tell. Errors as for `check`."""
    needed = [layout.root, layout.pending]
    while not needed[0].exists() and needed[0] != needed[0].parent:
        needed[0] = needed[0].parent
    if not needed[0].is_dir():
        return f"{needed[0]} is not a directory"
    for path in needed:
        if path.exists() and not os.access(path, os.W_OK | (os.X_OK if path.is_dir() else os.R_OK)):
            return f"{path} cannot be written to"
    return None


def sync_root(layout: Layout, disk: Disk) -> None:
    """
    Make every name in the spool's directory durable, whoever made it: we may be the first to rest on it.

    RACE: a process may have died in the middle of a seal. Its rename has two halves, the segment's new name in
    `pending/` and the end of the old one here. The first has to be durable before the second.
    """
    disk.sync_directory(layout.pending)
    disk.sync_directory(layout.root)


def stranger(layout: Layout) -> str | None:
    """Return a name in the directory that shows that it is no spool, or None. OSError when it cannot be listed."""
    return None if layout.format.exists() else layout.foreign()


def _check_directory(path: Path, platform: Platform, layout: Layout | None = None) -> None:
    entry = path.lstat()
    if stat.S_ISLNK(entry.st_mode):
        raise UnsafeError(f"{path} is a symbolic link; a spool is a directory of its own")
    if not stat.S_ISDIR(entry.st_mode):
        raise UnsafeError(f"{path} is not a directory")
    if platform.is_foreign(entry):
        raise UnsafeError(f"{path} belongs to another user (uid {entry.st_uid})")
    if platform.others_may_write(entry):
        mend = "chmod 700 it"
        with suppress(OSError):
            if layout and stranger(layout):  # others may need it as it is
                mend = "choose an empty directory of its own"
        raise UnsafeError(f"{path} can be written to by others: {mend}")


def _format(layout: Layout) -> object:
    """
    The format as the file has it; None when the file is missing or damaged: `prepare` then writes it anew.

    OSError when it cannot be looked at, for want of descriptors, say: it may be a newer program's.
    """
    content = read_small(layout.format)
    try:
        return None if content is None else json.loads(content)["format"]
    except (ValueError, TypeError, KeyError, RecursionError):
        return None
