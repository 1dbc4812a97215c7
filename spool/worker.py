"""A thread that is kept for what may hang: starting one each time would cost as much as the rest of a request."""

import os
import threading
from collections.abc import Callable
from queue import Empty, SimpleQueue
from typing import Generic, TypeVar

Result = TypeVar("Result")


class Worker(Generic[Result]):
    """
    Does one task after another, in a thread of its own.

    The thread is a daemon: it ends with the process, however it hangs. A forked child gets its own.
    """

    def __init__(self) -> None:
        self._process: int | None = None
        self._tasks: SimpleQueue[tuple[Callable[[], Result], SimpleQueue[Result]] | None] = SimpleQueue()

    def __del__(self) -> None:
        self._tasks.put(None)

    def do(self, task: Callable[[], Result], seconds: float) -> Result | None:
        """Have a task done that raises nothing; None after so many seconds: it is left behind then, with its thread."""
        if self._process != os.getpid():
            self._process = os.getpid()
            self._tasks = SimpleQueue()
            threading.Thread(target=_work, args=(self._tasks,), daemon=True).start()
        result: SimpleQueue[Result] = SimpleQueue()
        self._tasks.put((task, result))
        try:
            return result.get(timeout=seconds)
        except Empty:
            self._tasks.put(None)
            self._process = None
            return None


def _work(tasks: "SimpleQueue[tuple[Callable[[], Result], SimpleQueue[Result]] | None]") -> None:
    while (task := tasks.get()) is not None:
        do, result = task
        result.put(do())
        del task, do, result  # what they hold is not to live until the next one comes
