"""`evidently telemetry doctor`, as a real process on machines with something wrong."""

import json
import os
import pty
import re
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest
from command_line import CommandLine
from endpoint import Endpoint, reply, silence
from transport import FakeTransport

from evidently_cli.settings import SOURCE
from spool import Deferred, Spool, drain, schedule
from spool.record import new_id

TOKEN = "t0ken-that-nobody-may-see"  # noqa: S105 - a test's
ROOT = hasattr(os, "geteuid") and os.geteuid() == 0


@pytest.fixture
def evidently(evidently: CommandLine) -> CommandLine:
    """The program, with its own script first on PATH."""
    scripts = sysconfig.get_path("scripts")
    evidently.environment["PATH"] = f"{scripts}{os.pathsep}{evidently.environment['PATH']}"
    return evidently


@pytest.fixture
def spool(evidently: CommandLine) -> Spool:
    """A spool with a sealed segment and an open one."""
    made = Spool(evidently.spool, source=SOURCE)
    for _ in range(2):
        made.append({"n": 1}, event_type="t")
    made.seal()
    made.append({"n": 2}, event_type="t")
    return made


def test_what_is_no_spool_is_left_as_it_is(evidently: CommandLine, tmp_path: Path) -> None:
    """A directory that holds other things keeps its modes: nobody is told to change them, and --fix does not."""
    shared = tmp_path / "shared"
    (shared / "site").mkdir(parents=True)
    (shared / "index.html").write_text("hello")
    for mode in (0o1777, 0o755):
        shared.chmod(mode)
        before = [path.stat().st_mode for path in (shared, *shared.iterdir())]
        for options in ((), ("--fix",)):
            checks = doctor(evidently, *options, status=1, EVIDENTLY_SPOOL_DIR=str(shared))
            assert checks["place"]["says"] == f"{shared} is not a spool: it holds 'index.html'"
            assert checks["modes"]["state"] == "skipped"
        done = evidently("telemetry", "status", status=1, EVIDENTLY_SPOOL_DIR=str(shared))
        assert "empty directory" in done.stderr
        assert "chmod" not in done.stderr
        assert [path.stat().st_mode for path in (shared, *shared.iterdir())] == before


def doctor(evidently: CommandLine, *options: str, status: int = 0, **environment: str) -> dict[str, dict[str, Any]]:
    """The checks by name, and that the answer has its stated form."""
    done = evidently("telemetry", "doctor", "--json", *options, status=status, **environment)
    answer = json.loads(done.stdout)
    assert set(answer) == {"healthy", "checks", "exit_code"}
    assert (answer["healthy"], answer["exit_code"]) == (status == 0, status)
    for check in answer["checks"]:
        assert set(check) == {"check", "state", "says", "mend", "fixed"}
        assert check["state"] in {"ok", "warning", "error", "skipped"}
    assert any(check["state"] == "error" for check in answer["checks"]) == (status == 1)
    return {check["check"]: check for check in answer["checks"]}


def wrong(checks: dict[str, dict[str, Any]]) -> dict[str, str]:
    """What is not well. A test may itself run in a container, whose file system is one to warn of."""
    return {
        name: check["state"]
        for name, check in checks.items()
        if check["state"] in {"warning", "error"} and name != "filesystem"
    }


def files(folder: Path) -> dict[str, tuple[int, bytes]]:
    """Everything below a folder, with permissions and contents."""
    return {
        str(path): (path.stat().st_mode, path.read_bytes() if path.is_file() else b"") for path in folder.rglob("*")
    }


# --- a machine that is well ---------------------------------------------------


@pytest.mark.parametrize("environment", [{}, {"DO_NOT_TRACK": "1"}])
def test_nothing_is_made_by_looking(evidently: CommandLine, environment: dict[str, str]) -> None:
    """A machine without a spool stays without one, with --fix too, and telemetry off."""
    for options in ([], ["--fix"], ["--network"]):
        checks = doctor(evidently, *options, **environment)
        assert set(wrong(checks)) == (set() if environment else {"endpoint"})
    assert not evidently.spool.parent.exists()
    assert not Path(evidently.environment["XDG_CONFIG_HOME"]).exists()


