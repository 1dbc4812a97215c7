"""What users and machines get wrong: one clear line, the right exit code, and nothing lost."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from command_line import CommandLine

PROFILE = ("calculate", "profile", "--reference", "ref.csv", "--current", "cur.csv", "--config", "config.json")

Mount = Callable[[Path, str], None]


@pytest.fixture
def mount() -> Iterator[Mount]:
    """Mount a small file system with some options; needs root."""
    mounted: list[Path] = []

    def mount(path: Path, options: str) -> None:
        path.mkdir(parents=True, exist_ok=True)
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(path)], check=False)
        if done.returncode:
            pytest.skip("only root can mount a file system")
        mounted.append(path)

    yield mount
    for path in mounted:
        subprocess.run(["umount", "--lazy", str(path)], check=True)


def change(name: str, content: str | bytes | None) -> Callable[[Path], None]:
    """Return what gives a file other content, or removes it."""

    def apply(directory: Path) -> None:
        if content is None:
            (directory / name).unlink()
        elif isinstance(content, bytes):
            (directory / name).write_bytes(content)
        else:
            (directory / name).write_text(content)

    return apply


@pytest.mark.parametrize(
    "change, code, words",
    [
        (change("ref.csv", None), 1, ["ref.csv"]),
        (change("cur.csv", None), 1, ["cur.csv"]),
        (change("cur.csv", ""), 1, ["cur.csv", "empty"]),
        (change("cur.csv", "a,b,target\n"), 1, ["cur.csv"]),
        (change("cur.csv", "a;b;target\n1;x;2\n"), 1, ["separator"]),
        (change("ref.csv", b"a,b,target\n\xff\xfe,x,1\n"), 1, ["ref.csv", "UTF-8"]),
        (change("ref.csv", "a,b,target\n1,x,2,3,4\n1,x,2\n"), 1, ["ref.csv"]),
        (change("cur.csv", "b,target\nx,2\ny,3\n"), 1, ["cur.csv", '"a"']),
        (change("config.json", None), 2, ["config.json"]),
        (change("config.json", "profile_sections: [data_drift]"), 2, ["config.json", "line 1"]),
        (change("config.json", "[]"), 2, ["config.json"]),
        (change("config.json", "{}"), 2, ["profile_sections", "data_drift"]),
        (change("config.json", '{"profile_sections": ["data_drif"]}'), 2, ["data_drif", 'did you mean "data_drift"']),
        (
            change("config.json", '{"dashboard_tabs": {"data_drift": {"include_widgets": ["x"]}}}'),
            2,
            ["profile_sections"],
        ),
        (change("config.json", '{"profile_section": ["data_drift"]}'), 2, ["profile_section", "profile_sections"]),
        (
            change("config.json", '{"profile_sections": ["data_drift"], "sampling": {"current": {"type": "simple"}}}'),
            2,
            ["sampling.current.type", "simple", "none, nth, random"],
        ),
    ],
)
def test_bad_data_and_bad_configs(
    evidently: CommandLine, change: Callable[[Path], None], code: int, words: list[str]
) -> None:
    """A bad file is one line that names it, exit code 1 for data and 2 for a config, and nothing left or recorded."""
    change(evidently.directory)
    before = set(evidently.directory.iterdir())
    done = evidently(*PROFILE, status=code)
    assert (done.stdout, len(done.stderr.splitlines())) == ("", 1)
    assert [word for word in words if word not in done.stderr] == []
    assert set(evidently.directory.iterdir()) == before
    assert not evidently.spool.exists()


def test_missing_options(evidently: CommandLine) -> None:
    """A command without its options is one line on stderr, that names the option, and exit code 2."""
    done = evidently("calculate", "profile", "--reference", "ref.csv", status=2)
    assert len(done.stderr.splitlines()) == 1
    assert "--config" in done.stderr


@pytest.mark.parametrize("output", ["ref.csv", "ref.csv/below", "/proc/evidently"])
def test_an_output_folder_that_cannot_be(evidently: CommandLine, output: str) -> None:
    """An output folder that cannot be made is one line and exit code 1, before anything is computed."""
    done = evidently(*PROFILE, "--output", output, status=1)
    assert len(done.stderr.splitlines()) == 1
    assert output in done.stderr


def test_a_read_only_output_folder(evidently: CommandLine, mount: Mount) -> None:
    """An output folder that cannot be written to is one line and exit code 1."""
    mount(evidently.directory / "out", "ro")
    done = evidently(*PROFILE, "--output", "out", status=1)
    assert "out" in done.stderr
    assert "Read-only file system" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_an_output_folder_that_is_full(evidently: CommandLine, mount: Mount) -> None:
    """A disk that fills up while the result is written is one line and exit code 1, and no half result is left."""
    mount(evidently.directory / "out", "size=4k")
    (evidently.directory / "out" / "profile.json").write_text("older")
    done = evidently(*PROFILE, "--output", "out", status=1)
    assert "No space left" in done.stderr
    assert [path.read_text() for path in (evidently.directory / "out").iterdir()] == ["older"]


def assert_run_is_untroubled(evidently: CommandLine, reason: str, **environment: str) -> None:
    """The report comes out and nothing is said; with --verbose, one line says why nothing was recorded."""
    done = evidently(*PROFILE, **environment)
    assert (done.stderr, (evidently.directory / "profile.json").exists()) == ("", True)
    verbose = evidently(*PROFILE, "--verbose", **environment)
    assert len(verbose.stderr.splitlines()) == 1
    assert reason in verbose.stderr


def test_a_read_only_spool(evidently: CommandLine, mount: Mount) -> None:
    """A spool that cannot be written to troubles no run."""
    mount(evidently.spool.parent, "ro")
    assert_run_is_untroubled(evidently, "Read-only file system")


def test_a_full_spool_disk(evidently: CommandLine, mount: Mount) -> None:
    """A full disk troubles no run, and the records of earlier runs stay whole."""
    mount(evidently.spool.parent, "size=64k,mode=700")
    evidently(*PROFILE)
    while True:
        try:
            with (evidently.spool.parent / "filler").open("ab") as file:
                file.write(b"x" * 1024)
        except OSError:
            break
    active = evidently.spool / "active.ndjson"
    for _ in range(20):  # until the block that the file has already is full
        if evidently(*PROFILE, "--verbose").stderr:
            break
    assert_run_is_untroubled(evidently, "No space left")
    assert active.read_bytes().rstrip().endswith(b'"}')


def test_a_read_only_home(evidently: CommandLine, mount: Mount, tmp_path: Path) -> None:
    """A home that is read-only or missing troubles no run, and a spool elsewhere still works."""
    mount(tmp_path / "home", "ro")
    for home in ("home", "gone"):
        environment = {"HOME": str(tmp_path / home), "XDG_STATE_HOME": "", "XDG_CONFIG_HOME": ""}
        done = evidently(*PROFILE, EVIDENTLY_SPOOL_DIR=str(tmp_path / f"spool-{home}"), **environment)
        assert done.stderr == ""
        assert len((tmp_path / f"spool-{home}" / "active.ndjson").read_text().strip().splitlines()) == 1
    home = {"HOME": str(tmp_path / "home"), "XDG_STATE_HOME": ""}
    assert_run_is_untroubled(evidently, "Read-only file system", **home)
    assert "nothing can be recorded: " in evidently("telemetry", "status", **home).stdout
    assert "A run could not record it: " in evidently("telemetry", "preview", **home).stderr


def test_a_spool_that_is_a_symbolic_link(evidently: CommandLine, tmp_path: Path) -> None:
    """A spool directory that is a symbolic link is not followed, and troubles no run."""
    (tmp_path / "elsewhere").mkdir()
    evidently.spool.parent.mkdir(parents=True)
    evidently.spool.symlink_to(tmp_path / "elsewhere")
    assert_run_is_untroubled(evidently, "symbolic link")
    assert list((tmp_path / "elsewhere").iterdir()) == []
    done = evidently("telemetry", "status", status=1)
    assert "symbolic link" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert done.stdout.startswith("telemetry  on (")  # what was decided holds, whatever state the spool is in
    done = evidently("telemetry", "disable", status=1)
    assert len(done.stderr.splitlines()) == 1
    assert "telemetry is off, and what is pending is not deleted yet" in done.stderr
    assert evidently("telemetry", "status", status=1).stdout.startswith("telemetry  off (")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a directory to another user")
def test_another_users_spool(evidently: CommandLine) -> None:
    """A spool directory that belongs to another user is not written to, and troubles no run."""
    evidently.spool.mkdir(parents=True)
    os.chown(evidently.spool, 12345, 12345)
    assert_run_is_untroubled(evidently, "another user")
    assert list(evidently.spool.iterdir()) == []


def test_a_spool_in_a_file(evidently: CommandLine) -> None:
    """EVIDENTLY_SPOOL_DIR that names a file, or a path below one, troubles no run."""
    assert_run_is_untroubled(evidently, "not a directory", EVIDENTLY_SPOOL_DIR="ref.csv")
    assert_run_is_untroubled(evidently, "telemetry: not recorded", EVIDENTLY_SPOOL_DIR="ref.csv/spool")
    for command in ("status", "flush", "pending"):
        done = evidently("telemetry", command, EVIDENTLY_SPOOL_DIR="ref.csv", status=1)
        assert len(done.stderr.splitlines()) == 1
        assert "not a directory" in done.stderr
    below = evidently("telemetry", "status", EVIDENTLY_SPOOL_DIR="ref.csv/spool").stdout
    assert "nothing can be recorded: " in below
    assert "ref.csv is not a directory" in below
    for place in ("ref.csv", "ref.csv/spool"):
        mode = (evidently.directory / "ref.csv").stat().st_mode
        evidently("telemetry", "doctor", "--fix", EVIDENTLY_SPOOL_DIR=place, status=1)
        assert (evidently.directory / "ref.csv").stat().st_mode == mode


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_output_that_cannot_be_written(evidently: CommandLine) -> None:
    """A full disk behind stdout is told as that."""
    command = [sys.executable, "-m", "evidently_cli", "telemetry", "status"]
    with open("/dev/full", "w") as full:  # noqa: PTH123
        done = subprocess.run(
            command,
            cwd=evidently.directory,
            env=evidently.environment,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert done.stderr == "evidently: the output cannot be written: No space left on device\n"
    assert done.returncode == 1


@pytest.mark.parametrize("word, meant", [("telemtry", "telemetry"), ("calulate", "calculate"), ("innit", "init")])
def test_a_command_that_is_none(evidently: CommandLine, word: str, meant: str) -> None:
    """A mistyped command is told with the one that was meant."""
    done = evidently(word, status=2)
    assert done.stderr == f"evidently: No such command {word!r}. Did you mean {meant!r}?\n"


def test_a_newer_spool(evidently: CommandLine) -> None:
    """A spool that a newer program wrote is left alone: a run is not troubled, and the commands say what to do."""
    evidently(*PROFILE)
    (evidently.spool / "format.json").write_text('{"format": 99}')
    assert_run_is_untroubled(evidently, "format 99")
    for command in ("status", "pending", "flush"):
        done = evidently("telemetry", command, status=1)
        assert "format 99" in done.stderr
        assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize("place", ["~nobody-of-that-name/spool"])
def test_a_spool_that_is_nowhere(evidently: CommandLine, place: str) -> None:
    """A spool's place that cannot be resolved troubles no run, and is one line for the commands."""
    assert_run_is_untroubled(evidently, "EVIDENTLY_SPOOL_DIR", EVIDENTLY_SPOOL_DIR=place)
    done = evidently("telemetry", "status", EVIDENTLY_SPOOL_DIR=place, status=1)
    assert len(done.stderr.splitlines()) == 1
    assert evidently(*PROFILE, EVIDENTLY_SPOOL_DIR=place, DO_NOT_TRACK="1").stderr == ""


