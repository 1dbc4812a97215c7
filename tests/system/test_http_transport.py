"""The HTTP transport against real sockets, from a friendly endpoint to a hostile one."""

import gzip
import json
import os
import re
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path

import pytest
from endpoint import Endpoint, Request, drip, reply, silence
from flushers import wait_for

from spool import WIRE_FORMATS, Deferred, Delivered, Outcome, Record, Refused, Spool, drain
from spool.endpoint import insecure, shown
from spool.http import HttpTransport
from spool.record import encode, seal_line

HALF = Deferred("the answer broke off", server_error=True)
BROKEN = Deferred("the connection broke off", server_error=True)


@pytest.fixture
def records() -> list[Record]:
    """Three records."""
    return [encode({"n": n}, source="test", event_type="t", now_ns=1_795_428_000_000_000_000) for n in range(3)]


def transport(url: str, deadline: float = 10.0) -> HttpTransport:
    """A transport as the program uses it."""
    return HttpTransport(url, WIRE_FORMATS["json"], user_agent="test/1", deadline=deadline)


def test_the_body_is_the_stored_lines(endpoint: Endpoint, records: list[Record]) -> None:
    """The endpoint gets the lines as they lie on disk, as one JSON array, compressed."""
    assert transport(endpoint.url).send(records) == Delivered()
    [request] = endpoint.requests
    assert gzip.decompress(request.body) == b"[" + b",".join(record.line for record in records) + b"]"
    assert request.line == "POST /events HTTP/1.1"


def test_the_headers_are_few_and_stated(endpoint: Endpoint, records: list[Record]) -> None:
    """Only these headers are sent; the content type has no charset, and `Date` says when it was sent."""
    transport(endpoint.url).send(records)
    headers = endpoint.requests[0].headers
    assert set(headers) == {
        "host", "content-length", "content-type", "content-encoding", "user-agent", "accept-encoding", "date",
        "idempotency-key",
    }  # fmt: skip
    assert headers["content-type"] == "application/json"
    assert headers["accept-encoding"] == "identity"
    assert abs((parsedate_to_datetime(headers["date"]) - datetime.now(UTC)).total_seconds()) < 60


def test_the_request_key_names_the_members(endpoint: Endpoint, records: list[Record]) -> None:
    """A retry by another process carries the same key; other members make another key."""
    for members in (records, records, records[:2]):
        transport(endpoint.url).send(members)
    first, again, fewer = (request.headers["idempotency-key"] for request in endpoint.requests)
    assert first == again != fewer


def test_the_request_key_is_of_the_ids_alone(records: list[Record]) -> None:
    """Whatever the wire format, the compression and the events are, records with the same ids have the same key."""
    others = [Record(seal_line(b'{"specversion":"1.0","id":"%b","data":{}' % record.id.encode())) for record in records]
    made = [
        HttpTransport("http://localhost/", wire, user_agent="test/1", compress=compress).request(members)
        for members, wire, compress in (
            (records, WIRE_FORMATS["json"], True),
            (records, WIRE_FORMATS["json"], False),
            (records, WIRE_FORMATS["otlp"], True),
            (others, WIRE_FORMATS["json"], True),
        )
    ]
    assert len({request.body for request in made}) == 4
    assert len({request.headers["Idempotency-Key"] for request in made}) == 1


def test_a_retry_has_the_same_body(records: list[Record], monkeypatch: pytest.MonkeyPatch) -> None:
    """However much later the same records are sent again, by another process, the body is the same to the byte."""
    first = transport("http://localhost/").request(records).body
    later = time.time() + 3600
    monkeypatch.setattr("time.time", lambda: later)
    assert transport("http://localhost/").request(records).body == first


def test_what_was_made_ahead_is_sent_for_its_own_records_alone(endpoint: Endpoint, records: list[Record]) -> None:
    """A body that was got ready for some records leaves with these, and never with a part of them or with others."""
    session = transport(endpoint.url)
    session.prepare(records)
    batches = [records[:1], records[1:], records]
    for members in batches:
        session.send(members)
    sent = [[record["id"] for record in request.records] for request in endpoint.requests]
    assert sent == [[record.id for record in members] for members in batches]