def test_a_healthy_machine(evidently: CommandLine, spool: Spool, endpoint: Endpoint) -> None:
    """Where all is well each check says so on stdout, the summary is on stderr, and nothing is changed."""
    before = files(spool.layout.root)
    done = evidently("telemetry", "doctor", EVIDENTLY_TELEMETRY_ENDPOINT=endpoint.url)
    states = {line.split()[1]: line.split()[0] for line in done.stdout.splitlines() if not line.startswith(" ")}
    states.pop("filesystem")
    assert {name for name, state in states.items() if state != "ok"} == {"reachable", "certificate", "clock"}
    assert "no event" in done.stderr.splitlines()[-1]
    assert files(spool.layout.root) == before
    assert endpoint.connections == 0


def test_in_a_terminal(evidently: CommandLine, spool: Spool, endpoint: Endpoint) -> None:
    """In a terminal the list and the summary are the same as in a pipe, without escape sequences, summary last."""
    near, far = pty.openpty()
    environment = {**evidently.environment, "EVIDENTLY_TELEMETRY_ENDPOINT": endpoint.url, "TERM": "xterm"}
    command = [sys.executable, "-m", "evidently_cli", "telemetry", "doctor"]
    done = subprocess.run(
        command, stdin=far, stdout=far, stderr=far, env=environment, cwd=evidently.directory, check=True, timeout=60
    )
    os.close(far)
    text = os.read(near, 65536).decode()
    os.close(near)
    assert done.returncode == 0
    assert "\x1b" not in text
    piped = evidently("telemetry", "doctor", EVIDENTLY_TELEMETRY_ENDPOINT=endpoint.url)
    drop_space = re.compile(r"\d+\.\d MB left")  # others fill the disk meanwhile
    assert drop_space.sub("", text.replace("\r\n", "\n")) == drop_space.sub("", piped.stdout + piped.stderr)
    assert str(spool.layout.root) in text


SPY = """
import sys
def hook(event, arguments):
    if event in {"socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "socket.sendto"}:
        print("NETWORK", event, file=sys.stderr)
sys.addaudithook(hook)
"""


def test_no_network_without_being_told(
    evidently: CommandLine, spool: Spool, endpoint: Endpoint, tmp_path: Path
) -> None:
    """Without --network no connection is opened and no name looked up; with it there is one, and off means off."""
    (tmp_path / "sitecustomize.py").write_text(SPY)
    environment = {"EVIDENTLY_TELEMETRY_ENDPOINT": endpoint.url, "PYTHONPATH": str(tmp_path)}
    assert "NETWORK" not in evidently("telemetry", "doctor", "--fix", **environment).stderr
    assert "NETWORK" not in evidently("telemetry", "doctor", "--network", DO_NOT_TRACK="1", **environment).stderr
    assert endpoint.connections == 0
    assert "NETWORK socket.connect" in evidently("telemetry", "doctor", "--network", **environment).stderr
    assert (endpoint.connections, len(list(spool.records()))) == (1, 3)


# --- something wrong, and mended ----------------------------------------------


def test_modes_are_mended(evidently: CommandLine, spool: Spool) -> None:
    """What others could read or write is named with the command, and is private after --fix; no record changes."""
    root = spool.layout.root
    content = {name: data for name, (_, data) in files(root).items()}
    for path in (root, spool.layout.pending, *spool.sealed()):
        path.chmod(0o755 if path.is_dir() else 0o644)
    check = doctor(evidently)["modes"]
    assert (check["state"], check["fixed"]) == ("warning", False)
    assert check["mend"] == f"chmod -R u=rwX,go= {root}"
    root.chmod(0o777)
    seen = doctor(evidently, status=1)
    assert {name for name, check in seen.items() if check["state"] == "error"} == {"modes"}
    assert "others can write to" in seen["modes"]["says"]
    mended = doctor(evidently, "--fix")["modes"]
    assert (mended["state"], mended["fixed"]) == ("ok", True)
    assert {path.stat().st_mode & 0o777 for path in (root, *root.rglob("*"))} == {0o700, 0o600}
    assert {name: data for name, (_, data) in files(root).items()} == content
    assert doctor(evidently)["modes"]["fixed"] is False


