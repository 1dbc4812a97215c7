"""The transport over HTTP. It imports an HTTP client: import it where something is to be sent."""

import base64
import gzip
import hashlib
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
from functools import cache, partial
from pathlib import Path
from urllib.parse import unquote, unquote_plus, urlsplit
from urllib.request import getproxies

import requests

from spool.certificates import unusable
from spool.endpoint import is_token
from spool.failure import RAISED, outcome_of
from spool.outcome import Deferred, Outcome, Refused, Response, classify
from spool.probe import Probe
from spool.record import ID, Record, printable
from spool.session import DEADLINE, Call, Poster
from spool.transport import Transport
from spool.wire import WireFormat
from spool.worker import Worker

_CONNECT_TIMEOUT = 5.0  # seconds
_READ_TIMEOUT = 25.0  # seconds between two reads, at least; with those of a connection, all of the deadline
_RETRIES = 2  # quick ones, within the deadline
_PROBE_DEADLINE = 5.0  # seconds for a look
_BODY_LIMIT = 256 * 1024  # bytes of an answer that are read
_CHUNK = 64 * 1024
_SECRET = 6  # characters: what is shorter is part of too many words


@dataclass(frozen=True, slots=True)
class Request:
    """What goes over the wire for some records: every header that we set, and the body as it leaves."""

    url: str
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class _Packed:
    """What of a request can be made before it is due: the body as it leaves, and the headers that belong to it."""

    headers: dict[str, str]
    body: bytes


class _Own(threading.local):
    """
    What each thread that sends has of its own.

    A `worker`, or threads would wait for one another's answers, and whether that one's drain may send.
    """

    def __init__(self) -> None:
        self.worker: Worker[Outcome] = Worker()
        self.may_send = Transport.may_send