def test_one_connection_for_many_requests(endpoint: Endpoint, records: list[Record]) -> None:
    """A drain of many segments opens one connection."""
    session = transport(endpoint.url)
    for _ in range(5):
        session.send(records)
    assert (len(endpoint.requests), endpoint.connections) == (5, 1)


def test_requests_of_one_session_have_nothing_of_each_other(endpoint: Endpoint, records: list[Record]) -> None:
    """What is kept from one request to the next is the way: each has the length, the key and the body of its own."""
    session = transport(endpoint.url)
    for members in (records[:1], records, records[1:2]):
        session.send(members)
        transport(endpoint.url).send(members)
    for kept, alone in zip(endpoint.requests[::2], endpoint.requests[1::2], strict=True):
        assert (kept.line, kept.body) == (alone.line, alone.body)
        assert {**kept.headers, "date": ""} == {**alone.headers, "date": ""}


DATA_SEGMENTS_IN = 152  # where `tcpi_data_segs_in` lies in Linux' struct tcp_info


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux counts the packets of a connection where we can ask")
def test_a_small_request_is_one_packet(endpoint: Endpoint, records: list[Record]) -> None:
    """Header and body leave together."""
    packets: list[int] = []

    def count(connection: socket.socket, request: Request) -> None:
        packets.append(
            struct.unpack_from("I", connection.getsockopt(socket.SOL_TCP, socket.TCP_INFO, 256), DATA_SEGMENTS_IN)[0]
        )
        reply(204)(connection, request)

    endpoint.answer = count
    session = transport(endpoint.url)
    for _ in range(3):
        session.send(records)
    assert packets == [1, 2, 3]


def test_what_is_shown_is_what_is_sent(endpoint: Endpoint, records: list[Record]) -> None:
    """The request that a user is shown has the body and the headers that go over the wire."""
    shown = transport(endpoint.url).request(records)
    transport(endpoint.url).send(records)
    [sent] = endpoint.requests
    assert sent.body == shown.body
    assert {name.lower() for name in shown.headers} == set(sent.headers) - {"host", "content-length"}


@pytest.mark.parametrize(
    "head, outcome",
    [
        (b"HTTP/1.1 204 No Content\r\n\r\n", Delivered()),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nnull", Delivered()),
        (b"HTTP/1.1 503 Busy\r\nRetry-After: 7\r\nContent-Length: 0\r\n\r\n", Deferred("HTTP 503", retry_after=7.0)),
        (b"HTTP/1.1 400 No\r\nContent-Length: 0\r\n\r\n", Refused("HTTP 400", 400)),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf", HALF),
        (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
            HALF,
        ),
        (b"HTTP/1.1 20", BROKEN),
        (b"HTTP/1.1 200 OK\r\n", BROKEN),
        (b"HTTP/1.1 200 OK\r\nConte", BROKEN),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n", BROKEN),
        (b"HTTP/1.1 100 Continue\r\n\r\n", BROKEN),
        (b"HTTP/1.1 200 OK\n\n", Delivered()),
        (b"SSH-2.0-OpenSSH\r\n", BROKEN),
        (b"", BROKEN),
    ],
)
def test_whole_and_broken_answers(endpoint: Endpoint, records: list[Record], head: bytes, outcome: Outcome) -> None:
    """A whole answer means what it says; one that breaks off is no acknowledgement."""

    def answer(connection: socket.socket, _request: object) -> None:
        connection.sendall(head)
        connection.shutdown(socket.SHUT_RDWR)

    endpoint.answer = answer
    assert transport(endpoint.url).send(records) == outcome


def test_a_redirect_is_not_followed(endpoint: Endpoint, records: list[Record]) -> None:
    """Records go where the user said and nowhere else: a redirect is an error that names its target."""
    endpoint.answer = reply(307, Location=f"{endpoint.url}/x")
    outcome = transport(endpoint.url).send(records)
    assert outcome == Deferred(f"HTTP 307 to {endpoint.url.removesuffix('/events')}", misconfigured=True)
    assert len(endpoint.requests) == 1


