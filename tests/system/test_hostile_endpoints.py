"""The HTTP transport against what no product does on demand: a scripted server, real TLS, proxies."""

import gzip
import json
import os
import shutil
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from endpoint import Answer, Endpoint, Request, reply, reset, silence
from flushers import wait_for

from spool import WIRE_FORMATS, Deferred, Delivered, Outcome, Record, Refused
from spool.http import HttpTransport
from spool.record import encode

BROKEN = Deferred("the connection broke off", server_error=True)
NO_CERTIFICATE = Deferred("the certificate or the encryption failed")
NO_PROXY = Deferred("the proxy refused")
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


def one_by_one(*answers: Answer) -> Answer:
    """Answer one request with the first, the next with the second."""
    script = iter(answers)

    def answer(connection: socket.socket, request: Request) -> None:
        next(script)(connection, request)

    return answer


def reply_with(body: bytes, **headers: str) -> Callable[[int], Answer]:
    """Answer with this body and these headers, the status being left open."""
    return lambda status: reply(status, body, **headers)


def without_end(head: bytes, more: bytes, pause: float = 0.0) -> Answer:
    """Answer with a beginning, and then more and more of the same."""

    def answer(connection: socket.socket, _request: Request) -> None:
        connection.sendall(head)
        while True:
            connection.sendall(more)
            time.sleep(pause)

    return answer


# --- statuses -----------------------------------------------------------------


WRONG = {401, 402, 403, 404, 405, 407, 410, 421, 426, 431, 511}


def meaning(status: int, records: int) -> type[Outcome]:
    """What a status means, as README's table has it."""
    if 200 <= status < 300 or status == 412 or (status == 409 and records == 1):
        return Delivered
    if status < 400 or status in {*WRONG, 408, 425, 429} or status >= 500:
        return Deferred
    return Refused


BODIES = {
    "nothing": reply_with(b""),
    "JSON": reply_with(b'{"accepted": 3}', Content_Type="application/json"),
    "a page": reply_with(b"<html>Welcome", Content_Type="text/html; charset=utf-8"),
    "a pause": reply_with(b"later", Content_Type="text/plain", Retry_After="7"),
}


@pytest.mark.parametrize("number", [1, 3])
@pytest.mark.parametrize("body", BODIES)
def test_every_status(endpoint: Endpoint, records: list[Record], body: str, number: int) -> None:
    """Each status from 200 to 599 has its documented meaning, whatever comes with it, over a real connection."""
    endpoint.answer = one_by_one(*map(BODIES[body], range(200, 600)))
    sender = transport(endpoint.url)
    for status in range(200, 600):
        outcome = sender.send(records[:number])
        page = body == "a page" and 200 <= status < 300
        pause = body == "a pause" and (status in {408, 425, 429} or (status >= 500 and status not in WRONG))
        assert type(outcome) is (Deferred if page else meaning(status, number)), (status, outcome)
        wrong = page or status in WRONG or 300 <= status < 400
        assert getattr(outcome, "misconfigured", False) == wrong, status
        assert getattr(outcome, "server_error", False) == (status >= 500 and not pause and not wrong), status
        assert getattr(outcome, "retry_after", None) == (7.0 if pause else None), status
    assert len(endpoint.requests) == 400


def test_a_status_that_only_informs(endpoint: Endpoint, records: list[Record]) -> None:
    """An interim answer is none: the one behind it counts, and where there is none, nothing is delivered."""
    interim = [status for status in range(100, 200) if status != 101]

    def announced(status: int) -> Answer:
        def answer(connection: socket.socket, _request: Request) -> None:
            interim = f"HTTP/1.1 {status} Wait\r\nLink: </x>\r\n\r\n"
            connection.sendall(f"{interim}{interim}HTTP/1.1 400 No\r\nContent-Length: 0\r\n\r\n".encode())

        return answer

    def interim_only(connection: socket.socket, _request: Request) -> None:
        connection.sendall(b"HTTP/1.1 103 Early Hints\r\n\r\n")
        connection.shutdown(socket.SHUT_RDWR)

    endpoint.answer = one_by_one(*map(announced, interim))
    sender = transport(endpoint.url)
    assert [sender.send(records) for _ in interim] == [Refused("HTTP 400", 400)] * len(interim)
    endpoint.answer = interim_only
    assert transport(endpoint.url).send(records) == BROKEN


