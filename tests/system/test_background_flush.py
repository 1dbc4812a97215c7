"""The flush that a run leaves behind: when one is started, what it takes along, and what it outlives."""

import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import sysconfig
import threading
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack
from datetime import UTC, datetime
from pathlib import Path

import certifi
import pytest
from command_line import CommandLine
from endpoint import Answer, Endpoint, Request, drip, reply, silence
from flushers import end_flushers, flushers, wait_for

from evidently_cli.settings import FLUSHER
from spool import Spool
from spool.background import INTERVAL, LIFE, claim_start
from spool.disk import Disk
from spool.locks import Lock

RUN = [sys.executable, "-m", "evidently_cli", "calculate", "profile", "--config", "config.json"]
RUN += ["--reference", "ref.csv", "--current", "cur.csv"]


@pytest.fixture
def evidently(evidently: CommandLine, endpoint: Endpoint) -> Iterator[CommandLine]:
    """The program with an endpoint, and with files that it is done with in a moment. No flusher outlives its test."""
    for name in ("ref.csv", "cur.csv"):
        (evidently.directory / name).write_text("a\nx\ny\nx\ny\n")
    (evidently.directory / "config.json").write_text(
        '{"profile_sections": ["data_drift"], "options": {"data_drift": {"all_features_stattest": "z"}}}'
    )
    environment = {**evidently.environment, "EVIDENTLY_TELEMETRY_ENDPOINT": endpoint.url}
    del environment["EVIDENTLY_TELEMETRY_FLUSH"]
    yield CommandLine(evidently.directory, environment)
    end_flushers(evidently.directory.parent)


def record(
    evidently: CommandLine, *, before: str = "", after: str = "", flag: str = "-P", **environment: str
) -> "subprocess.CompletedProcess[bytes]":
    """
    Do in a process of its own what a run does at its end: a whole run takes five times as long.

    What keeps it from starting a flush is an error. `before` and `after` are statements around it.
    """
    return subprocess.run(
        [sys.executable, flag, "-c", program(before, after)],
        cwd=evidently.directory,
        env={**evidently.environment, **environment},
        timeout=60,
        check=True,
    )


def program(before: str = "", after: str = "") -> str:
    """The text of that process."""
    return f"""
import os, sys, time
from evidently_cli import event, recorder
usage = event.Usage("profile", ["data_drift"], event.SamplingUsage(), event.SamplingUsage())
{before}
recorder.record_run(usage, os.environ, sys.exit)
{after}
"""


def pending(place: Path) -> int:
    """How many records are in the spool."""
    return sum(1 for _ in Spool(place, source="x").records())


def once(event: threading.Event) -> Answer:
    """Take what comes when something has happened, and not before."""

    def answer(connection: socket.socket, request: Request) -> None:
        event.wait(60)
        reply(200)(connection, request)

    return answer


