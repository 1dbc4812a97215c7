"""The transport over HTTP. The only module that imports an HTTP client; import it where something is to be sent."""

import gzip
import hashlib
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
from http.cookiejar import DefaultCookiePolicy
from urllib.parse import urlsplit

import requests

from spool.outcome import Deferred, Outcome, Response, classify
from spool.record import Record, printable
from spool.wire import WireFormat

_CONNECT_TIMEOUT = 5.0  # seconds
_READ_TIMEOUT = 15.0  # seconds between two reads
_DEADLINE = 30.0  # seconds for everything, name look-up and a dripping answer included
_BODY_LIMIT = 64 * 1024  # bytes of an answer that are read; an acknowledgement is short


@dataclass(frozen=True, slots=True)
class Request:
    """What goes over the wire for some records: every header that we set, and the body as it leaves."""

    url: str
    headers: dict[str, str]
    body: bytes


def build_request(
    url: str, records: Sequence[Record], wire: WireFormat, *, user_agent: str, now: datetime, compress: bool = True
) -> Request:
    """
    Build the request for some records: the one place that decides which bytes leave.

    `Date` says when it was sent, so that the receiver can correct a clock that is off; `Idempotency-Key` is the same
    in every retry by any process as long as the members are.
    """
    body = wire.encode(records)
    headers = {
        "Content-Type": wire.content_type,
        "User-Agent": user_agent,
        "Accept-Encoding": "identity",  # an answer that unpacks to gigabytes is none that we asked for
        "Date": format_datetime(now.astimezone(UTC), usegmt=True),
        "Idempotency-Key": hashlib.sha256("\n".join(record.id for record in records).encode()).hexdigest(),
    }
    if compress:
        headers["Content-Encoding"] = "gzip"
        body = gzip.compress(body, compresslevel=1, mtime=0)
    return Request(url, headers, body)


class HttpTransport:
    """Sends records to one URL over one session. `deadline` is seconds for a whole request, `clock` gives UTC."""

    def __init__(
        self,
        url: str,
        wire: WireFormat,
        *,
        user_agent: str,
        compress: bool = True,
        deadline: float = _DEADLINE,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._url = url
        self._wire = wire
        self._user_agent = user_agent
        self._compress = compress
        self._deadline = deadline
        self._clock = clock
        self._session = requests.Session()
        self._session.headers.clear()
        self._session.auth = lambda prepared: prepared  # does nothing, and keeps requests from reading ~/.netrc
        self._session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))  # or an endpoint could mark us
        # Proxies and certificates come from the environment, except for this very machine: what may go there without
        # encryption must not go to a proxy instead.
        self._session.trust_env = urlsplit(url).scheme == "https"

    def send(self, records: Sequence[Record]) -> Outcome:
        """Send some records as one request and say what became of them. No exception for anything a network does."""
        request = build_request(
            self._url,
            records,
            self._wire,
            user_agent=self._user_agent,
            now=self._clock(),
            compress=self._compress,
        )
        outcome: list[Outcome] = []
        # Time-outs of sockets are per read, and a name look-up has none: a server that drips would hold us for ever.
        # A thread of its own can be left behind. It is a daemon, and ends with the process at the latest.
        worker = threading.Thread(target=lambda: outcome.append(self._post(request, len(records))), daemon=True)
        worker.start()
        worker.join(self._deadline)
        return outcome[0] if outcome else Deferred(f"no answer within {self._deadline:.0f} s")

    def _post(self, request: Request, records: int) -> Outcome:
        try:
            with self._session.post(
                request.url,
                data=request.body,
                headers=request.headers,
                timeout=(_CONNECT_TIMEOUT, _READ_TIMEOUT),
                allow_redirects=False,  # records go where the user said, and nowhere else
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
            return Deferred(_describe(error))
        except OSError as error:  # requests turns what a network does into its own errors: this is a file
            return Deferred(f"the certificates cannot be read: {printable(str(error))}", misconfigured=True)
        except Exception as error:  # noqa: BLE001
            # Nobody can see what else three libraries raise at what a server sends, and this is a thread of its own: an
            # error would end on the terminal instead of in an outcome. Nothing is known to be delivered.
            return Deferred(f"no answer ({type(error).__name__})")


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
