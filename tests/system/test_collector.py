"""The collector's promises, kept by a real server over real sockets."""

import gzip
import http.client
import json
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from evidently_cli.collector.body import BODY_LIMIT
from evidently_cli.collector.server import Collector
from evidently_cli.collector.store import Store

JSON = {"Content-Type": "application/json"}
NDJSON = {"Content-Type": "application/x-ndjson"}
GZIP = {"Content-Encoding": "gzip"}


@pytest.fixture
def database(tmp_path: Path) -> Path:
    """Return where the collector stores."""
    return tmp_path / "events.sqlite"


@pytest.fixture
def collector(database: Path, capfd: pytest.CaptureFixture[str]) -> Iterator[Collector]:
    """Serve on a free port, from a thread of this process; no request may cost it a traceback."""
    store = Store(database)
    with Collector("127.0.0.1", 0, store, quiet=False) as server:
        serving = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        serving.start()
        yield server
        server.shutdown()
        serving.join()
    store.close()
    assert "Traceback" not in capfd.readouterr().err


def record(name: str, **changed: Any) -> dict[str, Any]:
    """Return a record as the tool sends it, with some attributes changed."""
    return {
        "specversion": "1.0",
        "id": name,
        "source": "evidently-cli",
        "type": "evidently.cli.run.v1",
        "time": "2026-11-23T10:00:00.123Z",
        "datacontenttype": "application/json",
        "data": {"usage": {"type": "profile"}},
    } | changed


def ask(
    collector: Collector,
    body: bytes = b"",
    headers: dict[str, str] | None = None,
    method: str = "POST",
    path: str = "/",
) -> tuple[int, dict[str, Any]]:
    """Send one request on a connection of its own; return the status and the JSON of the answer."""
    connection = http.client.HTTPConnection("127.0.0.1", collector.server_port, timeout=10)
    try:
        connection.request(method, path, body, headers or JSON)
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read() or b"{}")
    finally:
        connection.close()


def stored(database: Path) -> list[sqlite3.Row]:
    """Read the table with a connection of our own, as a person would."""
    connection = sqlite3.connect(database)
    try:
        connection.row_factory = sqlite3.Row
        return connection.execute("SELECT * FROM events ORDER BY id").fetchall()
    finally:
        connection.close()