def is_alive(process: int) -> bool:
    """Whether there is such a process, and no zombie. No id is used anew in the short time of a test."""
    try:
        return status(process, "State")[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def status(process: int, name: str) -> str:
    """One line of what the system knows of a process."""
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    return next(line.partition(":")[2].strip() for line in lines if line.startswith(f"{name}:"))


@pytest.fixture
def black_hole() -> Iterator[str]:
    """An address that answers no attempt to connect, as a firewall that drops packets."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as server, ExitStack() as stack:
        for _ in range(3):  # more than fit into the queue of connections that wait to be accepted
            client = stack.enter_context(socket.socket())
            client.setblocking(False)
            client.connect_ex(server.getsockname())
        yield f"http://127.0.0.1:{server.getsockname()[1]}/"


# When one is started


def test_a_later_run_delivers(evidently: CommandLine, endpoint: Endpoint) -> None:
    """A run starts a flush in the background that delivers what earlier runs left, and its own event."""
    evidently(*RUN[3:], EVIDENTLY_TELEMETRY_FLUSH="manual")
    evidently(*RUN[3:], EVIDENTLY_TELEMETRY_FLUSH="manual")
    assert flushers(evidently.spool) == []
    evidently(*RUN[3:])
    wait_for(lambda: len(endpoint.records) == 3)
    wait_for(lambda: pending(evidently.spool) == 0)


def test_of_a_hundred_runs_at_once_one_starts_a_flush(evidently: CommandLine, endpoint: Endpoint) -> None:
    """One hundred runs at one instant start one flush, and while the endpoint hangs no second one ever lives."""
    endpoint.answer = silence
    record(evidently, EVIDENTLY_TELEMETRY_FLUSH="manual")
    runs = """
shut, gate = os.pipe()
for _ in range(100):
    if os.fork() == 0:
        os.close(gate)
        os.read(shut, 1)  # until all are there
        break
else:
    os.close(gate)
    sys.exit(any([os.wait()[1] for _ in range(100)]))
"""
    crowd = subprocess.Popen(
        [sys.executable, "-c", program(before=runs)], cwd=evidently.directory, env=evidently.environment
    )
    seen: set[int] = set()

    def all_have_ended() -> bool:
        alive = flushers(evidently.spool)
        assert len(alive) <= 1
        seen.update(alive)
        return crowd.poll() is not None and bool(endpoint.requests)

    wait_for(all_have_ended, 60)
    assert crowd.returncode == 0
    assert list(seen) == flushers(evidently.spool)
    assert (pending(evidently.spool), endpoint.connections) == (101, 1)


@pytest.mark.parametrize(
    "environment",
    [
        {"EVIDENTLY_TELEMETRY_FLUSH": "manual"},
        {"EVIDENTLY_TELEMETRY_ENDPOINT": ""},
        {FLUSHER: "1"},
    ],
)
def test_no_flush_is_started(evidently: CommandLine, endpoint: Endpoint, environment: dict[str, str]) -> None:
    """No flush starts when the user wants none, when no endpoint is named, and out of another flush."""
    record(evidently, **environment)
    assert (flushers(evidently.spool), endpoint.connections, pending(evidently.spool)) == ([], 0, 1)
    record(evidently)
    wait_for(lambda: len(endpoint.records) == 2)


@pytest.mark.parametrize(
    "ago, started", [(INTERVAL - 60, False), (INTERVAL + 60, True), (60 - INTERVAL, False), (-INTERVAL - 60, True)]
)
def test_no_second_flush_within_ten_minutes(
    evidently: CommandLine, endpoint: Endpoint, ago: float, started: bool
) -> None:
    """After a flush was started, ten minutes pass before the next, whatever became of it and of the clock."""
    record(evidently)
    wait_for(lambda: pending(evidently.spool) == 0)
    wait_for(lambda: flushers(evidently.spool) == [])
    endpoint.answer = silence
    record(evidently)
    assert flushers(evidently.spool) == []
    instant = time.time() - ago
    os.utime(evidently.spool.with_name("flush-started"), (instant, instant))
    record(evidently)
    assert len(flushers(evidently.spool)) == started
    assert pending(evidently.spool) == 2


def test_no_flush_before_the_schedule_says_so(evidently: CommandLine, endpoint: Endpoint) -> None:
    """After a server has asked to wait, no process is started until the time has come."""
    endpoint.answer = reply(503, Retry_After="3600")
    record(evidently, EVIDENTLY_TELEMETRY_FLUSH="manual")
    evidently("telemetry", "flush", status=75)
    endpoint.answer = reply(200)
    record(evidently)
    assert flushers(evidently.spool) == []
    assert not evidently.spool.with_name("flush-started").exists()
    schedule = evidently.spool / "schedule.json"
    schedule.write_text(schedule.read_text().replace(f"{datetime.now(UTC):%Y-}", "2024-"))
    record(evidently)
    wait_for(lambda: pending(evidently.spool) == 0)


def test_a_run_lists_no_directory(evidently: CommandLine, endpoint: Endpoint) -> None:
    """To decide about a flush, a run lists no directory, however much is pending."""
    record(evidently, EVIDENTLY_TELEMETRY_FLUSH="manual")
    refuse = """
def refuse(name, arguments):
    if name in {"os.listdir", "os.scandir"} and os.fspath(arguments[0]).startswith(os.environ["XDG_STATE_HOME"]):
        os._exit(1)
sys.addaudithook(refuse)
"""
    record(evidently, before=refuse)
    wait_for(lambda: len(endpoint.records) == 2)


def test_a_run_that_flushes_nothing_starts_no_process(evidently: CommandLine) -> None:
    """A run starts nothing from the user's PATH, not even to describe the system; its event is recorded."""
    refuse = """
def refuse(name, arguments):
    if name in {"subprocess.Popen", "os.exec", "os.fork", "os.posix_spawn", "os.system"}:
        os._exit(1)
sys.addaudithook(refuse)
"""
    record(evidently, before=refuse, EVIDENTLY_TELEMETRY_FLUSH="manual")
    assert pending(evidently.spool) == 1


# What it takes along


def test_a_flusher_is_on_its_own(evidently: CommandLine, endpoint: Endpoint) -> None:
    """A flusher has a session, no terminal, no file but its own, no lock but the drain's, nothing in its arguments."""
    endpoint.answer = silence
    evidently(*RUN[3:])
    wait_for(lambda: endpoint.requests)
    [flusher] = flushers(evidently.spool)
    process = Path(f"/proc/{flusher}")
    assert (process / "cmdline").read_bytes().split(b"\0") == [
        os.fsencode(word) for word in [sys.executable, "-P", "-m", "evidently_cli", "telemetry", "flush", ""]
    ]
    _name, _, line = (process / "stat").read_text().rpartition(")")
    _state, _parent, group, session, terminal = line.split()[:5]
    assert (group, session, terminal) == (str(flusher), str(flusher), "0")
    assert (process / "cwd").readlink() == Path("/")
    files = {int(file.name): str(file.readlink()) for file in (process / "fd").iterdir()}
    assert {files.pop(number) for number in range(3)} == {"/dev/null"}
    assert [name for name in files.values() if not name.startswith((f"{evidently.spool}/", "socket:"))] == []
    free = {}
    for name in ("spool/append.lock", "spool/drain.lock", "flush-started.lock"):
        with Lock(evidently.spool.parent / name, Disk()).held() as file:
            free[name] = file is not None
    assert free == {"spool/append.lock": True, "spool/drain.lock": False, "flush-started.lock": True}


@pytest.mark.parametrize("answer", [silence, drip, None])
def test_the_output_of_a_run_ends_with_it(
    evidently: CommandLine, endpoint: Endpoint, black_hole: str, answer: Answer | None
) -> None:
    """Who reads to the end what a run writes waits for the run alone, whatever the endpoint does, and sees no error."""
    url = endpoint.url if answer else black_hole
    if answer:
        endpoint.answer = answer
    ours, theirs = os.pipe()
    run = subprocess.Popen(
        RUN,
        cwd=evidently.directory,
        env={**evidently.environment, "EVIDENTLY_TELEMETRY_ENDPOINT": url},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        pass_fds=[theirs],
    )
    os.close(theirs)
    out, err = run.communicate(timeout=60)  # returns when nobody has the pipes open any more
    assert select.select([ours], [], [], 0)[0] == [ours]
    os.close(ours)
    assert len(flushers(evidently.spool)) == 1
    assert (run.returncode, err) == (0, b"")
    assert out.endswith(b"wrote profile.json\n")
    assert pending(evidently.spool) == 1


def test_relative_paths(evidently: CommandLine, endpoint: Endpoint) -> None:
    """What a user names by a relative path is the same in the flusher, which starts elsewhere."""
    shutil.copy(certifi.where(), evidently.directory / "ca.pem")
    modules = evidently.directory / "modules"
    modules.mkdir()
    (modules / "sitecustomize.py").write_text(f"open({str(evidently.directory / 'started')!r}, 'a').write('x')")
    names = {"EVIDENTLY_SPOOL_DIR": "my/spool", "EVIDENTLY_TELEMETRY_CA_BUNDLE": "ca.pem", "PYTHONPATH": "modules"}
    record(evidently, **names)
    wait_for(lambda: len(endpoint.records) == 1)
    wait_for(lambda: pending(evidently.directory / "my" / "spool") == 0)
    assert (evidently.directory / "started").read_text() == "xx"


def test_what_python_was_kept_from(evidently: CommandLine, endpoint: Endpoint) -> None:
    """A flusher is as deaf to PYTHONPATH as the run was: what lies there may break Python."""
    (evidently.directory / "typing.py").write_text("raise SystemExit(3)")
    record(evidently, flag="-I", PYTHONPATH=str(evidently.directory))
    wait_for(lambda: len(endpoint.records) == 1)


# Where it works


def test_in_cron(evidently: CommandLine, endpoint: Endpoint, tmp_path: Path) -> None:
    """A flush starts and delivers from cron: hardly any environment, no terminal, no input, the home as directory."""
    home = evidently.directory
    environment = {
        "HOME": str(home),
        "LOGNAME": "user",
        "SHELL": "/bin/sh",
        "PATH": "/usr/bin:/bin",
        "EVIDENTLY_TELEMETRY_ENDPOINT": endpoint.url,
    }
    for _ in range(2):  # the first run tells the user what is recorded, and sends nothing
        with (tmp_path / "mail").open("wb") as mail:
            cron = subprocess.run(
                ["/bin/sh", "-c", " ".join(RUN)],
                cwd=home,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=mail,
                stderr=mail,
                start_new_session=True,
                timeout=60,
                check=True,
            )
    assert cron.returncode == 0
    assert "telemetry" not in (tmp_path / "mail").read_text()
    wait_for(lambda: len(endpoint.records) == 2)
    wait_for(lambda: pending(home / ".local" / "state" / "evidently" / "spool") == 0)


def test_with_closed_streams(evidently: CommandLine, endpoint: Endpoint) -> None:
    """A run whose input, output and errors are closed starts a flush that delivers, with its own three at /dev/null."""
    done = threading.Event()
    endpoint.answer = once(done)
    command = f"exec {' '.join(RUN)} <&- >&- 2>&-"
    subprocess.run(
        ["/bin/sh", "-c", command], cwd=evidently.directory, env=evidently.environment, timeout=60, check=True
    )
    wait_for(lambda: endpoint.requests)
    [flusher] = flushers(evidently.spool)
    assert {Path(f"/proc/{flusher}/fd/{number}").readlink() for number in range(3)} == {Path("/dev/null")}
    done.set()
    wait_for(lambda: pending(evidently.spool) == 0)


@pytest.mark.parametrize("prefix", ["", "nohup "])
def test_a_terminal_that_closes(evidently: CommandLine, endpoint: Endpoint, prefix: str) -> None:
    """A flusher outlives the terminal of its run, with nohup and without: all that is left there is hung up."""
    done = threading.Event()
    endpoint.answer = once(done)
    master, slave = os.openpty()
    # The first terminal that the leader of a session opens is the session's.
    log_in = f"""
import os, signal
signal.signal(signal.SIGHUP, signal.SIG_DFL)  # whoever runs this may ignore it
terminal = os.open({os.ttyname(slave)!r}, os.O_RDWR)
for stream in range(3):
    os.dup2(terminal, stream)
os.execv("/bin/sh", ["sh", "-c", "{prefix}{" ".join(RUN)}; echo $? > done; exec sleep 60"])
"""
    with subprocess.Popen(
        [sys.executable, "-c", log_in], cwd=evidently.directory, env=evidently.environment, start_new_session=True
    ) as shell:
        wait_for((evidently.directory / "done").exists)
        wait_for(lambda: endpoint.requests)
        os.close(slave)
        os.close(master)
        assert shell.wait(20) == -signal.SIGHUP
    assert (evidently.directory / "done").read_text() == "0\n"
    assert (evidently.directory / "nohup.out").exists() == bool(prefix)
    assert len(flushers(evidently.spool)) == 1
    done.set()
    wait_for(lambda: pending(evidently.spool) == 0)


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGKILL])
def test_a_run_that_is_ended(evidently: CommandLine, endpoint: Endpoint, end: signal.Signals) -> None:
    """Ctrl-C, or a kill of the whole group of a run's processes, ends the run and not the flusher."""
    done = threading.Event()
    endpoint.answer = once(done)
    run = subprocess.Popen(
        [sys.executable, "-c", program(after="time.sleep(60)")],
        cwd=evidently.directory,
        env=evidently.environment,
        stderr=subprocess.DEVNULL,
        process_group=0,
    )
    wait_for(lambda: flushers(evidently.spool))
    os.killpg(run.pid, end)
    assert run.wait(20) == -end
    done.set()
    wait_for(lambda: pending(evidently.spool) == 0)


