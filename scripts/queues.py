"""
The queues that `scripts/bench spool` compares, one small class each, and the process that appends to one of them.

`queues.py QUEUE FOLDER WORKER COUNT` appends event 0, says "ready", waits for the end of its input, appends COUNT more,
and prints when it began and ended and how many nanoseconds each took: null where the queue raised. The start of this
process is measured too, so it imports little, and each queue imports what only it needs.
"""

import json
import os
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator

EVENT_BYTES = 718  # as JSON; an event of this tool is about as long


def event(worker: int, number: int) -> dict[str, object]:
    """Return an event that differs from every other, and is known again from these two numbers."""
    plain: dict[str, object] = {
        "worker": worker,
        "number": number,
        "environment": {"os": "Linux", "python": "3.11.7", "cpus": 2, "in_ci": False},
        "usage": {"type": "profile", "parts": ["data_drift"], "tabs": [], "sampling": {"type": "nth", "ratio": "0.1"}},
        "text": "",
    }
    return plain | {"text": "x" * (EVENT_BYTES - len(json.dumps(plain)))}


class Queue(ABC):
    """A queue in a folder, opened once in each process. `durable`: what was appended survives a power cut."""

    durable = True
    how: str  # it is durable, or is not
    needs: str | None = None  # the distribution that has it

    @abstractmethod
    def __init__(self, folder: str) -> None: ...

    @abstractmethod
    def append(self, event: dict[str, object]) -> None:
        """Return when the event is accepted."""

    @abstractmethod
    def read(self) -> Iterator[object]:
        """Yield the events that are there; whatever else is there as it is."""

    @abstractmethod
    def close(self) -> None:
        """Let go of what is open, as a program that ends does."""


class Bare(Queue):
    """The floor: open, write, fdatasync, close. No record can be told from a torn one."""

    how = "fdatasync"

    def __init__(self, folder: str) -> None:
        self._path = f"{folder}/events.ndjson"

    def append(self, event: dict[str, object]) -> None:
        descriptor = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            os.write(descriptor, json.dumps(event).encode() + b"\n")
            os.fdatasync(descriptor)
        finally:
            os.close(descriptor)

    def read(self) -> Iterator[object]:
        with open(self._path, encoding="utf-8") as lines:  # noqa: PTH123 - pathlib would be part of the floor
            yield from map(json.loads, lines)

    def close(self) -> None:
        pass


class OurSpool(Queue):
    """Our own, with bounds so wide that nothing of a large backlog is dropped."""

    how = "fdatasync"

    def __init__(self, folder: str) -> None:
        from datetime import timedelta
        from pathlib import Path

        from spool import Spool
        from spool.bounds import Bounds

        self._spool = Spool(Path(folder, "spool"), source="bench", bounds=Bounds(2**40, timedelta(days=3650)))

    def append(self, event: dict[str, object]) -> None:
        self._spool.append(event, event_type="bench.v1")

    def read(self) -> Iterator[object]:
        for record in self._spool.records():
            yield record.attributes["data"]

    def close(self) -> None:
        del self._spool


class Sqlite(Queue):
    """What a careful programmer writes in ten lines."""

    how = "WAL, synchronous=FULL"

    def __init__(self, folder: str) -> None:
        import sqlite3

        self._connection = sqlite3.connect(f"{folder}/queue.sqlite", timeout=60, isolation_level=None)
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("PRAGMA synchronous = FULL")
        self._connection.execute("CREATE TABLE IF NOT EXISTS queue (id INTEGER PRIMARY KEY, event TEXT NOT NULL)")

    def append(self, event: dict[str, object]) -> None:
        self._connection.execute("INSERT INTO queue (event) VALUES (?)", (json.dumps(event),))

    def read(self) -> Iterator[object]:
        for (text,) in self._connection.execute("SELECT event FROM queue"):
            yield json.loads(text)

    def close(self) -> None:
        self._connection.close()


class PersistQueueSqlite(Queue):
    """persist-queue's SQLiteQueue as it comes, but for the wait for others: its ten seconds can be too short."""

    how = "WAL, synchronous=FULL"
    needs = "persist-queue"

    def __init__(self, folder: str) -> None:
        import persistqueue

        self._queue = persistqueue.SQLiteQueue(folder, auto_commit=True, timeout=60)

    def append(self, event: dict[str, object]) -> None:
        self._queue.put(json.dumps(event))

    def read(self) -> Iterator[object]:
        for row in self._queue.queue():
            yield json.loads(row["data"])

    def close(self) -> None:
        self._queue.close()


