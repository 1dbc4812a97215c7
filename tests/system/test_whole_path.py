"""The whole path, from the append to the endpoint, over everything that goes wrong on the way."""

import gzip
import json
import random
import socket
import time
from collections import Counter
from pathlib import Path
from threading import Lock

from command_line import CommandLine
from endpoint import Answer, Endpoint, Request, reply, reset

from evidently_cli import event
from evidently_cli.settings import SOURCE
from spool import Bounds, Spool
from spool.disk import Disk

EVENTS = 100_000
USAGE = event.Usage("profile", ["data_drift"], event.SamplingUsage(), event.SamplingUsage("nth", 1.0, 10))


class Quick(Disk):
    """A disk that does not sync: what a power cut would take is not the question here."""

    def sync(self, descriptor: int) -> None:
        pass

    def sync_directory(self, path: Path) -> None:
        pass


def half(connection: socket.socket, _request: Request) -> None:
    """Break off in the middle of an acknowledgement."""
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 90\r\n\r\n{")
    connection.shutdown(socket.SHUT_RDWR)


FAILURES: list[Answer] = [
    *(reply(status) for status in (401, 404, 408, 425, 500, 502, 504)),
    reply(429, Retry_After="0"),
    reply(503, Retry_After="0"),
    reply(302, Location="https://elsewhere.example/"),
    reply(200, b"<html>Welcome to the hotel", Content_Type="text/html"),
    reset,
    half,
]
OBJECTIONS: list[Answer] = [
    *(reply(status) for status in (400, 409, 413, 422)),
    reply(200, b'{"partialSuccess": {"rejectedLogRecords": "1"}}', Content_Type="application/json"),
]


class Unreliable:
    """An endpoint that stores what it takes, and fails at a fifth of the requests, before or after it has stored."""

    def __init__(self, draws: random.Random) -> None:
        self.stored: Counter[bytes] = Counter()
        self.failed = self.objected = 0
        self._draws = draws
        self._lock = Lock()

    def __call__(self, connection: socket.socket, request: Request) -> None:
        lines = gzip.decompress(request.body).splitlines()
        with self._lock:
            fate = self._draws.random()
            if fate < 0.8 or (fate < 0.95 and self._draws.random() < 0.5):
                self.stored.update(lines)
            if fate < 0.8:
                answer = reply(200)
            elif fate < 0.95 or len(lines) == 1:
                answer, self.failed = self._draws.choice(FAILURES), self.failed + 1
            else:
                answer, self.objected = self._draws.choice(OBJECTIONS), self.objected + 1
        answer(connection, request)


def test_everything_arrives(evidently: CommandLine, endpoint: Endpoint) -> None:
    """
    Of 100,000 events each arrives, though the endpoint fails in every way and flushes are killed at any moment.

    What arrives more than once is the same to the byte.
    """
    seed = time.time_ns()
    print(f"seed {seed}")  # noqa: T201 - pytest shows it with a failure
    draws = random.Random(seed)
    spool = Spool(evidently.spool, source=SOURCE, bounds=Bounds(octets=2**30), disk=Quick())
    data = event.build(USAGE, event.environment())
    expected = {spool.append(data, event_type=event.TYPE) for _ in range(EVENTS)}
    endpoint.answer = unreliable = Unreliable(draws)
    environment = {"EVIDENTLY_TELEMETRY_ENDPOINT": endpoint.url, "EVIDENTLY_TELEMETRY_WIRE": "ndjson"}
    kills, deadline = 0, time.monotonic() + 200
    while next(spool.records(), None) is not None:
        assert time.monotonic() < deadline, f"not done: {kills} kills, {unreliable.failed} failures"
        process = evidently.start("telemetry", "flush", "--force", **environment)
        if draws.random() < 0.5:
            taken = len(endpoint.requests)
            while process.poll() is None and len(endpoint.requests) < taken + 1:
                time.sleep(0.01)
            time.sleep(draws.uniform(0, 0.2))
            kills += process.poll() is None
            process.kill()
        _, stderr = process.communicate(timeout=100)
        assert "Traceback" not in stderr
    arrived = Counter(json.loads(line)["id"] for line in unreliable.stored)
    assert set(arrived) == expected
    assert set(arrived.values()) == {1}, "one id came with other bytes"
    assert not list(spool.layout.dead.iterdir())
    print(f"{kills} kills, {unreliable.failed} failures, {unreliable.objected} objections,", end=" ")  # noqa: T201
    print(f"{sum(unreliable.stored.values()) - EVENTS} came again")  # noqa: T201
    assert kills
    assert unreliable.failed
