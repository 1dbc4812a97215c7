"""A real endpoint on the loopback interface that answers as a test says, byte for byte."""

import gzip
import json
import os
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path


@dataclass
class Request:
    """One request as it came over the wire."""

    line: str
    headers: dict[str, str]
    body: bytes

    @property
    def records(self) -> list[dict[str, object]]:
        """The records in the body."""
        records: list[dict[str, object]] = json.loads(self.text)
        return records

    @property
    def text(self) -> str:
        """The body, unpacked."""
        packed = self.headers.get("content-encoding") == "gzip"
        return (gzip.decompress(self.body) if packed else self.body).decode()


Answer = Callable[[socket.socket, Request], None]


def reply(status: int, body: bytes = b"", **headers: str) -> Answer:
    """Answer every request with this status, body and headers."""

    def answer(connection: socket.socket, _request: Request) -> None:
        lines = [f"HTTP/1.1 {status} Whatever", f"Content-Length: {len(body)}"]
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        connection.sendall("\r\n".join([*lines, "", ""]).encode() + body)

    return answer


def reset(connection: socket.socket, _request: Request | None = None) -> None:
    """Break the connection off without a word."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    os.close(connection.detach())  # to close the object would leave it open for whoever reads from it


def drip(connection: socket.socket, _request: Request) -> None:
    """Send the beginning of an answer, and then a byte every tenth of a second for ever."""
    connection.sendall(b"HTTP/1.1 200 OK\r\nX-Drip: ")
    while True:
        connection.sendall(b"x")
        time.sleep(0.1)


def silence(_connection: socket.socket, _request: Request) -> None:
    """Never answer."""
    threading.Event().wait(120)


@dataclass
class Endpoint:
    """
    A server that reads whole requests and answers as `answer` says. `requests` are those that came.

    With a `certificate` (a file that has its key as well) it speaks TLS.
    """

    answer: Answer = field(default_factory=lambda: reply(200))
    requests: list[Request] = field(default_factory=list)
    connections: int = 0
    certificate: Path | None = None
    versions: tuple[ssl.TLSVersion, ssl.TLSVersion] = (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3)

    def __post_init__(self) -> None:
        self._security = self._context()
        self._socket = socket.create_server(("127.0.0.1", 0), backlog=64)
        scheme = "https" if self.certificate else "http"
        self.url = f"{scheme}://127.0.0.1:{self._socket.getsockname()[1]}/events"
        threading.Thread(target=self._serve, daemon=True).start()

    @property
    def records(self) -> list[dict[str, object]]:
        """The records of all requests."""
        return [record for request in self.requests for record in request.records]

    def close(self) -> None:
        """Refuse connections from now on."""
        self._socket.close()

    def _context(self) -> ssl.SSLContext | None:
        if self.certificate is None:
            return None
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.set_ciphers("DEFAULT:@SECLEVEL=0")  # or an old version would not be spoken at all
        context.minimum_version, context.maximum_version = self.versions
        context.load_cert_chain(self.certificate)
        return context

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._talk, args=(connection,), daemon=True).start()

    def _talk(self, connection: socket.socket) -> None:
        try:
            if self._security:
                connection = self._security.wrap_socket(connection, server_side=True)
        except OSError:
            connection.close()
            return
        with connection, connection.makefile("rb") as stream:
            try:
                while line := stream.readline():
                    headers: dict[str, str] = {}
                    while (header := stream.readline().strip()) != b"":
                        name, _, value = header.decode().partition(":")
                        headers[name.lower()] = value.strip()
                    body = stream.read(int(headers.get("content-length", 0)))
                    request = Request(line.decode().strip(), headers, body)
                    self.requests.append(request)
                    self.answer(connection, request)
            except OSError:
                return  # the client has gone, or the test is over
