"""A line on the terminal that says what a long piece of work is at. Nothing where nobody looks or it is quick."""

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.status import Status

_QUICK = 1.0  # seconds


@contextmanager
def stages(*, quiet: bool = False) -> Iterator[Callable[[str], None]]:
    """Yield a function that takes the name of each stage as it begins."""
    if quiet or not sys.stderr.isatty():
        yield lambda _stage: None
        return
    display = _Display()
    timer = threading.Timer(_QUICK, display.show)
    timer.daemon = True
    timer.start()
    try:
        yield display.stage
    finally:
        timer.cancel()
        display.close()


class _Display:
    """The newest stage, and the spinner that shows it once the work has proved long. Called from two threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._stage = ""
        self._status: Status | None = None
        self._closed = False

    def stage(self, name: str) -> None:
        with self._lock:
            self._stage = name
            if self._status is not None:
                self._status.update(name)

    def show(self) -> None:
        from rich.console import Console  # only now: 50 ms, and most runs are over by then
        from rich.status import Status

        with self._lock:
            if not self._closed:
                self._status = Status(self._stage, console=Console(stderr=True))
                self._status.start()

    def close(self) -> None:
        with self._lock:
            self._closed = True
            if self._status is not None:
                self._status.stop()
