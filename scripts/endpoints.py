"""
Endpoints on this machine, from the best to the worst, for benchmarks: each yields its URL and ends with its block.

An endpoint can say how many flushes reached it: a benchmark against an endpoint that nobody called would show nothing.
"""

import socket
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

_DRIP_SECONDS = 0.5
_ENDLESS_ANSWER = b"HTTP/1.1 200 OK\r\nX-Slow: " + bytes(100_000)
_BACKLOG = 1024


@dataclass(frozen=True)
class Endpoint:
    """
    A URL, and how many flushes have reached it.

    `reached` is asked once, when all is over, and is None where nobody can know.
    """

    url: str
    reached: Callable[[], int] | None = None


@contextmanager
def fast(folder: Path) -> Iterator[Endpoint]:
    """Serve with the real collector, in a process of its own, storing in `folder`."""
    database = folder / "events.sqlite"
    command = [sys.executable, "-m", "evidently_cli.collector", "--quiet", "--port", "0", "--database", str(database)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as collector:
        assert collector.stdout is not None
        try:
            yield Endpoint(collector.stdout.readline().strip(), lambda: _count_stored(database))
        finally:
            collector.terminate()


@contextmanager
def sink() -> Iterator[Endpoint]:
    """Acknowledge whatever comes, and forget it: what a flush costs is then the flush's."""

    class Acknowledge(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_arguments: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Acknowledge) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield Endpoint(_url(server.socket))
        finally:
            server.shutdown()


@contextmanager
def sink_apart() -> Iterator[str]:
    """Be that in a process of its own: who sends has the interpreter for itself."""
    with subprocess.Popen([sys.executable, __file__], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.terminate()


@contextmanager
def refused() -> Iterator[Endpoint]:
    """Refuse every connection: the port is ours, and nobody listens."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield Endpoint(_url(bound))


@contextmanager
def black_hole() -> Iterator[Endpoint]:
    """Take connections and never read, answer or close: the kernel accepts, and nobody serves its queue."""
    with socket.create_server(("127.0.0.1", 0), backlog=_BACKLOG) as listening:
        yield Endpoint(_url(listening), lambda: _count_waiting(listening))


@contextmanager
def dripping() -> Iterator[Endpoint]:
    """Answer each connection with one byte per half second, so that a time-out per read never fires."""
    answers: list[tuple[socket.socket, Iterator[int]]] = []
    ended = threading.Event()
    with socket.create_server(("127.0.0.1", 0), backlog=_BACKLOG) as listening:
        dripper = threading.Thread(target=_drip, args=(listening, answers, ended))
        dripper.start()
        try:
            yield Endpoint(_url(listening), lambda: len(answers))
        finally:
            ended.set()
            dripper.join()
    for connection, _ in answers:
        connection.close()


def _drip(listening: socket.socket, answers: list[tuple[socket.socket, Iterator[int]]], ended: threading.Event) -> None:
    while not ended.wait(_DRIP_SECONDS):
        answers += [(connection, iter(_ENDLESS_ANSWER)) for connection in _accept_waiting(listening)]
        for connection, rest in answers:
            with suppress(OSError):  # its client has gone
                connection.send(bytes([next(rest)]))


def _accept_waiting(listening: socket.socket) -> list[socket.socket]:
    listening.setblocking(False)
    accepted = []
    with suppress(BlockingIOError):
        while True:
            accepted.append(listening.accept()[0])
    return accepted


def _count_waiting(listening: socket.socket) -> int:
    accepted = _accept_waiting(listening)
    for connection in accepted:
        connection.close()
    return len(accepted)


def _count_stored(database: Path) -> int:
    with closing(sqlite3.connect(database)) as connection:
        [number] = connection.execute("SELECT count(*) FROM events").fetchone()
        return int(number)


def _url(listening: socket.socket) -> str:
    return f"http://127.0.0.1:{listening.getsockname()[1]}/"


if __name__ == "__main__":
    with sink() as served:
        print(served.url, flush=True)
        threading.Event().wait()
