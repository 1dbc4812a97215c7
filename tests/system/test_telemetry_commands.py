"""The telemetry commands, as real processes against real endpoints."""

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import threading
import time
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from command_line import CommandLine
from endpoint import Endpoint, Request, drip, reply, silence

from evidently_cli import event
from evidently_cli.settings import SOURCE
from spool import WIRE_FORMATS, Spool
from spool.schedule import load

USAGE = event.Usage("profile", ["data_drift"], event.SamplingUsage(), event.SamplingUsage("nth", 1.0, 10))


def record(evidently: CommandLine, number: int = 1) -> list[str]:
    """Record some events as runs would."""
    spool = Spool(evidently.spool, source=SOURCE)
    data = event.build(USAGE, event.environment())
    return [spool.append(data, event_type=event.TYPE) for _ in range(number)]


def test_an_empty_machine(evidently: CommandLine) -> None:
    """Where nothing was ever recorded, every command says so, with exit code 0, and makes nothing."""
    assert "pending    0 records" in evidently("telemetry", "status").stdout
    assert evidently("telemetry", "pending").stderr == "Nothing is pending.\n"
    assert evidently("telemetry", "flush").stderr == "Nothing is pending.\n"
    assert json.loads(evidently("telemetry", "status", "--json").stdout)["pending"]["records"] == 0
    assert evidently("telemetry", "pending", "--json").stdout == ""
    assert not evidently.spool.parent.exists()


@pytest.mark.parametrize("command", ["export", "import"])
def test_a_bundle_is_no_pipe(evidently: CommandLine, command: str) -> None:
    """Records are not moved into a file called `-` where somebody meant a pipe."""
    record(evidently)
    assert "no pipe" in evidently("telemetry", command, "-", status=2).stderr
    assert not (evidently.directory / "-").exists()
    assert len(list(Spool(evidently.spool, source=SOURCE).records())) == 1


def test_status_says_who_decided(evidently: CommandLine) -> None:
    """`status` shows the effective state and the setting behind it; --json has the documented keys."""
    record(evidently, 3)
    shown = json.loads(evidently("telemetry", "status", "--json", DO_NOT_TRACK="yes").stdout)
    assert (shown["recording"], shown["sending"], shown["decided_by"]) == (False, False, "DO_NOT_TRACK=yes")
    shown = json.loads(
        evidently("telemetry", "status", "--json", EVIDENTLY_TELEMETRY_ENDPOINT="https://collector.example/").stdout
    )
    assert (shown["recording"], shown["sending"], shown["decided_by"]) == (True, True, "default")
    assert shown["endpoint"] == "https://collector.example/"
    assert shown["pending"]["records"] == 3
    assert shown["pending"]["bytes"] == len(evidently.recorded)
    assert shown["pending"]["ages"]["<5"] == 3
    assert shown["spool"] == str(evidently.spool)


def test_pending_lists_every_record(evidently: CommandLine) -> None:
    """`pending` shows a line for each record, oldest first; --json prints the stored lines as they are."""
    ids = record(evidently, 3)
    lines = evidently("telemetry", "pending").stdout.splitlines()
    assert [line.split()[0] for line in lines] == ["ID", *ids]
    assert all("profile data_drift" in line for line in lines[1:])
    assert evidently("telemetry", "pending", "--json").stdout == evidently.recorded


def test_pending_has_a_limit(evidently: CommandLine) -> None:
    """`pending --limit` shows that many and says that there are more; 0 shows all."""
    record(evidently, 25)
    assert len(evidently("telemetry", "pending").stdout.splitlines()) == 21
    two = evidently("telemetry", "pending", "--limit", "2")
    assert len(two.stdout.splitlines()) == 3
    assert "--limit 0" in two.stderr
    assert len(evidently("telemetry", "pending", "--limit", "0").stdout.splitlines()) == 26


def test_show_is_exact(evidently: CommandLine, endpoint: Endpoint) -> None:
    """`show` prints the stored line and the request, and a flush then sends exactly that body."""
    [record_id] = record(evidently)
    shown = json.loads(
        evidently("telemetry", "show", record_id, "--json", EVIDENTLY_TELEMETRY_ENDPOINT=endpoint.url).stdout
    )
    line = evidently.recorded.strip()
    assert evidently("telemetry", "show", record_id[:20]).stdout.splitlines()[0] == line
    assert shown["record"] == json.loads(line)
    evidently("telemetry", "flush", EVIDENTLY_TELEMETRY_ENDPOINT=endpoint.url)
    [request] = endpoint.requests
    assert len(request.body) == shown["request"]["bytes"]
    assert request.records == json.loads(shown["request"]["body"]) == [json.loads(line)]
    assert request.headers["idempotency-key"] == shown["request"]["headers"]["Idempotency-Key"]


