"""`enable`, `disable` and config files: off is off at once, for every process, and told truthfully."""

import json
import os
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from command_line import CommandLine
from endpoint import Endpoint, Request, reply

from evidently_cli.recorder import _flusher_environment
from evidently_cli.settings import Settings
from spool import Spool
from spool.record import seal_line

RUN = ("calculate", "profile", "--reference", "ref.csv", "--current", "cur.csv", "--config", "config.json", "--quiet")


@pytest.fixture
def config(evidently: CommandLine) -> Path:
    """The user's config file, which is not there yet."""
    return Path(evidently.environment["XDG_CONFIG_HOME"], "evidently", "config.toml")


def record(evidently: CommandLine, number: int = 1) -> None:
    """Record some events as runs do."""
    spool = Spool(evidently.spool, source="evidently-cli")
    for each in range(number):
        spool.append({"n": each}, event_type="t")
        spool.seal()


def files(*folders: Path) -> set[str]:
    """What lies below some folders."""
    return {str(path.relative_to(folder)) for folder in folders for path in folder.rglob("*")}


def status(evidently: CommandLine, **environment: str) -> dict[str, object]:
    """What `status` says."""
    found: dict[str, object] = json.loads(evidently("telemetry", "status", "--json", **environment).stdout)
    return found


def test_disable_deletes_the_backlog_and_gives_a_receipt(
    evidently: CommandLine, endpoint: Endpoint, config: Path
) -> None:
    """`disable` says how much was deleted unsent, from when to when; nothing is left, and later runs record nothing."""
    record(evidently, 3)
    done = evidently("telemetry", "disable", EVIDENTLY_TELEMETRY_ENDPOINT=endpoint.url)
    assert done.stdout == ""
    off, receipt = done.stderr.splitlines()
    assert off == f"Telemetry is off ({config}): nothing is recorded, nothing is sent."
    assert receipt.startswith("Deleted: 3 pending records, never sent, ")
    before = files(evidently.spool)
    evidently(*RUN, EVIDENTLY_TELEMETRY_ENDPOINT=endpoint.url, EVIDENTLY_TELEMETRY_FLUSH="")
    evidently("telemetry", "flush", EVIDENTLY_TELEMETRY_ENDPOINT=endpoint.url)
    assert files(evidently.spool) == before
    assert not any(path.suffix == ".ndjson" and path.stat().st_size for path in evidently.spool.rglob("*"))
    assert endpoint.requests == []


def test_the_receipt_for_scripts(evidently: CommandLine, config: Path) -> None:
    """`disable --json` has the same as one object; a dead letter is an event, too."""
    record(evidently, 2)
    (first, *_) = sorted((evidently.spool / "pending").iterdir())
    first.write_text("damaged\n")
    evidently("telemetry", "flush", status=None, EVIDENTLY_TELEMETRY_ENDPOINT="http://127.0.0.1:9/")
    receipt = json.loads(evidently("telemetry", "disable", "--json").stdout)
    assert (receipt["enabled"], receipt["decided_by"]) == (False, str(config))
    assert receipt["pending"]["deleted"] == 1
    assert receipt["dead"]["corrupt"] == 1


def test_keep_holds_the_backlog(evidently: CommandLine, endpoint: Endpoint) -> None:
    """`disable --keep` deletes nothing and sends nothing; after `enable` it is delivered."""
    record(evidently, 2)
    evidently("telemetry", "disable", "--keep")
    assert status(evidently)["pending"]["records"] == 2  # type: ignore[index]
    evidently("telemetry", "flush", EVIDENTLY_TELEMETRY_ENDPOINT=endpoint.url)
    assert endpoint.requests == []
    evidently("telemetry", "enable")
    evidently("telemetry", "flush", EVIDENTLY_TELEMETRY_ENDPOINT=endpoint.url)
    assert sum(len(request.records) for request in endpoint.requests) == 2