@pytest.mark.parametrize("status", [100, 101, 102, 103, 199])
def test_an_answer_is_not_taken_for_that_to_the_next_request(
    endpoint: Endpoint, records: list[Record], status: int
) -> None:
    """A final answer that comes long after an interim one delivers nothing but the records that it is about."""

    def late(connection: socket.socket, request: Request) -> None:
        connection.sendall(f"HTTP/1.1 {status} Wait\r\n\r\n".encode())
        time.sleep(0.3)
        reply(200)(connection, request)

    endpoint.answer = one_by_one(late, reply(400))
    sender = transport(endpoint.url)
    first = Deferred("HTTP 101", misconfigured=True) if status == 101 else Delivered()
    assert [sender.send(records), sender.send(records)] == [first, Refused("HTTP 400", 400)]


def test_an_answer_before_the_request_is_read() -> None:
    """A server that has seen enough of a request, and answers before it has read the rest, is understood."""
    large = [encode({"x": "y" * 60_000}, source="t", event_type="t", now_ns=10**18) for _ in range(100)]
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            connection, _ = server.accept()
            connection.recv(1000)
            connection.sendall(b"HTTP/1.1 413 Too much\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
            connection.shutdown(socket.SHUT_WR)
            while connection.recv(65536):
                pass
            connection.close()

        threading.Thread(target=serve, daemon=True).start()
        url = f"http://127.0.0.1:{server.getsockname()[1]}/"
        sender = HttpTransport(url, WIRE_FORMATS["json"], user_agent="t", compress=False, retries=0)
        assert sender.send(large) == Refused("HTTP 413", 413)


# --- quick retries ------------------------------------------------------------


def test_a_moment_is_passed_over(endpoint: Endpoint, records: list[Record]) -> None:
    """A 502 is asked again at once, with the same key and the same bytes."""
    endpoint.answer = one_by_one(reply(502), reply(502), reply(200))
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


def test_a_server_that_takes_its_time(
    endpoint: Endpoint, records: list[Record], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server that has a request, and does not answer in time, does not get the same once more at once."""
    monkeypatch.setattr("spool.http._READ_TIMEOUT", 0.3)
    endpoint.answer = silence
    assert transport(endpoint.url, retries=2).send(records) == Deferred("no answer in time", server_error=True)
    assert len(endpoint.requests) == 1


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


BOMB = gzip.compress(gzip.compress(bytes(200_000_000), compresslevel=1))
OK, CHUNKED = b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
MUCH = b"x" * 65536
ENDLESS = {
    "a body of 100 MB": (without_end(OK + b"Content-Length: 100000000\r\n\r\n", MUCH), "Delivered"),
    "a body without an end": (without_end(OK + b"\r\n", MUCH), "Delivered"),
    "chunks without an end": (without_end(CHUNKED, b"5\r\nhello\r\n" * 99), "Delivered"),
    "a chunk without an end": (without_end(CHUNKED + b"FFFFFFFFFF\r\n", MUCH), "Delivered"),
    "the length of a chunk without an end": (without_end(CHUNKED + b"1;", MUCH), "Deferred"),
    "a 503 without an end": (without_end(b"HTTP/1.1 503 No\r\n\r\n", MUCH), "Deferred"),
    "a 400 without an end": (without_end(b"HTTP/1.1 400 No\r\n\r\n", MUCH), "Refused"),
    "a redirect without an end": (without_end(b"HTTP/1.1 302 No\r\nLocation: http://x/\r\n\r\n", MUCH), "Deferred"),
    "headers without an end": (without_end(OK, b"X-More: and more\r\n" * 99), "Deferred"),
    "one header without an end": (without_end(OK + b"X-Long: ", MUCH), "Deferred"),
    "a status line without an end": (without_end(b"HTTP/1.1 200 ", MUCH), "Deferred"),
    "an interim answer without an end": (without_end(b"HTTP/1.1 103 Hm\r\n", b"X: y\r\n" * 99), "Deferred"),
    "a bomb in two wrappings": (reply(200, BOMB, Content_Encoding="gzip, gzip"), "Delivered"),
    "a bomb with a 503": (reply(503, BOMB, Content_Encoding="gzip, gzip"), "Deferred"),
    "a thousand wrappings": (reply(200, BOMB, Content_Encoding=", ".join(["gzip"] * 1000)), "Deferred"),
    "continues without an end": (without_end(b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 99), "Deferred"),
    "interim answers without an end": (without_end(b"", b"HTTP/1.1 103 Hm\r\n\r\n" * 99), "Deferred"),
    # These last as long as the deadline.
    "trailers without an end": (without_end(CHUNKED + b"0\r\n", b"X: y\r\n" * 99), "Deferred"),
    "a dripping body": (without_end(OK + b"Content-Length: 1000\r\n\r\n", b"x", 0.1), "Deferred"),
    "dripping chunks": (without_end(CHUNKED, b"1\r\nx\r\n", 0.1), "Deferred"),
    "a dripping 503": (without_end(b"HTTP/1.1 503 No\r\nContent-Length: 1000\r\n\r\n", b"x", 0.1), "Deferred"),
    "dripping interim answers": (without_end(b"", b"HTTP/1.1 102 Processing\r\n\r\n", 0.1), "Deferred"),
}

READ_IT = """
import resource, sys, time
from spool import WIRE_FORMATS
from spool.http import HttpTransport
from spool.record import encode
records = [encode({}, source="t", event_type="t", now_ns=10**18)]
def send(url, deadline):
    sender = HttpTransport(url, WIRE_FORMATS["json"], user_agent="t", retries=2, deadline=deadline)
    return type(sender.send(records)).__name__
usual, url, deadline = sys.argv[1:]
send(usual, 9.0)  # what a request needs in any case
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
started = time.monotonic()
outcome, seconds = send(url, float(deadline)), time.monotonic() - started
print(outcome, seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


@pytest.mark.parametrize("case", ENDLESS)
def test_an_endless_answer(endpoint: Endpoint, case: str) -> None:
    """An answer without an end is read as far as it is of use, in little memory and time, quick retries included."""
    answer, expected = ENDLESS[case]
    hostile = Endpoint(answer)
    lasting = list(ENDLESS).index(case) >= list(ENDLESS).index("trailers without an end")
    deadline = 0.5 if lasting else 30.0
    command = [sys.executable, "-c", READ_IT, endpoint.url, hostile.url, str(deadline)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    outcome, seconds, memory = done.stdout.split()
    hostile.close()
    assert done.stderr == ""
    assert outcome == expected
    assert float(seconds) < (deadline + 2 if lasting else 12)
    assert int(memory) < 8_000, "KiB"


def test_what_is_named_in_a_long_answer(endpoint: Endpoint, records: list[Record]) -> None:
    """An answer that rejects each record of a full segment by name is read to its end."""
    named = {f"01234567-89ab-7def-8123-{number:012}": "too old for this collector, by far" for number in range(1500)}
    rejected = [{"id": name, "reason": reason} for name, reason in named.items()]
    endpoint.answer = reply(200, json.dumps({"accepted": 0, "rejected": rejected}).encode())
    assert transport(endpoint.url).send(records) == Delivered(named)


@pytest.mark.parametrize("packed", [b"\x1f\x8b" + b"\0" * 2000, b"{}"])
def test_an_answer_that_cannot_be_unpacked(endpoint: Endpoint, records: list[Record], packed: bytes) -> None:
    """An answer that claims to be packed, and is not, is no acknowledgement."""
    endpoint.answer = reply(200, packed, Content_Encoding="gzip")
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


@pytest.mark.parametrize("status", [400, 401, 403, 500])
def test_a_token_that_is_repeated_to_us(endpoint: Endpoint, records: list[Record], status: int) -> None:
    """An endpoint that repeats the token in its complaint does not get it into what is shown or kept."""
    endpoint.answer = reply(status, f"no: {TOKEN}.".encode(), Content_Type="text/plain")
    outcome = transport(endpoint.url, token=TOKEN).send(records)
    assert getattr(outcome, "reason", None) == f"HTTP {status}: no: ...."


@pytest.mark.parametrize(
    "token", ["", "a b", "a\nb", "a\r\nX-Y: z", "a\0b", "\N{EURO SIGN}", "caf\N{LATIN SMALL LETTER E WITH ACUTE}"]
)
def test_a_token_that_cannot_be_sent(endpoint: Endpoint, records: list[Record], token: str) -> None:
    """A token that no header can hold is said plainly, without repeating it, and blames no event."""
    outcome = transport(endpoint.url, token=token).send(records)
    assert outcome == Deferred("the token is not one word of ASCII letters, digits and signs", misconfigured=True)
    assert endpoint.requests == []


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
        ("its-own", "IP:127.0.0.1", "30", None),
    ):
        (folder / "ext").write_text(f"subjectAltName={host}\n")
        openssl(folder, "req", *key, "-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", "/CN=test")
        signed = ["-CA", f"{signer}.pem", "-CAkey", f"{signer}.key", "-CAcreateserial"] if signer else [
            "-signkey", f"{name}.key"]  # fmt: skip
        openssl(folder, "x509", "-req", "-in", f"{name}.csr", *signed, "-days", days, "-extfile", "ext",
                "-out", f"{name}.crt")  # fmt: skip
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


@pytest.mark.parametrize("name", ["pipe", "nothing", "."])
def test_certificates_that_are_no_file(tmp_path: Path, records: list[Record], name: str) -> None:
    """Where the certificates are a pipe, or nothing, a transport says so, and waits for nobody."""
    os.mkfifo(tmp_path / "pipe")
    outcome = transport("https://127.0.0.1:1/", ca_bundle=tmp_path / name).send(records)
    assert isinstance(outcome, Deferred)
    assert (outcome.misconfigured, "there is no file" in outcome.reason) == (True, True)


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


@pytest.mark.parametrize("name", ["other-host", "expired", "foreign", "its-own"])
def test_a_certificate_that_will_not_do(
    secured: Callable[..., Endpoint], certificates: Path, records: list[Record], name: str
) -> None:
    """Where the certificate is another host's, expired or a stranger's, nothing is sent, not even the token."""
    endpoint = secured(name)
    outcome = transport(endpoint.url, retries=2, token=TOKEN, ca_bundle=certificates / "ca.pem").send(records)
    assert outcome == NO_CERTIFICATE
    assert endpoint.requests == []


def test_an_authority_that_nobody_knows(
    secured: Callable[..., Endpoint], records: list[Record], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a file of certificates, the usual ones count: a test's own authority is none of them."""
    monkeypatch.delenv("REQUESTS_CA_BUNDLE", raising=False)
    monkeypatch.delenv("CURL_CA_BUNDLE", raising=False)
    endpoint = secured("good")
    assert transport(endpoint.url).send(records) == NO_CERTIFICATE
    assert endpoint.requests == []


@pytest.mark.parametrize("variable", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
def test_an_authority_of_the_environment(
    secured: Callable[..., Endpoint], certificates: Path, records: list[Record], variable: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """Without a file of certificates of our own, that of the environment counts."""
    monkeypatch.delenv("REQUESTS_CA_BUNDLE", raising=False)
    monkeypatch.setenv(variable, str(certificates / "ca.pem"))
    assert transport(secured("good").url).send(records) == Delivered()


@pytest.mark.parametrize("token", [None, TOKEN])
def test_no_login_of_netrc_is_sent(
    secured: Callable[..., Endpoint], certificates: Path, records: list[Record], token: str | None
) -> None:  # fmt: skip
    """A login that ~/.netrc has for the endpoint's host is not sent, with and without a token."""
    netrc = Path.home() / ".netrc"  # a test's own
    netrc.write_text("machine 127.0.0.1 login me password secret\n")
    netrc.chmod(0o600)
    endpoint = secured("good")
    assert transport(endpoint.url, token=token, ca_bundle=certificates / "ca.pem").send(records) == Delivered()
    assert endpoint.requests[0].headers.get("authorization") == (token and f"Bearer {token}")


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion")
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1])
def test_old_encryption(
    secured: Callable[..., Endpoint], certificates: Path, records: list[Record], version: ssl.TLSVersion
) -> None:
    """An endpoint that only speaks TLS 1.0 or 1.1 gets nothing."""
    endpoint = secured("good", version)
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


@pytest.mark.parametrize("secure", [False, True], ids=["http", "https"])
def test_what_drips_is_let_go_at_the_deadline(
    endpoint: Endpoint, secured: Callable[..., Endpoint], certificates: Path, records: list[Record], secure: bool
) -> None:
    """However often an endpoint drips past the deadline, no thread of ours waits for it any longer."""
    server = secured("good") if secure else endpoint
    server.answer = without_end(OK + b"Content-Length: 100000\r\n\r\n", b"x", 0.05)
    sender = transport(server.url, deadline=0.3, ca_bundle=certificates / "ca.pem" if secure else None)
    before = set(threading.enumerate())
    for _ in range(5):
        assert isinstance(sender.send(records), Deferred)
    wait_for(lambda: not [each for each in set(threading.enumerate()) - before if "(_work)" in each.name])


def test_who_waits_behind_a_request_that_is_given_up_is_served(endpoint: Endpoint, records: list[Record]) -> None:
    """Threads that share a transport: where one gives up, the next one's request is neither cut nor lost."""
    endpoint.answer = one_by_one(silence, reply(200))
    sender = transport(endpoint.url, deadline=1.0)
    outcomes: list[Outcome] = []
    first = threading.Thread(target=lambda: outcomes.append(sender.send(records)))
    first.start()
    wait_for(lambda: endpoint.requests)
    time.sleep(0.5)
    assert sender.send(records) == Delivered()
    first.join()
    assert outcomes == [Deferred("no answer within 1 s", server_error=True)]


def test_nothing_is_sent_once_it_was_given_up(
    endpoint: Endpoint, records: list[Record], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A request that was given up while a name was looked up is not sent when that is found: consent may be gone."""
    look_up = socket.getaddrinfo

    def slow(*arguments: Any, **named: Any) -> Any:
        time.sleep(0.6)
        return look_up(*arguments, **named)

    monkeypatch.setattr(socket, "getaddrinfo", slow)
    outcome = transport(endpoint.url, retries=2, deadline=0.3).send(records)
    assert outcome == Deferred("no answer within 0.3 s", server_error=True)
    wait_for(lambda: endpoint.connections)
    time.sleep(0.3)
    assert endpoint.requests == []


# --- proxies ------------------------------------------------------------------


@pytest.fixture
def proxy(monkeypatch: pytest.MonkeyPatch) -> Iterator[Endpoint]:
    """A proxy that the environment names."""
    server = Endpoint()
    for name in ("http_proxy", "https_proxy"):
        monkeypatch.setenv(name, server.url.replace("//", "//me:secret%2Dpassword@"))
    yield server
    server.close()


def closes(connection: socket.socket, _request: Request) -> None:
    """Say nothing and leave."""
    connection.shutdown(socket.SHUT_RDWR)


@pytest.mark.parametrize(
    "answer, expected",
    [
        *((reply(status), NO_PROXY) for status in (400, 403, 500, 502, 503)),
        (reply(407), Deferred("the proxy wants a login (HTTP 407)", misconfigured=True)),
        (closes, BROKEN),
        (reset, BROKEN),
    ],
)
def test_a_proxy_that_refuses(proxy: Endpoint, records: list[Record], answer: Answer, expected: Outcome) -> None:
    """A proxy that refuses delivers nothing, blames no record, and sees neither the token nor a record."""
    proxy.answer = answer
    assert transport("https://collector.example/", token=TOKEN).send(records) == expected
    [request] = proxy.requests
    assert request.line.startswith("CONNECT collector.example:443 ")
    assert (TOKEN in str(request.headers), request.body) == (False, b"")


def test_a_proxy_that_is_not_there(refused_url: str, records: list[Record], monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy where nobody listens delivers nothing, and nothing goes around it."""
    monkeypatch.setenv("https_proxy", refused_url.replace("//", "//me:secret@"))
    assert transport("https://127.0.0.1:1/").send(records) == NO_PROXY


@pytest.mark.parametrize(
    "answer", [silence, without_end(b"HTTP/1.1 200 ", b"O", 0.1), without_end(OK, b"X: y\r\n", 0.1)]
)
def test_a_proxy_that_hangs(proxy: Endpoint, records: list[Record], answer: Answer) -> None:
    """A proxy that never answers, or drips, holds a request no longer than its deadline."""
    proxy.answer = answer
    started = time.monotonic()
    assert isinstance(transport("https://collector.example/", retries=2, deadline=1.0).send(records), Deferred)
    assert time.monotonic() - started < 3


@pytest.mark.parametrize(
    "address", ["http://", "http://[::1", "nonsense://127.0.0.1:1", "socks5://127.0.0.1:1", " ", "http://me:secret@"]
)
def test_a_proxy_that_is_none(records: list[Record], address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """An address of a proxy that cannot be one is said plainly, and blames no event."""
    monkeypatch.setenv("https_proxy", address)
    outcome = transport("https://collector.example/").send(records)
    assert outcome == Deferred("the address of the endpoint or of the proxy is not valid", misconfigured=True)


@pytest.mark.parametrize("variable", ["no_proxy", "NO_PROXY"])
def test_a_host_without_a_proxy(
    secured: Callable[..., Endpoint], proxy: Endpoint, records: list[Record], variable: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """An endpoint that the environment excepts is asked without the proxy."""
    endpoint = secured("good")
    monkeypatch.setenv(variable, "example.org, 127.0.0.0/8")
    assert transport(endpoint.url).send(records) == NO_CERTIFICATE
    assert (endpoint.connections, proxy.connections) == (1, 0)


def test_an_unencrypted_endpoint_behind_a_proxy(proxy: Endpoint, records: list[Record]) -> None:
    """Where the user allowed `http`, the proxy gets the request as it is; what it answers is the outcome."""
    sender = transport("http://collector.example/events?x=1")
    assert sender.send(records) == Delivered()
    proxy.answer = reply(407)
    assert sender.send(records) == Deferred("HTTP 407", misconfigured=True)
    [request, again] = proxy.requests
    said = f"no {again.headers['proxy-authorization']} for secret-password"
    proxy.answer = reply(403, said.encode(), Content_Type="text/plain")
    assert sender.send(records) == Deferred("HTTP 403: no Basic ... for ...", misconfigured=True)
    assert request.line == "POST http://collector.example/events?x=1 HTTP/1.1"
    assert len(request.records) == 3


def test_a_tunnel_through_a_proxy(
    secured: Callable[..., Endpoint], certificates: Path, proxy: Endpoint, records: list[Record]
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

    proxy.answer = tunnel
    sender = transport(endpoint.url, token=TOKEN, ca_bundle=certificates / "ca.pem")
    assert sender.send(records) == Delivered()
    assert len(endpoint.records) == 3
    assert TOKEN.encode() not in passed
    assert proxy.requests[0].headers["proxy-authorization"].startswith("Basic ")
    assert "proxy-authorization" not in endpoint.requests[0].headers
