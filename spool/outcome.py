"""What an answer means for the records that were sent: one pure function decides."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from spool.record import printable
from spool.schedule import MAX_RETRY_AFTER


@dataclass(frozen=True, slots=True)
class Response:
    """
    An HTTP answer as far as it counts here. `headers` have lower-case names; `body` is cut off when `cut`.

    `secrets` returns texts that it may repeat, and that nobody may see: they are asked for where it says anything.
    """

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    cut: bool = False
    secrets: Callable[[], Sequence[str]] = tuple

    def said(self, text: str) -> str:
        """Return some words of the answer as they may be kept and shown."""
        for secret in self.secrets():
            text = text.replace(secret, "...")
            if "\\" in text or "%" in text:
                text = _in_any_form(secret).sub("...", text)
        return printable(text)


@dataclass(frozen=True, slots=True)
class Delivered:
    """The endpoint took the records; `rejected` maps the ids of those that it named as refused to its reasons."""

    rejected: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Deferred:
    """Nobody is to blame among the records: try later, and not before `retry_after` seconds when the server said so."""

    reason: str
    retry_after: float | None = None
    misconfigured: bool = False  # waiting will not help: somebody has to mend the endpoint or its address
    server_error: bool = False  # it failed over the request: should it go on so, it may be the records after all
    status: int | None = field(default=None, compare=False)  # for a dead letter, should it come to that


@dataclass(frozen=True, slots=True)
class Refused:
    """The endpoint refused this for good: one of several records, to be found by halving, or the one that it got."""

    reason: str
    status: int | None  # None when it was not even sent


Outcome = Delivered | Deferred | Refused


@lru_cache
def _in_any_form(secret: str) -> re.Pattern[str]:
    r"""Match a text as it is, and with characters escaped as JSON (`\/`, `\u002f`) or an address (`%2F`) may do it."""
    return re.compile("".join(rf"(?:\\?{re.escape(c)}|(?i:\\u{ord(c):04x}|%{ord(c):02x}))" for c in secret))


_LATER = {408, 425, 429}
# They speak of us, or of the place: no record is to blame.
_MISCONFIGURED = {401, 402, 403, 404, 405, 407, 410, 421, 426, 431, 511}
_BEFORE_JSON = b"\xef\xbb\xbf \t\r\n"
_PAGES = {"text/html", "application/xhtml+xml"}
_MARKUP = ("xml", "json")  # how the types of others end that may begin like a page, or never do


def classify(response: Response, records: int, now: datetime) -> Outcome:
    """
    Decide what an answer to a request with that many records means.

    `now` resolves a `Retry-After` that is a date. The table of status codes is in README.
    """
    status = response.status
    if 200 <= status < 300:
        return _acknowledgement(response)
    reason = f"HTTP {status}{_explanation(response)}"
    if status in _MISCONFIGURED:
        return Deferred(reason, misconfigured=True, status=status)
    if status in _LATER or status >= 500:
        wish = _retry_after(response.headers.get("retry-after"), now)
        return Deferred(reason, retry_after=wish, server_error=status >= 500 and wish is None, status=status)
    if status < 400:  # what it says repeats the address that it points to, which may hold a token
        elsewhere = _host(response.headers.get("location", ""))
        return Deferred(f"HTTP {status}" + (f" to {elsewhere}" if elsewhere else ""), misconfigured=True)
    if status == 412 or (
        status == 409 and records == 1
    ):  # a 409 on several may mean that one of them was there already
        return Delivered()
    return Refused(reason, status)


def _explanation(response: Response) -> str:
    """Return the beginning of what an endpoint says about its refusal: ": Unknown column day", or nothing."""
    kind = _media_type(response)
    lines = response.body.decode("utf-8", "replace").strip().splitlines()
    return f": {response.said(lines[0])}" if lines and (kind == "text/plain" or kind.endswith("json")) else ""


def _media_type(response: Response) -> str:
    """Return the media type in lower case; of several, as a client joins repeated headers, the first."""
    return re.split("[;,]", response.headers.get("content-type", ""))[0].strip().lower()


def _host(location: str) -> str:
    """Return where a redirect points, without the path and the query: they may hold a token."""
    scheme, separator, rest = location.partition("://")
    return printable(f"{scheme}://{re.split('[/?#]', rest)[0].rpartition('@')[2]}") if separator else ""


def _is_page(response: Response) -> bool:
    kind = _media_type(response)
    start = response.body[:100].removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    begins_a_page = start.startswith((b"<!doctype html", b"<html")) if kind else re.match(rb"<[!a-z]", start)
    return kind in _PAGES or (bool(begins_a_page) and not kind.endswith(_MARKUP))


def _acknowledgement(response: Response) -> Outcome:
    if _is_page(response):
        return Deferred(
            f"HTTP {response.status} with a web page: not the endpoint (a captive portal?)", misconfigured=True
        )
    if response.cut and response.body.lstrip(_BEFORE_JSON).startswith(b"{"):
        # It may name records that were rejected: for fewer of them it is shorter, and of one nobody knows.
        return Refused("the answer is too long to be read", response.status)
    try:
        answer = json.loads(response.body)
    except (ValueError, RecursionError):
        answer = None  # most receivers answer with nothing, null, or something of their own
    if not isinstance(answer, dict):
        return Delivered()
    rejected, nameless = _rejected(answer, response)
    if (refused := _partial(answer, response) or nameless) is not None:
        return Refused(refused, response.status)  # which ones they are is to be found out
    return Delivered(rejected)


def _partial(answer: dict[str, Any], response: Response) -> str | None:
    """Return why OTLP's collector rejected some of a batch, or None. It says how many, and not which."""
    partial = answer.get("partialSuccess")
    try:
        if isinstance(partial, dict) and int(partial.get("rejectedLogRecords", 0)) > 0:
            return _words(partial.get("errorMessage"), response)
    except (ValueError, TypeError, OverflowError):
        pass
    return None


def _rejected(answer: dict[str, Any], response: Response) -> tuple[dict[str, str], str | None]:
    """Return the ids that our own collector rejected, and why; and why it rejected something that has no id for it."""
    items = answer.get("rejected")
    rejected: dict[str, str] = {}
    nameless = None
    for item in items if isinstance(items, list) else ():
        about = item if isinstance(item, dict) else {"id": item}
        reason = _words(about.get("reason"), response)
        if isinstance(about.get("id"), str):
            rejected[about["id"]] = reason
        else:
            nameless = reason
    return rejected, nameless


def _words(reason: object, response: Response) -> str:
    return response.said(reason) if reason and isinstance(reason, str) else "rejected"


def _retry_after(header: str | None, now: datetime) -> float | None:
    """Read both forms of `Retry-After` (RFC 9110, section 10.2.3) as seconds from now, within 0 and 24 h."""
    if header is None:
        return None
    try:
        seconds = float(min(int(header), int(MAX_RETRY_AFTER)))
    except ValueError:
        from email.utils import parsedate_to_datetime  # brings in socket: only for an answer that needs it

        try:
            date = parsedate_to_datetime(header)
        except (ValueError, OverflowError):
            return None
        seconds = (date.replace(tzinfo=date.tzinfo or UTC) - now).total_seconds()
    return min(max(seconds, 0.0), MAX_RETRY_AFTER)