def test_disable_on_a_fresh_machine_makes_one_file(evidently: CommandLine, tmp_path: Path, config: Path) -> None:
    """There, `disable` makes the config file and nothing else: no spool, no mark, no event of its own."""
    evidently("telemetry", "disable")
    assert config.read_text().endswith("[telemetry]\nenabled = false\n")
    assert files(tmp_path / "config") == {"evidently", "evidently/config.toml"}
    assert not (tmp_path / "state").exists()
    assert config.stat().st_mode & 0o777 == 0o600


def test_status_names_what_decides(evidently: CommandLine, config: Path) -> None:
    """`status` never says on while a variable says off, whatever the files say, and names who decided."""
    evidently("telemetry", "enable")
    assert status(evidently)["decided_by"] == str(config)
    found = status(evidently, DO_NOT_TRACK="1")
    assert (found["recording"], found["sending"], found["decided_by"]) == (False, False, "DO_NOT_TRACK=1")
    words = evidently("telemetry", "enable", DO_NOT_TRACK="1").stderr
    assert words == f"{config} says so, and telemetry is off all the same: DO_NOT_TRACK=1 decides.\n"


def test_an_administrator_switches_it_off_for_all(evidently: CommandLine, tmp_path: Path, endpoint: Endpoint) -> None:
    """With `enabled = false` in the machine's file, a user who enabled it records nothing and sends nothing."""
    site = tmp_path / "etc" / "evidently" / "config.toml"
    site.parent.mkdir(parents=True)
    site.write_text(f"[telemetry]\nenabled = false\nendpoint = '{endpoint.url}'\n")
    evidently.environment["XDG_CONFIG_DIRS"] = f"/nowhere:{tmp_path / 'etc'}"
    evidently("telemetry", "enable")
    evidently(*RUN)
    assert not evidently.spool.exists()
    assert status(evidently)["decided_by"] == str(site)
    site.write_text(f"[telemetry]\nendpoint = '{endpoint.url}'\n")
    evidently(*RUN)
    evidently("telemetry", "flush")
    assert len(endpoint.requests) == 1


def test_no_notice_when_a_file_says_off(evidently: CommandLine) -> None:
    """Who has opted out by file is not told about telemetry by a run."""
    evidently("telemetry", "disable")
    run = [part for part in RUN if part != "--quiet"]
    assert "usage event" not in evidently(*run, CI="").stderr


def test_a_file_with_a_mistake_switches_off_and_status_says_where(evidently: CommandLine, config: Path) -> None:
    """A run goes on silently, records nothing, and `status` and --verbose name the mistake."""
    config.parent.mkdir(parents=True)
    config.write_text("[telemetry]\nenable = false\n")
    assert "telemetry: off" in evidently(*RUN[:-1], "--verbose").stderr
    assert not evidently.spool.exists()
    assert "knows no 'enable'" in str(status(evidently)["decided_by"])


def test_a_file_that_is_no_toml_is_left_to_its_owner(evidently: CommandLine, config: Path) -> None:
    """`disable` holds without touching such a file, as it counts as no; `enable` says what to do, with exit code 2."""
    config.parent.mkdir(parents=True)
    config.write_text("[telemetry\n")
    record(evidently)
    assert "1 pending record" in evidently("telemetry", "disable").stderr
    words = evidently("telemetry", "enable", status=2).stderr
    assert "mend it, or remove it" in words
    assert words.count("\n") == 1
    assert config.read_text() == "[telemetry\n"


def test_a_home_that_cannot_be_written_to(evidently: CommandLine, tmp_path: Path) -> None:
    """Where the file cannot be written, `disable` says so in one line, names the variable, and deletes nothing."""
    (tmp_path / "config").write_text("a file where the folder should be")
    record(evidently)
    words = evidently("telemetry", "disable", status=1).stderr
    assert "EVIDENTLY_DISABLE_TELEMETRY=1" in words
    assert words.count("\n") == 1
    assert status(evidently)["pending"]["records"] == 1  # type: ignore[index]


