"""What a run records, and what it never does."""

import json
import os
import re
import shlex
import socket
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest
from command_line import CommandLine
from endpoint import Endpoint
from flushers import flushers, wait_for

from evidently_cli import event
from spool import Spool

PROFILE = ("calculate", "profile", "--reference", "ref.csv", "--current", "cur.csv", "--config", "config.json")
REPORT = ("calculate", "report", *PROFILE[2:])


def recorded(evidently: CommandLine) -> list[dict[str, object]]:
    """The records in the spool."""
    return [record.attributes for record in Spool(evidently.spool, source="x").records()]


def test_a_run_records_one_event(evidently: CommandLine) -> None:
    """A profile and a report each leave one record, with the documented event and the time of the run."""
    before = datetime.now(UTC)
    evidently(*PROFILE)
    evidently(*REPORT)
    first, second = recorded(evidently)
    assert list(first) == [
        "specversion", "id", "source", "type", "time", "firstof", "datacontenttype", "data", "crc"
    ]  # fmt: skip
    assert (first["source"], first["type"]) == ("evidently-cli", "evidently.cli.run.v1")
    assert first["firstof"] == "month,week,day"
    assert "firstof" not in second
    assert before.timestamp() - 0.001 <= datetime.fromisoformat(str(first["time"])).timestamp() <= time.time()
    none = event.SamplingUsage()
    assert first["data"] == event.build(event.Usage("profile", ["data_drift"], none, none), event.environment())
    assert second["data"] == event.build(event.Usage("report", ["data_drift"], none, none), event.environment())


def test_the_documented_run(evidently: CommandLine) -> None:
    """A config like the documented example's gives the documented example, but for the environment and the version."""
    sampling = {
        "reference": {"type": "none", "ratio": 0.1, "n": 1, "random_seed": None},
        "current": {"type": "nth", "ratio": 0.1, "n": 2, "random_seed": None},
    }
    (evidently.directory / "config.json").write_text(
        json.dumps({"profile_sections": ["data_drift"], "sampling": sampling})
    )
    evidently(*PROFILE)
    [record] = recorded(evidently)
    data = record["data"]
    assert isinstance(data, dict)
    assert list(data) == ["environment", "evidently", "usage"]
    assert json.dumps(data["usage"]) == (
        '{"type": "profile", "parts": ["data_drift"], "tabs": [], "sampling": {'
        '"reference": {"type": "none", "ratio": "0.1", "n": "1", "random_seed": null}, '
        '"current": {"type": "nth", "ratio": "0.1", "n": "2", "random_seed": null}}}'
    )


def test_the_documented_command_line(evidently: CommandLine) -> None:
    """The command line of the telemetry page works as it stands there."""
    (evidently.directory / "day.csv").write_text((evidently.directory / "ref.csv").read_text())
    arguments = "calculate profile --reference day.csv --current day.csv --output_path . --config config.json"
    evidently(*arguments.split(), EVIDENTLY_DISABLE_TELEMETRY="1")
    profile = json.loads((evidently.directory / "profile.json").read_text())
    assert profile["data_drift"]["data"]["metrics"]["dataset_drift"] is False


@pytest.mark.parametrize("spelling", ["--output-path", "--output_path", "--output"])
@pytest.mark.parametrize(
    "command, name, written",
    [
        ("profile", None, "profile.json"),
        ("profile", "mine", "mine.json"),
        ("profile", "mine.json", "mine.json"),
        ("report", None, "report.html"),
        ("report", "mine", "mine.html"),
        ("dashboard", None, "dashboard.html"),
    ],
)
def test_names_of_the_results(
    evidently: CommandLine, spelling: str, command: str, name: str | None, written: str
) -> None:
    """Each spelling of the options writes the named file into a folder that is made, and nothing else."""
    options = [spelling, "new/folder", *(["--report_name", name] if name else [])]
    done = evidently("calculate", command, *PROFILE[2:], *options, DO_NOT_TRACK="1")
    assert [path.name for path in (evidently.directory / "new" / "folder").iterdir()] == [written]
    assert f"wrote new/folder/{written}" in done.stdout


def test_a_failed_run_records_nothing(evidently: CommandLine) -> None:
    """A run that fails leaves no event and no spool."""
    (evidently.directory / "cur.csv").write_text("")
    evidently(*PROFILE, status=1)
    assert not evidently.spool.exists()


