"""The commands by which users look at their own records, delete them and carry them, as real processes."""

import gzip
import hashlib
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest
from command_line import CommandLine
from endpoint import Endpoint, reply

from evidently_cli import event
from evidently_cli.settings import SOURCE
from spool import Spool
from spool.dead import bury_corrupt
from spool.record import encode, new_id, seal_line

USAGE = event.Usage("profile", ["data_drift"], event.SamplingUsage(), event.SamplingUsage("nth", 1.0, 10))
DAY = 24 * 3600 * 10**9
# Makes a terminal that of a new session, so that Ctrl-C comes from its keyboard.
AT_KEYBOARD = (
    "import fcntl, os, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); os.execv(sys.argv[1], sys.argv[1:])"
)
pty = pytest.importorskip("pty", reason="only POSIX has pseudo-terminals")


def record(evidently: CommandLine, number: int = 1, *, days_ago: int = 0) -> list[str]:
    """Record some events as runs would, and seal them."""
    spool = Spool(evidently.spool, source=SOURCE, clock=lambda: time.time_ns() - days_ago * DAY)
    data = event.build(USAGE, event.environment())
    ids = [spool.append(data, event_type=event.TYPE) for _ in range(number)]
    spool.seal()
    return ids


def large(evidently: CommandLine, number: int) -> list[Path]:
    """Make a spool of so many records, as many days of runs would, and return its segments."""
    [first] = record(evidently)
    spool = Spool(evidently.spool, source=SOURCE)
    line = next(spool.records()).line
    now = time.time_ns() - number * 1_000_000
    for start in range(0, number, 400):
        lines = []
        for at in range(start, min(start + 400, number)):
            content = line.replace(first.encode(), new_id(now + at * 1_000_000).encode())
            lines.append(seal_line(content[: content.rindex(b',"crc"')]) + b"\n")
        spool.layout.segment(new_id(now + start * 1_000_000)).write_bytes(b"".join(lines))
    return spool.sealed()


def pending(evidently: CommandLine) -> list[str]:
    """The ids of what is pending."""
    return [each.id for each in Spool(evidently.spool, source=SOURCE).records()]


def bury(evidently: CommandLine, endpoint: Endpoint, number: int = 1) -> list[str]:
    """Have the endpoint refuse some records, and return their ids."""
    ids = record(evidently, number)
    endpoint.answer = reply(422, b"no such column: \x1b[31mred", Content_Type="text/plain")
    evidently("telemetry", "flush", EVIDENTLY_TELEMETRY_ENDPOINT=endpoint.url)
    endpoint.answer = reply(200)
    assert pending(evidently) == []
    return ids


def damage(evidently: CommandLine) -> str:
    """Tear a line, put it into `dead/` as a drain does, and return the name that it has there."""
    spool = Spool(evidently.spool, source=SOURCE)
    path = spool.layout.segment(spool.new_id())
    path.write_bytes(b"torn \x1b[31m\xff\n")
    bury_corrupt(spool, spool.read(path))
    return spool.layout.corrupt_lines(path).stem


def asked(evidently: CommandLine, keys: bytes, *arguments: str) -> tuple[int, str]:
    """Run a command at a terminal, press these keys when it asks, and return its exit code and what it showed."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", AT_KEYBOARD, sys.executable, "-m", "evidently_cli", *arguments],
        cwd=evidently.directory,
        env=evidently.environment,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    )
    os.close(theirs)
    shown = b""
    try:
        while chunk := os.read(ours, 4096):
            shown += chunk
            if b"[y/N] " in shown and keys:
                os.write(ours, keys)
                keys = b""
    except OSError:  # Linux's way to say that the other side is closed
        pass
    os.close(ours)
    return process.wait(20), shown.decode()


def test_the_newest_come_first(evidently: CommandLine) -> None:
    """`pending --newest` is `pending` the other way round, as a table and as JSON, over all segments."""
    record(evidently, 3, days_ago=2)
    record(evidently, 900)
    Spool(evidently.spool, source=SOURCE).append({}, event_type="t")
    lines = evidently("telemetry", "pending", "--json", "--limit", "0").stdout.splitlines()
    newest = evidently("telemetry", "pending", "--json", "--newest", "--limit", "0").stdout.splitlines()
    assert newest == lines[::-1]
    assert len(lines) == 904
    shown = evidently("telemetry", "pending", "--newest", "--limit", "2").stdout.splitlines()
    assert [line.split()[0] for line in shown] == ["ID", *(json.loads(line)["id"] for line in newest[:2])]


def test_the_newest_of_a_large_spool_are_near(evidently: CommandLine) -> None:
    """The newest five of 200,000 records take two files' reading, and no memory to speak of."""
    segments = large(evidently, 200_000)
    for path in segments[:-2]:  # whoever reads these, reads eight terabytes of nothing
        os.truncate(path, 1 << 34)
    done = evidently("telemetry", "pending", "--newest", "--limit", "5")
    assert len(done.stdout.splitlines()) == 6
    assert "--limit 0 shows all" in done.stderr