def start(database: Path, *arguments: str) -> subprocess.Popen[str]:
    """Start the collector as a program."""
    command = [sys.executable, "-m", "evidently_cli.collector", "--port", "0", "--database", str(database)]
    return subprocess.Popen([*command, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def connect(program: subprocess.Popen[str]) -> http.client.HTTPConnection:
    """Wait for the program's line, and return a connection to the address in it."""
    assert program.stdout
    address = program.stdout.readline().removeprefix("http://").removesuffix("/\n")
    return http.client.HTTPConnection(address, timeout=10)


def peak_kib(program: subprocess.Popen[str]) -> int:
    """Return the most memory that the process has had so far."""
    status = Path(f"/proc/{program.pid}/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0])


@pytest.mark.parametrize(
    "body, headers",
    [
        (json.dumps([record("a"), record("b")]).encode(), JSON),
        (json.dumps([record("a"), record("b")]).encode(), {"Content-Type": "Application/JSON; charset=utf-8"}),
        (f"{json.dumps(record('a'))}\n{json.dumps(record('b'))}\n".encode(), NDJSON),
        (f"{json.dumps(record('a'))}\r\n\n{json.dumps(record('b'))}".encode(), NDJSON),
        (gzip.compress(json.dumps([record("a"), record("b")]).encode(), mtime=0), JSON | GZIP),
        (
            gzip.compress(json.dumps(record("a")).encode() + b"\n", mtime=0) + gzip.compress(b'{"id": 1}', mtime=0),
            NDJSON | GZIP,
        ),
        (json.dumps(record("a")).encode(), JSON),
    ],
    ids=["array", "charset", "ndjson", "blank lines", "gzip", "gzip in two members", "one record"],
)
def test_batch_in_each_form_is_taken(
    collector: Collector, database: Path, body: bytes, headers: dict[str, str]
) -> None:
    """An array, lines, or one record, compressed or not: the records in it are stored."""
    status, answer = ask(collector, body, headers)
    names = [row["id"] for row in stored(database)]
    assert (status, answer["accepted"], answer["duplicate"]) == (200, len(names), 0)
    assert names == ["a", "b"][: len(names)]
    assert names


def test_row_holds_the_record_and_both_clocks(collector: Collector, database: Path) -> None:
    """A row has the attributes as columns, data and record as JSON, and the client's clock beside ours."""
    sent = record("a", firstof="month,week,day", data={"name": "Übergröße\u2028"}, crc="9f3a01bc")
    ask(collector, json.dumps([sent]).encode(), JSON | {"Date": "Mon, 23 Nov 2026 10:00:05 GMT"})
    [row] = stored(database)
    assert (row["time"], row["type"], row["firstof"]) == (sent["time"], sent["type"], sent["firstof"])
    assert row["sent_at"] == "2026-11-23T10:00:05.000Z"
    assert row["received_at"].endswith("Z")
    assert json.loads(row["data"]) == sent["data"]
    assert json.loads(row["record"]) == sent


@pytest.mark.parametrize("date", ["", "yesterday", "Mon, 99 Nov 2026 10:00:05 GMT"])
def test_unreadable_clock_costs_no_record(collector: Collector, database: Path, date: str) -> None:
    """A Date header that is no date leaves `sent_at` empty, and the record is stored."""
    assert ask(collector, json.dumps([record("a")]).encode(), JSON | {"Date": date})[0] == 200
    assert [row["sent_at"] for row in stored(database)] == [None]


def test_repeat_is_answered_by_id(collector: Collector, database: Path) -> None:
    """A record that is sent again, in whatever company, is counted as a duplicate and stored once."""
    first = ask(collector, json.dumps([record("a"), record("b")]).encode())
    again = ask(collector, json.dumps([record("b", data={"changed": True}), record("c"), record("c")]).encode())
    assert first == (200, {"accepted": 2, "duplicate": 0, "rejected": []})
    assert again == (200, {"accepted": 1, "duplicate": 2, "rejected": []})
    assert [row["id"] for row in stored(database)] == ["a", "b", "c"]
    assert json.loads(stored(database)[1]["data"]) == {"usage": {"type": "profile"}}


@pytest.mark.parametrize(
    "member, name, reason",
    [
        (7, None, "not an object"),
        (None, None, "not an object"),
        ([record("a")], None, "not an object"),
        (record(""), None, "no id"),
        (record("a", id=7), None, "no id"),
        (record("\ud800"), None, "no id"),
        (record("a", specversion=None), "a", "no specversion"),
        (record("a", specversion="0.3"), "a", "specversion is not 1.0"),
        (record("a", type=""), "a", "no type"),
        (record("a", source=None), "a", "no source"),
        (record("a", time=1764000000), "a", "time is not a string"),
        (record("a", firstof=["day"]), "a", "firstof is not a string"),
        (record("a", data="\udc00"), "a", "not valid Unicode"),
    ],
)
def test_member_that_is_no_record_is_rejected_alone(
    collector: Collector, database: Path, member: Any, name: str | None, reason: str
) -> None:
    """One bad member is named with its reason; its neighbours are stored."""
    status, answer = ask(collector, json.dumps([record("before"), member, record("behind")]).encode())
    assert (status, answer) == (200, {"accepted": 2, "duplicate": 0, "rejected": [{"id": name, "reason": reason}]})
    assert [row["id"] for row in stored(database)] == ["before", "behind"]


@pytest.mark.parametrize("body, headers", [(b"[]", JSON), (b"", NDJSON)])
def test_batch_of_nothing_is_taken(collector: Collector, body: bytes, headers: dict[str, str]) -> None:
    """An empty batch is no error."""
    assert ask(collector, body, headers) == (200, {"accepted": 0, "duplicate": 0, "rejected": []})


@pytest.mark.parametrize(
    "body, headers, status",
    [
        (b"{", JSON, 400),
        (b"", JSON, 400),
        (b"[NaN]", JSON, 400),
        (b'[{"a": [-1e999]}]', JSON, 400),
        (b"[" + b"0," * 10_000 + b"0]", JSON, 413),
        (b"0\n" * 10_001, NDJSON, 413),
        (b"7", JSON, 400),
        (b"[" * 100_000, JSON, 400),
        (b"[" + b"9" * 10_000 + b"]", JSON, 400),
        (b'["\xff"]', JSON, 400),
        (b'{"id": "a"}\n{"id"', NDJSON, 400),
        (b"[]", JSON | GZIP, 400),
        (gzip.compress(b"[]", mtime=0)[:-4], JSON | GZIP, 400),
        (gzip.compress(b"[]", mtime=0)[:-8] + bytes(8), JSON | GZIP, 400),
        (b"[]", {"Content-Type": "text/plain"}, 415),
        (b"[]", {"Content-Type": ""}, 415),
        (b"[]", JSON | {"Content-Encoding": "br"}, 415),
        (b"[]", JSON | {"Content-Length": "-1"}, 400),
        (b"[]", JSON | {"Content-Length": "9" * 5000}, 400),
        (b"", JSON | {"Content-Length": str(BODY_LIMIT + 1)}, 413),
        (b"2\r\n[]\r\n0\r\n\r\n", JSON | {"Transfer-Encoding": "chunked"}, 411),
    ],
)
def test_refused_body_has_its_status(
    collector: Collector, database: Path, body: bytes, headers: dict[str, str], status: int
) -> None:
    """What cannot be read as a batch is refused as a whole, with the status that says why, and nothing is stored."""
    answered, answer = ask(collector, body, headers)
    assert answered == status
    assert answer["error"]
    assert stored(database) == []


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="only Linux shows a process's peak")
def test_gzip_bomb_is_refused_before_it_unfolds(database: Path) -> None:
    """A small body that unfolds to 256 MiB is refused at the limit: the server's memory does not follow it."""
    bomb = gzip.compress(bytes(256 << 20), 1)
    assert len(bomb) < BODY_LIMIT
    with start(database, "--quiet") as program:
        client = connect(program)
        before = peak_kib(program)
        client.request("POST", "/", bomb, JSON | GZIP)
        assert client.getresponse().status == 413
        assert peak_kib(program) - before < 32 * 1024
        client.close()
        program.terminate()
    assert stored(database) == []


def test_client_that_sends_too_much_hears_the_answer(collector: Collector) -> None:
    """A body over the limit is answered with 413, not with a reset connection while it is still being sent."""
    assert ask(collector, b" " * (3 * BODY_LIMIT))[0] == 413


def test_body_without_length_is_refused(collector: Collector) -> None:
    """A request that does not say how long it is gets 411."""
    with socket.create_connection(("127.0.0.1", collector.server_port), timeout=10) as raw:
        raw.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n\r\n")
        assert raw.recv(100).startswith(b"HTTP/1.1 411 ")


def test_half_a_request_stores_nothing(collector: Collector, database: Path) -> None:
    """A client that dies while it sends leaves no row, and the next client is served."""
    body = json.dumps([record("a")]).encode()
    with socket.create_connection(("127.0.0.1", collector.server_port), timeout=10) as raw:
        raw.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n")
        raw.sendall(b"Content-Length: %d\r\n\r\n" % (len(body) + 1) + body)
    assert ask(collector, json.dumps([record("b")]).encode())[0] == 200
    assert [row["id"] for row in stored(database)] == ["b"]


@pytest.mark.parametrize(
    "method, path, status, allow",
    [
        ("GET", "/", 405, "POST"),
        ("HEAD", "/", 405, "POST"),
        ("DELETE", "/?id=a", 405, "POST"),
        ("POST", "/health", 405, "GET"),
        ("GET", "/v1/logs", 404, None),
        ("POST", "/../", 404, None),
    ],
)
def test_other_places_are_refused(collector: Collector, method: str, path: str, status: int, allow: str | None) -> None:
    """A wrong method gets 405 and the right one in Allow; a wrong path gets 404."""
    connection = http.client.HTTPConnection("127.0.0.1", collector.server_port, timeout=10)
    connection.request(method, path)
    answer = connection.getresponse()
    assert (answer.status, answer.headers["Allow"]) == (status, allow)
    connection.close()


def test_connection_is_kept_for_the_next_batch(collector: Collector, database: Path) -> None:
    """A drain sends all its batches over one connection."""
    connection = http.client.HTTPConnection("127.0.0.1", collector.server_port, timeout=10)
    connection.connect()
    opened = connection.sock
    for name in ("a", "b", "c"):
        connection.request("POST", "/", json.dumps([record(name)]), JSON)
        assert json.loads(connection.getresponse().read())["accepted"] == 1
    assert connection.sock is opened
    connection.close()
    assert len(stored(database)) == 3


def test_clients_at_once_lose_and_double_nothing(collector: Collector, database: Path) -> None:
    """Sixteen clients with overlapping batches: each record is accepted once, by whichever came first."""

    def send(start: int) -> tuple[int, int]:
        batch = [record(f"{number:04}") for number in range(start, start + 100)]
        status, answer = ask(collector, json.dumps(batch).encode())
        assert status == 200
        return answer["accepted"], answer["duplicate"]

    with ThreadPoolExecutor(16) as clients:
        answers = list(clients.map(send, range(0, 3200, 50)))
    assert sum(accepted for accepted, _ in answers) == 3250
    assert sum(duplicate for _, duplicate in answers) == 64 * 100 - 3250
    assert [row["id"] for row in stored(database)] == [f"{number:04}" for number in range(3250)]


def test_disk_that_fails_is_a_reason_to_come_again(collector: Collector) -> None:
    """When SQLite cannot commit, the answer is 503 with Retry-After, and never 200."""
    collector.store.close()
    connection = http.client.HTTPConnection("127.0.0.1", collector.server_port, timeout=10)
    connection.request("POST", "/", json.dumps([record("a")]), JSON)
    answer = connection.getresponse()
    assert (answer.status, answer.headers["Retry-After"]) == (503, "60")
    connection.close()


def test_log_never_shows_what_was_sent(collector: Collector, capfd: pytest.CaptureFixture[str]) -> None:
    """Neither a body, nor a query, nor a header of any request reaches the log."""
    canary = "canary-5e1f"
    ask(collector, json.dumps([record(canary), {"id": canary}, canary]).encode(), path=f"/?token={canary}")
    ask(collector, f"[{canary}".encode(), JSON | {"Authorization": canary})
    ask(collector, canary.encode(), {"Content-Type": canary, "Content-Length": str(len(canary))})
    with socket.create_connection(("127.0.0.1", collector.server_port), timeout=10) as raw:
        raw.sendall(f"{canary} is no request\r\n\r\n".encode())
        assert raw.recv(100)
    log = capfd.readouterr().err
    assert len(log.splitlines()) == 4
    assert canary not in log


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
def test_signal_ends_it_cleanly_and_the_rows_stay(database: Path, ending: signal.Signals) -> None:
    """Ctrl-C and SIGTERM end the program with code 0, even while a client keeps its connection; the rows are there."""
    program = start(database, "--quiet")
    client = connect(program)
    client.request("POST", "/", json.dumps([record("a")]), JSON)
    assert client.getresponse().read()
    program.send_signal(ending)
    assert program.communicate(timeout=10) == ("", "")
    assert program.returncode == 0
    client.close()
    assert [row["id"] for row in stored(database)] == ["a"]


def test_killed_collector_has_what_it_confirmed(database: Path) -> None:
    """After SIGKILL every record that was answered with 200 is in the file."""
    program = start(database, "--quiet")
    client = connect(program)
    for number in range(20):
        client.request("POST", "/", json.dumps([record(f"{number:02}")]), JSON)
        assert client.getresponse().read()
    program.kill()
    program.communicate(timeout=10)
    client.close()
    assert [row["id"] for row in stored(database)] == [f"{number:02}" for number in range(20)]


@pytest.mark.parametrize(
    "arguments, words",
    [
        (["--host", "203.0.113.7"], "cannot listen on 203.0.113.7"),
        (["--port", "70000"], "cannot listen on 127.0.0.1 port 70000"),
        (["--database", "no/such/folder/events.sqlite"], "cannot use no/such/folder/events.sqlite"),
        (["--database", __file__], "cannot use"),
    ],
)
def test_program_says_in_one_line_why_it_cannot_start(database: Path, arguments: list[str], words: str) -> None:
    """An address that is not ours or a file that is no database: one line, exit code 1."""
    program = start(database, *arguments)
    output, errors = program.communicate(timeout=10)
    assert (program.returncode, output, len(errors.splitlines())) == (1, "", 1)
    assert words in errors
