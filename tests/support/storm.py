"""
A storm over one spool: processes that append, drain, carry and look, killed at random, against a bad server.

Each run of an appender writes the ids that its appends returned to a log of its own, so that what a killed process was
told is known. Line n of the log is the record with the number n: of each run, one record at most may turn up without
an acknowledgement, the one behind the last.
"""

import gzip
import itertools
import json
import multiprocessing
import random
import signal
import socket
import struct
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from multiprocessing.process import BaseProcess
from pathlib import Path

from endpoint import Endpoint, Request, reply

from spool import (
    WIRE_FORMATS,
    BundleError,
    Record,
    Spool,
    drain,
    export_bundle,
    import_bundle,
)
from spool.bounds import Bounds
from spool.dead import letters
from spool.http import HttpTransport
from spool.inspection import count_pending
from spool.record import verify

_WORKERS = {"appender": 8, "drainer": 2, "exporter": 1, "inspector": 1}
_BETWEEN_KILLS = 0.05  # seconds, on average
_BOUNDLESS = Bounds(octets=2**50, age=timedelta.max)  # what a bound drops is not lost; here nothing is to be dropped

# Children are forked by a server without threads: in this process the endpoint's threads hold locks of their own.
_processes = multiprocessing.get_context("forkserver")
_processes.set_forkserver_preload(["filelock", "spool.bundle", "spool.drainer", "spool.http", "spool.inspection"])


@dataclass(frozen=True, slots=True)
class Verdict:
    """
    What a storm did. `broken` has a line for each breach of the promise; it is to be empty.

    `torn` counts lines that a kill cut off, `unacknowledged` records that arrived though no append said so, `bundles`
    those that a killed exporter left, `unfinished` those of them that an import refused.
    """

    acknowledged: int
    taken: int
    duplicates: int
    buried: int
    torn: int
    bundles: int
    unfinished: int
    unacknowledged: int
    kills: Counter[str]
    answers: Counter[str]
    broken: tuple[str, ...]


