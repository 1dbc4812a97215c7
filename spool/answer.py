"""How an HTTP answer begins: stricter than `http.client`, which takes a part of a header for all of it."""

from http import HTTPStatus
from http.client import HTTPException, HTTPResponse, IncompleteRead
from io import BufferedReader
from typing import Any

_MOST_BEGINNINGS = 20


class Answer(HTTPResponse):
    """
    An answer that is there when its header is whole.

    Interim answers (RFC 9110, section 15.2) announce it and are passed over, where `http.client` knows of 100 alone and
    takes any other for the answer: the real one would then be read as that to the next request.
    """

    _beginnings = 0

    def begin(self) -> None:
        """Read the header of the final answer."""
        while True:
            self._begin_once()
            if self.status == HTTPStatus.SWITCHING_PROTOCOLS:
                self.will_close = True  # nobody asked for it: what follows is not HTTP
            elif HTTPStatus.CONTINUE <= self.status < HTTPStatus.OK:
                self.headers = self.msg = None  # type: ignore[assignment] # as before the first line
                continue
            return

    def _read_status(self) -> tuple[str, int, str]:
        """Read the first line of an answer; `http.client` calls this for each 100 that it passes over, too."""
        self._beginnings += 1
        if self._beginnings > _MOST_BEGINNINGS:
            raise HTTPException("no end of interim answers")
        return super()._read_status()  # type: ignore[misc, no-any-return]

    def _begin_once(self) -> None:
        lines: Any = _Lines(self.fp)
        self.fp = lines
        try:
            super().begin()
        finally:
            if self.fp is not None:  # it is when the first line was none
                self.fp = lines.stream
        if not lines.last:
            raise IncompleteRead(b"")


class _Lines:
    """Reads lines, and remembers the last one: an empty one is the end of the connection."""

    def __init__(self, stream: BufferedReader) -> None:
        self.stream = stream
        self.last = b""
        self.close = stream.close

    def readline(self, limit: int) -> bytes:
        self.last = self.stream.readline(limit)
        return self.last
