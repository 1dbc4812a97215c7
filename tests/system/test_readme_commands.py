"""Every command block of README does what README says, in a home of its own; others' programs are not run."""

import gzip
import json
import os
import plistlib
import pty
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from configparser import ConfigParser
from dataclasses import dataclass
from pathlib import Path

import pytest
from endpoint import Endpoint, reply

from evidently_cli.config_file import VARIABLES, read
from spool import Spool

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text("utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)


def section(title: str) -> str:
    """The text below a heading, up to the next one."""
    found = re.search(rf"^##+ {re.escape(title)}\n(.*?)(?=^##+ |\Z)", README, re.MULTILINE | re.DOTALL)
    assert found, title
    return found[1]


def block(title: str, language: str, number: int = 0) -> str:
    """The content of a block below a heading."""
    blocks: list[str] = re.findall(rf"^```{language}\n(.*?)^```$", section(title), re.MULTILINE | re.DOTALL)
    return blocks[number]


def commands(title: str, number: int = 0) -> list[str]:
    """The commands of a console block below a heading, without their comments."""
    lines = block(title, "console", number).splitlines()
    return [re.sub(r"\s+# .*", "", line.removeprefix("$ ")) for line in lines if line.startswith("$ ")]


@dataclass
class Home:
    """A user with `evidently` in ~/.local/bin, as pipx puts it there, and data files to compare."""

    path: Path
    endpoint: Endpoint

    @property
    def spool(self) -> Path:
        """Where this user's events are."""
        return self.path / ".local" / "state" / "evidently" / "spool"

    def environment(self, **variables: str) -> dict[str, str]:
        """What a shell of this user has set."""
        inherited = {name: os.environ[name] for name in ("LANG", "LC_ALL", "TZ") if name in os.environ}
        settings = {"EVIDENTLY_TELEMETRY_ENDPOINT": self.endpoint.url, "EVIDENTLY_TELEMETRY_FLUSH": "manual"}
        path = f"{self.path}/.local/bin:{os.environ['PATH']}"
        return {"HOME": str(self.path), "PATH": path, "CI": "true", **inherited, **settings, **variables}

    def __call__(self, command: str, *, status: int = 0, **variables: str) -> "subprocess.CompletedProcess[str]":
        """Run a line in a shell."""
        done = subprocess.run(
            ["/bin/sh", "-c", command],
            cwd=self.path,
            env=self.environment(**variables),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert "Traceback" not in done.stderr
        assert done.returncode == status, (command, done.stderr)
        return done

    def in_a_terminal(self, command: str, answer: str) -> str:
        """Run a line in a terminal whose user types an answer; return what the terminal shows."""
        child, terminal = pty.fork()
        if not child:
            os.chdir(self.path)
            os.execve("/bin/sh", ["/bin/sh", "-c", command], self.environment())  # noqa: S606 - it is one
        shown = b""
        while b"?" not in shown:
            shown += os.read(terminal, 1000)
        os.write(terminal, answer.encode() + b"\n")
        try:
            while piece := os.read(terminal, 1000):
                shown += piece
        except OSError:  # Linux says so when the last process of a terminal has ended
            pass
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0, shown
        return shown.decode()

    def record(self, number: int = 1) -> list[str]:
        """Record some events; return their ids."""
        self.spool.parent.mkdir(parents=True, exist_ok=True)
        spool = Spool(self.spool, source="evidently-cli")
        return [spool.append({"n": each}, event_type="t") for each in range(number)]


def make_home(path: Path, endpoint: Endpoint) -> Home:
    """Make a home with the program and the files that README speaks of."""
    programs = path / ".local" / "bin"
    programs.mkdir(parents=True)
    program = programs / "evidently"
    program.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m evidently_cli "$@"\n')
    program.chmod(0o755)
    rows = [f"{number},{'ab'[number % 2]}\n" for number in range(40)]
    for name in ("last_month.csv", "this_month.csv", "june-1.csv", "june-2.csv", "reference.csv", "current.csv"):
        (path / name).write_text("size,kind\n" + "".join(rows))
    with gzip.open(path / "today.csv.gz", "wt") as file:
        file.write("size,kind\n" + "".join(rows))
    config = '{"profile_sections": ["data_drift"], "dashboard_tabs": ["data_drift"]}'
    for name in ("config.json", "config.yaml"):
        (path / name).write_text(config)
    return Home(path, endpoint)


@pytest.fixture
def home(tmp_path: Path, endpoint: Endpoint) -> Home:
    """The home of somebody who reads README."""
    return make_home(tmp_path / "home", endpoint)


def test_every_block_is_tried() -> None:
    """No block of a language that no test of README runs or reads, and no program that none knows."""
    assert {language for language, _ in BLOCKS} == {
        *("console", "sh", "ini", "crontab", "xml", "bat", "toml"),  # here
        *("json", "python"),  # test_readme.py
        "sql",  # test_receivers.py
        "text",  # what programs print
    }
    lines = [line for language, text in BLOCKS if language == "console" for line in text.splitlines() if line]
    assert all(line.startswith("$ ") for line in lines)
    programs = {line.split()[1] for line in lines}
    assert programs == {"evidently", "cat", "zcat", "pipx", "uv"} | {
        program for program in programs if program.startswith("scripts/")
    }


@pytest.mark.parametrize("title", ["Two commands", "A collector of your own", "Development"])
def test_the_scripts(title: str) -> None:
    """Each script that README names is there, can be run, and knows what README hands to it."""
    for number in range(section(title).count("```console")):
        for command in commands(title, number):
            name, *arguments = command.split()
            assert os.access(ROOT / name, os.X_OK), name
            text = (ROOT / name).read_text()
            for argument in arguments:
                if name != "scripts/test" and not argument[0].isdigit() and "." not in argument:
                    files = (ROOT / "scripts").glob(f"*{argument}*.py")
                    assert argument.lstrip("-") in text or any(files), command


def test_the_name_of_the_package() -> None:
    """What README installs is this project, and it brings the program."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert {command.split()[-1] for command in commands("Install")} == {project["name"]}
    assert "evidently" in project["scripts"]


def test_comparing(home: Home) -> None:
    """The comparisons write what README says, and `init` a config that works at once."""
    for command in commands("Compare two files"):
        home(command)
    assert (home.path / "out" / "report.html").exists()
    assert (home.path / "out" / "profile.json").exists()
    (home.path / "profile.json").unlink(missing_ok=True)
    (home.path / "config.yaml").unlink()
    for number in (1, 2):
        for command in commands("Compare two files", number):
            home(command)
    assert (home.path / "profile.json").exists()


def test_switching_off(home: Home) -> None:
    """`disable` gives its receipt, `--keep` keeps, `enable` ends it."""
    home.record(2)
    off, keep, on = commands("Switch it off")
    assert "2 pending records" in home(off).stderr
    home.record()
    home(keep)
    assert "telemetry  off" in home("evidently telemetry status").stdout
    home(on)
    assert json.loads(home("evidently telemetry status --json").stdout)["pending"]["records"] == 1


def test_setting_up(home: Home) -> None:
    """The config file is understood, has every key, and the variables of the table are those of the keys."""
    path = home.path / ".config" / "evidently" / "config.toml"
    path.parent.mkdir(parents=True)
    path.write_text(block("Set it up", "toml"))
    found = read(path)
    assert found.complaint is None
    assert (found.enabled, {*found.choices}) == (True, {*VARIABLES})
    named = re.findall(r"^\| `(\w+)[^|]*\| `(\w+)` \|", section("Set it up"), re.MULTILINE)
    assert {key: variable for variable, key in named} == {"enabled": "EVIDENTLY_DISABLE_TELEMETRY", **VARIABLES}


def test_looking(home: Home) -> None:
    """Each look says what README says, and changes nothing."""
    (first, *_) = home.record(3)
    before = {path: path.read_bytes() for path in home.spool.rglob("*") if path.is_file()}
    printed = {command: home(command.replace("ID", first)).stdout for command in commands("Look inside")}
    assert all(printed.values())
    assert {path: path.read_bytes() for path in home.spool.rglob("*") if path.is_file()} == before
    assert home.endpoint.requests == []


def test_what_status_shows(home: Home, refused_url: str) -> None:
    """The example of `status` is what it prints, but for times, sizes, addresses and paths."""
    run = "evidently calculate profile --reference june-1.csv --current june-2.csv --config config.json --quiet"
    for _ in range(2):
        home(run)
    shown = ""
    while " in " not in shown:  # the pause is drawn, and may be over already
        home("evidently telemetry flush", status=75, EVIDENTLY_TELEMETRY_ENDPOINT=refused_url)
        shown = home("evidently telemetry status", EVIDENTLY_TELEMETRY_ENDPOINT=refused_url).stdout

    def bare(text: str) -> str:
        text = re.sub(r"https?://\S+|/\S*/spool|\d{4}-\d\d-\d\d [\d:]{8}|[\d.]+ kB", "…", text)
        return re.sub(r"in [\d.]+ (s|min|h)|\d+ attempts?", "…", text)

    assert bare(shown) == bare(block("Look inside", "text"))


def test_looking_without_us(home: Home) -> None:
    """`cat` and `jq` show the events."""
    if not shutil.which("jq"):
        missing = "no jq on PATH"
        if os.environ.get("EVIDENTLY_TEST_NO_SKIP"):
            pytest.fail(missing)
        pytest.skip(missing)
    run = "evidently calculate profile --reference june-1.csv --current june-2.csv --config config.json --quiet"
    home(run)
    Spool(home.spool, source="evidently-cli").seal()
    home(run)
    for command in commands("Look inside", 1):
        assert '"type": "profile"' in home(command).stdout


def test_acting(home: Home) -> None:
    """Each act does what README says, on a spool with what it is about."""
    now, wait, force, purge, dead, requeue, doctor = commands("Look inside", 2)
    for command in (now, wait, force):
        home.record()
        assert "1 record delivered" in home(command).stderr
    home.record(2)
    assert "2 pending records" in home.in_a_terminal(purge, "y")
    (refused,) = home.record()
    home.endpoint.answer = reply(400, b"no")
    home("evidently telemetry flush")
    assert refused in home(dead).stdout
    home(requeue.replace("ID", refused))
    assert refused in home("evidently telemetry pending").stdout
    home(doctor)


def test_a_systemd_timer(home: Home) -> None:
    """The service delivers from the environment that systemd gives it, and the timer's names are its own."""
    home.record()
    service, timer = (ConfigParser(interpolation=None) for _ in range(2))
    for parser, number in ((service, 0), (timer, 1)):
        parser.optionxform = str  # type: ignore[assignment,method-assign]
        parser.read_string(block("Run it without anybody", "ini", number))
    command = service["Service"]["ExecStart"].replace("%h", str(home.path))
    assert service["Service"]["Type"] == "oneshot"
    assert {*timer["Timer"]} == {"OnCalendar", "RandomizedDelaySec", "Persistent"}
    assert timer["Install"]["WantedBy"] == "timers.target"
    enable = block("Run it without anybody", "sh").split()
    assert enable == ["systemctl", "--user", "enable", "--now", "evidently-flush.timer"]
    assert block("Run it without anybody", "ini", 1).startswith(f"# {enable[-1]}\n")
    deliver(home, shlex.split(command))


def test_a_cron_line(home: Home) -> None:
    """The line has cron's five fields, and its command delivers from cron's environment, silently."""
    home.record()
    [line] = block("Run it without anybody", "crontab").splitlines()
    *when, command = line.split(maxsplit=5)
    assert all(re.fullmatch(r"[\d*]+", field) for field in when)
    assert deliver(home, ["/bin/sh", "-c", command]) == ""


def test_a_launchd_agent(home: Home) -> None:
    """The property list is one, and its program delivers."""
    home.record()
    agent = plistlib.loads(block("Run it without anybody", "xml").encode())
    assert agent["Label"] in section("Run it without anybody").partition("```xml")[0]
    deliver(home, agent["ProgramArguments"])


def test_a_windows_task(home: Home) -> None:
    """The task's command line, as Windows takes it apart, delivers; `schtasks` itself is not run."""
    home.record()
    line = block("Run it without anybody", "bat").strip()
    task = re.search(r'/TR "(.*)"$', line)
    assert task
    parts = shlex.split(task[1].replace('\\"', '"').replace("\\", "/").replace("%USERPROFILE%", str(home.path)))
    assert parts[0].endswith(".exe")
    deliver(home, [parts[0].removesuffix(".exe"), *parts[1:]])


def deliver(home: Home, command: list[str]) -> str:
    """Run what a timer runs, with next to nothing in its environment; return what it said."""
    config = home.path / ".config" / "evidently" / "config.toml"
    config.parent.mkdir(parents=True)
    config.write_text(f"[telemetry]\nendpoint = '{home.endpoint.url}'\n")
    done = subprocess.run(
        command, env={"HOME": str(home.path)}, cwd="/", capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    assert len(home.endpoint.requests) == 1
    return done.stdout + done.stderr


def test_a_container(home: Home) -> None:
    """What runs in the container records into the volume and delivers; docker itself is not run."""
    words = shlex.split(block("In a container", "sh"))
    assert words[:3] == ["docker", "run", "--rm"]
    state = dict(word.split("=", 1) for word in words if word.startswith("XDG_"))
    assert any(word.endswith(f":{state['XDG_STATE_HOME']}") for word in words)
    volume = home.path / "volume"
    home(words[words.index("sh") + 2], XDG_STATE_HOME=str(volume))
    assert (volume / "evidently" / "spool").is_dir()
    assert len(home.endpoint.requests) == 1


def test_an_air_gap(home: Home, tmp_path: Path) -> None:
    """From one machine to another by hand: each record arrives with its id, and a second import adds nothing."""
    ids = home.record(3)
    other = make_home(tmp_path / "other", home.endpoint)
    [export] = commands("Without a network")
    home(export)
    assert "Nothing is pending" in home("evidently telemetry pending").stderr
    shutil.copy(home.path / "events.bundle", other.path)
    load, flush = commands("Without a network", 1)
    other(load)
    other(load)
    assert "3 records delivered" in other(flush).stderr
    assert [record["id"] for request in home.endpoint.requests for record in request.records] == ids


def test_a_fleets_settings(home: Home) -> None:
    """The variables for ClickHouse are understood as they stand."""
    home.record()
    variables = block("From one machine to a fleet", "sh")
    found = json.loads(home(f"set -a\n{variables}\nevidently telemetry status --json").stdout)
    assert (found["wire"], found["complaint"]) == ("ndjson", None)
    assert "clickhouse.example:8443" in found["endpoint"]