def test_show_needs_one_record(evidently: CommandLine) -> None:
    """`show` with an id that is unknown, or the beginning of several, says so in one line with exit code 2."""
    record(evidently, 2)
    for prefix in ("ffff", "0"):
        done = evidently("telemetry", "show", prefix, status=2)
        assert len(done.stderr.splitlines()) == 1


def test_flush_delivers(evidently: CommandLine, endpoint: Endpoint) -> None:
    """`flush` delivers everything, says how much, and leaves nothing pending."""
    ids = record(evidently, 5)
    done = evidently("telemetry", "flush", EVIDENTLY_TELEMETRY_ENDPOINT=endpoint.url)
    assert done.stderr == "5 records delivered in 1 request.\n"
    assert [record["id"] for record in endpoint.records] == ids
    assert evidently("telemetry", "flush", EVIDENTLY_TELEMETRY_ENDPOINT=endpoint.url).stderr == "Nothing is pending.\n"


@pytest.mark.parametrize(
    "status, code", [(503, 75), (500, 75), (429, 75), (401, 78), (403, 78), (404, 78), (405, 78), (302, 78)]
)
def test_exit_codes(evidently: CommandLine, endpoint: Endpoint, status: int, code: int) -> None:
    """`flush` ends with 75 when records are left for later and 78 when the endpoint is wrong; none is lost."""
    record(evidently, 2)
    endpoint.answer = reply(status)
    done = evidently("telemetry", "flush", "--json", EVIDENTLY_TELEMETRY_ENDPOINT=endpoint.url, status=code)
    shown = json.loads(done.stdout)
    assert (shown["delivered"], shown["exit_code"]) == (0, code)
    assert str(status) in shown["error"]
    assert len(list(Spool(evidently.spool, source="x").records())) == 2


def test_a_captive_portal_is_no_acknowledgement(evidently: CommandLine, endpoint: Endpoint) -> None:
    """A web page with status 200 delivers nothing, and `flush` says what it met."""
    record(evidently)
    endpoint.answer = reply(200, b"<html>Welcome", Content_Type="text/html")
    done = evidently("telemetry", "flush", EVIDENTLY_TELEMETRY_ENDPOINT=endpoint.url, status=78)
    assert "web page" in done.stderr
    assert len(list(Spool(evidently.spool, source="x").records())) == 1


def test_refused_records_are_kept(evidently: CommandLine, endpoint: Endpoint) -> None:
    """When the endpoint refuses records, `flush` ends with 0, says how many it buried, and `status` counts them."""
    record(evidently, 2)
    endpoint.answer = reply(400)
    done = evidently("telemetry", "flush", EVIDENTLY_TELEMETRY_ENDPOINT=endpoint.url)
    assert "2 records refused or corrupt: kept in dead/" in done.stderr
    assert json.loads(evidently("telemetry", "status", "--json").stdout)["dead"] == 2


def test_no_endpoint(evidently: CommandLine) -> None:
    """Without an endpoint, `flush` says how to set one, with exit code 78, and keeps the events."""
    record(evidently)
    done = evidently("telemetry", "flush", status=78)
    assert "EVIDENTLY_TELEMETRY_ENDPOINT" in done.stderr
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize("url", ["http://example.org/", "example.org", "ftp://example.org/"])
def test_an_endpoint_that_will_not_do(evidently: CommandLine, url: str) -> None:
    """An endpoint that is not encrypted or no address is refused in one line with exit code 78."""
    record(evidently)
    done = evidently("telemetry", "flush", EVIDENTLY_TELEMETRY_ENDPOINT=url, status=78)
    assert len(done.stderr.splitlines()) == 1
    assert url in done.stderr