def test_what_its_owner_may_not_read_is_mended(evidently: CommandLine, spool: Spool) -> None:
    """A directory or a segment that not even its owner may read is an error, and --fix opens it to its owner alone."""
    if not sys.platform.startswith("linux"):
        pytest.skip("only Linux can name a file that may not be read")
    powerless = ["setpriv", "--bounding-set=-all", "--inh-caps=-all"] if ROOT else []  # root may read anything
    command = [*powerless, sys.executable, "-m", "evidently_cli", "telemetry", "doctor", "--json"]
    for path in (*spool.sealed(), spool.layout.pending, spool.layout.root):
        path.chmod(0)
    for options, state in (([], "error"), (["--fix"], "ok")):
        done = subprocess.run([*command, *options], env=evidently.environment, capture_output=True, check=False)
        checks = {check["check"]: check for check in json.loads(done.stdout)["checks"]}
        assert checks["modes"]["state"] == state, done.stderr
    assert {path.stat().st_mode & 0o777 for path in (spool.layout.root, spool.layout.pending)} == {0o700}
    assert len(list(spool.records())) == 3


def test_the_command_that_it_names_mends_it(evidently: CommandLine, spool: Spool) -> None:
    """The named command does what --fix does."""
    spool.layout.root.chmod(0o770)
    spool.layout.active.chmod(0o664)
    mend = doctor(evidently, status=1)["modes"]["mend"]
    subprocess.run(["sh", "-c", mend], check=True)
    assert doctor(evidently)["modes"]["state"] == "ok"


def test_nothing_else_is_touched(evidently: CommandLine, spool: Spool, tmp_path: Path) -> None:
    """--fix follows no link, and leaves a file that has another name elsewhere as it is."""
    outside, shared = tmp_path / "outside", tmp_path / "shared"
    for path in (outside, shared):
        path.write_text("mine")
        path.chmod(0o644)
    (spool.layout.pending / f"{new_id(10**18)}.ndjson").symlink_to(outside)
    (spool.layout.pending / f"{new_id(10**18)}.ndjson").hardlink_to(shared)
    spool.layout.active.chmod(0o644)
    doctor(evidently, "--fix")
    assert spool.layout.active.stat().st_mode & 0o777 == 0o600
    assert [path.stat().st_mode & 0o777 for path in (outside, shared)] == [0o644, 0o644]
    assert outside.read_text() == "mine"


def test_a_linked_spool(evidently: CommandLine, spool: Spool, tmp_path: Path) -> None:
    """A spool that is a symbolic link is an error that names where it leads; --fix leaves it, and what it leads to."""
    real = tmp_path / "elsewhere"
    spool.layout.root.rename(real)
    real.chmod(0o755)
    spool.layout.root.symlink_to(real)
    for options in ([], ["--fix"]):
        checks = doctor(evidently, *options, status=1)
        assert checks["place"]["mend"] == f"export EVIDENTLY_SPOOL_DIR={real}"
        assert [name for name, check in checks.items() if check["state"] == "error"] == ["place"]
    assert real.stat().st_mode & 0o777 == 0o755
    assert wrong(doctor(evidently, EVIDENTLY_SPOOL_DIR=str(real)))["modes"] == "warning"


def test_what_crashes_and_clocks_left_is_mended(evidently: CommandLine, spool: Spool) -> None:
    """--fix removes old leftovers, rewrites small files that are damaged and forgets what a wrong clock has left."""
    layout, now = spool.layout, datetime.now(UTC)
    ids = [record.id for record in spool.records()]
    old = layout.temporary(new_id(int((now - timedelta(hours=2)).timestamp() * 1e9)))
    young = layout.temporary(new_id(int(now.timestamp() * 1e9)))
    foreign = layout.root / "draft.tmp"
    for path in (old, young, foreign):
        path.write_text("x")
        path.chmod(0o600)
    layout.format.write_text("no JSON")
    layout.schedule.write_text("{}")
    layout.schedule.chmod(0o600)
    mark, notice = layout.root.parent / "flush-started", layout.root.parent / "notice-shown"
    for path in (mark, notice):
        path.touch()
        os.utime(path, (now.timestamp() + 10**7,) * 2)
    names = {"format", "leftovers", "schedule", "marks"}
    assert set(wrong(doctor(evidently))) == {*names, "endpoint"}
    checks = doctor(evidently, "--fix")
    assert {name for name, check in checks.items() if check["fixed"]} == names - {"leftovers"}
    assert checks["leftovers"]["mend"] == f"mv -i {foreign} ."
    assert [path.exists() for path in (old, young, foreign, mark, notice)] == [False, True, True, False, True]
    assert layout.corrupt_format.read_text() == "no JSON"
    assert schedule.load(layout.schedule) == schedule.Schedule()
    assert [record.id for record in spool.records()] == ids
    foreign.unlink()
    assert set(wrong(doctor(evidently))) == {"endpoint"}


