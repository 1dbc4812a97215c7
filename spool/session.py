"""A session of requests that does as it is told and no more: no redirect, no cookie, no login, few retries."""

import socket
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from http.cookiejar import DefaultCookiePolicy
from typing import TYPE_CHECKING, Any, Self
from weakref import ref

import requests
from requests.adapters import HTTPAdapter
from urllib3.exceptions import ReadTimeoutError
from urllib3.util import Retry

from spool.answer import Answer
from spool.endpoint import is_local

if TYPE_CHECKING:
    from types import TracebackType

    from urllib3.connectionpool import ConnectionPool, HTTPConnectionPool
    from urllib3.response import BaseHTTPResponse


DEADLINE = 30.0  # seconds for everything, name look-up and a dripping answer included


def open_session(
    address: str,
    authorize: Callable[[requests.PreparedRequest], requests.PreparedRequest],
    adapter: HTTPAdapter,
) -> requests.Session:
    """Return a session for requests to one address, each passed through `authorize` before it leaves."""
    session = _Session()
    session.headers.clear()
    # Does not look for a login in ~/.netrc, as requests would without it.
    session.auth = authorize
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))  # or an endpoint could mark us
    # Proxies and certificates come from the environment, except for this very machine: what may go there without
    # encryption must not go to a proxy instead.
    session.trust_env = not is_local(address)
    session.mount("https://", adapter)
    session.mount("http://", adapter)
    return session


class Poster:
    """
    Posts to one address, one request after another over a session that is kept.

    To find the way to an address (its parts, the proxy, the certificates) is a third of what a request takes. It is
    done for the first one, and again, in a new session, behind one that failed: the network may have become another.

    Each thread has its own way, and so has a forked child, where none of the threads lives on that made one: two that
    share a connection read one another's answers. `deadline` is seconds: behind it nothing is repeated.
    """

    def __init__(
        self,
        address: str,
        authorize: Callable[[requests.PreparedRequest], requests.PreparedRequest],
        *,
        verify: str | bool,
        retries: int,
        deadline: float,
    ) -> None:
        self._address = address
        self._deadline = deadline
        self._authorize = authorize
        self._verify = verify
        self._retries = retries
        self._kept = threading.local()  # its `way`

    def post(
        self,
        headers: Mapping[str, str],
        body: bytes,
        timeout: tuple[float, float],
        may_repeat: Callable[[], bool],
        call: "Call",
    ) -> requests.Response:
        """
        Send a body, and return the answer as soon as its header is there. It raises what requests does.

        `may_repeat` is asked before the same is sent again; nothing is once the call was given up.
        """
        call.check()
        way: _Way | None = getattr(self._kept, "way", None)
        if way is None:
            way = self._kept.way = self._find_way(headers)
        way.adapter.call = call
        until = time.monotonic() + self._deadline
        way.retry.may_repeat = lambda: not call.given_up and time.monotonic() <= until and may_repeat()
        way.request.headers.update(headers)
        way.request.prepare_body(body, None)
        # No redirect: records go where the user said, and nowhere else.
        return way.session.send(way.request, timeout=timeout, allow_redirects=False, **way.settings)

    def forget(self) -> None:
        """Find the way anew for the next request of this thread."""
        self._kept.way = None

    def _find_way(self, headers: Mapping[str, str]) -> "_Way":
        retry = quick_retries(self._retries)
        adapter = Adapter(max_retries=retry)
        adapter.deadline = self._deadline
        session = open_session(self._address, self._authorize, adapter)
        request = session.prepare_request(requests.Request("POST", self._address, headers))
        # The certificates are said here, as REQUESTS_CA_BUNDLE would win over what the session says.
        settings = session.merge_environment_settings(request.url, {}, True, self._verify, None)
        return _Way(session, adapter, retry, request, settings)


@dataclass(frozen=True, slots=True)
class _Way:
    """What is kept from one request of a thread to its next; `settings` are those of `Session.send`."""

    session: requests.Session
    adapter: "Adapter"
    retry: "_Retry"
    request: requests.PreparedRequest
    settings: Mapping[str, Any]


class Call:
    """One request, for whoever may give it up while another thread waits for its answer."""

    def __init__(self) -> None:
        self.given_up = False
        self._socket: Any = None

    def connected(self, connection: Any) -> None:
        """Note the socket that the request leaves by, unless nobody waits any more."""
        self._socket = connection
        self.check()

    def check(self) -> None:
        """Raise ConnectionAbortedError once nobody waits any more: while a name was looked up, say."""
        if self.given_up:
            raise ConnectionAbortedError

    def give_up(self) -> None:
        """Let nothing more be sent, and whoever reads the answer meet the end of the connection."""
        self.given_up = True
        if isinstance(self._socket, socket.socket):
            with suppress(OSError):
                socket.socket.shutdown(self._socket, socket.SHUT_RDWR)  # below TLS, which is not to be closed in form