def test_a_large_spool_takes_little_memory(evidently: CommandLine) -> None:
    """All of 100,000 records are listed, in columns that line up, within 80 MB."""
    large(evidently, 100_000)
    code = (
        "import resource, subprocess, sys\n"
        "done = subprocess.run([sys.executable, '-m', 'evidently_cli', 'telemetry', 'pending', '--limit', '0'],"
        " stdout=open('listed', 'wb'))\n"
        "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=evidently.directory,
        env=evidently.environment,
        check=True,
        capture_output=True,
        text=True,
    )
    scale = 1024 if sys.platform == "darwin" else 1  # bytes there, KiB elsewhere
    assert int(done.stdout) / scale < 80_000
    lines = (evidently.directory / "listed").read_text().splitlines()
    assert len(lines) == 100_002  # a heading, and the one that the others are copies of
    assert len({len(line) for line in lines}) == 1


def test_ctrl_c_ends_a_listing_at_once(evidently: CommandLine) -> None:
    """Ctrl-C while `pending --limit 0` streams, to a reader who has paused, ends it with 130 and without a word."""
    large(evidently, 20_000)
    process = evidently.start("telemetry", "pending", "--limit", "0")
    assert process.stdout is not None
    process.stdout.readline()
    time.sleep(0.2)  # the pipe is full, and the program waits for us
    process.send_signal(signal.SIGINT)
    assert process.wait(20) == 130
    assert process.stderr is not None
    assert process.stderr.read() == ""
    process.stdout.close()
    process.stderr.close()
    assert len(pending(evidently)) == 20_001


@pytest.mark.parametrize("command", [("purge", "--yes"), ("export", "bundle")], ids=["purge", "export"])
@pytest.mark.parametrize("moment", [0, 0.02, 0.1])
def test_ctrl_c_leaves_the_spool_whole(evidently: CommandLine, command: tuple[str, ...], moment: float) -> None:
    """Ctrl-C amid a purge or an export ends it at once; no record is torn, and no unfinished file is left."""
    segments = large(evidently, 20_000)
    spool = Spool(evidently.spool, source=SOURCE)
    spool.append({}, event_type="t")
    before = set(pending(evidently))
    process = evidently.start("telemetry", *command)
    while spool.sealed() == segments and process.poll() is None:  # it begins by sealing
        time.sleep(0.001)
    time.sleep(moment)
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=20)
    assert process.returncode in {130, 0}
    assert not stderr or process.returncode == 0
    left = set(pending(evidently))
    assert left <= before
    assert json.loads(evidently("telemetry", "status", "--json").stdout)["pending"]["corrupt"] == 0
    bundle = evidently.directory / "bundle"
    if command[0] == "export" and left < before:
        assert gzip.decompress(bundle.read_bytes()).count(b"\n") == len(before) + 2
    if process.returncode == 130 and left == before:
        assert not bundle.exists()


@pytest.mark.parametrize("arguments", [("pending", "--limit", "0"), ("pending", "--newest", "--json", "--limit", "0")])
def test_a_reader_may_have_enough(evidently: CommandLine, arguments: tuple[str, ...]) -> None:
    """`| head -1` gets its line, and nobody hears of an error."""
    large(evidently, 3000)
    program = " ".join([sys.executable, "-m", "evidently_cli", "telemetry", *arguments])
    done = subprocess.run(
        ["bash", "-c", f"{program} | head -1; exit ${{PIPESTATUS[0]}}"],
        cwd=evidently.directory,
        env=evidently.environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr, len(done.stdout.splitlines())) == (0, "", 1)