@pytest.mark.parametrize("home", [None, "", "/nonexistent/home"])
def test_without_a_home(evidently: CommandLine, endpoint: Endpoint, home: str | None) -> None:
    """Where HOME is not set, is empty or does not exist, a flush delivers from a spool that lies elsewhere."""
    del evidently.environment["HOME"]
    record(evidently, **({} if home is None else {"HOME": home}))
    wait_for(lambda: len(endpoint.records) == 1)
    wait_for(lambda: pending(evidently.spool) == 0)
    assert not Path("/nonexistent").exists()


def test_a_home_that_vanishes(evidently: CommandLine, endpoint: Endpoint) -> None:
    """When the home goes away before the flusher has looked at it, the flusher ends, and does not make it again."""
    home = evidently.directory / "home"
    home.mkdir()
    del evidently.environment["XDG_STATE_HOME"], evidently.environment["XDG_CONFIG_HOME"]
    record(evidently, after="os.rename(os.environ['HOME'], 'gone')", HOME=str(home))
    [flusher] = flushers(evidently.directory)
    wait_for(lambda: not is_alive(flusher))
    assert not home.exists()
    left = pending(evidently.directory / "gone" / ".local" / "state" / "evidently" / "spool")
    assert left + len(endpoint.records) >= 1


def test_a_directory_that_vanishes(evidently: CommandLine, endpoint: Endpoint) -> None:
    """When a run's directory is removed under it, its flush starts and delivers."""
    leave = "os.mkdir('job'); os.chdir('job'); os.rmdir('../job')"
    record(evidently, before=leave, PYTHONPATH=os.pathsep.join(["modules", "/nonexistent"]))
    wait_for(lambda: len(endpoint.records) == 1)