def test_a_wait_that_nobody_meant(evidently: CommandLine, spool: Spool) -> None:
    """An attempt that a wrong clock has set for next year may be made after --fix; the last error is still known."""
    drain(spool, FakeTransport(lambda _records: Deferred("HTTP 503")))
    plan = schedule.load(spool.layout.schedule)
    far = schedule.dump(schedule.replace(plan, not_before=datetime.now(UTC) + timedelta(days=300)))
    spool.layout.schedule.write_bytes(far)
    assert "later than anybody meant" in doctor(evidently)["schedule"]["says"]
    with spool.exclusive():  # a flush is at work
        done = evidently("telemetry", "doctor", "--fix")
        assert "schedule could not be mended: a flush is at work" in done.stderr
    assert doctor(evidently, "--fix")["schedule"]["fixed"]
    after = schedule.load(spool.layout.schedule)
    assert (after.not_before, after.attempts, after.last_error) == (None, 1, "HTTP 503")


def test_a_flush_at_work(evidently: CommandLine, spool: Spool) -> None:
    """A flush that is at work is no fault of the locks."""
    with spool.exclusive():
        check = doctor(evidently)["locks"]
    assert (check["state"], check["says"]) == ("ok", "a flush is at work")


def test_lines_and_files_that_are_no_records(evidently: CommandLine, spool: Spool) -> None:
    """Torn lines are counted, foreign files named, and neither is removed by --fix."""
    with spool.layout.active.open("ab") as active:
        active.write(b'{"torn\n')
    stray = spool.layout.pending / "notes.txt"
    stray.write_text("x")
    stray.chmod(0o600)
    for options in ([], ["--fix"]):
        checks = doctor(evidently, *options)
        assert checks["damage"]["says"].startswith("1 line ")
        assert checks["leftovers"]["mend"] == f"mv -i {stray} ."
    assert stray.exists()


def test_a_newer_spool(evidently: CommandLine, spool: Spool) -> None:
    """A spool of a newer program is an error that names the way to that program, and is left as it is."""
    spool.layout.format.write_text('{"format": 9}')
    before = files(spool.layout.root)
    check = doctor(evidently, "--fix", status=1)["format"]
    assert check["mend"] == "pipx upgrade evidently-cli"
    assert files(spool.layout.root) == before


def test_off_with_a_backlog(evidently: CommandLine, spool: Spool) -> None:
    """With telemetry off the checks still run, it says first who decided, and names the way to delete what waits."""
    spool.layout.root.chmod(0o770)
    done = evidently("telemetry", "doctor", EVIDENTLY_DISABLE_TELEMETRY="1")
    assert done.stdout.startswith(
        "ok       consent      off (EVIDENTLY_DISABLE_TELEMETRY=1): nothing is recorded or sent"
    )
    assert wrong(doctor(evidently, "--fix", DO_NOT_TRACK="1")) == {"backlog": "warning"}
    assert doctor(evidently, DO_NOT_TRACK="1")["backlog"]["mend"] == "evidently telemetry purge"


def test_places_that_are_odd(evidently: CommandLine, tmp_path: Path) -> None:
    """A spool in each directory, or in a git work tree, is warned of; a file in its place is an error."""
    assert wrong(doctor(evidently, EVIDENTLY_SPOOL_DIR="here"))["place"] == "warning"
    (evidently.directory / ".git").mkdir()
    check = doctor(evidently, EVIDENTLY_SPOOL_DIR=str(evidently.directory / "a" / "spool"))["place"]
    assert (check["state"], check["mend"]) == ("warning", "unset EVIDENTLY_SPOOL_DIR")
    (tmp_path / "a file").touch()
    check = doctor(evidently, status=1, EVIDENTLY_SPOOL_DIR=str(tmp_path / "a file"))["place"]
    assert check["mend"] == f"mv -i '{tmp_path}/a file' '{tmp_path}/a file.old'"
    check = doctor(evidently, status=1, EVIDENTLY_SPOOL_DIR=str(tmp_path / "a file" / "spool"))["place"]
    assert "cannot be written to" in check["says"]