def test_no_colour(evidently: CommandLine) -> None:
    """What goes into a pipe holds no control codes, whatever is in a record; what goes to a terminal neither."""
    Spool(evidently.spool, source=SOURCE).append(
        {"usage": {"type": "\x1b[31m", "parts": ["\u202e"], "tabs": []}}, event_type="t"
    )
    piped = evidently("telemetry", "pending").stdout
    _, shown = asked(evidently, b"", "telemetry", "pending")
    assert "\x1b" not in piped + shown
    assert "\u202e" not in piped + shown


@pytest.mark.parametrize("zone", ["UTC", "Asia/Kolkata"])
def test_times_are_those_of_the_clock_on_the_wall(evidently: CommandLine, zone: str) -> None:
    """Times are shown in local time, and stored and printed as JSON in UTC."""
    record(evidently)
    stored = json.loads(evidently("telemetry", "pending", "--json", TZ=zone).stdout)["time"]
    assert stored.endswith("Z")
    shown = evidently("telemetry", "pending", TZ=zone).stdout.splitlines()[1].split()
    wall = datetime.fromisoformat(f"{shown[1]} {shown[2]}")
    utc = datetime.fromisoformat(stored).replace(tzinfo=None)
    assert round((wall - utc).total_seconds() / 60) == (330 if zone == "Asia/Kolkata" else 0)


@pytest.mark.parametrize("zone", ["Asia/Tokyo", "America/New_York"])
def test_the_end_of_time(evidently: CommandLine, zone: str) -> None:
    """A record from the last second that dates can hold is shown, counted and deleted, wherever on earth."""
    [record_id] = record(evidently)
    [path] = [path for path in evidently.spool.rglob("*.ndjson") if path.stat().st_size]
    content = path.read_bytes().strip().replace(record_id.encode(), b"ffffffff-ffff-7fff-bfff-ffffffffffff")
    path.write_bytes(seal_line(content[: content.rindex(b',"crc"')]) + b"\n")
    assert "9999-12-31" in evidently("telemetry", "status", TZ=zone).stdout
    assert "9999-12-31" in evidently("telemetry", "pending", TZ=zone).stdout
    assert "9999-12-31" in evidently("telemetry", "purge", "--yes", TZ=zone).stderr


@pytest.mark.parametrize("compress", ["", "off"])
def test_show_gives_the_bytes_of_the_wire(evidently: CommandLine, endpoint: Endpoint, compress: str) -> None:
    """`show --raw` writes the very bytes that a flush then sends, to be unpacked or hashed."""
    [record_id] = record(evidently)
    environment = {
        **evidently.environment,
        "EVIDENTLY_TELEMETRY_ENDPOINT": endpoint.url,
        "EVIDENTLY_TELEMETRY_GZIP": compress,
    }
    command = [sys.executable, "-m", "evidently_cli", "telemetry", "show", record_id, "--raw"]
    raw = subprocess.run(command, env=environment, capture_output=True, check=True).stdout
    evidently("telemetry", "flush", EVIDENTLY_TELEMETRY_ENDPOINT=endpoint.url, EVIDENTLY_TELEMETRY_GZIP=compress)
    assert hashlib.sha256(raw).digest() == hashlib.sha256(endpoint.requests[0].body).digest()
    assert json.loads(raw if compress else gzip.decompress(raw))[0]["id"] == record_id


def test_show_spares_a_terminal_compressed_bytes(evidently: CommandLine) -> None:
    """`show --raw` writes no compressed bytes to a terminal, and says what to add; with --json it is refused."""
    [record_id] = record(evidently)
    code, shown = asked(evidently, b"", "telemetry", "show", record_id, "--raw")
    assert code == 2
    assert "gunzip" in shown
    evidently("telemetry", "show", record_id, "--raw", "--json", status=2)


