"""Start a flush in a process of its own, seldom, and without leaving it anything of ours."""

import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from spool.disk import Disk
from spool.locks import Lock
from spool.platforms import Platform, here

INTERVAL = 600.0  # seconds between two starts
LIFE = 60.0  # seconds


def claim_start(marker: Path, disk: Disk, *, now: float | None = None) -> bool:
    """
    Return whether this process may start a flush: one in ten minutes may, whatever number asks at once.

    The marker's time of change is the last start. `now` is seconds since 1970. OSError when it cannot be written.
    """
    instant = time.time() if now is None else now
    if _fresh(marker, instant):  # the usual case costs one stat
        return False
    with Lock(marker.with_suffix(".lock"), disk).held() as locked:
        if not locked or _fresh(marker, instant):  # RACE: of those who saw a stale marker, one gets here first
            return False
        disk.unlink(marker)
        os.close(disk.create(marker))
        os.utime(marker, (instant, instant))
    return True


def next_start(marker: Path, now: float) -> datetime | None:
    """Return when `claim_start` lets the next one start; None when that is at once. `now` is seconds since 1970."""
    with suppress(FileNotFoundError):  # RACE: whoever starts one makes it anew
        if _fresh(marker, now):
            return datetime.fromtimestamp(marker.stat().st_mtime + INTERVAL, UTC)
    return None


def _fresh(marker: Path, instant: float) -> bool:
    """A marker far in the future was made by a clock that was wrong: it does not count, or it would count for years."""
    try:
        return abs(instant - marker.stat().st_mtime) < INTERVAL
    except FileNotFoundError:
        return False


def start(command: Sequence[str], environment: Mapping[str, str], *, platform: Platform = here) -> None:
    """
    Start a detached child: a session of its own, no inherited files, a neutral directory, nobody who waits for it.

    A parent whose output somebody reads to the end is not held open, and a terminal that closes does not end the child.
    For programs that end soon: in one that lives on, the child stays a zombie. OSError when it cannot be started.
    """
    child = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd=Path(sys.executable).anchor,
        env={**environment, "PYTHONPATH": _absolute(environment.get("PYTHONPATH", ""))},
        start_new_session=True,
        creationflags=platform.creation_flags,
    )
    child.returncode = 0  # we never wait: without this Python complains when it forgets the child


def _absolute(search_path: str) -> str:
    """The child starts elsewhere: a relative folder would be another one there."""
    folders = [Path(folder) for folder in search_path.split(os.pathsep) if folder]
    try:
        folders = [folder.absolute() for folder in folders]
    except FileNotFoundError:  # somebody removed our directory while we ran, and what lay below it
        folders = [folder for folder in folders if folder.is_absolute()]
    return os.pathsep.join(map(str, folders))


def limit_life(seconds: float = LIFE, *, platform: Platform = here) -> None:
    """
    End this process after some seconds, whatever it hangs in. A crash is safe at any instant, so this is too.

    To be called by the main thread. The process ends by SIGALRM; on Windows, with exit code 75.
    """
    platform.limit_life(seconds)