@pytest.mark.parametrize("how", ["in the foreground", "in the background"])
def test_a_flush_at_work_sends_no_further_request(evidently: CommandLine, endpoint: Endpoint, how: str) -> None:
    """A flush that began before `disable` ends before its next request, and what it had not sent is deleted."""
    record(evidently, 5)
    arrived, switched = threading.Event(), threading.Event()

    def wait(connection: object, request: object) -> None:
        arrived.set()
        switched.wait(30)
        reply(200)(connection, request)  # type: ignore[arg-type]

    endpoint.answer = wait
    settings = {"EVIDENTLY_TELEMETRY_ENDPOINT": endpoint.url}
    if how == "in the background":
        settings["EVIDENTLY_TELEMETRY_FLUSHER"] = "1"
    flush = evidently.start("telemetry", "flush", **settings)
    assert arrived.wait(30)
    disable = evidently.start("telemetry", "disable")
    until(lambda: Path(evidently.environment["XDG_CONFIG_HOME"], "evidently", "config.toml").exists())
    switched.set()
    words = flush.communicate(timeout=60)[1]
    assert flush.returncode == 0
    assert "switched off meanwhile" in words
    receipt = disable.communicate(timeout=60)[1]
    assert "Deleted: 4 pending records, never sent," in receipt
    assert len(endpoint.requests) == 1


def test_disable_does_not_wait_for_a_flush_that_hangs(evidently: CommandLine, endpoint: Endpoint) -> None:
    """While a request hangs the backlog stays, off all the same; one line says so and how it is deleted later."""
    record(evidently, 2)
    arrived = threading.Event()

    def hang(_connection: object, _request: object) -> None:
        arrived.set()
        time.sleep(60)

    endpoint.answer = hang
    flush = evidently.start("telemetry", "flush", EVIDENTLY_TELEMETRY_ENDPOINT=endpoint.url)
    assert arrived.wait(30)
    words = evidently("telemetry", "disable", status=75).stderr
    flush.kill()
    flush.communicate()
    assert "telemetry is off, and what is pending is not deleted yet: a flush is at work" in words
    assert "evidently telemetry purge" in words
    assert status(evidently)["recording"] is False


def test_a_flush_that_is_switched_off_in_its_last_request_says_so(evidently: CommandLine, endpoint: Endpoint) -> None:
    """A flush during whose last request telemetry was switched off ends with 0, and tells nobody to wait."""
    record(evidently, 1)
    arrived, gone = threading.Event(), threading.Event()

    def fail(connection: socket.socket, request: Request) -> None:
        arrived.set()
        assert gone.wait(30)
        reply(503, Retry_After="60")(connection, request)

    endpoint.answer = fail
    flush = evidently.start("telemetry", "flush", EVIDENTLY_TELEMETRY_ENDPOINT=endpoint.url)
    assert arrived.wait(30)
    evidently("telemetry", "disable", "--keep")
    gone.set()
    _, words = flush.communicate(timeout=30)
    assert "Telemetry was switched off meanwhile" in words
    assert flush.returncode == 0


