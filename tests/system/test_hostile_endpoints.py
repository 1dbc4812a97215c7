"""The HTTP transport against what no product does on demand: a scripted server, real TLS, proxies."""

import resource
import shutil
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from endpoint import Answer, Endpoint, Request, reply, reset

from spool import WIRE_FORMATS, Deferred, Delivered, Outcome, Record, Refused
from spool.http import HttpTransport
from spool.record import encode

TOKEN = "t0ken-that-nobody-else-may-see"  # noqa: S105 - a test's


@pytest.fixture
def records() -> list[Record]:
    """Three records."""
    return [encode({"n": n}, source="test", event_type="t", now_ns=1_795_428_000_000_000_000) for n in range(3)]


def transport(
    url: str, *, retries: int = 0, deadline: float = 10.0, token: str | None = None, ca_bundle: Path | None = None
) -> HttpTransport:
    """A transport that repeats nothing, unless told to."""
    return HttpTransport(
        url,
        WIRE_FORMATS["json"],
        user_agent="test/1",
        retries=retries,
        deadline=deadline,
        token=token,
        ca_bundle=ca_bundle,
    )


def one_by_one(*statuses: int) -> Answer:
    """Answer one request with the first, the next with the second."""
    script = iter(statuses)

    def answer(connection: socket.socket, request: Request) -> None:
        reply(next(script))(connection, request)

    return answer


# --- statuses -----------------------------------------------------------------


def meaning(status: int, records: int) -> type[Outcome]:
    """What a status means, as README's table has it."""
    if 200 <= status < 300 or status == 412 or (status == 409 and records == 1):
        return Delivered
    if status < 400 or status in {401, 403, 404, 405, 408, 425, 429} or status >= 500:
        return Deferred
    return Refused


@pytest.mark.parametrize("number", [1, 3])
def test_every_status(endpoint: Endpoint, records: list[Record], number: int) -> None:
    """Each status from 200 to 599 has its documented meaning, over a real connection."""
    endpoint.answer = one_by_one(*range(200, 600))
    sender = transport(endpoint.url)
    for status in range(200, 600):
        outcome = sender.send(records[:number])
        assert type(outcome) is meaning(status, number), (status, outcome)
        wrong = status in {401, 403, 404, 405} or 300 <= status < 400
        assert getattr(outcome, "misconfigured", False) == wrong, status
        assert getattr(outcome, "server_error", False) == (status >= 500), status


@pytest.mark.parametrize("status", [100, 102, 103, 199])
def test_a_status_that_only_informs(endpoint: Endpoint, records: list[Record], status: int) -> None:
    """An interim answer is none: the one behind it counts, and where there is none, nothing is delivered."""
    interim = f"HTTP/1.1 {status} Wait\r\n\r\n".encode()

    def answer(connection: socket.socket, request: Request) -> None:
        connection.sendall(interim)
        reply(400)(connection, request)

    def interim_only(connection: socket.socket, _request: Request) -> None:
        connection.sendall(interim)
        connection.shutdown(socket.SHUT_RDWR)

    endpoint.answer = answer
    assert transport(endpoint.url).send(records) != Delivered()
    endpoint.answer = interim_only
    assert isinstance(transport(endpoint.url).send(records), Deferred)


# --- quick retries ------------------------------------------------------------


def test_a_moment_is_passed_over(endpoint: Endpoint, records: list[Record]) -> None:
    """A 502 is asked again at once, with the same key and the same bytes."""
    endpoint.answer = one_by_one(502, 502, 200)
    assert transport(endpoint.url, retries=2).send(records) == Delivered()
    assert len({(request.headers["idempotency-key"], request.body) for request in endpoint.requests}) == 1


@pytest.mark.parametrize(
    "answer, requests",
    [
        *[(reply(status), 3) for status in (500, 502, 503, 504)],
        *[(reply(status), 1) for status in (200, 302, 400, 401, 408, 413, 429, 501)],
        (reply(503, Retry_After="0"), 1),
        (reply(500, Retry_After="Mon, 23 Nov 2026 10:02:00 GMT"), 1),
    ],
)
def test_how_often_it_is_repeated(endpoint: Endpoint, records: list[Record], answer: Answer, requests: int) -> None:
    """What a moment may mend is repeated twice; what the server wants to be left alone with is not."""
    endpoint.answer = answer
    transport(endpoint.url, retries=2).send(records)
    assert len(endpoint.requests) == requests


