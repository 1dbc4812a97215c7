"""What an answer means: the truth table of the classification."""

import json
from datetime import UTC, datetime

import pytest

from spool.outcome import Deferred, Delivered, Outcome, Refused, Response, classify
from spool.schedule import MAX_RETRY_AFTER

NOW = datetime(2026, 11, 23, 10, tzinfo=UTC)

HTML = {"content-type": "text/html; charset=utf-8"}
DATE = {"retry-after": "Mon, 23 Nov 2026 10:02:00 GMT"}

LATER = (408, 425, 429, 500, 502, 503, 504, 599)
WRONG = (401, 403, 404, 405, 100, 304)
NO = (400, 413, 415, 422, 451)
REJECTED = b'{"rejected": [{"id": "a", "reason": "too old"}, {"id": "b"}]}'
PORTAL = "HTTP 200 with a web page: not the endpoint (a captive portal?)"


def busy(retry_after: str) -> Response:
    """An answer that asks to wait."""
    return Response(503, {"retry-after": retry_after})


TABLE: list[tuple[Response, int, Outcome]] = [
    # any 2xx is an acknowledgement, whatever its body, unless it is a web page
    (Response(200), 3, Delivered()),
    (Response(201), 3, Delivered()),
    (Response(202, {}, b"null"), 3, Delivered()),
    (Response(204), 3, Delivered()),
    (Response(200, {"content-type": "application/json"}, b'{"partialSuccess":null}'), 3, Delivered()),
    (Response(200, {"content-type": "text/plain"}, b"OK"), 3, Delivered()),
    (Response(200, {}, b"\xff\xfe[[[["), 3, Delivered()),
    (Response(200, {}, b"[" * 50_000), 3, Delivered()),
    (Response(200, {}, b'{"rejected": 7}'), 3, Delivered()),
    (Response(200, {}, b'{"rejected": [1, null]}'), 3, Delivered()),
    (Response(200, {}, REJECTED), 3, Delivered({"a": "too old", "b": "rejected"})),
    (Response(200, HTML, b"<p>Welcome to the hotel"), 3, Deferred(PORTAL, misconfigured=True)),
    # later
    *[(Response(status), 3, Deferred(f"HTTP {status}")) for status in LATER],
    (Response(429, DATE), 3, Deferred("HTTP 429", retry_after=120.0)),
    (busy("120"), 3, Deferred("HTTP 503", retry_after=120.0)),
    (busy("0"), 3, Deferred("HTTP 503", retry_after=0.0)),
    (busy("-7"), 3, Deferred("HTTP 503", retry_after=0.0)),
    (busy("9" * 400), 3, Deferred("HTTP 503", retry_after=MAX_RETRY_AFTER)),
    (busy("Fri, 31 Dec 9999 23:59:59 GMT"), 3, Deferred("HTTP 503", retry_after=MAX_RETRY_AFTER)),
    (busy("9" * 5000), 3, Deferred("HTTP 503")),
    (busy("soon"), 3, Deferred("HTTP 503")),
    # somebody has to mend it
    *[(Response(status), 3, Deferred(f"HTTP {status}", misconfigured=True)) for status in WRONG],
    (Response(308, {"location": "https://b/"}), 3, Deferred("HTTP 308 to https://b", misconfigured=True)),
    # there already
    (Response(409), 1, Delivered()),
    (Response(409), 2, Refused("HTTP 409", 409)),
    (Response(412), 1, Delivered()),
    (Response(412), 2, Delivered()),
    # refused: one of several, or the one
    *[(Response(status), records, Refused(f"HTTP {status}", status)) for status in NO for records in (1, 9)],
]


@pytest.mark.parametrize("response, records, outcome", TABLE, ids=lambda value: str(value)[:60])
def test_truth_table(response: Response, records: int, outcome: Outcome) -> None:
    """Each answer has exactly the documented meaning."""
    assert classify(response, records, NOW) == outcome


def test_every_status_has_an_outcome() -> None:
    """No status code from 100 to 599, with any of these bodies, is left without a meaning."""
    for status in range(100, 600):
        for body in (b"", b"null", b"<html>", json.dumps({"rejected": [{"id": 1}]}).encode()):
            assert isinstance(classify(Response(status, {}, body), 2, NOW), Deferred | Delivered | Refused)