def test_an_id_has_to_be_told_apart(evidently: CommandLine) -> None:
    """The beginning of one id shows it; the beginning of two is refused in one line; a record met twice is one."""
    first, second = record(evidently, 2)
    common = first[: next(at for at in range(36) if first[at] != second[at])]
    done = evidently("telemetry", "show", common, status=2)
    assert done.stderr.count("\n") == 1
    assert "give more of the id" in done.stderr
    unique = first[: len(common) + 1]
    spool = Spool(evidently.spool, source=SOURCE)
    spool.layout.segment(spool.new_id()).write_bytes(spool.sealed()[0].read_bytes())  # as a crash may leave it
    assert json.loads(evidently("telemetry", "show", unique.upper(), "--json").stdout)["record"]["id"] == first


def test_a_dead_record_is_pointed_out(evidently: CommandLine, endpoint: Endpoint) -> None:
    """`show` of a record that is dead names the command that shows it, and that command does."""
    [record_id] = bury(evidently, endpoint)
    done = evidently("telemetry", "show", record_id[:20], status=2)
    command = re.search(r"evidently (telemetry dead show \S+)", done.stderr)
    assert command is not None
    shown = evidently(*command[1].split())
    assert "no such column" in shown.stdout
    assert "\x1b" not in shown.stdout
    assert "422" in shown.stdout
    [line] = [line for line in shown.stdout.splitlines() if line.startswith("{")]
    assert json.loads(line)["id"] == record_id
    assert f"dead requeue {record_id}" in shown.stderr


def test_a_record_that_is_no_json_hurts_nobody(evidently: CommandLine) -> None:
    """A line with a valid checksum and nothing sensible in it is listed and refused by `show`, without a traceback."""
    record(evidently)
    spool = Spool(evidently.spool, source=SOURCE)
    made = encode({}, source="x", event_type="t", now_ns=spool.clock())
    line = seal_line(made.line[: made.line.index(b'"data"')] + b'"data":{{')
    spool.layout.segment(spool.new_id()).write_bytes(line + b"\n")
    assert "(no JSON)" in evidently("telemetry", "pending").stdout
    assert evidently("telemetry", "show", made.id, status=1).stderr.count("\n") == 1


def test_a_preview_is_what_a_run_records(evidently: CommandLine) -> None:
    """`preview` shows the record of the coming run, all but its id, time and checksum, and makes nothing."""

    def comparable(shown: dict[str, object]) -> dict[str, object]:
        return {key: value for key, value in shown.items() if key not in {"id", "time", "crc"}}

    for kind in ("profile", "report", "profile"):
        before = sorted(evidently.directory.parent.rglob("*"))
        line = evidently("telemetry", "preview", kind, "--config", "config.json").stdout
        shown = json.loads(evidently("telemetry", "preview", kind, "--config", "config.json", "--json").stdout)
        assert sorted(evidently.directory.parent.rglob("*")) == before
        assert (shown["recording"], shown["decided_by"], shown["complaint"]) == (True, "default", None)
        files = ["--reference", "ref.csv", "--current", "cur.csv", "--config", "config.json"]
        evidently("calculate", kind, *files)
        recorded = json.loads(evidently("telemetry", "pending", "--newest", "--limit", "1", "--json").stdout)
        assert comparable(json.loads(line)) == comparable(shown["record"]) == comparable(recorded)
    assert "firstof" not in recorded


def test_a_preview_says_whether_it_would_be_recorded(evidently: CommandLine) -> None:
    """Where telemetry is off, or the spool's place will not do, `preview` shows the event and says so."""
    off = evidently("telemetry", "preview", DO_NOT_TRACK="1")
    assert "telemetry is off (DO_NOT_TRACK=1)" in off.stderr
    assert json.loads(off.stdout)["data"]["usage"]["tabs"]
    assert not evidently.spool.parent.exists()
    elsewhere = evidently.directory / "elsewhere"
    elsewhere.write_text("")
    shown = json.loads(evidently("telemetry", "preview", "--json", EVIDENTLY_SPOOL_DIR=str(elsewhere)).stdout)
    assert (shown["recording"], "not a directory" in shown["complaint"]) == (False, True)
    assert evidently("telemetry", "preview", "--config", "none.json", status=2).stderr.count("\n") == 1