def test_a_program_that_vanishes(evidently: CommandLine, endpoint: Endpoint) -> None:
    """When an upgrade takes Python away under a run, the run says so only where it was asked, and the event is kept."""
    python = evidently.directory / "python"
    python.symlink_to(Path(sys.executable).resolve())
    text = program(before="os.unlink(sys.executable)").replace("sys.exit)", "print)")
    environment = {**evidently.environment, "PYTHONPATH": sysconfig.get_path("purelib")}
    environment["PYTHONPATH"] += f"{os.pathsep}{Path(__file__).parents[2]}"
    done = subprocess.run([python, "-c", text], env=environment, capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.startswith("telemetry: recorded, not sent: ")
    assert (done.stderr, pending(evidently.spool), endpoint.connections) == ("", 1, 0)


# How it ends


def test_a_flusher_leaves_when_another_is_at_work(evidently: CommandLine, endpoint: Endpoint) -> None:
    """A flusher that finds somebody else draining ends at once, and touches nothing."""
    record(evidently, EVIDENTLY_TELEMETRY_FLUSH="manual")
    with Lock(evidently.spool / "drain.lock", Disk()).held() as held:
        assert held
        record(evidently)
        [flusher] = flushers(evidently.spool)
        wait_for(lambda: not is_alive(flusher))
    assert (endpoint.connections, pending(evidently.spool)) == (0, 2)


HANGS = {
    "waiting": "threading.Event().wait()",
    "opening a pipe": "os.mkfifo('pipe'); open('pipe')",
    "never letting go of the interpreter": "re.match('(x+)+y', 'x' * 100)",
    "threads at exit": "threading.Thread(target=threading.Event().wait).start()",
}


@pytest.mark.parametrize("hang", HANGS.values(), ids=HANGS)
def test_a_process_of_limited_life_ends(tmp_path: Path, hang: str) -> None:
    """A process whose life is limited ends in time whatever it hangs in, though its parent ignored and held alarms."""
    text = f"""
import os, re, signal, threading
from spool.background import limit_life
limit_life(0.3)
{hang}
"""
    inherit = f"""
import os, signal, sys
signal.signal(signal.SIGALRM, signal.SIG_IGN)
signal.pthread_sigmask(signal.SIG_BLOCK, {{signal.SIGALRM}})
os.execv(sys.executable, [sys.executable, "-c", {text!r}])
"""
    done = subprocess.run([sys.executable, "-c", inherit], cwd=tmp_path, timeout=30, check=False)
    assert done.returncode == -signal.SIGALRM


INIT = """
import ctypes, os, subprocess, sys
PR_SET_CHILD_SUBREAPER = 36
if ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0):
    sys.exit("no subreapers here")
run = subprocess.Popen(sys.argv[1:])
while True:
    try:
        process, status = os.wait()
    except ChildProcessError:
        break
    print("run" if process == run.pid else process, os.waitstatus_to_exitcode(status), flush=True)
"""
"""Stands for init, the parent of all that lost theirs: tells which processes ended, and how."""


def test_a_flusher_lives_a_minute(evidently: CommandLine, endpoint: Endpoint, tmp_path: Path) -> None:
    """Init gets a flusher when its run ends, its life ends after 60 s, and all it was to send is there for the next."""
    faster = 40.0
    (tmp_path / "sitecustomize.py").write_text(f"""
import signal
kernel = signal.setitimer
signal.setitimer = lambda which, seconds: kernel(which, seconds / {faster})  # a clock that runs faster
""")
    endpoint.answer = drip
    start = time.monotonic()
    with subprocess.Popen(
        [sys.executable, "-c", INIT, sys.executable, "-c", program()],
        cwd=evidently.directory,
        env={**evidently.environment, "PYTHONPATH": str(tmp_path)},
        stdout=subprocess.PIPE,
        text=True,
    ) as init:
        assert init.stdout
        assert init.stdout.readline() == "run 0\n"
        wait_for(lambda: endpoint.requests)
        [flusher] = flushers(evidently.spool)
        assert status(flusher, "PPid") == str(init.pid)
        assert init.stdout.read() == f"{flusher} {-signal.SIGALRM}\n"
    assert time.monotonic() - start >= LIFE / faster
    assert not Path(f"/proc/{flusher}").exists()
    assert pending(evidently.spool) == 1
    endpoint.answer = reply(200)
    assert evidently("telemetry", "flush").stderr == "1 record delivered in 1 request.\n"


def test_of_two_that_see_a_stale_marker_one_starts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who finds, behind the lock, that another one has started a flush since the first look, starts none."""
    held = Lock.held

    def late(lock: Lock) -> AbstractContextManager[bool]:
        monkeypatch.undo()
        assert claim_start(tmp_path / "marker", Disk(), now=1e9), "the other one is faster"
        return held(lock)

    monkeypatch.setattr(Lock, "held", late)
    assert not claim_start(tmp_path / "marker", Disk(), now=1e9)


def test_while_somebody_is_just_starting_nobody_else_does(tmp_path: Path) -> None:
    """Who does not get the lock of the marker at once starts no flush: another one is about to."""
    with Lock(tmp_path / "marker.lock", Disk()).held() as locked:
        assert locked
        assert not claim_start(tmp_path / "marker", Disk(), now=1e9)
    assert claim_start(tmp_path / "marker", Disk(), now=1e9)
