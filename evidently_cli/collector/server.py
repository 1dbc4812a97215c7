"""HTTP/1.1 in front of the store: `POST /` takes records, `GET /health` says that the server lives."""

import json
import re
import socket
import socketserver
import sqlite3
import sys
import time
from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from email.message import Message
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from evidently_cli.collector.body import BODY_LIMIT, RefusedError, members
from evidently_cli.collector.store import Store

_METHOD_OF = {"/": "POST", "/health": "GET"}
_LENGTH = re.compile("[0-9]{1,18}")
_LINGER_BYTES = 16 * BODY_LIMIT
_LINGER_SECONDS = 5.0


class Collector(ThreadingHTTPServer):
    """
    A listening collector; `serve_forever()` answers, one thread per connection.

    It has no TLS and no authentication: on anything but loopback it belongs behind a reverse proxy that has both.
    """

    daemon_threads = True  # an idle keep-alive connection does not hold up the end
    request_queue_size = 128

    def __init__(self, host: str, port: int, store: Store, *, quiet: bool) -> None:
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.store = store
        self.quiet = quiet
        super().__init__((host, port), _Handler)

    def server_bind(self) -> None:
        """Bind without HTTPServer's reverse look-up of our own name: it can hang for seconds, and serves nobody."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = str(self.server_address[0]), self.server_address[1]

    @property
    def url(self) -> str:
        """Where records are posted to."""
        host = f"[{self.server_name}]" if ":" in self.server_name else self.server_name
        return f"http://{host}:{self.server_port}/"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Stay silent when a client hangs up; anything else is a fault of ours, and shows its traceback."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    server: Collector
    protocol_version = "HTTP/1.1"
    timeout = 30  # seconds of silence on a connection
    disable_nagle_algorithm = True  # head and body of an answer are two writes; the second does not wait for an echo

    def do_POST(self) -> None:
        """Answer a request of any method."""
        try:
            self._route()
        except RefusedError as refusal:
            self._refuse(refusal.status, refusal.reason)

    # Every method gets the same look at its path, so that a wrong one is told "405" and not "501".
    do_GET = do_HEAD = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = do_POST  # noqa: N815 - http.server's spelling

    def version_string(self) -> str:
        """Name the program in the Server header, and not the version of Python that an attacker would like to know."""
        return "evidently-collector"

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:  # noqa: ARG002
        """Refuse what http.server cannot read, without its message: that quotes bytes which may be a body's."""
        self._refuse(HTTPStatus(code), HTTPStatus(code).phrase)

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Log nothing here: `_answer` knows more, and a request line may carry a token in its query."""

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Write a line to stderr, if anybody wants to read it."""
        if not self.server.quiet:
            super().log_message(format, *args)

    @property
    def _path(self) -> str:
        return self.path.partition("?")[0]

    def _route(self) -> None:
        allowed = _METHOD_OF.get(self._path)
        if allowed is None:
            raise RefusedError(HTTPStatus.NOT_FOUND, "no such path; records are posted to /")
        if self.command != allowed:
            raise RefusedError(HTTPStatus.METHOD_NOT_ALLOWED, f"{self._path} takes {allowed}")
        if self._path == "/health":
            self._answer(HTTPStatus.OK, {"status": "ok"})
        else:
            self._take()

    def _take(self) -> None:
        received_at = datetime.now(UTC)
        body = self._read_body()
        if body is None:
            return
        found = members(
            body,
            content_type=self.headers.get("Content-Type", ""),
            content_encoding=self.headers.get("Content-Encoding", ""),
        )
        try:
            receipt = self.server.store.add(found, received_at=received_at, sent_at=_sent_at(self.headers))
        except sqlite3.Error as error:
            super().log_message("cannot store: %s", error)  # quiet or not: who runs this must know
            raise RefusedError(HTTPStatus.SERVICE_UNAVAILABLE, "cannot store now") from None
        self._answer(HTTPStatus.OK, asdict(receipt))

    def _read_body(self) -> bytes | None:
        """Return the whole body, or None when the client hung up before its end."""
        length = self.headers.get("Content-Length")
        if length is None or "Transfer-Encoding" in self.headers:
            raise RefusedError(HTTPStatus.LENGTH_REQUIRED, "send a Content-Length and no Transfer-Encoding")
        if not _LENGTH.fullmatch(length):
            raise RefusedError(HTTPStatus.BAD_REQUEST, "Content-Length is not a number")
        if int(length) > BODY_LIMIT:
            raise RefusedError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"body is longer than {BODY_LIMIT} bytes")
        body = self.rfile.read(int(length))
        if len(body) < int(length):
            self.close_connection = True
            return None
        return body

    def _refuse(self, status: HTTPStatus, reason: str) -> None:
        self.close_connection = True  # what is left of the request must not be read as the next one
        self._answer(status, {"error": reason})
        self._linger()

    def _answer(self, status: HTTPStatus, content: Mapping[str, Any]) -> None:
        self.log_message("%d %s", status, _summary(content))  # before the client knows: it may look for the line
        body = json.dumps(content).encode() + b"\n"
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        if self.close_connection:
            self.send_header("Connection", "close")
        if status is HTTPStatus.METHOD_NOT_ALLOWED:
            self.send_header("Allow", _METHOD_OF[self._path])
        if status is HTTPStatus.UNSUPPORTED_MEDIA_TYPE:
            self.send_header("Accept-Encoding", "gzip")
        if status is HTTPStatus.SERVICE_UNAVAILABLE:
            self.send_header("Retry-After", "60")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def _linger(self) -> None:
        """
        Read on for a while after an early answer.

        RACE: a client that is still sending when we close gets a reset, and may lose the answer that tells it why.
        """
        deadline = time.monotonic() + _LINGER_SECONDS
        left = _LINGER_BYTES
        try:
            self.connection.shutdown(socket.SHUT_WR)
            self.connection.settimeout(_LINGER_SECONDS)
            while left > 0 and time.monotonic() < deadline:
                chunk = self.rfile.read1(64 * 1024)
                if not chunk:
                    return
                left -= len(chunk)
        except OSError:
            return  # the client is gone or silent: what it could hear, it has heard


def _sent_at(headers: Message) -> datetime | None:
    """Return the client's clock at the moment of sending (RFC 9110 §6.6.1), if it tells."""
    try:
        return parsedate_to_datetime(headers["Date"]).astimezone(UTC)
    except (TypeError, ValueError, OverflowError):
        return None


def _summary(content: Mapping[str, Any]) -> str:
    """Describe an answer in a log line: counts and our own words, never the client's."""
    return " ".join(f"{key}={len(value) if isinstance(value, tuple) else value}" for key, value in content.items())