def test_a_strange_schedule(evidently: CommandLine) -> None:
    """A pipe or a directory in place of the schedule neither holds a run nor a command."""
    environment = {"EVIDENTLY_TELEMETRY_ENDPOINT": "https://127.0.0.1:9/", "EVIDENTLY_TELEMETRY_FLUSH": ""}
    evidently(*PROFILE)
    os.mkfifo(evidently.spool / "schedule.json")
    evidently(*PROFILE, **environment)
    evidently("telemetry", "status")


@pytest.mark.parametrize("redirection", ["2>&-", ">&-", ">&- 2>&-", "<&-"])
def test_closed_streams(evidently: CommandLine, redirection: str) -> None:
    """With its output or its input closed, a run does its work and ends with 0."""
    command = f'"$0" -m evidently_cli {" ".join(PROFILE)} {redirection}'
    shell = ["sh", "-c", command, sys.executable]
    done = subprocess.run(shell, cwd=evidently.directory, env=evidently.environment, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
    assert (evidently.directory / "profile.json").exists()
    assert evidently.recorded.count("\n") == 1


def test_a_full_output() -> None:
    """An output that cannot be written is one line and exit code 1."""
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "evidently_cli", "--version"], stdout=full, stderr=subprocess.PIPE, check=False
        )
    assert done.returncode == 1
    assert done.stderr.count(b"\n") == 1
    assert b"No space left" in done.stderr