@pytest.mark.parametrize("variable", ["EVIDENTLY_DISABLE_TELEMETRY", "DO_NOT_TRACK"])
def test_off_means_off(evidently: CommandLine, endpoint: Endpoint, variable: str) -> None:
    """With the opt-out set there is no directory, no child process, no notice, and no byte on the endpoint."""
    environment = {"EVIDENTLY_TELEMETRY_ENDPOINT": endpoint.url, "EVIDENTLY_TELEMETRY_FLUSH": "", "CI": ""}
    done = evidently(*PROFILE, **{variable: "1"}, **environment)
    assert done.stderr == ""
    assert not evidently.spool.parent.exists()
    assert (endpoint.connections, flushers(evidently.spool)) == (0, [])


def test_the_notice_comes_once(evidently: CommandLine, endpoint: Endpoint) -> None:
    """The first run says what is recorded and how to switch it off, and sends nothing; later runs are silent."""
    environment = {"EVIDENTLY_TELEMETRY_ENDPOINT": endpoint.url, "EVIDENTLY_TELEMETRY_FLUSH": "", "CI": ""}
    first = evidently(*PROFILE, **environment)
    assert "evidently telemetry disable" in first.stderr
    assert "Read every byte" in first.stderr
    assert (endpoint.connections, flushers(evidently.spool)) == (0, [])
    assert evidently(*PROFILE, **environment).stderr == ""
    wait_for(lambda: len(endpoint.records) == 2)


def test_a_home_that_remembers_nothing_is_told_each_time(evidently: CommandLine, endpoint: Endpoint) -> None:
    """Where no mark can be made, each run shows the notice, and none sends."""
    evidently.environment |= {"EVIDENTLY_SPOOL_DIR": str(evidently.directory.parent / "elsewhere"), "CI": ""}
    environment = {"EVIDENTLY_TELEMETRY_ENDPOINT": endpoint.url, "EVIDENTLY_TELEMETRY_FLUSH": ""}
    for _ in range(3):
        done = evidently(*PROFILE, XDG_STATE_HOME="/dev/null", **environment)
        assert "evidently telemetry disable" in done.stderr
    assert (endpoint.connections, flushers(evidently.directory.parent / "elsewhere")) == (0, [])


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_a_notice_that_could_not_be_shown_was_not_shown(evidently: CommandLine) -> None:
    """Where the notice of the first run cannot be written, the next one shows it."""
    command = [sys.executable, "-m", "evidently_cli", *PROFILE]
    with open("/dev/full", "w") as full:  # noqa: PTH123
        done = subprocess.run(
            command, cwd=evidently.directory, env=evidently.environment | {"CI": ""}, stderr=full, check=False
        )
    assert done.returncode == 0
    assert "evidently telemetry disable" in evidently(*PROFILE, CI="").stderr


@pytest.mark.parametrize(
    "stderr", ["2>&-", "2>/dev/null", "2>&1 >/dev/null | true"], ids=["closed", "dropped", "broken"]
)
def test_a_notice_that_nobody_could_read_was_not_shown(evidently: CommandLine, stderr: str) -> None:
    """Where nobody reads what the first run says, the next one shows the notice."""
    program = f"sleep 0.2; exec {shlex.quote(sys.executable)} -m evidently_cli {shlex.join(PROFILE)}"
    done = subprocess.run(
        ["sh", "-c", f"({program}) {stderr}"],
        cwd=evidently.directory,
        env=evidently.environment | {"CI": ""},
        check=False,
    )
    assert done.returncode == 0
    assert "evidently telemetry disable" in evidently(*PROFILE, CI="").stderr


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_words_that_cannot_be_written_fail_no_run(evidently: CommandLine) -> None:
    """A run that is asked to say more, and cannot, has made its report all the same."""
    command = [sys.executable, "-m", "evidently_cli", *PROFILE, "--verbose"]
    with open("/dev/full", "w") as full:  # noqa: PTH123
        environment = evidently.environment | {"DO_NOT_TRACK": "1"}
        done = subprocess.run(command, cwd=evidently.directory, env=environment, stderr=full, check=False)
    assert done.returncode == 0


def test_no_notice_in_ci(evidently: CommandLine) -> None:
    """In CI, nobody reads a notice: none is shown."""
    assert evidently(*PROFILE, CI="true").stderr == ""


