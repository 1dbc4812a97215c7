"""The background flushes of a test, found in the system's own table of processes."""

import os
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from evidently_cli.settings import FLUSHER


def flushers(place: Path) -> list[int]:
    """Return the process ids of the living background flushes of the spools at or below a directory."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            lines = (process / "environ").read_bytes().split(b"\0")
        except OSError:  # it has ended meanwhile, or is somebody else's
            continue
        environment = dict(os.fsdecode(line).split("=", 1) for line in lines if b"=" in line)
        spool = Path(environment.get("EVIDENTLY_SPOOL_DIR", "/"))
        if environment.get(FLUSHER) == "1" and spool.is_relative_to(place):
            found.append(int(process.name))
    return found


def end_flushers(place: Path) -> None:
    """End what a test has left, as a crash would."""
    for process in flushers(place):
        with suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)


def wait_for(condition: Callable[[], object], seconds: float = 30.0) -> None:
    """Wait until something is the case."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)
