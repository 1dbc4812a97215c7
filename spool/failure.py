"""What the errors of three libraries mean, each of which wraps those of the one below, in a few words of ours."""

import socket
import ssl
from collections.abc import Iterator

import requests
from urllib3.exceptions import LocationValueError, MaxRetryError, ProtocolError, ReadTimeoutError

from spool.outcome import Deferred
from spool.probe import Failure
from spool.record import printable

RAISED = (requests.RequestException, LocationValueError)
"""What sending a request raises: requests lets urllib3's own error through where a host's name is none."""

# InvalidProxyURL is an InvalidURL.
_NO_ADDRESS = (requests.exceptions.InvalidURL, requests.exceptions.InvalidSchema, LocationValueError)
_NO_CONNECTION = "no connection"
_NO_LOGIN = "Tunnel connection failed: 407"  # there is no status: `http.client` makes words of it
_WORDS: tuple[tuple[type[Exception], str], ...] = (
    (requests.exceptions.ProxyError, "the proxy refused"),
    (requests.exceptions.SSLError, "the certificate or the encryption failed"),
    (requests.exceptions.ConnectTimeout, "no connection in time"),
    (requests.exceptions.ReadTimeout, "no answer in time"),
    (requests.exceptions.ChunkedEncodingError, "the answer broke off"),
    (requests.exceptions.ConnectionError, _NO_CONNECTION),
)


def outcome_of(error: Exception) -> Deferred:
    """Say what a network did to a request: the texts of requests are long and hold addresses of objects."""
    if isinstance(error, _NO_ADDRESS):
        return Deferred("the address of the endpoint or of the proxy is not valid", misconfigured=True)
    if isinstance(error, requests.exceptions.ProxyError) and _NO_LOGIN in str(error):
        return Deferred("the proxy wants a login (HTTP 407)", misconfigured=True)
    words = next((words for kind, words in _WORDS if isinstance(error, kind)), f"no answer ({type(error).__name__})")
    reached = _broke_off(error)
    if words == _NO_CONNECTION:
        kind, said = cause(error)
        words = "the connection broke off" if reached else said if kind in {"name", "refused"} and said else words
    return Deferred(words, server_error=reached)


def cause(error: BaseException) -> tuple[Failure, str | None]:
    """Look below the errors for what the system, or TLS, said first; its words, where it has any."""
    for each in _below(error, set()):
        if isinstance(each, ssl.SSLCertVerificationError):
            return "tls", printable(each.verify_message.rstrip("."))
        if isinstance(each, ssl.SSLError):
            return "tls", printable((each.reason or "").replace("_", " ").lower()) or None
        if isinstance(each, socket.gaierror):
            return "name", "the name of the endpoint cannot be looked up"
        if isinstance(each, ConnectionRefusedError):
            return "refused", "the connection was refused: nobody listens there"
        if isinstance(each, TimeoutError):
            return "time", None
    return "other", None


def _broke_off(error: Exception) -> bool:
    """Whether the request had reached somebody: then it may be the records that the endpoint chokes on."""
    inner = error.args[0] if error.args else None
    if isinstance(inner, MaxRetryError):
        inner = inner.reason
    return isinstance(inner, ProtocolError | ReadTimeoutError) or isinstance(
        error, requests.exceptions.ReadTimeout | requests.exceptions.ChunkedEncodingError
    )


def _below(error: BaseException, met: set[int]) -> Iterator[BaseException]:
    if id(error) in met:
        return
    met.add(id(error))
    others = (error.__cause__, error.__context__, getattr(error, "reason", None), *error.args)
    for other in others:
        if isinstance(other, BaseException):
            yield from _below(other, met)
    yield error