def test_an_idle_connection_that_was_dropped(endpoint: Endpoint, records: list[Record]) -> None:
    """A server that drops the connection between two requests costs nothing."""

    def answer(connection: socket.socket, request: Request) -> None:
        reply(200)(connection, request)
        connection.shutdown(socket.SHUT_RDWR)

    endpoint.answer = answer
    sender = transport(endpoint.url, retries=2)
    assert [sender.send(records) for _ in range(5)] == [Delivered()] * 5


# --- broken and endless answers ----------------------------------------------


@pytest.mark.parametrize(
    "sent",
    [b"", b"H", *(b"HTTP/1.1 200 OK\r\n" + more for more in (b"", b"Content-Le", b"Content-Length: 9\r\n\r\n{"))],
    ids=len,
)
def test_a_reset_at_every_stage(endpoint: Endpoint, records: list[Record], sent: bytes) -> None:
    """A connection that is reset at any stage of the answer delivers nothing, and blames no record yet."""

    def answer(connection: socket.socket, _request: Request) -> None:
        connection.sendall(sent)
        reset(connection)

    endpoint.answer = answer
    outcome = transport(endpoint.url).send(records)
    assert isinstance(outcome, Deferred)
    assert outcome.server_error


def test_a_reset_before_the_request_is_read(records: list[Record]) -> None:
    """A connection that is reset at once, or in the middle of a large body, delivers nothing."""
    large = [encode({"x": "y" * 60_000}, source="t", event_type="t", now_ns=10**18) for _ in range(40)]
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            for octets in (0, 10, 1000):
                connection, _ = server.accept()
                connection.recv(octets) if octets else None
                reset(connection)

        threading.Thread(target=serve, daemon=True).start()
        sender = HttpTransport(f"http://127.0.0.1:{server.getsockname()[1]}/", WIRE_FORMATS["json"],
                               user_agent="t", compress=False, retries=0)  # fmt: skip
        for each in (records, large, large):
            assert isinstance(sender.send(each), Deferred)


ENDLESS = {
    "a body of 100 MB": (b"HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n", b"x" * 65536, Delivered),
    "a body without an end": (b"HTTP/1.1 200 OK\r\n\r\n", b"x" * 65536, Delivered),
    "chunks without an end": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"5\r\nhello\r\n", Delivered),
    "a 503 without an end": (b"HTTP/1.1 503 No\r\n\r\n", b"x" * 65536, Deferred),
    "headers without an end": (b"HTTP/1.1 200 OK\r\n", b"X-More: and more\r\n", Deferred),
    "one header without an end": (b"HTTP/1.1 200 OK\r\nX-Long: ", b"x" * 65536, Deferred),
    "a status line without an end": (b"HTTP/1.1 200 ", b"O" * 65536, Deferred),
}


@pytest.mark.parametrize("case", ENDLESS)
def test_an_endless_answer(endpoint: Endpoint, records: list[Record], case: str) -> None:
    """An answer without an end is read as far as it is of use, in little memory, quick retries included."""
    head, more, outcome = ENDLESS[case]

    def answer(connection: socket.socket, _request: Request) -> None:
        connection.sendall(head)
        while True:
            connection.sendall(more)

    endpoint.answer = answer
    sender = transport(endpoint.url, retries=2, deadline=5.0)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    started = time.monotonic()
    assert type(sender.send(records)) is outcome
    assert time.monotonic() - started < 15
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 20_000, "KiB"


def test_a_bomb_is_not_unpacked(endpoint: Endpoint, records: list[Record]) -> None:
    """An answer that claims to be packed, and is not what it claims, is no acknowledgement that is read."""
    endpoint.answer = reply(200, b"\x1f\x8b" + b"\0" * 2000, Content_Encoding="gzip")
    assert isinstance(transport(endpoint.url).send(records), Deferred)


# --- redirects ----------------------------------------------------------------


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_to_another_host_gets_nothing(endpoint: Endpoint, records: list[Record], status: int) -> None:
    """Neither records nor the token go where an endpoint points to, be it another host or itself, round and round."""
    other = Endpoint()
    for target in (other.url, endpoint.url):
        endpoint.answer = reply(status, Location=target)
        outcome = transport(endpoint.url, retries=2, token=TOKEN).send(records)
        assert isinstance(outcome, Deferred)
        assert outcome.misconfigured
    assert (len(endpoint.requests), other.connections) == (2, 0)
    other.close()


