"""A thread that is kept for what may hang, or may as well be done meanwhile: starting one each time costs as much."""

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

    def begin(self, task: Callable[[], Result]) -> "SimpleQueue[Result]":
        """Have a task done, which raises nothing. Its result comes out of what is returned."""
        if self._process != os.getpid():
            self._process = os.getpid()
            self._tasks = SimpleQueue()
            threading.Thread(target=_work, args=(self._tasks,), daemon=True).start()
        result: SimpleQueue[Result] = SimpleQueue()
        self._tasks.put((task, result))
        return result

    def do(self, task: Callable[[], Result], seconds: float) -> Result | None:
        """Have a task done; None after so many seconds: it is left behind then, with its thread."""
        try:
            return self.begin(task).get(timeout=seconds)
        except Empty:
            self._tasks.put(None)
            self._process = None
            return None


def _work(tasks: "SimpleQueue[tuple[Callable[[], Result], SimpleQueue[Result]] | None]") -> None:
    while (task := tasks.get()) is not None:
        do, result = task
        result.put(do())
        del task, do, result  # what they hold is not to live until the next one comes