class PersistQueueFile(Queue):
    """persist-queue's Queue of files, made for one process: it is here because nothing stops a second one."""

    durable = False
    how = "syncs once in 100 events"
    needs = "persist-queue"

    def __init__(self, folder: str) -> None:
        import persistqueue

        self._queue = persistqueue.Queue(folder)

    def append(self, event: dict[str, object]) -> None:
        self._queue.put(json.dumps(event))

    def read(self) -> Iterator[object]:
        for _ in range(self._queue.qsize()):  # its own count may be wrong: it then gives None, without an end
            text = self._queue.get_nowait()
            if text is not None:
                yield json.loads(text)

    def close(self) -> None:
        del self._queue


class LiteQueue(Queue):
    """litequeue as it comes."""

    durable = False
    how = "WAL, synchronous=NORMAL"
    needs = "litequeue"

    def __init__(self, folder: str) -> None:
        import litequeue

        self._queue = litequeue.LiteQueue(f"{folder}/queue.sqlite", timeout=60)

    def append(self, event: dict[str, object]) -> None:
        self._queue.put(json.dumps(event))

    def read(self) -> Iterator[object]:
        for (text,) in self._queue.conn.execute("SELECT data FROM Queue"):
            yield json.loads(text)

    def close(self) -> None:
        self._queue.close()


class LiteQueueFull(LiteQueue):
    """litequeue, made durable through its connection: it has no option for that."""

    durable = True
    how = "WAL, synchronous=FULL"

    def __init__(self, folder: str) -> None:
        super().__init__(folder)
        self._queue.conn.execute("PRAGMA synchronous = FULL")


class DiskCache(Queue):
    """diskcache's Deque as it comes."""

    durable = False
    how = "WAL, synchronous=NORMAL"
    needs = "diskcache"
    _SYNCHRONOUS = 1

    def __init__(self, folder: str) -> None:
        import diskcache

        cache = diskcache.Cache(folder, eviction_policy="none", sqlite_synchronous=self._SYNCHRONOUS)
        self._deque = diskcache.Deque.fromcache(cache)

    def append(self, event: dict[str, object]) -> None:
        self._deque.append(json.dumps(event))

    def read(self) -> Iterator[object]:
        yield from map(json.loads, self._deque)

    def close(self) -> None:
        self._deque.cache.close()


class DiskCacheFull(DiskCache):
    """diskcache's Deque, made durable by an option of its Cache."""

    durable = True
    how = "WAL, synchronous=FULL"
    _SYNCHRONOUS = 2


QUEUES: dict[str, type[Queue]] = {
    "bare": Bare,
    "spool": OurSpool,
    "sqlite3": Sqlite,
    "persist-queue SQLiteQueue": PersistQueueSqlite,
    "persist-queue Queue": PersistQueueFile,
    "litequeue": LiteQueue,
    "litequeue FULL": LiteQueueFull,
    "diskcache.Deque": DiskCache,
    "diskcache.Deque FULL": DiskCacheFull,
}


def main() -> None:
    """Be one appending process."""
    name, folder, worker, count = sys.argv[1:]
    queue = QUEUES[name](folder)
    queue.append(event(int(worker), 0))  # late imports and new files are the business of a fresh process
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    sys.stdin.read()  # ends for all workers at the same instant
    began = time.perf_counter()
    took = [_append(queue, event(int(worker), number)) for number in range(1, int(count) + 1)]
    json.dump({"began": began, "ended": time.perf_counter(), "took": took}, sys.stdout)


def append_once(name: str, folder: str, event: dict[str, object]) -> int:
    """Open a queue, append one event, close it; return how many nanoseconds that took."""
    started = time.perf_counter_ns()
    queue = QUEUES[name](folder)
    queue.append(event)
    queue.close()
    return time.perf_counter_ns() - started


def _append(queue: Queue, event: dict[str, object]) -> int | None:
    started = time.perf_counter_ns()
    try:
        queue.append(event)
    except Exception:  # noqa: BLE001 - whatever it raised, it did not accept the event
        return None
    return time.perf_counter_ns() - started


if __name__ == "__main__":
    main()