def test_where_no_thread_is_to_be_had(endpoint: Endpoint, tmp_path: Path) -> None:
    """A user who may start no more threads, and a program that drains while it ends, deliver all the same."""
    program = """
import atexit, pathlib, sys, threading
from spool import WIRE_FORMATS, Spool, drain
from spool.http import HttpTransport

def refuse(_thread):
    raise RuntimeError("can't start new thread")

def main():
    threading.Thread.start = refuse
    spool = Spool(pathlib.Path(sys.argv[1]), source="test")
    for number in range(3):
        spool.append({"number": number}, event_type="test.v1")
        spool.seal()
    print(drain(spool, HttpTransport(sys.argv[2], WIRE_FORMATS["json"], user_agent="test/1")).delivered)

atexit.register(main)
"""
    command = [sys.executable, "-c", program, tmp_path / "spool", endpoint.url]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    assert (done.stdout, done.stderr) == ("3\n", "")
    assert len(endpoint.requests) == 3


def test_nobody_listens(refused_url: str, records: list[Record]) -> None:
    """A refused connection is deferred, with a reason that a person can read."""
    assert transport(refused_url).send(records) == Deferred("the connection was refused: nobody listens there")


@pytest.mark.parametrize("behaviour", ["drip", "silence", "endless"])
def test_the_deadline_holds(endpoint: Endpoint, records: list[Record], behaviour: str) -> None:
    """A server that drips, is silent or never stops talking holds a request no longer than its deadline."""

    def endless(connection: socket.socket, _request: object) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            connection.sendall(b"x" * 65536)

    endpoint.answer = {"drip": drip, "silence": silence, "endless": endless}[behaviour]
    start = time.monotonic()
    outcome = transport(endpoint.url, deadline=1.0).send(records)
    assert time.monotonic() - start < 5
    assert outcome == (Delivered() if behaviour == "endless" else Deferred("no answer within 1 s", server_error=True))


def test_behind_a_request_that_was_given_up_the_next_one_is_answered(endpoint: Endpoint, records: list[Record]) -> None:
    """The thread that is left behind with a silent endpoint holds up no later request of the same transport."""
    sender = transport(endpoint.url, deadline=0.5)
    endpoint.answer = silence
    assert sender.send(records) == Deferred("no answer within 0.5 s", server_error=True)
    endpoint.answer = reply(204)
    assert sender.send(records) == Delivered()


def test_nothing_is_repeated_behind_the_deadline(endpoint: Endpoint, records: list[Record]) -> None:
    """A request that was given up is not sent again by the thread that was left behind: consent may be gone by then."""

    def fail_late(connection: socket.socket, request: Request) -> None:
        time.sleep(0.6)
        reply(503)(connection, request)

    endpoint.answer = fail_late
    assert transport(endpoint.url, deadline=0.3).send(records) == Deferred("no answer within 0.3 s", server_error=True)
    time.sleep(1.5)
    assert len(endpoint.requests) == 1


@pytest.mark.parametrize(
    "url",
    ["https://example.org/", "http://127.0.0.1:80/x", "http://[::1]:80/", "http://localhost/", "http://127.8.8.8/"],
)
def test_encrypted_or_on_this_machine(url: str) -> None:
    """Records may go over https anywhere, and over http within this machine."""
    assert insecure(url) is None


@pytest.mark.parametrize(
    "url",
    ["http://example.org/", "http://10.0.0.1/", "ftp://x/", "file:///etc/passwd", "example.org", "", "http://",
     "https://user:secret@example.org/", "http://[::1", "https://\x00", "https://127.0.0.1:99999/", "http://localhost:x/"],
)  # fmt: skip
def test_other_addresses_are_refused(url: str) -> None:
    """An address that is not encrypted, not http, or holds a password is refused, without repeating the password."""
    complaint = insecure(url)
    assert complaint is not None
    assert "secret" not in complaint


