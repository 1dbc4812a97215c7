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
WRONG = (401, 402, 403, 404, 405, 407, 410, 421, 426, 431, 511, 100, 304)
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
    *[
        (Response(200, JSON, json.dumps({"partialSuccess": {"rejectedLogRecords": 1, **words}}).encode()), 3, outcome)
        for words, outcome in (
            ({"errorMessage": 7}, Refused("rejected", 200)),
            ({"errorMessage": ["x"]}, Refused("rejected", 200)),
            ({"errorMessage": ""}, Refused("rejected", 200)),
            ({"errorMessage": "\n\x1b"}, Refused("??", 200)),
            ({"errorMessage": "y" * 5000}, Refused("y" * 200, 200)),
        )
    ],
    (Response(200, {}, b'{"partialSuccess": {}}'), 3, Delivered()),
    (Response(200, {}, b'{"partialSuccess": {"errorMessage": "a warning: all were taken"}}'), 3, Delivered()),
    (Response(200, {}, b'[{"partialSuccess": {"rejectedLogRecords": 1}}]'), 3, Delivered()),
    (Response(200, {}, b'{"partialSuccess": 3}'), 3, Delivered()),
    (Response(200, {}, b"\xff\xfe[[[["), 3, Delivered()),
    (Response(200, {}, b"[" * 50_000), 3, Delivered()),
    (Response(200, {}, b'{"rejected": 7}'), 3, Delivered()),
    (Response(200, {}, b'{"rejected": []}'), 3, Delivered()),
    (Response(200, {}, b'{"rejected": [1, null]}'), 3, Refused("rejected", 200)),
    (Response(200, {}, b'{"rejected": [{"id": null, "reason": "no id"}]}'), 3, Refused("no id", 200)),
    (Response(200, {}, b'{"rejected": [{"id": "a"}, {"index": 2}]}'), 3, Refused("rejected", 200)),
    (Response(200, {}, b'{"rejected": {"id": "a"}}'), 3, Delivered()),
    (Response(200, {}, b'{"rejected": ["a", {"id": "b"}]}'), 3, Delivered({"a": "rejected", "b": "rejected"})),
    (Response(200, {}, b'{"rejected": ["a", [], {"id": "b"}]}'), 3, Refused("rejected", 200)),
    (Response(200, {}, b'{"rejected": [{"id": "a", "reason": {"code": 7}}]}'), 3, Delivered({"a": "rejected"})),
    (Response(200, {}, b'{"rejected": [{"id": "a", "reason": "\\u001b"}]}'), 3, Delivered({"a": "?"})),
    (
        Response(200, {}, b'{"rejected": [{"id": "a"}], "partialSuccess": {"rejectedLogRecords": 1}}'),
        3,
        Refused("rejected", 200),
    ),
    (Response(200, {}, REJECTED[:-1]), 3, Delivered()),
    (Response(200, {}, b"\xef\xbb\xbf" + REJECTED), 3, Delivered({"a": "too old", "b": "rejected"})),
    (Response(200, {}, REJECTED), 3, Delivered({"a": "too old", "b": "rejected"})),
    (Response(200, HTML, b"<p>Welcome to the hotel"), 3, Deferred(PORTAL, misconfigured=True)),
    # a web page, however it says so
    *[
        (Response(200, {"content-type": kind}, b"{}"), 3, Deferred(PORTAL, misconfigured=True))
        for kind in (
            "text/html",
            "TEXT/HTML; charset=UTF-8",
            " Text/Html ;x",
            "application/xhtml+xml",
            "Application/XHTML+XML;charset=utf-8",
            "text/html, text/html",
        )
    ],
    *[
        (Response(200, {}, page), 3, Deferred(PORTAL, misconfigured=True))
        for page in (b"<!DOCTYPE html><p>", b"\xef\xbb\xbf\r\n <HTML lang=en>", b"<!-- x --><html>", b"<meta>")
    ],
    *[
        (Response(200, {"content-type": kind}, b"<html>"), 3, Delivered())
        for kind in ("text/xml", "application/json", "application/problem+json", "application/atom+xml")
    ],
    *[
        (Response(200, {"content-type": kind}, b" <html>"), 3, Deferred(PORTAL, misconfigured=True))
        for kind in ("text/plain", "x-text/html", "text/html2", "application/octet-stream")
    ],
    (Response(200, {"content-type": "text/plain"}, b"<ok>"), 3, Delivered()),
    (Response(200, {}, b"<5 ms"), 3, Delivered()),
    (Response(200, {}, b"<?xml version='1.0'?><ok/>"), 3, Delivered()),
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
    *[(busy(no), 3, Deferred("HTTP 503", server_error=True)) for no in ("", " ", "1.5", "1e3", "7, 9", "inf", "0x10")],
    (busy(" 7 "), 3, Deferred("HTTP 503", retry_after=7.0)),
    (busy("86401"), 3, Deferred("HTTP 503", retry_after=MAX_RETRY_AFTER)),
    (busy("Mon, 23 Nov 2026 10:02:00 -0000"), 3, Deferred("HTTP 503", retry_after=120.0)),
    (busy("Monday, 23-Nov-26 10:02:00 GMT"), 3, Deferred("HTTP 503", retry_after=120.0)),
    (busy("Mon, 23 Nov 2026 12:02:00 +0200"), 3, Deferred("HTTP 503", retry_after=120.0)),
    (busy("Thu, 01 Jan 1970 00:00:00 GMT"), 3, Deferred("HTTP 503", retry_after=0.0)),
    (busy("120 Mon, 23 Nov 2026 10:02:00 GMT"), 3, Deferred("HTTP 503", server_error=True)),
    *[(Response(status, {"retry-after": "7"}), 3, Deferred(f"HTTP {status}", retry_after=7.0)) for status in LATER],
    (Response(200, {"retry-after": "7"}), 3, Delivered()),
    (Response(400, {"retry-after": "7"}), 3, Refused("HTTP 400", 400)),
    (Response(401, {"retry-after": "7"}), 3, Deferred("HTTP 401", misconfigured=True)),
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
    (Response(412, PLAIN, b"known"), 2, Delivered()),
    (Response(409, PLAIN, b"known"), 1, Delivered()),
    (Response(409, PLAIN, b"known"), 2, Refused("HTTP 409: known", 409)),
    # refused: one of several, or the one
    *[(Response(status), records, Refused(f"HTTP {status}", status)) for status in NO for records in (1, 9)],
    (Response(400, JSON, b'{"error": "no field day"}'), 1, Refused('HTTP 400: {"error": "no field day"}', 400)),
    (Response(400, {"content-type": "application/problem+json"}, b"{}"), 1, Refused("HTTP 400: {}", 400)),
    *[
        (Response(422, PLAIN, blank), 1, Refused("HTTP 422", 422))
        for blank in (b" ", b"\x1c", b"\xc2\xa0", b"\xe2\x80\xa8\n")  # also what only Unicode takes for a space
    ],
    *[
        (Response(status, {"location": location}), 1, Deferred(f"HTTP {status}{shown}", misconfigured=True))
        for status in (301, 302, 303, 307, 308)
        for location, shown in (
            ("", ""),
            ("/login", ""),
            ("https://me:secret@b:8443/?token=secret", " to https://b:8443"),
            ("http://[::1", " to http://[::1"),
        )
    ],
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
    headers=st.dictionaries(
        st.sampled_from(["content-type", "retry-after", "location"]),
        st.text(max_size=30)
        | st.sampled_from(["text/plain", "application/json", "text/html", "https://[", "1e9", "²"]),
    ),
    body=st.binary(max_size=60)
    | st.text(max_size=5).map(lambda text: text.encode("utf-8", "surrogatepass"))
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