@pytest.mark.parametrize("encoding", ["ascii", "cp1252"])
def test_a_poor_encoding(evidently: CommandLine, encoding: str) -> None:
    """Where the output's encoding has no letter for what is shown, an escape stands for it."""
    done = evidently(*PROFILE, "--output", "έξοδος", PYTHONIOENCODING=encoding, PYTHONUTF8="0")
    assert "\\u03ad\\u03be" in done.stdout
    assert (evidently.directory / "έξοδος" / "profile.json").exists()


def test_a_pipe_is_no_file(evidently: CommandLine) -> None:
    """A pipe in place of a data file is one line and exit code 1, and nobody waits for it."""
    os.mkfifo(evidently.directory / "pipe")
    done = evidently("calculate", "profile", "--reference", "pipe", *PROFILE[4:], status=1)
    assert "pipe: is a pipe" in done.stderr


def test_names_cannot_speak_to_the_terminal(evidently: CommandLine) -> None:
    """A file name with control characters is shown escaped, on one line, in errors and in the summary."""
    name = "a\x1b[31m\nb"
    done = evidently("calculate", "profile", "--reference", name, *PROFILE[4:], status=1)
    assert len(done.stderr.splitlines()) == 1
    assert "\x1b" not in done.stderr
    done = evidently(*PROFILE, "--report-name", name)
    assert done.stdout.splitlines()[-1] == r"wrote a\x1b[31m\nb.json"


