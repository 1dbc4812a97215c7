"""`evidently init`, as its users run it."""

import shlex
import subprocess
import sys

from command_line import CommandLine

from evidently_cli.report import load_config


def test_the_command(evidently: CommandLine) -> None:
    """`init` writes a config that the next command takes as it is, and does not replace one unasked."""
    files = ("--reference", "ref.csv", "--current", "cur.csv")
    done = evidently("init", *files)
    assert "next: evidently calculate report --reference ref.csv --current cur.csv --config config.yaml" in done.stderr
    assert load_config(evidently.directory / "config.yaml").profile_sections[0] == "data_drift"
    evidently("calculate", "report", *files, "--config", "config.yaml", DO_NOT_TRACK="1")
    assert "--force replaces it" in evidently("init", *files, status=2).stderr
    evidently("init", *files, "--force")
    assert "call it config.yaml" in evidently("init", *files, "--config", "x.json", status=2).stderr
    assert "none.csv: no such file" in evidently("init", "--reference", "none.csv", "--force", status=1).stderr


def test_the_second_file_is_looked_at(evidently: CommandLine) -> None:
    """A second file that is not there, or lacks a column, is told before the config is written."""
    (evidently.directory / "half.csv").write_text("unknown\n1\n")
    for current, says in (
        ("none.csv", "none.csv: no such file"),
        ("half.csv", "half.csv: no column"),
        ("-", "is read once"),
    ):
        done = evidently("init", "--reference", "ref.csv", "--current", current, status=1)
        assert says in done.stderr
    assert not (evidently.directory / "config.yaml").exists()


def test_a_config_is_written_whole_or_not_at_all(evidently: CommandLine) -> None:
    """Where there is no room for a config, what was there stays, and nothing else is left."""
    (evidently.directory / "config.yaml").write_text("{}")
    before = {path.name for path in evidently.directory.iterdir()}
    command = shlex.join([sys.executable, "-m", "evidently_cli", "init", "--reference", "ref.csv", "--force"])
    limited = ["sh", "-c", f"ulimit -f 1; trap '' XFSZ; exec {command}"]
    done = subprocess.run(
        limited, cwd=evidently.directory, env=evidently.environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert done.stderr == "evidently: config.yaml: cannot be written: File too large\n"
    assert {path.name for path in evidently.directory.iterdir()} == before
    assert (evidently.directory / "config.yaml").read_text() == "{}"


def test_the_next_command_can_be_pasted(evidently: CommandLine) -> None:
    """Names that a shell would take apart are quoted in the command that `init` says comes next."""
    (evidently.directory / "my file.csv").write_bytes((evidently.directory / "ref.csv").read_bytes())
    done = evidently("init", "--reference", "my file.csv")
    assert "--reference 'my file.csv' --config config.yaml" in done.stderr