@pytest.mark.parametrize(
    "url, shown_as",
    [
        ("https://a.example/x", "https://a.example/x"),
        ("https://me:secret@a.example/", "https://a.example/"),
        ("https://a.example:8443/?password=secret", "https://a.example:8443/?…"),
        ("https://a.example/\x1b[2J", "https://a.example/?[2J"),
        ("https:/me:secret@a.example/", "a.example/"),
        ("me:secret@a.example", "a.example"),
        ("https://me:sec/ret@a.example/x", "https://a.example/x"),
        ("https://me:sec?ret@a.example/x", "https://a.example/x?…"),
        ("https://me:sec#ret@a.example/x", "https://a.example/x"),
        ("https://a.example/@scope/x?a=b@c", "https://a.example/@scope/x?…"),
        ("collector.example:8321", "collector.example:8321"),
        ("https://", "https://"),
        (" ", "the address"),
    ],
)
def test_no_secret_is_shown(url: str, shown_as: str) -> None:
    """Where an address is shown, a password, a query and control characters are not."""
    assert shown(url) == shown_as


def test_this_machine_is_reached_without_a_proxy(
    endpoint: Endpoint, records: list[Record], refused_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What may go to this machine without encryption does not go to a proxy instead."""
    proxy = Endpoint()
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, proxy.url)
    assert transport(endpoint.url).send(records) == Delivered()
    assert transport(refused_url).send(records) == Deferred("the connection was refused: nobody listens there")
    assert (len(endpoint.requests), proxy.connections) == (1, 0)
    proxy.close()


def test_the_way_is_looked_for_again_when_it_has_failed(
    endpoint: Endpoint, refused_url: str, records: list[Record], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A laptop that leaves the network with the proxy delivers at the next attempt: it need not start anew."""
    monkeypatch.setattr("spool.session.is_local", lambda _address: False)  # or no proxy would be asked
    monkeypatch.setenv("http_proxy", refused_url)
    sender = transport(endpoint.url)
    assert sender.send(records) == Deferred("the proxy refused")
    monkeypatch.delenv("http_proxy")
    assert sender.send(records) == Delivered()


def test_a_proxy_that_wants_a_login_is_not_asked_for_ever(
    endpoint: Endpoint, records: list[Record], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who sets another proxy, where one has answered that it wants a login, need not start anew either."""
    monkeypatch.setattr("spool.session.is_local", lambda _address: False)
    proxy = Endpoint(reply(407))
    monkeypatch.setenv("http_proxy", proxy.url)
    sender = transport(endpoint.url)
    assert sender.send(records) == Deferred("HTTP 407", misconfigured=True)
    monkeypatch.delenv("http_proxy")
    assert sender.send(records) == Delivered()
    proxy.close()


def test_a_forked_child_has_a_connection_of_its_own(endpoint: Endpoint) -> None:
    """Parent and child that go on with one transport get the answers to their own requests, not to each other's."""
    ways: dict[str, set[object]] = {"parent": set(), "child": set()}

    def answer(connection: socket.socket, request: Request) -> None:
        who = "child" if "child" in request.text else "parent"
        ways[who].add(connection.getpeername())
        reply(400 if who == "child" else 200)(connection, request)

    endpoint.answer = answer
    program = """
import os, sys
from spool import WIRE_FORMATS
from spool.http import HttpTransport
from spool.record import encode, seal_line

sender = HttpTransport(sys.argv[1], WIRE_FORMATS["json"], user_agent="test/1")

def send(who):
    record = encode({"who": who}, source="test", event_type="t", now_ns=10**18)
    return type(sender.send([record])).__name__

send("parent")
ready, done = os.pipe()
child = os.fork()
if child:
    os.read(ready, 1)  # the child begins, while the connection is idle
who, expected = ("parent", "Delivered") if child else ("child", "Refused")
send(who)
os.write(done, b".")
wrong = [outcome for _ in range(40) if (outcome := send(who)) != expected]
if not child:
    os._exit(len(wrong))
print(len(wrong), os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""
    command = [sys.executable, "-c", program, endpoint.url]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout == "0 0\n", done.stderr
    assert not ways["parent"] & ways["child"]


def test_threads_have_connections_of_their_own(endpoint: Endpoint) -> None:
    """Threads that share one transport, from its first request on, each send their own records."""
    sender = transport(endpoint.url)
    events = [encode({"n": n}, source="test", event_type="t", now_ns=10**18) for n in range(80)]
    with ThreadPoolExecutor(8) as pool:
        outcomes = pool.map(lambda record: sender.send([record]), events)
    assert set(map(type, outcomes)) == {Delivered}
    sent = sorted(json.loads(request.text)[0]["data"]["n"] for request in endpoint.requests)
    assert sent == list(range(80))


def test_an_interrupted_request_is_not_repeated(endpoint: Endpoint, records: list[Record]) -> None:
    """Whoever interrupts a drain and lives on may purge what it was about to send: nothing of that leaves behind it."""
    answered = threading.Event()

    def answer(connection: socket.socket, request: Request) -> None:
        os.kill(os.getpid(), signal.SIGINT)
        answered.wait(10)
        reply(503)(connection, request)

    endpoint.answer = answer
    with pytest.raises(KeyboardInterrupt):
        transport(endpoint.url).send(records)
    answered.set()
    time.sleep(1)
    assert len(endpoint.requests) == 1


def test_a_drain_of_another_thread_does_not_allow_to_send(endpoint: Endpoint, tmp_path: Path) -> None:
    """What one drain may no longer send is not sent because another one, over the same transport, may."""
    first, second = (Spool(tmp_path / name, source="test") for name in ("first", "second"))
    for spool in (first, second):
        for _ in range(3):
            spool.append({}, event_type="t")
            spool.seal()
    sender, allowed = transport(endpoint.url), [True]

    def withdraw(_done: int) -> None:
        allowed.clear()
        with ThreadPoolExecutor(1) as pool:
            assert pool.submit(drain, second, sender).result(30).delivered == 3

    summary = drain(first, sender, may_send=lambda: bool(allowed), progress=withdraw)
    assert (summary.delivered, summary.stopped) == (1, True)


def test_threads_do_not_wait_for_one_another(endpoint: Endpoint) -> None:
    """What one thread sends is not held up by an answer that another one waits for."""
    slow, answered = threading.Event(), endpoint.answer

    def answer(connection: socket.socket, request: Request) -> None:
        if json.loads(request.text)[0]["data"]["n"] == 0:
            slow.wait(10)
        answered(connection, request)

    endpoint.answer = answer
    sender = transport(endpoint.url)
    events = [encode({"n": n}, source="test", event_type="t", now_ns=10**18) for n in range(2)]
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(sender.send, [events[0]])
        try:
            wait_for(lambda: len(endpoint.requests) == 1)
            assert pool.submit(sender.send, [events[1]]).result(5) == Delivered()
            assert not first.done()
        finally:
            slow.set()
        assert first.result(10) == Delivered()


def test_a_slow_uplink_has_the_time_of_a_request(monkeypatch: pytest.MonkeyPatch) -> None:
    """A body that takes longer to leave than a connection may take to open arrives all the same."""
    monkeypatch.setattr("spool.http._CONNECT_TIMEOUT", 0.3)

    def connect_narrowly(address: tuple[str, int], *_: object, **__: object) -> socket.socket:
        connection = socket.create_connection(address, timeout=0.3)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)  # or the system takes all of it at once
        return connection

    monkeypatch.setattr("urllib3.util.connection.create_connection", connect_narrowly)
    large = [encode({"n": os.urandom(15_000).hex()}, source="s", event_type="t", now_ns=10**18) for _ in range(40)]
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)

        def read_slowly() -> None:
            connection, _ = server.accept()
            with connection:
                left = 1
                data = b""
                while left > 0:
                    data += connection.recv(1024 * 64)
                    time.sleep(0.01)
                    head, _, body = data.partition(b"\r\n\r\n")
                    length = re.search(rb"Content-Length: (\d+)", head)
                    left = int(length[1]) - len(body) if length else 1
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

        threading.Thread(target=read_slowly, daemon=True).start()
        sender = HttpTransport(
            f"http://127.0.0.1:{server.getsockname()[1]}/", WIRE_FORMATS["json"], user_agent="t", compress=False
        )
        began = time.monotonic()
        assert sender.send(large) == Delivered()
        assert time.monotonic() - began > 0.3, "the test is too fast to tell"


@pytest.mark.parametrize("query", ["key=s3cret", "key=s3cret#part", "key=[s3cret]", "key=s3%63ret", "s3cret é"])
def test_what_an_endpoint_repeats_holds_no_secret(endpoint: Endpoint, records: list[Record], query: str) -> None:
    """An endpoint that repeats the request's address, however it was written, and the token, betrays neither."""

    def repeat(connection: socket.socket, request: Request) -> None:
        said = f"{request.line} {request.headers['authorization']}"
        reply(400, said.encode(), Content_Type="text/plain")(connection, request)

    endpoint.answer = repeat
    sender = HttpTransport(f"{endpoint.url}?{query}", WIRE_FORMATS["json"], user_agent="t", token="t0ken")  # noqa: S106
    outcome = sender.send(records)
    assert outcome == Refused("HTTP 400: POST /events?... HTTP/1.1 Bearer ...", 400)


@pytest.mark.parametrize(
    "query, value",
    [
        ("key=s3cret-k3y", "s3cret-k3y"),
        ("a=1&key=s3cret%2Dk3y&json", "s3cret-k3y"),
        ("a=1&key=s3cret%2Dk3y", "s3cret%2Dk3y"),
        ("key=two+words", "two words"),
        ("key=ab==", "ab=="),
    ],
)
def test_an_endpoint_that_repeats_a_value_betrays_no_secret(
    endpoint: Endpoint, records: list[Record], query: str, value: str
) -> None:
    """An endpoint that repeats what one part of the query holds, and not the query, betrays no long one."""
    endpoint.answer = reply(401, f"unknown api key {value}".encode(), Content_Type="text/plain")
    outcome = transport(f"{endpoint.url}?{query}").send(records)
    said = "..." if len(value) > 5 else value
    assert outcome == Deferred(f"HTTP 401: unknown api key {said}", misconfigured=True)


@pytest.mark.parametrize("said", ["a/b+c~d", r"a\/b+c~d", r"a\u002fb\u002Bc~d", "a%2Fb%2bc~d", r"\a\/b+c~d"])
def test_a_token_that_is_repeated_in_another_form(endpoint: Endpoint, records: list[Record], said: str) -> None:
    """However JSON or an address may write the token that an endpoint repeats, it is not kept."""
    endpoint.answer = reply(401, f'{{"error": "no token {said}"}}'.encode(), Content_Type="application/json")
    sender = HttpTransport(endpoint.url, WIRE_FORMATS["json"], user_agent="t", token="a/b+c~d")  # noqa: S106
    assert sender.send(records) == Deferred('HTTP 401: {"error": "no token ..."}', misconfigured=True)


def test_consent_is_asked_before_a_request_is_repeated(endpoint: Endpoint, tmp_path: Path) -> None:
    """A quick repeat, too, is sent only while the user says yes."""
    consents = [True]

    def fail(connection: socket.socket, request: Request) -> None:
        consents[0] = False
        reply(503)(connection, request)

    endpoint.answer = fail
    spool = Spool(tmp_path / "spool", source="test")
    spool.append({}, event_type="t")
    failure = drain(spool, transport(endpoint.url), may_send=lambda: consents[0]).failure
    assert failure is not None
    assert failure.reason == "HTTP 503"
    assert len(endpoint.requests) == 1


@pytest.mark.parametrize("start", [b"", b"\xef\xbb\xbf", b" \r\n\t"])
def test_a_rejection_that_is_too_long_for_one_record_delivers_nothing(
    endpoint: Endpoint, tmp_path: Path, start: bytes
) -> None:
    """An answer about one record that is too long to be read is no acknowledgement: the record is kept, with that."""
    spool = Spool(tmp_path / "spool", source="test")
    for _ in range(3):
        spool.append({}, event_type="t")
    endpoint.answer = reply(200, start + json.dumps({"accepted": 0, "reason": "x" * 300_000}).encode())
    summary = drain(spool, transport(endpoint.url))
    assert (summary.delivered, summary.buried) == (0, 3)


@pytest.mark.parametrize("token, query", [("1", ""), ("ab", ""), ("t", "?e"), ("t", "?7"), ("t", "?reason")])
def test_a_secret_like_a_part_of_an_id(endpoint: Endpoint, records: list[Record], token: str, query: str) -> None:
    """However short a secret is, the records that an endpoint rejects are found by their ids."""

    def reject(connection: socket.socket, request: Request) -> None:
        rejected = [{"id": each["id"], "reason": "no"} for each in request.records]
        reply(200, json.dumps({"rejected": rejected}).encode())(connection, request)

    endpoint.answer = reject
    sender = HttpTransport(f"{endpoint.url}{query}", WIRE_FORMATS["json"], user_agent="t", token=token)
    outcome = sender.send(records)
    assert isinstance(outcome, Delivered)
    assert set(outcome.rejected) == {record.id for record in records}


def test_an_answer_that_is_too_long_is_asked_for_in_parts(endpoint: Endpoint, tmp_path: Path) -> None:
    """An endpoint that says more about the records it rejects than is read loses none of its rejections."""

    def reject(connection: socket.socket, request: Request) -> None:
        rejected = [{"id": each["id"], "reason": "no " * 2000} for each in request.records]
        reply(200, json.dumps({"rejected": rejected}).encode())(connection, request)

    endpoint.answer = reject
    spool = Spool(tmp_path / "spool", source="test")
    for _ in range(100):
        spool.append({}, event_type="t")
    summary = drain(spool, transport(endpoint.url))
    assert (summary.delivered, summary.buried) == (0, 100)


@pytest.mark.parametrize("host", ["a..b", "a" * 70 + ".example"])
def test_a_host_that_is_none_is_a_misconfiguration(records: list[Record], host: str) -> None:
    """A name that no host can have is told as an address that has to be mended."""
    outcome = transport(f"https://{host}/").send(records)
    assert outcome == Deferred("the address of the endpoint or of the proxy is not valid", misconfigured=True)


def test_a_header_that_is_none_is_not_sent(endpoint: Endpoint, records: list[Record]) -> None:
    """A name for our program that would break a header is told, and nothing leaves."""
    for name in (" lead", "a\r\nX: y", "a\r\n b"):
        sender = HttpTransport(endpoint.url, WIRE_FORMATS["json"], user_agent=name)
        assert sender.send(records) == Deferred("no answer (InvalidHeader)")
    assert endpoint.requests == []


def test_an_endpoint_cannot_mark_us(endpoint: Endpoint, records: list[Record]) -> None:
    """A cookie that the endpoint sets is not sent back."""
    endpoint.answer = reply(200, Set_Cookie="track=abc; Path=/")
    session = transport(endpoint.url)
    session.send(records)
    session.send(records)
    assert "cookie" not in endpoint.requests[1].headers


@pytest.mark.parametrize(
    "retry_after", ["Mon, 99999999999999999999 Jan 2020 00:00:00 GMT", "Mon, 01 Jan 99999 00:00:00 GMT", "\x7f"]
)
def test_a_hostile_header_is_an_outcome(endpoint: Endpoint, records: list[Record], retry_after: str) -> None:
    """Whatever stands in `Retry-After`, the outcome is that of its status."""
    endpoint.answer = reply(503, Retry_After=retry_after)
    assert transport(endpoint.url).send(records) == Deferred("HTTP 503", server_error=True)


def test_a_missing_certificate_file_is_a_misconfiguration(
    records: list[Record], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file of certificates that is not there is said plainly, and blames no event."""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/nowhere/ca.pem")
    outcome = transport("https://127.0.0.1:1/").send(records)
    assert isinstance(outcome, Deferred)
    assert outcome.misconfigured
    assert "/nowhere/ca.pem" in outcome.reason
