"""What an answer means: the truth table of the classification."""

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spool.outcome import Deferred, Delivered, Outcome, Refused, Response, classify
from spool.schedule import MAX_RETRY_AFTER

NOW = datetime(2026, 11, 23, 10, tzinfo=UTC)

HTML = {"content-type": "text/html; charset=utf-8"}
PLAIN = {"content-type": "text/plain"}
JSON = {"content-type": "application/json"}
DATE = {"retry-after": "Mon, 23 Nov 2026 10:02:00 GMT"}

LATER = (408, 425, 429)
FAILED = (500, 502, 503, 504, 599)
WRONG = (401, 403, 404, 405, 100, 304)
NO = (400, 413, 415, 422, 451)
REJECTED = b'{"rejected": [{"id": "a", "reason": "too old"}, {"id": "b"}]}'
PORTAL = "HTTP 200 with a web page: not the endpoint (a captive portal?)"


def busy(retry_after: str) -> Response:
    """An answer that asks to wait."""
    return Response(503, {"retry-after": retry_after})


def partial(rejected: object) -> Response:
    """An answer of OTLP's to a batch of which so many log records were rejected."""
    answer = {"partialSuccess": {"rejectedLogRecords": rejected, "errorMessage": "too old"}}
    return Response(200, JSON, json.dumps(answer).encode())


TABLE: list[tuple[Response, int, Outcome]] = [
    # any 2xx is an acknowledgement, whatever its body, unless it is a web page
    (Response(200), 3, Delivered()),
    (Response(201), 3, Delivered()),
    (Response(202, {}, b"null"), 3, Delivered()),
    (Response(204), 3, Delivered()),
    (Response(200, {"content-type": "application/json"}, b'{"partialSuccess":null}'), 3, Delivered()),
    (Response(200, PLAIN, b"OK"), 3, Delivered()),
    # OTLP says how many of a batch it rejected, and not which
    *[(partial(number), 3, Delivered()) for number in (0, "0", -1, "none", None, [], {}, 1e400)],
    *[(partial(number), 3, Refused("too old", 200)) for number in (1, "3", 2.0, "9" * 30)],
    (
        Response(200, {}, b'{"partialSuccess": {"rejectedLogRecords": 2}}'),
        3,
        Refused("rejected", 200),
    ),
    (Response(200, {}, b'{"partialSuccess": {}}'), 3, Delivered()),
    (Response(200, {}, b'{"partialSuccess": 3}'), 3, Delivered()),
    (Response(200, {}, b"\xff\xfe[[[["), 3, Delivered()),
    (Response(200, {}, b"[" * 50_000), 3, Delivered()),
    (Response(200, {}, b'{"rejected": 7}'), 3, Delivered()),
    (Response(200, {}, b'{"rejected": [1, null]}'), 3, Delivered()),
    (Response(200, {}, b'{"rejected": [{"id": null, "reason": "no id"}]}'), 3, Refused("no id", 200)),
    (Response(200, {}, b'{"rejected": [{"id": "a"}, {"index": 2}]}'), 3, Refused("rejected", 200)),
    (Response(200, {}, REJECTED), 3, Delivered({"a": "too old", "b": "rejected"})),
    (Response(200, HTML, b"<p>Welcome to the hotel"), 3, Deferred(PORTAL, misconfigured=True)),
    # later
    *[(Response(status), 3, Deferred(f"HTTP {status}")) for status in LATER],
    *[(Response(status), 3, Deferred(f"HTTP {status}", server_error=True)) for status in FAILED],
    (Response(429, DATE), 3, Deferred("HTTP 429", retry_after=120.0)),
    (busy("120"), 3, Deferred("HTTP 503", retry_after=120.0)),
    (busy("0"), 3, Deferred("HTTP 503", retry_after=0.0)),
    (busy("-7"), 3, Deferred("HTTP 503", retry_after=0.0)),
    (busy("9" * 400), 3, Deferred("HTTP 503", retry_after=MAX_RETRY_AFTER)),
    (busy("Fri, 31 Dec 9999 23:59:59 GMT"), 3, Deferred("HTTP 503", retry_after=MAX_RETRY_AFTER)),
    (busy("9" * 5000), 3, Deferred("HTTP 503", server_error=True)),
    (busy("soon"), 3, Deferred("HTTP 503", server_error=True)),
    (
        Response(500, PLAIN, b"Code 27\x1b[2J\nmore"),
        3,
        Deferred("HTTP 500: Code 27?[2J", server_error=True),
    ),
    (Response(502, HTML, b"<h1>Bad Gateway"), 3, Deferred("HTTP 502", server_error=True)),
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
    (Response(400, JSON, b'{"error": "no field day"}'), 1, Refused('HTTP 400: {"error": "no field day"}', 400)),
    (Response(422, PLAIN, b" "), 1, Refused("HTTP 422", 422)),
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


@given(
    status=st.integers(100, 599),
    headers=st.dictionaries(st.sampled_from(["content-type", "retry-after", "location"]), st.text(max_size=30)),
    body=st.binary(max_size=60)
    | st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["rejected", "partialSuccess", "rejectedLogRecords", "errorMessage", "id", "reason"]),
                inner,
            )
        ),
    ).map(lambda value: json.dumps(value).encode()),
    records=st.integers(1, 9),
)
def test_no_answer_raises(status: int, headers: dict[str, str], body: bytes, records: int) -> None:
    """Whatever comes back, it has a meaning, and what is shown of it is printable."""
    outcome = classify(Response(status, headers, body), records, NOW)
    said = outcome.rejected.values() if isinstance(outcome, Delivered) else [outcome.reason]
    assert all(text.isprintable() for text in said)