def test_a_name_as_long_as_a_disk_takes(evidently: CommandLine) -> None:
    """A report may be called whatever its disk takes."""
    evidently(*PROFILE, "--report-name", "x" * 250)
    assert (evidently.directory / f"{'x' * 250}.json").exists()


def test_a_report_without_a_name(evidently: CommandLine) -> None:
    """An empty name is a mistake in the command line."""
    assert "--report-name" in evidently(*PROFILE, "--report-name", "", status=2).stderr


def test_what_was_left_out_is_said(evidently: CommandLine) -> None:
    """The summary and the profile say how many rows sampling kept, and how many columns could not be tested."""
    (evidently.directory / "config.json").write_text(
        '{"profile_sections": ["data_drift"], "sampling": {"current": {"type": "nth", "n": 10}}}'
    )
    (evidently.directory / "cur.csv").write_text("a,b,target\n" + ",x,1\n" * 60)
    lines = evidently(*PROFILE).stdout.splitlines()
    assert "1 column not tested" in lines[0]
    assert "current: 6 of 60 rows (every 10th row)" in lines
    data = json.loads((evidently.directory / "profile.json").read_text())["data_drift"]["data"]
    assert data["rows"] == {"reference": {"read": 60, "kept": 60}, "current": {"read": 60, "kept": 6}}
    assert data["n_not_tested"] == 1


@pytest.mark.parametrize("value", ["9007199254740993", "1000000000000000000", "-123456789012345678"])
def test_a_huge_constant(evidently: CommandLine, value: str) -> None:
    """A column that holds one huge number, an id say, is a report like any other."""
    for name in ("ref.csv", "cur.csv"):
        (evidently.directory / name).write_text("a,b,target\n" + f"{value},x,1\n" * 20)
    evidently("calculate", "report", *PROFILE[2:])


def test_days_before_months(evidently: CommandLine) -> None:
    """Dates with the day first are read as that when nothing else fits, without a word on stderr."""
    for name, first in (("ref.csv", 13), ("cur.csv", 1)):
        rows = "".join(f"{day:02}/04/2020,{day}\n" for day in range(first, first + 18))
        (evidently.directory / name).write_text(f"date,a\n{rows}")
    (evidently.directory / "config.json").write_text(
        '{"dashboard_tabs": ["data_drift"], "data_format": {"date_column": "date"},'
        ' "column_mapping": {"datetime": "date"}}'
    )
    assert evidently("calculate", "report", *PROFILE[2:]).stderr == ""


def test_a_threshold_that_no_p_value_reaches(evidently: CommandLine) -> None:
    """A threshold of 5 for a p-value, meant as a percentage perhaps, is an error and not a drift of everything."""
    (evidently.directory / "config.json").write_text(
        '{"profile_sections": ["data_drift"], "options": {"data_drift": {"threshold": 5}}}'
    )
    assert "at most 1" in evidently(*PROFILE, status=2).stderr


def test_ctrl_c_while_the_program_is_being_loaded() -> None:
    """Ctrl-C before a command has begun, while its modules are loaded, ends it with 130 and without a word."""
    program = """
import runpy, sys

class Interrupted:
    def find_spec(self, name, path=None, target=None):
        if name == "typer":
            raise KeyboardInterrupt

sys.meta_path.insert(0, Interrupted())
runpy.run_module("evidently_cli", run_name="__main__")
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")