# --- the token ----------------------------------------------------------------


def test_a_token_is_sent_and_shown_nowhere(endpoint: Endpoint, records: list[Record]) -> None:
    """The token goes to the endpoint, and into nothing that is shown or kept."""
    endpoint.answer = reply(401, b"no", Content_Type="text/plain")
    sender = transport(endpoint.url, token=TOKEN)
    outcome = sender.send(records)
    assert endpoint.requests[0].headers["authorization"] == f"Bearer {TOKEN}"
    assert TOKEN not in repr((outcome, sender, sender.request(records)))


# --- TLS ----------------------------------------------------------------------


def openssl(folder: Path, *arguments: str) -> None:
    """Run openssl."""
    subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the certificate of a test's own authority, and with some that it, or nobody, has signed."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
    folder = tmp_path_factory.mktemp("tls")
    key = ["-newkey", "rsa:2048", "-nodes"]
    for name in ("ca", "stranger"):
        openssl(folder, "req", "-x509", *key, "-keyout", f"{name}.key", "-out", f"{name}.pem", "-days", "30",
                "-subj", f"/CN={name}")  # fmt: skip
    for name, host, days, signer in (
        ("good", "IP:127.0.0.1", "30", "ca"),
        ("other-host", "DNS:example.org", "30", "ca"),
        ("expired", "IP:127.0.0.1", "-1", "ca"),
        ("foreign", "IP:127.0.0.1", "30", "stranger"),
    ):
        (folder / "ext").write_text(f"subjectAltName={host}\n")
        openssl(folder, "req", *key, "-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", "/CN=test")
        openssl(folder, "x509", "-req", "-in", f"{name}.csr", "-CA", f"{signer}.pem", "-CAkey", f"{signer}.key",
                "-CAcreateserial", "-days", days, "-extfile", "ext", "-out", f"{name}.crt")  # fmt: skip
        (folder / f"{name}.pem").write_text((folder / f"{name}.key").read_text() + (folder / f"{name}.crt").read_text())
    return folder


@pytest.fixture
def secured(certificates: Path) -> Iterator[Callable[..., Endpoint]]:
    """Starts endpoints that speak TLS with one of the certificates."""
    started: list[Endpoint] = []

    def start(name: str, version: ssl.TLSVersion | None = None) -> Endpoint:
        versions = (version, version) if version else (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3)
        started.append(Endpoint(certificate=certificates / f"{name}.pem", versions=versions))
        return started[-1]

    yield start
    for each in started:
        each.close()


