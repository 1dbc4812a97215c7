"""The transport over HTTP. The only module that imports an HTTP client; import it where something is to be sent."""

import gzip
import hashlib
import threading
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
from http.cookiejar import DefaultCookiePolicy
from pathlib import Path
from typing import TYPE_CHECKING, Self

import requests
from requests.adapters import HTTPAdapter
from urllib3.exceptions import MaxRetryError, ProtocolError, ReadTimeoutError
from urllib3.util import Retry

from spool.endpoint import is_local
from spool.outcome import Deferred, Outcome, Refused, Response, classify
from spool.record import Record, printable, raw_id
from spool.transport import Transport
from spool.wire import WireFormat

if TYPE_CHECKING:
    from types import TracebackType

    from urllib3.connectionpool import ConnectionPool
    from urllib3.response import BaseHTTPResponse

_CONNECT_TIMEOUT = 5.0  # seconds
_READ_TIMEOUT = 15.0  # seconds between two reads
_DEADLINE = 30.0  # seconds for everything, name look-up and a dripping answer included
_RETRIES = 2  # quick ones, within the deadline
_BODY_LIMIT = 64 * 1024  # bytes of an answer that are read; an acknowledgement is short


@dataclass(frozen=True, slots=True)
class Request:
    """What goes over the wire for some records: every header that we set, and the body as it leaves."""

    url: str
    headers: dict[str, str]
    body: bytes


def build_request(
    url: str,
    records: Sequence[Record],
    wire: WireFormat,
    *,
    user_agent: str,
    now: datetime,
    compress: bool = True,
    packed: bytes | None = None,
) -> Request:
    """
    Build the request for some records: the one place that decides which bytes leave.

    `Date` says when it was sent, so that the receiver can correct a clock that is off; `Idempotency-Key` is the same
    in every retry by any process as long as the members are. `packed` is what `pack` returned for them, if it is known.
    """
    headers = {
        "Content-Type": wire.content_type,
        "User-Agent": user_agent,
        "Accept-Encoding": "identity",  # an answer that unpacks to gigabytes is none that we asked for
        "Date": format_datetime(now.astimezone(UTC), usegmt=True),
        "Idempotency-Key": hashlib.sha256(b"\n".join(map(raw_id, records))).hexdigest(),
    }
    if compress:
        headers["Content-Encoding"] = "gzip"
    return Request(url, headers, pack(records, wire, compress=compress) if packed is None else packed)


def pack(records: Sequence[Record], wire: WireFormat, *, compress: bool = True) -> bytes:
    """Return the body of a request as it leaves."""
    body = wire.encode(records)
    return gzip.compress(body, compresslevel=1, mtime=0) if compress else body


class _Ahead:
    """A body that is packed while the request before it is under way: compressing leaves the interpreter to others."""

    def __init__(self, records: Sequence[Record], wire: WireFormat, *, compress: bool) -> None:
        self.records = records
        self._packed: bytes | None = None
        self._thread = threading.Thread(target=self._pack, args=(wire, compress), daemon=True)
        self._thread.start()

    def packed(self) -> bytes | None:
        """Return the body, or None when it cannot be packed: whoever packs it then hears why."""
        self._thread.join()
        return self._packed

    def _pack(self, wire: WireFormat, compress: bool) -> None:
        with suppress(ValueError):
            self._packed = pack(self.records, wire, compress=compress)