def test_flush_passes_over_our_backoff_and_not_the_servers(evidently: CommandLine, endpoint: Endpoint) -> None:
    """After a failure a second `flush` tries again at once; after a `Retry-After` it waits and says how long."""
    record(evidently)
    endpoint.answer = reply(503)
    for _ in range(2):
        evidently("telemetry", "flush", EVIDENTLY_TELEMETRY_ENDPOINT=endpoint.url, status=75)
    assert len(endpoint.requests) == 2 * 3, "each repeats its request twice at once"
    assert load(evidently.spool / "schedule.json").attempts == 2
    endpoint.answer = reply(503, Retry_After="3600")
    for _ in range(2):
        done = evidently("telemetry", "flush", EVIDENTLY_TELEMETRY_ENDPOINT=endpoint.url, status=75)
    assert len(endpoint.requests) == 2 * 3 + 1
    assert "The endpoint asked to wait: try again in" in done.stderr
    endpoint.answer = reply(200)
    evidently("telemetry", "flush", "--force", EVIDENTLY_TELEMETRY_ENDPOINT=endpoint.url)
    assert len(endpoint.requests) == 2 * 3 + 2


def test_nothing_is_sent_when_it_is_off(evidently: CommandLine, endpoint: Endpoint) -> None:
    """With the opt-out set, `flush` sends nothing of what was already pending, and ends with 0."""
    record(evidently)
    for variable in ("EVIDENTLY_DISABLE_TELEMETRY", "DO_NOT_TRACK"):
        done = evidently("telemetry", "flush", EVIDENTLY_TELEMETRY_ENDPOINT=endpoint.url, **{variable: "1"})
        assert variable in done.stderr
    assert (endpoint.connections, endpoint.requests) == (0, [])


def test_a_background_flush_obeys_our_backoff(evidently: CommandLine, endpoint: Endpoint) -> None:
    """A flush in the background waits as the schedule says, where a user's would try at once."""
    record(evidently)
    endpoint.answer = reply(503)
    evidently("telemetry", "flush", EVIDENTLY_TELEMETRY_ENDPOINT=endpoint.url, status=75)
    if not load(evidently.spool / "schedule.json").wait(Spool(evidently.spool, source="x").now()):
        pytest.fail("the backoff drawn was zero")
    environment = {"EVIDENTLY_TELEMETRY_ENDPOINT": endpoint.url, "EVIDENTLY_TELEMETRY_FLUSHER": "1"}
    before = len(endpoint.requests)
    evidently("telemetry", "flush", status=75, **environment)
    assert len(endpoint.requests) == before


@pytest.mark.parametrize("answer", [drip, silence])
def test_ctrl_c_ends_a_flush_at_once(evidently: CommandLine, endpoint: Endpoint, answer: object) -> None:
    """Ctrl-C ends a flush that hangs at once, with exit code 130 and every record still pending."""
    ids = record(evidently, 3)
    endpoint.answer = answer  # type: ignore[assignment]
    process = evidently.start("telemetry", "flush", EVIDENTLY_TELEMETRY_ENDPOINT=endpoint.url)
    while not endpoint.requests and process.poll() is None:
        time.sleep(0.02)
    process.send_signal(2)
    started = time.monotonic()
    _, stderr = process.communicate(timeout=20)
    assert process.returncode == 130
    assert time.monotonic() - started < 5
    assert "Traceback" not in stderr
    assert [record.id for record in Spool(evidently.spool, source="x").records()] == ids


def test_a_closed_pipe_is_no_error(evidently: CommandLine) -> None:
    """`pending | head` ends quietly."""
    record(evidently, 300)
    process = evidently.start("telemetry", "pending", "--json", "--limit", "0")
    assert process.stdout is not None
    process.stdout.readline()
    process.stdout.close()
    assert process.stderr is not None
    assert process.stderr.read() == ""
    assert process.wait(20) == 0
    process.stderr.close()


def test_help_and_version(evidently: CommandLine) -> None:
    """Every command explains itself with -h and --help, and --version names the program."""
    for command in ([], ["calculate"], ["calculate", "profile"], ["telemetry"], ["telemetry", "flush"]):
        assert f"Usage: {' '.join(('evidently', *command))}" in evidently(*command, "-h").stdout
        assert "Usage:" in evidently(*command, "--help").stdout


def test_a_list_of_commands_is_whole(evidently: CommandLine) -> None:
    """In a terminal of 80 columns no command's summary is cut off, and completion is offered once."""
    for group in ((), ("calculate",), ("telemetry",), ("telemetry", "dead")):
        listed = evidently(*group, "-h", COLUMNS="80").stdout
        assert "..." not in listed.partition("Commands:")[2]
        assert ("--install-completion" in listed) == (group == ())
    assert evidently("--version").stdout.startswith("evidently ")


