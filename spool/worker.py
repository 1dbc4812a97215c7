"""Threads: one that is kept for what may hang, and one for what may as well be done meanwhile."""

import os
import threading
from collections.abc import Callable
from queue import Empty, SimpleQueue
from typing import Generic, TypeVar

Result = TypeVar("Result")


class Worker(Generic[Result]):
    """
    Does one task after another, in a thread of its own that is kept from one to the next.

    The thread is a daemon: it ends with the process, however it hangs. A forked child gets its own.
    """

    def __init__(self) -> None:
        self._process: int | None = None
        self._tasks: SimpleQueue[tuple[Callable[[], Result], SimpleQueue[Result]] | None] = SimpleQueue()

    def __del__(self) -> None:
        self._tasks.put(None)

    def do(self, task: Callable[[], Result], seconds: float) -> Result | None:
        """
        Have a task done that raises nothing; None after so many seconds: it is left behind then, with its thread.

        Where no thread is to be had, as for `meanwhile`, the task takes as long as it takes.
        """
        if self._process != os.getpid():
            tasks = self._tasks = SimpleQueue()
            try:
                threading.Thread(target=_work, args=(tasks,), daemon=True).start()
            except RuntimeError:
                return task()
            self._process = os.getpid()
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


def meanwhile(task: Callable[[], Result]) -> Callable[[], Result]:
    """
    Begin a task, and return what waits for its result, or raises its error.

    Where no thread is to be had, the task is done when its result is asked for: the user has too many, or Python ends,
    which is when some programs drain. Python's own executors cannot even be imported then.
    """
    results: list[Result] = []
    errors: list[BaseException] = []

    def run() -> None:
        try:
            results.append(task())
        except BaseException as error:  # noqa: BLE001 - it is raised where the result is asked for
            errors.append(error)

    def result() -> Result:
        thread.join()
        if errors:
            raise errors[0]
        return results[0]

    thread = threading.Thread(target=run, daemon=True)
    try:
        thread.start()
    except RuntimeError:
        return task
    return result