class HttpTransport(Transport):
    """
    Sends records to one URL over one session.

    `token` is sent as a bearer token and shown nowhere. `ca_bundle` is a file of certificates to trust instead of the
    usual ones. `deadline` is seconds for a whole request, `retries` how often one is repeated at once, `clock` gives
    UTC.
    """

    def __init__(
        self,
        url: str,
        wire: WireFormat,
        *,
        user_agent: str,
        compress: bool = True,
        token: str | None = None,
        ca_bundle: Path | None = None,
        retries: int = _RETRIES,
        deadline: float = _DEADLINE,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.address = url
        self.alone = wire.alone
        self._wire = wire
        self._user_agent = user_agent
        self._compress = compress
        self._token = token
        self._verify: str | bool = str(ca_bundle) if ca_bundle else True
        self._retries = retries
        self._deadline = deadline
        self._clock = clock
        self._session = self._open()
        self._ahead: deque[_Ahead] = deque(maxlen=2)  # the present request's, and the next one's

    def prepare(self, records: Sequence[Record]) -> None:
        """Pack the body for these records in the background."""
        self._ahead.append(_Ahead(records, self._wire, compress=self._compress))

    def request(self, records: Sequence[Record]) -> Request:
        """Return what `send` would send for these records, but for the token. ValueError as of `WireFormat.encode`."""
        packed = next((ahead.packed() for ahead in self._ahead if ahead.records == records), None)
        return build_request(
            self.address,
            records,
            self._wire,
            user_agent=self._user_agent,
            now=self._clock(),
            compress=self._compress,
            packed=packed,
        )

    def body(self, records: Sequence[Record]) -> bytes:
        """Return the body of that request before it is compressed."""
        return self._wire.encode(records)

    def send(self, records: Sequence[Record]) -> Outcome:
        """Send some records as one request and say what became of them. No exception for anything a network does."""
        try:
            request = self.request(records)
        except ValueError as error:
            return Refused(f"cannot be written in this wire format: {error}", status=None)
        outcome: list[Outcome] = []
        # Time-outs of sockets are per read, and a name look-up has none: a server that drips would hold us for ever.
        # A thread of its own can be left behind. It is a daemon, and ends with the process at the latest.
        worker = threading.Thread(target=lambda: outcome.append(self._post(request, len(records))), daemon=True)
        worker.start()
        worker.join(self._deadline)
        if outcome:
            return outcome[0]
        self._session = self._open()  # the old one is that thread's now
        return Deferred(f"no answer within {self._deadline:.0f} s", server_error=True)

    def _open(self) -> requests.Session:
        session = requests.Session()
        session.headers.clear()
        # Does not look for a login in ~/.netrc, as requests would without it.
        session.auth = self._authorize
        session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))  # or an endpoint could mark us
        # Proxies and certificates come from the environment, except for this very machine: what may go there without
        # encryption must not go to a proxy instead.
        session.trust_env = not is_local(self.address)
        adapter = HTTPAdapter(max_retries=_quick_retries(self._retries))
        session.mount("https://", adapter)
        session.mount("http://", adapter)
        return session

    def _authorize(self, prepared: requests.PreparedRequest) -> requests.PreparedRequest:
        if self._token is not None:
            prepared.headers["Authorization"] = f"Bearer {self._token}"
        return prepared

    def _post(self, request: Request, records: int) -> Outcome:
        try:
            with self._session.post(
                request.url,
                data=request.body,
                headers=request.headers,
                timeout=(_CONNECT_TIMEOUT, _READ_TIMEOUT),
                allow_redirects=False,  # records go where the user said, and nowhere else
                # Said here, as REQUESTS_CA_BUNDLE would win over what the session says.
                verify=self._verify,
                stream=True,
            ) as answer:
                body = b""
                for chunk in answer.iter_content(_BODY_LIMIT):
                    body += chunk
                    if len(body) >= _BODY_LIMIT:
                        break
                headers = {name.lower(): value for name, value in answer.headers.items()}
                return classify(Response(answer.status_code, headers, body), records, self._clock())
        except (requests.exceptions.InvalidURL, requests.exceptions.InvalidProxyURL):
            return Deferred("the address of the endpoint or of the proxy is not valid", misconfigured=True)
        except requests.RequestException as error:
            return Deferred(_describe(error), server_error=_broke_off(error))
        except OSError as error:  # requests turns what a network does into its own errors: this is a file
            return Deferred(f"the certificates cannot be read: {printable(str(error))}", misconfigured=True)
        except Exception as error:  # noqa: BLE001
            # Nobody can see what else three libraries raise at what a server sends, and this is a thread of its own: an
            # error would end on the terminal instead of in an outcome. Nothing is known to be delivered.
            return Deferred(f"no answer ({type(error).__name__})")


class _Retry(Retry):
    """Repeats what a moment may mend: not what the server wants to be left alone with for a while."""

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
        if response is not None:
            response.close()  # or urllib3 would first read all of it, however much that is
        return super().increment(method, url, response, error, _pool, _stacktrace)


def _quick_retries(total: int) -> Retry:
    """
    Return how a request is repeated at once: a server that has just dropped an idle connection is the usual case.

    Anything more patient is the schedule's, which needs nobody to wait. The request's key is the same each time.
    """
    return _Retry(
        total=total,
        read=min(total, 1),
        connect=min(total, 1),
        redirect=0,
        status_forcelist={500, 502, 503, 504},
        allowed_methods=None,  # POST is one that is not repeated otherwise
        backoff_factor=0.1,
        backoff_jitter=0.3,
        respect_retry_after_header=False,
        raise_on_status=False,
    )


def _broke_off(error: requests.RequestException) -> bool:
    """Whether the request had reached somebody: then it may be the records that the endpoint chokes on."""
    cause = error.args[0] if error.args else None
    if isinstance(cause, MaxRetryError):
        cause = cause.reason
    return isinstance(cause, ProtocolError | ReadTimeoutError) or isinstance(
        error, requests.exceptions.ReadTimeout | requests.exceptions.ChunkedEncodingError
    )


_WORDS: tuple[tuple[type[Exception], str], ...] = (
    (requests.exceptions.ProxyError, "the proxy refused"),
    (requests.exceptions.SSLError, "the certificate or the encryption failed"),
    (requests.exceptions.ConnectTimeout, "no connection in time"),
    (requests.exceptions.ReadTimeout, "no answer in time"),
    (requests.exceptions.ChunkedEncodingError, "the answer broke off"),
    (requests.exceptions.ConnectionError, "no connection"),
)


def _describe(error: Exception) -> str:
    """Say in a few words what a network did: the texts of requests are long and hold addresses of objects."""
    return next((words for kind, words in _WORDS if isinstance(error, kind)), f"no answer ({type(error).__name__})")