def test_a_wrong_option_is_one_line(evidently: CommandLine) -> None:
    """A wrong option or command is one line on stderr and exit code 2."""
    for arguments in (["telemetry", "flush", "--frobnicate"], ["telemetry", "frobnicate"], ["telemetry", "show"]):
        done = evidently(*arguments, status=2)
        assert (done.stdout, len(done.stderr.splitlines())) == ("", 1)


def test_flush_waits_as_long_as_it_is_told(evidently: CommandLine, endpoint: Endpoint) -> None:
    """`flush --wait` waits for another flush to end, and then for the schedule, until nothing is pending."""
    record(evidently, 2)
    arrived, ready = threading.Event(), threading.Event()

    def slow(connection: socket.socket, request: Request) -> None:
        arrived.set()
        ready.wait(30)
        reply(200)(connection, request)

    endpoint.answer = slow
    first = evidently.start("telemetry", "flush", EVIDENTLY_TELEMETRY_ENDPOINT=endpoint.url)
    assert arrived.wait(30)
    second = evidently.start("telemetry", "flush", "--wait", "10m", EVIDENTLY_TELEMETRY_ENDPOINT=endpoint.url)
    with pytest.raises(subprocess.TimeoutExpired):
        second.communicate(timeout=3)
    ready.set()
    for flush in (first, second):
        flush.communicate(timeout=60)
        assert flush.returncode == 0
    assert len(endpoint.requests) == 1


def test_flush_does_not_wait_for_what_comes_too_late(evidently: CommandLine, endpoint: Endpoint) -> None:
    """`flush --wait` ends at once, with 75, when the next attempt would come after its time, and with 78 when wrong."""
    record(evidently)
    endpoint.answer = reply(429, Retry_After="3600")
    started = time.monotonic()
    evidently("telemetry", "flush", "--wait", "30s", EVIDENTLY_TELEMETRY_ENDPOINT=endpoint.url, status=75)
    endpoint.answer = reply(401)
    evidently("telemetry", "flush", "--force", "--wait", "1m", EVIDENTLY_TELEMETRY_ENDPOINT=endpoint.url, status=78)
    assert time.monotonic() - started < 25


@pytest.mark.skipif(os.geteuid() == 0 and shutil.which("setpriv") is None, reason="root reads everything")
def test_what_may_not_be_read_is_not_told_to_be_nothing(evidently: CommandLine) -> None:
    """A file that `sudo` left is counted by `status`, and neither `pending` nor `export` says that nothing is there."""
    record(evidently)
    (evidently.spool / "active.ndjson").chmod(0)
    bound = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"] if os.geteuid() == 0 else []

    def run(*arguments: str) -> "subprocess.CompletedProcess[str]":
        command = [*bound, sys.executable, "-m", "evidently_cli", "telemetry", *arguments]
        return subprocess.run(
            command, cwd=evidently.directory, env=evidently.environment, capture_output=True, text=True, check=False
        )

    assert "unreadable  1 file: evidently telemetry doctor" in run("status").stdout
    for command in (["pending"], ["export", "bundle"]):
        assert "what cannot be: evidently telemetry doctor" in run(*command).stderr
    evidently.environment["EVIDENTLY_TELEMETRY_ENDPOINT"] = "http://127.0.0.1:9/"
    assert "Permission denied" in run("flush").stderr
    assert run("purge", "--yes").stderr == "Deleted: 1 corrupt line.\n"
    assert "unreadable" not in run("status").stdout


def test_a_rehearsal_needs_no_endpoint(evidently: CommandLine) -> None:
    """Before an endpoint is named, `flush --dry-run` shows what would be sent."""
    record(evidently)
    done = evidently("telemetry", "flush", "--dry-run")
    assert done.stdout.startswith("POST (no endpoint is set)\n")
    assert '"specversion":"1.0"' in done.stdout
    assert "would send 1 record in 1 request" in done.stderr