def test_purge_asks(evidently: CommandLine) -> None:
    """At a terminal, `purge` says what it would delete: "n" deletes nothing, "y" does, with a receipt."""
    record(evidently, 12)
    code, shown = asked(evidently, b"n\n", "telemetry", "purge")
    assert re.search(r"Delete 12 pending records, never sent, (from \d{4}-.* to |of )\d{4}-.*\? \[y/N\]", shown)
    assert (code, "Nothing was deleted." in shown, len(pending(evidently))) == (0, True, 12)
    code, shown = asked(evidently, b"\x04", "telemetry", "purge")
    assert (code, len(pending(evidently))) == (0, 12)
    code, shown = asked(evidently, b"y\n", "telemetry", "purge")
    assert (code, "Deleted: 12 pending records, never sent" in shown, pending(evidently)) == (0, True, [])


def test_ctrl_c_is_an_answer(evidently: CommandLine) -> None:
    """Ctrl-C at the question ends with 130, and deletes nothing."""
    record(evidently, 2)
    code, shown = asked(evidently, b"\x03", "telemetry", "purge")
    assert (code, len(pending(evidently)), "Traceback" in shown) == (130, 2, False)


def test_purge_does_not_guess(evidently: CommandLine) -> None:
    """Where nobody can be asked, `purge` and `dead drop` refuse in one line, with exit code 2, until --yes is given."""
    record(evidently, 2)
    damage(evidently)
    for command in (["purge"], ["purge", "--json"], ["purge", "--dead"], ["dead", "drop", "--all"]):
        done = evidently("telemetry", *command, status=2)
        assert (done.stdout, done.stderr.count("\n"), "--yes" in done.stderr) == ("", 1, True)
    assert len(pending(evidently)) == 2
    receipt = json.loads(evidently("telemetry", "purge", "--json", "--yes").stdout)
    assert (receipt["deleted"], receipt["corrupt"]) == (2, 0)
    assert receipt["oldest"] <= receipt["newest"]
    assert receipt["newest"].endswith("Z")
    assert json.loads(evidently("telemetry", "purge", "--json").stdout)["deleted"] == 0
    assert evidently("telemetry", "purge").stderr == "There was nothing to delete.\n"


def test_purge_of_what_is_old(evidently: CommandLine) -> None:
    """`purge --older-than 30d` deletes what is older, and leaves the rest."""
    record(evidently, 3, days_ago=40)
    young = record(evidently, 2, days_ago=20)
    done = evidently("telemetry", "purge", "--older-than", "30d", "--yes")
    assert "Deleted: 3 pending records" in done.stderr
    assert pending(evidently) == young


@pytest.mark.parametrize("age", ["30", "d", "", "-1d", "nand", "1e9d", "30 days", "infd", "1s"])
def test_an_age_has_a_unit(evidently: CommandLine, age: str) -> None:
    """An age without a unit, or that is none, deletes nothing: one line, exit code 2."""
    record(evidently, 2, days_ago=1)
    done = evidently("telemetry", "purge", "--yes", "--older-than", age, status=2)
    assert (done.stderr.count("\n"), len(pending(evidently))) == (1, 2)


def test_dead_letters_can_be_read(evidently: CommandLine, endpoint: Endpoint) -> None:
    """`dead list` has a line for each with its reason; --json is complete and stable; `dead show` has every byte."""
    ids = bury(evidently, endpoint, 2)
    name = damage(evidently)
    listed = evidently("telemetry", "dead", "list").stdout
    assert [line.split()[0] for line in listed.splitlines()] == ["ID", *ids, name]
    assert listed.count("refused 422") == 2
    assert "\x1b" not in listed
    letters = [json.loads(line) for line in evidently("telemetry", "dead", "list", "--json").stdout.splitlines()]
    assert [letter["id"] for letter in letters] == [*ids, name]
    assert {tuple(letter) for letter in letters} == {("id", "reason", "status", "detail", "time", "record", "bytes")}
    assert [letter["reason"] for letter in letters] == ["refused", "refused", "corrupt"]
    assert letters[0]["record"]["id"] == ids[0]
    assert len(evidently("telemetry", "dead", "list", "--json", "--limit", "1").stdout.splitlines()) == 1
    assert json.loads(evidently("telemetry", "dead", "show", name[:-10], "--json").stdout) == letters[2]
    assert r"torn \x1b[31m\xff" in evidently("telemetry", "dead", "show", name).stdout