def test_a_quiet_run_tells_nothing_and_sends_nothing_before_the_notice(
    evidently: CommandLine, endpoint: Endpoint
) -> None:
    """Runs with --quiet or --json record, show no notice, and start to send only when a run has shown it."""
    environment = {"EVIDENTLY_TELEMETRY_ENDPOINT": endpoint.url, "EVIDENTLY_TELEMETRY_FLUSH": "", "CI": ""}
    done = evidently(*PROFILE, "--quiet", **environment)
    assert (done.stdout, done.stderr) == ("", "")
    assert evidently(*PROFILE, "--json", **environment).stderr == ""
    assert (endpoint.connections, flushers(evidently.spool), len(recorded(evidently))) == (0, [], 2)
    assert "once a run has shown its notice" in evidently("telemetry", "status", **environment).stdout
    assert "evidently telemetry disable" in evidently(*PROFILE, **environment).stderr
    evidently(*PROFILE, "--quiet", **environment)
    wait_for(lambda: len(endpoint.records) == 4)


def test_a_pipeline_can_stop_at_drift(evidently: CommandLine) -> None:
    """With --fail-on-drift, drift is exit code 3, after everything was written and recorded; no drift is 0."""
    rows = "x,y\n" + "".join(f"{number},{number % 2}\n" for number in range(100))
    (evidently.directory / "ref.csv").write_text(rows)
    (evidently.directory / "cur.csv").write_text(rows.replace("\n", "0\n").replace("y0", "y"))
    done = evidently(*PROFILE, "--fail-on-drift", status=3)
    assert "dataset drift is detected" in done.stdout
    assert (evidently.directory / "profile.json").exists()
    assert len(recorded(evidently)) == 1
    (evidently.directory / "cur.csv").write_text(rows)
    evidently(*PROFILE, "--fail-on-drift")
    for column in ("", "text"):  # y cannot be tested, and x has not drifted
        (evidently.directory / "cur.csv").write_text("x,y\n" + "".join(f"{number},{column}\n" for number in range(100)))
        done = evidently(*PROFILE, "--fail-on-drift", "--quiet", status=1)
        assert re.fullmatch("evidently: --fail-on-drift: y: .* in the current file: not tested\n", done.stderr)
    (evidently.directory / "cur.csv").write_text(rows)
    (evidently.directory / "config.json").write_text('{"profile_sections": ["data_quality"]}')
    assert "none of the sections looks for drift" in evidently(*PROFILE, "--fail-on-drift", status=2).stderr
    (evidently.directory / "config.json").write_text('{"profile_sections": ["data_drift", "data_quality"]}')
    (evidently.directory / "cur.csv").write_text("x,y\n" + ",\n" * 100)
    assert "no section that could be computed" in evidently(*PROFILE, "--fail-on-drift", status=1).stderr


@pytest.mark.parametrize("name", ["config", "config.json", "ref.csv"])
def test_a_result_overwrites_no_input(evidently: CommandLine, name: str) -> None:
    """A result that would take the place of the config, or of a data file however it is named, is refused before."""
    folder = evidently.directory
    if name == "ref.csv":
        (folder / "ref.csv.json").hardlink_to(folder / "ref.csv")
    before = {path.name: path.read_bytes() for path in folder.glob("*.*")}
    done = evidently(*PROFILE, "--report-name", name, status=2)
    assert "would overwrite" in done.stderr
    assert {path.name: path.read_bytes() for path in folder.glob("*.*")} == before
    assert recorded(evidently) == []


def test_one_file_can_come_through_a_pipe(evidently: CommandLine) -> None:
    """The current file can be piped in; both cannot."""
    command = [sys.executable, "-m", "evidently_cli", *PROFILE[:4], "--current", "-", *PROFILE[6:]]
    with (evidently.directory / "cur.csv").open("rb") as piped:
        done = subprocess.run(
            command, cwd=evidently.directory, env=evidently.environment, stdin=piped, capture_output=True, check=True
        )
    profile = json.loads((evidently.directory / "profile.json").read_text())
    evidently(*PROFILE)
    again = json.loads((evidently.directory / "profile.json").read_text())
    assert profile["data_drift"]["data"] == again["data_drift"]["data"]
    assert done.stderr == b""
    both = evidently("calculate", "profile", "--reference", "-", "--current", "-", *PROFILE[6:], status=2)
    assert "only one of --reference and --current" in both.stderr