class _Session(requests.Session):
    def get_redirect_target(self, resp: requests.Response) -> str | None:  # noqa: ARG002
        """Look at no redirect: to offer its target, requests would read all of its body, however much that is."""
        return None


class _Connection:
    """
    What our connections do in their own way, whatever they are otherwise.

    A request leaves in one piece, header and body, where urllib3 would send two: for a small one that is one packet.
    Answers are read as `spool.answer` says.
    """

    response_class = Answer
    adapter: "Callable[[], Adapter | None]"
    deadline: float
    sock: Any
    connect: Callable[[], None]
    _pieces: list[bytes] | None = None

    def request(self, *arguments: Any, **named: Any) -> None:
        """Send a request."""
        pieces: list[bytes] = []
        self._pieces = pieces
        try:
            super().request(*arguments, **named)  # type: ignore[misc]
        finally:
            self._pieces = None
        if self.sock is None:
            self.connect()
        if (adapter := self.adapter()) is not None and adapter.call is not None:
            adapter.call.connected(self.sock)
        self.sock.settimeout(self.deadline)  # for all of it; urllib3 would go on with that for a connection
        self.send(b"".join(pieces))

    def send(self, data: bytes) -> None:
        """Send some bytes, or keep them for the whole that they are a piece of. What opens a tunnel is sent at once."""
        if self._pieces is None:
            super().send(data)  # type: ignore[misc]
        else:
            self._pieces.append(data)


class Adapter(HTTPAdapter):
    """Makes connections in our way, and in the one way to the one host for which it is first asked."""

    call: Call | None = None  # what is under way
    deadline = DEADLINE
    _pool: Any = None  # the stubs are urllib3 1's

    def get_connection_with_tls_context(self, *arguments: Any, **named: Any) -> "HTTPConnectionPool":
        """Return the connections to that host."""
        if self._pool is None:
            try:
                self._pool = super().get_connection_with_tls_context(*arguments, **named)
            except TypeError as error:  # what requests raises for a proxy whose address names no host
                raise requests.exceptions.InvalidProxyURL from error
            kind = self._pool.ConnectionCls
            self._pool.ConnectionCls = type(
                "Connection", (_Connection, kind), {"adapter": ref(self), "deadline": self.deadline}
            )
        return self._pool  # type: ignore[no-any-return]


class _Retry(Retry):
    """
    Repeats what a moment may mend: not what the server wants to be left alone with for a while.

    `may_repeat` is asked first: whoever asked for the request may have gone, or may have changed their mind.
    """

    may_repeat: Callable[[], bool] = staticmethod(lambda: True)

    def new(self, **changed: Any) -> Self:
        after = super().new(**changed)
        after.may_repeat = self.may_repeat
        return after

    def is_retry(self, method: str, status_code: int, has_retry_after: bool = False) -> bool:
        return not has_retry_after and super().is_retry(method, status_code, has_retry_after)

    def increment(
        self,
        method: str | None = None,
        url: str | None = None,
        response: "BaseHTTPResponse | None" = None,
        error: Exception | None = None,
        _pool: "ConnectionPool | None" = None,
        _stacktrace: "TracebackType | None" = None,
    ) -> Self:
        if isinstance(error, ReadTimeoutError):
            raise error  # the server has it, and takes its time: it would get the same twice
        if not self.may_repeat():
            self.total = 0
        after = super().increment(method, url, response, error, _pool, _stacktrace)
        if response is not None:
            response.close()  # or urllib3 would first read all of it, however much that is
        return after


def quick_retries(total: int) -> _Retry:
    """
    Return how a request is repeated at once: a server that has just dropped an idle connection is the usual case.

    Anything more patient is the schedule's, which needs nobody to wait. The request's key is the same each time.
    """
    return _Retry(
        total=total,
        read=min(total, 1),
        connect=min(total, 1),
        other=0,  # a certificate, or a proxy that refuses: it would do so again, and count
        redirect=0,
        status_forcelist={500, 502, 503, 504},
        allowed_methods=None,  # POST is one that is not repeated otherwise
        backoff_factor=0.1,
        backoff_jitter=0.3,
        respect_retry_after_header=False,
        raise_on_status=False,
    )