@pytest.mark.parametrize("name", ["HOME", "XDG_CONFIG_HOME", "XDG_STATE_HOME"])
def test_a_background_flush_looks_where_its_run_did(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """A flush in the background starts in another directory, and goes by the same files: none of somebody's project."""
    for place in (tmp_path / "here" / ".config", tmp_path / "here"):
        (place / "evidently").mkdir(parents=True)
        (place / "evidently" / "config.toml").write_text('[telemetry]\nendpoint = "https://project.example/"\n')
    monkeypatch.chdir(tmp_path)
    for variable in ("XDG_CONFIG_HOME", "XDG_STATE_HOME"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv(name, "here")
    ours = Settings.of(os.environ)
    for variable, value in _flusher_environment(ours, os.environ).items():
        monkeypatch.setenv(variable, value)
    monkeypatch.chdir("/")
    its = Settings.of(os.environ)
    assert (its.user.path, its.spool, its.marks, its.endpoint) == (ours.user.path, ours.spool, ours.marks, None)


def until(condition: Callable[[], bool]) -> None:
    """Wait for something that another process does."""
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.mark.parametrize("content", ["[telemetry]\nenabled = true\nenabled = false\n", None])
def test_disable_works_whatever_the_file_is(evidently: CommandLine, config: Path, content: str | None) -> None:
    """A file with a key twice, or a link to itself, counts as no: `disable` deletes the backlog, or says why not."""
    config.parent.mkdir(parents=True)
    record(evidently)
    if content is None:
        config.symlink_to(config)
        assert "cannot be written" in evidently("telemetry", "disable", status=1).stderr
    else:
        config.write_text(content)
        assert "1 pending record" in evidently("telemetry", "disable").stderr
    assert status(evidently)["recording"] is False


@pytest.mark.parametrize("value", ["manual", "off", "never", "0"])
def test_whoever_sets_flush_wants_no_flush_in_the_background(
    evidently: CommandLine, endpoint: Endpoint, config: Path, value: str
) -> None:
    """Any value of `flush` but "background" leaves flushing to the user."""
    config.parent.mkdir(parents=True)
    config.write_text(f"[telemetry]\nflush = '{value}'\nendpoint = '{endpoint.url}'\n")
    evidently(*RUN, EVIDENTLY_TELEMETRY_FLUSH="")
    assert not (evidently.spool.parent / "flush-started").exists()


@pytest.mark.parametrize("variable", ["EVIDENTLY_TELEMETRY_TOKEN_FILE", "EVIDENTLY_TELEMETRY_CA_BUNDLE"])
def test_a_path_of_nobody_is_a_complaint(evidently: CommandLine, variable: str) -> None:
    """A file in the home of an unknown user is told by `status`, and nothing is sent."""
    settings = {variable: "~nobody-of-that-name/x", "EVIDENTLY_TELEMETRY_ENDPOINT": "https://events.example/"}
    assert "nobody-of-that-name" in str(status(evidently, **settings)["complaint"])
    record(evidently)
    evidently("telemetry", "flush", status=78, **settings)


@pytest.mark.parametrize("address", ["https://[::1", "https://h.example:99999/", "https://ex\udce4mple.org/"])
@pytest.mark.parametrize("command", ["status", "doctor", "flush"])
def test_an_address_that_is_none(evidently: CommandLine, address: str, command: str) -> None:
    """An address that cannot be understood is told in one line by every command that looks at it."""
    record(evidently)
    settings = {"EVIDENTLY_TELEMETRY_ENDPOINT": address, "NO_PROXY": "localhost"}
    done = evidently("telemetry", command, status=None, **settings)
    assert done.returncode == {"status": 0, "doctor": 1, "flush": 78}[command]
    assert done.stderr.count("\n") <= (2 if command == "doctor" else 1)


def test_a_foreign_record_stops_no_look(evidently: CommandLine) -> None:
    """A record with raw UTF-8 or with NaN, put there by somebody, ends no command that looks at it."""
    (good,) = (Spool(evidently.spool, source="test").append({}, event_type="t") for _ in range(1))
    spool = Spool(evidently.spool, source="test")
    [record] = spool.records()
    for number, text in enumerate((b'"\xc3\xa4"', b"NaN")):
        head = record.line.partition(b',"crc"')[0].replace(good[-4:].encode(), b"%04x" % number)
        (evidently.spool / "pending" / f"{good[:-4]}{number:04x}.ndjson").write_bytes(
            seal_line(head.replace(b'"data":{}', b'"data":{"a":' + text + b"}")) + b"\n"
        )
    assert len(evidently("telemetry", "pending", "--json").stdout.splitlines()) == 3
    evidently("telemetry", "pending")
    for number in range(2):
        evidently("telemetry", "show", f"{good[:-4]}{number:04x}", status=None)
        evidently("telemetry", "show", f"{good[:-4]}{number:04x}", "--json", status=None)
    evidently("telemetry", "flush", "--dry-run", EVIDENTLY_TELEMETRY_ENDPOINT="https://events.example/")