def test_dead_letters_are_sent_again(evidently: CommandLine, endpoint: Endpoint) -> None:
    """`dead requeue` makes one or all pending again, byte for byte; what is no record stays, and is said."""
    ids = bury(evidently, endpoint, 3)
    name = damage(evidently)
    assert "cannot be sent" in evidently("telemetry", "dead", "requeue", name, status=2).stderr
    assert "evidently telemetry flush" in evidently("telemetry", "dead", "requeue", ids[1]).stderr
    assert pending(evidently) == [ids[1]]
    done = json.loads(evidently("telemetry", "dead", "requeue", "--all", "--json").stdout)
    assert done == {"requeued": 2, "left": 1}
    assert sorted(pending(evidently)) == ids
    evidently("telemetry", "flush", "--force", EVIDENTLY_TELEMETRY_ENDPOINT=endpoint.url)
    assert sorted(each["id"] for request in endpoint.requests[-2:] for each in request.records) == ids


def test_dead_letters_can_be_dropped(evidently: CommandLine, endpoint: Endpoint) -> None:
    """`dead drop` asks and deletes one or all, and nothing that is pending; `purge --dead` deletes all."""
    ids = bury(evidently, endpoint, 2)
    name = damage(evidently)
    [left] = record(evidently)
    assert "Deleted: 1 dead record, never sent" in evidently("telemetry", "dead", "drop", ids[0], "--yes").stderr
    code, shown = asked(evidently, b"y\n", "telemetry", "dead", "drop", name)
    assert (code, "Deleted: 1 corrupt line" in shown) == (0, True)
    receipt = json.loads(evidently("telemetry", "purge", "--dead", "--json", "--yes").stdout)
    assert (receipt["deleted"], receipt["corrupt"]) == (1, 0)
    assert evidently("telemetry", "dead", "list").stderr == "Nothing is dead.\n"
    assert pending(evidently) == [left]


def test_damaged_dead_letters_are_told(evidently: CommandLine, endpoint: Endpoint) -> None:
    """A dead letter that damage has hit is no reason to say that nothing is dead: `dead list` tells of it."""
    whole, damaged = sorted(bury(evidently, endpoint, 2))
    for name, words in ((damaged, f"{damaged} is damaged: evidently telemetry dead drop"), (whole, "and 1 other too")):
        (evidently.spool / "dead" / f"{name}.ndjson").write_bytes(b"damage\n")
        for more in ((), ("--json",)):
            done = evidently("telemetry", "dead", "list", *more)
            assert (words in done.stderr, "Nothing is dead" in done.stderr) == (True, False)
    (evidently.spool / "dead" / "0 \x1b.ndjson").write_bytes(b"damage\n")
    said = evidently("telemetry", "dead", "list").stderr
    assert (r"dead drop '0 \x1b' deletes" in said, "\x1b" in said) == (True, False)


def test_a_status_keeps_its_lines(evidently: CommandLine, tmp_path: Path) -> None:
    """No name of a directory or an endpoint breaks a line of `status`, or reaches the terminal as a command to it."""
    place = tmp_path / "a\x1b[31m\nb"
    place.mkdir(mode=0o700)
    done = evidently("telemetry", "status", EVIDENTLY_SPOOL_DIR=str(place / "spool"))
    assert r"a\x1b[31m\nb" in done.stdout
    assert "\x1b" not in done.stdout


@pytest.mark.parametrize("command", ["show", "requeue", "drop"])
def test_a_dead_letter_has_to_be_told_apart(evidently: CommandLine, endpoint: Endpoint, command: str) -> None:
    """A dead letter that is unknown, or one of several, or none at all, is one line and exit code 2."""
    ids = bury(evidently, endpoint, 2)
    for name in ("ffff", ids[0][:5], "", "../format"):
        assert evidently("telemetry", "dead", command, name, status=2).stderr.count("\n") == 1
    if command != "show":
        evidently("telemetry", "dead", command, status=2)
        evidently("telemetry", "dead", command, ids[0], "--all", status=2)
    assert json.loads(evidently("telemetry", "status", "--json").stdout)["dead"] == 2


