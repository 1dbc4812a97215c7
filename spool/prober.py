"""Looks for the way that records would take, and whether it leads to the endpoint."""

import ssl
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

import requests
from urllib3.util import parse_url

from spool.endpoint import is_local, shown
from spool.failure import cause, outcome_of
from spool.probe import Probe
from spool.session import Adapter, open_session, quick_retries
from spool.worker import Worker

if TYPE_CHECKING:
    from urllib3.connectionpool import HTTPConnectionPool


def probe(
    address: str, *, user_agent: str, verify: str | bool, deadline: float, clock: Callable[[], datetime]
) -> Probe:
    """
    Ask an endpoint for nothing, within `deadline` seconds.

    The request carries no record, no token and no key, follows no redirect and is not repeated. No exception for
    anything a network does. `verify` is that of requests.
    """
    adapter = _Witness(max_retries=quick_retries(0))
    session = open_session(address, _nobody, adapter)

    def ask() -> Probe:
        asked = clock()
        try:
            with session.head(
                address,
                headers={"User-Agent": user_agent, "Accept-Encoding": "identity"},
                timeout=deadline,
                allow_redirects=False,
                verify=verify,
                stream=True,
            ) as answer:
                asked += (clock() - asked) / 2
                return Probe(asked, answer.status_code, _date(answer.headers.get("Date")), adapter.expires)
        except requests.RequestException as error:
            kind, words = cause(error)
            general = outcome_of(error).reason
            if isinstance(error, requests.exceptions.ProxyError):
                return Probe(asked, failure="proxy", reason=general)
            return Probe(asked, failure=kind, reason=words or general)
        except Exception as error:  # noqa: BLE001 - as in `HttpTransport`
            return Probe(asked, failure="other", reason=f"no answer ({type(error).__name__})")

    worker: Worker[Probe] = Worker()
    return worker.do(ask, deadline) or Probe(clock(), failure="time", reason=f"no answer within {deadline:.0f} s")


def proxy_of(url: str) -> str | None:
    """
    Return the proxy that requests to this address go through, fit to be shown; None when they go straight.

    An empty text is one that cannot be used: what is set holds no address.
    """
    if is_local(url):
        return None
    proxy = requests.utils.select_proxy(url, requests.utils.get_environ_proxies(url))
    if not proxy:
        return None
    try:
        address: str = requests.utils.prepend_scheme_if_needed(proxy, "http")  # type: ignore[no-untyped-call]
        return shown(address) if parse_url(address).host else ""
    except (ValueError, TypeError):  # urllib3's LocationParseError is the first; no host, the second
        return ""


class _Witness(Adapter):
    """Remembers when the certificate of whom it spoke to ends."""

    expires: datetime | None = None

    def get_connection_with_tls_context(self, *arguments: Any, **named: Any) -> "HTTPConnectionPool":
        """Return the connections to a host, which tell us whom they reach."""
        pool: Any = super().get_connection_with_tls_context(*arguments, **named)
        kind = pool.ConnectionCls

        def connect(connection: Any) -> None:
            kind.connect(connection)
            self.expires = _end(getattr(connection.sock, "getpeercert", dict)())

        pool.ConnectionCls = type("Connection", (kind,), {"connect": connect})
        return pool  # type: ignore[no-any-return]


def _nobody(prepared: requests.PreparedRequest) -> requests.PreparedRequest:
    """Authorize nothing: neither with the token nor with a login from ~/.netrc."""
    return prepared


def _date(header: str | None) -> datetime | None:
    """Return the instant that a `Date` header names."""
    try:
        date = parsedate_to_datetime(header or "")
        return date.replace(tzinfo=date.tzinfo or UTC).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _end(certificate: object) -> datetime | None:
    """Return the end of a certificate as `getpeercert` has it."""
    end = certificate.get("notAfter") if isinstance(certificate, dict) else None
    return datetime.fromtimestamp(ssl.cert_time_to_seconds(end), UTC) if isinstance(end, str) else None