def test_the_summary_for_scripts(evidently: CommandLine) -> None:
    """--json says on one line what was found, in which rows, and where it was written; words stay away."""
    done = evidently(*PROFILE, "--json", DO_NOT_TRACK="1")
    [line] = done.stdout.splitlines()
    found = json.loads(line)
    assert list(found) == ["output", "drifted", "sections", "rows", "notices"]
    assert (found["output"], found["drifted"], found["sections"]["data_drift"]["drifted"]) == (
        "profile.json", False, False
    )  # fmt: skip
    assert set(found["rows"]["current"]) == {"read", "kept"}
    assert done.stderr == ""


CANARY = "canary7f3a"


def test_nothing_that_a_user_typed_is_recorded(evidently: CommandLine, tmp_path: Path) -> None:
    """No value of the config, no file or path name, no column name, label, host or user name is found in the spool."""
    column, label = f"{CANARY}column", f"{CANARY}label"
    directory = tmp_path / f"{CANARY}folder"
    directory.mkdir()
    rows = "".join(f"{i},{label}{i % 3},{i % 7},{CANARY}\n" for i in range(60))
    for name in ("ref", "cur"):
        (directory / f"{CANARY}{name}.csv").write_text(f"{column},{column}2,target,{CANARY}id\n{rows}")
    config = {
        "data_format": {"separator": ",", "header": True, "date_column": None},
        "column_mapping": {
            "target": "target",
            "prediction": None,
            "id": f"{CANARY}id",
            "numerical_features": [column],
            "categorical_features": [f"{column}2"],
            "target_names": [f"{CANARY}name{number}" for number in range(7)],
        },
        "profile_sections": {"data_drift": {f"{CANARY}key": f"{CANARY}value"}},
        "dashboard_tabs": {"data_drift": {"verbose_level": 1, f"{CANARY}option": CANARY}},
        "options": {"data_drift": {"per_feature_stattest": {column: "psi"}, "threshold": {column: 0.3}}},
        "sampling": {"reference": {"type": "nth", "n": 2}, "current": {"type": "random", "ratio": 0.9}},
    }
    (directory / f"{CANARY}.json").write_text(json.dumps(config))
    files = [str(directory / f"{CANARY}{name}") for name in ("ref.csv", "cur.csv", ".json")]
    options = ["--reference", files[0], "--current", files[1], "--config", files[2]]
    names = ["--output", str(directory / f"{CANARY}out"), "--report-name", f"{CANARY}result"]
    identity = {name: f"{CANARY}{name}" for name in ("USER", "LOGNAME", "USERNAME", "HOSTNAME", "COMPUTERNAME")}
    for command in ("profile", "report"):
        evidently("calculate", command, *options, *names, **identity)
    found = {path: path.read_bytes() for path in evidently.spool.parent.rglob("*") if path.is_file()}
    assert len(recorded(evidently)) == 2
    hosts = {socket.gethostname(), socket.getfqdn(), os.environ.get("USER", "")} - {"", "localhost", "root"}
    for word in (CANARY, *hosts, str(evidently.directory)):
        assert [str(path) for path, content in found.items() if word.encode() in content or word in path.name] == []


def test_a_run_loads_no_http_client(evidently: CommandLine) -> None:
    """A run that records its event, with an endpoint set, loads neither requests nor urllib3."""
    code = f"""
import sys
from evidently_cli.app import app
app({PROFILE!r}, standalone_mode=False)
print(sorted({{"requests", "urllib3"}} & set(sys.modules)), file=sys.stderr)
"""
    environment = {**evidently.environment, "EVIDENTLY_TELEMETRY_ENDPOINT": "https://collector.example/"}
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=evidently.directory,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == "[]\n"
    assert len(recorded(evidently)) == 1


def test_the_library_records_nothing(evidently: CommandLine) -> None:
    """Used from Python, nothing is recorded, and no spool is made."""
    code = """
from pathlib import Path
from evidently_cli.report import calculate, load_config
result = calculate(Path("ref.csv"), Path("cur.csv"), load_config(Path("config.json")), kind="profile")
print(result.to_json(indent=False)[:15])
"""
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=evidently.directory,
        env=evidently.environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.startswith('{"data_drift":')
    assert not evidently.spool.parent.exists()