def test_records_are_carried(evidently: CommandLine, endpoint: Endpoint, tmp_path: Path) -> None:
    """Exported on a machine without a network and imported on another one, records are delivered with their ids."""
    ids = record(evidently, 5)
    done = evidently("telemetry", "export", "events.gz")
    assert "evidently telemetry import events.gz" in done.stderr
    assert "5 records" in done.stderr
    assert pending(evidently) == []
    there = CommandLine(evidently.directory, {**evidently.environment, "XDG_STATE_HOME": str(tmp_path / "there")})
    assert "evidently telemetry flush" in there("telemetry", "import", "events.gz").stderr
    assert json.loads(there("telemetry", "import", "events.gz", "--json").stdout) == {"added": 0, "skipped": 5}
    there("telemetry", "flush", EVIDENTLY_TELEMETRY_ENDPOINT=endpoint.url)
    assert [each["id"] for each in endpoint.records] == ids


def test_an_export_can_keep(evidently: CommandLine) -> None:
    """`export --keep` leaves everything pending; --json says what is in the file; an existing file is left alone."""
    ids = record(evidently, 2)
    done = json.loads(evidently("telemetry", "export", "events.gz", "--keep", "--json").stdout)
    assert (done["file"], done["records"], done["kept"]) == ("events.gz", 2, True)
    assert done["oldest"] <= done["newest"]
    assert pending(evidently) == ids
    assert "choose another name" in evidently("telemetry", "export", "events.gz", status=1).stderr
    evidently("telemetry", "purge", "--yes")
    nothing = json.loads(evidently("telemetry", "export", "none.gz", "--json").stdout)
    assert (nothing["file"], nothing["records"]) == (None, 0)
    assert not (evidently.directory / "none.gz").exists()


def test_off_leaves_users_their_own_records(evidently: CommandLine, tmp_path: Path) -> None:
    """With telemetry off, records can be looked at, exported and deleted; none is imported, and nothing is made."""
    [record_id] = record(evidently)
    off = {"DO_NOT_TRACK": "1"}
    assert record_id in evidently("telemetry", "pending", **off).stdout
    evidently("telemetry", "show", record_id, **off)
    evidently("telemetry", "export", "events.gz", "--keep", **off)
    evidently("telemetry", "purge", "--yes", **off)
    assert pending(evidently) == []
    done = evidently("telemetry", "import", "events.gz", status=2, XDG_STATE_HOME=str(tmp_path / "there"), **off)
    assert (done.stderr.count("\n"), "DO_NOT_TRACK=1" in done.stderr) == (1, True)
    assert not (tmp_path / "there").exists()


@pytest.mark.parametrize(
    "arguments",
    [
        ("preview",),
        ("purge",),
        ("purge", "--dead", "--yes"),
        ("dead", "list"),
        ("dead", "requeue", "--all"),
        ("dead", "drop", "--all"),
        ("export", "events.gz"),
        ("pending", "--newest"),
    ],
    ids=" ".join,
)
def test_an_empty_machine(evidently: CommandLine, arguments: tuple[str, ...]) -> None:
    """Where nothing was ever recorded, each command says so, with exit code 0, and makes nothing."""
    assert evidently("telemetry", *arguments).stderr
    assert not evidently.spool.parent.exists()
    assert not (evidently.directory / "events.gz").exists()


@pytest.mark.parametrize(
    "command",
    [
        lambda evidently: evidently("telemetry", "export", str(evidently.spool / "x"), status=1),
        lambda evidently: evidently("telemetry", "export", "nowhere/x", status=1),
        lambda evidently: evidently("telemetry", "import", "nowhere", status=1),
        lambda evidently: evidently("telemetry", "import", "config.json", status=1),
    ],
    ids=["export into the spool", "export into no folder", "import of no file", "import of no bundle"],
)
def test_a_bundle_that_will_not_do(
    evidently: CommandLine, command: Callable[[CommandLine], "subprocess.CompletedProcess[str]"]
) -> None:
    """What cannot be exported or imported is one line, and changes nothing."""
    ids = record(evidently)
    done = command(evidently)
    assert (done.stdout, done.stderr.count("\n"), pending(evidently)) == ("", 1, ids)