def test_when_the_next_flush_is_due(evidently: CommandLine, endpoint: Endpoint) -> None:
    """For ten minutes behind a flush no run starts another, and `status` says when one will."""
    record(evidently)
    environment = {"EVIDENTLY_TELEMETRY_ENDPOINT": endpoint.url, "EVIDENTLY_TELEMETRY_FLUSH": ""}
    assert "next try" in (before := evidently("telemetry", "status", **environment).stdout)
    assert "with the next run, or now" in before
    (evidently.spool.parent / "flush-started").touch()
    due = datetime.now().astimezone() + timedelta(minutes=10)
    assert f"with a run after {due:%Y-%m-%d %H:}" in evidently("telemetry", "status", **environment).stdout


@pytest.mark.parametrize("text", ["soon", "-1s", "1d", "", "nan", "inf", "999h"])
def test_a_time_that_is_none(evidently: CommandLine, text: str) -> None:
    """A `--wait` that is no time is one line that names some, and exit code 2."""
    said = evidently("telemetry", "flush", "--wait", text, status=2).stderr
    assert said == f"evidently: Invalid value for '--wait': {text!r} is no time up to a week; 90s, 10m and 2h are\n"


@pytest.mark.parametrize("wire", sorted(WIRE_FORMATS))
@pytest.mark.parametrize("gzip", ["", "off"])
def test_a_rehearsal_shows_what_would_be_sent(evidently: CommandLine, endpoint: Endpoint, wire: str, gzip: str) -> None:
    """`flush --dry-run` prints each request that the flush behind it sends, byte for byte, and contacts nobody."""
    record(evidently, 3)
    environment = {
        "EVIDENTLY_TELEMETRY_ENDPOINT": endpoint.url + "?password=s3cret",
        "EVIDENTLY_TELEMETRY_WIRE": wire,
        "EVIDENTLY_TELEMETRY_GZIP": gzip,
        "EVIDENTLY_TELEMETRY_TOKEN": "t0ken",
    }
    before = {path: path.read_bytes() for path in evidently.spool.rglob("*") if path.is_file()}
    rehearsed = evidently("telemetry", "flush", "--dry-run", "--json", **environment)
    read = evidently("telemetry", "flush", "--dry-run", **environment)
    assert {path: path.read_bytes() for path in evidently.spool.rglob("*") if path.is_file()} == before
    assert endpoint.connections == 0
    assert not {"t0ken", "s3cret"} & set(re.findall(r"\w+", rehearsed.stdout + rehearsed.stderr + read.stdout))
    evidently("telemetry", "flush", **environment)
    shown = [json.loads(line) for line in rehearsed.stdout.splitlines()]
    assert len(shown) == len(endpoint.requests) == (3 if wire == "payload" else 1)
    for request, sent in zip(shown, endpoint.requests, strict=True):
        assert request["body"] == sent.text
        assert request["bytes"] == len(sent.body)
        assert sent.headers["authorization"] == "Bearer t0ken"
        ours = {name.lower(): value for name, value in request["headers"].items() if name != "Date"}
        assert ours.items() <= sent.headers.items()
        assert request["body"] in read.stdout


@pytest.mark.parametrize(
    "environment, status",
    [({}, 0), ({"EVIDENTLY_DISABLE_TELEMETRY": "1"}, 0), ({"EVIDENTLY_TELEMETRY_ENDPOINT": "nowhere"}, 78)],
)
def test_a_rehearsal_of_nothing_prints_nothing(
    evidently: CommandLine, environment: dict[str, str], status: int
) -> None:
    """`flush --dry-run --json` prints requests alone: where none would be sent, why stands on standard error."""
    if environment:
        record(evidently)
    done = evidently("telemetry", "flush", "--dry-run", "--json", **environment, status=status)
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1


def test_a_rehearsal_says_what_is_skipped(evidently: CommandLine, endpoint: Endpoint) -> None:
    """`flush --dry-run` says which lines would not be sent, and that the endpoint asked to wait."""
    record(evidently)
    endpoint.answer = reply(429, Retry_After="3600")
    evidently("telemetry", "flush", EVIDENTLY_TELEMETRY_ENDPOINT=endpoint.url, status=75)
    with (evidently.spool / "active.ndjson").open("ab") as active:
        active.write(b"torn\n")
    done = evidently("telemetry", "flush", "--dry-run", EVIDENTLY_TELEMETRY_ENDPOINT=endpoint.url)
    assert "1 line that is no whole record would be put into dead/" in done.stderr
    assert "The endpoint asked to wait for" in done.stderr
    assert len(endpoint.requests) == 1


