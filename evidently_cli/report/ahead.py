"""Work that goes on in a thread of its own, while we do other work."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from threading import Thread
from typing import TypeVar

Result = TypeVar("Result")


def begin(work: Callable[[], Result]) -> Future[Result]:
    """
    Begin some work, and return where its result, or its exception, will be.

    Nobody waits for it when the program ends or is interrupted, as the threads of an executor would have us do. Where
    no thread can be had, it is done at once.
    """
    future: Future[Result] = Future()
    try:
        Thread(target=_do, args=(work, future), daemon=True).start()
    except RuntimeError:
        _do(work, future)
    return future


def _do(work: Callable[[], Result], future: Future[Result]) -> None:
    try:
        future.set_result(work())
    except BaseException as error:  # noqa: BLE001 - for whoever asks for the result
        future.set_exception(error)
    finally:
        del work, future  # the traceback of the error holds this frame, and must not hold what the frame does
