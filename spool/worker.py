"""A thread of one's own: for what may hang, and for what may as well be done while one waits for something else."""

import os
import threading
from collections.abc import Callable
from concurrent.futures import Future  # its executors could not be imported while Python ends, when some programs drain
from queue import SimpleQueue
from typing import Generic, TypeVar

Result = TypeVar("Result")


class Worker(Generic[Result]):
    """
    Does one task after another, in a thread of its own that is kept from one to the next.

    The thread is a daemon: it ends with the process, however it hangs. A forked child gets its own. Where none is to be
    had, as the user has too many or Python ends, a task is done at once.
    """

    def __init__(self) -> None:
        self._process: int | None = None
        self._tasks: SimpleQueue[tuple[Callable[[], Result], Future[Result]] | None] = SimpleQueue()

    def __del__(self) -> None:
        self._tasks.put(None)

    def begin(self, task: Callable[[], Result]) -> "Future[Result]":
        """Begin a task, and return where its result, or its error, will be."""
        future: Future[Result] = Future()
        if self._has_thread():
            self._tasks.put((task, future))
        else:
            _do(task, future)
        return future

    def do(self, task: Callable[[], Result], seconds: float) -> Result | None:
        """Have a task done that raises nothing; None after so many seconds: it is left behind then, with its thread."""
        future = self.begin(task)
        try:
            return future.result(seconds)
        except TimeoutError:
            return future.result() if future.done() else None
        finally:
            if not future.done():  # or whoever interrupted us, and comes again, would wait behind it
                self._tasks.put(None)
                self._process = None

    def _has_thread(self) -> bool:
        if self._process != os.getpid():
            self._tasks = SimpleQueue()
            try:
                threading.Thread(target=_work, args=(self._tasks,), daemon=True).start()
            except RuntimeError:
                return False
            self._process = os.getpid()
        return True


def _work(tasks: "SimpleQueue[tuple[Callable[[], Result], Future[Result]] | None]") -> None:
    while (item := tasks.get()) is not None:
        _do(*item)
        del item  # what it holds is not to live until the next one comes


def _do(task: Callable[[], Result], future: "Future[Result]") -> None:
    try:
        future.set_result(task())
    except BaseException as error:  # it is raised where the result is asked for
        future.set_exception(error)
        if isinstance(error, KeyboardInterrupt):  # only the main thread meets it: who interrupts us waits for nothing
            raise
    finally:
        del task, future  # the traceback of the error holds this frame, and must not hold what the frame does