def test_a_bound_that_is_no_number(evidently: CommandLine, spool: Spool) -> None:
    """A bound that is no positive number is named, as is the command that removes it; one that is a number holds."""
    del spool
    for text in ("lots", "-1", "0", "nan", "inf"):
        check = doctor(evidently, EVIDENTLY_SPOOL_MAX_MIB=text)["bounds"]
        assert (check["state"], check["mend"]) == ("warning", "unset EVIDENTLY_SPOOL_MAX_MIB")
    check = doctor(evidently, EVIDENTLY_SPOOL_MAX_MIB="2", EVIDENTLY_SPOOL_MAX_DAYS="")["bounds"]
    assert (check["state"], check["says"]) == ("ok", "at most 2.1 MB, for 90 days")


def test_no_place_at_all(evidently: CommandLine) -> None:
    """Where there can be no place for a spool, that is the one error, with the command that names a place."""
    checks = doctor(evidently, status=1, EVIDENTLY_SPOOL_DIR="~nobody-of-this-name/spool")
    assert list(checks) == ["home"]
    assert checks["home"]["mend"] == "export EVIDENTLY_SPOOL_DIR=/var/tmp/evidently-$(id -u)"


def test_a_name_that_would_change_the_terminal(evidently: CommandLine, tmp_path: Path) -> None:
    """What is in the names of files does nothing to the terminal."""
    (tmp_path / "a\x1b[31m\nb").touch()
    done = evidently("telemetry", "doctor", status=1, EVIDENTLY_SPOOL_DIR=str(tmp_path / "a\x1b[31m\nb"))
    assert "\x1b" not in done.stdout
    assert r"a\x1b[31m\nb is not a directory" in done.stdout


@pytest.mark.parametrize(
    "options, state, words",
    [("size=64m", "warning", "kept in memory"), ("size=64m,ro", "error", "read-only"), ("size=400k", "error", "left"),
     ("size=64m,nr_inodes=100", "warning", "inode")],
)  # fmt: skip
def test_a_real_file_system(evidently: CommandLine, tmp_path: Path, options: str, state: str, words: str) -> None:
    """A file system in memory, a read-only one, a full one and one without inodes are seen where they are mounted."""
    if not ROOT or not sys.platform.startswith("linux"):
        pytest.skip("only root on Linux can mount a file system")
    point = tmp_path / "with space"
    point.mkdir()
    script = 'mount -t tmpfs -o "$1" tmpfs "$2" || exit 99; shift 2; exec "$@"'
    command = [sys.executable, "-m", "evidently_cli", "telemetry", "doctor", "--json"]
    done = subprocess.run(
        ["unshare", "--mount", "sh", "-c", script, "sh", options, str(point), *command],
        env={**evidently.environment, "EVIDENTLY_SPOOL_DIR": str(point / "spool")},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    if not done.stdout:
        pytest.skip("only root with all of its capabilities can mount a file system")
    seen = {(check["check"], check["state"]): check["says"] for check in json.loads(done.stdout)["checks"]}
    assert f"tmpfs on {point} is kept in memory" in seen["filesystem", "warning"]
    assert words in seen["filesystem" if "memory" in words else "space", state]


def test_another_users_file(evidently: CommandLine, spool: Spool) -> None:
    """A file that sudo has left is an error with the command that mends it; --fix leaves it alone."""
    if not ROOT:
        pytest.skip("only root can give a file away")
    os.chown(spool.layout.active, 12345, -1)
    spool.layout.active.chmod(0o644)
    check = doctor(evidently, "--fix", status=1)["owner"]
    assert check["mend"] == f"sudo chown -Rh 0 {spool.layout.root}"
    assert "uid 12345" in check["says"]
    assert spool.layout.active.stat().st_mode & 0o777 == 0o644


# --- who owns the command -----------------------------------------------------


def test_two_distributions_own_the_command(evidently: CommandLine, tmp_path: Path) -> None:
    """Where Evidently itself is installed too, it says whose script `evidently` is and how this program is called."""
    info = tmp_path / "site" / "evidently-0.7.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: evidently\nVersion: 0.7.0\n")
    (info / "entry_points.txt").write_text("[console_scripts]\nevidently = evidently.cli.__main__:main\n")
    site = {"PYTHONPATH": str(info.parent)}
    both = doctor(evidently, **site)["script"]
    assert (both["state"], both["mend"]) == ("warning", "pipx install evidently-cli")
    theirs = tmp_path / "bin" / "evidently"
    theirs.parent.mkdir()
    theirs.write_text("#!/bin/sh\nexec python -m evidently.cli\n")
    theirs.chmod(0o755)
    path = f"{theirs.parent}{os.pathsep}{evidently.environment['PATH']}"
    check = doctor(evidently, PATH=path, **site)["script"]
    assert check["state"] == "warning"
    assert check["says"].startswith(f"{theirs} is another program, from evidently;")
    assert check["mend"] == f"alias 'evidently={sys.executable} -m evidently_cli'"


