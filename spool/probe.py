"""What one look at an endpoint has shown, without a record being sent."""

import socket
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from spool.record import printable

Failure = Literal["name", "refused", "tls", "proxy", "time", "other"]


@dataclass(frozen=True, slots=True)
class Probe:
    """
    What an endpoint answered, or why it did not: then `failure` is the kind and `reason` says it in words.

    `asked` is the instant, by our clock, half-way between question and answer; `date` is what the endpoint's clock said
    then. `expires` is the end of its certificate. Times are UTC.
    """

    asked: datetime
    status: int | None = None
    date: datetime | None = None
    expires: datetime | None = None
    failure: Failure | None = None
    reason: str = ""


def cause(error: BaseException) -> tuple[Failure, str | None]:
    """Look below the errors of three libraries for what the system, or TLS, said first; its words, where it has any."""
    for each in _below(error, set()):
        if isinstance(each, ssl.SSLCertVerificationError):
            return "tls", printable(each.verify_message.rstrip("."))
        if isinstance(each, ssl.SSLError):
            return "tls", printable((each.reason or "").replace("_", " ").lower()) or None
        if isinstance(each, socket.gaierror):
            return "name", "the name of the endpoint is not known"
        if isinstance(each, ConnectionRefusedError):
            return "refused", "the connection was refused: nobody listens there"
        if isinstance(each, TimeoutError):
            return "time", None
    return "other", None


def certificate_end(certificate: object) -> datetime | None:
    """Return the end of a certificate as `getpeercert` has it."""
    end = certificate.get("notAfter") if isinstance(certificate, dict) else None
    return datetime.fromtimestamp(ssl.cert_time_to_seconds(end), UTC) if isinstance(end, str) else None


def _below(error: BaseException, met: set[int]) -> Iterator[BaseException]:
    if id(error) in met:
        return
    met.add(id(error))
    others = (error.__cause__, error.__context__, getattr(error, "reason", None), *error.args)
    for other in others:
        if isinstance(other, BaseException):
            yield from _below(other, met)
    yield error