def test_a_certificate_that_our_authority_signed(
    secured: Callable[..., Endpoint], certificates: Path, records: list[Record], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Records go to an endpoint whose certificate the given authorities signed, whatever the environment says."""
    endpoint = secured("good")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificates / "stranger.pem"))
    monkeypatch.setenv("CURL_CA_BUNDLE", str(certificates / "stranger.pem"))
    sender = transport(endpoint.url, token=TOKEN, ca_bundle=certificates / "ca.pem")
    assert sender.send(records) == Delivered()
    assert len(endpoint.records) == 3


@pytest.mark.parametrize("name", ["other-host", "expired", "foreign"])
def test_a_certificate_that_will_not_do(
    secured: Callable[..., Endpoint], certificates: Path, records: list[Record], name: str
) -> None:
    """Where the certificate is another host's, expired or a stranger's, nothing is sent, not even the token."""
    endpoint = secured(name)
    outcome = transport(endpoint.url, retries=2, token=TOKEN, ca_bundle=certificates / "ca.pem").send(records)
    assert outcome == Deferred("the certificate or the encryption failed")
    assert endpoint.requests == []


def test_an_authority_that_nobody_knows(
    secured: Callable[..., Endpoint], records: list[Record], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a file of certificates, the usual ones count: a test's own authority is none of them."""
    monkeypatch.delenv("REQUESTS_CA_BUNDLE", raising=False)
    monkeypatch.delenv("CURL_CA_BUNDLE", raising=False)
    endpoint = secured("good")
    assert transport(endpoint.url).send(records) == Deferred("the certificate or the encryption failed")
    assert endpoint.requests == []


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion")
def test_old_encryption(secured: Callable[..., Endpoint], certificates: Path, records: list[Record]) -> None:
    """An endpoint that only speaks TLS 1.1 gets nothing."""
    endpoint = secured("good", ssl.TLSVersion.TLSv1_1)
    outcome = transport(endpoint.url, ca_bundle=certificates / "ca.pem").send(records)
    assert isinstance(outcome, Deferred)
    assert endpoint.requests == []


@pytest.mark.parametrize("content", [None, b"", b"no certificate"])
def test_certificates_that_are_none(
    secured: Callable[..., Endpoint], records: list[Record], tmp_path: Path, content: bytes | None
) -> None:
    """A file of certificates that is missing, empty or something else is said plainly, and blames no event."""
    endpoint, bundle = secured("good"), tmp_path / "ca.pem"
    if content is not None:
        bundle.write_bytes(content)
    outcome = transport(endpoint.url, ca_bundle=bundle).send(records)
    assert isinstance(outcome, Deferred)
    assert outcome.misconfigured
    assert "certificates" in outcome.reason
    assert endpoint.requests == []


@pytest.mark.parametrize("certificate", ["good", None])
def test_a_handshake_that_hangs(certificates: Path, records: list[Record], certificate: str | None) -> None:
    """A server that accepts, and then says nothing, holds a request no longer than its deadline."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        scheme = "https" if certificate else "http"
        sender = transport(
            f"{scheme}://127.0.0.1:{server.getsockname()[1]}/", deadline=1.0, ca_bundle=certificates / "ca.pem"
        )
        started = time.monotonic()
        assert isinstance(sender.send(records), Deferred)
        assert time.monotonic() - started < 3


# --- proxies ------------------------------------------------------------------


@pytest.mark.parametrize("status", [403, 407, 502])
def test_a_proxy_that_refuses(records: list[Record], status: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy that refuses delivers nothing, blames no record, and sees neither the token nor a record."""
    proxy = Endpoint(reply(status))
    monkeypatch.setenv("https_proxy", proxy.url)
    monkeypatch.delenv("no_proxy", raising=False)
    outcome = transport("https://collector.example/", token=TOKEN).send(records)
    assert outcome == Deferred("the proxy refused")
    [request] = proxy.requests
    assert request.line.startswith("CONNECT collector.example:443 ")
    assert (TOKEN in str(request.headers), request.body) == (False, b"")
    proxy.close()


def test_a_tunnel_through_a_proxy(
    secured: Callable[..., Endpoint], certificates: Path, records: list[Record], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Through a proxy of the environment the records are encrypted from end to end."""
    endpoint = secured("good")
    host, port = endpoint.url.split("/")[2].split(":")
    passed = bytearray()

    def tunnel(connection: socket.socket, _request: Request) -> None:
        with socket.create_connection((host, int(port))) as far:
            connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
            threading.Thread(target=pump, args=(far, connection, bytearray()), daemon=True).start()
            pump(connection, far, passed)

    def pump(source: socket.socket, target: socket.socket, seen: bytearray) -> None:
        while data := source.recv(65536):
            seen.extend(data)
            target.sendall(data)

    proxy = Endpoint(tunnel)
    monkeypatch.setenv("https_proxy", proxy.url)
    monkeypatch.delenv("no_proxy", raising=False)
    sender = transport(endpoint.url, token=TOKEN, ca_bundle=certificates / "ca.pem")
    assert sender.send(records) == Delivered()
    assert len(endpoint.records) == 3
    assert TOKEN.encode() not in passed
    proxy.close()


# --- names --------------------------------------------------------------------

HANGING_NAME = """
import socket, sys, time
socket.getaddrinfo = lambda *_more: time.sleep(60)  # as a resolver does whose server is silent
from spool import WIRE_FORMATS
from spool.http import HttpTransport
from spool.record import encode
record = encode({}, source="t", event_type="t", now_ns=10**18)
started = time.monotonic()
outcome = HttpTransport("https://collector.example/", WIRE_FORMATS["json"], user_agent="t", deadline=1.0).send([record])
print(outcome.reason, time.monotonic() - started < 3)
"""


def test_a_name_that_is_looked_up_for_ever() -> None:
    """A look-up that hangs holds a request no longer than its deadline, and the process not at all."""
    started = time.monotonic()
    done = subprocess.run([sys.executable, "-c", HANGING_NAME], capture_output=True, text=True, check=True, timeout=30)
    assert done.stdout == "no answer within 1 s True\n"
    assert time.monotonic() - started < 20