# --- the endpoint -------------------------------------------------------------


def test_the_endpoint_is_asked_without_an_event(evidently: CommandLine, spool: Spool, endpoint: Endpoint) -> None:
    """--network is one HEAD request without body, token or event; --fix asks no second time."""
    spool.layout.active.chmod(0o644)
    endpoint.answer = reply(405, Date=format_datetime(datetime.now(UTC), usegmt=True))
    secrets = {"EVIDENTLY_TELEMETRY_ENDPOINT": f"{endpoint.url}?key=geheim", "EVIDENTLY_TELEMETRY_TOKEN": TOKEN}
    done = evidently("telemetry", "doctor", "--network", "--fix", **secrets)
    [request] = endpoint.requests
    assert request.line.startswith("HEAD /events?key=geheim HTTP")
    assert request.body == b""
    assert not {"authorization", "cookie", "idempotency-key"} & set(request.headers)
    assert "geheim" not in done.stdout + done.stderr
    assert TOKEN not in done.stdout + done.stderr
    assert re.search(r"^ok +reachable +answers HTTP 405 to HEAD", done.stdout, re.MULTILINE)
    assert re.search(r"^ok +clock ", done.stdout, re.MULTILINE)
    assert len(list(spool.records())) == 3


def test_a_clock_that_is_off(evidently: CommandLine, endpoint: Endpoint) -> None:
    """An endpoint whose clock is an hour ahead makes a warning that says how far, and shows both times as local."""
    there = datetime.now(UTC) + timedelta(hours=1)
    endpoint.answer = reply(200, Date=format_datetime(there, usegmt=True))
    check = doctor(evidently, "--network", EVIDENTLY_TELEMETRY_ENDPOINT=endpoint.url, TZ="UTC-5")["clock"]
    assert check["state"] == "warning"
    assert re.match(r"(60|61) min behind the endpoint's", check["says"])
    assert f"{there + timedelta(hours=5):%Y-%m-%d %H:%M:%S} there" in check["says"]


@pytest.mark.parametrize("date", [None, "yesterday", "Mon, 99 Nov 2026 10:00:00 GMT"])
def test_an_endpoint_without_a_clock(evidently: CommandLine, endpoint: Endpoint, date: str | None) -> None:
    """A Date that is missing or none is no fault of anybody."""
    endpoint.answer = reply(204, **({"Date": date} if date else {}))
    checks = doctor(evidently, "--network", EVIDENTLY_TELEMETRY_ENDPOINT=endpoint.url)
    assert (checks["reachable"]["state"], checks["clock"]["state"]) == ("ok", "skipped")


def test_a_redirect_is_not_followed(evidently: CommandLine, endpoint: Endpoint) -> None:
    """A redirect is a warning, and where it leads nobody is asked."""
    other = Endpoint()
    endpoint.answer = reply(302, Location=other.url)
    assert doctor(evidently, "--network", EVIDENTLY_TELEMETRY_ENDPOINT=endpoint.url)["reachable"]["state"] == "warning"
    assert (len(endpoint.requests), other.connections) == (1, 0)
    other.close()