class HttpTransport(Transport):
    """
    Sends records to one URL; threads may share it, and each has a session of its own.

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
        deadline: float = DEADLINE,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.address = url
        self.alone = wire.alone
        self._wire = wire
        self._user_agent = user_agent
        self._compress = compress
        self._token = token
        self._verify: str | bool = str(ca_bundle) if ca_bundle else True
        self._deadline = deadline
        self._clock = clock
        self._misconfigured = _unusable(token) or (unusable(ca_bundle) if ca_bundle else None)
        self._poster = Poster(url, self._authorize, verify=self._verify, retries=retries, deadline=deadline)
        self._own = _Own()
        self._ahead: deque[tuple[Sequence[Record], _Packed]] = deque(maxlen=2)  # what is sent, and what is next

    @property
    def may_send(self) -> Callable[[], bool]:
        """What the drain of this thread has set."""
        return self._own.may_send

    @may_send.setter
    def may_send(self, may_send: Callable[[], bool]) -> None:
        self._own.may_send = may_send

    def prepare(self, records: Sequence[Record]) -> None:
        """Pack the body for these records."""
        with suppress(ValueError):  # whoever asks for the request hears it
            self._ahead.append((records, self._pack(records)))

    def request(self, records: Sequence[Record]) -> Request:
        """
        Build the request for some records, but for the token: the one place that decides which bytes leave.

        `Date` says when it was sent, so that the receiver can correct a clock that is off. ValueError as of
        `WireFormat.encode`.
        """
        packed = self._packed_ahead(records) or self._pack(records)
        headers = {
            "User-Agent": self._user_agent,
            "Accept-Encoding": "identity",  # an answer that unpacks to gigabytes is none that we asked for
            "Date": format_datetime(self._clock().astimezone(UTC), usegmt=True),
            **packed.headers,
        }
        return Request(self.address, headers, packed.body)

    def body(self, records: Sequence[Record]) -> bytes:
        """Return the body of that request before it is compressed."""
        return self._wire.encode(records)

    def send(self, records: Sequence[Record]) -> Outcome:
        """Send some records as one request and say what became of them. No exception for anything a network does."""
        try:
            request = self.request(records)
        except ValueError as error:
            return Refused(f"cannot be written in this wire format: {error}", status=None)
        if self._misconfigured:
            return Deferred(self._misconfigured, misconfigured=True)
        # Time-outs of sockets are per read, and a name look-up has none: a server that drips would hold us for ever.
        # A thread of its own can be left behind.
        call, outcome, may_send = Call(), None, self.may_send
        try:
            outcome = self._own.worker.do(lambda: self._post(request, len(records), call, may_send), self._deadline)
        finally:
            if outcome is None:  # we do not wait any more, or were interrupted: what is purged now is not to be sent
                call.give_up()
        return outcome or Deferred(f"no answer within {self._deadline:g} s", server_error=True)

    def probe(self, deadline: float = _PROBE_DEADLINE) -> Probe:
        """Look whether the endpoint can be reached, within `deadline` seconds: see `spool.prober`."""
        from spool.prober import probe  # for doctors only

        if self._misconfigured:
            return Probe(self._clock(), failure="other", reason=self._misconfigured)
        return probe(
            self.address, user_agent=self._user_agent, verify=self._verify, deadline=deadline, clock=self._clock
        )

    def _pack(self, records: Sequence[Record]) -> _Packed:
        """Write and compress a body. Its key is the same in every retry by any process, as long as the members are."""
        key = hashlib.sha256(b"\n".join([record.line[ID] for record in records])).hexdigest()
        headers = {"Content-Type": self._wire.content_type, "Idempotency-Key": key}
        body = self._wire.encode(records)
        if not self._compress:
            return _Packed(headers, body)
        return _Packed({**headers, "Content-Encoding": "gzip"}, gzip.compress(body, compresslevel=1, mtime=0))

    def _packed_ahead(self, records: Sequence[Record]) -> _Packed | None:
        return next((packed for ready, packed in tuple(self._ahead) if ready is records), None)

    def _authorize(self, prepared: requests.PreparedRequest) -> requests.PreparedRequest:
        if self._token is not None:
            prepared.headers["Authorization"] = f"Bearer {self._token}"
        return prepared

    def _secrets(self, sent: str) -> list[str]:
        """
        Return what an endpoint may repeat and nobody may see, longest first.

        That is the token, the query, as a whole and each value of it that is long enough for a secret, and the login of
        a proxy.
        """
        queries = [urlsplit(address).query for address in (self.address, sent)]
        values = [pair.partition("=")[2] for query in queries for pair in query.split("&")]
        secrets = [*queries, *(value for value in values if len(value) >= _SECRET)]
        secrets += [secret for proxy in getproxies().values() for secret in _login(proxy)]
        texts = {self._token or "", *secrets, *map(unquote, secrets), *map(unquote_plus, secrets)} - {""}
        return sorted(texts, key=len, reverse=True)

    def _post(self, request: Request, records: int, call: Call, may_send: Callable[[], bool]) -> Outcome:
        outcome = self._answer(request, records, call, may_send)
        if isinstance(outcome, Deferred):
            self._poster.forget()
        return outcome

    def _answer(self, request: Request, records: int, call: Call, may_send: Callable[[], bool]) -> Outcome:
        try:
            timeouts = (_CONNECT_TIMEOUT, max(_READ_TIMEOUT, self._deadline - _CONNECT_TIMEOUT))
            with self._poster.post(request.headers, request.body, timeouts, may_send, call) as answer:
                body = bytearray()
                for chunk in answer.iter_content(_CHUNK):
                    body += chunk
                    if len(body) >= _BODY_LIMIT:
                        break
                response = Response(
                    answer.status_code,
                    {name.lower(): value for name, value in answer.headers.items()},
                    bytes(body),
                    cut=len(body) >= _BODY_LIMIT,
                    secrets=cache(partial(self._secrets, answer.url)),
                )
                return classify(response, records, self._clock())
        except RAISED as error:
            return outcome_of(error)
        except OSError as error:  # requests turns what a network does into its own errors: this is a file
            return Deferred(f"the certificates cannot be read: {printable(str(error))}", misconfigured=True)
        except Exception as error:  # noqa: BLE001
            # Nobody can see what else three libraries raise at what a server sends, and this is a thread of its own: an
            # error would end on the terminal instead of in an outcome. Nothing is known to be delivered.
            return Deferred(f"no answer ({type(error).__name__})")


def _login(proxy: str) -> Iterator[str]:
    """Return the password in a proxy's address, and what is made of it and the user's name for a header."""
    login = unquote(proxy.partition("//")[2].rpartition("@")[0])
    if len(password := login.partition(":")[2]) >= _SECRET:
        yield from (password, base64.b64encode(login.encode()).decode())


def _unusable(token: str | None) -> str | None:
    """Return why a token cannot be sent, or None: the complaints of three libraries about it would hold it."""
    if token is None or is_token(token):
        return None
    return "the token is not one word of ASCII letters, digits and signs"