def storm(folder: Path, *, seed: int, seconds: float) -> Verdict:
    """Let a storm pass over a new spool in `folder`, drain what it leaves, and hold what arrived against the logs."""
    draws = random.Random(seed)
    receiver = Receiver(random.Random(draws.random()))
    endpoint = Endpoint(receiver)
    try:
        crew = _Crew(folder, endpoint.url, draws)
        with crew.at_work():
            end = time.monotonic() + seconds
            while time.monotonic() < end:
                time.sleep(draws.expovariate(1 / _BETWEEN_KILLS))
                crew.replace_one()
        receiver.failing = False
        spool = Spool(folder / "spool", source="storm", bounds=_BOUNDLESS)
        bundles = list(folder.glob("*.gz"))
        unfinished = sum(not _import(spool, path) for path in bundles)
        last = drain(spool, HttpTransport(endpoint.url, WIRE_FORMATS["json"], user_agent="storm"), ignore_backoff=True)
    finally:
        endpoint.close()
    broken = [*crew.broken, *receiver.broken]
    if last.failure or last.wait or count_pending(spool, spool.now()).records:
        broken.append(f"the last drain left records behind: {last}")
    logs = {path.stem: path.read_text().split() for path in folder.glob("*.log")}
    dead = list(letters(spool))
    buried = {letter.record.id: Origin.of(letter.record) for letter in dead if letter.record}
    broken += _breaches(logs, receiver.taken, buried)
    acknowledged = {record_id for log in logs.values() for record_id in log}
    return Verdict(
        acknowledged=len(acknowledged),
        taken=len(receiver.taken),
        duplicates=receiver.duplicates,
        buried=len(buried),
        bundles=len(bundles),
        unfinished=unfinished,
        torn=sum(letter.record is None for letter in dead),
        unacknowledged=len((receiver.taken.keys() | buried.keys()) - acknowledged),
        kills=crew.kills,
        answers=receiver.answers,
        broken=tuple(broken),
    )


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a record comes from: the run that appended it and its number there; and its bytes, as a checksum."""

    run: str
    number: int
    mark: str
    checksum: bytes

    @classmethod
    def of(cls, record: Record) -> "Origin":
        """Read it from a record that `_append` wrote."""
        attributes = record.attributes
        data = attributes["data"]
        assert isinstance(data, dict)
        return cls(str(attributes["source"]), data["number"], data["mark"], sha256(record.line).digest())


def _breaches(logs: dict[str, list[str]], taken: dict[str, Origin], buried: dict[str, Origin]) -> Iterator[str]:
    for run, log in logs.items():
        for number, record_id in enumerate(log):
            if record_id not in taken and record_id not in buried:
                yield f"lost: {record_id}, number {number} of {run}"
    for record_id, origin in [*taken.items(), *buried.items()]:
        log = logs[origin.run]
        if origin.number > len(log) or (origin.number < len(log) and log[origin.number] != record_id):
            yield f"foreign: {record_id} says that it is number {origin.number} of {origin.run}"
    for record_id, origin in buried.items():
        if not origin.mark:
            yield f"buried without a reason: {record_id}"
        if record_id in taken:
            yield f"buried and taken: {record_id}"


class Receiver:
    """What the endpoint does with a request: takes it, or fails in one of the ways that servers have."""

    def __init__(self, draws: random.Random) -> None:
        self.failing = True
        self.taken: dict[str, Origin] = {}
        self.duplicates = 0
        self.answers: Counter[str] = Counter()
        self.broken: list[str] = []
        self._draws = draws
        self._one_at_a_time = threading.Lock()

    def __call__(self, connection: socket.socket, request: Request) -> None:
        """Answer one request."""
        with self._one_at_a_time:
            records = self._read(request)
            marks = {origin.mark for origin in records.values()}
            answer, pause = self._draw() if self.failing else ("take", 0.0)
            if answer in {"take", "take and drop"} and "refuse" in marks:
                answer = "refuse"
            elif answer in {"take", "take and drop"}:
                self._take(records)
            self.answers[answer] += 1
        time.sleep(pause)  # so that kills meet the time between taking and answering
        rejected = [{"id": record_id} for record_id, origin in records.items() if origin.mark == "reject"]
        acknowledge = reply(200, json.dumps({"rejected": rejected}).encode())
        {"take": acknowledge, "refuse": reply(400), **_FAILURES}[answer](connection, request)

    def _draw(self) -> tuple[str, float]:
        [answer] = self._draws.choices(["take", *_FAILURES], [12, *([1] * len(_FAILURES))])
        return answer, self._draws.uniform(0, 0.01)

    def _read(self, request: Request) -> dict[str, Origin]:
        """Verify each record in a body, by the bytes that came."""
        records = {}
        for parsed, line in _members(gzip.decompress(request.body).decode("ascii")):
            record = verify(line)
            if record is None or parsed["id"] != record.id:
                self.broken.append(f"torn, or without its id: {line!r}")
            else:
                records[record.id] = Origin.of(record)
        return records

    def _take(self, records: dict[str, Origin]) -> None:
        for record_id, origin in records.items():
            if origin.mark == "reject":
                continue
            self.duplicates += record_id in self.taken
            if self.taken.setdefault(record_id, origin) != origin:
                self.broken.append(f"one id, two records: {record_id}")


def _members(array: str) -> Iterator[tuple[dict[str, object], bytes]]:
    """The members of a JSON array without white space: parsed, and byte for byte."""
    decoder, start = json.JSONDecoder(), 1
    while start < len(array):
        parsed, end = decoder.raw_decode(array, start)
        yield parsed, array[start:end].encode("ascii")
        start = end + 1


def _drop(connection: socket.socket, _request: Request) -> None:
    connection.shutdown(socket.SHUT_RDWR)


def _reset(connection: socket.socket, _request: Request) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    raise ConnectionResetError  # the endpoint closes, which now is a reset


_FAILURES = {
    "take and drop": _drop,
    "reset": _reset,
    "503": reply(503),
    "503, at once": reply(503, Retry_After="0"),
    "web page": reply(200, b"<html>Log in</html>", Content_Type="text/html"),
}


class _Crew:
    """The processes at work. `broken` says which of them ended although nobody had killed them."""

    def __init__(self, folder: Path, url: str, draws: random.Random) -> None:
        self.kills: Counter[str] = Counter()
        self.broken: list[str] = []
        self._draws = draws
        self._runs = itertools.count()
        root = folder / "spool"
        self._roles: dict[str, Callable[[int], tuple[Callable[..., None], tuple[object, ...]]]] = {
            "appender": lambda run: (_append, (root, folder / f"{run}.log", run)),
            "drainer": lambda _run: (_drain, (root, url)),
            "exporter": lambda run: (_carry, (root, folder, run)),
            "inspector": lambda _run: (_inspect, (root,)),
        }
        roles = [role for role, number in _WORKERS.items() for _ in range(number)]
        self._workers = [(role, self._start(role)) for role in roles]

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """Kill all of them at the end, whatever happens in between."""
        try:
            yield
        finally:
            for role, process in self._workers:
                self._kill(role, process)

    def replace_one(self) -> None:
        """Kill one of them, and start another in its place."""
        place = self._draws.randrange(len(self._workers))
        role, process = self._workers[place]
        self._kill(role, process)
        self._workers[place] = (role, self._start(role))

    def _start(self, role: str) -> BaseProcess:
        work, arguments = self._roles[role](next(self._runs))
        process = _processes.Process(target=work, args=arguments, daemon=True)
        process.start()
        return process

    def _kill(self, role: str, process: BaseProcess) -> None:
        process.kill()
        process.join()
        if process.exitcode != -signal.SIGKILL:
            self.broken.append(f"{role}: ended by itself with exit code {process.exitcode}, its traceback is on stderr")
        self.kills[role] += 1
        process.close()


def _append(root: Path, log: Path, run: int) -> None:
    draws = random.Random(run)
    spool = Spool(root, source=log.stem, bounds=_BOUNDLESS)
    with log.open("ab", buffering=0) as acknowledged:
        for number in itertools.takewhile(_wanted, itertools.count()):
            [mark] = draws.choices(["", "refuse", "reject"], [996, 2, 2])
            [size] = draws.choices([0, 300, 20_000], [10, 10, 1])  # a kill tears a write of several pages
            record_id = spool.append({"number": number, "mark": mark, "filler": "x" * size}, event_type="storm.v1")
            acknowledged.write(record_id.encode() + b"\n")


def _drain(root: Path, url: str) -> None:
    spool = Spool(root, source="drainer", bounds=_BOUNDLESS)
    transport = HttpTransport(url, WIRE_FORMATS["json"], user_agent="storm")
    while _wanted():
        if not drain(spool, transport, ignore_backoff=True).requests:
            time.sleep(0.002)


def _carry(root: Path, folder: Path, run: int) -> None:
    """Move what is pending into bundles, and bring back those that are there, whoever left them."""
    spool = Spool(root, source="exporter", bounds=_BOUNDLESS)
    for number in itertools.takewhile(_wanted, itertools.count()):
        export_bundle(spool, folder / f"{run}-{number}.gz")
        time.sleep(0.01)
        for path in folder.glob("*.gz"):
            _import(spool, path)


def _import(spool: Spool, path: Path) -> bool:
    """Import a bundle and throw it away. An unfinished one is no loss: who wrote it had not taken anything out yet."""
    try:
        import_bundle(spool, path)
    except BundleError:
        whole = False
    else:
        whole = True
    path.unlink()
    return whole


def _inspect(root: Path) -> None:
    spool = Spool(root, source="inspector", bounds=_BOUNDLESS)
    while _wanted():
        seen = Counter(record.id for record in spool.records())
        assert max(seen.values(), default=1) == 1, "one look met a record twice"
        pending = count_pending(spool, spool.now())
        assert pending.foreign == 0, pending
        assert all(letter.record for letter in letters(spool) if letter.why["reason"] == "refused")


def _wanted(_number: int = 0) -> bool:
    """Whether the storm is still on: who started it may have been killed too."""
    parent = multiprocessing.parent_process()
    return parent is not None and parent.is_alive()