def test_nobody_listens(evidently: CommandLine, refused_url: str) -> None:
    """A connection that is refused is one error, and so is a name that does not exist."""
    checks = doctor(evidently, "--network", status=1, EVIDENTLY_TELEMETRY_ENDPOINT=refused_url)
    assert wrong(checks) == {"reachable": "error"}
    assert "refused" in checks["reachable"]["says"]


def test_an_endpoint_that_is_silent(evidently: CommandLine, endpoint: Endpoint) -> None:
    """An endpoint that never answers costs a few seconds."""
    endpoint.answer = silence
    started = datetime.now(UTC)
    checks = doctor(evidently, "--network", status=1, EVIDENTLY_TELEMETRY_ENDPOINT=endpoint.url)
    assert "no answer" in checks["reachable"]["says"]
    assert datetime.now(UTC) - started < timedelta(seconds=20)


def test_a_proxy_that_refuses(evidently: CommandLine, refused_url: str) -> None:
    """A proxy is named with its variable and without its password, and is blamed when it cannot be reached."""
    proxy = refused_url.replace("http://", "http://kim:geheim@")
    way = {"EVIDENTLY_TELEMETRY_ENDPOINT": "https://collector.example/", "HTTPS_PROXY": proxy}
    done = evidently("telemetry", "doctor", "--network", status=1, **way)
    assert f"{refused_url} (HTTPS_PROXY)" in done.stdout
    assert re.search(r"^error +reachable +the proxy refused", done.stdout, re.MULTILINE)
    assert "geheim" not in done.stdout + done.stderr


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an authority, and with certificates of it that have expired, will soon, and will not."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
    folder = tmp_path_factory.mktemp("tls")

    def openssl(*arguments: str) -> None:
        subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)

    key = ["-newkey", "rsa:2048", "-nodes"]
    openssl("req", "-x509", *key, "-keyout", "ca.key", "-out", "ca.pem", "-days", "90", "-subj", "/CN=ca")
    (folder / "ext").write_text("subjectAltName=IP:127.0.0.1\n")
    for name, days in (("expired", "-1"), ("soon", "3"), ("good", "80")):
        openssl("req", *key, "-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", "/CN=test")
        openssl("x509", "-req", "-in", f"{name}.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial",
                "-days", days, "-extfile", "ext", "-out", f"{name}.crt")  # fmt: skip
        (folder / f"{name}.pem").write_text((folder / f"{name}.key").read_text() + (folder / f"{name}.crt").read_text())
    return folder


@pytest.fixture
def secured(certificates: Path, request: pytest.FixtureRequest) -> Iterator[Endpoint]:
    """An endpoint that speaks TLS with one of the certificates."""
    server = Endpoint(certificate=certificates / f"{request.param}.pem")
    yield server
    server.close()


@pytest.mark.parametrize(
    "secured, state, words",
    [("good", "ok", "valid until "), ("soon", "warning", "renew it soon"), ("expired", "error", "has expired")],
    indirect=["secured"],
)
def test_certificates(evidently: CommandLine, secured: Endpoint, certificates: Path, state: str, words: str) -> None:
    """It says until when the endpoint's certificate is valid; one that has expired is an error, and gets no request."""
    trust = {
        "EVIDENTLY_TELEMETRY_ENDPOINT": secured.url,
        "EVIDENTLY_TELEMETRY_CA_BUNDLE": str(certificates / "ca.pem"),
        "EVIDENTLY_TELEMETRY_TOKEN": TOKEN,
    }
    checks = doctor(evidently, "--network", status=int(state == "error"), **trust)
    assert checks["certificate"]["state"] == state
    assert words in checks["certificate"]["says"]
    assert len(secured.requests) == (0 if state == "error" else 1)
    assert all("authorization" not in request.headers for request in secured.requests)


@pytest.mark.parametrize("secured", ["good"], indirect=True)
def test_an_authority_that_nobody_knows(evidently: CommandLine, secured: Endpoint) -> None:
    """A certificate of an unknown authority is an error that names the setting for one of one's own."""
    check = doctor(evidently, "--network", status=1, EVIDENTLY_TELEMETRY_ENDPOINT=secured.url)["certificate"]
    assert check["mend"].startswith("export EVIDENTLY_TELEMETRY_CA_BUNDLE=")
    assert secured.requests == []