def test_a_token_from_a_file(evidently: CommandLine, endpoint: Endpoint, tmp_path: Path) -> None:
    """A token that only its owner can read is sent; one that others can read is refused in one line that shows none."""
    record(evidently)
    path = tmp_path / "token"
    path.write_text("t0ken-of-a-file\n")
    environment = {"EVIDENTLY_TELEMETRY_ENDPOINT": endpoint.url, "EVIDENTLY_TELEMETRY_TOKEN_FILE": str(path)}
    path.chmod(0o640)
    refused = evidently("telemetry", "flush", status=78, **environment)
    assert (refused.stderr.count("\n"), endpoint.connections) == (1, 0)
    os.mkfifo(tmp_path / "pipe", 0o600)
    evidently(
        "telemetry", "flush", status=78, **{**environment, "EVIDENTLY_TELEMETRY_TOKEN_FILE": str(tmp_path / "pipe")}
    )
    path.chmod(0o600)
    status = evidently("telemetry", "status", "--json", **environment)
    shown = evidently("telemetry", "show", "0", "--json", **environment)
    done = evidently("telemetry", "flush", **environment)
    assert endpoint.requests[0].headers["authorization"] == "Bearer t0ken-of-a-file"
    said = [each.stdout + each.stderr for each in (refused, status, shown, done)]
    kept = [path.read_bytes().decode() for path in evidently.spool.rglob("*") if path.is_file()]
    assert not [text for text in said + kept if "t0ken" in text]


@pytest.mark.parametrize("command", [("show", "0"), ("show", "0", "--raw"), ("flush", "--dry-run"), ("flush",)])
def test_a_wire_format_that_is_none(evidently: CommandLine, command: tuple[str, ...]) -> None:
    """What would show a request in a format that is not known says so in one line, with no endpoint as well."""
    record(evidently)
    done = evidently("telemetry", *command, status=78, EVIDENTLY_TELEMETRY_WIRE="xml")
    assert (done.stdout, done.stderr.count("\n")) == ("", 1)
    assert "EVIDENTLY_TELEMETRY_WIRE is 'xml': it may be json" in done.stderr


@pytest.mark.parametrize(
    "environment",
    [
        {"EVIDENTLY_TELEMETRY_WIRE": "xml"},
        {"EVIDENTLY_TELEMETRY_TOKEN": "two words"},
        {"EVIDENTLY_TELEMETRY_TOKEN": "line\nX-Injected: 1"},
        {"EVIDENTLY_TELEMETRY_TOKEN": "t\u00f6ken"},
        {"EVIDENTLY_TELEMETRY_TOKEN_FILE": "/nowhere/token"},
        {"EVIDENTLY_TELEMETRY_TOKEN_FILE": "/"},
        {"EVIDENTLY_TELEMETRY_TOKEN_FILE": "/dev/null"},
        {"EVIDENTLY_TELEMETRY_CA_BUNDLE": "/nowhere/ca.pem"},
        {"EVIDENTLY_TELEMETRY_CA_BUNDLE": "/dev/null/ca.pem"},
        {"EVIDENTLY_TELEMETRY_CA_BUNDLE": __file__},
        {
            "EVIDENTLY_TELEMETRY_ENDPOINT": "http://collector.example/",
            "EVIDENTLY_TELEMETRY_INSECURE": "1",
            "EVIDENTLY_TELEMETRY_TOKEN": "t0ken",
        },
    ],
    ids=str,
)
def test_a_delivery_that_is_set_up_wrong(
    evidently: CommandLine, endpoint: Endpoint, environment: dict[str, str]
) -> None:
    """What cannot be used is said in one line, by `flush` (exit code 78) and by `status`; nothing is sent or lost."""
    ids = record(evidently)
    environment = {"EVIDENTLY_TELEMETRY_ENDPOINT": endpoint.url, **environment}
    refused = evidently("telemetry", "flush", status=78, **environment)
    assert (refused.stderr.count("\n"), endpoint.connections) == (1, 0)
    shown = evidently("telemetry", "status", "--json", **environment)
    assert json.loads(shown.stdout)["sending"] is False
    assert refused.stderr.strip(".\n") in evidently("telemetry", "status", **environment).stdout
    assert evidently("telemetry", "pending").stdout.count(ids[0]) == 1
